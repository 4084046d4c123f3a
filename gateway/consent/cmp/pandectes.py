"""Pandectes, a consent app for Shopify: the cookie `_pandectes_gdpr` and the details of its event `PandectesEvent_OnConsent`.

The cookie is JSON in base64: `status`, `timestamp`, and `preferences`, the sum of what is *blocked*: 1 functionality,
2 performance, 4 targeting. (Pandectes calls targeting C0003, which is functionality at OneTrust: no table serves both.)
An empty status is no choice.
https://help.pandectes.io/en/article/how-to-run-custom-javascript-after-consent-157or5d/ for the numbers and the event,
https://help.pandectes.io/en/article/pandectes-custom-event-yfr7jh/ for the words (both read 2026-11-26). Pure.
"""

from collections.abc import Mapping
from typing import Final

from gateway.consent.cmp.choice import NOTHING, Choice
from gateway.consent.cmp.decoding import base64_object, percent_decoded
from gateway.consent.policy import CmpRules

COOKIES: Final = ("_pandectes_gdpr",)

TARGETING: Final = 4
EVERYTHING: Final = 7

REFUSED: Final = frozenset({"deny", "revoke"})
CHOSEN: Final = frozenset({"allow", "mixed", "custom"})
"""The visitor chose, and `preferences` say what."""

ASKED: Final = frozenset({"new", "stored"})
"""Values of `consentType` with an answer of the visitor's."""


def of_cookies(cookies: Mapping[str, str], _rules: CmpRules) -> Choice | None:
    """Read `_pandectes_gdpr`."""
    text = percent_decoded(cookies[COOKIES[0]])
    if text is None or not text:
        return None if text is None else NOTHING
    fields = base64_object(text)
    return None if fields is None else _choice(fields)


def _choice(fields: Mapping[str, object]) -> Choice | None:
    status = fields.get("status")
    if status is None or status == "":
        return NOTHING
    if type(status) is not str:
        return None
    if status in REFUSED:
        return Choice(marketing=False, explicit=True)
    blocked, at = _blocked(fields.get("preferences")), fields.get("timestamp")
    if status not in CHOSEN or blocked is None or type(at) is not int:
        return None
    return Choice(not blocked, explicit=True, chosen_at=at)


def _blocked(preferences: object) -> bool | None:
    """Say whether targeting is blocked; None for what is no sum of the three."""
    return bool(preferences & TARGETING) if type(preferences) is int and 0 <= preferences <= EVERYTHING else None


def of_object(value: object, _rules: CmpRules) -> Choice | None:
    """Read `{"preferences": 0, "consentType": "new"}`. `default` is what holds before anybody was asked: no visitor's yes."""
    if type(value) is not dict:
        return None
    blocked, kind = _blocked(value.get("preferences")), value.get("consentType")
    if blocked is None or type(kind) is not str:
        return None
    if kind == "revoke":
        return Choice(marketing=False, explicit=True)
    return Choice(not blocked, explicit=kind in ASKED) if kind in ASKED or kind == "default" else None
