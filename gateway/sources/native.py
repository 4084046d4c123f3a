"""The gateway's own format (`POST /v1/events`, `POST /v1/collect`): bytes in, raw events out.

Declared fields have one type each and are read by name; anything else is dropped and counted under a name from a
closed list. A field of the wrong type makes its event invalid and says which; the neighbours in the batch live on.
Whether an address is an address is not judged here: that is the boundary's business. Pure: time is handed in.
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from gateway.model.money import Money
from gateway.model.texts import EventId
from gateway.model.words import Destination, Fault, Kind
from gateway.raw import MAX_AGE, MAX_AHEAD, Malformed, RawEvent, unix_seconds
from gateway.sources import typed
from gateway.sources.fields import (
    CLIENT_FIELDS,
    MAX_KEYS,
    Broken,
    Unknown,
    consent_of,
    drop,
    minor_flag,
    minor_in,
    object_of,
    text_of,
)
from gateway.sources.money import money_of, money_of_text
from gateway.sources.strict import MAX_DEPTH, Tainted, taint_of
from gateway.sources.strict import loads as strict_loads

MAX_EVENTS: Final = 500
MAX_CONTENT_IDS: Final = 100
EVENT_FIELDS: Final = frozenset(
    {"event", "event_id", "occurred_at", "page_url", "customer", "client", "order", "click", "consent", "minor"}
)
BATCH_FIELDS: Final = frozenset({"events"})
CUSTOMER_FIELDS: Final = frozenset({"email", "email_sha256", "minor"})
ORDER_FIELDS: Final = frozenset({"value", "currency", "content_ids"})
CLICK_FIELDS: Final = frozenset({"gclid", "gbraid", "wbraid", "fbc", "fbp", "epik"})

PURCHASE: Final = Kind.PURCHASE
KINDS: Final = {kind.value: kind for kind in Kind}
HASHED_FOR: Final = {destination.value: destination for destination in Destination}
SHA256_HEX: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)

_wrapped: Final = str.__new__
"""What `unsealed` does, at half its cost."""
ID_OF_EVENT: Final = EventId.PATTERN.fullmatch


class Connection(msgspec.Struct, frozen=True, gc=False):
    """What the browser's own connection says; it takes the place of what the body says about `client`.

    `edge`: the country and region that the edge in front of the gateway saw it in, None if it said nothing; what the body
    says stands beside that.
    """

    ip: str | None
    user_agent: str | None
    gpc: bool
    edge: tuple[str | None, str | None] | None = None

    def __repr__(self) -> str:
        """Say nothing of what is inside."""
        return "<Connection>"


class Batch(msgspec.Struct):
    """One request's events in their order, and the undeclared fields that were dropped, counted by `object.name`."""

    events: list[RawEvent | Malformed]
    unknown: Unknown


class TooManyEvents(Exception):
    """More than `MAX_EVENTS` in one request."""


class NotAnEvent(Exception):
    """The JSON is neither an event nor `{"events": [...]}`."""


def decode(body: bytes, now: int, connection: Connection | None = None) -> Batch:
    """Read one request's body. `now` is Unix seconds; `connection` is given for browsers.

    Raises strict.Unreadable (no JSON), NotAnEvent, TooManyEvents; a single bad event is a `Malformed` in the batch.
    """
    events = typed.read(body)
    if events and len(events) <= MAX_EVENTS:
        try:
            return Batch([_common(event, now, connection) for event in events], {})
        except Broken:  # the careful reader says who broke what
            pass
    return read_carefully(body, now, connection)


def read_carefully(body: bytes, now: int, connection: Connection | None = None) -> Batch:
    """Do what `decode` does, field by field: for whatever is not of the common form, and to hold that form against."""
    value, suspicious = strict_loads(body)
    batch = Batch(events=[], unknown={})
    for item in _items(value, batch.unknown):
        batch.events.append(read_event(item, now, connection, suspicious, batch.unknown))
    return batch


