"""`vendors`: the visitor's choice per ad platform. `true` grants and `false` refuses that one platform, no other.

A grant must name the platform as the configuration does. A refusal is also heard under the names that consent tools use
(`Facebook`, `google`): a no may be spelled in more ways than a yes.
"""

from collections.abc import Mapping
from typing import Final

from gateway.consent.statement import Context, Statement, Statements
from gateway.model import Destination, Refusal, Signal, State

GRANTED: Final = {d: Statement(Signal.VENDORS, State.GRANTED, (d,)) for d in Destination}
DENIED: Final = {d: Statement(Signal.VENDORS, State.DENIED, (d,), Refusal.VENDOR_DENIED) for d in Destination}
INVALID: Final = {d: Statement(Signal.VENDORS, State.INVALID, (d,), Refusal.VENDOR_INVALID) for d in Destination}
UNREADABLE: Final = (Statement(Signal.VENDORS, State.INVALID, refusal=Refusal.VENDOR_INVALID),)


ALIASES: Final = {
    **{d.value: d for d in Destination},
    **dict.fromkeys(("facebook", "facebook_pixel", "meta_pixel", "instagram"), Destination.META),
    **dict.fromkeys(("pinterest_tag",), Destination.PINTEREST),
    **dict.fromkeys(("google", "googleads", "adwords", "google_adwords"), Destination.GOOGLE_ADS),
}


def read(consent: Mapping[str, object], _context: Context) -> Statements:
    """Read `consent["vendors"]`, an object of platform name to boolean; names of other vendors say nothing."""
    vendors = consent["vendors"]
    if vendors is None:
        return ()
    if type(vendors) is not dict:
        return UNREADABLE
    return tuple(statement for name, choice in vendors.items() if (statement := _one(name, choice)) is not None)


def _one(name: str, choice: object) -> Statement | None:
    destination = ALIASES.get(name.strip().lower().replace("-", "_").replace(" ", "_"))
    if destination is None or choice is None:
        return None
    match choice:
        case True:
            return GRANTED[destination] if name == destination.value else None
        case False:
            return DENIED[destination]
        case _:
            return INVALID[destination]
