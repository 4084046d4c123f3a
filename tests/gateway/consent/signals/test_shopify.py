"""Shopify's booleans: allowed is not asked, and selling data can be opted out of."""

import pytest

from gateway.consent.place import UNREADABLE
from gateway.consent.signals.shopify import read
from gateway.consent.statement import Statement
from gateway.model.words import Refusal, Signal, State
from tests.gateway.consent.signals.reading import NO_BOOLEANS, attested, plain

GRANTED = Statement(Signal.SHOPIFY, State.GRANTED)
PERMITTED = Statement(Signal.SHOPIFY, State.PERMITTED)
OPTED_OUT = Statement(Signal.SHOPIFY, State.OPTED_OUT, refusal=Refusal.SALE_OPT_OUT)
DENIED = (Statement(Signal.SHOPIFY, State.DENIED, refusal=Refusal.SHOPIFY_DENIED),)
INVALID = (Statement(Signal.SHOPIFY, State.INVALID, refusal=Refusal.SHOPIFY_INVALID),)


def test_allowed_is_a_grant_only_where_a_banner_asks() -> None:
    """`marketingAllowed` is true where nobody was asked as well, so without a banner it merely permits."""
    allowed = {"shopify": {"marketingAllowed": True, "saleOfDataAllowed": True}}
    assert read(allowed, attested()) == (GRANTED,)
    assert read(allowed, plain()) == (PERMITTED,)


@pytest.mark.parametrize("sale", [True, False, None])
def test_refused_marketing_refuses_whatever_is_sold(sale: bool | None) -> None:
    """`marketingAllowed: false` refuses everywhere."""
    assert read({"shopify": {"marketingAllowed": False, "saleOfDataAllowed": sale}}, attested()) == DENIED


def test_refused_sale_is_an_opt_out() -> None:
    """`saleOfDataAllowed: false` opts out, whoever allowed marketing."""
    assert read({"shopify": {"marketingAllowed": True, "saleOfDataAllowed": False}}, attested()) == (GRANTED, OPTED_OUT)


@pytest.mark.parametrize(
    ("country", "opted_out"), [("US", True), (UNREADABLE, True), ("FR", False), ("CA", False), (None, False)]
)
def test_silence_about_sale_opts_out_where_it_may_be_the_united_states(country: str | None, opted_out: bool) -> None:
    """A missing `saleOfDataAllowed` is an opt-out in the United States and where the country cannot be read."""
    context = attested(country)
    assert read({"shopify": {"marketingAllowed": True}}, context) == ((GRANTED, OPTED_OUT) if opted_out else (GRANTED,))


@pytest.mark.parametrize("value", NO_BOOLEANS)
def test_what_is_no_boolean_refuses(value: object) -> None:
    """A word or a number in place of a boolean makes the whole signal invalid."""
    assert read({"shopify": {"marketingAllowed": value}}, attested()) == INVALID
    assert read({"shopify": {"marketingAllowed": True, "saleOfDataAllowed": value}}, attested()) == INVALID


@pytest.mark.parametrize("shopify", [True, "yes", [], {}, {"marketingAllowed": None}, {"analyticsProcessingAllowed": True}])
def test_without_marketing_allowed_there_is_no_signal_to_read(shopify: object) -> None:
    """An object without `marketingAllowed`, or no object, is unreadable and refuses."""
    assert read({"shopify": shopify}, attested()) == INVALID


def test_null_says_nothing() -> None:
    """JSON null is a signal that was not sent."""
    assert read({"shopify": None}, attested()) == ()
