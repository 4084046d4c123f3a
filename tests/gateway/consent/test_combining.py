"""The rules that hold for every combination of rows, whatever signals they came from: checked on the table's own rows."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.consent.decision import Ruling, apply
from gateway.consent.place import UNKNOWN, Place
from gateway.consent.policy import Profile
from gateway.consent.statement import Statement, Statements
from gateway.consent.table import (
    ADVERTISING_NO,
    ADVERTISING_YES,
    CMP_IMPLIED_YES,
    GCD_BOTH_GRANTED_BY_UPDATE,
    GPC_ON,
    SALE_FALSE_OR_MISSING_IN_US,
    SHOPIFY_TRUE,
    US_PRIVACY_OPTED_OUT,
)
from gateway.model.words import Destination, Refusal, Signal, State, UsState
from tests.gateway.consent.test_table import ROWS

ALL: Final = tuple(Destination)
META, PINTEREST, GOOGLE = ALL
FRANCE, CANADA, US = Place(("FR",)), Place(("CA",)), Place(("US",))
CALIFORNIA, VIRGINIA = Place(("US",), UsState.CA), Place(("US",), UsState.VA)
PLACES: Final = (UNKNOWN, FRANCE, CANADA, US, CALIFORNIA, VIRGINIA, Place(("FR", "US")), Place(("?",)))

DISTINCT: Final = tuple(dict.fromkeys(statement for _, statement in ROWS))
STATEMENTS: Final = st.lists(st.sampled_from(DISTINCT), max_size=6).map(tuple)
AGAINST: Final = tuple(s for s in DISTINCT if s.state not in (State.GRANTED, State.PERMITTED))
FOR: Final = tuple(s for s in DISTINCT if s.state in (State.GRANTED, State.PERMITTED))
RULINGS: Final = st.builds(
    Ruling, st.sampled_from(Profile), st.booleans(), st.sampled_from(PLACES), st.just(Refusal.NO_EXPLICIT_GRANT)
)


def ruling(profile: Profile, place: Place = FRANCE, *, outweighs: bool = False) -> Ruling:
    """What the table depends on beside the statements."""
    return Ruling(profile, outweighs, place, Refusal.NO_EXPLICIT_GRANT)


def allowed(statements: Statements, how: Ruling) -> frozenset[Destination]:
    """Who may have an event of which this was said."""
    return frozenset(apply(statements, ALL, how).allowed)


# ── monotony ─────────────────────────────────────────────────────────────────────────────────────────────────────


@given(STATEMENTS, st.sampled_from(AGAINST), st.integers(0, 6), RULINGS)
def test_adding_a_refusal_never_permits(statements: Statements, more: Statement, at: int, how: Ruling) -> None:
    """A refusal, an opt-out or something unreadable leaves nobody with more, wherever it stands."""
    assert allowed((*statements[:at], more, *statements[at:]), how) <= allowed(statements, how)


@given(STATEMENTS, st.sampled_from(FOR), st.integers(0, 6), RULINGS)
def test_removing_a_grant_never_permits(statements: Statements, grant: Statement, at: int, how: Ruling) -> None:
    """Without a yes or a permission that was there, nobody has more than with it."""
    assert allowed(statements, how) <= allowed((*statements[:at], grant, *statements[at:]), how)


@given(STATEMENTS, RULINGS, st.randoms(use_true_random=False))
def test_the_order_of_what_is_said_does_not_matter(statements: Statements, how: Ruling, dice: object) -> None:
    """Signals are many and come in any order; who may have the event is the same."""
    shuffled = list(statements)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]  # a Random
    assert allowed(tuple(shuffled), how) == allowed(statements, how)


@given(STATEMENTS, st.booleans(), st.sampled_from(PLACES))
def test_profiles_are_ordered_by_their_strictness(statements: Statements, outweighs: bool, place: Place) -> None:
    """What the strictest profile lets go, the milder ones let go too, never the other way round."""
    everywhere, strict, restricted = (allowed(statements, ruling(p, place, outweighs=outweighs)) for p in Profile)
    assert everywhere <= strict <= restricted


@given(STATEMENTS, RULINGS)
def test_whoever_is_refused_is_told_a_reason_that_is_about_them(statements: Statements, how: Ruling) -> None:
    """A reason is that of a row that covers the platform, or says that a yes is missing, or that there is no mark."""
    outcome = apply(statements, ALL, how)
    assert {*outcome.allowed, *(d for d, _ in outcome.refused)} == set(ALL)
    for destination, why in outcome.refused:
        own = {s.refusal for s in statements if destination in s.covers}
        assert why in own | {how.missing, Refusal.RESTRICTION_UNSUPPORTED}


@given(STATEMENTS, RULINGS)
def test_only_a_refusal_of_nobody_needs_a_yes(statements: Statements, how: Ruling) -> None:
    """Where consent must be asked for, whoever is allowed has a person's explicit yes that covers them."""
    if how.profile is Profile.OPT_IN_EVERYWHERE or not how.place.in_us:
        granted = {d for s in statements if s.state is State.GRANTED for d in s.covers}
        assert allowed(statements, how) <= granted


