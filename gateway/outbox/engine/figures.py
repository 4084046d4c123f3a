"""The figures: what the books are given, also by the hour in which it was booked, in the same transaction.

A line is stored once as text and then named by its number. A row's key is one integer: the storefront's number, the hour
since 1970 and the line's number, 23, 20 and 20 bits; so a storefront's hours lie together in their order, in about 14
bytes each, and are read as one range.

Once a storefront's day is over, its hours are added up as a day beside them. Hours are kept for 35 days, days as long as
the engine is told; what is older is one sum without a date, so that all figures together are the books, always. Nothing
is booked into a day that is over: should the clock go back, the first open hour is taken.
"""

from array import array
from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import Final, NamedTuple

import apsw

from gateway.outbox.history import HOUR_SECONDS, HOURS_KEPT, Figure, Grain, Stretch, day_begins, day_ends, read_line
from gateway.storage.file import Row, every, one

_LINE_BITS: Final = 20
_HOUR_BITS: Final = 20
_LINES: Final = 1 << _LINE_BITS
_LAST_HOUR: Final = (1 << _HOUR_BITS) - 1
_UNDATED: Final = 0
"""The hour of what has none: booked before there were figures, or too long ago."""

_DIGITS: Final = 20
_ADD_HOURS: Final = (
    f"insert into figure_hours select cast(substr(value, {_DIGITS + 1}) as integer), cast(substr(value, 1, {_DIGITS})"  # noqa: S608 - constants
    " as integer) from carray(?) where true on conflict(key) do update set n = n + excluded.n"
)
_SUM_HOURS, _SUM_DAYS = (
    f"insert into figure_days select ? | (key & {_LINES - 1}), sum(n) from figure_{table} where key >= ? and key < ?"  # noqa: S608 - constants
    " group by 1 having sum(n) != 0 on conflict(key) do update set n = n + excluded.n"
    for table in ("hours", "days")
)


HOURS_AT_A_TIME: Final = {Grain.HOUR: 96, Grain.DAY: 100 * 24}
"""What is told in one piece: some ten thousand rows of a busy storefront. Where only some figures are wanted, more hours."""
_FEWER: Final = 6


class Piece(NamedTuple):
    """A piece of a history: its stretches, and the hour from which it goes on; None when that was all."""

    stretches: list[Stretch]
    goes_on: int | None


