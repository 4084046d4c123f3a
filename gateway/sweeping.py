"""Sweeping: every few minutes the stores delete what is beyond its time, and the signed log hears how much of what.

A full store does so every few seconds: it may be full of what may go, and takes nothing until then.

What went is added up and written at most once an hour, and at the stop, so that a busy shop does not fill the log with
housekeeping. A crash, and a stop that a large sweep holds up, lose figures and no deletion.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from gateway.ledger import Ledger
from gateway.log import Happening, Log, innermost_frame, name_of
from gateway.outbox import Outbox
from gateway.signing.entry import RetentionSwept
from gateway.storage import Shut, Swept, Unavailable

SWEEP_SECONDS: Final = 300.0
TELL_SECONDS: Final = 3600.0
FULL_SECONDS: Final = 10.0
"""The same while a store is full."""
FINISH_SECONDS: Final = 3.0
"""How long a stop waits for the sweep under way."""


class Sweeper:
    """Sweeps stores until it is cancelled. `tell` writes to the signed log when it can; `wall` gives Unix seconds."""

    def __init__(
        self,
        stores: Sequence[Outbox | Ledger],
        log: Log,
        tell: Callable[[RetentionSwept], None],
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Keep what is needed; nothing starts before `run`."""
        self._stores = stores
        self._log = log
        self._tell = tell
        self._wall = wall
        self._untold: Counter[Swept] = Counter()

    async def run(self) -> None:
        """Sweep again and again, and tell what went; cancelled, finish the sweep under way and tell what was not told yet."""
        told_at = _monotonic()
        try:
            while True:
                await self._rest()
                for store in self._stores:
                    await self._sweep(store)
                if _monotonic() - told_at >= TELL_SECONDS:
                    told_at = _monotonic()
                    self._tell_what_went()
        finally:
            self._tell_what_went()

    async def _rest(self) -> None:
        """Wait for the next sweep, which comes sooner while a store is full."""
        ends = _monotonic() + SWEEP_SECONDS
        while (left := ends - _monotonic()) > 0:
            await asyncio.sleep(min(left, FULL_SECONDS))
            if any(store.shut is Shut.FULL for store in self._stores):
                return

    async def _sweep(self, store: Outbox | Ledger) -> None:
        """Sweep one store. When that is cancelled it is finished all the same, as far as a stop can wait: what went is told."""
        sweep = asyncio.create_task(self._count(store), name="sweep under way")
        try:
            await asyncio.shield(sweep)
        except asyncio.CancelledError:
            await asyncio.wait([sweep], timeout=FINISH_SECONDS)
            sweep.cancel()
            raise

    async def _count(self, store: Outbox | Ledger) -> None:
        """Sweep and add up; a fault is reported, and the next sweep does what this one could not."""
        try:
            gone = await store.sweep(int(self._wall()))
        except Exception as error:  # noqa: BLE001 - one store's fault must not keep what is in the other
            if not (isinstance(error, Unavailable) and error.why is Shut.FULL):  # that is told as `store_full`
                self._log.say(Happening.UNEXPECTED_ERROR, error=name_of(error), where=innermost_frame(error))
            return
        self._untold.update(gone)
        if shed := gone.get(Swept.SENT_EARLY):
            self._log.say(Happening.SENT_LINES_SHED, count=shed)

    def _tell_what_went(self) -> None:
        untold, self._untold = self._untold, Counter()
        if (entry := swept(untold)) is not None:
            self._tell(entry)


def swept(gone: Mapping[Swept, int]) -> RetentionSwept | None:
    """Make the entry of what went; None when nothing did."""
    deleted = {what.value: gone[what] for what in Swept if gone.get(what)}
    return RetentionSwept(deleted) if deleted else None


def _monotonic() -> float:
    """The event loop's clock."""
    return asyncio.get_running_loop().time()
