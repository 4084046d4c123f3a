"""What the delivery tests share: events, a platform on loopback with a script, an adapter for it, and a recorder.

The platform takes `{"ids": [...]}` and answers what the test tells it. Its adapter is small but goes the whole way
over the wire: the platform's answers name verdicts, and the adapter reads them.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import ClassVar, Final

import msgspec
from aiohttp import web

from gateway.adapter import (
    NOTHING_MORE,
    Access,
    DestinationSettings,
    Limits,
    Needs,
    Processed,
    Quota,
    Rehearsal,
    Reply,
    Request,
    TokenEndpoint,
    Way,
)
from gateway.delivery.backoff import Pace
from gateway.delivery.contract import Contract, Violation
from gateway.delivery.courier import Courier
from gateway.delivery.credentials import Credential, ReferredCredential, Standing
from gateway.delivery.grants import CredentialKind, read_credential
from gateway.delivery.login import Login
from gateway.delivery.oauth import Tokens
from gateway.delivery.quota import Meter
from gateway.delivery.rehearsal import Finding
from gateway.delivery.route import Office, Route
from gateway.delivery.transport import Transport
from gateway.delivery.watcher import Stage
from gateway.model.event import EmailDigests, Minimised, Trace
from gateway.model.money import Money
from gateway.model.texts import EmailDigest, EventId, PlatformCode, Receipt, StorefrontId
from gateway.model.verdict import Delivered, Isolate, Maybe, Pause, Rejected, Retry, Throttle, Verdict
from gateway.model.words import Destination, Kind, Processing, Reason, Refusal, Signal, Source, State, Status
from gateway.outbox.answers import Attempt
from gateway.outbox.engine.sqlite import SqliteOutbox
from gateway.outbox.engine.store import Options
from gateway.outbox.entries import Accept
from gateway.outbox.work import Lane, Record
from gateway.references import Referent
from gateway.secret import Secret
from gateway.storage.keyring import Keyring
from tests.gateway.delivery.clearing import PLAIN

SHOP: Final = StorefrontId("shop1")
LANE: Final = Lane(SHOP, Destination.META)
OTHER: Final = Lane(SHOP, Destination.PINTEREST)
LANES: Final = (LANE, OTHER)
DAY: Final = 86_400
NOW: Final = 1_795_000_000
TOKEN: Final = "tok-canary-5e07"
READ: Final = partial(read_credential, token_url=None)
"""Reads a credential for a platform without a token endpoint."""
ECHO: Final = "platform-text-canary jane@example.com"
"""What the platform says in its answers' texts; must never be seen outside the adapter."""


def event(number: int, **changes: object) -> Minimised:
    """Make the `number`-th purchase, with fields changed as said."""
    made = Minimised(
        kind=Kind.PURCHASE,
        event_id=EventId(f"e{number}"),
        occurred_at=NOW - 60,
        destinations=(Destination.META,),
        consent_at=NOW - DAY,
        email=EmailDigests(meta=EmailDigest(f"{number:064x}")),
        money=Money(1000 + number, "EUR"),
    )
    return msgspec.structs.replace(made, **changes)


def record(
    seq: int, *, tries: int = 0, maybe_since: int | None = None, accepted_at: int = NOW - 30, **changes: object
) -> Record:
    """Make a claimed record of the `seq`-th event."""
    return Record(seq, accepted_at, event(seq, **changes), tries, maybe_since)


class Crashing(Exception):
    """What the adapter raises when a test wants it to break; its text is a canary."""


class PlainSettings(DestinationSettings, frozen=True):
    """Nothing but the common settings."""


