"""Webhooks of shops' platforms at the front door: who is believed, what is answered, and what is done before the answer."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.intake.front_door import WEBHOOK_BYTES
from gateway.ledger import Right
from gateway.model.texts import EventId
from gateway.model.words import Kind, Reason, Refusal
from gateway.rights.desk import Via
from gateway.rights.due import Law
from gateway.rights.naming import Asked
from gateway.rights.naming import read as read_asked
from gateway.sources.shopify import ATTRIBUTE, Topic
from gateway.sources.woocommerce import RECEIPT_META
from tests import prestashop, woocommerce
from tests.doorway import NOW, SHOP, Doorway, as_bytes, doorway, is_error, is_quiet, purchase
from tests.shopify import DOMAIN, EDIT, OLD_SECRET, SECRET, WITHHOLD, order, published, refund, send, signed, write_secrets

PAID: Final = "orders/paid"
JOHN: Final = "john@example.com"
RECEIPT: Final = "page-receipt-0123456789"
BY_CART: Final = {"join": {"cart_token": "68778783ad298f1c80c3bafcddeea02f"}}
BY_CHECKOUT: Final = {"join": {"checkout_token": "bd5a8aa1ecd019dd3520ff791ee3a24c"}}
BY_ORDER: Final = {"join": {"order_id": "450789469"}}
HOLDING: Final = ('banner_regions = ["FR"]', "hold_unmatched_minutes = 15")
CREATED: Final = ("shop_domain = ", 'orders = "orders/create"\nshop_domain = ')
SLOW: Final = ("events_per_second = 1000000\nburst = 1000000", "events_per_second = 1\nburst = 2")


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Doorway]:
    """The open door of a shop at Shopify."""
    write_secrets(tmp_path)
    async with doorway(tmp_path, EDIT) as opened:
        yield opened


async def consent(door: Doorway, cites: dict[str, Any], *, yes: bool = True) -> None:
    """Have a page tell what its visitor decided."""
    assert (await door.tell({"consent": {"advertising": yes} | cites})).status == 204


async def ids(door: Doorway) -> list[str]:
    """The ids that wait for Meta."""
    return [event.event_id for event in await door.stored()]


# ── who is believed ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
async def test_either_secret_signs(door: Doorway, secret: str) -> None:
    """While a secret is changed both are in use. The answer is an empty 200."""
    answer = await send(door, PAID, order(), secret)
    assert (answer.status, answer.body) == (200, b"")
    assert is_quiet(answer)
    assert door.metric("events_total", source="shopify") == 1


@pytest.mark.parametrize(
    "header",
    [
        {"X_Shopify_Hmac_Sha256": signed(as_bytes(order()), "shpss_another")},
        {"X_Shopify_Hmac_Sha256": signed(as_bytes(order(test=True)))},
        {"X_Shopify_Hmac_Sha256": signed(as_bytes(order()))[:-4]},
        {"X_Shopify_Hmac_Sha256": ""},
        {"X_Shopify_Hmac_Sha256": "é"},
        {"X_Shopify_Shop_Domain": "another.myshopify.com"},
        {"X_Shopify_Shop_Domain": ""},
    ],
)
async def test_what_is_not_signed_for_the_shop_is_not_read(door: Doorway, header: dict[str, str]) -> None:
    """A wrong secret, another body, a cut signature, another shop: all the same 401, and nothing is counted of it."""
    assert is_error(await send(door, PAID, order(), **header), 401, "bad_signature")
    assert door.metric("events_total") == door.metric("webhooks_total") == 0


async def test_a_header_that_stands_twice_counts_as_none(door: Doorway) -> None:
    """Two proxies could take another one for the right one."""
    body = as_bytes(order())
    twice = [
        ("X-Shopify-Hmac-Sha256", signed(body)),
        ("X-Shopify-Hmac-Sha256", signed(body)),
        ("X-Shopify-Shop-Domain", DOMAIN),
    ]
    async with door.session.post(f"{door.url}/v1/shopify/webhooks", data=body, headers=twice) as got:
        assert got.status == 401


async def test_a_signature_is_of_the_bytes_as_they_came(door: Doorway) -> None:
    """The same JSON written in another way is another body."""
    body = as_bytes(order())
    spaced = body.replace(b'": ', b'":  ', 1)
    assert (await send(door, PAID, spaced, X_Shopify_Hmac_Sha256=signed(body))).status == 401
    assert (await send(door, PAID, spaced)).status == 200


async def test_a_storefront_without_a_shop_has_no_webhooks(tmp_path: Path) -> None:
    """Unless it is in the settings, nobody's signature counts."""
    async with doorway(tmp_path) as door:
        assert is_error(await send(door, PAID, order()), 401, "bad_signature")


