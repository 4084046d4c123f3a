"""What Stape's Data Tag sends to `/data`: query and body in, all its encodings, raw events out.

Names, encodings and their order are those of the tag's and the receiving client's open templates
(https://github.com/stape-io/data-tag, `template.js` and `data-tag.js`, and https://github.com/stape-io/data-client,
`template.js` and `data-client-protocol.md`, all read 2026-11-26): by GET everything in the query, or most of it in `dtdc`
(JSON in base64) or `dtcd` (JSON); by POST a JSON object, an array of them, or a form with dotted names; a later place
overrules an earlier one. Taken are purchases, additions to the basket and page views; every other event is `not_one_of`. What
no field of ours has a place for is dropped and counted.

`consent_state` is Consent Mode's state and no visitor's choice, so it is handed on as that; no two places may speak of consent
in different words. What cannot be read strictly is invalid. Pure: time is handed in.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final, NamedTuple
from urllib.parse import unquote_plus

from gateway.model import Destination, EventId, Fault, Kind, Money
from gateway.raw import Malformed, RawEvent
from gateway.sources.fields import MAX_KEYS, Broken, Unknown, consent_of
from gateway.sources.gtag import ID_LENGTH, clicks_of, rounded
from gateway.sources.money import money_of_text
from gateway.sources.native import KINDS, MAX_CONTENT_IDS, Batch, Connection
from gateway.sources.parameters import MAX_PARAMETERS, parameters_of
from gateway.sources.strict import MAX_DEPTH, Unreadable, loads, taint_of
from gateway.sources.typed import MAX_TEXT

MAX_EVENTS: Final = 100
"""In one array."""
OURS: Final = "gateway_consent"
"""An object of our own format's `consent`, which a shop may add to what the tag sends; no data layer has the name by chance."""
STATE: Final = "consent_state"
SAID_ONCE: Final = (STATE, OURS)
"""What two places may not say differently: a later word must not overrule a refusal."""
STATES: Final[Mapping[object, str]] = {True: "granted", False: "denied", "true": "granted", "false": "denied"}
"""What the tag makes of Consent Mode's words, and what a form makes of that."""

NAMES: Final = ("event_name", "eventName", "event", "e_n")
PAGES: Final = ("page_location", "pageLocation", "url", "href")
CLIENTS: Final = ("client_id", "data_client_id", "_dcid")
ADDRESSES: Final = ("userEmail", "email_address", "email", "mail")
VALUES: Final = ("value", "e_v")
"""Under which names a thing may stand, the first that is there counting, as the receiving client reads them."""
DIGEST: Final = "sha256_email_address"
COOKIES: Final[Mapping[str, str]] = {"_fbc": "fbc", "_fbp": "fbp", "_epik": "epik"}
"""Click ids among the cookies that the tag copies, by ours."""

TAKEN: Final = frozenset(
    {
        *NAMES,
        *PAGES,
        *CLIENTS,
        *ADDRESSES,
        *VALUES,
        *SAID_ONCE,
        *("v", "event_id", "transaction_id", "currency", "items", "ecommerce", "user_data", "common_cookie", DIGEST),
        *("_dcid_temp", "gtm.uniqueEventId"),
    }
)
KNOWN: Final = (
    "page_hostname page_referrer page_title page_encoding page_path screen_resolution viewport_size language user_agent ip "
    "ip_override user_id phone_number first_name last_name gender db street city region postal_code country timestamp "
    "unique_event_id x-ga-measurement_id x-ga-page_id x-ga-mp2-richsstsse x-ga-mp2-seg x-ga-request_count "
    "x-ga-protocol_version richsstsse gtm gtm.start"
)
PASSED_OVER: Final = frozenset(KNOWN.split())
"""What the tag is known to send and nothing here has a use for, counted by its own name."""

HEX: Final = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)
BASE64: Final = re.compile(r"[A-Za-z0-9+/]{43}=", re.ASCII)
ALPHABETS: Final = bytes.maketrans(b"-_", b"+/")
TRIMMED: Final = (Destination.META, Destination.PINTEREST)
"""Who wants an address trimmed and in small letters, as the tag has it before it hashes; Google folds Gmail's as well
(https://developers.google.com/data-manager/api/devguides/concepts/formatting, read 2026-11-22)."""

Said = dict[str, object]


class Wire(NamedTuple):
    """How a request came. `by_get`: by GET, so that `dtdc` and `dtcd` count; `form`: its body is a form."""

    by_get: bool
    form: bool


