"""What is put: an event that may go, a refusal, a fault; and what the store says became of each."""

from collections.abc import Sequence

import msgspec

from gateway.model.event import Minimised, Trace
from gateway.model.money import Money
from gateway.model.texts import EventId, StorefrontId
from gateway.model.words import Fault, Kind, Refusal, Source, Status


class Accept(msgspec.Struct, frozen=True, gc=False):
    """An event that may go to at least one destination. `at` is the time of receipt in Unix seconds.

    `granted_at`: when the person decided, by a date of the consent's own; None when it has none. A person who withdrew is
    heard again only by a decision that is known to be newer.
    """

    storefront: StorefrontId
    source: Source
    event: Minimised
    trace: Trace
    at: int
    granted_at: int | None = None


class Refuse(msgspec.Struct, frozen=True, gc=False):
    """The decision that an event may go nowhere. The event itself is not in it and is not kept anywhere.

    `money` is only ever added to the sums of what was refused.
    """

    storefront: StorefrontId
    source: Source
    kind: Kind
    event_id: EventId
    trace: Trace
    reason: Refusal
    at: int
    money: Money | None = None


class Reject(msgspec.Struct, frozen=True, gc=False):
    """An event that broke a rule of the format: only counted. `kind` is None when not even that could be read."""

    storefront: StorefrontId
    source: Source
    kind: Kind | None
    fault: Fault
    at: int


Entry = Accept | Refuse | Reject

Fate = Status | Refusal
"""What became of an entry. A `Refusal` is of an `Accept` that the store itself turned away, and says why: REFUSED it is too."""

Stored = Sequence[Fate] | Exception
"""What became of a request's entries: a fate for each, in order, or why none of them was stored."""