# ── orders ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("cites", [BY_CART, BY_CHECKOUT, BY_ORDER])
async def test_an_order_goes_as_its_record_says(door: Doorway, cites: dict[str, Any]) -> None:
    """Whatever the page knew of the order finds the record; the event has the order's number, and the buyer's money."""
    await consent(door, cites)
    assert (await send(door, PAID, order())).status == 200
    event = await door.only()
    assert (event.kind, event.event_id, event.page_origin) == (Kind.PURCHASE, "450789469", "https://shop.example")
    assert event.money is not None
    assert (event.money.minor, event.money.currency, event.occurred_at) == (59_894, "USD", NOW - 60)
    assert event.email is not None
    assert door.metric("events_total", source="shopify", event="purchase", status="accepted") == 1
    assert door.metric("webhooks_total", topic=PAID, outcome="order") == 1


async def test_a_receipt_in_the_cart_finds_its_record(door: Doorway) -> None:
    """The theme handed it to the order as a cart attribute."""
    await consent(door, {"receipt": RECEIPT})
    await send(door, PAID, order(note_attributes=[{"name": ATTRIBUTE, "value": RECEIPT}]))
    assert await ids(door) == ["450789469"]


@pytest.mark.parametrize(
    "says", [{}, {"buyer_accepts_marketing": True}, {"note_attributes": [{"name": "consent", "value": "true"}]}]
)
async def test_an_order_without_a_record_goes_nowhere(door: Doorway, says: dict[str, Any]) -> None:
    """200 all the same: Shopify need not repeat it. A newsletter's permission is none."""
    assert (await send(door, PAID, order(**says))).status == 200
    assert await ids(door) == []
    assert door.metric("events_total", source="shopify", status="refused", reason="no_consent_record") == 1


async def test_an_order_whose_record_refuses_goes_nowhere(door: Doorway) -> None:
    """The no is the visitor's."""
    await consent(door, BY_CART, yes=False)
    assert (await send(door, PAID, order())).status == 200
    assert await ids(door) == []
    assert door.metric("events_total", source="shopify", status="refused", reason="advertising_denied") == 1


async def test_a_page_and_a_webhook_tell_of_one_conversion(door: Doorway) -> None:
    """The page's purchase under the order's number came first, so the webhook's is a repeat; and so is a webhook's repeat."""
    await consent(door, BY_CART)
    await door.collect(purchase("450789469"))
    for _ in range(2):
        assert (await send(door, PAID, order())).status == 200
    assert await ids(door) == ["450789469"]
    assert door.metric("events_total", source="shopify", status="duplicate") == 2


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"test": True}, Refusal.TEST_ORDER),
        ({"cancelled_at": "2026-11-01T00:00:00Z"}, Refusal.CANCELLED_ORDER),
        ({"source_name": "pos"}, Refusal.POS_ORDER),
        ({"source_name": "shopify_draft_order"}, Refusal.DRAFT_ORDER),
        ({"source_name": "subscription_contract_checkout_one"}, Refusal.RENEWAL_ORDER),
        ({"source_name": "580111"}, Refusal.OTHER_CHANNEL),
    ],
)
async def test_an_order_that_no_visitor_made_is_refused_by_reason(door: Doorway, changes: dict[str, Any], why: Refusal) -> None:
    """Though a record allows it; whoever asks why is told, and the books count it."""
    await consent(door, BY_CART)
    assert (await send(door, PAID, order(**changes))).status == 200
    assert await ids(door) == []
    assert door.metric("events_total", source="shopify", status="refused", reason=why) == 1
    told = await door.outbox.explain(SHOP, Kind.PURCHASE, EventId("450789469"))
    assert told is not None
    assert {attempt.reason for attempt in told.attempts} == {why}
    received = (await door.book()).received
    assert {(key[0], key[3]) for key in received} == {("shopify", why)}


