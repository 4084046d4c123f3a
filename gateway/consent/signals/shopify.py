"""`shopify`: the booleans of Shopify's customer privacy (https://shopify.dev/docs/api/customer-privacy, read 2026-11-22).

`marketingAllowed` is also true where no banner is configured for a region, so it is a grant only where the
storefront attests that one asks; elsewhere it merely permits. `saleOfDataAllowed: false` is an opt-out, and so is its
absence for a visitor in the United States, or in a country that was named and cannot be read. A record may be made before
anybody has named a country, so it keeps that sale was left open, and what that comes to is said where the record is heard.
"""

from collections.abc import Mapping
from typing import Final

from gateway.consent.place import Place
from gateway.consent.statement import Context, Statement, Statements
from gateway.consent.table import (
    SALE_FALSE_OR_MISSING_IN_US,
    SHOPIFY_FALSE,
    SHOPIFY_TRUE,
    SHOPIFY_TRUE_BANNER_ATTESTED,
    SHOPIFY_UNREADABLE,
)
from gateway.model.words import Refusal, Signal, State
from gateway.spelling import misspelt

SALE_LEFT_OPEN: Final = Statement(Signal.SHOPIFY, State.OPTED_OUT, (), Refusal.SALE_OPT_OUT)
"""In a record: marketing is allowed, and nothing is said of sale. An opt-out of nobody, until a place makes it everybody's."""

BOOLEANS: Final = frozenset({"marketingAllowed", "saleOfDataAllowed"})


def read(consent: Mapping[str, object], context: Context) -> Statements:
    """Read `marketingAllowed` and `saleOfDataAllowed`; what is not a boolean refuses."""
    shopify = consent["shopify"]
    if shopify is None:
        return ()
    if type(shopify) is not dict or misspelt(shopify.keys(), BOOLEANS):
        return SHOPIFY_UNREADABLE
    marketing, sale = shopify.get("marketingAllowed"), shopify.get("saleOfDataAllowed")
    if type(marketing) is not bool or type(sale) not in (bool, type(None)):
        return SHOPIFY_UNREADABLE
    if marketing is False:
        return SHOPIFY_FALSE
    allowed = SHOPIFY_TRUE_BANNER_ATTESTED if context.attested else SHOPIFY_TRUE
    opted_out = sale is False or (sale is None and context.place.maybe_us)
    return allowed + SALE_FALSE_OR_MISSING_IN_US if opted_out else allowed


def left_open(consent: Mapping[str, object], place: Place) -> Statements:
    """Give what a record keeps of a sale that `consent["shopify"]` says nothing of, and that means nothing at this place."""
    shopify = consent.get("shopify")
    if type(shopify) is not dict or shopify.get("marketingAllowed") is not True or place.maybe_us:
        return ()
    return (SALE_LEFT_OPEN,) if shopify.get("saleOfDataAllowed") is None else ()


def closed(statements: Statements, place: Place) -> Statements:
    """Say what a sale that was left open comes to at the place that is known by now: an opt-out, or nothing."""
    if SALE_LEFT_OPEN not in statements:
        return statements
    others = tuple(statement for statement in statements if statement != SALE_LEFT_OPEN)
    return others + SALE_FALSE_OR_MISSING_IN_US if place.maybe_us else others