class Plain:
    """The adapter for the scripted platform. `bad_builds` are event ids that it breaks on."""

    destination: ClassVar[Destination] = Destination.META
    Settings: ClassVar[type[DestinationSettings]] = PlainSettings
    hosts: ClassVar[frozenset[str]] = frozenset({"127.0.0.1"})
    secrets: ClassVar[frozenset[str]] = frozenset()
    token_url: ClassVar[str | None] = None

    def __init__(self, settings: DestinationSettings) -> None:
        """Take the platform's address; limits are replaced by tests."""
        self.settings = settings
        self.limits = Limits(batch_events=100, batch_bytes=100_000, max_age=7 * DAY, resend_window=44 * 3600, timeout=2.0)
        self.needs = Needs()
        self.test_mode: str | None = None
        self.token_endpoint: TokenEndpoint | None = None
        self.bad_builds: set[str] = set()
        self.miscount = 0
        self.bad_warnings = False

    def refuses(self, event: Minimised) -> Refusal | None:  # noqa: ARG002 - takes everything
        """Refuse nothing."""
        return None

    def access(self, token: Secret, secrets: Mapping[str, Secret]) -> Access:
        """A token and no more."""
        assert not secrets
        return Access(token)

    def build(self, events: Sequence[Minimised]) -> Request:
        """Write the ids out."""
        if self.bad_builds.intersection(event.event_id for event in events):
            raise Crashing(ECHO)
        return Request("/events?v=1", msgspec.json.encode({"ids": [str(event.event_id) for event in events]}))

    def interpret(self, reply: Reply, count: int) -> tuple[Verdict, ...]:
        """Read the verdicts by name; a reply that is not the platform's own is a maybe."""
        if reply.status >= 500:
            return (Maybe(Reason.SERVER_ERROR, after=reply.retry_after),) * count
        if reply.status >= 300:
            return (Pause(Reason.REDIRECTED),) * count
        try:
            answer = msgspec.json.decode(reply.body, type=Answer)
        except msgspec.DecodeError:
            return (Maybe(Reason.UNREADABLE_REPLY),) * count
        words = answer.verdicts * count if len(answer.verdicts) == 1 else answer.verdicts
        return tuple(VERDICTS[word](answer.after) for word in words[: count - self.miscount])

    def rehearsal(self, test_code: str | None) -> Rehearsal:
        """One purchase, sent as any other."""
        del test_code
        return Rehearsal(self, Way.TEST_MODE, (Kind.PURCHASE,))

    def ask_after(self, receipt: Receipt) -> Request | None:
        """The first answer is the last."""
        del receipt
        return None

    def read_processed(self, reply: Reply, count: int) -> Processed | Retry | Throttle | Pause:
        """Say that nothing more will come; there is nothing to ask."""
        del reply, count
        return NOTHING_MORE

    def warnings(self, reply: Reply) -> int:
        """Count what the platform remarks on, where the reply is its own."""
        if self.bad_warnings:
            raise Crashing(ECHO)
        return msgspec.json.decode(reply.body, type=Answer).warnings if reply.status == 200 else 0


class Answer(msgspec.Struct):
    """What the platform answers: one word for all events or one each, and a text that nobody may see."""

    verdicts: list[str]
    after: float | None = None
    message: str = ECHO
    warnings: int = 0


CODE: Final = PlatformCode("17/1")
VERDICTS: Final[Mapping[str, Callable[[float | None], Verdict]]] = {
    "ok": lambda after: Delivered(after=after),
    "retry": lambda after: Retry(Reason.SERVER_ERROR, after, CODE),
    "young": lambda after: Retry(Reason.HELD, after, CODE, apart=True),
    "unset": lambda after: Retry(Reason.CONFIGURATION, after, CODE, apart=True),
    "puzzle": lambda _: Retry(Reason.UNKNOWN_ERROR, None, CODE, apart=True),
    "throttle": lambda after: Throttle(after=after),
    "maybe": lambda _: Maybe(Reason.COUNT_MISMATCH),
    "isolate": lambda _: Isolate(code=CODE),
    "suspect": lambda _: Isolate(code=CODE, suspect=True),
    "rejected": lambda _: Rejected(code=CODE),
    "pause": lambda _: Pause(Reason.CREDENTIAL, CODE),
}

Script = Callable[[list[str]], "Answer | web.Response | None"]
"""From a request's ids to an answer; None cuts the connection. `take` has then said what was taken."""


async def untold(_request: web.Request) -> web.Response:
    """Answer no question."""
    return web.Response(status=404)


