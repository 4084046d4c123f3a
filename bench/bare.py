"""What everything is held against: aiohttp as its own documentation shows it, answering 202 without reading anything.

    python -m bench.bare

One application, one route, no access log, uvloop. Prints its port and runs until it is terminated.
"""

import asyncio

import uvloop
from aiohttp import web


async def accept(_request: web.Request) -> web.Response:
    """Answer."""
    return web.Response(status=202)


async def serve() -> None:
    """Listen on a free loopback port for ever."""
    app = web.Application()
    app.router.add_post("/v1/events", accept)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve())
