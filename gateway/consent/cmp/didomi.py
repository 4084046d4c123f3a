"""Didomi: the cookies `didomi_token` and `didomi_dcs`, and the objects of `getCurrentUserStatus()` and `getUserStatus()`.

The token is JSON in base64: `purposes` and `vendors`, each with the ids that are `enabled` and `disabled`, and when they were
`updated`. Which purposes are advertising, and which ids stand for a platform, differs from site to site (`CmpRules`). A vendor
has consent only where all of its purposes have, and the token holds the two apart: so one that is enabled is a yes only beside
the purposes of advertising, or, where the settings name none, beside some that are enabled and none that is disabled. Nor does
the token tell under which law it was written, and in the United States enabled means not opted out: the storefront attests
where its visitors are asked. `didomi_dcs` is binary and not documented: it is not decoded, and needs the TC string
(`euconsent-v2`) or the token beside it.
https://developers.didomi.io/cmp/web-sdk/reference/api and https://developers.didomi.io/cmp/mobile-sdk/api-new for the objects
(both read 2026-11-26), https://developers.didomi.io/cmp/web-sdk/reference/api/deprecated for a vendor's purposes,
https://developers.didomi.io/cmp/web-sdk/third-parties/direct-integrations/prebid/us-states-laws for the United States (both
read 2026-11-27). Pure.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from gateway.consent.cmp.choice import NOTHING, Choice
from gateway.consent.cmp.decoding import base64_object, moment, percent_decoded, texts
from gateway.consent.policy import CmpRules
from gateway.model.words import Destination

TOKEN: Final = "didomi_token"  # noqa: S105 - a cookie's name
BINARY: Final = "didomi_dcs"
TC_STRING: Final = "euconsent-v2"
COOKIES: Final = (TOKEN, BINARY, TC_STRING)

OPT_IN: Final = "gdpr"
"""The regulation under which enabled means that the visitor said yes, and not merely that they did not say no."""


class Ids(msgspec.Struct, frozen=True, gc=False):
    """Which ids are enabled and disabled. One that is both is disabled."""

    enabled: frozenset[str] = frozenset()
    disabled: frozenset[str] = frozenset()

    @property
    def all_refused(self) -> bool:
        """Whether everything that was answered was refused."""
        return bool(self.disabled) and self.enabled <= self.disabled

    def answer(self, ids: tuple[str, ...]) -> bool | None:
        """Give the common answer for `ids`: any disabled is a no, all enabled a yes, else there is none."""
        if not self.disabled.isdisjoint(ids):
            return False
        return True if ids and self.enabled.issuperset(ids) else None


def of_cookies(cookies: Mapping[str, str], rules: CmpRules) -> Choice | None:
    """Read `didomi_token`. Without it, `didomi_dcs` is unreadable unless a TC string came too, which is read as such."""
    if cookies.get(TOKEN):
        return _of_token(cookies[TOKEN], rules)
    return None if cookies.get(BINARY) and not cookies.get(TC_STRING) else NOTHING


def _of_token(text: str, rules: CmpRules) -> Choice | None:
    decoded = percent_decoded(text)
    token = None if decoded is None else base64_object(decoded)
    if token is None:
        return None
    purposes, vendors = _lists(token.get("purposes")), _lists(token.get("vendors"))
    at = moment(token.get("created") if token.get("updated") is None else token.get("updated"))
    if purposes is None or vendors is None or at is None:
        return None
    marketing = _marketing(purposes, rules)
    yes_counts = marketing is True if rules.didomi_purposes else bool(purposes.enabled) and not purposes.disabled
    return Choice(marketing, True, _vendors(vendors, rules, yes_counts=yes_counts), at, presumed=True)  # noqa: FBT003 - explicit


def _lists(value: object) -> Ids | None:
    """Read `{"enabled": […], "disabled": […]}`; what is not there lists nothing."""
    if value is None:
        return Ids()
    if type(value) is not dict:
        return None
    enabled, disabled = texts(value.get("enabled", [])), texts(value.get("disabled", []))
    return None if enabled is None or disabled is None else Ids(enabled, disabled)


def _marketing(purposes: Ids, rules: CmpRules) -> bool | None:
    return False if purposes.all_refused else purposes.answer(rules.didomi_purposes)


def _vendors(vendors: Ids, rules: CmpRules, *, yes_counts: bool) -> tuple[tuple[Destination, bool], ...]:
    answers = ((platform, vendors.answer(ids)) for platform, ids in rules.didomi_vendors.items())
    return tuple((platform, answer) for platform, answer in answers if answer is False or (answer and yes_counts))


def of_object(value: object, rules: CmpRules) -> Choice | None:
    """Read the status of `getCurrentUserStatus()`, where `purposes` and `vendors` map an id to `{"id": …, "enabled": true}`, or
    of the older `getUserStatus()`, where they hold lists under `consent`, and for vendors under `global` besides.

    A vendor's status takes its purposes into account, and those of legitimate interest too: in the older one it must have
    consent as well. `regulation` must be GDPR for a yes to be the visitor's own.
    """
    if type(value) is not dict:
        return None
    purposes, vendors = _status(value.get("purposes"), "consent"), _vendors_status(value.get("vendors"))
    regulation, updated = value.get("regulation"), value.get("updated")
    at = None if updated is None else moment(updated)
    if purposes is None or vendors is None or (updated is not None and at is None):
        return None
    explicit = type(regulation) is str and regulation.lower() == OPT_IN
    return Choice(_marketing(purposes, rules), explicit, _vendors(vendors, rules, yes_counts=True), at)


def _vendors_status(value: object) -> Ids | None:
    status = _status(value, "global")
    if status is None or type(value) is not dict or type(value.get("global")) is not dict:
        return status
    consented = _lists(value.get("consent"))
    return consented and Ids(status.enabled & consented.enabled, status.disabled | consented.disabled)


def _status(value: object, part: str) -> Ids | None:
    if type(value) is not dict:
        return None
    lists = value.get(part)
    if type(lists) is dict and type(lists.get("enabled")) is list:
        return _lists(lists)
    flags = {id_: status.get("enabled") if type(status) is dict else None for id_, status in value.items()}
    if not all(type(flag) is bool for flag in flags.values()):
        return None
    return Ids(frozenset(i for i, flag in flags.items() if flag), frozenset(i for i, flag in flags.items() if not flag))
