"""The front door: HTTP in, the line run, and the answer only after the flush.

`POST /v1/events` is for servers with a secret key and answers per event; `POST /v1/collect` is for browsers with a publishable
key and answers 204 whatever became of the events, since a differing reply would tell the page about consent and make tags
retry; `POST /v1/consent` and `POST /v1/consent/withdraw` take consent records and withdrawals from both, and answer each in its
own way; `/g/collect`, `/mp/collect` and `/data` take what others' tags send, and answer all alike as well; the `/webhooks` take
what a shop's own platform signed. One request is one transaction. An error names a rule, never the input, and 503 always means
that nothing was accepted. Above the boundary's line the body lives in this function's memory and nowhere else.
"""

import asyncio
import random
import secrets
import time
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Final, NamedTuple

import orjson
from aiohttp import hdrs, web
from aiohttp.streams import EMPTY_PAYLOAD

from gateway.consent.signals.gpc import header_says_so
from gateway.intake.bodies import Bodies
from gateway.intake.callers import Callers, Door, Refusal, Stranger, cors_of, credentials_cors_of
from gateway.intake.consents import Consents, Told
from gateway.intake.depositing import Made
from gateway.intake.results import results_of
from gateway.intake.sampling import Arrived, Sampler
from gateway.intake.tallying import count
from gateway.intake.turn import Lone, Passage, Reading, Turn
from gateway.intake.webhooks import DIALECTS, PING_BYTES, Dialect, Webhooks
from gateway.limits import Addresses, Bucket, network_of
from gateway.listener import NO_HEADERS, Answer, Reply, Whole, answer, closing, problem
from gateway.metrics import Metrics
from gateway.model.event import Refund
from gateway.model.words import Fault, Source
from gateway.outbox import Outbox
from gateway.raw import Malformed
from gateway.rights.counter import Counter
from gateway.sources import cloudevents, consent, gtag, measurement, stape
from gateway.sources.native import Batch, Connection, NotAnEvent, TooManyEvents, decode
from gateway.sources.strict import Unreadable
from gateway.storage import Shut, Unavailable
from gateway.tag.serving import serve_tag

BUG: Final = 500
"""What the listener answers where something unforeseen was raised."""
EVENTS_BYTES: Final = 1 << 20
COLLECT_BYTES: Final = 64 << 10
CONSENT_BYTES: Final = 64 << 10
WEBHOOK_BYTES: Final = 1 << 20
WITHDRAW_BYTES: Final = 16 << 10
BYTES_OF_AN_EVENT: Final = 4 << 10
"""Of a page's record, for which its visitor pays as for one more event: anybody can post them, and they are kept for years."""
WITHDRAW_COSTS: Final = 20
"""What a withdrawal costs a visitor, in events: it looks through everything that waits, and leaves a line of its own."""
ROUTES: Final = (
    ("POST", "/v1/events"),
    ("POST", "/v1/collect"),
    ("OPTIONS", "/v1/collect"),
    ("POST", "/v1/consent"),
    ("OPTIONS", "/v1/consent"),
    ("POST", "/v1/consent/withdraw"),
    ("OPTIONS", "/v1/consent/withdraw"),
    ("GET", "/g/collect"),
    ("POST", "/g/collect"),
    ("OPTIONS", "/g/collect"),
    ("POST", "/mp/collect"),
    ("GET", "/data"),
    ("POST", "/data"),
    ("OPTIONS", "/data"),
    ("GET", "/tag.js"),
    *(("POST", path) for path in DIALECTS),
    ("GET", "/healthz"),
)
"""Every public route; the documentation is tested against this."""

ALSO_HEAD: Final = frozenset({"/healthz", "/tag.js"})
"""What HEAD may ask for as well, as monitors do: https://www.rfc-editor.org/rfc/rfc9110#section-9.3.2 (read 2026-11-27)."""

JSON_TYPE: Final = "application/json"
Decoder = Callable[[bytes, int], Batch]
EVENT_TYPES: Final[Mapping[str, Decoder]] = {
    JSON_TYPE: decode,
    "application/cloudevents+json": cloudevents.decode,
    "application/cloudevents-batch+json": cloudevents.decode_batch,
}
"""How the body of `POST /v1/events` is read, by its content type."""
ALLOWED: Final = "allowed"
"""What the answer to a consent record says of a destination that it allows."""
PAGES: Final = frozenset({Source.COLLECT, Source.GTAG, Source.MEASUREMENT, Source.STAPE})
"""Whose events are never held: a visitor's consent comes with them, or not at all."""
EVENTS, COLLECT = Source.EVENTS, Source.COLLECT
PREFLIGHT_SECONDS: Final = "86400"
PIXEL: Final = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c000000000100010000020144003b")
"""A transparent GIF of one pixel: the data tag takes an image that does not load for a failure."""


