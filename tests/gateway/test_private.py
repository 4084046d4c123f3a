import io
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.app import Gateway
from gateway.log import Log
from gateway.metrics import CONTENT_TYPE
from gateway.model import Destination
from gateway.outbox import Shut
from gateway.private import OPENAPI, ROUTES, why_not_ready
from gateway.sandbox.platforms import Platforms
from tests.doorway import purchase, refused
from tests.live import STOREFRONT, Installation, inside, install

CANARY: Final = "canary-7f3a@example.com"
PURCHASE: Final = {"storefront": STOREFRONT, "event": "purchase", "event_id": "1001"}


class There:
    """A running gateway and a client for its listeners."""

    def __init__(self, installation: Installation, gateway: Gateway, session: aiohttp.ClientSession) -> None:
        self.installation = installation
        self.gateway = gateway
        self.session = session

    async def ask(self, path: str, method: str = "GET", **query: str) -> tuple[int, Any]:
        """Ask the private listener: status and body, JSON read."""
        async with self.session.request(method, self.installation.private_url + path, params=query) as answer:
            body = await answer.read()
            return answer.status, json.loads(body) if answer.content_type == "application/json" else body

    async def post(self, *events: dict[str, Any]) -> None:
        """Post events as a server and wait until none is waiting."""
        key = {"Authorization": f"Bearer {self.installation.secret_key}"}
        fresh = [event | {"occurred_at": int(time.time())} for event in events]
        async with self.session.post(f"{self.installation.url}/v1/events", json={"events": fresh}, headers=key) as answer:
            assert answer.status == 202
        await self.installation.quiet()


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[There]:
    """A gateway on three platforms."""
    async with Platforms.start() as platforms, aiohttp.ClientSession() as session:
        installation = install(tmp_path / "gateway", platforms.base_urls)
        async with inside(installation, Log(io.StringIO())) as gateway:
            yield There(installation, gateway, session)


async def test_alive_and_ready(there: There) -> None:
    """`/livez` says that the process answers; `/readyz` that events are taken, and how each destination stands."""
    assert await there.ask("/livez") == (200, b"ok\n")
    status, ready = await there.ask("/readyz")
    assert (status, ready["ready"], ready["why"], ready["test_endpoints"]) == (200, True, None, True)
    ages = [lane["credential"].pop("seconds") for lane in ready["lanes"][STOREFRONT].values()]
    assert all(0 <= age <= 60 for age in ages)
    up = {"up": True, "reason": None, "test_mode": None, "violation": None, "new_shapes": 0, "credential": {"kind": "token"}}
    assert ready["lanes"] == {STOREFRONT: {destination.value: up for destination in Destination}}


async def test_metrics_are_prometheus_text(there: There) -> None:
    """The format's own parser reads them, and the content type says which version it is."""
    async with there.session.get(f"{there.installation.private_url}/metrics") as answer:
        assert answer.headers["Content-Type"] == CONTENT_TYPE
        families = {family.name for family in text_string_to_metric_families(await answer.text())}
    assert {"consent_gateway_events", "consent_gateway_destination_up", "consent_gateway_outbox_records"} <= families


async def test_why_an_event_went(there: There) -> None:
    """Signals seen, rule, what was done to the fields, and each platform's answer by code."""
    await there.post(purchase(customer={"email": CANARY}))
    status, told = await there.ask("/api/v1/explain", **PURCHASE)
    assert (status, told["status"], told["signals"]) == (200, "accepted", {"advertising": "granted"})
    assert "email_hashed" in told["fields"]
    assert {name: attempt["state"] for name, attempt in told["destinations"].items()} == {
        destination.value: "delivered" for destination in Destination
    }
    assert CANARY not in str(told)


