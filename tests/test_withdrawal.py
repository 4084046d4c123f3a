"""A few of the withdrawals of `python -m tests.withdrawal`, and proof that its judge is not easily pleased."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from gateway.model.words import Destination
from tests.crowd import Evidence, Sent, Took
from tests.fronts import Weather
from tests.withdrawal import GRACE, book_faults, figures, judge_people, withdrawal
from tests.withdrawing import Plan, Removed, Told, Way

pytestmark = pytest.mark.xdist_group("machine")

BLIND: Final = """
import sys
from gateway.cli import main
from gateway.delivery.transport import Transport

Transport.send_if = lambda self, may_go, cleared, seconds: self.send(cleared, seconds)
sys.exit(main())
"""
"""A gateway that does not look once more when there is a connection."""
STORMY: Final = Weather(late=1.0, seconds=(1.5, 2.5), hang_up=1.0)
"""Every connection takes longer than a request may still begin."""


async def test_nobody_is_sent_after_they_have_withdrawn(tmp_path: Path) -> None:
    """Sixty people withdraw around acceptance, claim and sending, and over a kill; nobody else loses anything."""
    found = await withdrawal(tmp_path / "gateway", 60, 1, 7)
    assert not found.faults
    assert found.figures.latest < GRACE
    assert found.figures.waiting > 0
    assert found.figures.before > 0
    assert found.figures.called_off > 0, "the run must have met withdrawals between the mark and the first byte"
    assert len(found.evidence.promised) >= 100


async def test_a_gateway_that_does_not_look_again_is_caught(tmp_path: Path) -> None:
    """Where connecting takes seconds, requests begin long after the answer to somebody who is in them."""
    found = await withdrawal(tmp_path / "gateway", 60, 0, 7, program=BLIND, weather=STORMY)
    assert any("began more than 1 s after" in fault for fault in found.faults)
    assert found.figures.latest > GRACE


# ── the judge ────────────────────────────────────────────────────────────────────────────────────────────────────

META: Final = Destination.META
PLAN: Final = Plan(number=5, events=2, way=Way.SERVER, comes=0.0, withdraws=1.0, together=True, dated=True)
FIRST, SECOND = PLAN.ids


def told() -> Told:
    """What somebody was told who asked at 11 s and was answered at 12 s."""
    return Told(
        plan=PLAN,
        events={FIRST: ("accepted", 10.0), SECOND: ("refused: withdrawn", 13.0)},
        asked=11.0,
        answered=12.0,
        askings=1,
        removed={META: Removed(2, 1, 0)},
        afterwards="refused: withdrawn",
    )


def sent(began: float, *ids: str) -> Sent:
    """Make a request to Meta."""
    return Sent(META, ids, 0, answered=True, began=began)


def test_the_judge_is_satisfied_by_what_is_in_order() -> None:
    """Sent before, sent while it was asked, and sent just inside the second after the answer."""
    assert list(judge_people([told()], [sent(10.5, FIRST, "sale-1x"), sent(12.9, FIRST), sent(20.0, "sale-1x")])) == []


FAULTY: Final[dict[str, tuple[Callable[[Told], None], list[Sent], str]]] = {
    "a late start": (lambda _: None, [sent(13.1, FIRST)], "began more than 1 s"),
    "accepted afterwards": (lambda one: one.events.update({SECOND: ("accepted", 12.1)}), [], "accepted that came after"),
    "heard again": (lambda one: setattr(one, "afterwards", "accepted"), [], "was told {'accepted': 1}"),
    "sent though it came after": (lambda _: None, [sent(12.5, PLAN.later)], "came after the withdrawal was sent"),
    "refused for another reason": (
        lambda one: one.events.update({SECOND: ("refused: no_consent", 10.0)}),
        [],
        "told refused: no_consent",
    ),
}


@pytest.mark.parametrize("name", FAULTY)
def test_the_judge_is_not_easily_pleased(name: str) -> None:
    """Each broken promise is named, and nothing else."""
    spoil, requests, word = FAULTY[name]
    one = told()
    spoil(one)
    (fault,) = judge_people([one], requests)
    assert word in fault


def test_figures_count_each_platform_by_itself() -> None:
    """One of two that were about to leave was seen by the platform; who asked twice tells nothing about that."""
    requests = [sent(10.5, FIRST), sent(12.3, FIRST)]
    found = figures([told()], requests)
    assert (found.waiting, found.on_the_wire, found.called_off, found.before) == (1, 1, 0, 1)
    assert found.latest == pytest.approx(0.3)
    assert figures([told()], []).called_off == 1
    assert figures([msgspec.structs.replace(told(), askings=2)], []).called_off == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, []),
        ({"delivered": 2}, []),
        ({"delivered": 3}, ["says 3 delivered"]),
        ({"delivered": 0}, ["says 0 delivered"]),
        ({"waiting": 1}, ["1 still wait"]),
    ],
)
def test_books_are_held_against_the_platforms(changes: dict[str, int], words: list[str]) -> None:
    """Each has one event of somebody else's, and one of a person who withdrew, of which it may not have said so in time."""
    lanes: dict[str, Any] = {d.value: {"delivered": 1, "waiting": 0} for d in Destination}
    lanes[META.value] |= changes
    none: dict[Destination, frozenset[str]] = {d: frozenset() for d in Destination}
    evidence = Evidence(frozenset(), {}, {d: {"sale-1x": Took(1, None)} for d in Destination}, {}, none)
    books = {"balanced": True, "destinations": lanes}
    faults = book_faults(books, evidence, dict.fromkeys(Destination, 1))
    assert len(faults) == len(words)
    assert all(word in fault for word, fault in zip(words, faults, strict=True))
    assert "the books do not balance" in book_faults({**books, "balanced": False}, evidence, dict.fromkeys(Destination, 1))


@pytest.mark.parametrize(("excuses", "faults"), [({(META, "sale-1x"): 1}, 0), ({}, 1)])
def test_what_died_may_have_arrived_if_its_outcome_was_unknowable(
    excuses: dict[tuple[Destination, str], int], faults: int
) -> None:
    """A try that was cut off, and then a refusal: the platform has the event, and the gateway cannot know."""
    none: dict[Destination, frozenset[str]] = {d: frozenset() for d in Destination}
    took = {d: {"sale-1x": Took(1, None)} for d in Destination}
    evidence = Evidence(frozenset(), {}, took, excuses, none | {META: frozenset({"sale-1x"})})
    lanes = {d.value: {"delivered": 0 if d is META else 1, "waiting": 0} for d in Destination}
    assert len(book_faults({"balanced": True, "destinations": lanes}, evidence, dict.fromkeys(Destination, 0))) == faults
