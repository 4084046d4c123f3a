"""Shopify's bodies: which orders become purchases, what of them, and that none of them is ever a consent."""

import json
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.consent.evidence import cited
from gateway.consent.place import UNREADABLE, place_of
from gateway.model.event import Refund
from gateway.model.money import Money
from gateway.model.texts import EventId, RefundId
from gateway.model.words import Fault, Kind, Refusal
from gateway.persons import Identifier
from gateway.raw import MAX_AGE, Malformed, RawEvent, Unfit
from gateway.sources.orders import NoNews
from gateway.sources.shopify import (
    ATTRIBUTE,
    CHANNELS,
    MAX_ORDERS,
    REFUNDS,
    Rules,
    Subject,
    Topic,
    order,
    order_number,
    refund,
    subject,
    topic_of,
)
from gateway.sources.strict import Unreadable
from tests.strategies import JSON

DATA: Final = Path(__file__).parent.parent.parent / "data/shopify"
RULES: Final = Rules()
ORDER: Final[dict[str, Any]] = json.loads((DATA / "order.json").read_text())
NOW: Final = 1_199_980_860
"""A minute after the order of the published example was processed."""


def said(**changes: Any) -> bytes:
    """The published order with some of its fields replaced."""
    return json.dumps(ORDER | changes).encode()


def read(**changes: Any) -> RawEvent:
    """The same, read."""
    event = order(said(**changes), NOW, RULES)
    assert isinstance(event, RawEvent)
    return event


# ── refunds ──────────────────────────────────────────────────────────────────────────────────────────────────────

REFUND: Final[dict[str, Any]] = json.loads((DATA / "refund.json").read_text())
(MOVED,) = REFUND["transactions"]


def paid_back(*transactions: dict[str, Any], **changes: Any) -> bytes:
    """The published refund with transactions of its own, each the published one with some of its fields replaced."""
    return json.dumps(REFUND | {"transactions": [MOVED | one for one in transactions]} | changes).encode()


def test_the_published_refund_is_money_for_its_order() -> None:
    """What its transaction moved; not what its lines come to, which is less."""
    assert refund(json.dumps(REFUND).encode(), NOW) == Refund(EventId("450789469"), RefundId("509562969"), Money(20_900, "USD"))


@pytest.mark.parametrize(
    ("transactions", "minor"),
    [
        (({}, {"amount": "0.01"}), 20_901),
        (({}, {"status": "pending"}), 20_900),
        (({}, {"status": "failure"}), 20_900),
        (({}, {"status": "error"}), 20_900),
        (({}, {"status": None}), 20_900),
        (({}, {"kind": "void"}), 20_900),
        (({}, {"kind": "sale", "currency": "EUR"}), 20_900),
        (({"amount": "0.00"},), 0),
    ],
)
def test_only_what_went_back_counts(transactions: tuple[dict[str, Any], ...], minor: int) -> None:
    """Refunds that succeeded, added up; what is pending or failed moved nothing."""
    found = refund(paid_back(*transactions), NOW)
    assert isinstance(found, Refund)
    assert found.money == Money(minor, "USD")


@pytest.mark.parametrize("transactions", [(), ({"status": "pending"},), ({"kind": "void"},)])
def test_a_refund_that_moved_nothing_is_no_news(transactions: tuple[dict[str, Any], ...]) -> None:
    """Goods that come back alone, or money that is still on its way."""
    assert refund(paid_back(*transactions), NOW) is NoNews.NO_MONEY


