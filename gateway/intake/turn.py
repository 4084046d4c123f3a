"""A turn: requests that come at the same time cross the line together and are stored as one group.

Between requests the processor's caches are full of something else: what decodes, decides and minimises an event costs twice
as much where HTTP stands between one event and the next, and each flush costs as much as ten events. So while a group is
being flushed, what comes waits for it; and behind it most of as many as were there before are waited for, a millisecond, or two
while it brings more. A client that is alone waits for nobody. Then all are read, all are carried down the line, all are put.
Each request keeps its own fate: what is wrong with one is that one's alone. Every request hears of its end, whatever a bug
raises around it. An event that cites a consent record is only read here, for finding the record takes waiting.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from gateway.consent.evidence import cites
from gateway.intake.callers import Door
from gateway.intake.tallying import count
from gateway.metrics import Metrics
from gateway.model.texts import StorefrontId
from gateway.model.words import Source
from gateway.outbox import Outbox
from gateway.outbox.entries import Entry, Fate, Stored
from gateway.raw import RawEvent, Said

GATHER_SECONDS: Final = 0.001
"""How long those who were there before are waited for, and again while that brings more: a flush takes longer."""
MOST_WAITS: Final = 2
MOST_OF_ALL: Final = 0.75
"""The share of those who were there before that is waited for: stragglers hold nobody up, and go with the next group."""
MOST_BYTES: Final = 128 << 10
"""Of bodies, after which a turn is over: whatever else the loop has to do waits for some milliseconds at most."""


class Reading(Protocol):
    """What a source makes of a request: its events in their order, and the undeclared fields that were dropped, counted."""

    @property
    def events(self) -> Sequence[Said]:
        """The events."""

    @property
    def unknown(self) -> Mapping[str, int]:
        """How often each field was dropped, by `object.name`."""


class Lone(NamedTuple):
    """A request that tells of one event, and was read already."""

    events: tuple[Said]
    unknown: Mapping[str, int] = MappingProxyType({})


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
        read: Callable[[int], Reading],
        size: int,
        done: Callable[["Passage"], None],
    ) -> None:
        self.door = door
        self.source = source
        self.read = read
        self.size = size
        self.done = done
        self.now = 0
        self.batch: Reading
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
        self._expected = 1
        """How many requests were there when the last group was flushed: those of the group and those that waited for it."""
        self._putting: set[asyncio.Task[None]] = set()
        self._flushing = 0
        self._timer: asyncio.TimerHandle | None = None

    def take(self, passage: Passage) -> None:
        """Let a request through with those that come with it; `done` is called after the flush, or once a fault is known."""
        self._gathered.append(passage)
        self._bytes += passage.size
        if self._bytes >= MOST_BYTES:
            self._end()
        elif not self._flushing:
            self._wait_or_end()

    def _wait_or_end(self) -> None:
        """End the turn if most of them are there, else wait for them."""
        if len(self._gathered) >= self._expected * MOST_OF_ALL:
            self._end()
        elif self._timer is None:
            self._wait(MOST_WAITS)

    def _wait(self, times: int) -> None:
        self._timer = asyncio.get_running_loop().call_later(GATHER_SECONDS, self._look, len(self._gathered), times - 1)

    def _look(self, before: int, times: int) -> None:
        """Wait on while it brings more."""
        if times and len(self._gathered) > before:
            self._wait(times)
        else:
            self._end()

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        gathered, self._gathered, self._bytes = self._gathered, [], 0
        now = int(self._wall())
        crossed = [passage for passage in [passage for passage in gathered if _read(passage, now)] if _cross(passage)]
        if not crossed:
            self._expected = 1
            return
        self._flushing += 1
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
        finally:
            self._flushing -= 1
        self._expected = len(crossed) + len(self._gathered)
        kept: list[Passage] = []
        for passage, fate in zip(crossed, fates, strict=True):
            if isinstance(fate, Exception):
                _fail(passage, fate)
            else:
                passage.statuses = fate
                kept.append(passage)
        try:
            self._count(kept)
        except Exception as bug:  # noqa: BLE001 - they are stored all the same, and are told so
            _report(bug)
        for passage in kept:
            _tell(passage)
        if self._gathered and not self._flushing:
            self._wait_or_end()

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
    try:
        for event in events:
            if type(event) is RawEvent and cites(event.consent):
                return _tell(passage)
        passage.entries = [run(event, source, now, None, ()) for event in events]
    except Exception as fault:  # noqa: BLE001 - the one who asked hears it
        return _fail(passage, fault)
    return bool(events) or _tell(passage)


def _fail(passage: Passage, fault: Exception) -> bool:
    passage.fault = fault
    return _tell(passage)


def _tell(passage: Passage) -> bool:
    """Tell a request that this is all; what that raises is no other request's."""
    try:
        passage.done(passage)
    except Exception as bug:  # noqa: BLE001 - others still wait for their ends
        _report(bug)
    return False


def _report(bug: Exception) -> None:
    """Leave a bug to whom the loop tells of those that nobody caught."""
    asyncio.get_running_loop().call_exception_handler({"message": "a bug in a turn", "exception": bug})
