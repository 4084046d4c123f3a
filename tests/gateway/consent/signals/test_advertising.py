"""The banner's own answer: true grants, false refuses, null is silent, everything else is a refusal."""

import pytest

from gateway.consent.signals.advertising import read
from gateway.consent.statement import Statement
from gateway.model.words import Refusal, Signal, State
from tests.gateway.consent.signals.reading import NO_BOOLEANS, attested, plain


def test_only_true_grants() -> None:
    """JSON true is a yes for every destination, attested or not."""
    granted = (Statement(Signal.ADVERTISING, State.GRANTED),)
    assert read({"advertising": True}, plain()) == read({"advertising": True}, attested()) == granted


def test_false_refuses() -> None:
    """JSON false is a no for every destination."""
    denied = Statement(Signal.ADVERTISING, State.DENIED, refusal=Refusal.ADVERTISING_DENIED)
    assert read({"advertising": False}, plain()) == (denied,)


def test_null_says_nothing() -> None:
    """JSON null is an answer that was not given."""
    assert read({"advertising": None}, plain()) == ()


@pytest.mark.parametrize("value", NO_BOOLEANS)
def test_what_is_no_boolean_refuses(value: object) -> None:
    """A word, a number or an object is unreadable, and what is unreadable refuses."""
    invalid = Statement(Signal.ADVERTISING, State.INVALID, refusal=Refusal.ADVERTISING_INVALID)
    assert read({"advertising": value}, attested()) == (invalid,)