def decode(query: str, body: bytes, wire: Wire, now: int, connection: Connection) -> Batch:
    """Read one request. `query` is the text behind `?`, as it came; `now` is Unix seconds.

    Raises nothing: what is wrong with an event is a `Malformed` in the batch, and one stands for the whole request where it
    cannot be told apart into events.
    """
    unknown: Unknown = {}
    try:
        shared = _of_query(query, wire)
        items = _of_body(body, wire)
        undeclared = _count(shared, unknown)
    except Broken as broken:
        return Batch([Malformed(broken.field, broken.fault)], unknown)
    reader = _Reader(shared, now, connection, unknown, undeclared)
    return Batch([reader.event(item, index) for index, item in enumerate(items)], unknown)


def events_in(query: str, body: bytes, wire: Wire) -> list[Said]:
    """Give what each event of a request says, under the tag's own names, for whoever looks at names alone. Raises Broken."""
    shared = _of_query(query, wire)
    return [{**shared, **item} if type(item) is dict else shared for item in _of_body(body, wire)]


# ── the encodings ────────────────────────────────────────────────────────────────────────────────────────────────


def _of_query(query: str, wire: Wire) -> Said:
    """Give what the query says, with what is packed in it laid over the rest. Raises Broken."""
    said: Said = dict(parameters_of(query.encode("utf-8", "surrogatepass")))
    if not wire.by_get:
        return said
    for name, unpacked in (("dtcd", _plain), ("dtdc", _from_base64)):
        if name in said:
            packed = _loaded(unpacked(str(said.pop(name))), name)
            if type(packed) is not dict:
                raise Broken(name, Fault.WRONG_TYPE)
            said = _merged(said, packed)
    return said


