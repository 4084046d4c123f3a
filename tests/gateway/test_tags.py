"""What others' tags send, over a real socket: who is heard, what is answered, and what is in the store by then."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest

from gateway.intake.front_door import COLLECT_BYTES, EVENTS_BYTES
from gateway.model.words import Destination, Fault, Kind, Refusal, Source, Status
from tests.config.test_openapi import described, validator
from tests.doorway import BURST, NOW, PROXIES, Answer, Doorway, doorway, is_error, is_quiet, purchase
from tests.live import ORIGIN

TID: Final = "G-ABCD1234"
IDS: Final = (
    'origins = ["https://shop.example"]',
    f'origins = ["https://shop.example"]\nmeasurement_ids = ["{TID}", "GT-XY12345"]',
)
GRANTED: Final = "13r3r3r3r5l1"
DEFAULTS: Final = "13t3t3t3t5l1"
GOOGLE: Final = Destination.GOOGLE_ADS
CANARY: Final = "canary-7f3a"


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Doorway]:
    """An open door of a storefront with two measurement ids."""
    async with doorway(tmp_path, IDS) as opened:
        yield opened


def target(**changes: str | None) -> str:
    """The path and query of a purchase with the visitor's own yes, with parameters replaced; `__` stands for a dot."""
    good: dict[str, str | None] = {
        "v": "2",
        "tid": TID,
        "_p": "1768476420055",
        "_s": "1",
        "cid": "315691213.1760240992",
        "gcs": "G111",
        "gcd": GRANTED,
        "en": "purchase",
        "cu": "EUR",
        "epn.value": "129.9",
        "ep.transaction_id": "1001",
        "em": "tv.1~em.jIe0ic41zy4vOfgOKCyy6ASTKlaiE5g-7rQoQH1DtS0",
        "dl": "https://shop.example/thanks",
    }
    said = good | {name.replace("__", "."): value for name, value in changes.items()}
    return "/g/collect?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in said.items() if value is not None)


async def tag(door: Doorway, where: str, body: bytes = b"", method: str = "POST", **headers: str) -> Answer:
    """Send what the tag sends from a page of the shop."""
    return await door.ask(method, where, body, **{"Origin": ORIGIN, "Content_Type": "text/plain;charset=UTF-8"} | headers)


def is_silent(answer: Answer, *, heard: bool) -> bool:
    """Say whether an answer is an empty 204, with leave for the page to read it exactly where it is `heard`."""
    assert (answer.status, answer.body) == (204, b"")
    allowed = answer.headers.get("Access-Control-Allow-Origin"), answer.headers.get("Access-Control-Allow-Credentials")
    assert allowed == ((ORIGIN, "true") if heard else (None, None))
    assert "Set-Cookie" not in answer.headers
    return is_quiet(answer)


# ── the tag: what is taken ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_purchase_goes_to_google_alone(door: Doorway, method: str) -> None:
    """With the visitor's own yes, by either method; it is in the store before the answer."""
    assert is_silent(await tag(door, target(), method=method), heard=True)
    event = await door.only(GOOGLE)
    assert (event.event_id, event.kind, event.money and event.money.text) == ("1001", Kind.PURCHASE, "129.90")
    assert event.destinations == (GOOGLE,)
    assert await door.stored(Destination.META) == []
    assert dict((await door.book()).received) == {(Source.GTAG, Kind.PURCHASE, Status.ACCEPTED, ""): 1}


async def test_a_batch_is_one_transaction_and_every_line_is_accounted_for(door: Doorway) -> None:
    """What is taken, what is not, and what is refused, each once."""
    body = b"en=page_view\r\nen=scroll&epn.percent_scrolled=90\r\nen=add_to_cart&pr1=idSKU-7"
    assert is_silent(await tag(door, target(en=None), body), heard=True)
    assert sorted(event.kind for event in await door.stored(GOOGLE)) == [Kind.ADD_TO_CART, Kind.PAGE_VIEW]
    assert dict((await door.book()).received) == {
        (Source.GTAG, Kind.PAGE_VIEW, Status.ACCEPTED, ""): 1,
        (Source.GTAG, Kind.ADD_TO_CART, Status.ACCEPTED, ""): 1,
        (Source.GTAG, None, Status.INVALID, Fault.NOT_ONE_OF): 1,
    }
    assert door.metric("events_total", source="gtag", status="invalid", reason="not_one_of") == 1
    assert door.metric("unknown_fields_total", object="gtag.epn") == 1


