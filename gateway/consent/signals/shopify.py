"""`shopify`: the booleans of Shopify's customer privacy (https://shopify.dev/docs/api/customer-privacy, read 2026-11-22).

`marketingAllowed` is also true where no banner is configured for a region, so it is a grant only where the
storefront attests that one asks; elsewhere it merely permits. `saleOfDataAllowed: false` is an opt-out, and so is its
absence for a visitor in the United States, or in a country that was named and cannot be read.
"""

from collections.abc import Mapping
from typing import Final

from gateway.consent.statement import UNREADABLE, Context, Statement, Statements
from gateway.model import Refusal, Signal, State

GRANTED: Final = Statement(Signal.SHOPIFY, State.GRANTED)
PERMITTED: Final = Statement(Signal.SHOPIFY, State.PERMITTED)
DENIED: Final = (Statement(Signal.SHOPIFY, State.DENIED, refusal=Refusal.SHOPIFY_DENIED),)
INVALID: Final = (Statement(Signal.SHOPIFY, State.INVALID, refusal=Refusal.SHOPIFY_INVALID),)
OPTED_OUT: Final = Statement(Signal.SHOPIFY, State.OPTED_OUT, refusal=Refusal.SALE_OPT_OUT)
MAYBE_US: Final = ("US", UNREADABLE)


def read(consent: Mapping[str, object], context: Context) -> Statements:
    """Read `marketingAllowed` and `saleOfDataAllowed`; what is not a boolean refuses."""
    shopify = consent["shopify"]
    if shopify is None:
        return ()
    if type(shopify) is not dict:
        return INVALID
    marketing, sale = shopify.get("marketingAllowed"), shopify.get("saleOfDataAllowed")
    if type(marketing) is not bool or type(sale) not in (bool, type(None)):
        return INVALID
    if marketing is False:
        return DENIED
    allowed = GRANTED if context.attested else PERMITTED
    opted_out = sale is False or (sale is None and context.country in MAYBE_US)
    return (allowed, OPTED_OUT) if opted_out else (allowed,)
