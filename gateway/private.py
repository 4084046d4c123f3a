"""The private listener: metrics, health, the answers to "why" and "does it add up", and what an operator may change.

Never reachable from outside: bound to loopback unless configured otherwise. Tells nothing that identifies a person:
explanations hold codes and rules, accounts and dead letters hold sums. The one exception is the answer to a person's own
request for access, which is asked for by naming that person.

Nobody is told anything but health and metrics who does not say who they are: by a session of the console, by a program's
token, or by the host's own (`console.door`). What each may is in one table (`console.roles`), and what has no row there is
not reached. A web page in an operator's browser must not be able to speak for that operator. Whoever asks by a name that is
not the listener's is refused: a page whose own name was made to lead here still says that name in `Host`
(DNS rebinding). So is whoever comes from a page of another origin. What changes something takes POST and JSON by name,
which no page can send elsewhere without being asked for first, and is bounded in size and time.
https://fetch.spec.whatwg.org/#http-cors-protocol (read 2026-11-25)
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from importlib.resources import files
from ipaddress import ip_address
from typing import Final, TypeVar
from urllib.parse import parse_qsl

import msgspec
import orjson
from aiohttp import hdrs, web

from gateway.audit.accounts import account
from gateway.audit.letters import list_dead, tell_slice
from gateway.audit.shapes import Approval, Approved, tell_shapes
from gateway.audit.standing import Lookout, standstills
from gateway.audit.trace import tell
from gateway.console.door import Door
from gateway.console.page import CSRF_HEADER, Caller, Form
from gateway.console.roles import NOBODY, PRIVACY, STATIC, WHO, may, methods, withheld
from gateway.console.site import LIVE, LIVE_HEADER, Site
from gateway.console.troubles import reads_pages
from gateway.delivery.letters import Order
from gateway.delivery.replaying import Replayer, count_dead
from gateway.listener import Answer, answer, closing, problem, read_bounded
from gateway.metrics import CONTENT_TYPE, Metrics
from gateway.model.texts import EventId, StorefrontId
from gateway.model.words import Kind
from gateway.office import leafing
from gateway.office.clerk import Clerk
from gateway.office.exporting import FORMAT, FORMATS, SHEETS, Exporter, wants_table
from gateway.office.looking import look_round
from gateway.office.pausing import PauseOrder, Pausing
from gateway.office.reconciling import Reconciling
from gateway.office.reports import Asked, Reports, read
from gateway.outbox import Outbox
from gateway.outbox.shapes import Decision
from gateway.rights.counter import PATHS, Counter
from gateway.signing.acts import approval_of, replay_of
from gateway.signing.entry import Entry
from gateway.signing.recorder import Unrecorded
from gateway.storage import Shut, Unavailable

RECONCILE: Final = "/api/v1/reconcile"
PAUSE: Final = "/api/v1/pause"
RESUME: Final = "/api/v1/resume"
PAUSING: Final = frozenset({PAUSE, RESUME})

ROUTES: Final = tuple(WHO)
"""Every private route; the documentation is tested against this. Who may take each stands in `console.roles`."""

OPENAPI: Final = files("config").joinpath("openapi.json").read_bytes()

API: Final = "/api/"
PARAMETERS: Final[Mapping[tuple[str, str], frozenset[str]]] = {
    (method.upper(), path): frozenset(one["name"] for one in operation.get("parameters", ()) if one["in"] == "query")
    for path, operations in orjson.loads(OPENAPI)["paths"].items()
    for method, operation in operations.items()
    if path.startswith(API)
}
"""What may be asked for in the query of each route of the API, as the description for programs says it."""
MACHINES: Final = frozenset({"/metrics", "/livez", "/readyz"})
"""Health and metrics are for machines, which call by whatever name; everywhere else callers are looked at."""
BODY_BYTES: Final = 64 * 1024
BODY_SECONDS: Final = 5.0
JSON_TYPE: Final = "application/json"
HOST: Final = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]{2,45})\]|(?P<name>[A-Za-z0-9.\-]{1,253}))(?::[0-9]{1,5})?", re.ASCII)
NO_FORM: Final = Form({})
FIELD: Final = re.compile(r"(?:at `\$\.|required field `)([a-z_]{1,20})")


Ordered = TypeVar("Ordered", Order, PauseOrder)

STARTING: Final = "starting"
"""Why the gateway is not ready while its front door is not open yet."""


def why_not_ready(shut: Shut | None, *, opened: bool, stopping: bool) -> str | None:
    """Say why no load balancer should send anything here, or None: the store first, then the front door."""
    if stopping:
        return Shut.CLOSED.value
    if shut is not None:
        return shut.value
    return None if opened else STARTING


def is_own_name(host: str, names: frozenset[str]) -> bool:
    """Tell whether a `Host` header is an address, `localhost` or one of `names`: then no page's own name leads here."""
    match = HOST.fullmatch(host)
    if match is None:
        return False
    name = (match["six"] or match["name"]).lower()
    return name == "localhost" or name in names or _is_address(name)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def refusal(request: web.BaseRequest, names: frozenset[str]) -> Answer | None:
    """Refuse a caller who asks by a name that is not the listener's, or from a page of another origin; None if it may."""
    hosts = request.headers.getall(hdrs.HOST, [])
    if len(hosts) != 1 or not is_own_name(hosts[0], names):
        return problem(403, "unknown_host")
    own = {f"{scheme}://{hosts[0]}" for scheme in ("http", "https")}
    if not own.issuperset(request.headers.getall(hdrs.ORIGIN, [])):
        return problem(403, "unknown_origin")
    return None


