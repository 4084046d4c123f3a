"""The gateway's own format (`POST /v1/events`, `POST /v1/collect`): bytes in, raw events out.

Declared fields have one type each and are read by name; anything else is dropped and counted under a name from a
closed list. A field of the wrong type makes its event invalid and says which; the neighbours in the batch live on.
Whether an address is an address is not judged here: that is the boundary's business. Pure: time is handed in.
"""

import re
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec

from gateway.model import CURRENCIES, EXPONENTS, Destination, EventId, Fault, Kind, Money
from gateway.raw import MAX_AGE, MAX_AHEAD, Malformed, RawEvent, unix_seconds
from gateway.sources.strict import MAX_DEPTH, taint_of
from gateway.sources.strict import loads as strict_loads

MAX_EVENTS: Final = 500
MAX_TEXT: Final = 4096

EVENT_FIELDS: Final = frozenset(
    {"event", "event_id", "occurred_at", "page_url", "customer", "client", "order", "click", "consent"}
)
CUSTOMER_FIELDS: Final = frozenset({"email", "email_sha256"})
CLIENT_FIELDS: Final = frozenset({"ip", "user_agent", "country", "region"})
ORDER_FIELDS: Final = frozenset({"value", "currency"})
CLICK_FIELDS: Final = frozenset({"gclid", "gbraid", "wbraid", "fbc", "fbp", "epik"})

COMMON_NAMES: Final = (
    "address birthdate birthday cart city contents country coupon currency custom_data customer_id discount dob email "
    "external_id fbclid first_name firstname gender id ip items language last_name lastname line_items name order_id "
    "page_title password phone phone_number postal_code postcode price product_id products properties quantity "
    "referrer shipping sku state street tax timestamp title total traits type url user_agent user_data user_id utm_campaign "
    "utm_medium utm_source value zip"
)
OFTEN_SENT: Final = frozenset(COMMON_NAMES.split())
"""Names under which undeclared fields are counted; any other counts as `other`, since a name can be data too."""

PLAIN_DECIMAL: Final = re.compile(r"\d{1,8}(?:\.\d{1,6})?", re.ASCII)
KINDS: Final = {kind.value: kind for kind in Kind}
HASHED_FOR: Final = {destination.value: destination for destination in Destination}
SHA256_HEX: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
FLOAT_NOISE: Final = 1e-6


class Connection(msgspec.Struct, frozen=True, gc=False):
    """What the browser's own connection says; it takes the place of what the body says about `client`."""

    ip: str | None
    user_agent: str | None
    gpc: bool

    def __repr__(self) -> str:
        """Say nothing of what is inside."""
        return "<Connection>"


class Batch(msgspec.Struct):
    """One request's events in their order, and the undeclared fields that were dropped, counted by `object.name`."""

    events: list[RawEvent | Malformed]
    unknown: Counter[str]


class TooManyEvents(Exception):
    """More than `MAX_EVENTS` in one request."""


class NotAnEvent(Exception):
    """The JSON is neither an event nor `{"events": [...]}`."""


class Broken(Exception):
    """A rule was broken: which field, which rule. Never leaves this file."""

    def __init__(self, field: str, fault: Fault) -> None:
        """Keep both."""
        super().__init__(field)
        self.field = field
        self.fault = fault


def decode(body: bytes, now: int, connection: Connection | None = None) -> Batch:
    """Read one request's body. `now` is Unix seconds; `connection` is given for browsers.

    Raises strict.Unreadable (no JSON), NotAnEvent, TooManyEvents; a single bad event is a `Malformed` in the batch.
    """
    value, suspicious = strict_loads(body)
    batch = Batch(events=[], unknown=Counter())
    for item in _items(value):
        batch.events.append(_event(item, now, connection, suspicious, batch.unknown))
    return batch


def _items(value: object) -> list[object]:
    if type(value) is not dict:
        if hasattr(value, "fault"):
            return [value]
        raise NotAnEvent
    if "events" not in value:
        return [value]
    events = value["events"]
    if type(events) is not list or not events:
        raise NotAnEvent
    if len(events) > MAX_EVENTS:
        raise TooManyEvents
    return events


def _event(
    item: object, now: int, connection: Connection | None, suspicious: bool, unknown: Counter[str]
) -> RawEvent | Malformed:
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


