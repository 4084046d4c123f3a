"""A listening socket that keeps its mouth shut and does not wait for ever.

aiohttp prints peer addresses, raw header bytes and tracebacks when a request is malformed, and answers with what it
could not parse. Here such a request is answered by a status and a code, and nothing is written down of it but that it came. A
client that sends its headers drop by drop, opens too many connections or lets one lie idle is cut off. aiohttp's parser must be
the one written in C: most request-smuggling faults were found in its Python stand-in
(https://github.com/aio-libs/aiohttp/blob/master/THREAT_MODEL.md, read 2026-11-22).
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from enum import unique
from http import HTTPStatus
from types import MappingProxyType
from typing import Final, NamedTuple

import aiohttp
import aiohttp.http_parser
import msgspec
from aiohttp import HttpVersion, HttpVersion10, HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

from gateway.limits import network_of
from gateway.log import Happening, Log, innermost_frame, name_of
from gateway.model.words import Word

OLDEST_AIOHTTP: Final = (3, 14, 5)
IDLE_SECONDS: Final = 75.0
"""Longer than the keep-alive of common reverse proxies, so that they close first."""
LINGER_SECONDS: Final = 2.0
UNREAD_SECONDS: Final = 60.0
"""How long a client may take nothing of what is written to it."""
MOST_WAITING: Final = 2
"""Requests that wait behind one under way before no more is read. aiohttp would read on until 32 do, each with half a mebibyte
of its body, for a client that takes none of its answers as well."""

HEADERS: Final = {hdrs.SERVER: "consent-gateway", hdrs.CACHE_CONTROL: "no-store", "X-Content-Type-Options": "nosniff"}
"""On every answer: no version of anything, nothing for a cache to keep."""
NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})

HEAD_ENDS: Final = b"\r\n\r\n"

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@unique
class Unheard(Word):
    """Why a listener did not hear a client; a metric label."""

    BAD_HTTP = "bad_http"
    """What came is no HTTP/1.0 or 1.1, or has headers that are too long."""
    SLOW_HEADERS = "slow_headers"
    """The headers began and did not end in time."""
    TOO_MANY_CONNECTIONS = "too_many_connections"
    """As many are open as may be."""
    TOO_MANY_OF_CLIENT = "too_many_of_client"
    """The client's network has as many open as it may."""
    UNREAD = "unread"
    """The client takes nothing of its answers."""


def uncounted(_why: Unheard) -> None:
    """Count nothing."""


class Whole(NamedTuple):
    """A request of HTTP/1.1 that is there with all of its body, on a connection that stays open and has no other under way."""

    method: str
    raw_path: str
    headers: Mapping[str, str]
    content: StreamReader


Reply = Callable[["Answer | Exception"], None]
"""Answers a request; an exception is a bug, and answered as one."""
Taker = Callable[[Whole, Reply], bool]
"""Takes a whole request without waiting for anything, and calls `Reply` once, at once or later; or says that it does not, and
has left its body unread."""


Apology = Callable[[web.BaseRequest, "Answer"], "Answer"]
"""Puts the answer to a request that met a bug so that whoever asked can read it."""


def takes_nothing(_request: Whole, _reply: Reply) -> bool:
    """Leave every request to the handler."""
    return False


def as_it_is(_request: web.BaseRequest, told: "Answer") -> "Answer":
    """Leave the answer to a bug as it is: for machines."""
    return told


class Caps(msgspec.Struct, frozen=True):
    """Connections in all and per client network; seconds for the headers of one request. `exempt` peers have no own cap."""

    connections: int
    per_client: int
    header_seconds: float
    exempt: Callable[[str], bool] = lambda _peer: False


class UnsoundAiohttp(RuntimeError):
    """The aiohttp that is installed cannot be trusted with requests; the text says why and what to do."""


def assert_sound_aiohttp() -> None:
    """Raise UnsoundAiohttp when aiohttp is too old or runs without its C parser."""
    version = tuple(int(part) for part in aiohttp.__version__.split(".")[:3] if part.isdigit())
    if version < OLDEST_AIOHTTP:
        raise UnsoundAiohttp("aiohttp is older than 3.14.5: install the locked requirements")
    if aiohttp.http_parser.HttpRequestParser is aiohttp.http_parser.HttpRequestParserPy:
        raise UnsoundAiohttp("aiohttp runs without its C parser: install its wheel, and do not set AIOHTTP_NO_EXTENSIONS")


