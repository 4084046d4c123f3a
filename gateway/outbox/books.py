"""The accounts: counts that are added up in the very transactions that make them true.

A line is a text such as `1|received|events|purchase|accepted|` or `1|value|meta|EUR|delivered`, and a number. A
transaction collects its additions and writes them in one statement, and in another one by the hour (`figures.py`).
"""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Final, NamedTuple

import apsw

from gateway.model import EXPONENTS, Destination, Kind, Money, PlatformCode, Processing, Reason, Source, Status
from gateway.outbox import Book
from gateway.outbox.figures import Figures
from gateway.outbox.history import ACCEPTED, HOUR_SECONDS, SETTLED, VALUE
from gateway.outbox.schema import every

DELIVERED: Final = "delivered"
DEAD: Final = "dead"
WITHDRAWN: Final = "withdrawn"

_DIGITS: Final = 20

MOST_TEXTS: Final = 10_000

Line = tuple[int | str, ...]
"""Storefront's number, name of the account, and its parts in order."""


class _Entry(NamedTuple):
    account: str
    parts: list[str]
    n: int


class Books:
    """Collects additions and writes them. Belongs to the store's thread."""

    def __init__(self, connection: apsw.Connection, figures: Figures) -> None:
        """Begin with nothing collected. Whoever adds says first when that is (`at`)."""
        self._connection = connection
        self._figures = figures
        self._hour: int | None = None
        self._texts: dict[Line, tuple[int, str]] = {}
        self._open: defaultdict[Line, int] = defaultdict(int)
        self._hourly: defaultdict[tuple[int | None, Line], int] = defaultdict(int)

    def at(self, now: int) -> None:
        """Say when what is added next happens (Unix seconds)."""
        self._hour = now // HOUR_SECONDS

    def add(self, count: int, *line: int | str) -> None:
        """Add to a line: the storefront's number, the account and its parts. What a replay takes back is less than 0."""
        self._open[line] += count
        self._hourly[self._hour, line] += count

    def note(self, count: int, *line: int | str) -> None:
        """Add to a line that only the figures have."""
        self._hourly[self._hour, line] += count

    def accept(self, count: int, storefront: int, where: Destination, kind: Kind) -> None:
        """Add events accepted for a destination."""
        self._open[storefront, ACCEPTED, where] += count
        self.note(count, storefront, ACCEPTED, where, kind)

    def value(self, minor: int, storefront: int, where: Destination, kind: Kind, currency: str, outcome: str) -> None:  # noqa: PLR0913, PLR0917 - a line of the books, part by part
        """Add order value, in the currency's minor units."""
        self._open[storefront, VALUE, where, currency, outcome] += minor
        self.note(minor, storefront, VALUE, where, currency, outcome, kind)

    def end(  # noqa: PLR0913, PLR0917 - a line of the books, part by part
        self, count: int, storefront: int, where: Destination, kind: Kind, money: Money | None, outcome: str, reason: Reason
    ) -> None:
        """Add one record with its money to what ended in this way, or take it off again: `count` is 1 or -1."""
        self.add(count, storefront, SETTLED, where, kind, outcome, reason)
        if money is not None:
            self.value(count * money.minor, storefront, where, kind, money.currency, outcome)

    def write(self) -> None:
        """Write what was collected, inside the transaction under way."""
        if not self._hourly:
            return
        hourly: dict[tuple[int, int, str], int] = {}
        for (hour, line), count in self._hourly.items():
            if hour is None:
                raise RuntimeError("outbox: something was added to the books without saying when")
            storefront, text = self._written(line)
            hourly[storefront, hour, text] = count
        self._hourly.clear()
        self._figures.add(hourly)
        additions = tuple(
            f"{count:0{_DIGITS}d}{line[0]}|{self._written(line)[1]}" for line, count in self._open.items() if count
        )
        self._open.clear()
        if additions:
            self._connection.execute(
                f"insert into books(line, n) select substr(value, {_DIGITS + 1}), cast(substr(value, 1, {_DIGITS}) as integer)"  # noqa: S608 - a constant, no input
                " from carray(?) where true on conflict(line) do update set n = n + excluded.n",
                (apsw.carray(additions),),
            )

    def _written(self, line: Line) -> tuple[int, str]:
        """Give a line's storefront, and the rest as text. A transaction has the lines that the one before it had."""
        known = self._texts.get(line)
        if known is None:
            if len(self._texts) >= MOST_TEXTS:
                self._texts.clear()
            storefront, *parts = line
            known = self._texts[line] = (int(storefront), "|".join(map(str, parts)))
        return known

    def read(self, storefront: int, waiting: Mapping[Destination, int], pending: Mapping[Destination, int]) -> Book:
        """Put a storefront's accounts together; `waiting` and `pending` are counted elsewhere."""
        received: dict[tuple[Source, Kind | None, Status, str], int] = {}
        accepted: dict[Destination, int] = {}
        settled: dict[tuple[Destination, Kind, str, Reason], int] = {}
        replayed: dict[Destination, int] = {}
        value: dict[tuple[Destination, str, str], Decimal] = {}
        processed: dict[tuple[Destination, Processing, PlatformCode | None], int] = {}
        differing = 0
        for account, parts, count in self._lines(storefront):
            match account:
                case "received":
                    source, kind, status, reason = parts
                    received[Source(source), Kind(kind) if kind else None, Status(status), reason] = count
                case "differing":
                    differing = count
                case "accepted":
                    accepted[Destination(parts[0])] = count
                case "settled":
                    destination, kind, outcome, reason = parts
                    settled[Destination(destination), Kind(kind), outcome, Reason(reason)] = count
                case "replayed":
                    replayed[Destination(parts[0])] = count
                case "processed":
                    destination, processing, code = parts
                    said = PlatformCode.unsealed(code) if code else None
                    processed[Destination(destination), Processing(processing), said] = count
                case _:
                    destination, currency, outcome = parts
                    value[Destination(destination), currency, outcome] = Decimal(count).scaleb(-EXPONENTS.get(currency, 2))
        return Book(received, differing, accepted, settled, waiting, value, processed, pending, replayed)

    def _lines(self, storefront: int) -> list[_Entry]:
        prefix = f"{storefront}|"
        rows = every(
            self._connection, "select line, n from books where line >= ? and line < ? and n != 0", (prefix, f"{storefront}}}")
        )
        lines = ((line.split("|"), count) for line, count in rows)
        return [_Entry(account, parts, count) for (_, account, *parts), count in lines]