@pytest.mark.parametrize(
    ("body", "field", "fault"),
    [
        (paid_back({}, order_id=None), "order_id", Fault.MISSING),
        (paid_back({}, order_id="#1001"), "order_id", Fault.BAD_FORMAT),
        (paid_back({}, id=None), "id", Fault.MISSING),
        (paid_back({}, id=0), "id", Fault.BAD_FORMAT),
        (paid_back({}, transactions={}), "transactions", Fault.WRONG_TYPE),
        (paid_back({}, transactions=["209.00"]), "transactions", Fault.WRONG_TYPE),
        (paid_back({"kind": 1}), "kind", Fault.WRONG_TYPE),
        (paid_back({"amount": None}), "transactions", Fault.MISSING),
        (paid_back({"amount": 209.0}), "transactions", Fault.WRONG_TYPE),
        (paid_back({"amount": "-209.00"}), "order.value", Fault.OUT_OF_RANGE),
        (paid_back({"amount": "2e2"}), "order.value", Fault.BAD_FORMAT),
        (paid_back({"currency": "US$"}), "order.currency", Fault.NOT_ONE_OF),
        (paid_back({}, {"currency": "EUR"}), "transactions", Fault.CONFLICT),
        (paid_back({"amount": "9999999.00"}, {"amount": "9.00"}), "transactions", Fault.OUT_OF_RANGE),
        (b"[]", "body", Fault.WRONG_TYPE),
    ],
)
def test_a_refund_that_cannot_be_meant_is_invalid(body: bytes, field: str, fault: Fault) -> None:
    """The fault names the field and the rule: which order, which refund, how much of what."""
    assert refund(body, NOW) == Malformed(field, fault, Kind.PURCHASE)


@given(JSON)
def test_any_json_is_a_refund_or_none(body: Any) -> None:
    """Nothing but these three answers, whatever stands where."""
    assert isinstance(refund(json.dumps(body).encode(), NOW), Refund | NoNews | Malformed)


@pytest.mark.parametrize(("refunds", "topics"), [("ignore", {Topic.ORDERS_PAID}), ("withhold", {Topic.ORDERS_PAID, *REFUNDS})])
def test_refunds_are_read_where_the_settings_say_so(refunds: Literal["ignore", "withhold"], topics: set[Topic]) -> None:
    """By default nobody reads them."""
    assert set(Rules(refunds=refunds).reads) == topics
    assert Rules().refunds == "ignore"


# ── orders ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_published_order_is_a_purchase() -> None:
    """Exactly these fields are read of it; all others keep their defaults."""
    assert read() == RawEvent(
        kind=Kind.PURCHASE,
        event_id=read().event_id,
        occurred_at=NOW - 60,
        page_url="https://apple.myshopify.com/",
        email="bob.norman@mail.example.com",
        ip="0.0.0.0",  # noqa: S104 - what the example has
        country="US",
        region="KY",
        money=Money(59_894, "USD"),
        content_ids=("39072856", "49148385", "457924702"),
        consent={
            "join": {
                "order_id": "450789469",
                "cart_token": "68778783ad298f1c80c3bafcddeea02f",
                "checkout_token": "bd5a8aa1ecd019dd3520ff791ee3a24c",
            }
        },
    )
    assert read().event_id == "450789469"


