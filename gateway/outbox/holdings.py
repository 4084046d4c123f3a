"""What is held of a person and was sent of them, and what is taken out: by their own word, or by a refund."""

from collections.abc import Mapping
from enum import unique
from typing import Final

import msgspec

from gateway.model.event import Minimised
from gateway.model.texts import EmailDigest, EventId, EvidenceId, PersonKey
from gateway.model.words import Destination, Kind, Word


class Person(msgspec.Struct, frozen=True, gc=False):
    """Somebody, as far as the store can know them. Prints as `<Person>`."""

    digests: tuple[EmailDigest, ...] = ()
    keys: tuple[PersonKey, ...] = ()

    def __repr__(self) -> str:
        """Say nothing of what is inside."""
        return "<Person>"


class Removal(msgspec.Struct, frozen=True, gc=False):
    """What was removed for a person: records by destination, and events that nothing is kept of any more.

    `on_the_wire` are those of `waiting` that had been said to be leaving: the platform may have them.
    """

    waiting: Mapping[Destination, int]
    dead: Mapping[Destination, int]
    on_the_wire: Mapping[Destination, int]
    sent: int = 0
    """Lines of what was sent that were deleted (`erase`)."""
    traces: int = 0
    """Decisions on event ids that were forgotten (`erase`)."""


NO_REMOVAL: Final = Removal({}, {}, {})


@unique
class Undoing(Word):
    """What a refund did to its order; a metric label."""

    WITHHELD = "withheld"
    """All that the order was worth has gone back, and something of it was taken out before it left."""
    IN_PART = "in_part"
    """Less has gone back than the order that waits is worth, as far as that is known: it goes as it is."""
    OTHER_CURRENCY = "other_currency"
    """What has gone back is in another currency than the order that waits, so the two cannot be compared: it goes as it is."""
    NOTHING_WAITS = "nothing_waits"
    """Nothing of the order waits: it was delivered, it was refused, or it has not come yet."""


class Refunded(msgspec.Struct, frozen=True, gc=False):
    """What came of a refund, and what was taken out by it."""

    undoing: Undoing
    removal: Removal


class Sending(msgspec.Struct, frozen=True, gc=False):
    """One event of a person that left, or was about to. Times are Unix seconds.

    `fields` are the key paths that left. `confirmed`: whether the platform said that it has it; None when that is not known
    (yet). A record that was sent again is there again.
    """

    destination: Destination
    kind: Kind
    event_id: EventId
    at: int
    fields: tuple[str, ...]
    evidence: EvidenceId | None
    confirmed: bool | None


class Holding(msgspec.Struct, frozen=True, gc=False):
    """One event of a person that is still held: for which destination, and in which state (`Attempt.state`)."""

    destination: Destination
    state: str
    accepted_at: int
    event: Minimised


class Holdings(msgspec.Struct, frozen=True):
    """All that the store has of a person. `withdrawn_at` is when they withdrew last, None if never or if lifted since."""

    held: tuple[Holding, ...]
    sent: tuple[Sending, ...]
    withdrawn_at: int | None
