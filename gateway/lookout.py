"""How a running gateway stands, as its people look at it: whether it is ready, and what every lane is up to."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from gateway.adapter import Adapter
from gateway.audit.advice import about_later_word, in_words, those_that_wait
from gateway.audit.rehearsals import canary_state
from gateway.audit.standing import CredentialState, LaneState, Lookout, Readiness, breaker, throttle, token
from gateway.audit.trace import moment
from gateway.delivery.canary import Canary
from gateway.delivery.courier import Courier
from gateway.delivery.credentials import Credential
from gateway.delivery.inquirer import Inquirer, LaterWord
from gateway.delivery.standing import Health
from gateway.metrics import NONE
from gateway.model.texts import StorefrontId
from gateway.outbox import Outbox
from gateway.outbox.work import Lane
from gateway.private import why_not_ready
from gateway.settings import Settings
from gateway.signing.recorder import SignedLog


def make_lookout(  # noqa: PLR0913, PLR0917 - rooms and moments, each once
    settings: Settings,
    outbox: Outbox,
    signed: SignedLog,
    lanes: Callable[[Sequence[StorefrontId]], dict[str, dict[str, LaneState]]],
    opened: asyncio.Event,
    stop: asyncio.Event,
) -> Lookout:
    """Make the look at readiness: of the process, and of each lane of the storefronts that are asked for (`lane_states`).

    `opened` is set once both doors are open, `stop` once the process is asked to end.
    """
    test_endpoints = any(s.test_endpoints for s in settings.storefronts.values())

    def readiness(*of: StorefrontId) -> Readiness:
        why = why_not_ready(outbox.shut, opened=opened.is_set(), stopping=stop.is_set())
        return Readiness(
            ready=why is None,
            why=why,
            test_endpoints=test_endpoints,
            log=signed.state.value,
            lanes=lanes(of),
        )

    return readiness


def lane_states(  # noqa: PLR0913, PLR0917 - rooms, each once
    settings: Settings,
    couriers: Mapping[Lane, Courier],
    credentials: Mapping[Lane, Credential],
    asking: Mapping[Lane, Inquirer],
    canary: Canary,
    unacknowledged: Callable[[Lane], int],
) -> Callable[[Sequence[StorefrontId]], dict[str, dict[str, LaneState]]]:
    """Make the look at lanes: of each storefront that is asked for, by destination, as of that moment."""

    def state(lane: Lane, adapter: Adapter) -> LaneState:
        health, standing, word = couriers[lane].health, credentials[lane].standing, asking[lane].later_word
        violation, seen = health.violation or asking[lane].violation, canary.found(lane)
        held = None if standing.seconds is None else int(standing.seconds)
        return LaneState(
            up=health.up,
            reason=None if health.reason is None else health.reason.value,
            due=None if health.due is None else moment(int(health.due)),
            test_mode=adapter.test_mode,
            credential=CredentialState(
                kind=standing.kind.value,
                state=token(health.paused, usable=standing.usable, held=held is not None).value,
                seconds=held,
            ),
            throttle=throttle(health.throttled_until, health.last_code),
            breaker=breaker(health.failures, opened=health.breaker_open),
            canary=None if seen is None else canary_state(lane.destination, seen.at, seen.finding),
            advice=_advice(lane, health, word),
            misconfigured=_not_set_up(health, word),
            violation=None if violation is None else [str(place) for place in violation.places],
            new_shapes=unacknowledged(lane),
            paused_at=None if health.paused_at is None else moment(health.paused_at),
        )

    return lambda of: {
        str(name): {d.value: state(Lane(name, d), adapter) for d, adapter in settings.storefronts[name].destinations.items()}
        for name in of
    }


def _advice(lane: Lane, health: Health, word: LaterWord) -> str | None:
    """Say what to do about a lane: about why nothing goes there, else about what is not set up at the platform."""
    if health.reason is not None:
        return in_words(lane.destination, health.reason, health.code)
    code = _not_set_up(health, word)
    advice = None if code is None else about_later_word(lane.destination, None if code == NONE else code)
    if advice is None or health.not_set_up is None:
        return advice
    return f"{advice} {those_that_wait(health.not_set_up.kinds)}"


def _not_set_up(health: Health, word: LaterWord) -> str | None:
    """Give the platform's code for what is not set up, be it said at once or later; None when it finds nothing."""
    if health.not_set_up is not None:
        return health.not_set_up.code or NONE
    return (word.code or NONE) if word.misconfigured else None
