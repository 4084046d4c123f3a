"""WooCommerce's orders: which become purchases, what of them, and that none of them is ever a consent."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.consent.evidence import cited
from gateway.model.event import Refund
from gateway.model.money import Money
from gateway.model.texts import EventId, RefundId
from gateway.model.words import Fault, Kind, Refusal
from gateway.persons import Identifier
from gateway.raw import MAX_AGE, Malformed, RawEvent, Unfit
from gateway.sources.orders import NoNews
from gateway.sources.strict import Unreadable
from gateway.sources.woocommerce import CHANNELS, CLIENT_META, MODE_META, RECEIPT_META, RENEWAL_META, REVOKED, Rules, order
from tests.effort import seconds
from tests.strategies import JSON

DATA: Final = Path(__file__).parent.parent.parent / "data/woocommerce"
RULES: Final = Rules()
ORDER: Final[dict[str, Any]] = json.loads((DATA / "order.json").read_text()) | {"created_via": "checkout"}
"""The published order, made in the shop's checkout."""
NOW: Final = 1_490_210_942
"""A minute after it was made."""


def said(**changes: Any) -> bytes:
    """The order with some of its fields replaced."""
    return json.dumps(ORDER | changes).encode()


def meta(**fields: Any) -> list[dict[str, Any]]:
    """The order's own fields."""
    return [{"id": number, "key": key, "value": value} for number, (key, value) in enumerate(fields.items(), 1)]


def read(**changes: Any) -> RawEvent:
    """Read a purchase."""
    event = order(said(**changes), NOW, RULES)
    assert isinstance(event, RawEvent)
    return event


def test_the_published_order_is_a_purchase() -> None:
    """Exactly these fields are read of it; all others keep their defaults."""
    assert read() == RawEvent(
        kind=Kind.PURCHASE,
        event_id=read().event_id,
        occurred_at=NOW - 60,
        email="john.doe@example.com",
        country="US",
        region="CA",
        money=Money(2_935, "USD"),
        content_ids=("93", "23"),
        consent={"join": {"order_id": "727", "checkout_token": "wc_order_58d2d042d1d"}},
    )
    assert read().event_id == "727"


@pytest.mark.parametrize("status", ["pending", "on-hold", "checkout-draft", "failed", "", None])
def test_an_order_that_is_not_paid_is_no_news_yet(status: str | None) -> None:
    """Another webhook will tell of it."""
    assert order(said(status=status), NOW, RULES) is NoNews.NOT_YET
    rules = Rules(statuses=frozenset({"on-hold"}))
    assert isinstance(order(said(status="on-hold"), NOW, rules), RawEvent)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        *(({"status": status}, Refusal.CANCELLED_ORDER) for status in sorted(REVOKED)),
        *(({"created_via": channel}, why) for channel, why in CHANNELS.items()),
        ({"created_via": "rest-api"}, Refusal.OTHER_CHANNEL),
        ({"created_via": ""}, Refusal.OTHER_CHANNEL),
        ({"created_via": None}, Refusal.OTHER_CHANNEL),
        ({"meta_data": meta(**{RENEWAL_META: "12"})}, Refusal.RENEWAL_ORDER),
        ({"meta_data": meta(**{RENEWAL_META: 12})}, Refusal.RENEWAL_ORDER),
        ({"meta_data": meta(**{MODE_META: "test"})}, Refusal.TEST_ORDER),
        ({"meta_data": meta(**{MODE_META: True})}, Refusal.TEST_ORDER),
    ],
)
def test_an_order_that_no_visitor_made_counts_nowhere(changes: dict[str, Any], why: Refusal) -> None:
    """Each has a reason of its own, whatever the status will be."""
    event = order(said(**changes), NOW, RULES)
    assert isinstance(event, Unfit)
    assert (event.kind, event.event_id, event.why) == (Kind.PURCHASE, "727", why)


WITHHOLDING: Final = Rules(refunds="withhold", event_id="number")


