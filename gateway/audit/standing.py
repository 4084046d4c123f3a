"""How each destination stands: up or why not, what waits, and when the first of it is too old to be sent. Pure."""

from collections.abc import Mapping
from typing import TypedDict

from gateway.audit.trace import Standstill, moment
from gateway.model import Destination
from gateway.outbox import Waiting


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


class CredentialState(TypedDict):
    """What a destination is entered with: a `CredentialKind`, and for how many seconds the token in use has been held."""

    kind: str
    seconds: int | None


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
    advice: str | None
    misconfigured: str | None
    """The platform's code for what is not set up, by its later word on events that it took; None when it found nothing."""
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
