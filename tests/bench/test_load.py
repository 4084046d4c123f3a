"""The load generator counts right, never repeats an event, and what it sends is what the gateway takes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from bench.load import Result, percentile, split
from bench.shoppers import Bodies, Ids, pool
from bench.stage import helper, load, sunk, to_gateway
from gateway.model import EventId
from gateway.outbox import Accept
from gateway.raw import RawEvent
from gateway.sources.native import decode
from tests.live import Installation

NOW = 1_795_000_000


@asynccontextmanager
async def server(status: int = 202) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A tiny server that accepts every event of a body, and keeps the bodies; every third answer has another status."""
    bodies: list[bytes] = []

    async def accept(request: web.BaseRequest) -> web.Response:
        bodies.append(await request.read())
        results = [{"event_id": one["event_id"], "status": "accepted"} for one in json.loads(bodies[-1])["events"]]
        answer = json.dumps({"results": results}, separators=(",", ":")).encode()
        return web.Response(status=status if len(bodies) % 3 else 503, body=answer)

    runner = web.ServerRunner(web.Server(accept))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1], bodies
    finally:
        await runner.cleanup()


async def generate(port: int, **wanted: object) -> Result:
    """Run the real generator, in its own process."""
    import os
    from pathlib import Path

    class Here:
        pid = os.getpid()

    installation = Installation(Path(), port, 0, "sk_s1_x", "")
    return await load(to_gateway(installation, Here(), connections=3, pool=50, **wanted))  # type: ignore[arg-type]
