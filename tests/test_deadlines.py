"""A running gateway against clients that dawdle, crowd, lie about lengths or speak what is no HTTP.

One real process for all of these, so that each test also shows that the ones before it did no harm.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from gateway.sandbox.platforms import Platforms
from tests.live import ORIGIN, Process, install
from tests.wire import Heard, bomb, connected, request, spoken

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("deadlines")]

SECONDS: Final = 0.6
"""The deadline for headers, and the one for bodies."""
LATE: Final = SECONDS + 1.0
LINGER: Final = 2.0
"""How long what is left of a refused body is read, so that the client can still read the answer."""
MOST: Final = 40
"""Connections of one client."""
MARK: Final = b"CANARY"
HEALTH: Final = request("GET", "/healthz")
SERVER: Final = f"""
header_seconds = {SECONDS}
body_seconds = {SECONDS}
max_connections_per_client = {MOST}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Process]:
    """A gateway in a process of its own, on three platforms."""
    async with Platforms.start() as platforms:
        process = Process(install(tmp_path_factory.mktemp("gateway") / "it", platforms.base_urls, server=SERVER))
        await process.start()
        yield process
        assert await process.stop() == 0


def posting(gateway: Process, *headers: str) -> tuple[str, ...]:
    """The headers of a server's request."""
    return (f"Authorization: Bearer {gateway.installation.secret_key}", "Content-Type: application/json", *headers)


def event(event_id: str) -> bytes:
    """A page view without consent: answered, and nothing of it is kept."""
    return json.dumps({"event": "page_view", "event_id": event_id, "occurred_at": int(time.time())}).encode()


async def serves(gateway: Process) -> bool:
    """Say whether the next client is served."""
    return (await spoken(gateway.installation.public, request("GET", "/healthz", ["Connection: close"]))).statuses == [200]


async def is_closed(reader: asyncio.StreamReader, seconds: float) -> bool:
    """Say whether the other side closes within so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            return await reader.read() == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def high_water(gateway: Process) -> int:
    """The most memory that the process ever had, in MiB."""
    lines = Path(f"/proc/{gateway.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) >> 10


# ── clients that dawdle ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "first", [b"", b"\r\n", b"G", b"GET /heal", b"GET /healthz HTTP/1.1\r\n", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: "]
)
async def test_headers_that_stop_coming_are_cut(gateway: Process, first: bytes) -> None:
    """However much of its headers a client sends at once, a client that then falls silent is cut at the deadline."""
    for heard in await asyncio.gather(*(spoken(gateway.installation.public, first) for _ in range(MOST - 1))):
        assert heard.closed
        assert not heard.said
        assert heard.seconds < LATE


async def test_dripped_headers_are_cut(gateway: Process) -> None:
    """Headers that keep coming drop by drop are cut at the deadline all the same."""
    drops = [b"GET /healthz HTTP/1.1\r\n", *(f"X-{n}: x\r\n".encode() for n in range(100))]
    heard = await spoken(gateway.installation.public, *drops, pause=0.05)
    assert heard.closed
    assert not heard.said
    assert SECONDS * 0.9 < heard.seconds < LATE


async def test_dripped_headers_of_a_second_request_are_cut(gateway: Process) -> None:
    """A kept connection gives nobody more time for the next request's headers."""
    async with connected(gateway.installation.public) as wire:
        await wire.say(HEALTH)
        assert (await wire.answer()).statuses == [200]
        dripping = asyncio.create_task(wire.say(*(bytes([c]) for c in HEALTH), pause=0.05))
        heard = await wire.hear()
        dripping.cancel()
    assert heard.closed
    assert not heard.said
    assert heard.seconds < LATE


@pytest.mark.parametrize("how", ["Content-Length: 600", "Transfer-Encoding: chunked"])
async def test_dripped_bodies_are_cut(gateway: Process, how: str) -> None:
    """A body that comes drop by drop is answered 408 at the deadline and cut, whatever its length was said to be."""
    head = request("POST", "/v1/events", posting(gateway, how))
    drop = b"1\r\nx\r\n" if "chunked" in how else b"x"
    heard = await spoken(gateway.installation.public, head, *[drop] * 200, pause=0.05)
    assert heard.statuses == [408]
    assert heard.closed
    assert heard.seconds < LATE + LINGER


async def test_broken_chunks_are_refused_where_they_break(gateway: Process) -> None:
    """A body whose chunks cannot be read on is answered 400 as soon as that is known, and not waited for like a slow one."""
    head = request("POST", "/v1/events", posting(gateway, "Transfer-Encoding: chunked"))
    heard = await spoken(gateway.installation.public, head, b"2\r\n{}\r\n", b"CANARY\r\n", pause=0.1)
    assert (heard.statuses, heard.body) == ([400], b'{"error":"bad_body"}')
    assert heard.closed
    assert heard.seconds < SECONDS
    assert unseen(gateway, heard)


