"""What the data tag of a rented tag-manager container sends to `/data`: query and body in, raw events out.

The tag and the client that it speaks to are open source, and this reads what they read: https://github.com/stape-io/data-tag
(template.js, data-tag.js), https://github.com/stape-io/data-client (template.js, data-client-protocol.md), read 2026-11-26.
A GET has its event in the query: as parameters, as JSON (`dtcd`) or as that in base64 (`dtdc`). A POST has it in the body, as
JSON, as a list of JSON objects, or as a form with dotted names; what the body says goes before the query. A field that may
stand in several places must not say two things. Taken are purchases, additions to the basket and page views.

`consent_state` is what Tag Manager answers for each type of consent, and it answers yes where nobody set one. So a no is heard,
and a yes is not: what grants is the `gateway_consent` that the shop adds to what the tag sends, or a record of the same client.
Pure.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final

from gateway.model.money import Money
from gateway.model.texts import EventId
from gateway.model.words import Destination, Fault, Kind
from gateway.raw import Malformed, RawEvent
from gateway.sources.fields import MAX_KEYS, OFTEN_SENT, Broken, Unknown
from gateway.sources.gtag import rounded
from gateway.sources.money import money_of_text
from gateway.sources.native import CLICK_FIELDS, KINDS, MAX_CONTENT_IDS, SHA256_HEX, Batch, Connection
from gateway.sources.parameters import MAX_PARAMETERS, Parameters, parameters_of
from gateway.sources.strict import MAX_DEPTH, Unreadable, loads, taint_of
from gateway.sources.typed import MAX_TEXT
from gateway.spelling import misspelt

MAX_EVENTS: Final = 20
"""In one request; the tag sends one, other clients a list."""
MAX_STEPS: Final = 6
"""Parts of a form's dotted name."""
ID_LENGTH: Final = 32
"""Hexadecimal digits of an id that is derived: 128 bits."""

NAMES: Final = ("event_name", "eventName", "event", "e_n")
"""Where an event's name stands; the first that is there counts, as at the client."""
ORDERS: Final = ("transaction_id", "order_id", "ecommerce.transaction_id", "ecommerce.purchase.actionField.id")
AMOUNTS: Final = ("value", "e_v", "ecommerce.value", "ecommerce.purchase.actionField.revenue")
CURRENCIES: Final = ("currency", "ecommerce.currency", "ecommerce.currencyCode")
PAGES: Final = ("page_location", "pageLocation", "url", "href")
CLIENTS: Final = ("client_id", "data_client_id", "_dcid", "_dcid_temp")
EMAILS: Final = ("user_data.email_address", "user_data.email", "userEmail", "email_address", "email", "mail")
ITEMS: Final = ("items", "ecommerce.items", "ecommerce.purchase.products", "ecommerce.add.products")
ITEM_IDS: Final = ("item_id", "id")
SHA256_BASE64: Final = re.compile(r"[A-Za-z0-9+/]{43}=", re.ASCII)
COOKIES: Final[Mapping[str, str]] = {"_fbc": "fbc", "_fbp": "fbp", "_epik": "epik"}
"""Of `common_cookie`, what the advertisers' own scripts keep of the ad that led here, and our name for it."""
ADDRESS_IDS: Final = ("gclid", "gbraid", "wbraid")

NUMERIC: Final = frozenset("-0123456789")
"""What a number in JSON begins with."""
OWN: Final = "gateway_consent"
"""A consent object as in our own format; no data layer has the name by chance."""
SAID_ONCE: Final = (OWN, "consent_state")
"""What the body may not say otherwise than the query: a later word must not overrule a refusal."""
TAKEN: Final = frozenset(
    {
        *(
            name.partition(".")[0]
            for names in (NAMES, ORDERS, AMOUNTS, CURRENCIES, PAGES, CLIENTS, EMAILS, ITEMS)
            for name in names
        ),
        *SAID_ONCE,
        *("v", "event_id", "common_cookie", "dtcd", "dtdc"),
    }
)
KNOWN: Final = (
    "page_hostname page_referrer page_title page_encoding page_path screen_resolution viewport_size language timestamp "
    "unique_event_id ip ip_override ipOverride userAgent richsstsse phone_number phoneNumber userPhoneNumber first_name "
    "firstName last_name lastName userFirstName userLastName city street region postal_code postalCode "
    "new_customer coupon affiliation"
)
PASSED_OVER: Final = frozenset(KNOWN.split()) | OFTEN_SENT
"""What the tag and its users are known to send and nothing here has a use for, counted by its own name."""
STATES: Final = ("ad_storage", "ad_user_data", "ad_personalization")
"""Types of consent that say something of advertising."""

