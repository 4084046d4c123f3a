"""The lanes: how far each destination of each storefront is, and how much is waiting in it.

A lane's cursor says that all up to it is settled or set aside; what follows waits in the groups. What was set aside is a
backlog: a stretch of the sequence with a cursor of its own, and a lane has as many as it was overtaken by time. Marks
say which of all that a courier was about to send, and since when: should it die then, the platform may have those. Only
exceptions have rows of their own. A group goes when no lane of its storefront has anything waiting in it.
"""

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import closing
from enum import IntEnum, unique
from typing import Final, NamedTuple

import apsw

from gateway.model.words import Destination
from gateway.outbox.answers import Waiting
from gateway.outbox.engine.names import Names
from gateway.outbox.engine.schema import SPAN, base
from gateway.outbox.work import Lane
from gateway.storage.file import first, one


@unique
class Held(IntEnum):
    """What an exception is being kept for; stored."""

    RETRY = 0
    PARKED = 1
    """Its destination was taken out of the settings."""
    DEAD = 2
    WITHDRAWN = 3


def say(held: Held, *, maybe: bool) -> str:
    """How people call the state of an exception; `maybe`: the platform may have it."""
    match held:
        case Held.RETRY:
            return "maybe" if maybe else "retrying"
        case Held.PARKED:
            return "waiting"
        case Held.DEAD:
            return "dead"
        case Held.WITHDRAWN:
            return "withdrawn"


class Mark(NamedTuple):
    """The records first … last of a lane were about to leave at `since`."""

    number: int
    first: int
    last: int
    since: int


class Backlog(NamedTuple):
    """What follows `cursor`, up to and with `upto`, was set aside; `upto` is the last record of a group."""

    cursor: int
    upto: int


class LaneState:
    """One lane, in the store's thread. `cursor` is None once the lane was taken away and its backlog parked."""

    __slots__ = (
        "backlogs",
        "behind",
        "cursor",
        "dead",
        "lane",
        "marks",
        "number",
        "oldest_behind",
        "oldest_fresh",
        "oldest_retry",
        "paused_at",
        "retrying",
        "robbed",
        "storefront",
        "waiting",
    )

    def __init__(self, number: int, storefront: int, lane: Lane, cursor: int | None) -> None:
        """Begin with nothing counted."""
        self.number = number
        self.storefront = storefront
        self.lane = lane
        self.cursor = cursor
        self.backlogs: list[Backlog] = []
        """In their order, so the oldest first."""
        self.marks: list[Mark] = []
        self.waiting = 0
        """Records after the cursor."""
        self.behind = 0
        """Records that were set aside."""
        self.retrying = 0
        """Exceptions to be tried again, parked ones among them."""
        self.dead = 0
        self.paused_at: int | None = None
        """When somebody stopped the lane; None while nobody has."""
        self.robbed = False
        """Whether records may have been taken out of the hands of the claim under way, because their person withdrew."""
        self.oldest_fresh: int | None = None
        self.oldest_behind: int | None = None
        self.oldest_retry: int | None = None

    def figures(self) -> Waiting:
        """Give what is undelivered as the outside sees it."""
        ages = [at for at in (self.oldest_fresh, self.oldest_behind, self.oldest_retry) if at is not None]
        waiting = self.waiting + self.behind
        return Waiting(waiting, self.retrying, self.dead, min(ages, default=None), self.behind, self.oldest_fresh)

    def needs(self, first: int, last: int) -> bool:
        """Say whether anything waits in this stretch of the sequence: after the cursor, or in a part that was set aside."""
        if self.cursor is None:
            return False
        if last > self.cursor:
            return True
        at = bisect_left(self.backlogs, first, key=_upto)
        return at < len(self.backlogs) and self.backlogs[at].cursor < last

    def stretches(self) -> Iterator[tuple[int, int]]:
        """Give the first and last number of each stretch that the lane needs, the endless last one included."""
        if self.cursor is not None:
            yield from ((cursor + 1, upto) for cursor, upto in self.backlogs)
            yield self.cursor + 1, SPAN - 1


def _upto(backlog: Backlog) -> int:
    return backlog.upto


class Counted(NamedTuple):
    """What waits in a lane, counted from the groups: after the cursor and set aside, and when the oldest was accepted."""

    waiting: int = 0
    oldest_fresh: int | None = None
    behind: int = 0
    oldest_behind: int | None = None


class Stored(NamedTuple):
    """A group as it lies in the store."""

    place: int
    at: int
    data_key: int
    sorts: bytes
    subjects: bytes
    blob: bytes


