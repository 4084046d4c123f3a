"""Live updates: each open page holds one stream, and hears on it that something changed, never what.

While anybody listens, what pages show is looked at every few seconds, in memory, once for all of them; only when it is not
what it was does a stream say so, and the page fetches its own part again, with its own rights. So nothing is asked for
that did not change, and a stream can leak nothing. A stream ends with its session and with the gateway. The number of
streams is bounded; a page that gets none is as good as printed.
"""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable
from typing import Final

from aiohttp import web

from gateway.audit.standing import Lookout, Readiness
from gateway.metrics import Metrics
from gateway.model.texts import StorefrontId

LOOK_SECONDS: Final = 5.0
"""How often it is looked whether something changed, and so the shortest time between two events."""
SEEN_SECONDS: Final = 1.0
"""How long what was seen counts for every stream: adding up the counts of a thousand storefronts takes some milliseconds.
Less than it takes to open a page, so that no page begins with what was before it.
"""
PULSE_SECONDS: Final = 30.0
"""How often a stream says that it is still there, so that proxies keep it open."""
MOST: Final = 100
MOST_OF_ONE: Final = 6
"""Browsers hold as many connections of HTTP/1.1 to one host."""

HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Accel-Buffering": "no",
    "Server": "consent-gateway",
}
CHANGED: Final = b"event: changed\ndata: 1\n\n"
PULSE: Final = b": still here\n\n"
BEGIN: Final = b"retry: 10000\n\n"


class Live:
    """Holds the streams. `look` gives something that is equal as long as nothing changed for a storefront."""

    def __init__(self, look: Callable[[StorefrontId], Hashable], seconds: float = LOOK_SECONDS) -> None:
        self._look = look
        self._seconds = seconds
        self._streams: Counter[str] = Counter()
        self._closing = asyncio.Event()

    @property
    def open_streams(self) -> int:
        """Streams at this moment."""
        return self._streams.total()

    def is_full_for(self, session: str) -> bool:
        """Tell whether this session may open no more streams now."""
        return self._closing.is_set() or self.open_streams >= MOST or self._streams[session] >= MOST_OF_ONE

    async def stream(
        self, request: web.BaseRequest, storefront: StorefrontId, session: str, still: Callable[[], bool]
    ) -> web.StreamResponse:
        """Serve a stream until the reader goes, `still` says that its session is over, or the gateway stops."""
        response = web.StreamResponse(headers=HEADERS)
        self._streams[session] += 1
        try:
            await response.prepare(request)
            await response.write(BEGIN)
            await self._tell(response, storefront, still)
        except (ConnectionError, asyncio.CancelledError):
            response.force_close()
        finally:
            self._streams[session] -= 1
            if not self._streams[session]:
                del self._streams[session]
        return response

    async def _tell(self, response: web.StreamResponse, storefront: StorefrontId, still: Callable[[], bool]) -> None:
        before, quiet = self._look(storefront), 0.0
        while not await self._closes_within(self._seconds) and still():
            now = self._look(storefront)
            quiet += self._seconds
            if now != before:
                await response.write(CHANGED)
                before, quiet = now, 0.0
            elif quiet >= PULSE_SECONDS:
                await response.write(PULSE)
                quiet = 0.0

    async def _closes_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        """End every stream, soon."""
        self._closing.set()


def glance(
    metrics: Metrics,
    readiness: Lookout,
    seconds: float = 0.0,
    clock: Callable[[], float] = time.monotonic,
) -> Callable[[StorefrontId], Hashable]:
    """Make what looks whether something changed for a storefront: its counts, and how its destinations stand.

    What was seen counts for `seconds`, for whoever looks: the counts are of all storefronts, and take as long as there are
    many; a storefront's destinations are looked at where somebody has a page of it open.
    """
    seen_at: float | None = None
    counts: defaultdict[str, list[tuple[str, str, int]]] = defaultdict(list)
    seen: dict[StorefrontId, Readiness] = {}

    def forget_what_is_old() -> None:
        nonlocal seen_at
        now = clock()
        if seen_at is None or now - seen_at >= seconds:
            seen_at = now
            seen.clear()
            counts.clear()
            for (whose, where, what), n in metrics.fates().items():
                counts[whose].append((str(where), what, n))

    def look(storefront: StorefrontId) -> Hashable:
        forget_what_is_old()
        now = seen.get(storefront) or seen.setdefault(storefront, readiness(storefront))
        lanes = tuple((name, *(lane[part] for part in LOOKED_AT)) for name, lane in now["lanes"].get(storefront, {}).items())
        return now["ready"], now["why"], tuple(sorted(counts.get(storefront, ()))), lanes

    return look


LOOKED_AT: Final = ("up", "reason", "due", "misconfigured", "new_shapes")
"""What of a destination is looked at; its token's age, which changes all the time, is not."""
