"""The part that is the same for every stand-in: HTTP, the token, the modes, the ledger.

A platform brings its `Voice`: how it judges a body and in which words it answers. The `StandIn` around it receives the
request, asks the switch how to behave, and cuts, waits or answers. One request is one pass through `_events`.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import ClassVar, Protocol

import msgspec
import orjson
from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from gateway.model.words import Destination
from gateway.sandbox.behaviour import Behaviour, Mode, Switch
from gateway.sandbox.ledger import Arrival, Ledger, Repeats, taken_json

CLOCK_SKEW = 60
"""Seconds an event may lie in the future. No platform publishes its tolerance; this one is the sandbox's own choice."""

BODY_LIMIT = 32 * 2**20

JSON_TYPE = "application/json"


class Post(msgspec.Struct, frozen=True, gc=False):
    """A request as the platform sees it. `path` holds the route's parts by name; `form` the fields of a form body."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    token: str
    at: float
    form: Mapping[str, str] | None = None


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What the platform says."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}
    content_type: str = JSON_TYPE
    reason: str = ""
    """Why events were not taken: a code for the ledger, never sent."""
    events: int = 0
    """How many events a request had that was refused as a whole, as far as it could be read."""


class Reading(msgspec.Struct, frozen=True):
    """A request that the platform can act on. `recorded` is False when it asked for a check only."""

    arrivals: Sequence[Arrival]
    recorded: bool = True


Settled = tuple[Answer, Sequence[Arrival]]
"""An answer, and the events that the platform has now."""


class Heard(msgspec.Struct, frozen=True):
    """A request kept whole, for tests that look at every byte. In process only."""

    path: str
    headers: Sequence[tuple[str, str]]
    body: bytes


class Noted(msgspec.Struct, frozen=True):
    """One line of `GET /_sandbox/requests`: no value of any event."""

    at: str
    path: str
    mode: Mode
    bytes: int
    events: int
    taken: int
    status: int | None
    """None when the connection was cut instead."""
    reason: str


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What a request came to: the answer (None: the connection is cut), events that arrived, events taken."""

    answer: Answer | None
    arrived: int = 0
    taken: int = 0


class Opener(Protocol):
    """Who gave the tokens out knows what they are good for."""

    def accepts(self, token: str) -> bool:
        """Say whether this is a token, and still good."""

    def opens(self, token: str, scope: str) -> bool:
        """Say whether it is good for `scope`."""


class Voice(ABC):
    """How one platform judges and speaks. No IO; all it remembers is what the platform itself would."""

    destination: ClassVar[Destination]
    repeats: ClassVar[Repeats]
    route: ClassVar[str]
    """Where events are posted, as an aiohttp route."""
    more_routes: ClassVar[Sequence[str]] = ()
    """Other routes to which events are posted, where a platform has more than one service."""
    variants: ClassVar[Mapping[Mode, Sequence[str]]]

    @abstractmethod
    def read(self, post: Post) -> Reading | Answer:
        """Judge a request by the published rules: what arrived, or the refusal of the whole request."""

    @abstractmethod
    def settle(self, reading: Reading, refused: frozenset[int], variant: str) -> Settled:
        """Answer a readable request. `refused` are the events, by position, to treat as invalid."""

    @abstractmethod
    def miscount(self, reading: Reading) -> Settled:
        """Answer so that the events sent are not all accounted for."""

    @abstractmethod
    def fault(self, mode: Mode, variant: str, post: Post, seconds: float) -> Answer:
        """Answer with the error that the mode stands for."""

    @abstractmethod
    def nowhere(self, post: Post) -> Answer:
        """Answer a request to a path or by a method that the platform does not have."""

    def token(self, request: web.Request, form: Mapping[str, str] | None) -> str:
        """Find the access token, empty if there is none."""
        del form
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    def scope(self, post: Post) -> str:
        """Name the scope that a token needs for a request; empty where the platform has none."""
        del post
        return ""

    def lookups(self) -> Mapping[str, Callable[[Post], Answer]]:
        """Name the GET routes that the platform has beside the posting of events."""
        return {}