_WHOLE: Final = "select place, at, data_key, sorts, subjects, blob from groups where place between ? and ? order by place"
_SLIM: Final = "select place, at, data_key, sorts, x'', x'' from groups where place between ? and ? order by place"
_MOST_GROUPS: Final = 1_000
"""Groups read for one claim, however few of their records go to its destination."""


_MOST_TALLIES: Final = 16
"""Counts under way at the same time; who gives up in the middle leaves one behind."""

EMPTY: Final = 0
"""Stands as the sort of a record whose place in its group was emptied: it goes nowhere."""


def count_wanted(sorts: bytes, wanted: bytes) -> int:
    """Count the records whose sort is among the wanted ones."""
    return len(sorts) - len(sorts.translate(None, wanted))


class _Census:
    """Counts what waits in a lane, from the groups of its storefront in their order."""

    def __init__(self, state: LaneState, wanted: bytes) -> None:
        """Count records whose sort is among the wanted ones."""
        self._wanted = wanted
        self._stretches = list(state.stretches())
        self._fresh = len(self._stretches) - 1
        self._at = 0
        self._counts = [0, 0]
        self._oldest: list[int | None] = [None, None]

    def add(self, first: int, at: int, sorts: bytes) -> None:
        """Add what waits of the next group."""
        stretches, nth = self._stretches, self._at
        while nth <= self._fresh and stretches[nth][1] < first:
            nth += 1
        self._at = nth
        while nth <= self._fresh and stretches[nth][0] < first + len(sorts):
            start, end = stretches[nth]
            if count := count_wanted(sorts[max(0, start - first) : end + 1 - first], self._wanted):
                fresh = nth == self._fresh
                self._counts[fresh] += count
                if self._oldest[fresh] is None:
                    self._oldest[fresh] = at
            nth += 1

    def counted(self) -> Counted:
        """Give the sums."""
        return Counted(self._counts[True], self._oldest[True], self._counts[False], self._oldest[False])


class Tally:
    """What waits in a storefront's lanes, counted a piece at a time: as it is at this moment, of what is numbered up to `upto`.

    It is kept right while lanes move on, until it is ended or too many others were begun. Opaque to everybody else.
    """

    def __init__(self, storefront: int) -> None:
        """Begin with nothing counted."""
        self.storefront = storefront
        self.upto = 0
        self.waiting: Counter[LaneState] = Counter()