async def test_a_broken_order_is_counted_and_not_asked_for_again(door: Doorway) -> None:
    """Repeating it would not mend it."""
    assert (await send(door, PAID, order(total_price_set=None, total_price=None))).status == 200
    assert door.metric("events_total", source="shopify", status="invalid", reason="missing") == 1


@pytest.mark.parametrize("topic", ["orders/create", "refunds/create", "orders/updated", "app/uninstalled", ""])
async def test_another_topic_is_acknowledged_and_counted(door: Doorway, topic: str) -> None:
    """One topic tells of orders, as the settings say; the others are no events."""
    await consent(door, BY_ORDER)
    body = published("refund") if topic == "refunds/create" else order()
    assert (await send(door, topic, body)).status == 200
    assert await ids(door) == []
    label = topic if topic in {"orders/create", "refunds/create"} else "other"
    assert door.metric("webhooks_total", storefront=SHOP, topic=label, outcome="ignored") == 1


async def test_the_settings_choose_the_topic(tmp_path: Path) -> None:
    """Either, and never both."""
    write_secrets(tmp_path)
    async with doorway(tmp_path, EDIT, CREATED) as door:
        await consent(door, BY_ORDER)
        await send(door, PAID, order())
        assert await ids(door) == []
        await send(door, "orders/create", order())
        assert await ids(door) == ["450789469"]


async def test_an_order_may_wait_for_its_record(tmp_path: Path) -> None:
    """A webhook is often faster than a page: where the storefront has said so, the order goes when the record comes."""
    write_secrets(tmp_path)
    async with doorway(tmp_path, EDIT, HOLDING) as door:
        await send(door, PAID, order())
        assert await ids(door) == []
        await consent(door, BY_CHECKOUT)
        assert await ids(door) == ["450789469"]


# ── answers ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_shopify_should_repeat_or_stop_is_told(door: Doorway) -> None:
    """Too much, no JSON, compressed, another method: each by its code, though it is signed."""
    assert is_error(await send(door, PAID, b" " * (WEBHOOK_BYTES + 1)), 413, "body_too_large")
    assert is_error(await send(door, PAID, b"<order/>"), 400, "not_json")
    assert door.metric("webhooks_total", topic=PAID, outcome="invalid") == 1
    assert is_error(await send(door, PAID, order(), Content_Encoding="gzip"), 415, "content_encoding")
    assert is_error(await door.ask("GET", "/v1/shopify/webhooks"), 405, "method_not_allowed")


async def test_a_shut_store_asks_for_a_repeat(door: Doorway) -> None:
    """503 says that nothing was taken; Shopify comes again."""
    door.intake.close()
    answer = await send(door, PAID, order())
    assert is_error(answer, 503, "stopping")
    assert answer.retry_after > 0


async def test_signed_webhooks_use_the_storefronts_bucket_and_others_do_not(tmp_path: Path) -> None:
    """Whoever cannot sign cannot use up what the shop may send."""
    write_secrets(tmp_path)
    async with doorway(tmp_path, EDIT, SLOW) as door:
        for _ in range(5):
            assert (await send(door, PAID, order(), "wrong")).status == 401
        assert [(await send(door, PAID, order())).status for _ in range(3)] == [200, 200, 429]


