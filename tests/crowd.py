"""Many customers at once, platforms that remember every request, and a judge who holds the two against each other.

What a customer bought, and what they said to the banner, follows from the event id alone. So the judge needs nothing but
the ids that were posted, what each was told, and what the platforms have: a loss, a corruption, an event nobody consented
to and a repeat that nothing excuses all show.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from random import Random
from typing import Final

import aiohttp
import msgspec
import orjson
from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.model.words import Destination
from gateway.sandbox.platforms import TOKENS, VOICES, Platforms, serve
from gateway.sandbox.stand_in import StandIn
from tests.live import Installation

# ── what customers do ────────────────────────────────────────────────────────────────────────────────────────────


class Choice(StrEnum):
    """What a customer said to the banner."""

    ALL = "all"
    SOME = "some"
    REFUSED = "refused"
    ABSENT = "absent"
    MALFORMED = "malformed"


CHOICES: Final = (*[Choice.ALL] * 5, *[Choice.SOME] * 2, Choice.REFUSED, Choice.ABSENT, Choice.MALFORMED)
MALFORMED: Final[tuple[object, ...]] = ("true", 1, "yes", [], {"marketing": True})


PAUSE: Final = 0.1
"""The longest that a client rests between two requests, in seconds, unless told otherwise."""


class Sale(msgspec.Struct, frozen=True):
    """One purchase. All of it follows from its id, which must be of letters, digits and inner dashes."""

    event_id: str

    @property
    def dice(self) -> bytes:
        """32 bytes, always the same ones."""
        return sha256(self.event_id.encode()).digest()

    @property
    def choice(self) -> Choice:
        """What its customer said."""
        return CHOICES[self.dice[0] % len(CHOICES)]

    @property
    def destinations(self) -> frozenset[Destination]:
        """Who may have it."""
        match self.choice:
            case Choice.ALL:
                return frozenset(Destination)
            case Choice.SOME:
                return frozenset(d for place, d in enumerate(Destination) if (self.dice[1] % 6 + 1) >> place & 1)
            case Choice.REFUSED | Choice.ABSENT | Choice.MALFORMED:
                return frozenset()

    @property
    def value(self) -> Decimal:
        """What it cost, in EUR."""
        return Decimal(int.from_bytes(self.dice[2:5]) % 100_000).scaleb(-2)

    def event(self, began: int) -> dict[str, object]:
        """Write it as an event of the gateway's format; `began` is when the run did, in Unix seconds."""
        event: dict[str, object] = {
            "event": "purchase",
            "event_id": self.event_id,
            "occurred_at": began - self.dice[5],
            "customer": {"email": f"{self.event_id}@example.com"},
            "order": {"value": str(self.value), "currency": "EUR"},
        }
        match self.choice:
            case Choice.ALL:
                event["consent"] = {"advertising": True}
            case Choice.SOME:
                event["consent"] = {"vendors": {d.value: d in self.destinations for d in Destination}}
            case Choice.REFUSED:
                event["consent"] = {"advertising": False, "vendors": {d.value: True for d in Destination}}
            case Choice.MALFORMED:
                event["consent"] = {"advertising": MALFORMED[self.dice[6] % len(MALFORMED)]}
            case Choice.ABSENT:
                pass
        return event


