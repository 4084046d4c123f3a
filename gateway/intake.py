"""The front door: HTTP in, the line run, and the answer only after the flush.

Two routes. `POST /v1/events` is for servers with a secret key and answers per event; `POST /v1/collect` is for browsers
with a publishable key and answers 204 whatever became of the events, since a differing reply would tell the page about
consent and make tags retry. One request is one transaction. An error names a rule, never the input, and 503 always means
that nothing was stored. Above the boundary's line the body lives in this function's memory and nowhere else.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

import msgspec
import orjson
from aiohttp import hdrs, web

from gateway.address import parse
from gateway.consent.signals.gpc import header_says_so
from gateway.keys import Doorkeeper, KeyKind
from gateway.limits import Addresses, Bucket, network_of
from gateway.line import Line
from gateway.listener import NO_HEADERS, Answer, answer, problem
from gateway.metrics import Metrics
from gateway.model import Destination, Fault, Kind, Source, Status, StorefrontId, Trace
from gateway.model import Refusal as Refused
from gateway.outbox import Accept, Entry, Outbox, Refuse, Reject, Shut, Unavailable
from gateway.raw import Malformed, RawEvent
from gateway.sources.native import Batch, Connection, NotAnEvent, TooManyEvents, decode
from gateway.sources.strict import Unreadable

EVENTS_BYTES: Final = 1 << 20
COLLECT_BYTES: Final = 64 << 10
ROUTES: Final = (("POST", "/v1/events"), ("POST", "/v1/collect"), ("OPTIONS", "/v1/collect"), ("GET", "/healthz"))
"""Every public route; the documentation is tested against this."""

JSON_TYPE: Final = "application/json"
EVENTS, SECRET, ACCEPTED, REFUSED = Source.EVENTS, KeyKind.SECRET, Status.ACCEPTED, Status.REFUSED
PREFLIGHT_SECONDS: Final = "86400"


class Door(msgspec.Struct):
    """What the front door knows of a storefront. `origins` as browsers send them; `null` is allowed separately."""

    line: Line
    origins: frozenset[str]
    allow_null_origin: bool
    bucket: Bucket


class Refusal(Exception):
    """An answer that ends the request early; carries the finished response."""

    def __init__(self, response: Answer) -> None:
        """Keep it."""
        super().__init__("request refused")
        self.response = response


class Intake:
    """The handler of the public listener. `close()` makes every further request a 503 while the rest finishes."""

    def __init__(  # noqa: PLR0913 - one place builds it, by name
        self,
        *,
        doors: Mapping[StorefrontId, Door],
        doorkeeper: Doorkeeper,
        outbox: Outbox,
        metrics: Metrics,
        addresses: Addresses,
        body_seconds: float,
        trusted_proxies: Sequence[IPv4Network | IPv6Network] = (),
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._doors = doors
        self._doorkeeper = doorkeeper
        self._outbox = outbox
        self._metrics = metrics
        self._addresses = addresses
        self._body_seconds = body_seconds
        self._trusted = tuple(trusted_proxies)
        self._wall = wall
        self._monotonic = monotonic
        self._closing = False

    def close(self) -> None:
        """Take nothing more."""
        self._closing = True

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        path, _, query = request.raw_path.partition("?")
        try:
            match request.method, path:
                case "POST", "/v1/events":
                    response = await self._events(request)
                case "POST", "/v1/collect":
                    response = await self._collect(request, query)
                case "OPTIONS", "/v1/collect":
                    response = self._preflight(request, query)
                case "GET", "/healthz":
                    response = answer(200, b"ok\n", content_type="text/plain")
                case _, known if known in PATHS:
                    response = problem(405, "method_not_allowed", {"Allow": PATHS[known]})
                case _:
                    response = problem(404, "not_found")
        except Refusal as refusal:
            response = refusal.response
        self._metrics.request(path if path in PATHS else "other", response.status)
        return response

    # ── servers ──────────────────────────────────────────────────────────────────────────────────────────────

    async def _events(self, request: web.BaseRequest) -> Answer:
        headers = request.headers
        storefront = self._secret_caller(headers)
        door = self._doors[storefront]
        self._refuse_if_shut()
        if headers.get(hdrs.CONTENT_TYPE) != JSON_TYPE and request.content_type != JSON_TYPE:
            return problem(415, "content_type")
        encoding = headers.get(hdrs.CONTENT_ENCODING)
        if encoding is not None and encoding.lower() not in ("identity", "gzip"):
            return _closing(problem(415, "content_encoding"))
        self._take(door.bucket, 1)
        body = self._whole_body(request, EVENTS_BYTES) or await self._body(request, EVENTS_BYTES)
        now = int(self._wall())
        try:
            batch = decode(body, now)
        except Unreadable:
            return problem(400, "not_json")
        except NotAnEvent:
            return problem(400, "not_an_event")
        except TooManyEvents:
            return problem(413, "too_many_events")
        self._take(door.bucket, len(batch.events) - 1)
        entries, statuses = await self._store(door, EVENTS, batch, now)
        return answer(202, _results(batch.events, entries, statuses))

    def _secret_caller(self, headers: Mapping[str, str]) -> StorefrontId:
        scheme, _, key = headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        who = self._doorkeeper.who(key.strip()) if scheme.lower() == "bearer" else None
        if who is None or who[0] not in self._doors:
            raise Refusal(problem(401, "unknown_key", {"WWW-Authenticate": "Bearer"}))
        if who[1] is not SECRET:
            raise Refusal(problem(403, "not_a_secret_key"))
        return who[0]

    # ── browsers ─────────────────────────────────────────────────────────────────────────────────────────────

    async def _collect(self, request: web.BaseRequest, query: str) -> Answer:
        storefront, origin = self._page(request, query)
        door = self._doors[storefront]
        cors = {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "Retry-After", "Vary": "Origin"}
        self._refuse_if_shut(cors)
        if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
            return _closing(problem(415, "content_encoding", cors))
        address = self._client_address(request)
        self._take_as_visitor(door.bucket, address or request.remote or "", 1, cors)
        body = self._whole_body(request, COLLECT_BYTES, cors) or await self._body(request, COLLECT_BYTES, cors)
        now = int(self._wall())
        agent, gpc = request.headers.get(hdrs.USER_AGENT), header_says_so(request.headers.getall("Sec-GPC", []))
        try:
            batch = decode(body, now, Connection(address, agent, gpc))
        except (Unreadable, NotAnEvent, TooManyEvents):
            batch = Batch(events=[Malformed("event", Fault.BAD_FORMAT)], unknown={})
        self._take_as_visitor(door.bucket, address or request.remote or "", len(batch.events) - 1, cors)
        await self._store(door, Source.COLLECT, batch, now, cors)
        return answer(204, headers=cors)

    def _preflight(self, request: web.BaseRequest, query: str) -> Answer:
        _, origin = self._page(request, query)
        allowed = {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Methods": "POST",
            "Access-Control-Allow-Headers": "content-type",
            "Access-Control-Max-Age": PREFLIGHT_SECONDS,
            "Vary": "Origin",
        }
        return answer(204, headers=allowed)

    def _page(self, request: web.BaseRequest, query: str) -> tuple[StorefrontId, str]:
        """Find the storefront by its publishable key, and hold the page's origin against those it registered."""
        key = dict(part.partition("=")[::2] for part in query.split("&")).get("k", "")
        who = self._doorkeeper.who(key)
        if who is None or who[1] is not KeyKind.PUBLISHABLE or who[0] not in self._doors:
            raise Refusal(problem(403, "unknown_key"))
        door, origin = self._doors[who[0]], request.headers.get(hdrs.ORIGIN, "")
        if origin not in door.origins and not (origin == "null" and door.allow_null_origin):
            raise Refusal(problem(403, "unknown_origin"))
        return who[0], origin

    def _client_address(self, request: web.BaseRequest) -> str | None:
        """Find the browser's address: the peer, or behind trusted proxies the rightmost address that is none of them.

        None when proxies name nobody: a proxy's own address must never pass for a visitor's.
        """
        peer = request.remote or ""
        if not self._trusted or not self.trusts(peer):
            return peer
        hops = [hop.strip() for value in request.headers.getall("X-Forwarded-For", []) for hop in value.split(",")]
        return next((hop for hop in reversed(hops) if not self.trusts(hop)), None)

    def trusts(self, address: str) -> bool:
        """Say whether an address, however it is written, belongs to a trusted proxy; what is no address does not."""
        numbers = parse(address) if self._trusted else None
        if numbers is None:
            return False
        known = IPv4Address(bytes(numbers)) if len(numbers) == 4 else IPv6Address(b"".join(n.to_bytes(2) for n in numbers))
        return any(known in network for network in self._trusted)

    # ── both ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _refuse_if_shut(self, headers: Mapping[str, str] = NO_HEADERS) -> None:
        why = Shut.CLOSED if self._closing else self._outbox.shut
        if why is not None:
            raise Refusal(_unavailable(why, headers))

    def _take(self, bucket: Bucket, count: int, headers: Mapping[str, str] = NO_HEADERS) -> None:
        if count:
            self._wait_for(bucket.take(count, self._monotonic()), headers)

    def _take_as_visitor(self, bucket: Bucket, address: str, count: int, headers: Mapping[str, str]) -> None:
        """Ask the visitor's own bucket first: what one network sends too much must not use up what all others share."""
        if count:
            self._wait_for(self._addresses.take(network_of(address), count, self._monotonic()), headers)
            self._take(bucket, count, headers)

    def _wait_for(self, seconds: float, headers: Mapping[str, str] = NO_HEADERS) -> None:
        if seconds > 0:
            raise Refusal(problem(429, "too_many_requests", {**headers, "Retry-After": _jittered(seconds + 1)}))

    def _whole_body(self, request: web.BaseRequest, limit: int, headers: Mapping[str, str] = NO_HEADERS) -> bytes | None:
        """Give a body that came with its headers and has nothing wrong with it: no waiting, no timer (5 µs less), else None."""
        content = request.content
        if not content.is_eof() or content.exception() is not None or hdrs.EXPECT in request.headers:
            return None
        return self._bounded([content.read_nowait()], limit, headers)

    async def _body(self, request: web.BaseRequest, limit: int, headers: Mapping[str, str] = NO_HEADERS) -> bytes:
        """Read a body of at most `limit` bytes after decompression, against the clock: a dripped body is cut."""
        if (request.content_length or 0) > limit:
            raise Refusal(_closing(problem(413, "body_too_large", headers)))
        content = request.content
        chunks: list[bytes] = []
        read = 0
        try:
            await _let_continue(request)
            async with asyncio.timeout(self._body_seconds):
                while not content.at_eof():
                    chunks.append(chunk := await content.readany())
                    read += len(chunk)
                    if read > limit:
                        break
        except TimeoutError:
            raise Refusal(_closing(problem(408, "body_too_slow", headers))) from None
        except (web.RequestPayloadError, ValueError, OSError):
            raise Refusal(_closing(problem(400, "bad_body", headers))) from None
        return self._bounded(chunks, limit, headers)

    def _bounded(self, chunks: list[bytes], limit: int, headers: Mapping[str, str] = NO_HEADERS) -> bytes:
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        if len(body) > limit:
            raise Refusal(_closing(problem(413, "body_too_large", headers)))
        self._metrics.raw_bytes(len(body))
        return body

    async def _store(
        self, door: Door, source: Source, batch: Batch, now: int, headers: Mapping[str, str] = NO_HEADERS
    ) -> tuple[list[Entry], Sequence[Status]]:
        run = door.line.run
        entries = [run(event, source, now) for event in batch.events]
        try:
            statuses = await self._outbox.put(entries)
        except Unavailable as unavailable:
            raise Refusal(_unavailable(unavailable.why, headers)) from None
        self._count(door.line.storefront, source, entries, statuses, batch.unknown)
        return entries, statuses

    def _count(
        self,
        storefront: StorefrontId,
        source: Source,
        entries: Sequence[Entry],
        statuses: Sequence[Status],
        unknown: Mapping[str, int],
    ) -> None:
        fates: dict[tuple[Kind | None, Status, str], int] = {}
        kinds: list[Kind] = []
        for entry, status in zip(entries, statuses, strict=True):
            if status is ACCEPTED and type(entry) is Accept:
                kinds.append(entry.event.kind)
            else:
                fate = _fate(entry, status)
                fates[fate] = fates.get(fate, 0) + 1
        for accepted in set(kinds):
            fates[accepted, ACCEPTED, ""] = kinds.count(accepted)
        for (kind, status, reason), count in fates.items():
            self._metrics.events(storefront, source, kind, status, reason, count)
        for field, count in unknown.items():
            self._metrics.unknown_fields(storefront, field, count)


