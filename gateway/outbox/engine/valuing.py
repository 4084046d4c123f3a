"""Valuing: what the exceptions of an earlier version are worth is found out once, when such a store is first opened.

Since then the books know what is to be tried again, for it is added when a record is put aside and taken off when it ends.
Before, only its sealed copy said so. Those copies are opened here, some hundred in each transaction; which are still to be
opened is in the file, so one that was cut off is finished by the next opening. What does not open has no value that is known.
"""

from typing import Final

from gateway.outbox.engine.books import RETRYING_VALUE
from gateway.outbox.engine.claims import Found, Opener, Taken, single_part
from gateway.outbox.engine.lanes import Held, LaneState
from gateway.outbox.engine.memory import Memory
from gateway.outbox.work import Origin
from gateway.storage.file import every

AT_A_TIME: Final = 500


class Valuing:
    """Opens and adds up. Belongs to the store's thread."""

    def __init__(self, memory: Memory) -> None:
        """Work on what the store's thread keeps."""
        self._connection = memory.connection
        self._vault = memory.vault
        self._lanes = memory.lanes
        self._names = memory.names
        self._books = memory.books
        self._opener = Opener()

    def value(self) -> bool:
        """Add the next exceptions' order value to the books; gives whether there may be more."""
        rows = every(self._connection, "select lane, seq from unvalued order by lane, seq limit ?", (AT_A_TIME,))
        for lane, seq in rows:
            state = self._lanes.by_number(lane)
            for record in self._open(state, seq).records:
                if (money := record.event.money) is not None:
                    line = (state.storefront, RETRYING_VALUE, state.lane.destination, money.currency, record.event.kind)
                    self._books.hold(money.minor, *line)
        self._connection.executemany("delete from unvalued where lane = ? and seq = ?", rows)
        return len(rows) == AT_A_TIME

    def _open(self, state: LaneState, seq: int) -> Taken:
        rows = every(
            self._connection,
            "select seq, sort, data_key, blob, accepted_at, tries, maybe_since from exceptions"
            " where lane = ? and state in (?, ?) and seq = ?",
            (state.number, Held.RETRY, Held.PARKED, seq),
        )
        parts = tuple([single_part(state, self._vault, row) for row in rows])
        return self._opener.open_now(Found(Origin.AGAIN, seq, parts, (), self._names.table))
