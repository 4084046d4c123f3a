import asyncio
import gc
import gzip
import io
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise, product
from typing import Final

import aiohttp
import aiohttp.http_parser
import msgspec
import pytest
from aiohttp import web
from aiohttp.streams import StreamReader
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import listener
from gateway.limits import network_of
from gateway.listener import (
    HEADERS,
    Answer,
    Caps,
    Handler,
    QuietServer,
    Reply,
    Taker,
    Unheard,
    Whole,
    answer,
    assert_sound_aiohttp,
    closing,
    problem,
    takes_nothing,
)
from gateway.log import Log
from tests.wire import Wire, connected, request, spoken

CANARY = "canary-7f3a@example.com"
PING = request("GET", "/")
H2C = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA")
ASKS = request("GET", "/asks", H2C)
TELLS = request("POST", "/tells", H2C, b"abc")
SOCKET = request("GET", "/ws", ["Connection: Upgrade", "Upgrade: websocket"])
CHUNKED = request("POST", "/chunks", [*H2C, "Transfer-Encoding: chunked"]) + b"3\r\nabc\r\n0\r\n\r\n"
ROOMY = Caps(10, 10, 5.0)


class Listening(msgspec.Struct):
    """A listener, its port, its log and whom it did not hear."""

    server: QuietServer
    port: int
    log: io.StringIO
    unheard: list[Unheard]