class Intake:
    """The handler of the public listener. `close()` makes every further request a 503 while the rest finishes."""

    def __init__(  # noqa: PLR0913 - one place builds it, by name
        self,
        *,
        callers: Callers,
        bodies: Bodies,
        consents: Consents,
        counter: Counter,
        webhooks: Webhooks,
        outbox: Outbox,
        metrics: Metrics,
        addresses: Addresses,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._callers = callers
        self._bodies = bodies
        self._consents = consents
        self._counter = counter
        self._webhooks = webhooks
        self._outbox = outbox
        self._metrics = metrics
        self._addresses = addresses
        self._sampler = Sampler(outbox)
        self._turn = Turn(outbox, metrics, wall)
        self._replying: set[asyncio.Task[None]] = set()
        self._wall = wall
        self._monotonic = monotonic
        self._closing = False

    def close(self) -> None:
        """Take nothing more."""
        self._closing = True

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        path, _, query = request.raw_path.partition("?")
        route = path if path in PATHS else "other"
        try:
            response = await self._answer(request, path, query)
        except Refusal as refusal:
            response = refusal.response
        except Exception:
            self._metrics.request(route, BUG)
            raise
        self._metrics.request(route, response.status)
        return response

    def take(self, request: Whole, reply: Reply) -> bool:
        """Take `POST /v1/events` that is there whole; say whether that is what it was. `handle` does the same for the others.

        It spares small requests a task and aiohttp's own request, 7 µs of each (docs/decisions/0003-the-front-door.md).
        """
        headers = request.headers
        if request.raw_path != "/v1/events" or request.method != hdrs.METH_POST:
            return False
        if headers.get(hdrs.CONTENT_TYPE) != JSON_TYPE or hdrs.EXPECT in headers or request.content is EMPTY_PAYLOAD:
            return False
        try:
            door = self._callers.server(headers)
            self._refuse_if_shut()
            self._admit(headers, door)
            body = self._bodies.whole(request, EVENTS_BYTES) or b""
        except Refusal as refusal:
            self._metrics.request("/v1/events", refusal.response.status)
            reply(refusal.response)
        except Exception:
            self._metrics.request("/v1/events", BUG)
            raise
        else:
            read = self._reading(door, decode, body)
            self._turn.take(Passage(door, EVENTS, read, len(body), partial(self._reply_to, reply)))
        return True

    def _reply_to(self, reply: Reply, passage: Passage) -> None:
        """Answer what was taken whole; only what takes waiting gets a task."""
        waits = passage.fault is not None or passage.entries is None or passage.batch.unknown
        if waits or self._sampler.is_due(passage.door.line.storefront, passage.batch.events, passage.now):
            task = asyncio.get_running_loop().create_task(self._reply_later(reply, passage))
            self._replying.add(task)
            task.add_done_callback(self._replying.discard)
        else:
            try:
                reply(_accepted(passage))
            except Exception as fault:  # noqa: BLE001 - the listener says it, and others still wait for their answers
                self._metrics.request("/v1/events", BUG)
                reply(fault)
            else:
                self._metrics.request("/v1/events", 202)

    async def _reply_later(self, reply: Reply, passage: Passage) -> None:
        try:
            response = _accepted(await self._finish(passage))
        except Refusal as refusal:
            response = refusal.response
        except Exception as fault:  # noqa: BLE001 - the listener says it, as of any handler
            self._metrics.request("/v1/events", BUG)
            reply(fault)
            return
        self._metrics.request("/v1/events", response.status)
        reply(response)

    async def _answer(self, request: web.BaseRequest, path: str, query: str) -> Answer:
        """Do what was asked for, one case a route. Raises Refusal."""
        match request.method, path:
            case "POST", "/v1/events":
                return await self._events(request)
            case "POST", "/v1/collect":
                return await self._collect(request, query)
            case "POST", "/v1/consent":
                return await self._consent(request, query)
            case "POST", "/v1/consent/withdraw":
                return await self._withdraw(request, query)
            case "POST", told if told in DIALECTS:
                return await self._webhook(request, DIALECTS[told])
            case "OPTIONS", "/v1/collect" | "/v1/consent" | "/v1/consent/withdraw":
                return self._preflight(request, query)
            case method, "/g/collect" | "/mp/collect" | "/data" if (method, path) in ROUTES:
                return await self._of_others(request, path, query)
            case "GET" | "HEAD", "/healthz" | "/tag.js":
                return serve_tag(request.headers, query) if path == "/tag.js" else healthy()
            case _, known if known in PATHS:
                return problem(405, "method_not_allowed", {"Allow": PATHS[known]})
            case _:
                return problem(404, "not_found")

    # ── servers ──────────────────────────────────────────────────────────────────────────────────────────────

    async def _events(self, request: web.BaseRequest) -> Answer:
        door, body = await self._from_server(request, EVENTS_BYTES, EVENT_TYPES)
        return _accepted(await self._pass(door, EVENTS, self._reading(door, _reader_of(request), body), len(body)))

    def _reading(self, door: Door, decode_body: Decoder, body: bytes) -> Callable[[int], Batch]:
        def read(now: int) -> Batch:
            try:
                batch = decode_body(body, now)
            except Unreadable:
                raise Refusal(problem(400, "not_json")) from None
            except NotAnEvent:
                raise Refusal(problem(400, "not_an_event")) from None
            except TooManyEvents:
                raise Refusal(problem(413, "too_many_events")) from None
            self._take(door.bucket, len(batch.events) - 1, before=1)
            return batch

        return read

    async def _from_server(
        self, request: web.BaseRequest, limit: int, types: Container[str] = (JSON_TYPE,), *, though_full: bool = False
    ) -> tuple[Door, bytes]:
        """Recognise a server and read its body of at most `limit` bytes, which is of one of these content types."""
        headers = request.headers
        door = self._callers.server(headers)
        self._refuse_if_shut(though_full=though_full)
        if headers.get(hdrs.CONTENT_TYPE) != JSON_TYPE and request.content_type not in types:
            raise Refusal(problem(415, "content_type"))
        return door, await self._body_of_server(request, door, limit)

    async def _body_of_server(self, request: web.BaseRequest, door: Door, limit: int) -> bytes:
        self._admit(request.headers, door)
        return self._bodies.whole(request, limit) or await self._bodies.read(request, limit)

    def _admit(self, headers: Mapping[str, str], door: Door) -> None:
        """Refuse a body that nobody could read, or that is one too many."""
        encoding = headers.get(hdrs.CONTENT_ENCODING)
        if encoding is not None and encoding.lower() not in ("identity", "gzip"):
            raise Refusal(closing(problem(415, "content_encoding")))
        self._take(door.bucket, 1)

    # ── browsers ─────────────────────────────────────────────────────────────────────────────────────────────

    async def _collect(self, request: web.BaseRequest, query: str) -> Answer:
        page = await self._from_page(request, query, COLLECT_BYTES)
        await self._pass_page(page, COLLECT, lambda now: decode(page.body, now, page.connection), len(page.body))
        return answer(204, headers=page.cors)

    async def _pass_page(self, page: "Page", source: Source, decode_body: Callable[[int], Batch], size: int) -> Passage:
        """Let through what a page's visitor sends; what cannot be read at all is one malformed event."""

        def read(now: int) -> Batch:
            batch = _or_malformed(decode_body, now)
            self._take_as_visitor(page.door.bucket, page.address, len(batch.events) - 1, page.cors, before=1)
            return batch

        return await self._pass(page.door, source, read, size, page.cors)

    async def _from_page(self, request: web.BaseRequest, query: str, limit: int, *, though_full: bool = False) -> "Page":
        """Recognise a page, and read what its browser sends, of at most `limit` bytes."""
        door, origin = self._callers.page(request, query)
        return await self._read_page(request, door, cors_of(origin), limit, though_full=though_full)

    async def _read_page(
        self, request: web.BaseRequest, door: Door, cors: Mapping[str, str], limit: int, *, though_full: bool = False
    ) -> "Page":
        self._refuse_if_shut(cors, though_full=though_full)
        if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
            raise Refusal(closing(problem(415, "content_encoding", cors)))
        ip = self._callers.address(request)
        address = ip or request.remote or ""
        self._take_as_visitor(door.bucket, address, 1, cors)
        body = self._bodies.whole(request, limit, cors) or await self._bodies.read(request, limit, cors)
        agent, gpc = request.headers.get(hdrs.USER_AGENT), header_says_so(request.headers.getall("Sec-GPC", []))
        return Page(door, cors, address, body, Connection(ip, agent, gpc, self._callers.place(request)))

    def _preflight(self, request: web.BaseRequest, query: str) -> Answer:
        _, origin = self._callers.page(request, query)
        return answer(204, headers={"Access-Control-Allow-Origin": origin, **_allowing("POST"), "Vary": "Origin"})

    # ── what others' tags send ───────────────────────────────────────────────────────────────────────────────────

    async def _of_others(self, request: web.BaseRequest, path: str, query: str) -> Answer:
        if path == "/data":
            return await self._data(request, query)
        if path == "/mp/collect":
            return await self._measurement(request, query)
        return self._tag_preflight(request, query) if request.method == "OPTIONS" else await self._tag(request, query)

    async def _tag(self, request: web.BaseRequest, query: str) -> Answer:
        """Answer 204 whatever became of the events, strangers' too, and never a word that the tag would act on."""
        found = self._callers.tagged(request.headers, query)
        if isinstance(found, Stranger):
            self._metrics.stranger(found)
            return answer(204)
        door, origin = found
        page = await self._read_page(request, door, credentials_cors_of(origin), COLLECT_BYTES)
        size = len(query) + len(page.body)
        await self._pass_page(page, Source.GTAG, lambda now: gtag.decode(query, page.body, now, page.connection), size)
        return answer(204, headers=page.cors)

    def _tag_preflight(self, request: web.BaseRequest, query: str) -> Answer:
        found = self._callers.tagged(request.headers, query)
        if isinstance(found, Stranger):
            self._metrics.stranger(found)
            return answer(204)
        return answer(204, headers={**credentials_cors_of(found[1]), **_allowing("GET, POST")})

    async def _measurement(self, request: web.BaseRequest, query: str) -> Answer:
        door = self._callers.measuring(query)
        self._refuse_if_shut()
        body = await self._body_of_server(request, door, EVENTS_BYTES)

        def read(now: int) -> Batch:
            batch = _or_malformed(partial(measurement.decode, body), now)
            self._take(door.bucket, len(batch.events) - 1, before=1)
            return batch

        await self._pass(door, Source.MEASUREMENT, read, len(body))
        return answer(204)

    async def _data(self, request: web.BaseRequest, query: str) -> Answer:
        """Answer as the container does, whatever became of the events, and strangers too: an image, or a receipt of nothing."""
        found = self._callers.data_tagged(request.headers)
        if isinstance(found, Stranger):
            self._metrics.stranger(found)
            return answer(204)
        door, origin = found
        cors = credentials_cors_of(origin)
        if request.method == "OPTIONS":
            return answer(204, headers={**cors, **_allowing("GET, POST")})
        page = await self._read_page(request, door, cors, COLLECT_BYTES)
        form = request.content_type == "application/x-www-form-urlencoded"
        size = len(query) + len(page.body)
        decode_body = partial(stape.decode, query, page.body, connection=page.connection, form=form)
        passage = await self._pass_page(page, Source.STAPE, decode_body, size)
        if request.method == "GET":
            return answer(200, PIXEL, page.cors, content_type="image/gif")
        now = passage.now
        receipts = [{"timestamp": now, "unique_event_id": f"{now}_{secrets.token_hex(8)}"} for _ in passage.batch.events]
        return answer(200, orjson.dumps(receipts if page.body.lstrip().startswith(b"[") else receipts[0]), page.cors)

    # ── consent records ──────────────────────────────────────────────────────────────────────────────────────

    async def _consent(self, request: web.BaseRequest, query: str) -> Answer:
        if hdrs.AUTHORIZATION in request.headers or not query:
            return await self._consent_of_server(request)
        page = await self._from_page(request, query, CONSENT_BYTES, though_full=True)
        costs = len(page.body) // BYTES_OF_AN_EVENT
        self._wait_for(self._addresses.take(network_of(page.address), costs, self._monotonic()), page.cors)
        await self._keep(page.door, page.body, Told.BROWSER, page.connection, page.cors)
        return answer(204, headers=page.cors)

    async def _consent_of_server(self, request: web.BaseRequest) -> Answer:
        door, body = await self._from_server(request, CONSENT_BYTES, though_full=True)
        made = await self._keep(door, body, Told.SERVER)
        if made is None:
            return problem(400, "not_json")
        if isinstance(made, Malformed):
            said: dict[str, object] = {"error": "not_a_record", "reason": made.fault, "field": made.field}
            return answer(400, orjson.dumps(said))
        said = {"receipt": made.receipt, "destinations": {d.value: why or ALLOWED for d, why in made.deposit.decided}}
        return answer(201, orjson.dumps(said | ({"left_out": made.left_out} if made.left_out else {})))

    async def _keep(
        self,
        door: Door,
        body: bytes,
        told: Told,
        connection: Connection | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Made | Malformed | None:
        """Read a record and keep it; None where the body is no JSON."""
        storefront, unknown, now = door.line.storefront, dict[str, int](), int(self._wall())
        try:
            made = await self._consents.keep(door, consent.decode(body, unknown, connection), told, now)
        except Unreadable:
            self._consents.invalid(storefront, told)
            return None
        except Unavailable as unavailable:
            raise Refusal(_unavailable(unavailable.why, headers)) from None
        for field, number in unknown.items():
            self._metrics.unknown_fields(storefront, field, number)
        return made

    # ── withdrawals ──────────────────────────────────────────────────────────────────────────────────────────

    async def _withdraw(self, request: web.BaseRequest, query: str) -> Answer:
        if hdrs.AUTHORIZATION in request.headers or not query:
            door, body = await self._from_server(request, WITHDRAW_BYTES, though_full=True)
            with _shut_told():
                return await self._counter.withdraw_for_server(door.line.storefront, body)
        page = await self._from_page(request, query, WITHDRAW_BYTES, though_full=True)
        self._wait_for(self._addresses.take(network_of(page.address), WITHDRAW_COSTS - 1, self._monotonic()), page.cors)
        with _shut_told(page.cors):
            await self._counter.withdraw_for_page(page.door.line.storefront, page.body)
        return answer(204, headers=page.cors)

    # ── shops' own platforms ─────────────────────────────────────────────────────────────────────────────────────

    async def _webhook(self, request: web.BaseRequest, dialect: Dialect) -> Answer:
        """Answer 200 to whatever is signed and understood: platforms repeat anything else, or give up a shop that fails."""
        headers, webhooks = request.headers, self._webhooks
        if webhooks.may_be_ping(dialect, headers, request.content_length):
            webhooks.ping(dialect, await self._bodies.read(request, PING_BYTES))
            return answer(200)
        shop, topic = webhooks.shop(dialect, headers), webhooks.topic(dialect, headers)
        private = topic in dialect.privacy
        self._refuse_if_shut(though_full=private or topic in dialect.frees)
        if headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
            raise Refusal(closing(problem(415, "content_encoding")))
        body = self._bodies.whole(request, WEBHOOK_BYTES) or await self._bodies.read(request, WEBHOOK_BYTES)
        webhooks.check(dialect, shop, headers, body)
        self._take(shop.door.bucket, 1)
        if private:
            with _shut_told():
                await webhooks.privacy(shop, topic, body)
            return answer(200)
        now = int(self._wall())
        told = webhooks.read_order(shop, topic, body, now)
        if isinstance(told, Refund):
            with _shut_told():
                await webhooks.withhold(shop, topic, told, now)
        elif told is not None:
            lone = Lone((told,))
            await self._pass(shop.door, dialect.source, lambda _now: lone, len(body))
        return answer(200)

    # ── both ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _refuse_if_shut(self, headers: Mapping[str, str] = NO_HEADERS, *, though_full: bool = False) -> None:
        """Take nothing while nothing can be kept. `though_full`: what is to be kept has its place elsewhere than events."""
        why = Shut.CLOSED if self._closing else self._outbox.shut
        if why is not None and not (though_full and why is Shut.FULL):
            raise Refusal(_unavailable(why, headers))

    def _take(self, bucket: Bucket, count: int, headers: Mapping[str, str] = NO_HEADERS, *, before: int = 0) -> None:
        """Take what a request costs, or what it costs beyond the `before` that were taken until its body was read."""
        if count:
            self._wait_for(bucket.take(count, self._monotonic(), before), headers)

    def _take_as_visitor(
        self, bucket: Bucket, address: str, count: int, headers: Mapping[str, str], *, before: int = 0
    ) -> None:
        """Ask the visitor's own bucket first: what one network sends too much must not use up what all others share."""
        if count:
            self._wait_for(self._addresses.take(network_of(address), count, self._monotonic(), before), headers)
            self._take(bucket, count, headers, before=before)

    def _wait_for(self, seconds: float, headers: Mapping[str, str] = NO_HEADERS) -> None:
        if seconds > 0:
            raise Refusal(problem(429, "too_many_requests", {**headers, "Retry-After": _jittered(seconds + 1)}))

    async def _pass(
        self,
        door: Door,
        source: Source,
        read: Callable[[int], Reading],
        size: int,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Passage:
        """Let a request through with those that come with it; `size` is its body's bytes. Raises Refusal."""
        future: asyncio.Future[Passage] = asyncio.get_running_loop().create_future()
        self._turn.take(Passage(door, source, read, size, partial(_arrive, future)))
        return await self._finish(await future, headers)

    async def _finish(self, passage: Passage, headers: Mapping[str, str] = NO_HEADERS) -> Passage:
        """Do what takes waiting: find the records that events cite and put these, and keep a sample once a minute."""
        if isinstance(passage.fault, Unavailable):
            raise Refusal(_unavailable(passage.fault.why, headers)) from None
        if passage.fault is not None:
            raise passage.fault
        if passage.entries is None:
            await self._cite(passage, headers)
        door, batch = passage.door, passage.batch
        for field, number in batch.unknown.items():
            self._metrics.unknown_fields(door.line.storefront, field, number)
        if self._sampler.is_due(door.line.storefront, batch.events, passage.now):
            arrived = Arrived(passage.source, batch.events, batch.unknown, passage.size)
            await self._sampler.take(door.line.storefront, arrived, passage.entries or (), passage.now)
        return passage

    async def _cite(self, passage: Passage, headers: Mapping[str, str]) -> None:
        """Carry events down the line with the records that they cite, and keep those that came before theirs."""
        door, source, events, now = passage.door, passage.source, passage.batch.events, passage.now
        try:
            passage.entries = await self._consents.run(door.line, events, source, now)
            if door.hold_seconds and source not in PAGES:  # before anything is put: where this fails, nothing was accepted
                await self._consents.hold(door, events, passage.entries, now)
            passage.statuses = await self._outbox.put(passage.entries)
        except Unavailable as unavailable:
            raise Refusal(_unavailable(unavailable.why, headers)) from None
        count(self._metrics, door.line.storefront, source, passage.entries, passage.statuses)


def _arrive(future: asyncio.Future[Passage], passage: Passage) -> None:
    if not future.done():
        future.set_result(passage)


def _or_malformed(decode_body: Callable[[int], Batch], now: int) -> Batch:
    try:
        return decode_body(now)
    except (Unreadable, NotAnEvent, TooManyEvents):
        return Batch(events=[Malformed("event", Fault.BAD_FORMAT)], unknown={})


class Page(NamedTuple):
    """What came from a browser: whose page it is, the answer's headers, whom it is limited as, and what it said."""

    door: Door
    cors: Mapping[str, str]
    address: str
    body: bytes
    connection: Connection


def healthy() -> Answer:
    """Say that the front door is open."""
    return answer(200, b"ok\n", content_type="text/plain")


PATHS: Final = {
    path: ", ".join([*(method for method, other in ROUTES if other == path), *(["HEAD"] if path in ALSO_HEAD else [])])
    for _, path in ROUTES
}


def _reader_of(request: web.BaseRequest) -> Decoder:
    if request.headers.get(hdrs.CONTENT_TYPE) == JSON_TYPE:  # as nearly always: no parsing of the header
        return decode
    return EVENT_TYPES[request.content_type]


def _allowing(methods: str) -> Mapping[str, str]:
    return {
        "Access-Control-Allow-Methods": methods,
        "Access-Control-Allow-Headers": "content-type",
        "Access-Control-Max-Age": PREFLIGHT_SECONDS,
    }


def _accepted(passage: Passage) -> Answer:
    return answer(202, results_of(passage.batch.events, passage.entries or (), passage.statuses))


def _unavailable(why: Shut, headers: Mapping[str, str] = NO_HEADERS) -> Answer:
    return problem(503, why.value, {**headers, "Retry-After": _jittered(5, 30)})


@contextmanager
def _shut_told(headers: Mapping[str, str] = NO_HEADERS) -> Iterator[None]:
    """Answer 503 where a store is shut."""
    try:
        yield
    except Unavailable as unavailable:
        raise Refusal(_unavailable(unavailable.why, headers)) from None


def _jittered(least: float, most: float | None = None) -> str:
    """Spread retries: somewhere between `least` and `most` (twice the least) seconds, whole and at least 1."""
    return str(max(1, round(random.uniform(least, most or 2 * least))))  # noqa: S311 - spreads load, hides nothing