Piece = dict[str, object]


def decode(query: str, body: bytes, now: int, connection: Connection, *, form: bool = False) -> Batch:
    """Read one request. `query` is the text behind `?`, as it came; `form` says that the body is one; `now` is Unix seconds.

    Raises nothing: what is wrong with an event is a `Malformed` in the batch, and one stands for the whole request where it
    cannot be told apart into events.
    """
    unknown: Unknown = {}
    try:
        shared = _shared(query, is_whole=not body)
        pieces = _pieces(body, form=form)
    except Broken as broken:
        return Batch([Malformed(broken.field, broken.fault)], unknown)
    reader = _Reader(shared, f"{query}\n{now}\n".encode("utf-8", "surrogatepass") + body, now, connection, unknown)
    return Batch([reader.event(piece, index) for index, piece in enumerate(pieces)], unknown)


def events_in(query: str, body: bytes, *, form: bool = False) -> list[Piece]:
    """Give what each event of a request says, under the tag's own names, for whoever looks at names alone. Raises Broken."""
    shared = _shared(query, is_whole=not body)
    pieces = [_untainted(piece, "event") for piece in _pieces(body, form=form)]
    return [{**shared, **piece} if type(piece) is dict else shared for piece in pieces]


# ── how it is packed ─────────────────────────────────────────────────────────────────────────────────────────────


def _shared(query: str, *, is_whole: bool) -> Piece:
    """Read the query; where there is no body, also the event that is packed into one of its parameters."""
    said: Piece = dict(parameters_of(query.encode("utf-8", "surrogatepass")))
    packed = [name for name in ("dtcd", "dtdc") if is_whole and said.get(name)]
    if len(packed) > 1:
        raise Broken("dtdc", Fault.CONFLICT)
    for name in packed:
        inner = _object(_unpacked(name, str(said.pop(name))), name)
        said = {**said, **_held_against(said, inner)}
    return said


def _unpacked(name: str, text: str) -> bytes:
    """Give the JSON of `dtcd` as it is, and of `dtdc` out of its base64, in either alphabet, padded or not."""
    if name == "dtcd":
        return text.encode()
    try:
        plain = text.rstrip("=").replace("-", "+").replace("_", "/")
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Broken(name, Fault.BAD_FORMAT) from None


def _pieces(body: bytes, *, form: bool) -> list[object]:
    """Take a body apart into its events; no body is one event that the query has said already."""
    if not body:
        return [{}]
    if form:
        return [_of_form(body)]
    value = _loaded(body, "event")
    pieces = value if type(value) is list else [value]
    if not pieces or len(pieces) > MAX_EVENTS:
        raise Broken("event", Fault.TOO_LONG if pieces else Fault.MISSING)
    return pieces


def _loaded(text: bytes, field: str) -> object:
    """Read JSON, of which parts may be tainted; raises Broken."""
    try:
        return loads(text)[0]
    except Unreadable:
        raise Broken(field, Fault.BAD_FORMAT) from None


def _json(text: bytes, field: str) -> object:
    """Read JSON in which no two readers can differ; raises Broken."""
    return _untainted(_loaded(text, field), field)


def _untainted(value: object, field: str) -> object:
    if (fault := taint_of(value, MAX_DEPTH)) is not None:
        raise Broken(field, fault)
    return value


def _object(text: bytes, field: str) -> Piece:
    value = _json(text, field)
    if type(value) is not dict:
        raise Broken(field, Fault.WRONG_TYPE)
    return value


