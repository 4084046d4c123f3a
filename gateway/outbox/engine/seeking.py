"""Seeking: finding what is held of a person, in the groups and among the exceptions.

A million waiting events may be a million groups, and a hundred thousand may lie dead, so looking through all of them takes up
to seconds, and the store's thread has flushes to make. So whoever seeks looks beforehand, a bounded piece at a time and in no
transaction, which groups may hold something, and then which exceptions (`look`); the transaction opens these, and looks
through what has come since. What was in a group when it was looked at is in that group still or became an exception; what is
an exception stays one, by its number, or ends. Those that came while the exceptions were looked through are remembered
(`latest.py`), so nothing is missed; where they are not, the transaction looks through all exceptions itself.
"""

from array import array
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing
from typing import Final, NamedTuple

import apsw

from gateway.model.event import Minimised
from gateway.model.texts import EventId, StorefrontId
from gateway.model.words import Destination, Kind
from gateway.outbox.engine.claims import filled
from gateway.outbox.engine.codec import Codec, Opened, group_place, single_place
from gateway.outbox.engine.lanes import Held, LaneState, Stored, say
from gateway.outbox.engine.latest import Aside, Moment
from gateway.outbox.engine.memory import Memory
from gateway.outbox.engine.schema import SPAN, base
from gateway.outbox.engine.subjects import hold, may_hold, parted, split
from gateway.outbox.holdings import Holding
from gateway.storage import Unreadable
from gateway.storage.file import every

LOOKED_AT_ONCE: Final = 1_000
"""Groups, exceptions, or rows of what was sent, that are looked through in one go: some milliseconds."""

BYTES_AT_ONCE: Final = 1 << 20
"""Of hashes, the same: a group or a row can have fifteen hundred of them."""

FOUND_AT_ONCE: Final = 20
"""Rows that may hold something, the same: each of what was sent is opened, and sealed anew where it is erased."""

_HELD: Final = (Held.RETRY, Held.PARKED, Held.DEAD)
"""What exceptions with a content are held for."""


class Look(NamedTuple):
    """What a look has come to: which groups up to `upto`, and which exceptions, may hold something of these hashes."""

    wanted: frozenset[bytes]
    upto: int = 0
    places: tuple[int, ...] = ()
    since: Moment | None = None
    """When the look through the exceptions began; None before that."""
    beyond: tuple[int, int, int] = (0, 0, 0)
    """Lane, state and number of the exception that was looked at last."""
    singles: tuple[Aside, ...] = ()
    done: bool = False


class Grouped(NamedTuple):
    """A group that holds something: the group, what is in it and where, and which of that is the person's."""

    group: Stored
    first: int
    filled: Sequence[int]
    opened: Opened
    hashes: Sequence[bytes]
    mine: Sequence[int]
    """Numbers in `filled`, `opened` and `hashes`."""
    held: Sequence[int]
    """Those of `mine` that wait for some destination. The others only lie there until their neighbours are done."""

    def of(self, wanted: AbstractSet[bytes]) -> "Grouped":
        """Keep for the person's what is known by one of these hashes."""
        mine = [n for n in self.mine if hold(self.hashes[n], wanted)]
        return self._replace(mine=mine, held=[n for n in self.held if n in mine])

    def only(self, takes: Callable[[Minimised], bool]) -> "Grouped":
        """Keep for the person's what waits of these events."""
        held = [n for n in self.held if takes(self.opened.events[n])]
        return self._replace(mine=held, held=held)


class Single(NamedTuple):
    """An exception that is the person's. `event` is None when its seal does not open."""

    state: LaneState
    held: Held
    seq: int
    sort: int
    reason: str
    accepted_at: int
    maybe_since: int | None
    hashes: bytes
    event: Minimised | None

    @property
    def said(self) -> str:
        """How people call its state."""
        return say(self.held, maybe=self.maybe_since is not None)


class Sought(NamedTuple):
    """All that is held of a person."""

    groups: Sequence[Grouped]
    singles: Sequence[Single]

    def only(self, takes: Callable[[Minimised], bool]) -> "Sought":
        """Keep what waits or is dead of these events; what does not open is none of them."""
        groups = [group.only(takes) for group in self.groups]
        singles = [single for single in self.singles if single.event is not None and takes(single.event)]
        return Sought([group for group in groups if group.mine], singles)

    def events(self) -> Iterator[Minimised]:
        """Give all of the events, one for each place in which it is held."""
        yield from (group.opened.events[n] for group in self.groups for n in group.mine)
        yield from (single.event for single in self.singles if single.event is not None)

    def of(self, wanted: AbstractSet[bytes]) -> "Sought":
        """Keep what is known by one of these hashes."""
        groups = [group.of(wanted) for group in self.groups]
        singles = [single for single in self.singles if hold(single.hashes, wanted)]
        return Sought([group for group in groups if group.mine], singles)

    def hashes(self) -> frozenset[bytes]:
        """Give all that these records' people are known by."""
        joined = [group.hashes[n] for group in self.groups for n in group.held]
        joined += [single.hashes for single in self.singles]
        return frozenset(one for hashes in joined for one in split(hashes))


