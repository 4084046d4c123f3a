"""The accounts: counts that are added up in the very transactions that make them true.

A line is a text such as `1|received|events|purchase|accepted|` or `1|value|meta|EUR|delivered|purchase`, and a number. A
transaction collects its additions and writes them in one statement, and in another one by the hour (`figures.py`).

What is undelivered follows from them: accepted less settled, in events and in order value. Only what is held as an exception
is a balance of its own, so that what is to be tried again can be told from what waits without opening either.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

import apsw

from gateway.model.money import EXPONENTS, Money
from gateway.model.texts import PlatformCode
from gateway.model.words import Destination, Kind, Processing, Reason, Source, Status
from gateway.outbox.answers import Book, Undelivered
from gateway.outbox.engine.figures import Figures
from gateway.outbox.history import ACCEPTED, DEAD_VALUE, HOUR_SECONDS, SETTLED, VALUE
from gateway.storage.file import every

DELIVERED: Final = "delivered"
DEAD: Final = "dead"
WITHDRAWN: Final = "withdrawn"

RETRYING: Final = "retrying"
RETRYING_VALUE: Final = "retrying_value"
LYING: Final = "lying"
"""Balances of now, which the figures do not have: exceptions to be tried again, their order value, and dead letters."""

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
        self._texts: dict[Line, str] = {}
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

    def hold(self, count: int, *line: int | str) -> None:
        """Add to a balance of now, or take from it where `count` is less than 0: a line that only the books have."""
        self._open[line] += count

    def accept(self, count: int, storefront: int, where: Destination, kind: Kind) -> None:
        """Add events accepted for a destination."""
        self.add(count, storefront, ACCEPTED, where, kind)

    def value(self, minor: int, storefront: int, where: Destination, kind: Kind, currency: str, outcome: str) -> None:  # noqa: PLR0913, PLR0917 - a line of the books, part by part
        """Add order value, in the currency's minor units."""
        self.add(minor, storefront, VALUE, where, currency, outcome, kind)

    def settle(self, count: int, storefront: int, where: Destination, kind: Kind, outcome: str, reason: Reason) -> None:  # noqa: PLR0913, PLR0917 - a line of the books, part by part
        """Add records that ended; the dead lie there then."""
        self.add(count, storefront, SETTLED, where, kind, outcome, reason)
        if outcome == DEAD:
            self.hold(count, storefront, LYING, where, kind)

    def worth(  # noqa: PLR0913, PLR0917 - a line of the books, part by part
        self, minor: int, storefront: int, where: Destination, kind: Kind, currency: str, outcome: str, reason: Reason
    ) -> None:
        """Add order value of records that ended; of the dead also by what they died of."""
        self.value(minor, storefront, where, kind, currency, outcome)
        if outcome == DEAD:
            self.note(minor, storefront, DEAD_VALUE, where, currency, kind, reason)

    def retry(self, count: int, storefront: int, where: Destination, kind: Kind, money: Money | None) -> None:
        """Add one record with its money to what is held to be tried again, or take it off again: `count` is 1 or -1."""
        self.hold(count, storefront, RETRYING, where, kind)
        if money is not None:
            self.hold(count * money.minor, storefront, RETRYING_VALUE, where, money.currency, kind)

    def end(  # noqa: PLR0913, PLR0917 - a line of the books, part by part
        self, count: int, storefront: int, where: Destination, kind: Kind, money: Money | None, outcome: str, reason: Reason
    ) -> None:
        """Add one record with its money to what ended in this way, or take it off again: `count` is 1 or -1."""
        self.settle(count, storefront, where, kind, outcome, reason)
        if money is not None:
            self.worth(count * money.minor, storefront, where, kind, money.currency, outcome, reason)

    def write(self) -> None:
        """Write what was collected, inside the transaction under way."""
        if not self._hourly and not self._open:
            return
        hourly: dict[tuple[int, int, str], int] = {}
        for (hour, line), count in self._hourly.items():
            if hour is None:
                raise RuntimeError("outbox: something was added to the books without saying when")
            hourly[int(line[0]), hour, self._written(line[1:])] = count
        self._hourly.clear()
        self._figures.add(hourly)
        additions = tuple(
            f"{count:0{_DIGITS}d}{line[0]}|{self._written(line[1:])}" for line, count in self._open.items() if count
        )
        self._open.clear()
        if additions:
            self._connection.execute(
                f"insert into books(line, n) select substr(value, {_DIGITS + 1}), cast(substr(value, 1, {_DIGITS}) as integer)"  # noqa: S608 - a constant, no input
                " from carray(?) where true on conflict(line) do update set n = n + excluded.n",
                (apsw.carray(additions),),
            )

    def _written(self, parts: Line) -> str:
        """Give an account and its parts as text. A transaction has those that the one before it had, of every storefront."""
        known = self._texts.get(parts)
        if known is None:
            if len(self._texts) >= MOST_TEXTS:
                self._texts.clear()
            known = self._texts[parts] = "|".join(map(str, parts))
        return known

    def read(self, storefront: int, waiting: Mapping[Destination, int], pending: Mapping[Destination, int]) -> Book:
        """Put a storefront's accounts together; `waiting` and `pending` are counted elsewhere."""
        received: dict[tuple[Source, Kind | None, Status, str], int] = {}
        accepted: Counter[Destination] = Counter()
        settled: dict[tuple[Destination, Kind, str, Reason], int] = {}
        replayed: dict[Destination, int] = {}
        minor: Counter[tuple[Destination, str, str]] = Counter()
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
                    accepted[Destination(parts[0])] += count
                case "settled":
                    destination, kind, outcome, reason = parts
                    settled[Destination(destination), Kind(kind), outcome, Reason(reason)] = count
                case "replayed":
                    replayed[Destination(parts[0])] = count
                case "processed":
                    destination, processing, code = parts
                    said = PlatformCode.unsealed(code) if code else None
                    processed[Destination(destination), Processing(processing), said] = count
                case "value":
                    destination, currency, outcome, _ = parts
                    minor[Destination(destination), currency, outcome] += count
                case _:
                    pass  # a balance of now
        value = {line: Decimal(amount).scaleb(-EXPONENTS.get(line[1], 2)) for line, amount in minor.items() if amount}
        return Book(received, differing, accepted, settled, waiting, value, processed, pending, replayed)

    def undelivered(self, storefront: int) -> list[Undelivered]:
        """Tell what is undelivered, by destination and kind of event, from the lines alone: however much it is."""
        sums: dict[tuple[Destination, Kind | None], _Undelivered] = {}
        for account, parts, count in self._lines(storefront):
            if account in _TOLD_OF:
                destination, kind = parts[0], parts[_TOLD_OF[account]]
                known = Destination(destination), Kind(kind) if kind else None
                sums.setdefault(known, _Undelivered()).add(account, parts, count)
        return [told for (where, kind), sum_ in sums.items() if (told := sum_.told(where, kind)) is not None]

    def _lines(self, storefront: int) -> list[_Entry]:
        prefix = f"{storefront}|"
        rows = every(
            self._connection, "select line, n from books where line >= ? and line < ? and n != 0", (prefix, f"{storefront}}}")
        )
        lines = ((line.split("|"), count) for line, count in rows)
        return [_Entry(account, parts, count) for (_, account, *parts), count in lines]


