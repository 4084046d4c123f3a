from hypothesis import given
from hypothesis import strategies as st

from gateway.console import attempts
from gateway.console.attempts import FORGET_SECONDS, FREE, MOST, NAME_CAP_SECONDS, NETWORK_FREE, Attempts, Guard


def test_the_wait_doubles_after_a_few_free_tries() -> None:
    """Up to its cap, counted from the last failure."""
    tries = Attempts(FREE, NAME_CAP_SECONDS)
    waits = []
    for _ in range(12):
        tries.failed("a", 100.0)
        waits.append(tries.wait("a", 100.0))
    assert waits == [0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert tries.wait("a", 159.0) == 1.0
    assert tries.wait("a", 160.0) == 0.0


def test_failures_are_forgotten_after_a_while_and_by_success() -> None:
    """So that nobody pays for last month."""
    tries = Attempts(1, 60.0)
    tries.failed("a", 0.0)
    assert tries.wait("a", 0.5) == 0.5
    assert tries.wait("a", FORGET_SECONDS + 1) == 0.0
    tries.succeeded("a")
    assert tries.wait("a", 0.5) == 0.0


def test_memory_is_bounded() -> None:
    """Names that nobody has can be made up for ever; those that failed longest ago are forgotten."""
    tries = Attempts(1, 60.0)
    for number in range(MOST + 10):
        tries.failed(str(number), 0.0)
    assert len(tries._failures) == MOST
    assert tries.wait("0", 0.5) == 0.0
    assert tries.wait(str(MOST + 9), 0.5) == 0.5


def test_a_success_does_not_pay_for_the_network() -> None:
    """Whoever knows one password must not guess at others for free."""
    guard = Guard()
    for _ in range(NETWORK_FREE):
        guard.failed("other", "net", 0.0)
        guard.failed("mine", "net", 0.0)
        guard.succeeded("mine", "net")
    assert guard.wait("mine", "net", 0.0) > 0
    assert guard.wait("mine", "elsewhere", 0.0) == 0


def test_many_who_sign_in_from_one_network_need_not_wait() -> None:
    """A try counts before it is known to be right, and then no more: an office of fifty comes in at nine."""
    guard = Guard()
    for number in range(50):
        assert guard.wait(f"p{number}", "office", 0.0) == 0
        guard.failed(f"p{number}", "office", 0.0)
        guard.succeeded(f"p{number}", "office")
    guard.succeeded("nobody", "elsewhere")


@given(st.lists(st.floats(0, 1000), max_size=60))
def test_a_name_is_never_locked_for_longer_than_its_cap(moments: list[float]) -> None:
    """Whoever knows a name must not be able to keep its owner out."""
    guard = Guard()
    for moment in sorted(moments):
        guard.failed("name", f"net{moment}", moment)
    last = max(moments, default=0.0)
    assert guard.wait("name", "own", last) <= attempts.NAME_CAP_SECONDS