def _of_form(body: bytes) -> Piece:
    """Read a form whose names are paths, `items.0.item_id`, and whose values are JSON where they can be and are no numbers."""
    said: Piece = {}
    for name, text in parameters_of(body.replace(b"+", b" ")).items():
        *steps, last = name.split(".")
        if len(steps) >= MAX_STEPS:
            raise Broken("event", Fault.TOO_DEEP)
        box = said
        for step in steps:
            inner = box.setdefault(step, {})
            if type(inner) is not dict:
                raise Broken("event", Fault.CONFLICT)
            box = inner
        if last in box:
            raise Broken("event", Fault.CONFLICT)
        box[last] = _of_text(text)
    return said


def _of_text(text: str) -> object:
    """Read a form's value as its makers do: as JSON, or as the text that it is.

    A number stays text: it may be an order's or a client's, and those must not lose digits.
    """
    if text[:1] in NUMERIC:
        return text
    try:
        return _json(text.encode("utf-8", "surrogatepass"), "event")
    except Broken:
        return text


def _held_against(shared: Mapping[str, object], own: Piece) -> Piece:
    """Give what a part says by itself; it must say the same of consent as what it is a part of."""
    if any(name in shared and name in own and shared[name] != own[name] for name in SAID_ONCE):
        raise Broken(OWN, Fault.CONFLICT)
    return own


# ── one event ────────────────────────────────────────────────────────────────────────────────────────────────────


class _Reader:
    """Reads the events of one request. `named`: what an event without an id of its own is named by, its place added."""

    def __init__(self, shared: Piece, named: bytes, now: int, connection: Connection, unknown: Unknown) -> None:
        self._shared = shared
        self._named = named
        self._now = now
        self._connection = connection
        self._unknown = unknown

    def event(self, piece: object, index: int) -> RawEvent | Malformed:
        """Read one event; `index` is its place among them."""
        kind = None
        try:
            _untainted(piece, "event")
        except Broken as broken:
            return Malformed(broken.field, broken.fault)
        if type(piece) is not dict:
            return Malformed("event", Fault.WRONG_TYPE)
        try:
            said = {**self._shared, **_held_against(self._shared, piece)}
            undeclared = self._count(said)
            kind = _kind(said)
            return self._read(kind, said, index, undeclared)
        except Broken as broken:
            return Malformed(broken.field, broken.fault, kind)

    def _read(self, kind: Kind, said: Piece, index: int, undeclared: bool) -> RawEvent:
        connection, page = self._connection, _text(_first(said, PAGES), "page_location")
        if page is not None and len(page) > MAX_TEXT:
            self._drop("stape.page_location")
            page = None
        email, hashed = _email(said)
        return RawEvent(
            kind=kind,
            event_id=_order_id(said) if kind is Kind.PURCHASE else self._own_id(said, index),
            occurred_at=self._now,
            page_url=page,
            email=email,
            email_sha256=hashed,
            ip=connection.ip,
            user_agent=connection.user_agent,
            money=_money(kind, said),
            content_ids=self._content_ids(said),
            click=_clicks(said, page),
            consent=consent_of(said),
            gpc_header=connection.gpc,
            unknown=undeclared,
            edge=connection.edge,
        )

    def _own_id(self, said: Piece, index: int) -> EventId:
        """Give the id that the shop shares with its browser pixels, or derive one: the tag sends nothing twice."""
        given = _text(said.get("event_id"), "event_id")
        if given is not None:
            return _id(given, "event_id")
        return EventId.unsealed(sha256(self._named + str(index).encode()).hexdigest()[:ID_LENGTH])

    def _content_ids(self, said: Piece) -> tuple[str, ...]:
        found = _first(said, ITEMS)
        items: Iterable[object] = found.values() if type(found) is dict else found if type(found) is list else ()
        ids = [text for item in items if type(item) is dict and (text := _item_id(item)) is not None]
        if len(ids) > MAX_CONTENT_IDS:
            self._drop("stape.items")
        return tuple(ids[:MAX_CONTENT_IDS])

    def _count(self, said: Piece) -> bool:
        """Count what is dropped; say whether any of it is not known to be the tag's own."""
        if len(said) > MAX_PARAMETERS or any(type(part) is dict and len(part) > MAX_KEYS for part in said.values()):
            raise Broken("event", Fault.TOO_MANY_KEYS)
        undeclared = False
        for name in said.keys() - TAKEN:
            own = name in PASSED_OVER or name.startswith("x-ga-")
            self._drop(f"stape.{name if name in PASSED_OVER else 'x-ga' if own else 'other'}")
            undeclared = undeclared or not own
        return undeclared

    def _drop(self, label: str) -> None:
        self._unknown[label] = self._unknown.get(label, 0) + 1


