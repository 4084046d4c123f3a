"""The papers of the privacy team: what stands in store, log, archive and settings is read here, and written out by pure rooms.

Whoever asks is told by code what cannot be meant: `destination`, `since`, `until`, `before` or `after`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from enum import StrEnum, unique
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from gateway.audit import contracts, grounds
from gateway.audit.accounts import account
from gateway.audit.contracts import ApprovalTold, Contracts, Diff, Version
from gateway.audit.examples import Examples, examples
from gateway.audit.grounds import ConsentReport, LogProof, Proof, Regime, RequestsTold, RequestTold, TableVersion
from gateway.audit.processing import Company, Figures, PrivacyReport, ProcessingRecord, Sheet, TimeLimit, record
from gateway.audit.trace import moment
from gateway.delivery.contract import Contract
from gateway.ledger import Request
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination, Reason, Status
from gateway.office.archive import Archive, digest_of
from gateway.outbox import Outbox
from gateway.outbox.history import HOUR_SECONDS, HOURS_KEPT, Grain, Received, Settled, day_begins, day_ends, total
from gateway.signing.chronicle import Chronicle, Noted, Standing
from gateway.signing.entry import EntryKind

DAY_SECONDS: Final = 86_400
USUAL_DAYS: Final = 30
MOST_DAYS: Final = 400


class Shop(msgspec.Struct, frozen=True):
    """What the papers must know of a storefront. `in_use`: of each destination the kinds of request that the settings send;
    `time_zone`: whose days the store adds up.
    """

    contracts: Mapping[Destination, Contract]
    in_use: Mapping[Destination, frozenset[str]]
    regime: Regime
    smallest_group: int
    time_zone: ZoneInfo


class Period(msgspec.Struct, frozen=True):
    """Whole days of UTC: from `since` to before `until`, in Unix seconds."""

    since: int
    until: int


@unique
class Unmeant(StrEnum):
    """Which part of a question cannot be meant."""

    DESTINATION = "destination"
    SINCE = "since"
    UNTIL = "until"
    BEFORE = "before"
    AFTER = "after"


def period(query: Mapping[str, str], now: int) -> Period | Unmeant:
    """Read a period from a query's `since` and `until`, days as `2026-11-01`, both inclusive; the last 30 days if left out."""
    today = now // DAY_SECONDS * DAY_SECONDS
    until = _day(query["until"]) if query.get("until") else today
    if until is None or not 0 <= until <= today + DAY_SECONDS:  # a month before the year 1 there is no day
        return Unmeant.UNTIL
    since = _day(query["since"]) if query.get("since") else until - (USUAL_DAYS - 1) * DAY_SECONDS
    if since is None or not until - MOST_DAYS * DAY_SECONDS < since <= until:
        return Unmeant.SINCE
    return Period(since, until + DAY_SECONDS)


def _day(text: str) -> int | None:
    try:
        return int(datetime.combine(date.fromisoformat(text[:10]), time(), UTC).timestamp()) if len(text) == 10 else None
    except (ValueError, OverflowError):
        return None


Register = Callable[[StorefrontId], Awaitable[Sequence[Request]]]
"""Gives a storefront's register of requests."""