def _plain(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _from_base64(text: str) -> bytes:
    """Undo base64 of either alphabet, filled up to fours or not."""
    bare = text.rstrip("=").encode("utf-8", "surrogatepass").translate(ALPHABETS)
    try:
        return base64.b64decode(bare + b"=" * (-len(bare) % 4), validate=True)
    except binascii.Error:
        raise Broken("dtdc", Fault.BAD_FORMAT) from None


def _of_body(body: bytes, wire: Wire) -> list[object]:
    """Give the events of a body; of none, one that says nothing of its own. Raises Broken."""
    if not body:
        return [{}]
    if wire.form:
        return [_of_form(body)]
    value = _loaded(body, "event")
    if type(value) is not list:
        return [value]
    if not value:
        raise Broken("event", Fault.MISSING)
    if len(value) > MAX_EVENTS:
        raise Broken("event", Fault.TOO_LONG)
    return value


def _loaded(text: bytes, field: str) -> object:
    try:
        value, _ = loads(text)
    except Unreadable:
        raise Broken(field, Fault.BAD_FORMAT) from None
    return value


def _of_form(body: bytes) -> Said:
    """Read a form: a dot in a name leads one object deeper, and what is written as an object, an array or a flag is one.

    Numbers stay text, since an order's or a client's number must not lose digits. Raises Broken, also where a name
    stands twice or is both a value and an object.
    """
    said: Said = {}
    pieces = body.split(b"&", MAX_PARAMETERS)
    if len(pieces) > MAX_PARAMETERS:
        raise Broken("event", Fault.TOO_MANY_KEYS)
    for piece in filter(None, pieces):
        name, _, value = piece.decode("utf-8", "replace").partition("=")
        *way, last = [unquote_plus(part) for part in name.split(".", MAX_DEPTH + 1)]
        if len(way) >= MAX_DEPTH:
            raise Broken("event", Fault.TOO_DEEP)
        box = said
        for step in way:
            inner = box.setdefault(step, {})
            if type(inner) is not dict:
                raise Broken("event", Fault.DUPLICATE_KEY)
            box = inner
        if last in box:
            raise Broken("event", Fault.DUPLICATE_KEY)
        box[last] = _of_form_value(unquote_plus(value))
    return said


def _of_form_value(text: str) -> object:
    if text == "true":
        return True
    if not text.startswith(("{", "[")):
        return text
    try:
        return loads(text.encode("utf-8", "surrogatepass"))[0]
    except Unreadable:
        return text


def _merged(first: Said, then: Said) -> Said:
    """Lay one place over another. Raises Broken where they differ about consent."""
    for name in SAID_ONCE:
        if name in first and name in then and first[name] != then[name]:
            raise Broken(name, Fault.CONFLICT)
    return {**first, **then}


def _count(said: Said, unknown: Unknown) -> bool:
    """Count what is dropped of one place; say whether any of it is not known to be the tag's own. Raises Broken."""
    if len(said) > MAX_PARAMETERS:
        raise Broken("event", Fault.TOO_MANY_KEYS)
    undeclared = False
    for name in said.keys() - TAKEN:
        own = name in PASSED_OVER
        _drop(name if own else "other", unknown)
        undeclared = undeclared or not own
    return undeclared


def _drop(name: str, unknown: Unknown) -> None:
    label = f"stape.{name}"
    unknown[label] = unknown.get(label, 0) + 1


# ── an event ─────────────────────────────────────────────────────────────────────────────────────────────────────


class _Reader:
    """Reads the events of one request: what they share, and what is the same for all of them."""

    def __init__(self, shared: Said, now: int, connection: Connection, unknown: Unknown, undeclared: bool) -> None:
        self._shared = shared
        self._fault = taint_of(shared, MAX_DEPTH)
        self._now = now
        self._connection = connection
        self._unknown = unknown
        self._undeclared = undeclared

    def event(self, item: object, index: int) -> RawEvent | Malformed:
        """Read one event; `index` is its place among them."""
        kind = None
        try:
            own = self._own(item)
            said = _merged(self._shared, own)
            undeclared = _count(own, self._unknown) or self._undeclared
            kind = _kind(said)
            return self._read(kind, said, index, undeclared)
        except Broken as broken:
            return Malformed(broken.field, broken.fault, kind)

    def _own(self, item: object) -> Said:
        if (fault := self._fault or taint_of(item, MAX_DEPTH)) is not None:
            raise Broken("event", fault)
        if type(item) is not dict:
            raise Broken("event", Fault.WRONG_TYPE)
        return item

    def _read(self, kind: Kind, said: Said, index: int, undeclared: bool) -> RawEvent:
        connection, shop = self._connection, _box(said, "ecommerce")
        page, items = self._page(said), _items(said.get("items")) or _items(shop.get("items"))
        address, digests = self._email(said)
        return RawEvent(
            kind=kind,
            event_id=_event_id(kind, said, shop, (self._now, index)),
            occurred_at=self._now,
            page_url=page,
            email=address,
            email_sha256=digests,
            ip=connection.ip,
            user_agent=connection.user_agent,
            money=_money(kind, said, shop, items),
            content_ids=self._content_ids(items),
            click=_clicks(said, page),
            consent=consent_said(said),
            gpc_header=connection.gpc,
            unknown=undeclared,
            edge=connection.edge,
        )

    def _page(self, said: Said) -> str | None:
        page = _first(said, PAGES)
        if page is None or (type(page) is str and len(page) <= MAX_TEXT):
            return page
        _drop("page_location", self._unknown)
        return None

    def _email(self, said: Said) -> tuple[str | None, Mapping[Destination, str] | None]:
        """Give the clear address, or the digests that stand in its place; what is neither is dropped."""
        person = _box(said, "user_data")
        address = _only(_first(person, ADDRESSES)) or _only(_first(said, ADDRESSES))
        digest = _only(person.get(DIGEST)) or _only(said.get(DIGEST))
        if type(address) is str and "@" in address and len(address) <= MAX_TEXT:
            return address, None
        found = dict.fromkeys(TRIMMED, made) if (made := digest_of(address)) else {}
        if googles := digest_of(digest):
            found[Destination.GOOGLE_ADS] = googles
        if (address and not made) or (digest and not googles):
            _drop("email", self._unknown)
        return None, found or None

    def _content_ids(self, items: list[Said]) -> tuple[str, ...]:
        found = [_text(item.get("item_id") or item.get("id")) for item in items]
        ids = [text for text in found if text and len(text) <= MAX_TEXT]
        if len(ids) > MAX_CONTENT_IDS:
            _drop("items", self._unknown)
        return tuple(ids[:MAX_CONTENT_IDS])


def _kind(said: Said) -> Kind:
    name = _first(said, NAMES)
    if name is None:
        raise Broken("event_name", Fault.MISSING)
    kind = KINDS.get(name) if type(name) is str else None
    if kind is None:
        raise Broken("event_name", Fault.NOT_ONE_OF)
    return kind


def _first(said: Mapping[str, object], names: Iterable[str]) -> object:
    """Give what stands under the first of the names that says anything."""
    return next((value for name in names if (value := said.get(name)) not in (None, "")), None)


def _only(value: object) -> object:
    """Give the one of a list, none where there are several, and anything else as it is."""
    if type(value) is list:
        return value[0] if len(value) == 1 else None
    return value


def _box(said: Mapping[str, object], name: str) -> Said:
    value = said.get(name)
    return value if type(value) is dict else {}


def _text(value: object) -> str | None:
    """Write a name or a number as text; None for anything else."""
    if type(value) is str:
        return value
    return str(value) if type(value) is int else None


def digest_of(value: object) -> str | None:
    """Read a SHA-256 as the tag writes one, in hexadecimal digits or in base64: 64 lower-case digits, None otherwise."""
    if type(value) is not str:
        return None
    if HEX.fullmatch(value):
        return value.lower()
    if BASE64.fullmatch(value) is None:
        return None
    raw = base64.b64decode(value)
    return raw.hex() if base64.b64encode(raw).decode() == value else None


def consent_said(said: Said) -> object:
    """Give the consent object of an event: the page's own, Consent Mode's state beside it, and whose it is.

    A state that is no flag stays unreadable, and so does whatever stands in the place of an object: both refuse. Raises
    Broken where the page's own object says something else of Consent Mode.
    """
    own = consent_of(said.get(OURS))
    if own is not None and type(own) is not dict:
        return own
    consent: Said = {} if own is None else dict(own)
    if (state := said.get(STATE)) is not None:
        google = google_of(state)
        if consent.get("google") not in (None, google):
            raise Broken(STATE, Fault.CONFLICT)
        consent["google"] = google
    if client := _text(_first(said, CLIENTS)):
        consent["join"] = _joined(consent.get("join"), client)
    return consent


def _joined(join: object, client: str) -> object:
    """Add the tag's client id to what else a record may be found by; what is no object stays, for its reader to refuse."""
    if join is None:
        return {"client_id": client}
    if type(join) is not dict:
        return join
    if join.get("client_id") not in (None, client):
        raise Broken("client_id", Fault.CONFLICT)
    return {**join, "client_id": client}


def google_of(state: object) -> object:
    """Give Consent Mode's state in its own words; what is none stays and refuses."""
    if type(state) is not dict or len(state) > MAX_KEYS:
        return "unreadable"
    return {name: STATES.get(said, "unreadable") if type(said) in (bool, str) else "unreadable" for name, said in state.items()}


def _event_id(kind: Kind, said: Said, shop: Said, when: tuple[int, int]) -> EventId:
    """Give the order's number for a purchase, by which it is known from whichever side it comes, or else the event's own id.

    Without either it is a digest of the client, the page's load, the name, and the number that Tag Manager gave the event, or
    where the tag does not send that, of the second and the place in the request. The tag repeats no request by itself.
    """
    order = _first(said, ("transaction_id",)) or _first(shop, ("transaction_id",)) or _action(shop).get("id")
    number = order if kind is Kind.PURCHASE and order else said.get("event_id")
    if number not in (None, ""):
        return _checked(number, "transaction_id" if number is order else "event_id")
    if kind is Kind.PURCHASE:
        raise Broken("transaction_id", Fault.MISSING)
    own = _text(said.get("gtm.uniqueEventId"))
    client = [_text(said.get(name)) or "" for name in (*CLIENTS, "_dcid_temp")]
    counted = ["gtm", own] if own and said.get("_dcid_temp") else ["now", *map(str, when)]
    text = "\n".join([*client, kind.value, str(_first(said, PAGES) or ""), *counted])
    return EventId.unsealed(sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:ID_LENGTH])


