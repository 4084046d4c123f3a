"""`shopify`: the booleans of Shopify's customer privacy (https://shopify.dev/docs/api/customer-privacy, read 2026-11-22).

`marketingAllowed` is also true where no banner is configured for a region, so it is a grant only where the
storefront attests that one asks; elsewhere it merely permits. `saleOfDataAllowed: false` is an opt-out, and so is its
absence for a visitor in the United States, or in a country that was named and cannot be read.
"""

from collections.abc import Mapping
from typing import Final

from gateway.consent.statement import Context, Statements
from gateway.consent.table import (
    SALE_FALSE_OR_MISSING_IN_US,
    SHOPIFY_FALSE,
    SHOPIFY_TRUE,
    SHOPIFY_TRUE_BANNER_ATTESTED,
    SHOPIFY_UNREADABLE,
)
from gateway.spelling import misspelt

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
