"""No window of a quota's length ever holds more than the quota, nobody waits without need, and nobody is crowded out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapter import Quota
from gateway.delivery.quota import Meter, strictest

STARTS = st.sampled_from((0.0, 1e6, 1e9))
ASKS = st.lists(st.floats(0.0, 40.0), min_size=1, max_size=200)


def leave(meter: Meter, gaps: list[float], start: float = 0.0) -> list[float]:
    """Ask at these distances and leave when told; gives when each request left."""
    now, left = start, []
    for gap in gaps:
        now += gap
        left.append(now + meter.take(now))
    return left


@given(st.integers(1, 400), ASKS, STARTS)
def test_no_minute_holds_more_than_its_quota(quota: int, gaps: list[float], start: float) -> None:
    """Wherever the minute begins, and however the asking is spread."""
    left = leave(Meter(Quota(requests_per_minute=quota)), gaps, start)
    for begin in left:
        assert sum(begin <= at < begin + 60.0 - 1e-6 for at in left) <= quota


@given(st.integers(1, 2000), st.integers(1, 3000))
def test_a_backlog_leaves_at_the_quotas_pace(quota: int, requests: int) -> None:
    """Asked without a pause, requests leave as fast as the quota allows: a fifth at once, the rest evenly."""
    left = leave(Meter(Quota(requests_per_minute=quota)), [0.0] * requests)
    saved = max(1.0, 0.2 * quota)
    expected = (requests - saved) * 60.0 / max(quota - saved, 1.0)
    assert left == sorted(left)
    assert left[-1] == pytest.approx(max(0.0, expected), abs=1e-6 * requests)


def test_a_lane_below_its_quota_never_waits() -> None:
    """Four requests a second are within Data Manager's 300 a minute, for ever."""
    assert leave(Meter(Quota(requests_per_minute=300)), [0.25] * 5000) == pytest.approx([0.25 * n for n in range(1, 5001)])


def test_the_days_quota_outlasts_the_minutes() -> None:
    """What a minute allows, all day long, would be more than the day does: 100,000 a day is hardly more than one a second."""
    left = leave(Meter(Quota(requests_per_minute=300, requests_per_day=100_000)), [0.0] * 130_000)
    assert left[59] == 0.0
    assert left[60] == pytest.approx(0.25)
    for begin in (0, 20_000, 29_999):
        assert left[begin + 100_000] - left[begin] >= 86_400.0 - 1.0
    assert left[-1] <= 1.4 * 86_400.0


def test_places_are_given_in_the_order_of_asking() -> None:
    """Lanes that share a meter and each ask again when they have sent leave by turns, whatever they have to send."""
    meter = Meter(Quota(requests_per_minute=60))
    ready, order = dict.fromkeys("abc", 0.0), list[str]()
    while len(order) < 60:
        lane = min(ready, key=ready.__getitem__)
        now = ready[lane]
        ready[lane] = now + meter.take(now) + 0.001
        order.append(lane)
    later = order[15:]
    assert {later.count(lane) for lane in "abc"} == {15}


def test_looking_takes_no_place() -> None:
    """How long one would wait can be asked as often as one likes."""
    meter = Meter(Quota(requests_per_minute=5))
    meter.take(0.0)
    assert meter.wait(0.0) == meter.wait(0.0) > 0.0
    assert meter.take(0.0) == meter.wait(0.0) / 2


def test_a_clock_that_stands_still_or_goes_back_is_survived() -> None:
    """A wait is never negative, and a place taken later is never earlier."""
    meter = Meter(Quota(requests_per_minute=60))
    left = [at + meter.take(at) for at in (100.0, 100.0, 50.0, 100.0, 99.0) for _ in range(10)]
    assert min(left) >= 50.0
    assert meter.wait(1e9) == 0.0


def test_without_a_quota_there_is_no_wait() -> None:
    """Where nothing is published and nothing set."""
    assert leave(Meter(Quota()), [0.0] * 100) == [0.0] * 100


def test_of_several_quotas_the_lowest_hold() -> None:
    """Each limit for itself; none where none was told."""
    assert strictest(Quota(300, None), Quota(500, 1000), Quota(None, 2000)) == Quota(300, 1000)
    assert strictest(Quota(), Quota()) == Quota()
