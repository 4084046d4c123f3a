"""Over real sockets: a reply is bounded, a failure says what is certain, proof of who asks goes where it belongs only."""

import asyncio
import gc
import logging
import ssl
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from aioresponses import aioresponses

from gateway.adapter import Access, Reply, Request
from gateway.delivery.fates import (
    BAD_CERTIFICATE,
    CALLED_OFF,
    CONNECT_TIMEOUT,
    CONNECTION_LOST,
    NO_NAME,
    NO_TLS,
    NOT_CONNECTED,
    REFUSED,
    TIMED_OUT,
    UNREACHABLE,
    NoReply,
)
from gateway.delivery.transport import BODY_LIMIT, Transport
from gateway.secret import Secret
from tests.gateway.delivery.clearing import cleared, hosts
from tests.tls import late_server, self_signed

TOKEN = Access(Secret("tok-canary-77aa"))
REQUEST = Request("/v1/events?a=%2F1&b=%7Bx%7D", b'{"data": ["e1"]}')

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serve raw bytes on loopback: `talk` gets each connection; gives the address as host and port."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """Read one request whole."""
    head = await reader.readuntil(b"\r\n\r\n")
    return head + await reader.readexactly(len(REQUEST.body))


def answering(*parts: bytes, seen: list[bytes] | None = None) -> Talk:
    """Read a request and answer with these bytes."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await read_request(reader)
        if seen is not None:
            seen.append(request)
        for part in parts:
            writer.write(part)
            await writer.drain()

    return talk


async def post(talk: Talk, seconds: float = 2.0) -> Reply | NoReply:
    """Send the request to a server that talks like this."""
    async with server(talk) as address, Transport(hosts=hosts(f"http://{address}")) as transport:
        return await transport.send(cleared(f"http://{address}", REQUEST, TOKEN), seconds)


async def sent(request: Request, access: Access) -> tuple[str, list[str]]:
    """Send a request without a body to a server that only looks; gives its first line and its other lines."""
    seen: list[str] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.extend((await reader.readuntil(b"\r\n\r\n")).decode().splitlines())
        writer.write(OK)
        await writer.drain()

    async with server(talk) as address, Transport(hosts=hosts(f"http://{address}")) as transport:
        assert await transport.send(cleared(f"http://{address}", request, access), 2.0) == Reply(200, {}, b"{}")
    return seen[0], seen[1:]


@pytest.mark.parametrize(("path", "joined"), [("/a", "/a?proof=ab%2B1"), ("/a?b=1", "/a?b=1&proof=ab%2B1")])
async def test_a_proof_for_the_query_is_added_to_what_is_there(path: str, joined: str) -> None:
    """Meta wants its proof beside the token, as a parameter."""
    line, _ = await sent(Request(path, b"", "GET"), Access(Secret("t"), query=(("proof", Secret("ab+1")),)))
    assert line == f"GET {joined} HTTP/1.1"


async def test_headers_of_request_and_access_go_along() -> None:
    """An account to act for is the request's; a developer's token is a secret and the access's."""
    access = Access(Secret("t"), headers=(("developer-token", Secret("d-1")),))
    _, headers = await sent(Request("/a", b"", "GET", (("login-customer-id", "1234567890"),)), access)
    assert {"login-customer-id: 1234567890", "developer-token: d-1", "Authorization: Bearer t"} <= set(headers)


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


async def test_sends_what_it_was_given_and_the_token_as_a_header() -> None:
    """The path and body arrive byte for byte, the token only in the Authorization header, and nothing else that is ours."""
    seen: list[bytes] = []
    assert await post(answering(OK, seen=seen)) == Reply(200, {}, b"{}")
    head, body = seen[0].split(b"\r\n\r\n")
    first, *headers = head.decode().split("\r\n")
    assert first == f"POST {REQUEST.path} HTTP/1.1"
    assert body == REQUEST.body
    assert sorted(line.split(":")[0] for line in headers) == [
        "Accept",
        "Accept-Encoding",
        "Authorization",
        "Content-Length",
        "Content-Type",
        "Host",
        "User-Agent",
    ]
    assert "Authorization: Bearer tok-canary-77aa" in headers
    assert seen[0].count(b"canary") == 1


async def test_keeps_only_the_headers_on_the_list() -> None:
    """Of the reply's headers only those about waiting are kept, with lower-case names."""
    reply = await post(
        answering(
            b"HTTP/1.1 429 Slow\r\nRETRY-After: 7\r\nX-Secret: canary\r\nSet-Cookie: a=canary\r\n"
            b"Date: Sun, 22 Nov 2026 10:00:00 GMT\r\nContent-Length: 0\r\n\r\n"
        )
    )
    assert reply == Reply(429, {"retry-after": "7", "date": "Sun, 22 Nov 2026 10:00:00 GMT"}, b"")


