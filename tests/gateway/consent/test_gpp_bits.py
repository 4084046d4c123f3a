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
    assert GppBits.of(write.letters(bits)).fibonacci() == value


@given(st.lists(st.integers(1, LAST_ID), min_size=1, max_size=20))
def test_fibonacci_numbers_stand_one_after_the_other(values: list[int]) -> None:
    """Any of them, without a length in between."""
    bits = GppBits.of(write.letters("".join(map(write.fibonacci, values))))
    assert [bits.fibonacci() for _ in values] == values
    assert bits.read_whole()


@pytest.mark.parametrize("text", ["A", "g", "gg", "AAAAAAAAAA"])
def test_a_fibonacci_number_without_end_breaks(text: str) -> None:
    """There is no number before two ones in a row."""
    bits = GppBits.of(text)
    assert (bits.fibonacci(), bits.broken, bits.read_whole()) == (0, True, False)


def test_a_number_too_large_for_an_id_breaks() -> None:
    """However long its places go on."""
    assert GppBits.of(write.letters(write.fibonacci(75_024))).fibonacci() == 75_024
    assert GppBits.of(write.letters(write.fibonacci(75_025))).fibonacci() == 0


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
