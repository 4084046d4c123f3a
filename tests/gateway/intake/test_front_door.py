import asyncio
import gzip
import re
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NoReturn

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.intake import front_door
from gateway.intake.front_door import COLLECT_BYTES, ROUTES
from gateway.intake.results import results_of
from gateway.model.event import Minimised, Trace
from gateway.model.texts import EventId, StorefrontId
from gateway.model.words import Destination, Fault, Kind, Refusal, Source, Status
from gateway.outbox.entries import Accept
from gateway.outbox.holdings import Person
from gateway.raw import RawEvent
from tests.doorway import (
    BURST,
    FULL_AGENT,
    NOW,
    PROXIES,
    SHOP,
    Doorway,
    as_bytes,
    doorway,
    is_error,
    is_quiet,
    purchase,
    refused,
    statuses,
)
from tests.live import ORIGIN
from tests.wire import Heard, connected, request

ALL: Final = [destination.value for destination in Destination]
CANARY: Final = "canary-7f3a@example.com"


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Doorway]:
    """An open door."""
    async with doorway(tmp_path) as opened:
        yield opened


# ── servers: what is taken ───────────────────────────────────────────────────────────────────────────────────────


async def test_an_event_is_accepted_for_every_destination(door: Doorway) -> None:
    """202 names the event, its status and where it will go, and it is in the store by then."""
    answer = await door.post(purchase())
    assert answer.status == 202
    assert is_quiet(answer)
    assert answer.json == {"results": [{"event_id": "1001", "status": "accepted", "destinations": ALL}]}
    event = await door.only()
    assert (event.event_id, event.kind, event.money and event.money.text) == ("1001", Kind.PURCHASE, "129.90")


async def test_results_come_in_the_order_of_the_request(door: Doorway) -> None:
    """Each event has its own result, in order, with the reason and the field where there is one."""
    partly = purchase("4", consent={"advertising": True, "vendors": {"meta": True, "google_ads": False}})
    said = [purchase("1"), refused("2"), purchase("3", order={"value": "x", "currency": "EUR"}), partly, purchase("1"), 7]
    answer = await door.post({"events": said})
    assert answer.status == 202
    assert answer.results == [
        {"event_id": "1", "status": "accepted", "destinations": ALL},
        {
            "event_id": "2",
            "status": "refused",
            "reason": "advertising_denied",
            "refused_destinations": dict.fromkeys(ALL, "advertising_denied"),
        },
        {"event_id": "3", "status": "invalid", "reason": "bad_format", "field": "order.value"},
        {
            "event_id": "4",
            "status": "accepted",
            "destinations": ["meta", "pinterest"],
            "refused_destinations": {"google_ads": "vendor_denied"},
        },
        {"event_id": "1", "status": "duplicate"},
        {"event_id": None, "status": "invalid", "reason": "wrong_type", "field": "event"},
    ]


async def test_a_refusal_stores_nothing_of_the_event(door: Doorway) -> None:
    """Without consent there is nothing for any courier."""
    answer = await door.post(
        {"events": [refused(), purchase("2", consent=None), purchase("3", consent={"advertising": "yes"})]}
    )
    assert [result["reason"] for result in answer.results] == ["advertising_denied", "no_consent", "advertising_invalid"]
    assert await door.stored() == []
    assert door.waiting().waiting == 0


async def test_an_event_that_identifies_nobody_is_refused(door: Doorway) -> None:
    """With consent but without anything that a platform could match: `no_identity`, before it is stored."""
    answer = await door.post(purchase(customer=None))
    assert answer.results[0]["status"] == "refused"
    assert answer.results[0]["reason"] == "no_identity"
    assert answer.results[0]["refused_destinations"] == dict.fromkeys(ALL, "no_identity")


async def test_an_event_of_somebody_who_withdrew_is_refused(door: Doorway) -> None:
    """The store says so in the transaction that would have accepted it; a grant of a later date is heard."""
    await door.post(purchase("1"))
    event = await door.only()
    assert event.email is not None
    await door.outbox.withdraw(SHOP, Person(event.email.distinct()), NOW - 50)
    newer = purchase("3", consent={"advertising": True, "given_at": NOW - 20})
    answer = await door.post({"events": [purchase("2"), newer]})
    assert answer.results == [
        {
            "event_id": "2",
            "status": "refused",
            "reason": "withdrawn",
            "refused_destinations": dict.fromkeys(ALL, "withdrawn"),
        },
        {"event_id": "3", "status": "accepted", "destinations": ALL},
    ]
    assert door.metric("events_total", status="refused", reason="withdrawn") == 1


