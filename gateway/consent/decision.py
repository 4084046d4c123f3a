"""The decision: which destinations may have an event, and why the others may not.

`table.py` says what each signal contributes; here the contributions are combined, per destination, in this order:

    1  a refusal, or what cannot be read             → refused, with its reason
    2  where consent must be asked for:
         an opt-out                                  → refused, with its reason
         a person's explicit yes for the destination → allowed
         anything less                               → refused: no_explicit_grant, or no_consent where nothing was said
    3  in the United States, unless the profile is `opt_in_everywhere`:
         neither a yes nor a permission              → refused, as above
         an opt-out, profile `strict`                → refused, with its reason
         an opt-out, profile `restricted`            → Meta and Pinterest under their marks, where the state is known;
                                                       Google refused: it has no mark
         else                                        → allowed

A shop may settle that outside the United States a person's explicit yes outweighs an opt-out. A merchant established in
the EU owes consent to every visitor, wherever they are, so `opt_in_everywhere` is the usual profile (EDPB Guidelines
3/2018, https://www.edpb.europa.eu/our-work-tools/our-documents/guidelines/guidelines-32018-territorial-scope-gdpr-article-3-version_en,
read 2026-11-22). Every decision carries the name and version of the table (`Policy.rule`). Pure.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from gateway.consent.evidence import Evidence, cited
from gateway.consent.place import NOWHERE, Place, place_in, place_of
from gateway.consent.policy import Policy, Profile
from gateway.consent.signals import KNOWN, READERS, Reader, shopify, unsupported
from gateway.consent.statement import Context, Statement, Statements
from gateway.consent.table import GPC_ON, MALFORMED, MINOR_FLAGGED
from gateway.model.texts import EvidenceId
from gateway.model.words import Destination, Fault, Refusal, Signal, State, UsState
from gateway.raw import LONGEST_TIME, RawConsent, RawEvent, seconds_of_text, unix_seconds

RESTRICTABLE: Final = frozenset({Destination.META, Destination.PINTEREST})
"""Platforms with a mark, on each event, that the person opted out: Meta's Limited Data Use
(https://developers.facebook.com/docs/marketing-apis/data-processing-options) and Pinterest's Limited Data Processing
(https://developers.pinterest.com/docs/conversions/limited-data-processing/), both read 2026-11-22."""


class Decision(msgspec.Struct, frozen=True, gc=False):
    """The outcome. `consent_at`: Unix seconds from which the age of the consent counts.

    `refused` holds every enabled destination that is not in `allowed`. `granted_at`: when the person decided, None when
    nothing says so. `evidence`: the consent record that took part. `restricted`: the state under whose law the person opted
    out where the profile lets the event go on under the platforms' marks for that.
    """

    allowed: tuple[Destination, ...]
    refused: tuple[tuple[Destination, Refusal], ...]
    signals: tuple[tuple[Signal, State], ...]
    consent_at: int
    ads_personalisation: bool
    restricted: UsState | None = None
    granted_at: int | None = None
    evidence: EvidenceId | None = None


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


def admit(
    raw: RawEvent, policy: Policy, enabled: tuple[Destination, ...], now: int, evidence: Evidence | None = None
) -> Consented | Decision:
    """Decide for the `enabled` destinations at `now` (Unix seconds): the event, consented, or the refusal of all."""
    decision = decide(raw, policy, enabled, now, evidence)
    return Consented(raw, decision) if decision.allowed else decision


def decide(
    raw: RawEvent, policy: Policy, enabled: tuple[Destination, ...], now: int, evidence: Evidence | None = None
) -> Decision:
    """Read every signal that is present, add what the cited records say, and apply the table."""
    consent = raw.consent
    if evidence is None and raw.edge is None:  # as nearly always
        place = place_in(raw.country, raw.region)
    else:
        place = place_of(((raw.country, raw.region), raw.edge or NOWHERE, *(() if evidence is None else evidence.mentions)))
    context = context_of(consent, policy, place, now)
    statements = read_signals(consent, context)
    if raw.gpc_header:
        statements = GPC_ON + statements
    if raw.minor:
        statements += MINOR_FLAGGED
    if evidence is not None:
        statements += _hear(evidence, context)
    missing = Refusal.NO_EXPLICIT_GRANT if statements else _nothing_said(consent, evidence)
    allowed, refused, signals, restricted = _apply(
        statements, enabled, policy.profile, policy.grant_outweighs_opt_out, place, missing
    )
    chosen_at = context.chosen_at
    return Decision(  # eight arguments by name would cost as much as the table
        allowed,
        refused,
        signals,
        raw.occurred_at if chosen_at is None else min(now, chosen_at),
        context.personalised is True,
        restricted,
        None if chosen_at is None or chosen_at > now else chosen_at,
        None if evidence is None else evidence.id,
    )


def _hear(evidence: Evidence, context: Context) -> Statements:
    """Take in what the cited records say."""
    context.date(evidence.given_at)
    if evidence.personalised is not None:
        context.personalise(evidence.personalised)
    return shopify.closed(evidence.statements, context.place)


def _nothing_said(consent: object, evidence: Evidence | None) -> Refusal:
    """Give the reason of an event about which nothing was said at all: a record was cited and is not there, or none was."""
    return Refusal.NO_CONSENT_RECORD if evidence is None and cited(consent) else Refusal.NO_CONSENT


def heard(raw: RawConsent, context: Context) -> Statements:
    """Give all that is said where a record is to be made: its signals, the browser's header, the minor flag.

    What an order's place will decide that nobody has named yet is kept open.
    """
    statements = read_signals(raw.consent, context) + shopify.left_open(raw.consent, context.place)
    if raw.gpc_header:
        statements = GPC_ON + statements
    return statements + MINOR_FLAGGED if raw.minor else statements


def judged(statements: Statements, policy: Policy, enabled: tuple[Destination, ...], place: Place) -> "Outcome":
    """Apply the table to what a record says: whom it would allow at this place if an event cited it alone."""
    statements = shopify.closed(statements, place)
    missing = Refusal.NO_EXPLICIT_GRANT if statements else Refusal.NO_CONSENT
    return apply(statements, enabled, Ruling(policy.profile, policy.grant_outweighs_opt_out, place, missing))


def read_signals(consent: object, context: Context) -> Statements:
    """Read the signals of a consent object; what is neither an object nor null refuses."""
    if type(consent) is dict:
        statements: Statements = ()
        for read in _IN_ORDER.get(tuple(consent)) or _in_order(consent):
            statements += read(consent, context)
        return statements
    return () if consent is None else MALFORMED


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


def context_of(consent: object, policy: Policy, place: Place, now: int) -> Context:
    """Make the context that a consent object's signals are read in at `now` (Unix seconds)."""
    attested = policy.attests(place.country) if policy.banner_regions else False
    given_at = consent.get("given_at") if type(consent) is dict else None
    if type(given_at) is str and len(given_at) <= LONGEST_TIME:  # each visitor has a date of their own: remembering is no use
        at: int | Fault | None = seconds_of_text(given_at)
    else:
        at = None if given_at is None else unix_seconds(given_at)
    return Context(now, policy, place, attested, at)


class Outcome(NamedTuple):
    """What the table gives; the parts of a `Decision` that do not depend on time."""

    allowed: tuple[Destination, ...]
    refused: tuple[tuple[Destination, Refusal], ...]
    signals: tuple[tuple[Signal, State], ...]
    restricted: UsState | None


class Ruling(NamedTuple):
    """What the table depends on beside the statements. `missing`: the reason where nobody said yes."""

    profile: Profile
    grant_outweighs: bool
    place: Place
    missing: Refusal

    @property
    def asks_for_opt_out(self) -> bool:
        """Whether the visitor is where an opt-out must be heard, and consent need not be asked for."""
        return self.profile is not Profile.OPT_IN_EVERYWHERE and self.place.in_us


def apply(statements: Statements, enabled: tuple[Destination, ...], ruling: Ruling) -> Outcome:
    """Apply the table."""
    fates = {destination: _refusal(statements, destination, ruling) for destination in enabled}
    allowed = tuple(d for d, refusal in fates.items() if refusal is None)
    marked = ruling.asks_for_opt_out and any(_opt_out(statements, destination) for destination in allowed)
    return Outcome(
        allowed,
        tuple((d, refusal) for d, refusal in fates.items() if refusal is not None),
        tuple(dict.fromkeys((s.signal, s.state) for s in statements)),
        ruling.place.state if marked else None,
    )


@lru_cache(maxsize=4096)
def _apply(  # noqa: PLR0913, PLR0917 - as one object they would have to be made, and hashed, for each event
    statements: Statements,
    enabled: tuple[Destination, ...],
    profile: Profile,
    outweighs: bool,
    place: Place,
    missing: Refusal,
) -> Outcome:
    """Remember outcomes: few different inputs exist, and applying the table costs 3 µs."""
    return apply(statements, enabled, Ruling(profile, outweighs, place, missing))


def _refusal(statements: Statements, destination: Destination, ruling: Ruling) -> Refusal | None:
    """Give the reason to refuse, or None: the rows of the table, in order."""
    spoken = [s for s in statements if destination in s.covers]
    for statement in spoken:
        if statement.state in (State.DENIED, State.INVALID):
            return statement.refusal or Refusal.CONSENT_MALFORMED
    granted = any(s.state is State.GRANTED for s in spoken)
    opt_out = _opt_out(statements, destination)
    if ruling.asks_for_opt_out:
        permitted = granted or any(s.state is State.PERMITTED for s in spoken)
        return (None if opt_out is None else _under_opt_out(opt_out, destination, ruling)) if permitted else ruling.missing
    if opt_out is not None and not (granted and ruling.grant_outweighs and ruling.place.outside_us):
        return opt_out.refusal or Refusal.CONSENT_MALFORMED
    return None if granted else ruling.missing


def _opt_out(statements: Statements, destination: Destination) -> Statement | None:
    return next((s for s in statements if s.state is State.OPTED_OUT and destination in s.covers), None)


def _under_opt_out(opt_out: Statement, destination: Destination, ruling: Ruling) -> Refusal | None:
    """Refuse who opted out, unless the profile lets the event go on under the platform's own mark for it."""
    if ruling.profile is not Profile.RESTRICTED or ruling.place.state is None:
        return opt_out.refusal or Refusal.CONSENT_MALFORMED
    return None if destination in RESTRICTABLE else Refusal.RESTRICTION_UNSUPPORTED
