"""What an order is worth, as storefronts write it: decimal text or a JSON number, and a currency; exact or not at all.

Text is read digit by digit. A number has been through binary fractions, so what those add is rounded away, and a real third
decimal is an error. Faults name the fields of our own format, `order.value` and `order.currency`. Pure.
"""

import re
from decimal import Decimal
from functools import lru_cache
from typing import Final

from gateway.model.money import CURRENCIES, EXPONENTS, Money
from gateway.model.words import Fault, Kind
from gateway.sources.fields import Broken

PLAIN_DECIMAL: Final = re.compile(r"-?\d{1,20}(?:\.\d{1,6})?", re.ASCII)
FLOAT_NOISE: Final = 1e-6


def money_of(kind: Kind, amount: object, currency: object) -> Money | None:
    """Read an order's value in its currency; None where an event that is no purchase names neither. Raises Broken."""
    if amount is None and currency is None and kind is not Kind.PURCHASE:
        return None
    if amount is None:
        raise Broken("order.value", Fault.MISSING)
    if type(amount) is str and type(currency) is str:
        return money_of_text(amount, currency)
    code = _currency(currency)
    return _in_range(_minor_units_of_number(amount, EXPONENTS.get(code, 2)), code)


@lru_cache(maxsize=4096)
def money_of_text(amount: str, currency: str) -> Money:
    """Read decimal text, exactly; raises Broken. A shop has few prices: reading each once saves 1 µs an event."""
    code = currency if currency in CURRENCIES else _currency(currency)
    exponent = EXPONENTS.get(code, 2)
    if PLAIN_DECIMAL.fullmatch(amount) is None:
        raise Broken("order.value", Fault.BAD_FORMAT)
    whole, _, part = amount.partition(".")
    if len(part) == exponent:
        return _in_range(int(whole + part), code)
    if part[exponent:].strip("0"):
        raise Broken("order.value", Fault.BAD_FORMAT)
    return _in_range(int(whole + part[:exponent].ljust(exponent, "0")), code)


def _in_range(minor: int, code: str) -> Money:
    try:
        return Money(minor, code)
    except ValueError:
        raise Broken("order.value", Fault.OUT_OF_RANGE) from None


def _currency(value: object) -> str:
    if type(value) is not str:
        raise Broken("order.currency", Fault.MISSING if value is None else Fault.WRONG_TYPE)
    code = value if value in CURRENCIES or not value.isascii() else value.upper()
    if code not in CURRENCIES:
        raise Broken("order.currency", Fault.NOT_ONE_OF)
    return code


def _minor_units_of_number(amount: object, exponent: int) -> int:
    """Round away what binary fractions add (0.1 + 0.2); a real third decimal is an error, not something to round."""
    if type(amount) is not int and type(amount) is not float:
        raise Broken("order.value", Fault.WRONG_TYPE)
    if abs(amount) > 10**12:
        return -1
    scaled = Decimal(repr(amount)).scaleb(exponent)
    minor = int(scaled.to_integral_value())
    if abs(float(scaled - minor)) > FLOAT_NOISE:
        raise Broken("order.value", Fault.BAD_FORMAT)
    return minor