async def test_a_server_says_the_visitors_address_and_agent(tmp_path: Path) -> None:
    """From servers the body's `client` counts; the connection's own address and agent do not."""
    async with doorway(tmp_path, FULL_AGENT) as door:
        client = {"ip": "203.0.113.77", "user_agent": "Visitor/1.0", "country": "FR"}
        await door.post(purchase(client=client), User_Agent="Server/9", X_Forwarded_For="198.51.100.9", Sec_GPC="1")
        event = await door.only()
        assert (event.ip, event.user_agent) == ("203.0.113.0", "Visitor/1.0")


async def test_five_hundred_events_and_no_more(door: Doorway) -> None:
    """500 events are one transaction; 501 are 413 and none is stored."""
    answer = await door.post({"events": [purchase(str(number)) for number in range(500)]})
    assert answer.status == 202
    assert len(answer.results) == 500
    assert is_error(await door.post({"events": [purchase(f"x{n}") for n in range(501)]}), 413, "too_many_events")
    assert len(await door.stored()) == 500


async def test_a_repeat_is_a_duplicate_also_within_a_request(door: Doorway) -> None:
    """(Storefront, event, id) is taken once in eight days; another event of the same id is another event."""
    assert statuses((await door.post({"events": [purchase(), purchase()]})).results) == ["accepted", "duplicate"]
    view = purchase(event="page_view", order=None)
    assert statuses((await door.post({"events": [purchase(), view]})).results) == ["duplicate", "accepted"]
    door.clock.pass_by(8 * 86_400 + 1)
    later = purchase(occurred_at=int(door.clock.wall))
    assert statuses((await door.post(later)).results) == ["accepted"]


async def test_a_repeat_with_other_content_is_counted_and_never_applied(door: Doorway) -> None:
    """The first content stays, at every destination, and the metric tells that somebody sent another."""
    await door.post(purchase())
    answer = await door.post(purchase(order={"value": "1.00", "currency": "EUR"}))
    assert statuses(answer.results) == ["duplicate"]
    event = await door.only()
    assert event.money is not None
    assert event.money.text == "129.90"
    assert (await door.book()).differing_repeats == 1
    assert door.metric("differing_repeats_total", storefront="shop") == 1
    await door.post(purchase())
    assert door.metric("differing_repeats_total") == 1


# ── servers: what can be read ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("body", [b"", b"{", b"nul", b"\xff\xfe{}", b'{"event": NaN', b"{}{}"])
async def test_what_is_no_json_is_400(door: Doorway, body: bytes) -> None:
    """An unreadable body is one error, and nothing is counted as an event."""
    assert is_error(await door.post(body), 400, "not_json")
    assert (await door.book()).received == {}


@pytest.mark.parametrize("body", [[], "text", 1, None, {"events": []}, {"events": {}}, {"events": None}])
async def test_json_that_is_no_event_is_400(door: Doorway, body: Any) -> None:
    """Only an event or a list of events under `events` is one."""
    assert is_error(await door.post(body), 400, "not_an_event")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/octet-stream", "text/json", ""]
)
async def test_other_content_types_are_415(door: Doorway, kind: str) -> None:
    """Servers say that they send JSON."""
    assert is_error(await door.post(purchase(), Content_Type=kind), 415, "content_type")


async def test_no_content_type_is_415(door: Doorway) -> None:
    """A body that does not say what it is, is not guessed at."""
    given = {"Authorization": f"Bearer {door.installation.secret_key}"}
    assert is_error(await door.ask("POST", "/v1/events", as_bytes(purchase()), **given), 415, "content_type")


async def test_a_charset_beside_json_is_fine(door: Doorway) -> None:
    """Many libraries add one."""
    assert (await door.post(purchase(), Content_Type="Application/JSON; charset=utf-8")).status == 202


@pytest.mark.parametrize("encoding", ["deflate", "br", "zstd", "gzip, gzip", "x-unknown"])
async def test_other_encodings_are_415(door: Doorway, encoding: str) -> None:
    """Only gzip is undone; browsers may not compress at all."""
    packed = zlib.compress(as_bytes(purchase()))
    assert is_error(await door.post(packed, Content_Encoding=encoding), 415, "content_encoding")
    assert is_error(await door.collect(packed, Content_Encoding=encoding), 415, "content_encoding")
    assert is_error(await door.collect(gzip.compress(as_bytes(purchase())), Content_Encoding="gzip"), 415, "content_encoding")


# ── servers: how much ────────────────────────────────────────────────────────────────────────────────────────────


async def test_too_much_is_429_with_a_jittered_retry_after(tmp_path: Path) -> None:
    """Events count, not requests; who waits as long as asked is let in; the wait differs between callers."""
    async with doorway(tmp_path, BURST) as door:
        assert (await door.post({"events": [purchase(str(n)) for n in range(20)]})).status == 202
        waits = set()
        for _ in range(30):
            answer = await door.post(purchase("x"))
            assert is_error(answer, 429, "too_many_requests")
            waits.add(answer.retry_after)
        assert min(waits) >= 1
        assert len(waits) > 1
        assert len(await door.stored()) == 20
        door.clock.pass_by(max(waits))
        assert (await door.post(purchase("x"))).status == 202


