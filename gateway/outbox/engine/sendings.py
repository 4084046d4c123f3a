"""What was sent of whom: a row for every request, with a line for each of its events that belongs to somebody.

It is written by the flush that comes before the bytes leave, so nothing of a person leaves without being on record, and
it says which event in which shape by which evidence, never what was in it. Lines are sealed, with keys that seal nothing
else and live as long; the hashes that find a person's lie beside them, in the order of the lines. What the platform made
of each is a byte in the clear, set when the request is settled.
"""

from collections.abc import Collection, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

import msgspec
import orjson

from gateway.model.texts import EventId, EvidenceId
from gateway.model.words import Kind, Reason
from gateway.outbox.engine.claims import Taken
from gateway.outbox.engine.codec import Codec, sending_place
from gateway.outbox.engine.lanes import LaneState
from gateway.outbox.engine.memory import Memory
from gateway.outbox.engine.schema import SPAN, base
from gateway.outbox.engine.seeking import Along, look_along
from gateway.outbox.engine.settling import Fates
from gateway.outbox.engine.subjects import HASH_BYTES, hold, split
from gateway.outbox.holdings import Sending
from gateway.outbox.shapes import Left
from gateway.outbox.work import AllDone, Dead, Done, Later, Settlement, Withdrawn
from gateway.storage import Unreadable
from gateway.storage.file import first, one
from gateway.storage.vault import DAY_SECONDS, nonce

_UNKNOWN, _CONFIRMED, _NOT_TAKEN = 0, 1, 2
_TOLD: Final = {_UNKNOWN: None, _CONFIRMED: True, _NOT_TAKEN: False}
_SWEPT_AT_ONCE: Final = 5_000


class Note(NamedTuple):
    """A row that a claim has written: where it is, and the numbers of its lines' records."""

    place: int
    seqs: tuple[int, ...]


