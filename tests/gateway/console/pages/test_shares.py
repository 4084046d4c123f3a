from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.groups import Cell
from gateway.console.pages.shares import LEAST, WIDE, Bar, Tone, at_a_platform, at_the_door

CELLS = st.one_of(st.integers(0, 10**9), st.just("<10"))


def door(accepted: int = 0, consent: Cell = 0, otherwise: int = 0, invalid: int = 0, duplicate: int = 0) -> Bar:
    """The door's bar."""
    told: Any = {
        "accepted": accepted,
        "refused_for_consent": consent,
        "refused_otherwise": {"no_identity": otherwise},
        "invalid": {"missing": invalid},
        "duplicate": duplicate,
    }
    return at_the_door(told)


def test_a_bar_is_as_wide_as_its_parts() -> None:
    """Each where the one before it ends."""
    assert [(part.tone, part.at, part.width) for part in door(accepted=60, consent=30, duplicate=10).parts] == [
        (Tone.GOOD, 0, 600),
        (Tone.CONSENT, 600, 300),
        (Tone.REPEAT, 900, 100),
    ]


def test_a_small_group_has_no_width_and_no_number() -> None:
    """Were it drawn, it could be measured."""
    small = door(accepted=5, consent="<10").parts[1]
    assert (small.count, small.width) == ("<10", 0)


def test_nothing_is_no_bar() -> None:
    """Of a shop that is new."""
    assert door().parts == ()


def test_one_failure_among_a_million_is_seen() -> None:
    """And a replay that took more out of the dead than died is none."""
    arrival: Any = {"delivered": 10**6, "taken": 0, "dead": 1, "withdrawn": 0, "refunded": 0}
    assert at_a_platform("meta", arrival, None).parts[-1].width > LEAST * 0.99
    arrival["dead"] = -3
    assert at_a_platform("meta", arrival, None).parts[-1].width == 0


def test_what_waits_is_as_of_now() -> None:
    """It has no past."""
    arrival: Any = {"delivered": 0, "taken": 0, "dead": 0, "withdrawn": "<10", "refunded": 0}
    now: Any = {"waiting": 4, "retrying": 1}
    assert [(part.tone, part.count) for part in at_a_platform("meta", arrival, now).parts] == [
        (Tone.WAIT, 4),
        (Tone.AGAIN, 1),
        (Tone.CONSENT, "<10"),
    ]


@given(st.integers(0, 10**9), CELLS, st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_bar_is_never_wider_than_the_place_for_it(a: int, b: Cell, c: int, d: int, e: int) -> None:
    """Whatever is in it."""
    parts = door(a, b, c, d, e).parts
    assert sum(part.width for part in parts) <= WIDE + 1
    assert all(part.at + part.width <= WIDE + 1 for part in parts)
