"""Cutting a refused batch finds exactly the bad events, and does not cost many requests."""

import math
import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.delivery.batches import HINTED, after_refusal, halves

Hint = Callable[[Sequence[int]], Sequence[bool]]


def no_hint(batch: Sequence[int]) -> Sequence[bool]:
    """Suspect nobody."""
    return [False] * len(batch)


def isolate(members: int, bad: frozenset[int], hint: Hint) -> tuple[list[int], list[int], int]:
    """Send like the courier does, to a platform that refuses a whole batch for one bad member."""
    taken: list[int] = []
    refused: list[int] = []
    requests = 0
    groups: list[Sequence[int]] = [range(members)]
    while groups:
        group = groups.pop()
        requests += 1
        if not bad.intersection(group):
            taken += group
        elif len(group) == 1:
            refused += group
        else:
            groups.extend(reversed(after_refusal(group, hint(group))))
    return taken, refused, requests


@st.composite
def batches_with_bad_ones(draw: st.DrawFn) -> tuple[int, frozenset[int]]:
    """Draw a batch size and a set of bad members."""
    members = draw(st.integers(1, 300))
    return members, frozenset(draw(st.sets(st.integers(0, members - 1), max_size=members)))


@given(batches_with_bad_ones())
def test_bisecting_isolates_exactly_the_bad_ones(case: tuple[int, frozenset[int]]) -> None:
    """Every good member is taken once, every bad one is refused alone once, within the stated number of requests."""
    members, bad = case
    taken, refused, requests = isolate(members, bad, no_hint)
    assert sorted(taken) == sorted(set(range(members)) - bad)
    assert sorted(refused) == sorted(bad)
    count = len(bad)
    bound = 1 + (2 * count * (math.log2(members / count) + 2) if count else 0)
    assert requests <= bound


@given(batches_with_bad_ones())
def test_one_true_hint_at_a_time_costs_two_requests_each(case: tuple[int, frozenset[int]]) -> None:
    """A platform that names the first bad event of each refused batch costs two requests per bad event."""
    members, bad = case

    def first_bad(batch: Sequence[int]) -> Sequence[bool]:
        first = next(member for member in batch if member in bad)
        return [member == first for member in batch]

    taken, refused, requests = isolate(members, bad, first_bad)
    assert sorted(taken + refused) == list(range(members))
    assert sorted(refused) == sorted(bad)
    assert requests <= 1 + 2 * len(bad)


@given(batches_with_bad_ones(), st.randoms(use_true_random=False))
def test_wrong_hints_still_end(case: tuple[int, frozenset[int]], dice: random.Random) -> None:
    """Hints at random events cost requests but lose and blame nobody."""
    members, bad = case
    taken, refused, _ = isolate(members, bad, lambda batch: [dice.random() < 0.1 for _ in batch])
    assert sorted(taken) == sorted(set(range(members)) - bad)
    assert sorted(refused) == sorted(bad)


@pytest.mark.parametrize("members", [2, 3, 4, 7, 1000])
def test_halves_lose_nobody(members: int) -> None:
    """Both halves together are the batch, in order, and neither is empty."""
    first, second = halves(range(members))
    assert [*first, *second] == list(range(members))
    assert 0 <= len(first) - len(second) <= 1


def test_suspects_go_first_and_alone() -> None:
    """Each suspect is sent alone, then the rest together."""
    assert after_refusal("abcd", [False, True, False, True]) == (["b"], ["d"], ["a", "c"])


@pytest.mark.parametrize("suspects", [[False] * 40, [True] * 40, [True] * (HINTED + 1) + [False] * (39 - HINTED)])
def test_useless_hints_mean_halves(suspects: list[bool]) -> None:
    """Hints at nobody, at everybody or at too many are no hints."""
    assert after_refusal(range(40), suspects) == (range(20), range(20, 40))
