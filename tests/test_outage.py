"""A token that expires while 20,000 events come in, with the pause's minutes scaled to seconds; in full: `make outage`."""

from pathlib import Path

import msgspec
import pytest

from tests.outage import Findings, _faults, outage

pytestmark = pytest.mark.xdist_group("machine")

SCALE = 60.0
"""A second of this test is a minute of the pause. Nothing else is scaled: posting and sending take what they take."""


@pytest.mark.parametrize("by_file", [True, False], ids=["the token is replaced", "mended at the platform"])
async def test_an_expired_token_costs_no_event(tmp_path: Path, by_file: bool) -> None:
    """No dead letter, one question a minute, and everything has arrived a minute after the mending, once each."""
    events = 20_000 if by_file else 2_000
    found = await outage(tmp_path / "gateway", events, 4.5, minute=60.0 / SCALE, by_file=by_file)
    assert not found.faults
    assert found.dead == 0
    assert len(found.refused) >= 3


FINE = Findings(100, [0.0, 60.0, 120.1], 9.0, 1.0, 3.0, 0, [])


def test_the_judge_is_satisfied_by_what_is_in_order() -> None:
    """Otherwise the next test shows nothing."""
    assert _faults(FINE, {"balanced": True}, 60.0, 100) == []


@pytest.mark.parametrize(
    ("changes", "balanced", "copies"),
    [
        ({}, False, 100),
        ({}, True, 101),
        ({"dead": 1}, True, 100),
        ({"refused": [0.0, 60.0]}, True, 100),
        ({"refused": [0.0, 50.0, 110.0]}, True, 100),
        ({"refused": [0.0, 60.0, 180.0]}, True, 100),
        ({"next_asked": 70.0, "arrived": 59.0}, True, 100),
        ({"arrived": 61.0}, True, 100),
    ],
)
def test_the_judge_is_not_easily_pleased(changes: dict[str, object], balanced: bool, copies: int) -> None:
    """Each promise that is broken is named, and nothing else."""
    found = msgspec.structs.replace(FINE, **changes)
    assert len(_faults(found, {"balanced": balanced}, 60.0, copies)) == 1
