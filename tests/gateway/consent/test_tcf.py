"""A TC string is read strictly: each rule by a string that is sound but for one thing."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.consent.tcf import LONGEST, PURPOSES, TcString, _lists, _segments, read_tc
from gateway.model.words import Refusal
from tests.effort import effort
from tests.iab.writing import (
    ALLOWED,
    GRANT,
    MADE,
    SHOWN,
    Entry,
    core,
    entries,
    flags,
    letters,
    number,
    packed,
    publisher,
    ranges,
    restrictions,
    segment,
    tc,
)

WORKED: Final = json.loads((Path(__file__).parents[2] / "data" / "tcf_strings.json").read_bytes())["strings"]
NEEDED: Final = frozenset({1, 7})
INVALID: Final = Refusal.TCF_INVALID


def sound(text: str) -> TcString:
    """The string, which must be readable."""
    found = read_tc(text)
    assert isinstance(found, TcString), found
    return found


@pytest.mark.parametrize("row", WORKED, ids=lambda row: str(row["says"]))
def test_the_worked_examples_are_read_as_they_are_meant(row: dict[str, Any]) -> None:
    """Strings that other software wrote, and what is in them."""
    found = read_tc(row["text"])
    if "refusal" in row:
        assert found == Refusal(row["refusal"])
        return
    assert isinstance(found, TcString)
    assert [purpose for purpose in range(1, PURPOSES + 1) if found.consents_to([purpose])] == row["purposes"]
    assert [vendor for vendor in range(1, 2000) if vendor in found.vendors] == row["vendors"]
    assert [vendor for vendor in range(1, 2000) if vendor in found.disclosed] == row["disclosed"]
    assert (found.created, found.last_updated) == (row["created"], row["last_updated"])


def test_a_string_prints_nothing_of_what_is_inside() -> None:
    """It is somebody's choice."""
    assert repr(sound(GRANT)) == "<TcString>"


# ── what it takes to be read at all ──────────────────────────────────────────────────────────────────────────────


def test_the_string_that_everything_is_varied_from_is_sound() -> None:
    """A test that breaks one thing shows something only if nothing else was broken."""
    found = sound(GRANT)
    assert found.consents_to(NEEDED)
    assert found.allows(755, NEEDED)
    assert (found.created, found.last_updated) == (MADE, MADE)


@pytest.mark.parametrize("bad", ["=", "+", "/", " ", "\n", "\0", "é", "\u0661", "~", ",", "\U0001d7d9"])
def test_a_character_outside_the_alphabet_refuses(bad: str) -> None:
    """Anywhere in the string; padding and standard base64's own characters are outside, too."""
    for at in (0, 10, len(GRANT)):
        assert read_tc(GRANT[:at] + bad + GRANT[at:]) is INVALID


@pytest.mark.parametrize("text", ["", ".", "..", "C", "CP", "A" * 60, f".{GRANT}", f"{GRANT}.", GRANT.replace(".", "..")])
def test_a_missing_segment_refuses(text: str) -> None:
    """No text, no core, nothing between two dots, or dots at the ends."""
    assert read_tc(text) is INVALID


def test_a_string_over_the_longest_is_not_looked_at() -> None:
    """8,192 characters at most; zeros at the end are otherwise harmless."""
    assert sound(GRANT + "A" * (LONGEST - len(GRANT))).allows(755, NEEDED)
    assert read_tc(GRANT + "A" * (LONGEST - len(GRANT) + 1)) is INVALID


@pytest.mark.parametrize("version", [0, 1, 3, 4, 8, 63])
def test_any_other_version_refuses(version: int) -> None:
    """Version 2 is the only one that is read."""
    assert read_tc(tc(core(version=version), SHOWN)) is INVALID


@pytest.mark.parametrize("cmp", [0, 1])
def test_a_consent_tool_without_a_number_refuses(cmp: int) -> None:
    """0 and 1 stand for no registered tool; 2 is the first."""
    assert read_tc(tc(core(cmp=cmp), SHOWN)) is INVALID
    assert sound(tc(core(cmp=2), SHOWN)).allows(755, NEEDED)


