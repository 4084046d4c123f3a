"""WooCommerce's webhooks: the bytes of an order's body in, a raw event out, or why there is none.

An order becomes a purchase under its number once its status is one that counts; WooCommerce tells of it again whenever it is
saved. So its time is when it was made, never when it was paid or completed: then whatever comes later than a repeat can be
recognised by its number is too old to count again. It says nothing of consent itself: it only cites what a consent record can
be found by. Names, streets, telephone numbers, notes, the browser's name and the hash of the cart are never looked at; the
hash least of all, since two visitors with the same goods in their carts have the same. Pure: time is handed in.

Bodies: https://woocommerce.github.io/woocommerce-rest-api-docs/#order-properties; topics, and which saved orders they tell of:
`includes/class-wc-webhook.php` of https://github.com/woocommerce/woocommerce (both read 2026-11-26).
"""

from collections.abc import Mapping, Sequence
from enum import unique
from functools import partial
from typing import Final, Literal

import msgspec

from gateway.model.event import Refund
from gateway.model.texts import EventId, RefundId
from gateway.model.words import Fault, Kind, Refusal, Word
from gateway.persons import Identifier
from gateway.raw import MAX_AGE, Malformed, RawEvent, Unfit, unix_seconds
from gateway.sources.fields import Broken
from gateway.sources.native import MAX_CONTENT_IDS, occurred_at_of
from gateway.sources.orders import (
    NoNews,
    Read,
    Reader,
    Refunds,
    citation,
    digits_of,
    exact_money,
    list_in,
    object_in,
    one_of,
    origin_of,
    part_of,
    place_of,
    text_in,
    values_of,
)


@unique
class Topic(Word):
    """What a webhook tells; a metric label."""

    ORDER_CREATED = "order.created"
    ORDER_UPDATED = "order.updated"
    ORDER_DELETED = "order.deleted"
    ORDER_RESTORED = "order.restored"
    OTHER = "other"


TOPICS: Final = {topic.value: topic for topic in Topic}
TELLING: Final = (Topic.ORDER_CREATED, Topic.ORDER_UPDATED)

RECEIPT_META: Final = "_consent_gateway_receipt"
"""The order's own field (`meta_data`) in which the shop hands on the receipt of a consent record."""
CLIENT_META: Final = "_consent_gateway_client_id"
"""The same for the client id under which a page keeps its records."""
RENEWAL_META: Final = "_subscription_renewal"
"""WooCommerce Subscriptions writes the subscription's number here, into each order that one made."""
MODE_META: Final = "_wcpay_mode"
"""WooPayments says here how it was paid; whatever is not `prod` is a test."""
PAID_FOR: Final = "prod"

PAID: Final = frozenset({"processing", "completed"})
REVOKED: Final = frozenset({"cancelled", "refunded", "trash"})
"""Statuses of orders that were taken back. One that only failed may still be paid."""
REFUNDED: Final = "refunded"
"""The status of an order of which everything was refunded; `total` stays what it was worth."""
WHOLE: Final = RefundId("whole")
"""How the one refund is called that such an order tells of."""
CHECKOUTS: Final = frozenset({"checkout", "store-api"})
"""What `created_via` says of orders that a visitor made: in the shortcode's checkout, and in the block's."""
CHANNELS: Final[Mapping[str, Refusal]] = {
    "admin": Refusal.DRAFT_ORDER,
    "subscription": Refusal.RENEWAL_ORDER,
    "pos-rest-api": Refusal.POS_ORDER,
    "point-of-sale": Refusal.POS_ORDER,
}
"""Values of `created_via` of whose orders no visitor was asked, whatever the settings say.

`subscription` is WooCommerce Subscriptions'; the last two are those of WooCommerce's own point of sale.
"""


class Rules(msgspec.Struct, frozen=True):
    """What a storefront has set: the statuses that count as bought, where its orders are made, what its tag calls them, and
    what a refund does.
    """

    statuses: frozenset[str] = PAID
    created_via: frozenset[str] = CHECKOUTS
    event_id: Literal["id", "number"] = "id"
    refunds: Refunds = "ignore"

    @property
    def reads(self) -> Mapping[Word, Reader]:
        """Both topics tell of orders; whichever comes second is a repeat."""
        return dict.fromkeys(TELLING, partial(order, rules=self))


