"""The front door over a real store and a real socket, with clocks that a test can move and nobody delivering.

What came through is read back from the store, as a courier would read it.
"""

import io
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from gateway.assembly import make_desk, make_webhooks, open_ledger, open_store
from gateway.intake.bodies import Bodies
from gateway.intake.callers import Callers, Door, Edge
from gateway.intake.consents import Consents
from gateway.intake.front_door import Intake
from gateway.keys import Doorkeeper
from gateway.ledger import Kept
from gateway.ledger.sqlite import SqliteLedger
from gateway.limits import Addresses, Bucket
from gateway.line import Line
from gateway.listener import Caps, QuietServer, takes_nothing
from gateway.log import Log
from gateway.metrics import PREFIX, Metrics
from gateway.model.event import Minimised
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination
from gateway.outbox.answers import Book, Waiting
from gateway.outbox.engine.sqlite import SqliteOutbox
from gateway.outbox.work import Lane
from gateway.persons import Identifier, Persons
from gateway.rights.counter import Counter
from gateway.rights.desk import Desk
from gateway.settings import Settings, load
from gateway.storage.keyring import Keyring
from gateway.witness import Witness
from tests.live import ORIGIN, STOREFRONT, Installation, install

SHOP: Final = StorefrontId(STOREFRONT)
NOW: Final = 1_795_000_000
NOWHERE: Final = dict.fromkeys(Destination, "http://127.0.0.1:9")

# Pieces of the configuration, and what tests put in their place.
FULL_AGENT: Final = (
    'pixel_id = "1234567890"',
    'pixel_id = "1234567890"\nclient_user_agent = "full"\nallow = { user_agent = "A decision" }',
)
PROXIES: Final = (
    "pre_stop_seconds = 0",
    'pre_stop_seconds = 0\ntrusted_proxies = ["127.0.0.0/8", "10.0.0.0/8", "2001:db8:ffff::/48"]',
)
BURST: Final = ("events_per_second = 1000000\nburst = 1000000", "events_per_second = 10\nburst = 20")
NULL_ORIGIN: Final = ('origins = ["https://shop.example"]', 'origins = ["https://shop.example"]\nallow_null_origin = true')


class Clock(msgspec.Struct):
    """Unix seconds and seconds of a clock that never jumps."""

    wall: float = NOW
    monotonic: float = 1000.0

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self.wall += seconds
        self.monotonic += seconds


class Answer(msgspec.Struct):
    """What came back."""

    status: int
    body: bytes
    headers: Any

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)

    @property
    def results(self) -> list[dict[str, Any]]:
        """The results of a 202."""
        found: list[dict[str, Any]] = self.json["results"]
        return found

    @property
    def error(self) -> str:
        """The code of an error."""
        found: str = self.json["error"]
        return found

    @property
    def retry_after(self) -> int:
        """Seconds to wait."""
        return int(self.headers["Retry-After"])


