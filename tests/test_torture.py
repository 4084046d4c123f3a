"""A few of the kills of `python -m tests.torture`, and proof that its judge is not easily pleased."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec
import pytest

from gateway.model.words import Destination
from tests.crowd import Choice, Evidence, Sale, Took, judge
from tests.torture import torture

pytestmark = pytest.mark.xdist_group("machine")

EARLY: Final = """
import asyncio, sys
from gateway.cli import main
from gateway.model.words import Status
from gateway.outbox.entries import Accept
from gateway.outbox.engine.sqlite import SqliteOutbox

put_each, late = SqliteOutbox.put_each, set()

async def early(self, requests):
    async def later():
        await asyncio.sleep(0.1)
        await put_each(self, requests)
    late.add(asyncio.ensure_future(later()))
    return [
        [Status.ACCEPTED if isinstance(entry, Accept) else Status.REFUSED for entry in entries] for entries in requests
    ]

SqliteOutbox.put_each = early
sys.exit(main())
"""
"""A gateway that answers before the commit."""


async def test_nothing_acknowledged_is_lost_by_kills(tmp_path: Path) -> None:
    """Killed under load three times, the gateway loses nothing, leaks nothing and repeats only what it could not know."""
    found = await torture(tmp_path / "gateway", 3, 7, clients=6)
    assert not found.faults
    assert found.while_posting == 3
    assert found.while_delivering >= 2
    assert len(found.evidence.promised) >= 500
    assert found.evidence.repeats >= 1


async def test_a_gateway_that_answers_too_early_is_caught(tmp_path: Path) -> None:
    """The same run over a gateway that replies before its commit finds acknowledged events missing.

    Three kills, for before one of them a busy machine may stand still for as long as it is too early.
    """
    found = await torture(tmp_path / "gateway", 3, 7, clients=6, program=EARLY)
    assert any("acknowledged events lost" in fault for fault in found.faults)


# ── the judge ────────────────────────────────────────────────────────────────────────────────────────────────────

IDS: Final = tuple(f"sale-{number}x" for number in range(200))
ONE: Final = next(event_id for event_id in IDS if Sale(event_id).choice is Choice.ALL)
NONE: Final = next(event_id for event_id in IDS if Sale(event_id).choice is Choice.REFUSED)
META: Final = Destination.META


def fine() -> Evidence:
    """What a faultless run leaves behind."""
    return Evidence(
        asked=frozenset(IDS),
        told={event_id: "accepted" if Sale(event_id).destinations else "refused" for event_id in IDS},
        took={d: {e: Took(1, Sale(e).value) for e in IDS if d in Sale(e).destinations} for d in Destination},
        excuses={},
        dead={d: frozenset() for d in Destination},
    )


def with_meta(changes: dict[str, Took | None]) -> Evidence:
    """The same, but for some of what Meta has."""
    evidence = fine()
    meta = {event_id: one for event_id, one in {**evidence.took[META], **changes}.items() if one is not None}
    return msgspec.structs.replace(evidence, took={**evidence.took, META: meta})


def excused(evidence: Evidence, times: int) -> Evidence:
    """The same, but so many requests to Meta with the one event had no outcome."""
    return msgspec.structs.replace(evidence, excuses={(META, ONE): times})


def dead(evidence: Evidence) -> Evidence:
    """The same, but Meta's part of the one event is a dead letter."""
    return msgspec.structs.replace(evidence, dead={**evidence.dead, META: frozenset({ONE})})


def untold(evidence: Evidence) -> Evidence:
    """The same, but nobody was told about the one event."""
    told = {event_id: status for event_id, status in evidence.told.items() if event_id != ONE}
    return msgspec.structs.replace(evidence, told=told)


FINE: Final[dict[str, Callable[[], Evidence]]] = {
    "a faultless run": fine,
    "a repeat after an unknown outcome": lambda: excused(with_meta({ONE: Took(2, Sale(ONE).value)}), 1),
    "a dead letter": lambda: dead(with_meta({ONE: None})),
    "never acknowledged and not there": lambda: untold(with_meta({ONE: None})),
    "never acknowledged and there": lambda: untold(fine()),
}
FAULTY: Final[dict[str, tuple[Callable[[], Evidence], str]]] = {
    "one of 200 is missing": (lambda: with_meta({ONE: None}), "lost"),
    "one that nobody posted": (lambda: with_meta({"sale-999x": Took(1, Sale("sale-999x").value)}), "nobody posted"),
    "one that was refused": (lambda: with_meta({NONE: Took(1, Sale(NONE).value)}), "without consent"),
    "another value": (lambda: with_meta({ONE: Took(1, Sale(ONE).value + Decimal("0.01"))}), "changed"),
    "copies that differ": (lambda: excused(with_meta({ONE: Took(2, Sale(ONE).value, differing=1)}), 1), "changed"),
    "a repeat without excuse": (lambda: with_meta({ONE: Took(2, Sale(ONE).value)}), "repeated"),
    "one repeat more than excused": (lambda: excused(with_meta({ONE: Took(3, Sale(ONE).value)}), 1), "repeated"),
}


@pytest.mark.parametrize("name", FINE)
def test_the_judge_accuses_nobody_falsely(name: str) -> None:
    """A history in which every promise was kept has no fault."""
    assert list(judge(FINE[name]())) == []


@pytest.mark.parametrize("name", FAULTY)
def test_the_judge_sees_one_fault_in_two_hundred(name: str) -> None:
    """A history with one broken promise has exactly that fault."""
    make, word = FAULTY[name]
    (fault,) = judge(make())
    assert word in fault
