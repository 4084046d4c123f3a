"""Why did this event go or not go? Turns what the outbox knows into an answer for a person or a program. Pure.

Holds no content of the event: signals by name and state, rules by version, fields by what was done to them, attempts by
the platform's code.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, NotRequired, TypedDict

from gateway.audit.advice import NAMES, in_words
from gateway.model.words import Destination, Reason, Remark, Signal, State, Status
from gateway.outbox.answers import Afterwards, Attempt, Explanation


class ProcessingTold(TypedDict):
    """What a platform said became of the request that an event was in: `said` of all its `events`, none of them named.

    Keys of `said` are a `Processing`, with the platform's code behind a point where it gave one.
    """

    final: bool
    events: int
    said: dict[str, int]


class Standstill(TypedDict):
    """Why nothing goes to a destination at the moment, what that means and what to do, and when it is asked again."""

    reason: str
    advice: str | None
    due: str | None


NONE_STAND_STILL: Final[Mapping[Destination, Standstill]] = MappingProxyType({})

NOT_RUNNING: Final = Standstill(
    reason="not_running", advice="No gateway is running here. What waits is kept, and sent once one is started.", due=None
)
"""What is said where the store was read without a gateway."""


class AttemptTold(TypedDict):
    """One destination's part of the answer; times are RFC 3339 in UTC. `replays` counts returns from the dead letters.

    `advice` says what the reason means and what to do, for an event that failed, is failing or was refused; `standstill`, for
    one that is still to go, why none goes there now.
    """

    state: str
    reason: str | None
    code: str | None
    at: str | None
    tries: int
    due: str | None
    receipt: str | None
    replays: int
    replayed_at: str | None
    advice: str | None
    standstill: Standstill | None
    processing: ProcessingTold | None


class Told(TypedDict):
    """The answer of `GET /api/v1/explain`. `evidence` names the consent record in the ledger that the event cited."""

    status: str
    received_at: str
    rule: str
    signals: dict[str, str]
    fields: list[str]
    repeats: int
    evidence: NotRequired[str | None]
    destinations: dict[str, AttemptTold]


def tell(explanation: Explanation, standstills: Mapping[Destination, Standstill] = NONE_STAND_STILL) -> Told:
    """Write an explanation out as JSON-ready values. `standstills`: the destinations to which nothing goes now."""
    trace = explanation.trace
    return Told(
        status=explanation.status.value,
        received_at=moment(explanation.received_at),
        rule=trace.rule,
        signals=_signals(trace.signals),
        fields=list(remarks(trace.remarks)),
        repeats=explanation.repeats,
        evidence=explanation.evidence,
        destinations={
            attempt.destination.value: _attempt(attempt, standstills.get(attempt.destination))
            for attempt in explanation.attempts
        },
    )


def _signals(seen: Iterable[tuple[Signal, State]]) -> dict[str, str]:
    """Name each signal once, with all that it said: per platform it may say different things."""
    said: dict[str, list[str]] = {}
    for signal, state in seen:
        said.setdefault(signal.value, []).append(state.value)
    return {signal: ", ".join(states) for signal, states in said.items()}


def _attempt(attempt: Attempt, standstill: Standstill | None) -> AttemptTold:
    return AttemptTold(
        state=attempt.state,
        reason=attempt.reason.value if attempt.reason else None,
        code=attempt.code,
        at=None if attempt.at is None else moment(attempt.at),
        tries=attempt.tries,
        due=None if attempt.due is None else moment(attempt.due),
        receipt=attempt.receipt,
        replays=attempt.replays,
        replayed_at=None if attempt.replayed_at is None else moment(attempt.replayed_at),
        advice=_advice(attempt),
        standstill=standstill if attempt.state in TO_GO else None,
        processing=None if attempt.afterwards is None else _processing(attempt.afterwards),
    )


def _advice(attempt: Attempt) -> str | None:
    """Say what a failure means; of one that was replayed and not tried since, there is nothing to say yet."""
    replayed = attempt.replayed_at is not None and (attempt.at or 0) <= attempt.replayed_at and attempt.state != "dead"
    if attempt.state not in FAILING or replayed:
        return None
    return in_words(attempt.destination, attempt.reason, attempt.code)


def _processing(afterwards: Afterwards) -> ProcessingTold:
    said = {
        processing.value if code is None else f"{processing.value}.{code}": count
        for processing, code, count in afterwards.outcomes
    }
    return ProcessingTold(final=afterwards.final, events=afterwards.events, said=said)


def remarks(bits: int) -> Iterator[str]:
    """Name what the boundary did, in the order of `Remark`."""
    return (remark.name.lower() for remark in Remark if bits >> remark & 1)


def moment(seconds: int) -> str:
    """Write Unix seconds as RFC 3339 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