# ── privacy topics ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_redacted_customer_is_erased_before_the_answer(door: Doorway) -> None:
    """By the address and by each order, and what these lead to; the register has a line that is done."""
    yes = {"advertising": True}
    await door.post({"events": [purchase("1", customer={"email": JOHN}), purchase("280263", consent=yes), purchase("2")]})
    assert (await send(door, "customers/redact", published("customer_redact"))).status == 200
    assert await ids(door) == []  # order 280263 led to Jane, whose event 2 is
    (line,) = await door.desk.requests(SHOP)
    assert (line.right, line.done_at, dict(line.counts)["meta.waiting"]) == (Right.ERASE, NOW, 3)
    assert door.metric("webhooks_total", topic="customers/redact", outcome="erased") == 1
    assert door.metric("rights_total", right="erase", via="shopify") == 1


async def test_a_redaction_names_others_not(door: Doorway) -> None:
    """What is of somebody else stays."""
    await door.post({"events": [purchase("1", customer={"email": JOHN}), purchase("2")]})
    await send(door, "customers/redact", published("customer_redact") | {"orders_to_redact": []})
    assert await ids(door) == ["2"]


async def test_an_address_that_is_none_does_not_keep_the_orders(door: Doorway) -> None:
    """Nothing was ever kept under it; the orders are erased all the same."""
    await door.post(purchase("299938"))
    await send(door, "customers/redact", published("customer_redact") | {"customer": {"email": "none"}})
    assert await ids(door) == []


async def test_a_data_request_waits_for_an_operator(door: Doorway) -> None:
    """An open line with its date; repeated it is the same line; the command for access closes it."""
    for _ in range(2):
        assert (await send(door, "customers/data_request", published("data_request"))).status == 200
    (line,) = door.desk.open_requests(SHOP)
    assert (line.right, line.asked_at, line.due_at, line.done_at) == (Right.ACCESS, NOW, NOW + 30 * 86_400, None)
    assert door.log.getvalue().count("request_noted") == 1
    asked = read_asked(b'{"email": "john@example.com"}')
    assert isinstance(asked, Asked)
    told = await door.desk.access(SHOP, asked.naming, Law.GDPR, Via.OPERATOR)
    assert told.request.number == line.number
    assert door.desk.open_requests(SHOP) == []


async def test_a_redacted_shop_waits_for_an_operator(door: Doorway) -> None:
    """One open line of its own, which no person's request closes."""
    for _ in range(2):
        assert (await send(door, "shop/redact", published("shop_redact"))).status == 200
    await send(door, "customers/redact", published("customer_redact"))
    (line,) = door.desk.open_requests(SHOP)
    assert (line.right, line.persons, line.storefront) == (Right.ERASE, (), SHOP)
    assert line.counts == (("whole_storefront", 1),)
    assert door.metric("webhooks_total", topic="shop/redact", outcome="noted") == 2


async def test_a_person_without_address_and_orders_cannot_be_found(door: Doorway) -> None:
    """A customer's number alone finds nothing here; it is counted, and no line is left that nobody could close."""
    for topic in (Topic.CUSTOMERS_REDACT, Topic.DATA_REQUEST):
        assert (await send(door, topic, {"shop_domain": DOMAIN, "customer": {"id": 191167}})).status == 200
        assert door.metric("webhooks_total", topic=topic, outcome="nobody") == 1
    assert await door.desk.requests(SHOP) == []


async def test_a_privacy_topic_is_for_the_shop_that_its_body_names(door: Doorway) -> None:
    """An app's secret signs for all shops that have it, and the header is not signed."""
    body = published("customer_redact") | {"shop_domain": "another.myshopify.com"}
    await door.post(purchase("1", customer={"email": JOHN}))
    assert is_error(await send(door, "customers/redact", body), 401, "bad_signature")
    assert is_error(await send(door, "customers/redact", order()), 401, "bad_signature")
    assert await ids(door) == ["1"]