class Crowd:
    """Clients that post sales over and over until they are told to go home.

    Half of them post single events, half batches. Who gets no answer does not know, and posts the same again later, as
    a storefront would; now and then somebody repeats what was answered already.
    """

    def __init__(self, installation: Installation, clients: int, seed: int, pause: float = PAUSE) -> None:
        self.asked: set[str] = set()
        self.told: dict[str, str] = {}
        """The first status that each event id was answered with."""
        self.contradictions: list[str] = []
        self.in_flight = 0
        self._installation = installation
        self._clients = clients
        self._pause = pause
        self._random = Random(seed)  # noqa: S311 - repeatable by intent, no secret
        self._unknown: list[str] = []
        self._home = False
        self._number = 0
        self._began = int(time.time())

    async def run(self) -> None:
        """Post until `go_home`; returns when every event has its answer."""
        headers = {"Authorization": f"Bearer {self._installation.secret_key}"}
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(headers=headers, timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
            async with asyncio.TaskGroup() as group:
                for client in range(self._clients):
                    group.create_task(self._client(session, 1 if client % 2 else 30))
            while self._unknown:
                await self._post(session, [self._unknown.pop() for _ in range(min(100, len(self._unknown)))])

    def go_home(self) -> None:
        """Begin nothing new."""
        self._home = True

    async def _client(self, session: aiohttp.ClientSession, most: int) -> None:
        while not self._home:
            await self._post(session, [self._next() for _ in range(self._random.randint(1, most))])
            await asyncio.sleep(self._random.uniform(0, self._pause))

    def _next(self) -> str:
        """Choose what is posted next: mostly something new."""
        lot = self._random.random()
        if lot < 0.1 and self._unknown:
            return self._unknown.pop()
        if lot < 0.12 and self.told:
            return self._random.choice(list(self.told)[-50:])
        self._number += 1
        return f"sale-{self._number}x"

    async def _post(self, session: aiohttp.ClientSession, ids: list[str]) -> None:
        ids = list(dict.fromkeys(ids))
        self.asked.update(ids)
        self.in_flight += 1
        try:
            events = orjson.dumps({"events": [Sale(event_id).event(self._began) for event_id in ids]})
            url = self._installation.url + "/v1/events"
            async with session.post(url, data=events, headers={"Content-Type": "application/json"}) as response:
                results = orjson.loads(await response.read())["results"] if response.status == 202 else []
        except (aiohttp.ClientError, TimeoutError, OSError):
            results = []
        finally:
            self.in_flight -= 1
        if not results:
            self._unknown += ids
            await asyncio.sleep(0.03)
            return
        for event_id, result in zip(ids, results, strict=True):
            self._hear(event_id, result)

    def _hear(self, event_id: str, result: Mapping[str, object]) -> None:
        status = str(result["status"])
        right = ("accepted", "duplicate") if Sale(event_id).destinations else ("refused",)
        if result["event_id"] != event_id or status not in right:
            self.contradictions.append(f"{event_id} was answered {status}")
        if status == "accepted" and self.told.get(event_id, "duplicate") == "accepted":
            self.contradictions.append(f"{event_id} was accepted twice")
        if status == "accepted" and set(msgspec.convert(result["destinations"], list[str])) != set(Sale(event_id).destinations):
            self.contradictions.append(f"{event_id} was promised to others than its customer allowed")
        self.told.setdefault(event_id, status)


# ── what platforms see ───────────────────────────────────────────────────────────────────────────────────────────


class Sent(msgspec.Struct):
    """One request that reached a platform: which events, in which life of the gateway, and whether it was answered.

    `began`: when its first byte came, where that was looked at; monotonic seconds.
    """

    destination: Destination
    ids: tuple[str, ...]
    life: int
    answered: bool = False
    began: float = 0.0


class Watch:
    """Remembers every request. `life` is counted up by whoever kills the gateway."""

    def __init__(self) -> None:
        self.life = 0
        self.sent: list[Sent] = []
        self.in_flight = 0

    def excuses(self) -> Counter[tuple[Destination, str]]:
        """Count, for each event at each platform, the requests whose outcome the gateway could not know.

        That is so where the connection was cut without an answer, and for the last request of a lane before a kill: a
        lane has one request in flight and settles it durably before it sends the next, so no earlier one is in doubt.
        """
        last = {(sent.destination, sent.life): sent for sent in self.sent if sent.life < self.life}
        doubtful = [sent for sent in self.sent if not sent.answered or last.get((sent.destination, sent.life)) is sent]
        return Counter((sent.destination, event_id) for sent in doubtful for event_id in sent.ids)

    def middleware(self, destination: Destination) -> Callable[[web.Request, Handler], AsyncIterator[object]]:
        """Make the part that stands before one platform."""

        @web.middleware
        async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.method != "POST":
                return await handler(request)
            sent = Sent(destination, event_ids(await request.read()), self.life)
            self.sent.append(sent)
            self.in_flight += 1
            try:
                response = await handler(request)
                sent.answered = request.transport is not None and not request.transport.is_closing()
            finally:
                self.in_flight -= 1
            return response

        return note  # type: ignore[return-value]  # aiohttp's decorator gives back what it was given


def event_ids(body: bytes) -> tuple[str, ...]:
    """Read the events' ids out of a request to any platform."""
    request = orjson.loads(body)
    if "data" in request:
        return tuple(event["event_id"] for event in request["data"])
    return tuple(event["transactionId"] for event in request["events"])


@asynccontextmanager
async def watched(watch: Watch, *, keep: int = 0) -> AsyncIterator[Platforms]:
    """Run the three platforms with `watch` before each."""
    async with AsyncExitStack() as stack:
        stand_ins = {d: StandIn(voice(), token=TOKENS[d], keep=keep) for d, voice in VOICES.items()}
        base_urls: dict[Destination, str] = {}
        for destination, stand_in in stand_ins.items():
            app = stand_in.app()
            app.middlewares.append(watch.middleware(destination))  # type: ignore[arg-type]  # as above
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
            stack.push_async_callback(runner.cleanup)
            base_urls[destination] = await serve(runner, "127.0.0.1", 0)
        yield Platforms(stand_ins, base_urls)


# ── the judge ────────────────────────────────────────────────────────────────────────────────────────────────────


class Took(msgspec.Struct, frozen=True):
    """What a platform has of one event."""

    copies: int
    value: Decimal | None
    differing: int = 0


class Evidence(msgspec.Struct, frozen=True):
    """All that the judge is told. `dead` are dead letters, by destination; `excuses` as in `Watch`."""

    asked: frozenset[str]
    told: Mapping[str, str]
    took: Mapping[Destination, Mapping[str, Took]]
    excuses: Mapping[tuple[Destination, str], int]
    dead: Mapping[Destination, frozenset[str]]

    @property
    def promised(self) -> frozenset[str]:
        """The events that were reported as accepted, or as known already."""
        return frozenset(event_id for event_id, status in self.told.items() if status in ("accepted", "duplicate"))

    @property
    def repeats(self) -> int:
        """Copies beyond the first, at all platforms."""
        return sum(took.copies - 1 for events in self.took.values() for took in events.values())

    def lost(self, destination: Destination) -> frozenset[str]:
        """Events that were promised to a destination and that it does not have."""
        promised = {event_id for event_id in self.promised if destination in Sale(event_id).destinations}
        return frozenset(promised - self.took[destination].keys() - self.dead[destination])


def judge(evidence: Evidence) -> Iterator[str]:
    """Name every broken promise; nothing when all were kept."""
    for destination in Destination:
        yield from _judge_lane(destination, evidence)


def _judge_lane(destination: Destination, evidence: Evidence) -> Iterator[str]:
    took = evidence.took[destination]
    if lost := evidence.lost(destination):
        yield f"{destination}: {len(lost)} acknowledged events lost, {_part(evidence, lost)}"
    if foreign := took.keys() - evidence.asked:
        yield f"{destination}: {len(foreign)} events that nobody posted"
    without = [event_id for event_id in took if destination not in Sale(event_id).destinations]
    if without:
        yield f"{destination}: {len(without)} events without consent"
    wrong = [event_id for event_id, one in took.items() if one.differing or one.value != Sale(event_id).value]
    if wrong:
        yield f"{destination}: {len(wrong)} events changed on the way"
    unexcused = [
        event_id for event_id, one in took.items() if one.copies > 1 + evidence.excuses.get((destination, event_id), 0)
    ]
    if unexcused:
        yield f"{destination}: {len(unexcused)} events repeated though their outcome was known"


def _part(evidence: Evidence, lost: frozenset[str]) -> str:
    """Say where in the order of answers the losses lie: it points at the cause."""
    order = [event_id for event_id in evidence.told if event_id in evidence.promised]
    places = [place / len(order) for place, event_id in enumerate(order) if event_id in lost]
    return f"from {min(places):.0%} to {max(places):.0%} of the run"


def taken(platforms: Platforms) -> dict[Destination, dict[str, Took]]:
    """Read the platforms' ledgers."""
    ledgers = platforms.ledgers.items()
    return {d: {one.event_id: Took(one.copies, one.value, one.differing) for one in ledger} for d, ledger in ledgers}
