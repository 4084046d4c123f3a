"""The decision: which destinations may have an event, and why the others may not.

Decided per destination from the statements of all signals, for every visitor as where consent must be asked for
(profile `opt_in_everywhere`: a merchant established in the EU owes that to every visitor, EDPB Guidelines 3/2018,
https://www.edpb.europa.eu/our-work-tools/our-documents/guidelines/guidelines-32018-territorial-scope-gdpr-article-3-version_en,
read 2026-11-22):

    1  a refusal, or a signal that cannot be read, anywhere     → refused, with its reason
    2  an opt-out                                               → refused, with its reason
    3  a person's explicit yes that covers the destination      → allowed
    4  anything less: a permission, or a yes for somebody else  → refused: no_explicit_grant
    5  nothing at all                                           → refused: no_consent

`RULE` names the version of this table; every decision carries it. Pure.
"""

from collections.abc import Mapping
from functools import lru_cache
from itertools import product
from string import ascii_uppercase
from typing import Final

import msgspec

from gateway.consent.signals import KNOWN, READERS, Reader, google, gpc, unsupported
from gateway.consent.statement import UNREADABLE, Context, Statement, Statements
from gateway.model import Destination, Fault, Refusal, Signal, State, UsState
from gateway.raw import LONGEST_TIME, RawEvent, seconds_of_text, unix_seconds

RULE: Final = "opt_in_everywhere-1"
DAY: Final = 86_400

MALFORMED: Final = (Statement(Signal.ADVERTISING, State.INVALID, refusal=Refusal.CONSENT_MALFORMED),)


class Policy(msgspec.Struct, frozen=True, gc=False):
    """A storefront's consent settings. `max_age` in seconds (1 … 395 days).

    `banner_regions`: countries (ISO 3166-1 alpha-2, upper case) where the storefront attests that a banner asks every
    visitor; `*` stands for all of them, unknown ones included.
    """

    max_age: int = 183 * DAY
    banner_regions: frozenset[str] = frozenset()

    def attests(self, country: str | None) -> bool:
        """Say whether a banner asks visitors of this country."""
        return "*" in self.banner_regions or (country is not None and country in self.banner_regions)


class Decision(msgspec.Struct, frozen=True, gc=False):
    """The outcome. `consent_at`: Unix seconds from which the age of the consent counts.

    `refused` holds every enabled destination that is not in `allowed`. `restricted`: the state under whose law the person
    opted out where the profile lets the event go on under a platform's mark for that; this table never sets it.
    """

    allowed: tuple[Destination, ...]
    refused: tuple[tuple[Destination, Refusal], ...]
    signals: tuple[tuple[Signal, State], ...]
    consent_at: int
    ads_personalisation: bool
    restricted: UsState | None = None


class Consented(msgspec.Struct, frozen=True, gc=False):
    """A raw event that at least one destination may have. Made by `admit`; refuses at birth to exist without one."""

    raw: RawEvent
    decision: Decision

    def __post_init__(self) -> None:
        """Hold the promise that the type's name makes."""
        if not self.decision.allowed:
            raise ValueError("Consented without consent")

    def __repr__(self) -> str:
        """Say nothing of what is inside."""
        return "<Consented>"


def admit(raw: RawEvent, policy: Policy, enabled: tuple[Destination, ...], now: int) -> Consented | Decision:
    """Decide for the `enabled` destinations at `now` (Unix seconds): the event, consented, or the refusal of all."""
    decision = decide(raw, policy, enabled, now)
    return Consented(raw, decision) if decision.allowed else decision


def decide(raw: RawEvent, policy: Policy, enabled: tuple[Destination, ...], now: int) -> Decision:
    """Read every signal that is present and apply the table."""
    consent = raw.consent
    statements: Statements = gpc.OPTED_OUT if raw.gpc_header else ()
    consent_at, personalisation = raw.occurred_at, False
    if type(consent) is dict:
        context = _context(consent, raw, policy, now)
        for read in _IN_ORDER.get(tuple(consent)) or _in_order(consent):
            statements += read(consent, context)
        if "google" in consent:
            personalisation = google.personalisation(consent, context)
        if type(given_at := context.given_at) is int:
            consent_at = given_at if given_at < now else now  # noqa: FURB136 - a call costs five times that
    elif consent is not None:
        statements += MALFORMED
    allowed, refused, signals = _apply(statements, enabled)
    return Decision(allowed, refused, signals, consent_at, personalisation)


def _read_unknown(consent: Mapping[str, object], _context: Context) -> Statements:
    return unsupported.read_unknown(consent, consent.keys() - KNOWN)


_IN_ORDER: Final[dict[tuple[str, ...], tuple[Reader, ...]]] = {}
"""The readers that an object's keys call for, by its keys; of known keys only. Saves 1 µs an event."""
MOST_REMEMBERED: Final = 1024


def _in_order(consent: Mapping[str, object]) -> tuple[Reader, ...]:
    """Choose the readers of the keys that are there, in the order of `READERS`."""
    readers = tuple(read for key, read in READERS.items() if key in consent)
    if not consent.keys() <= KNOWN:
        return (*readers, _read_unknown)
    if len(_IN_ORDER) >= MOST_REMEMBERED:
        _IN_ORDER.clear()
    _IN_ORDER[tuple(consent)] = readers
    return readers


def _context(consent: Mapping[str, object], raw: RawEvent, policy: Policy, now: int) -> Context:
    """Gather what readers may know. Undated consent is as old as the event that carries it."""
    country = None if raw.country is None else _country(raw.country)
    attested = policy.attests(country) if policy.banner_regions else False
    given_at = consent.get("given_at")
    if type(given_at) is str and len(given_at) <= LONGEST_TIME:  # each visitor has a date of their own: remembering is no use
        at: int | Fault | None = seconds_of_text(given_at)
    else:
        at = None if given_at is None else unix_seconds(given_at)
    return Context(now, attested, country, policy.max_age, at)


TWO_LETTERS: Final = frozenset(map("".join, product(ascii_uppercase, repeat=2)))


def _country(text: str) -> str | None:
    if text in TWO_LETTERS:
        return text
    if not (code := text if len(text) == 2 else text.strip()):
        return None
    return code.upper() if len(code) == 2 and code.isascii() and code.isalpha() else UNREADABLE


@lru_cache(maxsize=4096)
def _apply(
    statements: Statements, enabled: tuple[Destination, ...]
) -> tuple[tuple[Destination, ...], tuple[tuple[Destination, Refusal], ...], tuple[tuple[Signal, State], ...]]:
    """Apply the table. Few different inputs exist, so the answers are kept (3 µs an event less)."""
    fates = {destination: _refusal(statements, destination) for destination in enabled}
    return (
        tuple(d for d, refusal in fates.items() if refusal is None),
        tuple((d, refusal) for d, refusal in fates.items() if refusal is not None),
        tuple(dict.fromkeys((s.signal, s.state) for s in statements)),
    )


def _refusal(statements: Statements, destination: Destination) -> Refusal | None:
    """Give the reason to refuse, or None: the five rows of the table, in order."""
    spoken = [s for s in statements if destination in s.covers]
    for against in ((State.DENIED, State.INVALID), (State.OPTED_OUT,)):
        for statement in spoken:
            if statement.state in against:
                return statement.refusal or Refusal.CONSENT_MALFORMED
    if any(s.state is State.GRANTED for s in spoken):
        return None
    return Refusal.NO_EXPLICIT_GRANT if statements else Refusal.NO_CONSENT