TO_GO: Final = frozenset({"waiting", "retrying", "maybe"})
"""States in which an event is still to be sent, or sent again."""

FAILING: Final = frozenset({"retrying", "maybe", "dead", "refused"})
"""States whose reason calls for advice."""

WORDS = {
    "delivered": "confirmed by the platform",
    "waiting": "waiting to be sent",
    "retrying": "to be tried again",
    "maybe": "sent, and the answer was lost: the platform may have it",
    "dead": "given up: a dead letter",
    "withdrawn": "taken out: its consent is gone",
    "refused": "not allowed to go there",
}


def sentences(told: Told) -> Iterator[str]:
    """Say the same in lines that a marketer reads from top to bottom."""
    yield f"Received {told['received_at']}; {_verdict(told)}."
    yield f"Decided by rule {told['rule']}."
    said = "; ".join(f"{signal} said {states}" for signal, states in told["signals"].items())
    yield f"Consent signals: {said}." if said else "Consent signals: none came with the event."
    if record := told.get("evidence"):
        yield f"By consent record {record} of the ledger."
    if told["fields"]:
        yield "At the boundary: " + ", ".join(field.replace("_", " ") for field in told["fields"]) + "."
    if told["repeats"]:
        yield f"Repeats of the same id since: {told['repeats']}, none applied."
    for destination, attempt in told["destinations"].items():
        name = NAMES[Destination(destination)]
        yield f"{name}: {_sentence(attempt)}{_stands_still(name, attempt)}"


def _verdict(told: Told) -> str:
    return "accepted" if told["status"] == Status.ACCEPTED else f"{told['status']}, and nothing of it was kept or sent"


ENDS: Final = {
    Reason.CONFIRMED.value: "confirmed by the platform",
    Reason.ACCEPTED_FOR_PROCESSING.value: "taken by the platform, which processes it later",
    Reason.DUPLICATE_AT_PLATFORM.value: "the platform had it already",
}
"""How a delivery is put: only the first is the platform's confirmation of this very event."""

TAKEN_OUT: Final = {Reason.REFUNDED.value: "taken out: all its money went back before it left"}
"""How it is put that an event was taken out for something else than its consent."""


ENDINGS: Final = {"delivered": ENDS, "withdrawn": TAKEN_OUT}
"""By state, ends whose reason is the whole sentence."""


def _sentence(attempt: AttemptTold) -> str:
    end = ENDINGS.get(attempt["state"], {}).get(attempt["reason"] or "")
    parts = [end or WORDS.get(attempt["state"], attempt["state"])]
    if attempt["reason"] and end is None:
        parts.append(f"reason {attempt['reason']}")
    if attempt["code"]:
        parts.append(f"platform code {attempt['code']}")
    if attempt["at"]:
        parts.append(attempt["at"])
    if attempt["tries"] > 1:
        parts.append(f"{attempt['tries']} tries")
    if attempt["due"]:
        parts.append(f"next try {attempt['due']}")
    if attempt["receipt"]:
        parts.append(f"receipt {attempt['receipt']}")
    if attempt["replayed_at"]:
        times = "once" if attempt["replays"] == 1 else f"{attempt['replays']} times, last"
        parts.append(f"replayed {times} {attempt['replayed_at']}")
    advice = f" {attempt['advice']}" if attempt["advice"] else ""
    return f"{', '.join(parts)}.{advice}{_later_word(attempt['processing'])}"


def _stands_still(name: str, attempt: AttemptTold) -> str:
    """Say why nothing goes to the platform now; what to do about it only if the attempt has not said that."""
    if (standstill := attempt["standstill"]) is None:
        return ""
    due = f", next try {standstill['due']}" if standstill["due"] else ""
    said = standstill["advice"] if standstill["advice"] != attempt["advice"] else None
    return f" Nothing goes to {name} now: {standstill['reason']}{due}.{f' {said}' if said else ''}"


def _later_word(told: ProcessingTold | None) -> str:
    """Say what the platform said afterwards, and that it says it of whole requests."""
    if told is None:
        return ""
    request = f"request of {told['events']} event{'s' * (told['events'] != 1)}"
    said = ", ".join(f"{count} {_outcome(name)}" for name, count in told["said"].items())
    if not told["final"]:
        return f" Its {request} is being processed{f' ({said} so far)' if said else ''}."
    return f" Processed: {request}: {said or 'nothing was told'}. The platform tells this of requests, never of a single event."


def _outcome(name: str) -> str:
    """Put `not_used.SOME_CODE` as `not used (SOME_CODE)`."""
    processing, _, code = name.partition(".")
    return processing.replace("_", " ") + (f" ({code})" if code else "")
