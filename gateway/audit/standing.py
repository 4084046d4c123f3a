"""How each destination stands: up or why not, what waits, and when the first of it is too old to be sent. Pure."""

from collections.abc import Mapping
from enum import StrEnum, unique
from typing import Protocol, TypedDict

from gateway.audit.trace import Standstill, moment
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination, Reason
from gateway.outbox.answers import Waiting


class Expiry(TypedDict):
    """When the oldest event that waits is too old for the platform: at the latest at `at` (RFC 3339, UTC), in `seconds`.

    It may be earlier by as long as the event had happened before it came in. Nought seconds: now.
    """

    at: str
    seconds: int


class Backlog(TypedDict):
    """What a destination has undelivered. `oldest`: when the oldest of it came in (RFC 3339, UTC)."""

    waiting: int
    retrying: int
    dead: int
    oldest: str | None
    first_expiry: Expiry | None


@unique
class Token(StrEnum):
    """How the token of a destination stands, the gravest first."""

    REFUSED = "refused"
    """The platform refuses it, or what it is good for; somebody has to act."""
    UNUSABLE = "unusable"
    """What it was replaced with cannot be used; the one before still is."""
    NONE = "none"
    """None was needed yet, or none could be got."""
    HELD = "held"


class CredentialState(TypedDict):
    """What a destination is entered with: a `CredentialKind`, a `Token`, and for how many seconds it has been held."""

    kind: str
    state: str
    seconds: int | None


@unique
class Circuit(StrEnum):
    """How a lane's breaker stands."""

    CLOSED = "closed"
    """Requests go out."""
    OPEN = "open"
    """Only probes do, ever more rarely."""


class BreakerState(TypedDict):
    """A lane's breaker: a `Circuit`, and how many requests in a row had no usable answer."""

    state: str
    failures: int


class ThrottleState(TypedDict):
    """The platform asked for fewer requests: it is left alone until then (RFC 3339, UTC); by which of its codes."""

    until: str
    code: str | None


@unique
class Seen(StrEnum):
    """What trying a destination out showed."""

    WELL = "well"
    FAILED = "failed"
    """The platform would not take events, was not reached, or the contract let nothing leave."""
    CLOCK = "clock"
    """This machine's clock is not the platform's."""


class CanaryState(TypedDict):
    """When a destination was last tried out (RFC 3339, UTC), and what was `Seen`; the reason, the platform's code for it, and
    what to do where it was not well.
    """

    at: str
    outcome: str
    reason: str
    code: str | None
    advice: str | None


class LaneState(TypedDict):
    """One destination of one storefront in the answer of `/readyz`.

    `reason` is why nothing goes there now, if so, though it may still be `up`: throttled, or after a failure. `advice` says
    what it means and what to do, else what to do about `misconfigured`; `due` when the platform is asked again (RFC 3339, UTC).

    `violation`: what the contract last kept from leaving, by key path and kind of value. `new_shapes`: how many of the key
    paths and kinds that left nobody has acknowledged.
    """

    up: bool
    reason: str | None
    due: str | None
    test_mode: str | None
    credential: CredentialState
    throttle: ThrottleState | None
    breaker: BreakerState
    canary: CanaryState | None
    """What was found when it was last tried out by the clock; None when it was not, or is not to be."""
    advice: str | None
    misconfigured: str | None
    """The platform's code for what is not set up: for events that it refuses while it takes others, or by its later word on
    events that it took; None when it found nothing."""
    violation: list[str] | None
    new_shapes: int
    paused_at: str | None
    """Since when an operator has it paused (RFC 3339, UTC); None when none has."""


class Readiness(TypedDict):
    """The answer of `/readyz`. Destinations that are down do not make the gateway unready: it keeps their events."""

    ready: bool
    why: str | None
    test_endpoints: bool
    log: str
    """How the signed log stands: a `LogState`. It keeps no event from being taken."""
    lanes: dict[str, dict[str, LaneState]]


class Lookout(Protocol):
    """Looks how the gateway stands at this moment."""

    def __call__(self, *of: StorefrontId) -> Readiness:
        """Tell it, with the lanes of these storefronts alone: of all of them it takes as long as there are many."""


class LaneHealth(LaneState):
    """The same in the answer of `GET /api/v1/health`, and what waits there."""

    backlog: Backlog


class Health(TypedDict):
    """The answer of `GET /api/v1/health`. `first_expiry` is that of all destinations together."""

    storefront: str
    ready: bool
    why: str | None
    first_expiry: Expiry | None
    lanes: dict[str, LaneHealth]


def token(paused: Reason | None, *, usable: bool, held: bool) -> Token:
    """Say how a token stands: by why its lane is paused, if it is, by whether what its reference leads to can be used."""
    if paused in {Reason.CREDENTIAL, Reason.PERMISSION}:
        return Token.REFUSED
    if not usable:
        return Token.UNUSABLE
    return Token.HELD if held else Token.NONE


def throttle(until: float | None, code: str | None) -> ThrottleState | None:
    """Tell of a throttle that ends at `until` (Unix seconds), if there is one."""
    return None if until is None else ThrottleState(until=moment(int(until)), code=code)


def breaker(failures: int, *, opened: bool) -> BreakerState:
    """Tell how a breaker stands."""
    return BreakerState(state=(Circuit.OPEN if opened else Circuit.CLOSED).value, failures=failures)


def backlog(waiting: Waiting, max_age: int, now: int) -> Backlog:
    """Tell what waits in a lane whose platform takes events up to `max_age` seconds old."""
    oldest = waiting.oldest_accepted_at
    return Backlog(
        waiting=waiting.waiting,
        retrying=waiting.retrying,
        dead=waiting.dead,
        oldest=None if oldest is None else moment(oldest),
        first_expiry=None if oldest is None else _expiry(oldest + max_age, now),
    )


def _expiry(at: int, now: int) -> Expiry:
    return Expiry(at=moment(at), seconds=max(0, at - now))


def first_expiry(lanes: Mapping[str, Backlog]) -> Expiry | None:
    """Give the earliest of several lanes."""
    found = [lane["first_expiry"] for lane in lanes.values()]
    return min((expiry for expiry in found if expiry is not None), key=lambda expiry: expiry["at"], default=None)


def health(storefront: str, readiness: Readiness, backlogs: Mapping[str, Backlog]) -> Health:
    """Put together how a storefront's destinations stand and what waits there."""
    lanes = {name: LaneHealth(**lane, backlog=backlogs[name]) for name, lane in readiness["lanes"].get(storefront, {}).items()}
    return Health(
        storefront=storefront, ready=readiness["ready"], why=readiness["why"], first_expiry=first_expiry(backlogs), lanes=lanes
    )


def standstills(lanes: Mapping[str, LaneState]) -> dict[Destination, Standstill]:
    """Say of each destination to which nothing goes at the moment why that is."""
    return {
        Destination(name): Standstill(reason=lane["reason"], advice=lane["advice"], due=lane["due"])
        for name, lane in lanes.items()
        if lane["reason"] is not None
    }
