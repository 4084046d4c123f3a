"""Starts and stops what takes part in a measurement, each in a process of its own and on the core it belongs to.

The measured server has one core for itself; the load generator and the stand-in for the platforms share the other.
The gateway is the real command with the real configuration file: only its rate limits are set out of the way, and its
destinations point at the stand-in. Nothing is switched off.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp
import msgspec

from bench.load import Order, Result
from bench.proc import cores, pin
from gateway.model.words import Destination
from tests.live import Installation, Process, install

ROOT: Final = Path(__file__).parent.parent
PATH: Final = "/v1/events"
QUIET_LINGER: Final = 60.0
"""Seconds; the most that the configuration allows. See `quieten`."""
PROMPT_LINGER: Final = 0.2
"""Seconds; what the configuration has by default."""
WARM_ID: Final = "warm"


class Helper(msgspec.Struct, frozen=True):
    """A server of ours: its process and its port."""

    pid: int
    port: int


@asynccontextmanager
async def helper(module: str, core: int) -> AsyncIterator[Helper]:
    """Run `python -m module`, which prints its port, on a core."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        pin(process.pid, core)
        yield Helper(process.pid, port)
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def gateway(
    folder: Path,
    sink: Helper,
    *,
    linger: float,
    prepare: Callable[[Installation], None] = lambda _: None,
    seconds: float = 20.0,
) -> AsyncIterator[Process]:
    """Run a gateway with a new store in `folder`, three destinations enabled, on the server's core.

    `prepare` may change what is installed before it begins; it has `seconds` to be ready.
    """
    address = f"http://127.0.0.1:{sink.port}"
    installation = install(folder, dict.fromkeys(Destination, address), linger=linger, max_bytes="4GiB")
    prepare(installation)
    process = Process(installation)
    try:
        await process.start(seconds)
        await _open(installation)
    except RuntimeError as error:
        raise RuntimeError(f"the gateway did not start: {process.log.read_text()[-2000:]}") from error
    pin(process.pid, cores().server)
    try:
        yield process
    finally:
        await process.stop()


async def _open(installation: Installation) -> None:
    """Wait until the front door is open: the private listener, which is asked for readiness, opens a moment earlier."""
    async with asyncio.timeout(10.0), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"{installation.url}/healthz"):
                    return
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.02)


async def load(order: Order, counting: asyncio.Event | None = None) -> Result:
    """Run a load generator; `counting` is set when its window begins. Raises RuntimeError when it fails."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.load",
        msgspec.json.encode(order).decode(),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"go\n")
    await process.stdout.readline()
    if counting is not None:
        counting.set()
    out = await process.stdout.readline()
    if await process.wait():
        raise RuntimeError(f"the load generator ended with {process.returncode}")
    return msgspec.json.decode(out, type=Result)


def to_gateway(installation: Installation, process: Process, **wanted: object) -> Order:
    """Make an order for a gateway."""
    return msgspec.convert(
        {
            "port": installation.public,
            "pid": process.pid,
            "path": PATH,
            "key": installation.secret_key,
            "core": cores().others,
            "prefix": os.urandom(3).hex(),
            **wanted,
        },
        Order,
    )


def expect(result: Result, status: str, *, accepted: int | None = None) -> Result:
    """Hold what was measured against what was meant to happen. Raises RuntimeError: a wrong run gives no figure."""
    if set(result.statuses) != {status} or (accepted is not None and result.accepted != accepted):
        raise RuntimeError(f"not what was meant to be measured: {result}")
    return result


async def quieten(process: Process) -> None:
    """Send one event and let the couriers see it.

    They then linger for `QUIET_LINGER` seconds before they claim anything, as they do in front of a batch that may
    still fill. So for that long the door is measured with couriers that are there, running, and have nothing to do yet.
    """
    installation = process.installation
    body = {
        "event": "purchase",
        "event_id": WARM_ID,
        "occurred_at": int(time.time()),
        "customer": {"email": "jane@example.com"},
        "order": {"value": "1.00", "currency": "EUR"},
        "consent": {"advertising": True},
    }
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            installation.url + PATH, json=body, headers={"Authorization": f"Bearer {installation.secret_key}"}
        ) as response,
    ):
        if response.status != 202:
            raise RuntimeError(f"the gateway answered {response.status}")
    await asyncio.sleep(0.2)


async def sunk(sink: Helper) -> dict[str, int]:
    """Ask the stand-in how many events each platform has got."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{sink.port}/") as response:
        return msgspec.json.decode(await response.read(), type=dict[str, int])


async def deliver_all(process: Process, sink: Helper, before: dict[str, int], count: int, seconds: float) -> None:
    """Wait until every platform has got `count` events more and nothing waits. Raises TimeoutError.

    The stand-in is asked, not the gateway, until it has everything: asking costs the one that is measured.
    """
    async with asyncio.timeout(seconds):
        while any(have - before[name] < count for name, have in (await sunk(sink)).items()):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)
        while True:
            books = await process.accounts()
            if books is not None and all(lane["waiting"] == 0 for lane in books["destinations"].values()):
                return
            await asyncio.sleep(0.05)
