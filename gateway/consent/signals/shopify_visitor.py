"""`shopify_visitor`: what `Shopify.customerPrivacy.currentVisitorConsent()` gives on a page: the visitor's own answers.

Each of `marketing`, `analytics`, `preferences` and `sale_of_data` is `yes`, `no`, or empty where the visitor gave no answer
(https://shopify.dev/docs/api/customer-privacy, read 2026-11-26). Unlike the booleans of `shopify` it tells asked from allowed,
so a yes is a grant wherever it comes from. Pure.
"""

from collections.abc import Mapping
from typing import Final

from gateway.consent.statement import Context, Statements
from gateway.consent.table import VISITOR_NO, VISITOR_SALE_NO, VISITOR_UNREADABLE, VISITOR_YES
from gateway.spelling import misspelt

ANSWERS: Final = frozenset({"marketing", "sale_of_data"})

MARKETING: Final[Mapping[object, Statements]] = {"yes": VISITOR_YES, "no": VISITOR_NO, "": (), None: ()}
SALE: Final[Mapping[object, Statements]] = {"yes": (), "no": VISITOR_SALE_NO, "": (), None: ()}


def read(consent: Mapping[str, object], _context: Context) -> Statements:
    """Read `marketing` and `sale_of_data`, each `yes`, `no`, empty or absent; anything else refuses."""
    visitor = consent["shopify_visitor"]
    if visitor is None:
        return ()
    if type(visitor) is not dict or misspelt(visitor.keys(), ANSWERS):
        return VISITOR_UNREADABLE
    marketing, sale = visitor.get("marketing"), visitor.get("sale_of_data")
    if not _is_word(marketing) or not _is_word(sale):
        return VISITOR_UNREADABLE
    return MARKETING[marketing] + SALE[sale]


def _is_word(value: object) -> bool:
    return value is None or (type(value) is str and value in MARKETING)
