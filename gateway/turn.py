"""A turn: the requests that came in the same turn of the event loop cross the line together and are stored as one group.

Between requests the processor's caches are full of something else: what decodes, decides and minimises an event costs twice
as much where HTTP stands between one event and the next. So requests wait for those that come with them, a turn or a few
while each brings more, never on a clock; then all are read, all are carried down the line, and all are put. Each request
keeps its own fate: what is wrong with one is that one's alone. An event that cites a consent record is only read here,
for finding the record takes waiting.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

from gateway.callers import Door
from gateway.consent.evidence import cites
from gateway.metrics import Metrics
from gateway.model import Source, StorefrontId
from gateway.outbox import Entry, Fate, Outbox, Stored
from gateway.raw import Malformed, RawEvent, Unfit
from gateway.sources.native import Batch
from gateway.tallying import count

MOST_TURNS: Final = 16
"""Turns of the event loop that requests are gathered for while each brings more."""
MOST_BYTES: Final = 128 << 10
"""Of bodies, after which a turn is over: whatever else the loop has to do waits for some milliseconds at most."""

Said = RawEvent | Unfit | Malformed
"""What a source makes of an event."""


class Passage:
    """One request's way: what is asked, and what came of it. `fault` is why nothing did.

    `read` makes the body's events at the time of receipt (Unix seconds); what it raises is the request's fault. `entries` and
    `statuses` are those of the batch's events; None where an event cites a record and nothing was put. `done` is called once.
    """

    __slots__ = ("batch", "done", "door", "entries", "fault", "now", "read", "size", "source", "statuses")

    def __init__(
        self,
        door: Door,
        source: Source,
        read: Callable[[int], Batch],
        size: int,
        done: Callable[["Passage"], None],
    ) -> None:
        self.door = door
        self.source = source
        self.read = read
        self.size = size
        self.done = done
        self.now = 0
        self.batch: Batch
        self.entries: list[Entry] | None = None
        self.statuses: Sequence[Fate] = ()
        self.fault: Exception | None = None


class Turn:
    """Gathers passages and lets them through. For one event loop."""

    def __init__(self, outbox: Outbox, metrics: Metrics, wall: Callable[[], float] = time.time) -> None:
        self._outbox = outbox
        self._metrics = metrics
        self._wall = wall
        self._gathered: list[Passage] = []
        self._bytes = 0
        self._putting: set[asyncio.Task[None]] = set()

    def take(self, passage: Passage) -> None:
        """Let a request through with those that come with it; `done` is called after the flush, or once a fault is known."""
        self._gathered.append(passage)
        self._bytes += passage.size
        if self._bytes >= MOST_BYTES:
            self._end()
        elif len(self._gathered) == 1:
            asyncio.get_running_loop().call_soon(self._look, 1, MOST_TURNS)

    def _look(self, before: int, turns: int) -> None:
        """End the turn unless the last one of the event loop brought more and some are left to wait for."""
        if turns and len(self._gathered) > before:
            asyncio.get_running_loop().call_soon(self._look, len(self._gathered), turns - 1)
        elif self._gathered:
            self._end()

    def _end(self) -> None:
        gathered, self._gathered, self._bytes = self._gathered, [], 0
        now = int(self._wall())
        crossed = [passage for passage in [passage for passage in gathered if _read(passage, now)] if _cross(passage)]
        if not crossed:
            return
        task = asyncio.get_running_loop().create_task(self._put(crossed))
        self._putting.add(task)
        task.add_done_callback(self._putting.discard)

    async def _put(self, crossed: Sequence[Passage]) -> None:
        """Store what crossed, count what was flushed, and let each request go."""
        fates: Sequence[Stored]
        try:
            fates = await self._outbox.put_each([passage.entries or () for passage in crossed])
        except Exception as fault:  # noqa: BLE001 - each who asked hears it
            fates = [fault] * len(crossed)
        kept: list[Passage] = []
        for passage, fate in zip(crossed, fates, strict=True):
            if isinstance(fate, Exception):
                _fail(passage, fate)
            else:
                passage.statuses = fate
                kept.append(passage)
        self._count(kept)
        for passage in kept:
            passage.done(passage)

    def _count(self, kept: Sequence[Passage]) -> None:
        """Count all that came by the same door at once: 1 µs a request instead of 3."""
        sums: dict[tuple[StorefrontId, Source], tuple[list[Entry], list[Fate]]] = {}
        for passage in kept:
            key = passage.door.line.storefront, passage.source
            entries, statuses = sums.get(key) or sums.setdefault(key, ([], []))
            entries += passage.entries or ()
            statuses += passage.statuses
        for (storefront, source), (entries, statuses) in sums.items():
            count(self._metrics, storefront, source, entries, statuses)


def _read(passage: Passage, now: int) -> bool:
    """Read a request's events; say whether there was no fault."""
    passage.now = now
    try:
        passage.batch = passage.read(now)
    except Exception as fault:  # noqa: BLE001 - the one who asked hears it
        return _fail(passage, fault)
    return True


def _cross(passage: Passage) -> bool:
    """Carry a request's events down the line; say whether there is something to put."""
    run, source, now, events = passage.door.line.run, passage.source, passage.now, passage.batch.events
    for event in events:
        if type(event) is RawEvent and cites(event.consent):
            passage.done(passage)
            return False
    if not events:
        passage.entries = []
        passage.done(passage)
        return False
    try:
        passage.entries = [run(event, source, now, None, ()) for event in events]
    except Exception as fault:  # noqa: BLE001 - the one who asked hears it
        return _fail(passage, fault)
    return True


def _fail(passage: Passage, fault: Exception) -> bool:
    passage.fault = fault
    passage.done(passage)
    return False