async def test_why_an_event_did_not_go(there: There) -> None:
    """The rule that refused it, per destination, and nothing of what was in it."""
    await there.post(refused("1001"))
    status, told = await there.ask("/api/v1/explain", **PURCHASE)
    assert (status, told["status"], told["signals"]) == (200, "refused", {"advertising": "denied"})
    assert {attempt["reason"] for attempt in told["destinations"].values()} == {"advertising_denied"}


async def test_whether_it_adds_up(there: There) -> None:
    """The storefront's books, in events and in exact money."""
    await there.post(purchase("1"), purchase("2"), purchase("2"), refused("3"), purchase("4", order=None))
    status, books = await there.ask("/api/v1/accounts", storefront=STOREFRONT)
    assert (status, books["balanced"], books["received"]) == (200, True, 5)
    assert books["by_status"] == {"accepted": 2, "duplicate": 1, "refused": 1, "invalid": 1}
    assert books["by_reason"] == {"refused.advertising_denied": 1, "invalid.missing": 1}
    for lane in books["destinations"].values():
        assert (lane["accepted"], lane["delivered"], lane["waiting"]) == (2, 2, 0)
        assert lane["value"] == {"EUR": {"accepted": "259.80", "delivered": "259.80"}}


@pytest.mark.parametrize(
    ("path", "query", "status", "error"),
    [
        ("/api/v1/explain", PURCHASE, 404, "unknown_event"),
        ("/api/v1/explain", PURCHASE | {"storefront": CANARY}, 404, "unknown_storefront"),
        ("/api/v1/explain", {}, 404, "unknown_storefront"),
        ("/api/v1/explain", PURCHASE | {"event": CANARY}, 400, "event_or_event_id"),
        ("/api/v1/explain", PURCHASE | {"event_id": CANARY}, 400, "event_or_event_id"),
        ("/api/v1/explain", PURCHASE | {"event_id": "a" * 65}, 400, "event_or_event_id"),
        ("/api/v1/explain", {"storefront": STOREFRONT}, 400, "event_or_event_id"),
        ("/api/v1/accounts", {"storefront": CANARY}, 404, "unknown_storefront"),
        ("/api/v1/accounts", {}, 404, "unknown_storefront"),
        (f"/{CANARY}", {}, 404, "not_found"),
        ("/v1/events", {}, 404, "not_found"),
        ("/", {}, 404, "not_found"),
    ],
)
async def test_what_is_not_known_is_a_code(there: There, path: str, query: dict[str, str], status: int, error: str) -> None:
    """An error names what was not understood, never what was said."""
    assert await there.ask(path, **query) == (status, {"error": error})


@pytest.mark.parametrize("path", [path for _, path in ROUTES])
async def test_nothing_can_be_changed(there: There, path: str) -> None:
    """Every private route takes the method that it is listed with and refuses everything else."""
    for method in {"GET", "POST", "PUT", "DELETE", "PATCH"} - {method for method, route in ROUTES if route == path}:
        assert await there.ask(path, method) == (405, {"error": "method_not_allowed"})


APPROVE: Final = "/api/v1/shapes/approve"


async def test_what_has_left_is_told_and_acknowledged(there: There) -> None:
    """Each key path and kind of value, new until a decision acknowledges it; readiness and metrics say how many are."""
    await there.post(purchase(customer={"email": CANARY}))
    status, told = await there.ask("/api/v1/shapes", storefront=STOREFRONT)
    paths = {(row["destination"], row["path"], row["kind"]) for row in told["rows"]}
    assert status == 200
    assert {("meta", "data[].user_data.em[]", "sha256"), ("google_ads", "events[].conversionValue", "money_number")} <= paths
    assert CANARY not in str(told)
    new = (await there.ask("/readyz"))[1]["lanes"][STOREFRONT]["meta"]["new_shapes"]
    assert new == sum(row["destination"] == "meta" for row in told["rows"]) > 0
    asked = {"storefront": STOREFRONT, "decision": "DPO decision 2026-11-03", "up_to": told["newest"]}
    async with there.session.post(there.installation.private_url + APPROVE, json=asked) as answer:
        assert (answer.status, await answer.json()) == (200, {"approved": len(told["rows"])})
    assert (await there.ask("/readyz"))[1]["lanes"][STOREFRONT]["meta"]["new_shapes"] == 0
    _, metrics = await there.ask("/metrics")
    assert b'consent_gateway_new_shapes{destination="meta",storefront="shop"} 0.0' in metrics
    _, told = await there.ask("/api/v1/shapes", storefront=STOREFRONT)
    assert {row["decision"] for row in told["rows"]} == {"DPO decision 2026-11-03"}
    assert await there.ask("/api/v1/shapes") == (404, {"error": "unknown_storefront"})


