"""What a server is told of each of its events, after the flush: its own id, what became of it, and why, by code. Pure."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import orjson

from gateway.model.event import Trace
from gateway.model.words import Destination, Status
from gateway.model.words import Refusal as Refused
from gateway.outbox.entries import Accept, Entry, Fate, Refuse, Reject
from gateway.raw import Malformed, Said

ACCEPTED: Final = Status.ACCEPTED
REFUSED: Final = Status.REFUSED


def results_of(events: Sequence[Said], entries: Sequence[Entry], fates: Sequence[Fate]) -> bytes:
    """Write the body of the answer: one result for each event, in their order."""
    results = [_result(*one) for one in zip(events, entries, fates, strict=True)]
    return b'{"results":[%b]}' % (results[0] if len(results) == 1 else b",".join(results))


def _result(event: Said, entry: Entry, fate: Fate) -> bytes:
    """Write one event's result. An id needs no escaping, so the commonest one is its id and an end that is always the same."""
    if fate is ACCEPTED and type(entry) is Accept:
        trace = entry.trace
        return b'{"event_id":"%b%b' % (entry.event.event_id.encode(), _end(trace.allowed, trace.refused))
    return orjson.dumps(_other_result(event, entry, fate))


@lru_cache(maxsize=1024)
def _end(allowed: tuple[Destination, ...], refused: tuple[tuple[Destination, Refused], ...]) -> bytes:
    rest: dict[str, object] = {"status": ACCEPTED, "destinations": allowed}
    if refused:
        rest["refused_destinations"] = {destination.value: why for destination, why in refused}
    return b'",' + orjson.dumps(rest)[1:]


def _other_result(event: Said, entry: Entry, fate: Fate) -> dict[str, object]:
    """Write a result's members: its own id if it had a valid one, and reasons by code."""
    result: dict[str, object] = {"event_id": event.event_id, "status": fate}
    match entry:
        case Accept() if isinstance(fate, Refused):  # by the store: the person has withdrawn, or the money went back
            result["status"] = REFUSED
            result |= _reasons(fate, entry.trace.overruled(fate))
        case Accept():
            pass
        case Refuse():
            result |= _reasons(entry.reason, entry.trace)
        case Reject():
            result["reason"] = entry.fault
            result["field"] = event.field if isinstance(event, Malformed) else None
    return result


def _reasons(reason: Refused, trace: Trace) -> dict[str, object]:
    """Write a refusal's reason, and each destination's own."""
    return {"reason": reason, "refused_destinations": {destination.value: why for destination, why in trace.refused}}
