import io
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway import private
from gateway.app import Gateway
from gateway.log import Log
from gateway.metrics import CONTENT_TYPE
from gateway.model.words import Destination
from gateway.private import OPENAPI, PARAMETERS, ROUTES, is_own_name, why_not_ready
from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.platforms import Platforms
from gateway.storage import Shut
from tests.doorway import purchase, refused
from tests.live import STOREFRONT, Installation, inside, install
from tests.wire import asked

CANARY: Final = "canary-7f3a@example.com"
ORDER: Final = {"storefront": STOREFRONT, "destination": "meta"}
PURCHASE: Final = {"storefront": STOREFRONT, "event": "purchase", "event_id": "1001"}


class There:
    """A running gateway and a client for its listeners."""

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

    async def ask(self, path: str, method: str = "GET", **query: str) -> tuple[int, Any]:
        """Ask the private listener: status and body, JSON read."""
        async with self.session.request(
            method, self.installation.private_url + path, params=query, headers=self.installation.own
        ) as answer:
            body = await answer.read()
            return answer.status, json.loads(body) if answer.content_type == "application/json" else body

    async def order(self, said: Any, **headers: str) -> tuple[int, Any]:
        """Post an order for a replay: JSON, or bytes as they are."""
        given = {"Content-Type": "application/json", **self.installation.own} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        url = f"{self.installation.private_url}/api/v1/replay"
        async with self.session.post(url, data=body, headers=given) as answer:
            return answer.status, await answer.json()

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
        installation = install(tmp_path / "gateway", platforms.base_urls, server='private_names = ["gateway.internal"]')
        log = io.StringIO()
        async with inside(installation, Log(log)) as gateway:
            yield There(installation, gateway, session, platforms, log)


async def test_alive_and_ready(there: There) -> None:
    """`/livez` says that the process answers; `/readyz` that events are taken, and how each destination stands."""
    assert await there.ask("/livez") == (200, b"ok\n")
    status, ready = await there.ask("/readyz")
    assert (status, ready["ready"], ready["why"], ready["test_endpoints"]) == (200, True, None, True)
    ages = [lane["credential"].pop("seconds") for lane in ready["lanes"][STOREFRONT].values()]
    assert all(0 <= age <= 60 for age in ages)
    nothing = dict.fromkeys(
        ("reason", "due", "test_mode", "advice", "misconfigured", "violation", "paused_at", "throttle", "canary")
    )
    held = {"credential": {"kind": "token", "state": "held"}, "breaker": {"state": "closed", "failures": 0}}
    up = {"up": True, **nothing, "new_shapes": 0, **held}
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


async def test_what_came_in_and_what_arrived(there: There) -> None:
    """Over time, one kind of event or all of them, and the same sums as the books."""
    await there.post(purchase("1"), purchase("2"), purchase("2"), refused("3"), purchase("4", order=None))
    status, told = await there.ask("/api/v1/funnel", storefront=STOREFRONT, step="hour", count="2", event="purchase")
    door, meta = told["total"]["door"], told["total"]["destinations"]["meta"]
    assert (status, len(told["slots"]), told["event"]) == (200, 2, "purchase")
    assert (door["accepted"], door["duplicate"], door["refused_for_consent"]) == (2, 1, "<10")
    assert (meta["delivered"], meta["value"]) == (2, {"EUR": {"accepted": "259.80", "delivered": "259.80"}})
    status, told = await there.ask("/api/v1/funnel", storefront=STOREFRONT)
    assert (status, told["step"], len(told["slots"])) == (200, "day", 14)
    assert told["total"]["destinations"]["google_ads"]["taken"] == 2


async def test_how_destinations_stand(there: There) -> None:
    """What readiness says of each, and what waits there beside it."""
    await there.post(purchase("1"))
    status, health = await there.ask("/api/v1/health", storefront=STOREFRONT)
    assert (status, health["ready"], health["first_expiry"]) == (200, True, None)
    for lane in health["lanes"].values():
        assert lane["up"]
        assert lane["backlog"] == {"waiting": 0, "retrying": 0, "dead": 0, "oldest": None, "first_expiry": None}