async def test_a_repeat_is_the_same_event(door: Doorway) -> None:
    """What the tag sends again is a duplicate, and so is what the shop's server says of the same order."""
    for where in (target(), target(), target(en="page_view"), target(en="page_view")):
        assert is_silent(await tag(door, where), heard=True)
    answer = await door.post(purchase("1001"))
    assert answer.results == [{"event_id": "1001", "status": "duplicate"}]
    received = (await door.book()).received
    assert received[Source.GTAG, Kind.PURCHASE, Status.DUPLICATE, ""] == 1
    assert received[Source.GTAG, Kind.PAGE_VIEW, Status.DUPLICATE, ""] == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"gcs": "G100", "gcd": "13p3p3p3p5l1"}, Refusal.GCS_DENIED),
        ({"gcs": "G100"}, Refusal.GCS_DENIED),
        ({"gcd": DEFAULTS}, Refusal.NO_EXPLICIT_GRANT),
        ({"gcd": "new-form"}, Refusal.GCD_INVALID),
        ({"gcs": None, "gcd": None}, Refusal.NO_CONSENT_RECORD),
    ],
)
async def test_a_refusal_is_answered_as_a_permission_is(door: Doorway, changes: dict[str, str], reason: Refusal) -> None:
    """And leaves nothing behind but its place in the books."""
    assert is_silent(await tag(door, target(**changes)), heard=True)
    assert await door.stored(GOOGLE) == []
    assert dict((await door.book()).received) == {(Source.GTAG, Kind.PURCHASE, Status.REFUSED, reason): 1}


async def test_a_form_of_consent_that_nobody_knows_raises_a_metric(door: Doorway) -> None:
    """Google may change it without a word."""
    await tag(door, target(gcd="16X0"))
    assert door.metric("unreadable_signals_total", signal="gcd") == 1


async def test_global_privacy_control_is_heard(door: Doorway) -> None:
    """The browser's header wins over what the tag says."""
    assert is_silent(await tag(door, target(), Sec_GPC="1"), heard=True)
    assert (await door.book()).received[Source.GTAG, Kind.PURCHASE, Status.REFUSED, Refusal.GPC] == 1


async def test_a_record_of_the_same_client_counts(door: Doorway) -> None:
    """A page may keep a consent record under the tag's client id: then an event without an answer in it goes all the same."""
    yes = {"advertising": True, "receipt": "0123456789abcdef", "join": {"client_id": "315691213.1760240992"}}
    assert (await door.tell({"consent": yes})).status == 204
    assert is_silent(await tag(door, target(gcd=DEFAULTS)), heard=True)
    assert (await door.only(GOOGLE)).event_id == "1001"


async def test_who_withdraws_by_client_id_is_heard_no_more(door: Doorway) -> None:
    """What waits goes, and what comes is refused."""
    await tag(door, target(en="page_view"))
    assert len(await door.stored(GOOGLE)) == 1
    assert (await door.withdraw({"client_id": "315691213.1760240992"})).status == 200
    assert await door.stored(GOOGLE) == []
    assert is_silent(await tag(door, target()), heard=True)
    assert (await door.book()).received[Source.GTAG, Kind.PURCHASE, Status.REFUSED, Refusal.WITHDRAWN] == 1


async def test_address_and_country_are_the_connections(tmp_path: Path) -> None:
    """Through trusted proxies only; Google is told neither."""
    async with doorway(tmp_path, IDS, PROXIES) as door:
        yes = {"advertising": True, "receipt": "0123456789abcdef", "join": {"client_id": "315691213.1760240992"}}
        await door.tell({"consent": yes})
        await tag(door, target(em=None, _uip="198.51.100.9"), X_Forwarded_For="203.0.113.77")
        assert (await door.only(Destination.META)).ip == "203.0.113.0"


