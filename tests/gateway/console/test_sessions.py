import pytest

from gateway.console.roles import Role
from gateway.console.sessions import MOST, MOST_OF_ONE, Session, Sessions

IDLE, LONGEST = 1800.0, 43_200.0


def token(number: int) -> str:
    """A token, of the length that tokens have."""
    return f"{number:043d}"


def session(name: str = "ada", began: float = 0.0, number: int = 0) -> Session:
    """A session that begins."""
    return Session(
        id=f"s{number}",
        name=name,
        account=f"account of {name}",
        roles=frozenset({Role.MARKETER}),
        csrf="c",
        began=began,
        began_at=1,
        used=began,
    )


def test_a_session_ends_when_it_is_not_used() -> None:
    """Each use puts the end off."""
    sessions = Sessions(IDLE, LONGEST)
    sessions.open(token(1), session())
    assert sessions.find(token(1), IDLE) is not None
    assert sessions.find(token(1), 2 * IDLE) is not None
    assert sessions.find(token(1), 3 * IDLE + 1) is None
    assert sessions.find(token(1), 3 * IDLE) is None, "what is over is gone"


def test_a_look_that_is_no_use_puts_nothing_off() -> None:
    """A page that is left open keeps nobody signed in."""
    sessions = Sessions(IDLE, LONGEST)
    sessions.open(token(1), session())
    assert sessions.find(token(1), IDLE, touch=False) is not None
    assert sessions.find(token(1), IDLE + 1) is None


def test_a_session_ends_at_the_latest_some_hours_after_it_began() -> None:
    """However much it is used."""
    sessions = Sessions(IDLE, LONGEST)
    sessions.open(token(1), session())
    for minute in range(0, int(LONGEST), 600):
        assert sessions.find(token(1), float(minute)) is not None
    assert sessions.find(token(1), LONGEST + 1) is None


@pytest.mark.parametrize("other", ["", token(2), token(1)[:-1], token(1) + "0", "é" * 43, "\ud800" * 43])
def test_any_other_text_is_no_session(other: str) -> None:
    """Whatever stands in the cookie."""
    sessions = Sessions(IDLE, LONGEST)
    sessions.open(token(1), session())
    assert sessions.find(other, 1.0) is None


def test_sessions_are_bounded_for_one_and_for_all() -> None:
    """The one that was used longest ago makes room."""
    sessions = Sessions(IDLE, LONGEST)
    for number in range(MOST_OF_ONE + 2):
        sessions.open(token(number), session(began=float(number)))
    assert [sessions.find(token(number), 20.0) is not None for number in range(4)] == [False, False, True, True]
    for number in range(100, 100 + MOST + 5):
        sessions.open(token(number), session(f"p{number}", 30.0 + number / 1000))
    assert len(list(sessions.living(32.0))) == MOST


def test_somebody_can_be_signed_out_by_the_sessions_id() -> None:
    """Which opens nothing by itself."""
    sessions = Sessions(IDLE, LONGEST)
    sessions.open(token(1), session(number=1))
    sessions.open(token(2), session(number=2))
    assert sessions.find("s1", 1.0) is None
    closed = sessions.close_by_id("s1")
    assert closed is not None
    assert sessions.close_by_id("s1") is None
    assert [one.id for one in sessions.living(1.0)] == ["s2"]
    sessions.close(token(2))
    sessions.close(token(2))
    assert list(sessions.living(1.0)) == []


def test_a_session_does_not_print_whose_it_is() -> None:
    """Nor does what keeps them hold a token."""
    sessions = Sessions(IDLE, LONGEST)
    sessions.open(token(1), session())
    assert repr(session()) == "<Session>"
    assert token(1) not in str(sessions._held)
