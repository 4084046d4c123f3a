"""Claims: finding a lane's next batch in the store, and opening it.

Finding is done by the store's thread and touches only what is in the clear. Opening — unsealing, decompressing,
rebuilding events — is done beside the event loop's other work, a group at a time with a pause after each few, because
it is pure computing and the store's thread has flushes to make. The couriers of a storefront read the same groups at
nearly the same time, so opened groups are kept for a while, a bounded number of records in all.
"""

import asyncio
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, NamedTuple

import apsw
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.outbox.engine.codec import Codec, Sort, group_place, single_place
from gateway.outbox.engine.lanes import EMPTY, Held, LaneState, Mark, Stored, count_wanted
from gateway.outbox.engine.memory import Memory
from gateway.outbox.engine.schema import base
from gateway.outbox.engine.subjects import parted
from gateway.outbox.summary import Summary
from gateway.outbox.work import Lane, Origin, Record
from gateway.storage import Unreadable
from gateway.storage.file import Row, every
from gateway.storage.vault import Vault

_KEPT_RECORDS: Final = 4_096
_OPENED_AT_A_TIME: Final = 250
"""Records after which the event loop gets a turn: less than a millisecond's work."""

_LONGEST_DUE: Final = 5_000
"""The oldest is looked for among so many exceptions, those that have been due the longest: a look at a narrow index."""


_EMPTY: Final = bytes((EMPTY,))


class Part(NamedTuple):
    """A group, or an exception's own copy (`group` 0), as it lies in the store, and which of its records are claimed."""

    group: int
    place: bytes
    cipher: AESGCM | None
    blob: bytes
    sorts: bytes
    first: int
    picks: Sequence[int]
    at: int
    subjects: bytes = b""
    """The hashes that lie beside a group."""
    tries: int = 0
    maybe_since: int | None = None


class Found(NamedTuple):
    """A batch as it lies in the store."""

    origin: Origin
    upto: int
    parts: tuple[Part, ...]
    marks: tuple[Mark, ...]
    table: Sequence[Sort]


class Unread(NamedTuple):
    """A claimed record that did not open: what is known of it from outside its seal."""

    seq: int
    accepted_at: int
    sort: Sort
    tries: int
    maybe_since: int | None


class Taken(NamedTuple):
    """A batch, opened. Both parts are in the order of their numbers."""

    origin: Origin
    upto: int
    records: tuple[Record, ...]
    unread: tuple[Unread, ...]
    summary: Summary
    """Of the records."""
    hashes: tuple[bytes | None, ...]
    """Of each record's person, as they lie beside its group; None where they have to be made."""


