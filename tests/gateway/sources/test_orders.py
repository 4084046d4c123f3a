"""What all shop platforms' orders have in common: how a field is read, and what an order may cite."""

from typing import Any

import pytest

from gateway.consent.evidence import cited
from gateway.model.money import Money
from gateway.model.texts import EventId
from gateway.model.words import Fault
from gateway.persons import Identifier
from gateway.sources.fields import Broken
from gateway.sources.orders import (
    citation,
    digits_of,
    exact_money,
    known_as,
    list_in,
    object_in,
    one_of,
    origin_of,
    part_of,
    place_of,
    text_in,
    values_of,
)
from gateway.sources.strict import Unreadable

ORDER = EventId("1001")


@pytest.mark.parametrize(
    ("body", "fault"),
    [(b"[]", Fault.WRONG_TYPE), (b'{"id": 1, "id": 2}', Fault.DUPLICATE_KEY), (b'{"id": NaN}', Fault.NOT_FINITE)],
)
def test_a_body_is_one_object_read_strictly(body: bytes, fault: Fault) -> None:
    """Two readers of it never see two orders."""
    with pytest.raises(Broken) as broken:
        object_in(body)
    assert (broken.value.field, broken.value.fault) == ("body", fault)
    with pytest.raises(Unreadable):
        object_in(b"<order/>")


@pytest.mark.parametrize("reads", [text_in, part_of, list_in])
def test_a_field_of_another_type_breaks_its_rule(reads: Any) -> None:
    """Null is an empty one; the field is named."""
    assert not reads({"x": None}, "x")
    with pytest.raises(Broken) as broken:
        reads({"x": 5}, "x")
    assert (broken.value.field, broken.value.fault) == ("x", Fault.WRONG_TYPE)


@pytest.mark.parametrize(("value", "digits"), [(7, "7"), ("7", "7"), ("007", "7")])
def test_a_number_is_its_digits(value: object, digits: str) -> None:
    """However it is written."""
    assert digits_of(value, "id") == digits


@pytest.mark.parametrize(
    ("value", "fault"),
    [(None, Fault.MISSING), (True, Fault.WRONG_TYPE), (1.0, Fault.WRONG_TYPE), (0, Fault.BAD_FORMAT), ("٤", Fault.BAD_FORMAT)],
)
def test_what_is_no_number_names_no_order(value: object, fault: Fault) -> None:
    """Nor does nought."""
    with pytest.raises(Broken) as broken:
        digits_of(value, "id")
    assert broken.value.fault is fault


def test_an_order_cites_what_is_there() -> None:
    """Empty tokens are left out, and so is a receipt that there is none of."""
    assert citation(ORDER, {Identifier.CLIENT_ID: None}, []) == {"join": {"order_id": "1001"}}
    both = citation(ORDER, {Identifier.CLIENT_ID: "c"}, ["r"])
    assert both == {"join": {"order_id": "1001", "client_id": "c"}, "receipt": "r"}


@pytest.mark.parametrize(
    "consent", [citation(ORDER, {}, ["a", "b"]), citation(ORDER, {Identifier.CLIENT_ID: one_of(["a", "b"])}, [])]
)
def test_two_of_one_kind_cite_nothing(consent: dict[str, object]) -> None:
    """Which one is meant is not for the gateway to choose."""
    assert cited(consent) is None


def test_values_are_found_by_their_name() -> None:
    """Each once, empty ones and what is no row left out."""
    rows = [{"key": "a", "value": "1"}, {"key": "a", "value": "1"}, {"key": "a", "value": ""}, {"key": "b", "value": "2"}, "a"]
    assert values_of(rows, "a", "key") == ["1"]


def test_money_is_exact_text() -> None:
    """Decimal text in a currency, or a fault that names the field."""
    assert exact_money("129.900000", "EUR", "total") == Money(12_990, "EUR")
    for amount, fault in ((None, Fault.MISSING), (129.9, Fault.WRONG_TYPE)):
        with pytest.raises(Broken) as broken:
            exact_money(amount, "EUR", "total")
        assert (broken.value.field, broken.value.fault) == ("total", fault)


@pytest.mark.parametrize(
    ("addresses", "place"),
    [
        ([("FR", None), ("FR", "75")], ("FR", "75")),
        ([("US", "CA"), ("US", "NY")], ("US", None)),
        ([("US", "CA"), ("FR", None)], ("?", None)),
        ([("", ""), (None, None)], (None, None)),
    ],
)
def test_addresses_that_differ_are_in_doubt(addresses: Any, place: object) -> None:
    """No country at all is said where two are."""
    assert place_of(addresses) == place


def test_of_an_address_the_origin_is_kept() -> None:
    """The rest opens an order."""
    assert origin_of("https://shop.example/pay?key=k") == "https://shop.example/"
    assert origin_of("http://shop.example/") is origin_of(None) is None


def test_a_shop_is_known_however_its_address_ends() -> None:
    """WordPress puts a slash behind it."""
    assert known_as("https://Shop.example/") == known_as("https://shop.example")
