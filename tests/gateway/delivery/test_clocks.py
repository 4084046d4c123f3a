"""A wall clock that jumps is doubted for a while; one that drifts is followed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.delivery.clocks import HOLD_SECONDS, JUMP_SECONDS, Clocks, Time

START = 1_800_000_000.0


def test_clocks_that_agree_give_one_time() -> None:
    """Without a jump the earliest and the latest time are the wall clock's."""
    clocks, time = Clocks(START).read(START + 60, 60.0)
    assert time == Time(START + 60, START + 60, START + 60)
    assert clocks.doubt_until is None


@pytest.mark.parametrize("jump", [5 * 86_400.0, -2 * 86_400.0, 301.0, -301.0])
def test_a_jump_leaves_two_times(jump: float) -> None:
    """After a jump both the old and the new reckoning are kept, as earliest and latest."""
    clocks, time = Clocks(START).read(START + 60 + jump, 60.0)
    assert (time.earliest, time.latest) == tuple(sorted((START + 60, START + 60 + jump)))
    assert clocks.doubt_until == 60.0 + HOLD_SECONDS


def test_a_jump_is_believed_in_the_end() -> None:
    """When the doubt is over, the new wall clock counts alone."""
    clocks, _ = Clocks(START).read(START + 86_400, 0.0)
    clocks, time = clocks.read(START + 86_400 + HOLD_SECONDS - 1, HOLD_SECONDS - 1)
    assert time.earliest < time.latest
    clocks, time = clocks.read(START + 86_400 + HOLD_SECONDS, HOLD_SECONDS)
    assert time.earliest == time.latest == START + 86_400 + HOLD_SECONDS
    assert clocks.doubt_until is None


def test_a_jump_that_is_corrected_is_forgotten() -> None:
    """When the clock is set back right, the doubt ends at once."""
    clocks, _ = Clocks(START).read(START + 86_400, 0.0)
    clocks, time = clocks.read(START + 10, 10.0)
    assert clocks == Clocks(START)
    assert time.earliest == time.latest


@given(st.lists(st.floats(-JUMP_SECONDS, JUMP_SECONDS), max_size=50))
def test_drift_is_followed(steps: list[float]) -> None:
    """Steps of at most five minutes each never raise a doubt, however far they lead."""
    clocks, offset = Clocks(START), START
    for number, step in enumerate(steps):
        offset += step * 0.999
        clocks, time = clocks.read(offset + number, float(number))
        assert time.earliest == time.latest