def _common(event: typed.Event, now: int, connection: Connection | None) -> RawEvent:
    """Do for a typed event what `_read` does for a dictionary; Broken is raised for the same events."""
    kind = KINDS[event.event]
    seconds = unix_seconds(event.occurred_at)
    if type(seconds) is not int or not now - MAX_AGE <= seconds <= now:
        seconds = occurred_at_of(event.occurred_at, now)
    event_id = event.event_id
    if ID_OF_EVENT(event_id) is None:
        raise Broken("event_id", Fault.BAD_FORMAT)
    consent = None if event.consent is UNSET else event.consent
    email = ip = user_agent = country = region = click = None
    minor = event.minor is not UNSET and minor_flag(event.minor)
    if customer := event.customer:
        email = customer.email or None
        if customer.minor is not UNSET:
            minor = minor or minor_flag(customer.minor)
    if client := event.client:
        ip, user_agent = client.ip or None, client.user_agent or None
        country, region = client.country or None, client.region or None
    if connection is not None:
        ip, user_agent = connection.ip, connection.user_agent
    if (clicked := event.click) and clicked not in typed.NO_CLICK:
        click = {name: text for name in CLICK_FIELDS if (text := getattr(clicked, name))} or None
    if consent is not None and len(consent) > MAX_KEYS:
        raise Broken("consent", Fault.TOO_MANY_KEYS)
    order = event.order
    return RawEvent(  # one more argument by name would cost a microsecond: CPython gathers them in a dictionary then
        kind,
        _wrapped(EventId, event_id),
        seconds if seconds < now else now,  # noqa: FURB136 - a call costs five times that
        seconds > now,
        page_url=event.page_url or None,
        email=email,
        ip=ip,
        user_agent=user_agent,
        country=country,
        region=region,
        money=_common_money(kind, order),
        content_ids=_content_ids(order.content_ids) if order and order.content_ids else (),
        click=click,
        consent=consent,
        gpc_header=connection is not None and connection.gpc,
        minor=minor,
        edge=None if connection is None else connection.edge,
    )


def _common_money(kind: Kind, order: typed.Order | UnsetType | None) -> Money | None:
    if not order:
        if kind is PURCHASE:
            raise Broken("order", Fault.MISSING)
        return None
    amount, currency = order.value, order.currency
    if type(amount) is str and type(currency) is str:
        return money_of_text(amount, currency)
    return money_of(kind, None if amount is UNSET else amount, None if currency is UNSET else currency)


def _items(value: object, unknown: Unknown) -> list[object]:
    if type(value) is Tainted:
        return [value]
    if type(value) is not dict:
        raise NotAnEvent
    if "events" not in value:
        return [value]
    try:
        object_of("batch", value, BATCH_FIELDS, unknown)
    except Broken:
        raise NotAnEvent from None
    events = value["events"]
    if type(events) is not list or not events:
        raise NotAnEvent
    if len(events) > MAX_EVENTS:
        raise TooManyEvents
    return events


def read_event(
    item: object, now: int, connection: Connection | None, suspicious: bool, unknown: Unknown
) -> RawEvent | Malformed:
    """Read one event out of JSON that is parsed already. `suspicious`: something in it may be tainted, as `loads` says it."""
    if suspicious and (fault := taint_of(item, MAX_DEPTH)) is not None:
        return _named(item, "event", fault)
    try:
        return _read(item, now, connection, unknown)
    except Broken as broken:
        return _named(item, broken.field, broken.fault)


def _named(item: object, field: str, fault: Fault) -> Malformed:
    if type(item) is not dict:
        return Malformed(field, fault)
    name, event_id = item.get("event"), item.get("event_id")
    kind = KINDS.get(name) if type(name) is str else None
    known = EventId.PATTERN.fullmatch(event_id) if type(event_id) is str else None
    return Malformed(field, fault, kind, EventId(known[0]) if known else None)


