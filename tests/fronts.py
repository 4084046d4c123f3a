"""Stands before each platform: speaks TLS, lets connections wait, and notes when the first byte of every request came.

Behind it the platform's stand-in answers as ever. What a stand-in does with a request it sees when the request is whole; when
a request *began* is seen here, before anything of it was read.
"""

import asyncio
import re
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from gateway.model.words import Destination
from gateway.sandbox.platforms import Platforms
from tests.crowd import Sent, Watch, event_ids
from tests.tls import late_server, self_signed

LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Weather(msgspec.Struct, frozen=True):
    """How slow connections are: the share of handshakes that are late, by how many seconds, and how often one is hung up."""

    late: float
    seconds: tuple[float, float]
    hang_up: float


class Front:
    """What stands before one platform, at `behind` (a port of loopback)."""

    def __init__(self, destination: Destination, behind: int, watch: Watch, random: Random, weather: Weather) -> None:
        self._destination = destination
        self._behind = behind
        self._watch = watch
        self._random = random
        self.weather = weather

    def lateness(self) -> float:
        """Say by how many seconds the next handshake is late."""
        return self._random.uniform(*self.weather.seconds) if self._random.random() < self.weather.late else 0.0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until somebody has had enough of it."""
        more = True
        while more and (first := await reader.read(1)):
            began = time.monotonic()
            request = first + await message(reader)
            more = self._random.random() >= self.weather.hang_up
            await self._answer(request, began, writer, more=more)

    async def _answer(self, request: bytes, began: float, writer: asyncio.StreamWriter, *, more: bool) -> None:
        body = request.partition(b"\r\n\r\n")[2]
        sent = Sent(self._destination, event_ids(body) if body else (), self._watch.life, began=began)
        self._watch.sent.append(sent)
        self._watch.in_flight += 1
        try:
            answer = await self._ask(request)
            if not more:
                answer = answer.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
            writer.write(answer)
            await writer.drain()
            sent.answered = True
        except asyncio.IncompleteReadError:
            writer.transport.abort()  # as the platform did
            raise
        finally:
            self._watch.in_flight -= 1

    async def _ask(self, request: bytes) -> bytes:
        """Pass a request on; gives the answer. Raises IncompleteReadError when there is none."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._behind)
        try:
            writer.write(request)
            return await message(reader)
        except ConnectionError:
            raise asyncio.IncompleteReadError(b"", None) from None
        finally:
            writer.close()


async def message(reader: asyncio.StreamReader) -> bytes:
    """Read a message of HTTP; of a request's, the first byte may be read already. Raises IncompleteReadError."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = LENGTH.search(head)
    return head + (await reader.readexactly(int(length[1])) if length else b"")


class Fronts(msgspec.Struct):
    """The fronts of all platforms, where they are found, and the certificate that has to be trusted."""

    fronts: list[Front]
    base_urls: Mapping[Destination, str]
    certificate: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """What makes a program trust them."""
        return {"SSL_CERT_FILE": str(self.certificate)}

    def change(self, weather: Weather) -> None:
        """Let connections be as slow as this from now on."""
        for front in self.fronts:
            front.weather = weather


@asynccontextmanager
async def fronted(platforms: Platforms, watch: Watch, folder: Path, random: Random, weather: Weather) -> AsyncIterator[Fronts]:
    """Put a front before each of the platforms while the block lasts; `folder` is there, and gets the certificate."""
    certificate = folder / "certificate.pem"
    tls = self_signed(certificate)
    fronts: list[Front] = []
    urls: dict[Destination, str] = {}
    async with AsyncExitStack() as stack:
        for destination, url in platforms.base_urls.items():
            front = Front(destination, int(url.rpartition(":")[2]), watch, random, weather)
            fronts.append(front)
            urls[destination] = await stack.enter_async_context(_listening(front, tls, front.lateness))
        yield Fronts(fronts, urls, certificate)


@asynccontextmanager
async def _listening(front: Front, tls: ssl.SSLContext, seconds: Callable[[], float]) -> AsyncIterator[str]:
    async with late_server(front.talk, tls, seconds) as address:
        yield f"https://{address}"
