"""PrestaShop's orders, as the module writes them: which become purchases, and that none of them is ever a consent."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.consent.evidence import cited
from gateway.model.money import Money
from gateway.model.words import Fault, Kind, Refusal
from gateway.persons import Identifier
from gateway.raw import MAX_AGE, Malformed, RawEvent, Unfit
from gateway.sources.orders import NoNews
from gateway.sources.prestashop import Rules, order
from gateway.sources.strict import Unreadable
from tests.effort import seconds
from tests.strategies import JSON

DATA: Final = Path(__file__).parent.parent.parent / "data/prestashop"
RULES: Final = Rules()
ORDER: Final[dict[str, Any]] = json.loads((DATA / "order.json").read_text())
NOW: Final = 1_794_993_360
"""A minute after the order was made."""


def said(**changes: Any) -> bytes:
    """The order with some of its fields replaced."""
    return json.dumps(ORDER | changes).encode()


def read(**changes: Any) -> RawEvent:
    """Read a purchase."""
    event = order(said(**changes), NOW, RULES)
    assert isinstance(event, RawEvent)
    return event


def test_the_modules_order_is_a_purchase() -> None:
    """Exactly these fields are read of it; all others keep their defaults."""
    assert read() == RawEvent(
        kind=Kind.PURCHASE,
        event_id=read().event_id,
        occurred_at=NOW - 60,
        page_url="https://shop.example/",
        email="jane.doe@example.com",
        country="FR",
        money=Money(12_990, "EUR"),
        content_ids=("2-9", "19"),
        consent={"join": {"order_id": "5"}, "receipt": "page-receipt-0123456789"},
    )
    assert read().event_id == "5"


@pytest.mark.parametrize("paid", [False, None, 1, "true"])
def test_an_order_that_is_not_paid_is_no_news_yet(paid: object) -> None:
    """Unless the storefront has said that placing it is enough."""
    assert order(said(paid=paid), NOW, RULES) is NoNews.NOT_YET
    assert isinstance(order(said(paid=paid), NOW, Rules(orders="placed")), RawEvent)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"revoked": True}, Refusal.CANCELLED_ORDER),
        ({"revoked": None}, Refusal.CANCELLED_ORDER),
        ({"revoked": 0}, Refusal.CANCELLED_ORDER),
        ({"by_employee": True}, Refusal.DRAFT_ORDER),
        ({"by_employee": None}, Refusal.DRAFT_ORDER),
    ],
)
def test_an_order_that_no_visitor_made_counts_nowhere(changes: dict[str, Any], why: Refusal) -> None:
    """A flag that is not a plain no is a yes."""
    event = order(said(**changes), NOW, RULES)
    assert isinstance(event, Unfit)
    assert (event.event_id, event.why) == ("5", why)


def test_the_id_may_be_the_reference() -> None:
    """Where the shop's pages report that one."""
    event = order(said(), NOW, Rules(event_id="reference"))
    assert isinstance(event, RawEvent)
    assert event.event_id == "XKBKNABJK"
    for reference, fault in (
        ("#1", Fault.BAD_FORMAT),
        ("#" * 64, Fault.BAD_FORMAT),
        ("X" * 65, Fault.TOO_LONG),
        ("", Fault.MISSING),
    ):
        found = order(said(reference=reference), NOW, Rules(event_id="reference"))
        assert found == Malformed("reference", fault, Kind.PURCHASE)


@pytest.mark.parametrize(
    ("changes", "field", "fault"),
    [
        ({"total": 129.9}, "total", Fault.WRONG_TYPE),
        ({"total": "129.905000"}, "order.value", Fault.BAD_FORMAT),
        ({"made_at": None}, "occurred_at", Fault.MISSING),
        ({"made_at": "2026-11-18 10:15:00"}, "occurred_at", Fault.BAD_FORMAT),
        ({"addresses": ["FR"]}, "addresses", Fault.WRONG_TYPE),
        ({"products": [19]}, "products", Fault.WRONG_TYPE),
        ({"receipt": 5}, "receipt", Fault.WRONG_TYPE),
        ({"client_id": 5}, "client_id", Fault.WRONG_TYPE),
        ({"email": []}, "email", Fault.WRONG_TYPE),
    ],
)
def test_a_field_that_breaks_its_rule_makes_the_order_invalid(changes: dict[str, Any], field: str, fault: Fault) -> None:
    """Field and rule are named, never the value; the order keeps its number."""
    event = order(said(**changes), NOW, RULES)
    assert isinstance(event, Malformed)
    assert (event.field, event.fault, event.event_id) == (field, fault, "5")


def test_an_order_that_is_paid_too_late_is_too_old() -> None:
    """Its time is when it was made, whatever came later."""
    late = order(said(), NOW + MAX_AGE, RULES)
    assert isinstance(late, Malformed)
    assert late.fault is Fault.TOO_OLD


def test_an_order_cites_what_the_shop_handed_to_it() -> None:
    """The receipt, the client id and its number."""
    assert set(cited(read(client_id="client-1").consent) or ()) == {
        (Identifier.CLIENT_ID, "client-1"),
        (Identifier.ORDER_ID, "5"),
        (Identifier.RECEIPT, "page-receipt-0123456789"),
    }
    assert cited(read(receipt=None).consent) == ((Identifier.ORDER_ID, "5"),)


@given(
    changes=st.dictionaries(st.sampled_from(sorted(ORDER)), JSON, max_size=6), more=st.dictionaries(st.text(), JSON, max_size=4)
)
def test_whatever_an_order_says_it_is_no_consent(changes: dict[str, Any], more: dict[str, Any]) -> None:
    """Any value in any field: never a consent beyond a citation."""
    event = order(json.dumps(more | ORDER | changes).encode("utf-8", "surrogatepass"), NOW, RULES)
    if isinstance(event, RawEvent):
        assert isinstance(event.consent, dict)
        assert event.consent.keys() <= {"join", "receipt"}
    else:
        assert isinstance(event, Unfit | Malformed | NoNews)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_unreadable(body: bytes) -> None:
    """A body that is no JSON is told as such; everything else is read or faulted."""
    with suppress(Unreadable):
        assert isinstance(order(body, NOW, RULES), Malformed)


@pytest.mark.parametrize("field", ["addresses", "products", "total", "receipt", "revoked"])
@pytest.mark.parametrize("value", ["x" * (1 << 16), [{"country": "FR"}] * 3000, [[]] * 15_000])
def test_a_long_field_costs_little(field: str, value: Any) -> None:
    """64 KiB of it are read within 50 ms of the processor's time."""
    body = said(**{field: value})
    assert seconds(lambda: order(body, NOW, RULES)) < 0.05
