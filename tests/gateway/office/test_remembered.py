"""What is remembered: values by key, within a bound."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.office.remembered import Remembered


def test_what_was_not_asked_for_longest_goes_first() -> None:
    """As soon as there is no room for all."""
    held = Remembered[str, int](30)
    for name in ("a", "b", "c"):
        held.keep(name, ord(name), 10)
    assert held.find("a") == ord("a")
    held.keep("d", 4, 10)
    assert [held.find(name) for name in ("a", "b", "c", "d")] == [97, None, 99, 4]


def test_what_is_too_large_is_not_remembered() -> None:
    """And takes nothing else away, but what stood by its key."""
    held = Remembered[str, int](30)
    held.keep("a", 1, 30)
    held.keep("b", 2, 31)
    assert (held.find("a"), held.find("b")) == (1, None)
    held.keep("a", 3, 31)
    assert held.find("a") is None


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 12)), max_size=60))
def test_no_more_is_held_than_there_is_room_for(kept: list[tuple[int, int]]) -> None:
    """Whatever comes in which order; what came last is there, where it fits."""
    held = Remembered[int, int](20)
    sizes: dict[int, int] = {}
    for key, size in kept:
        held.keep(key, size, size)
        sizes[key] = size
        there = [found for found in map(held.find, sizes) if found is not None]
        assert sum(there) <= 20
        assert held.find(key) == size