class Answer(web.StreamResponse):
    """A whole answer, written in one piece: 15 µs a request less than what aiohttp makes of a header at a time.

    What is on the wire is what `web.Response` would have put there: the length, the date, what `HEAD` and 204 leave out,
    and whether the connection stays.
    """

    code: str = ""
    """What is wrong, of an answer that `problem` made; nothing of all others."""

    def __init__(self, status: int, body: bytes, headers: Mapping[str, str], content_type: str) -> None:
        if headers and any("\r" in value or "\n" in value for value in headers.values()):
            raise ValueError("a header must be one line")
        # aiohttp's own __init__ fills dictionaries that nothing here looks at.
        self._status = status
        self.body = body
        self.extra = headers
        self.type = content_type

    def __repr__(self) -> str:
        """Say the status."""
        return f"<Answer {self._status}>"

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        """Write everything. Raises ConnectionError when the client has gone; waits where it does not read its answers."""
        if self._keep_alive is None:
            self._keep_alive = request.keep_alive
        writer, protocol = request.writer, request.protocol
        transport = protocol.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError
        data = self._written(request.version, request.method)
        transport.write(data)
        writer.output_size += len(data)
        if protocol.writing_paused:
            await writer.drain()
        return writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: it is all out."""

    def stays(self) -> bool:
        """Say whether the connection may stay behind it."""
        return self._keep_alive is not False

    def whole(self) -> bytes:
        """Give all that is to be written in answer to a `Whole` request."""
        self._keep_alive = self.stays()
        return self._written(HttpVersion11, hdrs.METH_POST)

    def _written(self, version: HttpVersion, method: str) -> bytes:
        status = self._status
        if self.extra or not self._keep_alive or version != HttpVersion11 or method == hdrs.METH_HEAD or status == 204:
            return self._written_slowly(version, method)
        start, body = _start(status, self.type if self.body else ""), self.body
        return b"%b%b\r\n\r\n%b" % (start, _DIGITS[len(body)] if len(body) < 1000 else str(len(body)).encode(), body)

    def _written_slowly(self, version: HttpVersion, method: str) -> bytes:
        lines = [f"HTTP/{version.major}.{version.minor} {self._status} {HTTPStatus(self._status).phrase}"]
        lines += [f"{name}: {value}" for name, value in HEADERS.items() if name not in self.extra]
        lines.append(f"{hdrs.DATE}: {rfc822_formatted_time()}")
        if self.body:
            lines.append(f"{hdrs.CONTENT_TYPE}: {self.type}")
        lines += [f"{name}: {value}" for name, value in self.extra.items()]
        if self._status not in {204, 304} and (self.body or method != hdrs.METH_HEAD):
            lines.append(f"{hdrs.CONTENT_LENGTH}: {len(self.body)}")
        if not self._keep_alive and version == HttpVersion11:
            lines.append(f"{hdrs.CONNECTION}: close")
        elif self._keep_alive and version == HttpVersion10:
            lines.append(f"{hdrs.CONNECTION}: keep-alive")
        return "\r\n".join([*lines, "", ""]).encode() + (b"" if method == hdrs.METH_HEAD else self.body)


_DIGITS: Final = tuple(str(number).encode() for number in range(1000))


def _start(status: int, content_type: str) -> bytes:
    """Give what an answer of HTTP/1.1 begins with, up to its length: for a second it is always the same."""
    date = rfc822_formatted_time()
    start = _STARTS.get((status, content_type, date))
    if start is None:
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in HEADERS.items())]
        lines += [f"{hdrs.DATE}: {date}", *([f"{hdrs.CONTENT_TYPE}: {content_type}"] if content_type else ())]
        start = "\r\n".join([*lines, f"{hdrs.CONTENT_LENGTH}: "]).encode()
        if len(_STARTS) >= MOST_STARTS:
            _STARTS.clear()
        _STARTS[status, content_type, date] = start
    return start


_STARTS: Final[dict[tuple[int, str, str], bytes]] = {}
MOST_STARTS: Final = 64


def answer(
    status: int, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS, content_type: str = "application/json"
) -> Answer:
    """Make an answer with the headers that every answer carries, and these; where they share a name, these count."""
    return Answer(status, body, headers, content_type)


def problem(status: int, code: str, headers: Mapping[str, str] = NO_HEADERS) -> Answer:
    """Make an error answer: a stable code, never anything of the input."""
    told = answer(status, b'{"error":"%s"}' % code.encode(), headers)
    told.code = code
    return told


async def read_bounded(request: web.BaseRequest, most: int, seconds: float) -> bytes | Answer:
    """Read a body of at most `most` bytes, within so many seconds, not compressed; else the answer that says why not."""
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        return closing(problem(415, "content_encoding"))
    if (request.content_length or 0) > most:
        return closing(problem(413, "body_too_large"))
    body = bytearray()
    try:
        await let_continue(request)
        async with asyncio.timeout(seconds):
            while len(body) <= most and (part := await request.content.readany()):
                body += part
    except TimeoutError:
        return closing(problem(408, "body_too_slow"))
    except (web.RequestPayloadError, ValueError, OSError):
        return closing(problem(400, "bad_body"))
    return bytes(body) if len(body) <= most else closing(problem(413, "body_too_large"))


async def let_continue(request: web.BaseRequest) -> None:
    """Answer `Expect: 100-continue`: many HTTP libraries wait a second for it before they send a larger body.

    Not to HTTP/1.0, which would take it for the answer (https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1).
    """
    expects = request.headers.get(hdrs.EXPECT, "").lower() == "100-continue" and request.version != HttpVersion10
    if expects and not request.content.is_eof():
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # nothing of the answer itself is out yet


def closing(response: Answer) -> Answer:
    """Have the connection closed behind an answer: what is left on it cannot be told from a next request."""
    response.force_close()
    return response


def _of_version_1(handler: Handler, count: Callable[[Unheard], None]) -> Handler:
    """Keep all but HTTP/1.0 and 1.1 from the handler: the parser lets `HTTP/0.9` and `HTTP/2.0` in a request line pass.

    Chunks in HTTP/1.0 are nothing either: what stands before this listener could take them for a request of their own
    (https://www.rfc-editor.org/rfc/rfc9112#section-6.1).
    """

    def is_sound(request: web.BaseRequest) -> bool:
        version = request.version
        return version == HttpVersion11 or (version.major == 1 and hdrs.TRANSFER_ENCODING not in request.headers)

    async def refuse() -> web.StreamResponse:
        count(Unheard.BAD_HTTP)
        return closing(problem(400, "bad_http"))

    return lambda request: handler(request) if is_sound(request) else refuse()


class QuietServer(web.Server):
    """aiohttp's low-level server with our protocol: no router, no middleware, no logs. `count` hears who was not heard."""

    def __init__(  # noqa: PLR0913, PLR0917 - each once
        self,
        handler: Handler,
        caps: Caps,
        log: Log,
        taker: Taker = takes_nothing,
        apology: Apology = as_it_is,
        count: Callable[[Unheard], None] = uncounted,
    ) -> None:
        super().__init__(_of_version_1(handler, count))
        self.count = count
        self.taker = taker
        self.apology = apology
        self.caps = caps
        self.log = log
        self.per_client: Counter[str] = Counter()

    def __call__(self) -> RequestHandler:
        """Make the protocol of one connection."""
        return QuietHandler(
            self,
            loop=self._loop,
            access_log=None,
            keepalive_timeout=IDLE_SECONDS,
            lingering_time=LINGER_SECONDS,
            auto_decompress=False,  # aiohttp would decompress what nobody reads, for all of the lingering time without a pause
        )

    @property
    def open_connections(self) -> int:
        """Connections at this moment."""
        return len(self._connections)


class QuietHandler(RequestHandler):
    """One connection: bounded in time while headers arrive and answers are taken, counted, and silent about what it could
    not read.
    """

    __slots__ = ("_begun", "_client", "_ended", "_header_timer", "_idle", "_offering", "_quiet", "_unfinished", "_unread_timer")

    def __init__(self, manager: QuietServer, **kwargs: object) -> None:
        super().__init__(manager, **kwargs)  # type: ignore[arg-type]  # passed through as they came
        self._quiet = manager
        self._client: str | None = None
        self._header_timer: asyncio.TimerHandle | None = None
        self._unread_timer: asyncio.TimerHandle | None = None
        self._max_msg_queue_size, self._msg_queue_resume_size = MOST_WAITING, MOST_WAITING - 1
        self._begun = False
        """Headers came in parts: once, or now."""
        self._idle: asyncio.Future[None] | None = None
        """What aiohttp's task waits for while a request that was taken whole is under way; else None."""
        self._offering: StreamReader | None = None
        """The body, not whole yet, of a request that offers another protocol; else None."""
        self._unfinished: StreamReader | None = None
        """The body, not whole yet, of the last request that came; else None."""
        self._ended = False
        """The client has closed its side, and is answered what it sent before that."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection, or close it when there are too many."""
        super().connection_made(transport)
        if isinstance(transport, asyncio.WriteTransport):
            transport.set_write_buffer_limits(0)  # then writing is paused as long as anything is left to be taken
        peer = (transport.get_extra_info("peername") or ("",))[0]
        if not self._quiet.caps.exempt(peer):
            self._client = network_of(peer)
            self._quiet.per_client[self._client] += 1
        caps = self._quiet.caps
        if self._client is not None and self._quiet.per_client[self._client] > caps.per_client:
            self._turn_away(Unheard.TOO_MANY_OF_CLIENT)
        elif self._quiet.open_connections > caps.connections:
            self._turn_away(Unheard.TOO_MANY_CONNECTIONS)
        else:
            self._expect_headers()

    def _turn_away(self, why: Unheard) -> None:
        self._quiet.count(why)
        self.force_close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Uncount."""
        if self._client is not None:
            self._quiet.per_client[self._client] -= 1
            if not self._quiet.per_client[self._client]:
                del self._quiet.per_client[self._client]
            self._client = None
        self._headers_are_in()
        self._all_is_taken()
        if self._idle is not None:
            self._waiter, self._idle = self._idle, None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; while a request's headers are incomplete its clock is running, whatever drips in meanwhile."""
        waiter, self._waiter = self._waiter, None
        offering, had = self._offering, 0 if self._offering is None else self._offering.total_bytes
        try:
            super().data_received(data)
        finally:
            self._waiter = waiter
        if offering is not None:
            self._look_behind(offering, len(data) - (offering.total_bytes - had))
        if self._messages:
            message, payload = self._messages[-1]
            self._unfinished = None if payload.is_eof() else payload
            if type(message) is not RawRequestMessage:
                self._break_off()
            elif message.upgrade and payload is not offering:
                alone = waiter is not None and len(self._messages) == 1
                behind = len(data) - data.find(HEAD_ENDS) - len(HEAD_ENDS) - payload.total_bytes if alone else 1
                self._look_behind(payload, behind)
        taken = False
        if waiter is not None and self._messages and not waiter.done() and not (taken := self._is_taken(waiter)):
            waiter.set_result(None)
        answering = self._waiter is None and self._request_count > 0
        if taken or self._messages or answering:
            if self._header_timer is not None:
                self._headers_are_in()
        else:
            self._begun = True
            if self._header_timer is None:
                self._expect_headers()

    def eof_received(self) -> bool:  # type: ignore[override]  # what asyncio asks for; aiohttp says nothing
        """Answer what came whole to a client that says by closing its side that this was all; then, or else, close.

        An answer that goes on and on ends, as its reader has most likely gone.
        """
        current, idle = self._current_request, self._waiter is not None or self._request_count == 0
        streams = current is not None and current.writer.output_size > 0
        broken_off = self._unfinished is not None and not self._unfinished.is_eof()
        if streams or broken_off or (idle and not self._messages):
            return False
        self._ended = True
        self._close_behind_all()
        return True

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Answer; what came behind a request that offered another protocol is only read now, and may be broken off."""
        answered = await super().finish_response(request, resp, start_time)
        if self._ended and self._messages and not self._messages[-1][1].is_eof():
            self.force_close()
        elif self._ended:
            self._close_behind_all()
        return answered

    def _close_behind_all(self) -> None:
        """Have the connection closed behind all that came, once that is known."""
        if self._messages:
            self._close_behind(len(self._messages) - 1)
        elif not self._upgraded:
            self._close = True

    def _close_behind(self, place: int) -> None:
        """Have the connection closed behind the answer to a request that waits; behind one to what is none it is anyway."""
        message, payload = self._messages[place]
        if type(message) is RawRequestMessage:
            self._messages[place] = (message._replace(should_close=True), payload)

    def _look_behind(self, payload: StreamReader, behind: int) -> None:
        """Close the connection behind a request that offers another protocol, if anything may have followed it in one read.

        aiohttp's parser, which knows WebSocket alone, answers the request and drops those bytes. `behind`: how many bytes of
        the read are none of the request's, as far as can be told; of chunks it cannot.
        """
        self._offering = None if payload.is_eof() else payload
        if self._offering is not None or self._upgraded or not behind:
            return
        for place in reversed(range(len(self._messages))):  # what has no body has the same one as all others without
            if self._messages[place][1] is payload:
                self._close_behind(place)
                return
        self._close = True  # it is under way already

    def _break_off(self) -> None:
        """Tell who reads a body that it cannot be read on: aiohttp's parser tells the next request alone."""
        current = self._current_request
        for payload in [payload for _, payload in self._messages] + ([] if current is None else [current.content]):
            if not payload.is_eof():
                payload.set_exception(web.RequestPayloadError("what follows is no part of a body"))

    def _is_taken(self, waiter: asyncio.Future[None]) -> bool:
        """Offer a request that is whole to who takes such without a task, which costs 10 µs less than aiohttp's own way.

        Until it is answered the connection looks to aiohttp as with any request under way; what follows on it waits.
        """
        message, payload = self._messages[0]
        if (
            len(self._messages) > 1
            or type(message) is not RawRequestMessage
            or message.version != HttpVersion11
            or message.should_close
            or not payload.is_eof()
            or payload.exception() is not None
            or self._close
            or self._force_close
            or self._upgraded
            or self.writing_paused
        ):
            return False
        self._messages.clear()
        self._waiter, self._idle, self._request_in_progress = None, waiter, True
        try:
            taken = self._quiet.taker(Whole(message.method, message.path, message.headers, payload), self._reply)
        except Exception as fault:  # noqa: BLE001 - as of any handler
            self._reply(fault)
            taken = True
        if not taken:
            self._waiter, self._idle, self._request_in_progress = waiter, None, False
            self._messages.append((message, payload))
            return False
        if self._parser is not None:
            self._parser.message_consumed()
        self._quiet.requests_count += 1
        return True

    def _reply(self, response: Answer | Exception) -> None:
        """Write the answer to what was taken whole, and go on as aiohttp does behind an answer."""
        waiter, self._idle = self._idle, None
        if isinstance(response, Exception):
            response = self._say_of_bug(response)
        if waiter is None:  # the client has gone meanwhile
            return
        self._waiter, self._request_in_progress = waiter, False
        if self._handler_waiter is not None:
            self._handler_waiter.set_result(None)
        transport = self.transport
        if transport is not None and not transport.is_closing():
            transport.write(response.whole())
        if self._close or self._force_close or not response.stays():
            self._leave(waiter)
            return
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(self._next_keepalive_close_time, self._process_keepalive)
        if self._messages and not waiter.done():
            waiter.set_result(None)

    def _leave(self, waiter: asyncio.Future[None]) -> None:
        """Close behind the answer, once it is out."""
        self._close = True
        waiter.cancel()
        if self.transport is not None:
            self.transport.close()

    def pause_writing(self) -> None:
        """Mind whether the client takes what is left, also when the connection is closed behind it."""
        super().pause_writing()
        if self.transport is not None:
            self._mind(self.transport, None)

    def resume_writing(self) -> None:
        """Go on."""
        self._all_is_taken()
        super().resume_writing()

    def _mind(self, transport: asyncio.WriteTransport, left_before: int | None) -> None:
        left = transport.get_write_buffer_size()
        if left_before is not None and left >= left_before:
            self._quiet.count(Unheard.UNREAD)
            transport.abort()
        else:
            self._unread_timer = self._loop.call_later(UNREAD_SECONDS, self._mind, transport, left)

    def _all_is_taken(self) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    def resume_reading(self, resume_parser: bool = True) -> None:  # noqa: FBT002 - aiohttp's signature
        """Resume what was paused, and only that: aiohttp asks after every body, and pays a second parse for it (4 µs)."""
        if self._reading_paused:
            super().resume_reading(resume_parser)

    def _expect_headers(self) -> None:
        self._header_timer = self._loop.call_later(self._quiet.caps.header_seconds, self._cut_off)

    def _cut_off(self) -> None:
        """Close on who does not come to an end; who has not begun, as browsers that connect ahead, is no news."""
        if self._begun:
            self._turn_away(Unheard.SLOW_HEADERS)
        else:
            self.force_close()

    def _headers_are_in(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _say_of_bug(self, exc: BaseException) -> Answer:
        """Log a bug by its class and place, and give the answer to whom it met."""
        self._quiet.log.say(Happening.UNEXPECTED_ERROR, error=name_of(exc), where=innermost_frame(exc))
        return closing(problem(500, "internal_error"))

    def log_debug(self, *_args: object, **_kw: object) -> None:
        """Say nothing."""

    def log_exception(self, *_args: object, **_kw: object) -> None:
        """Say nothing: the text may hold what the client sent."""

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Answer a malformed request, or a bug of ours, by a code; only the bug is logged, by its class and place."""
        del message
        if status == 500 and exc is not None:
            self._say_of_bug(exc)
        if request.writer.output_size > 0:
            raise ConnectionError
        if status < 500:
            self._quiet.count(Unheard.BAD_HTTP)
            return closing(problem(status, "bad_http"))
        try:
            return closing(self._quiet.apology(request, problem(status, "internal_error")))
        except Exception:  # noqa: BLE001 - a page about a bug may meet the same bug
            return closing(problem(status, "internal_error"))
