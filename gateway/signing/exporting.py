"""Handing checkpoints out: each outlet at its own pace, the newest first, again until it is taken, and never in the log's way.

A newer checkpoint says all that an older one said, so one that waits is replaced by the next. An outlet that does not take is
tried again after a second, then twice as long up to five minutes, and told once until it takes again.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from gateway.signing.entry import Outlet
from gateway.signing.outlets import Exporter, NotTaken

FIRST_RETRY_SECONDS: Final = 1.0
LAST_RETRY_SECONDS: Final = 300.0


class Handed(NamedTuple):
    """A checkpoint on its way: the note, its size in entries, and when the oldest entry that it is the first to cover was
    written (Unix seconds; None if it covers nothing new).
    """

    note: str
    size: int
    covers_since: float | None


class Hand:
    """One outlet's side: what it is to take, and since when something waits that it has not taken."""

    def __init__(
        self,
        exporter: Exporter,
        taken: Callable[[Outlet, int], None],
        trouble: Callable[[Outlet, bool], None],
        first_retry: float = FIRST_RETRY_SECONDS,
    ) -> None:
        """`taken` hears of each checkpoint that was taken, `trouble` when the outlet stops taking (True) and takes again."""
        self._exporter = exporter
        self._taken = taken
        self._trouble = trouble
        self._first_retry = first_retry
        self._wanted: Handed | None = None
        self._more = asyncio.Event()
        self._troubled = False
        self.waiting_since: float | None = None
        """When the oldest entry was written that no checkpoint which the outlet took covers."""

    def give(self, handed: Handed) -> None:
        """Have this one taken next."""
        self._wanted = handed
        if self.waiting_since is None:
            self.waiting_since = handed.covers_since
        self._more.set()

    async def run(self) -> None:
        """Hand over until cancelled."""
        delay = self._first_retry
        while True:
            await self._more.wait()
            if await self.hand_over():
                delay = self._first_retry
                continue
            await asyncio.sleep(delay)
            delay = min(2 * delay, LAST_RETRY_SECONDS)

    async def hand_over(self) -> bool:
        """Hand over what is wanted, if anything is; says whether nothing is wanted any more."""
        handed = self._wanted
        if handed is None:
            return True
        try:
            await self._exporter.hand_over(handed.note)
        except NotTaken:
            self._tell(troubled=True)
            return False
        self._tell(troubled=False)
        if self._wanted is handed:
            self._wanted, self.waiting_since = None, None
            self._more.clear()
        self._taken(self._exporter.outlet, handed.size)
        return self._wanted is None

    def _tell(self, *, troubled: bool) -> None:
        if troubled is not self._troubled:
            self._troubled = troubled
            self._trouble(self._exporter.outlet, troubled)

    async def close(self) -> None:
        """Let the outlet go."""
        await self._exporter.close()


class Hands:
    """All outlets."""

    def __init__(self, hands: Sequence[Hand]) -> None:
        self._hands = hands
        self._tasks = [asyncio.create_task(hand.run(), name="checkpoints") for hand in hands]

    def give(self, handed: Handed) -> None:
        """Have every outlet take this checkpoint next."""
        for hand in self._hands:
            hand.give(handed)

    @property
    def waiting_since(self) -> float | None:
        """When the oldest entry was written that some outlet has not taken in a checkpoint; None if there is none."""
        return min((hand.waiting_since for hand in self._hands if hand.waiting_since is not None), default=None)

    @property
    def any(self) -> bool:
        """Whether there is an outlet at all."""
        return bool(self._hands)

    async def close(self, seconds: float) -> None:
        """Try once more to hand over what is wanted, for so many seconds at most, and let go."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(hand.hand_over() for hand in self._hands))
        for hand in self._hands:
            await hand.close()
