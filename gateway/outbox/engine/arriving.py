"""Arriving: the entries of one transaction's requests, decided, numbered, sealed and counted.

Nothing is written until every request was read, so a request that makes no sense is refused alone.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from gateway.model.event import Trace
from gateway.model.money import Money
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination, Kind, Refusal, Source, Status
from gateway.outbox import DEDUP_SECONDS
from gateway.outbox.engine.codec import Codec, Row, evidence_place, group_place, write_row
from gateway.outbox.engine.memory import Memory
from gateway.outbox.engine.schema import base
from gateway.outbox.engine.seen import Sighting, was_accepted
from gateway.outbox.engine.subjects import split
from gateway.outbox.entries import Accept, Entry, Fate, Refuse, Reject
from gateway.outbox.history import (
    ACCEPTED,
    DIFFERING,
    DOOR_VALUE,
    DOOR_VALUED,
    MATCHED,
    RECEIVED,
    REFUSED,
    REFUSED_VALUE,
    keys_of,
)
from gateway.outbox.work import Lane
from gateway.storage.file import one
from gateway.storage.vault import DAY_SECONDS, nonce

GROUP_RECORDS: Final = 500
"""Most records sealed together: a group is opened in one go."""

ACCEPTED_STATUS, DUPLICATE = Status.ACCEPTED, Status.DUPLICATE
_NO_CONTENT: Final = bytes(6)
_NO_SORT: Final = 0


class _Route(msgspec.Struct, frozen=True, gc=False):
    """What is the same for all events of one kind that go the same way. `hasher` made ready for the rest of their identity."""

    storefront: int
    sort: int
    hasher: blake2b


class _Read(msgspec.Struct, frozen=True, gc=False):
    """An entry that leaves a sighting, read but not decided. `row`, `sort` and the person's hashes are of an `Accept`."""

    entry: Accept | Refuse
    storefront: int
    hash: int
    check: bytes
    row: Row | None
    sort: int
    subjects: bytes = b""


class _Gathered:
    """What is accepted for one storefront in this transaction."""

    __slots__ = ("ats", "evidences", "keys", "places", "rows", "sorts", "subjects", "values")

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.subjects: list[bytes] = []
        self.ats: list[int] = []
        self.sorts = bytearray()
        self.places: list[int] = []
        self.keys = bytearray()
        self.evidences: list[tuple[int, str]] = []
        self.values: defaultdict[tuple[int, str], int] = defaultdict(int)