async def test_a_batch_beyond_the_rate_is_refused_whole(tmp_path: Path) -> None:
    """A batch that does not fit stores none of its events."""
    async with doorway(tmp_path, BURST) as door:
        assert (await door.post({"events": [purchase(str(n)) for n in range(15)]})).status == 202
        assert is_error(await door.post({"events": [purchase(f"x{n}") for n in range(15)]}), 429, "too_many_requests")
        assert len(await door.stored()) == 15


@pytest.mark.parametrize("events", [20, 21, 22, 500])
async def test_a_batch_that_no_bucket_holds_is_taken_when_it_is_full_and_owed(tmp_path: Path, events: int) -> None:
    """Whoever repeats it as asked is let in once, and what comes next waits until it is paid off."""
    async with doorway(tmp_path, BURST) as door:
        assert (await door.post(purchase("before"))).status == 202
        batch = {"events": [purchase(str(n)) for n in range(events)]}
        refused_first = await door.post(batch)
        assert is_error(refused_first, 429, "too_many_requests")
        door.clock.pass_by(refused_first.retry_after)
        assert (await door.post(batch)).status == 202
        door.clock.pass_by((events - 20) / 10)
        assert is_error(await door.post(purchase("after")), 429, "too_many_requests")
        door.clock.pass_by(0.2)
        assert (await door.post(purchase("after"))).status == 202


# ── browsers: who is asking ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_browsers_event_is_taken(door: Doorway) -> None:
    """204, empty, readable for the storefront's page and for nobody else."""
    answer = await door.collect(purchase())
    assert (answer.status, answer.body) == (204, b"")
    assert is_quiet(answer)
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert answer.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert (await door.only()).event_id == "1001"


@pytest.mark.parametrize("kind", ["text/plain;charset=UTF-8", "application/json", "application/x-www-form-urlencoded", "", "x"])
async def test_any_content_type_or_none_is_taken(door: Doorway, kind: str) -> None:
    """`sendBeacon` sends text, a form, a blob of any type, or none: the content type is not looked at."""
    assert (await door.collect(purchase("1"), Content_Type=kind)).status == 204
    assert (await door.collect(purchase("2"))).status == 204
    assert {event.event_id for event in await door.stored()} == {"1", "2"}


@pytest.mark.parametrize("said", [
    refused(), purchase(consent=None), purchase(event_id="not an id"), 7, {"events": []}, {"events": [{}] * 501},
    b"", b"{", b"\xff", b'{"a": 1, "a": 2}', b"k=v&x=y",
])  # fmt: skip
async def test_a_page_learns_nothing_of_what_became_of_its_event(door: Doorway, said: Any) -> None:
    """Refused, invalid or unreadable: the very same answer as for an accepted one."""
    taken, other = await door.collect(purchase("good")), await door.collect(said)
    told = [(answer.status, answer.body, {k: v for k, v in answer.headers.items() if k != "Date"}) for answer in (taken, other)]
    assert told[0] == told[1]
    assert [event.event_id for event in await door.stored()] == ["good"]


async def test_what_a_browser_sends_unreadable_is_counted(door: Doorway) -> None:
    """Nothing that was received is missing in the books."""
    await door.collect(b"{")
    assert dict((await door.book()).received) == {(Source.COLLECT, None, Status.INVALID, Fault.BAD_FORMAT): 1}
    assert door.metric("events_total", source="collect", event="none", status="invalid", reason="bad_format") == 1


async def test_a_preflight_allows_what_a_page_needs_and_no_more(door: Doorway) -> None:
    """POST with a content type, from the storefront's own pages, remembered for a day, without credentials."""
    target = f"/v1/collect?k={door.installation.publishable_key}"
    asking = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "content-type"}
    answer = await door.ask("OPTIONS", target, Origin=ORIGIN, **asking)
    assert (answer.status, answer.body) == (204, b"")
    cors = {name: value for name, value in answer.headers.items() if name.startswith("Access-Control")}
    assert cors == {
        "Access-Control-Allow-Origin": ORIGIN,
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Allow-Headers": "content-type",
        "Access-Control-Max-Age": "86400",
    }
    assert is_error(await door.ask("OPTIONS", target, Origin="https://other.example", **asking), 403, "unknown_origin")
    assert is_error(await door.ask("OPTIONS", "/v1/collect?k=x", Origin=ORIGIN, **asking), 403, "unknown_key")


