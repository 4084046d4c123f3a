"""The description for programs, held against the code that answers and against real answers."""

import io
import json
import time
import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
import pytest
from jsonschema import Draft202012Validator

from gateway import private
from gateway.audit.reconciliation import NO_GAP, RECEIVED, Place
from gateway.consent.evidence import JOINS
from gateway.console.roles import WHO
from gateway.delivery.letters import Order
from gateway.intake import front_door as intake
from gateway.log import Log
from gateway.model.words import Destination, Fault, Kind, Refusal, Status
from gateway.office import reconciling
from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.platforms import Platforms
from gateway.sources import consent, fields, native
from gateway.sources.order_list import MOST_ORDERS, Format, NotExpected
from tests.doorway import Doorway, doorway, purchase, refused
from tests.live import inside, install
from tests.shopify import EDIT, send, write_secrets
from tests.shopify import order as webhook_order

ROOT: Final = Path(__file__).parent.parent.parent
API: Final[dict[str, Any]] = json.loads(files("config").joinpath("openapi.json").read_bytes())
SCHEMAS: Final[dict[str, Any]] = API["components"]["schemas"]
MACHINES: Final = ("/api/", "/metrics", "/livez", "/readyz")
"""How paths begin that programs ask; pages of the console are for people, and show nothing that the API does not tell."""
ROUTES: Final = {*intake.ROUTES, *((method, path) for method, path in private.ROUTES if path.startswith(MACHINES))}


def validator(name: str) -> Draft202012Validator:
    """Make a validator for one of the named schemas."""
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": API["components"]})