def order(body: bytes, now: int, rules: Rules) -> Read:
    """Read an order's body. `now` is Unix seconds. Raises strict.Unreadable where it is no JSON text."""
    try:
        said = object_in(body)
        event_id = _event_id(said, rules)
    except Broken as broken:
        return Malformed(broken.field, broken.fault, Kind.PURCHASE)
    try:
        if rules.refunds == "withhold" and text_in(said, "status") == REFUNDED:
            return Refund(event_id, WHOLE, exact_money(said.get("total"), said.get("currency"), "total"))
        meta = list_in(said, "meta_data")
        why = _unfit(said, meta, rules)
        if why is not None:
            return Unfit(Kind.PURCHASE, event_id, why)
        return _no_news(said, rules, now) or _purchase(said, meta, event_id, now)
    except Broken as broken:
        return Malformed(broken.field, broken.fault, Kind.PURCHASE, event_id)


def _event_id(said: Mapping[str, object], rules: Rules) -> EventId:
    """Give the id under which the shop's pages report the order too: its own, or the number that customers see."""
    if rules.event_id == "id":
        return EventId(digits_of(said.get("id"), "id"))
    number = text_in(said, "number")
    if not number:
        raise Broken("number", Fault.MISSING)
    if EventId.PATTERN.fullmatch(number) is None:
        raise Broken("number", Fault.TOO_LONG if len(number) > 64 else Fault.BAD_FORMAT)
    return EventId(number)


def _unfit(said: Mapping[str, object], meta: Sequence[object], rules: Rules) -> Refusal | None:
    """Say why an order counts nowhere, whatever its status will be."""
    if any(mode != PAID_FOR for mode in values_of(meta, MODE_META, "key")):
        return Refusal.TEST_ORDER
    if text_in(said, "status") in REVOKED:
        return Refusal.CANCELLED_ORDER
    if values_of(meta, RENEWAL_META, "key"):
        return Refusal.RENEWAL_ORDER
    channel = text_in(said, "created_via") or ""
    if channel in rules.created_via and channel not in CHANNELS:
        return None
    return CHANNELS.get(channel, Refusal.OTHER_CHANNEL)


def _no_news(said: Mapping[str, object], rules: Rules, now: int) -> NoNews | None:
    """Say why an order tells of no purchase now. One that was made long ago and paid just now is a purchase that is too old."""
    if text_in(said, "status") not in rules.statuses:
        return NoNews.NOT_YET
    known = [unix_seconds(time) for field in ("date_created_gmt", "date_paid_gmt") if (time := _time(said, field)) is not None]
    return NoNews.LONG_AGO if known and all(type(at) is int and at < now - MAX_AGE for at in known) else None


def _purchase(said: Mapping[str, object], meta: Sequence[object], event_id: EventId, now: int) -> RawEvent:
    occurred_at = occurred_at_of(_time(said, "date_created_gmt"), now)
    billing, shipping = part_of(said, "billing"), part_of(said, "shipping")
    country, region = place_of([(text_in(one, "country"), text_in(one, "state")) for one in (shipping, billing)])
    return RawEvent(
        kind=Kind.PURCHASE,
        event_id=event_id,
        occurred_at=min(occurred_at, now),
        set_to_now=occurred_at > now,
        page_url=origin_of(text_in(said, "payment_url")),
        email=text_in(billing, "email") or None,
        ip=text_in(said, "customer_ip_address") or None,
        country=country,
        region=region,
        money=exact_money(said.get("total"), said.get("currency"), "total"),
        content_ids=_content_ids(list_in(said, "line_items")),
        consent=_citation(said, meta, event_id),
    )


def _time(said: Mapping[str, object], field: str) -> str | None:
    """Read a time in UTC; it is written without saying so."""
    text = text_in(said, field)
    return f"{text}Z" if text else None


def _citation(said: Mapping[str, object], meta: Sequence[object], event_id: EventId) -> dict[str, object]:
    """Cite the order's key too, which nobody else can know: it stands in the address of the page that thanks for the order."""
    tokens = {
        Identifier.CHECKOUT_TOKEN: text_in(said, "order_key"),
        Identifier.CLIENT_ID: one_of(values_of(meta, CLIENT_META, "key")),
    }
    return citation(event_id, tokens, values_of(meta, RECEIPT_META, "key"))


def _content_ids(lines: Sequence[object]) -> tuple[str, ...]:
    """Give the first hundred lines' variations, or products where a line has none."""
    ids: list[str] = []
    for line in lines[:MAX_CONTENT_IDS]:
        if not isinstance(line, dict):
            raise Broken("line_items", Fault.WRONG_TYPE)
        found = [number for name in ("variation_id", "product_id") if type(number := line.get(name)) is int and number > 0]
        ids += [str(number) for number in found[:1]]
    return tuple(ids)