def _read(item: object, now: int, connection: Connection | None, unknown: Unknown) -> RawEvent:
    if type(item) is not dict:
        raise Broken("event", Fault.WRONG_TYPE)
    dropped = not item.keys() <= EVENT_FIELDS and drop("event", item, EVENT_FIELDS, unknown)
    kind = _kind(item.get("event"))
    event_id = _event_id(item.get("event_id"))
    occurred_at = occurred_at_of(item.get("occurred_at"), now)
    email = email_sha256 = ip = user_agent = country = region = click = None
    minor = minor_in(item, EVENT_FIELDS)
    if (customer := item.get("customer")) is not None:
        dropped |= object_of("customer", customer, CUSTOMER_FIELDS, unknown)
        email = text_of(customer.get("email"), "customer.email")
        minor = minor or minor_in(customer, CUSTOMER_FIELDS)
        if (given := customer.get("email_sha256")) is not None:
            email_sha256 = _email_sha256(given, email)
    if (client := item.get("client")) is not None:
        dropped |= object_of("client", client, CLIENT_FIELDS, unknown)
        ip = text_of(client.get("ip"), "client.ip")
        user_agent = text_of(client.get("user_agent"), "client.user_agent")
        country = text_of(client.get("country"), "client.country")
        region = text_of(client.get("region"), "client.region")
    if (clicked := item.get("click")) is not None:
        dropped |= object_of("click", clicked, CLICK_FIELDS, unknown)
        click = _click(clicked)
    if connection is not None:
        ip, user_agent = connection.ip, connection.user_agent
    money = None
    content_ids: tuple[str, ...] = ()
    if (order := item.get("order")) is not None:
        dropped |= object_of("order", order, ORDER_FIELDS, unknown)
        money = money_of(kind, order.get("value"), order.get("currency"))
        if (named := order.get("content_ids")) is not None:
            content_ids = _content_ids(named)
    elif kind is PURCHASE:
        raise Broken("order", Fault.MISSING)
    return RawEvent(
        kind=kind,
        event_id=event_id,
        occurred_at=min(occurred_at, now),
        set_to_now=occurred_at > now,
        page_url=text_of(item.get("page_url"), "page_url"),
        email=email,
        email_sha256=email_sha256,
        ip=ip,
        user_agent=user_agent,
        country=country,
        region=region,
        money=money,
        content_ids=content_ids,
        click=click,
        consent=consent_of(item.get("consent")),
        gpc_header=connection is not None and connection.gpc,
        unknown=dropped,
        minor=minor,
        edge=None if connection is None else connection.edge,
    )


def _click(value: Mapping[str, object]) -> dict[str, str] | None:
    if list(value.values()).count(None) == len(value):  # as most visitors come: without a click
        return None
    given = [(name, id_) for name, id_ in value.items() if id_ is not None and name in CLICK_FIELDS]
    return {name: text for name, id_ in given if (text := text_of(id_, f"click.{name}")) is not None} or None


def _content_ids(value: object) -> tuple[str, ...]:
    if type(value) is not list:
        raise Broken("order.content_ids", Fault.WRONG_TYPE)
    if len(value) > MAX_CONTENT_IDS:
        raise Broken("order.content_ids", Fault.TOO_LONG)
    ids = tuple([text for id_ in value if (text := text_of(id_, "order.content_ids")) is not None])
    if len(ids) < len(value):
        raise Broken("order.content_ids", Fault.WRONG_TYPE)
    return ids


def _kind(value: object) -> Kind:
    if value is None:
        raise Broken("event", Fault.MISSING)
    kind = KINDS.get(value) if type(value) is str else None
    if kind is None:
        raise Broken("event", Fault.NOT_ONE_OF if type(value) is str else Fault.WRONG_TYPE)
    return kind


def _event_id(value: object) -> EventId:
    if type(value) is not str:
        raise Broken("event_id", Fault.MISSING if value is None else Fault.WRONG_TYPE)
    if EventId.PATTERN.fullmatch(value) is None:
        raise Broken("event_id", Fault.TOO_LONG if len(value) > 64 else Fault.BAD_FORMAT)
    return EventId.unsealed(value)


def occurred_at_of(value: object, now: int) -> int:
    """Read when an event happened, in Unix seconds; it may be up to `MAX_AHEAD` after `now`. Raises Broken."""
    if value is None:
        raise Broken("occurred_at", Fault.MISSING)
    seconds = unix_seconds(value)
    if isinstance(seconds, Fault):
        raise Broken("occurred_at", seconds)
    if seconds < now - MAX_AGE:
        raise Broken("occurred_at", Fault.TOO_OLD)
    if seconds > now + MAX_AHEAD:
        raise Broken("occurred_at", Fault.IN_THE_FUTURE)
    return seconds


def _email_sha256(value: object, email: str | None) -> dict[Destination, str] | None:
    """Read digests that the storefront made itself, each for the platform whose normalisation it used."""
    if type(value) is not dict:
        raise Broken("customer.email_sha256", Fault.WRONG_TYPE)
    if email is not None:
        raise Broken("customer.email_sha256", Fault.CONFLICT)
    if not value.keys() <= HASHED_FOR.keys():
        raise Broken("customer.email_sha256", Fault.NOT_ONE_OF)
    digests = {HASHED_FOR[name]: digest for name, digest in value.items() if digest is not None}
    for destination, digest in digests.items():
        if type(digest) is not str or SHA256_HEX.fullmatch(digest) is None:
            raise Broken(f"customer.email_sha256.{destination}", Fault.BAD_FORMAT)
    return digests or None
