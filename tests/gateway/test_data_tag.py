"""What Stape's Data Tag sends, over a real socket: who is heard, what is answered, and what is in the store by then."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest

from gateway.intake import COLLECT_BYTES, PIXEL
from gateway.model import Destination, Fault, Kind, Refusal, Source, Status
from tests.config.test_openapi import described
from tests.doorway import BURST, NOW, PROXIES, Answer, Doorway, doorway, is_error, is_quiet, purchase
from tests.live import ORIGIN

ON: Final = ('origins = ["https://shop.example"]', 'origins = ["https://shop.example"]\ndata_tag = true')
NULL: Final = ("data_tag", "allow_null_origin = true\ndata_tag")
QUERY: Final = "/data?v=2&event=purchase"
SHAPES: Final = json.loads((Path(__file__).parents[1] / "data/stape/requests.json").read_text())
CHOSEN: Final = {"advertising": True, "vendors": {"meta": True, "pinterest": True, "google_ads": True}}


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Doorway]:
    """An open door of a storefront that takes the tag."""
    async with doorway(tmp_path, ON) as opened:
        yield opened


def order(**changes: Any) -> dict[str, Any]:
    """A purchase with the visitor's choice in it, with members replaced, or left out where None."""
    good = {
        "event_name": "purchase",
        "transaction_id": "1001",
        "value": 129.9,
        "currency": "EUR",
        "page_location": "https://shop.example/thanks",
        "user_data": {"email_address": "jane.doe@example.com"},
        "client_id": "315691213.1760240992",
        "gateway_consent": CHOSEN,
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


async def tag(door: Doorway, body: Any = b"", where: str = QUERY, method: str = "POST", **headers: str) -> Answer:
    """Send what the tag sends from a page of the shop."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await door.ask(method, where, text, **{"Origin": ORIGIN, "Content_Type": "text/plain"} | headers)


def image(body: Any, *, packed: str = "dtcd") -> str:
    """The address of the image that a small event is."""
    return f"/data?v=2&event=purchase&{packed}={quote(json.dumps(body), safe='')}"


def leave(answer: Answer) -> tuple[str | None, str | None]:
    """For which page an answer is, and whether it may be asked with cookies."""
    assert "Set-Cookie" not in answer.headers
    assert is_quiet(answer)
    return answer.headers.get("Access-Control-Allow-Origin"), answer.headers.get("Access-Control-Allow-Credentials")


# ── what is taken, and what is answered ──────────────────────────────────────────────────────────────────────────


async def test_a_purchase_goes_where_the_visitor_chose(door: Doorway) -> None:
    """It is in the store before the answer, which is what the tag hands to the page."""
    answer = await tag(door, order())
    assert (answer.status, leave(answer)) == (200, (ORIGIN, "true"))
    assert json.loads(answer.body) == {"timestamp": NOW, "unique_event_id": "1001"}
    for destination in Destination:
        event = await door.only(destination)
        assert (event.event_id, event.kind, event.money and event.money.text) == ("1001", Kind.PURCHASE, "129.90")
        assert event.email is not None
    assert dict((await door.book()).received) == {(Source.STAPE, Kind.PURCHASE, Status.ACCEPTED, ""): 1}


async def test_an_image_is_answered_with_an_image(door: Doorway) -> None:
    """For which browsers name no origin: the page is known by where the browser says that it comes from."""
    answer = await door.ask("GET", image(order()), Referer=f"{ORIGIN}/thanks?token=x")
    assert (answer.status, answer.headers["Content-Type"], answer.body) == (200, "image/gif", PIXEL)
    assert (await door.only(Destination.META)).event_id == "1001"


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape["name"])
async def test_what_the_tag_sends_is_taken_and_accounted_for(door: Doorway, shape: dict[str, Any]) -> None:
    """Each recorded request is one event in the books, whatever becomes of it."""
    where, kind = f"/data?{shape['query']}", shape["content_type"] or "text/plain"
    answer = await tag(door, shape["body"].encode(), where, shape["method"], Content_Type=kind)
    assert (answer.status, leave(answer)) == (200, (ORIGIN, "true"))
    assert sum((await door.book()).received.values()) == 1


async def test_an_array_is_one_transaction(door: Doorway) -> None:
    """Each is accounted for, and has its own in the answer; one without an id gets one that nobody else has."""
    view = {"event_name": "page_view", "event_id": "e-7", "gateway_consent": CHOSEN}
    answer = await tag(door, [order(), view, {"event_name": "scroll"}], "/data?v=2")
    first, second, third = json.loads(answer.body)
    assert (first["unique_event_id"], second["unique_event_id"]) == ("1001", "e-7")
    assert third["unique_event_id"].startswith(f"{NOW}_")
    assert dict((await door.book()).received) == {
        (Source.STAPE, Kind.PURCHASE, Status.ACCEPTED, ""): 1,
        (Source.STAPE, Kind.PAGE_VIEW, Status.REFUSED, Refusal.NO_IDENTITY): 1,
        (Source.STAPE, None, Status.INVALID, Fault.NOT_ONE_OF): 1,
    }


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "Application/X-WWW-Form-Urlencoded; charset=UTF-8"])
async def test_a_form_is_read_as_one(door: Doorway, kind: str) -> None:
    """The content type says that it is."""
    body = b"transaction_id=1001&value=9.99&currency=EUR&email=jane.doe%40example.com&gateway_consent.advertising=true"
    assert (await tag(door, body, Content_Type=kind)).status == 200
    assert (await door.only(Destination.META)).event_id == "1001"


async def test_a_repeat_is_the_same_order(door: Doorway) -> None:
    """From the tag or from the shop's server."""
    for _ in range(2):
        assert (await tag(door, order())).status == 200
    assert (await door.post(purchase("1001"))).results == [{"event_id": "1001", "status": "duplicate"}]
    assert (await door.book()).received[Source.STAPE, Kind.PURCHASE, Status.DUPLICATE, ""] == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"gateway_consent": None}, Refusal.NO_CONSENT_RECORD),
        ({"gateway_consent": None, "client_id": None}, Refusal.NO_CONSENT),
        ({"gateway_consent": {"advertising": False}}, Refusal.ADVERTISING_DENIED),
        ({"consent_state": {"ad_storage": False, "ad_user_data": False}}, Refusal.GOOGLE_DENIED),
        ({"consent_state": "[object Object]"}, Refusal.GOOGLE_INVALID),
    ],
)
async def test_a_refusal_is_answered_as_a_permission_is(door: Doorway, changes: dict[str, Any], reason: Refusal) -> None:
    """And leaves nothing behind but its place in the books."""
    granted = await tag(door, order(transaction_id="1000"))
    answer = await tag(door, order(**changes))
    assert (answer.status, leave(answer), answer.body) == (200, leave(granted), granted.body.replace(b"1000", b"1001"))
    received = (await door.book()).received
    assert received[Source.STAPE, Kind.PURCHASE, Status.REFUSED, reason] == 1, received