@pytest.mark.parametrize("at", [0, 1])
def test_what_is_no_letter_refuses(at: int) -> None:
    """Language and country are two letters each."""
    pair = [letters("A"), letters("Z")]
    assert sound(tc(core(language="".join(pair), country="".join(pair)), SHOWN)).allows(755, NEEDED)
    pair[at] = number(26, 6)
    assert read_tc(tc(core(language="".join(pair)), SHOWN)) is INVALID
    assert read_tc(tc(core(country="".join(pair)), SHOWN)) is INVALID


# ── nothing missing, nothing left over ───────────────────────────────────────────────────────────────────────────


def test_a_string_cut_off_anywhere_refuses() -> None:
    """In its core or in a segment; without a segment it says that vendors were not disclosed, which refuses as well."""
    whole = tc(core(vendors=ranges(2, (700, 800), most=800), restricted=restrictions((2, 1, entries(9)))), SHOWN)
    assert sound(whole).allows(755, NEEDED)
    for end in range(len(whole)):
        expected = Refusal.TCF_VENDORS_NOT_DISCLOSED if end == whole.index(".") else INVALID
        assert read_tc(whole[:end]) is expected, end


@pytest.mark.parametrize("zeros", range(25))
def test_any_number_of_zeros_may_follow_the_last_field(zeros: int) -> None:
    """Encoders fill up to whole characters, bytes or nothing at all."""
    assert sound(tc(core() + "0" * zeros, SHOWN + "0" * zeros)).allows(755, NEEDED)


@pytest.mark.parametrize("rest", ["1", "01", "0000001", "0" * 30 + "1"])
def test_a_one_after_the_last_field_refuses(rest: str) -> None:
    """In the core, in what was disclosed, and in each other segment."""
    assert read_tc(tc(core() + rest, SHOWN)) is INVALID
    assert read_tc(tc(core(), SHOWN + rest)) is INVALID
    assert read_tc(tc(core(), SHOWN, segment(ALLOWED, flags()) + rest)) is INVALID
    assert read_tc(tc(core(), SHOWN, publisher() + rest)) is INVALID


# ── segments ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_segments_after_the_core_may_stand_in_any_order() -> None:
    """And the obsolete one, and the publisher's own, say nothing of platforms."""
    others = [SHOWN, segment(ALLOWED, flags(1)), publisher()]
    for turn in range(3):
        assert sound(tc(core(), *others[turn:], *others[:turn])).allows(755, NEEDED)


@pytest.mark.parametrize("kind", [0, 4, 5, 6, 7])
def test_an_unknown_segment_refuses(kind: int) -> None:
    """Even an empty one, and a second core above all: it could say the opposite of the first."""
    assert read_tc(tc(core(), SHOWN, segment(kind, flags(755)))) is INVALID
    assert read_tc(tc(core(), SHOWN, core())) is INVALID


@pytest.mark.parametrize("repeated", [SHOWN, segment(ALLOWED, flags()), publisher()])
def test_a_segment_that_is_there_twice_refuses(repeated: str) -> None:
    """Which of the two counts cannot be told."""
    assert read_tc(tc(core(), *{SHOWN, repeated}, repeated)) is INVALID


def test_a_fifth_segment_refuses() -> None:
    """There are four kinds in all."""
    assert read_tc(tc(core(), SHOWN, segment(ALLOWED, flags()), publisher(), publisher())) is INVALID


@pytest.mark.parametrize("custom", [0, 1, 63])
def test_the_publishers_own_purposes_are_read_whole(custom: int) -> None:
    """As many custom purposes as it says, twice."""
    assert sound(tc(core(), SHOWN, publisher(custom))).allows(755, NEEDED)
    assert read_tc(packed(core()) + "." + packed(SHOWN) + "." + packed(publisher(custom))[:-1]) is INVALID


def test_an_earlier_policy_refuses_by_its_own_reason() -> None:
    """Policies before version 4 are no longer valid; later ones than today's are read."""
    for policy, refused in ((0, True), (2, True), (3, True), (4, False), (5, False), (6, False)):
        assert (read_tc(tc(core(policy=policy), SHOWN)) is Refusal.TCF_OUTDATED_POLICY) is refused