class Figures:
    """Keeps the figures. Belongs to the store's thread."""

    def __init__(self, connection: apsw.Connection) -> None:
        """Load the lines' numbers, and up to where each storefront's days are added up."""
        self._connection = connection
        self._numbers: dict[str, int] = {}
        self._lines: dict[int, Figure] = {}
        for number, line in connection.execute("select id, line from figure_lines"):
            self._numbers[line] = number
            self._lines[number] = read_line(line)
        self._upto: dict[int, int] = dict(every(connection, "select storefront, upto from figure_folds"))
        self.closed = {storefront: upto * HOUR_SECONDS for storefront, upto in self._upto.items()}
        """Before when nothing changes but by retention (Unix seconds), by storefront: what the outside has not heard yet."""

    def add(self, additions: Mapping[tuple[int, int, str], int]) -> None:
        """Write additions by storefront, hour and line, inside the transaction under way."""
        rows: list[str] = []
        firsts: dict[tuple[int, int], int] = {}  # a transaction has many lines of few hours
        for (storefront, hour, line), count in additions.items():
            if count:
                first = firsts.get((storefront, hour))
                if first is None:
                    first = firsts[storefront, hour] = self._first_open(storefront, hour)
                rows.append(f"{count:0{_DIGITS}d}{first | (self._numbers.get(line) or self._number(line))}")
        if rows:
            self._connection.execute(_ADD_HOURS, (apsw.carray(tuple(rows)),))

    def _first_open(self, storefront: int, hour: int) -> int:
        """Give the first key of an hour, or of the first that is open where that one is over."""
        open_from = self._upto.get(storefront, _UNDATED)
        return _first_key(storefront, min(max(hour, open_from, _UNDATED + 1), _LAST_HOUR))

    def _number(self, line: str) -> int:
        """Number a line that is new."""
        self._connection.execute("insert into figure_lines(line) values (?)", (line,))
        number = self._connection.last_insert_rowid()
        if number >= _LINES:
            raise OverflowError("outbox: more lines of figures than can be numbered")
        self._numbers[line] = number
        self._lines[number] = read_line(line)
        return number

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────

    def piece(  # noqa: PLR0913, PLR0917 - what is asked, part by part
        self,
        storefront: int,
        zone: tzinfo | None,
        grain: Grain,
        first: int,
        last: int,
        only: tuple[type[Figure], ...] = (),
    ) -> Piece:
        """Tell what begins from hour `first` to before hour `last`, as much as is told in one piece.

        By the day, those that are added up come first, and then the hours that lie beside no day yet. `only` these kinds of
        figures, or all.
        """
        told: list[Stretch] = []
        if grain is Grain.DAY and first <= _UNDATED:
            told += days(self.read(storefront, Grain.DAY, _UNDATED, min(_UNDATED + 1, last), only), zone)
        bounds = self._bounds(storefront)
        if bounds is None:
            return Piece(told, None)
        first, last, share = max(first, bounds[0]), min(last, bounds[1] + 1), _FEWER if only else 1
        upto = min(self._upto.get(storefront, _UNDATED), last) if grain is Grain.DAY else first
        if first < upto:
            end = min(upto, first + HOURS_AT_A_TIME[Grain.DAY] * share)
            told += days(self.read(storefront, Grain.DAY, first, end, only), zone)
            first = end
        if upto <= first < last:
            end = min(last, first + HOURS_AT_A_TIME[Grain.HOUR] * share)
            told += hours(self.read(storefront, Grain.HOUR, first, end, only))
            first = end
        return Piece(told, first if first < last else None)

    def _bounds(self, storefront: int) -> tuple[int, int] | None:
        """Give the first and the last hour of a storefront's dated figures, None where it has none."""
        keys = (_first_key(storefront, _UNDATED + 1), _first_key(storefront + 1, _UNDATED))
        found = [
            _hour(key)
            for table in ("days", "hours")
            for end in ("min", "max")
            if (key := self._outermost(end, table, keys)) is not None
        ]
        return (min(found), max(found)) if found else None

    def _outermost(self, end: str, table: str, keys: tuple[int, int]) -> int | None:
        query = f"select {end}(key) from figure_{table} where key >= ? and key < ?"  # noqa: S608 - one of two names each
        (key,) = one(self._connection, query, keys)
        return None if key is None else int(key)

    def read(
        self, storefront: int, grain: Grain, since: int, until: int, only: tuple[type[Figure], ...] = ()
    ) -> list[tuple[int, dict[Figure, int]]]:
        """Give rows of a table from hour `since` to before hour `until`: when each begins, and its figures.

        `only` these kinds of figures, or all.
        """
        table = "figure_days" if grain is Grain.DAY else "figure_hours"
        query = f"select key, n from {table} where key >= ? and key < ? and n != 0"  # noqa: S608 - one of two names
        bounds: Row = (_first_key(storefront, since), _first_key(storefront, until))
        if only:
            wanted = array("q", (number for number, figure in self._lines.items() if isinstance(figure, only)))
            if not wanted:
                return []
            query += f" and (key & {_LINES - 1}) in carray(?)"
            bounds = (*bounds, apsw.carray(wanted))
        found: list[tuple[int, dict[Figure, int]]] = []
        begun, lines = -1, self._lines
        figures: dict[Figure, int] = {}
        for key, count in self._connection.execute(query, bounds):
            hour = _hour(key)
            if hour != begun:
                begun, figures = hour, {}
                found.append((hour, figures))
            figures[lines[key & _LINES - 1]] = count
        return found

    # ── folding ──────────────────────────────────────────────────────────────────────────────────────────────────

    def fold(self, storefront: int, zone: tzinfo | None, now: int, days_kept: int) -> int:
        """Add up the days that are over, and delete what is kept no longer; gives how many rows went.

        `zone` is the storefront's; None is UTC.
        """
        upto = self._upto.get(storefront)
        if upto is None:
            oldest = self._outermost("min", "hours", (_first_key(storefront, _UNDATED), _first_key(storefront + 1, _UNDATED)))
            if oldest is None:
                return 0
            upto = day_begins(_hour(oldest) * HOUR_SECONDS, zone or UTC) // HOUR_SECONDS
        while (end := max(day_ends(upto * HOUR_SECONDS, zone or UTC) // HOUR_SECONDS, upto + 1)) * HOUR_SECONDS <= now:
            first = _first_key(storefront, upto)
            self._connection.execute(_SUM_HOURS, (first, first, _first_key(storefront, end)))
            upto = end
        if upto == self._upto.get(storefront):
            return 0
        self._upto[storefront] = upto
        self.closed[storefront] = upto * HOUR_SECONDS
        self._connection.execute("insert or replace into figure_folds values (?, ?)", (storefront, upto))
        return self._discard(storefront, min(upto, now // HOUR_SECONDS - HOURS_KEPT), now // HOUR_SECONDS - days_kept * 24)

    def _discard(self, storefront: int, hours_before: int, days_before: int) -> int:
        begin = _first_key(storefront, _UNDATED)
        self._connection.execute(
            "delete from figure_hours where key >= ? and key < ?", (begin, _first_key(storefront, max(hours_before, 0)))
        )
        gone = self._connection.changes()
        old = (_first_key(storefront, _UNDATED + 1), _first_key(storefront, max(days_before, 1)))
        self._connection.execute(_SUM_DAYS, (begin, *old))
        self._connection.execute("delete from figure_days where key >= ? and key < ?", old)
        return gone + self._connection.changes()


def _first_key(storefront: int, hour: int) -> int:
    return (storefront << _HOUR_BITS | hour) << _LINE_BITS


def _hour(key: int) -> int:
    return key >> _LINE_BITS & _LAST_HOUR


def days(found: list[tuple[int, dict[Figure, int]]], zone: tzinfo | None) -> list[Stretch]:
    """Say of rows of days when they ended."""
    return [
        Stretch(hour * HOUR_SECONDS, day_ends(hour * HOUR_SECONDS, zone or UTC) if hour else 0, figures)
        for hour, figures in found
    ]


def hours(found: list[tuple[int, dict[Figure, int]]]) -> list[Stretch]:
    """Say of rows of hours when they ended."""
    return [Stretch(hour * HOUR_SECONDS, (hour + 1) * HOUR_SECONDS, figures) for hour, figures in found]
