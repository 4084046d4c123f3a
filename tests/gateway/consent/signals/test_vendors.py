"""The choice per platform: each answer counts for its own platform alone."""

import pytest

from gateway.consent.signals.vendors import read
from gateway.consent.statement import Statement
from gateway.model.words import Destination, Refusal, Signal, State
from tests.gateway.consent.signals.reading import NO_BOOLEANS, plain

META, PINTEREST, GOOGLE = Destination.META, Destination.PINTEREST, Destination.GOOGLE_ADS


def test_each_answer_covers_its_own_platform() -> None:
    """True grants and false refuses the platform that is named, and no other."""
    assert read({"vendors": {"google_ads": True, "meta": False}}, plain()) == (
        Statement(Signal.VENDORS, State.GRANTED, (GOOGLE,)),
        Statement(Signal.VENDORS, State.DENIED, (META,), Refusal.VENDOR_DENIED),
    )


@pytest.mark.parametrize("vendors", [None, {}, {"tiktok": True}, {"meta": None}, {"Meta": True}])
def test_nobody_known_is_nothing_said(vendors: object) -> None:
    """No object, no names, other names or null say nothing about our platforms."""
    assert read({"vendors": vendors}, plain()) == ()


@pytest.mark.parametrize("value", NO_BOOLEANS)
def test_an_unreadable_answer_refuses_its_platform(value: object) -> None:
    """What is no boolean refuses the platform it stands at."""
    assert read({"vendors": {"pinterest": value}}, plain()) == (
        Statement(Signal.VENDORS, State.INVALID, (PINTEREST,), Refusal.VENDOR_INVALID),
    )


@pytest.mark.parametrize("vendors", [True, False, "meta", ["meta"], 7])
def test_what_is_no_object_refuses_everywhere(vendors: object) -> None:
    """A list of vendors or a word could be a refusal of any, so it refuses all."""
    assert read({"vendors": vendors}, plain()) == (Statement(Signal.VENDORS, State.INVALID, refusal=Refusal.VENDOR_INVALID),)


@pytest.mark.parametrize(
    "name",
    [
        *("Meta", "META", "facebook", "Facebook Pixel", "instagram", "meta-pixel", "Facebook Ads", "facebook.ads", "MetaAds"),
        *("Meta Platforms, Inc.", "Facebook (Conversions API)", "\uff26acebook", "_facebook_"),
    ],
)
def test_a_refusal_is_heard_under_other_names(name: str) -> None:
    """A no to Facebook is a no to Meta, however the consent tool spells it; a yes counts under the exact name alone."""
    assert read({"vendors": {name: False}}, plain()) == (
        Statement(Signal.VENDORS, State.DENIED, (META,), Refusal.VENDOR_DENIED),
    )
    assert read({"vendors": {name: True}}, plain()) == ()
