"""Axeptio: the cookies `axeptio_cookies`, `axeptio_authorized_vendors` and `axeptio_all_vendors`, and the choices of the page.

`axeptio_cookies` is JSON: `$$completed` and `$$date`, and a boolean for each vendor under the site's own name for it, so which
names stand for a platform is a setting (`CmpRules.axeptio_vendors`). Not `$$completed`: the visitor has not answered. The other
two are lists, `,a,b,`, of what was accepted and of what there was to accept; they can refuse but not grant. The names are
compared whole. A long cookie can be compressed (`lzc1.…`): it is not read.
https://support.axeptio.eu/en/articles/274085-what-cookies-does-axeptio-set and
https://developers.axeptio.eu/site-integration/registering-user-choices (both read 2026-11-26). Pure.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from gateway.consent.cmp.choice import NOTHING, Choice
from gateway.consent.cmp.decoding import json_object, moment, percent_decoded
from gateway.consent.policy import CmpRules
from gateway.model.words import Destination

CHOICES: Final = "axeptio_cookies"
AUTHORIZED: Final = "axeptio_authorized_vendors"
ALL: Final = "axeptio_all_vendors"
COOKIES: Final = (CHOICES, AUTHORIZED, ALL)

OWN: Final = "$$"
"""What the names of Axeptio's own fields begin with; the others are vendors."""
CONSENT_MODE: Final = "$$googleConsentMode"
"""Where the site uses Google Consent Mode: its state. A denial in it is heard."""


class Lists(msgspec.Struct, frozen=True, gc=False):
    """The two lists, None where one did not come."""

    authorized: frozenset[str] | None = None
    all: frozenset[str] | None = None

    def refuse(self, name: str, *, chosen: bool) -> bool:
        """Say whether the vendor was there to accept and was not accepted. `chosen`: the choices say that it was."""
        if self.authorized is None or name in self.authorized:
            return False
        return chosen or (self.all is not None and name in self.all)


def of_cookies(cookies: Mapping[str, str], rules: CmpRules) -> Choice | None:
    """Read `axeptio_cookies`, with the lists where they came. Lists without it can only refuse."""
    lists = _lists(cookies)
    choices = _choices(cookies.get(CHOICES))
    if lists is None or choices is None:
        return None
    completed = choices.get("$$completed") if cookies.get(CHOICES) else False
    if type(completed) is not bool:
        return None
    at = moment(choices.get("$$date"))
    if completed and at is None:
        return None
    return _choice(choices if completed else {}, lists, at, rules)


def _choices(text: str | None) -> dict[str, object] | None:
    if not text:
        return {}
    decoded = text if text.startswith('{"') else percent_decoded(text)
    return None if decoded is None else json_object(decoded)


def _lists(cookies: Mapping[str, str]) -> Lists | None:
    authorized, everything = (percent_decoded(cookies.get(name) or ",") for name in (AUTHORIZED, ALL))
    if authorized is None or everything is None or not _is_list(authorized) or not _is_list(everything):
        return None
    return Lists(
        frozenset(authorized.split(",")) if cookies.get(AUTHORIZED) else None,
        frozenset(everything.split(",")) if cookies.get(ALL) else None,
    )


def _is_list(text: str) -> bool:
    return text.startswith(",") and text.endswith(",")


def of_object(value: object, rules: CmpRules) -> Choice | None:
    """Read the choices that the event `cookies:complete` carries: an object of vendor to boolean."""
    if type(value) is not dict:
        return None
    completed, date = value.get("$$completed", True), value.get("$$date")
    at = None if date is None else moment(date)
    if type(completed) is not bool or (date is not None and at is None):
        return None
    return _choice(value, Lists(), at, rules) if completed else NOTHING


def _choice(choices: Mapping[str, object], lists: Lists, at: int | None, rules: CmpRules) -> Choice | None:
    """Put together what the visitor said of each vendor; None where one of a platform's is not answered by a boolean."""
    answers = {name: answer for name, answer in choices.items() if not name.startswith(OWN)}
    vendors: list[tuple[Destination, bool]] = []
    for platform, names in rules.axeptio_vendors.items():
        told = [answers.get(name) for name in names]
        if any(type(answer) not in (bool, type(None)) for answer in told):
            return None
        if False in told or any(lists.refuse(name, chosen=answer is True) for name, answer in zip(names, told, strict=True)):
            vendors.append((platform, False))
        elif names and all(answer is True for answer in told):
            vendors.append((platform, True))
    return Choice(
        marketing=False if _refuses_all(answers) or _denies(choices.get(CONSENT_MODE)) else None,
        explicit=True,
        vendors=tuple(vendors),
        chosen_at=at,
    )


def _refuses_all(answers: Mapping[str, object]) -> bool:
    """Whether every vendor was refused: a no to advertising, whatever the names."""
    return bool(answers) and all(answer is False for answer in answers.values())


def _denies(mode: object) -> bool:
    return type(mode) is dict and "denied" in (mode.get("ad_storage"), mode.get("ad_user_data"))
