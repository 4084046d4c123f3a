"""Consentmo, a consent app for Shopify: the cookies `cookieconsent_status` and `cookieconsent_preferences_disabled`.

The status is the button that was pressed; the other cookie lists the categories that are switched off, `analytics,marketing`.
`dismiss` and `non_gdpr` mean that nobody chose. What was accepted in part, and the older `allow`, which other tools write too,
count only with the list beside them; accepted in part with an empty list cannot be told from a list that got lost, and says
nothing. There is no date. Consentmo documents neither cookie; the words were seen in public readers of them, such as
https://github.com/Jude-Nwachukwu/gtm-consentmo-consent-state-template (read 2026-11-26), so any other word refuses. Pure.
"""

from collections.abc import Mapping
from typing import Final

from gateway.consent.cmp.choice import NOTHING, Choice
from gateway.consent.cmp.decoding import percent_decoded
from gateway.consent.policy import CmpRules

STATUS: Final = "cookieconsent_status"
DISABLED: Final = "cookieconsent_preferences_disabled"
COOKIES: Final = (STATUS, DISABLED)

MARKETING: Final = "marketing"
CATEGORIES: Final = frozenset({"analytics", "functionality", MARKETING})

YES: Final = Choice(marketing=True, explicit=True)
NO: Final = Choice(marketing=False, explicit=True)


def of_cookies(cookies: Mapping[str, str], _rules: CmpRules) -> Choice | None:
    """Read the status and the list. A list with marketing in it refuses, whatever the status."""
    status, listed = percent_decoded(cookies.get(STATUS, "")), percent_decoded(cookies.get(DISABLED, ""))
    if status is None or listed is None:
        return None
    disabled = frozenset(listed.split(",")) if listed else frozenset()
    if not disabled <= CATEGORIES:
        return None
    return NO if MARKETING in disabled else _chosen(status, disabled, listed=DISABLED in cookies)


def _chosen(status: str, disabled: frozenset[str], *, listed: bool) -> Choice | None:
    """Give what a status means where marketing is not switched off."""
    match status:
        case "deny":
            return NO
        case "accept_all":
            return YES
        case "allow":
            return YES if listed else None
        case "accept_selected":
            return YES if disabled else NOTHING if listed else None
        case "" | "dismiss" | "non_gdpr":
            return NOTHING
        case _:
            return None