@asynccontextmanager
async def listening(handler: Handler, caps: Caps = ROOMY, taker: Taker = takes_nothing) -> AsyncIterator[Listening]:
    """Listen on loopback."""
    log, unheard = io.StringIO(), list[Unheard]()
    server = QuietServer(handler, caps, Log(log), taker, count=unheard.append)
    runner = web.ServerRunner(server, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield Listening(server, runner.addresses[0][1], log, unheard)
    finally:
        await runner.cleanup()


async def pong(_request: web.BaseRequest) -> web.StreamResponse:
    """Answer anything."""
    return answer(200, b"pong\n", content_type="text/plain")


async def is_served(wire: Wire) -> bool:
    """Say whether a connection gets an answer."""
    await wire.say(PING)
    try:
        return (await wire.answer()).statuses == [200]
    except (asyncio.IncompleteReadError, ConnectionError):
        return False


# ── what it stands on ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_installed_aiohttp_is_sound() -> None:
    """What the lock file installs passes."""
    assert_sound_aiohttp()


@pytest.mark.parametrize("version", ["3.14.4", "3.9.5", "2.0"])
def test_an_old_aiohttp_is_refused(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    """Older ones have known faults in reading requests."""
    monkeypatch.setattr(aiohttp, "__version__", version)
    with pytest.raises(RuntimeError, match=r"3\.14\.5"):
        assert_sound_aiohttp()


def test_the_slow_parser_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the C parser the gateway does not start."""
    monkeypatch.setattr(aiohttp.http_parser, "HttpRequestParser", aiohttp.http_parser.HttpRequestParserPy)
    with pytest.raises(RuntimeError, match="C parser"):
        assert_sound_aiohttp()


# ── answers ──────────────────────────────────────────────────────────────────────────────────────────────────────


MADE = [
    answer(204),
    answer(204, headers={"Vary": "Origin"}),
    answer(200),
    answer(200, b"x", content_type="text/plain"),
    answer(202, b"x" * 999),
    answer(202, b"x" * 1000),
    problem(400, "not_json"),
    problem(503, "store_full", {"Retry-After": "7"}),
]


@pytest.mark.parametrize("made", MADE, ids=str)
async def test_an_answer_is_what_aiohttp_would_have_written(made: Answer) -> None:
    """The same status line, headers, length and body, and the connection stays or goes as it would have."""

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/ours":
            return Answer(made.status, made.body, made.extra, made.type)
        kind = {"Content-Type": made.type} if made.body else {}
        return web.Response(status=made.status, body=made.body or None, headers={**HEADERS, **kind, **made.extra})

    async with listening(handler) as there:
        for method, (version, header) in product(("GET", "HEAD", "POST", "OPTIONS"), WAYS):
            heard = []
            for path in ("/ours", "/aiohttp"):
                asked = f"{method} {path} HTTP/{version}\r\nHost: x\r\n"
                last = f"{asked}Connection: close\r\n\r\n"
                heard.append((await spoken(there.port, f"{asked}{header}\r\n{last}".encode())).said)
            ours, theirs = ([sorted(part.split(b"\r\n")) for part in DATE.sub(b"", said).split(b"\r\n\r\n")] for said in heard)
            assert heard[0].startswith(b"HTTP/")
            assert ours == theirs, (method, version, header)


DATE = re.compile(rb"Date: [^\r]+ GMT\r\n")
WAYS = (("1.1", ""), ("1.1", "Connection: close\r\n"), ("1.0", ""), ("1.0", "Connection: keep-alive\r\n"))


async def test_a_header_is_one_line() -> None:
    """What would begin another header is a bug, and answered as one."""

    async def split(_request: web.BaseRequest) -> web.StreamResponse:
        return answer(200, b"x", {"Vary": "a\r\nSet-Cookie: b"})

    async with listening(split) as there:
        heard = await spoken(there.port, PING)
    assert (heard.statuses, heard.closed) == ([500], True)
    assert b"Set-Cookie" not in heard.said


async def test_a_client_that_does_not_read_is_waited_for() -> None:
    """However fast it asks, its answers do not pile up in memory: the next is made when the last has left."""
    made = 0

    async def big(_request: web.BaseRequest) -> web.StreamResponse:
        nonlocal made
        made += 1
        return answer(200, bytes(1 << 20))

    async with listening(big) as there, connected(there.port) as wire:
        await wire.say(PING * 64)
        await asyncio.sleep(0.3)
        assert made < 32


@pytest.mark.parametrize(
    ("said", "size"),
    [
        pytest.param(PING * 64, 1 << 20, id="while it is answered"),
        pytest.param(request("GET", "/", ["Connection: close"]), 8 << 20, id="closed behind its answer"),
        pytest.param(PING + b"GARBAGE\r\n\r\n", 8 << 20, id="that spoke no HTTP"),
    ],
)
async def test_a_client_that_takes_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch, said: bytes, size: int) -> None:
    """As one that says nothing is: it would hold its connection, and what is left of its answer, for ever."""
    monkeypatch.setattr(listener, "UNREAD_SECONDS", 0.1)

    async def big(_request: web.BaseRequest) -> web.StreamResponse:
        return answer(200, bytes(size))

    async with listening(big, Caps(10, 10, 0.1)) as there, connected(there.port, limit=1 << 10) as wire:
        await wire.say(said[: len(PING)], said[len(PING) :], pause=0.05)
        async with asyncio.timeout(5):
            while there.server.open_connections:  # noqa: ASYNC110 - seen from outside
                await asyncio.sleep(0.01)
        assert there.unheard == [Unheard.UNREAD]


async def test_a_client_that_takes_a_little_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long its answer takes it."""
    monkeypatch.setattr(listener, "UNREAD_SECONDS", 0.5)

    async def big(_request: web.BaseRequest) -> web.StreamResponse:
        return answer(200, bytes(32 << 20))

    async with listening(big) as there, connected(there.port, limit=1 << 10) as wire:
        await wire.say(PING)
        await wire.reader.readuntil(b"\r\n\r\n")
        for _ in range(32):
            await wire.reader.readexactly(1 << 20)
            await asyncio.sleep(0.05)
        assert there.unheard == []


async def test_a_client_that_takes_nothing_is_not_read_ahead() -> None:
    """What it goes on sending stays with it, but for little: whoever it is, it could fill the memory with it."""

    async def big(_request: web.BaseRequest) -> web.StreamResponse:
        return answer(200, bytes(8 << 20))

    def bodies() -> list[StreamReader]:
        return [thing for thing in gc.get_objects() if type(thing) is StreamReader]

    others = bodies()  # of tests before this one, kept so that none of them is taken for one of its own
    async with listening(big) as there, connected(there.port, limit=1 << 10) as wire:
        await wire.say(PING)
        saying = asyncio.create_task(wire.say(request("POST", "/", [], bytes(1 << 18)) * 32))
        await asyncio.sleep(0.5)
        saying.cancel()
        known = set(map(id, others))
        held = [body.total_bytes for body in bodies() if id(body) not in known]
        wire.reset()
        assert held
        assert sum(held) < 1 << 20


def test_every_answer_has_the_same_headers() -> None:
    """No version of anything, nothing for a cache, no guessing of types."""
    assert set(HEADERS) == {"Server", "Cache-Control", "X-Content-Type-Options"}


def test_an_error_is_a_code() -> None:
    """JSON with one member."""
    made = problem(400, "not_json")
    assert (made.status, json.loads(made.body), made.type) == (400, {"error": "not_json"}, "application/json")
    assert repr(made) == "<Answer 400>"


async def test_a_bug_is_a_500_that_says_nothing() -> None:
    """The client gets a code, the log gets the exception's class and the line of code; its text is nowhere."""

    async def broken(_request: web.BaseRequest) -> web.StreamResponse:
        raise LookupError(CANARY)

    async with listening(broken) as there:
        heard = await spoken(there.port, request("POST", f"/{CANARY}", [f"X: {CANARY}"], CANARY.encode()))
        line = json.loads(there.log.getvalue())
    assert (heard.statuses, heard.body, heard.closed) == ([500], b'{"error":"internal_error"}', True)
    assert (line["happening"], line["error"]) == ("unexpected_error", "LookupError")
    assert line["where"].startswith("gateway/test_listener.py:")
    assert CANARY not in there.log.getvalue()


async def test_a_bug_after_the_answer_began_cuts_the_connection() -> None:
    """Half an answer must not be completed by an error that looks like a part of it."""

    async def broken(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"half")
        raise LookupError(CANARY)

    async with listening(broken) as there:
        heard = await spoken(there.port, PING)
    assert heard.closed
    assert heard.said.count(b"HTTP/1.1") == 1
    assert b"error" not in heard.said


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
async def test_a_body_is_given_as_it_came(encoding: str) -> None:
    """No encoding is undone before somebody asks for it: what nobody reads would be decompressed without a pause."""

    async def read(request: web.BaseRequest) -> web.StreamResponse:
        return answer(200, await request.read())

    sent = gzip.compress(b"body", mtime=0)
    async with listening(read) as there:
        heard = await spoken(there.port, request("POST", "/", [f"Content-Encoding: {encoding}", "Connection: close"], sent))
        assert (heard.statuses, heard.body) == ([200], sent)
        assert not there.log.getvalue()


# ── how many ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_connections_are_capped_in_all() -> None:
    """Beyond the cap a connection is closed at once; when one goes, another may come."""
    async with listening(pong, Caps(2, 10, 5.0)) as there, connected(there.port) as first:
        async with connected(there.port) as second, connected(there.port) as third:
            assert [await is_served(wire) for wire in (first, second, third)] == [True, True, False]
        async with asyncio.timeout(5):
            while there.server.open_connections > 1:  # noqa: ASYNC110 - the socket's end is not ours to signal
                await asyncio.sleep(0.01)
        async with connected(there.port) as fourth:
            assert await is_served(fourth)


async def test_connections_are_capped_per_client_and_uncounted() -> None:
    """One network has its own cap; nothing is remembered of a client that has gone."""
    async with listening(pong, Caps(10, 1, 5.0)) as there:
        async with connected(there.port) as first, connected(there.port) as second:
            assert [await is_served(wire) for wire in (first, second)] == [True, False]
            assert there.server.per_client == {network_of("127.0.0.1"): 1}
        async with asyncio.timeout(5):
            while there.server.open_connections:  # noqa: ASYNC110 - same
                await asyncio.sleep(0.01)
        assert there.server.per_client == {}


async def test_a_trusted_proxy_has_no_cap_of_its_own() -> None:
    """All visitors come through it."""
    async with listening(pong, Caps(10, 1, 5.0, exempt=lambda peer: peer == "127.0.0.1")) as there:
        async with connected(there.port) as first, connected(there.port) as second:
            assert [await is_served(wire) for wire in (first, second)] == [True, True]
        assert there.server.per_client == {}


# ── who is not heard ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", Unheard.BAD_HTTP),
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", Unheard.BAD_HTTP),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", Unheard.BAD_HTTP),
        (request("GET", "/", ["X: " + 9000 * "x"]), Unheard.BAD_HTTP),
        (request("GET", "/" + 9000 * "x"), Unheard.BAD_HTTP),
        (request("POST", "/", ["Transfer-Encoding: chunked"]).replace(b"1.1", b"1.0") + b"0\r\n\r\n", Unheard.BAD_HTTP),
        (PING[:-2], Unheard.SLOW_HEADERS),
        (PING[:3], Unheard.SLOW_HEADERS),
        (request("POST", "/", [], b"body")[:-2], None),
        (b"", None),
    ],
)
async def test_what_is_not_heard_is_counted(said: bytes, why: Unheard | None) -> None:
    """By why, once; not who connects and says nothing, and not who is answered by the handler."""
    async with listening(pong, Caps(10, 10, 0.1)) as there:
        heard = await spoken(there.port, said, seconds=1.0)
        assert heard.closed is (why is not None or not said)
        assert there.unheard == ([] if why is None else [why])
        assert not there.log.getvalue()