async def test_a_refused_body_is_not_waited_for(gateway: Process) -> None:
    """Who has no key is told so at once and cannot hold the connection with a body that never ends."""
    head = request("POST", "/v1/events", ["Content-Length: 600"])
    heard = await spoken(gateway.installation.public, head, *[b"x"] * 200, pause=0.05)
    assert heard.statuses == [401]
    assert heard.closed
    assert heard.seconds < LATE + LINGER


async def test_a_slow_but_whole_request_is_served(gateway: Process) -> None:
    """Headers in many pieces and a body in many pieces, all within their deadlines, make a good request."""
    body = event("slow-1")
    whole = request("POST", "/v1/events", posting(gateway, "Connection: close"), body)
    pieces = [whole[at : at + 25] for at in range(0, len(whole), 25)]
    heard = await spoken(gateway.installation.public, *pieces, pause=0.02)
    assert heard.statuses == [202]
    assert b"no_consent" in heard.said


# ── clients that crowd ───────────────────────────────────────────────────────────────────────────────────────────


async def test_too_many_connections_are_closed(gateway: Process) -> None:
    """One client has its number of connections and no more; the rest are closed at once, and places come free again."""
    port = gateway.installation.public
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MOST + 20)]
    turned_away = await asyncio.gather(*(is_closed(reader, SECONDS / 3) for reader, _ in opened))
    for _, writer in opened:
        writer.close()
    assert sum(turned_away) == 20
    await asyncio.sleep(0.1)
    assert await serves(gateway)


async def test_a_gzip_bomb_is_refused_in_bounded_memory(gateway: Process) -> None:
    """A gibibyte in a mebibyte is refused with 413 while the process grows by less than 32 MiB."""
    small = bomb(1 << 30)
    assert len(small) <= 1 << 20
    before = high_water(gateway)
    heard = await spoken(
        gateway.installation.public, request("POST", "/v1/events", posting(gateway, "Content-Encoding: gzip"), small)
    )
    assert heard.statuses == [413]
    assert heard.closed
    assert high_water(gateway) - before < 32


@pytest.mark.parametrize("where", ["public", "private"])
async def test_a_gzip_bomb_that_nobody_reads_holds_up_nobody(gateway: Process, where: str) -> None:
    """Who has no key can have nothing decompressed: all others are served at once while a gibibyte in a mebibyte comes in."""
    port: int = getattr(gateway.installation, where)
    said = request("POST", "/nothing", ["Content-Encoding: gzip", "Connection: close"], bomb(1 << 30))
    saying = asyncio.create_task(spoken(port, said))
    slowest = 0.0
    while not saying.done():
        began = time.monotonic()
        assert await serves(gateway)
        slowest = max(slowest, time.monotonic() - began)
    assert (await saying).statuses == [404]
    assert slowest < LINGER / 2


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_large_body_is_refused_in_bounded_memory(gateway: Process, chunked: bool) -> None:
    """A body over the limit is refused with 413, by its length if it has one, else where it passes the limit."""
    before = high_water(gateway)
    chunk = b"x" * 65_536
    parts = [b"10000\r\n" + chunk + b"\r\n"] * 512 if chunked else [chunk] * 512
    how = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {512 * 65_536}"
    heard = await spoken(gateway.installation.public, request("POST", "/v1/events", posting(gateway, how)), *parts)
    assert heard.statuses == [413]
    assert heard.closed
    assert high_water(gateway) - before < 16


# ── what is no HTTP, or should not be ────────────────────────────────────────────────────────────────────────────

