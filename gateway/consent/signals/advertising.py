"""`advertising`: the shop's own banner says that the visitor made an explicit choice. Only JSON `true` grants."""

from collections.abc import Mapping

from gateway.consent.statement import Context, Statements
from gateway.consent.table import ADVERTISING_NO, ADVERTISING_UNREADABLE, ADVERTISING_YES


def read(consent: Mapping[str, object], _context: Context) -> Statements:
    """Read `consent["advertising"]`: true grants everywhere, false refuses, null says nothing, all else refuses."""
    match consent["advertising"]:
        case True:
            return ADVERTISING_YES
        case False:
            return ADVERTISING_NO
        case None:
            return ()
        case _:
            return ADVERTISING_UNREADABLE
