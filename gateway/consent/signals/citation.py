"""`receipt` and `join`: what an event cites its consent record by. They grant nothing; what cannot be read refuses, because
which record was meant cannot be told, and that one may hold a refusal.
"""

from collections.abc import Mapping

from gateway.consent.evidence import cited
from gateway.consent.statement import Context, Statements
from gateway.consent.table import CITATION_UNREADABLE


def read(consent: Mapping[str, object], _context: Context) -> Statements:
    """Refuse everywhere when what is cited is not of its form; else say nothing: the record speaks."""
    return CITATION_UNREADABLE if cited(consent) is None else ()
