"""What was seen before: recognises repeats for eight days and remembers the last decision on every event id.

Each event that was accepted or refused leaves a *sighting* of 29 bytes. Sightings are appended to the roll, one row per
transaction; that is the truth, written in order and deleted in order. To find one by its event id there is an index
from a keyed 64-bit hash to the sighting's position. Inserting random keys into a large tree would dirty a page per
event, so the newest positions live in memory (a *generation*, rebuilt from the roll when the store opens) and a full
generation is merged into the tree in key order, a part with each transaction. Merging again after a crash changes
nothing, because a part only says again what the roll says. Before the tree is asked, `sieve.py` keeps back what it surely
does not hold.

Should two ids ever share a 64-bit hash (the 32 further bits tell), the later takes the earlier one's entry in the
index: the earlier loses its protection against repeats, and no event is lost.
"""

import struct
from array import array
from bisect import bisect_left
from collections.abc import Collection
from hashlib import blake2b
from operator import itemgetter
from typing import Final

import apsw
import msgspec

from gateway.model.texts import EventId, StorefrontId
from gateway.model.words import Kind
from gateway.outbox import DEDUP_SECONDS
from gateway.outbox.engine.codec import Row
from gateway.outbox.engine.sieve import Sieve, span
from gateway.storage.file import every, first, one

GENERATION: Final = 60_000
"""Sightings kept in memory before they are merged: few enough for 8 MB, enough that a page takes several at once."""

_MERGED_PER_SIGHTING: Final = 2
"""Faster than sightings arrive, so that one generation is merged before the next is full."""

_SIGHTING: Final = struct.Struct("<q4s6sIIHB")
_IDENTITY: Final = struct.Struct("<q4s")
_KEYS: Final = struct.Struct(f"<q{_SIGHTING.size - 8}x")
_KEY_OF: Final = itemgetter(0)
_FINGERPRINT_BYTES: Final = 6
_REFUSED: Final = 0xFFFF
"""Stands where an accepted event has the distance of its number from its row's first number."""

_SURELY_SECONDS: Final = 300
"""How far within the time for which ids are remembered an event must have come: entries of one transaction differ in age."""

DISCARDED_AT_ONCE: Final = 20_000
"""Sightings deleted in one go, or what is left of the row of the roll in which that ends: some ten milliseconds."""

_BYTES: Final = tuple(bytes((number,)) for number in range(256))
_MERGED_AT_ONCE: Final = 64
"""One statement for so many: each further one would hand the interpreter over and wait to get it back, and a text that is
always the same is prepared once. That takes a third less than to hand the pairs over as one array of texts."""


def _merging(count: int) -> str:
    return f"insert or replace into seen values {','.join(['(?,?)'] * count)}"  # noqa: S608 - a constant, no input


_MERGE: Final = _merging(_MERGED_AT_ONCE)

Identity = tuple[int, bytes]
"""Keyed hash of (storefront, kind, event id): 64 bits to find it by, 32 more to be sure."""


class Sighting(msgspec.Struct, frozen=True, gc=False):
    """What is remembered of an event. `seq` is None for a refused one; `at` is the time of receipt in Unix seconds.

    `trace` and `sort` are numbers given by `names.py`.
    """

    check: bytes
    fingerprint: bytes
    at: int
    trace: int
    seq: int | None
    sort: int


class _Pending:
    """The sightings of the transaction under way, column by column: objects of their own would be the garbage collector's."""

    __slots__ = ("accepted", "ats", "checks", "fingerprints", "keys", "sorts", "traces")

    def __init__(self) -> None:
        self.keys: list[int] = []
        self.checks: list[bytes] = []
        self.fingerprints: list[bytes] = []
        self.ats: list[int] = []
        self.traces: list[int] = []
        self.sorts: list[int] = []
        self.accepted: list[bool] = []

    def sighting(self, place: int) -> Sighting:
        """Give one, with a number that only says that it was accepted."""
        seq = 0 if self.accepted[place] else None
        return Sighting(
            self.checks[place], self.fingerprints[place], self.ats[place], self.traces[place], seq, self.sorts[place]
        )

    def packed(self, places: list[int]) -> bytes:
        """Write all of them out. `places` lists those that were accepted, in the order of their numbers."""
        distances = [_REFUSED] * len(self.keys)
        for distance, place in enumerate(places):
            distances[place] = distance
        columns = (self.keys, self.checks, self.fingerprints, self.ats, self.traces, distances, self.sorts)
        return b"".join(map(_SIGHTING.pack, *columns))


