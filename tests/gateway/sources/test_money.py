"""What an order is worth: read exactly, or told which rule it breaks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.money import EXPONENTS, Money
from gateway.model.words import Fault, Kind
from gateway.sources.fields import Broken
from gateway.sources.money import money_of


def fault_of(amount: object, currency: object) -> tuple[str, Fault]:
    """Say which field of a purchase is at fault, and why."""
    with pytest.raises(Broken) as broken:
        money_of(Kind.PURCHASE, amount, currency)
    return broken.value.field, broken.value.fault


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("129.90", "EUR", 12990),
        ("129.9", "eur", 12990),
        ("129", "EUR", 12900),
        ("129.900", "EUR", 12990),
        (129.9, "EUR", 12990),
        (0.1 + 0.2, "EUR", 30),
        (7, "JPY", 7),
        ("1.234", "KWD", 1234),
    ],
)
def test_text_and_numbers_are_read_exactly(amount: object, currency: str, minor: int) -> None:
    """In minor units of the currency; what binary fractions add to a number is none of its places."""
    assert money_of(Kind.PURCHASE, amount, currency) == Money(minor, currency.upper())


@pytest.mark.parametrize(
    ("amount", "currency", "field", "fault"),
    [
        (None, "EUR", "order.value", Fault.MISSING),
        ("1.00", None, "order.currency", Fault.MISSING),
        ("1.00", "XXY", "order.currency", Fault.NOT_ONE_OF),
        ("1.00", "\u017fek", "order.currency", Fault.NOT_ONE_OF),
        ("1.001", "EUR", "order.value", Fault.BAD_FORMAT),
        (1.001, "EUR", "order.value", Fault.BAD_FORMAT),
        ("1,00", "EUR", "order.value", Fault.BAD_FORMAT),
        ("-1.00", "EUR", "order.value", Fault.OUT_OF_RANGE),
        (10**13, "EUR", "order.value", Fault.OUT_OF_RANGE),
        (True, "EUR", "order.value", Fault.WRONG_TYPE),
    ],
)
def test_what_is_no_amount_is_told_by_its_field(amount: object, currency: object, field: str, fault: Fault) -> None:
    """Never by its value."""
    assert fault_of(amount, currency) == (field, fault)


@pytest.mark.parametrize("kind", [Kind.ADD_TO_CART, Kind.PAGE_VIEW])
def test_only_a_purchase_must_be_worth_something(kind: Kind) -> None:
    """Without either part there is nothing to read."""
    assert money_of(kind, None, None) is None
    assert fault_of(None, None) == ("order.value", Fault.MISSING)


@given(st.integers(0, 10**7), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_what_is_written_out_is_read_again(minor: int, currency: str) -> None:
    """Decimal text of any amount is that amount."""
    places = EXPONENTS.get(currency, 2)
    digits = str(minor).rjust(places + 1, "0")
    text = f"{digits[:-places]}.{digits[-places:]}" if places else digits
    assert money_of(Kind.PURCHASE, text, currency) == Money(minor, currency)
