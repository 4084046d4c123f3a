import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from gateway.audit.standing import Readiness
from gateway.console import live
from gateway.console.live import MOST_OF_ONE, Live, glance
from gateway.metrics import Metrics
from gateway.model.texts import StorefrontId
from gateway.model.words import Kind, Source, Status
from tests.gateway.console.pages.test_overview import readiness

SHOP = StorefrontId("shop")
TICK = 0.02


class Scene:
    """Streams of one session over a real socket; `state` is what is looked at."""

    def __init__(self) -> None:
        self.state: object = 0
        self.looks = 0
        self.signed_in = True
        self.live = Live(self._look, TICK)
        self.url = ""

    def _look(self, _storefront: StorefrontId) -> int:
        self.looks += 1
        return hash(self.state)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Serve a stream."""
        return await self.live.stream(request, SHOP, "session", lambda: self.signed_in)


@asynccontextmanager
async def streaming() -> AsyncIterator[tuple[Scene, Callable[[], object]]]:
    """Run a server of streams, and a client for it."""
    scene = Scene()
    runner = web.ServerRunner(web.Server(scene.handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    scene.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession() as session:
        yield scene, lambda: session.get(scene.url)
    scene.live.close()
    await runner.cleanup()


async def test_a_stream_says_that_something_changed_and_never_what() -> None:
    """Only then, and once for everything that changed between two looks."""
    async with streaming() as (scene, ask), ask() as answer:  # type: ignore[attr-defined]
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert await answer.content.readuntil(b"\n\n") == live.BEGIN
        await asyncio.sleep(5 * TICK)
        for state in ("a", "b", "c"):
            scene.state = state
        assert await answer.content.readuntil(b"\n\n") == live.CHANGED
        scene.state = "d"
        assert await answer.content.readuntil(b"\n\n") == live.CHANGED


async def test_a_stream_ends_with_its_session() -> None:
    """Whoever is signed out hears nothing more."""
    async with streaming() as (scene, ask), ask() as answer:  # type: ignore[attr-defined]
        await answer.content.readuntil(b"\n\n")
        scene.signed_in = False
        assert await answer.content.read() == b""
    assert scene.live.open_streams == 0


async def test_streams_end_with_the_gateway() -> None:
    """A stop does not wait for readers."""
    async with streaming() as (scene, ask), ask() as answer:  # type: ignore[attr-defined]
        await answer.content.readuntil(b"\n\n")
        scene.live.close()
        async with asyncio.timeout(2):
            assert await answer.content.read() == b""
        assert scene.live.is_full_for("another")


async def test_streams_are_bounded_and_a_reader_that_goes_makes_room() -> None:
    """So many of one session."""
    async with streaming() as (scene, ask):
        answers = [await ask() for _ in range(MOST_OF_ONE)]  # type: ignore[misc]
        for answer in answers:
            await answer.content.readuntil(b"\n\n")
        assert scene.live.is_full_for("session")
        assert not scene.live.is_full_for("another")
        answers[0].close()
        async with asyncio.timeout(5):
            while scene.live.is_full_for("session"):
                scene.state = object()
                await asyncio.sleep(TICK)
        for answer in answers[1:]:
            answer.close()


def test_what_is_looked_at_is_the_same_until_something_happens() -> None:
    """A count or a standing of this storefront; the age of a token is no news."""
    metrics, now = Metrics(), readiness()
    look = glance(metrics, lambda *_: now)
    before = look(SHOP)
    now["lanes"]["shop"]["meta"]["credential"]["seconds"] = 99
    assert look(SHOP) == before
    now["lanes"]["shop"]["meta"]["reason"] = "throttled"
    assert look(SHOP) != before


def test_all_streams_look_once() -> None:
    """Not once for each of a hundred pages, and only at the storefronts that they show; what changed is seen with the next."""
    looks, now = 0, 0.0

    def count(*of: StorefrontId) -> Readiness:
        nonlocal looks
        looks += 1
        assert of == (SHOP,)
        return readiness()

    metrics = Metrics()
    look = glance(metrics, count, 2.0, lambda: now)
    before = look(SHOP)
    metrics.events(SHOP, Source.EVENTS, Kind.PURCHASE, Status.ACCEPTED, "", 1)
    assert [look(SHOP) for _ in range(100)] == [before] * 100
    assert looks == 1
    now = 2.0
    assert look(SHOP) != before
    assert looks == 2
