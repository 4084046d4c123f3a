"""The lanes: how far each destination of each storefront is, and how much is waiting in it.

A lane's cursor says that all up to it is settled; what follows waits in the groups. Marks say which of it a courier was
about to send, and since when: should it die then, the platform may have those. Only exceptions have rows of their own.
A group goes when every lane of its storefront is past it.
"""

from contextlib import closing
from enum import IntEnum, unique
from typing import Final, NamedTuple

import apsw

from gateway.model import Destination
from gateway.outbox import Lane, Waiting
from gateway.outbox.names import Names
from gateway.outbox.schema import SPAN, base, first, one


@unique
class Held(IntEnum):
    """What an exception is being kept for; stored."""

    RETRY = 0
    PARKED = 1
    """Its destination was taken out of the settings."""
    DEAD = 2
    WITHDRAWN = 3


class Mark(NamedTuple):
    """The records first … last of a lane were about to leave at `since`."""

    number: int
    first: int
    last: int
    since: int


class LaneState:
    """One lane, in the store's thread. `cursor` is None once the lane was taken away and its backlog parked."""

    __slots__ = (
        "cursor",
        "dead",
        "lane",
        "marks",
        "number",
        "oldest_fresh",
        "oldest_retry",
        "retrying",
        "storefront",
        "waiting",
    )

    def __init__(self, number: int, storefront: int, lane: Lane, cursor: int | None) -> None:
        """Begin with nothing counted."""
        self.number = number
        self.storefront = storefront
        self.lane = lane
        self.cursor = cursor
        self.marks: list[Mark] = []
        self.waiting = 0
        """Records after the cursor."""
        self.retrying = 0
        """Exceptions to be tried again, parked ones among them."""
        self.dead = 0
        self.oldest_fresh: int | None = None
        self.oldest_retry: int | None = None

    def figures(self) -> Waiting:
        """Give the backlog as the outside sees it: what follows the cursor, exceptions still to be tried, the dead."""
        ages = [at for at in (self.oldest_fresh, self.oldest_retry) if at is not None]
        return Waiting(self.waiting, self.retrying, self.dead, min(ages, default=None))


class Stored(NamedTuple):
    """A group as it lies in the store."""

    place: int
    at: int
    data_key: int
    sorts: bytes
    blob: bytes


_WHOLE: Final = "select place, at, data_key, sorts, blob from groups where place >= ? and place < ? order by place"
_SLIM: Final = "select place, at, data_key, sorts, x'' from groups where place >= ? and place < ? order by place"
_MOST_GROUPS: Final = 1_000
"""Groups read for one claim, however few of their records go to its destination."""


def count_wanted(sorts: bytes, wanted: bytes) -> int:
    """Count the records whose sort is among the wanted ones."""
    return len(sorts) - len(sorts.translate(None, wanted))