async def test_every_answer_after_the_origin_is_known_can_be_read_by_the_page(tmp_path: Path) -> None:
    """Errors carry the CORS headers too, and let the page's script read how long to wait."""
    async with doorway(tmp_path, BURST) as door:
        answers = [await door.collect(b" " * (COLLECT_BYTES + 1)), await door.collect(purchase(), Content_Encoding="deflate")]
        answers += [await door.collect(purchase(str(n))) for n in range(20)]
        assert {answer.status for answer in answers} == {204, 413, 415, 429}
        assert all(answer.headers["Access-Control-Allow-Origin"] == ORIGIN for answer in answers)
        assert all(answer.headers["Access-Control-Expose-Headers"] == "Retry-After" for answer in answers)
        assert "Retry-After" in answers[-1].headers


# ── browsers: what is read ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_browser_may_send_64_kib(door: Doorway) -> None:
    """As much as `sendBeacon` takes; one byte more is 413."""
    exactly = as_bytes(purchase()).ljust(COLLECT_BYTES)
    assert (await door.collect(exactly)).status == 204
    assert is_error(await door.collect(exactly + b" "), 413, "body_too_large")


@pytest.mark.parametrize(("said", "heard"), [("1", True), ("0", False), ("", False), ("true", False), ("0, 1", True)])
async def test_global_privacy_control_is_heard_in_the_header(door: Doorway, said: str, heard: bool) -> None:
    """`Sec-GPC: 1` refuses everything, whatever the body says; nothing else does."""
    await door.collect(purchase(), Sec_GPC=said)
    assert [event.event_id for event in await door.stored()] == ([] if heard else ["1001"])
    assert door.metric("events_total", reason=Refusal.GPC.value) == int(heard)


async def test_undeclared_fields_are_counted_by_closed_names(door: Doorway) -> None:
    """Names that shops often send are counted as such; any other counts as `other`, since a name can be data too."""
    said = purchase(phone="123", customer={"email": "jane@example.com", "first_name": "Jane", CANARY: 1}) | {CANARY: 2}
    await door.collect(said)
    await door.post(purchase("2", phone="456"))
    counted = {name: door.metric("unknown_fields_total", object=name) for name in ("event.phone", "customer.first_name")}
    assert counted == {"event.phone": 2, "customer.first_name": 1}
    assert door.metric("unknown_fields_total", object="event.other") == 1
    assert door.metric("unknown_fields_total", object="customer.other") == 1
    assert CANARY.encode() not in door.metrics.text()


# ── browsers: how much ───────────────────────────────────────────────────────────────────────────────────────────


async def test_one_network_cannot_use_up_what_others_share(tmp_path: Path) -> None:
    """A script in one /24 is held back by its own limit; visitors elsewhere are still served."""
    async with doorway(
        tmp_path, PROXIES, ("burst = 1000000", "burst = 300"), ("events_per_second = 1000000", "events_per_second = 10")
    ) as door:
        script = [await door.collect(refused(str(n)), X_Forwarded_For=f"203.0.113.{n % 250}") for n in range(600)]
        counts = {status: sum(answer.status == status for answer in script) for status in (204, 429)}
        assert counts == {204: 200, 429: 400}
        assert (await door.collect(purchase("visitor"), X_Forwarded_For="198.51.100.7")).status == 204
        assert [event.event_id for event in await door.stored()] == ["visitor"]


async def test_a_network_waits_as_long_as_it_is_asked_to(tmp_path: Path) -> None:
    """The limit of a network is a bucket that fills up again, and its waits are jittered."""
    async with doorway(tmp_path, PROXIES) as door:
        answers = [await door.collect(refused(str(n)), X_Forwarded_For="2001:db8:1:2::3") for n in range(215)]
        waits = {answer.retry_after for answer in answers if answer.status == 429}
        assert len(waits) > 1
        door.clock.pass_by(max(waits))
        assert (await door.collect(refused(), X_Forwarded_For="2001:db8:1:2:ffff::3")).status == 204


@pytest.mark.parametrize("events", [200, 201, 202, 500])
async def test_a_pages_batch_that_no_network_may_send_at_once_is_taken_and_owed(tmp_path: Path, events: int) -> None:
    """Whoever repeats it as asked is let in once; until it is paid off the network waits, and nobody else does."""
    async with doorway(tmp_path, PROXIES) as door:
        batch = {"events": [{"event": "page_view", "event_id": str(n), "occurred_at": NOW} for n in range(events)]}
        assert (await door.collect(refused(), X_Forwarded_For="203.0.113.7")).status == 204
        early = await door.collect(batch, X_Forwarded_For="203.0.113.7")
        assert is_error(early, 429, "too_many_requests")
        door.clock.pass_by(early.retry_after)
        assert (await door.collect(batch, X_Forwarded_For="203.0.113.7")).status == 204
        door.clock.pass_by((events - 200) / 20)
        assert is_error(await door.collect(refused(), X_Forwarded_For="203.0.113.8"), 429, "too_many_requests")
        assert (await door.collect(refused(), X_Forwarded_For="198.51.100.7")).status == 204
        door.clock.pass_by(0.1)
        assert (await door.collect(refused(), X_Forwarded_For="203.0.113.8")).status == 204


