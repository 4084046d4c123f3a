"""Bits are read where they are, nothing is read past the end, and lists of vendor ids mean what a plain reading says."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.consent.bits import LAST_ID, MOST_ENTRIES, Bits, Flags
from tests.iab.writing import Entry, entries, flags, number, packed, ranges

IDS = st.integers(1, LAST_ID)
ENTRIES = st.lists(IDS | st.tuples(IDS, IDS).map(lambda pair: (min(pair), max(pair))), max_size=40)


def unread(text: str) -> Bits:
    """Bits, all of them still to be read."""
    return Bits(int(text or "0", 2), len(text))


def plainly(listed: list[Entry], vendor: int) -> bool:
    """The plain reading of a list of ranges."""
    return any(entry == vendor if isinstance(entry, int) else entry[0] <= vendor <= entry[1] for entry in listed)


# ── numbers ──────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.text("01", min_size=1, max_size=200))
def test_a_segment_is_unpacked_bit_for_bit(bits: str) -> None:
    """Six bits a character, in any number of characters, nothing added but what fills up the last."""
    found = Bits.of(packed(bits))
    assert found.left == len(bits) + (-len(bits) % 6)
    assert (found.take(len(bits)), found.read_whole()) == (int(bits, 2), True)


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(min_value=0)), max_size=20))
def test_numbers_are_read_one_after_the_other(wanted: list[tuple[int, int]]) -> None:
    """Each of its own width."""
    numbers = [(value % (1 << width), width) for width, value in wanted]
    bits = unread("".join(number(value, width) for value, width in numbers))
    assert [bits.take(width) for _, width in numbers] == [value for value, _ in numbers]
    assert bits.read_whole()


def test_what_is_not_there_is_zero_and_breaks() -> None:
    """A number of which one bit is missing is no number, whatever its other bits are."""
    bits = unread("111")
    assert (bits.take(4), bits.broken) == (0, True)
    assert not bits.read_whole()
    assert (bits.take(1), bits.broken) == (0, True)


@pytest.mark.parametrize(("rest", "whole"), [("", True), ("0", True), ("0" * 50, True), ("1", False), ("0001", False)])
def test_only_zeros_may_be_left_over(rest: str, whole: bool) -> None:
    """They fill up characters; a one means something that was not understood."""
    bits = unread("101" + rest)
    bits.take(3)
    assert bits.read_whole() is whole


# ── vendors by flags ─────────────────────────────────────────────────────────────────────────────────────────────


def test_flags_name_the_vendors_from_one_on() -> None:
    """The first flag is vendor 1's, and nobody is named before it or after the last."""
    bits = unread(flags(1, 4, 6, most=7) + "1")
    found = bits.vendors()
    assert isinstance(found, Flags)
    assert [vendor for vendor in range(70) if vendor in found] == [1, 4, 6]
    assert (bits.take(1), bits.broken) == (1, False)


def test_flags_that_are_missing_break() -> None:
    """A section of seven ids needs seven flags."""
    bits = unread(flags(1, most=7)[:-1])
    bits.vendors()
    assert bits.broken


# ── vendors by ranges ────────────────────────────────────────────────────────────────────────────────────────────


@given(ENTRIES, st.data())
def test_ranges_mean_what_a_plain_reading_says(listed: list[Entry], data: st.DataObject) -> None:
    """Any mixture of ids and ranges, in any order, overlapping or not; what follows the list is read from its end."""
    bits = unread(ranges(*listed, most=LAST_ID) + "101")
    found = bits.vendors()
    ends = [end for entry in listed for end in ((entry,) if isinstance(entry, int) else entry)]
    near = st.sampled_from(ends or [1]).flatmap(lambda end: st.integers(max(end - 1, 1), min(end + 1, LAST_ID)))
    vendor = data.draw(near | IDS)
    assert (vendor in found) is plainly(listed, vendor)
    assert (bits.take(3), bits.read_whole()) == (0b101, True)


@given(ENTRIES, IDS)
def test_ranges_are_held_to_the_highest_id(listed: list[Entry], most: int) -> None:
    """An id above the section's own highest one breaks it, first of a range or last."""
    bits = unread(ranges(*listed, most=most))
    bits.vendors()
    assert bits.broken is any(not plainly([(1, most)], entry if isinstance(entry, int) else entry[1]) for entry in listed)


@pytest.mark.parametrize("bad", [0, (0, 5), (0, 0), (6, 5), (LAST_ID, 1)])
@pytest.mark.parametrize("others", [(), (3,), ((2, 9),), (3, (2, 9), 700)])
def test_an_id_of_zero_or_a_reversed_range_breaks_the_list(bad: Entry, others: tuple[Entry, ...]) -> None:
    """Wherever it stands, and whatever stands beside it."""
    for at in range(len(others) + 1):
        bits = unread(entries(*others[:at], bad, *others[at:]))
        bits.ranges()
        assert bits.broken


@pytest.mark.parametrize("listed", [(3,), ((2, 9),), (3, (2, 9)), ((2, 9), 3)])
def test_an_entry_that_is_missing_or_cut_off_breaks_the_list(listed: tuple[Entry, ...]) -> None:
    """As many entries as the list says, each whole."""
    whole = entries(*listed)
    for end in range(len(whole)):
        bits = unread(whole[:end])
        bits.ranges()
        assert bits.broken
    bits = unread(entries(*listed, count=len(listed) + 1))
    bits.ranges()
    assert bits.broken


@pytest.mark.parametrize("vendor", [-1, 0, LAST_ID + 1, LAST_ID + 2, 1 << 40])
def test_what_is_no_id_is_in_no_list(vendor: int) -> None:
    """A list of everybody holds ids 1 to 65,535."""
    found = unread(entries((1, LAST_ID), 755)).ranges()
    assert (1 in found, LAST_ID in found, vendor in found) == (True, True, False)


@pytest.mark.parametrize("entry", [755, (1, LAST_ID)])
def test_as_many_entries_as_there_can_be_cost_little(entry: Entry) -> None:
    """4,095 of them, which name 268 million ids: read and searched in milliseconds, even where the machine is busy."""
    bits = entries(*[entry] * MOST_ENTRIES)
    taken = []
    for _ in range(9):
        begin = time.thread_time()
        assert 755 in unread(bits).ranges()
        taken.append(time.thread_time() - begin)
    assert min(taken) < 0.005