@pytest.mark.parametrize(
    ("sent", "status", "error"),
    [
        ({"data": b"{", "headers": {"Content-Type": "application/json"}}, 400, "invalid_approval"),
        ({"json": {"storefront": STOREFRONT, "decision": CANARY, "up_to": 1}}, 400, "invalid_approval"),
        ({"json": {"storefront": STOREFRONT, "decision": "", "up_to": 1}}, 400, "invalid_approval"),
        ({"json": {"storefront": STOREFRONT, "decision": "x", "up_to": "1"}}, 400, "invalid_approval"),
        ({"json": {"storefront": STOREFRONT, "decision": "x", "up_to": 1, "more": 1}}, 400, "invalid_approval"),
        ({"json": {"storefront": CANARY, "decision": "x", "up_to": 1}}, 404, "unknown_storefront"),
        ({"data": b"{}", "headers": {"Content-Type": "text/plain"}}, 415, "content_type"),
        ({"json": {}, "headers": {"Origin": "http://127.0.0.1:8081"}}, 403, "unknown_origin"),
        ({"data": b" " * 70_000, "headers": {"Content-Type": "application/json"}}, 413, "body_too_large"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_only_a_command_can_acknowledge(there: There, sent: dict[str, Any], status: int, error: str) -> None:
    """Nothing that a page in a browser can send changes anything, and an error never repeats what was said."""
    async with there.session.post(there.installation.private_url + APPROVE, **sent) as answer:
        assert (answer.status, await answer.json()) == (status, {"error": error})


async def test_the_description_for_programs_is_served(there: There) -> None:
    """The OpenAPI file, as it lies in the package."""
    assert await there.ask("/api/v1/openapi.json") == (200, json.loads(OPENAPI))


async def test_a_store_that_is_closed_is_503(there: There) -> None:
    """Questions that the store would have to answer say why they cannot be; metrics and health still answer."""
    await there.gateway.outbox.close()
    assert await there.ask("/api/v1/explain", **PURCHASE) == (503, {"error": "stopping"})
    assert await there.ask("/api/v1/accounts", storefront=STOREFRONT) == (503, {"error": "stopping"})
    assert await there.ask("/api/v1/shapes", storefront=STOREFRONT) == (503, {"error": "stopping"})
    status, ready = await there.ask("/readyz")
    assert (status, ready["ready"], ready["why"]) == (503, False, "stopping")
    assert (await there.ask("/livez"))[0] == 200
    assert (await there.ask("/metrics"))[0] == 200


@pytest.mark.parametrize(
    ("shut", "opened", "stopping", "why"),
    [
        (None, True, False, None),
        (None, False, False, "starting"),
        (Shut.FULL, True, False, "store_full"),
        (Shut.FAILED, False, False, "store_failed"),
        (None, True, True, "stopping"),
        (Shut.FULL, True, True, "stopping"),
    ],
)
def test_ready_means_that_the_front_door_takes_events(shut: Shut | None, opened: bool, stopping: bool, why: str | None) -> None:
    """Ready is only who is open, takes events and is not about to stop; otherwise it says why not."""
    assert why_not_ready(shut, opened=opened, stopping=stopping) == why