# ── the tag: who is heard ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("tid", [None, "", "G-OTHER123", "g-abcd1234", "G%2DABCD1234"])
async def test_an_id_that_no_storefront_has_is_answered_and_not_heard(door: Doorway, tid: str | None) -> None:
    """With the same 204, no word to the page, and a count for whoever runs the gateway."""
    for method in ("GET", "POST", "OPTIONS"):
        assert is_silent(await tag(door, target(tid=tid), method=method), heard=False)
    assert (await door.book()).received == {}
    assert door.metric("tag_strangers_total", reason="measurement_id") == 3


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://shop.example.evil.example", "http://shop.example"])
async def test_a_page_that_is_not_the_shops_is_answered_and_not_heard(tmp_path: Path, origin: str) -> None:
    """Credentials go to the registered origins alone, and to `null` never, whatever other routes allow."""
    null = ("measurement_ids", "allow_null_origin = true\nmeasurement_ids")
    async with doorway(tmp_path, IDS, null) as door:
        for method in ("GET", "POST", "OPTIONS"):
            assert is_silent(await tag(door, target(), method=method, Origin=origin), heard=False)
        assert (await door.book()).received == {}
        assert door.metric("tag_strangers_total", reason="origin") == 3


async def test_every_id_of_a_storefront_is_its_own(door: Doorway) -> None:
    """As many as it has."""
    await tag(door, target(tid="GT-XY12345"))
    assert len(await door.stored(GOOGLE)) == 1


async def test_a_page_of_the_same_host_is_known_by_what_the_browser_says(door: Doorway) -> None:
    """A browser names no origin when it gets something from the page's own host; an image of another page does neither."""
    for number, (site, host) in enumerate(
        [
            ("same-origin", "shop.example"),
            ("same-site", "shop.example"),
            ("cross-site", "shop.example"),
            ("", "shop.example"),
            ("same-origin", "evil.example"),
        ]
    ):
        await door.ask("GET", target(ep__transaction_id=f"{number}"), Host=host, Sec_Fetch_Site=site)
    assert [event.event_id for event in await door.stored(GOOGLE)] == ["0"]
    assert door.metric("tag_strangers_total", reason="origin") == 4


async def test_a_preflight_allows_what_the_tag_does(door: Doorway) -> None:
    """For a day, and for the page that asks alone."""
    answer = await tag(door, target(), method="OPTIONS")
    assert is_silent(answer, heard=True)
    allowed = {name: answer.headers[f"Access-Control-{name}"] for name in ("Allow-Methods", "Allow-Headers", "Max-Age")}
    assert allowed == {"Allow-Methods": "GET, POST", "Allow-Headers": "content-type", "Max-Age": "86400"}
    assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize("path", ["/g/collect/", "/x/g/collect", "/collect", "/j/collect", "/g/s/collect", "/debug/mp/collect"])
async def test_other_paths_of_googles_are_none_of_ours(door: Doorway, path: str) -> None:
    """A path in front of it is a reverse proxy's to take away."""
    assert is_error(await tag(door, target().replace("/g/collect", path)), 404, "not_found")


