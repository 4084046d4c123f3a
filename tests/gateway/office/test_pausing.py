import asyncio
import io
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from gateway.app import Gateway
from gateway.assembly import rules_of
from gateway.log import Log
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination
from gateway.office.pausing import PauseOrder, Pausing
from gateway.outbox.work import Lane
from gateway.sandbox.platforms import Platforms
from gateway.settings import load
from gateway.signing.entry import COMMAND, Entry, Paused, Resumed
from gateway.signing.recorder import Unrecorded
from tests.console import people
from tests.doorway import purchase
from tests.live import STOREFRONT, Installation, inside, install

META: Final = {"storefront": STOREFRONT, "destination": "meta"}
LANE: Final = Lane(StorefrontId(STOREFRONT), Destination.META)
CANARY: Final = "canary-7f3a@example.com"


class There:
    """A running gateway on sandbox platforms, and a client for its listeners."""

    def __init__(
        self,
        installation: Installation,
        gateway: Gateway,
        session: aiohttp.ClientSession,
        platforms: Platforms,
        log: io.StringIO,
    ) -> None:
        self.installation = installation
        self.gateway = gateway
        self.session = session
        self.platforms = platforms
        self.log = log
        self.tokens: dict[str, str] = {}

    async def order(self, what: str, said: Any, token: str | None = None) -> tuple[int, Any]:
        """Post an order to `/api/v1/pause` or `resume`: status and answer."""
        own = self.installation.own if token is None else {"Authorization": f"Bearer {token}"}
        url = f"{self.installation.private_url}/api/v1/{what}"
        async with self.session.post(url, json=said, headers=own) as answer:
            return answer.status, await answer.json()

    async def post(self, *events: dict[str, Any]) -> None:
        """Post events as a server."""
        key = {"Authorization": f"Bearer {self.installation.secret_key}"}
        fresh = [event | {"occurred_at": int(time.time())} for event in events]
        async with self.session.post(f"{self.installation.url}/v1/events", json={"events": fresh}, headers=key) as answer:
            assert answer.status == 202

    async def arrived(self, count: int, destination: Destination) -> None:
        """Wait until a platform has so many events."""
        async with asyncio.timeout(20):
            while len(self.platforms[destination].ledger) < count:  # noqa: ASYNC110 - a test looks on from outside
                await asyncio.sleep(0.01)

    @property
    def recorded(self) -> dict[str, int]:
        """How many pauses and ends of pauses are in the signed log."""
        return {kind.value: count for kind, count in self.gateway.signed.counts.items() if kind.value in {"paused", "resumed"}}


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[There]:
    """A gateway on three platforms, with people and their tokens."""
    async with Platforms.start() as platforms, aiohttp.ClientSession() as session:
        installation = install(tmp_path / "gateway", platforms.base_urls)
        tokens = people(installation)
        log = io.StringIO()
        async with inside(installation, Log(log)) as gateway:
            made = There(installation, gateway, session, platforms, log)
            made.tokens = tokens
            yield made


