"""What became of events at the door, as metrics: by kind, status and reason, and which signals could not be read."""

from collections.abc import Sequence
from typing import Final

from gateway.metrics import Metrics
from gateway.model.texts import StorefrontId
from gateway.model.words import Kind, Refusal, Source, State, Status
from gateway.outbox.entries import Accept, Entry, Fate, Refuse, Reject

ACCEPTED: Final = Status.ACCEPTED


def count(metrics: Metrics, storefront: StorefrontId, source: Source, entries: Sequence[Entry], told: Sequence[Fate]) -> None:
    """Count entries by the fate that the store told of each of them."""
    fates: dict[tuple[Kind | None, Status, str], int] = {}
    kinds: list[Kind] = []
    for entry, one in zip(entries, told, strict=True):
        if one is ACCEPTED and type(entry) is Accept:
            kinds.append(entry.event.kind)
        else:
            fate = _line(entry, one)
            fates[fate] = fates.get(fate, 0) + 1
            if type(entry) is Refuse:
                _count_unreadable(metrics, storefront, entry)
    for accepted in set(kinds):
        fates[accepted, ACCEPTED, ""] = kinds.count(accepted)
    for (kind, status, reason), number in fates.items():
        metrics.events(storefront, source, kind, status, reason, number)


def _count_unreadable(metrics: Metrics, storefront: StorefrontId, entry: Refuse) -> None:
    for signal, state in entry.trace.signals:
        if state is State.INVALID:
            metrics.unreadable_signal(storefront, signal)


def _line(entry: Entry, fate: Fate) -> tuple[Kind | None, Status, str]:
    status, why = (Status.REFUSED, fate) if isinstance(fate, Refusal) else (fate, "")
    match entry:
        case Accept():
            return entry.event.kind, status, why
        case Refuse():
            return entry.kind, status, entry.reason
        case Reject():
            return entry.kind, status, entry.fault