async def test_other_methods_are_told(door: Doorway) -> None:
    """Which ones there are."""
    answer = await tag(door, target(), method="PUT")
    assert is_error(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, POST, OPTIONS"
    assert (await door.ask("GET", "/mp/collect")).headers["Allow"] == "POST"


async def test_limits_are_those_of_every_browser(tmp_path: Path) -> None:
    """Too large, too many, wrongly packed: the page may read why, and nothing is stored."""
    async with doorway(tmp_path, IDS, BURST) as door:
        large = await tag(door, target(), b"x" * (COLLECT_BYTES + 1))
        assert is_error(large, 413, "body_too_large")
        assert large.headers["Access-Control-Allow-Credentials"] == "true"
        assert is_error(await tag(door, target(), b"x", Content_Encoding="gzip"), 415, "content_encoding")
        lines = b"\n".join(b"en=page_view&_s=%d" % number for number in range(20))
        assert is_error(await tag(door, target(en=None), lines), 429, "too_many_requests")
        assert (await door.book()).received == {}


async def test_a_full_store_says_so(door: Doorway) -> None:
    """503, with leave to read it; nothing was accepted."""
    door.intake.close()
    answer = await tag(door, target())
    assert is_error(answer, 503, "stopping")
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


async def test_no_answer_holds_anything_of_what_was_sent(door: Doorway) -> None:
    """Nor does the log, the metrics or the store."""
    said = dict.fromkeys(("uid", "dt", "dr", "ul", "_uip", "ep__email", "up__email", "eme", CANARY), CANARY)
    for where in (target(**said), target(**said, en=CANARY), target(**said, gcs=CANARY), target(**said, tid=CANARY)):
        answer = await tag(door, where, f"ep.x={CANARY}\nen={CANARY}".encode())
        assert CANARY not in f"{answer.headers}{answer.body!r}"
    assert CANARY not in door.log.getvalue()
    assert CANARY.encode() not in door.metrics.text()


# ── the Measurement Protocol ─────────────────────────────────────────────────────────────────────────────────────


async def measure(door: Doorway, said: Any, *, key: str | None = None, tid: str = TID, **headers: str) -> Answer:
    """Post to `/mp/collect` as a server."""
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    where = f"/mp/collect?measurement_id={tid}&api_secret={key or door.installation.secret_key}"
    return await door.ask("POST", where, body, **headers)


def measured(**changes: Any) -> dict[str, Any]:
    """A purchase in the protocol's words."""
    params = {"transaction_id": "1001", "value": 129.9, "currency": "EUR"}
    return {
        "client_id": "123.456",
        "timestamp_micros": NOW * 1_000_000,
        "user_data": {"sha256_email_address": ["8c87b489ce35cf2e2f39f80e282cb2e804932a56a213983eeeb428407d43b52d"]},
        "consent": {"ad_user_data": "GRANTED", "ad_personalization": "GRANTED"},
        "events": [{"name": "purchase", "params": params}],
    } | changes


async def test_the_protocols_own_consent_grants_nothing(door: Doorway) -> None:
    """It is the shop's word."""
    answer = await measure(door, measured())
    assert (answer.status, answer.body) == (204, b"")
    assert is_quiet(answer)
    refused = (Source.MEASUREMENT, Kind.PURCHASE, Status.REFUSED, Refusal.NO_CONSENT_RECORD)
    assert dict((await door.book()).received) == {refused: 1}


async def test_a_record_of_the_client_lets_its_events_go(door: Doorway) -> None:
    """And a refusal in the request stops them all the same."""
    yes = {"advertising": True, "join": {"client_id": "123.456"}}
    assert (await door.say({"consent": yes})).status == 201
    assert (await measure(door, measured())).status == 204
    assert (await door.only(GOOGLE)).event_id == "1001"
    params = {"transaction_id": "1002", "value": 1, "currency": "EUR"}
    no = measured(consent={"ad_user_data": "DENIED"}, events=[{"name": "purchase", "params": params}])
    assert (await measure(door, no)).status == 204
    received = (await door.book()).received
    assert received[Source.MEASUREMENT, Kind.PURCHASE, Status.REFUSED, Refusal.GOOGLE_DENIED] == 1


async def test_a_server_that_nobody_knows_is_told(door: Doorway) -> None:
    """By its key first, and only then by the id."""
    assert is_error(await measure(door, measured(), key="sk_s1_x"), 401, "unknown_key")
    assert is_error(await measure(door, measured(), key=door.installation.publishable_key), 403, "not_a_secret_key")
    assert is_error(await measure(door, measured(), tid="G-OTHER123"), 403, "unknown_measurement_id")
    assert is_error(await measure(door, measured(), key="sk_s1_x", tid="G-OTHER123"), 401, "unknown_key")
    assert (await door.book()).received == {}


@pytest.mark.parametrize("said", [b"", b"{", [], {"events": []}, measured(events=[{"name": "purchase"}] * 26)])
async def test_what_cannot_be_read_is_one_invalid_event(door: Doorway, said: Any) -> None:
    """The protocol knows no answer to it but 2xx."""
    assert (await measure(door, said)).status == 204
    assert dict((await door.book()).received) == {(Source.MEASUREMENT, None, Status.INVALID, Fault.BAD_FORMAT): 1}


async def test_a_server_is_limited_as_everywhere(tmp_path: Path) -> None:
    """Each event counts, so after a hit with many of them there is nothing left; and a stopped gateway takes nothing."""
    async with doorway(tmp_path, IDS, BURST) as door:
        views = [{"name": "page_view", "timestamp_micros": NOW * 1_000_000 + number} for number in range(25)]
        assert (await measure(door, measured(events=views))).status == 204
        assert is_error(await measure(door, measured(events=views)), 429, "too_many_requests")
        door.intake.close()
        assert is_error(await measure(door, measured()), 503, "stopping")


# ── CloudEvents ──────────────────────────────────────────────────────────────────────────────────────────────────


def envelope(data: Any, **changes: Any) -> dict[str, Any]:
    """An envelope around an event."""
    return {"specversion": "1.0", "id": "e-1", "source": "/shop", "type": "com.shop.order", "data": data} | changes


@pytest.mark.parametrize("kind", ["application/cloudevents+json", "Application/CloudEvents+JSON; charset=utf-8"])
async def test_an_envelope_is_answered_as_its_event(door: Doorway, kind: str) -> None:
    """The content type says that it is one."""
    answer = await door.post(envelope(purchase("1001")), Content_Type=kind)
    assert (answer.status, answer.results[0]["status"], answer.results[0]["event_id"]) == (202, "accepted", "1001")
    assert dict((await door.book()).received) == {(Source.EVENTS, Kind.PURCHASE, Status.ACCEPTED, ""): 1}


async def test_a_batch_of_envelopes_is_answered_in_order(door: Doorway) -> None:
    """One result for each."""
    unnamed = {name: value for name, value in purchase().items() if name != "event_id"}
    said = [envelope(unnamed), envelope(purchase("2"), source=""), envelope(purchase("3"))]
    answer = await door.post(said, Content_Type="application/cloudevents-batch+json")
    assert [(one["event_id"], one["status"], one.get("field")) for one in answer.results] == [
        ("e-1", "accepted", None),
        (None, "invalid", "source"),
        ("3", "accepted", None),
    ]


async def test_an_envelope_under_another_name_is_no_event(door: Doorway) -> None:
    """And nothing else is taken for one."""
    assert (await door.post(envelope(purchase()))).results[0]["status"] == "invalid"
    batch = await door.post([envelope(purchase())], Content_Type="application/cloudevents+json")
    assert is_error(batch, 400, "not_an_event")
    assert is_error(await door.post(b"{", Content_Type="application/cloudevents+json"), 400, "not_json")
    for kind in ("application/cloudevents", "application/cloudevents+xml", "text/plain"):
        assert is_error(await door.post(envelope(purchase()), Content_Type=kind), 415, "content_type")
    for path in ("/v1/consent", "/v1/consent/withdraw"):
        named = {"Authorization": f"Bearer {door.installation.secret_key}", "Content_Type": "application/cloudevents+json"}
        assert is_error(await door.ask("POST", path, b"{}", **named), 415, "content_type")


async def test_every_status_is_described(tmp_path: Path) -> None:
    """What programs are told of these routes is what they answer, and more only where deadlines and broken gzip are tested."""
    async with doorway(tmp_path, IDS, BURST) as door:
        big, views = b"x" * (EVENTS_BYTES + 1), [{"name": "page_view"}] * 25
        tags = [
            await tag(door, target()),
            await tag(door, target(), big[: COLLECT_BYTES + 1]),
            await tag(door, target(), b"x", Content_Encoding="gzip"),
            await tag(door, target(), b"\n".join([b"en=page_view"] * 20)),
        ]
        servers = [
            await measure(door, measured()),
            await measure(door, measured(), key="sk_s1_x"),
            await measure(door, measured(), tid="G-OTHER123"),
            await measure(door, big),
            await measure(door, measured(), Content_Encoding="br"),
            await measure(door, measured(events=views)),
        ]
        door.intake.close()
        tags.append(await tag(door, target()))
        servers.append(await measure(door, measured()))
    assert described("POST", "/g/collect") == described("GET", "/g/collect") == {one.status for one in tags} | {408}
    assert described("POST", "/mp/collect") == {one.status for one in servers} | {400, 408}
    validator("Measurement").validate(measured())
    validator("CloudEvent").validate(envelope(purchase()))


async def test_many_tags_at_once_lose_nothing(door: Doorway) -> None:
    """Each event is accepted once, whoever comes first."""
    where = [target(ep__transaction_id=str(number % 40)) for number in range(80)]
    answers = await asyncio.gather(*(tag(door, one) for one in where))
    assert {answer.status for answer in answers} == {204}
    received = (await door.book()).received
    assert received[Source.GTAG, Kind.PURCHASE, Status.ACCEPTED, ""] == 40
    assert received[Source.GTAG, Kind.PURCHASE, Status.DUPLICATE, ""] == 40


# ── the data tag of a rented container ───────────────────────────────────────────────────────────────────────────

DATA: Final = ('origins = ["https://shop.example"]', 'origins = ["https://shop.example"]\ndata_tag = true')
SAID: Final = {
    "event_name": "purchase",
    "transaction_id": "1001",
    "value": 129.9,
    "currency": "EUR",
    "user_data": {"email_address": "jane.doe@example.com"},
    "gateway_consent": {"advertising": True},
}


@pytest.fixture
async def data_door(tmp_path: Path) -> AsyncIterator[Doorway]:
    """An open door of a storefront that takes the data tag."""
    async with doorway(tmp_path, DATA) as opened:
        yield opened


async def data_tag(door: Doorway, said: object = SAID, query: str = "?v=2&event=purchase", **headers: str) -> Answer:
    """Send what the data tag sends by POST."""
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    return await door.ask("POST", f"/data{query}", body, **{"Origin": ORIGIN, "Content_Type": "text/plain"} | headers)


async def test_the_data_tags_purchase_goes_to_everybody(data_door: Doorway) -> None:
    """It is in the store before the answer, which says what the container's says and nothing of what became of it."""
    answer = await data_tag(data_door)
    assert is_quiet(answer)
    assert answer.status == 200
    receipt = json.loads(answer.body)
    assert receipt.keys() == {"timestamp", "unique_event_id"}
    allowed = answer.headers["Access-Control-Allow-Origin"], answer.headers["Access-Control-Allow-Credentials"]
    assert allowed == (ORIGIN, "true")
    for destination in Destination:
        event = await data_door.only(destination)
        assert (event.event_id, event.money and event.money.text) == ("1001", "129.90")
    assert dict((await data_door.book()).received) == {(Source.STAPE, Kind.PURCHASE, Status.ACCEPTED, ""): 1}


@pytest.mark.parametrize("join", [{"cart_token": "c1-9f2"}, {"order_id": "1001", "client_id": None}])
async def test_who_withdraws_by_the_data_tags_client_id_is_heard(data_door: Doorway, join: dict[str, str]) -> None:
    """Also where the shop's own object joins by something else: what waits goes, and what comes is refused."""
    said = {**SAID, "client_id": "dcid.1.2.3", "gateway_consent": {"advertising": True, "join": join}}
    await data_tag(data_door, said)
    assert len(await data_door.stored(GOOGLE)) == 1
    assert (await data_door.take_back({"client_id": "dcid.1.2.3"})).status == 204
    assert await data_door.stored(GOOGLE) == []
    await data_tag(data_door, {**said, "transaction_id": "1002"})
    assert (await data_door.book()).received[Source.STAPE, Kind.PURCHASE, Status.REFUSED, Refusal.WITHDRAWN] == 1


async def test_a_list_is_answered_with_a_list(data_door: Doorway) -> None:
    """As many receipts as events, whatever became of each; one transaction."""
    answer = await data_tag(data_door, [SAID, {**SAID, "transaction_id": "1002", "gateway_consent": {}}, 7])
    assert len(json.loads(answer.body)) == 3
    received = (await data_door.book()).received
    assert {status: number for (_, _, status, _), number in received.items()} == {
        Status.ACCEPTED: 1,
        Status.REFUSED: 1,
        Status.INVALID: 1,
    }


async def test_a_form_is_read_as_one(data_door: Doorway) -> None:
    """By its content type."""
    form = b"event_name=purchase&transaction_id=1001&value=5&currency=EUR&email=a%40b.example&gateway_consent.advertising=true"
    await data_tag(data_door, form, Content_Type="application/x-www-form-urlencoded; charset=utf-8")
    assert (await data_door.only(Destination.META)).event_id == "1001"


@pytest.mark.parametrize("headers", [{"Referer": f"{ORIGIN}/thanks?x=1"}, {"Referer": f"{ORIGIN}/"}, {"Origin": ORIGIN}])
async def test_an_image_is_answered_with_an_image(data_door: Doorway, headers: dict[str, str]) -> None:
    """The tag takes anything else for a failure. An image's page is known by its address."""
    answer = await data_door.ask("GET", f"/data?v=2&event=purchase&dtcd={quote(json.dumps(SAID))}", **headers)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/gif")
    assert answer.body.startswith(b"GIF89a")
    assert (await data_door.only(Destination.META)).event_id == "1001"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://evil.example", "Referer": f"{ORIGIN}/"},
        {"Origin": "", "Referer": "https://evil.example/https://shop.example/"},
        {"Origin": "", "Referer": "https://shop.example.evil.example/"},
        {"Origin": "", "Referer": "shop.example"},
    ],
)
async def test_a_strangers_data_tag_is_not_heard(data_door: Doorway, headers: dict[str, str]) -> None:
    """Nothing is stored; it may not read the answer."""
    answer = await data_tag(data_door, **headers)
    assert (answer.status, answer.body, answer.headers.get("Access-Control-Allow-Origin")) == (204, b"", None)
    assert (await data_door.book()).received == {}
    assert data_door.metric("tag_strangers_total", reason="origin") == 1