async def test_a_paused_destination_is_sent_nothing_and_says_why_everywhere(there: There) -> None:
    """Other destinations go on; readiness, health, explanation, metrics and log say it by one code; and then it all goes."""
    status, told = await there.order("pause", META)
    assert (status, told["paused"], told["already"], told["backlog"]["waiting"]) == (200, True, False, 0)
    await there.post(purchase("1"), purchase("2"))
    await there.arrived(2, Destination.PINTEREST)
    status, told = await there.order("pause", META)
    assert (status, told["already"], told["backlog"]["waiting"]) == (200, True, 2)
    assert 6 * 86_400 < told["backlog"]["first_expiry"]["seconds"] <= 7 * 86_400
    ready = await there.installation.ask("/readyz")
    health = await there.installation.ask("/api/v1/health", storefront=STOREFRONT)
    for lane in (ready["lanes"][STOREFRONT]["meta"], health["lanes"]["meta"]):
        assert (lane["up"], lane["reason"], lane["due"]) == (False, "paused_by_operator", None)
        assert lane["paused_at"] == told["paused_at"]
        assert "consent-gateway resume" in lane["advice"]
    assert ready["ready"] is True
    explained = await there.installation.ask("/api/v1/explain", storefront=STOREFRONT, event="purchase", event_id="1")
    meta = explained["destinations"]["meta"]
    assert (meta["state"], meta["standstill"]["reason"]) == ("waiting", "paused_by_operator")
    async with there.session.get(f"{there.installation.private_url}/metrics") as answer:
        metrics = await answer.text()
    for gauge, value in (("up", 0.0), ("paused", 1.0)):
        assert f'consent_gateway_destination_{gauge}{{destination="meta",storefront="shop"}} {value}' in metrics
    assert 'consent_gateway_destination_paused{destination="pinterest",storefront="shop"} 0.0' in metrics
    assert list(there.platforms[Destination.META].ledger) == []
    status, told = await there.order("resume", META)
    assert (status, told["paused"], told["paused_at"], told["already"]) == (200, False, None, False)
    books = await there.installation.quiet()
    assert (books["balanced"], books["destinations"]["meta"]["delivered"]) == (True, 2)
    assert (await there.order("resume", META))[1]["already"] is True
    said = [(line["happening"], line.get("reason")) for line in map(json.loads, there.log.getvalue().splitlines())]
    assert [one for one in said if one[0].startswith("destination_")] == [
        ("destination_halted", "paused_by_operator"),
        ("destination_up", None),
    ]
    assert there.recorded == {"paused": 1, "resumed": 1}


async def test_many_orders_at_once_are_recorded_once(there: There) -> None:
    """One of them does it, the others find it done."""
    answers = await asyncio.gather(*(there.order("pause", META) for _ in range(8)))
    assert sorted(told["already"] for _, told in answers) == [False] + [True] * 7
    assert there.recorded == {"paused": 1}


@pytest.mark.parametrize("role", ["marketer", "privacy"])
async def test_only_operators_may(role: str, there: There) -> None:
    """Others are refused, and nothing is done; an operator's token will do."""
    assert (await there.order("pause", META, there.tokens[role]))[0] == 403
    assert there.gateway.outbox.paused(LANE) is None
    assert (await there.order("pause", META, there.tokens["operator"]))[0] == 200


@pytest.mark.parametrize(
    ("said", "status", "answer"),
    [
        ({"storefront": "shop"}, 400, {"error": "invalid_order", "field": "destination"}),
        (META | {"destination": CANARY}, 400, {"error": "invalid_order", "field": "destination"}),
        (META | {"reasons": []}, 400, {"error": "invalid_order", "field": None}),
        (META | {"storefront": CANARY}, 404, {"error": "unknown_lane"}),
    ],
)
async def test_an_order_that_cannot_be_meant_is_refused(said: Any, status: int, answer: Any, there: There) -> None:
    """By its field, never by what stood there; nothing is done or recorded."""
    for what in ("pause", "resume"):
        assert await there.order(what, said) == (status, answer)
    assert (there.recorded, CANARY in there.log.getvalue()) == ({}, False)


async def test_what_cannot_be_recorded_is_not_done(there: There) -> None:
    """Neither a pause nor its end: the entry comes first, and by whom is in it."""
    outbox, lane = there.gateway.outbox, LANE
    rules = rules_of(load(there.installation.config, {}))
    entries: list[Entry] = []
    heeded: list[Lane] = []

    async def record(entry: Entry) -> int:
        assert (outbox.paused(lane) is None) is isinstance(entry, Paused), "it took effect before it was recorded"
        entries.append(entry)
        return len(entries)

    async def refuse(_entry: Entry) -> int:
        raise Unrecorded

    order = PauseOrder(str(STOREFRONT), Destination.META)
    with pytest.raises(Unrecorded):
        await Pausing(outbox, rules, refuse, heeded.append).pause(order, COMMAND, 1.0)
    assert (outbox.paused(lane), heeded) == (None, [])
    await Pausing(outbox, rules, record, heeded.append).pause(order, COMMAND, 1.0)
    with pytest.raises(Unrecorded):
        await Pausing(outbox, rules, refuse, heeded.append).resume(order, COMMAND, 2.0)
    assert outbox.paused(lane) == 1
    await Pausing(outbox, rules, record, heeded.append).resume(order, COMMAND, 2.0)
    assert entries == [Paused("shop", Destination.META, COMMAND), Resumed("shop", Destination.META, COMMAND)]
    assert heeded == [lane, lane]
