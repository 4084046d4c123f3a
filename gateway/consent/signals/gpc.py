"""`gpc` and the header `Sec-GPC`: Global Privacy Control, an opt-out made in the browser (https://www.w3.org/TR/gpc/,
read 2026-11-22). Its absence, or `false`, says nothing.
"""

from collections.abc import Mapping

from gateway.consent.statement import Context, Statements
from gateway.consent.table import GPC_ON, GPC_UNREADABLE


def read(consent: Mapping[str, object], _context: Context) -> Statements:
    """Read `consent["gpc"]`: true opts out, false and null say nothing, all else refuses."""
    match consent["gpc"]:
        case True:
            return GPC_ON
        case False | None:
            return ()
        case _:
            return GPC_UNREADABLE


def header_says_so(values: list[str]) -> bool:
    """Say whether the values of the request's `Sec-GPC` headers opt out: `1` alone counts, also repeated on the way."""
    return any(part.strip() == "1" for value in values for part in value.split(","))
