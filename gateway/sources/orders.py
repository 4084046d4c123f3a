"""What the webhooks of all shop platforms have in common: how an order's body is read, and what it may say of consent.

An order says nothing of consent itself, whoever wrote it: it only cites what a consent record can be found by. Each platform's
own file knows its field names and which of its orders count; here is how a field is read strictly. Pure.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import unique
from typing import Final, Literal, Protocol

from gateway.model.event import Refund
from gateway.model.money import Money
from gateway.model.texts import EventId
from gateway.model.words import Fault, Word
from gateway.persons import Identifier
from gateway.raw import Malformed, RawEvent, Unfit
from gateway.sources.fields import Broken, text_of
from gateway.sources.money import money_of_text
from gateway.sources.strict import MAX_DEPTH, loads, taint_of

JOIN: Final = "join"
RECEIPT: Final = Identifier.RECEIPT.value
"""Where a consent object cites a record."""
NO_COUNTRY: Final = "?"
"""What is said of the country where the addresses contradict each other: nothing that could be read as one."""
DIGITS: Final = re.compile(r"[0-9]{1,20}", re.ASCII)
ORIGIN: Final = re.compile(r"https://[A-Za-z0-9.\-]{1,253}(?=[/?#]|\Z)", re.ASCII)


Refunds = Literal["ignore", "withhold"]
"""A setting: whether a refund is only acknowledged, or keeps an order from going whose money all went back."""


@unique
class NoNews(Word):
    """Why a webhook that tells of an order is no event: nothing was bought, or it was told of before."""

    NOT_YET = "not_yet"
    """The order is not paid, or not yet in a state that counts; another webhook will tell of it."""
    LONG_AGO = "long_ago"
    """The order was made and paid before an event could be: somebody at the shop only touched it."""
    NO_MONEY = "no_money"
    """A refund by which no money has gone back, or not yet."""


Read = RawEvent | Unfit | Malformed | NoNews | Refund
"""What a source makes of an order's or a refund's body."""
Reader = Callable[[bytes, int], Read]
"""Reads a body; the number is the time in Unix seconds. Raises strict.Unreadable where it is no JSON text."""


class Orders(Protocol):
    """What a storefront has set about its orders on one platform."""

    @property
    def reads(self) -> Mapping[Word, Reader]:
        """The topics that tell of orders and of refunds, and how each is read; what any other topic says is nothing to us."""


def known_as(name: str) -> str:
    """Give a shop's domain or address as it is compared: in lower case, without a slash at its end."""
    return name.lower().rstrip("/")


# ── fields ───────────────────────────────────────────────────────────────────────────────────────────────────────


def object_in(body: bytes) -> Mapping[str, object]:
    """Read a body that is one JSON object. Raises Broken, and strict.Unreadable where it is no JSON text."""
    value, doubtful = loads(body)
    if doubtful and (fault := taint_of(value, MAX_DEPTH)) is not None:
        raise Broken("body", fault)
    if not isinstance(value, dict):
        raise Broken("body", Fault.WRONG_TYPE)
    return value


def text_in(said: Mapping[str, object], field: str) -> str | None:
    """Read a field of text, or null. Raises Broken."""
    return text_of(said.get(field), field)


def part_of(said: Mapping[str, object], field: str) -> Mapping[str, object]:
    """Read a field that is an object, null for an empty one. Raises Broken."""
    part = said.get(field)
    if part is None:
        return {}
    if not isinstance(part, dict):
        raise Broken(field, Fault.WRONG_TYPE)
    return part


def list_in(said: Mapping[str, object], field: str) -> Sequence[object]:
    """Read a field that is a list, null for an empty one. Raises Broken."""
    part = said.get(field)
    if part is None:
        return ()
    if not isinstance(part, list):
        raise Broken(field, Fault.WRONG_TYPE)
    return part


def digits_of(value: object, field: str, pattern: re.Pattern[str] = DIGITS) -> str:
    """Give a number that names something as its digits, without leading noughts: a whole number, or text of `pattern`.

    The last group of the pattern, or all of it, is the digits. Raises Broken; no order has the number nought.
    """
    text = str(value) if type(value) is int else value
    if type(text) is not str:
        raise Broken(field, Fault.MISSING if value is None else Fault.WRONG_TYPE)
    number = pattern.fullmatch(text)
    if number is None or not int(number[pattern.groups]):
        raise Broken(field, Fault.BAD_FORMAT)
    return str(int(number[pattern.groups]))


# ── an order ─────────────────────────────────────────────────────────────────────────────────────────────────────


def citation(event_id: EventId, tokens: Mapping[Identifier, object], receipts: Sequence[object]) -> dict[str, object]:
    """Give all that a consent record can be found by, and nothing that would be a consent itself.

    Empty tokens are left out. Two different receipts are passed on as the list that they are: it cites nothing that could
    be told, so the order is refused.
    """
    join = {Identifier.ORDER_ID.value: str(event_id)} | {kind.value: token for kind, token in tokens.items() if token}
    if not receipts:
        return {JOIN: join}
    return {JOIN: join, RECEIPT: one_of(receipts)}


def one_of(found: Sequence[object]) -> object:
    """Give the one thing that there is, None for none; of several the list, which is no text and so cites nothing."""
    return None if not found else found[0] if len(found) == 1 else list(found)


def values_of(rows: Iterable[object], name: str, named: str) -> list[object]:
    """Give the different values, empty ones left out, of rows `{named: name, "value": …}`."""
    found: list[object] = []
    for row in rows:
        value = row.get("value") if isinstance(row, dict) and row.get(named) == name else None
        if value not in (None, "", *found):
            found.append(value)
    return found


def exact_money(amount: object, currency: object, field: str) -> Money:
    """Read an amount that the platform writes as decimal text, exactly. Raises Broken."""
    if type(amount) is not str or type(currency) is not str:
        raise Broken(field, Fault.MISSING if amount is None or currency is None else Fault.WRONG_TYPE)
    return money_of_text(amount, currency)


def place_of(addresses: Iterable[tuple[str | None, str | None]]) -> tuple[str | None, str | None]:
    """Say where the buyer is by the countries and regions of an order's addresses; unreadable where the countries differ."""
    places = [(country, region) for country, region in addresses if country]
    countries = {country for country, _ in places}
    if len(countries) > 1:
        return NO_COUNTRY, None
    regions = {region for _, region in places if region}
    return next(iter(countries), None), regions.pop() if len(regions) == 1 else None


def origin_of(url: str | None) -> str | None:
    """Keep the origin of an order's page: its path and query open the order to whoever has them."""
    found = ORIGIN.match(url or "")
    return None if found is None else f"{found[0]}/"
