"""Bits are read to the last one and not beyond; ids are kept as they are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.consent.gpp_bits import LARGEST_ID, MOST_ENTRIES, Bits
from tests.gateway.consent import gpp_writing as write

IDS = st.sets(st.integers(1, LARGEST_ID) | st.integers(1, 40), max_size=60)


@pytest.mark.parametrize(
    ("value", "bits"), [(1, "11"), (2, "011"), (3, "0011"), (4, "1011"), (5, "00011"), (6, "10011"), (7, "01011")]
)
def test_fibonacci_numbers_are_as_the_specification_shows_them(value: int, bits: str) -> None:
    """The table of the specification, written and read."""
    assert write.fibonacci(value) == bits
    assert Bits(write.letters(bits)).fibonacci() == value


@given(st.lists(st.integers(1, LARGEST_ID), min_size=1, max_size=20))
def test_fibonacci_numbers_stand_one_after_the_other(values: list[int]) -> None:
    """Any of them, without a length in between."""
    bits = Bits(write.letters("".join(map(write.fibonacci, values))))
    assert [bits.fibonacci() for _ in values] == values
    assert bits.ends()


@pytest.mark.parametrize("text", ["", "A", "g", "gg", "AAAAAAAAAA"])
def test_a_fibonacci_number_without_end_breaks(text: str) -> None:
    """There is no number before two ones in a row."""
    bits = Bits(text)
    assert (bits.fibonacci(), bits.broken, bits.ends()) == (0, True, False)


def test_a_number_too_large_for_an_id_breaks() -> None:
    """However long its places go on."""
    assert Bits(write.letters(write.fibonacci(75_024))).fibonacci() == 75_024
    assert Bits(write.letters(write.fibonacci(75_025))).fibonacci() == 0


@given(IDS)
def test_ids_are_read_as_they_were_written(ids: set[int]) -> None:
    """As distances, as numbers and as a field."""
    for text, take in (
        (write.fibonacci_ranges(ids), Bits.fibonacci_ranges),
        (write.integer_ranges(ids), Bits.integer_ranges),
        ("".join("01"[each in ids] for each in range(1, 100)), lambda bits: bits.field(99)),
    ):
        bits = Bits(write.letters(text))
        read = take(bits)
        assert bits.ends()
        most = 99 if read.field else LARGEST_ID
        assert all(each in read for each in ids if each <= most)
        assert not any(each in read for edge in ids for each in (edge - 1, edge + 1) if each not in ids and each > 0)
        assert LARGEST_ID + 1 not in read


@given(IDS, st.integers(1, 30))
def test_a_cut_list_breaks(ids: set[int], cut: int) -> None:
    """What was cut off is never taken for zeros."""
    for text, take in ((write.fibonacci_ranges(ids), Bits.fibonacci_ranges), (write.integer_ranges(ids), Bits.integer_ranges)):
        bits = Bits(write.letters(text)[: -1 - cut])
        take(bits)
        assert bits.broken


def test_no_id_is_above_the_largest() -> None:
    """A list that says how large its ids are keeps to it."""
    for largest, sound in ((9, True), (8, False)):
        for write_ranges, read in (
            (write.fibonacci_ranges, Bits.fibonacci_ranges),
            (write.integer_ranges, Bits.integer_ranges),
        ):
            bits = Bits(write.letters(write_ranges([3, 8, 9])))
            read(bits, largest)
            assert bits.ends() is sound


@pytest.mark.parametrize(("first", "last"), [(0, 0), (0, 3), (5, 4), (65_535, 1)])
def test_a_range_goes_upwards_from_1(first: int, last: int) -> None:
    """In numbers of 16 bits anything can be written; only a real range is read."""
    bits = Bits(write.letters(write.number(1, 12) + "1" + write.number(first, 16) + write.number(last, 16)))
    bits.integer_ranges()
    assert bits.broken


def test_there_are_only_so_many_entries() -> None:
    """In all lists of a segment together."""
    half = write.fibonacci_ranges(range(1, MOST_ENTRIES, 2))
    assert int(half[:12], 2) == MOST_ENTRIES // 2
    one_more = write.fibonacci_ranges([1])
    bits = Bits(write.letters(half + half + one_more))
    bits.fibonacci_ranges()
    bits.fibonacci_ranges()
    assert not bits.broken
    bits.fibonacci_ranges()
    assert bits.broken


def test_nothing_is_read_behind_the_last_letter() -> None:
    """Whatever the length, the bits are six a letter."""
    for length in range(6):
        bits = Bits("A" * length)
        assert bits.take(6 * length) == 0
        assert bits.ends()
        assert bits.take(1) == 0
        assert bits.broken


@pytest.mark.parametrize(("text", "ends"), [("AA", True), ("AB", False), ("Ag", False)])
def test_what_is_left_must_be_zeros(text: str, ends: bool) -> None:
    """Of any number."""
    bits = Bits(text)
    bits.take(6)
    assert bits.ends() is ends
