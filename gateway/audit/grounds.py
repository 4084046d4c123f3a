"""Consent, added up: who was refused why, what the signals said, and on which signals events were taken. Pure.

Made of the decisions as they were counted when they were taken (`outbox.grounds`). No count of people's consent is told that
is smaller than the storefront's smallest group; sums of what was *taken* are told exactly, since they answer another question:
did anything leave without consent?
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final, TypedDict

import msgspec

from gateway.audit.accounts import Account
from gateway.audit.groups import Cell, breakdown, cell
from gateway.audit.trace import moment
from gateway.model.event import Trace
from gateway.model.words import State, Status
from gateway.outbox.shapes import Ground

OWN: Final = (State.GRANTED,)
WITHOUT_PROOF: Final = (State.PERMITTED,)


class SignalTold(TypedDict):
    """What a signal said, by state, in how many events that it came with; small ones are told together as `others`."""

    events: Cell
    states: dict[str, Cell]


class RefusalsTold(TypedDict):
    """Events that one destination may not have: how many, by reason, and by reason for each signal that said no."""

    refused: Cell
    reasons: dict[str, Cell]
    by_signal: dict[str, dict[str, Cell]]


class TableVersion(TypedDict):
    """A version of the decision table that came into force, by the signed log; `entry` is the log's number of it."""

    version: str
    since: str
    entry: int


class Regime(TypedDict):
    """What a storefront's settings say of consent: who must have said yes, where a banner asks, how old a yes may be."""

    profile: str
    rule: str
    banner_regions: list[str]
    grant_outweighs_opt_out: bool
    max_age_days: int
    hold_unmatched_minutes: int


class RequestTold(TypedDict):
    """A person's request in the register that is not answered yet."""

    number: int
    right: str
    asked_at: str
    due_at: str
    seconds_left: int


class RequestsTold(TypedDict):
    """Requests of persons: how many of the period by right, those that are open, and how many of them are overdue."""

    asked: dict[str, int]
    done: dict[str, int]
    open: list[RequestTold]
    overdue: int


class ConsentReport(TypedDict):
    """The answer of `GET /api/v1/consent-report`. `since` and `until` are RFC 3339; days are those of UTC."""

    storefront: str
    since: str
    until: str
    smallest_group: int
    decided: Cell
    accepted: Cell
    refused: Cell
    refusals: dict[str, RefusalsTold]
    signals: dict[str, SignalTold]
    invalid: dict[str, Cell]
    regime: Regime
    tables: list[TableVersion]
    requests: RequestsTold


class Consent(msgspec.Struct, frozen=True):
    """What the decisions of a period come to."""

    decided: Cell
    accepted: Cell
    refused: Cell
    refusals: dict[str, RefusalsTold]
    signals: dict[str, SignalTold]
    invalid: dict[str, Cell]


def consent(grounds: Sequence[Ground], smallest: int) -> Consent:
    """Add up decisions; `smallest` is the smallest group that is told."""
    statuses: Counter[Status] = Counter()
    states: dict[str, Counter[str]] = {}
    carried: Counter[str] = Counter()
    refused: dict[str, Counter[str]] = {}
    by_signal: dict[str, dict[str, Counter[str]]] = {}
    for ground in grounds:
        trace, count = ground.trace, ground.count
        statuses[trace.status] += count
        for signal, state in trace.signals:
            states.setdefault(signal.value, Counter())[state.value] += count
        for signal_name in {signal.value for signal, _ in trace.signals}:
            carried[signal_name] += count
        for destination, reason in trace.refused:
            refused.setdefault(destination.value, Counter())[reason.value] += count
            for name in _against(trace):
                reasons = by_signal.setdefault(destination.value, {}).setdefault(name, Counter())
                reasons[reason.value] += count
    return Consent(
        decided=cell(statuses.total(), smallest),
        accepted=cell(statuses[Status.ACCEPTED], smallest),
        refused=cell(statuses[Status.REFUSED], smallest),
        refusals={
            destination: RefusalsTold(
                refused=cell(reasons.total(), smallest),
                reasons=breakdown(reasons, smallest),
                by_signal={name: breakdown(found, smallest) for name, found in sorted(by_signal.get(destination, {}).items())},
            )
            for destination, reasons in sorted(refused.items())
        },
        signals={
            name: SignalTold(events=cell(carried[name], smallest), states=breakdown(found, smallest))
            for name, found in sorted(states.items())
        },
        invalid=breakdown({name: found[State.INVALID.value] for name, found in states.items()}, smallest),
    )


