"""`ac`: Google's Additional Consent string, for ad technology providers that are not in the IAB's vendor list
(https://support.google.com/admanager/answer/9681920, read 2026-11-22).

    2~1.35.89~dv.9.21     version 2: consented to, then disclosed and not consented to; either may be empty
    1~1.35.89             version 1: consented to

Who stands for a platform is in the storefront's settings (`providers`). A consent counts only beside a usable TC string
with consent to the purposes: a provider has no purposes of its own. A no counts by itself, and so does what cannot be read.
"""

import re
from collections.abc import Mapping
from typing import Final

from gateway.consent.signals import tcf
from gateway.consent.statement import Context, Statements
from gateway.consent.table import AC_GRANTED, AC_REFUSED, ac_unreadable
from gateway.model.words import Refusal

LONGEST: Final = 16_384
"""Characters. Google's list has some thousand providers."""

_IDS: Final = r"((?:[1-9][0-9]*(?:\.[1-9][0-9]*)*+)?)"
_read_2 = re.compile(rf"2~{_IDS}~dv(?:\.{_IDS})?").fullmatch
_read_1 = re.compile(rf"1~{_IDS}()").fullmatch


def read(consent: Mapping[str, object], context: Context) -> Statements:
    """Read `consent["ac"]` beside the TC string in `consent["tcf"]`; null says nothing."""
    text = consent["ac"]
    return () if text is None else evaluate(text, consent.get("tcf"), context)


def evaluate(text: object, tc_text: object, context: Context) -> Statements:
    """Say what an Additional Consent string contributes, beside the TC string that came with it (null if none did)."""
    providers = context.policy.tcf.providers
    found = (_read_2(text) or _read_1(text)) if type(text) is str and len(text) <= LONGEST else None
    if found is None:
        return ac_unreadable(tuple(providers)) if providers else ()
    consented, refused = found.group(1), found.group(2) or ""
    statements: Statements = ()
    for destination, provider in providers.items():
        if _names(refused, provider):
            statements += AC_REFUSED[destination]
        elif _names(consented, provider) and _purposes_granted(tc_text, context):
            statements += AC_GRANTED[destination]
    return statements


def _names(ids: str, provider: int) -> bool:
    return f".{provider}." in f".{ids}."


def _purposes_granted(tc_text: object, context: Context) -> bool:
    tc = tcf.usable(tc_text, context)
    return not isinstance(tc, Refusal) and tc.consents_to(context.policy.tcf.purposes)