async def test_a_privacy_topic_that_cannot_be_read_is_not_acknowledged(door: Doorway) -> None:
    """A duty must not get lost in silence: Shopify comes again, and shows the shop that it fails."""
    body = published("customer_redact") | {"orders_to_redact": ["#1001"]}
    assert is_error(await send(door, "customers/redact", body), 400, "invalid_request")
    assert is_error(await send(door, "customers/redact", b"x"), 400, "not_json")
    assert door.metric("webhooks_total", topic="customers/redact", outcome="invalid") == 2
    assert await door.desk.requests(SHOP) == []


# ── refunds ──────────────────────────────────────────────────────────────────────────────────────────────────────

REFUNDED: Final = "refunds/create"


@pytest.fixture
async def withholding(tmp_path: Path) -> AsyncIterator[Doorway]:
    """The open door of a shop at Shopify whose refunds keep orders from going."""
    write_secrets(tmp_path)
    async with doorway(tmp_path, EDIT, WITHHOLD) as opened:
        yield opened


async def bought(door: Doorway) -> None:
    """Let the published order wait."""
    await consent(door, BY_ORDER)
    assert (await send(door, PAID, order())).status == 200
    assert await ids(door) == ["450789469"]


async def refunds(door: Doorway, outcome: str) -> float:
    """How many refunds came to this."""
    return door.metric("webhooks_total", storefront=SHOP, topic=REFUNDED, outcome=outcome)


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
async def test_a_full_refund_withholds_its_order(withholding: Doorway, secret: str) -> None:
    """Before the answer, which is an empty 200; no event is made of it, and nobody is asked for consent."""
    await bought(withholding)
    answer = await send(withholding, REFUNDED, refund(), secret)
    assert (answer.status, answer.body) == (200, b"")
    assert is_quiet(answer)
    assert await ids(withholding) == []
    assert await refunds(withholding, "withheld") == 1
    assert withholding.metric("events_total") == 1, "the order alone"
    told = await withholding.outbox.explain(SHOP, Kind.PURCHASE, EventId("450789469"))
    assert told is not None
    assert {(attempt.state, attempt.reason) for attempt in told.attempts} == {("withdrawn", Reason.REFUNDED)}


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (refund("598.93"), "in_part"),
        (refund(currency="EUR"), "other_currency"),
        (refund(status="pending"), "no_money"),
        (refund(status="failure"), "no_money"),
        (refund() | {"order_id": 450789470}, "nothing_waits"),
        (refund() | {"order_id": "#1001"}, "invalid"),
        (refund() | {"transactions": None, "refund_line_items": published("refund")["refund_line_items"]}, "no_money"),
    ],
)
async def test_a_refund_that_undoes_nothing_changes_nothing(withholding: Doorway, body: dict[str, Any], outcome: str) -> None:
    """200 all the same, and counted by what it came to; it is no event, so it is no invalid one either."""
    await bought(withholding)
    before = await withholding.book()
    assert (await send(withholding, REFUNDED, body)).status == 200
    assert await ids(withholding) == ["450789469"]
    assert await withholding.book() == before
    assert await refunds(withholding, outcome) == 1
    assert withholding.metric("events_total") == 1


async def test_refunds_in_part_add_up_each_once(withholding: Doorway) -> None:
    """Repeated under another delivery's id, or signed by nobody else than before: the body's own id counts."""
    await bought(withholding)
    for number in range(4):
        again = {"X_Shopify_Webhook_Id": f"b54557e4-bdd9-4b37-8a5f-bf7d70bcd{number:03}"}
        assert (await send(withholding, REFUNDED, refund("300.00", 1), **again)).status == 200
    assert await ids(withholding) == ["450789469"]
    await send(withholding, REFUNDED, refund("298.94", 2))
    assert await ids(withholding) == []
    assert (await refunds(withholding, "in_part"), await refunds(withholding, "withheld")) == (4, 1)