async def test_a_redirect_is_an_answer_and_not_followed() -> None:
    """The client does not go where a platform points; the second address never hears of the request."""
    seen: list[bytes] = []
    async with server(answering(OK, seen=seen)) as elsewhere:
        reply = await post(
            answering(b"HTTP/1.1 307 Elsewhere\r\nLocation: http://" + elsewhere.encode() + b"/\r\nContent-Length: 0\r\n\r\n")
        )
    assert reply == Reply(307, {}, b"")
    assert not seen


async def test_cookies_are_not_kept() -> None:
    """A cookie that a platform sets is not sent back."""
    seen: list[bytes] = []
    talk = answering(
        b"HTTP/1.1 200 OK\r\nSet-Cookie: id=1; Path=/\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", seen=seen
    )
    async with server(talk) as address, Transport(hosts=hosts(f"http://{address}")) as transport:
        for _ in range(2):
            await transport.send(cleared(f"http://{address}", REQUEST, TOKEN), 2.0)
    assert len(seen) == 2
    assert not any(b"ookie" in request for request in seen)


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP_PROXY does not divert a request."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert await post(answering(OK)) == Reply(200, {}, b"{}")


async def test_a_giant_body_is_cut() -> None:
    """No more than the limit is read of a reply; the rest is never taken into memory."""
    sent = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        for _ in range(1000):
            writer.write(b"x" * 100_000)
            await writer.drain()
            sent += 100_000

    reply = await post(talk, seconds=5.0)
    assert isinstance(reply, Reply)
    assert len(reply.body) == BODY_LIMIT
    assert sent < 20 * BODY_LIMIT


