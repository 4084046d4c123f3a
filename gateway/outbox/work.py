"""What a courier has in its hands, and the word by which each record is settled; what an inquirer asks after."""

from collections.abc import Sequence
from enum import Enum, unique

import msgspec

from gateway.model.event import Minimised
from gateway.model.texts import PlatformCode, Receipt, StorefrontId
from gateway.model.words import Destination, Processing, Reason
from gateway.outbox.summary import Summary


class Lane(msgspec.Struct, frozen=True):
    """Where a courier works: one destination of one storefront."""

    storefront: StorefrontId
    destination: Destination


class Record(msgspec.Struct, frozen=True, gc=False):
    """A claimed event. `tries` counts earlier attempts; `maybe_since` is when the platform may first have got it."""

    seq: int
    accepted_at: int
    event: Minimised
    tries: int = 0
    maybe_since: int | None = None


@unique
class Origin(Enum):
    """Where in a lane a claim was taken from."""

    FRESH = "fresh"
    """What follows the lane's cursor."""
    BACKLOG = "backlog"
    """What was set aside, the oldest first."""
    AGAIN = "again"
    """Exceptions that are due."""


class Claim(msgspec.Struct, frozen=True):
    """A batch under way in a lane; opaque but for its records and where it was taken from.

    `records` may be empty when all that the claim covers was for other destinations; settle it all the same. `upto` is
    the last sequence number that it covers. `unreadable` are records whose seal did not open.
    """

    lane: Lane
    records: tuple[Record, ...]
    origin: Origin
    upto: int
    summary: Summary
    """What the records add up to."""
    unreadable: tuple[int, ...] = ()


class Done(msgspec.Struct, frozen=True, gc=False):
    """Delivered, by the platform's own word."""

    seq: int
    reason: Reason
    code: PlatformCode | None = None
    receipt: Receipt | None = None


class Later(msgspec.Struct, frozen=True, gc=False):
    """To be tried again at `due` (Unix seconds). `maybe`: this attempt may have reached the platform."""

    seq: int
    reason: Reason
    due: float
    maybe: bool = False
    code: PlatformCode | None = None


class Dead(msgspec.Struct, frozen=True, gc=False):
    """A dead letter: kept with its reason until an operator replays it or its retention (14 days) is over."""

    seq: int
    reason: Reason
    code: PlatformCode | None = None


class Withdrawn(msgspec.Struct, frozen=True, gc=False):
    """Taken out because the consent that carried it is gone, or its money; its content is deleted at once."""

    seq: int
    reason: Reason


Settlement = Done | Later | Dead | Withdrawn
"""What becomes of one claimed record."""


class AllDone(msgspec.Struct, frozen=True, gc=False):
    """All records of a claim were delivered, by one and the same word of the platform: says the same as a `Done` for each."""

    reason: Reason
    code: PlatformCode | None = None
    receipt: Receipt | None = None

    def each(self, records: Sequence[Record]) -> list[Settlement]:
        """Say it record by record."""
        return [Done(record.seq, self.reason, self.code, self.receipt) for record in records]


Outcomes = tuple[tuple[Processing, PlatformCode | None, int], ...]
"""What became of how many events of a request, and the platform's reason for it; the parts of `adapter.Processed`."""


class Inquiry(msgspec.Struct, frozen=True, gc=False):
    """A request that a platform took for processing, to be asked after. `number` is the store's own name for it.

    `events` of the request were taken at `taken_at` (Unix seconds); `tries` counts the answers that were not the last.
    """

    lane: Lane
    number: int
    receipt: Receipt
    events: int
    taken_at: int
    tries: int = 0
    outcomes: Outcomes = ()
    """What was said last."""