def test_a_refunded_order_is_all_its_money_where_the_settings_say_so() -> None:
    """Under the id that its purchase has; whoever made it, and however long ago."""
    whole = Refund(EventId("727"), RefundId("whole"), Money(2_935, "USD"))
    assert order(said(status="refunded"), NOW, WITHHOLDING) == whole
    assert order(said(status="refunded", created_via="admin"), NOW + 9 * MAX_AGE, WITHHOLDING) == whole
    assert isinstance(order(said(status="refunded"), NOW, RULES), Unfit), "by default it is refused"


@pytest.mark.parametrize("status", ["cancelled", "trash"])
def test_an_order_that_is_taken_back_otherwise_is_no_refund(status: str) -> None:
    """It may never have been paid."""
    assert isinstance(order(said(status=status), NOW, WITHHOLDING), Unfit)


def test_refunds_in_part_leave_an_order_as_it_is() -> None:
    """They stand in a list beside it, and its status does not change."""
    parts = [{"id": 726, "reason": "", "total": "-29.34"}]
    assert isinstance(order(said(refunds=parts), NOW, WITHHOLDING), RawEvent)


@pytest.mark.parametrize(
    ("changes", "field", "fault"),
    [
        ({"total": None}, "total", Fault.MISSING),
        ({"total": "x"}, "order.value", Fault.BAD_FORMAT),
        ({"currency": ""}, "order.currency", Fault.NOT_ONE_OF),
    ],
)
def test_a_refunded_order_of_unknown_worth_is_invalid(changes: dict[str, Any], field: str, fault: Fault) -> None:
    """Nobody could say how much went back."""
    told = order(said(status="refunded", **changes), NOW, WITHHOLDING)
    assert told == Malformed(field, fault, Kind.PURCHASE, EventId("727"))


def test_a_channel_that_is_named_counts_unless_nobody_is_asked_there() -> None:
    """A headless shop makes its orders by the API."""
    rules = Rules(created_via=frozenset({"rest-api", *CHANNELS}))
    assert isinstance(order(said(created_via="rest-api"), NOW, rules), RawEvent)
    assert all(isinstance(order(said(created_via=name), NOW, rules), Unfit) for name in CHANNELS)


def test_an_order_has_the_time_it_was_made() -> None:
    """However late it is paid: with another time it would count again once its number is forgotten."""
    assert read(date_paid_gmt="2017-03-22T19:29:00").occurred_at == NOW - 60
    ahead = read(date_created_gmt="2017-03-22T19:31:00")
    assert (ahead.occurred_at, ahead.set_to_now) == (NOW, True)


def test_an_old_order_that_is_touched_is_no_news() -> None:
    """It was counted or missed a week ago; one that is paid only now is told to be too old."""
    later = NOW + MAX_AGE
    assert order(said(), later, RULES) is NoNews.LONG_AGO
    assert order(said(date_paid_gmt=None), later, RULES) is NoNews.LONG_AGO
    late = order(said(date_paid_gmt="2017-03-29T19:28:00"), later, RULES)
    assert isinstance(late, Malformed)
    assert (late.field, late.fault) == ("occurred_at", Fault.TOO_OLD)


def test_the_number_may_be_what_customers_see() -> None:
    """Where the shop's pages report that one, both are one conversion only under it."""
    event = order(said(number="FR-2026.17"), NOW, Rules(event_id="number"))
    assert isinstance(event, RawEvent)
    assert event.event_id == "FR-2026.17"
    for number, fault in (("#17", Fault.BAD_FORMAT), ("1" * 65, Fault.TOO_LONG), (None, Fault.MISSING), (17, Fault.WRONG_TYPE)):
        assert order(said(number=number), NOW, Rules(event_id="number")) == Malformed("number", fault, Kind.PURCHASE)