class Doorway(msgspec.Struct):
    """An open door."""

    installation: Installation
    settings: Settings
    intake: Intake
    callers: Callers
    outbox: SqliteOutbox
    ledger: SqliteLedger
    desk: Desk
    metrics: Metrics
    clock: Clock
    log: io.StringIO
    session: aiohttp.ClientSession
    url: str

    async def ask(self, method: str, target: str, body: Any = b"", **headers: str) -> Answer:
        """Send a request as it is; header names with `_` for `-`. No content type is added."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        skip = ["Content-Type"]
        data = io.BytesIO(body) if isinstance(body, bytes) else body
        async with self.session.request(method, self.url + target, data=data, headers=named, skip_auto_headers=skip) as got:
            return Answer(got.status, await got.read(), got.headers)

    async def post(self, said: Any, *, key: str | None = None, **headers: str) -> Answer:
        """Post to `/v1/events` as a server: JSON, or bytes as they are."""
        given = {"Authorization": f"Bearer {key or self.installation.secret_key}", "Content_Type": "application/json"}
        return await self.ask("POST", "/v1/events", as_bytes(said), **given | headers)

    async def collect(self, said: Any, *, key: str | None = None, **headers: str) -> Answer:
        """Post to `/v1/collect` as a browser: JSON, or bytes as they are, without a content type unless one is given."""
        target = f"/v1/collect?k={key or self.installation.publishable_key}"
        return await self.ask("POST", target, as_bytes(said), **{"Origin": ORIGIN} | headers)

    async def say(self, said: Any, *, key: str | None = None, **headers: str) -> Answer:
        """Post a consent record to `/v1/consent` as a server: JSON, or bytes as they are."""
        given = {"Authorization": f"Bearer {key or self.installation.secret_key}", "Content_Type": "application/json"}
        return await self.ask("POST", "/v1/consent", as_bytes(said), **given | headers)

    async def tell(self, said: Any, *, key: str | None = None, **headers: str) -> Answer:
        """Post a consent record to `/v1/consent` as a browser."""
        target = f"/v1/consent?k={key or self.installation.publishable_key}"
        return await self.ask("POST", target, as_bytes(said), **{"Origin": ORIGIN} | headers)

    async def withdraw(self, said: Any, *, key: str | None = None, **headers: str) -> Answer:
        """Post a withdrawal to `/v1/consent/withdraw` as a server: JSON, or bytes as they are."""
        given = {"Authorization": f"Bearer {key or self.installation.secret_key}", "Content_Type": "application/json"}
        return await self.ask("POST", "/v1/consent/withdraw", as_bytes(said), **given | headers)

    async def take_back(self, said: Any, *, key: str | None = None, **headers: str) -> Answer:
        """Post a withdrawal to `/v1/consent/withdraw` as a browser."""
        target = f"/v1/consent/withdraw?k={key or self.installation.publishable_key}"
        return await self.ask("POST", target, as_bytes(said), **{"Origin": ORIGIN} | headers)

    async def kept(self, kind: Identifier, text: str) -> Sequence[Kept]:
        """Read the consent records that can be found by an identifier."""
        keyring = Keyring.load(self.settings.server.key_file)
        return await self.ledger.read(SHOP, [Persons(keyring.pepper).key(SHOP, kind, text)])

    async def stored(self, destination: Destination = Destination.META) -> list[Minimised]:
        """Read what a courier would be given."""
        claim = await self.outbox.claim(Lane(SHOP, destination), 10_000, int(self.clock.wall))
        if claim is None:
            return []
        await self.outbox.release(claim, maybe=False)
        return [record.event for record in claim.records]

    async def only(self, destination: Destination = Destination.META) -> Minimised:
        """Read the one event there is."""
        (event,) = await self.stored(destination)
        return event

    async def book(self) -> Book:
        """The storefront's books."""
        return await self.outbox.book(SHOP)

    def waiting(self) -> Waiting:
        """Meta's backlog."""
        return self.outbox.waiting(Lane(SHOP, Destination.META))

    def metric(self, name: str, **labels: str) -> float:
        """Add up a metric's samples with these labels."""
        families = text_string_to_metric_families(self.metrics.text().decode())
        samples = [sample for family in families for sample in family.samples if sample.name == PREFIX + name]
        return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())


def as_bytes(said: Any) -> bytes:
    """Write JSON, or leave bytes alone."""
    return said if isinstance(said, bytes) else json.dumps(said).encode()


def purchase(event_id: str = "1001", **changes: Any) -> dict[str, Any]:
    """Say a purchase with consent to advertising."""
    return {
        "event": "purchase",
        "event_id": event_id,
        "occurred_at": NOW - 60,
        "customer": {"email": "jane@example.com"},
        "order": {"value": "129.90", "currency": "EUR"},
        "consent": {"advertising": True},
    } | changes


def refused(event_id: str = "1002") -> dict[str, Any]:
    """Say a purchase whose visitor refused."""
    return purchase(event_id, consent={"advertising": False})