async def test_a_next_request_that_does_not_end_is_counted() -> None:
    """Behind one that was answered the headers have their time anew."""
    async with listening(pong, Caps(10, 10, 0.1)) as there:
        await spoken(there.port, PING, PING[:3], pause=0.02, seconds=1.0)
        assert there.unheard == [Unheard.SLOW_HEADERS]


@pytest.mark.parametrize(
    ("caps", "why"),
    [(Caps(1, 10, 5.0), Unheard.TOO_MANY_CONNECTIONS), (Caps(10, 1, 5.0), Unheard.TOO_MANY_OF_CLIENT)],
)
async def test_connections_that_are_too_many_are_counted(caps: Caps, why: Unheard) -> None:
    """By which cap it was."""
    async with listening(pong, caps) as there, connected(there.port) as first, connected(there.port) as second:
        assert [await is_served(wire) for wire in (first, second)] == [True, False]
        assert there.unheard == [why]


# ── requests that are there whole ────────────────────────────────────────────────────────────────────────────────


class Taken(msgspec.Struct):
    """What was taken whole, and how to answer it."""

    requests: list[tuple[Whole, Reply]] = []

    def take(self, request: Whole, reply: Reply) -> bool:
        """Take `/whole`, to be answered later, and answer `/now` at once."""
        if request.raw_path == "/now":
            reply(answer(200, b"now", content_type="text/plain"))
            return True
        if request.raw_path == "/bug":
            raise LookupError(CANARY)
        if request.raw_path != "/whole":
            return False
        self.requests.append((request, reply))
        return True

    async def next(self) -> tuple[Whole, Reply]:
        """Wait for a request."""
        async with asyncio.timeout(5):
            while not self.requests:  # noqa: ASYNC110 - it comes by a callback
                await asyncio.sleep(0.001)
        return self.requests.pop(0)


