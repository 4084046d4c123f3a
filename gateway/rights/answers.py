"""What is answered to a request: a receipt with counts, or all that is held, in words of ours and values of the person. Pure.

Times are RFC 3339 in UTC. What an access request tells is personal data: it goes to whoever asked, and nowhere else.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from gateway.audit.advice import NAMES
from gateway.audit.trace import moment
from gateway.ledger import Kept, Request
from gateway.model.event import Minimised
from gateway.model.words import Destination
from gateway.outbox.holdings import Holding, Holdings, Removal, Sending
from gateway.rights.follow_up import Task, follow_up
from gateway.rights.retention import Keeping

ALLOWED: Final = "allowed"
"""What a consent record says of a destination that it lets the events go to; else the reason why not."""

RECORDS: Final = "consent_records"
HELD_ORDERS: Final = "held_orders"
SENT: Final = "sent"
TRACES: Final = "traces"
WAITING, DEAD, ON_THE_WIRE = "waiting", "dead", "on_the_wire"


class Line(msgspec.Struct, frozen=True):
    """A line of the register. `done_at` is null while it is open; `counts` is what came of it, by name."""

    number: int
    storefront: str
    right: str
    asked_at: str
    due_at: str
    done_at: str | None
    counts: dict[str, int]


def line(request: Request) -> Line:
    """Write a line of the register out."""
    return Line(
        number=request.number,
        storefront=str(request.storefront),
        right=request.right.value,
        asked_at=moment(request.asked_at),
        due_at=moment(request.due_at),
        done_at=None if request.done_at is None else moment(request.done_at),
        counts=dict(request.counts),
    )


# ── what was removed ─────────────────────────────────────────────────────────────────────────────────────────────


class Removed(msgspec.Struct, frozen=True):
    """Events that were taken out for one destination: those that waited, those of them that were on the wire, those dead."""

    waiting: int
    on_the_wire: int
    dead: int


class Receipt(msgspec.Struct, frozen=True):
    """The answer to a withdrawal or an erasure: its line in the register, what was removed, and what is left to be asked.

    `sent` and `traces` are lines of what was sent, and decisions, that were deleted: by an erasure only.
    """

    request: Line
    removed: dict[str, Removed]
    consent_records: int
    held_orders: int
    sent: int
    traces: int
    follow_up: tuple[Task, ...]


def counted(removal: Removal, records: int, held_orders: int) -> tuple[tuple[str, int], ...]:
    """Give what came of a removal as the register keeps it: `meta.waiting` and so on, what is nought left out."""
    found = [
        *((f"{d}.{name}", of.get(d, 0)) for d in Destination for name, of in _parts(removal)),
        (RECORDS, records),
        (HELD_ORDERS, held_orders),
        (SENT, removal.sent),
        (TRACES, removal.traces),
    ]
    return tuple((name, count) for name, count in found if count)


def _parts(removal: Removal) -> tuple[tuple[str, Mapping[Destination, int]], ...]:
    return (WAITING, removal.waiting), (ON_THE_WIRE, removal.on_the_wire), (DEAD, removal.dead)


def receipt(request: Request, sent: Iterable[Sending]) -> Receipt:
    """Write the answer to a removal, from its closed line; `sent` is what had left for the person before."""
    counts = dict(request.counts)
    parts = {d: [counts.get(f"{d}.{name}", 0) for name in (WAITING, ON_THE_WIRE, DEAD)] for d in Destination}
    return Receipt(
        request=line(request),
        removed={d.value: Removed(*figures) for d, figures in parts.items() if any(figures)},
        consent_records=counts.get(RECORDS, 0),
        held_orders=counts.get(HELD_ORDERS, 0),
        sent=counts.get(SENT, 0),
        traces=counts.get(TRACES, 0),
        follow_up=follow_up(sent),
    )


# ── what is held ─────────────────────────────────────────────────────────────────────────────────────────────────


TIMES: Final = ("occurred_at", "consent_at")
"""Fields of an event that are Unix seconds."""


class Held(msgspec.Struct, frozen=True):
    """One event that is still held for one destination, and each of its fields with its value."""

    destination: str
    state: str
    accepted_at: str
    fields: dict[str, Any]


class Sent(msgspec.Struct, frozen=True):
    """One event that left, or was about to: to whom, when, in which fields, and on which consent record.

    `evidence` is null where the event said itself that the person agreed. `confirmed` as in `follow_up.Reached`.
    """

    destination: str
    event: str
    event_id: str
    at: str
    fields: tuple[str, ...]
    evidence: str | None
    confirmed: bool | None


class Signal(msgspec.Struct, frozen=True):
    """A signal as it was given: its text where it identifies nobody, else its SHA-256."""

    signal: str
    text: str | None
    sha256: str | None


class KeptRecord(msgspec.Struct, frozen=True):
    """A consent record: when the person decided, what the signals were, and what that meant for each destination."""

    id: str
    received_at: str
    given_at: str
    withdrawn_at: str | None
    country: str | None
    region: str | None
    signals: tuple[Signal, ...]
    decided: dict[str, str]
    rule: str
    banner_version: str | None
    policy_version: str | None


class Recipient(msgspec.Struct, frozen=True):
    """Who is told of events, and what for."""

    destination: str
    name: str
    purpose: str


PURPOSE: Final = "measuring and improving the shop's advertising there, with consent to advertising only"


class Disclosure(msgspec.Struct, frozen=True):
    """The answer to an access request. `withdrawn_at`: since when what comes is refused, null if it is not."""

    request: Line
    withdrawn_at: str | None
    held: tuple[Held, ...]
    sent: tuple[Sent, ...]
    consent_records: tuple[KeptRecord, ...]
    held_orders: int
    earlier_requests: tuple[Line, ...]
    recipients: tuple[Recipient, ...]
    retention: tuple[Keeping, ...]
    follow_up: tuple[Task, ...]


class Found(msgspec.Struct, frozen=True):
    """All that the stores have of a person, and the lines of the register about them."""

    holdings: Holdings
    records: Sequence[Kept]
    held_orders: int
    requests: Sequence[Request]


def disclosure(request: Request, found: Found, enabled: Iterable[Destination], keepings: tuple[Keeping, ...]) -> Disclosure:
    """Write all of it out; `enabled` are the storefront's destinations, `keepings` how long everything is kept."""
    holdings = found.holdings
    told = {*enabled, *(sending.destination for sending in holdings.sent)}
    return Disclosure(
        request=line(request),
        withdrawn_at=None if holdings.withdrawn_at is None else moment(holdings.withdrawn_at),
        held=tuple(_held(holding) for holding in holdings.held),
        sent=tuple(_sent(sending) for sending in sorted(holdings.sent, key=lambda sending: sending.at)),
        consent_records=tuple(_record(kept) for kept in found.records),
        held_orders=found.held_orders,
        earlier_requests=tuple(line(earlier) for earlier in found.requests),
        recipients=tuple(Recipient(d.value, NAMES[d], PURPOSE) for d in Destination if d in told),
        retention=keepings,
        follow_up=follow_up(holdings.sent),
    )