PLAIN: Final = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
POST: Final = b"POST /v1/collect HTTP/1.1\r\nHost: x\r\n"
NO_HTTP: Final = {
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03CANARY",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nCANARY",
    "HTTP/0.9 by its form": b"GET /CANARY\r\n\r\n",
    "HTTP/0.9 by its name": b"GET /healthz HTTP/0.9\r\nX: CANARY\r\n\r\n",
    "HTTP/2 by its name": b"GET /healthz HTTP/2.0\r\nHost: x\r\nX: CANARY\r\n\r\n",
    "a version that is none": b"GET /healthz HTTP/CANARY\r\n\r\n",
    "a method that is none": b"CANARY /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "no Host": b"GET /healthz HTTP/1.1\r\nX: CANARY\r\n\r\n",
    "two Hosts": PLAIN + b"Host: CANARY\r\n\r\n",
    "two lengths": POST + b"Content-Length: 6\r\nContent-Length: 7\r\n\r\nCANARY" + PLAIN + b"\r\n",
    "the same length twice": POST + b"Content-Length: 6\r\nContent-Length: 6\r\n\r\nCANARY" + PLAIN + b"\r\n",
    "a list of lengths": POST + b"Content-Length: 6, 6\r\n\r\nCANARY" + PLAIN + b"\r\n",
    "a length with a sign": POST + b"Content-Length: +6\r\n\r\nCANARY" + PLAIN + b"\r\n",
    "a negative length": POST + b"Content-Length: -6\r\n\r\nCANARY" + PLAIN + b"\r\n",
    "length and chunks": POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + PLAIN + b"\r\n",
    "chunks and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n" + PLAIN + b"\r\n",
    "another encoding": POST + b"Transfer-Encoding: xchunked\r\n\r\nCANARY" + PLAIN + b"\r\n",
    "chunks not last": POST + b"Transfer-Encoding: chunked, CANARY\r\n\r\n0\r\n\r\n" + PLAIN + b"\r\n",
    "chunks twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + PLAIN + b"\r\n",
    "chunks in HTTP/1.0": POST.replace(b"1.1", b"1.0")
    + b"Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    + PLAIN
    + b"\r\n",
    "bare line feeds": b"GET /healthz HTTP/1.1\nHost: x\nX: CANARY\n\n",
    "one bare line feed": PLAIN + b"X: CANARY\nY: y\r\n\r\n",
    "a bare carriage return": PLAIN + b"X: CAN\rARY\r\n\r\n",
    "a NUL": PLAIN + b"X: CANARY\0\r\n\r\n",
    "a space before the colon": PLAIN + b"CANARY : x\r\n\r\n",
    "a header without a name": PLAIN + b": CANARY\r\n\r\n",
    "a header without a colon": PLAIN + b"CANARY\r\n\r\n",
    "a folded header": PLAIN + b"X: x\r\n CANARY\r\n\r\n",
    "a header of 9 KiB": PLAIN + b"X: " + MARK * 1536 + b"\r\n\r\n",
    "a name of 9 KiB": PLAIN + MARK * 1536 + b": x\r\n\r\n",
    "a target of 9 KiB": b"GET /" + MARK * 1536 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "200 headers": PLAIN + b"".join(b"X-%d: CANARY\r\n" % n for n in range(200)) + b"\r\n",
}
"""Requests that are malformed, or that two servers could read differently; a smuggled one may follow."""