@pytest.mark.parametrize(
    "value", [450789469, "450789469", "gid://shopify/Order/450789469", "gid://shopify/OrderIdentity/450789469", "0450789469"]
)
def test_however_an_order_is_named_it_has_one_number(value: object) -> None:
    """Pixels say a `gid://…`, webhooks a number: both are one conversion."""
    assert read(id=value).event_id == "450789469"


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (None, Fault.MISSING),
        (True, Fault.WRONG_TYPE),
        (1.5, Fault.WRONG_TYPE),
        ([1], Fault.WRONG_TYPE),
        (0, Fault.BAD_FORMAT),
        (-5, Fault.BAD_FORMAT),
        ("#1001", Fault.BAD_FORMAT),
        ("٤٥٠", Fault.BAD_FORMAT),
        ("gid://shopify/Refund/1", Fault.BAD_FORMAT),
        ("450789469\n", Fault.BAD_FORMAT),
    ],
)
def test_what_is_no_order_number_is_invalid(value: object, fault: Fault) -> None:
    """The fault names the field; there is no event without its number."""
    assert order(said(id=value), NOW, RULES) == Malformed("id", fault, Kind.PURCHASE)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"test": True}, Refusal.TEST_ORDER),
        ({"test": "false"}, Refusal.TEST_ORDER),
        ({"test": 0}, Refusal.TEST_ORDER),
        ({"cancelled_at": "2008-01-10T11:00:30-05:00"}, Refusal.CANCELLED_ORDER),
        ({"source_name": "pos"}, Refusal.POS_ORDER),
        ({"source_name": "shopify_draft_order"}, Refusal.DRAFT_ORDER),
        ({"source_name": "subscription_contract"}, Refusal.RENEWAL_ORDER),
        ({"source_name": "subscription_contract_checkout_one"}, Refusal.RENEWAL_ORDER),
        ({"source_name": "1354745"}, Refusal.OTHER_CHANNEL),
        ({"source_name": "Web"}, Refusal.OTHER_CHANNEL),
        ({"source_name": None}, Refusal.OTHER_CHANNEL),
    ],
)
def test_an_order_that_no_visitor_made_counts_nowhere(changes: dict[str, Any], why: Refusal) -> None:
    """Each has a reason of its own; a flag that is not a plain no is a yes."""
    event = order(said(**changes), NOW, RULES)
    assert isinstance(event, Unfit)
    assert (event.kind, event.event_id, event.why) == (Kind.PURCHASE, "450789469", why)


def test_a_test_notification_counts_nowhere() -> None:
    """What the admin's button sends is marked as a test."""
    event = order((DATA / "test_order.json").read_bytes(), NOW, RULES)
    assert isinstance(event, Unfit)
    assert (event.event_id, event.why) == ("820982911946154508", Refusal.TEST_ORDER)


def test_a_channel_that_is_named_counts() -> None:
    """A headless shop's own channel; a till never does, even where it is named."""
    rules = Rules(source_names=frozenset({"1234567", *CHANNELS}))
    assert isinstance(order(said(source_name="1234567"), NOW, rules), RawEvent)
    assert isinstance(order(said(source_name="web"), NOW, rules), Unfit)
    assert all(isinstance(order(said(source_name=name), NOW, rules), Unfit) for name in CHANNELS)


@pytest.mark.parametrize(
    ("changes", "money"),
    [
        ({}, Money(59_894, "USD")),
        ({"total_price_set": None}, Money(59_894, "USD")),
        ({"total_price_set": {"presentment_money": {"amount": "4890", "currency_code": "JPY"}}}, Money(4_890, "JPY")),
        ({"total_price_set": {"presentment_money": {"amount": "4890.00", "currency_code": "JPY"}}}, Money(4_890, "JPY")),
        ({"total_price_set": {"presentment_money": {"amount": "0.10", "currency_code": "EUR"}}}, Money(10, "EUR")),
        ({"total_price_set": {"shop_money": {"amount": "1.00", "currency_code": "USD"}}}, Money(59_894, "USD")),
        ({"total_price_set": None, "total_price": "0.00"}, Money(0, "USD")),
    ],
)
def test_the_value_is_what_the_buyer_saw(changes: dict[str, Any], money: Money) -> None:
    """Amount and currency come from the same place, exactly."""
    assert read(**changes).money == money


