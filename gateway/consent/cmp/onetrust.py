"""OneTrust: the cookies `OptanonConsent` and `OptanonAlertBoxClosed`, and `OnetrustActiveGroups` of the page.

`OptanonConsent` is a query string; its `groups` say `C0004:1` or `C0004:0` for each category. Targeting is C0004 unless the
site renamed it (`CmpRules.onetrust_group`). With `AwaitingReconsent=true` what was chosen has lapsed. `isGpcEnabled` and
`browserGpcFlag` tell that the browser opts out. Where a group comes twice, the refusal wins.

A 1 is the visitor's yes only if the banner was closed (the other cookie says when) or used (`interactionCount`), and only where
visitors opt in. In the models *opt-out* and *notice only* groups are 1 before anybody was asked, and with *implied consent* as
soon as somebody goes on; there a banner that is closed changes nothing. The cookies do not tell the model, which differs from
country to country: so the storefront attests where a banner asks, or the page tells it as `ConsentModel`.
https://my.onetrust.com/articles/en_US/Knowledge/UUID-2dc719a8-4be5-8d16-1dc8-c7b4147b88e0 for the cookies (read 2026-11-26),
https://my.onetrust.com/articles/en_US/Knowledge/UUID-68704b1d-1672-12de-04d8-264a1c86c241 for the models (read 2026-11-27),
https://www.npmjs.com/package/@segment/analytics-consent-wrapper-onetrust for the page's names, and for a banner's being closed
"no matter what" (read 2026-11-27). Pure.
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from gateway.consent.cmp.choice import NOTHING, Choice
from gateway.consent.cmp.decoding import moment, percent_decoded, texts
from gateway.consent.policy import CmpRules

CONSENT: Final = "OptanonConsent"
CLOSED: Final = "OptanonAlertBoxClosed"
COOKIES: Final = (CONSENT, CLOSED)
OPT_IN: Final = "opt-in"
"""The only model in which nothing is on until the visitor says so."""

_GROUPS: Final = re.compile(r"(?:[^:,]+:[01](?:,[^:,]+:[01])*)?")
_COUNT: Final = re.compile(r"[0-9]{1,9}")
_MILLISECONDS: Final = re.compile(r"[0-9]{13}")
FLAGS: Final[Mapping[str | None, bool]] = {None: False, "0": False, "1": True}
WORDS: Final[Mapping[str | None, bool]] = {None: False, "false": False, "true": True}

READ: Final = frozenset({"groups", "isGpcEnabled", "browserGpcFlag", "interactionCount", "AwaitingReconsent", "crTime"})
"""The names in `OptanonConsent` that count here."""


class Closed(msgspec.Struct, frozen=True, gc=False):
    """Whether the banner was closed, and when: Unix seconds, None where it is not said."""

    closed: bool = False
    at: int | None = None


def of_cookies(cookies: Mapping[str, str], rules: CmpRules) -> Choice | None:
    """Read `OptanonConsent`, with `OptanonAlertBoxClosed` where it came. The second alone says nothing."""
    if not cookies.get(CONSENT):
        return NOTHING
    fields = _fields(cookies[CONSENT])
    closed = _closed(cookies.get(CLOSED))
    return None if fields is None or closed is None else _choice(fields, closed, rules.onetrust_group)


def _fields(text: str) -> dict[str, str] | None:
    """Read a query string as far as it counts here. The parts are told first and decoded then; none may come twice."""
    fields: dict[str, str] = {}
    for part in text.split("&"):
        name, _, value = part.partition("=")
        if name in READ:
            decoded = percent_decoded(value)
            if decoded is None or name in fields:
                return None
            fields[name] = decoded
    return fields


def _closed(text: str | None) -> Closed | None:
    if not text:
        return Closed()
    decoded = percent_decoded(text)
    at = moment(decoded)
    return None if at is None else Closed(closed=True, at=at)


def _choice(fields: Mapping[str, str], closed: Closed, group: str) -> Choice | None:
    groups, count, created = fields.get("groups"), fields.get("interactionCount", "0"), fields.get("crTime")
    gpc, heard, lapsed = fields.get("isGpcEnabled"), fields.get("browserGpcFlag"), fields.get("AwaitingReconsent")
    if groups is None or gpc not in FLAGS or heard not in FLAGS or lapsed not in WORDS:
        return None
    if _GROUPS.fullmatch(groups) is None or _COUNT.fullmatch(count) is None:
        return None
    if created is not None and _MILLISECONDS.fullmatch(created) is None:
        return None
    marketing = _answer(groups, group)
    if marketing and WORDS[lapsed]:
        marketing = None
    return Choice(
        marketing,
        explicit=closed.closed or int(count) > 0,
        chosen_at=closed.at if closed.at is not None or created is None else int(created) // 1000,
        gpc=FLAGS[gpc] or FLAGS[heard],
        presumed=True,
    )


def _answer(groups: str, group: str) -> bool | None:
    """Give the answer for `group` in well-formed `groups`: a refusal wins, None if it is not there."""
    entries = f",{groups},"
    if f",{group}:0," in entries:
        return False
    return True if f",{group}:1," in entries else None


def of_object(value: object, rules: CmpRules) -> Choice | None:
    """Read `{"OnetrustActiveGroups": ",C0001,C0004,", "IsAlertBoxClosed": true, "ConsentModel": "opt-in"}`: the page's global,
    text or a list, and what `OneTrust.IsAlertBoxClosed()` and, where it is said, `OneTrust.GetDomainData().ConsentModel.Name`
    give. A group that is not active is refused, or nobody was asked: it counts as refused.
    """
    if type(value) is not dict or type(closed := value.get("IsAlertBoxClosed")) is not bool:
        return None
    listed, model = value.get("OnetrustActiveGroups"), value.get("ConsentModel")
    active = frozenset(listed.split(",")) if type(listed) is str else texts(listed)
    if active is None or type(model) not in (str, type(None)):
        return None
    asks = model is None or model.lower() == OPT_IN
    return Choice(rules.onetrust_group in active, explicit=closed and asks, presumed=model is None)
