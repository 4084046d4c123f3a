"""Commands as people give them, and what they find: a gateway that runs, or another program on its port."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from gateway.cli import main
from gateway.model.words import Destination
from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.platforms import Platforms
from tests.doorway import purchase
from tests.live import Inside, Installation, install

Capture = pytest.CaptureFixture[str]


async def do(*arguments: str) -> int:
    """Run a command beside the test's own event loop; its exit code."""
    return await asyncio.to_thread(main, arguments)


async def post(there: Installation, *events: dict[str, Any]) -> None:
    """Post events as a server."""
    fresh = {"events": [event | {"occurred_at": int(time.time())} for event in events]}
    key = {"Authorization": f"Bearer {there.secret_key}"}
    async with aiohttp.ClientSession() as session, session.post(f"{there.url}/v1/events", json=fresh, headers=key) as answer:
        assert answer.status == 202


@asynccontextmanager
async def acting(
    there: Installation, handle: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
) -> AsyncIterator[None]:
    """Act as a gateway on the private port."""
    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", there.private).start()
    try:
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def standing_in(there: Installation, status: int, body: str) -> AsyncIterator[None]:
    """Run another program on the private port, that answers everything alike."""

    async def handle(_request: web.BaseRequest) -> web.Response:
        return web.Response(status=status, text=body, content_type="application/json")

    async with acting(there, handle):
        yield


@asynccontextmanager
async def with_dead_letters(tmp_path: Path) -> AsyncIterator[tuple[Inside, Platforms]]:
    """Run a gateway with two purchases that Meta refused and one that everybody took; Meta is mended then."""
    async with Platforms.start() as platforms:
        gateway = Inside(install(tmp_path / "it", platforms.base_urls))
        await gateway.start()
        try:
            meta = platforms[Destination.META]
            meta.switch.set(Behaviour(mode=Mode.REFUSE_EVENTS, event_ids=frozenset({"1", "2"})))
            await post(gateway.installation, purchase("1"), purchase("2"), purchase("3"))
            await gateway.quiet()
            meta.switch.reset()
            yield gateway, platforms
        finally:
            await gateway.stop()
