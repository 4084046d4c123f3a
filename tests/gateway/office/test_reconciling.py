import asyncio
import csv
import io
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from gateway.app import Gateway
from gateway.log import Log
from gateway.model.words import Destination
from gateway.office import reconciling
from gateway.office.reconciling import told
from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.platforms import Platforms
from gateway.sources.order_list import Flaw, ListFault
from tests.console import people
from tests.doorway import purchase, refused
from tests.exports import EMAIL, shopify_export, shopify_order
from tests.live import STOREFRONT, Installation, inside, install

PATH: Final = "/api/v1/reconcile"
JSON: Final = {"Content-Type": "application/json"}
CSV: Final = {"Content-Type": "text/csv"}


class There:
    """A running gateway and a client for both of its listeners."""

    def __init__(
        self,
        installation: Installation,
        gateway: Gateway,
        session: aiohttp.ClientSession,
        log: io.StringIO,
        tokens: dict[str, str],
    ) -> None:
        self.installation = installation
        self.gateway = gateway
        self.session = session
        self.log = log
        self.tokens = tokens

    async def post(self, *events: dict[str, Any]) -> None:
        """Post events as a server and wait until none is waiting."""
        key = {"Authorization": f"Bearer {self.installation.secret_key}"}
        fresh = [event | {"occurred_at": int(time.time())} for event in events]
        async with self.session.post(f"{self.installation.url}/v1/events", json={"events": fresh}, headers=key) as answer:
            assert answer.status == 202
        await self.installation.quiet()

    async def say(self, body: bytes, headers: dict[str, str], **query: str) -> tuple[int, Any]:
        """Hand a list in: status and answer, JSON read."""
        url, given = self.installation.private_url + PATH, self.installation.own | headers
        async with self.session.post(url, data=body, headers=given, params=query) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if answer.content_type == "application/json" else text

    async def reconcile(self, *ids: str, **more: Any) -> Any:
        """Hold orders of 100 euros against what is known."""
        orders = [{"id": name, "value": "100.00", "currency": "EUR"} for name in ids]
        status, answer = await self.say(json.dumps({"storefront": STOREFRONT, "orders": orders, **more}).encode(), JSON)
        assert status == 200
        return answer


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[There]:
    """A gateway on three platforms, of which Meta refuses all that is posted later."""
    async with Platforms.start() as platforms, aiohttp.ClientSession() as session:
        installation = install(tmp_path / "gateway", platforms.base_urls)
        tokens = people(installation)
        log = io.StringIO()
        async with inside(installation, Log(log)) as gateway:
            it = There(installation, gateway, session, log, tokens)
            await it.post(purchase("1"), refused("2"))
            platforms[Destination.META].switch.set(Behaviour(mode=Mode.REFUSE_EVENTS, fraction=1.0))
            await it.post(purchase("3"))
            yield it


async def test_a_list_is_held_against_what_is_known(there: There) -> None:
    """Each order where it is; what is missing by reason and by value; nobody's choice by its signal."""
    answer = await there.reconcile("1", "2", "3", "4", "4")
    assert (answer["storefront"], answer["event"]) == (STOREFRONT, "purchase")
    rows = {row["id"]: row for row in answer["rows"]}
    assert [rows[name]["place"] for name in "1234"] == ["received", "refused", "received", "not_received"]
    assert {name: spot["place"] for name, spot in rows["1"]["destinations"].items()} == {
        "meta": "delivered", "pinterest": "delivered", "google_ads": "taken",
    }  # fmt: skip
    assert rows["2"]["reason"] == "consent"
    assert rows["3"]["destinations"]["meta"]["place"] == "dead"
    summary = answer["summary"]
    assert summary["places"]["not_received"] == {"orders": 1, "value": {"EUR": "100.00"}}
    assert summary["places"]["refused.consent"] == {"orders": "<10", "value": {}}
    assert summary["destinations"]["meta"]["dead"] == {"orders": 1, "value": {"EUR": "100.00"}}
    assert [gap["destination"] for gap in summary["gaps"] if gap["place"] == "dead"] == ["meta"]
    assert summary["repeated"] == [{"id": "4", "lines": [4, 5], "differing": False}]


