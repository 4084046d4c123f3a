"""From verdicts to settlements: what becomes of a record after an attempt, and whether a claim needs settling at all.

Pure: the time and the dice are handed in.
"""

from collections.abc import Sequence
from typing import Final, TypeGuard

import msgspec

from gateway.delivery.backoff import Pace, full_jitter
from gateway.delivery.contract import Violation
from gateway.model.texts import PlatformCode
from gateway.model.verdict import Delivered, Isolate, Maybe, Pause, Rejected, Retry, Throttle, Verdict
from gateway.model.words import Kind, Reason
from gateway.outbox.work import Dead, Done, Later, Record, Settlement

CRASHES: Final = 3
"""An event that an adapter failed on so many times becomes a dead letter."""

SUSPICIOUS: Final = 20
"""So many events refused, and more than were taken: the configuration is wrong, not the events."""


SETTINGS: Final = frozenset({Reason.CONFIGURATION, Reason.CREDENTIAL, Reason.PERMISSION})
"""Why an event waits until a person has set something up."""


class NoReply(msgspec.Struct, frozen=True, gc=False):
    """There is no answer. `certain_no`: nothing of the request was sent; else the platform may have it all.

    `reason` is NOT_CONNECTED (then `certain_no`), TIMED_OUT or CONNECTION_LOST. `code` is a word of ours for what stood in
    the way of a connection, where that is known: it is told like a platform's code.
    """

    reason: Reason
    certain_no: bool
    code: PlatformCode | None = None


NOT_CONNECTED: Final = NoReply(Reason.NOT_CONNECTED, certain_no=True)
NO_NAME, REFUSED, UNREACHABLE, CONNECT_TIMEOUT, BAD_CERTIFICATE, NO_TLS = (
    NoReply(Reason.NOT_CONNECTED, certain_no=True, code=PlatformCode(code))
    for code in ("name", "refused", "unreachable", "connect-timeout", "certificate", "tls")
)
"""The host's name leads nowhere; nobody listens; the way is closed; no answer at all; a wrong certificate; no TLS."""
TIMED_OUT: Final = NoReply(Reason.TIMED_OUT, certain_no=False)
CONNECTION_LOST: Final = NoReply(Reason.CONNECTION_LOST, certain_no=False)


class CalledOff(msgspec.Struct, frozen=True, gc=False):
    """The request was not sent: it was looked at once more before its first byte, and not all of it may go any longer."""


CALLED_OFF: Final = CalledOff()

HALTED: Final = Pause(Reason.PAUSED_BY_OPERATOR)
"""What becomes of events of a claim that an operator's pause left unsent: they go as soon as the lane is resumed."""


class Crash(msgspec.Struct, frozen=True, gc=False):
    """The adapter failed on the event, for the `times`-th time. `maybe`: after the request had been sent."""

    times: int
    maybe: bool


Outcome = Verdict | Crash
"""What one round means for one record."""

Pair = tuple[Record, Outcome]


def without_reply(nothing: NoReply) -> Retry | Maybe:
    """Say what it means for each event of the request that there is no answer."""
    return Retry(nothing.reason, code=nothing.code) if nothing.certain_no else Maybe(nothing.reason, nothing.code)


def standstill(verdicts: Sequence[Verdict]) -> Pause | Throttle | Retry | Maybe | None:
    """Give the verdict that stops the whole lane, or None if the lane may go on.

    A pause or a throttle of any event does; a retry does only when no event of the request fared better, and none waits
    apart.
    """
    kinds = set(map(type, verdicts))
    for kind in (Pause, Throttle):
        if kind in kinds:
            return next(verdict for verdict in verdicts if isinstance(verdict, kind))
    if not kinds <= {Retry, Maybe} or any(map(waits_apart, verdicts)):
        return None
    first = verdicts[0]
    return first if isinstance(first, Retry | Maybe) else None


def waits_apart(outcome: "Outcome") -> bool:
    """Say whether an event waits by itself: the platform has answered for it, and takes others."""
    return isinstance(outcome, Retry) and outcome.apart


def not_understood(outcome: "Outcome") -> bool:
    """Say whether the platform refused an event, alone, for something that nobody understands."""
    return isinstance(outcome, Retry) and outcome.apart and outcome.reason is Reason.UNKNOWN_ERROR


def takes_others(outcome: "Outcome") -> bool:
    """Say whether the verdict shows that the platform takes events, though perhaps not this one, or not yet."""
    return isinstance(outcome, Delivered) or (waits_apart(outcome) and not not_understood(outcome))


def refuses_credential(verdicts: Sequence[Verdict]) -> bool:
    """Say whether the whole request was turned away for its credential, so that nothing of it was taken."""
    return all(isinstance(verdict, Pause) and verdict.reason is Reason.CREDENTIAL for verdict in verdicts)


def breather(verdicts: Sequence[Verdict]) -> float | None:
    """Give the seconds that a platform which took something would like to be left alone; what it took is settled."""
    return next((verdict.after for verdict in verdicts if isinstance(verdict, Delivered)), None)


def untried(stop: Pause | Throttle | Retry | Maybe) -> Pause | Throttle | Retry:
    """Give the outcome of records that were not sent because the lane came to a stop."""
    return Retry(stop.reason, code=stop.code) if isinstance(stop, Maybe) else stop