class Finder:
    """Finds batches. Belongs to the store's thread."""

    def __init__(self, memory: Memory) -> None:
        """Work on what the store's thread keeps."""
        self._connection = memory.connection
        self._names = memory.names
        self._vault = memory.vault
        self._lanes = memory.lanes

    def find(self, lane: Lane, limit: int, now: int, *, fresh_first: bool) -> Found | None:
        """Find up to `limit` records of one origin, by the order that `Outbox.claim` promises; `now` is Unix seconds."""
        state = self._lanes.states[lane]
        state.robbed = False  # a lane has one claim at a time, so there is none to be robbed
        if fresh_first:
            return self._fresh_again(state, limit, now) or self.find_fresh(state, limit) or self._find_old(state, limit, now)
        return self._find_old(state, limit, now) or self.find_fresh(state, limit)

    def _fresh_again(self, state: LaneState, limit: int, now: int) -> Found | None:
        """Find exceptions that are due and younger than all backlog: among the old ones their turn would come last."""
        if not state.retrying or not state.backlogs:
            return None
        rows = every(
            self._connection,
            "select seq from exceptions where lane = ? and state = ? and seq > ? and due <= ? order by seq limit ?",
            (state.number, Held.RETRY, state.backlogs[-1].upto, now, limit),
        )
        return self._find_again(state, [seq for (seq,) in rows])

    def _find_old(self, state: LaneState, limit: int, now: int) -> Found | None:
        """Find what is oldest: exceptions that are due, or the backlog."""
        due = self._due(state, limit, now) if state.retrying else []
        if state.backlogs and (not due or due[0] > state.backlogs[0].cursor):
            return self.find_backlog(state, limit)
        return self._find_again(state, due)

    def _due(self, state: LaneState, limit: int, now: int) -> list[int]:
        """Give the numbers of the oldest exceptions that are due."""
        rows = every(
            self._connection,
            "select seq from (select seq from exceptions where lane = ? and state = ? and due <= ? order by due limit ?)"
            " order by seq limit ?",
            (state.number, Held.RETRY, now, _LONGEST_DUE, limit),
        )
        return [seq for (seq,) in rows]

    def find_parked(self, state: LaneState, until: int, limit: int) -> Found | None:
        """Find the oldest of what is parked, if it was accepted until then, and have it tried again."""
        rows = every(
            self._connection,
            "select seq, accepted_at from exceptions where lane = ? and state = ? order by seq limit ?",
            (state.number, Held.PARKED, limit),
        )
        seqs = [seq for seq, accepted_at in rows if accepted_at <= until]
        if not seqs:
            return None
        self._connection.execute(
            "update exceptions set state = ? where lane = ? and state = ? and seq in carray(?)",
            (Held.RETRY, state.number, Held.PARKED, apsw.carray(array("q", seqs))),
        )
        return self._find_again(state, seqs)

    def _find_again(self, state: LaneState, seqs: Sequence[int]) -> Found | None:
        """Read exceptions."""
        if not seqs:
            return None
        rows = every(
            self._connection,
            "select seq, sort, data_key, blob, accepted_at, tries, maybe_since from exceptions"
            " where lane = ? and state = ? and seq in carray(?) order by seq",
            (state.number, Held.RETRY, apsw.carray(array("q", seqs))),
        )
        parts = tuple([single_part(state, self._vault, row) for row in rows])
        return Found(Origin.AGAIN, upto=seqs[-1], parts=parts, marks=(), table=self._names.table)

    def find_fresh(self, state: LaneState, limit: int) -> Found | None:
        """Find up to `limit` records after the cursor; a find without records still moves over what it looked at."""
        if state.cursor is None:
            return None
        upto, parts = self._pick(state, state.cursor, self._lanes.following(state, limit), limit)
        if upto == state.cursor:
            return None
        return Found(Origin.FRESH, upto, parts, marks=tuple(state.marks), table=self._names.table)

    def find_backlog(self, state: LaneState, limit: int) -> Found | None:
        """Find up to `limit` records of the oldest backlog; a find without records still moves over what it looked at."""
        if not state.backlogs:
            return None
        cursor, _ = state.backlogs[0]
        upto, parts = self._pick(state, cursor, self._lanes.behind(state, limit), limit)
        return Found(Origin.BACKLOG, upto, parts, marks=tuple(state.marks), table=self._names.table)

    def _pick(self, state: LaneState, cursor: int, groups: Sequence[Stored], limit: int) -> tuple[int, tuple[Part, ...]]:
        """Pick up to `limit` of the lane's records after `cursor`; gives the last number looked at, too."""
        start, wanted = base(state.storefront), self._names.wanted(state.lane.destination)
        parts, upto, left = [], cursor, limit
        for group in groups:
            first, count = group.place - start, len(group.sorts)
            picks = _picks(group.sorts, max(0, cursor + 1 - first), wanted)
            upto = first + count - 1
            if len(picks) > left:
                upto = first + picks[left] - 1
                picks = picks[:left]
            left -= len(picks)
            if picks:
                parts.append(
                    Part(
                        group=group.place,
                        place=group_place(state.lane.storefront, first, group.sorts),
                        cipher=self._vault.opening(group.data_key),
                        blob=group.blob,
                        sorts=group.sorts,
                        first=first,
                        picks=picks,
                        at=group.at,
                        subjects=group.subjects,
                    )
                )
        return upto, tuple(parts)


def single_part(state: LaneState, vault: Vault, row: Row) -> Part:
    """Make a part of an exception: of its seq, sort, data_key, blob, accepted_at, tries and maybe_since."""
    seq, sort, data_key, blob, accepted_at, tries, maybe_since = row
    return Part(
        group=0,
        place=single_place(state.lane.storefront, state.lane.destination, seq),
        cipher=vault.opening(data_key),
        blob=blob,
        sorts=bytes((sort,)),
        first=seq,
        picks=(0,),
        at=accepted_at,
        tries=tries,
        maybe_since=maybe_since,
    )


def _picks(sorts: bytes, skipped: int, wanted: bytes) -> Sequence[int]:
    """Which of a group's records, after the skipped ones, are of a wanted sort."""
    if count_wanted(sorts, wanted) == len(sorts):
        return range(skipped, len(sorts))
    return [i for i in range(skipped, len(sorts)) if sorts[i] in wanted]


class _Group(NamedTuple):
    """An opened group: its records as a lane gets them that has not tried any of them, and what they add up to."""

    records: Sequence[Record]
    summary: Summary
    hashes: Sequence[bytes | None]
    """Of each record's person."""