async def test_global_privacy_control_is_heard(door: Doorway) -> None:
    """The browser's header wins over what the page says."""
    assert (await tag(door, order(), Sec_GPC="1")).status == 200
    assert (await door.book()).received[Source.STAPE, Kind.PURCHASE, Status.REFUSED, Refusal.GPC] == 1


async def test_a_record_of_the_same_client_counts(door: Doorway) -> None:
    """And so does its withdrawal."""
    yes = {"advertising": True, "receipt": "0123456789abcdef", "join": {"client_id": "315691213.1760240992"}}
    assert (await door.tell({"consent": yes})).status == 204
    await tag(door, order(gateway_consent=None))
    assert (await door.only(Destination.META)).event_id == "1001"
    assert (await door.withdraw({"client_id": "315691213.1760240992"})).status == 200
    assert await door.stored(Destination.META) == []
    await tag(door, order(transaction_id="1002"))
    assert (await door.book()).received[Source.STAPE, Kind.PURCHASE, Status.REFUSED, Refusal.WITHDRAWN] == 1


async def test_the_address_is_the_connections(tmp_path: Path) -> None:
    """Through trusted proxies only, whatever the body says."""
    async with doorway(tmp_path, ON, PROXIES) as door:
        await tag(door, order(ip_override="198.51.100.9"), X_Forwarded_For="203.0.113.77")
        assert (await door.only(Destination.META)).ip == "203.0.113.0"