class Lanes:
    """All lanes of the store. Belongs to the store's thread; after a rollback it is loaded anew."""

    def __init__(self, connection: apsw.Connection, names: Names) -> None:
        """Load cursors and marks, and count what is waiting."""
        self._connection = connection
        self._names = names
        self.states: dict[Lane, LaneState] = {}
        self.touched: set[LaneState] = set()
        """Lanes whose figures changed since they were last told to the outside."""
        storefronts = {number: name for name, number in names.storefronts.items()}
        for number, storefront, destination, cursor in connection.execute(
            "select id, storefront, destination, cursor from lanes"
        ):
            lane = Lane(storefronts[storefront], Destination(destination))
            self.states[lane] = LaneState(number, storefront, lane, cursor)
        self._by_storefront: dict[int, list[LaneState]] = {}
        for state in self.states.values():
            self._by_storefront.setdefault(state.storefront, []).append(state)
            self._load(state)
        for storefront in self._by_storefront:
            for state, (waiting, oldest) in self.count(storefront).items():
                state.waiting, state.oldest_fresh = waiting, oldest

    def _load(self, state: LaneState) -> None:
        rows = self._connection.execute("select id, first, last, since from marks where lane = ? order by id", (state.number,))
        state.marks = [Mark(*row) for row in rows]
        counts = self.count_exceptions(state)
        state.retrying = counts.get(Held.RETRY, 0) + counts.get(Held.PARKED, 0)
        state.dead = counts.get(Held.DEAD, 0)
        self.refresh_retry(state)
        self.touched.add(state)

    def count(self, storefront: int) -> dict[LaneState, tuple[int, int | None]]:
        """Count from the groups themselves what waits after each lane's cursor, and when the oldest of it was accepted."""
        lanes = [(state, self._names.wanted(state.lane.destination), state.cursor) for state in self.of(storefront)]
        counts: dict[LaneState, tuple[int, int | None]] = {state: (0, None) for state, _, _ in lanes}
        start = base(storefront)
        for place, at, sorts in self._connection.execute(
            "select place, at, sorts from groups where place >= ? and place < ?", (start, start + SPAN)
        ):
            for state, wanted, cursor in lanes:
                if cursor is None:
                    continue
                count = count_wanted(sorts[max(0, cursor + 1 - place + start) :], wanted)
                if count:
                    before, oldest = counts[state]
                    counts[state] = before + count, at if oldest is None else oldest
        return counts

    def count_exceptions(self, state: LaneState) -> dict[Held, int]:
        """Count from the rows themselves what is held for each reason."""
        rows = self._connection.execute("select state, count(*) from exceptions where lane = ? group by state", (state.number,))
        return {Held(held): count for held, count in rows}

    # ── which there are ──────────────────────────────────────────────────────────────────────────────────────────

    def open(self, lane: Lane, last_seq: int) -> None:
        """Declare a lane. A new one begins after `last_seq`; one that comes back also gets what was parked for it."""
        state = self.states.get(lane)
        if state is None:
            storefront = self._names.storefront(lane.storefront)
            self._connection.execute(
                "insert into lanes(storefront, destination, cursor) values (?, ?, ?)", (storefront, lane.destination, last_seq)
            )
            state = LaneState(self._connection.last_insert_rowid(), storefront, lane, last_seq)
            self.states[lane] = state
            self._by_storefront.setdefault(storefront, []).append(state)
            self.touched.add(state)
            return
        if state.cursor is None:
            state.cursor = last_seq
            self._connection.execute("update lanes set cursor = ? where id = ?", (last_seq, state.number))
        self._connection.execute(
            "update exceptions set state = ?, due = 0 where lane = ? and state = ?", (Held.RETRY, state.number, Held.PARKED)
        )

    def take_away(self, state: LaneState) -> None:
        """End a lane whose backlog was parked, to the end of the sequence: it has no cursor and holds no group back."""
        self._connection.execute("update lanes set cursor = null where id = ?", (state.number,))
        self._connection.execute("delete from marks where lane = ?", (state.number,))
        state.cursor = None
        state.marks = []
        self.touched.add(state)

    # ── what arrives ─────────────────────────────────────────────────────────────────────────────────────────────

    def of(self, storefront: int) -> list[LaneState]:
        """Give the lanes of a storefront, those taken away among them."""
        return self._by_storefront.get(storefront, [])

    def arrived(self, storefront: int, sorts: bytes, at: int) -> None:
        """Count a new group of a storefront as waiting."""
        for state in self.of(storefront):
            count = count_wanted(sorts, self._names.wanted(state.lane.destination))
            if count:
                if not state.waiting:
                    state.oldest_fresh = at
                state.waiting += count
                self.touched.add(state)

    # ── what is stored ───────────────────────────────────────────────────────────────────────────────────────────

    def following(self, state: LaneState, most: int) -> list[Stored]:
        """Read the groups that hold what follows the lane's cursor, until they hold `most` of its records."""
        return self._following(state, most, _WHOLE)

    def _following(self, state: LaneState, most: int, query: str) -> list[Stored]:
        start, after = base(state.storefront), (state.cursor or 0) + 1
        wanted = self._names.wanted(state.lane.destination)
        (from_place,) = one(
            self._connection,
            "select coalesce((select max(place) from groups where place between ? and ?), ?)",
            (start, start + after, start + after),
        )
        groups: list[Stored] = []
        with closing(self._connection.execute(query, (from_place, start + SPAN))) as rows:
            for row in rows:
                group = Stored(*row)
                skipped = start + after - group.place
                if skipped >= len(group.sorts):
                    continue
                groups.append(group)
                most -= count_wanted(group.sorts[max(0, skipped) :], wanted)
                if most <= 0 or len(groups) >= _MOST_GROUPS:
                    break
        return groups

    def move(self, state: LaneState, upto: int, settled: int) -> None:
        """Put the lane's cursor forward over `settled` records, and delete the groups that no lane needs any more."""
        before = self._least(state.storefront)
        state.cursor = upto
        state.waiting -= settled
        self._connection.execute("update lanes set cursor = ? where id = ?", (upto, state.number))
        if state.marks:
            self._connection.execute("delete from marks where lane = ? and last <= ?", (state.number, upto))
            state.marks = [mark for mark in state.marks if mark.last > upto]
        self.refresh_fresh(state)
        self.touched.add(state)
        if self._least(state.storefront) != before:
            self.delete_settled(state.storefront)

    def _least(self, storefront: int) -> int | None:
        return min((state.cursor for state in self.of(storefront) if state.cursor is not None), default=None)

    def delete_settled(self, storefront: int) -> None:
        """Delete the storefront's groups that every lane is past."""
        start, least = base(storefront), self._least(storefront)
        upto = start + (SPAN - 1 if least is None else least)
        (last,) = one(
            self._connection,
            "select max(place) from groups where place between ? and ? and place + length(sorts) - 1 <= ?",
            (start, upto, upto),
        )
        if last is not None:
            self._connection.execute("delete from groups where place between ? and ?", (start, last))

    def refresh_fresh(self, state: LaneState) -> None:
        """Find out anew how long the oldest record after the cursor has been waiting."""
        state.oldest_fresh = None
        if state.waiting:
            groups = self._following(state, 1, _SLIM)
            state.oldest_fresh = groups[-1].at if groups else None

    def refresh_retry(self, state: LaneState) -> None:
        """Find out anew how long the oldest exception has been waiting."""
        ages = [self._oldest_held(state, held) for held in (Held.RETRY, Held.PARKED)] if state.retrying else []
        state.oldest_retry = min((at for at in ages if at is not None), default=None)

    def _oldest_held(self, state: LaneState, held: Held) -> int | None:
        found = first(
            self._connection,
            "select accepted_at from exceptions where lane = ? and state = ? order by seq limit 1",
            (state.number, held),
        )
        return None if found is None else int(found[0])
