"""What has left, by shape: how often, since when and under which version of the contract, and which of it somebody looked at.

A batch has a few distinct shapes, so it costs a few rows however many events it has; a shape's text is stored once. When
one is new for a lane and a kind of event, its parts that are new there get a number each and wait to be acknowledged.
Belongs to the store's thread; after a rollback it is loaded anew.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import apsw

from gateway.model.words import Kind
from gateway.outbox.shapes import Breach, Decision, Departure, Left, Shape
from gateway.outbox.work import Lane
from gateway.storage.file import every, first

_LARGEST: Final = (1 << 63) - 1
"""No row's number is larger, and SQLite takes none; what somebody typed may be."""
_COUNT: Final = (
    "insert into departures(lane, kind, shape, contract, n, first, last) values (?, ?, ?, ?, ?, ?, ?)"
    " on conflict do update set n = n + excluded.n, first = min(first, excluded.first), last = max(last, excluded.last)"
)


class Departures:
    """The ledger of shapes."""

    def __init__(self, connection: apsw.Connection) -> None:
        """Load the shapes that are known, and how much waits to be acknowledged."""
        self._connection = connection
        self._shapes = {Shape.unsealed(text): number for number, text in connection.execute("select id, text from shapes")}
        self._met = set(connection.execute("select distinct lane, kind, shape from departures"))
        self.new = dict(connection.execute("select lane, count(*) from places where decision is null group by lane"))
        """Parts that wait to be acknowledged, by the lane's number."""
        self.touched: set[int] = set(self.new)
        """Lanes whose `new` changed since it was last told to the outside, by their numbers."""

    def note(self, lane: int, left: Sequence[Left], now: int) -> None:
        """Count events that are about to leave."""
        for one in left:
            shape = self.number(one.shape)
            self._connection.execute(_COUNT, (lane, one.kind, shape, one.contract, len(one.seqs), now, now))
            if (lane, one.kind, shape) not in self._met:
                self._meet(lane, one, now)
                self._met.add((lane, one.kind, shape))

    def breach(self, lane: int, places: Sequence[tuple[str, str]], contract: int, now: int) -> None:
        """Count what was kept from leaving."""
        self._connection.executemany(
            "insert into breaches(lane, path, found, contract, n, first, last) values (?, ?, ?, ?, 1, ?, ?)"
            " on conflict do update set n = n + 1, first = min(first, excluded.first), last = max(last, excluded.last)",
            [(lane, path, found, contract, now, now) for path, found in places],
        )

    def breaches(self, lanes: Mapping[int, Lane]) -> list[Breach]:
        """Tell all that was kept from leaving in these lanes, what was met last at the front."""
        return [
            Breach(lane, path, found, contract, count, begin, end)
            for number, lane in lanes.items()
            for path, found, contract, count, begin, end in every(
                self._connection,
                "select path, found, contract, n, first, last from breaches where lane = ? order by last desc, path",
                (number,),
            )
        ]

    def paths(self, number: int) -> tuple[str, ...]:
        """Give the key paths of a shape by its number."""
        row = first(self._connection, "select text from shapes where id = ?", (number,))
        return tuple(place.rpartition("=")[0] for place in ("" if row is None else row[0]).split())

    def number(self, shape: Shape) -> int:
        """Give a shape's number."""
        number = self._shapes.get(shape)
        if number is None:
            self._connection.execute("insert into shapes(text) values (?)", (shape,))
            number = self._shapes[shape] = self._connection.last_insert_rowid()
        return number

    def _meet(self, lane: int, left: Left, now: int) -> None:
        """Give the parts of a shape that is new here their numbers, those that are new themselves."""
        before = self._connection.total_changes()
        self._connection.executemany(
            "insert or ignore into places(lane, kind, place, at) values (?, ?, ?, ?)",
            [(lane, left.kind, place, now) for place in left.shape.split()],
        )
        self.new[lane] = self.new.get(lane, 0) + self._connection.total_changes() - before
        self.touched.add(lane)

    def acknowledge(self, lanes: Sequence[int], decision: Decision, upto: int, now: int) -> int:
        """Note that somebody looked at these lanes' parts up to a number; gives how many that were."""
        done = 0
        for lane in lanes:
            self._connection.execute(
                "update places set decision = ?, decided_at = ? where lane = ? and number <= ? and decision is null",
                (decision, now, lane, min(upto, _LARGEST)),
            )
            changed = self._connection.changes()
            self.new[lane] = self.new.get(lane, 0) - changed
            self.touched.add(lane)
            done += changed
        return done

    def read(self, lanes: Mapping[int, Lane]) -> list[Departure]:
        """Tell all that has left in these lanes, part by part, in the order in which it was first met."""
        return [departure for number, lane in lanes.items() for departure in self._read(number, lane)]

    def _read(self, number: int, lane: Lane) -> list[Departure]:
        sums: dict[tuple[str, str], _Sum] = {}
        for kind, text, contract, count, begin, end in self._connection.execute(
            "select kind, text, contract, n, first, last from departures, shapes where lane = ? and shape = id", (number,)
        ):
            for place in text.split():
                sums.setdefault((kind, place), _Sum(begin)).add(contract, count, begin, end)
        rows = every(
            self._connection,
            "select number, kind, place, decision, decided_at from places where lane = ? order by number",
            (number,),
        )
        return [
            sums[kind, place].told(lane, Kind(kind), place, row, None if decision is None else Decision.unsealed(decision), at)
            for row, kind, place, decision, at in rows
        ]


class _Sum:
    """Adds the shapes up that one part is in."""

    __slots__ = ("_contracts", "_count", "_first", "_last")

    def __init__(self, first: int) -> None:
        self._count, self._first, self._last = 0, first, first
        self._contracts: set[int] = set()

    def add(self, contract: int, count: int, first: int, last: int) -> None:
        """Add one shape's row."""
        self._count += count
        self._first, self._last = min(self._first, first), max(self._last, last)
        self._contracts.add(contract)

    def told(  # noqa: PLR0913, PLR0917 - the columns of one row
        self, lane: Lane, kind: Kind, place: str, number: int, decision: Decision | None, decided_at: int | None
    ) -> Departure:
        """Write the sum out."""
        path, _, value_kind = place.rpartition("=")
        return Departure(
            number=number,
            lane=lane,
            kind=kind,
            path=path,
            value_kind=value_kind,
            count=self._count,
            first_at=self._first,
            last_at=self._last,
            contracts=tuple(sorted(self._contracts)),
            decision=decision,
            decided_at=decided_at,
        )