def _found(said: Piece, paths: Iterable[str]) -> Iterable[object]:
    """Give what stands at some paths, leaving out what is empty."""
    for path in paths:
        value: object = said
        for step in path.split("."):
            value = value.get(step) if type(value) is dict else None
        if value is not None and value != "":
            yield value


def _first(said: Piece, paths: Iterable[str]) -> object:
    return next(iter(_found(said, paths)), None)


def _text(value: object, field: str) -> str | None:
    """Read text, or a whole number as text; None for nothing, or nothing in it."""
    if value is None or value == "":
        return None
    if type(value) is int:
        return str(value)
    if type(value) is not str:
        raise Broken(field, Fault.WRONG_TYPE)
    return value


def _kind(said: Piece) -> Kind:
    name = _text(_first(said, NAMES), "event_name")
    if name is None:
        raise Broken("event_name", Fault.MISSING)
    if name not in KINDS:
        raise Broken("event_name", Fault.NOT_ONE_OF)
    return KINDS[name]


def _id(text: str, field: str) -> EventId:
    if EventId.PATTERN.fullmatch(text) is None:
        raise Broken(field, Fault.TOO_LONG if len(text) > 64 else Fault.BAD_FORMAT)
    return EventId.unsealed(text)


def _order_id(said: Piece) -> EventId:
    """Give the order's number, by which the same purchase is known from whichever side it comes."""
    numbers = {_text(value, "transaction_id") for value in _found(said, ORDERS)}
    if len(numbers) > 1:
        raise Broken("transaction_id", Fault.CONFLICT)
    number = next(iter(numbers), None)
    if number is None:
        raise Broken("transaction_id", Fault.MISSING)
    return _id(number, "transaction_id")


def _money(kind: Kind, said: Piece) -> Money | None:
    currencies = {_code(_text(value, "currency")) for value in _found(said, CURRENCIES)}
    if len(currencies) > 1:
        raise Broken("order.currency", Fault.CONFLICT)
    currency = next(iter(currencies), None)
    written = [_number(value) for value in _found(said, AMOUNTS)]
    if kind is not Kind.PURCHASE and (currency is None or not written):
        return None
    if currency is None or not written:
        raise Broken("order.currency" if written else "order.value", Fault.MISSING)
    amounts = {rounded(text, currency) for text in written}
    if len(amounts) > 1:
        raise Broken("order.value", Fault.CONFLICT)
    return money_of_text(amounts.pop(), currency)


def _code(currency: str | None) -> str | None:
    """Write a currency in capitals, as it is read; nothing else is made of other letters than ASCII's."""
    return currency.upper() if currency is not None and currency.isascii() else currency


def _number(value: object) -> str:
    if type(value) is float or type(value) is int:
        return repr(value)
    text = _text(value, "order.value")
    return "" if text is None else text


def _item_id(item: Piece) -> str | None:
    found = _first(item, ITEM_IDS)
    text = str(found) if type(found) is int else found
    return text if type(text) is str and len(text) <= MAX_TEXT else None


# ── who, and what was said ───────────────────────────────────────────────────────────────────────────────────────


