"""Keys that the format does not know, a misspelt `gcp` for instance. Any of them refuses, whatever else is there: what cannot
be read may be a refusal.
"""

from collections.abc import Iterable, Mapping

from gateway.consent.statement import Statements
from gateway.consent.table import UNSUPPORTED


def read_unknown(consent: Mapping[str, object], names: Iterable[str]) -> Statements:
    """Refuse everywhere when one of `names` has a value; null says nothing."""
    return UNSUPPORTED if any(consent.get(name) is not None for name in names) else ()
