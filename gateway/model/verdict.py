"""What became of a delivery attempt, as an adapter reads it from the platform's answer: one of seven words."""

import msgspec

from gateway.model.texts import PlatformCode, Receipt
from gateway.model.words import Reason


class Delivered(msgspec.Struct, frozen=True, gc=False):
    """The platform's own answer says that it has this event.

    `after` is how many seconds to leave it alone all the same, because a quota is nearly used up; None: not at all.
    """

    reason: Reason = Reason.CONFIRMED
    code: PlatformCode | None = None
    receipt: Receipt | None = None
    after: float | None = None


class Retry(msgspec.Struct, frozen=True, gc=False):
    """The platform certainly does not have it, and trying again later may help. `after` is seconds, if it was told.

    `apart`: the platform has answered for this event and takes others, so it waits by itself: exactly `after` seconds, or
    ever longer where none are given.
    """

    reason: Reason
    after: float | None = None
    code: PlatformCode | None = None
    apart: bool = False


class Throttle(msgspec.Struct, frozen=True, gc=False):
    """The platform asks for fewer requests; costs the event nothing. `after` is seconds, if it was told."""

    reason: Reason = Reason.THROTTLED
    after: float | None = None
    code: PlatformCode | None = None


class Maybe(msgspec.Struct, frozen=True, gc=False):
    """The platform may have it or not; sent again only inside the platform's window for recognising repeats.

    `after` is seconds, if it was told: when the platform may be asked again, which lengthens no such window.
    """

    reason: Reason
    code: PlatformCode | None = None
    after: float | None = None


class Isolate(msgspec.Struct, frozen=True, gc=False):
    """The whole request was refused for one of its events, nothing was taken. `suspect` marks the one hinted at."""

    reason: Reason = Reason.REJECTED
    code: PlatformCode | None = None
    suspect: bool = False


class Rejected(msgspec.Struct, frozen=True, gc=False):
    """The platform will never take this event: a dead letter."""

    reason: Reason = Reason.REJECTED
    code: PlatformCode | None = None


class Pause(msgspec.Struct, frozen=True, gc=False):
    """Credential, permission or configuration: the destination stops and every event is kept.

    `after` is how long to leave the platform alone before the next probe, in seconds; None leaves that to the lane.
    """

    reason: Reason
    code: PlatformCode | None = None
    after: float | None = None


Verdict = Delivered | Retry | Throttle | Maybe | Isolate | Rejected | Pause
"""What one attempt means for one event."""
