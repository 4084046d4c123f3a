"""Cookiebot: the cookie `CookieConsent` and the object `Cookiebot.consent`.

The cookie is text in the way of a JavaScript object, no JSON: `{stamp:'…',marketing:true,method:'explicit',utc:1687287902728}`.
A yes counts only with `method` `explicit`: implied consent, a consent without a method (which Cookiebot itself takes for
implied) and the stamp `-1` of a region where nobody is asked mean that nobody chose. A bare `-1` says the same, a bare `0` is
a no.
https://www.cookiebot.com/en/developer/ (read 2026-11-26). Pure.
"""

import re
from collections.abc import Mapping
from typing import Final

from gateway.consent.cmp.choice import NOTHING, Choice
from gateway.consent.cmp.decoding import percent_decoded
from gateway.consent.policy import CmpRules

COOKIES: Final = ("CookieConsent",)

NOBODY_ASKED: Final = "-1"
NO_CONSENT: Final = (NOBODY_ASKED, "0", "", "None")
"""Stamps that are no consent's, as texts or as numbers; nor is one that is missing."""
BARE: Final[Mapping[str, Choice]] = {
    "": NOTHING,
    NOBODY_ASKED: Choice(marketing=True, explicit=False),
    "0": Choice(marketing=False, explicit=True),
}

_PAIR: Final = r"([A-Za-z_][A-Za-z0-9_]{0,31}):(?:'([^'\\]*)'|(true|false)|(-?[0-9]{1,16}))"
_OBJECT: Final = re.compile(rf"\{{{_PAIR}(?:,{_PAIR})*\}}")
_PAIRS: Final = re.compile(_PAIR)

Value = str | bool | int
METHODS: Final[Mapping[object, bool]] = {"explicit": True, "implied": False, None: False}


def of_cookies(cookies: Mapping[str, str], _rules: CmpRules) -> Choice | None:
    """Read `CookieConsent`. Its `utc` is in milliseconds; consents from before it had one are older than any age limit."""
    text = percent_decoded(cookies[COOKIES[0]])
    if text is None or text in BARE:
        return None if text is None else BARE[text]
    fields = _fields(text)
    if fields is None or type(utc := fields.get("utc")) is not int:
        return None
    return _choice(fields, utc // 1000)


def of_object(value: object, _rules: CmpRules) -> Choice | None:
    """Read the object `Cookiebot.consent`: `marketing`, `method` and `stamp`. It has no date."""
    return _choice(value, None) if type(value) is dict else None


def _fields(text: str) -> dict[str, Value] | None:
    """Read the cookie's object: names, and texts in single quotes, booleans or whole numbers. No name comes twice."""
    if _OBJECT.fullmatch(text) is None:
        return None
    found = _PAIRS.findall(text[1:-1])
    fields: dict[str, Value] = {
        name: word == "true" if word else int(number) if number else quoted for name, quoted, word, number in found
    }
    return fields if len(fields) == len(found) else None


def _choice(fields: Mapping[str, object], chosen_at: int | None) -> Choice | None:
    marketing, method, stamp = fields.get("marketing"), fields.get("method"), fields.get("stamp")
    if type(marketing) is not bool or type(method) not in (str, type(None)) or method not in METHODS:
        return None
    if type(stamp) not in (str, int, type(None)):
        return None
    return Choice(marketing, METHODS[method] and str(stamp) not in NO_CONSENT, chosen_at=chosen_at)