AGAINST: Final = frozenset({State.DENIED, State.OPTED_OUT, State.INVALID})


def _against(trace: Trace) -> list[str]:
    """Name the signals that said no, or may have."""
    return sorted({signal.value for signal, state in trace.signals if state in AGAINST})


# ── did anything leave without consent? ──────────────────────────────────────────────────────────────────────────


class LaneProof(TypedDict):
    """One destination: what was accepted for it by the books, and the same by what allowed it.

    `by_ground` counts accepted events by the signals that said yes, as `advertising+tcf`; under a profile that asks for no
    yes in the United States, those that said no more than that it is allowed stand there as `permitted: shopify`.
    `without`: accepted events in whose decision no signal allows anything, which must be 0. `untold`: accepted before such
    counts were kept, or with more distinct decisions in a day than are told apart.
    """

    accepted: int
    delivered: int
    waiting: int
    dead: int
    withdrawn: int
    by_ground: dict[str, int]
    without: int
    untold: int
    balanced: bool


class LogProof(TypedDict):
    """How the signed log stands: entries, the last checkpoint's size, whether it is signed, and whether all entries fit it."""

    entries: int
    checkpoint: int | None
    signed: bool
    sound: bool
    faults: list[str]


class Proof(TypedDict):
    """The answer of `GET /api/v1/proof`. `holds`: no event was accepted without consent, as far as this store can tell."""

    storefront: str
    since: str | None
    refused: int
    destinations: dict[str, LaneProof]
    breaches: int
    books_balanced: bool
    log: LogProof
    holds: bool
    can: list[str]
    cannot: list[str]


CAN: Final = (
    "Each event was accepted for a destination by a decision in which a signal allowed it; sums are counted as it is taken.",
    "Nothing is sent that was not accepted: what is accepted is delivered, waiting, failed or withdrawn, and the books add up.",
    "Every request that left fitted the contract, as bytes; what did not fit was kept back and is counted above.",
    "The counts of each minute stand in the signed log; whoever holds a checkpoint can prove that they were not changed since.",
)
CANNOT: Final = (
    "That the shop's banner asked the visitor, and passed on what the visitor said: the gateway sees the signal only.",
    "What the shop's own pages, tags or other servers send past this gateway.",
    "What a platform does with what it received.",
    "Anything against somebody who has both the host and the signing key, beyond checkpoints that others hold.",
)


def prove(storefront: str, grounds: Sequence[Ground], books: Account, breaches: int, log: LogProof) -> Proof:
    """Hold what was accepted against what allowed it."""
    allowed: dict[str, Counter[str]] = {}
    without: Counter[str] = Counter()
    for ground in grounds:
        trace = ground.trace
        if trace.status is not Status.ACCEPTED:
            continue
        yes = ground_of(trace)
        for destination in trace.allowed:
            if yes is not None:
                allowed.setdefault(destination.value, Counter())[yes] += ground.count
            elif trace.signals:
                without[destination.value] += ground.count
    lanes: dict[str, LaneProof] = {}
    for name, lane in books["destinations"].items():
        told = allowed.get(name, Counter())
        untold = lane["accepted"] - told.total() - without[name]
        lanes[name] = LaneProof(
            accepted=lane["accepted"],
            delivered=lane["delivered"],
            waiting=lane["waiting"],
            dead=lane["dead"],
            withdrawn=lane["withdrawn"],
            by_ground=dict(told.most_common()),
            without=without[name],
            untold=untold,
            balanced=lane["balanced"] and untold >= 0,
        )
    return Proof(
        storefront=storefront,
        since=moment(min(ground.day for ground in grounds)) if grounds else None,
        refused=books["by_status"].get(Status.REFUSED.value, 0),
        destinations=lanes,
        breaches=breaches,
        books_balanced=books["balanced"],
        log=log,
        holds=books["balanced"] and log["sound"] and all(lane["balanced"] and not lane["without"] for lane in lanes.values()),
        can=list(CAN),
        cannot=list(CANNOT),
    )


def ground_of(trace: Trace) -> str | None:
    """Name the signals that allowed an event, those that are a person's own yes if there are any; None if there are none."""
    for states, prefix in ((OWN, ""), (WITHOUT_PROOF, "permitted: ")):
        names = sorted({signal.value for signal, state in trace.signals if state in states})
        if names:
            return prefix + "+".join(names)
    return None