async def test_a_storefront_without_the_data_tag_has_none(tmp_path: Path) -> None:
    """Its origins alone open nothing."""
    async with doorway(tmp_path) as door:
        assert (await data_tag(door)).status == 204
        assert (await door.book()).received == {}


async def test_the_data_tags_preflight_is_answered(data_door: Doorway) -> None:
    """For the registered pages."""
    answer = await data_door.ask("OPTIONS", "/data?v=2", Origin=ORIGIN)
    assert (answer.status, answer.headers["Access-Control-Allow-Methods"]) == (204, "GET, POST")


async def test_the_data_tag_is_limited_as_every_browser(data_door: Doorway) -> None:
    """Too large, packed, and shut."""
    assert is_error(await data_tag(data_door, b"x" * (COLLECT_BYTES + 1)), 413, "body_too_large")
    assert is_error(await data_tag(data_door, b"x", Content_Encoding="gzip"), 415, "content_encoding")
    data_door.intake.close()
    assert is_error(await data_tag(data_door), 503, "stopping")


async def test_a_browser_that_objects_is_heard(data_door: Doorway) -> None:
    """`Sec-GPC` outweighs what the page says."""
    await data_tag(data_door, Sec_GPC="1")
    assert {status for _, _, status, _ in (await data_door.book()).received} == {Status.REFUSED}