@pytest.mark.parametrize(
    ("changes", "field", "fault"),
    [
        ({"total_price_set": None, "total_price": None}, "total_price", Fault.MISSING),
        ({"total_price_set": None, "currency": None}, "total_price", Fault.MISSING),
        ({"total_price_set": None, "total_price": 598.94}, "total_price", Fault.WRONG_TYPE),
        ({"total_price_set": {"presentment_money": {"amount": "5.00"}}}, "total_price", Fault.MISSING),
        ({"total_price_set": None, "total_price": "-1.00"}, "order.value", Fault.OUT_OF_RANGE),
        ({"total_price_set": None, "currency": "XXX"}, "order.currency", Fault.NOT_ONE_OF),
        ({"total_price_set": []}, "total_price_set", Fault.WRONG_TYPE),
        ({"processed_at": None, "created_at": None}, "occurred_at", Fault.MISSING),
        ({"processed_at": "yesterday"}, "occurred_at", Fault.BAD_FORMAT),
        ({"email": {}}, "email", Fault.WRONG_TYPE),
        ({"email": "e" * 5000}, "email", Fault.TOO_LONG),
        ({"cart_token": 5}, "cart_token", Fault.WRONG_TYPE),
        ({"line_items": {}}, "line_items", Fault.WRONG_TYPE),
        ({"line_items": [7]}, "line_items", Fault.WRONG_TYPE),
        ({"note_attributes": "consent_receipt"}, "note_attributes", Fault.WRONG_TYPE),
        ({"shipping_address": "US"}, "shipping_address", Fault.WRONG_TYPE),
        ({"source_name": 5}, "source_name", Fault.WRONG_TYPE),
    ],
)
def test_a_field_that_breaks_its_rule_makes_the_order_invalid(changes: dict[str, Any], field: str, fault: Fault) -> None:
    """Field and rule are named, never the value; the order keeps its number."""
    event = order(said(**changes), NOW, RULES)
    assert isinstance(event, Malformed)
    assert (event.field, event.fault, event.kind, event.event_id) == (field, fault, Kind.PURCHASE, "450789469")


def test_an_order_has_the_time_of_its_payment_else_of_its_making() -> None:
    """`processed_at` goes before `created_at`; ahead of the clock it is set to now, too old it is invalid."""
    assert read(processed_at="2008-01-10T10:58:00-05:00").occurred_at == NOW - 180
    assert read(processed_at=None, created_at="2008-01-10T10:59:00-05:00").occurred_at == NOW - 120
    ahead = read(processed_at="2008-01-10T11:02:00-05:00")
    assert (ahead.occurred_at, ahead.set_to_now) == (NOW, True)
    late = order(said(), NOW + MAX_AGE, RULES)
    assert isinstance(late, Malformed)
    assert late.fault is Fault.TOO_OLD


def test_what_opens_an_order_is_not_in_its_page() -> None:
    """Of the status page's address only the origin is kept: the rest is as good as a password."""
    assert read(order_status_url="https://shop.example/1/orders/secret?key=secret").page_url == "https://shop.example/"
    for odd in ("http://shop.example/x", "https://u:p@shop.example/", "javascript:x", "https://shop.example:99x/", "", None):
        assert read(order_status_url=odd).page_url is None


def test_the_browser_is_not_described() -> None:
    """The address is read, to be cut; the browser's name, language and session are not."""
    details = {"browser_ip": "203.0.113.7", "user_agent": "Mozilla/5.0", "session_hash": "x"}
    event = read(browser_ip="203.0.113.7", client_details=details)
    assert (event.ip, event.user_agent) == ("203.0.113.7", None)


def test_the_contact_address_stands_in_for_the_buyers() -> None:
    """Where an order has no address of its own."""
    assert read(email=None).email == "bob.norman@mail.example.com"
    assert read(email="", contact_email=None).email is None


@pytest.mark.parametrize(
    ("shipping", "billing", "place"),
    [
        ({"country_code": "FR"}, {"country_code": "FR", "province_code": "75"}, ("FR", "75")),
        ({"country_code": "FR"}, None, ("FR", None)),
        (None, {"country_code": "US", "province_code": "CA"}, ("US", "CA")),
        ({"country_code": "US", "province_code": "CA"}, {"country_code": "US", "province_code": "NY"}, ("US", None)),
        ({"country_code": "US", "province_code": "CA"}, {"country_code": "FR"}, ("?", None)),
        (None, None, (None, None)),
    ],
)
def test_addresses_that_differ_are_in_doubt(shipping: object, billing: object, place: tuple[str, str]) -> None:
    """A buyer counts as in the United States only if both addresses say so: a doubt is where consent must be asked for."""
    event = read(shipping_address=shipping, billing_address=billing)
    assert (event.country, event.region) == place