PATHS: Final = {path: ", ".join(method for method, other in ROUTES if other == path) for _, path in ROUTES}


async def _let_continue(request: web.BaseRequest) -> None:
    """Answer `Expect: 100-continue`: many HTTP libraries wait a second for it before they send a larger body."""
    if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue" and not request.content.is_eof():
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # nothing of the answer itself is out yet


def _fate(entry: Entry, status: Status) -> tuple[Kind | None, Status, str]:
    match entry:
        case Accept():
            return entry.event.kind, status, Refused.WITHDRAWN if status is REFUSED else ""
        case Refuse():
            return entry.kind, status, entry.reason
        case Reject():
            return entry.kind, status, entry.fault


def _results(events: Sequence[RawEvent | Malformed], entries: Sequence[Entry], statuses: Sequence[Status]) -> bytes:
    results = [_result(*one) for one in zip(events, entries, statuses, strict=True)]
    return b'{"results":[%b]}' % (results[0] if len(results) == 1 else b",".join(results))


def _result(event: RawEvent | Malformed, entry: Entry, status: Status) -> bytes:
    """Write one event's result. An id needs no escaping, so the commonest one is its id and an end that is always the same."""
    if status is ACCEPTED and type(entry) is Accept:
        trace = entry.trace
        return b'{"event_id":"%b%b' % (entry.event.event_id.encode(), _end(trace.allowed, trace.refused))
    return orjson.dumps(_other_result(event, entry, status))