def whole(path: str = "/whole", *headers: str, body: bytes = b"body") -> bytes:
    """A request with a body."""
    return request("POST", path, list(headers), body)


async def test_a_whole_request_is_taken_and_answered_later() -> None:
    """With its method, target, headers and body; the answer is what the handler's would be, and the connection stays."""
    taken = Taken()
    async with listening(pong, taker=taken.take) as there, connected(there.port) as wire:
        for number in range(3):
            await wire.say(whole("/whole", f"X-Number: {number}"))
            came, reply = await taken.next()
            assert (came.method, came.raw_path, came.headers["x-number"]) == ("POST", "/whole", str(number))
            assert came.content.read_nowait() == b"body"
            reply(problem(503, "store_full", {"Retry-After": "7"}) if number else answer(202, b"{}"))
            heard = await wire.answer()
            assert heard.statuses == [503 if number else 202]
            assert b"Server: consent-gateway" in heard.said
        await wire.say(whole("/now"))
        assert (await wire.answer()).body == b"now"
        await wire.say(PING)
        assert (await wire.answer()).body == b"pong\n"


async def test_what_is_not_whole_or_not_wanted_goes_to_the_handler() -> None:
    """A body in parts, chunks, an older HTTP, a connection that shall close, another target: all by aiohttp's own way."""
    taken = Taken()
    ways: list[tuple[bytes, ...]] = [
        (whole()[:-2], whole()[-2:]),
        (whole("/other"),),
        (whole("/whole", "Connection: close"),),
        (whole().replace(b"HTTP/1.1", b"HTTP/1.0"),),
    ]
    async with listening(pong, taker=taken.take) as there:
        for parts in ways:
            async with connected(there.port) as wire:
                await wire.say(*parts, pause=0.02)
                assert (await wire.answer()).body == b"pong\n"
    assert not taken.requests