class Platform:
    """A platform on loopback. `script` decides each answer; ids answered `ok` are counted in `taken`."""

    def __init__(self) -> None:
        """Answer ok to everything until told otherwise."""
        self.script: Script = lambda _: Answer(["ok"])
        self.requests: list[list[str]] = []
        self.times: list[float] = []
        self.taken: Counter[str] = Counter()
        self.tokens: set[str] = set()
        self.delay = 0.0
        self.url = ""
        self.status: Callable[[web.Request], Awaitable[web.Response]] = untold

    async def handle(self, request: web.Request) -> web.Response:
        """Take one request."""
        ids = (await request.json())["ids"]
        self.requests.append(ids)
        self.times.append(asyncio.get_running_loop().time())
        self.tokens.add(request.headers.get("Authorization", ""))
        await asyncio.sleep(self.delay)
        answer = self.script(ids)
        if answer is None:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if isinstance(answer, web.Response):
            return answer
        words = answer.verdicts * len(ids) if len(answer.verdicts) == 1 else answer.verdicts
        self.taken.update(event_id for event_id, word in zip(ids, words, strict=False) if word == "ok")
        return web.Response(body=msgspec.json.encode(answer), content_type="application/json")

    async def tell(self, request: web.Request) -> web.Response:
        """Answer the question what became of a request."""
        return await self.status(request)

    def take(self, ids: Iterable[str]) -> None:
        """Count ids as taken although the answer will not say so."""
        self.taken.update(ids)


@asynccontextmanager
async def platform_on_loopback() -> AsyncIterator[Platform]:
    """Serve a platform while the block lasts."""
    platform = Platform()
    app = web.Application()
    app.router.add_post("/events", platform.handle)
    app.router.add_get("/status", platform.tell)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    platform.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield platform
    finally:
        await runner.cleanup()


class Recorder:
    """A watcher that writes down what it is told, as plain tuples."""

    def __init__(self) -> None:
        """Begin empty; events are purchases unless a test adds to the `kinds`."""
        self.told: list[tuple[object, ...]] = []
        self.bytes = 0
        self.kinds = {Kind.PURCHASE}

    def of(self, what: str) -> list[tuple[object, ...]]:
        """Give what was told under one name, in order."""
        return [entry[1:] for entry in self.told if entry[0] == what]

    def count(self, what: str) -> Counter[object]:
        """Add up events by reason under `delivered`, `dead`, `withdrawn` or `retried`."""
        total: Counter[object] = Counter()
        for reason, count, *_ in self.of(what):
            assert isinstance(count, int)
            total[reason] += count
        return total

    def delivered(self, lane: Lane, kind: Kind, reason: Reason, seconds: Sequence[float], money: Mapping[str, int]) -> None:
        """Write down."""
        assert lane in LANES
        assert kind in self.kinds
        self.told.append(("delivered", reason, len(seconds), dict(money), max(seconds)))

    def dead(self, lane: Lane, kind: Kind | None, reason: Reason, count: int, money: Mapping[str, int]) -> None:
        """Write down."""
        assert lane in LANES
        self.told.append(("dead", reason, count, kind, dict(money)))

    def withdrawn(self, lane: Lane, kind: Kind, reason: Reason, count: int, money: Mapping[str, int]) -> None:
        """Write down."""
        assert lane in LANES
        self.told.append(("withdrawn", reason, count, kind, dict(money)))

    def retried(self, lane: Lane, reason: Reason, count: int) -> None:
        """Write down."""
        assert lane in LANES
        self.told.append(("retried", reason, count))

    def replayed(self, lane: Lane, kind: Kind, reason: Reason, count: int, money: Mapping[str, int]) -> None:
        """Write down."""
        assert lane in LANES
        self.told.append(("replayed", reason, count, kind, dict(money)))

    def sent_bytes(self, destination: Destination, count: int) -> None:
        """Add up."""
        assert any(destination is lane.destination for lane in LANES)
        self.bytes += count

    def warned(self, lane: Lane, count: int) -> None:
        """Write down."""
        assert lane in LANES
        self.told.append(("warned", count))

    def up(self, lane: Lane, up: bool, reason: Reason | None, code: PlatformCode | None) -> None:
        """Write down."""
        assert lane in LANES
        self.told.append(("up", up, reason, code))

    def breaker(self, lane: Lane, opened: bool, reason: Reason | None) -> None:
        """Write down."""
        assert lane in LANES
        self.told.append(("breaker", opened, reason))

    def throttled(self, lane: Lane, seconds: float) -> None:
        """Write down."""
        assert lane in LANES
        self.told.append(("throttled", seconds))

    def quota_waited(self, lane: Lane, seconds: float) -> None:
        """Write down."""
        assert lane in LANES
        self.told.append(("quota_waited", seconds))

    def processed(self, lane: Lane, processing: Processing, code: PlatformCode | None, count: int) -> None:
        """Write down."""
        assert lane in LANES
        self.told.append(("processed", processing, code, count))

    def misconfigured(self, lane: Lane, found: bool, code: PlatformCode | None) -> None:
        """Write down."""
        assert lane in LANES
        self.told.append(("misconfigured", found, code))

    def canary(self, lane: Lane, finding: Finding) -> None:
        """Write down."""
        assert lane in LANES
        self.told.append(("canary", finding))

    def clock_jumped(self, lane: Lane, seconds: float) -> None:
        """Write down."""
        assert lane in LANES
        self.told.append(("clock_jumped", seconds))

    def violated(self, lane: Lane, violation: Violation) -> None:
        """Write down."""
        assert lane in LANES
        self.told.append(("violated", violation))

    def fault(self, lane: Lane, stage: Stage, error: str, where: str) -> None:
        """Write down."""
        assert lane in LANES
        self.told.append(("fault", stage, error, where))


