"""`google`: the state of Google Consent Mode on the page
(https://developers.google.com/tag-platform/security/guides/consent, read 2026-11-22).

The object holds the state in force, and a default of `granted` looks just like a visitor's yes. So it grants Google
only where the storefront attests that a banner asks; elsewhere it merely permits, and personalisation is not permitted
at all. A denial of `ad_storage` or `ad_user_data` is a refusal of advertising and counts for every platform.
"""

from collections.abc import Mapping
from typing import Final

from gateway.consent.statement import Context, Statement, Statements
from gateway.model import Destination, Refusal, Signal, State

GOOGLE: Final = (Destination.GOOGLE_ADS,)
GRANTED: Final = (Statement(Signal.GOOGLE, State.GRANTED, GOOGLE),)
PERMITTED: Final = (Statement(Signal.GOOGLE, State.PERMITTED, GOOGLE),)
DENIED: Final = (Statement(Signal.GOOGLE, State.DENIED, refusal=Refusal.GOOGLE_DENIED),)
INVALID: Final = (Statement(Signal.GOOGLE, State.INVALID, refusal=Refusal.GOOGLE_INVALID),)
WORDS: Final = ("granted", "denied", None)


def read(consent: Mapping[str, object], context: Context) -> Statements:
    """Read `ad_storage`, `ad_user_data` and `ad_personalization`, each `granted`, `denied` or absent."""
    google = consent["google"]
    if google is None:
        return ()
    if type(google) is not dict:
        return INVALID
    storage, user_data = google.get("ad_storage"), google.get("ad_user_data")
    if storage not in WORDS or user_data not in WORDS or google.get("ad_personalization") not in WORDS:
        return INVALID
    if "denied" in (storage, user_data):
        return DENIED
    if storage == user_data == "granted":
        return GRANTED if context.attested else PERMITTED
    return ()


def personalisation(consent: Mapping[str, object], context: Context) -> bool:
    """Say whether `ad_personalization` was granted where a banner asks; only that word does, its absence does not."""
    google = consent.get("google")
    return context.attested and type(google) is dict and google.get("ad_personalization") == "granted"
