"""Numbers for what recurs: sorts of records and traces, like storefronts, are each stored once and then named by number.

Belongs to the store's thread. A number is given in the transaction that first needs it; after a rollback the whole
object is loaded anew.
"""

from typing import Final

import apsw
import msgspec

from gateway.model.event import Trace
from gateway.model.words import Destination, Kind
from gateway.outbox.engine.codec import Sort
from gateway.storage.file import first, one
from gateway.storage.storefronts import Storefronts

_MOST_SORTS: Final = 255
"""A record's sort is one byte; three kinds and three destinations make 21."""

_MOST_CACHED_TRACES: Final = 2_048


class Names(Storefronts):
    """The numbers given so far."""

    def __init__(self, connection: apsw.Connection) -> None:
        """Load storefronts and sorts; traces are looked up when they are needed."""
        super().__init__(connection)
        self._sorts: dict[Sort, int] = {}
        self._wanted: dict[Destination, bytes] = {}
        self.table: list[Sort] = [Sort(Kind.PURCHASE, ())]
        """The sorts by number; only ever appended to. Number 0 is none."""
        for kind, destinations in connection.execute("select kind, destinations from sorts order by id"):
            self._add_sort(Sort(Kind(kind), tuple(Destination(name) for name in destinations.split())))
        self._traces: dict[Trace, tuple[int, int]] = {}

    def sort(self, kind: Kind, destinations: tuple[Destination, ...]) -> int:
        """Give the number of a sort, 1 … 255."""
        sort = Sort(kind, destinations)
        number = self._sorts.get(sort)
        if number is None:
            if len(self.table) > _MOST_SORTS:
                raise OverflowError("outbox: more sorts of records than a byte can number")
            number = len(self.table)
            self._connection.execute("insert into sorts values (?, ?, ?)", (number, kind, " ".join(destinations)))
            self._add_sort(sort)
        return number

    def _add_sort(self, sort: Sort) -> None:
        self._sorts[sort] = len(self.table)
        self.table.append(sort)
        self._wanted.clear()

    def wanted(self, destination: Destination) -> bytes:
        """Give the numbers of the sorts that go to a destination."""
        wanted = self._wanted.get(destination)
        if wanted is None:
            wanted = bytes(number for number, sort in enumerate(self.table) if destination in sort.destinations)
            self._wanted[destination] = wanted
        return wanted

    def trace(self, trace: Trace, day: int) -> int:
        """Give the number of a trace, and note that it was used on this day."""
        cached = self._traces.get(trace)
        if cached is not None and cached[1] >= day:
            return cached[0]
        (number,) = one(
            self._connection,
            "insert into traces(day, json) values (?, ?) on conflict(json) do update set day = max(day, excluded.day)"
            " returning id",
            (day, msgspec.json.encode(trace).decode()),
        )
        if len(self._traces) >= _MOST_CACHED_TRACES:
            self._traces.clear()
        self._traces[trace] = number, day
        return int(number)

    def read_trace(self, number: int) -> Trace | None:
        """Give a trace by its number, None when it is gone."""
        found = first(self._connection, "select json from traces where id = ?", (number,))
        return None if found is None else msgspec.json.decode(found[0], type=Trace)

    def discard(self, before: int) -> int:
        """Delete traces that were last used before this day; gives how many."""
        self._connection.execute("delete from traces where day < ?", (before,))
        self._traces.clear()
        return self._connection.changes()
