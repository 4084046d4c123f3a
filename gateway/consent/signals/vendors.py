"""`vendors`: the visitor's choice per ad platform. `true` grants and `false` refuses that one platform, no other."""

from collections.abc import Mapping
from typing import Final

from gateway.consent.statement import Context, Statement, Statements
from gateway.model import Destination, Refusal, Signal, State

GRANTED: Final = {d: Statement(Signal.VENDORS, State.GRANTED, (d,)) for d in Destination}
DENIED: Final = {d: Statement(Signal.VENDORS, State.DENIED, (d,), Refusal.VENDOR_DENIED) for d in Destination}
INVALID: Final = {d: Statement(Signal.VENDORS, State.INVALID, (d,), Refusal.VENDOR_INVALID) for d in Destination}
UNREADABLE: Final = (Statement(Signal.VENDORS, State.INVALID, refusal=Refusal.VENDOR_INVALID),)


def read(consent: Mapping[str, object], _context: Context) -> Statements:
    """Read `consent["vendors"]`, an object of platform name to boolean; names of other vendors say nothing."""
    vendors = consent["vendors"]
    if vendors is None:
        return ()
    if type(vendors) is not dict:
        return UNREADABLE
    return tuple(_one(d, vendors[d.value]) for d in Destination if vendors.get(d.value) is not None)


def _one(destination: Destination, choice: object) -> Statement:
    match choice:
        case True:
            return GRANTED[destination]
        case False:
            return DENIED[destination]
        case _:
            return INVALID[destination]
