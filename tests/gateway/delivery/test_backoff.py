"""Waits stay inside their bounds, whatever the dice and however long the outage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.delivery.backoff import Pace, doubled, full_jitter, probe_wait, throttle_wait

DICE = st.floats(min_value=0.0, max_value=1.0, exclude_max=True)
COUNT = st.integers(min_value=1, max_value=10**9)


@pytest.mark.parametrize(
    ("failures", "ceiling"), [(1, 5.0), (2, 10.0), (3, 20.0), (7, 320.0), (8, 640.0), (9, 900.0), (10**9, 900.0)]
)
def test_backoff_doubles_to_its_cap(failures: int, ceiling: float) -> None:
    """The longest wait doubles from five seconds with each failure and ends at a quarter of an hour."""
    assert full_jitter(Pace(), failures, 1.0) == ceiling


@given(COUNT, DICE)
def test_backoff_is_full_jitter(failures: int, dice: float) -> None:
    """A wait is the dice's share of the ceiling: from nothing to all of it, never beyond."""
    wait = full_jitter(Pace(), failures, dice)
    assert 0.0 <= wait <= 900.0
    assert wait == pytest.approx(full_jitter(Pace(), failures, 1.0) * dice)


@given(st.none() | st.floats(min_value=0, max_value=10**9), COUNT, DICE)
def test_throttle_waits_as_asked_and_at_least_our_own(after: float | None, throttles: int, dice: float) -> None:
    """A throttled lane waits as long as it was asked, never less than its own backoff, never more than an hour."""
    wait = throttle_wait(Pace(), after, throttles, dice)
    assert wait <= 3600.0
    assert wait >= min(3600.0, after or 0.0)
    assert wait >= full_jitter(Pace(), throttles, dice)


@pytest.mark.parametrize(("probes", "longest"), [(0, 30.0), (1, 60.0), (2, 120.0), (3, 240.0), (4, 300.0), (10**6, 300.0)])
def test_probes_grow_from_half_a_minute_to_five(probes: int, longest: float) -> None:
    """The interval between probes doubles from 30 s to 5 min; jitter takes off at most a quarter."""
    assert probe_wait(Pace(), probes, 1.0) == longest
    assert probe_wait(Pace(), probes, 0.0) == longest * 0.75


def test_doubling_never_overflows() -> None:
    """An absurd number of doublings meets the cap, a negative one the base."""
    assert doubled(5.0, 900.0, 10**12) == 900.0
    assert doubled(5.0, 900.0, -3) == 5.0
