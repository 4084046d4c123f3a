"""The demo as people start it: `consent-gateway demo` in a process of its own, on ports that are free."""

import asyncio
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.live import SERVE, Installation, hold

OFFSETS: Final = (0, 1, 10, 11, 12, 13)
ENV: Final = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}


def command(*arguments: str) -> list[str]:
    """Write `consent-gateway …` as it is called without being installed."""
    return [sys.executable, "-c", SERVE, *arguments]


def hear_interrupts() -> None:
    """Heed Ctrl-C: a shell lets what it runs in the background ignore it, and a program inherits that from these tests."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def first_free_port() -> int:
    """Find a port such that all of the demo's are free."""
    while True:
        first = hold()
        with suppress(OSError, OverflowError):
            for offset in OFFSETS[1:]:
                hold(first + offset)
            return first


def is_free(port: int) -> bool:
    """Say whether a loopback port can be listened on."""
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", port))
            one.listen()
        except OSError:
            return False
    return True


class Demo:
    """A demo with its state in a folder."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.port = first_free_port()
        self._printed = folder / "printed.txt"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def installation(self) -> Installation:
        """What the demo has set up."""
        secret, publishable = ((self.state / name).read_text() for name in ("secret.key", "publishable.key"))
        return Installation(self.state, self.port, self.port + 1, secret, publishable)

    @property
    def shop(self) -> str:
        """The shop's address."""
        return f"http://127.0.0.1:{self.port + 10}"

    @property
    def printed(self) -> str:
        """All that it printed so far."""
        return self._printed.read_text()

    async def start(self, seconds: float = 20.0) -> None:
        """Start it and wait until it has said how to use it. Raises RuntimeError."""
        with self._printed.open("wb") as printed:
            self._process = await asyncio.create_subprocess_exec(
                *command("demo", "--port", str(self.port), "--state", str(self.state)), stdout=printed, stderr=printed, env=ENV
            )
        until = time.monotonic() + seconds
        while "Ctrl-C" not in self.printed:
            if self._process.returncode is not None or time.monotonic() > until:
                raise RuntimeError(self.printed)
            await asyncio.sleep(0.05)

    async def stop(self) -> int:
        """Stop it as Ctrl-C does; its exit code."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGINT)
        return await self._process.wait()
