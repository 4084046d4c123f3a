"""Where checkpoints go so that the host alone cannot take them back: a file, standard output, a webhook.

An outlet hands a note over or raises `NotTaken`. What it sends is a checkpoint and nothing else: an origin, a number, a hash
and a signature. The signature is the proof, so a webhook needs no secret of its own to be believed.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final, Protocol, TextIO

import aiohttp
import msgspec

from gateway.signing.entry import Outlet

WEBHOOK_SECONDS: Final = 10.0
NOTE_TYPE: Final = "text/plain; charset=utf-8"


class NotTaken(Exception):
    """A checkpoint was not taken; it is tried again."""


class Exporter(Protocol):
    """One place that checkpoints are handed to."""

    outlet: Outlet

    async def hand_over(self, note: str) -> None:
        """Hand a checkpoint over, for good: it is there when this returns. Raises NotTaken."""

    async def close(self) -> None:
        """Let go of what it holds."""


class ToFile:
    """Appends to a file, flushed, a blank line after each note. Made with mode 0644: it is to be read and copied."""

    outlet = Outlet.FILE

    def __init__(self, path: Path) -> None:
        self._path = path

    async def hand_over(self, note: str) -> None:
        """Append."""
        try:
            await asyncio.to_thread(self._append, note)
        except OSError:
            raise NotTaken from None

    def _append(self, note: str) -> None:
        handle = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        with os.fdopen(handle, "ab") as file:
            length = os.fstat(handle).st_size
            ended = length == 0 or os.pread(handle, 2, max(0, length - 2)) == b"\n\n"
            file.write((b"" if ended else b"\n\n") + note.encode() + b"\n")
            file.flush()
            os.fsync(handle)

    async def close(self) -> None:
        """Nothing is held."""


class ToStream:
    """Writes `{"checkpoint": …}` as one line to standard output, for whatever collects a service's output."""

    outlet = Outlet.STDOUT

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    async def hand_over(self, note: str) -> None:
        """Write the line."""
        try:
            print(msgspec.json.encode({"checkpoint": note}).decode(), file=self._stream or sys.stdout, flush=True)
        except (OSError, ValueError):
            raise NotTaken from None

    async def close(self) -> None:
        """Nothing is held."""


class ToWebhook:
    """Posts the note to one address; any answer of 200 to 299 means that it was taken. Follows no redirect, keeps no cookie."""

    outlet = Outlet.WEBHOOK

    def __init__(self, url: str) -> None:
        self._url = url
        self._session: aiohttp.ClientSession | None = None

    async def hand_over(self, note: str) -> None:
        """Post it."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=WEBHOOK_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        try:
            async with self._session.post(
                self._url, data=note.encode(), headers={"Content-Type": NOTE_TYPE}, allow_redirects=False
            ) as answer:
                if not 200 <= answer.status < 300:
                    raise NotTaken
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            raise NotTaken from None

    async def close(self) -> None:
        """Close the connection."""
        if self._session is not None:
            await self._session.close()