async def test_who_may_know_is_told_the_reason(there: There) -> None:
    """If it is asked for, in JSON and in a query."""
    answer = await there.reconcile("2", exact=True)
    assert answer["rows"][0]["reason"] == "advertising_denied"
    body = b"id,value,currency\n2,100,EUR\n"
    _, answer = await there.say(body, CSV, storefront=STOREFRONT, exact="true")
    assert answer["rows"][0]["reason"] == "advertising_denied"


@pytest.mark.parametrize(("role", "statuses"), [("marketer", [200, 403]), ("privacy", [200, 200]), ("operator", [200, 200])])
async def test_a_marketer_is_told_the_class_alone(there: There, role: str, statuses: list[int]) -> None:
    """Whoever looks for the money need not know which signal kept an order from leaving; nobody unknown is told anything."""
    body, own = b"id,value,currency\n2,100,EUR\n", {"Authorization": f"Bearer {there.tokens[role]}"}
    met = [(await there.say(body, CSV | own, storefront=STOREFRONT, exact=exact))[0] for exact in ("false", "true")]
    assert met == statuses
    stranger = CSV | {"Authorization": "Bearer nobody"}
    assert (await there.say(body, stranger, storefront=STOREFRONT))[0] == 401


async def test_another_kind_of_event_is_another_event(there: There) -> None:
    """The id of a purchase is no id of a page view."""
    answer = await there.reconcile("1", event="page_view")
    assert answer["rows"][0]["place"] == "not_received"


async def test_a_shops_export_is_taken_as_it_is(there: There) -> None:
    """By its format; nothing of whose the orders are is told, logged or kept."""
    await there.post(purchase("5123"))
    body = shopify_export(
        shopify_order(5123, items=2), shopify_order(5124), shopify_order(5125, changes={"Financial Status": "pending"})
    )
    status, answer = await there.say(body, CSV, storefront=STOREFRONT, format="shopify")
    assert status == 200
    assert [row["place"] for row in answer["rows"]] == ["received", "not_received", "not_expected"]
    assert EMAIL not in str(answer) + there.log.getvalue()
    kept = b"".join(path.read_bytes() for path in there.installation.folder.rglob("*") if path.is_file())
    assert EMAIL.encode() not in kept


async def test_rows_come_as_csv_for_who_asks_for_it(there: There) -> None:
    """One line an order, columns for each destination."""
    body = b"id;value;currency\n1;100,00;EUR\n4;100,00;EUR\n"
    status, text = await there.say(body, CSV | {"Accept": "text/csv"}, storefront=STOREFRONT)
    first, second = csv.DictReader(io.StringIO(text, newline=""))
    assert (status, first["place"], first["meta_place"], first["google_ads_place"]) == (200, "received", "delivered", "taken")
    assert (second["id"], second["place"], second["meta_place"]) == ("4", "not_received", "")


@pytest.mark.parametrize(
    ("body", "headers", "query", "expected"),
    [
        (b"{", JSON, {}, (400, "not_json")),
        (b"\xff", JSON, {}, (400, "not_json")),
        (b"[]", JSON, {}, (400, "invalid_list")),
        (b'{"storefront": "shop", "orders": [], "customers": []}', JSON, {}, (400, "invalid_list")),
        (b'{"storefront": "nobody", "orders": []}', JSON, {}, (404, "unknown_storefront")),
        (b"id", CSV, {"storefront": "nobody"}, (404, "unknown_storefront")),
        (b"id", CSV, {}, (404, "unknown_storefront")),
        (b"id", CSV, {"storefront": STOREFRONT, "format": "excel"}, (400, "format")),
        (b"id", CSV, {"storefront": STOREFRONT, "event": "sale"}, (400, "event")),
        (b"id", CSV, {"storefront": STOREFRONT, "currency": "EURO"}, (400, "currency")),
        (b"id", CSV, {"storefront": STOREFRONT, "exact": "yes"}, (400, "exact")),
        (b"id", CSV, {"storefront": STOREFRONT}, (400, "invalid_list")),
        (b"id", {"Content-Type": "text/plain"}, {}, (415, "content_type")),
        (b"id", CSV | {"Content-Encoding": "gzip"}, {"storefront": STOREFRONT}, (415, "content_encoding")),
        (b"{}", JSON | {"Origin": "https://evil.example"}, {}, (403, "unknown_origin")),
    ],
)
async def test_what_is_no_list_is_refused(
    there: There, body: bytes, headers: dict[str, str], query: dict[str, str], expected: tuple[int, str]
) -> None:
    """With a code that says what is wrong with it as a whole."""
    status, answer = await there.say(body, headers, **query)
    assert (status, answer["error"]) == expected


