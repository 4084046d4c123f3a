"""Consent Mode: a grant for Google where a banner asks, a refusal for everybody where ads were denied."""

import itertools

import pytest

from gateway.consent.signals.google import read
from gateway.consent.statement import Statement, Statements
from gateway.model.words import Destination, Refusal, Signal, State
from tests.gateway.consent.signals.reading import attested, plain

GOOGLE = (Destination.GOOGLE_ADS,)
DENIED = (Statement(Signal.GOOGLE, State.DENIED, refusal=Refusal.GOOGLE_DENIED),)
INVALID = (Statement(Signal.GOOGLE, State.INVALID, refusal=Refusal.GOOGLE_INVALID),)
BOTH = {"ad_storage": "granted", "ad_user_data": "granted"}


def test_both_granted_grants_google_where_a_banner_asks() -> None:
    """`ad_storage` and `ad_user_data` granted are a yes for Google alone, and only where somebody was asked."""
    assert read({"google": BOTH}, attested()) == (Statement(Signal.GOOGLE, State.GRANTED, GOOGLE),)
    assert read({"google": BOTH}, plain()) == (Statement(Signal.GOOGLE, State.PERMITTED, GOOGLE),)


@pytest.mark.parametrize("words", list(itertools.product(("granted", "denied", None), repeat=2)))
def test_any_denial_of_ads_refuses_everybody(words: tuple[str | None, str | None]) -> None:
    """One denied of the two refuses every platform; one missing grants nothing."""
    expected: Statements = ()
    if "denied" in words:
        expected = DENIED
    elif words == ("granted", "granted"):
        expected = (Statement(Signal.GOOGLE, State.GRANTED, GOOGLE),)
    assert read({"google": dict(zip(("ad_storage", "ad_user_data"), words, strict=True))}, attested()) == expected


@pytest.mark.parametrize("name", ["ad_storage", "ad_user_data", "ad_personalization"])
@pytest.mark.parametrize("word", ["Granted", "GRANTED", "true", True, False, 1, "", [], {}, "unset"])
def test_any_other_word_refuses(name: str, word: object) -> None:
    """Only `granted` and `denied` are words of Consent Mode; any other makes the signal invalid."""
    assert read({"google": {**BOTH, name: word}}, attested()) == INVALID


@pytest.mark.parametrize("google", [True, "granted", ["granted"], 1])
def test_what_is_no_object_refuses(google: object) -> None:
    """A state that is no object is unreadable."""
    assert read({"google": google}, attested()) == INVALID


@pytest.mark.parametrize("google", [None, {}, {"analytics_storage": "denied"}])
def test_other_storage_says_nothing_of_ads(google: object) -> None:
    """Null, an empty object and the state of other storage say nothing."""
    assert read({"google": google}, attested()) == ()


@pytest.mark.parametrize(
    ("word", "asks", "answer"),
    [("granted", True, True), ("granted", False, None), ("denied", True, False), ("denied", False, False)],
)
def test_personalisation_needs_the_word_and_a_banner(word: str, asks: bool, answer: bool | None) -> None:
    """Personalisation is granted by `granted` where a banner asks, and refused by `denied` anywhere."""
    context = attested() if asks else plain()
    read({"google": {"ad_personalization": word}}, context)
    assert context.personalised is answer


@pytest.mark.parametrize(
    "google", [None, True, "granted", [], {}, {"ad_personalization": "Granted"}, {"ad_personalization": None}]
)
def test_personalisation_is_not_read_from_anything_else(google: object) -> None:
    """What is no object of Consent Mode, or another word, says nothing of personalisation."""
    context = attested()
    read({"google": google}, context)
    assert context.personalised is None
