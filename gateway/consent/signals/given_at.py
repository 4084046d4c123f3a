"""`given_at`: when the visitor decided. Consent older than its age limit, or from the future, is no consent.

The age limit follows the French regulator's practice of asking again after about six months (CNIL deliberation
2020-092, https://www.legifrance.gouv.fr/jorf/id/JORFTEXT000042388197, read 2026-11-22).
"""

from collections.abc import Mapping
from typing import Final

from gateway.consent.statement import Context, Statement, Statements
from gateway.model import Fault, Refusal, Signal, State

MAX_AHEAD: Final = 86_400
"""How far a browser's clock may run ahead before its date is not believed, in seconds."""

INVALID: Final = (Statement(Signal.GIVEN_AT, State.INVALID, refusal=Refusal.GIVEN_AT_INVALID),)
IN_FUTURE: Final = (Statement(Signal.GIVEN_AT, State.INVALID, refusal=Refusal.CONSENT_IN_FUTURE),)
EXPIRED: Final = (Statement(Signal.GIVEN_AT, State.DENIED, refusal=Refusal.CONSENT_EXPIRED),)


def read(_consent: Mapping[str, object], context: Context) -> Statements:
    """Refuse everywhere when the date is unreadable, more than a day ahead, or older than `context.max_age`."""
    given_at = context.given_at
    if given_at is None:
        return ()
    if isinstance(given_at, Fault):
        return INVALID
    if given_at > context.now + MAX_AHEAD:
        return IN_FUTURE
    return EXPIRED if given_at < context.now - context.max_age else ()
