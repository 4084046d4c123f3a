"""What a page or a server says of a person's choice becomes a record for the ledger, and is held against earlier ones.

What a record is found by leaves here as keyed hashes, what its signals said as rows of the decision table, and the signals
as proofs. Pure: time, the record's name and the receipt that it gets where it brings none are handed in.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, TypeVar

from gateway.consent.decision import context_of, heard, judged
from gateway.consent.evidence import Record, cited, combine
from gateway.consent.place import NOWHERE, merged, place_of
from gateway.consent.policy import Policy
from gateway.consent.statement import Statements
from gateway.intake.proofs import proofs_of
from gateway.ledger import Deposit, Version
from gateway.model.texts import EvidenceId, PersonKey, StorefrontId, Text
from gateway.model.words import Destination, Fault, Refusal, State
from gateway.persons import Identifier, Persons
from gateway.raw import Malformed, RawConsent

GUESSABLE: Final = frozenset({Identifier.ORDER_ID})
"""What somebody else could name: order numbers run."""

NOBODY_SAID_NO: Final = frozenset(
    {Refusal.CONSENT_EXPIRED, Refusal.TCF_EXPIRED, Refusal.CMP_EXPIRED, Refusal.GPP_INVALID, Refusal.US_PRIVACY_INVALID}
)
"""Refusals for age, and opt-outs for what cannot be read."""
SAID_NO: Final = frozenset({State.DENIED, State.OPTED_OUT})


class Drawn(NamedTuple):
    """What chance decides of a record: its name, and the receipt that it gets where it brings none."""

    id: EvidenceId
    receipt: str


class Made(NamedTuple):
    """A record that can be deposited, and its receipt in the clear, for whoever asked.

    `left_out` names fields whose values were of no form that is kept. `takes_back` are the keys under which what waits is
    taken back if this record refuses what an earlier one allowed.
    """

    deposit: Deposit
    receipt: str
    left_out: tuple[str, ...]
    takes_back: tuple[PersonKey, ...]


class Shop(NamedTuple):
    """What a deposit depends on of its storefront."""

    storefront: StorefrontId
    policy: Policy
    enabled: tuple[Destination, ...]
    persons: Persons


def deposit_of(raw: RawConsent, shop: Shop, drawn: Drawn, now: int, *, by_page: bool) -> Made | Malformed:
    """Make a record of what was said at `now` (Unix seconds). `by_page`: a browser said it, whom nobody vouches for.

    Gives what is wrong where it could be found by nothing: `join` that is not of its form, or a page without any citation.
    """
    citation = cited(raw.consent)
    if citation is None:
        return Malformed("consent.join", Fault.BAD_FORMAT)
    named = dict(citation)
    if by_page and not named:
        return Malformed("consent.receipt", Fault.MISSING)
    receipt = named.setdefault(Identifier.RECEIPT, drawn.receipt)  # what everybody has is not cited, so it is no receipt either
    keys = {kind: shop.persons.key(shop.storefront, kind, text) for kind, text in named.items()}
    versions = {"consent.banner_version": raw.banner_version, "policy_version": raw.policy_version}
    kept = {field: _born(Version, text) for field, text in versions.items() if text is not None}
    record, statements = _record(raw, shop.policy, now, drawn.id, keys)
    outcome = judged(statements, shop.policy, shop.enabled, place_of((record.place,)))
    refused = dict(outcome.refused)
    deposit = Deposit(
        storefront=shop.storefront,
        record=record,
        proofs=proofs_of(raw.consent, statements),
        decided=tuple((destination, refused.get(destination)) for destination in shop.enabled),
        rule=shop.policy.rule,
        banner_version=kept.get("consent.banner_version"),
        policy_version=kept.get("policy_version"),
    )
    return Made(
        deposit,
        receipt,
        tuple(field for field, version in kept.items() if version is None),
        tuple(sorted(key for kind, key in keys.items() if not (by_page and kind in GUESSABLE))),
    )


def _record(
    raw: RawConsent, policy: Policy, now: int, name: EvidenceId, keys: Mapping[Identifier, PersonKey]
) -> tuple[Record, Statements]:
    mention = merged(((raw.country, raw.region), raw.edge or NOWHERE))
    context = context_of(raw.consent, policy, place_of((mention,)), now)
    statements = heard(raw, context)
    given_at = now if context.chosen_at is None else min(context.chosen_at, now)
    client, receipt = keys.get(Identifier.CLIENT_ID), keys[Identifier.RECEIPT]
    record = Record(
        id=name,
        browser=client or receipt,
        received_at=now,
        given_at=given_at,
        statements=statements,
        personalised=context.personalised,
        place=mention,
        receipt=receipt if client else None,
        keys=tuple(sorted(keys.values())),
    )
    return record, statements


def taken_back(deposit: Deposit, earlier: Iterable[Record], shop: Shop) -> int | None:
    """Give the moment up to which what waits is withdrawn by this record; None where it says no to nothing that was allowed.

    A no is a refusal or an opt-out of the person's; that nothing is granted, that a signal cannot be read or has grown too
    old is none. If every destination is refused, all that came in until now is withdrawn. If some are not, what came in
    before this decision is withdrawn all the same, for all of them, and what comes under the decision is heard.
    """
    refused = no_said(deposit)
    before = combine([r for r in earlier if r.id != deposit.record.id], shop.policy, deposit.record.received_at)
    if not refused or before is None:
        return None
    allowed = judged(before.statements, shop.policy, shop.enabled, place_of(before.mentions)).allowed
    if refused.isdisjoint(allowed):
        return None
    all_refused = all(why is not None for _, why in deposit.decided)
    return deposit.record.received_at if all_refused else deposit.record.given_at - 1


def no_said(deposit: Deposit) -> frozenset[Destination]:
    """Give the destinations that are refused and to which the person said no."""
    said = {
        destination
        for statement in deposit.record.statements
        if statement.state in SAID_NO and statement.refusal not in NOBODY_SAID_NO
        for destination in statement.covers
    }
    return frozenset(destination for destination, why in deposit.decided if why is not None and destination in said)


T = TypeVar("T", bound=Text)


def _born(kind: type[T], text: str) -> T | None:
    try:
        return kind(text)
    except ValueError:
        return None