async def read_json(request: web.BaseRequest) -> bytes | Answer:
    """Read a body that is said to be JSON: at most 64 KiB, within five seconds, not compressed."""
    if request.content_type != JSON_TYPE:
        return closing(problem(415, "content_type"))
    return await read_bounded(request, BODY_BYTES, BODY_SECONDS)


def read_order(body: bytes, kind: type[Ordered]) -> Ordered | Answer:
    """Read which lane is meant and for what. The answer to what cannot be meant names the field, never what stood there."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        found = FIELD.search(str(error))
        field = found[1] if found is not None and found[1] in kind.__struct_fields__ else None
        return answer(400, orjson.dumps({"error": "invalid_order", "field": field}))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return problem(400, "not_json")


def misread(route: tuple[str, str], query: str) -> Answer | None:
    """Say what of a query nobody would look at: a parameter that there is not, or one that stands twice; None if all is read.

    A mistyped name would be answered by other figures than were asked for. It is not told: the query is the caller's.
    """
    named = [name for name, _ in parse_qsl(query, keep_blank_values=True)]
    known = PARAMETERS.get(route, frozenset())
    if not known.issuperset(named):
        return answer(400, orjson.dumps({"error": "unknown_parameter", "known": sorted(known)}))
    twice = next((name for name in named if named.count(name) > 1), None)
    return None if twice is None else answer(400, orjson.dumps({"error": "repeated_parameter", "field": twice}))


def without(told: Answer, fields: frozenset[str]) -> Answer:
    """Take fields out of an answer in JSON."""
    if not fields or told.status != 200:
        return told
    kept = {name: value for name, value in orjson.loads(told.body).items() if name not in fields}
    return answer(200, orjson.dumps(kept))


def _turned_away(caller: Caller | None) -> Answer:
    """Answer a program that may not: because nobody knows it, or because its role has no business here."""
    if caller is None:
        return closing(problem(401, "unauthenticated", {"WWW-Authenticate": 'Bearer realm="consent-gateway"'}))
    return closing(problem(403, "forbidden"))


class Private:
    """The handler of the private listener. `names`: those it may be called by, beside addresses and `localhost`.

    `wall` gives Unix seconds. `record` writes to the signed log or raises Unrecorded: then it is not done.
    """

    def __init__(  # noqa: PLR0913 - each is a room of its own, given by name
        self,
        *,
        outbox: Outbox,
        metrics: Metrics,
        storefronts: Collection[StorefrontId],
        readiness: Lookout,
        replayer: Replayer,
        pausing: Pausing,
        record: Callable[[Entry], Awaitable[int]],
        counter: Counter,
        reports: Reports,
        reconciling: Reconciling,
        clerk: Clerk,
        exporter: Exporter,
        door: Door,
        site: Site,
        names: frozenset[str] = frozenset(),
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._outbox = outbox
        self._metrics = metrics
        self._storefronts = storefronts
        self._readiness = readiness
        self._replayer = replayer
        self._pausing = pausing
        self._record = record
        self._counter = counter
        self._reports = reports
        self._clerk = clerk
        self._exporter = exporter
        self._door = door
        self._site = site
        self._names = names
        self._wall = wall
        self._reconciling = reconciling
        self._told: Mapping[str, Callable[[Mapping[str, str]], Awaitable[Answer]]] = {
            "/api/v1/explain": self._explain,
            "/api/v1/accounts": self._accounts,
            "/api/v1/funnel": self._funnel,
            "/api/v1/silence": self._silence,
            "/api/v1/health": self._health,
            "/api/v1/dead-letters": self._dead_letters,
            "/api/v1/dead-letters/list": self._letters,
            "/api/v1/shapes": self._shapes,
            "/api/v1/requests": counter.register,
        }
        """What is asked with a query, by path."""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; what a program is told by a code, a person at a browser reads on a page."""
        told = await self._handle(request)
        return self.apology(request, told) if isinstance(told, Answer) and told.code else told

    def apology(self, request: web.BaseRequest, told: Answer) -> Answer:
        """Put a code into words where somebody would have seen a page; leave it as it is for everybody else."""
        path = request.raw_path.partition("?")[0]
        for_programs = path in MACHINES or path.startswith((API, STATIC)) or path == LIVE or LIVE_HEADER in request.headers
        if for_programs or not reads_pages(request.headers.get(hdrs.ACCEPT, "")):
            return told
        caller = None if refusal(request, self._names) is not None else self._door.caller(request, touch=False)
        return self._site.trouble(request, caller, told)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        known = ("GET",) if path.startswith(STATIC) else methods(path)
        if not known:
            return problem(404, "not_found")
        if request.method not in known:
            return problem(405, "method_not_allowed", {"Allow": ", ".join(known)})
        if path not in MACHINES and (refused := refusal(request, self._names)) is not None:
            return closing(refused)
        if path.startswith(STATIC):
            return self._site.static(path)
        by_itself = path == LIVE or LIVE_HEADER in request.headers  # no sign that somebody is there
        caller = self._door.caller(request, touch=not by_itself)
        allowed = may((request.method, path), NOBODY if caller is None else caller.roles)
        if path in MACHINES or path.startswith(API):
            return await self._tell(request, path, query, caller) if allowed else _turned_away(caller)
        return await self._site.handle(request, caller, path, query) if allowed else self._site.turn_away(request, caller, path)

    async def _tell(self, request: web.BaseRequest, path: str, query: str, caller: Caller | None) -> web.StreamResponse:
        """Answer a program that may ask, without what it may not see."""
        if path not in MACHINES and (wrong := misread((request.method, path), query)) is not None:
            return closing(wrong)
        try:
            if request.method == hdrs.METH_POST and caller is not None:
                if caller.session is not None and not NO_FORM.has_csrf(caller.session, request.headers.get(CSRF_HEADER, "")):
                    return closing(problem(403, "csrf"))
                if path == RECONCILE:
                    return await self._reconciling.serve(request, caller.by, exact=not PRIVACY.isdisjoint(caller.roles))
                body = await read_json(request)
                return body if isinstance(body, Answer) else await self._change(path, body, caller)
            said = dict(parse_qsl(query))
            if path in SHEETS and caller is not None and (table := await self._table(request, path, said, caller)) is not None:
                return table
            told = await self._answer(path, said, caller)
        except Unavailable as unavailable:
            return problem(503, unavailable.why.value)
        except Unrecorded:
            return problem(503, "log_unavailable")
        return without(told, withheld((request.method, path), NOBODY if caller is None else caller.roles))

    async def _table(self, request: web.BaseRequest, path: str, query: Mapping[str, str], caller: Caller) -> Answer | None:
        """Answer with a table, if one is asked for."""
        if query.get(FORMAT, "") not in FORMATS:
            return problem(400, FORMAT)
        if not wants_table(query, request.headers.get(hdrs.ACCEPT, "")):
            return None
        if (storefront := self._storefront(query)) is None:
            return problem(404, "unknown_storefront")
        return await self._exporter.answer(path, storefront, query, caller.by)

    async def _change(self, path: str, body: bytes, caller: Caller) -> Answer:
        """Do what was posted, one case a path."""
        match path:
            case "/api/v1/shapes/approve":
                return await self._approve(body, caller)
            case asked if asked in PAUSING:
                return await self._pause(path, body, caller)
            case "/api/v1/dry-run":
                return await self._clerk.try_out(body)
            case asked if (right := PATHS.get(asked)) is not None:
                return await self._counter.serve(right, body, caller.by)
            case _:
                return await self._replay(body, caller)

    async def _answer(self, path: str, query: Mapping[str, str], caller: Caller | None) -> Answer:
        match path:
            case "/metrics":
                return answer(200, await self._counted(), content_type=CONTENT_TYPE)
            case "/livez":
                return answer(200, b"ok\n", content_type="text/plain")
            case "/readyz":
                return await self._ready()
            case "/api/v1/openapi.json":
                return answer(200, OPENAPI)
            case papers if self._clerk.knows(papers) and caller is not None:
                return await self._clerk.answer(papers, query, caller.by)
            case _:
                return await self._told[path](query)

    async def _ready(self) -> Answer:
        """Write out how everything stands; between two pieces of it others have their turn."""
        pieces = [orjson.dumps(lanes)[1:-1] async for lanes in look_round(self._readiness, self._storefronts)]
        readiness = self._readiness()
        begin = orjson.dumps({**readiness, "lanes": {}}).removesuffix(b"}}")
        return answer(200 if readiness["ready"] else 503, begin + b",".join(pieces) + b"}}")

    async def _counted(self) -> bytes:
        """Write the metrics out; between two pieces of them others have their turn."""
        pieces = []
        for piece in self._metrics.pieces():
            pieces.append(piece)
            await asyncio.sleep(0)
        return b"".join(pieces)

    async def _explain(self, query: Mapping[str, str]) -> Answer:
        if (storefront := self._storefront(query)) is None:
            return problem(404, "unknown_storefront")
        try:
            kind, event_id = Kind(query.get("event", "")), EventId(query.get("event_id", ""))
        except ValueError:
            return problem(400, "event_or_event_id")
        explanation = await self._outbox.explain(storefront, kind, event_id)
        if explanation is None:
            return problem(404, "unknown_event")
        standing = standstills(self._readiness(storefront)["lanes"].get(storefront, {}))
        return answer(200, orjson.dumps(tell(explanation, standing)))

    async def _accounts(self, query: Mapping[str, str]) -> Answer:
        if (storefront := self._storefront(query)) is None:
            return problem(404, "unknown_storefront")
        return answer(200, orjson.dumps(account(await self._outbox.book(storefront))))

    async def _funnel(self, query: Mapping[str, str]) -> Answer:
        if (storefront := self._storefront(query)) is None:
            return problem(404, "unknown_storefront")
        asked = read(query)
        if not isinstance(asked, Asked):
            return problem(400, asked.value)
        return answer(200, orjson.dumps(await self._reports.funnel(storefront, asked, int(self._wall()))))

    async def _silence(self, query: Mapping[str, str]) -> Answer:
        if (storefront := self._storefront(query)) is None:
            return problem(404, "unknown_storefront")
        return answer(200, orjson.dumps(await self._reports.silence(storefront, int(self._wall()))))

    async def _health(self, query: Mapping[str, str]) -> Answer:
        if (storefront := self._storefront(query)) is None:
            return problem(404, "unknown_storefront")
        health = self._reports.health(storefront, self._readiness(storefront), int(self._wall()))
        return answer(200, orjson.dumps(health))

    async def _dead_letters(self, query: Mapping[str, str]) -> Answer:
        if (storefront := self._storefront(query)) is None:
            return problem(404, "unknown_storefront")
        return answer(200, orjson.dumps(list_dead(await count_dead(self._outbox, storefront))))

    async def _letters(self, query: Mapping[str, str]) -> Answer:
        if (storefront := self._storefront(query)) is None:
            return problem(404, "unknown_storefront")
        wanted = leafing.read(query)
        if isinstance(wanted, leafing.Unmeant):
            return problem(400, wanted.value)
        return answer(200, orjson.dumps(await leafing.leaf(self._outbox, storefront, wanted)))

    async def _replay(self, body: bytes, caller: Caller) -> Answer:
        order = read_order(body, Order)
        if isinstance(order, Answer):
            return order
        if not order.dry_run and self._storefront({"storefront": order.storefront}) is not None:
            await self._record(replay_of(order, caller.by))
        found = await self._replayer.replay(order, self._wall())
        return problem(404, "unknown_lane") if found is None else answer(200, orjson.dumps(tell_slice(found)))

    async def _pause(self, path: str, body: bytes, caller: Caller) -> Answer:
        order = read_order(body, PauseOrder)
        if isinstance(order, Answer):
            return order
        do = self._pausing.pause if path == PAUSE else self._pausing.resume
        told = await do(order, caller.by, self._wall())
        return problem(404, "unknown_lane") if told is None else answer(200, orjson.dumps(told))

    async def _shapes(self, query: Mapping[str, str]) -> Answer:
        if (storefront := self._storefront(query)) is None:
            return problem(404, "unknown_storefront")
        return answer(200, orjson.dumps(tell_shapes(await self._outbox.departures(storefront))))

    async def _approve(self, body: bytes, caller: Caller) -> Answer:
        try:
            asked = msgspec.json.decode(body, type=Approval)
            decision = Decision(asked.decision)
        except (msgspec.DecodeError, ValueError, RecursionError):  # the reader's own words could hold what it read
            return problem(400, "invalid_approval")
        if (storefront := self._storefront({"storefront": asked.storefront})) is None:
            return problem(404, "unknown_storefront")
        await self._record(approval_of(storefront, decision, asked.up_to, caller.by))
        done = await self._outbox.acknowledge(storefront, decision, asked.up_to, int(self._wall()))
        return answer(200, orjson.dumps(Approved(approved=done)))

    def _storefront(self, query: Mapping[str, str]) -> StorefrontId | None:
        named = query.get("storefront", "")
        return next((storefront for storefront in self._storefronts if storefront == named), None)
