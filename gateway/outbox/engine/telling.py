"""Telling what the books say, now and over time, and what is known of many events: the side in the event loop, which reads
what is long a piece at a time.

So that nobody who writes waits for it: a piece is a few thousand rows, some milliseconds of the store's thread.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from gateway.model.texts import EventId, StorefrontId
from gateway.model.words import Kind
from gateway.outbox import MOST_EXPLAINED
from gateway.outbox.answers import Book, Explanation
from gateway.outbox.engine.explaining import MOST_IN_A_SLICE
from gateway.outbox.engine.store import Changes, Store
from gateway.outbox.history import HOUR_SECONDS, Figure, Grain, Stretch
from gateway.storage.writer import Writer

LONGEST_REST_SECONDS: Final = 0.01
"""Between two slices of explanations the store is left to the others for as long as the slice took, the wait before it
included; where others keep it busy, for no longer than this.
"""

_Only = tuple[type[Figure], ...]


class Telling:
    """Reads histories through the store's writer."""

    def __init__(self, writer: Writer[Store, Changes]) -> None:
        """Ask this writer."""
        self._writer = writer

    async def history(self, storefront: StorefrontId, grain: Grain, since: int, until: int, only: _Only) -> list[Stretch]:
        """Tell stretches that begin from `since` to before `until` (Unix seconds), in their order."""
        first, last = -(-since // HOUR_SECONDS), -(-until // HOUR_SECONDS)
        told: list[Stretch] = []
        goes_on: int | None = first
        while goes_on is not None and goes_on < last:
            piece = await self._writer.ask(_asking(Store.history, storefront, grain, goes_on, last, only))
            told += piece.stretches
            goes_on = piece.goes_on
        return told

    async def book(self, storefront: StorefrontId) -> Book:
        """Tell a storefront's accounts, as of one moment; what waits is counted beforehand, as far as it is there."""
        tally = await self._writer.ask(_asking(Store.tally, storefront))
        while await self._writer.ask(_asking(Store.count_on, tally)):
            pass
        return await self._writer.ask(_asking(Store.book, storefront, tally))

    async def explain_many(
        self, storefront: StorefrontId, kind: Kind, event_ids: Sequence[EventId]
    ) -> list[Explanation | None]:
        """Tell what is known of each event. Raises ValueError when there are too many."""
        if len(event_ids) > MOST_EXPLAINED:
            raise ValueError("outbox: more events than are explained at once")
        clock = asyncio.get_running_loop().time
        told: list[Explanation | None] = []
        while (done := len(told)) < len(event_ids):
            began = clock()
            told += await self._writer.ask(
                _asking(Store.explain_some, storefront, kind, event_ids[done : done + MOST_IN_A_SLICE])
            )
            await asyncio.sleep(min(clock() - began, LONGEST_REST_SECONDS))
        return told


def _asking(method: Callable[..., Any], *asked: object) -> Callable[[Store], Any]:
    """Bind a question to what is asked, but for the store."""
    return lambda store: method(store, *asked)