async def test_nothing_has_stopped_that_has_no_past(there: There) -> None:
    """A shop that is new is not silent; the metric says so for each kind of event."""
    assert await there.ask("/api/v1/silence", storefront=STOREFRONT) == (200, {"storefront": STOREFRONT, "silent": []})
    _, text = await there.ask("/metrics")
    assert b'consent_gateway_silent{event="purchase",storefront="shop"} 0.0' in text


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
        ("/api/v1/funnel", {}, 404, "unknown_storefront"),
        ("/api/v1/funnel", {"storefront": STOREFRONT, "event": CANARY}, 400, "event"),
        ("/api/v1/funnel", {"storefront": STOREFRONT, "step": CANARY}, 400, "step"),
        ("/api/v1/funnel", {"storefront": STOREFRONT, "count": "401"}, 400, "count"),
        ("/api/v1/contracts", {"storefront": STOREFRONT, "format": CANARY}, 400, "format"),
        ("/api/v1/silence", {"storefront": CANARY}, 404, "unknown_storefront"),
        ("/api/v1/health", {"storefront": CANARY}, 404, "unknown_storefront"),
        ("/api/v1/dead-letters", {"storefront": CANARY}, 404, "unknown_storefront"),
        (f"/{CANARY}", {}, 404, "not_found"),
        ("/v1/events", {}, 404, "not_found"),
        ("/", {}, 403, "forbidden"),
    ],
)
async def test_what_is_not_known_is_a_code(there: There, path: str, query: dict[str, str], status: int, error: str) -> None:
    """An error names what was not understood, never what was said."""
    assert await there.ask(path, **query) == (status, {"error": error})


@pytest.mark.parametrize("parameter", ["form", "Storefront", CANARY, "dry_run", ""])
@pytest.mark.parametrize("said", ["1", ""])
async def test_a_parameter_that_there_is_not_is_told(there: There, parameter: str, said: str) -> None:
    """With those that there are, on every route: a mistyped name would be answered by other figures than were asked for."""
    for (method, path), known in PARAMETERS.items():
        if path == "/api/v1/openapi.json":
            continue
        url = f"{there.installation.private_url}{path}?{urlencode({'storefront': STOREFRONT, parameter: said})}"
        async with there.session.request(method, url, headers=there.installation.own) as got:
            assert (got.status, await got.json()) == (400, {"error": "unknown_parameter", "known": sorted(known)}), path


async def test_a_parameter_that_stands_twice_is_told(there: There) -> None:
    """Nobody knows which of them was meant."""
    url = f"{there.installation.private_url}/api/v1/funnel?storefront={STOREFRONT}&count=3&count=4"
    async with there.session.get(url, headers=there.installation.own) as got:
        assert (got.status, await got.json()) == (400, {"error": "repeated_parameter", "field": "count"})


async def test_machines_may_ask_with_whatever_query(there: There) -> None:
    """A probe or a scrape adds what it likes to its own addresses."""
    for path in ("/metrics", "/livez", "/readyz"):
        async with there.session.get(f"{there.installation.private_url}{path}?a=b&a=c") as got:
            assert got.status == 200


@pytest.mark.parametrize("path", sorted({path for _, path in ROUTES}))
async def test_each_route_takes_its_own_methods_only(there: There, path: str) -> None:
    """What is read is read with GET, what changes something is asked for with POST; everything else is refused."""
    for other in {"GET", "POST", "PUT", "DELETE", "PATCH"} - {method for method, known in ROUTES if known == path}:
        assert await there.ask(path, other) == (405, {"error": "method_not_allowed"})


