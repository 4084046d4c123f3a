"""Small groups: no part of a breakdown is too small, and what is left out cannot be had from the rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.groups import OTHERS, breakdown, cell, share

COUNTS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 40), max_size=8)


@pytest.mark.parametrize(("count", "told"), [(0, 0), (1, "<10"), (9, "<10"), (10, 10), (5000, 5000), (-1, "<10")])
def test_a_small_count_is_not_told(count: int, told: int | str) -> None:
    """Nought is told: it is of nobody. What was taken back is told as little."""
    assert cell(count, 10) == told


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ({"a": 50, "b": 12}, {"a": 50, "b": 12}),
        ({"a": 50, "b": 12, "c": 3}, {"a": 50, OTHERS: 15}),
        ({"a": 50, "b": 9, "c": 9}, {"a": 50, OTHERS: 18}),
        ({"a": 3, "b": 2}, {OTHERS: "<10"}),
        ({"a": 50, "b": 0}, {"a": 50}),
        ({}, {}),
    ],
)
def test_small_parts_are_told_together(counts: dict[str, int], told: dict[str, int | str]) -> None:
    """With as many larger ones as it takes."""
    assert breakdown(counts, 10) == told


@given(COUNTS, st.integers(5, 20))
def test_no_part_is_too_small_and_nothing_is_lost(counts: dict[str, int], smallest: int) -> None:
    """Whatever the counts: each part is large enough, and where the whole is, their sum is the whole."""
    told = breakdown(counts, smallest)
    whole = sum(counts.values())
    numbers = [count for count in told.values() if isinstance(count, int)]
    assert all(count >= smallest for count in numbers)
    if whole >= smallest:
        assert sum(numbers) == whole


@pytest.mark.parametrize(
    ("part", "whole", "told"),
    [(80, 100, 0.8), (100, 100, 1.0), (0, 100, 0.0), (95, 100, None), (5, 100, None), (4, 9, None), (0, 0, None), (1, 3, None)],
)
def test_a_share_is_of_groups_that_are_large_enough(part: int, whole: int, told: float | None) -> None:
    """Else the few could be counted from it."""
    assert share(part, whole, 10) == told
