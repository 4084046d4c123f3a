"""What is kept of a signal as proof: its text where that identifies nobody and was read whole, else only its SHA-256.

A text is kept in one form: JSON without blanks, names in order. What is not of a signal's declared form, has a name or a
word that its form does not know, or could not be read, may hold anything; of that a digest is kept, which proves the signal
to whoever still has it and tells nobody else what it was. Cookies and the objects of consent tools hold identifiers of
their own, so they are never kept as text. Of what has an e-mail or an IP address in it, and of a key or a cookie that the
format does not know, only that there was one is kept: the hash of an address is found by trying all of them. Pure.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Final

from gateway.consent.evidence import JOIN, RECEIPT
from gateway.consent.signals import READERS, SILENT
from gateway.consent.signals.cookies import COOKIES
from gateway.consent.signals.vendors import ALIASES
from gateway.consent.statement import Statements
from gateway.ledger import Proof
from gateway.model.texts import IPV4_BEGINS, IPV6_BEGINS
from gateway.model.words import Refusal, Signal, State

LONGEST: Final = 16_384
"""Characters of a text that is kept."""

ADDRESS: Final = re.compile(rf"@|%40|\uff20|{IPV4_BEGINS}|{IPV6_BEGINS}", re.ASCII)
"""What an address of a person or of a machine has in it."""

Form = Callable[[object], bool]
"""Says whether a value is of a form in which nothing can identify anybody."""


def _flag(value: object) -> bool:
    return type(value) is bool


def _words(pattern: str) -> Form:
    found = re.compile(pattern, re.ASCII).fullmatch
    return lambda value: type(value) is str and found(value) is not None


def _object(names: frozenset[str], part: Form) -> Form:
    return lambda value: type(value) is dict and value.keys() <= names and all(map(part, value.values()))


def _flag_or_none(value: object) -> bool:
    return value is None or type(value) is bool


def _state(value: object) -> bool:
    return value in ("granted", "denied", None)


def _answer(value: object) -> bool:
    return value in ("yes", "no", "", None)


def _sections(value: object) -> bool:
    return type(value) is list and all(type(number) is int and 0 <= number < 1 << 16 for number in value)


_IDS: Final = r"(?:[0-9]{1,5}(?:\.[0-9]{1,5})*)?"
"""Ids of Google's list of providers; a longer number is none."""

FORMS: Final[Mapping[str, Form]] = {
    **dict.fromkeys(("advertising", "gpc", *sorted(SILENT)), _flag),
    "vendors": _object(frozenset(ALIASES), _flag_or_none),
    "google": _object(
        frozenset(
            [
                "ad_storage",
                "ad_user_data",
                "ad_personalization",
                "analytics_storage",
                "functionality_storage",
                "personalization_storage",
                "security_storage",
            ]
        ),
        _state,
    ),
    "shopify": _object(
        frozenset(["marketingAllowed", "saleOfDataAllowed", "analyticsProcessingAllowed", "preferencesProcessingAllowed"]),
        _flag_or_none,
    ),
    "shopify_visitor": _object(frozenset(["marketing", "analytics", "preferences", "sale_of_data"]), _answer),
    "gcs": _words(r"G1[01-]{2,3}"),
    "gcd": _words(r"[0-9A-Za-z]{1,64}"),
    "us_privacy": _words(r"1[YNyn-]{3}"),
    "gpp": _words(r"[A-Za-z0-9_~.-]+"),
    "gpp_sid": _sections,
    "tcf": _words(r"[A-Za-z0-9_.-]+"),
    "ac": _words(rf"1~{_IDS}|2~{_IDS}~dv(?:\.{_IDS})?"),
}
"""By key of the consent object. The strings of the IAB, Google's and US Privacy's have no room for anything but choices
once their own readers have read them whole."""

SIGNALS: Final[Mapping[str, Signal]] = {signal.value: signal for signal in Signal}

UNREAD_OPT_OUTS: Final = frozenset({Refusal.GPP_INVALID, Refusal.US_PRIVACY_INVALID})
"""Of strings that count as an opt-out because they cannot be read."""
NO_PROOF: Final = frozenset({RECEIPT, JOIN, "banner_version"})
"""Keys that have a place of their own in a record."""
OTHER: Final = "other"


def proofs_of(consent: Mapping[str, object], statements: Statements) -> tuple[Proof, ...]:
    """Give a proof of each signal that a consent object has, in the order of their names; null is none.

    `statements` are what the readers said of it: a signal of which one says that it cannot be read is not kept as text.
    """
    unread = frozenset(s.signal for s in statements if s.state is State.INVALID or s.refusal in UNREAD_OPT_OUTS)
    found = dict.fromkeys(_proofs(consent, unread))
    return tuple(sorted(found, key=lambda proof: (proof.signal, proof.text or proof.digest or "")))


def _proofs(consent: Mapping[str, object], unread: frozenset[Signal]) -> Iterator[Proof]:
    for key, value in consent.items():
        if value is None or key in NO_PROOF:
            continue
        if key == "cookies" and type(value) is dict:
            yield from (_digest(f"cookies.{name}", part) for name, part in value.items() if name in COOKIES)
            if not value.keys() <= COOKIES:
                yield Proof(f"cookies.{OTHER}", None, None)
        elif key == "given_at":
            yield _digest(key, value) if Signal.GIVEN_AT in unread or len(str(value)) > 35 else _text(key, value)
        elif key in FORMS and _was_read(key, unread) and FORMS[key](value):
            yield _text(key, value)
        elif key in READERS or key in SILENT or key in FORMS:
            yield _digest(key, value)
        else:
            yield Proof(OTHER, None, None)


def _was_read(key: str, unread: frozenset[Signal]) -> bool:
    return SIGNALS.get(key) not in unread and not (key == "gpp" and Signal.TCF in unread)  # a GPP string may hold a TC string


def _text(signal: str, value: object) -> Proof:
    text = _written(value)
    return Proof(signal, text, None) if len(text) <= LONGEST else _digest(signal, value)


def _digest(signal: str, value: object) -> Proof:
    text = _written(value)
    known = None if ADDRESS.search(text) else sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return Proof(signal, None, known)


def _written(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