# ── dead letters ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_dead_letters_are_counted_and_sent_again(there: There) -> None:
    """What a platform refused is listed with advice, looked at without harm, given back, and arrives; the books follow."""
    meta = there.platforms[Destination.META]
    meta.switch.set(Behaviour(mode=Mode.REFUSE_EVENTS, fraction=1.0))
    await there.post(purchase("1", customer={"email": CANARY}), purchase("2"))
    meta.switch.reset()
    status, listing = await there.ask("/api/v1/dead-letters", storefront=STOREFRONT)
    assert (status, listing["total"]) == (200, 2)
    (letters,) = listing["letters"]
    assert (letters["destination"], letters["event"], letters["reason"], letters["count"]) == (
        "meta",
        "purchase",
        "rejected",
        2,
    )
    lot = {
        "event": "purchase",
        "reason": "rejected",
        "code": letters["code"],
        "against": None,
        "count": 2,
        "value": {"EUR": "259.80"},
    }
    assert await there.order(ORDER) == (200, {"looked_at": 2, "next": None, "lots": [lot]})
    assert (await there.ask("/api/v1/dead-letters", storefront=STOREFRONT))[1] == listing
    assert await there.order(ORDER | {"dry_run": False}) == (200, {"looked_at": 2, "next": None, "lots": [lot]})
    books = await there.installation.quiet()
    assert (books["balanced"], books["destinations"]["meta"]["delivered"], books["destinations"]["meta"]["dead"]) == (
        True,
        2,
        0,
    )
    assert books["destinations"]["meta"]["replayed"] == 2
    assert books["destinations"]["meta"]["value"] == {"EUR": {"accepted": "259.80", "delivered": "259.80"}}
    assert await there.ask("/api/v1/dead-letters", storefront=STOREFRONT) == (200, {"total": 0, "letters": []})
    _, told = await there.ask("/api/v1/explain", **PURCHASE | {"event_id": "1"})
    assert (told["destinations"]["meta"]["state"], told["destinations"]["meta"]["replays"]) == ("delivered", 1)
    assert sorted(taken.event_id for taken in meta.ledger) == ["1", "2"]
    replayed = {
        "happening": "dead_letters_replayed",
        "storefront": STOREFRONT,
        "destination": "meta",
        "reason": "rejected",
        "count": 2,
    }
    lines = [json.loads(line) for line in there.log.getvalue().splitlines()]
    assert [replayed.items() <= line.items() for line in lines].count(True) == 1
    _, metrics = await there.ask("/metrics")
    assert b'outcome="replayed",reason="rejected",storefront="shop"} 2.0' in metrics
    assert CANARY not in str(listing) + there.log.getvalue()


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"storefront": STOREFRONT}, "destination"),
        ({"destination": "meta"}, "storefront"),
        (ORDER | {"destination": CANARY}, "destination"),
        (ORDER | {"storefront": 7}, "storefront"),
        (ORDER | {"storefront": "x" * 81}, "storefront"),
        (ORDER | {"reasons": [CANARY]}, "reasons"),
        (ORDER | {"reasons": ["rejected"] * 51}, "reasons"),
        (ORDER | {"codes": ["x"] * 51}, "codes"),
        (ORDER | {"codes": ["x" * 81]}, "codes"),
        (ORDER | {"event": CANARY}, "event"),
        (ORDER | {"since": -1}, "since"),
        (ORDER | {"until": "now"}, "until"),
        (ORDER | {"dry_run": "false"}, "dry_run"),
        (ORDER | {"dry_run": 0}, "dry_run"),
        (ORDER | {"after": -1}, "after"),
        (ORDER | {"after": 2**63}, "after"),
        (ORDER | {CANARY: 1}, None),
        (ORDER | {"required field `canary": 1}, None),
        (ORDER | {"x at `$.canary`": 1}, None),
        ([ORDER], None),
    ],
)
async def test_an_order_that_cannot_be_meant_changes_nothing(there: There, said: Any, field: str | None) -> None:
    """The answer names the field, and never what stood there."""
    assert await there.order(said) == (400, {"error": "invalid_order", "field": field})


async def test_an_order_for_a_lane_that_is_not_there_is_404(there: There) -> None:
    """An unknown storefront is no field at fault: the gateway may have been started with another configuration."""
    assert await there.order(ORDER | {"storefront": "other"}) == (404, {"error": "unknown_lane"})


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b'{"storefront": "\xff"}', b'{"storefront": "shop", "destination": "meta"} {}']
)
async def test_a_body_that_is_not_json_is_400(there: There, body: bytes) -> None:
    """Whatever it is."""
    assert await there.order(body) == (400, {"error": "not_json"})


# ── who may ask ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1:8081", True),
        ("127.0.0.1", True),
        ("10.1.2.3:80", True),
        ("[::1]:8081", True),
        ("[::1]", True),
        ("localhost:8081", True),
        ("LOCALHOST", True),
        ("gateway.internal", True),
        ("Gateway.Internal:8081", True),
        ("gateway.internal.evil.example", False),
        ("evil.example", False),
        ("evil.example:8081", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example", False),
        ("localhost.", False),
        ("2130706433", False),
        ("0x7f.1", False),
        ("127.1", False),
        ("[evil.example]", False),
        ("[127.0.0.1]x", False),
        ("user@127.0.0.1", False),
        ("127.0.0.1:x", False),
        ("127.0.0.1\n", False),
        ("", False),
    ],
)
def test_only_an_address_or_an_own_name_leads_here(host: str, own: bool) -> None:
    """Any other name could be a page's own, made to lead here."""
    assert is_own_name(host, frozenset({"gateway.internal"})) is own


