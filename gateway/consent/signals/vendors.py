"""`vendors`: the visitor's choice per ad platform. `true` grants and `false` refuses that one platform, no other.

A grant must name the platform as the configuration does. A refusal is also heard under the names that consent tools use
(`Facebook Ads`, `google`), whatever stands between their letters: a no may be spelled in more ways than a yes.
"""

from collections.abc import Mapping
from typing import Final

from gateway.consent.statement import Context, Statements
from gateway.consent.table import VENDOR_NO, VENDOR_UNREADABLE, VENDOR_YES, VENDORS_UNREADABLE
from gateway.model.words import Destination
from gateway.spelling import letters_of

ALIASES: Final = {
    **{d.value: d for d in Destination},
    **dict.fromkeys(("facebook", "facebook_pixel", "facebook_ads", "facebook_conversions_api", "instagram"), Destination.META),
    **dict.fromkeys(
        ("meta_pixel", "meta_ads", "meta_platforms", "meta_platforms_inc", "meta_conversions_api"), Destination.META
    ),
    **dict.fromkeys(("pinterest_tag", "pinterest_ads", "pinterest_inc"), Destination.PINTEREST),
    **dict.fromkeys(("google", "googleads", "adwords", "google_adwords", "doubleclick"), Destination.GOOGLE_ADS),
    **dict.fromkeys(
        ("google_advertising", "google_advertising_products", "google_conversion_tracking"), Destination.GOOGLE_ADS
    ),
}


_BY_LETTERS: Final = {letters_of(name): destination for name, destination in ALIASES.items()}


def read(consent: Mapping[str, object], _context: Context) -> Statements:
    """Read `consent["vendors"]`, an object of platform name to boolean; names of other vendors say nothing."""
    vendors = consent["vendors"]
    if vendors is None:
        return ()
    if type(vendors) is not dict:
        return VENDORS_UNREADABLE
    return tuple(statement for name, choice in vendors.items() for statement in _one(name, choice))


def _one(name: str, choice: object) -> Statements:
    destination = ALIASES.get(name) or _BY_LETTERS.get(letters_of(name))
    if destination is None or choice is None:
        return ()
    match choice:
        case True:
            return VENDOR_YES[destination] if name == destination.value else ()
        case False:
            return VENDOR_NO[destination]
        case _:
            return VENDOR_UNREADABLE[destination]