class Lanes:
    """All lanes of the store. Belongs to the store's thread; after a rollback it is loaded anew."""

    def __init__(self, connection: apsw.Connection, names: Names) -> None:
        """Load cursors and marks, and count what is waiting."""
        self._connection = connection
        self._names = names
        self.states: dict[Lane, LaneState] = {}
        self.touched: set[LaneState] = set()
        """Lanes whose figures changed since they were last told to the outside."""
        self._tallies: deque[Tally] = deque(maxlen=_MOST_TALLIES)
        storefronts = {number: name for name, number in names.storefronts.items()}
        for number, storefront, destination, cursor in connection.execute(
            "select id, storefront, destination, cursor from lanes"
        ):
            lane = Lane(storefronts[storefront], Destination(destination))
            self.states[lane] = LaneState(number, storefront, lane, cursor)
        self._by_storefront: dict[int, list[LaneState]] = {}
        self._by_number: dict[int, LaneState] = {}
        for state in self.states.values():
            self._by_number[state.number] = state
            self._by_storefront.setdefault(state.storefront, []).append(state)
            self._load(state)
        for storefront in self._by_storefront:
            for state, counted in self.count(storefront).items():
                state.waiting, state.oldest_fresh, state.behind, state.oldest_behind = counted

    def _load(self, state: LaneState) -> None:
        pieces = self._connection.execute("select cursor, upto from backlogs where lane = ? order by upto", (state.number,))
        state.backlogs = [Backlog(*row) for row in pieces]
        rows = self._connection.execute("select id, first, last, since from marks where lane = ? order by id", (state.number,))
        state.marks = [Mark(*row) for row in rows]
        counts = self.count_exceptions(state)
        state.retrying = counts.get(Held.RETRY, 0) + counts.get(Held.PARKED, 0)
        state.dead = counts.get(Held.DEAD, 0)
        self.refresh_retry(state)
        paused = first(self._connection, "select at from pauses where lane = ?", (state.number,))
        state.paused_at = None if paused is None else paused[0]
        self.touched.add(state)

    def count(self, storefront: int) -> dict[LaneState, Counted]:
        """Count from the groups themselves what waits in each lane of a storefront."""
        counted, _, _ = self._count(storefront, 0, -1)
        return counted

    def _count(self, storefront: int, after: int, most: int) -> tuple[dict[LaneState, Counted], int, int]:
        """Count the same from the next groups, up to `most` of them; gives the last number in these, and how many they were."""
        counts = {state: _Census(state, self._names.wanted(state.lane.destination)) for state in self.of(storefront)}
        adds, start = [census.add for census in counts.values()], base(storefront)
        groups = 0
        for place, at, sorts in self._connection.execute(
            "select place, at, sorts from groups where place > ? and place < ? order by place limit ?",
            (start + after, start + SPAN, most),
        ):
            groups, after = groups + 1, place - start + len(sorts) - 1
            for add in adds:
                add(place - start, at, sorts)
        return {state: census.counted() for state, census in counts.items()}, after, groups

    def tally(self, storefront: int) -> Tally:
        """Begin to count what waits, a piece at a time."""
        tally = Tally(storefront)
        self._tallies.append(tally)
        return tally

    def knows(self, tally: Tally) -> bool:
        """Say whether a tally was kept right: not after a rollback."""
        return tally in self._tallies

    def end(self, tally: Tally) -> None:
        """Keep a tally right no more."""
        self._tallies.remove(tally)

    def count_on(self, tally: Tally) -> bool:
        """Count the next groups; say whether there may be more."""
        counts, tally.upto, groups = self._count(tally.storefront, tally.upto, _MOST_GROUPS)
        tally.waiting.update({state: counted.waiting + counted.behind for state, counted in counts.items()})
        return groups == _MOST_GROUPS

    def settled(self, state: LaneState, before: int, upto: int, count: int) -> None:
        """Hear that of what is numbered after `before`, up to `upto`, so many wait no more; the groups are there still."""
        for tally in self._tallies:
            if tally.storefront == state.storefront and before < tally.upto:
                tally.waiting[state] -= count if upto <= tally.upto else self._count_wanted(state, before, tally.upto)

    def _count_wanted(self, state: LaneState, before: int, upto: int) -> int:
        """Count a lane's records after `before`, up to `upto`."""
        groups = self._read(state, Backlog(before, upto), upto - before, _SLIM)
        start, wanted = base(state.storefront), self._names.wanted(state.lane.destination)
        firsts = [(group.place - start, group.sorts) for group in groups]
        return sum(
            count_wanted(sorts[max(0, before + 1 - first) : max(0, upto + 1 - first)], wanted) for first, sorts in firsts
        )

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
            self._by_number[state.number] = state
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

    def pause(self, state: LaneState, at: int) -> bool:
        """Stop a lane; False if it is stopped."""
        if state.paused_at is not None:
            return False
        self._connection.execute("insert into pauses values (?, ?)", (state.number, at))
        state.paused_at = at
        self.touched.add(state)
        return True

    def resume(self, state: LaneState) -> bool:
        """Let a lane go on; False if it does."""
        if state.paused_at is None:
            return False
        self._connection.execute("delete from pauses where lane = ?", (state.number,))
        state.paused_at = None
        self.touched.add(state)
        return True

    # ── what arrives ─────────────────────────────────────────────────────────────────────────────────────────────

    def of(self, storefront: int) -> list[LaneState]:
        """Give the lanes of a storefront, those taken away among them."""
        return self._by_storefront.get(storefront, [])

    def by_number(self, number: int) -> LaneState:
        """Give a lane by its number."""
        return self._by_number[number]

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
        return self._read(state, Backlog(state.cursor or 0, SPAN - 1), most, _WHOLE)

    def behind(self, state: LaneState, most: int) -> list[Stored]:
        """Read the groups that hold the lane's oldest backlog, until they hold `most` of its records."""
        return self._read(state, state.backlogs[0], most, _WHOLE)

    def _read(self, state: LaneState, stretch: Backlog, most: int, query: str) -> list[Stored]:
        start, after = base(state.storefront), stretch.cursor + 1
        wanted = self._names.wanted(state.lane.destination)
        (from_place,) = one(
            self._connection,
            "select coalesce((select max(place) from groups where place between ? and ?), ?)",
            (start, start + after, start + after),
        )
        groups: list[Stored] = []
        with closing(self._connection.execute(query, (from_place, start + stretch.upto))) as rows:
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
        before = state.cursor or 0
        self.settled(state, before, upto, settled)
        state.cursor = upto
        state.waiting -= settled
        self._connection.execute("update lanes set cursor = ? where id = ?", (upto, state.number))
        self.refresh_fresh(state)
        self._moved(state, before, upto)

    def move_backlog(self, state: LaneState, upto: int, settled: int) -> None:
        """The same for the cursor of the lane's oldest backlog, which ends where it meets its end."""
        backlog = state.backlogs.pop(0)
        self.settled(state, backlog.cursor, upto, settled)
        if upto < backlog.upto:
            state.backlogs.insert(0, Backlog(upto, backlog.upto))
            self._connection.execute(
                "update backlogs set cursor = ? where lane = ? and upto = ?", (upto, state.number, backlog.upto)
            )
        else:
            self._connection.execute("delete from backlogs where lane = ? and upto = ?", (state.number, backlog.upto))
        state.behind -= settled
        self.refresh_behind(state)
        self._moved(state, backlog.cursor, upto)

    def _moved(self, state: LaneState, before: int, upto: int) -> None:
        """Drop what only the stretch after `before`, up to `upto`, was needed for."""
        gone = [mark for mark in state.marks if not state.needs(mark.first, mark.last)]
        if gone:
            self._connection.executemany("delete from marks where id = ?", [(mark.number,) for mark in gone])
            state.marks = [mark for mark in state.marks if mark not in gone]
        self.touched.add(state)
        for first_free, last_free in self._free(state.storefront, before, upto):
            self._delete_groups(base(state.storefront), first_free, last_free)

    def _free(self, storefront: int, before: int, upto: int) -> list[tuple[int, int]]:
        """Give the stretches that no lane needs, as far as they reach, of those that touch what was just settled."""
        needed = sorted(stretch for state in self.of(storefront) for stretch in state.stretches())
        free, begin = [], 0
        for start, end in needed:
            if start > begin:
                free.append((begin, start - 1))
            begin = max(begin, end + 1)
        return [(start, end) for start, end in free if end > before and start <= upto]

    def _delete_groups(self, start: int, first_free: int, last_free: int) -> None:
        """Delete the groups that lie wholly in a stretch; only its last one can stick out."""
        (last,) = one(
            self._connection,
            "select max(place) from groups where place between ? and ? and place + length(sorts) - 1 <= ?",
            (start + first_free, start + last_free, start + last_free),
        )
        if last is not None:
            self._connection.execute("delete from groups where place between ? and ?", (start + first_free, last))

    def set_aside(self, state: LaneState, before: int) -> None:
        """Make a backlog of the groups after the cursor that came before `before` (Unix seconds).

        Read from the end of the sequence back to the youngest of them, so it costs what stays fresh and not what is old.
        """
        start, wanted, cursor = base(state.storefront), self._names.wanted(state.lane.destination), state.cursor or 0
        kept, upto = 0, cursor
        with closing(
            self._connection.execute(
                "select place, at, sorts from groups where place >= ? and place < ? order by place desc", (start, start + SPAN)
            )
        ) as rows:
            for place, at, sorts in rows:
                end = place - start + len(sorts) - 1
                if end <= cursor:
                    break
                if at < before:
                    upto = end
                    break
                kept += count_wanted(sorts[max(0, cursor + 1 - (place - start)) :], wanted)
        if upto > cursor and kept < state.waiting:
            self._set_aside(state, Backlog(cursor, upto), state.waiting - kept)

    def _set_aside(self, state: LaneState, backlog: Backlog, count: int) -> None:
        if state.backlogs and state.backlogs[-1].upto == backlog.cursor:
            last = state.backlogs.pop()
            self._connection.execute("delete from backlogs where lane = ? and upto = ?", (state.number, last.upto))
            backlog = Backlog(last.cursor, backlog.upto)
        self._connection.execute("insert into backlogs values (?, ?, ?)", (state.number, backlog.upto, backlog.cursor))
        self._connection.execute("update lanes set cursor = ? where id = ?", (backlog.upto, state.number))
        state.backlogs.append(backlog)
        state.cursor = backlog.upto
        state.waiting -= count
        state.behind += count
        self.refresh_fresh(state)
        self.refresh_behind(state)
        self.touched.add(state)

    def refresh_fresh(self, state: LaneState) -> None:
        """Find out anew how long the oldest record after the cursor has been waiting."""
        groups = self._read(state, Backlog(state.cursor or 0, SPAN - 1), 1, _SLIM) if state.waiting else []
        state.oldest_fresh = groups[-1].at if groups else None

    def refresh_behind(self, state: LaneState) -> None:
        """Find out anew how long the oldest record that was set aside has been waiting."""
        groups = self._read(state, state.backlogs[0], 1, _SLIM) if state.behind and state.backlogs else []
        state.oldest_behind = groups[-1].at if groups else None

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