# ── a whole lane: store, courier and platform ────────────────────────────────────────────────────────────────────

QUICK: Final = Pace(
    linger_seconds=0.01,
    backoff_base_seconds=0.02,
    backoff_cap_seconds=0.05,
    throttle_cap_seconds=5.0,
    probe_base_seconds=0.05,
    probe_cap_seconds=0.1,
    pause_probe_seconds=0.05,
    idle_seconds=0.2,
    store_retry_seconds=0.01,
)
"""The courier's pace, a few hundred times faster."""

TRACE: Final = Trace(Status.ACCEPTED, "1", ((Signal.ADVERTISING, State.GRANTED),), (Destination.META,), (), 0)


class Wall:
    """A wall clock that begins at NOW and can be set."""

    def __init__(self) -> None:
        """Start."""
        self.began = time.monotonic()
        self.shift = 0.0

    def __call__(self) -> float:
        """Give Unix seconds."""
        return NOW + time.monotonic() - self.began + self.shift


class Line:
    """A store and a platform with a courier between them. Tests talk to its parts."""

    def __init__(self, outbox: SqliteOutbox, platform: Platform) -> None:
        """Put the parts together; nothing runs before `deliver` or `running`."""
        self.lane = LANE
        self.outbox = outbox
        self.platform = platform
        self.recorder = Recorder()
        self.wall = Wall()
        self.adapter: Plain = Plain(PlainSettings(base_url=platform.url, credential="env:TOKEN"))
        self.login = Login(Referent("env:TOKEN", Path(), {"TOKEN": TOKEN}, READ), {})
        self.credential: Credential | None = None
        """Another one than the login's, if a test wants it."""
        self.contract_file = PLAIN
        self.pace = QUICK
        self.max_consent_age = 183 * DAY
        self.meter = Meter(Quota())
        self.dice: Callable[[], float] = lambda: 0.5

    def limits(self, **changes: object) -> None:
        """Change the adapter's limits."""
        self.adapter.limits = msgspec.structs.replace(self.adapter.limits, **changes)

    @property
    def contract(self) -> Contract:
        """What the platform's contract allows to leave."""
        return Contract(self.contract_file, endpoint=self.platform.url)

    def courier(self, transport: Transport) -> Courier:
        """Make a courier that is not running yet."""
        credential = self.credential or ReferredCredential(self.adapter, self.login, Tokens(transport))
        route = Route(self.lane, self.adapter, self.platform.url, credential, self.contract, self.max_consent_age, self.meter)
        return Courier(route, Office(self.outbox, transport, self.recorder, self.pace, self.wall, self.dice))

    async def put(self, *events: Minimised) -> None:
        """Put events, all as one request."""
        await self.put_at(NOW - 30, *events)

    async def put_at(self, at: int, *events: Minimised) -> None:
        """Put events that came in at `at`."""
        statuses = await self.outbox.put([Accept(SHOP, Source.EVENTS, one, TRACE, at) for one in events])
        assert set(statuses) <= {Status.ACCEPTED}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Courier]:
        """Run a courier while the block lasts, then stop it."""
        async with Transport(hosts=self.contract.hosts) as transport:
            courier = self.courier(transport)
            task = asyncio.create_task(courier.run())
            try:
                yield courier
                await courier.stop(5.0)
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            if not task.cancelled():
                task.result()

    async def deliver(self, seconds: float = 5.0) -> None:
        """Run a courier until nothing waits."""
        async with self.running():
            await self.until(self.quiet, seconds)

    def quiet(self) -> bool:
        """Say whether nothing waits any more."""
        figures = self.outbox.waiting(self.lane)
        return figures.waiting == figures.retrying == 0

    async def until(self, true: Callable[[], bool], seconds: float = 20.0) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(seconds):
            while not true():  # noqa: ASYNC110 - a test looks on from outside
                await asyncio.sleep(0.005)

    async def states(self, count: int) -> Counter[str]:
        """Count the states of the first `count` events."""
        return Counter([(await self.attempt(number)).state for number in range(count)])

    async def attempt(self, number: int) -> Attempt:
        """Say where an event stands."""
        found = await self.outbox.explain(SHOP, Kind.PURCHASE, EventId(f"e{number}"))
        assert found is not None
        return found.attempts[0]


