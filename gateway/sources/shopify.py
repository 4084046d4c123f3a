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
from functools import partial
from typing import Final

import msgspec

from gateway.model.event import Refund
from gateway.model.money import Money
from gateway.model.texts import EventId, RefundId
from gateway.model.words import Fault, Kind, Refusal, Word
from gateway.persons import Identifier
from gateway.raw import Malformed, RawEvent, Unfit
from gateway.sources.fields import Broken
from gateway.sources.native import MAX_CONTENT_IDS, occurred_at_of
from gateway.sources.orders import (
    NoNews,
    Reader,
    Refunds,
    citation,
    digits_of,
    exact_money,
    list_in,
    object_in,
    origin_of,
    part_of,
    place_of,
    text_in,
    values_of,
)


@unique
class Topic(Word):
    """What a webhook tells; a metric label."""

    ORDERS_PAID = "orders/paid"
    ORDERS_CREATE = "orders/create"
    REFUNDS_CREATE = "refunds/create"
    """Never forwarded: there is no event for it that all three platforms have. It can keep an order from going."""
    DATA_REQUEST = "customers/data_request"
    CUSTOMERS_REDACT = "customers/redact"
    SHOP_REDACT = "shop/redact"
    OTHER = "other"


ORDERS: Final = frozenset({Topic.ORDERS_PAID, Topic.ORDERS_CREATE})
REFUNDS: Final = frozenset({Topic.REFUNDS_CREATE})
PRIVACY: Final = frozenset({Topic.DATA_REQUEST, Topic.CUSTOMERS_REDACT, Topic.SHOP_REDACT})
TOPICS: Final = {topic.value: topic for topic in Topic}

ORDER_LISTS: Final = ("orders_to_redact", "orders_requested")
MAX_ORDERS: Final = 1000
"""Orders of one person in a privacy topic. More is for an operator: the store looks each of them up while others wait."""

ATTRIBUTE: Final = "consent_receipt"
"""The cart attribute in which a theme hands the receipt of a consent record to the order."""
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


class Rules(msgspec.Struct, frozen=True):
    """What a storefront has set: the topic that tells of its orders, the sales channels whose visitors are asked, and what a
    refund does.
    """

    orders: Topic = Topic.ORDERS_PAID
    source_names: frozenset[str] = frozenset({WEB})
    refunds: Refunds = "ignore"

    @property
    def reads(self) -> Mapping[Word, Reader]:
        """The one topic that tells of orders, and that of refunds if these are of interest."""
        orders: dict[Word, Reader] = {self.orders: partial(order, rules=self)}
        return orders | {Topic.REFUNDS_CREATE: refund} if self.refunds == "withhold" else orders


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
        said = object_in(body)
        event_id = EventId(order_number(said.get("id"), "id"))
    except Broken as broken:
        return Malformed(broken.field, broken.fault, Kind.PURCHASE)
    try:
        why = _unfit(said, rules)
        return _purchase(said, event_id, now) if why is None else Unfit(Kind.PURCHASE, event_id, why)
    except Broken as broken:
        return Malformed(broken.field, broken.fault, Kind.PURCHASE, event_id)


def refund(body: bytes, _now: int) -> Refund | NoNews | Malformed:
    """Read a refund's body: the order, and the money that has gone back. Raises strict.Unreadable where it is no JSON text.

    That money is the sum of the refund's transactions of kind `refund` and status `success`; one that is pending or failed
    moved nothing. Lines, adjustments and duties only say what the money was for, so they are not read
    (https://shopify.dev/docs/api/admin-rest/latest/resources/refund and …/transaction, read 2026-11-26).
    """
    try:
        said = object_in(body)
        event_id = EventId(order_number(said.get("order_id"), "order_id"))
        name = RefundId(digits_of(said.get("id"), "id"))
        money = _went_back(list_in(said, "transactions"))
    except Broken as broken:
        return Malformed(broken.field, broken.fault, Kind.PURCHASE)
    return NoNews.NO_MONEY if money is None else Refund(event_id, name, money)


def _went_back(transactions: Sequence[object]) -> Money | None:
    """Add up what has gone back. Two currencies in one refund contradict each other: an order is paid in one. Raises Broken."""
    total: Money | None = None
    for one in transactions:
        if not isinstance(one, dict):
            raise Broken("transactions", Fault.WRONG_TYPE)
        if text_in(one, "kind") != "refund" or text_in(one, "status") != "success":
            continue
        money = exact_money(one.get("amount"), one.get("currency"), "transactions")
        total = money if total is None else _sum(total, money)
    return total


def _sum(one: Money, other: Money) -> Money:
    if one.currency != other.currency:
        raise Broken("transactions", Fault.CONFLICT)
    try:
        return Money(one.minor + other.minor, one.currency)
    except ValueError:
        raise Broken("transactions", Fault.OUT_OF_RANGE) from None


def subject(body: bytes) -> Subject | Malformed:
    """Read the body of a privacy topic. Raises strict.Unreadable where it is no JSON text."""
    try:
        said = object_in(body)
        customer = part_of(said, "customer")
        return Subject(
            shop_domain=text_in(said, "shop_domain") or "",
            email=text_in(customer, "email"),
            orders=_orders([number for field in ORDER_LISTS for number in list_in(said, field)]),
        )
    except Broken as broken:
        return Malformed(broken.field, broken.fault)


def _orders(named: Sequence[object]) -> tuple[str, ...]:
    if len(named) > MAX_ORDERS:
        raise Broken("orders", Fault.TOO_LONG)
    return tuple(dict.fromkeys(order_number(number, "orders") for number in named))


def order_number(value: object, field: str) -> str:
    """Give an order's number as digits: a whole number, digits, or the end of a `gid://shopify/Order/…`. Raises Broken."""
    return digits_of(value, field, NUMBER)


# ── one order ────────────────────────────────────────────────────────────────────────────────────────────────────


def _unfit(said: Mapping[str, object], rules: Rules) -> Refusal | None:
    """Say why an order counts nowhere. A flag that is not a plain no is a yes."""
    test = said.get("test")
    if test is not None and test is not False:
        return Refusal.TEST_ORDER
    if said.get("cancelled_at") is not None:
        return Refusal.CANCELLED_ORDER
    channel = text_in(said, "source_name")
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
        page_url=origin_of(text_in(said, "order_status_url")),
        email=text_in(said, "email") or text_in(said, "contact_email"),
        ip=text_in(said, "browser_ip"),
        country=country,
        region=region,
        money=_money(said),
        content_ids=_content_ids(list_in(said, "line_items")),
        consent=_citation(said, event_id),
    )


def _citation(said: Mapping[str, object], event_id: EventId) -> dict[str, object]:
    tokens = {name: text_in(said, name) for name in (Identifier.CART_TOKEN, Identifier.CHECKOUT_TOKEN)}
    return citation(event_id, tokens, values_of(list_in(said, "note_attributes"), ATTRIBUTE, "name"))


def _money(said: Mapping[str, object]) -> Money:
    """Read what the buyer paid, in the currency that the buyer saw: what the shop's pages report of the order too.

    `presentment_money` is that, `shop_money` and `total_price` the same in the shop's currency.
    """
    paid = part_of(part_of(said, "total_price_set"), "presentment_money")
    if paid:
        return exact_money(paid.get("amount"), paid.get("currency_code"), "total_price")
    return exact_money(said.get("total_price"), said.get("currency"), "total_price")


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
    addresses = [part_of(said, name) for name in ("shipping_address", "billing_address")]
    return place_of([(text_in(one, "country_code"), text_in(one, "province_code")) for one in addresses])