class StandIn:
    """One platform's stand-in. `app` is served by `platforms.py` or by a test."""

    def __init__(
        self,
        voice: Voice,
        *,
        token: str | Opener | None,
        clock: Callable[[], float] = time.time,
        keep: int = 0,
    ) -> None:
        """Take the voice, the token that is asked for and a clock (Unix seconds).

        `token`: None for any that is not empty, or who says of one what it is good for. `keep`: how many of the last
        requests to hold whole in `heard`.
        """
        self.voice = voice
        self.ledger = Ledger(voice.repeats)
        self.switch = Switch(voice.variants)
        self.heard: deque[Heard] = deque(maxlen=keep)
        self._noted: deque[Noted] = deque(maxlen=200)
        self._token = token
        self._clock = clock

    def app(self) -> web.Application:
        """Make the HTTP application."""
        app = web.Application(client_max_size=BODY_LIMIT)
        app.router.add_put("/_sandbox/mode", self._set_mode)
        app.router.add_get("/_sandbox/mode", self._get_mode)
        app.router.add_get("/_sandbox/ledger", self._get_ledger)
        app.router.add_delete("/_sandbox/ledger", self._clear_ledger)
        app.router.add_get("/_sandbox/events", self._get_events)
        app.router.add_get("/_sandbox/requests", self._get_requests)
        for route in (self.voice.route, *self.voice.more_routes):
            app.router.add_post(route, self._events)
        for path, look in self.voice.lookups().items():
            app.router.add_get(path, self._lookup(look))
        app.router.add_route("*", "/{tail:.*}", self._nowhere)
        return app

    # ── what the gateway talks to ────────────────────────────────────────────────────────────────────────────────

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Receive events."""
        behaviour = self.switch.next()
        if behaviour.mode is Mode.CUT_BEFORE_READ:
            self._note(request, behaviour, 0, Outcome(None))
            return _cut(request)
        post = await self._post(request)
        if self.heard.maxlen:
            self.heard.append(Heard(request.path_qs, tuple(request.headers.items()), post.body))
        outcome = self._act(post, behaviour)
        if behaviour.mode is Mode.CUT_BEFORE_ANSWER:
            outcome = msgspec.structs.replace(outcome, answer=None)
        self._note(request, behaviour, len(post.body), outcome)
        if behaviour.mode is Mode.SLOW:
            await asyncio.sleep(behaviour.seconds)
        return _cut(request) if outcome.answer is None else _response(outcome.answer)

    def _act(self, post: Post, behaviour: Behaviour) -> Outcome:
        """Judge, take and answer."""
        self.ledger.requests += 1
        if (turned_away := self._turned_away(post)) is not None:
            return Outcome(turned_away)
        error = self._error(post, behaviour)
        if error is not None and not behaviour.taken and behaviour.mode is not Mode.GARBAGE:
            return Outcome(error)
        reading = self.voice.read(post)
        if isinstance(reading, Answer):
            self.ledger.refuse(reading.reason, reading.events)
            return Outcome(error or reading, reading.events)
        answer, taken = self._settle(reading, behaviour)
        if reading.recorded:
            self._enter(reading, taken, answer, post.at)
        return Outcome(error or answer, len(reading.arrivals), len(taken))

    def _turned_away(self, post: Post) -> Answer | None:
        """Answer a request whose token is not the right one, or is good for something else; None if it is in order."""
        given, asked = post.token, self._token
        if not (bool(given) if asked is None else given == asked if isinstance(asked, str) else asked.accepts(given)):
            return self.voice.fault(Mode.EXPIRED_TOKEN, "", post, 0)
        if asked is None or isinstance(asked, str) or not (scope := self.voice.scope(post)) or asked.opens(given, scope):
            return None
        return self.voice.fault(Mode.PERMISSION, "scope", post, 0)

    def _error(self, post: Post, behaviour: Behaviour) -> Answer | None:
        """Give the error that the mode stands for, None when events are judged by the rules."""
        if behaviour.mode not in ERRORS:
            return None
        return self.voice.fault(behaviour.mode, self.switch.variant(behaviour), post, behaviour.seconds)

    def _settle(self, reading: Reading, behaviour: Behaviour) -> Settled:
        """Let the platform answer, with the events that the mode refuses."""
        if behaviour.mode is Mode.COUNT_MISMATCH:
            return self.voice.miscount(reading)
        refused: frozenset[int] = frozenset()
        if behaviour.mode is Mode.REFUSE_EVENTS:
            refused = frozenset(i for i, a in enumerate(reading.arrivals) if self.switch.refuses(behaviour, a.name, a.event_id))
        return self.voice.settle(reading, refused, self.switch.variant(behaviour))

    def _enter(self, reading: Reading, taken: Sequence[Arrival], answer: Answer, now: float) -> None:
        """Book what was taken and what was not."""
        for arrival in taken:
            self.ledger.take(arrival, now)
        if (left := len(reading.arrivals) - len(taken)) > 0:
            self.ledger.refuse(answer.reason or "not_used", left)

    def _lookup(self, look: Callable[[Post], Answer]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Make the handler of a GET route; it asks for the token too."""

        async def handle(request: web.Request) -> web.StreamResponse:
            post = await self._post(request)
            return _response(self._turned_away(post) or look(post))

        return handle

    async def _nowhere(self, request: web.Request) -> web.Response:
        """Answer what the platform does not have."""
        return _response(self.voice.nowhere(await self._post(request)))

    async def _post(self, request: web.Request) -> Post:
        """Read a request whole."""
        form = None
        body = await request.read()
        if request.content_type == "application/x-www-form-urlencoded":
            form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        return Post(
            path=dict(request.match_info),
            query=dict(request.query),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=body,
            token=self.voice.token(request, form),
            at=self._clock(),
            form=form,
        )

    def _note(self, request: web.Request, behaviour: Behaviour, size: int, outcome: Outcome) -> None:
        """Remember that a request came, without what was in it; the query may hold a token and is left out."""
        self._noted.append(
            Noted(
                at=datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds"),
                path=request.path,
                mode=behaviour.mode,
                bytes=size,
                events=outcome.arrived,
                taken=outcome.taken,
                status=None if outcome.answer is None else outcome.answer.status,
                reason="" if outcome.answer is None else outcome.answer.reason,
            )
        )

    # ── what people and tests talk to ────────────────────────────────────────────────────────────────────────────

    async def _set_mode(self, request: web.Request) -> web.Response:
        """Set one behaviour or several, one after the other."""
        try:
            given = orjson.loads(await request.read())
            wanted = _BEHAVIOURS.validate_json(orjson.dumps(given if isinstance(given, list) else [given]))
            self.switch.set(*wanted)
        except orjson.JSONDecodeError:
            return web.json_response({"error": "the body must be JSON"}, status=400)
        except ValidationError as fault:
            faults = [f"{'.'.join(map(str, e['loc'][1:])) or 'body'}: {e['msg']}" for e in fault.errors(include_url=False)]
            return web.json_response({"error": faults}, status=400)
        except ValueError as fault:
            return web.json_response({"error": str(fault)}, status=400)
        return await self._get_mode(request)

    async def _get_mode(self, _request: web.Request) -> web.Response:
        """Show what is due and which variants there are."""
        due = [
            behaviour.model_dump(mode="json", exclude_defaults=True) | {"mode": behaviour.mode} for behaviour in self.switch.due
        ]
        return _json({"due": due, "modes": list(Mode), "variants": {str(m): list(v) for m, v in self.voice.variants.items()}})

    async def _get_ledger(self, request: web.Request) -> web.Response:
        """Show the account, or one event."""
        event_id = request.query.get("event_id")
        if event_id is None:
            return _json({"platform": self.voice.destination, **self.ledger.summary()})
        return _json({"platform": self.voice.destination, "taken": [taken_json(t) for t in self.ledger.find(event_id)]})

    async def _clear_ledger(self, _request: web.Request) -> web.Response:
        """Begin anew."""
        self.ledger.clear()
        self._noted.clear()
        self.heard.clear()
        return web.Response(status=204)

    async def _get_events(self, _request: web.Request) -> web.Response:
        """List every event taken."""
        lines = b"".join(orjson.dumps(taken_json(taken), option=orjson.OPT_APPEND_NEWLINE) for taken in self.ledger)
        return web.Response(body=lines, content_type="application/x-ndjson")

    async def _get_requests(self, _request: web.Request) -> web.Response:
        """List the last requests, newest first."""
        return _json({"requests": [msgspec.to_builtins(noted) for noted in reversed(self._noted)]})