NOT_SEEN: Final = 0
"""Index value of an event that has no entry; every other value is a position and whether the event was accepted."""


def was_accepted(value: int) -> bool:
    """Say whether an index value stands for an accepted event."""
    return bool(value & 1)


class Seen:
    """The roll and its index. Belongs to the store's thread; after a rollback it is loaded anew."""

    def __init__(self, connection: apsw.Connection, index_key: bytes, generation: int, sieve: Sieve) -> None:
        """Load the positions that are not merged yet; `generation` is how many are kept before merging begins.

        `sieve` knows what the tree holds.
        """
        self._connection = connection
        self._sieve = sieve
        self._identity = blake2b(key=index_key, digest_size=_IDENTITY.size, person=b"identity")
        self._content = blake2b(key=index_key, digest_size=_FINGERPRINT_BYTES, person=b"content")
        self._generation = generation
        self._next: int
        self._merged: int
        self._next, self._merged = one(connection, "select next_pos, merged from meta")
        self._floor = self._first_kept()
        self._filling: dict[int, int] = {}
        self._merging: dict[int, int] = {}
        self._order: list[int] = []
        self._done = 0
        self._owed = 0
        self._end = self._merged
        self._fresh: dict[int, int] = {}
        self._pending = _Pending()
        self._row: tuple[int, int, bytes] = (0, 0, b"")
        for pos, sightings in connection.execute("select pos, sightings from roll where pos >= ?", (self._merged,)):
            for place, fields in enumerate(_SIGHTING.iter_unpack(sightings), pos):
                self._filling[fields[0]] = place << 1 | (fields[5] != _REFUSED)

    @property
    def next_pos(self) -> int:
        """The position of the next sighting; never restarts."""
        return self._next

    @property
    def kept(self) -> int:
        """How many sightings are kept."""
        return self._next - self._floor

    def _first_kept(self) -> int:
        (pos,) = one(self._connection, "select coalesce(min(pos), ?) from roll", (self._next,))
        return int(pos)

    # ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────

    def identify(self, storefront: StorefrontId, kind: Kind, event_id: EventId) -> Identity:
        """Hash an event's identity."""
        return self.complete(self.hasher(storefront, kind), event_id)

    def hasher(self, storefront: StorefrontId, kind: Kind) -> blake2b:
        """Begin to hash the identities of one storefront's events of a kind; `complete` ends each."""
        keyed = self._identity.copy()
        keyed.update(f"{storefront}|{kind}|".encode())
        return keyed

    def complete(self, hasher: blake2b, event_id: EventId) -> Identity:
        """Hash the rest of an identity."""
        keyed = hasher.copy()
        keyed.update(event_id.encode())
        return _IDENTITY.unpack(keyed.digest())

    def fingerprint(self, row: Row, sort: int) -> bytes:
        """Hash an event's content, without the time of its receipt."""
        keyed = self._content.copy()
        keyed.update(b"%b%b%b" % (_BYTES[sort], row.json, "".join(row.digests).encode()))
        return keyed.digest()

    def look_up(self, hashes: list[int]) -> list[int]:
        """Give the committed index value of each hash."""
        filling, merging = self._filling.get, self._merging.get
        values = [filling(key) or merging(key, NOT_SEEN) for key in hashes]
        unknown = [key for key, value in zip(hashes, values, strict=True) if not value] if any(values) else hashes
        if (passed := self._sieve.passed(unknown)) and (stored := self._look_up_stored(passed)):
            values = [value or stored.get(key, NOT_SEEN) for key, value in zip(hashes, values, strict=True)]
        floor = self._floor << 1
        return [value if value >= floor else NOT_SEEN for value in values]

    def _look_up_stored(self, hashes: list[int]) -> dict[int, int]:
        query = "select seen.hash, seen.value from carray(?) wanted cross join seen on seen.hash = wanted.value"
        return dict(every(self._connection, query, (apsw.carray(array("q", hashes)),)))

    def newest(self, key: int, committed: int) -> int:
        """Give the index value of a hash, counting what the transaction under way has added."""
        return self._fresh.get(key, committed)

    def find(self, check: bytes, value: int) -> Sighting | None:
        """Read the sighting an index value stands for; None when there is none or it is of an event with another `check`."""
        sighting = None if value == NOT_SEEN else self._read(value >> 1)
        return sighting if sighting is not None and sighting.check == check else None

    def _read(self, pos: int) -> Sighting | None:
        if pos >= self._next:
            return self._pending.sighting(pos - self._next)
        start, seq, sightings = self._row
        if not start <= pos < start + len(sightings) // _SIGHTING.size:
            found = first(
                self._connection, "select pos, seq, sightings from roll where pos <= ? order by pos desc limit 1", (pos,)
            )
            if found is None or (pos - found[0]) * _SIGHTING.size >= len(found[2]):
                return None
            start, seq, sightings = self._row = found
        _, check, fingerprint, at, trace, distance, sort = _SIGHTING.unpack_from(sightings, (pos - start) * _SIGHTING.size)
        return Sighting(check, fingerprint, at, trace, None if distance == _REFUSED else seq + distance, sort)

    def repeats(self, value: int) -> int:
        """How often an accepted event was repeated."""
        found = first(self._connection, "select n from repeats where pos = ?", (value >> 1,))
        return 0 if found is None else int(found[0])

    # ── adding ───────────────────────────────────────────────────────────────────────────────────────────────────

    def add(  # noqa: PLR0913, PLR0917 - a sighting's parts, in its order
        self, key: int, check: bytes, fingerprint: bytes, at: int, trace: int, sort: int, *, accepted: bool
    ) -> int:
        """Add a sighting to the transaction under way; returns its place in it, for `write`."""
        pending = self._pending
        place = len(pending.keys)
        self._fresh[key] = (self._next + place) << 1 | accepted
        pending.keys.append(key)
        pending.checks.append(check)
        pending.fingerprints.append(fingerprint)
        pending.ats.append(at)
        pending.traces.append(trace)
        pending.sorts.append(sort)
        pending.accepted.append(accepted)
        return place

    def repeat(self, value: int) -> None:
        """Count a repeat of an accepted event."""
        self._connection.execute("insert into repeats values (?, 1) on conflict do update set n = n + 1", (value >> 1,))

    def write(self, first_seq: int, places: list[int]) -> None:
        """Append the transaction's sightings to the roll and merge a slice. The caller stores `next_pos`.

        `places` lists the accepted ones' places in the order of their numbers, which begin at `first_seq`.
        """
        count = len(self._pending.keys)
        if not count:
            return
        self._connection.execute(
            "insert into roll values (?, ?, ?, ?)",
            (self._next, max(self._pending.ats), first_seq, self._pending.packed(places)),
        )
        self._next += count
        self._filling.update(self._fresh)
        self._fresh.clear()
        self._pending = _Pending()
        self._merge(count * _MERGED_PER_SIGHTING)

    def _merge(self, count: int) -> None:
        """Merge the next part of the full generation into the tree, in key order: `count` more than before are due."""
        if not self._merging:
            if len(self._filling) < self._generation:
                return
            self._merging, self._filling = self._filling, {}
            self._order, self._done, self._end = sorted(self._merging), 0, self._next
        self._owed += count
        merging = self._merging
        while (keys := self._order[self._done : self._done + _MERGED_AT_ONCE]) and len(keys) <= self._owed:
            self._sieve.add(keys)
            statement = _MERGE if len(keys) == _MERGED_AT_ONCE else _merging(len(keys))
            self._connection.execute(statement, [part for key in keys for part in (key, merging[key])])
            self._done += len(keys)
            self._owed -= len(keys)
        if not keys:  # all that was left may have been forgotten
            self._connection.execute("update meta set merged = ?", (self._end,))
            self._merged, self._merging, self._order, self._owed = self._end, {}, [], 0

    # ── forgetting ───────────────────────────────────────────────────────────────────────────────────────────────

    def forget(self, identities: Collection[Identity]) -> int:
        """Forget events, as if they had never come: nothing leads to them any more. Gives how many of them there were.

        Their sightings are overwritten, and any other of them that the index would be made of again. A sighting before that,
        which nothing leads to, goes with its row of the roll.
        """
        values = self.look_up([key for key, _ in identities])
        found = zip(identities, values, strict=True)
        known = {identity: value >> 1 for identity, value in found if self.find(identity[1], value) is not None}
        if not known:
            return 0
        self._blank(known, "pos >= ?", self._merged)
        for identity, pos in known.items():
            if pos < self._merged:
                self._blank((identity,), "pos = (select max(pos) from roll where pos <= ?)", pos)
            self._connection.execute("delete from repeats where pos = ?", (pos,))
            self._lead_nowhere(identity[0])
        self._row = (0, 0, b"")
        return len(known)

    def _blank(self, identities: Collection[Identity], where: str, pos: int) -> None:
        """Overwrite the sightings of these events in some rows of the roll by such as are of none."""
        keys = {key for key, _ in identities}
        for start, sightings in every(self._connection, f"select pos, sightings from roll where {where}", (pos,)):  # noqa: S608 - ours
            if not keys.isdisjoint(map(_KEY_OF, _KEYS.iter_unpack(sightings))):
                blank = _without(sightings, tuple(_IDENTITY.pack(*identity) for identity in identities))
                self._connection.execute("update roll set sightings = ? where pos = ?", (blank, start))

    def _lead_nowhere(self, key: int) -> None:
        """Take a hash out of the index."""
        self._connection.execute("delete from seen where hash = ?", (key,))
        self._filling.pop(key, None)
        if self._merging.pop(key, None) is not None:
            at = bisect_left(self._order, key, self._done)
            del self._order[at : at + (self._order[at : at + 1] == [key])]

    def discard(self, now: int) -> bool:
        """Delete the next rows of the roll that no repeat can meet any more, and what hangs on them; say whether to go on."""
        (end,) = one(
            self._connection,
            "select coalesce((select pos from roll where pos >= ? order by pos limit 1), ?)",
            (self._floor + DISCARDED_AT_ONCE, self._next),
        )
        (kept,) = one(
            self._connection,
            "select coalesce((select pos from roll where pos < ? and latest > ? order by pos limit 1), ?)",
            (end, now - DEDUP_SECONDS, end),
        )
        if kept <= self._floor:
            return False
        self._connection.execute("delete from roll where pos < ?", (kept,))
        self._connection.execute("delete from repeats where pos < ?", (kept,))
        self._floor, self._row = kept, (0, 0, b"")
        if kept > self._merged:
            self._filling = {key: value for key, value in self._filling.items() if value >= kept << 1}
        return bool(kept == end < self._next)

    def discard_slice(self, number: int) -> int:
        """Delete expired entries of the index in one of the slices 0 … SLICES-1; gives how many."""
        low, high = span(number)
        self._connection.execute("delete from seen where hash between ? and ? and value < ?", (low, high, self._floor << 1))
        return self._connection.changes()

    def first_recent(self, following: int, now: int) -> int:
        """Give the number from which on an event is known by its id alone: no other can have come under the id since."""
        query = "select seq from roll where latest > ? order by pos limit 1"
        found = first(self._connection, query, (now - DEDUP_SECONDS + _SURELY_SECONDS,))
        return following if found is None else int(found[0])

    def first_seq(self, following: int) -> int:
        """Give the number from which on events are remembered; `following` is the next number to be given."""
        found = first(self._connection, "select seq from roll order by pos limit 1")
        return following if found is None else int(found[0])


def _without(sightings: bytes, identities: tuple[bytes, ...]) -> bytes:
    """Give a row of the roll with sightings of none in place of those of these events."""
    size = _SIGHTING.size
    parts = [sightings[start : start + size] for start in range(0, len(sightings), size)]
    return b"".join([_BLANK if part.startswith(identities) else part for part in parts])


_BLANK: Final = _SIGHTING.pack(0, bytes(4), bytes(_FINGERPRINT_BYTES), 0, 0, _REFUSED, 0)