async def test_a_compressed_bomb_is_cut() -> None:
    """A reply that was compressed unasked is bounded by what it unpacks to."""
    import zlib  # noqa: PLC0415 - only here

    packed = zlib.compress(b"x" * 50_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    reply = await post(answering(head, packed))
    assert isinstance(reply, Reply)
    assert len(reply.body) == BODY_LIMIT


async def test_a_dripping_body_is_cut_by_time() -> None:
    """A reply that comes a byte at a time ends with the deadline: the platform may have the events."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    start = asyncio.get_running_loop().time()
    assert await post(talk, seconds=0.3) == TIMED_OUT
    assert asyncio.get_running_loop().time() - start < 1.5


async def test_no_answer_in_time_is_a_maybe() -> None:
    """A platform that takes the request and stays silent may have the events."""

    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await asyncio.sleep(1.0)

    assert await post(talk, seconds=0.2) == TIMED_OUT


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [b"HTTP/1.1 200"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
        [b"\x00\x01\x02 nonsense\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnot gzip"],
        [b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100_000 + b"\r\n\r\n"],
    ],
    ids=["nothing", "half a line", "half a body", "bad chunk", "nonsense", "bad gzip", "long header"],
)
async def test_an_answer_that_breaks_off_is_a_maybe(parts: list[bytes]) -> None:
    """Once the request was written, a connection that ends without a whole answer proves nothing."""
    assert await post(answering(*parts)) == CONNECTION_LOST


async def test_a_reset_before_the_request_was_read_is_a_maybe() -> None:
    """A connection that was made and then reset may have carried the request."""

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    assert await post(talk) == CONNECTION_LOST


async def test_a_refused_connection_is_certain() -> None:
    """Where nobody listens, nothing was sent."""
    async with server(answering(OK)) as address:
        pass
    async with Transport(hosts=hosts(f"http://{address}")) as transport:
        assert await transport.send(cleared(f"http://{address}", REQUEST, TOKEN), 2.0) == REFUSED


async def test_an_unknown_host_is_certain() -> None:
    """A name that does not resolve means that nothing was sent."""
    async with Transport(hosts=hosts("http://nowhere.invalid")) as transport:
        assert await transport.send(cleared("http://nowhere.invalid", REQUEST, TOKEN), 2.0) == NO_NAME


KEY: Final = ConnectionKey("platform.invalid", 443, True, True, None, None, None)  # noqa: FBT003 - fields in order


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (aiohttp.ConnectionTimeoutError("canary"), CONNECT_TIMEOUT),
        (aiohttp.InvalidURL("canary"), NOT_CONNECTED),
        (aiohttp.ClientConnectorError(KEY, OSError(113, "canary")), UNREACHABLE),
        (aiohttp.ClientConnectorError(KEY, ConnectionRefusedError(111, "canary")), REFUSED),
        (aiohttp.ClientConnectorDNSError(KEY, OSError(-2, "canary")), NO_NAME),
        (aiohttp.ClientConnectorSSLError(KEY, OSError(1, "canary")), NO_TLS),
        (aiohttp.ClientConnectorCertificateError(KEY, ssl.SSLCertVerificationError("canary")), BAD_CERTIFICATE),
        (aiohttp.ServerFingerprintMismatch(b"canary", b"", "", 0), BAD_CERTIFICATE),
        (aiohttp.SocketTimeoutError("canary"), TIMED_OUT),
        (TimeoutError("canary"), TIMED_OUT),
        (aiohttp.ClientOSError(104, "canary"), CONNECTION_LOST),
        (aiohttp.ServerDisconnectedError("canary"), CONNECTION_LOST),
        (aiohttp.ClientPayloadError("canary"), CONNECTION_LOST),
    ],
)
async def test_each_failure_of_the_client_says_what_is_certain(error: Exception, what: NoReply) -> None:
    """Only failing to connect is certain; its text goes nowhere."""
    with aioresponses() as wire:
        wire.post("http://platform.invalid" + REQUEST.path, exception=error)
        async with Transport(hosts=frozenset()) as transport:
            assert await transport.send(cleared("http://platform.invalid", REQUEST, TOKEN), 2.0) == what


async def test_a_connection_that_hangs_is_certain() -> None:
    """A handshake that never ends is cut before the deadline, and nothing was sent."""

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read(1)
        await asyncio.sleep(1.0)

    async with server(silent) as address, Transport(hosts=hosts(f"https://{address}"), connect_seconds=0.2) as transport:
        assert await transport.send(cleared(f"https://{address}", REQUEST, TOKEN), 5.0) == CONNECT_TIMEOUT


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """Make a certificate for 127.0.0.1 that signed itself: the server's side, and its file."""
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    return self_signed(path), path


async def test_an_unverified_certificate_is_refused(certificate: tuple[ssl.SSLContext, Path]) -> None:
    """A server whose certificate no authority vouches for gets not a byte of the request."""
    seen: list[bytes] = []
    async with (
        server(answering(OK, seen=seen), certificate[0]) as address,
        Transport(hosts=hosts(f"https://{address}")) as transport,
    ):
        assert await transport.send(cleared(f"https://{address}", REQUEST, TOKEN), 2.0) == BAD_CERTIFICATE
    assert not seen


async def test_a_verified_certificate_is_taken(certificate: tuple[ssl.SSLContext, Path]) -> None:
    """With an authority that vouches for it, the same server is talked to."""
    trusting = ssl.create_default_context(cafile=certificate[1])
    async with (
        server(answering(OK), certificate[0]) as address,
        Transport(hosts=hosts(f"https://{address}"), tls=trusting) as transport,
    ):
        assert await transport.send(cleared(f"https://{address}", REQUEST, TOKEN), 2.0) == Reply(200, {}, b"{}")


async def test_a_certificate_for_another_name_is_refused(certificate: tuple[ssl.SSLContext, Path]) -> None:
    """A trusted certificate for another host does not do."""
    trusting = ssl.create_default_context(cafile=certificate[1])
    async with server(answering(OK), certificate[0]) as address:
        elsewhere = f"https://localhost:{address.partition(':')[2]}"
        async with Transport(hosts=hosts(elsewhere), tls=trusting) as transport:
            assert await transport.send(cleared(elsewhere, REQUEST, TOKEN), 2.0) == BAD_CERTIFICATE


async def test_one_slow_platform_does_not_take_anothers_place() -> None:
    """However many requests hang on one platform, another one's goes out at once."""
    reached = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await read_request(reader)
        reached.set()
        await asyncio.sleep(5.0)

    async with (
        server(silent) as slow,
        server(answering(OK)) as quick,
        Transport(hosts=hosts(f"http://{slow}", f"http://{quick}")) as transport,
    ):
        hanging = [asyncio.ensure_future(transport.send(cleared(f"http://{slow}", REQUEST, TOKEN), 5.0)) for _ in range(120)]
        await reached.wait()
        assert await transport.send(cleared(f"http://{quick}", REQUEST, TOKEN), 1.0) == Reply(200, {}, b"{}")
        for one in hanging:
            one.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)