@asynccontextmanager
async def doorway(
    folder: Path, *edits: tuple[str, str], max_bytes: str = "1GiB", direct: bool = True
) -> AsyncIterator[Doorway]:
    """Open the door of an installation in `folder`, with pieces of its configuration replaced; an installation stays.

    `direct`: what comes whole is taken as it is, as the app does it; else all goes aiohttp's own way.
    """
    if (folder / "gateway.toml").exists():
        there = Installation(folder, 0, 0, *((folder / name).read_text() for name in ("secret.key", "publishable.key")))
    else:
        there = install(folder, NOWHERE, max_bytes=max_bytes)
    edit(there, *edits)
    settings = load(there.config, {})
    clock, metrics, log = Clock(), Metrics(), io.StringIO()
    keyring = Keyring.load(settings.server.key_file)
    async with open_store(settings) as outbox, open_ledger(settings) as ledger, aiohttp.ClientSession() as session:
        doors = {name: door(settings, name, clock, Persons(keyring.pepper)) for name in settings.storefronts}
        server = settings.server
        callers = Callers(
            Doorkeeper(keyring.pepper, {s.id: s.keys for s in settings.storefronts.values()}),
            doors,
            Edge(server.trusted_proxies, server.country_header, server.region_header),
        )
        desk = make_desk(settings, outbox, ledger, Witness(metrics, Log(log)), lambda: clock.wall)
        await desk.load()
        intake = Intake(
            callers=callers,
            bodies=Bodies(metrics, 5.0),
            consents=Consents(ledger, outbox, metrics),
            counter=Counter(desk),
            webhooks=make_webhooks(settings, callers, desk, outbox, metrics),
            outbox=outbox,
            metrics=metrics,
            addresses=Addresses(20.0, 200.0, clock.monotonic),
            wall=lambda: clock.wall,
            monotonic=lambda: clock.monotonic,
        )
        metrics.watch_repeats(settings.storefronts, outbox.differing_repeats)
        taker = intake.take if direct else takes_nothing
        runner = web.ServerRunner(QuietServer(intake.handle, Caps(1000, 1000, 5.0), Log(), taker), shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            port = runner.addresses[0][1]
            url = f"http://127.0.0.1:{port}"
            yield Doorway(there, settings, intake, callers, outbox, ledger, desk, metrics, clock, log, session, url)
        finally:
            await runner.cleanup()


def door(settings: Settings, name: StorefrontId, clock: Clock, persons: Persons) -> Door:
    """Make a storefront's door, as the app does, on the test's clock."""
    shop = settings.storefronts[name]
    return Door(
        line=Line(name, shop.consent.policy, dict(shop.destinations), frozenset(shop.origins), persons),
        origins=frozenset(shop.origins),
        allow_null_origin=shop.allow_null_origin,
        bucket=Bucket(shop.events_per_second, shop.burst, clock.monotonic),
        hold_seconds=60 * shop.consent.hold_unmatched_minutes,
        measurement_ids=shop.measurement_ids,
        data_tag=shop.data_tag,
    )


def edit(there: Installation, *edits: tuple[str, str]) -> None:
    """Replace pieces of the configuration, each of which must be there."""
    text = there.config.read_text()
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    there.config.write_text(text)


def statuses(results: Sequence[dict[str, Any]]) -> list[str]:
    """Each result's status, in order."""
    return [result["status"] for result in results]


def is_error(answer: Answer, status: int, code: str) -> bool:
    """Say whether an answer is this error, wholly, with the headers that every answer has."""
    assert (answer.status, answer.json) == (status, {"error": code})
    assert answer.headers["Content-Type"] == "application/json"
    return is_quiet(answer)


def is_quiet(answer: Answer) -> bool:
    """Say whether an answer's headers give nothing away and let nobody keep it."""
    assert answer.headers["Server"] == "consent-gateway"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    return True