async def test_a_refund_that_nobody_signed_is_not_read(withholding: Doorway) -> None:
    """Whoever could take orders out could falsify what the shop sold."""
    await bought(withholding)
    assert is_error(await send(withholding, REFUNDED, refund(), "another"), 401, "bad_signature")
    other = {"X_Shopify_Hmac_Sha256": signed(as_bytes(refund("1.00")))}
    assert is_error(await send(withholding, REFUNDED, refund(), **other), 401, "bad_signature")
    assert await ids(withholding) == ["450789469"]
    assert withholding.metric("webhooks_total", topic=REFUNDED) == 0


async def test_an_unreadable_refund_is_not_acknowledged(withholding: Doorway) -> None:
    """Signed, and no JSON: as with every other topic."""
    assert is_error(await send(withholding, REFUNDED, b"x"), 400, "not_json")


async def test_an_order_that_comes_after_its_refund_is_refused(withholding: Doorway) -> None:
    """By webhook, by a page, by a server; and whoever asks why is told."""
    await consent(withholding, BY_ORDER)
    await send(withholding, REFUNDED, refund())
    assert (await send(withholding, PAID, order())).status == 200
    assert withholding.metric("events_total", source="shopify", status="refused", reason="refunded") == 1
    paid = {"order": {"value": "598.94", "currency": "USD"}}
    (result,) = (await withholding.post(purchase("450789469", **paid))).results
    assert (result["status"], result["reason"]) == ("refused", "refunded")
    assert set(result["refused_destinations"].values()) == {"refunded"}
    assert await ids(withholding) == []


async def test_an_order_that_is_held_for_its_record_stays_refused_after_a_refund(tmp_path: Path) -> None:
    """The record comes, and says yes; the money had gone back by then."""
    write_secrets(tmp_path)
    async with doorway(tmp_path, EDIT, WITHHOLD, HOLDING) as door:
        await send(door, PAID, order())
        await send(door, REFUNDED, refund())
        await consent(door, BY_ORDER)
        assert await ids(door) == []
        assert door.metric("events_total", source="held", status="refused", reason="refunded") == 1


async def test_a_refund_is_heard_though_the_store_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes something out; an order is put off."""
    write_secrets(tmp_path)
    async with doorway(tmp_path, EDIT, WITHHOLD) as door:
        await bought(door)
        monkeypatch.setattr(door.outbox._writer, "_full", True)
        assert is_error(await send(door, PAID, order(id=2)), 503, "store_full")
        assert (await send(door, REFUNDED, refund())).status == 200
        assert await ids(door) == []


# ── WooCommerce ──────────────────────────────────────────────────────────────────────────────────────────────────

UPDATED: Final = "order.updated"
BY_KEY: Final = {"join": {"checkout_token": "wc_order_58d2d042d1d"}}
HANDED: Final = [{"id": 1, "key": RECEIPT_META, "value": RECEIPT}]


@pytest.fixture
async def wooed(tmp_path: Path) -> AsyncIterator[Doorway]:
    """The open door of a shop on WooCommerce."""
    write_secrets(tmp_path)
    async with doorway(tmp_path, woocommerce.EDIT) as opened:
        yield opened


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
@pytest.mark.parametrize("topic", ["order.created", UPDATED])
async def test_woocommerce_tells_of_an_order(wooed: Doorway, secret: str, topic: str) -> None:
    """Either secret signs, either topic tells; the event has the order's number and money, and its page's origin."""
    await consent(wooed, {"receipt": RECEIPT})
    answer = await woocommerce.send(wooed, topic, woocommerce.order(meta_data=HANDED), secret)
    assert (answer.status, answer.body) == (200, b"")
    event = await wooed.only()
    assert (event.event_id, event.page_origin, event.occurred_at) == ("727", "https://shop.example", NOW - 60)
    assert event.money is not None
    assert (event.money.minor, event.money.currency) == (2_935, "USD")
    assert wooed.metric("events_total", source="woocommerce", status="accepted") == 1


async def test_the_thankful_pages_record_is_found_by_the_orders_key(wooed: Doorway) -> None:
    """It stands in that page's address, and nobody else has it."""
    await consent(wooed, BY_KEY)
    await woocommerce.send(wooed, UPDATED, woocommerce.order())
    assert await ids(wooed) == ["727"]


