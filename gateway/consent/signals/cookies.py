"""`cookies`: the cookies in which consent tools keep the visitor's choice, by their names, as the storefront passes them on.

Each goes to the file of its tool (`gateway.consent.cmp`), `euconsent-v2` and `addtl_consent` to the readers of TC strings and
of Additional Consent. An unknown cookie refuses, since what cannot be read may be a refusal: a storefront passes on those of
its consent tool and no others. Pure.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from gateway.consent.cmp import axeptio, consentmo, cookiebot, didomi, onetrust, pandectes
from gateway.consent.cmp.choice import Choice, statements
from gateway.consent.cmp.decoding import LONGEST, percent_decoded
from gateway.consent.policy import CmpRules
from gateway.consent.signals import ac, tcf
from gateway.consent.statement import Context, Statements
from gateway.consent.table import UNSUPPORTED
from gateway.model.words import Signal

MOST: Final = 32
"""Cookies in one consent object."""


class Tool(NamedTuple):
    """A consent tool: its cookies, and how they are read together."""

    signal: Signal
    cookies: tuple[str, ...]
    read: Callable[[Mapping[str, str], CmpRules], Choice | None]


TOOLS: Final = (
    Tool(Signal.COOKIEBOT, cookiebot.COOKIES, cookiebot.of_cookies),
    Tool(Signal.ONETRUST, onetrust.COOKIES, onetrust.of_cookies),
    Tool(Signal.DIDOMI, didomi.COOKIES, didomi.of_cookies),
    Tool(Signal.AXEPTIO, axeptio.COOKIES, axeptio.of_cookies),
    Tool(Signal.PANDECTES, pandectes.COOKIES, pandectes.of_cookies),
    Tool(Signal.CONSENTMO, consentmo.COOKIES, consentmo.of_cookies),
)
TC_STRING: Final = "euconsent-v2"
ADDITIONAL_CONSENT: Final = "addtl_consent"

COOKIES: Final = frozenset({name for tool in TOOLS for name in tool.cookies} | {TC_STRING, ADDITIONAL_CONSENT})
"""Every cookie that is known."""


def read(consent: Mapping[str, object], context: Context) -> Statements:
    """Read `consent["cookies"]`: an object of at most 32 cookies, each text of at most 8,192 characters; null is not there."""
    cookies = consent["cookies"]
    if cookies is None:
        return ()
    if type(cookies) is not dict or len(cookies) > MOST:
        return UNSUPPORTED
    there: dict[str, object] = {name: value for name, value in cookies.items() if value is not None}
    said = () if there.keys() <= COOKIES else UNSUPPORTED
    for tool in TOOLS:
        if not there.keys().isdisjoint(tool.cookies):
            own = _texts(there, tool.cookies)
            said += statements(tool.signal, None if own is None else tool.read(own, context.policy.cmp), context)
    return said + _iab(there, context)


def _texts(cookies: Mapping[str, object], names: tuple[str, ...]) -> dict[str, str] | None:
    """Give those of `names` that came; None where one is no text, or too long."""
    own: dict[str, str] = {}
    for name in names:
        value = cookies.get(name)
        if value is None:
            continue
        if type(value) is not str or len(value) > LONGEST:
            return None
        own[name] = value
    return own


def _iab(cookies: Mapping[str, object], context: Context) -> Statements:
    """Read the cookies of the IAB's frameworks as the signals that they hold. An empty one is not there."""
    tc_string, additional = cookies.get(TC_STRING) or None, cookies.get(ADDITIONAL_CONSENT) or None
    said = () if tc_string is None else tcf.evaluate(tc_string, context)
    if additional is None:
        return said
    decoded = percent_decoded(additional) if type(additional) is str else None
    return said + ac.evaluate(decoded, tc_string, context)