def _held(holding: Holding) -> Held:
    return Held(holding.destination.value, holding.state, moment(holding.accepted_at), fields(holding.event))


def fields(event: Minimised) -> dict[str, object]:
    """Give every field that an event has, by its name, with its value; what it does not have is left out."""
    written: dict[str, object] = msgspec.to_builtins(event, enc_hook=str)
    written |= {name: moment(getattr(event, name)) for name in TIMES}
    if event.money is not None:
        written["money"] = {"value": event.money.text, "currency": event.money.currency}
    return {name: value for name, value in written.items() if not _is_nothing(value)}


def _is_nothing(value: object) -> bool:
    return value is None or value is False or value == ()


def _sent(sending: Sending) -> Sent:
    return Sent(
        destination=sending.destination.value,
        event=sending.kind.value,
        event_id=str(sending.event_id),
        at=moment(sending.at),
        fields=sending.fields,
        evidence=None if sending.evidence is None else str(sending.evidence),
        confirmed=sending.confirmed,
    )


def _record(kept: Kept) -> KeptRecord:
    deposit = kept.deposit
    record = deposit.record
    country, region = record.place
    return KeptRecord(
        id=str(record.id),
        received_at=moment(record.received_at),
        given_at=moment(record.given_at),
        withdrawn_at=None if kept.withdrawn_at is None else moment(kept.withdrawn_at),
        country=country,
        region=region,
        signals=tuple(Signal(proof.signal, proof.text, proof.digest) for proof in deposit.proofs),
        decided={destination.value: ALLOWED if why is None else why.value for destination, why in deposit.decided},
        rule=deposit.rule,
        banner_version=_text(deposit.banner_version),
        policy_version=_text(deposit.policy_version),
    )


def _text(said: str | None) -> str | None:
    return None if said is None else str(said)