async def test_a_browsers_events_count_one_by_one(tmp_path: Path) -> None:
    """A network's limit cannot be evaded by putting many events into each request."""
    async with doorway(tmp_path, PROXIES) as door:
        batch = {"events": [{"event": "page_view", "event_id": str(n), "occurred_at": NOW} for n in range(150)]}
        answers = [await door.collect(batch, X_Forwarded_For="203.0.113.7") for _ in range(3)]
        assert [answer.status for answer in answers] == [204, 429, 429]


# ── when nothing can be taken ────────────────────────────────────────────────────────────────────────────────────


async def test_a_full_store_is_503_and_stores_nothing(tmp_path: Path) -> None:
    """Before the store is full, both doors say 503 `store_full` with a jittered wait; what was accepted is all there."""
    async with doorway(tmp_path, max_bytes="1MiB") as door:
        accepted = 0
        while (answer := await door.post({"events": [purchase(f"{accepted}-{n}") for n in range(500)]})).status == 202:
            accepted += len(answer.results)
        assert is_error(answer, 503, "store_full")
        assert 500 <= accepted == door.waiting().waiting
        answers = [await door.post(purchase("x")) for _ in range(20)] + [await door.collect(purchase("x"))]
        assert all(is_error(answer, 503, "store_full") for answer in answers)
        assert len({answer.retry_after for answer in answers}) > 1
        assert all(5 <= answer.retry_after <= 30 for answer in answers)
        assert door.waiting().waiting == accepted
        book = await door.book()
        assert sum(book.received.values()) == accepted


async def test_a_stopping_gateway_is_503_and_stores_nothing(door: Doorway) -> None:
    """Once the doors are closed, both say 503 `stopping` before reading a body; health is still answered."""
    door.intake.close()
    for answer in (await door.post(purchase()), await door.collect(purchase())):
        assert is_error(answer, 503, "stopping")
        assert answer.retry_after >= 1
    assert (await door.ask("GET", "/healthz")).status == 200
    assert await door.stored() == []


async def test_a_store_that_closes_under_a_request_is_503(door: Doorway) -> None:
    """A request that was let in and comes too late for the store is told that nothing was stored."""
    reached = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b" "
        reached.set()
        await door.outbox.close()
        yield as_bytes(purchase())

    given = {"Authorization": f"Bearer {door.installation.secret_key}", "Content_Type": "application/json"}
    answer = await door.ask("POST", "/v1/events", body(), **given)
    assert reached.is_set()
    assert is_error(answer, 503, "stopping")


# ── everything else ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_health_is_answered(door: Doorway) -> None:
    """`GET /healthz` says that the listener answers, and needs no key."""
    answer = await door.ask("GET", "/healthz")
    assert (answer.status, answer.body) == (200, b"ok\n")


@pytest.mark.parametrize("path", ["/healthz", "/tag.js"])
async def test_head_tells_of_what_can_be_fetched(door: Doorway, path: str) -> None:
    """What GET would answer, but for the body; the connection can be used on."""
    fetched, told = await door.ask("GET", path), await door.ask("HEAD", path)
    assert (told.status, told.body) == (200, b"")
    assert {**told.headers, "Date": ""} == {**fetched.headers, "Date": ""}
    assert (await door.ask("GET", path)).body == fetched.body


