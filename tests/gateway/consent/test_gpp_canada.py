"""The Canadian section: express and implied consent, lists in two ways, and nothing read twice."""

from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.consent.bits import LAST_ID
from gateway.consent.gpp_canada import WAYS as READ_IN
from gateway.consent.gpp_canada import Canada, _read, read
from tests.gateway.consent import gpp_writing as write
from tests.strategies import NOW

WAYS: Final = ("field", "fibonacci", "integers")
VENDORS: Final = st.sets(st.integers(1, 1200), max_size=30)
PURPOSES: Final = st.sets(st.integers(1, 24))


def sound(text: str) -> Canada:
    """What a text says that must be readable."""
    canada = read(text)
    assert canada is not None
    return canada


@given(PURPOSES, PURPOSES, VENDORS, VENDORS, st.sampled_from(WAYS))
@example(set(), set(), set(), {688}, "integers")  # as Fibonacci numbers: 220, and no restriction
def test_what_was_written_is_read(
    express: set[int], implied: set[int], vendors: set[int], implied_vendors: set[int], way: str
) -> None:
    """Purposes and vendors, express and implied, however the lists are written; unless it says something else the other way."""
    core = write.canada(
        express=express, implied=implied, vendors=vendors, implied_vendors=implied_vendors, way=way, updated=NOW, cmp=300
    )
    shown = write.disclosed(vendors, way=way)
    in_fibonacci, in_integers = (_read(core, shown, each) for each in READ_IN)
    canada, other = (in_integers, in_fibonacci) if way == "integers" else (in_fibonacci, in_integers)
    assert canada is not None
    assert read(f"{core}.{shown}") == (canada if other in (None, canada) else None)
    assert (canada.updated, canada.cmp) == (NOW, 300)
    assert canada.disclosed is not None
    for each in range(1, 25):
        assert (each in canada.express_purposes, each in canada.implied_purposes) == (each in express, each in implied)
    for each in range(1, 1202):
        assert (each in canada.express_vendors, each in canada.implied_vendors) == (each in vendors, each in implied_vendors)
        assert (each in canada.disclosed) is (each in vendors)


@pytest.mark.parametrize("way", WAYS)
def test_a_list_of_one_is_read_in_every_way(way: str) -> None:
    """Of each of the lists."""
    canada = sound(write.canada(vendors=[755], implied_vendors=[42, 755], way=way))
    assert 755 in canada.express_vendors
    assert 42 not in canada.express_vendors
    assert 42 in canada.implied_vendors


@pytest.mark.parametrize("way", ["fibonacci", "integers"])
def test_restrictions_are_read_in_both_ways(way: str) -> None:
    """By purpose, kind and vendor."""
    rules = [(7, 0, [755]), (7, 1, [755, 756]), (2, 2, [3])]
    canada = sound(write.canada(restrictions=rules, restricted=way))
    assert canada.restricted(755, frozenset({7})) == {0, 1}
    assert canada.restricted(756, frozenset({1, 7})) == {1}
    assert canada.restricted(3, frozenset({2, 7})) == {2}
    assert canada.restricted(3, frozenset({7})) == frozenset()


BROKEN: Final[list[tuple[str, dict[str, Any]]]] = [
    ("another version", {"version": 2}),
    ("a language of no letters", {"language": (26, 0)}),
    ("a language of no letters", {"language": (0, 63)}),
    ("a restriction of purpose 0", {"restrictions": [(0, 1, [5])]}),
    ("a restriction of purpose 25", {"restrictions": [(25, 1, [5])]}),
    ("a restriction of no kind", {"restrictions": [(7, 3, [5])]}),
]


@pytest.mark.parametrize(("_what", "said"), BROKEN)
def test_a_value_that_cannot_be_is_a_flaw(_what: str, said: dict[str, Any]) -> None:
    """The rest may be read as well as it likes."""
    assert read(write.canada(**said)) is None


def test_the_core_is_read_to_its_last_bit_and_no_further() -> None:
    """Cut anywhere it is unreadable; zeros behind it are filling."""
    bits = write.canada_bits(vendors=[3, 755], implied_vendors=[1], restrictions=[(7, 1, [755])])
    text = write.letters(bits)
    assert sound(text + "AAAA") == sound(text)
    assert read(write.letters(bits + "1")) is None
    assert [cut for cut in range(len(text)) if read(text[:cut]) is not None] == []


@pytest.mark.parametrize("way", ["fibonacci", "integers"])
def test_no_vendor_is_above_the_largest_of_its_list(way: str) -> None:
    """A list says in front how far it goes."""
    bits = write.canada_bits(vendors=[755], way=way)
    largest = bits.index(write.number(755, 16) + "1")
    assert read(write.letters(bits[:largest] + write.number(754, 16) + bits[largest + 16 :])) is None


def test_what_can_be_read_in_two_ways_cannot_be_read() -> None:
    """The same 16 bits are vendor 3 as a number and vendor 987 as a Fibonacci number."""
    assert write.number(3, 16) == write.fibonacci(987)
    bits = write.canada_bits()
    lists = len(bits) - 12 - 2 * 17
    ambiguous = write.number(LAST_ID, 16) + "1" + write.number(1, 12) + "0" + write.number(3, 16)
    assert read(write.letters(bits[:lists] + ambiguous + bits[lists + 17 :])) is None
    assert 3 in sound(write.letters(bits[:lists] + write.number(986, 16) + ambiguous[16:] + bits[lists + 17 :])).express_vendors


def test_segments_come_once_each() -> None:
    """The vendors shown and the publisher's purposes, in any order, and no others."""
    core, shown, own = write.canada(), write.disclosed([755]), write.publisher(3)
    for text in (f"{core}.{shown}", f"{core}.{own}", f"{core}.{shown}.{own}", f"{core}.{own}.{shown}"):
        disclosed = sound(text).disclosed
        assert (disclosed is not None and 755 in disclosed) is (shown in text)
    for others in (f".{shown}.{shown}", f".{own}.{own}", ".", f".{shown}.", "..", ".AAAA", f".{core}", ".QA"):
        assert read(core + others) is None
    assert read(f"{shown}.{core}") is None
    assert read("") is None


@pytest.mark.parametrize("segment", [write.disclosed([755]), write.publisher(3)])
def test_segments_are_read_to_their_last_bit(segment: str) -> None:
    """Cut or continued they are a flaw, even the one that decides nothing."""
    core = write.canada()
    assert read(f"{core}.{segment}AA") is not None
    assert read(f"{core}.{segment[:-1]}") is None
    assert read(f"{core}.{segment}AB") is None


def test_there_are_only_so_many_restrictions() -> None:
    """One for each purpose and kind, as a list of them has no use for more."""
    every = [(purpose, kind, [5]) for purpose in range(1, 25) for kind in range(3)]
    assert len(sound(write.canada(restrictions=every)).restrictions) == len(every)
    assert read(write.canada(restrictions=[*every, every[0]])) is None
