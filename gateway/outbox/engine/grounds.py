"""The grounds: on which decisions events were taken or turned away, counted by day in the transaction that does so.

A decision is a trace without what was done to the event's fields: the rule, the signals with their states, who may have the
event and who may not, why. Few distinct ones exist; each is stored once as text. So what the books say of an event's
acceptance can be held against what allowed it, for as long as figures are kept. Belongs to the store's thread; after a
rollback it is made anew.
"""

from collections import Counter
from typing import Final

import apsw
import msgspec

from gateway.model.event import Trace
from gateway.outbox.shapes import Ground
from gateway.storage.file import every, one
from gateway.storage.vault import DAY_SECONDS

MOST_A_DAY: Final = 2_000
"""Distinct decisions of a storefront's day; the signals of more than these are not told apart. Few shops have fifty."""

_COUNT: Final = (
    "insert into ground_days(storefront, day, ground, n) values (?, ?, ?, ?)"
    " on conflict(storefront, day, ground) do update set n = n + excluded.n"
)


class Grounds:
    """Counts decisions. `add` is for each event, so it only adds to what is open; `write` writes it."""

    def __init__(self, connection: apsw.Connection) -> None:
        """Begin with nothing open."""
        self._connection = connection
        self._open: Counter[tuple[int, int, int]] = Counter()
        self._traces: dict[int, Trace] = {}
        self._numbers: dict[Trace, int] = {}

    def add(self, storefront: int, at: int, number: int, trace: Trace) -> None:
        """Add one event, received at `at` (Unix seconds); `number` is the trace's in `Names`, quicker to hash than it."""
        self._open[storefront, at // DAY_SECONDS, number] += 1
        self._traces[number] = trace

    def write(self) -> None:
        """Write what is open, inside the transaction under way."""
        sums: Counter[tuple[int, int, int]] = Counter()
        for (storefront, day, number), count in self._open.items():
            sums[storefront, day, self._ground(storefront, day, self._traces[number])] += count
        self._open.clear()
        self._traces.clear()
        self._connection.executemany(_COUNT, [(*where, count) for where, count in sums.items()])

    def _ground(self, storefront: int, day: int, trace: Trace) -> int:
        plain = msgspec.structs.replace(trace, remarks=0)
        number = self._numbers.get(plain)
        if number is not None:
            return number
        (met,) = one(self._connection, "select count(*) from ground_days where storefront = ? and day = ?", (storefront, day))
        if met >= MOST_A_DAY:
            plain = msgspec.structs.replace(plain, signals=())
        (number,) = one(
            self._connection,
            "insert into grounds(json) values (?) on conflict(json) do update set json = excluded.json returning id",
            (msgspec.json.encode(plain).decode(),),
        )
        if len(self._numbers) >= MOST_A_DAY:
            self._numbers.clear()
        if met < MOST_A_DAY:
            self._numbers[plain] = int(number)
        return int(number)

    def read(self, storefront: int, since: int, until: int) -> list[Ground]:
        """Tell a storefront's decisions of the days (UTC) that begin from `since` to before `until`, in Unix seconds."""
        rows = every(
            self._connection,
            "select day, json, n from ground_days, grounds"
            " where storefront = ? and ground = id and day * ? >= ? and day * ? < ? order by day, id",
            (storefront, DAY_SECONDS, since, DAY_SECONDS, until),
        )
        return [Ground(day * DAY_SECONDS, msgspec.json.decode(json, type=Trace), count) for day, json, count in rows]

    def discard(self, before: int) -> int:
        """Forget days that began before then, and decisions that no day has any more; gives how many of the days' rows."""
        self._connection.execute("delete from ground_days where day * ? < ?", (DAY_SECONDS, before))
        gone = self._connection.changes()
        if gone:
            self._connection.execute("delete from grounds where id not in (select ground from ground_days)")
            self._numbers.clear()
        return gone
