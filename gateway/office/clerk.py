"""The clerk: answers the privacy team's questions on the private listener, from the papers and the dry run.

An error names what cannot be meant by code, never what stood there. What is handed out to be kept, a table for a spreadsheet or
the whole report, is recorded in the signed log first.
"""

import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypedDict

import msgspec
import orjson

from gateway.audit import sheets
from gateway.audit.contracts import COLUMNS, rows
from gateway.audit.trace import moment
from gateway.listener import Answer, answer, problem
from gateway.model.texts import StorefrontId
from gateway.model.words import Fault
from gateway.office.dry_run import DryRun, Order
from gateway.office.papers import Papers, Period, Unmeant, period
from gateway.signing.chronicle import Noted
from gateway.signing.entry import Entry, EntryKind, Export, Exported

DRY_RUN: Final = "/api/v1/dry-run"
MOST_LINES: Final = 1_000
USUAL_LINES: Final = 100
FIELD: Final = re.compile(r"(?:at `\$\.|required field `)([a-z_]{1,20})")


class LineTold(TypedDict):
    """One entry of the signed log; `what` are its fields as they stand there."""

    entry: int
    at: str
    kind: str
    what: dict[str, object]


class LogTold(TypedDict):
    """The answer of `GET /api/v1/log`: the newest first, without the counts of each minute; and how the log stands.

    `checkpoint` is the last one, to be kept elsewhere: whoever has it can prove that nothing before it was changed.
    """

    entries: int
    covered: int | None
    signed: bool
    sound: bool
    faults: list[str]
    checkpoint: str | None
    kinds: list[str]
    lines: list[LineTold]


Told = Callable[[StorefrontId, Mapping[str, str], str], Awaitable[object]]


