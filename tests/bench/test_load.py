"""The load generator counts right, never repeats an event, and what it sends is what the gateway takes."""

import asyncio
import json
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from bench import parts
from bench.load import Order, Run, percentile, split
from bench.proc import cores
from bench.shoppers import Bodies, Ids, pool
from bench.stage import expect, helper, load, sunk
from gateway.adapter import Access, Reply
from gateway.delivery.contract import Cleared, Contract, host_and_port
from gateway.delivery.outgoing import compose
from gateway.delivery.transport import Transport
from gateway.model.verdict import Delivered
from gateway.model.words import Destination
from gateway.outbox.entries import Accept
from gateway.secret import Secret

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


def order(port: int, **wanted: object) -> Order:
    """An order for that server, in whose place this process stands."""
    fixed = {"port": port, "pid": os.getpid(), "path": "/v1/events", "key": "k", "core": cores().others, "prefix": "test"}
    return msgspec.convert({**fixed, "connections": 3, "pool": 50, **wanted}, Order)


def test_requests_are_spread_over_a_second() -> None:
    """And none are made up for while the server was slow."""
    run = Run(order(1, per_second=10))
    assert [run.wait(now) for now in (100.0, 100.0, 100.15, 105.0, 105.0)] == pytest.approx([0, 0.1, 0.05, 0, 0.1])
    assert Run(order(1)).wait(100.0) == 0


async def test_a_window_is_told_in_slices() -> None:
    """What was counted in the window is in one of them, or came in after the last."""
    async with server() as (port, _):
        counting = asyncio.Event()
        result = await load(order(port, size=1, warm_seconds=0.1, seconds=0.6, slice_seconds=0.2), counting)
        assert counting.is_set()
        assert len(result.slices) == 3
        assert all(part.requests and part.wall >= 0.19 for part in result.slices)
        assert sum(part.requests for part in result.slices) <= result.requests


async def test_a_number_of_requests_is_sent_exactly_and_counted_by_status() -> None:
    """Answers are counted by status, accepted events in their bodies, and nothing is sent twice."""
    async with server() as (port, bodies):
        result = await load(order(port, size=7, requests=30))
    assert result.statuses == {"202": 20, "503": 10}
    assert (result.requests, result.accepted, result.all_accepted) == (30, 210, 210)
    ids = [event["event_id"] for body in bodies for event in json.loads(body)["events"]]
    assert len(set(ids)) == len(ids) == 210
    assert 0 < result.p50_ms <= result.p99_ms


async def test_a_window_counts_only_what_lies_in_it() -> None:
    """What warmed the server up is no part of the figure."""
    async with server() as (port, bodies):
        result = await load(order(port, size=1, warm_seconds=0.2, seconds=0.3))
    assert 0 < result.requests < len(bodies)
    assert result.accepted < result.all_accepted


async def test_a_server_that_hangs_up_shows() -> None:
    """A broken run cannot pass for a fast one."""
    listening = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    async with listening:
        result = await load(order(listening.sockets[0].getsockname()[1], size=1, requests=5))
    assert "cut" in result.statuses
    with pytest.raises(RuntimeError):
        expect(result, "202")


@pytest.mark.parametrize(
    ("received", "found"),
    [
        (b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{", None),
        (b"HTTP/1.1 202 Accepted\r\nContent-Le", None),
        (b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\nX: y\r\n\r\n{}", (b"202", b"{}")),
        (b"HTTP/1.1 204 No Content\r\n\r\n", (b"204", b"")),
    ],
)
def test_an_answer_counts_when_it_is_whole(received: bytes, found: tuple[bytes, bytes] | None) -> None:
    """Not before its last byte."""
    assert split(received) == found


def test_percentiles_are_of_the_nearest_rank() -> None:
    """No value is invented between two."""
    values = [float(number) for number in range(1, 101)]
    assert [percentile(values, share) for share in (0.0, 0.5, 0.99, 1.0)] == [1.0, 50.0, 99.0, 100.0]
    assert percentile([3.0], 0.99) == 3.0


@pytest.mark.parametrize("size", [None, 4])
def test_every_shopper_is_taken_as_it_comes(size: int | None) -> None:
    """No figure owes its height to events that are refused early."""
    with tempfile.TemporaryDirectory() as folder:
        line = parts.line(parts.storefront(parts.settings(Path(folder))))
    bodies = Bodies(pool(NOW, 200), Ids("t"), size)
    made = [entry for _ in range(200 // (size or 1)) for entry in parts.entries(line, bodies.take(), NOW)]
    assert len(made) == 200
    for entry in made:
        assert isinstance(entry, Accept)
        assert entry.event.destinations == tuple(Destination)
        assert entry.event.email is not None
        assert entry.event.ip is not None
    assert len({entry.event.event_id for entry in made if isinstance(entry, Accept)}) == 200


async def test_the_stand_in_answers_as_the_platforms_do() -> None:
    """The real adapters read its answers as confirmations of every event."""
    with tempfile.TemporaryDirectory() as folder:
        shop = parts.storefront(parts.settings(Path(folder)))
    made = parts.entries(parts.line(shop), Bodies(pool(NOW, 30), Ids("s"), 30).take(), NOW)
    events = [entry.event for entry in made if isinstance(entry, Accept)]
    async with helper("bench.sink", cores().others) as sink:
        url = f"http://127.0.0.1:{sink.port}"
        async with Transport(hosts={host_and_port(url)}) as transport:
            for destination, adapter in shop.destinations.items():
                outgoing = compose(url, adapter.build(events), Access(Secret("t")))
                cleared = Contract(shop.contracts[destination].file, endpoint=url).check(outgoing, 30)
                assert isinstance(cleared, Cleared)
                reply = await transport.send(cleared, 5.0)
                assert isinstance(reply, Reply)
                assert [type(verdict) for verdict in adapter.interpret(reply, 30)] == [Delivered] * 30
        assert await sunk(sink) == {"meta": 30, "pinterest": 30, "google_ads": 30}
