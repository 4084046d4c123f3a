"""`us_privacy`: the US Privacy string. It can opt out, and it can say nothing; it never grants."""

from collections.abc import Mapping
from typing import Final

from gateway.consent.statement import Context, Statements
from gateway.consent.table import US_PRIVACY_OPTED_OUT, US_PRIVACY_UNREADABLE
from gateway.consent.us_privacy import Answer
from gateway.consent.us_privacy import read as read_text

SAYS: Final[Mapping[Answer, Statements]] = {
    Answer.NOTHING: (),
    Answer.OPTED_OUT: US_PRIVACY_OPTED_OUT,
    Answer.UNREADABLE: US_PRIVACY_UNREADABLE,
}


def read(consent: Mapping[str, object], _context: Context) -> Statements:
    """Read `consent["us_privacy"]`, a text; null says nothing, and what is unreadable opts out."""
    text = consent["us_privacy"]
    if text is None:
        return ()
    return SAYS[read_text(text) if type(text) is str else Answer.UNREADABLE]