class Papers:
    """Writes the papers from a store and a log. Times are handed in (Unix seconds). Raises `outbox.Unavailable`.

    `register` gives a storefront's register of requests.
    """

    def __init__(  # noqa: PLR0913 - each is a room of its own, given by name
        self,
        *,
        outbox: Outbox,
        shops: Mapping[StorefrontId, Shop],
        archive: Archive,
        chronicle: Chronicle,
        register: Register,
        company: Company,
        time_limits: Sequence[TimeLimit],
        version: str,
    ) -> None:
        self._outbox = outbox
        self._shops = shops
        self._archive = archive
        self._chronicle = chronicle
        self._register = register
        self._company = company
        self._time_limits = tuple(time_limits)
        self._version = version

    # ── the log ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def log(self) -> tuple[tuple[Noted, ...], Standing]:
        """Give the log's entries but the counts, the oldest first, and how it stands."""
        return await asyncio.to_thread(self._chronicle.read)

    def _versions(self, noted: Sequence[Noted], destination: Destination) -> list[Version]:
        found = []
        for entry in noted:
            if entry.kind == EntryKind.CONTRACT and entry.fields["destination"] == destination.value:
                digest = str(entry.fields["digest"])
                found.append(
                    Version(
                        version=int(str(entry.fields["version"])),
                        digest=digest,
                        since=moment(entry.at),
                        entry=entry.number,
                        kept=self._archive.read(digest) is not None,
                    )
                )
        return found

    # ── contracts ────────────────────────────────────────────────────────────────────────────────────────────────

    async def contracts(self, storefront: StorefrontId) -> Contracts:
        """Tell each destination's contract beside what left."""
        departures, breaches, (noted, _) = await asyncio.gather(
            self._outbox.departures(storefront), self._outbox.breaches(storefront), self.log()
        )
        shop, left = self._shops[storefront], contracts.by_destination(departures)
        told = [
            contracts.tell_contract(
                contracts.Lane(
                    contract=contract,
                    digest=digest_of(contract.file),
                    in_use=shop.in_use[destination],
                    versions=await asyncio.to_thread(self._versions, noted, destination),
                ),
                left.get(destination, []),
                [breach for breach in breaches if breach.lane.destination is destination],
            )
            for destination, contract in shop.contracts.items()
        ]
        approvals = [
            _approval(entry)
            for entry in noted
            if entry.kind == EntryKind.SHAPES_APPROVED and entry.fields["storefront"] == storefront
        ]
        return Contracts(storefront=storefront, contracts=told, approvals=approvals)

    async def diff(self, storefront: StorefrontId, query: Mapping[str, str]) -> Diff | Unmeant:
        """Tell what changed between two contracts of a destination, named by digest; the last two if they are not named."""
        shop = self._shops[storefront]
        destination = next((one for one in shop.contracts if one.value == query.get("destination")), None)
        if destination is None:
            return Unmeant.DESTINATION
        noted, _ = await self.log()
        versions = await asyncio.to_thread(self._versions, noted, destination)
        after = _named(versions, query.get("after"), -1)
        file_after = None if after is None else self._archive.read(after["digest"])
        if after is None or file_after is None:
            return Unmeant.AFTER
        before = _named([one for one in versions if one["entry"] < after["entry"]], query.get("before"), -1) or (
            after if not query.get("before") else None
        )
        file_before = None if before is None else self._archive.read(before["digest"])
        if before is None or file_before is None:
            return Unmeant.BEFORE
        return Diff(
            destination=destination.value, before=before, after=after, changes=contracts.changes(file_before, file_after)
        )

    # ── examples, consent, proof ─────────────────────────────────────────────────────────────────────────────────

    async def examples(self, storefront: StorefrontId) -> Examples:
        """Tell the last event of each kind that came, beside the last that left for each destination."""
        inputs, outputs = await self._outbox.samples(storefront)
        return examples(storefront, inputs, outputs, tuple(self._shops[storefront].contracts))

    async def consent(self, storefront: StorefrontId, asked: Period, now: int) -> ConsentReport:
        """Tell a period's decisions, the settings and tables behind them, and the requests of persons."""
        shop = self._shops[storefront]
        found, (noted, _), requests = await asyncio.gather(
            self._outbox.grounds(storefront, asked.since, asked.until), self.log(), self._register(storefront)
        )
        told = grounds.consent(found, shop.smallest_group)
        return ConsentReport(
            storefront=storefront,
            since=moment(asked.since),
            until=moment(asked.until),
            smallest_group=shop.smallest_group,
            decided=told.decided,
            accepted=told.accepted,
            refused=told.refused,
            refusals=told.refusals,
            signals=told.signals,
            invalid=told.invalid,
            regime=shop.regime,
            tables=[
                TableVersion(version=str(entry.fields["version"]), since=moment(entry.at), entry=entry.number)
                for entry in noted
                if entry.kind == EntryKind.DECISION_TABLE
            ],
            requests=requests_told(requests, asked, now),
        )

    async def proof(self, storefront: StorefrontId, now: int) -> Proof:
        """Hold everything that was accepted against what allowed it."""
        found, book, breaches, (_, standing) = await asyncio.gather(
            self._outbox.grounds(storefront, 0, now + DAY_SECONDS),
            self._outbox.book(storefront),
            self._outbox.breaches(storefront),
            self.log(),
        )
        return grounds.prove(
            storefront,
            found,
            account(book),
            breaches=sum(breach.count for breach in breaches),
            log=log_proof(standing),
        )

    # ── the record and the report ────────────────────────────────────────────────────────────────────────────────

    async def record(self, storefront: StorefrontId, asked: Period, now: int) -> ProcessingRecord:
        """Write the record of processing."""
        return self._record(storefront, asked, now, await self.contracts(storefront))

    def _record(self, storefront: StorefrontId, asked: Period, now: int, told: Contracts) -> ProcessingRecord:
        sheet = Sheet(storefront, moment(now), moment(asked.since), moment(asked.until), self._company, self._time_limits)
        return record(sheet, told["contracts"])

    async def report(self, storefront: StorefrontId, asked: Period, now: int) -> PrivacyReport:
        """Write everything that is printed."""
        shop = self._shops[storefront]
        told, consent, proof, came, (_, standing) = await asyncio.gather(
            self.contracts(storefront),
            self.consent(storefront, asked, now),
            self.proof(storefront, now),
            figures(self._outbox, storefront, asked, shop.time_zone, now),
            self.log(),
        )
        return PrivacyReport(
            record=self._record(storefront, asked, now, told),
            figures=came,
            contracts=told,
            consent=consent,
            proof=proof,
            checkpoint=standing.checkpoint,
            version=self._version,
        )