class Along(NamedTuple):
    """What a look along places has come to: which may hold something, the last that was looked at, whether it was the end."""

    places: Sequence[int]
    upto: int
    done: bool


def look_along(connection: apsw.Connection, table: str, after: int, end: int, wanted: AbstractSet[bytes]) -> Along:
    """Look through the hashes in the next rows of a table, beyond the place `after` and before `end`, as many as is quick."""
    query = f"select place, subjects from {table} where place > ? and place < ? order by place limit ?"  # noqa: S608 - ours
    places: list[int] = []
    upto = after
    count = read = 0
    with closing(connection.execute(query, (after, end, LOOKED_AT_ONCE))) as rows:
        for upto, subjects in rows:
            count, read = count + 1, read + len(subjects)
            if may_hold(subjects, wanted):
                places.append(upto)
            if read >= BYTES_AT_ONCE or len(places) >= FOUND_AT_ONCE:
                return Along(places, upto, done=False)
    return Along(places, upto, done=count < LOOKED_AT_ONCE)


class Seeking:
    """Looks and finds. Belongs to the store's thread."""

    def __init__(self, memory: Memory) -> None:
        """Work on what the store's thread keeps."""
        self._connection = memory.connection
        self._names = memory.names
        self._vault = memory.vault
        self._lanes = memory.lanes
        self._latest = memory.latest
        self._subjects = memory.subjects
        self._seen = memory.seen
        self._codec = Codec()

    def look(self, storefront: int, before: Look, end: int = SPAN) -> Look:
        """Look through the next groups of a storefront, then the next exceptions: those that begin before the number `end`."""
        return self._look_aside(storefront, before, end) if before.since else self._look_through(storefront, before, end)

    def _look_through(self, storefront: int, before: Look, end: int) -> Look:
        """Look through the next groups."""
        start = base(storefront)
        places, upto, done = look_along(self._connection, "groups", start + before.upto, start + end, before.wanted)
        since = self._latest.now() if done else None
        return before._replace(upto=upto - start, places=(*before.places, *places), since=since)

    def _look_aside(self, storefront: int, before: Look, end: int) -> Look:
        """Look through the next exceptions."""
        found, left = [*before.singles], LOOKED_AT_ONCE
        *begin, seq = before.beyond
        for lane, held in sorted((state.number, held) for state in self._lanes.of(storefront) for held in _HELD):
            if [lane, held] < begin:
                continue
            rows = every(
                self._connection,
                "select seq, subjects from exceptions where lane = ? and state = ? and seq > ? and seq < ?"
                " and subjects is not null order by seq limit ?",
                (lane, held, seq if [lane, held] == begin else 0, end, left),
            )
            found += [(lane, one) for one, subjects in rows if may_hold(subjects, before.wanted)]
            left -= len(rows)
            if not left:
                return before._replace(beyond=(lane, held, rows[-1][0]), singles=tuple(found))
        return before._replace(singles=tuple(found), done=True)

    def look_for_order(self, storefront: int, order: EventId, before: Look, following: int, now: int) -> Look:
        """Look for the places of a purchase by its id. `following` is the next number that an event will get.

        Of what came in the last days it is known by the id where it lies; only what is older is looked through.
        """
        look = self.look(storefront, before, self._seen.first_recent(following, now))
        if not look.done:
            return look
        key, check = self._seen.identify(self._names.name(storefront), Kind.PURCHASE, order)
        sighting = self._seen.find(check, *self._seen.look_up([key]))
        if sighting is None or sighting.seq is None:
            return look._replace(upto=following - 1)
        start = base(storefront)
        query = "select place from groups where place between ? and ? order by place desc limit 1"
        found = [place for (place,) in every(self._connection, query, (start, start + sighting.seq))]
        aside = [(state.number, sighting.seq) for state in self._lanes.of(storefront)]
        return look._replace(
            upto=following - 1, places=tuple(dict.fromkeys((*look.places, *found))), singles=(*look.singles, *aside)
        )

    def seek(self, storefront: int, look: Look) -> Sought:
        """Find what is held of whoever is known by one of the hashes that were looked for."""
        wanted = look.wanted
        groups = [*self._looked(look), *self._since(storefront, look)]
        found = [self._open(storefront, group, wanted) for group, subjects in groups if may_hold(subjects, wanted)]
        return Sought(
            [group for group in found if group is not None and group.mine],
            [single for state in self._lanes.of(storefront) for single in self._singles(state, look)],
        )

    def held(self, storefront: int, look: Look) -> tuple[Holding, ...]:
        """Tell what is held of a person, in the order of its numbers and, of one event, of the destinations."""
        sought = self.seek(storefront, look)
        found = [one for group in sought.groups for one in self._waiting(storefront, group)]
        found += [
            (single.seq, Holding(single.state.lane.destination, single.said, single.accepted_at, single.event))
            for single in sought.singles
            if single.event is not None
        ]
        return tuple(holding for _, holding in sorted(found, key=_order))

    def _waiting(self, storefront: int, group: Grouped) -> Iterator[tuple[int, Holding]]:
        for n in group.held:
            seq, event = group.first + group.filled[n], group.opened.events[n]
            for state in self._lanes.of(storefront):
                where = state.lane.destination
                if where in event.destinations and state.needs(seq, seq):
                    marked = any(mark.first <= seq <= mark.last for mark in state.marks)
                    yield seq, Holding(where, "maybe" if marked else "waiting", group.opened.ats[n], event)

    def _looked(self, look: Look) -> Iterator[tuple[Stored, bytes]]:
        """Read again what was looked at; a group may be gone by now, or be slimmer."""
        if look.places:
            query = f"{_GROUPS} where place in carray(?) order by place"
            yield from self._read(query, (apsw.carray(array("q", look.places)),))

    def _since(self, storefront: int, look: Look) -> Iterator[tuple[Stored, bytes]]:
        """Read what has come since the look."""
        start = base(storefront)
        yield from self._read(f"{_GROUPS} where place > ? and place < ? order by place", (start + look.upto, start + SPAN))

    def _read(self, query: str, bindings: tuple[object, ...]) -> Iterator[tuple[Stored, bytes]]:
        for place, at, data_key, sorts, blob, subjects in self._connection.execute(query, bindings):
            yield Stored(place, at, data_key, sorts, subjects, blob), subjects

    def _open(self, storefront: int, group: Stored, wanted: AbstractSet[bytes]) -> Grouped | None:
        """Open a group; one that does not open holds nothing that anybody can read or send."""
        name, first = self._names.name(storefront), group.place - base(storefront)
        cipher, places = self._vault.opening(group.data_key), filled(group.sorts)
        if cipher is None:
            return None
        try:
            kinds = [self._names.table[group.sorts[place]] for place in places]
            opened = self._codec.open(cipher, group_place(name, first, group.sorts), group.blob, kinds)
        except (Unreadable, IndexError):
            return None
        beside = zip(opened.events, parted(group.subjects, opened.events), strict=True)
        hashes = [self._sure(name, event, its, wanted) for event, its in beside]
        mine = [n for n, one in enumerate(hashes) if hold(one, wanted)]
        held = [n for n in mine if self._waits(storefront, first + places[n], opened.events[n])]
        return Grouped(group, first, places, opened, hashes, mine, held)

    def _sure(self, name: StorefrontId, event: Minimised, beside: bytes | None, wanted: AbstractSet[bytes]) -> bytes:
        """Give a record's hashes as they lie beside its group; whoever would be found by them is found by the record itself."""
        return self._subjects.of_record(name, event) if beside is None or hold(beside, wanted) else beside

    def _waits(self, storefront: int, seq: int, event: Minimised) -> bool:
        states = self._lanes.of(storefront)
        return any(state.lane.destination in event.destinations and state.needs(seq, seq) for state in states)

    def _singles(self, state: LaneState, look: Look) -> list[Single]:
        """Find the person's exceptions of a lane: among those that were found and those that came since, or among all."""
        came = None if look.since is None else self._latest.since(look.since)
        if came is None:
            rows = every(self._connection, f"{_SINGLES} and state between ? and ?", (state.number, Held.RETRY, Held.DEAD))
        else:
            seqs = sorted({seq for lane, seq in (*look.singles, *came) if lane == state.number})
            query = f"{_SINGLES} and state in (?, ?, ?) and seq in carray(?)"
            rows = every(self._connection, query, (state.number, *_HELD, apsw.carray(array("q", seqs)))) if seqs else []
        return [self._single(state, held, seq) for held, seq, subjects in rows if hold(subjects, look.wanted)]

    def _single(self, state: LaneState, held: int, seq: int) -> Single:
        ((sort, reason, accepted_at, maybe_since, data_key, blob, subjects),) = every(
            self._connection,
            "select sort, reason, accepted_at, maybe_since, data_key, blob, subjects from exceptions"
            " where lane = ? and state = ? and seq = ?",
            (state.number, held, seq),
        )
        event = self._open_single(state, seq, sort, data_key, blob)
        return Single(state, Held(held), seq, sort, reason, accepted_at, maybe_since, subjects, event)

    def _open_single(self, state: LaneState, seq: int, sort: int, data_key: int, blob: bytes) -> Minimised | None:
        cipher, place = self._vault.opening(data_key), single_place(state.lane.storefront, state.lane.destination, seq)
        if cipher is None:
            return None
        try:
            return self._codec.open(cipher, place, blob, [self._names.table[sort]]).events[0]
        except (Unreadable, IndexError):
            return None


def _order(found: tuple[int, Holding]) -> tuple[int, int]:
    seq, holding = found
    return seq, _DESTINATIONS.index(holding.destination)


_DESTINATIONS: Final = tuple(Destination)
_SINGLES: Final = "select state, seq, subjects from exceptions where lane = ? and subjects is not null"
_GROUPS: Final = "select place, at, data_key, sorts, blob, subjects from groups"
