"""The log as the rest of the gateway has it: `append` for what must not go unrecorded, `tell` for what is only told.

One thread writes; all that waits for it is flushed together. A checkpoint is made after every 1,000 entries, every five
minutes if anything is new, and at the stop, and handed out once it is remembered. The log's own failing is the log's own
affair: `tell` never raises and nothing waits for it, so events are taken and delivered as before; `append` raises
`Unrecorded`, and whoever called it does not do what would have been recorded. A disk that was full is tried again; a flush that
failed is final until the gateway starts anew.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from enum import StrEnum, unique
from functools import partial
from typing import Final, NamedTuple, Protocol, TypeVar

from gateway.signing.entry import CheckpointExported, Entry, EntryKind, Outlet, encode, kind_of
from gateway.signing.exporting import Hand, Handed, Hands
from gateway.signing.outlets import Exporter
from gateway.signing.store import GROUP_BYTES, LogFile, Unwritten

T = TypeVar("T")

CHECKPOINT_ENTRIES: Final = 1_000
CHECKPOINT_SECONDS: Final = 300.0
MOST_WAITING: Final = 10_000
"""Entries that may wait for the thread; what is told beyond them is left out and counted as unrecorded."""
LAST_EXPORT_SECONDS: Final = 5.0
"""How long outlets may take at the stop."""
_LATE: Final = (1 << 63) - 1
"""The longest number and time that a line can have."""


@unique
class LogState(StrEnum):
    """How the log stands."""

    SIGNED = "signed"
    UNSIGNED = "unsigned"
    FULL = "full"
    """There was no room for the last entry; it is tried again with the next."""
    FAILED = "failed"
    """Nothing is recorded until the gateway starts anew."""


class Unrecorded(Exception):
    """An entry could not be recorded, so what it stands for must not be done."""


class Listener(Protocol):
    """Who hears of the log's trouble; called in the event loop."""

    def log_state(self, state: LogState) -> None:
        """Hear that the state is another one now."""

    def export_trouble(self, outlet: Outlet, troubled: bool) -> None:
        """Hear that an outlet does not take checkpoints any more, or takes them again."""


class _Job(NamedTuple):
    entry: Entry
    length: int
    future: asyncio.Future[int]


