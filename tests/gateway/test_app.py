import asyncio
import io
import json
import os
import re
import resource
import signal
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from gateway.app import CannotListen
from gateway.log import Log
from gateway.model import Destination, StorefrontId
from gateway.outbox import Lane
from gateway.outbox.schema import CannotOpen
from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.platforms import Platforms
from tests.doorway import edit, purchase
from tests.live import Installation, Process, inside, install

KEY_OF_SECOND: Final = """
[[storefronts.second.keys]]
id = "s2"
kind = "secret"
hash = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
"""
BRIEF: Final = aiohttp.ClientTimeout(total=10)


@pytest.fixture
async def platforms() -> AsyncIterator[Platforms]:
    """Three platforms."""
    async with Platforms.start() as started:
        yield started


async def post(there: Installation, *events: dict[str, Any]) -> tuple[int, Any]:
    """Post events as a server; status and answer."""
    key = {"Authorization": f"Bearer {there.secret_key}"}
    fresh = {"events": [event | {"occurred_at": int(time.time())} for event in events]}
    async with (
        aiohttp.ClientSession(timeout=BRIEF) as session,
        session.post(f"{there.url}/v1/events", json=fresh, headers=key) as answer,
    ):
        return answer.status, await answer.json()


def happenings(log: str) -> list[str]:
    """What a log says, in order."""
    return [json.loads(line)["happening"] for line in log.splitlines()]


async def seen(platforms: Platforms, destination: Destination, requests: int = 1) -> None:
    """Wait until a platform has read so many requests."""
    async with asyncio.timeout(10):
        while platforms[destination].ledger.requests < requests:  # noqa: ASYNC110 - the stand-in counts, it does not signal
            await asyncio.sleep(0.02)


# ── starting ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_gateway_starts_delivers_and_stops(tmp_path: Path, platforms: Platforms) -> None:
    """From a posted purchase to three confirmations; log and metrics say what was started with and what became of it."""
    there, log = install(tmp_path / "it", platforms.base_urls), io.StringIO()
    async with inside(there, Log(log)) as gateway:
        assert (gateway.public.port, gateway.private.port) == (there.public, there.private)
        status, said = await post(there, purchase())
        assert (status, said["results"][0]["status"]) == (202, "accepted")
        books = await there.quiet()
        assert books["balanced"]
        metrics = await there.ask("/metrics")
    assert {d: len(platforms[d].ledger) for d in Destination} == dict.fromkeys(Destination, 1)
    for line in (
        'deliveries_total{destination="meta",event="purchase",outcome="delivered",reason="confirmed",storefront="shop"} 1.0',
        'destination_up{destination="google_ads",storefront="shop"} 1.0',
        'value_total{currency="EUR",destination="pinterest",outcome="delivered",storefront="shop"} 129.9',
        "test_endpoints_allowed 1.0",
    ):
        assert f"consent_gateway_{line}" in metrics
    assert happenings(log.getvalue())[:6] == ["listening", "listening", "started", *["test_endpoints_allowed"] * 3]


async def test_starting_and_stopping_at_once_keeps_nobody_waiting(tmp_path: Path, platforms: Platforms) -> None:
    """A stop that comes while couriers are asking the store for work for the first time ends them all the same."""
    there = install(tmp_path / "it", platforms.base_urls)
    for pause in (0.0, 0.001, 0.002, 0.005, 0.01):
        async with asyncio.timeout(5), inside(there, Log(io.StringIO())):
            await asyncio.sleep(pause)