@pytest.mark.parametrize(
    ("changes", "field", "fault"),
    [
        ({"total": None}, "total", Fault.MISSING),
        ({"total": 29.35}, "total", Fault.WRONG_TYPE),
        ({"total": "29.355"}, "order.value", Fault.BAD_FORMAT),
        ({"currency": "XXX"}, "order.currency", Fault.NOT_ONE_OF),
        ({"date_created_gmt": None, "date_paid_gmt": None}, "occurred_at", Fault.MISSING),
        ({"date_created_gmt": "yesterday"}, "occurred_at", Fault.BAD_FORMAT),
        ({"billing": []}, "billing", Fault.WRONG_TYPE),
        ({"billing": {"email": 5}}, "email", Fault.WRONG_TYPE),
        ({"line_items": [7]}, "line_items", Fault.WRONG_TYPE),
        ({"meta_data": {}}, "meta_data", Fault.WRONG_TYPE),
        ({"order_key": 5}, "order_key", Fault.WRONG_TYPE),
        ({"status": 5}, "status", Fault.WRONG_TYPE),
    ],
)
def test_a_field_that_breaks_its_rule_makes_the_order_invalid(changes: dict[str, Any], field: str, fault: Fault) -> None:
    """Field and rule are named, never the value; the order keeps its number."""
    event = order(said(**changes), NOW, RULES)
    assert isinstance(event, Malformed)
    assert (event.field, event.fault, event.event_id) == (field, fault, "727")


def test_an_order_without_its_number_is_invalid() -> None:
    """There is no event without one."""
    assert order(said(id=None), NOW, RULES) == Malformed("id", Fault.MISSING, Kind.PURCHASE)


def test_an_order_cites_what_the_shop_handed_to_it() -> None:
    """The receipt, the client id, its key and its number."""
    fields = {RECEIPT_META: "page-receipt-0123456789", CLIENT_META: "client-1"}
    assert set(cited(read(meta_data=meta(**fields)).consent) or ()) == {
        (Identifier.CHECKOUT_TOKEN, "wc_order_58d2d042d1d"),
        (Identifier.CLIENT_ID, "client-1"),
        (Identifier.ORDER_ID, "727"),
        (Identifier.RECEIPT, "page-receipt-0123456789"),
    }


@pytest.mark.parametrize("key", [RECEIPT_META, CLIENT_META])
def test_two_of_one_kind_cite_nothing_that_could_be_told(key: str) -> None:
    """The order is refused for it where consent is decided."""
    assert cited(read(meta_data=[*meta(**{key: "a"}), *meta(**{key: "b"})]).consent) is None


def test_the_hash_of_the_cart_is_not_cited() -> None:
    """Two visitors with the same goods have the same one."""
    assert read(cart_hash="7cbde45cd5e5c0b0e4a3a0b1c4d5e6f7") == read()


FIELDS: Final = sorted(ORDER)


@given(changes=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=6), more=st.dictionaries(st.text(), JSON, max_size=4))
def test_whatever_an_order_says_it_is_no_consent(changes: dict[str, Any], more: dict[str, Any]) -> None:
    """Any value in any field: never a consent beyond a citation."""
    event = order(json.dumps(more | ORDER | changes).encode("utf-8", "surrogatepass"), NOW, RULES)
    if isinstance(event, RawEvent):
        assert isinstance(event.consent, dict)
        assert event.consent.keys() <= {"join", "receipt"}
        assert event.event_id.isdigit()
    else:
        assert isinstance(event, Unfit | Malformed | NoNews)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_unreadable(body: bytes) -> None:
    """A body that is no JSON is told as such; everything else is read or faulted."""
    with suppress(Unreadable):
        assert isinstance(order(body, NOW, RULES), Malformed)


@pytest.mark.parametrize("field", ["meta_data", "line_items", "status", "total", "order_key", "billing"])
@pytest.mark.parametrize("value", ["x" * (1 << 16), [{"key": RECEIPT_META, "value": "a"}] * 1500, [[]] * 15_000])
def test_a_long_field_costs_little(field: str, value: Any) -> None:
    """64 KiB of it are read within 50 ms of the processor's time."""
    body = said(**{field: value})
    assert seconds(lambda: order(body, NOW, RULES)) < 0.05
