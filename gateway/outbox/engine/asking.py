"""Asking after: requests that a platform took for processing, what it said of them so far, and its last word in the books.

A row is made by the transaction that settles the request's events, and concluded at most once.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from gateway.model.texts import PlatformCode, Receipt
from gateway.model.words import Destination, Processing
from gateway.outbox.answers import Afterwards
from gateway.outbox.engine.lanes import LaneState
from gateway.outbox.engine.memory import Memory
from gateway.outbox.history import PROCESSED
from gateway.outbox.work import Inquiry, Lane, Outcomes
from gateway.storage.file import every, first, one

_OUTCOMES: Final = msgspec.json.Decoder(tuple[tuple[Processing, str | None, int], ...])
"""As they are stored."""

CONCLUDED_AT_ONCE: Final = 1_000
"""Requests that are given the last word in one transaction when they are forgotten: some ten milliseconds."""


class Asking:
    """The inquiries. Belongs to the store's thread."""

    def __init__(self, memory: Memory, first_seconds: float) -> None:
        """Work on what the store's thread keeps; a request is first asked after `first_seconds` after it was taken."""
        self._connection = memory.connection
        self._lanes = memory.lanes
        self._books = memory.books
        self._first_seconds = first_seconds

    def begin(self, state: LaneState, receipts: Mapping[Receipt, int], now: int) -> None:
        """Note requests that were taken, by receipt and number of events."""
        self._connection.executemany(
            "insert into inquiries(lane, receipt, events, at, due, tries, told) values (?, ?, ?, ?, ?, 0, '[]')",
            [(state.number, receipt, events, now, now + self._first_seconds) for receipt, events in receipts.items()],
        )

    def due(self, lane: Lane, limit: int, now: float) -> list[Inquiry]:
        """Give the requests that it is time to ask after."""
        rows = every(
            self._connection,
            "select id, receipt, events, at, tries, told from inquiries where lane = ? and due <= ? order by due limit ?",
            (self._lanes.states[lane].number, now, limit),
        )
        return [
            Inquiry(lane, number, Receipt.unsealed(receipt), events, at, tries, _outcomes(told))
            for number, receipt, events, at, tries, told in rows
        ]

    def next_due(self, lane: Lane) -> float | None:
        """When the lane's next request is to be asked after."""
        (due,) = one(
            self._connection,
            "select min(due) from inquiries where lane = ? and due is not null",
            (self._lanes.states[lane].number,),
        )
        return None if due is None else float(due)

    def again(self, inquiry: Inquiry, outcomes: Outcomes, due: float) -> None:
        """Keep what was said so far, and when to ask again."""
        self._connection.execute(
            "update inquiries set due = ?, tries = tries + 1, told = ? where id = ? and due is not null",
            (due, _written(outcomes), inquiry.number),
        )

    def conclude(self, inquiry: Inquiry, outcomes: Outcomes, now: int) -> bool:
        """Add the last word to the books, unless that was done before; say whether it was done now."""
        self._connection.execute(
            "update inquiries set due = null, told = ? where id = ? and due is not null",
            (_written(outcomes), inquiry.number),
        )
        if not self._connection.changes():
            return False
        state = self._lanes.states[inquiry.lane]
        self._books.at(now)
        for processing, code, count in outcomes:
            self._books.add(count, state.storefront, PROCESSED, inquiry.lane.destination, processing, code or "")
        return True

    def afterwards(self, state: LaneState, receipt: Receipt) -> Afterwards | None:
        """Give what was said of a request; None when it is not one that is asked after."""
        found = first(
            self._connection,
            "select events, due, told from inquiries where lane = ? and receipt = ? order by id desc limit 1",
            (state.number, receipt),
        )
        if found is None:
            return None
        events, due, told = found
        return Afterwards(due is None, events, _outcomes(told))

    def pending(self, storefront: int) -> dict[Destination, int]:
        """Count a storefront's events of which a platform may still say something."""
        found = {}
        for state in self._lanes.of(storefront):
            (events,) = one(
                self._connection,
                "select coalesce(sum(events), 0) from inquiries where lane = ? and due is not null",
                (state.number,),
            )
            if events:
                found[state.lane.destination] = int(events)
        return found

    def discard(self, before: int, now: int) -> int:
        """Forget requests that were taken before then: nobody can ask for their events any more. Gives how many.

        Of those that nobody concluded, as of a destination that was taken out, what is known is the last word, and the rest
        untold; some at a time, so that others go with the next sweep.
        """
        open_ones = every(
            self._connection,
            "select lane, id, receipt, events, at, tries, told from inquiries where at < ? and due is not null limit ?",
            (before, CONCLUDED_AT_ONCE),
        )
        for lane, number, receipt, events, at, tries, told in open_ones:
            said = tuple(one for one in _outcomes(told) if one[0] is not Processing.PENDING)
            untold = events - sum(count for _, _, count in said)
            state = self._lanes.by_number(lane)
            inquiry = Inquiry(state.lane, number, Receipt.unsealed(receipt), events, at, tries)
            self.conclude(inquiry, (*said, (Processing.UNTOLD, None, untold)) if untold else said, now)
        self._connection.execute("delete from inquiries where at < ? and due is null", (before,))
        return self._connection.changes()


def _written(outcomes: Outcomes) -> str:
    """Write outcomes as they are stored."""
    plain = [(processing, None if code is None else str(code), count) for processing, code, count in outcomes]
    return msgspec.json.encode(plain).decode()


def _outcomes(told: str) -> Outcomes:
    """Read stored outcomes back."""
    return tuple(
        (processing, None if code is None else PlatformCode.unsealed(code), count)
        for processing, code, count in _OUTCOMES.decode(told)
    )