@given(STATEMENTS, RULINGS)
def test_a_mark_is_set_only_where_it_is_due(statements: Statements, how: Ruling) -> None:
    """An event is marked as restricted only by that profile, in a known state, and after an opt-out."""
    outcome = apply(statements, ALL, how)
    opted_out = {d for s in statements if s.state is State.OPTED_OUT for d in s.covers}
    if outcome.restricted is not None:
        assert how.profile is Profile.RESTRICTED
        assert outcome.restricted is how.place.state
        assert opted_out & set(outcome.allowed)
    elif how.place.in_us:
        assert not opted_out & set(outcome.allowed)


# ── the rows of the decision, one by one ─────────────────────────────────────────────────────────────────────────

SAY_YES, PERMIT, OPT_OUT = ADVERTISING_YES, SHOPIFY_TRUE, GPC_ON


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("place", [UNKNOWN, FRANCE, CANADA, Place(("FR", "US")), Place(("?",))])
def test_consent_must_be_asked_for_where_nobody_is_known_to_be_in_the_us(profile: Profile, place: Place) -> None:
    """In the EU, the UK, Canada, anywhere unknown or in doubt: a yes is needed, and an opt-out beats it."""
    how = ruling(profile, place)
    assert allowed(SAY_YES, how) == set(ALL)
    assert allowed(PERMIT, how) == set()
    assert allowed(SAY_YES + OPT_OUT, how) == set()
    assert allowed((), how) == set()


@pytest.mark.parametrize(
    ("place", "may"), [(FRANCE, True), (CANADA, True), (UNKNOWN, False), (US, False), (Place(("FR", "US")), False)]
)
def test_a_yes_outweighs_an_opt_out_only_outside_the_us_and_only_if_settled(place: Place, may: bool) -> None:
    """A shop may settle it; whoever is, or may be, in the United States is not touched by that."""
    assert bool(allowed(SAY_YES + OPT_OUT, ruling(Profile.OPT_IN_EVERYWHERE, place, outweighs=True))) is may
    assert not allowed(PERMIT + OPT_OUT, ruling(Profile.OPT_IN_EVERYWHERE, place, outweighs=True))


def test_a_yes_for_one_platform_outweighs_for_that_one_alone() -> None:
    """Consent Mode's yes is Google's; for the others the opt-out stands."""
    assert allowed(GCD_BOTH_GRANTED_BY_UPDATE + OPT_OUT, ruling(Profile.STRICT, FRANCE, outweighs=True)) == {GOOGLE}


@pytest.mark.parametrize("profile", [Profile.STRICT, Profile.RESTRICTED])
def test_in_the_us_a_permission_is_enough(profile: Profile) -> None:
    """Nobody need be asked there; but where nothing at all permits, nothing goes."""
    assert allowed(PERMIT, ruling(profile, US)) == set(ALL)
    assert allowed(CMP_IMPLIED_YES[Signal.COOKIEBOT], ruling(profile, CALIFORNIA)) == set(ALL)
    assert allowed((), ruling(profile, US)) == set()
    assert allowed(PERMIT + ADVERTISING_NO, ruling(profile, US)) == set()


def test_the_default_profile_asks_in_the_us_too() -> None:
    """A merchant in the EU owes it to every visitor."""
    assert allowed(PERMIT, ruling(Profile.OPT_IN_EVERYWHERE, CALIFORNIA)) == set()
    assert allowed(SAY_YES + OPT_OUT, ruling(Profile.OPT_IN_EVERYWHERE, CALIFORNIA)) == set()


@pytest.mark.parametrize("opt_out", [GPC_ON, US_PRIVACY_OPTED_OUT, SALE_FALSE_OR_MISSING_IN_US])
def test_strict_drops_whoever_opted_out(opt_out: Statements) -> None:
    """Whatever way they said it."""
    outcome = apply(SAY_YES + opt_out, ALL, ruling(Profile.STRICT, CALIFORNIA))
    assert outcome.allowed == ()
    assert {why for _, why in outcome.refused} == {opt_out[0].refusal}


def test_restricted_marks_instead_where_there_is_a_mark() -> None:
    """Meta and Pinterest are told by the state; Google has no mark, so nothing goes there."""
    outcome = apply(SAY_YES + OPT_OUT, ALL, ruling(Profile.RESTRICTED, CALIFORNIA))
    assert outcome.allowed == (META, PINTEREST)
    assert outcome.refused == ((GOOGLE, Refusal.RESTRICTION_UNSUPPORTED),)
    assert outcome.restricted is UsState.CA


def test_restricted_drops_where_the_state_is_not_known() -> None:
    """A mark without a state would be read as the platform likes."""
    outcome = apply(SAY_YES + OPT_OUT, ALL, ruling(Profile.RESTRICTED, US))
    assert outcome.refused == tuple((d, Refusal.GPC) for d in ALL)
    assert outcome.restricted is None


def test_without_an_opt_out_nothing_is_marked() -> None:
    """Restricted processing is for those who asked for it."""
    outcome = apply(SAY_YES, ALL, ruling(Profile.RESTRICTED, CALIFORNIA))
    assert outcome.allowed == ALL
    assert outcome.restricted is None