async def test_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Neither success nor any failure writes a line, so no token, address or body can be in one."""
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings():
        warnings.simplefilter("error")
        await post(answering(OK))
        await post(answering(b"\x00 nonsense canary\r\n\r\n"))
        await post(answering())
        gc.collect()
    assert "canary" not in caplog.text
    assert not [line for line in caplog.records if line.name != "asyncio"]


async def test_a_host_that_is_not_named_is_not_connected_to() -> None:
    """Whatever a contract may have cleared: the client itself reaches its own hosts only, not even another port of them."""
    seen: list[bytes] = []
    async with (
        server(answering(OK, seen=seen)) as address,
        server(answering(OK)) as other,
        Transport(hosts=hosts(f"http://{other}"), token_hosts=hosts("http://127.0.0.1:1")) as transport,
    ):
        assert await transport.send(cleared(f"http://{address}", REQUEST, TOKEN), 2.0) == NOT_CONNECTED
        assert await transport.send(cleared(f"http://{other}", REQUEST, TOKEN), 2.0) == Reply(200, {}, b"{}")
    assert not seen


async def test_a_form_goes_to_token_hosts_only() -> None:
    """A platform's host gets requests that a contract cleared, and no forms; a token host gets forms."""
    seen: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)
        await writer.drain()

    async with server(talk) as address:
        form = [("a", Secret("b"))]
        async with Transport(hosts=hosts(f"http://{address}")) as transport:
            assert await transport.exchange(f"http://{address}/token", form, 2.0) == NOT_CONNECTED
        assert not seen
        async with Transport(hosts=frozenset(), token_hosts=hosts(f"http://{address}")) as transport:
            assert await transport.exchange(f"http://{address}/token", form, 2.0) == Reply(200, {}, b"{}")
    assert len(seen) == 1
    assert b"Authorization" not in seen[0]


# ── the last look ────────────────────────────────────────────────────────────────────────────────────────────────


def yes() -> bool:
    """It may go."""
    return True


def no() -> bool:
    """It may not."""
    return False


class Host:
    """A server that keeps its connections, and counts them and the requests.

    After `patience` requests on one connection it answers no more: the connection is dead by then.
    """

    def __init__(self, patience: int = 1 << 10) -> None:
        self.patience = patience
        self.connections = 0
        self.requests = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        for time in range(self.patience + 1):
            head = await reader.readuntil(b"\r\n\r\n")
            self.requests += 1
            if time < self.patience:
                await reader.readexactly(len(REQUEST.body) if head.startswith(b"POST") else 0)
                writer.write(OK)
                await writer.drain()


async def test_what_may_not_go_when_the_connection_is_there_does_not(certificate: tuple[ssl.SSLContext, Path]) -> None:
    """Asked once, after the handshake and not before: a mind that changes meanwhile is heard, and not a byte is sent."""
    trusting = ssl.create_default_context(cafile=certificate[1])
    begun, asked, host, may_go = asyncio.Event(), list[bool](), Host(), True

    def late() -> float:
        begun.set()
        return 0.2

    def look() -> bool:
        asked.append(may_go)
        return may_go

    async with (
        late_server(host.talk, certificate[0], late) as address,
        Transport(hosts=hosts(f"https://{address}"), tls=trusting) as transport,
    ):
        request = cleared(f"https://{address}", REQUEST, TOKEN)
        sending = asyncio.create_task(transport.send_if(look, request, 2.0))
        await begun.wait()
        assert not asked
        may_go = False
        assert await sending == CALLED_OFF
        await asyncio.sleep(0.05)
        assert (asked, host.connections, host.requests) == ([False], 1, 0)
        may_go = True
        assert await transport.send_if(look, request, 2.0) == Reply(200, {}, b"{}")
    assert (asked, host.connections, host.requests) == ([False, True], 1, 1)


async def test_the_connection_of_a_request_that_was_called_off_is_kept() -> None:
    """It is given to the next one, which is asked as well, and none is left behind open."""
    host = Host()
    async with server(host.talk) as address, Transport(hosts=hosts(f"http://{address}")) as transport:
        request = cleared(f"http://{address}", REQUEST, TOKEN)
        for may_go in (no, yes, no, no, yes):
            reply = await transport.send_if(may_go, request, 2.0)
            assert reply == (Reply(200, {}, b"{}") if may_go is yes else CALLED_OFF)
    assert (host.connections, host.requests) == (1, 2)


async def test_what_was_not_connected_is_not_asked() -> None:
    """Who is never connected is not called off: nobody listens, and that is what is said."""
    async with server(Host().talk) as address:
        pass
    async with Transport(hosts=hosts(f"http://{address}")) as transport:
        assert await transport.send_if(no, cleared(f"http://{address}", REQUEST, TOKEN), 2.0) == REFUSED


@pytest.mark.parametrize("kind", [REQUEST, Request("/a", b"", "GET")], ids=["POST", "GET"])
async def test_the_client_repeats_nothing_by_itself(kind: Request) -> None:
    """A kept connection that turns out to be dead costs the request: it was looked at for one connection, not for two."""
    host = Host(patience=1)
    async with server(host.talk) as address, Transport(hosts=hosts(f"http://{address}")) as transport:
        request = cleared(f"http://{address}", kind, TOKEN)
        assert await transport.send(request, 2.0) == Reply(200, {}, b"{}")
        assert await transport.send(request, 2.0) == CONNECTION_LOST
        assert (host.connections, host.requests) == (1, 2)
        assert await transport.send(request, 2.0) == Reply(200, {}, b"{}")