def give_back(outcomes: Sequence[Pair]) -> bool | None:
    """Say whether a claim can be released whole, and then whether as maybe received; None if it must be settled."""
    maybe = isinstance(outcomes[0][1], Maybe)
    for _, outcome in outcomes:
        if not isinstance(outcome, Maybe if maybe else Retry | Throttle | Pause) or waits_apart(outcome):
            return None
    return maybe


def misconfigured(outcomes: Sequence[Pair], excess: int) -> Pause | None:
    """Say whether so many events were refused that they cannot be at fault; then the lane pauses.

    `outcomes` are those of one claim, `excess` by how much refusals outnumbered deliveries in the claims before it.
    """
    refused, taken = _refused(outcomes), _taken(outcomes)
    at_once = len(refused) >= SUSPICIOUS and len(refused) > taken
    over_time = bool(refused) and excess + len(refused) - taken >= SUSPICIOUS
    return Pause(Reason.CONFIGURATION, refused[-1].code) if at_once or over_time else None


def broke_contract(violation: Violation, count: int, *, probe: bool) -> Pause | None:
    """Say whether a request of `count` events that may not leave stops the lane, or only some of its events are at fault.

    It is the request's fault where something around the events is wrong, or most of them and many. A probe of a lane that
    is paused or broken is too small to have many: there, most are enough.
    """
    bad = len(violation.events)
    most = 2 * bad > count and (probe or bad >= SUSPICIOUS)
    return Pause(Reason.CONTRACT) if violation.request or not bad or most else None


def excess_of(outcomes: Sequence[Pair], excess: int) -> int:
    """Say by how much refusals outnumber deliveries after a claim; never below 0, so that good times are not saved up."""
    taken = _taken(outcomes)
    refused = _refused(outcomes) if taken < len(outcomes) else ()
    return min(SUSPICIOUS, max(0, excess + len(refused) - taken))


def _refused(outcomes: Sequence[Pair]) -> list[Rejected | Isolate | Retry]:
    """Give the refusals that count: who was refused before, and is again while the lane is up, is at fault itself."""
    return [outcome for record, outcome in outcomes if is_refused(outcome) and not record.tries]


def is_refused(outcome: "Outcome") -> TypeGuard[Rejected | Isolate | Retry]:
    """Say whether the platform refused the event."""
    return isinstance(outcome, Rejected | Isolate) or not_understood(outcome)


def _taken(outcomes: Sequence[Pair]) -> int:
    return [type(outcome) for _, outcome in outcomes].count(Delivered)


def not_set_up(verdicts: Sequence[Verdict]) -> Retry | None:
    """Give the first event that waits apart because something is not set up for it at the platform; None if none does."""
    found = (verdict for verdict in verdicts if isinstance(verdict, Retry) and verdict.apart)
    return next((verdict for verdict in found if verdict.reason in SETTINGS), None)


def one_setting(verdicts: Sequence[Verdict]) -> bool:
    """Say whether all of a request waits apart for one and the same thing that is not set up."""
    return not_set_up(verdicts[:1]) is not None and all(verdict == verdicts[0] for verdict in verdicts)


def by_kind(records: Sequence[Record]) -> list[list[Record]]:
    """Part records by the kind of event that they hold, each part in its order."""
    alike: dict[Kind, list[Record]] = {}
    for record in records:
        alike.setdefault(record.event.kind, []).append(record)
    return list(alike.values())


def one_answer(outcomes: Sequence[Pair]) -> Delivered | None:
    """Give the answer that all were delivered by; None where there is not one and the same."""
    first = outcomes[0][1] if outcomes else None
    if not isinstance(first, Delivered):
        return None
    return first if all(outcome is first or outcome == first for _, outcome in outcomes) else None


def unproven(outcomes: Sequence[Pair]) -> bool:
    """Say whether a probe of a paused lane was refused event by event: nothing of it was taken, so nobody is to blame yet."""
    return any(is_refused(outcome) for _, outcome in outcomes) and not _taken(outcomes)


def forgiven(outcomes: Sequence[Pair], instead: Pause | Retry) -> list[Pair]:
    """Turn refusals into `instead`: the events are kept."""
    return [(record, instead if is_refused(outcome) else outcome) for record, outcome in outcomes]


def settlement(record: Record, outcome: Outcome, now: float, pace: Pace, dice: float) -> Settlement:
    """Say what becomes of `record`. An `Isolate` is one that stood alone. Times are Unix seconds."""
    match outcome:
        case Delivered(reason, code, receipt):
            return Done(record.seq, reason, code, receipt)
        case Rejected(reason, code) | Isolate(reason, code):
            return Dead(record.seq, reason, code)
        case Retry(reason, float() as after, code, True):
            return Later(record.seq, reason, now + after, code=code)  # nobody else waits, so no cap cuts it
        case Retry(reason, after, code) | Maybe(reason, code, after):
            own = full_jitter(pace, record.tries + 1, dice)
            due = now + max(own, min(after or 0.0, pace.throttle_cap_seconds))
            return Later(record.seq, reason, due, maybe=isinstance(outcome, Maybe), code=code)
        case Throttle(reason, _, code) | Pause(reason, code):
            return Later(record.seq, reason, now, code=code)  # the lane waits, so the record need not
        case Crash(times, maybe):
            if times >= CRASHES:
                return Dead(record.seq, Reason.UNKNOWN_ERROR)
            return Later(record.seq, Reason.UNKNOWN_ERROR, now + full_jitter(pace, times, dice), maybe=maybe)