NOT_SERVED: Final = {
    "TRACE": (b"TRACE /v1/events HTTP/1.1\r\nHost: x\r\nX: CANARY\r\n\r\n", 405),
    "TRACE elsewhere": (b"TRACE /CANARY HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    "CONNECT": (b"CONNECT canary.example:443 HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    "PURGE": (b"PURGE /healthz HTTP/1.1\r\nHost: x\r\nX: CANARY\r\n\r\n", 405),
    "DELETE": (b"DELETE /v1/events HTTP/1.1\r\nHost: x\r\nX: CANARY\r\n\r\n", 405),
    "GET of events": (b"GET /v1/events?CANARY HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    "HEAD": (b"HEAD /v1/events?CANARY HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    "OPTIONS *": (b"OPTIONS * HTTP/1.1\r\nHost: x\r\nX: CANARY\r\n\r\n", 404),
    "absolute form": (b"GET http://CANARY/healthz HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    "a path outside": (b"GET /../healthz?CANARY HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    "an encoded path": (b"GET /%68ealthz?CANARY HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    "two slashes": (b"GET //healthz?CANARY HTTP/1.1\r\nHost: x\r\n\r\n", 404),
}


def unseen(gateway: Process, heard: Heard) -> bool:
    """Say whether nothing of what was said came back or was written down."""
    return not any(MARK.lower() in place.lower() for place in (heard.said, gateway.log.read_bytes()))


@pytest.mark.parametrize("name", NO_HTTP)
async def test_what_is_no_http_is_refused_once(gateway: Process, name: str) -> None:
    """A malformed or ambiguous request gets one 4xx, nothing behind it is read, and nothing of it is repeated anywhere."""
    heard = await spoken(gateway.installation.public, NO_HTTP[name])
    assert len(heard.statuses) == 1
    assert 400 <= heard.statuses[0] < 500
    assert heard.closed
    assert heard.seconds < LATE
    assert unseen(gateway, heard)


@pytest.mark.parametrize("name", NOT_SERVED)
async def test_what_is_not_served_is_refused(gateway: Process, name: str) -> None:
    """A method or target that there is not is refused by its status, and nothing of it is repeated anywhere."""
    said, status = NOT_SERVED[name]
    async with connected(gateway.installation.public) as wire:
        await wire.say(said)
        heard = await wire.answer(bodiless=name == "HEAD")
        assert heard.statuses == [status]
        assert unseen(gateway, heard)


async def test_the_private_listener_is_as_quiet(gateway: Process) -> None:
    """What is no HTTP is refused on the private listener too, and repeated nowhere."""
    for name in ("two Hosts", "length and chunks", "a header of 9 KiB", "HTTP/0.9 by its name"):
        heard = await spoken(gateway.installation.private, NO_HTTP[name])
        assert len(heard.statuses) == 1
        assert 400 <= heard.statuses[0] < 500
        assert unseen(gateway, heard)


# ── what is fine ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_pipelined_requests_are_answered_in_order(gateway: Process) -> None:
    """Requests sent without waiting are each answered, in their order."""
    posts = [request("POST", "/v1/events", posting(gateway), event(f"pipe-{n}")) for n in range(20)]
    async with connected(gateway.installation.public) as wire:
        await wire.say(b"".join(posts) + request("GET", "/healthz", ["Connection: close"]))
        heard = await wire.hear()
    assert heard.statuses == [202] * 20 + [200]
    places = [heard.said.index(b'"pipe-%d"' % n) for n in range(20)]
    assert places == sorted(places)


async def test_a_connection_is_kept(gateway: Process) -> None:
    """Request after request is served on one connection, until one asks to close it."""
    async with connected(gateway.installation.public) as wire:
        for n in range(10):
            await wire.say(request("POST", "/v1/events", posting(gateway), event(f"kept-{n}")))
            assert (await wire.answer()).statuses == [202]
        await wire.say(request("GET", "/healthz", ["Connection: close"]))
        heard = await wire.hear()
    assert heard.statuses == [200]
    assert heard.closed
    assert heard.seconds < 1


async def test_head_is_answered_without_a_body(gateway: Process) -> None:
    """The answer to HEAD ends with its headers, so the next request's answer is not mistaken for a body."""
    async with connected(gateway.installation.public) as wire:
        await wire.say(
            request("HEAD", "/v1/events") + request("HEAD", "/healthz") + request("GET", "/healthz", ["Connection: close"])
        )
        heard = await wire.hear()
    assert heard.statuses == [405, 200, 200]
    assert heard.said.count(b"method_not_allowed") == 0
    assert heard.said.count(b"ok\n") == 1


async def test_who_expects_a_go_ahead_gets_it(gateway: Process) -> None:
    """A client that waits for `100 Continue` before it sends its body is told to go on, and then answered."""
    body = event("expect-1")
    head = request("POST", "/v1/events", posting(gateway, "Expect: 100-continue", f"Content-Length: {len(body)}"))
    async with connected(gateway.installation.public) as wire:
        await wire.say(head)
        assert (await wire.answer()).said == b"HTTP/1.1 100 Continue\r\n\r\n"
        await wire.say(body)
        assert (await wire.answer()).statuses == [202]


@pytest.mark.parametrize(("headers", "status"), [(["Content-Length: 9"], 401), (["Content-Length: 9000000"], 401)])
async def test_who_is_refused_gets_no_go_ahead(gateway: Process, headers: list[str], status: int) -> None:
    """Where the headers alone are reason to refuse, the body is not asked for."""
    async with connected(gateway.installation.public) as wire:
        await wire.say(request("POST", "/v1/events", ["Expect: 100-continue", *headers]))
        assert (await wire.answer()).statuses == [status]


async def test_too_large_a_body_gets_no_go_ahead(gateway: Process) -> None:
    """A body that says that it is over the limit is refused before it is sent."""
    head = request("POST", "/v1/events", posting(gateway, "Expect: 100-continue", "Content-Length: 9000000"))
    async with connected(gateway.installation.public) as wire:
        await wire.say(head)
        assert (await wire.answer()).statuses == [413]


async def test_an_old_client_is_served_once(gateway: Process) -> None:
    """HTTP/1.0 is answered and the connection closed."""
    heard = await spoken(gateway.installation.public, b"GET /healthz HTTP/1.0\r\n\r\n")
    assert heard.statuses == [200]
    assert heard.closed


async def test_an_old_client_gets_no_go_ahead(gateway: Process) -> None:
    """HTTP/1.0 knows no `100 Continue`: such a client would take it for its answer (RFC 9110, 10.1.1)."""
    body = event("expect-2")
    head = request("POST", "/v1/events", posting(gateway, "Expect: 100-continue", f"Content-Length: {len(body)}"))
    heard = await spoken(gateway.installation.public, head.replace(b"HTTP/1.1", b"HTTP/1.0"), body, pause=0.1)
    assert heard.statuses == [202]


async def test_a_browser_is_not_kept_waiting_by_the_crowd(gateway: Process) -> None:
    """While as many connections as allowed dawdle, the one that is left is served at once."""
    port = gateway.installation.public
    dawdlers = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MOST - 1)]
    for _, writer in dawdlers:
        writer.write(b"POST /v1/collect HTTP/1.1\r\nOrigin: " + ORIGIN.encode())
    began = time.monotonic()
    assert await serves(gateway)
    assert time.monotonic() - began < 0.5
    for _, writer in dawdlers:
        writer.close()