def _checked(number: object, field: str) -> EventId:
    text = _text(number)
    if text is None:
        raise Broken(field, Fault.WRONG_TYPE)
    if EventId.PATTERN.fullmatch(text) is None:
        raise Broken(field, Fault.TOO_LONG if len(text) > 64 else Fault.BAD_FORMAT)
    return EventId.unsealed(text)


def _clicks(said: Said, page: str | None) -> dict[str, str] | None:
    """Take Google's click ids out of the page's address, and the other platforms' out of the cookies that the tag copies."""
    cookies = _box(said, "common_cookie")
    found = (clicks_of(page) or {}) if page else {}
    for name, ours in COOKIES.items():
        value = cookies.get(name)
        if type(value) is str and value and len(value) <= MAX_TEXT:
            found[ours] = value
    return found or None


# ── the order ────────────────────────────────────────────────────────────────────────────────────────────────────


def _action(shop: Said) -> Said:
    """Give the order of Universal Analytics' enhanced e-commerce."""
    return _box(_box(shop, "purchase"), "actionField")


def _items(value: object) -> list[Said]:
    """Give the products of a list; a form names them by number."""
    parts = list(value.values()) if type(value) is dict and all(name.isdigit() for name in value) else value
    return [part for part in parts if type(part) is dict] if type(parts) is list else []


def _money(kind: Kind, said: Said, shop: Said, items: list[Said]) -> Money | None:
    """Read the order's value and its currency; the prices of products are never summed, since an order has more than them."""
    amount = _first(said, VALUES)
    if amount is None:
        amount = _first(shop, ("value",))
    if amount is None:
        amount = _first(_action(shop), ("revenue",))
    currency = _first(said, ("currency",)) or _first(shop, ("currency", "currencyCode"))
    currency = currency or (_first(items[0], ("currency",)) if items else None)
    if kind is not Kind.PURCHASE and (amount is None or currency is None):
        return None
    if amount is None:
        raise Broken("order.value", Fault.MISSING)
    if type(currency) is not str:
        raise Broken("order.currency", Fault.MISSING if currency is None else Fault.WRONG_TYPE)
    return money_of_text(rounded(_number(amount), currency), currency)


def _number(amount: object) -> str:
    if type(amount) is str:
        return amount
    if type(amount) is int or type(amount) is float:
        return repr(amount)
    raise Broken("order.value", Fault.WRONG_TYPE)
