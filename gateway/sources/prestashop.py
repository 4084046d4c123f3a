"""What the module for PrestaShop sends: the bytes of an order's body in, a raw event out, or why there is none.

PrestaShop has no webhooks of its own, so the form is ours: integrations/prestashop/consentgateway writes it, docs/prestashop.md
explains it. It is so small that nothing has to be dropped: no name, no street, no telephone number ever leaves the shop. The
module posts an order when it is made, when it counts as paid, and when it is taken back. Its time is when it was made: what
comes so late that its number is forgotten is too old to count again. It says nothing of consent itself: it only cites what a
consent record can be found by. The customer's `secure_key` is not among that: it is the same in all orders of a customer, on
whichever device they are made. Pure: time is handed in.
"""

from collections.abc import Mapping, Sequence
from enum import unique
from functools import partial
from typing import Final, Literal

import msgspec

from gateway.model.texts import EventId
from gateway.model.words import Fault, Kind, Refusal, Word
from gateway.persons import Identifier
from gateway.raw import Malformed, RawEvent, Unfit
from gateway.sources.fields import Broken, text_of
from gateway.sources.native import MAX_CONTENT_IDS, occurred_at_of
from gateway.sources.orders import (
    NoNews,
    Read,
    Reader,
    citation,
    digits_of,
    exact_money,
    list_in,
    object_in,
    origin_of,
    place_of,
    text_in,
)


@unique
class Topic(Word):
    """What the module tells; a metric label."""

    ORDER = "order"
    OTHER = "other"


TOPICS: Final = {topic.value: topic for topic in Topic}


class Rules(msgspec.Struct, frozen=True):
    """What a storefront has set: whether an order counts once it is paid or as soon as it is placed, and its id."""

    orders: Literal["paid", "placed"] = "paid"
    event_id: Literal["id", "reference"] = "id"

    @property
    def reads(self) -> Mapping[Word, Reader]:
        """The one topic that there is."""
        return {Topic.ORDER: partial(order, rules=self)}


def order(body: bytes, now: int, rules: Rules) -> Read:
    """Read an order's body. `now` is Unix seconds. Raises strict.Unreadable where it is no JSON text."""
    try:
        said = object_in(body)
        event_id = _event_id(said, rules)
    except Broken as broken:
        return Malformed(broken.field, broken.fault, Kind.PURCHASE)
    try:
        why = _unfit(said)
        if why is not None:
            return Unfit(Kind.PURCHASE, event_id, why)
        if rules.orders == "paid" and said.get("paid") is not True:
            return NoNews.NOT_YET
        return _purchase(said, event_id, now)
    except Broken as broken:
        return Malformed(broken.field, broken.fault, Kind.PURCHASE, event_id)


def _event_id(said: Mapping[str, object], rules: Rules) -> EventId:
    """Give the id under which the shop's pages report the order too: its own, or the reference that customers see."""
    if rules.event_id == "id":
        return EventId(digits_of(said.get("id"), "id"))
    reference = text_in(said, "reference")
    if not reference:
        raise Broken("reference", Fault.MISSING)
    if EventId.PATTERN.fullmatch(reference) is None:
        raise Broken("reference", Fault.TOO_LONG if len(reference) > 64 else Fault.BAD_FORMAT)
    return EventId(reference)


def _unfit(said: Mapping[str, object]) -> Refusal | None:
    """Say why an order counts nowhere. A flag that is not a plain no is a yes."""
    if said.get("revoked") is not False:
        return Refusal.CANCELLED_ORDER
    return Refusal.DRAFT_ORDER if said.get("by_employee") is not False else None


def _purchase(said: Mapping[str, object], event_id: EventId, now: int) -> RawEvent:
    occurred_at = occurred_at_of(text_in(said, "made_at"), now)
    country, region = place_of(_addresses(list_in(said, "addresses")))
    tokens = {Identifier.CLIENT_ID: text_in(said, "client_id")}
    receipt = text_in(said, "receipt")
    return RawEvent(
        kind=Kind.PURCHASE,
        event_id=event_id,
        occurred_at=min(occurred_at, now),
        set_to_now=occurred_at > now,
        page_url=origin_of(text_in(said, "shop_url")),
        email=text_in(said, "email") or None,
        country=country,
        region=region,
        money=exact_money(said.get("total"), said.get("currency"), "total"),
        content_ids=_content_ids(list_in(said, "products")),
        consent=citation(event_id, tokens, [receipt] if receipt else []),
    )


def _addresses(rows: Sequence[object]) -> list[tuple[str | None, str | None]]:
    found = []
    for row in rows:
        if not isinstance(row, dict):
            raise Broken("addresses", Fault.WRONG_TYPE)
        found.append((text_in(row, "country"), text_in(row, "region")))
    return found


def _content_ids(products: Sequence[object]) -> tuple[str, ...]:
    """Give the first hundred products' ids, with that of the combination behind a dash where there is one."""
    return tuple([text for product in products[:MAX_CONTENT_IDS] if (text := text_of(product, "products"))])
