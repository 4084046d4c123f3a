"""A client that says exactly the bytes it is given, at the pace it is given, and hears exactly what comes back.

HTTP clients repair or refuse what an attacker sends on purpose; this one does neither.
"""

import asyncio
import re
import socket
import struct
import time
import zlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final

import msgspec

BLOCK: Final = 1 << 24
STATUS: Final = re.compile(rb"HTTP/\d\.\d (\d{3}) [A-Z][A-Za-z ]*\r\n")


class Heard(msgspec.Struct):
    """All that came back, whether the other side closed, and after how many seconds."""

    said: bytes
    closed: bool
    seconds: float

    @property
    def statuses(self) -> list[int]:
        """The status of every answer, in order."""
        return [int(status) for status in STATUS.findall(self.said)]

    @property
    def body(self) -> bytes:
        """What follows the headers of the only answer."""
        return self.said.partition(b"\r\n\r\n")[2]


class Wire(msgspec.Struct):
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, *parts: bytes, pause: float = 0.0) -> None:
        """Send the parts with pauses (seconds) between them; a connection that was cut meanwhile is no error."""
        try:
            for part in parts:
                self.writer.write(part)
                await self.writer.drain()
                await asyncio.sleep(pause)
        except ConnectionError:
            return

    def reset(self) -> None:
        """Vanish: the other side hears of a reset instead of an end."""
        there: socket.socket = self.writer.get_extra_info("socket")
        there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def hear(self, seconds: float = 5.0) -> Heard:
        """Listen until the other side closes, at most so many seconds."""
        said, began = bytearray(), time.monotonic()
        closed = True
        try:
            async with asyncio.timeout(seconds):
                while part := await self.reader.read(1 << 16):
                    said += part
        except TimeoutError:
            closed = False
        except ConnectionError:
            pass
        return Heard(bytes(said), closed, time.monotonic() - began)

    async def answer(self, *, bodiless: bool = False) -> Heard:
        """Read one answer by its Content-Length and leave the connection open."""
        began = time.monotonic()
        async with asyncio.timeout(5):
            head = await self.reader.readuntil(b"\r\n\r\n")
            lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            length = 0 if bodiless or not lengths else int(lengths[0].partition(b":")[2])
            return Heard(head + await self.reader.readexactly(length), closed=False, seconds=time.monotonic() - began)


@asynccontextmanager
async def connected(port: int, limit: int = 1 << 16) -> AsyncIterator[Wire]:
    """Connect to loopback; about `limit` bytes are taken before they are asked for, and what the system keeps."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=limit)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()


async def spoken(port: int, *parts: bytes, pause: float = 0.0, seconds: float = 5.0) -> Heard:
    """Connect, say all parts, and listen until the other side closes."""
    async with connected(port) as wire:
        saying = asyncio.create_task(wire.say(*parts, pause=pause))
        try:
            return await wire.hear(seconds)
        finally:
            saying.cancel()


async def asked(port: int, said: bytes) -> Heard:
    """Connect, say it, read one answer and hang up; what came before a connection was cut if there is no whole answer."""
    async with connected(port) as wire:
        saying = asyncio.create_task(wire.say(said))
        try:
            return await wire.answer()
        except asyncio.IncompleteReadError as cut:
            return Heard(cut.partial, closed=True, seconds=0.0)
        finally:
            saying.cancel()


def request(
    method: str, target: str, headers: Iterable[str] = (), body: bytes = b"", *, length: bool = True, host: str = "gateway"
) -> bytes:
    """Write a plain request; `length` adds the body's Content-Length."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *headers]
    if length and body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def bomb(size: int) -> bytes:
    """Gzip `size` bytes of nothing (whole blocks): a thousand times smaller. Its end is cut off; nobody should get there."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    first = squeeze.compress(bytes(BLOCK)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    again = squeeze.compress(bytes(BLOCK)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    return first + again * (size // BLOCK - 1)