async def test_woocommerces_order_counts_once_and_only_with_a_record(wooed: Doorway) -> None:
    """It is told of whenever it is saved; before the record came it was refused, and after it is a repeat."""
    for _ in range(2):
        assert (await woocommerce.send(wooed, UPDATED, woocommerce.order(meta_data=HANDED))).status == 200
    assert await ids(wooed) == []
    await consent(wooed, {"receipt": RECEIPT})
    for status in ("pending", "processing", "completed"):
        await woocommerce.send(wooed, UPDATED, woocommerce.order(meta_data=HANDED, status=status))
    assert await ids(wooed) == ["727"]
    told = {status: wooed.metric("events_total", source="woocommerce", status=status) for status in ("refused", "duplicate")}
    assert told == {"refused": 2, "duplicate": 1}
    assert wooed.metric("webhooks_total", topic=UPDATED, outcome="not_yet") == 1


async def test_an_old_order_that_is_saved_again_is_counted_apart(wooed: Doorway) -> None:
    """A parcel's number that is written into it is no purchase."""
    await consent(wooed, BY_KEY)
    wooed.clock.pass_by(9 * 86_400)
    assert (await woocommerce.send(wooed, UPDATED, woocommerce.order())).status == 200
    assert await ids(wooed) == []
    assert wooed.metric("webhooks_total", topic=UPDATED, outcome="long_ago") == 1
    assert wooed.metric("events_total") == 0


async def test_woocommerces_refunded_order_is_withheld_where_the_settings_say_so(tmp_path: Path) -> None:
    """Under the number of its purchase; told again it finds nothing more, and one that comes later is refused."""
    write_secrets(tmp_path)
    async with doorway(tmp_path, woocommerce.EDIT, ("shop_urls = ", 'refunds = "withhold"\nshop_urls = ')) as door:
        await consent(door, BY_KEY)
        await woocommerce.send(door, UPDATED, woocommerce.order())
        assert await ids(door) == ["727"]
        for _ in range(2):
            assert (await woocommerce.send(door, UPDATED, woocommerce.order(status="refunded"))).status == 200
        assert await ids(door) == []
        outcomes = ("withheld", "nothing_waits", "order")
        assert [door.metric("webhooks_total", topic=UPDATED, outcome=one) for one in outcomes] == [1, 1, 1]
        await woocommerce.send(door, UPDATED, woocommerce.order(id=728, status="refunded"))
        await woocommerce.send(door, UPDATED, woocommerce.order(id=728))
        assert door.metric("events_total", source="woocommerce", status="refused", reason="refunded") == 1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"status": "refunded"}, Refusal.CANCELLED_ORDER),
        ({"created_via": "admin"}, Refusal.DRAFT_ORDER),
        ({"created_via": "subscription"}, Refusal.RENEWAL_ORDER),
        ({"created_via": "pos-rest-api"}, Refusal.POS_ORDER),
        ({"created_via": "import"}, Refusal.OTHER_CHANNEL),
    ],
)
async def test_woocommerces_order_that_no_visitor_made_is_refused(
    wooed: Doorway, changes: dict[str, Any], why: Refusal
) -> None:
    """Though a record allows it."""
    await consent(wooed, BY_KEY)
    assert (await woocommerce.send(wooed, UPDATED, woocommerce.order(**changes))).status == 200
    assert await ids(wooed) == []
    assert wooed.metric("events_total", source="woocommerce", status="refused", reason=why) == 1


