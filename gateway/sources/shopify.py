"""Shopify's webhooks: the bytes of a body in, a raw event out, or why there is none; and whom a privacy topic is about.

An order becomes a purchase under its number, so that what the shop's pages post of it under the same number is one
conversion. It says nothing of consent itself: it only cites what a consent record can be found by. That the buyer accepts
newsletters is not read at all. Of the rest only what is named here is read; names, addresses, phone numbers, notes and the
browser's name are never looked at. Pure: time is handed in.

Bodies: https://shopify.dev/docs/api/admin-rest/latest/resources/order, topics and headers:
https://shopify.dev/docs/apps/build/webhooks, privacy topics: https://shopify.dev/docs/apps/build/compliance/privacy-law-compliance
(read 2026-11-26).
"""

import re
from collections.abc import Mapping, Sequence
from enum import unique
from typing import Final

import msgspec

from gateway.model import EventId, Fault, Kind, Money, Refusal, Word
from gateway.persons import Identifier
from gateway.raw import Malformed, RawEvent, Unfit
from gateway.sources.fields import Broken, text_of
from gateway.sources.money import money_of_text
from gateway.sources.native import MAX_CONTENT_IDS, occurred_at_of
from gateway.sources.strict import MAX_DEPTH, loads, taint_of


@unique
class Topic(Word):
    """What a webhook tells; a metric label."""

    ORDERS_PAID = "orders/paid"
    ORDERS_CREATE = "orders/create"
    REFUNDS_CREATE = "refunds/create"
    """Recognised, and not forwarded: there is no event for it that all three platforms have."""
    DATA_REQUEST = "customers/data_request"
    CUSTOMERS_REDACT = "customers/redact"
    SHOP_REDACT = "shop/redact"
    OTHER = "other"


ORDERS: Final = frozenset({Topic.ORDERS_PAID, Topic.ORDERS_CREATE})
PRIVACY: Final = frozenset({Topic.DATA_REQUEST, Topic.CUSTOMERS_REDACT, Topic.SHOP_REDACT})
TOPICS: Final = {topic.value: topic for topic in Topic}

ORDER_LISTS: Final = ("orders_to_redact", "orders_requested")
MAX_ORDERS: Final = 1000
"""Orders of one person in a privacy topic. More is for an operator: the store looks each of them up while others wait."""

ATTRIBUTE: Final = "consent_receipt"
"""The cart attribute in which a theme hands the receipt of a consent record to the order."""
JOIN: Final = "join"
RECEIPT: Final = Identifier.RECEIPT.value
"""Where a consent object cites a record."""
NO_COUNTRY: Final = "?"
"""What is said of the country where the addresses contradict each other: nothing that could be read as one."""
WEB: Final = "web"
"""The online store's own sales channel."""
CHANNELS: Final[Mapping[str, Refusal]] = {
    "pos": Refusal.POS_ORDER,
    "shopify_draft_order": Refusal.DRAFT_ORDER,
    "subscription_contract": Refusal.RENEWAL_ORDER,
    "subscription_contract_checkout_one": Refusal.RENEWAL_ORDER,
}
"""Sales channels (`source_name`) of whose orders no visitor was asked, whatever the settings say.

The last two are what shops see in orders that a subscription made; Shopify's reference does not list them (2026-11-26).
"""

NUMBER: Final = re.compile(r"(?:gid://shopify/Order(?:Identity)?/)?([0-9]{1,20})", re.ASCII)
ORIGIN: Final = re.compile(r"https://[A-Za-z0-9.\-]{1,253}(?=[/?#]|\Z)", re.ASCII)


class Rules(msgspec.Struct, frozen=True):
    """What a storefront has set: the topic that tells of its orders, and the sales channels whose visitors are asked."""

    orders: Topic = Topic.ORDERS_PAID
    source_names: frozenset[str] = frozenset({WEB})


class Subject(msgspec.Struct, frozen=True, gc=False):
    """Whom a privacy topic is about: the shop as it names itself, the clear address, the orders' numbers."""

    shop_domain: str
    email: str | None = None
    orders: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Say nothing of what is inside."""
        return "<Subject>"


def topic_of(name: str | None) -> Topic:
    """Give the topic that a header names, OTHER where it is none of those that mean something here."""
    return TOPICS.get(name or "", Topic.OTHER)


def order(body: bytes, now: int, rules: Rules) -> RawEvent | Unfit | Malformed:
    """Read an order's body. `now` is Unix seconds. Raises strict.Unreadable where it is no JSON text."""
    try:
        said = _object(body)
        event_id = EventId(order_number(said.get("id"), "id"))
    except Broken as broken:
        return Malformed(broken.field, broken.fault, Kind.PURCHASE)
    try:
        why = _unfit(said, rules)
        return _purchase(said, event_id, now) if why is None else Unfit(Kind.PURCHASE, event_id, why)
    except Broken as broken:
        return Malformed(broken.field, broken.fault, Kind.PURCHASE, event_id)


def subject(body: bytes) -> Subject | Malformed:
    """Read the body of a privacy topic. Raises strict.Unreadable where it is no JSON text."""
    try:
        said = _object(body)
        customer = _part(said, "customer")
        return Subject(
            shop_domain=_text(said, "shop_domain") or "",
            email=_text(customer, "email"),
            orders=_orders([number for field in ORDER_LISTS for number in _list(said, field)]),
        )
    except Broken as broken:
        return Malformed(broken.field, broken.fault)


def _orders(named: Sequence[object]) -> tuple[str, ...]:
    if len(named) > MAX_ORDERS:
        raise Broken("orders", Fault.TOO_LONG)
    return tuple(dict.fromkeys(order_number(number, "orders") for number in named))


