"""A courier's patience: what time it is, whatever it waits for, and what of that a stop may cut.

A stop cuts a rest at once, and a request on the wire when its deadline has passed. What the store is asked is never cut: it
has its answer, or the store is gone for good.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from enum import Enum, unique
from typing import Any, Final, TypeVar

from gateway.delivery.clocks import Clocks, Time
from gateway.delivery.route import Office
from gateway.outbox.work import Lane
from gateway.storage import Shut, Unavailable

T = TypeVar("T")

LOST: Final = frozenset({Shut.CLOSED, Shut.FAILED})
"""A store that is so will not come back in this process."""


@unique
class Await(Enum):
    """What `stop` may cut: a rest at once, a request on the wire when the deadline has passed. Store calls never."""

    REST = "rest"
    FLIGHT = "flight"


class Patience:
    """One courier's clocks and waits. `stopping`: a stop was asked for; `hurry`: its deadline has passed."""

    def __init__(self, lane: Lane, office: Office) -> None:
        """Keep what is needed; nothing waits before `begin`."""
        self.stopping = False
        self.hurry = False
        self._lane = lane
        self._office = office
        self._clocks: Clocks | None = None
        self._task: asyncio.Task[Any] | None = None
        self._await: Await | None = None
        self._cut = False
        self._finished = asyncio.Event()
        self._finished.set()

    def begin(self) -> None:
        """Say that the present task is the one that will wait."""
        self._task = asyncio.current_task()
        self._finished.clear()
        self.now()

    def end(self) -> None:
        """Say that it is done."""
        self._task = None
        self._finished.set()

    async def stop(self, deadline_seconds: float) -> None:
        """Have the task come to its end, and return when it has; what it waits for is cut as the file says."""
        self.stopping = True
        self._interrupt(Await.REST)
        try:
            async with asyncio.timeout(deadline_seconds):
                await self._finished.wait()
        except TimeoutError:
            self.hurry = True
            self._interrupt(Await.FLIGHT)
            await self._finished.wait()

    def now(self) -> Time:
        """Read the clocks; a jump is reported once."""
        wall, at = self._office.wall(), monotonic()
        before = self._clocks or Clocks(wall - at)
        self._clocks, now = before.read(wall, at)
        if before.doubt_until is None and self._clocks.doubt_until is not None:
            self._office.watcher.clock_jumped(self._lane, 2 * wall - now.earliest - now.latest)
        return now

    async def insist(self, call: Callable[[], Awaitable[T]]) -> T:
        """Ask the store until it is no longer busy. Raises Unavailable when it is closed or has failed for good."""
        while True:
            try:
                return await call()
            except Unavailable as shut:
                if self.hurry or shut.why in LOST:
                    raise
            await asyncio.sleep(self._office.pace.store_retry_seconds)

    async def rest(self, seconds: float) -> None:
        """Sleep, unless a stop says otherwise."""
        if seconds > 0:
            await self.cuttable(Await.REST, asyncio.sleep(seconds))

    async def cuttable(self, what: Await, call: Coroutine[Any, Any, T]) -> T | None:
        """Await something that a stop may cut; None if it did, be it before this began."""
        if self.hurry if what is Await.FLIGHT else self.stopping:
            call.close()
            return None
        self._await = what
        try:
            return await call
        except asyncio.CancelledError:
            if not self._cut or self._task is None:
                raise
            self._task.uncancel()
            return None
        finally:
            self._await = None
            self._cut = False

    def _interrupt(self, what: Await) -> None:
        """Cut the task's present wait if it is of this sort."""
        if self._task is not None and self._await is what:
            self._cut = True
            self._task.cancel()


def monotonic() -> float:
    """The event loop's clock, which all waiting uses."""
    return asyncio.get_running_loop().time()