API_ROUTES: Final = [(method, path) for method, path in ROUTES if path.startswith("/api/")]


@pytest.mark.parametrize(("method", "path"), API_ROUTES)
async def test_a_page_by_another_name_is_refused(there: There, method: str, path: str) -> None:
    """DNS rebinding: the browser believes that it asks the page's own host. Nothing is read and nothing is done."""
    for host in ("evil.example", f"evil.example:{there.installation.private}"):
        async with there.session.request(
            method, there.installation.private_url + path, json=ORDER, headers={"Host": host}
        ) as answer:
            assert (answer.status, await answer.json()) == (403, {"error": "unknown_host"})


@pytest.mark.parametrize("path", ["/metrics", "/livez", "/readyz"])
async def test_machines_may_use_any_name_for_health_and_metrics(there: There, path: str) -> None:
    """A scraper or an orchestrator knows the service by names of its own."""
    async with there.session.get(there.installation.private_url + path, headers={"Host": "gateway-0.monitoring.svc"}) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost", ""])
async def test_a_page_of_another_origin_is_refused(there: There, origin: str) -> None:
    """Also one on another port of this machine, and one that hides where it is from."""
    assert await there.order(ORDER, Origin=origin) == (403, {"error": "unknown_origin"})


async def test_the_listeners_own_pages_may_ask(there: There) -> None:
    """By whichever of its names they were opened, over TLS or not."""
    port = there.installation.private
    assert (await there.order(ORDER, Origin=f"http://127.0.0.1:{port}"))[0] == 200
    for host in (f"localhost:{port}", "gateway.internal"):
        for scheme in ("http", "https"):
            assert (await there.order(ORDER, Host=host, Origin=f"{scheme}://{host}"))[0] == 200


async def test_two_hosts_are_none(there: There) -> None:
    """Who is meant cannot be said, so nobody is; nor when there is none, as HTTP/1.0 allows."""
    port = there.installation.private
    for hosts in (["Host: 127.0.0.1", "Host: evil.example"], []):
        said = "\r\n".join(["GET /api/v1/accounts?storefront=shop HTTP/1.0", *hosts, "", ""]).encode()
        heard = await asked(port, said)
        assert set(heard.statuses) <= {400, 403}
        assert heard.statuses


async def test_a_form_cannot_order_anything(there: There) -> None:
    """What a page can post elsewhere without being asked for first is never JSON by name."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        assert await there.order(ORDER, Content_Type=kind) == (415, {"error": "content_type"})
    assert (await there.order(ORDER, Content_Type="application/json; charset=utf-8"))[0] == 200


async def test_bodies_are_bounded_in_size_form_and_time(there: There, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said or found to be too long, compressed, cut off or dripping: refused, and the connection is closed."""
    large = json.dumps(ORDER | {"codes": ["x" * 80] * 2000}).encode()
    assert await there.order(large) == (413, {"error": "body_too_large"})
    assert await there.order(b"{}", Content_Encoding="gzip") == (415, {"error": "content_encoding"})
    port, line = there.installation.private, "POST /api/v1/replay HTTP/1.1"
    own = there.installation.own["Authorization"]
    head = f"{line}\r\nHost: 127.0.0.1\r\nAuthorization: {own}\r\nContent-Type: application/json\r\n"
    chunk = b"%x\r\n%b\r\n" % (len(large), large)
    heard = await asked(port, f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunk + b"0\r\n\r\n")
    assert (heard.statuses, json.loads(heard.body)) == ([413], {"error": "body_too_large"})
    unending = f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunk  # refused before its end is seen
    assert (await asked(port, unending)).statuses == [413]
    monkeypatch.setattr(private, "BODY_SECONDS", 0.1)
    heard = await asked(port, f"{head}Content-Length: 100\r\n\r\n{{".encode())
    assert (heard.statuses, json.loads(heard.body)) == ([408], {"error": "body_too_slow"})


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
    own = there.installation.own
    async with there.session.post(there.installation.private_url + APPROVE, json=asked, headers=own) as answer:
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
    sent = {**sent, "headers": {**sent.get("headers", {}), **there.installation.own}}
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
    assert await there.ask("/api/v1/dead-letters", storefront=STOREFRONT) == (503, {"error": "stopping"})
    assert await there.order(ORDER) == (503, {"error": "stopping"})
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
