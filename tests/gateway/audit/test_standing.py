"""How destinations stand: what waits, and when it is too old."""

from gateway.audit.standing import Backlog, backlog, first_expiry
from gateway.audit.trace import moment
from gateway.outbox import Waiting

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
