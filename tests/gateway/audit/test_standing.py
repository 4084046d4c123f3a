"""How destinations stand: what waits, when it is too old, and what stands in the way."""

import pytest

from gateway.audit.standing import Backlog, Token, backlog, breaker, first_expiry, throttle, token
from gateway.audit.trace import moment
from gateway.model.words import Reason
from gateway.outbox.answers import Waiting

NOW = 1_795_342_500
DAY = 86_400


def test_the_first_expiry_is_the_oldest_events() -> None:
    """The platform's age limit, counted from when it came in."""
    told = backlog(Waiting(3, 2, 1, NOW - DAY), 7 * DAY, NOW)
    assert told == Backlog(
        waiting=3,
        retrying=2,
        dead=1,
        oldest=moment(NOW - DAY),
        first_expiry={"at": moment(NOW + 6 * DAY), "seconds": 6 * DAY},
    )


def test_what_is_too_old_already_expires_now() -> None:
    """Never a negative time."""
    told = backlog(Waiting(1, 0, 0, NOW - 8 * DAY), 7 * DAY, NOW)
    assert told["first_expiry"] == {"at": moment(NOW - DAY), "seconds": 0}


def test_nothing_waiting_does_not_expire() -> None:
    """Dead letters do not either: they have."""
    assert backlog(Waiting(0, 0, 4, None), DAY, NOW)["first_expiry"] is None


def test_the_first_of_several_lanes_counts() -> None:
    """Those without anything waiting are left out."""
    lanes = {name: backlog(Waiting(1, 0, 0, NOW - age), 7 * DAY, NOW) for name, age in (("a", 5), ("b", 50))}
    empty = {"c": backlog(Waiting(0, 0, 0, None), DAY, NOW)}
    assert first_expiry({**lanes, **empty}) == lanes["b"]["first_expiry"]
    assert first_expiry(empty) is None


@pytest.mark.parametrize(
    ("paused", "usable", "held", "expected"),
    [
        (None, True, True, Token.HELD),
        (None, True, False, Token.NONE),
        (None, False, True, Token.UNUSABLE),
        (Reason.CREDENTIAL, False, True, Token.REFUSED),
        (Reason.PERMISSION, True, True, Token.REFUSED),
        (Reason.CONFIGURATION, True, True, Token.HELD),
    ],
)
def test_a_token_is_as_bad_as_the_worst_that_is_known_of_it(
    paused: Reason | None, usable: bool, held: bool, expected: Token
) -> None:
    """Refused before unusable before missing; another cause of a pause says nothing of it."""
    assert token(paused, usable=usable, held=held) is expected


def test_a_throttle_says_until_when_and_why() -> None:
    """By the platform's own code, if it gave one; none while nobody is throttled."""
    assert throttle(NOW + 0.7, "80004") == {"until": moment(NOW), "code": "80004"}
    assert throttle(None, "80004") is None


def test_a_breaker_counts_before_it_opens() -> None:
    """Failures in a row are told while it is still closed."""
    assert breaker(4, opened=False) == {"state": "closed", "failures": 4}
    assert breaker(5, opened=True) == {"state": "open", "failures": 5}