def test_addresses_that_differ_are_unreadable_to_whoever_decides() -> None:
    """The word that stands for them is no country's, wherever else the buyer may be."""
    event = read(billing_address={"country_code": "FR"})
    place = place_of(((event.country, event.region), ("US", "CA")))
    assert (place.country, place.in_us) == (UNREADABLE, False)


def test_a_line_without_a_variant_has_its_product() -> None:
    """Only numbers are taken, of a hundred lines at most: a long order is no bad order."""
    lines = [{"variant_id": 1, "product_id": 2}, {"variant_id": None, "product_id": 3}, {"title": "Tip"}, {"variant_id": "4"}]
    assert read(line_items=lines).content_ids == ("1", "3")
    assert len(read(line_items=[{"variant_id": 1}] * 150).content_ids) == 100


# ── consent ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_order_cites_all_that_its_record_can_be_found_by() -> None:
    """The cart, the checkout, its own number, and the receipt that the theme put into the cart."""
    receipt = {"name": ATTRIBUTE, "value": "page-receipt-0123456789"}
    event = read(note_attributes=[{"name": "colour", "value": "green"}, receipt])
    assert cited(event.consent) == (
        (Identifier.CART_TOKEN, "68778783ad298f1c80c3bafcddeea02f"),
        (Identifier.CHECKOUT_TOKEN, "bd5a8aa1ecd019dd3520ff791ee3a24c"),
        (Identifier.ORDER_ID, "450789469"),
        (Identifier.RECEIPT, "page-receipt-0123456789"),
    )


def test_an_order_without_tokens_cites_its_number() -> None:
    """Some express wallets leave both out."""
    assert cited(read(cart_token=None, checkout_token="").consent) == ((Identifier.ORDER_ID, "450789469"),)


def test_two_receipts_cite_nothing_that_could_be_told() -> None:
    """Which one is meant is not for the gateway to choose; the same one twice is one."""
    two = [{"name": ATTRIBUTE, "value": "a"}, {"name": ATTRIBUTE, "value": "b"}]
    assert cited(read(note_attributes=two).consent) is None
    assert cited(read(note_attributes=two[:1] * 2).consent) == cited(read(note_attributes=two[:1]).consent)


def test_a_newsletters_permission_is_not_read() -> None:
    """`buyer_accepts_marketing` and `email_marketing_consent` change nothing, whatever they say."""
    customer = ORDER["customer"] | {"accepts_marketing": True, "email_marketing_consent": {"state": "subscribed"}}
    assert read(buyer_accepts_marketing=True, customer=customer) == read()


FIELDS: Final = sorted(ORDER)


@given(changes=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=6), more=st.dictionaries(st.text(), JSON, max_size=4))
def test_whatever_an_order_says_it_is_no_consent(changes: dict[str, Any], more: dict[str, Any]) -> None:
    """Any value in any field: an event, an unfit one or a malformed one, and never a consent beyond a citation."""
    event = order(json.dumps(more | ORDER | changes).encode("utf-8", "surrogatepass"), NOW, RULES)
    if isinstance(event, RawEvent):
        assert isinstance(event.consent, dict)
        assert event.consent.keys() <= {"join", "receipt"}
        assert event.event_id.isdigit()
    else:
        assert isinstance(event, Unfit | Malformed)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_unreadable(body: bytes) -> None:
    """A body that is no JSON is told as such; everything else is read or faulted."""
    for reads in (lambda: order(body, NOW, RULES), lambda: subject(body)):
        try:
            found = reads()
        except Unreadable:
            continue
        assert isinstance(found, Malformed | Subject)