class _Batch:
    """What was opened of a batch so far."""

    __slots__ = ("_found", "_hashes", "_summaries", "records", "unread")

    def __init__(self, found: Found) -> None:
        self._found = found
        self._summaries: list[Summary] | None = []
        """Those of the groups; None once a group was taken in part, or is known to a platform perhaps."""
        self._hashes: list[bytes | None] = []
        self.records: list[Record] = []
        self.unread: list[Unread] = []

    def add(self, part: Part, group: _Group) -> None:
        """Take the claimed records of an opened part."""
        picks = part.picks
        if EMPTY in part.sorts:
            nth = {place: n for n, place in enumerate(filled(part.sorts))}
            picks = [nth[pick] for pick in picks]
        whole, marks = len(picks) == len(group.records), self._found.marks
        records = group.records if whole else [group.records[n] for n in picks]
        if marks or not part.group:
            tries, since = part.tries, part.maybe_since
            records = [Record(one.seq, one.accepted_at, one.event, tries, _since(marks, one.seq, since)) for one in records]
        if whole and records is group.records and self._summaries is not None:
            self._summaries.append(group.summary)
        else:
            self._summaries = None
        self.records += records
        self._hashes += group.hashes if whole else [group.hashes[n] for n in picks]

    def miss(self, part: Part) -> None:
        """Take in what is known of the claimed records of a part that did not open."""
        found, first = self._found, part.first
        self.unread += [
            Unread(
                first + i,
                part.at,
                found.table[part.sorts[i]],
                part.tries,
                _since(found.marks, first + i, part.maybe_since),
            )
            for i in part.picks
        ]

    def taken(self) -> "Taken":
        """Give all of it."""
        records = tuple(self.records)
        if self._summaries:
            summary = Summary.together(self._summaries)
        else:
            maybes = [record.maybe_since for record in records if record.maybe_since is not None]
            events, ats = [record.event for record in records], [record.accepted_at for record in records]
            summary = Summary.of(events, ats, min(maybes, default=None))
        return Taken(self._found.origin, self._found.upto, records, tuple(self.unread), summary, tuple(self._hashes))


class Opener:
    """Opens what was found. Belongs to one thread; the outbox's own to the event loop's."""

    def __init__(self) -> None:
        """Begin with no opened groups."""
        self._codec = Codec()
        self._kept: OrderedDict[int, _Group] = OrderedDict()
        self._count = 0

    async def open(self, found: Found) -> Taken:
        """Open a batch, letting other tasks run now and then."""
        batch = _Batch(found)
        pause = _OPENED_AT_A_TIME
        for part in found.parts:
            self._open_part(batch, found, part)
            if len(batch.records) > pause:
                pause = len(batch.records) + _OPENED_AT_A_TIME
                await asyncio.sleep(0)
        return batch.taken()

    def open_now(self, found: Found) -> Taken:
        """Open a batch in one go, for a thread without an event loop."""
        batch = _Batch(found)
        for part in found.parts:
            self._open_part(batch, found, part)
        return batch.taken()

    def _open_part(self, batch: _Batch, found: Found, part: Part) -> None:
        """Open one part and add its claimed records to the batch."""
        try:
            group = self._opened(part, found.table)
        except Unreadable:
            batch.miss(part)
            return
        batch.add(part, group)

    def _opened(self, part: Part, table: Sequence[Sort]) -> _Group:
        kept = self._kept.get(part.group)
        if kept is not None:
            return kept
        if part.cipher is None or max(part.sorts) >= len(table):
            raise Unreadable
        kinds = [table[number] for number in part.sorts.replace(_EMPTY, b"")]
        ats, events = self._codec.open(part.cipher, part.place, part.blob, kinds)
        seqs = [part.first + place for place in filled(part.sorts)]
        records = [Record(seq, at, event) for seq, at, event in zip(seqs, ats, events, strict=True)]
        group = _Group(records, Summary.of(events, ats), parted(part.subjects, events))
        if part.group:
            self._keep(part.group, group)
        return group

    def forget(self) -> None:
        """Keep no opened group any more: somebody's records may be in one."""
        self._kept.clear()
        self._count = 0

    def _keep(self, number: int, group: _Group) -> None:
        self._kept[number] = group
        self._count += len(group.records)
        while self._count > _KEPT_RECORDS:
            _, dropped = self._kept.popitem(last=False)
            self._count -= len(dropped.records)


def filled(sorts: bytes) -> list[int]:
    """Give the places of a group that hold a record: a group is sealed without those that were emptied."""
    return [place for place, sort in enumerate(sorts) if sort != EMPTY]


def _since(marks: Sequence[Mark], seq: int, before: int | None) -> int | None:
    """When the platform may first have got a record: the earliest mark that covers it."""
    times = [mark.since for mark in marks if mark.first <= seq <= mark.last]
    if before is not None:
        times.append(before)
    return min(times, default=None)
