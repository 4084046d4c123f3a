"""Consent Mode: a grant for Google where a banner asks, a refusal for everybody where ads were denied."""

import itertools

import pytest

from gateway.consent.signals.google import personalisation, read
from gateway.consent.statement import Statement, Statements
from gateway.model import Destination, Refusal, Signal, State
from tests.gateway.consent.signals.reading import ATTESTED, PLAIN

GOOGLE = (Destination.GOOGLE_ADS,)
DENIED = (Statement(Signal.GOOGLE, State.DENIED, refusal=Refusal.GOOGLE_DENIED),)
INVALID = (Statement(Signal.GOOGLE, State.INVALID, refusal=Refusal.GOOGLE_INVALID),)
BOTH = {"ad_storage": "granted", "ad_user_data": "granted"}


def test_both_granted_grants_google_where_a_banner_asks() -> None:
    """`ad_storage` and `ad_user_data` granted are a yes for Google alone, and only where somebody was asked."""
    assert read({"google": BOTH}, ATTESTED) == (Statement(Signal.GOOGLE, State.GRANTED, GOOGLE),)
    assert read({"google": BOTH}, PLAIN) == (Statement(Signal.GOOGLE, State.PERMITTED, GOOGLE),)


@pytest.mark.parametrize("words", list(itertools.product(("granted", "denied", None), repeat=2)))
def test_any_denial_of_ads_refuses_everybody(words: tuple[str | None, str | None]) -> None:
    """One denied of the two refuses every platform; one missing grants nothing."""
    expected: Statements = ()
    if "denied" in words:
        expected = DENIED
    elif words == ("granted", "granted"):
        expected = (Statement(Signal.GOOGLE, State.GRANTED, GOOGLE),)
    assert read({"google": dict(zip(("ad_storage", "ad_user_data"), words, strict=True))}, ATTESTED) == expected


@pytest.mark.parametrize("name", ["ad_storage", "ad_user_data", "ad_personalization"])
@pytest.mark.parametrize("word", ["Granted", "GRANTED", "true", True, False, 1, "", [], {}, "unset"])
def test_any_other_word_refuses(name: str, word: object) -> None:
    """Only `granted` and `denied` are words of Consent Mode; any other makes the signal invalid."""
    assert read({"google": {**BOTH, name: word}}, ATTESTED) == INVALID


@pytest.mark.parametrize("google", [True, "granted", ["granted"], 1])
def test_what_is_no_object_refuses(google: object) -> None:
    """A state that is no object is unreadable."""
    assert read({"google": google}, ATTESTED) == INVALID


@pytest.mark.parametrize("google", [None, {}, {"analytics_storage": "denied"}])
def test_other_storage_says_nothing_of_ads(google: object) -> None:
    """Null, an empty object and the state of other storage say nothing."""
    assert read({"google": google}, ATTESTED) == ()


@pytest.mark.parametrize("word", ["denied", None, "Granted", True])
def test_personalisation_needs_the_word_and_a_banner(word: object) -> None:
    """Personalisation is permitted by `granted` where a banner asks, and by nothing else."""
    assert personalisation({"google": {"ad_personalization": "granted"}}, ATTESTED)
    assert not personalisation({"google": {"ad_personalization": "granted"}}, PLAIN)
    assert not personalisation({"google": {"ad_personalization": word}}, ATTESTED)


@pytest.mark.parametrize("google", [None, [], "granted", {}])
def test_personalisation_is_not_read_from_anything_else(google: object) -> None:
    """What is no object of Consent Mode permits no personalisation."""
    assert not personalisation({"google": google}, ATTESTED)
    assert not personalisation({}, ATTESTED)