class _Line(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One event, as it is sealed: `shape` is a number of the ledger of shapes, `hashes` how many of them are its."""

    event_id: str
    kind: Kind
    shape: int
    evidence: str | None
    seq: int
    hashes: int


_Lines = list[_Line | None]
"""In the order of the bytes that tell of them. None is a line that was erased."""

_Fields = tuple[str, str, int, str | None, int, int]
"""A line as it is written: the same fields in the same order."""

_SEQ: Final = 4
"""Where in it the record's number is."""

_LINES: Final = msgspec.json.Decoder(_Lines)


class _Found(NamedTuple):
    """A row that may hold something of a person, opened: its lines, each with its hashes."""

    place: int
    lane: int
    at: int
    told: bytes
    lines: Sequence[tuple[_Line | None, bytes]]


class Erased(NamedTuple):
    """What came of erasing a person's lines from the next rows, and where that ended."""

    sent: int
    events: frozenset[tuple[Kind, EventId]]
    upto: int
    done: bool
    traces: int = 0
    """Decisions that were forgotten with them."""


class Glance(NamedTuple):
    """What a look through the next rows has come to: the person's events, what else they are known by, where it ended."""

    sent: Sequence[Sending]
    hashes: frozenset[bytes]
    upto: int
    done: bool


class Sendings:
    """Writes, settles, reads and erases these rows. Belongs to the store's thread."""

    def __init__(self, memory: Memory) -> None:
        """Work on what the store's thread keeps."""
        self._connection = memory.connection
        self._names = memory.names
        self._vault = memory.vault
        self._lanes = memory.lanes
        self._subjects = memory.subjects
        self._departures = memory.departures
        self._codec = Codec()
        self._next: dict[int, int] = {}

    # ── a request's life ─────────────────────────────────────────────────────────────────────────────────────────

    def note(self, state: LaneState, taken: Taken, left: Sequence[Left], gone: Collection[int], now: int) -> Note | None:
        """Write down what is about to leave; nothing for events that belong to nobody, or whose person has just withdrawn."""
        name = state.lane.storefront
        events = {record.seq: record.event for record in taken.records}
        people = {
            record.seq: self._subjects.of_record(name, record.event) if hashes is None else hashes
            for record, hashes in zip(taken.records, taken.hashes, strict=True)
        }
        lines: list[_Fields] = []
        for part in left:
            kind, shape = part.kind, self._departures.number(part.shape)
            seqs = part.seqs if not gone else [seq for seq in part.seqs if seq not in gone]
            lines += [  # once for each event of each lane, so nothing is called here
                ((event := events[seq]).event_id, kind, shape, event.evidence, seq, len(hashes) // HASH_BYTES)
                for seq in seqs
                if (hashes := people[seq])
            ]
        if not lines:
            return None
        place = self._place(state.storefront)
        key, blob = self._seal(state.storefront, place, lines, now)
        seqs = [line[_SEQ] for line in lines]
        row = (place, state.number, now, key, bytes(len(lines)), b"".join([people[seq] for seq in seqs]), blob)
        self._connection.execute("insert into sendings values (?, ?, ?, ?, ?, ?, ?)", row)
        return Note(place, tuple(seqs))

    def _place(self, storefront: int) -> int:
        place = self._next.get(storefront)
        if place is None:
            (place,) = one(
                self._connection,
                "select coalesce(max(place), ?) + 1 from sendings where place > ? and place < ?",
                (base(storefront), base(storefront), base(storefront) + SPAN),
            )
        self._next[storefront] = place + 1
        return int(place)

    def _seal(self, storefront: int, place: int, lines: Sequence[_Fields | None], at: int) -> tuple[int, bytes]:
        key, cipher = self._vault.sealing_sent(storefront, at)
        return key, self._codec.seal_plain(cipher, nonce(), sending_place(place), orjson.dumps(lines))

    def settle(self, notes: Sequence[Note], fates: Fates) -> None:
        """Note what the platform made of each event, of each the last request that it was in."""
        if isinstance(fates, AllDone):
            told = dict.fromkeys([seq for note in notes for seq in note.seqs], _CONFIRMED)
        else:
            told = {settlement.seq: _tell(settlement) for _, settlement in fates}
        for note in reversed(notes):
            known = bytes([told.pop(seq, _UNKNOWN) for seq in note.seqs])
            if any(known):
                self._connection.execute("update sendings set told = ? where place = ?", (known, note.place))

    def take_back(self, notes: Sequence[Note]) -> None:
        """Delete what certainly did not leave."""
        self._connection.executemany("delete from sendings where place = ?", [(note.place,) for note in notes])

    # ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────

    def look(self, storefront: int, wanted: AbstractSet[bytes], after: int) -> Glance:
        """Look through the next rows of a storefront for a person."""
        places, upto, done = self._look_along(storefront, wanted, after)
        sent: list[Sending] = []
        hashes: set[bytes] = set()
        for found in self._open(places):
            lane = self._lanes.by_number(found.lane).lane
            for (line, its), told in zip(found.lines, found.told, strict=True):
                if line is not None and hold(its, wanted):
                    hashes.update(split(its))
                    evidence = None if line.evidence is None else EvidenceId.unsealed(line.evidence)
                    event_id, fields = EventId.unsealed(line.event_id), self._departures.paths(line.shape)
                    sent.append(Sending(lane.destination, line.kind, event_id, found.at, fields, evidence, _TOLD[told]))
        return Glance(sent, frozenset(hashes), upto, done)

    def _look_along(self, storefront: int, wanted: AbstractSet[bytes], after: int) -> Along:
        start = base(storefront)
        along = look_along(self._connection, "sendings", start + after, start + SPAN, wanted)
        return along._replace(upto=along.upto - start)

    def _open(self, places: Sequence[int]) -> Iterator[_Found]:
        """Open rows; one that does not open tells nothing to anybody."""
        for place in places:
            row = first(
                self._connection, "select lane, at, data_key, told, subjects, blob from sendings where place = ?", (place,)
            )
            lane, at, key, told, subjects, blob = row or (0, 0, 0, b"", b"", b"")
            cipher = self._vault.opening(key)
            if cipher is not None:
                try:
                    lines = _LINES.decode(self._codec.open_plain(cipher, sending_place(place), blob))
                except (Unreadable, msgspec.DecodeError):
                    continue
                yield _Found(place, lane, at, told, list(_with_hashes(lines, subjects)))

    # ── forgetting ───────────────────────────────────────────────────────────────────────────────────────────────

    def erase(self, storefront: int, wanted: AbstractSet[bytes], after: int) -> Erased:
        """Delete a person's lines from the next rows."""
        places, upto, done = self._look_along(storefront, wanted, after)
        count = 0
        events: set[tuple[Kind, EventId]] = set()
        for found in self._open(places):
            mine = [hold(its, wanted) for _, its in found.lines]
            events |= {
                (line.kind, EventId.unsealed(line.event_id))
                for (line, _), is_mine in zip(found.lines, mine, strict=True)
                if is_mine and line is not None
            }
            count += sum(mine)
            if any(mine):
                self._rewrite(storefront, found, mine)
        return Erased(count, frozenset(events), upto, done)

    def _rewrite(self, storefront: int, found: _Found, mine: Sequence[bool]) -> None:
        """Seal a row anew without some of its lines; their places stay, for what is told of the others."""
        kept: list[_Fields | None] = [
            None if is_mine or line is None else msgspec.structs.astuple(line)
            for (line, _), is_mine in zip(found.lines, mine, strict=True)
        ]
        hashes = b"".join([its for (_, its), is_mine in zip(found.lines, mine, strict=True) if not is_mine])
        told = bytes(_UNKNOWN if line is None else was for line, was in zip(kept, found.told, strict=True))
        key, blob = self._seal(storefront, found.place, kept, found.at)
        self._connection.execute(
            "update sendings set data_key = ?, told = ?, subjects = ?, blob = ? where place = ?",
            (key, told, hashes, blob, found.place),
        )

    def discard(self, before: int) -> int:
        """Delete rows from before the day of `before` (Unix seconds), a bounded number, and the keys of those days.

        Gives how many rows.
        """
        begin = before // DAY_SECONDS * DAY_SECONDS
        self._connection.execute(
            "delete from sendings where place in (select place from sendings where at < ? order by at limit ?)",
            (begin, _SWEPT_AT_ONCE),
        )
        gone = self._connection.changes()
        if first(self._connection, "select 1 from sendings where at < ? limit 1", (begin,)) is None:
            self._vault.discard_sent(begin)
        return gone

    def shed(self, count: int) -> int:
        """Delete the `count` oldest rows before their time; gives how many there were."""
        self._connection.execute(
            "delete from sendings where place in (select place from sendings order by at limit ?)", (count,)
        )
        return self._connection.changes()


def _tell(settlement: Settlement) -> int:
    """Say what a settlement tells of whether the platform has the event."""
    match settlement:
        case Done():
            return _CONFIRMED
        case Later(maybe=True) | Dead(reason=Reason.UNKNOWN_ERROR):
            return _UNKNOWN
        case Later() | Dead() | Withdrawn():
            return _NOT_TAKEN


def _with_hashes(lines: _Lines, subjects: bytes) -> Iterator[tuple[_Line | None, bytes]]:
    """Put each line and its hashes together."""
    start = 0
    for line in lines:
        end = start + (0 if line is None else HASH_BYTES * line.hashes)
        yield line, subjects[start:end]
        start = end