async def test_lanes_with_the_same_credential_share_a_quota(tmp_path: Path, platforms: Platforms) -> None:
    """Of two storefronts that refer to one token, the lower quota holds for both; another token has its own."""
    there = install(tmp_path / "it", platforms.base_urls)
    (there.folder / "own.token").write_text("another-token")
    (there.folder / "own.token").chmod(0o600)
    text = there.config.read_text()
    second = text[text.index("[storefronts.shop]") :].replace("storefronts.shop", "storefronts.second")
    second = re.sub(r"\[\[.*keys\]\]\n.*\n.*\n.*\n", "", second) + KEY_OF_SECOND
    second = second.replace("requests_per_minute = 1000000", "requests_per_minute = 75").replace("pinterest.token", "own.token")
    there.config.write_text(text + second)
    async with inside(there, Log(io.StringIO())) as gateway:
        meters = {lane: courier._route.meter for lane, courier in gateway.couriers.items()}
    one, two = StorefrontId("shop"), StorefrontId("second")
    for destination in (Destination.META, Destination.GOOGLE_ADS):
        meter = meters[Lane(one, destination)]
        assert meter is meters[Lane(two, destination)]
        assert [meter.take(0.0) for _ in range(16)] == [0.0] * 15 + [1.0]
    assert meters[Lane(one, Destination.PINTEREST)] is not meters[Lane(two, Destination.PINTEREST)]
    assert meters[Lane(one, Destination.META)] is not meters[Lane(one, Destination.GOOGLE_ADS)]


@pytest.mark.parametrize("which", ["public", "private"])
async def test_a_taken_port_is_said_and_everything_is_given_back(tmp_path: Path, platforms: Platforms, which: str) -> None:
    """The address is named, the store is closed again, and the next start works."""
    there = install(tmp_path / "it", platforms.base_urls)
    port = getattr(there, which)
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(CannotListen, match=rf"127\.0\.0\.1:{port}"):
            async with asyncio.timeout(5), inside(there, Log(io.StringIO())):
                raise AssertionError
    async with inside(there, Log(io.StringIO())):
        assert (await there.ask("/readyz"))["ready"]


async def test_one_store_has_one_gateway(tmp_path: Path, platforms: Platforms) -> None:
    """A second one on the same directory does not start, and does the first no harm."""
    there = install(tmp_path / "it", platforms.base_urls)
    async with inside(there, Log(io.StringIO())):
        with pytest.raises(CannotOpen):
            async with inside(there, Log(io.StringIO())):
                raise AssertionError
        assert (await post(there, purchase()))[0] == 202


async def test_a_destination_that_is_down_leaves_the_gateway_ready(tmp_path: Path, platforms: Platforms) -> None:
    """Its events are kept; readiness and metrics show it down with the reason, the others go on."""
    platforms[Destination.META].switch.set(Behaviour(mode=Mode.EXPIRED_TOKEN))
    there = install(tmp_path / "it", platforms.base_urls)
    async with inside(there, Log(io.StringIO())):
        await post(there, purchase())
        async with asyncio.timeout(10):
            while (ready := await there.ask("/readyz"))["lanes"]["shop"]["meta"]["up"]:  # noqa: ASYNC110 - it is asked
                await asyncio.sleep(0.05)
        assert ready["ready"]
        assert ready["lanes"]["shop"]["meta"]["reason"] == "credential"
        assert ready["lanes"]["shop"]["pinterest"]["up"]
        assert 'destination_up{destination="meta",storefront="shop"} 0.0' in await there.ask("/metrics")
        platforms[Destination.META].switch.set(Behaviour())
        books = await there.quiet()
    assert books["destinations"]["meta"]["delivered"] == 1


# ── stopping ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_graceful_stop_finishes_what_is_on_the_wire(tmp_path: Path, platforms: Platforms) -> None:
    """After SIGTERM the answer of a request in flight is waited for and settled: nothing is sent again by the next process."""
    platforms[Destination.META].switch.set(Behaviour(mode=Mode.SLOW, seconds=1.0))
    process = Process(install(tmp_path / "it", platforms.base_urls))
    await process.start()
    assert (await post(process.installation, purchase()))[0] == 202
    await seen(platforms, Destination.META)
    assert await process.stop() == 0
    assert happenings(process.log.read_text())[-2:] == ["stopping", "stopped"]

    await process.start()
    books = await process.quiet()
    assert await process.stop() == 0
    assert books["balanced"]
    assert books["destinations"]["meta"]["delivered"] == 1
    assert (platforms[Destination.META].ledger.received, platforms[Destination.META].ledger.repeats) == (1, 0)


