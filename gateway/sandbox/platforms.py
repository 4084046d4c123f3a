"""All three stand-ins at once, each on a port of its own.

async with Platforms.start() as platforms:
    platforms.base_urls[Destination.META]           # http://127.0.0.1:41234
    platforms[Destination.META].switch.set(Behaviour(mode=Mode.THROTTLE, requests=3))
    platforms[Destination.META].ledger.money()      # {"EUR": Decimal("129.90")}
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final, Self

from aiohttp import web

from gateway.model.words import Destination
from gateway.sandbox.google_ads import GoogleAdsVoice
from gateway.sandbox.google_token import TokenService
from gateway.sandbox.ledger import Ledger
from gateway.sandbox.meta import MetaVoice
from gateway.sandbox.pinterest import PinterestVoice
from gateway.sandbox.stand_in import Opener, StandIn, Voice

VOICES: Final[Mapping[Destination, Callable[[], Voice]]] = {
    Destination.META: MetaVoice,
    Destination.PINTEREST: PinterestVoice,
    Destination.GOOGLE_ADS: GoogleAdsVoice,
}

TOKENS: Final[Mapping[Destination, str]] = {
    Destination.META: "sandbox-meta-token",
    Destination.PINTEREST: "sandbox-pinterest-token",
    Destination.GOOGLE_ADS: "sandbox-google-token",
}
"""The tokens that the stand-ins ask for unless told otherwise: no secrets, they open nothing but the sandbox."""


class Platforms:
    """The three stand-ins, running."""

    def __init__(
        self, stand_ins: Mapping[Destination, StandIn], base_urls: Mapping[Destination, str], token_url: str | None = None
    ) -> None:
        """Hold what `start` made."""
        self._stand_ins = stand_ins
        self.base_urls = base_urls
        """Scheme, host and port of each, no trailing slash."""
        self.token_url = token_url
        """Address of the token endpoint, if there is one."""

    def __getitem__(self, destination: Destination) -> StandIn:
        """Give one stand-in: its `switch`, `ledger` and `heard`."""
        return self._stand_ins[destination]

    @property
    def ledgers(self) -> Mapping[Destination, Ledger]:
        """What each took."""
        return {destination: stand_in.ledger for destination, stand_in in self._stand_ins.items()}

    @property
    def requests(self) -> int:
        """Requests read to the end by all three: a number that stands still when everything is quiet."""
        return sum(ledger.requests for ledger in self.ledgers.values())

    @classmethod
    @asynccontextmanager
    async def start(  # noqa: PLR0913 - the whole stage, by name
        cls,
        host: str = "127.0.0.1",
        ports: tuple[int, int, int] = (0, 0, 0),
        *,
        tokens: Mapping[Destination, str | None] = TOKENS,
        token_service: TokenService | None = None,
        clock: Callable[[], float] = time.time,
        keep: int = 0,
    ) -> AsyncIterator[Self]:
        """Listen on three ports (0: any free one) in the order Meta, Pinterest, Google Ads; stop at the end.

        `tokens`: what each asks for, None for any. `token_service`: a token endpoint to listen as well; Google then takes
        exactly the tokens that this gave out, for what they are good for. `clock`: Unix seconds. `keep`: how many requests
        each holds whole.
        Raises OSError when a port is taken.
        """
        asked: dict[Destination, str | Opener | None] = dict(tokens)
        if token_service is not None:
            asked[Destination.GOOGLE_ADS] = token_service
        stand_ins = {d: StandIn(voice(), token=asked[d], clock=clock, keep=keep) for d, voice in VOICES.items()}
        runners: list[web.AppRunner] = []
        base_urls: dict[Destination, str] = {}
        token_url: str | None = None
        try:
            if token_service is not None:
                runners.append(web.AppRunner(token_service.app(), access_log=None, shutdown_timeout=0.1))
                token_url = f"{await serve(runners[-1], host, 0)}/token"
            for (destination, stand_in), port in zip(stand_ins.items(), ports, strict=True):
                runners.append(web.AppRunner(stand_in.app(), access_log=None, shutdown_timeout=0.1))
                base_urls[destination] = await serve(runners[-1], host, port)
            yield cls(stand_ins, base_urls, token_url)
        finally:
            await asyncio.gather(*(runner.cleanup() for runner in runners))


async def serve(runner: web.AppRunner, host: str, port: int) -> str:
    """Make an application listen; gives its base URL with the port that was found. Raises OSError if it is taken."""
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    bound = runner.addresses[0][1]
    return f"http://{f'[{host}]' if ':' in host else host}:{bound}"