async def test_what_follows_a_taken_request_is_answered_behind_it() -> None:
    """Pipelined requests keep their order, whichever way each goes."""
    taken = Taken()
    async with listening(pong, taker=taken.take) as there, connected(there.port) as wire:
        await wire.say(whole())
        _, reply = await taken.next()
        await wire.say(PING, whole("/now"))
        await asyncio.sleep(0.05)
        reply(answer(200, b"first"))
        assert [(await wire.answer()).body for _ in range(3)] == [b"first", b"pong\n", b"pong\n"]


class Echo:
    """Answers what it was sent with its target and its body: taken whole, at once or later, or by the handler."""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer what was not taken."""
        return answer(200, request.raw_path.encode() + b" " + await request.read())

    def take(self, request: Whole, reply: Reply) -> bool:
        """Take what is for it."""
        if request.raw_path.startswith("/h"):
            return False
        said = answer(200, request.raw_path.encode() + b" " + request.content.read_nowait())
        if request.raw_path.startswith("/n"):
            reply(said)
        else:
            asyncio.get_running_loop().call_later(0.004, reply, said)  # the next piece comes before
        return True


SENT: Final = st.lists(
    st.tuples(st.sampled_from("nlh"), st.binary(max_size=40), st.sampled_from(("plain", "chunked"))), min_size=1, max_size=8
)


@given(SENT, st.lists(st.integers(1, 1200), max_size=6, unique=True).map(sorted), st.sampled_from((0.0, 0.002)))
@settings(max_examples=60)
def test_each_of_many_requests_has_its_own_answer(sent: list[tuple[str, bytes, str]], cuts: list[int], pause: float) -> None:
    """On one connection, cut anywhere, whoever answers each, at once or later: in their order, none lost, none twice."""
    asyncio.run(have_echoed(sent, cuts, pause))


async def have_echoed(sent: list[tuple[str, bytes, str]], cuts: list[int], pause: float) -> None:
    """Send requests on one connection in pieces, and hold the answers against them."""
    echo, said, wanted = Echo(), b"", []
    for number, (whose, body, form) in enumerate(sent):
        if form == "chunked":
            chunks = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            head = request("POST", f"/{whose}{number}", ["Transfer-Encoding: chunked"])
            said += head + chunks + b"0\r\n\r\n"
        else:
            said += request("POST", f"/{whose}{number}", [], body)
        wanted.append(f"/{whose}{number} ".encode() + body)
    parts = [said[start:end] for start, end in pairwise([0, *(cut for cut in cuts if cut < len(said)), len(said)])]
    async with listening(echo.handle, taker=echo.take) as there, connected(there.port) as wire:
        await wire.say(*parts, pause=pause)
        assert [(await wire.answer()).body for _ in wanted] == wanted
        assert there.log.getvalue() == ""


async def test_an_answer_that_closes_closes_behind_a_taken_request() -> None:
    """The answer says so and is the last one."""
    taken = Taken()
    async with listening(pong, taker=taken.take) as there, connected(there.port) as wire:
        await wire.say(whole())
        (_, reply) = await taken.next()
        await wire.say(PING)
        reply(closing(problem(413, "body_too_large")))
        heard = await wire.hear()
        assert (heard.statuses, heard.closed) == ([413], True)
        assert b"Connection: close" in heard.said


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_client_that_left_is_not_answered(at_once: bool) -> None:
    """Its answer is for nobody, its connection is uncounted, and no task of it stays behind.

    Where it only closed its side it may yet listen, so that is so once it would have been answered.
    """
    taken = Taken()
    async with listening(pong, taker=taken.take) as there:
        before = len(asyncio.all_tasks())
        async with connected(there.port) as wire:
            await wire.say(whole())
            _, reply = await taken.next()
            if at_once:
                wire.reset()
        if not at_once:
            await asyncio.sleep(0.02)
            assert there.server.open_connections == 1
            reply(answer(200))
        async with asyncio.timeout(5):
            while there.server.open_connections or len(asyncio.all_tasks()) > before:  # noqa: ASYNC110 - seen from outside
                await asyncio.sleep(0.001)
        if at_once:
            reply(answer(200))
        assert not there.log.getvalue()


@pytest.mark.parametrize("late", [False, True])
async def test_a_bug_in_what_takes_is_a_500_that_says_nothing(late: bool) -> None:
    """Raised or told, as of any handler."""
    taken = Taken()
    async with listening(pong, taker=taken.take) as there, connected(there.port) as wire:
        await wire.say(whole("/whole" if late else "/bug"))
        if late:
            (_, reply) = await taken.next()
            reply(LookupError(CANARY))
        heard = await wire.hear()
        assert (heard.statuses, heard.body, heard.closed) == ([500], b'{"error":"internal_error"}', True)
        assert json.loads(there.log.getvalue())["error"] == "LookupError"
        assert CANARY not in there.log.getvalue()


async def test_stopping_waits_for_what_was_taken() -> None:
    """As for a handler under way: it is answered, and then the connection closes."""
    taken = Taken()
    async with listening(pong, taker=taken.take) as there, connected(there.port) as wire:
        await wire.say(whole())
        (_, reply) = await taken.next()
        stopping = asyncio.create_task(there.server.shutdown(5.0))
        await asyncio.sleep(0.05)
        assert not stopping.done()
        reply(answer(202, b"{}"))
        heard = await wire.hear()
        assert (heard.statuses, heard.closed) == ([202], True)
        async with asyncio.timeout(1):
            await stopping


async def test_a_connection_with_a_taken_request_is_not_idle() -> None:
    """The clock of headers does not run while an answer is due, nor behind it while nothing comes."""
    taken = Taken()
    caps = Caps(10, 10, 0.1)
    async with listening(pong, caps, taken.take) as there, connected(there.port) as wire:
        await wire.say(whole())
        (_, reply) = await taken.next()
        await asyncio.sleep(0.2)
        reply(answer(200, b"late"))
        assert (await wire.answer()).body == b"late"
        await wire.say(whole("/now"))
        assert (await wire.answer()).body == b"now"
        await asyncio.sleep(0.2)
        assert await is_served(wire)


# ── who has said all ─────────────────────────────────────────────────────────────────────────────────────────────────


SLOW = 0.05


async def _slowly(got: web.BaseRequest) -> web.StreamResponse:
    body = await got.read()
    await asyncio.sleep(SLOW)
    return answer(200, got.raw_path.encode() + b" " + body + b";")


def _takes_slowly(got: Whole, reply: Reply) -> bool:
    said = answer(200, got.raw_path.encode() + b" " + got.content.read_nowait() + b";")
    asyncio.get_running_loop().call_later(SLOW, reply, said)
    return True


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        pytest.param([whole("/1")], [b"/1 body;"], id="one"),
        pytest.param([whole("/1")[:-2], whole("/1")[-2:]], [b"/1 body;"], id="in parts"),
        pytest.param([PING], [b"/ ;"], id="without a body"),
        pytest.param([PING.replace(b"1.1", b"1.0")], [b"/ ;"], id="of HTTP/1.0"),
        pytest.param([request("POST", "/2", ["Transfer-Encoding: chunked"]) + b"1\r\nx\r\n0\r\n\r\n"], [b"/2 x;"], id="chunks"),
        pytest.param([whole("/1") + whole("/2") + PING], [b"/1 body;", b"/2 body;", b"/ ;"], id="several"),
        pytest.param([whole("/1"), whole("/2"), PING], [b"/1 body;", b"/2 body;", b"/ ;"], id="one after the other"),
        pytest.param([whole("/1") + b"GET /2 HT"], [b"/1 body;"], id="with a head that has no end"),
        pytest.param([TELLS], [b"/tells abc;"], id="offering another protocol"),
        pytest.param([SOCKET], [b"/ws ;"], id="offering WebSocket"),
        pytest.param([SOCKET + whole("/2") + PING], [b"/ws ;", b"/2 body;", b"/ ;"], id="behind one that offers WebSocket"),
        pytest.param([SOCKET + whole("/2")[:-1]], [b"/ws ;"], id="half a body behind one that offers WebSocket"),
        pytest.param([b"\x16\x03\x01\r\n\r\n"], [b'{"error":"bad_http"}'], id="no HTTP"),
    ],
)
@pytest.mark.parametrize("taker", [takes_nothing, _takes_slowly])
@pytest.mark.parametrize("pause", [0.0, 0.01])
async def test_a_client_that_closes_its_side_is_answered(
    parts: list[bytes], told: list[bytes], taker: Taker, pause: float
) -> None:
    """Whoever says by that alone that this was all (`nc -N`, old libraries) hears every answer; then the connection closes."""
    async with listening(_slowly, taker=taker) as there, connected(there.port) as wire:
        await wire.say(*parts, pause=pause)
        wire.writer.write_eof()
        heard = await wire.hear()
        assert [said.partition(b"\r\n\r\n")[2] for said in heard.said.split(b"HTTP/1.")[1:]] == told
        assert heard.closed
        assert heard.seconds < 1.0


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(PING[:-2], id="half a head"),
        pytest.param(whole()[:-1], id="half a body"),
        pytest.param(request("POST", "/", ["Transfer-Encoding: chunked"]) + b"4\r\nbody\r\n", id="chunks without an end"),
        pytest.param(PING + whole()[:-1], id="half a body behind a whole request"),
    ],
)
async def test_what_breaks_off_is_not_answered(said: bytes) -> None:
    """The end of a connection is no end of a body: nothing that a client may take for an answer comes back."""
    ended = asyncio.Event()

    async def reads(got: web.BaseRequest) -> web.StreamResponse:
        try:
            await got.read()
            await asyncio.sleep(SLOW)
        finally:
            ended.set()
        return answer(200)

    async with listening(reads) as there, connected(there.port) as wire:
        await wire.say(said)
        wire.writer.write_eof()
        heard = await wire.hear()
        assert (heard.said, heard.closed) == (b"", True)
        assert heard.seconds < 1.0


async def test_a_stream_ends_with_its_reader() -> None:
    """An answer that goes on and on, as live updates do, is for nobody once the other side has closed."""
    ended = asyncio.Event()

    async def streams(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"more")
                await asyncio.sleep(0.02)
        finally:
            ended.set()

    async with listening(streams) as there, connected(there.port) as wire:
        await wire.say(PING)
        await wire.reader.readuntil(b"more")
        wire.writer.write_eof()
        async with asyncio.timeout(1):
            await ended.wait()


# ── other protocols ──────────────────────────────────────────────────────────────────────────────────────────────


async def _says_where(got: web.BaseRequest) -> web.StreamResponse:
    return answer(200, got.path.encode() + b":" + await got.read() + b"\n", content_type="text/plain")


async def _at_once(got: web.BaseRequest) -> web.StreamResponse:
    return answer(200, got.path.encode() + b":\n", content_type="text/plain")


def _takes_where(got: Whole, reply: Reply) -> bool:
    reply(answer(200, got.raw_path.encode() + b":\n", content_type="text/plain"))
    return True


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([ASKS + PING], id="in one piece"),
        pytest.param([TELLS + PING], id="behind a body"),
        pytest.param([TELLS[:-2], TELLS[-2:] + PING], id="behind the rest of a body"),
        pytest.param([TELLS[:40], TELLS[40:] + PING], id="behind the rest of a head"),
        pytest.param([CHUNKED + PING], id="behind chunks"),
        pytest.param([CHUNKED[:-4], CHUNKED[-4:] + PING], id="behind the last chunk"),
        pytest.param([ASKS + TELLS], id="asks twice"),
        pytest.param([request("GET", "/asks", ["Connection: upgrade", "Upgrade: websocket, h2c"]) + PING], id="of two"),
        pytest.param([request("POST", "/tells", H2C, b"\r\n\r\n") + PING], id="a body like a head"),
    ],
)
@pytest.mark.parametrize(
    ("handler", "taker"), [(_says_where, takes_nothing), (_at_once, takes_nothing), (_at_once, _takes_where)]
)
async def test_what_follows_a_request_for_another_protocol_is_not_lost_silently(
    parts: list[bytes], handler: Handler, taker: Taker
) -> None:
    """The request is answered as if it asked for nothing, and where something behind it is gone the connection is too."""
    async with listening(handler, taker=taker) as there:
        heard = await spoken(there.port, *parts, pause=0.1, seconds=4.0)
    assert heard.statuses == [200]
    assert heard.closed
    assert heard.seconds < 2.0


@pytest.mark.parametrize("first", [PING, TELLS.replace(b"Upgrade", b"None")])
async def test_what_came_before_a_request_for_another_protocol_is_answered_too(first: bytes) -> None:
    """In one read with it: both are, and then the connection closes."""
    async with listening(_says_where) as there:
        heard = await spoken(there.port, first + ASKS)
    assert (heard.statuses, heard.closed) == ([200, 200], True)
    assert heard.said.endswith(b"/asks:\n")


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([ASKS, ASKS, PING], id="without a body"),
        pytest.param([TELLS, TELLS, PING], id="with a body"),
        pytest.param([TELLS[:-3], TELLS[-3:], TELLS[:-2], TELLS[-2:-1], TELLS[-1:]], id="head and body by themselves"),
        pytest.param([request("GET", "/", ["Upgrade: h2c"]) + PING], id="not of this connection"),
        pytest.param([request("GET", "/", ["Connection: upgrade", "Upgrade: websocket"]) + PING], id="what aiohttp keeps"),
    ],
)
@pytest.mark.parametrize("taker", [takes_nothing, _takes_where])
async def test_who_merely_offers_another_protocol_keeps_the_connection(parts: list[bytes], taker: Taker) -> None:
    """Java's own client offers HTTP/2 with every request that is not encrypted, and waits for each answer."""
    async with listening(_says_where, taker=taker) as there:
        heard = await spoken(there.port, *parts, pause=0.1, seconds=1.0)
    assert not heard.closed
    assert set(heard.statuses) == {200}
    assert len(heard.statuses) == sum(part.count(b" HTTP/1.1") for part in parts)