ERRORS = frozenset(
    {
        Mode.REFUSE_BATCH,
        Mode.THROTTLE,
        Mode.EXPIRED_TOKEN,
        Mode.PERMISSION,
        Mode.SERVER_ERROR,
        Mode.HTML_ERROR,
        Mode.GARBAGE,
    }
)
"""Modes whose answer does not depend on what was sent."""

GARBAGE: Mapping[str, bytes] = {
    "text": b"OK",
    "truncated": b'{"events_received": 1, "mess',
    "binary": bytes(range(256)),
    "empty": b"",
    "wrong_types": b'{"events_received": "all", "num_events_received": {}, "events": "fine", "requestId": 7, "error": []}',
    "array": b"[]",
}
"""Bodies of a 200 that say nothing; the same for every platform."""

HTML = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"

_BEHAVIOURS = TypeAdapter(tuple[Behaviour, ...])


def common_fault(mode: Mode, variant: str) -> Answer | None:
    """Give the errors that sound alike everywhere: a page of HTML, or a 200 that cannot be read."""
    if mode is Mode.HTML_ERROR:
        return Answer(502, HTML, content_type="text/html", reason="html_error")
    if mode is Mode.GARBAGE:
        return Answer(200, GARBAGE[variant], reason="garbage")
    return None


def field_names(event: Mapping[str, object], prefix: str = "") -> tuple[str, ...]:
    """Name every field of an event, nested ones with a point: what a platform was told, without what it was told."""
    names: list[str] = []
    for name, value in event.items():
        if isinstance(value, dict):
            names += field_names(value, f"{prefix}{name}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            names += field_names(value[0], f"{prefix}{name}[].")
        else:
            names.append(prefix + name)
    return tuple(names)


def _cut(request: web.Request) -> web.StreamResponse:
    """End the connection at once, without a byte of an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _response(answer: Answer) -> web.Response:
    """Put an answer into HTTP."""
    return web.Response(status=answer.status, body=answer.body, headers={**answer.headers, "Content-Type": answer.content_type})


def _json(value: object) -> web.Response:
    """Answer with JSON."""
    return web.Response(body=orjson.dumps(value, option=orjson.OPT_INDENT_2), content_type=JSON_TYPE)
