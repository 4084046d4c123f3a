"""Cutting a refused batch finds exactly the bad events, and does not cost many requests."""

import math
import random
from collections.abc import Callable, Sequence
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.delivery.batches import HINTED, Plan, halves

T = TypeVar("T")
Hint = Callable[[Sequence[int]], Sequence[bool]]


def no_hint(batch: Sequence[int]) -> Sequence[bool]:
    """Suspect nobody."""
    return [False] * len(batch)


def isolate(members: int, bad: frozenset[int], hint: Hint, *, hesitant: bool = False) -> tuple[list[int], list[int], int]:
    """Send to a platform that refuses a whole batch for one bad member; gives who was taken, who not, and the requests.

    `hesitant`: each group is called off once before it is sent.
    """
    taken: list[int] = []
    refused: list[int] = []
    requests = 0
    plan = Plan(range(members))
    while (group := plan.next()) is not None:
        if hesitant:
            plan.unsent(group)
            assert plan.next() == group
        requests += 1
        if not bad.intersection(group):
            taken += group
            plan.taken()
        elif len(group) == 1:
            refused += group
        else:
            plan.refused(group, hint(group))
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


@pytest.mark.parametrize("bad", [0, 1, 499, 500, 998, 999])
@pytest.mark.parametrize("wrong", [1, 2, HINTED])
def test_wrong_hints_cost_two_requests_more_than_none(bad: int, wrong: int) -> None:
    """However many are wrongly named: once the first of them was taken, the others go with the rest, and no hint is heard.

    Without hints 1,000 events take 21 requests at most: the batch, and two for each of ten halvings.
    """
    suspects = [member for member in (7, 3, *range(600, 900)) if member != bad][:wrong]
    hint: Hint = lambda batch: [member in suspects for member in batch]  # noqa: E731 - one line says it
    _, refused, without = isolate(1000, frozenset({bad}), no_hint)
    _, misled, requests = isolate(1000, frozenset({bad}), hint)
    assert misled == refused == [bad]
    assert without <= 21
    assert requests <= 21 + 2


def test_a_true_suspect_among_wrong_ones_is_found() -> None:
    """The first was right and the second wrong: the rest is searched without hints."""
    taken, refused, _ = isolate(100, frozenset({3, 50}), lambda batch: [member in {3, 4, 5} for member in batch])
    assert sorted(taken) == sorted(set(range(100)) - {3, 50})
    assert refused == [3, 50]


@pytest.mark.parametrize("members", [2, 3, 4, 7, 1000])
def test_halves_lose_nobody(members: int) -> None:
    """Both halves together are the batch, in order, and neither is empty."""
    first, second = halves(range(members))
    assert [*first, *second] == list(range(members))
    assert 0 <= len(first) - len(second) <= 1


def following(plan: Plan[T]) -> list[list[T]]:
    """Give all groups that follow, as lists."""
    groups: list[list[T]] = []
    while (group := plan.next()) is not None:
        groups.append(list(group))
    return groups


def test_suspects_go_first_and_alone() -> None:
    """Each suspect is sent alone, then the rest together."""
    plan = Plan("abcd")
    plan.refused(plan.next() or "", [False, True, False, True])
    assert following(plan) == [["b"], ["d"], ["a", "c"]]


@pytest.mark.parametrize("suspects", [[False] * 40, [True] * 40, [True] * (HINTED + 1) + [False] * (39 - HINTED)])
def test_useless_hints_mean_halves(suspects: list[bool]) -> None:
    """Hints at nobody, at everybody or at too many are no hints."""
    plan = Plan(range(40))
    plan.refused(plan.next() or (), suspects)
    assert following(plan) == [list(range(20)), list(range(20, 40))]


def test_one_that_is_left_of_a_refusal_goes_alone() -> None:
    """Where an answer settles all but one event, that one is sent once more and gets a verdict of its own."""
    plan = Plan("ab")
    plan.next()
    plan.refused("b", [True])
    assert following(plan) == [["b"]]


def test_what_would_have_come_last_can_come_next() -> None:
    """Turned over, a plan gives the group from the other end; a plan with one group left has no other end."""
    plan = Plan("abcdefgh")
    plan.halve(plan.next() or "")
    plan.halve(plan.next() or "")
    assert plan.turn_over()
    assert following(plan) == [["e", "f", "g", "h"], ["a", "b"], ["c", "d"]]
    assert not plan.turn_over()
    assert not Plan("ab").turn_over()


@given(batches_with_bad_ones(), st.integers(0, 20), st.randoms(use_true_random=False))
def test_turning_over_loses_nobody(case: tuple[int, frozenset[int]], when: int, dice: random.Random) -> None:
    """At whichever request a plan is turned over, and whatever was hinted, each member is sent until it is settled, once."""
    members, bad = case
    settled: list[int] = []
    plan = Plan(range(members))
    requests = 0
    while (group := plan.next()) is not None:
        requests += 1
        if len(group) == 1 or not bad.intersection(group):
            settled += group
            if not bad.intersection(group):
                plan.taken()
        else:
            plan.refused(group, [dice.random() < 0.2 for _ in group])
        if requests == when:
            plan.turn_over()
    assert sorted(settled) == list(range(members))


@given(batches_with_bad_ones(), st.integers(0, 3))
def test_what_is_called_off_changes_nothing(case: tuple[int, frozenset[int]], wrong: int) -> None:
    """A group that was not sent comes next again, and stands where it stood: also as a suspect, and as its companion."""
    members, bad = case

    def hint(batch: Sequence[int]) -> Sequence[bool]:
        return [member in bad or member % 40 < wrong for member in batch]

    assert isolate(members, bad, hint, hesitant=True) == isolate(members, bad, hint)