async def test_a_posted_list_of_too_many_is_not_taken_apart(there: There) -> None:
    """Five million of anything took a second and half a gigabyte before they were counted."""
    body = b'{"storefront": "%b", "orders": [%b1]}' % (STOREFRONT.encode(), b"1," * reconciling.MOST_COMMAS)
    status, answer = await there.say(body, JSON)
    assert (status, answer["flaws"]) == (400, [{"line": 0, "field": "orders", "rule": "too_many"}])


async def test_flaws_are_told_together_and_by_line(there: There) -> None:
    """Field and rule, never what stood there; and nothing was done."""
    body = f"id,value,currency\n1,100,EUR\n{EMAIL},100,EUR\n3,a lot,EUR\n".encode()
    status, answer = await there.say(body, CSV, storefront=STOREFRONT)
    assert status == 400
    assert answer == {
        "error": "invalid_list",
        "flaws": [{"line": 3, "field": "id", "rule": "bad_format"}, {"line": 4, "field": "value", "rule": "bad_format"}],
        "more": 0,
    }


def test_of_many_flaws_the_first_are_told() -> None:
    """And how many more there are."""
    answer = told([Flaw(line, "line", ListFault.RAGGED) for line in range(25)])
    assert ([flaw["line"] for flaw in answer["flaws"]], answer["more"]) == (list(range(20)), 5)


async def test_a_list_is_bounded_in_size_and_time(there: There, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is larger is not read, what drips is cut, and what takes too long to look up ends."""
    monkeypatch.setattr(reconciling, "BODY_BYTES", 1000)
    assert await there.say(b"x" * 1001, CSV, storefront=STOREFRONT) == (413, {"error": "body_too_large"})
    monkeypatch.setattr(reconciling, "BODY_SECONDS", 0.05)

    async def drip() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x"
            await asyncio.sleep(0.02)

    own = there.installation.own | CSV
    async with there.session.post(there.installation.private_url + PATH, data=drip(), headers=own) as answer:
        assert (answer.status, await answer.json()) == (408, {"error": "body_too_slow"})
    monkeypatch.setattr(reconciling, "SECONDS", 0.0)
    body = b"id,value,currency\n1,100,EUR\n"
    assert await there.say(body, CSV, storefront=STOREFRONT) == (503, {"error": "reconcile_too_slow"})


async def test_one_list_at_a_time(there: There) -> None:
    """So that what they take is bounded; the next hears so, and is taken once the first is answered."""
    orders = [{"id": str(number), "value": 1, "currency": "EUR"} for number in range(3000)]
    body = json.dumps({"storefront": STOREFRONT, "orders": orders}).encode()
    answers = await asyncio.gather(*(there.say(body, JSON) for _ in range(3)))
    assert sorted(status for status, _ in answers) == [200, 429, 429]
    assert {answer["error"] for status, answer in answers if status == 429} == {"reconcile_busy"}
    assert (await there.say(body, JSON))[0] == 200


async def test_a_store_that_is_closed_tells_nothing(there: There) -> None:
    """The list can be handed in again later."""
    await there.gateway.outbox.close()
    assert await there.say(b"id,value,currency\n1,100,EUR\n", CSV, storefront=STOREFRONT) == (503, {"error": "stopping"})