def _email(said: Piece) -> tuple[str | None, dict[Destination, str] | None]:
    """Give the address, or the digests that stand for one.

    The tag can hash a field itself: SHA-256 of the text, trimmed and in small letters, which is how Meta and Pinterest want it
    and, with Google's rule for Gmail, not Google (`getCustomData` in its template.js). A digest that is named as one is GA4's
    and made by Google's rules. Where an address stands too, it goes before both. Raises Broken where two differ.
    """
    written = [text for value in _found(said, EMAILS) if (text := _text(_alone(value), "email")) is not None]
    if len({text.strip().lower() for text in written}) > 1:
        raise Broken("email", Fault.CONFLICT)
    text = next(iter(written), None)
    digests = {}
    if text is not None and (digest := _digest(text)) is not None:
        digests = dict.fromkeys((Destination.META, Destination.PINTEREST), digest)
        text = None
    named = _alone(_first(said, ("user_data.sha256_email_address",)))
    if type(named) is str and SHA256_HEX.fullmatch(named.lower()):
        digests[Destination.GOOGLE_ADS] = named.lower()
    return (text, None) if text is not None else (None, digests or None)


def _digest(text: str) -> str | None:
    """Read a SHA-256 as the tag writes one, in hexadecimal digits or in base64; 64 lower-case digits, None otherwise."""
    if SHA256_HEX.fullmatch(text.lower()):
        return text.lower()
    if SHA256_BASE64.fullmatch(text) is None:
        return None
    raw = base64.b64decode(text)
    return raw.hex() if base64.b64encode(raw).decode() == text else None


def _alone(value: object) -> object:
    """Give what a list holds that has one part, as GA4 writes what there may be several of."""
    return value[0] if type(value) is list and len(value) == 1 else value


def consent_of(said: Piece) -> object:
    """Give the consent object of an event: what the shop says was said, every no of `consent_state`, and whose it is.

    What is no object, and a state that is no answer, refuses. No state ever grants. The tag's client stands beside what else
    the shop joins by, unless the shop names one itself. Raises Broken for a client that is neither text nor a whole number:
    without it a withdrawal would not be heard.
    """
    own = said.get(OWN)
    if own is not None and type(own) is not dict:
        return "unreadable"
    consent: Piece = dict(own or {})
    state = said.get("consent_state")
    if state is not None:
        if type(state) is not dict or misspelt(state.keys(), frozenset(STATES)):
            return "unreadable"
        consent |= _refused_by(state, consent)
    client, join = _text(_first(said, CLIENTS), "client_id"), consent.get("join")
    if client is not None and (join is None or (type(join) is dict and join.get("client_id") is None)):
        consent["join"] = {**(join or {}), "client_id": client}
    return consent


def _refused_by(state: Piece, consent: Piece) -> Piece:
    """Give what a state takes away: everybody by `ad_storage` or `ad_user_data`, personal ads at Google by the third."""
    words = {name: "denied" if state[name] is False else "unreadable" for name in STATES if state.get(name, True) is not True}
    if not words:
        return {}
    google = {} if consent.get("google") is None else consent["google"]
    refused: Piece = {"google": {**google, **words} if type(google) is dict else google}
    return refused if words.keys() == {"ad_personalization"} else {**refused, "advertising": False}


def _clicks(said: Piece, page: str | None) -> dict[str, str] | None:
    """Take the ids of ads: what the advertisers' scripts keep in cookies, and Google's out of the page's address."""
    kept = said.get("common_cookie")
    found = (
        {ours: kept[theirs] for theirs, ours in COOKIES.items() if type(kept.get(theirs)) is str} if type(kept) is dict else {}
    )
    query = (page or "").partition("#")[0].partition("?")[2]
    if any(name in query for name in ADDRESS_IDS):
        found |= {name: text for name in ADDRESS_IDS if (text := _parameters(query).get(name))}
    return {name: str(text) for name, text in found.items() if name in CLICK_FIELDS} or None


def _parameters(query: str) -> Parameters:
    """Read the query of a page's address; nothing of it where it says something twice."""
    try:
        return parameters_of(query.encode("utf-8", "surrogatepass"))
    except Broken:
        return {}
