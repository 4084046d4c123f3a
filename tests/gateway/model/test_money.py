"""Money says the same amount in every form."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.money import CURRENCIES, EXPONENTS, LARGEST, Money

MONEY = st.sampled_from(sorted(CURRENCIES)).flatmap(lambda code: st.builds(Money, st.integers(0, LARGEST[code]), st.just(code)))


@given(MONEY)
def test_money_says_the_same_amount_in_every_form(money: Money) -> None:
    """Text, decimal and number of an amount are the same amount, exactly, with the currency's own places."""
    assert Decimal(money.text) == money.decimal
    assert Decimal(repr(money.number)) == money.decimal
    assert len(money.text.partition(".")[2]) == EXPONENTS.get(money.currency, 2)
    assert money.decimal.scaleb(money.exponent) == money.minor


@pytest.mark.parametrize(
    ("minor", "currency"), [(-1, "EUR"), (10**9 + 1, "EUR"), (10**7 + 1, "JPY"), (1, "XXX"), (1, "eur"), (1, ""), (1, "BTC")]
)
def test_money_outside_its_range_is_not_born(minor: int, currency: str) -> None:
    """An unknown currency, a negative amount, or more than ten million major units is no money."""
    with pytest.raises(ValueError, match=r"^Money\Z"):
        Money(minor, currency)


@pytest.mark.parametrize(
    ("minor", "currency", "text"), [(12990, "EUR", "129.90"), (5, "EUR", "0.05"), (1500, "JPY", "1500"), (1234, "KWD", "1.234")]
)
def test_money_is_written_with_the_currencys_places(minor: int, currency: str, text: str) -> None:
    """An amount is written with as many places as its currency has."""
    assert Money(minor, currency).text == text


def test_exponents_name_only_known_currencies() -> None:
    """Every currency with other than two places is one that money takes."""
    assert EXPONENTS.keys() <= CURRENCIES
    assert all(re.fullmatch("[A-Z]{3}", code) for code in CURRENCIES)