_TOLD_OF: Final = {ACCEPTED: 1, SETTLED: 1, VALUE: 3, RETRYING: 1, RETRYING_VALUE: 2, LYING: 1}
"""The accounts that tell of what is undelivered, and which of their parts is the kind of event."""


class _Undelivered:
    """Adds the lines up that tell of one kind of event at one destination."""

    def __init__(self) -> None:
        self._open = self._retrying = self._dead = 0
        self._open_minor: Counter[str] = Counter()
        self._retrying_minor: Counter[str] = Counter()

    def add(self, account: str, parts: Sequence[str], count: int) -> None:
        """Add a line."""
        match account:
            case "accepted":
                self._open += count
            case "settled":
                self._open -= count
            case "value":
                _, currency, outcome, _ = parts
                self._open_minor[currency] += count if outcome == ACCEPTED else -count
            case "retrying":
                self._retrying += count
            case "retrying_value":
                self._retrying_minor[parts[1]] += count
            case _:
                self._dead += count

    def told(self, where: Destination, kind: Kind | None) -> Undelivered | None:
        """Write the sums out, None where there is nothing."""
        waiting, retrying = self._open - self._retrying, self._retrying
        self._open_minor.subtract(self._retrying_minor)
        if not (waiting or retrying or self._dead or any(self._open_minor.values()) or any(self._retrying_minor.values())):
            return None
        return Undelivered(
            destination=where,
            kind=kind,
            waiting=waiting,
            retrying=retrying,
            dead=self._dead,
            waiting_value={currency: minor for currency, minor in self._open_minor.items() if minor},
            retrying_value={currency: minor for currency, minor in self._retrying_minor.items() if minor},
        )
