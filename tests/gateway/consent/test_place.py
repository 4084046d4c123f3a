"""A place is the strictest of what was said of it: only agreement on the United States counts as being there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.consent.place import LONGEST, TWO_LETTERS, UNKNOWN, UNREADABLE, Mention, Place, coded, merged, place_in, place_of
from gateway.model.words import UsState

SAID = st.sampled_from(
    ["US", "us", " US ", "FR", "CA", "", "  ", "France", "U1", "?", None, "x" * 99, "CA" + " " * 99, " " * 99]
)
MENTIONS = st.lists(st.tuples(SAID, SAID), max_size=4).map(tuple)


@pytest.mark.parametrize(
    ("mentions", "countries", "state"),
    [
        ((), (), None),
        (((None, None), (None, "CA")), (), None),
        ((("US", "CA"),), ("US",), UsState.CA),
        ((("us", "us-ca"),), ("US",), UsState.CA),
        (((" US ", " CA "), (None, None)), ("US",), UsState.CA),
        ((("US", "California"),), ("US",), None),
        ((("US", "NY"),), ("US",), None),
        ((("US", "CA"), ("US", "TX")), ("US",), None),
        ((("US", "CA"), ("US", None)), ("US",), UsState.CA),
        ((("US", "CA"), (None, "  ")), ("US",), UsState.CA),
        ((("US", "CA"), (None, "NY")), ("US",), None),
        ((("CA", "CA"),), ("CA",), None),
        ((("US", "CA"), ("FR", None)), ("FR", "US"), None),
        ((("US", "CA"), ("??", None)), (UNREADABLE, "US"), None),
        ((("France", None),), (UNREADABLE,), None),
        ((("", ""),), (), None),
    ],
)
def test_what_is_known_of_a_place(mentions: tuple[Mention, ...], countries: tuple[str, ...], state: UsState | None) -> None:
    """Countries are all that were said, in code; the state is there only where all agree on it and on the country."""
    place = place_of(mentions)
    assert set(place.countries) == set(countries)
    assert place.state is state


@pytest.mark.parametrize(
    ("countries", "country", "in_us", "maybe_us", "outside_us"),
    [
        ((), None, False, False, False),
        (("US",), "US", True, True, False),
        (("FR",), "FR", False, False, True),
        (("CA", "FR"), UNREADABLE, False, False, True),
        (("FR", "US"), UNREADABLE, False, True, False),
        ((UNREADABLE,), UNREADABLE, False, True, False),
        ((UNREADABLE, "US"), UNREADABLE, False, True, False),
    ],
)
def test_doubt_is_on_the_stricter_side(
    countries: tuple[str, ...], country: str | None, in_us: bool, maybe_us: bool, outside_us: bool
) -> None:
    """Where a milder rule asks whether somebody is in the United States, or outside them, doubt says no."""
    place = Place(countries)
    assert (place.country, place.in_us, place.maybe_us, place.outside_us) == (country, in_us, maybe_us, outside_us)


@given(MENTIONS, st.tuples(SAID, SAID))
def test_another_mention_never_makes_a_place_milder(mentions: tuple[Mention, ...], more: Mention) -> None:
    """Whoever is not known to be in the United States from some mentions is known to be there only if they said nothing."""
    before, after = place_of(mentions), place_of((*mentions, more))
    if before.countries and not before.in_us:
        assert not after.in_us
    if before.maybe_us:
        assert after.maybe_us
    assert after.state in (before.state, None) or not any((region or "").strip() for _, region in mentions) or not before.in_us


@given(MENTIONS)
def test_the_order_of_mentions_does_not_matter(mentions: tuple[Mention, ...]) -> None:
    """It is who says what, not who says it first."""
    assert place_of(mentions) == place_of(tuple(reversed(mentions)))


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_is_read(country: str, region: str) -> None:
    """What is said may be anything; it becomes a code, a mark that it is none, or nothing."""
    place = place_of(((country, region),))
    assert all(code == UNREADABLE or (len(code) == 2 and code.isupper()) for code in place.countries)


def test_endless_text_is_unreadable() -> None:
    """A long text is not looked at, and still is something that was said."""
    assert place_of(((" " * LONGEST + "US", None),)).countries == (UNREADABLE,)
    assert place_of(()) == UNKNOWN


@pytest.mark.parametrize(
    ("long", "kept"),
    [
        (("x" * 99, "y" * 99), (UNREADABLE, UNREADABLE)),
        (("z" * 4096, None), (UNREADABLE, None)),
        (("é" * 17, " " * 17), (UNREADABLE, None)),
    ],
)
def test_long_text_is_not_kept(long: Mention, kept: Mention) -> None:
    """Places are remembered by what was said; of long text only that it is none, or anybody could fill the memory with it."""
    assert place_of((long,)) is place_of((kept,))
    assert place_in(*long) is place_of((long,))


@given(MENTIONS)
def test_codes_count_as_what_they_were_made_of(mentions: tuple[Mention, ...]) -> None:
    """Whatever else is said beside them, and when they are reduced again."""
    codes = tuple(map(coded, mentions))
    assert place_of(codes) == place_of(mentions)
    assert tuple(map(coded, codes)) == codes


@given(st.text(max_size=40) | st.none(), st.text(max_size=40) | st.none())
def test_nothing_but_codes_is_left_of_a_mention(country: str | None, region: str | None) -> None:
    """Two letters for a country, a state's for a region, or the mark of what cannot be read."""
    kept_country, kept_region = coded((country, region))
    assert kept_country in {None, UNREADABLE, *TWO_LETTERS}
    assert kept_region in {None, UNREADABLE, *UsState}


@given(mentions=MENTIONS)
def test_what_is_merged_holds_codes_alone(mentions: tuple[Mention, ...]) -> None:
    """A record keeps no word of what somebody wrote."""
    country, region = merged(mentions)
    assert country is None or country == UNREADABLE or country in TWO_LETTERS
    assert region is None or region == UNREADABLE or region in UsState.__members__


def test_a_state_without_its_country_is_kept() -> None:
    """Somebody else may name the country, and then the state's law counts, as it does of mentions that are not merged."""
    assert place_of((merged(((None, "US-CA"), ("", "ca"))), ("US", None))) == place_of(((None, "CA"), ("US", None)))


@given(mentions=MENTIONS, others=MENTIONS)
def test_nothing_less_strict_follows_from_what_is_merged(mentions: tuple[Mention, ...], others: tuple[Mention, ...]) -> None:
    """Beside whatever else is said, one mention that stands for many never puts somebody where less is asked for."""
    whole, kept = place_of((*mentions, *others)), place_of((merged(mentions), *others))
    assert (kept.in_us, kept.state if kept.in_us else None) == (whole.in_us, whole.state if whole.in_us else None)
    assert kept.outside_us <= whole.outside_us
    assert kept.maybe_us >= whole.maybe_us
    assert kept.country in {whole.country, UNREADABLE}
