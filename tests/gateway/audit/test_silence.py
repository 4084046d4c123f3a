"""Silence: a type of event that stopped, by its own past."""

import math
from collections.abc import Iterable

import pytest

from gateway.audit.silence import LOOK_BACK_SECONDS, WEEK_HOURS, Silence, chance, hear, silences
from gateway.audit.trace import moment
from gateway.model.words import Kind, Source, Status
from gateway.outbox.history import HOUR_SECONDS, Differing, Received, Stretch

NOW = 1_795_342_500
HOUR = NOW // HOUR_SECONDS
PURCHASE = Received(Source.EVENTS, Kind.PURCHASE, Status.ACCEPTED, "")
REFUSED = Received(Source.EVENTS, Kind.PURCHASE, Status.REFUSED, "gpc")
UNREAD = Received(Source.EVENTS, None, Status.INVALID, "bad_format")


def hours(counts: dict[int, int], figure: Received = PURCHASE) -> list[Stretch]:
    """Make stretches of counts by how many hours ago they were; 0 is the hour that has begun."""
    return [
        Stretch((HOUR - ago) * HOUR_SECONDS, (HOUR - ago + 1) * HOUR_SECONDS, {figure: count, Differing(): 1})
        for ago, count in sorted(counts.items(), reverse=True)
    ]


def silent(stretches: Iterable[Stretch]) -> list[Silence]:
    """Find what is silent now."""
    return silences(hear(stretches, HOUR - LOOK_BACK_SECONDS // HOUR_SECONDS, HOUR + 1), NOW)


def past(weeks: int, an_hour: int, length: int = 24) -> dict[int, int]:
    """So many events in each of the last hours of the day, in so many weeks before this one."""
    return {week * WEEK_HOURS + ago: an_hour for week in range(1, weeks + 1) for ago in range(1, length + 1)}


def test_what_came_every_hour_and_does_not_any_more_is_silent() -> None:
    """After one hour, where an hour has ten; it is told when there was something last."""
    (found,) = silent(hours({**past(4, 10), 3: 8, 2: 9}))
    assert found == {"event": "purchase", "hours": 1, "received": 0, "usual": 10, "last": moment((HOUR - 1) * HOUR_SECONDS)}


def test_what_is_rarer_is_silent_later() -> None:
    """Two an hour: four hours have to pass until it cannot be chance."""
    (found,) = silent(hours({**past(3, 2), 30: 1}))
    assert (found["hours"], found["usual"]) == (4, 8)


@pytest.mark.parametrize(
    "counts",
    [
        pytest.param({**past(4, 10), **dict.fromkeys(range(1, 25), 2)}, id="fewer, but more than a tenth"),
        pytest.param({**past(4, 10), 0: 1}, id="an event in the hour that has begun"),
        pytest.param(past(1, 10), id="one week of a past"),
        pytest.param({**past(4, 10), **{2 * WEEK_HOURS + ago: 0 for ago in range(1, 25)}}, id="nothing two weeks ago either"),
        pytest.param({week * WEEK_HOURS + 5: 6 for week in range(1, 5)}, id="six a day"),
        pytest.param({}, id="no past at all"),
    ],
)
def test_what_may_be_chance_is_not(counts: dict[int, int]) -> None:
    """A type that is rare, irregular or new never raises the alarm."""
    assert silent(hours(counts)) == []


def test_a_tenth_of_much_is_silence_too() -> None:
    """As when one page of many still sends."""
    (found,) = silent(hours({**past(4, 500), 1: 50}))
    assert (found["hours"], found["received"], found["usual"]) == (1, 50, 500)


def test_refusals_are_not_silence() -> None:
    """What counts is what came in; what could not be read is of no type."""
    assert silent([*hours(past(4, 10)), *hours(dict.fromkeys(range(1, 25), 10), REFUSED)]) == []
    assert len(silent([*hours(past(4, 10)), *hours(dict.fromkeys(range(1, 25), 10), UNREAD)])) == 1


def test_what_was_heard_in_two_parts_is_heard_as_a_whole() -> None:
    """Wherever it is parted: what is remembered is followed by what is new."""
    stretches = hours({**past(4, 10), 3: 8, 2: 9})
    first = HOUR - LOOK_BACK_SECONDS // HOUR_SECONDS
    whole = hear(stretches, first, HOUR + 1)
    for at in (first, HOUR - WEEK_HOURS, HOUR - 3, HOUR + 1):
        earlier = [stretch for stretch in stretches if stretch.since < at * HOUR_SECONDS]
        later = [stretch for stretch in stretches if stretch.since >= at * HOUR_SECONDS]
        assert hear(earlier, first, at).followed_by(hear(later, at, HOUR + 1)) == whole


def test_the_look_back_covers_the_rule() -> None:
    """Four weeks and a day."""
    assert LOOK_BACK_SECONDS == 29 * 86_400


def test_the_chance_is_poissons() -> None:
    """Against sums written out."""
    assert chance(0, 7) == pytest.approx(math.exp(-7))
    assert chance(2, 3) == pytest.approx(math.exp(-3) * (1 + 3 + 4.5))
    assert chance(0, 0) == 1.0
    assert chance(10**4, 10**5) == 0.0