async def open_store(directory: Path, *lanes: Lane, engine: type[SqliteOutbox] = SqliteOutbox) -> SqliteOutbox:
    """Open the store in `directory` for these lanes, or for the usual one; makes its keys on first use."""
    keys = directory / "keys.json"
    keyring = Keyring.load(keys) if keys.exists() else Keyring.create(keys)
    return await engine.open(
        directory / "data", keyring, lanes or (LANE,), Options(max_bytes=64 * 1024 * 1024, min_free_bytes=0)
    )


@asynccontextmanager
async def line_in(directory: Path, engine: type[SqliteOutbox] = SqliteOutbox) -> AsyncIterator[Line]:
    """Have a line over a store in `directory` while the block lasts."""
    outbox = await open_store(directory, engine=engine)
    try:
        async with platform_on_loopback() as platform:
            yield Line(outbox, platform)
    finally:
        await outbox.close()


def ids(count: int) -> list[str]:
    """Name the first `count` events."""
    return [f"e{number}" for number in range(count)]


class Scripted:
    """A credential that says what the test wants."""

    renewals = 0
    standing = Standing(CredentialKind.TOKEN, None)

    def __init__(self) -> None:
        """Begin without a connection."""
        self.answer: Access | Pause | Retry | Throttle = Retry(Reason.NOT_CONNECTED)

    async def access(self) -> Access | Pause | Retry | Throttle:
        """Give the answer that is due."""
        return self.answer

    def refused(self, access: Access) -> bool:
        """There is no other."""
        del access
        return False

    async def renewed(self, seen: int) -> None:
        """Never: the lane has to find out by itself."""
        del seen
        await asyncio.Event().wait()


def drawn(quota: int, places: int) -> tuple[Meter, float]:
    """A meter of so many requests a minute of which some places are taken, and when that was."""
    meter, now = Meter(Quota(requests_per_minute=quota)), asyncio.get_running_loop().time()
    for _ in range(places):
        meter.take(now)
    return meter, now


def refusing(line: Line, *bad: str, hint: bool) -> None:
    """Let the platform refuse a whole request for each of the bad events, perhaps hinting at the first."""

    def script(sent: list[str]) -> Answer:
        if not set(bad).intersection(sent):
            return Answer(["ok"])
        first = next(name for name in sent if name in bad)
        return Answer(["suspect" if hint and name == first else "isolate" for name in sent])

    line.platform.script = script


class Refreshing(Scripted):
    """A credential that can get another token when one was refused: `tokens` in turn, the last for ever."""

    def __init__(self, *tokens: str) -> None:
        """Begin."""
        super().__init__()
        self.tokens = list(tokens)
        self.refusals: list[str] = []

    async def access(self) -> Access | Pause | Retry | Throttle:
        """Give the token in use."""
        return Access(Secret(self.tokens[0]))

    def refused(self, access: Access) -> bool:
        """Throw it away."""
        self.refusals.append(access.token.reveal())
        if len(self.tokens) > 1:
            self.tokens.pop(0)
        return True
