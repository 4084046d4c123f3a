"""`given_at`: when the visitor decided. Consent older than its age limit, or from the future, is no consent.

The age limit follows the French regulator's practice of asking again after about six months (CNIL deliberation
2020-092, https://www.legifrance.gouv.fr/jorf/id/JORFTEXT000042388197, read 2026-11-22).
"""

from collections.abc import Mapping
from typing import Final

from gateway.consent.statement import Context, Statements
from gateway.consent.table import GIVEN_AT_UNREADABLE, GIVEN_IN_FUTURE, GIVEN_TOO_LONG_AGO
from gateway.model.words import Fault

MAX_AHEAD: Final = 86_400
"""How far a browser's clock may run ahead before its date is not believed, in seconds."""


def read(_consent: Mapping[str, object], context: Context) -> Statements:
    """Refuse everywhere when the date is unreadable, more than a day ahead, or older than the policy's `max_age`."""
    given_at = context.given_at
    if given_at is None:
        return ()
    if isinstance(given_at, Fault):
        return GIVEN_AT_UNREADABLE
    if given_at > context.now + MAX_AHEAD:
        return GIVEN_IN_FUTURE
    context.date(given_at)
    return GIVEN_TOO_LONG_AGO if given_at < context.now - context.policy.max_age else ()