def operations() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Give every operation: method, path and description."""
    for path, methods in API["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def test_the_routes_are_exactly_those_that_exist() -> None:
    """No route is missing and none is described that is not there."""
    assert {(method, path) for method, path, _ in operations()} == ROUTES


@pytest.mark.parametrize(("method", "path", "operation"), [one for one in operations() if one[1].startswith("/api/")])
def test_who_may_ask_is_described(method: str, path: str, operation: Mapping[str, Any]) -> None:
    """A token or a session, and which roles; what the table says and nothing else."""
    roles = WHO[method, path]
    assert ("security" in operation) is (roles is not None)
    assert ({"401", "403"} <= operation["responses"].keys()) is (roles is not None)
    if roles is not None:
        assert operation["security"] == [{"consoleToken": []}, {"consoleSession": []}]
        assert f"only for {', '.join(sorted(roles))}" in operation["responses"]["403"]["description"]


def test_every_reference_leads_somewhere() -> None:
    """Each `$ref` names a schema of this file, and each schema is used."""
    text = json.dumps(API)
    named = {part.split('"')[0] for part in text.split('"$ref": "#/components/schemas/')[1:]}
    assert named == set(SCHEMAS)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_one(name: str) -> None:
    """JSON Schema 2020-12, as OpenAPI 3.1 has it."""
    Draft202012Validator.check_schema(SCHEMAS[name])


def test_closed_vocabularies_are_the_codes() -> None:
    """Where the description lists words, they are those of the code, all of them."""
    results = SCHEMAS["Results"]["properties"]["results"]["items"]["properties"]
    assert results["status"]["enum"] == list(Status)
    assert SCHEMAS["Event"]["properties"]["event"]["enum"] == list(Kind)
    assert sorted(results["reason"]["enum"]) == sorted({*Refusal, *Fault})
    assert results["destinations"]["items"]["enum"] == list(Destination)
    assert results["refused_destinations"]["propertyNames"]["enum"] == list(Destination)
    assert sorted(results["refused_destinations"]["additionalProperties"]["enum"]) == sorted(Refusal)


def test_the_fields_of_an_event_are_those_that_are_read() -> None:
    """What is described is read, and what is read is described."""
    properties = SCHEMAS["Event"]["properties"]
    assert set(properties) == native.EVENT_FIELDS
    nested = {name: set(properties[name]["properties"]) for name in ("customer", "client", "order", "click")}
    assert nested == {
        "customer": native.CUSTOMER_FIELDS,
        "client": fields.CLIENT_FIELDS,
        "order": native.ORDER_FIELDS,
        "click": native.CLICK_FIELDS,
    }


def test_the_fields_of_a_record_are_those_that_are_read() -> None:
    """What is described is read, and what is read is described; the answer's words are the code's."""
    assert set(SCHEMAS["ConsentRecord"]["properties"]) == consent.FIELDS
    assert set(SCHEMAS["Consent"]["properties"]["join"]["properties"]) == {kind.value for kind in JOINS}
    allowed, *reasons = SCHEMAS["ConsentKept"]["properties"]["destinations"]["additionalProperties"]["enum"]
    assert (allowed, reasons) == (intake.ALLOWED, sorted(Refusal))


def test_the_limits_are_the_codes() -> None:
    """So many events in one request."""
    (_, batch) = API["paths"]["/v1/events"]["post"]["requestBody"]["content"]["application/json"]["schema"]["oneOf"]
    assert batch["properties"]["events"]["maxItems"] == native.MAX_EVENTS


def test_the_description_is_in_the_wheel() -> None:
    """A file that the package's data leaves out would be missing wherever the gateway is installed."""
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["config"]
    kept = {path.name for pattern in data for path in (ROOT / "config").glob(pattern)}
    there = {path.name for path in (ROOT / "config").rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc"}}
    assert kept == there


def described(method: str, path: str) -> set[int]:
    """Give the statuses that are described for a route."""
    return {int(status) for status in API["paths"][path][method.lower()]["responses"]}


async def exchange(door: Doorway) -> Iterator[tuple[str, str, Any]]:
    """Provoke every answer that the public listener gives without waiting; (method, path, answer)."""
    big = b" " * (intake.EVENTS_BYTES + 1)
    events = [
        await door.post({"events": [purchase("1"), purchase("1"), refused("2"), purchase("3", order=None), 7]}),
        await door.post(purchase("5", consent={"advertising": True, "vendors": {"meta": False}})),
        await door.post(b"{"),
        await door.post([]),
        await door.post(purchase(), key="sk_x"),
        await door.post(purchase(), key=door.installation.publishable_key),
        await door.post(big),
        await door.post(purchase(), Content_Type="text/plain"),
    ]
    collects = [
        await door.collect(purchase("6")),
        await door.collect(purchase(), key="pk_x"),
        await door.collect(big[: intake.COLLECT_BYTES + 1]),
        await door.collect(purchase(), Content_Encoding="gzip"),
    ]
    said = {"consent": {"advertising": True, "receipt": "page-receipt-0123456789", "banner_version": "a b"}}
    records = [
        await door.say(said),
        await door.say({"consent": {"vendors": {"meta": False}}}),
        await door.tell(said),
        await door.say(b"{"),
        await door.say({}),
        await door.say(said, key="sk_x"),
        await door.tell(said, key="pk_x"),
        await door.say(big[: intake.CONSENT_BYTES + 1]),
        await door.say(said, Content_Type="text/plain"),
    ]
    origins, key = ("https://shop.example", "https://x.example"), door.installation.publishable_key
    webhooks = [
        await send(door, "orders/paid", webhook_order()),
        await send(door, "orders/paid", b"{"),
        await send(door, "orders/paid", webhook_order(), "another"),
        await send(door, "orders/paid", big),
        await send(door, "orders/paid", webhook_order(), Content_Encoding="gzip"),
    ]
    preflights = {
        path: [await door.ask("OPTIONS", f"{path}?k={key}", Origin=origin) for origin in origins]
        for path in ("/v1/collect", "/v1/consent")
    }
    while (last := await door.post({"events": [purchase(f"{n}") for n in range(500)]})).status == 202:
        pass
    events.append(last)
    door.intake.close()
    records.append(await door.say(said))
    events.append(await door.post(purchase()))
    collects.append(await door.collect(purchase()))
    webhooks.append(await send(door, "orders/paid", webhook_order()))
    found = [("POST", "/v1/events", answer) for answer in events]
    found += [("POST", "/v1/collect", answer) for answer in collects]
    found += [("POST", "/v1/consent", answer) for answer in records]
    found += [("POST", "/v1/shopify/webhooks", answer) for answer in webhooks]
    found += [("OPTIONS", path, answer) for path, answers in preflights.items() for answer in answers]
    return iter([*found, ("GET", "/healthz", await door.ask("GET", "/healthz"))])


async def test_real_answers_are_as_described(tmp_path: Path) -> None:
    """Every answer that the public listener gives has a described status and fits its schema."""
    met: dict[tuple[str, str], set[int]] = {}
    burst = ("events_per_second = 1000000\nburst = 1000000", "events_per_second = 1\nburst = 600")
    write_secrets(tmp_path)
    async with doorway(tmp_path, burst, EDIT) as door:
        for method, path, answer in await exchange(door):
            met.setdefault((method, path), set()).add(answer.status)
            assert answer.status in described(method, path), (method, path, answer.status)
            if answer.body and answer.headers["Content-Type"] == "application/json":
                validator({202: "Results", 201: "ConsentKept"}.get(answer.status, "Error")).validate(answer.json)
            if answer.status in {429, 503}:
                assert "Retry-After" in API["paths"][path][method.lower()]["responses"][str(answer.status)]["headers"]
    slow = 408  # a body that drips: shown where deadlines are tested
    assert {key: described(*key) - {slow} - statuses for key, statuses in met.items()} == {
        ("POST", "/v1/events"): set(),
        ("POST", "/v1/collect"): {429},  # shown where the limits of networks are tested
        ("OPTIONS", "/v1/collect"): set(),
        ("POST", "/v1/consent"): {429},  # shown where records are tested
        ("OPTIONS", "/v1/consent"): set(),
        ("POST", "/v1/shopify/webhooks"): {429},  # shown where webhooks are tested
        ("GET", "/healthz"): set(),
    }


async def test_real_private_answers_are_as_described(tmp_path: Path) -> None:
    """Readiness, explanations, accounts and their errors fit their schemas, and nothing undescribed is in them."""
    async with Platforms.start() as platforms:
        there = install(tmp_path / "it", platforms.base_urls)
        async with inside(there, Log(io.StringIO())), aiohttp.ClientSession() as session:
            key = {"Authorization": f"Bearer {there.secret_key}"}
            said = {
                "events": [purchase("1") | {"occurred_at": int(time.time())}, refused("2") | {"occurred_at": int(time.time())}]
            }
            async with session.post(f"{there.url}/v1/events", json=said, headers=key) as answer:
                assert answer.status == 202
            await there.quiet()
            validator("Readiness").validate(await there.ask("/readyz"))
            validator("Account").validate(await there.accounts())
            for event_id in ("1", "2"):
                told = await there.ask("/api/v1/explain", storefront="shop", event="purchase", event_id=event_id)
                validator("Explanation").validate(told)
            for step in ("hour", "day", "week"):
                validator("Funnel").validate(await there.ask("/api/v1/funnel", storefront="shop", step=step))
            validator("Silences").validate(await there.ask("/api/v1/silence", storefront="shop"))
            validator("Health").validate(await there.ask("/api/v1/health", storefront="shop"))
            shapes = await there.ask("/api/v1/shapes", storefront="shop")
            validator("Shapes").validate(shapes)
            asked = {"storefront": "shop", "decision": "DPO", "up_to": shapes["newest"]}
            validator("Approval").validate(asked)
            async with session.post(f"{there.private_url}/api/v1/shapes/approve", json=asked, headers=there.own) as answer:
                validator("Approved").validate(await answer.json())
            validator("Error").validate(await there.ask("/api/v1/explain"))


def test_the_places_of_an_order_are_the_codes() -> None:
    """And the formats, the reasons of a list's own, and its bounds."""
    told = SCHEMAS["Reconciliation"]["properties"]
    row = told["rows"]["items"]["properties"]
    spots = row["destinations"]["additionalProperties"]["properties"]["place"]["enum"]
    assert {*row["place"]["enum"], *spots} == {*Place, RECEIVED}
    gaps = told["summary"]["properties"]["gaps"]["items"]["properties"]["place"]["enum"]
    assert {*gaps} == {*Place} - NO_GAP
    listed = SCHEMAS["OrderList"]["properties"]["orders"]
    assert [*listed["items"]["properties"]["not_expected"]["enum"]] == [*NotExpected, None]
    assert listed["maxItems"] == MOST_ORDERS
    asked = {one["name"]: one["schema"] for one in API["paths"]["/api/v1/reconcile"]["post"]["parameters"]}
    assert asked["format"]["enum"] == list(Format)
    assert SCHEMAS["BadList"]["properties"]["flaws"]["maxItems"] == reconciling.MOST_FLAWS


async def test_real_answers_about_order_lists_are_as_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums and rows of all sorts, and every error that can be provoked without waiting."""
    monkeypatch.setattr(reconciling, "BODY_BYTES", 10_000)
    async with Platforms.start() as platforms:
        there = install(tmp_path / "it", platforms.base_urls)
        async with inside(there, Log(io.StringIO())) as gateway, aiohttp.ClientSession() as session:
            key = {"Authorization": f"Bearer {there.secret_key}"}
            said = {"events": [one | {"occurred_at": int(time.time())} for one in (purchase("1"), refused("2"))]}
            async with session.post(f"{there.url}/v1/events", json=said, headers=key) as answer:
                assert answer.status == 202
            await there.quiet()
            orders = [{"id": name, "value": 1, "currency": "EUR", "at": int(time.time())} for name in "1233"]
            listed = {"storefront": "shop", "orders": [*orders, {"id": 9, "value": "1", "currency": "JPY", "at": 1000000000}]}
            validator("OrderList").validate(listed)
            tried: list[tuple[Any, dict[str, str]]] = [
                (listed, {}), ({"storefront": "shop", "orders": []}, {}), (7, {}), (listed | {"storefront": "y"}, {}),
                (listed, {"Content-Type": "text/plain"}), (listed, {"Origin": "https://evil.example"}),
                ({"storefront": "x" * reconciling.BODY_BYTES}, {}), (listed, {}),
            ]  # fmt: skip
            met = set()
            for number, (body, headers) in enumerate(tried):
                if number == len(tried) - 1:
                    await gateway.outbox.close()
                given = {"Content-Type": "application/json", **there.own} | headers
                url = f"{there.private_url}/api/v1/reconcile"
                async with session.post(url, data=json.dumps(body).encode(), headers=given) as answer:
                    met.add(answer.status)
                    told = await answer.json()
                    if answer.status == 200:
                        validator("Reconciliation").validate(told)
                    else:
                        validator("BadList" if told["error"] == "invalid_list" else "Error").validate(told)
            assert described("POST", "/api/v1/reconcile") - met == {401, 408, 429}  # shown where lists are tested


async def test_real_answers_about_dead_letters_are_as_described(tmp_path: Path) -> None:
    """The listing, an order, its slice, and every error of both that can be provoked without waiting."""
    async with Platforms.start() as platforms:
        there = install(tmp_path / "it", platforms.base_urls)
        platforms[Destination.META].switch.set(Behaviour(mode=Mode.REFUSE_EVENTS, fraction=1.0))
        async with inside(there, Log(io.StringIO())) as gateway, aiohttp.ClientSession() as session:
            key = {"Authorization": f"Bearer {there.secret_key}"}
            said = {"events": [purchase("1") | {"occurred_at": int(time.time())}]}
            async with session.post(f"{there.url}/v1/events", json=said, headers=key) as answer:
                assert answer.status == 202
            await there.quiet()
            validator("DeadLetters").validate(await there.ask("/api/v1/dead-letters", storefront="shop"))
            least = {"storefront": "shop", "destination": "meta"}
            whole = least | {
                "reasons": ["rejected"], "codes": ["100"], "event": None, "since": 0, "until": 1, "dry_run": False, "after": 0,
            }  # fmt: skip
            validator("ReplayOrder").validate(least)
            validator("ReplayOrder").validate(whole)
            big = {"storefront": "x" * private.BODY_BYTES}
            tried: list[tuple[Any, dict[str, str]]] = [
                (least, {}), (whole, {}), (7, {}), (least | {"storefront": "y"}, {}), (big, {}),
                (least, {"Content-Type": "text/plain"}), (least, {"Origin": "https://evil.example"}),
                (least, {"Authorization": "Bearer ct_x"}), (least, {}),
            ]  # fmt: skip
            met = set()
            for number, (order, headers) in enumerate(tried):
                if number == len(tried) - 1:
                    await gateway.outbox.close()
                url = f"{there.private_url}/api/v1/replay"
                given = {"Content-Type": "application/json", **there.own} | headers
                async with session.post(url, data=json.dumps(order).encode(), headers=given) as answer:
                    met.add(answer.status)
                    validator("ReplaySlice" if answer.status == 200 else "Error").validate(await answer.json())
            assert met == described("POST", "/api/v1/replay") - {408}  # a body that drips: shown where deadlines are tested


def test_an_order_is_described_as_it_is_read() -> None:
    """Its fields, which of them it needs, and the words that they take."""
    schema = SCHEMAS["ReplayOrder"]
    assert tuple(schema["properties"]) == Order.__struct_fields__
    needed = [field.name for field in msgspec.structs.fields(Order) if field.required]
    assert schema["required"] == needed
    assert schema["properties"]["destination"]["enum"] == list(Destination)
    assert schema["properties"]["event"]["enum"] == [*Kind, None]


@pytest.mark.parametrize("said", [purchase(), refused(), purchase(consent=None), purchase(customer=None)])
def test_events_that_are_taken_are_as_described(said: dict[str, Any]) -> None:
    """The schema of an event takes what the gateway takes."""
    validator("Event").validate(said)


@pytest.mark.parametrize(
    "said", [purchase(event="x"), purchase(event_id="not an id"), purchase(order=[]), {"event": "purchase"}]
)
def test_events_that_are_invalid_are_not_as_described(said: dict[str, Any]) -> None:
    """The schema of an event refuses what the gateway calls invalid."""
    assert not validator("Event").is_valid(said)
