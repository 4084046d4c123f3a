"""Sampling at the door: of each kind of event, once a minute, the names of the declared fields that came and how large it was.

So that the privacy team sees what a shop sends beside what leaves. No value is in a sample. One that cannot be kept is left
out: it is nobody's loss, and events come first.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from gateway.audit.examples import fields_of
from gateway.model.texts import StorefrontId
from gateway.model.words import Kind, Source
from gateway.outbox import Outbox
from gateway.outbox.entries import Accept, Entry
from gateway.outbox.shapes import Input
from gateway.raw import Malformed, RawEvent, Unfit
from gateway.storage import Unavailable

EVERY_SECONDS: Final = 60


class Arrived(NamedTuple):
    """One request's events, the undeclared fields that were dropped, and its body's bytes."""

    source: Source
    events: Sequence[RawEvent | Unfit | Malformed]
    unknown: Mapping[str, int]
    size: int


class Sampler:
    """Takes samples of all storefronts' events."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._due: dict[tuple[StorefrontId, Kind], int] = {}
        self._next: dict[StorefrontId, int] = {}

    def is_due(self, storefront: StorefrontId, events: Sequence[RawEvent | Unfit | Malformed], now: int) -> bool:
        """Tell whether one of the events is of a kind that is due for a sample.

        Asked for each request, so it does next to nothing while no kind is due; a kind that does not come is due for ever.
        """
        if self._next.get(storefront, 0) > now:
            return False
        due = self._due
        return any(type(event) is RawEvent and due.get((storefront, event.kind), 0) <= now for event in events)

    async def take(self, storefront: StorefrontId, arrived: Arrived, entries: Sequence[Entry], now: int) -> None:
        """Keep the last accepted event of each kind that is due."""
        due = {kind for kind in Kind if self._due.get((storefront, kind), 0) <= now}
        count = len(arrived.events)
        found = {
            event.kind: Input(
                kind=event.kind,
                source=arrived.source,
                at=now,
                bytes=arrived.size // count,
                events=count,
                fields=fields_of(event),
                unknown=-(-sum(arrived.unknown.values()) // count),
                trace=entry.trace,
            )
            for event, entry in zip(arrived.events, entries, strict=True)
            if type(event) is RawEvent and event.kind in due and isinstance(entry, Accept)
        }
        if found:
            self._due |= {(storefront, kind): now + EVERY_SECONDS for kind in found}
            self._next[storefront] = min(self._due.get((storefront, kind), 0) for kind in Kind)
            with suppress(Unavailable):
                await self._outbox.note_inputs(storefront, list(found.values()))