@pytest.mark.parametrize(
    ("body", "fault"),
    [(b"[]", Fault.WRONG_TYPE), (b'{"id": 1, "id": 2}', Fault.DUPLICATE_KEY), (b'{"id": 1, "x": NaN}', Fault.NOT_FINITE)],
)
def test_a_body_is_read_strictly(body: bytes, fault: Fault) -> None:
    """Two readers of one body never see two orders, nor two persons."""
    assert order(body, NOW, RULES) == Malformed("body", fault, Kind.PURCHASE)
    assert subject(body) == Malformed("body", fault)


# ── privacy topics ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("data_request", Subject("example-shop.myshopify.com", "john@example.com", ("299938", "280263", "220458"))),
        ("customer_redact", Subject("example-shop.myshopify.com", "john@example.com", ("299938", "280263", "220458"))),
        ("shop_redact", Subject("example-shop.myshopify.com")),
    ],
)
def test_the_published_privacy_bodies_name_whom_they_are_about(name: str, expected: Subject) -> None:
    """The address and the orders; the phone number and the customer's number are no use here and not read."""
    assert subject((DATA / f"{name}.json").read_bytes()) == expected
    assert repr(expected) == "<Subject>"


def test_a_privacy_body_may_name_an_address_only() -> None:
    """Or nothing but the shop."""
    only = {"shop_domain": "a.myshopify.com", "customer": {"email": "john@example.com"}}
    assert subject(json.dumps(only).encode()) == Subject("a.myshopify.com", "john@example.com")
    assert subject(b"{}") == Subject("")


@pytest.mark.parametrize(
    ("changes", "field", "fault"),
    [
        ({"orders_to_redact": [1, "x"]}, "orders", Fault.BAD_FORMAT),
        ({"orders_to_redact": {"1": 1}}, "orders_to_redact", Fault.WRONG_TYPE),
        ({"orders_to_redact": list(range(1, MAX_ORDERS + 2))}, "orders", Fault.TOO_LONG),
        ({"customer": "john@example.com"}, "customer", Fault.WRONG_TYPE),
        ({"customer": {"email": 5}}, "email", Fault.WRONG_TYPE),
        ({"shop_domain": 5}, "shop_domain", Fault.WRONG_TYPE),
    ],
)
def test_a_privacy_body_that_cannot_be_meant_is_not_half_done(changes: dict[str, Any], field: str, fault: Fault) -> None:
    """One name that cannot be read spoils the whole: less would be found than was meant."""
    about = json.loads((DATA / "customer_redact.json").read_text()) | changes
    assert subject(json.dumps(about).encode()) == Malformed(field, fault)


@given(value=JSON)
def test_any_value_is_a_number_or_a_fault(value: Any) -> None:
    """In every place of a privacy body."""
    for field in ("shop_domain", "customer", "orders_to_redact", "orders_requested"):
        about = json.loads((DATA / "customer_redact.json").read_text()) | {field: value}
        assert isinstance(subject(json.dumps(about).encode("utf-8", "surrogatepass")), Subject | Malformed)


@given(st.integers(min_value=1, max_value=10**20 - 1))
def test_an_orders_number_survives_every_spelling(number: int) -> None:
    """As a number, as text, and as both kinds of global id."""
    spellings = (number, str(number), f"gid://shopify/Order/{number}", f"gid://shopify/OrderIdentity/{number}")
    assert {order_number(one, "id") for one in spellings} == {str(number)}


@pytest.mark.parametrize(
    ("name", "topic"),
    [*((topic.value, topic) for topic in Topic), ("orders/updated", Topic.OTHER), ("", Topic.OTHER), (None, Topic.OTHER)],
)
def test_a_topic_is_one_of_those_that_mean_something_or_other(name: str | None, topic: Topic) -> None:
    """A closed set: a header is a metric's label then."""
    assert topic_of(name) is topic