class Clerk:
    """Answers. `record` writes to the signed log or raises Unrecorded; `wall` gives Unix seconds."""

    def __init__(
        self,
        papers: Papers,
        dry_run: DryRun,
        storefronts: frozenset[StorefrontId],
        record: Callable[[Entry], Awaitable[int]],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._papers = papers
        self.dry_run = dry_run
        self._storefronts = storefronts
        self._record = record
        self._wall = wall
        self._told: Mapping[str, Told] = {
            "/api/v1/contracts": self._contracts,
            "/api/v1/contracts/diff": self._diff,
            "/api/v1/example": self._example,
            "/api/v1/consent-report": self._consent,
            "/api/v1/proof": self._proof,
            "/api/v1/processing-record": self._processing,
            "/api/v1/privacy-report": self._report,
        }

    def knows(self, path: str) -> bool:
        """Tell whether a path that is asked with a query is the clerk's."""
        return path in self._told or path == "/api/v1/log"

    async def answer(self, path: str, query: Mapping[str, str], by: str) -> Answer:
        """Answer a question; `by` is who asks, as an `entry.By`."""
        if path == "/api/v1/log":
            return await self._log(query)
        storefront = self._storefront(query.get("storefront"))
        if storefront is None:
            return problem(404, "unknown_storefront")
        told = await self._told[path](storefront, query, by)
        match told:
            case Answer():
                return told
            case Unmeant():
                return problem(400, told.value)
            case _:
                return answer(200, orjson.dumps(told))

    def _storefront(self, name: str | None) -> StorefrontId | None:
        return next((storefront for storefront in self._storefronts if storefront == name), None)

    @property
    def _now(self) -> int:
        return int(self._wall())

    # ── contracts ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _contracts(self, storefront: StorefrontId, query: Mapping[str, str], by: str) -> object:
        wanted = query.get("format", "")
        if wanted not in {"", "json", "csv"}:
            return problem(400, "format")
        if wanted != "csv":
            return await self._papers.contracts(storefront)
        headers = {"Content-Disposition": f'attachment; filename="contracts-{storefront}.csv"'}
        return answer(200, await self.table(storefront, by), headers, content_type=sheets.CONTENT_TYPE)

    async def table(self, storefront: StorefrontId, by: str) -> bytes:
        """Write a storefront's contracts as CSV, which is recorded. Raises Unrecorded."""
        told = await self._papers.contracts(storefront)
        await self._record(Export(Exported.CONTRACTS, by))
        return sheets.written(COLUMNS, rows(told)).encode()

    async def _diff(self, storefront: StorefrontId, query: Mapping[str, str], _by: str) -> object:
        return await self._papers.diff(storefront, query)

    async def _example(self, storefront: StorefrontId, _query: Mapping[str, str], _by: str) -> object:
        return await self._papers.examples(storefront)

    # ── consent ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _consent(self, storefront: StorefrontId, query: Mapping[str, str], _by: str) -> object:
        asked = period(query, self._now)
        return asked if isinstance(asked, Unmeant) else await self._papers.consent(storefront, asked, self._now)

    async def _proof(self, storefront: StorefrontId, _query: Mapping[str, str], _by: str) -> object:
        return await self._papers.proof(storefront, self._now)

    # ── record and report ────────────────────────────────────────────────────────────────────────────────────────

    async def _processing(self, storefront: StorefrontId, query: Mapping[str, str], _by: str) -> object:
        asked = period(query, self._now)
        return asked if isinstance(asked, Unmeant) else await self._papers.record(storefront, asked, self._now)

    async def _report(self, storefront: StorefrontId, query: Mapping[str, str], by: str) -> object:
        asked = period(query, self._now)
        if isinstance(asked, Unmeant):
            return asked
        await self.note_report(asked, by)
        return await self._papers.report(storefront, asked, self._now)

    async def note_report(self, asked: Period, by: str) -> None:
        """Record that the report of a period is handed out. Raises Unrecorded."""
        await self._record(Export(Exported.REPORT, by, asked.since, asked.until))

    # ── the log ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _log(self, query: Mapping[str, str]) -> Answer:
        kind, count = query.get("kind") or None, _count(query.get("count"))
        if kind is not None and kind not in {known.value for known in EntryKind}:
            return problem(400, "kind")
        if count is None:
            return problem(400, "count")
        return answer(200, orjson.dumps(await self.log(kind, count)))

    async def log(self, kind: str | None, count: int) -> LogTold:
        """Tell the log's newest entries, all or of a kind, and how it stands."""
        noted, standing = await self._papers.log()
        chosen = [one for one in reversed(noted) if kind in (None, one.kind)][:count]
        return LogTold(
            entries=standing.entries,
            covered=standing.covered,
            signed=standing.signed,
            sound=not standing.faults,
            faults=list(standing.faults),
            checkpoint=standing.checkpoint,
            kinds=sorted({one.kind for one in noted}),
            lines=[line(one) for one in chosen],
        )

    # ── the dry run ──────────────────────────────────────────────────────────────────────────────────────────────

    async def try_out(self, body: bytes) -> Answer:
        """Say what would happen to an event; nothing of it is kept."""
        order = read_order(body)
        if isinstance(order, Answer):
            return order
        storefront = self._storefront(order.storefront)
        if storefront is None:
            return problem(404, "unknown_storefront")
        told = await self.dry_run.try_out(storefront, order, self._now)
        if isinstance(told, Fault):
            return answer(400, orjson.dumps({"error": "invalid_order", "field": "event"}))
        return answer(200, orjson.dumps(told))


def read_order(body: bytes) -> Order | Answer:
    """Read what is to be tried out. The answer to what cannot be meant names the field, never what stood there."""
    try:
        return msgspec.json.decode(body, type=Order)
    except msgspec.ValidationError as error:
        found = FIELD.search(str(error))
        names = {*Order.__struct_encode_fields__}
        field = found[1] if found is not None and found[1] in names else None
        return answer(400, orjson.dumps({"error": "invalid_order", "field": field}))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return problem(400, "not_json")


def line(noted: Noted) -> LineTold:
    """Write an entry out."""
    return LineTold(entry=noted.number, at=moment(noted.at), kind=noted.kind, what=noted.fields)


def _count(text: str | None) -> int | None:
    if text is None:
        return USUAL_LINES
    found = int(text) if text.isascii() and text.isdecimal() and len(text) <= 4 else 0
    return found if 1 <= found <= MOST_LINES else None