@lru_cache(maxsize=1024)
def _end(allowed: tuple[Destination, ...], refused: tuple[tuple[Destination, Refused], ...]) -> bytes:
    rest: dict[str, object] = {"status": ACCEPTED, "destinations": allowed}
    if refused:
        rest["refused_destinations"] = {destination.value: why for destination, why in refused}
    return b'",' + orjson.dumps(rest)[1:]


def _other_result(event: RawEvent | Malformed, entry: Entry, status: Status) -> dict[str, object]:
    """Write a result's members: its own id if it had a valid one, and reasons by code."""
    result: dict[str, object] = {"event_id": event.event_id, "status": status}
    match entry:
        case Accept() if status is REFUSED:  # by the store: the person has withdrawn
            result |= _reasons(Refused.WITHDRAWN, entry.trace.withdrawn())
        case Accept():
            pass
        case Refuse():
            result |= _reasons(entry.reason, entry.trace)
        case Reject():
            result["reason"] = entry.fault
            result["field"] = event.field if isinstance(event, Malformed) else None
    return result


def _reasons(reason: Refused, trace: Trace) -> dict[str, object]:
    """Write a refusal's reason, and each destination's own."""
    return {"reason": reason, "refused_destinations": {destination.value: why for destination, why in trace.refused}}


def _unavailable(why: Shut, headers: Mapping[str, str] = NO_HEADERS) -> Answer:
    return problem(503, why.value, {**headers, "Retry-After": _jittered(5, 30)})


def _jittered(least: float, most: float | None = None) -> str:
    """Spread retries: somewhere between `least` and `most` (twice the least) seconds, whole and at least 1."""
    return str(max(1, round(random.uniform(least, most or 2 * least))))  # noqa: S311 - spreads load, hides nothing


def _closing(response: Answer) -> Answer:
    response.force_close()
    return response