class SignedLog:
    """The running log over an open file, which it closes. Made inside an event loop; `wall` gives Unix seconds."""

    def __init__(
        self,
        file: LogFile,
        exporters: Sequence[Exporter],
        listener: Listener,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._file = file
        self._listener = listener
        self._wall = wall
        self._jobs: list[_Job] = []
        self._more = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False
        self._turn = asyncio.Lock()
        """Held while a checkpoint is made."""
        self._since_checkpoint = 0
        self._fresh_since: float | None = None
        self._thread = ThreadPoolExecutor(1, "signed-log")
        self._hands = Hands([Hand(exporter, self._exported, listener.export_trouble) for exporter in exporters])
        self._tasks = [asyncio.create_task(work(), name="signed-log") for work in (self._write, self._keep_time)]
        self.state = LogState.SIGNED if file.signed else LogState.UNSIGNED
        self.counts: Counter[EntryKind] = Counter()
        """Entries recorded since the start, by kind."""
        self.unrecorded = 0
        """Entries that could not be recorded since the start."""

    @property
    def size(self) -> int:
        """Entries in the log."""
        return self._file.size

    @property
    def facts(self) -> Mapping[str, str]:
        """What is in force by what the log says (`facts.py`)."""
        return self._file.facts

    @property
    def uncovered_seconds(self) -> float | None:
        """Age of the oldest entry that an outlet has in no checkpoint, 0 if there is none; None without outlets."""
        if not self._hands.any:
            return None
        waiting = [since for since in (self._hands.waiting_since, self._fresh_since) if since is not None]
        return max(0.0, self._wall() - min(waiting)) if waiting else 0.0

    async def append(self, entry: Entry) -> int:
        """Record an entry; once this returns it is flushed. Gives its number.

        Raises Unrecorded, and BadEntry (a bug of the caller's) for what breaks the rules of its kind.
        """
        return await asyncio.shield(self._queue(entry))

    def tell(self, entry: Entry) -> None:
        """Record an entry when there is time, or not, which is counted. Raises BadEntry (a bug of the caller's)."""
        with suppress(Unrecorded):
            self._queue(entry).add_done_callback(_heard)

    def _queue(self, entry: Entry) -> asyncio.Future[int]:
        length = len(encode(entry, _LATE, _LATE)) + 1
        if self._closed or self.state is LogState.FAILED or len(self._jobs) >= MOST_WAITING:
            self.unrecorded += 1
            raise Unrecorded
        job = _Job(entry, length, asyncio.get_running_loop().create_future())
        self._jobs.append(job)
        self._idle.clear()
        self._more.set()
        return job.future

    async def close(self, last: Entry | None = None) -> None:
        """Record what waits and then `last`, make and hand out a last checkpoint, and close the file."""
        if last is not None:
            self.tell(last)
        self._closed = True
        await self._idle.wait()
        async with self._turn:
            for task in self._tasks:
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._fresh_since is not None:
            await self._checkpoint()
        await self._hands.close(LAST_EXPORT_SECONDS)
        self._thread.shutdown()
        self._file.close()

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _write(self) -> None:
        while True:
            await self._more.wait()
            await self._write_group(self._group())
            if not self._jobs:
                self._more.clear()
                self._idle.set()
            if self._since_checkpoint >= CHECKPOINT_ENTRIES:
                await self._checkpoint()

    def _group(self) -> list[_Job]:
        """Take what waits, up to what one flush may write."""
        length, count = 0, 0
        for job in self._jobs:
            length += job.length
            if length > GROUP_BYTES:
                break
            count += 1
        group, self._jobs = self._jobs[:count], self._jobs[count:]
        return group

    async def _write_group(self, group: Sequence[_Job]) -> None:
        now = self._wall()
        entries = [job.entry for job in group]
        first = await self._in_thread(partial(self._file.append, entries, int(now)))
        for index, job in enumerate(group):
            if first is None:
                _settle(job.future, Unrecorded())
            else:
                _settle(job.future, first + index)
        if first is None:
            self.unrecorded += len(group)
            return
        self.counts.update(kind_of(entry) for entry in entries)
        if _news(entries):
            self._since_checkpoint += len(group)
            self._fresh_since = now if self._fresh_since is None else self._fresh_since

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(CHECKPOINT_SECONDS)
            if self._fresh_since is not None:
                await self._checkpoint()

    async def _checkpoint(self) -> None:
        """Make a checkpoint and give it to the outlets, which get signed ones only."""
        async with self._turn:
            since, self._fresh_since, self._since_checkpoint = self._fresh_since, None, 0
            made = await self._in_thread(lambda: (self._file.checkpoint(), self._file.size))
            if made is None:
                self._fresh_since = since or self._fresh_since
            elif self._file.signed:
                self._hands.give(Handed(made[0], made[1], since))

    async def _in_thread(self, work: Callable[[], T]) -> T | None:
        """Have the thread do something with the file; None, and another state, when it could not."""
        try:
            done = await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except Unwritten as unwritten:
            self._become(LogState.FAILED if unwritten.final else LogState.FULL)
            return None
        except Exception:  # noqa: BLE001 - a bug here must not leave anybody waiting, nor anything half-recorded behind
            self._become(LogState.FAILED)
            return None
        self._become(LogState.SIGNED if self._file.signed else LogState.UNSIGNED)
        return done

    def _become(self, state: LogState) -> None:
        if state is not self.state:
            self.state = state
            self._listener.log_state(state)

    def _exported(self, outlet: Outlet, size: int) -> None:
        if not self._closed:
            self.tell(CheckpointExported(size, outlet))


def _news(entries: Collection[Entry]) -> bool:
    """Say whether entries are worth a checkpoint: that one was handed out is not, or there would never be an end."""
    return any(kind_of(entry) is not EntryKind.CHECKPOINT_EXPORTED for entry in entries)


def _settle(future: asyncio.Future[int], outcome: int | Unrecorded) -> None:
    if future.done():
        return
    if isinstance(outcome, Unrecorded):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


def _heard(future: asyncio.Future[int]) -> None:
    """Take a failure that nobody waits for as heard; it was counted."""
    if not future.cancelled():
        future.exception()