def _read(item: object, now: int, connection: Connection | None, unknown: Counter[str]) -> RawEvent:
    if type(item) is not dict:
        raise Broken("event", Fault.WRONG_TYPE)
    dropped = not item.keys() <= EVENT_FIELDS and _drop("event", item, EVENT_FIELDS, unknown)
    kind = _kind(item.get("event"))
    event_id = _event_id(item.get("event_id"))
    occurred_at = _occurred_at(item.get("occurred_at"), now)
    email = email_sha256 = ip = user_agent = country = region = click = None
    if (customer := item.get("customer")) is not None:
        dropped |= _object("customer", customer, CUSTOMER_FIELDS, unknown)
        email = _text(customer, "customer", "email")
        email_sha256 = _email_sha256(customer.get("email_sha256"), email)
    if (client := item.get("client")) is not None:
        dropped |= _object("client", client, CLIENT_FIELDS, unknown)
        ip = _text(client, "client", "ip")
        user_agent = _text(client, "client", "user_agent")
        country = _text(client, "client", "country")
        region = _text(client, "client", "region")
    if (clicked := item.get("click")) is not None:
        dropped |= _object("click", clicked, CLICK_FIELDS, unknown)
        click = {name: _text(clicked, "click", name) or "" for name, text in clicked.items() if text is not None} or None
    if connection is not None:
        ip, user_agent = connection.ip, connection.user_agent
    return RawEvent(
        kind=kind,
        event_id=event_id,
        occurred_at=min(occurred_at, now),
        set_to_now=occurred_at > now,
        page_url=_text(item, "event", "page_url"),
        email=email,
        email_sha256=email_sha256,
        ip=ip,
        user_agent=user_agent,
        country=country,
        region=region,
        money=_money(kind, item.get("order"), unknown),
        click=click,
        consent=item.get("consent"),
        gpc_header=connection is not None and connection.gpc,
        unknown=dropped,
    )


def _object(name: str, value: object, fields: frozenset[str], unknown: Counter[str]) -> bool:
    if type(value) is not dict:
        raise Broken(name, Fault.WRONG_TYPE)
    return not value.keys() <= fields and _drop(name, value, fields, unknown)


def _drop(name: str, value: Mapping[str, object], fields: frozenset[str], unknown: Counter[str]) -> bool:
    for key in value.keys() - fields:
        unknown[f"{name}.{key if key in OFTEN_SENT else 'other'}"] += 1
        if (fault := taint_of(value[key], MAX_DEPTH - 1 - (name != "event"))) is not None:
            raise Broken(name, fault)
    return True


def _text(value: Mapping[str, object], name: str, key: str) -> str | None:
    text = value.get(key)
    if text is None:
        return None
    if type(text) is not str:
        raise Broken(key if name == "event" else f"{name}.{key}", Fault.WRONG_TYPE)
    if len(text) > MAX_TEXT:
        raise Broken(key if name == "event" else f"{name}.{key}", Fault.TOO_LONG)
    return text


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
    try:
        return EventId(value)
    except ValueError:
        raise Broken("event_id", Fault.TOO_LONG if len(value) > 64 else Fault.BAD_FORMAT) from None


def _occurred_at(value: object, now: int) -> int:
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
    if value is None:
        return None
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


def _money(kind: Kind, value: object, unknown: Counter[str]) -> Money | None:
    if value is None:
        if kind is Kind.PURCHASE:
            raise Broken("order", Fault.MISSING)
        return None
    _object("order", value, ORDER_FIELDS, unknown)
    assert isinstance(value, dict)  # noqa: S101 - _object has just refused anything else
    amount, currency = value.get("value"), value.get("currency")
    if amount is None and currency is None and kind is not Kind.PURCHASE:
        return None
    if amount is None:
        raise Broken("order.value", Fault.MISSING)
    code = _currency(currency)
    try:
        return Money(_minor_units(amount, EXPONENTS.get(code, 2)), code)
    except ValueError:
        raise Broken("order.value", Fault.OUT_OF_RANGE) from None


def _currency(value: object) -> str:
    if type(value) is not str:
        raise Broken("order.currency", Fault.MISSING if value is None else Fault.WRONG_TYPE)
    code = value if value in CURRENCIES else value.upper()
    if code not in CURRENCIES:
        raise Broken("order.currency", Fault.NOT_ONE_OF)
    return code


def _minor_units(amount: object, exponent: int) -> int:
    """Turn a decimal text or JSON number into minor units: exact for text, up to a double's noise for a number."""
    if type(amount) is str:
        if PLAIN_DECIMAL.fullmatch(amount) is None:
            raise Broken("order.value", Fault.BAD_FORMAT)
        whole, _, part = amount.partition(".")
        if len(part) > exponent and part[exponent:].strip("0"):
            raise Broken("order.value", Fault.BAD_FORMAT)
        return int(whole + part[:exponent].ljust(exponent, "0"))
    if type(amount) is int:
        return amount * 10**exponent if abs(amount) < 10**12 else -1
    if type(amount) is not float:
        raise Broken("order.value", Fault.WRONG_TYPE)
    return _minor_units_of_float(amount, exponent)


def _minor_units_of_float(amount: float, exponent: int) -> int:
    """Round away what binary fractions add (0.1 + 0.2); a real third decimal is an error, not something to round."""
    if abs(amount) > 10**12:
        return -1
    try:
        scaled = Decimal(repr(amount)).scaleb(exponent)
    except InvalidOperation:  # pragma: no cover - repr of a finite float is always a decimal
        raise Broken("order.value", Fault.BAD_FORMAT) from None
    minor = int(scaled.to_integral_value())
    if abs(float(scaled - minor)) > FLOAT_NOISE:
        raise Broken("order.value", Fault.BAD_FORMAT)
    return minor