async def test_what_cannot_be_read_is_one_invalid_event(door: Doorway) -> None:
    """Answered as any other; what was dropped is counted."""
    assert json.loads((await tag(door, b"{")).body)["timestamp"] == NOW
    await tag(door, order(transaction_id=None, loyalty=1))
    assert dict((await door.book()).received) == {
        (Source.STAPE, None, Status.INVALID, Fault.BAD_FORMAT): 1,
        (Source.STAPE, Kind.PURCHASE, Status.INVALID, Fault.MISSING): 1,
    }
    assert door.metric("unknown_fields_total", object="stape.other") == 1


# ── who is heard ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "https://shop.example.evil.example", "http://shop.example", ""]
)
async def test_a_page_that_is_not_the_shops_is_answered_and_not_heard(tmp_path: Path, origin: str) -> None:
    """Credentials go to the registered origins alone, and to `null` never; a page is not known twice."""
    async with doorway(tmp_path, ON, NULL) as door:
        for method, status in (("GET", 200), ("POST", 200), ("OPTIONS", 204)):
            answer = await tag(door, order(), image(order()), method, Origin=origin, Referer=f"{ORIGIN}/")
            assert (answer.status, leave(answer)) == (status, (None, None))
        assert (await door.book()).received == {}
        assert door.metric("tag_strangers_total", reason="page") == 3


@pytest.mark.parametrize(
    "page",
    [
        "https://evil.example/",
        f"{ORIGIN}.evil.example/",
        f"{ORIGIN}@evil.example/",
        f"{ORIGIN}:8443/",
        "https://",
        "shop.example",
        "//",
    ],
)
async def test_an_image_of_another_page_is_not_heard(door: Doorway, page: str) -> None:
    """Nor one of which the browser says nothing."""
    assert (await door.ask("GET", image(order()), Referer=page)).body == PIXEL
    assert (await door.ask("GET", image(order()))).body == PIXEL
    assert (await door.book()).received == {}


async def test_a_storefront_that_does_not_say_so_hears_nothing(tmp_path: Path) -> None:
    """The tag is taken by a setting."""
    async with doorway(tmp_path) as door:
        answer = await tag(door, order())
        assert (answer.status, leave(answer)) == (200, (None, None))
        assert (await door.book()).received == {}
        assert door.metric("tag_strangers_total", reason="page") == 1


async def test_a_preflight_allows_what_the_tag_does(door: Doorway) -> None:
    """For a day, and for the page that asks alone."""
    answer = await tag(door, method="OPTIONS")
    assert (answer.status, leave(answer), answer.headers["Vary"]) == (204, (ORIGIN, "true"), "Origin")
    allowed = {name: answer.headers[f"Access-Control-{name}"] for name in ("Allow-Methods", "Allow-Headers", "Max-Age")}
    assert allowed == {"Allow-Methods": "GET, POST", "Allow-Headers": "content-type", "Max-Age": "86400"}


async def test_other_methods_and_paths_are_none_of_ours(door: Doorway) -> None:
    """A path in front of it is a reverse proxy's to take away."""
    answer = await tag(door, method="PUT")
    assert is_error(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, POST, OPTIONS"
    assert is_error(await tag(door, where="/data/"), 404, "not_found")
    assert is_error(await tag(door, where="/x/data"), 404, "not_found")


async def test_every_status_is_described(tmp_path: Path) -> None:
    """What programs are told of the route is what it answers, and more only where deadlines are tested."""
    async with doorway(tmp_path, ON, BURST) as door:
        answers = [
            await tag(door, order()),
            await tag(door, b"x" * (COLLECT_BYTES + 1)),
            await tag(door, b"x", Content_Encoding="gzip"),
            await tag(door, [{"event_name": "page_view"}] * 25),
        ]
        door.intake.close()
        answers.append(await tag(door, order()))
    assert {leave(answer) for answer in answers} == {(ORIGIN, "true")}
    assert described("POST", "/data") == described("GET", "/data") == {one.status for one in answers} | {408}


async def test_many_tags_at_once_lose_nothing(door: Doorway) -> None:
    """Each event is accepted once, whoever comes first."""
    answers = await asyncio.gather(*(tag(door, order(transaction_id=str(number % 40))) for number in range(80)))
    assert {answer.status for answer in answers} == {200}
    received = (await door.book()).received
    assert received[Source.STAPE, Kind.PURCHASE, Status.ACCEPTED, ""] == 40
    assert received[Source.STAPE, Kind.PURCHASE, Status.DUPLICATE, ""] == 40
