"""Amounts of money, exact, in the currency's minor unit."""

from decimal import Decimal
from typing import Final

import msgspec

EXPONENTS: Final = {
    "BHD": 3, "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "IQD": 3, "ISK": 0, "JOD": 3, "JPY": 0, "KMF": 0, "KRW": 0,
    "KWD": 3, "LYD": 3, "OMR": 3, "PYG": 0, "RWF": 0, "TND": 3, "UGX": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0,
    "XPF": 0,
}  # fmt: skip
"""Minor-unit exponents that are not 2: ISO 4217, https://www.iso.org/iso-4217-currency-codes.html (read 2026-11-22)."""

UNITS: Final = {code: float(10**exponent) for code, exponent in EXPONENTS.items()}
"""Minor units to the major one where they are not a hundred."""

CODES: Final = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP "
    "CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR "
    "IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU "
    "MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG "
    "SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV "
    "WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG"
)
CURRENCIES: Final = frozenset(CODES.split())
LARGEST: Final = {code: 10**7 * 10 ** EXPONENTS.get(code, 2) for code in CURRENCIES}
"""The largest amount per currency, in minor units: 10^7 major units."""


class Money(msgspec.Struct, frozen=True, gc=False):
    """An amount in the currency's minor unit (cents, yen): 0 … 10^7 major units. Raises ValueError otherwise."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        """Refuse an unknown currency or an amount outside the range."""
        if self.currency not in LARGEST or not 0 <= self.minor <= LARGEST[self.currency]:
            raise ValueError("Money")

    @property
    def exponent(self) -> int:
        """Digits after the decimal point in this currency."""
        return EXPONENTS.get(self.currency, 2)

    @property
    def decimal(self) -> Decimal:
        """The exact amount in major units."""
        return Decimal(self.minor).scaleb(-self.exponent)

    @property
    def text(self) -> str:
        """The exact amount as plain digits with the currency's own number of places: `129.90`, `1500`."""
        minor = self.minor
        if (places := EXPONENTS.get(self.currency, 2)) == 2:
            return f"{minor // 100}.{minor % 100:02d}"
        if places == 0:
            return str(minor)
        whole, part = divmod(minor, 10**places)
        return f"{whole}.{part:0{places}d}"

    @property
    def number(self) -> float:
        """The amount as the nearest double; its shortest form reads back as the exact decimal (≤ 10 digits)."""
        return self.minor / UNITS.get(self.currency, 100.0)