class Arriving:
    """Takes entries in. Belongs to the store's thread; after a rollback it is made anew."""

    def __init__(self, memory: Memory) -> None:
        """Work on what the store's thread keeps; load the sequence."""
        self._connection = memory.connection
        self._names = memory.names
        self._vault = memory.vault
        self._lanes = memory.lanes
        self._seen = memory.seen
        self._subjects = memory.subjects
        self._refunds = memory.refunds
        self._books = memory.books
        self._grounds = memory.grounds
        self._codec = Codec()
        self._routes: dict[tuple[StorefrontId, Kind, tuple[Destination, ...]], _Route] = {}
        self._withdrawn: dict[int, dict[bytes, int]] = {}
        """Of the people in the transaction under way those who have withdrawn and since when, by storefront."""
        self._received: defaultdict[tuple[int, str, str, str, str], int] = defaultdict(int)
        self._refused: defaultdict[tuple[int, Kind, int, str], list[int]] = defaultdict(lambda: [0, 0])
        """How many events, of which order value, were not to go to all by a decision: by storefront, kind, trace, currency."""
        self._traces: dict[int, Trace] = {}
        self._gathered: dict[int, _Gathered] = {}
        (self.next_seq,) = one(self._connection, "select next_seq from meta")
        self.arrived: set[StorefrontId] = set()
        """Storefronts that something was accepted for since this was last emptied."""
        self.differing: defaultdict[StorefrontId, int] = defaultdict(int)
        """Repeats whose content differed, since this was last emptied."""

    def put(self, requests: Sequence[Sequence[Entry]]) -> list[list[Fate] | ValueError]:
        """Take in the entries of each request; gives the fates of each, or why it makes no sense."""
        self._books.at(max((entries[-1].at for entries in requests if entries), default=0))
        read = [self._read_request(entries) for entries in requests]
        hashes = [item.hash for items in read if type(items) is list for item in items if type(item) is _Read]
        known = iter(self._seen.look_up(hashes))
        self._look_up_withdrawals(read)
        answers: list[list[Fate] | ValueError] = []
        for items in read:
            if isinstance(items, ValueError):
                answers.append(items)
                continue
            answers.append(
                [self._decide(item, next(known)) if isinstance(item, _Read) else self._reject(item) for item in items]
            )
        self._write()
        return answers

    def _read_request(self, entries: Sequence[Entry]) -> list[_Read | Reject] | ValueError:
        try:
            return [self._read_accept(entry) if isinstance(entry, Accept) else self._read_other(entry) for entry in entries]
        except ValueError as fault:
            return fault

    def _read_other(self, entry: Refuse | Reject) -> _Read | Reject:
        if isinstance(entry, Reject):
            return entry
        key, check = self._seen.identify(entry.storefront, entry.kind, entry.event_id)
        return _Read(entry, self._names.storefront(entry.storefront), key, check, None, _NO_SORT)

    def _read_accept(self, entry: Accept) -> _Read:
        event = entry.event
        route = self._routes.get((entry.storefront, event.kind, event.destinations)) or self._route(
            entry.storefront, event.kind, event.destinations
        )
        key, check = self._seen.complete(route.hasher, event.event_id)
        row = write_row(event)
        return _Read(
            entry, route.storefront, key, check, row, route.sort, self._subjects.of(entry.storefront, event, row.digests)
        )

    def _route(self, name: StorefrontId, kind: Kind, destinations: tuple[Destination, ...]) -> _Route:
        """Give the numbers of storefront and sort. Raises ValueError when a destination has no lane: it would wait for ever."""
        states = [self._lanes.states.get(Lane(name, destination)) for destination in destinations]
        if not states or any(state is None or state.cursor is None for state in states):
            raise ValueError("outbox: an accepted event goes to a destination that has no lane")
        if len(set(destinations)) != len(destinations):
            raise ValueError("outbox: an accepted event names a destination twice")
        made = _Route(self._names.storefront(name), self._names.sort(kind, destinations), self._seen.hasher(name, kind))
        self._routes[name, kind, destinations] = made
        return made

    def _look_up_withdrawals(self, read: Sequence[Sequence[_Read | Reject] | ValueError]) -> None:
        """Find out who of all these people has withdrawn: one question a storefront, and only where somebody has."""
        self._withdrawn.clear()
        withdrawing = self._subjects.withdrawing
        if not withdrawing:
            return
        hashes: defaultdict[int, list[bytes]] = defaultdict(list)
        for items in read:
            if not isinstance(items, ValueError):
                for item in items:
                    if isinstance(item, _Read) and item.storefront in withdrawing:
                        hashes[item.storefront].append(item.subjects)
        for storefront, found in hashes.items():
            self._withdrawn[storefront] = self._subjects.withdrawn(storefront, b"".join(found))

    # ── deciding ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _decide(self, item: _Read, committed: int) -> Fate:
        value = self._seen.newest(item.hash, committed)
        if item.row is None:
            return self._refuse(item, value)
        return self._accept(item, item.row, value)

    def _earlier(self, item: _Read, value: int) -> Sighting | None:
        """Find the accepted event that this is a repeat of."""
        if not was_accepted(value):
            return None
        earlier = self._seen.find(item.check, value)
        return earlier if earlier is not None and earlier.at + DEDUP_SECONDS > item.entry.at else None

    def _accept(self, item: _Read, row: Row, value: int) -> Fate:
        entry, storefront, sort = item.entry, item.storefront, item.sort
        assert type(entry) is Accept  # noqa: S101 - only an Accept has a row
        fingerprint = self._seen.fingerprint(row, sort)
        if value and (earlier := self._earlier(item, value)) is not None:
            self._seen.repeat(value)
            if earlier.fingerprint != fingerprint:
                self._books.add(1, storefront, DIFFERING)
                self.differing[entry.storefront] += 1
            self._received[storefront, entry.source, entry.event.kind, DUPLICATE, ""] += 1
            return DUPLICATE
        if self._withdrawn and self._is_withdrawn(entry, storefront, item.subjects):
            return self._overrule(item, entry, value, Refusal.WITHDRAWN)
        if storefront in self._refunds.storefronts and self._is_refunded(entry, storefront):
            return self._overrule(item, entry, value, Refusal.REFUNDED)
        event, at = entry.event, entry.at
        trace = self._names.trace(entry.trace, at // DAY_SECONDS)
        gathered = self._gathered.get(storefront)
        if gathered is None:
            gathered = self._gathered[storefront] = _Gathered()
            self.arrived.add(entry.storefront)
        gathered.places.append(self._seen.add(item.hash, item.check, fingerprint, at, trace, sort, accepted=True))
        self._grounds.add(storefront, at, trace, entry.trace)
        if entry.trace.refused:
            self._leave_out(storefront, event.kind, trace, entry.trace, event.money)
        if event.evidence is not None:
            gathered.evidences.append((len(gathered.rows), event.evidence))
        gathered.rows.append(row)
        gathered.subjects.append(item.subjects)
        gathered.ats.append(at)
        gathered.sorts.append(sort)
        gathered.keys.append(keys_of(event))
        if (money := event.money) is not None:
            gathered.values[sort, money.currency] += money.minor
        self._received[storefront, entry.source, event.kind, ACCEPTED_STATUS, ""] += 1
        return ACCEPTED_STATUS

    def _refuse(self, item: _Read, value: int) -> Status:
        entry = item.entry
        assert isinstance(entry, Refuse)  # noqa: S101 - only a Refuse has no row
        return self._turn_away(item, value, entry.source, entry.kind, entry.trace, entry.reason, entry.money)

    def _turn_away(  # noqa: PLR0913, PLR0917 - what two kinds of entry have in different places
        self, item: _Read, value: int, source: Source, kind: Kind, why: Trace, reason: Refusal, money: Money | None
    ) -> Status:
        """Leave a trace of a refusal, unless an accepted event of that id is remembered: its story goes on."""
        at = item.entry.at
        trace = self._names.trace(why, at // DAY_SECONDS)
        self._grounds.add(item.storefront, at, trace, why)
        self._leave_out(item.storefront, kind, trace, why, money)
        if self._earlier(item, value) is None:
            self._seen.add(item.hash, item.check, _NO_CONTENT, at, trace, _NO_SORT, accepted=False)
        self._received[item.storefront, source, kind, Status.REFUSED, reason] += 1
        if money is not None:
            self._books.note(1, item.storefront, DOOR_VALUED, kind, reason, money.currency)
            self._books.note(money.minor, item.storefront, DOOR_VALUE, kind, reason, money.currency)
        return Status.REFUSED

    def _overrule(self, item: _Read, entry: Accept, value: int, why: Refusal) -> Refusal:
        """Turn away what the line let through; gives why."""
        event = entry.event
        self._turn_away(item, value, entry.source, event.kind, entry.trace.overruled(why), why, event.money)
        return why

    def _leave_out(self, storefront: int, kind: Kind, number: int, trace: Trace, money: Money | None) -> None:
        """Add to the sums of what some destination was refused; `number` is the trace's."""
        sums = self._refused[storefront, kind, number, "" if money is None else money.currency]
        sums[0] += 1
        sums[1] += 0 if money is None else money.minor
        self._traces[number] = trace

    def _is_withdrawn(self, entry: Accept, storefront: int, hashes: bytes) -> bool:
        """Say whether an event's person has withdrawn; a grant of a later date lifts that."""
        known = self._withdrawn.get(storefront, {})
        met = {subject: known[subject] for subject in split(hashes) if subject in known}
        if not met:
            return False
        if entry.granted_at is None or entry.granted_at <= max(met.values()):
            return True
        self._subjects.lift(storefront, met, entry.at)
        for subject in met:
            del known[subject]
        return False

    def _is_refunded(self, entry: Accept, storefront: int) -> bool:
        """Say whether all that an order is worth went back before it came."""
        event = entry.event
        if event.kind is not Kind.PURCHASE:
            return False
        return self._refunds.undo(storefront, self._subjects.of_order(entry.storefront, event.event_id), event.money)

    def _reject(self, entry: Reject) -> Status:
        storefront = self._names.storefront(entry.storefront)
        self._received[storefront, entry.source, entry.kind or "", Status.INVALID, entry.fault] += 1
        return Status.INVALID

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _write(self) -> None:
        first_seq = self.next_seq
        places: list[int] = []
        for storefront, gathered in self._gathered.items():
            first = self.next_seq
            self._write_groups(storefront, gathered)
            self._write_evidences(storefront, first, gathered)
            self._write_books(storefront, gathered)
            places += gathered.places
        for (storefront, source, kind, status, reason), count in self._received.items():
            self._books.add(count, storefront, RECEIVED, source, kind, status, reason)
        self._write_refused()
        self._grounds.write()
        self._gathered.clear()
        self._received.clear()
        self._seen.write(first_seq, places)
        self._connection.execute("update meta set next_seq = ?, next_pos = ?", (self.next_seq, self._seen.next_pos))

    def _write_refused(self) -> None:
        """Part each decision by the destinations that it left out."""
        for (storefront, kind, number, currency), (count, minor) in self._refused.items():
            trace = self._traces[number]
            alone = int(trace.status is ACCEPTED_STATUS)
            for destination, reason in trace.refused:
                self._books.note(count, storefront, REFUSED, destination, kind, reason, currency, alone)
                self._books.note(minor, storefront, REFUSED_VALUE, destination, kind, reason, currency, alone)
        self._refused.clear()
        self._traces.clear()

    def _write_groups(self, storefront: int, gathered: _Gathered) -> None:
        name = self._names.name(storefront)
        for start in range(0, len(gathered.rows), GROUP_RECORDS):
            part = slice(start, start + GROUP_RECORDS)
            rows, ats, sorts = gathered.rows[part], gathered.ats[part], bytes(gathered.sorts[part])
            number, cipher = self._vault.sealing(storefront, ats[0])
            place, oldest = base(storefront) + self.next_seq, min(ats)
            subjects = b"".join(gathered.subjects[part])
            blob = self._codec.seal(cipher, nonce(), group_place(name, self.next_seq, sorts), rows, ats)
            self._connection.execute(
                "insert into groups values (?, ?, ?, ?, ?, ?)", (place, oldest, number, sorts, subjects, blob)
            )
            self._lanes.arrived(storefront, sorts, oldest)
            self.next_seq += len(rows)

    def _write_evidences(self, storefront: int, first: int, gathered: _Gathered) -> None:
        """Note which consent record took part in the decision on each event that cited one, sealed."""
        for place, record in gathered.evidences:
            number, cipher = self._vault.sealing_sent(storefront, gathered.ats[place])
            blob = self._codec.seal_plain(cipher, nonce(), evidence_place(first + place), record.encode())
            self._connection.execute("insert into evidences values (?, ?, ?)", (first + place, number, blob))

    def _write_books(self, storefront: int, gathered: _Gathered) -> None:
        for sort, count in enumerate(map(gathered.sorts.count, range(len(self._names.table)))):
            if count:
                kind, destinations = self._names.table[sort]
                for destination in destinations:
                    self._books.accept(count, storefront, destination, kind)
        for (sort, currency), minor in gathered.values.items():
            kind, destinations = self._names.table[sort]
            self._books.note(minor, storefront, DOOR_VALUE, kind, "", currency)
            for destination in destinations:
                self._books.value(minor, storefront, destination, kind, currency, ACCEPTED)
        for (sort, keys), count in Counter(zip(gathered.sorts, gathered.keys, strict=True)).items():
            self._books.note(count, storefront, MATCHED, self._names.table[sort].kind, keys)
