"""Signals that the format declares and this version cannot read, and keys that the format does not know, a misspelt
`gcp` for instance. Any of them refuses, whatever else is there: what cannot be read may be a refusal.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from gateway.consent.statement import Context, Statements
from gateway.consent.table import UNSUPPORTED

NAMES: Final = ("gcs", "gcd", "tcf", "ac", "gpp", "us_privacy", "shopify_visitor", "cookies")


def read(consent: Mapping[str, object], _context: Context) -> Statements:
    """Refuse everywhere when one of `NAMES` has a value; null says nothing."""
    return read_unknown(consent, NAMES)


def read_unknown(consent: Mapping[str, object], names: Iterable[str]) -> Statements:
    """Refuse everywhere when one of `names` has a value; null says nothing."""
    return UNSUPPORTED if any(consent.get(name) is not None for name in names) else ()