@pytest.mark.parametrize("topic", ["order.deleted", "order.restored", "product.updated", "action.woocommerce_payment_complete"])
async def test_woocommerces_other_topics_are_acknowledged(wooed: Doorway, topic: str) -> None:
    """They are no events."""
    assert (await woocommerce.send(wooed, topic, {"id": 727})).status == 200
    assert wooed.metric("webhooks_total", outcome="ignored") == 1


@pytest.mark.parametrize(
    "header",
    [
        {"X_WC_Webhook_Signature": signed(as_bytes(woocommerce.order()), "another")},
        {"X_WC_Webhook_Signature": ""},
        {"X_WC_Webhook_Source": "https://another.example/"},
        {"X_WC_Webhook_Source": ""},
    ],
)
async def test_what_woocommerce_did_not_sign_for_the_shop_is_not_read(wooed: Doorway, header: dict[str, str]) -> None:
    """All the same 401, and nothing is counted of it."""
    assert is_error(await woocommerce.send(wooed, UPDATED, woocommerce.order(), **header), 401, "bad_signature")
    assert wooed.metric("events_total") == wooed.metric("webhooks_total") == 0


async def test_the_ping_at_a_webhooks_making_is_answered(wooed: Doorway) -> None:
    """Unsigned, and 200 or the admin shows an error; nothing else passes for it."""
    path, form = "/v1/woocommerce/webhooks", {"Content_Type": "application/x-www-form-urlencoded"}
    assert (await wooed.ask("POST", path, b"webhook_id=3", **form)).status == 200
    for other in (b"webhook_id=x", b"", b"webhook_id=3&x=1", b"webhook_id=" + b"3" * 21, as_bytes(woocommerce.order())):
        assert is_error(await wooed.ask("POST", path, other, **form), 401, "bad_signature")
    assert wooed.metric("events_total") == wooed.metric("webhooks_total") == 0


async def test_without_a_shop_on_woocommerce_not_even_a_ping_is_answered(door: Doorway) -> None:
    """A shop that is missing in the settings is told so at once. One platform's signature opens no other's route."""
    assert is_error(await door.ask("POST", "/v1/woocommerce/webhooks", b"webhook_id=3"), 401, "bad_signature")
    assert is_error(await woocommerce.send(door, UPDATED, woocommerce.order()), 401, "bad_signature")


# ── PrestaShop ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def presta(tmp_path: Path) -> AsyncIterator[Doorway]:
    """The open door of a shop on PrestaShop."""
    write_secrets(tmp_path)
    async with doorway(tmp_path, prestashop.EDIT) as opened:
        yield opened


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
async def test_prestashops_module_tells_of_an_order(presta: Doorway, secret: str) -> None:
    """Signed over the bytes that PHP writes; a repeat counts once."""
    await consent(presta, {"receipt": RECEIPT})
    for _ in range(2):
        assert (await prestashop.send(presta, prestashop.order(), secret)).status == 200
    event = await presta.only()
    assert (event.event_id, event.page_origin) == ("5", "https://shop.example")
    assert presta.metric("events_total", source="prestashop", status="duplicate") == 1


async def test_prestashops_order_goes_nowhere_without_a_record(presta: Doorway) -> None:
    """Or unpaid, taken back, made by somebody at the shop, under another secret."""
    assert (await prestashop.send(presta, prestashop.order())).status == 200
    assert presta.metric("events_total", source="prestashop", reason="no_consent_record") == 1
    await consent(presta, {"receipt": RECEIPT})
    for changes in ({"paid": False}, {"revoked": True}, {"by_employee": True}):
        assert (await prestashop.send(presta, prestashop.order(**changes))).status == 200
    assert is_error(await prestashop.send(presta, prestashop.order(), "another"), 401, "bad_signature")
    assert is_error(await prestashop.send(presta, b"<order/>"), 400, "not_json")
    assert await ids(presta) == []
    assert presta.metric("webhooks_total", topic="order", outcome="not_yet") == 1