def test_a_string_for_more_than_one_site_refuses_by_its_own_reason() -> None:
    """Only what is specific to the service counts."""
    assert read_tc(tc(core(service_specific=0), SHOWN)) is Refusal.TCF_NOT_SERVICE_SPECIFIC


def test_vendors_that_were_not_disclosed_refuse_by_their_own_reason() -> None:
    """A string without the segment that says which vendors were shown."""
    assert read_tc(tc(core())) is Refusal.TCF_VENDORS_NOT_DISCLOSED
    assert read_tc(tc(core(), publisher())) is Refusal.TCF_VENDORS_NOT_DISCLOSED


def test_what_is_malformed_is_never_excused_by_another_reason() -> None:
    """A broken string of an old policy is broken: its policy may be what is broken."""
    assert read_tc(tc(core(policy=3) + "1", SHOWN)) is INVALID
    assert read_tc(tc(core(service_specific=0), segment(4, ""))) is INVALID


# ── vendors and purposes ─────────────────────────────────────────────────────────────────────────────────────────

BAD_LISTS: Final[tuple[tuple[Entry, ...], ...]] = ((0,), ((0, 9),), ((9, 8),), (801,), ((700, 801),), (755, 0))


@pytest.mark.parametrize("bad", BAD_LISTS)
def test_a_bad_range_refuses_in_every_section(bad: tuple[Entry, ...]) -> None:
    """Those without a vendor that anybody asks about, too: consents, interests, disclosed, allowed."""
    broken = ranges(*bad, most=800)
    assert read_tc(tc(core(vendors=broken), SHOWN)) is INVALID
    assert read_tc(tc(core(vendor_interests=broken), SHOWN)) is INVALID
    assert read_tc(tc(core(), segment(1, broken))) is INVALID
    assert read_tc(tc(core(), SHOWN, segment(ALLOWED, broken))) is INVALID


@given(st.sets(st.integers(1, PURPOSES)), st.sets(st.integers(1, PURPOSES)), st.sets(st.integers(1, PURPOSES)))
def test_purposes_count_by_consent_alone(consents: set[int], interests: set[int], wanted: set[int]) -> None:
    """All of those that are wanted must be among those consented to, whatever legitimate interest says."""
    found = sound(tc(core(consents=consents, interests=interests), SHOWN))
    assert found.consents_to(wanted) is (wanted <= consents)


@pytest.mark.parametrize("write", [flags, lambda *ids: ranges(*ids, most=900)])
def test_a_vendor_needs_consent_and_disclosure(write: Any) -> None:
    """Both, and its own: a neighbour's does not help, nor does legitimate interest."""
    for consented, disclosed, expected in (
        ([755], [755], True),
        ([754, 756], [755], False),
        ([755], [754, 756], False),
        ([], [755], False),
        ([755], [], False),
    ):
        text = tc(core(vendors=write(*consented), vendor_interests=write(755)), segment(1, write(*disclosed)))
        assert sound(text).allows(755, NEEDED) is expected


@pytest.mark.parametrize(
    ("purpose", "kind", "vendors", "allowed"),
    [
        (1, 0, entries(755), False),
        (7, 0, entries((700, 800)), False),
        (7, 0, entries(2, (700, 800)), False),
        (7, 2, entries(755), False),
        (1, 2, entries(755), False),
        (1, 1, entries(755), True),
        (7, 1, entries((1, 65_535)), True),
        (2, 0, entries(755), True),
        (9, 2, entries(755), True),
        (7, 0, entries(754, (756, 900)), True),
        (7, 0, entries(), True),
    ],
)
def test_a_restriction_takes_consent_away_where_it_forbids_or_wants_interest(
    purpose: int, kind: int, vendors: str, allowed: bool
) -> None:
    """On a purpose that is needed, for this vendor: kind 0 (not allowed) and 2 (legitimate interest); 1 asks for consent."""
    text = tc(core(restricted=restrictions((3, 1, entries(5)), (purpose, kind, vendors))), SHOWN)
    assert sound(text).allows(755, NEEDED) is allowed


