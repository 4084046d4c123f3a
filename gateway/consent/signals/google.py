"""`google`: the state of Google Consent Mode on the page
(https://developers.google.com/tag-platform/security/guides/consent, read 2026-11-22).

The object holds the state in force, and a default of `granted` looks just like a visitor's yes. So it grants Google
only where the storefront attests that a banner asks; elsewhere it merely permits, and personalisation is not permitted
at all. A denial of `ad_storage` or `ad_user_data` is a refusal of advertising and counts for every platform.
"""

from collections.abc import Mapping
from typing import Final

from gateway.consent.statement import Context, Statements
from gateway.consent.table import GOOGLE_DENIED, GOOGLE_GRANTED, GOOGLE_GRANTED_BANNER_ATTESTED, GOOGLE_UNREADABLE
from gateway.spelling import misspelt

TYPES: Final = frozenset({"ad_storage", "ad_user_data", "ad_personalization"})
WORDS: Final = ("granted", "denied", None)


def read(consent: Mapping[str, object], context: Context) -> Statements:
    """Read `ad_storage`, `ad_user_data` and `ad_personalization`, each `granted`, `denied` or absent, by exactly these names.

    Personalisation is granted only where a banner asks, and refused anywhere.
    """
    google = consent["google"]
    if google is None:
        return ()
    if type(google) is not dict or misspelt(google.keys(), TYPES):
        return GOOGLE_UNREADABLE
    storage, user_data = google.get("ad_storage"), google.get("ad_user_data")
    personal = google.get("ad_personalization")
    if storage not in WORDS or user_data not in WORDS or personal not in WORDS:
        return GOOGLE_UNREADABLE
    if personal == "denied" or (personal == "granted" and context.attested):
        context.personalise(personal == "granted")
    if "denied" in (storage, user_data):
        return GOOGLE_DENIED
    if storage == user_data == "granted":
        return GOOGLE_GRANTED_BANNER_ATTESTED if context.attested else GOOGLE_GRANTED
    return ()
