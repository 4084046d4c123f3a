"""`advertising`: the shop's own banner says that the visitor made an explicit choice. Only JSON `true` grants."""

from collections.abc import Mapping
from typing import Final

from gateway.consent.statement import Context, Statement, Statements
from gateway.model import Refusal, Signal, State

GRANTED: Final = (Statement(Signal.ADVERTISING, State.GRANTED),)
DENIED: Final = (Statement(Signal.ADVERTISING, State.DENIED, refusal=Refusal.ADVERTISING_DENIED),)
INVALID: Final = (Statement(Signal.ADVERTISING, State.INVALID, refusal=Refusal.ADVERTISING_INVALID),)


def read(consent: Mapping[str, object], _context: Context) -> Statements:
    """Read `consent["advertising"]`: true grants everywhere, false refuses, null says nothing, all else refuses."""
    match consent["advertising"]:
        case True:
            return GRANTED
        case False:
            return DENIED
        case None:
            return ()
        case _:
            return INVALID
