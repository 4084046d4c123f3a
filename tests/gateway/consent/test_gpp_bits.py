"""Fibonacci numbers, and lists of ids made of them, are read to the last bit and not beyond."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.consent.bits import LAST_ID, NOBODY
from gateway.consent.gpp_bits import MOST_ENTRIES, GppBits, Runs
from tests.gateway.consent import gpp_writing as write

IDS = st.sets(st.integers(1, LAST_ID) | st.integers(1, 40), max_size=60)


@pytest.mark.parametrize(
    ("value", "bits"), [(1, "11"), (2, "011"), (3, "0011"), (4, "1011"), (5, "00011"), (6, "10011"), (7, "01011")]
)
def test_fibonacci_numbers_are_as_the_specification_shows_them(value: int, bits: str) -> None:
    """The table of the specification, written and read."""
    assert write.fibonacci(value) == bits
    assert GppBits.of(write.letters(write.number(1, 12) + "0" + bits)).runs() == Runs(((value, value),))


def test_the_specifications_example_of_a_range_is_read() -> None:
    """3, and 5 to 8."""
    bits = GppBits.of(write.letters("000000000010" + "0" + "0011" + "1" + "011" + "0011"))
    assert bits.runs() == Runs(((3, 3), (5, 8)))
    assert bits.read_whole()


@pytest.mark.parametrize("entries", ["", "0", "0" * 40, "01", "0101010101", "1", "111", "1110", "11101"])
def test_a_number_without_end_breaks(entries: str) -> None:
    """There is none before two ones in a row, neither for a single id nor for the end of a range."""
    bits = GppBits.of(write.letters(write.number(1, 12) + entries))
    assert (bits.runs(), bits.broken, bits.read_whole()) == (NOBODY, True, False)


@pytest.mark.parametrize(("number", "sound"), [(75_024, True), (75_025, False), (10**9, False), (10**30, False)])
def test_a_number_too_large_for_an_id_breaks(number: int, sound: bool) -> None:
    """However long its places go on, and whatever limit was asked for."""
    bits = GppBits.of(write.letters(write.number(1, 12) + "0" + write.fibonacci(number)))
    bits.runs(most=10**40)
    assert bits.read_whole() is sound


@given(IDS)
def test_ids_are_read_as_they_were_written(ids: set[int]) -> None:
    """As distances from the one before, and not one more."""
    bits = GppBits.of(write.letters(write.fibonacci_ranges(ids)))
    listed = bits.runs()
    assert bits.read_whole()
    assert all(each in listed for each in ids)
    assert not any(each in listed for edge in ids for each in (edge - 1, edge + 1) if each not in ids)


def test_no_ids_are_nobody() -> None:
    """So that an empty list is the same however it was written."""
    assert GppBits.of(write.letters(write.fibonacci_ranges([]))).runs() == NOBODY


@given(st.sets(st.integers(1, 99)))
def test_a_field_has_a_bit_for_each_id(ids: set[int]) -> None:
    """From 1 on."""
    bits = GppBits.of(write.letters("".join("01"[each in ids] for each in range(1, 100))))
    flags = bits.flags(99)
    assert bits.read_whole()
    assert {each for each in range(1, 120) if each in flags} == ids


@given(IDS, st.integers(1, 30))
def test_a_cut_list_breaks(ids: set[int], cut: int) -> None:
    """What was cut off is never taken for zeros."""
    bits = GppBits.of(write.letters(write.fibonacci_ranges(ids))[: -1 - cut] or "A")
    bits.runs()
    assert bits.broken


def test_no_id_is_above_the_largest() -> None:
    """A list that says how large its ids are keeps to it."""
    for most, sound in ((9, True), (8, False), (3, False)):
        bits = GppBits.of(write.letters(write.fibonacci_ranges([3, 8, 9])))
        listed = bits.runs(most)
        assert bits.read_whole() is sound
        assert not sound or listed == Runs(((3, 3), (8, 9)))


def test_there_are_only_so_many_entries() -> None:
    """In all lists of a segment together."""
    half = write.fibonacci_ranges(range(1, MOST_ENTRIES, 2))
    assert int(half[:12], 2) == MOST_ENTRIES // 2
    one_more = write.fibonacci_ranges([1])
    bits = GppBits.of(write.letters(half + half + one_more))
    bits.runs()
    bits.runs()
    assert not bits.broken
    bits.runs()
    assert bits.broken
