"""Signals that the format declares and this version cannot read. Any of them refuses, whatever else is there:
what cannot be read may be a refusal.
"""

from collections.abc import Mapping
from typing import Final

from gateway.consent.statement import Context, Statement, Statements
from gateway.model import Refusal, Signal, State

NAMES: Final = ("gcs", "gcd", "tcf", "ac", "gpp", "us_privacy", "shopify_visitor", "cookies")
INVALID: Final = (Statement(Signal.UNSUPPORTED, State.INVALID, refusal=Refusal.SIGNAL_UNSUPPORTED),)


def read(consent: Mapping[str, object], _context: Context) -> Statements:
    """Refuse everywhere when one of `NAMES` has a value."""
    return INVALID if any(consent.get(name) is not None for name in NAMES) else ()