@pytest.mark.parametrize(
    "bad",
    [
        restrictions((0, 0, entries(9))),
        restrictions((25, 0, entries(9))),
        restrictions((2, 3, entries(9))),
        restrictions((2, 0, entries(9)), (2, 0, entries(10))),
        restrictions((2, 0, entries(0))),
        restrictions((2, 0, entries((10, 9)))),
        restrictions((2, 0, entries(9, count=2))),
        restrictions((2, 0, entries(9)), count=2),
        restrictions(count=4095),
    ],
    ids=["purpose 0", "purpose 25", "kind 3", "twice", "vendor 0", "reversed", "entry missing", "restriction missing", "4095"],
)
def test_a_restriction_that_means_nothing_refuses(bad: str) -> None:
    """An unknown purpose or kind, the same twice, a bad list, or fewer than were announced."""
    assert read_tc(tc(core(restricted=bad), SHOWN)) is INVALID


def test_every_restriction_that_there_can_be_is_read() -> None:
    """Each of 24 purposes in each of 3 kinds."""
    every = restrictions(*((purpose, kind, entries(9)) for purpose in range(1, 25) for kind in range(3)))
    assert len(sound(tc(core(restricted=every), SHOWN)).restrictions) == 72


# ── hostile input ────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_remembered_of_a_string_names_no_date_and_no_purpose() -> None:
    """Two visitors with the same vendors share what is remembered, whenever and whatever else they answered."""
    _lists.cache_clear()
    _segments.cache_clear()
    found = [sound(tc(core(created=MADE + day, last_updated=MADE + day, consents=[day]), SHOWN)) for day in (1, 2, 3)]
    assert (_lists.cache_info().misses, _segments.cache_info().misses) == (1, 1)
    assert [one.last_updated - MADE for one in found] == [1, 2, 3]
    assert [one.consents_to([2]) for one in found] == [False, True, False]


@given(st.text("CQPA01-_.", max_size=80) | st.text(max_size=40))
def test_any_text_has_an_answer(text: str) -> None:
    """Never an exception."""
    assert isinstance(read_tc(text), TcString | Refusal)


FULL: Final = [(1, 65_535)] * 360
IN_TURN: Final[list[Entry]] = [755, (700, 800)] * 500
HOSTILE: Final = {
    "ranges of everybody": tc(
        core(vendors=ranges(*FULL, most=65_535), vendor_interests=ranges(*FULL, most=65_535), restricted=restrictions()),
        segment(1, ranges(*FULL, most=65_535)),
        segment(ALLOWED, ranges(*FULL, most=65_535)),
    ),
    "single ids": tc(core(vendors=ranges(*[755] * 1900, most=755)), segment(1, ranges(*[755] * 900, most=755))),
    "ids and ranges in turn": tc(core(vendors=ranges(*IN_TURN, most=800)), segment(1, ranges(*IN_TURN[:900], most=800))),
    "restrictions": tc(
        core(restricted=restrictions(*((p, k, entries(*FULL[:19])) for p in range(1, 25) for k in range(3)))), SHOWN
    ),
    "ranges announced": tc(core(vendors=number(65_535, 16) + "1" + number(4095, 12)) + "1" * 48_000, SHOWN),
    "flags announced": tc(core(vendors=number(65_535, 16) + "0") + "1" * 48_000, SHOWN),
    "ones": "_" * LONGEST,
    "zeros": "A" * LONGEST,
    "a core of zeros": "CA" + "A" * (LONGEST - 2),
    "dots": "C." * (LONGEST // 2),
}


MOST_EFFORT: Final = 0.2
"""A millisecond, where the fixed piece of work takes five."""


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_string_costs_little(name: str) -> None:
    """Eight thousand characters of the worst, read anew each time: what was read before is not remembered here."""
    text = HOSTILE[name]
    assert len(text) <= LONGEST

    def read_anew() -> None:
        _lists.cache_clear()
        _segments.cache_clear()
        read_tc(text)

    assert min(effort(read_anew) for _ in range(5)) < MOST_EFFORT