async def test_what_is_waiting_when_it_stops_is_sent_by_the_next(tmp_path: Path, platforms: Platforms) -> None:
    """A stop does not wait for a backlog; the store keeps it."""
    platforms[Destination.META].switch.set(Behaviour(mode=Mode.SERVER_ERROR))
    process = Process(install(tmp_path / "it", platforms.base_urls))
    await process.start()
    await post(process.installation, *(purchase(str(number)) for number in range(50)))
    await seen(platforms, Destination.META)
    began = time.monotonic()
    assert await process.stop() == 0
    assert time.monotonic() - began < 4
    platforms[Destination.META].switch.set(Behaviour())
    await process.start()
    books = await process.quiet()
    assert await process.stop() == 0
    assert books["destinations"]["meta"]["delivered"] == 50


async def test_readiness_goes_before_the_doors_close(tmp_path: Path, platforms: Platforms) -> None:
    """For `pre_stop_seconds` load balancers can look away while what they still send is taken."""
    there = install(tmp_path / "it", platforms.base_urls)
    edit(there, ("pre_stop_seconds = 0", "pre_stop_seconds = 1"))
    process = Process(there)
    await process.start()
    os.kill(process.pid, signal.SIGTERM)
    async with asyncio.timeout(5):
        while (ready := await there.ask("/readyz"))["ready"]:  # noqa: ASYNC110 - it is asked
            await asyncio.sleep(0.02)
    assert ready["why"] == "stopping"
    status, said = await post(there, purchase())
    assert (status, said["results"][0]["status"]) == (202, "accepted")
    assert await process.stop() == 0


@pytest.mark.parametrize("at", ["before the doors close", "while couriers finish"])
async def test_a_second_signal_hurries(tmp_path: Path, platforms: Platforms, at: str) -> None:
    """Whether it waits for load balancers or for a platform's answer: a second signal ends the wait, and nothing is lost."""
    platforms[Destination.META].switch.set(Behaviour(mode=Mode.SLOW, seconds=20.0, requests=1))
    there = install(tmp_path / "it", platforms.base_urls)
    edit(
        there,
        ("stop_grace_seconds = 5", "stop_grace_seconds = 60"),
        ("pre_stop_seconds = 0", f"pre_stop_seconds = {60 if at.startswith('before') else 0}"),
    )
    process = Process(there)
    await process.start()
    await post(there, purchase())
    await seen(platforms, Destination.META)
    began = time.monotonic()
    os.kill(process.pid, signal.SIGTERM)
    await asyncio.sleep(0.7)
    assert await process.stop() == 0
    assert time.monotonic() - began < 5

    await process.start()
    books = await process.quiet()
    await process.kill()
    assert books["destinations"]["meta"]["delivered"] == 1
    assert len(platforms[Destination.META].ledger) == 1


async def test_a_failing_store_ends_the_process_with_a_failure(tmp_path: Path, platforms: Platforms) -> None:
    """When the disk refuses a write, nothing more is accepted and the exit code is 1; what was accepted is there afterwards."""
    process = Process(install(tmp_path / "it", platforms.base_urls))
    await process.start()
    assert (await post(process.installation, purchase("before")))[0] == 202
    await process.quiet()
    log = max(path.stat().st_size for path in (tmp_path / "it" / "store").glob("*-wal"))
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (log, log))
    status = 202
    for number in range(200):
        try:
            status, _ = await post(process.installation, *(purchase(f"{number}-{n}") for n in range(50)))
        except aiohttp.ClientError:
            break
        if status != 202:
            break
    assert status in {202, 503}
    assert process._process is not None
    async with asyncio.timeout(10):
        assert await process._process.wait() == 1  # by itself, without a signal
    assert "store_failed" in happenings(process.log.read_text())

    await process.start()
    books = await process.quiet()
    assert books["balanced"]
    assert books["by_status"]["accepted"] >= 1
    assert (await post(process.installation, purchase("after")))[0] == 202
    assert await process.stop() == 0