@pytest.mark.parametrize(("method", "path", "allowed"), [
    ("GET", "/v1/events", "POST"), ("PUT", "/v1/events", "POST"), ("OPTIONS", "/v1/events", "POST"),
    ("TRACE", "/v1/events", "POST"), ("GET", "/v1/collect", "POST, OPTIONS"), ("DELETE", "/healthz", "GET, HEAD"),
    ("PUT", "/tag.js", "GET, HEAD"),
])  # fmt: skip
async def test_another_method_is_405(door: Doorway, method: str, path: str, allowed: str) -> None:
    """A known path by another method says which it takes."""
    answer = await door.ask(method, path)
    assert is_error(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == allowed


@pytest.mark.parametrize(
    "path", ["/", "/metrics", "/readyz", "/livez", "/api/v1/accounts?storefront=shop", "/v1/events/", "/V1/events"]
)
async def test_there_is_nothing_else_on_the_public_listener(door: Doorway, path: str) -> None:
    """What is private is not reachable from outside, nor is anything near a route."""
    assert is_error(await door.ask("GET", path), 404, "not_found")


async def test_requests_are_counted_by_route_and_status(door: Doorway) -> None:
    """Paths that do not exist count as `other`, never by the name that was asked for."""
    await door.post(purchase())
    await door.ask("GET", f"/{CANARY}")
    await door.ask("GET", "/v1/events")
    assert door.metric("requests_total", route="/v1/events", status="202") == 1
    assert door.metric("requests_total", route="/v1/events", status="405") == 1
    assert door.metric("requests_total", route="other", status="404") == 1
    assert CANARY.encode() not in door.metrics.text()


@pytest.mark.parametrize("broken", ["decode", "_accepted"])
async def test_a_bug_is_counted_as_what_it_is_answered_as(door: Doorway, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """Whoever watches the answers must see the worst of them, whichever way the request took."""

    def raising(*_: object) -> NoReturn:
        raise LookupError(CANARY)

    monkeypatch.setattr(front_door, broken, raising)
    assert is_error(await door.post(purchase()), 500, "internal_error")
    assert is_error(await door.post(purchase(), Expect="100-continue"), 500, "internal_error")
    assert door.metric("requests_total", route="/v1/events", status="500") == 2
    assert door.metric("requests_total", route="/v1/events") == 2


@pytest.mark.parametrize("said", [
    CANARY.encode(), f'{{"{CANARY}": 1}}'.encode(), purchase(CANARY), {"events": CANARY},
    purchase(order={"value": CANARY, "currency": CANARY}), purchase(event=CANARY),
    purchase(consent={"advertising": CANARY}), purchase(consent={CANARY: CANARY}),
])  # fmt: skip
async def test_no_answer_repeats_what_was_said(door: Doorway, said: Any) -> None:
    """An error names a rule and a field of ours, never the input."""
    answers = [
        await door.post(said),
        await door.collect(said),
        await door.post(said, key=CANARY),
        await door.collect(said, key=CANARY),
    ]
    answers += [await door.ask("GET", f"/{CANARY}"), await door.post(said, Content_Type=f"text/{CANARY}")]
    for answer in answers:
        assert CANARY not in answer.body.decode()
        assert CANARY not in str(answer.headers)


def test_every_path_has_its_methods() -> None:
    """The table of routes is what the documentation is held against."""
    ours = {"/v1/events", "/v1/collect", "/v1/consent", "/v1/consent/withdraw", "/healthz", "/tag.js"}
    platforms = {f"/v1/{name}/webhooks" for name in ("shopify", "woocommerce", "prestashop")}
    assert {path for _, path in ROUTES} == ours | platforms | {"/g/collect", "/mp/collect", "/data"}


@given(
    st.lists(st.sampled_from(tuple(Destination)), unique=True, min_size=1).map(tuple),
    st.text("aZ0_.:-", min_size=1, max_size=64).filter(EventId.PATTERN.fullmatch),
)
def test_the_commonest_result_is_written_as_json_would_be(allowed: tuple[Destination, ...], event_id: str) -> None:
    """Put together from pieces, it is what a JSON writer makes of the same members, those left out among them."""
    refused = tuple((d, Refusal.NO_EXPLICIT_GRANT) for d in Destination if d not in allowed)
    raw = RawEvent(kind=Kind.PURCHASE, event_id=EventId(event_id), occurred_at=1)
    event = Minimised(kind=raw.kind, event_id=raw.event_id, occurred_at=1, destinations=allowed, consent_at=1)
    trace = Trace(Status.ACCEPTED, "r", (), allowed, refused, 0)
    entry = Accept(StorefrontId("shop"), Source.EVENTS, event, trace, 1)
    wanted: dict[str, Any] = {"event_id": event_id, "status": "accepted", "destinations": list(allowed)}
    if refused:
        wanted["refused_destinations"] = {destination.value: why for destination, why in refused}
    assert results_of([raw], [entry], [Status.ACCEPTED]) == orjson.dumps({"results": [wanted]})
    assert results_of([raw] * 2, [entry] * 2, [Status.ACCEPTED, Status.DUPLICATE]) == orjson.dumps(
        {"results": [wanted, {"event_id": event_id, "status": "duplicate"}]}
    )


# ── a request that comes whole, and one that comes in parts ──────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "sent",
    [
        ("key", [], as_bytes(purchase("1"))),
        ("key", [], as_bytes({"events": [purchase("1"), refused("2"), purchase("1"), 7]})),
        ("key", [], as_bytes(purchase("1", undeclared=1))),
        ("key", [], as_bytes(purchase("1", consent={"receipt": "nobody-knows-it"}))),
        ("key", [], b"{"),
        ("key", [], b"[]"),
        ("key", [], b" " * ((1 << 20) + 1)),
        ("key", ["Content-Encoding: gzip"], gzip.compress(as_bytes(purchase("1")))),
        ("key", ["Content-Encoding: compress"], as_bytes(purchase("1"))),
        ("wrong", [], as_bytes(purchase("1"))),
    ],
    ids=["event", "batch", "undeclared", "citing", "no JSON", "no event", "large", "gzip", "unreadable encoding", "stranger"],
)
async def test_a_request_that_comes_whole_is_answered_as_one_that_comes_in_parts(
    sent: tuple[str, list[str], bytes], tmp_path: Path
) -> None:
    """Same status, same headers, same body, and the same is counted and stored."""
    key, more, body = sent
    found = []
    for number, parts in enumerate((1, 2)):
        (folder := tmp_path / str(number)).mkdir()
        async with doorway(folder) as door, connected(int(door.url.rpartition(":")[2])) as wire:
            given = door.installation.secret_key if key == "key" else f"sk_s1_{'x' * 43}"
            headers = [f"Authorization: Bearer {given}", "Content-Type: application/json", *more]
            said = request("POST", "/v1/events", headers, body)
            await wire.say(said if parts == 1 else said[:-1])
            if parts == 2:
                await asyncio.sleep(0.02)
                await wire.say(said[-1:])
            heard = await wire.answer()
            plain = re.sub(rb"(Date|Retry-After): .*?\r\n", b"", heard.said)
            counted = [
                line
                for line in door.metrics.text().decode().splitlines()
                if "requests_total{" in line or "events_total{" in line
            ]
            found.append((plain, sorted(counted), await door.stored()))
    assert found[0] == found[1]


EVENT: Final = as_bytes(purchase("1"))
POST: Final = "POST /v1/events HTTP/1.1"
CHUNKED: Final = "Transfer-Encoding: chunked"
CHUNKS: Final = b"%x\r\n%b\r\n0\r\n\r\n" % (len(EVENT), EVENT)
TYPE: Final = "Content-Type: application/json"
KEY: Final = "Authorization: Bearer KEY"
HEALTH: Final = request("GET", "/healthz")
NOWHERE: Final = request("POST", "/nowhere", body=b"x" * 50_000)


def said(
    *more: str,
    line: str = POST,
    host: str = "Host: x",
    key: str = KEY,
    type_: str = TYPE,
    length: str | None = None,
    body: bytes = EVENT,
) -> bytes:
    """Write a request as somebody might; what is empty is left out."""
    sized = f"Content-Length: {len(body)}" if length is None else length
    return "\r\n".join([*filter(None, (line, host, key, type_, *more, sized)), "", ""]).encode("latin-1") + body


ODD: Final[Mapping[str, tuple[bytes, ...]]] = {
    "one behind the other": (said(), said(body=b"{"), said()),
    "several at once": (said() + said(body=b"{") + said(),),
    "routes by turns": (said() + HEALTH + said() + NOWHERE + said(),),
    "routes by turns while it is stored": (said(), HEALTH, said(), HEALTH),
    "forty at once": (said() * 40,),
    "forty, each in parts": tuple(part for _ in range(40) for part in (said()[:60], said()[60:])),
    "a line behind the body": (said() + b"\r\n", said()),
    "a line before": (b"\r\n" + said(),),
    "byte by byte": tuple(bytes([byte]) for byte in said(body=b"{}")),
    "length too short": (said(length=f"Content-Length: {len(EVENT) - 1}"),),
    "length too short, apart": (said(length=f"Content-Length: {len(EVENT) - 1}")[:-1], b"}" + said()),
    "no length": (said(length="X: y", body=b""),),
    "length of nothing": (said(body=b""), said()),
    "length with a sign": (said(length="Content-Length: +5"),),
    "lengths in one": (said(length="Content-Length: 5, 5"),),
    "the same length twice": (said("Content-Length: 5", body=b"hello"),),
    "two lengths": (said("Content-Length: 4", body=b"hello"),),
    "length with zeros": (said(length=f"Content-Length:  00{len(EVENT)} "),),
    "length of 64 bits": (said(length="Content-Length: 18446744073709551615"),),
    "length of one bit less": (said(length="Content-Length: 18446744073709551614", body=b""),),
    "length beyond": (said(length="Content-Length: 18446744073709551616"),),
    "length below": (said(length="Content-Length: -1"),),
    "large": (said(body=b" " * (1 << 20) + b"1"),),
    "chunks": (said(CHUNKED, length="X: y", body=CHUNKS),),
    "chunks twice": (said(CHUNKED, length="X: y", body=CHUNKS) * 2,),
    "chunks with trailers": (said(CHUNKED, length="X: y", body=CHUNKS[:-2] + b"X: y\r\n\r\n"), said()),
    "chunks and length": (said(CHUNKED, body=CHUNKS),),
    "chunks that are none": (said(CHUNKED, length="X: y", body=b"5\r\nhello\r\nzz\r\n"),),
    "chunks that are none, apart": (said(CHUNKED, length="X: y", body=b"5\r\nhello\r\n"), b"zz\r\n"),
    "chunks in capitals": (said(CHUNKED.upper(), length="X: y", body=CHUNKS),),
    "another coding": (said("Transfer-Encoding: gzip"),),
    "chunks of HTTP/1.0": (said(CHUNKED, line="POST /v1/events HTTP/1.0", length="X: y", body=CHUNKS),),
    "HTTP/1.0": (said(line="POST /v1/events HTTP/1.0"),),
    "HTTP/1.0 that stays": (said("Connection: keep-alive", line="POST /v1/events HTTP/1.0"), said()),
    "HTTP/1.2": (said(line="POST /v1/events HTTP/1.2"),),
    "asks first": (said("Expect: 100-continue"),),
    "asks first, and waits": (said("Expect: 100-continue")[: -len(EVENT)], EVENT, said()),
    "closes": (said("Connection: close"), said()),
    "closes, with a line behind": (said("Connection: close") + b"\r\n",),
    "closes, and goes on": (said("Connection: close") + said(),),
    "stays": (said("Connection: keep-alive"), said()),
    "no host": (said(host=""),),
    "two hosts": (said("Host: y"),),
    "absolute": (said(line="POST http://x/v1/events HTTP/1.1"),),
    "with a query": (said(line="POST /v1/events?x=1 HTTP/1.1"),),
    "with a fragment": (said(line="POST /v1/events#x HTTP/1.1"),),
    "escaped": (said(line="POST /v1/%65vents HTTP/1.1"),),
    "two slashes": (said(line="POST //v1/events HTTP/1.1"),),
    "other methods": (said(line="PUT /v1/events HTTP/1.1"), said(line="GET /v1/events HTTP/1.1"), said()),
    "a method in small letters": (said(line="post /v1/events HTTP/1.1"),),
    "a type with a charset": (said(type_=f"{TYPE}; charset=utf-8"), said(type_="Content-Type: Application/JSON")),
    "two types": (said("Content-Type: text/plain"),),
    "another type": (said(type_="Content-Type: text/plain"), said(type_=""), said()),
    "no key, a wrong one": (said(key=""), said(key="Authorization: Bearer \xe9"), said(key="Authorization: Basic KEY")),
    "two keys": (said("Authorization: Bearer no"), said(KEY, key="Authorization: Bearer no")),
    "a key in other letters": (said(key="aUTHORIZATION: bEARER   KEY"),),
    "folded": (said("X: a\r\n b"),),
    "lines of LF": (said().replace(b"\r\n", b"\n"),),
    "a lone LF": (said("X: a\nY: b"),),
    "a lone CR": (said("X: a\rY: b"),),
    "a NUL": (said("X: a\0b"),),
    "a space before the colon": (said("X : a"),),
    "no name": (said(": a"),),
    "no colon": (said("abc"),),
    "a long header": (said(f"X: {'a' * 8000}"), said(f"X: {'a' * 9000}")),
    "many headers": (said(*(f"X{number}: a" for number in range(100))), said(*(f"X{number}: a" for number in range(200)))),
    "gzip that is none": (said("Content-Encoding: gzip"), said()),
    "an unknown coding": (said("Content-Encoding: br"), said()),
    "an empty coding": (said("Content-Encoding:"), said()),
    "another protocol": (said("Connection: Upgrade", "Upgrade: websocket") + said(),),
    "another protocol, unknown": (said("Connection: Upgrade", "Upgrade: h2c"), said()),
    "garbage": (b"garbage\r\n\r\n",),
    "garbage behind": (said() + b"garbage\r\n\r\n",),
    "garbage behind, later": (said(), b"garbage\r\n\r\n"),
}
"""What arrives in one read each, unless the system puts it together."""


async def heard_of_odd(folder: Path, *, direct: bool) -> dict[str, Heard]:
    """Say each on a connection of its own, close this side, and hear what comes back."""
    found = {}
    async with doorway(folder, direct=direct) as door:
        key = door.installation.secret_key.encode()
        for name, parts in ODD.items():
            async with connected(int(door.url.rpartition(":")[2])) as wire:
                await wire.say(*(part.replace(b"KEY", key) for part in parts), pause=0.01 if len(parts) < 10 else 0.0)
                with suppress(OSError):
                    wire.writer.write_eof()
                found[name] = await wire.hear()
    return found


async def test_whatever_comes_is_answered_alike_both_ways(tmp_path: Path) -> None:
    """Taken as it is, or by aiohttp's own way: the same answers in the same order, and then the end; nobody waits for more."""
    taken, handled = [await heard_of_odd(tmp_path / str(direct), direct=direct) for direct in (True, False)]
    for name in ODD:
        assert (taken[name].closed, handled[name].closed) == (True, True), name
        assert DATED.sub(b"", taken[name].said) == DATED.sub(b"", handled[name].said), name


DATED: Final = re.compile(rb"(Date|Retry-After|Connection): .*?\r\n")
"""What differs with the moment: who closes its side before its answer is written is told so in some."""
