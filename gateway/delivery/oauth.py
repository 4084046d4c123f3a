"""Access tokens that are got with a key document, each once for all lanes that share the document and the scope.

A token is fetched when the first lane asks for it, and again some minutes before it runs out, beside the deliveries: a
request never waits for a new token while the old one is good. Many lanes that ask at once make one request. A token
that a platform refused is thrown away. Lives are measured with the monotonic clock, so setting the wall clock makes no
token older or younger; only an assertion is dated by the wall clock. What goes wrong is a verdict.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final
from weakref import WeakSet

import msgspec

from gateway.adapter import TokenEndpoint
from gateway.delivery.grants import Grant, Token, read_answer, token_form
from gateway.delivery.transport import Transport
from gateway.model.verdict import Pause, Retry, Throttle
from gateway.secret import Secret

EARLY_SECONDS: Final = 240.0
"""So long before a token runs out the next one is fetched; of a token that lives shorter, a quarter of its life before."""

SPARE_SECONDS: Final = 10.0
"""So long before its end a token is not used any more: a request takes time."""

AGAIN_SECONDS: Final = 10.0
"""How soon fetching ahead of time is tried again after it failed."""

EXCHANGE_SECONDS: Final = 15.0


class Held(msgspec.Struct, frozen=True):
    """A token in use. Monotonic seconds: when it was asked for, when to fetch the next, when it is not used any more."""

    secret: Secret
    since: float
    renew_at: float
    until: float


Fetched = Held | Pause | Retry | Throttle
"""What came of asking the token endpoint."""


def held(token: Token, asked_at: float) -> Held:
    """Date a token by the moment at which it was asked for: it is never younger than that."""
    life = token.seconds
    return Held(
        secret=token.secret,
        since=asked_at,
        renew_at=asked_at + life - min(EARLY_SECONDS, life / 4),
        until=asked_at + life - min(SPARE_SECONDS, life / 10),
    )


class TokenCache:
    """The token of one key document for one scope."""

    def __init__(self, grant: Grant, endpoint: TokenEndpoint, tokens: "Tokens") -> None:
        """Hold nothing yet; `tokens` has the transport and the clocks."""
        self.grant = grant
        self.endpoint = endpoint
        self.held: Held | None = None
        """The token in use, which may have run out."""
        self._tokens = tokens
        self._flight: asyncio.Task[Fetched] | None = None
        self._again_at = 0.0

    async def token(self) -> Secret | Pause | Retry | Throttle:
        """Give a token that is good now, or say why there is none."""
        now, found = self._tokens.monotonic(), self.held
        if found is not None and now < found.until:
            if now >= max(found.renew_at, self._again_at):
                _ = self._fly()
            return found.secret
        # Shielded: who stops waiting must not take the answer from the others.
        got = await asyncio.shield(self._fly())
        return got.secret if isinstance(got, Held) else got

    def refuse(self, token: Secret) -> None:
        """Throw `token` away, if it is still the one in use: the platform did not take it."""
        if self.held is not None and self.held.secret == token:
            self.held = None

    def _fly(self) -> asyncio.Task[Fetched]:
        """Fetch a token, unless that is under way."""
        if self._flight is None or self._flight.done():
            self._flight = self._tokens.start(self._fetch())
        return self._flight

    async def _fetch(self) -> Fetched:
        """Ask the token endpoint once, and take what it gives."""
        asked_at = self._tokens.monotonic()
        form = token_form(self.grant, self.endpoint.scope, self.endpoint.audience, int(self._tokens.wall()))
        reply = await self._tokens.transport.exchange(self.endpoint.url, form, EXCHANGE_SECONDS)
        got = read_answer(reply, self.grant, self.endpoint, self._tokens.wall())
        if not isinstance(got, Token):
            self._again_at = self._tokens.monotonic() + AGAIN_SECONDS
            return got
        self.held = held(got, asked_at)
        return self.held


class Tokens:
    """The token caches of a process. `wall` gives Unix seconds, `monotonic` seconds that only grow."""

    def __init__(
        self,
        transport: Transport,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with none."""
        self.transport = transport
        self.wall = wall
        self.monotonic = monotonic
        self._caches: WeakSet[TokenCache] = WeakSet()
        self._flights: set[asyncio.Task[Fetched]] = set()

    def of(self, grant: Grant, endpoint: TokenEndpoint) -> TokenCache:
        """Give the cache for a key document and a scope: the same one for as long as somebody uses it."""
        for cache in self._caches:
            if cache.grant == grant and cache.endpoint == endpoint:
                return cache
        made = TokenCache(grant, endpoint, self)
        self._caches.add(made)
        return made

    def start(self, fetch: Coroutine[Any, Any, Fetched]) -> asyncio.Task[Fetched]:
        """Run a fetch beside everything else; `close` ends it."""
        task = asyncio.create_task(fetch, name="token")
        self._flights.add(task)
        task.add_done_callback(self._flights.discard)
        return task

    async def close(self) -> None:
        """End what is under way."""
        for task in self._flights:
            task.cancel()
        await asyncio.gather(*self._flights, return_exceptions=True)