def order_number(value: object, field: str) -> str:
    """Give an order's number as digits: a whole number, digits, or the end of a `gid://shopify/Order/…`. Raises Broken."""
    text = str(value) if type(value) is int else value
    if type(text) is not str:
        raise Broken(field, Fault.MISSING if value is None else Fault.WRONG_TYPE)
    number = NUMBER.fullmatch(text)
    if number is None or not int(number[1]):
        raise Broken(field, Fault.BAD_FORMAT)
    return str(int(number[1]))


# ── one order ────────────────────────────────────────────────────────────────────────────────────────────────────


def _unfit(said: Mapping[str, object], rules: Rules) -> Refusal | None:
    """Say why an order counts nowhere. A flag that is not a plain no is a yes."""
    test = said.get("test")
    if test is not None and test is not False:
        return Refusal.TEST_ORDER
    if said.get("cancelled_at") is not None:
        return Refusal.CANCELLED_ORDER
    channel = _text(said, "source_name")
    if channel in rules.source_names and channel not in CHANNELS:
        return None
    return CHANNELS.get(channel or "", Refusal.OTHER_CHANNEL)


def _purchase(said: Mapping[str, object], event_id: EventId, now: int) -> RawEvent:
    happened = said.get("processed_at")
    occurred_at = occurred_at_of(said.get("created_at") if happened is None else happened, now)
    country, region = _place(said)
    return RawEvent(
        kind=Kind.PURCHASE,
        event_id=event_id,
        occurred_at=min(occurred_at, now),
        set_to_now=occurred_at > now,
        page_url=_origin(_text(said, "order_status_url")),
        email=_text(said, "email") or _text(said, "contact_email"),
        ip=_text(said, "browser_ip"),
        country=country,
        region=region,
        money=_money(said),
        content_ids=_content_ids(_list(said, "line_items")),
        consent=_citation(said, event_id),
    )


def _citation(said: Mapping[str, object], event_id: EventId) -> dict[str, object]:
    """Give all that a consent record can be found by, and nothing that would be a consent itself."""
    tokens = {name: _text(said, name) for name in (Identifier.CART_TOKEN, Identifier.CHECKOUT_TOKEN)}
    join = {Identifier.ORDER_ID.value: str(event_id)} | {name.value: text for name, text in tokens.items() if text}
    receipts = _receipts(_list(said, "note_attributes"))
    if not receipts:
        return {JOIN: join}
    return {JOIN: join, RECEIPT: receipts[0] if len(receipts) == 1 else receipts}


def _receipts(attributes: Sequence[object]) -> list[object]:
    """Give the different receipts in a cart's attributes. Two of them cite nothing that could be told."""
    named = [one for one in attributes if isinstance(one, dict) and one.get("name") == ATTRIBUTE]
    found: list[object] = []
    for one in named:
        value = one.get("value")
        if value not in (None, "", *found):
            found.append(value)
    return found


def _money(said: Mapping[str, object]) -> Money:
    """Read what the buyer paid, in the currency that the buyer saw: what the shop's pages report of the order too.

    `presentment_money` is that, `shop_money` and `total_price` the same in the shop's currency.
    """
    paid = _part(_part(said, "total_price_set"), "presentment_money")
    if paid:
        return _exact(paid.get("amount"), paid.get("currency_code"))
    return _exact(said.get("total_price"), said.get("currency"))


def _exact(amount: object, currency: object) -> Money:
    if type(amount) is not str or type(currency) is not str:
        missing = amount is None or currency is None
        raise Broken("total_price", Fault.MISSING if missing else Fault.WRONG_TYPE)
    return money_of_text(amount, currency)


def _content_ids(lines: Sequence[object]) -> tuple[str, ...]:
    """Give the first hundred lines' variants, or products where a line has no variant; tips and the like have neither."""
    ids: list[str] = []
    for line in lines[:MAX_CONTENT_IDS]:
        if not isinstance(line, dict):
            raise Broken("line_items", Fault.WRONG_TYPE)
        found = [number for name in ("variant_id", "product_id") if type(number := line.get(name)) is int]
        ids += [str(number) for number in found[:1]]
    return tuple(ids)


def _place(said: Mapping[str, object]) -> tuple[str | None, str | None]:
    """Say where the buyer is by the addresses of the order; unreadable where they name different countries."""
    addresses = [_part(said, name) for name in ("shipping_address", "billing_address")]
    places = [(_text(one, "country_code"), _text(one, "province_code")) for one in addresses]
    countries = {country for country, _ in places if country}
    if len(countries) > 1:
        return NO_COUNTRY, None
    regions = {region for country, region in places if country and region}
    return next(iter(countries), None), regions.pop() if len(regions) == 1 else None


def _origin(url: str | None) -> str | None:
    """Keep the origin of an order's status page: its path and query open the order to whoever has them."""
    found = ORIGIN.match(url or "")
    return None if found is None else f"{found[0]}/"


# ── fields ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _object(body: bytes) -> Mapping[str, object]:
    value, doubtful = loads(body)
    if doubtful and (fault := taint_of(value, MAX_DEPTH)) is not None:
        raise Broken("body", fault)
    if not isinstance(value, dict):
        raise Broken("body", Fault.WRONG_TYPE)
    return value


def _text(said: Mapping[str, object], field: str) -> str | None:
    return text_of(said.get(field), field)


def _part(said: Mapping[str, object], field: str) -> Mapping[str, object]:
    part = said.get(field)
    if part is None:
        return {}
    if not isinstance(part, dict):
        raise Broken(field, Fault.WRONG_TYPE)
    return part


def _list(said: Mapping[str, object], field: str) -> Sequence[object]:
    part = said.get(field)
    if part is None:
        return ()
    if not isinstance(part, list):
        raise Broken(field, Fault.WRONG_TYPE)
    return part
