"""`us_privacy`: the US Privacy string. It can opt out, and it can say nothing; it never grants."""

from collections.abc import Mapping

from gateway.consent import us_privacy
from gateway.consent.statement import Context, Statements
from gateway.consent.table import US_PRIVACY_OPTED_OUT, US_PRIVACY_UNREADABLE


def read(consent: Mapping[str, object], _context: Context) -> Statements:
    """Read `consent["us_privacy"]`, a text; null says nothing, and what is unreadable opts out."""
    text = consent["us_privacy"]
    if text is None:
        return ()
    match us_privacy.read(text) if type(text) is str else us_privacy.Answer.UNREADABLE:
        case us_privacy.Answer.NOTHING:
            return ()
        case us_privacy.Answer.OPTED_OUT:
            return US_PRIVACY_OPTED_OUT
        case us_privacy.Answer.UNREADABLE:
            return US_PRIVACY_UNREADABLE
