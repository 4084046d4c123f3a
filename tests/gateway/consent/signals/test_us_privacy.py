"""The US Privacy string in an event: it opts out or says nothing, and never grants."""

import pytest

from gateway.consent.signals.us_privacy import read
from gateway.consent.statement import Statement
from gateway.model.words import Refusal, Signal, State
from tests.gateway.consent.signals.reading import NO_BOOLEANS, attested, plain

OPTED_OUT = (Statement(Signal.US_PRIVACY, State.OPTED_OUT, refusal=Refusal.US_PRIVACY_OPT_OUT),)
UNREADABLE = (Statement(Signal.US_PRIVACY, State.OPTED_OUT, refusal=Refusal.US_PRIVACY_INVALID),)


@pytest.mark.parametrize("text", [None, "1---", "1YNN"])
def test_no_opt_out_says_nothing(text: str | None) -> None:
    """Not even a permission: who did not opt out has not agreed to anything."""
    assert read({"us_privacy": text}, attested("US")) == ()


@pytest.mark.parametrize("country", ["US", "FR", None])
@pytest.mark.parametrize("text", ["1YYN", "1Y-N"])
def test_an_opt_out_counts_wherever_the_visitor_is(text: str, country: str | None) -> None:
    """Also undetermined ones."""
    assert read({"us_privacy": text}, plain(country)) == OPTED_OUT


@pytest.mark.parametrize("value", [*NO_BOOLEANS, True, False, "1YN", "2YNN", ["1YNN"]])
def test_what_cannot_be_read_may_be_an_opt_out(value: object) -> None:
    """So it is one."""
    assert read({"us_privacy": value}, plain()) == UNREADABLE