async def figures(outbox: Outbox, storefront: StorefrontId, asked: Period, zone: ZoneInfo, now: int) -> Figures:
    """Count what came and went in a period. Raises `outbox.Unavailable`.

    `zone` is whose days the store adds up, so a period of days of UTC begins and ends within one: there it is read by the
    hour. Of what is older than hours are kept, the days of the zone are taken whole that lie nearest.
    """
    parts = [
        await outbox.history(storefront, grain, since, until, (Received, Settled))
        for grain, since, until in _parts(asked, zone, now - HOURS_KEPT * HOUR_SECONDS)
        if since < until
    ]
    came = dict.fromkeys(Status, 0)
    ends: dict[str, dict[str, int]] = {outcome: {} for outcome in ("delivered", "dead", "withdrawn", "refunded")}
    for figure, count in total(stretch for part in parts for stretch in part).items():
        match figure:
            case Received(status=status):
                came[status] += count
            case Settled(destination=destination, outcome=outcome, reason=reason):
                end = reason.value if reason is Reason.REFUNDED else outcome
                ends[end][destination.value] = ends[end].get(destination.value, 0) + count
            case _:
                continue
    return Figures(
        received=sum(came.values()),
        accepted=came[Status.ACCEPTED],
        refused=came[Status.REFUSED],
        invalid=came[Status.INVALID],
        duplicate=came[Status.DUPLICATE],
        delivered=ends["delivered"],
        dead=ends["dead"],
        withdrawn=ends["withdrawn"],
        refunded=ends["refunded"],
    )


def _parts(asked: Period, zone: ZoneInfo, hours_since: int) -> tuple[tuple[Grain, int, int], ...]:
    """Cut a period into the hours before the zone's first whole day, its whole days, and the hours behind the last."""
    first = _midnight(asked.since, zone, hours_since, day_ends)
    last = _midnight(asked.until, zone, hours_since, day_begins)
    if first > last:  # within one day, which has more than 24 hours
        return ((Grain.HOUR, asked.since, asked.until),)
    return (Grain.HOUR, asked.since, first), (Grain.DAY, first, last), (Grain.HOUR, last, asked.until)


def _midnight(moment: int, zone: ZoneInfo, hours_since: int, inside: Callable[[int, ZoneInfo], int]) -> int:
    """Give where the zone's days begin or end in a period that ends at a moment; the nearest to it without hours."""
    begins = day_begins(moment, zone)
    if begins == moment or moment >= hours_since:
        return moment if begins == moment else inside(moment, zone)
    ends = day_ends(moment, zone)
    return begins if moment - begins <= ends - moment else ends


def _approval(entry: Noted) -> ApprovalTold:
    return ApprovalTold(
        at=moment(entry.at),
        entry=entry.number,
        by=str(entry.fields["by"]),
        decision=str(entry.fields["decision"]),
        up_to=int(str(entry.fields["up_to"])),
    )


def _named(versions: Sequence[Version], digest: str | None, otherwise: int) -> Version | None:
    """Give the version of this digest, the newest of them; that at a place where none is named."""
    if digest:
        return next((one for one in reversed(versions) if one["digest"] == digest), None)
    return versions[otherwise] if versions else None


def log_proof(standing: Standing) -> LogProof:
    """Say how the log stands."""
    return LogProof(
        entries=standing.entries,
        checkpoint=standing.covered,
        signed=standing.signed,
        sound=not standing.faults,
        faults=list(standing.faults),
    )


def requests_told(requests: Sequence[Request], asked: Period, now: int) -> RequestsTold:
    """Count a period's requests, and name the open ones, the one that is due first at the front."""
    mine = [request for request in requests if asked.since <= request.asked_at < asked.until]
    waiting = sorted((request for request in requests if request.done_at is None), key=lambda request: request.due_at)
    names = {request.right.value for request in mine}
    return RequestsTold(
        asked={name: sum(request.right.value == name for request in mine) for name in sorted(names)},
        done={
            name: sum(request.right.value == name and request.done_at is not None for request in mine) for name in sorted(names)
        },
        open=[
            RequestTold(
                number=request.number,
                right=request.right.value,
                asked_at=moment(request.asked_at),
                due_at=moment(request.due_at),
                seconds_left=request.due_at - now,
            )
            for request in waiting
        ],
        overdue=sum(request.due_at < now for request in waiting),
    )
