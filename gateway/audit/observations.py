"""What a recorded request held, without a value: which events went out and which fields, by name and by kind of value. Pure.

The same eyes look at what an old container sent and at what this gateway would send, so that the two can be held against each
other. Names are strangers' text: one that is long or looks like somebody's is masked. Ids of events are kept to match them
by, and are in no report.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache, partial
from typing import Final

import msgspec

from gateway.audit.recordings import Recorded
from gateway.delivery.contract import Contract, Outgoing
from gateway.delivery.contract_body import Leaf, Number, Pairs
from gateway.delivery.contract_file import Entry
from gateway.delivery.value_kinds import KINDS, looks_like
from gateway.model.words import Destination, Kind
from gateway.sources import gtag, stape
from gateway.sources.fields import CLIENT_FIELDS, Broken
from gateway.sources.native import CLICK_FIELDS, CUSTOMER_FIELDS, EVENT_FIELDS, ORDER_FIELDS
from gateway.sources.parameters import parameters_of

MASKED: Final = "(masked)"
"""Stands for a name that is long, or could be somebody's."""
DEEPER: Final = "(deeper)"
MOST_DEPTH: Final = 16
UNREADABLE: Final = "unreadable"
"""The kind of what strict JSON does not allow."""
ITEM: Final = "pr[]"
"""Stands for the tag's items, `pr1` to `pr200`."""
FORM: Final = "application/x-www-form-urlencoded"
PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_$.\[\]-]{1,40}", re.ASCII)
SOMEBODYS: Final = re.compile(r"[0-9]{5}|[0-9A-Fa-f]{16}|(?:[0-9]{1,4}[.:-]){2}[0-9]", re.ASCII)
"""Long numbers, hashes, and what begins like an address or a date of birth."""

EVERY_KIND: Final = frozenset(Kind)
"""Of an event whose request does not say what happened."""


class Field(msgspec.Struct, frozen=True):
    """A field that stood in a request: its key path and the kind of its value.

    `allowed`: the contract of this storefront lets it leave. `?` begins what stood in the query, `header:` a header.
    """

    path: str
    kind: str
    allowed: bool = False


class Sent(msgspec.Struct, frozen=True):
    """One event in a request to a platform. `keys` are the ids it is known by there, `kinds` what it can have been."""

    destination: Destination
    interface: str
    keys: frozenset[str]
    kinds: frozenset[Kind]
    fields: frozenset[Field]

    def __repr__(self) -> str:
        """Say nothing of what is inside."""
        return "<Sent>"


class Elsewhere(msgspec.Struct, frozen=True):
    """A request to somebody else than the platforms' interfaces for events; `host` is masked like any name."""

    host: str


class Unread(msgspec.Struct, frozen=True):
    """A request to a platform's interface whose body cannot be read."""

    destination: Destination
    interface: str


# ── the platforms' interfaces ────────────────────────────────────────────────────────────────────────────────────


class Interface(msgspec.Struct, frozen=True):
    """Where a platform takes events, and how: hosts, path, the list of events, where their ids and their names stand."""

    name: str
    destination: Destination
    hosts: re.Pattern[str]
    path: re.Pattern[str]
    events: str
    ids: tuple[str, ...]
    named: str | None = None
    names: Mapping[str, Kind] = {}


GA4: Final = {kind.value: kind for kind in Kind}
META: Final = {"Purchase": Kind.PURCHASE, "AddToCart": Kind.ADD_TO_CART, "PageView": Kind.PAGE_VIEW}
PINTEREST: Final = {"checkout": Kind.PURCHASE, "add_to_cart": Kind.ADD_TO_CART, "page_visit": Kind.PAGE_VIEW}

INTERFACES: Final = (
    # https://developers.facebook.com/docs/marketing-api/conversions-api/using-the-api (read 2026-11-26)
    Interface(
        "Conversions API",
        Destination.META,
        re.compile(r"graph\.facebook\.com"),
        re.compile(r"(?:/v[0-9]{1,3}\.[0-9]{1,2})?/[0-9]{1,20}/events/?"),
        "data",
        ("event_id", "custom_data.order_id"),
        "event_name",
        META,
    ),
    # https://developers.pinterest.com/docs/api/v5/events-create (read 2026-11-26)
    Interface(
        "API for Conversions",
        Destination.PINTEREST,
        re.compile(r"api\.pinterest\.com"),
        re.compile(r"/v[0-9]{1,2}/ad_accounts/[0-9]{1,20}/events/?"),
        "data",
        ("event_id", "custom_data.order_id"),
        "event_name",
        PINTEREST,
    ),
    # https://developers.google.com/data-manager/api/reference/rest/v1/events/ingest (read 2026-11-26)
    Interface(
        "Data Manager",
        Destination.GOOGLE_ADS,
        re.compile(r"datamanager\.googleapis\.com"),
        re.compile(r"/v[0-9]{1,2}/events:ingest"),
        "events",
        ("transactionId",),
    ),
    # https://developers.google.com/google-ads/api/rest/reference/rest/latest/customers/uploadClickConversions (read 2026-11-26)
    Interface(
        "Google Ads API",
        Destination.GOOGLE_ADS,
        re.compile(r"googleads\.googleapis\.com"),
        re.compile(r"/v[0-9]{1,3}/customers/[0-9]{1,20}:uploadClickConversions"),
        "conversions",
        ("orderId", "order_id"),
    ),
    # https://developers.google.com/analytics/devguides/collection/protocol/ga4/reference (read 2026-11-26)
    Interface(
        "Measurement Protocol",
        Destination.GOOGLE_ADS,
        re.compile(r"(?:www|region[0-9]{1,2})\.google-analytics\.com"),
        re.compile(r"(?:/debug)?/mp/collect"),
        "events",
        ("params.transaction_id", "params.event_id"),
        "name",
        GA4,
    ),
    # what Google's own tag of a container passes on, in the form of the page's tag: see gateway/sources/gtag.py
    Interface(
        "Google Analytics",
        Destination.GOOGLE_ADS,
        re.compile(r"(?:www|region[0-9]{1,2}|analytics)\.(?:google-analytics|google)\.com"),
        re.compile(r"/g/collect"),
        "",
        ("ep.transaction_id", "epn.transaction_id", "ep.event_id"),
        "en",
        GA4,
    ),
)

HEADERS: Final = frozenset({"cookie", "forwarded", "referer", "x-forwarded-for", "x-real-ip"})
"""Headers that carry a person's data; the others are the transport's own."""


def interface_of(host: str, path: str) -> Interface | None:
    """Find the interface that a request is for."""
    return next((one for one in INTERFACES if one.hosts.fullmatch(host) and one.path.fullmatch(path)), None)


def sent_in(request: Recorded, contracts: Mapping[Destination, Contract]) -> list[Sent] | Elsewhere | Unread:
    """Tell which events went out in a request; `contracts` say what of it is allowed."""
    interface = interface_of(request.host, request.path)
    if interface is None:
        return Elsewhere(named(request.host))
    try:
        if not interface.events:
            return _of_tag(request, interface)
        return _of_json(request, interface, _allowed(request, contracts.get(interface.destination)))
    except (Broken, ValueError, RecursionError):
        return Unread(interface.destination, interface.name)


def _allowed(request: Recorded, contract: Contract | None) -> Mapping[str, Leaf]:
    outgoing = Outgoing(request.method, "", request.path, (), b"")
    return {} if contract is None else _leaves(contract.entries_for(outgoing))


@lru_cache(maxsize=32)
def _leaves(entries: tuple[Entry, ...]) -> Mapping[str, Leaf]:
    return {entry.path: Leaf.of(entries, entry.path) for entry in entries}


def _of_json(request: Recorded, interface: Interface, leaves: Mapping[str, Leaf]) -> list[Sent]:
    body = _json(_unwrapped(request, interface))
    if not isinstance(body, Pairs):
        raise ValueError("body")  # noqa: TRY004 - what cannot be read, whatever it is instead
    listed = [value for name, value in body if name == interface.events]
    events = [event for held in listed if isinstance(held, list) and not isinstance(held, Pairs) for event in held]
    around = Pairs((name, value) for name, value in body if name != interface.events)
    shared = {*_fields(around, "", leaves), *_named_fields(request, leaves)}
    found = []
    for event in events:
        fields = _shared(frozenset({*shared, *_fields(event, f"{interface.events}[]", leaves)}))
        found.append(_sent(interface, partial(_texts, event), fields))
    return found


def _unwrapped(request: Recorded, interface: Interface) -> bytes:
    """Give the JSON of a body; a form has the list of events as text in a field of its name."""
    if not (request.header("content-type") or "").startswith(FORM):
        return request.body
    form = parameters_of(request.body.replace(b"+", b"%20"))
    listed = form.pop(interface.events, "null")
    return b'{"%s":%s,%s}' % (interface.events.encode(), listed.encode(), json.dumps(form).encode()[1:-1] or b'"":""')


def _of_tag(request: Recorded, interface: Interface) -> list[Sent]:
    headers = {field for field in _named_fields(request, {}) if not field.path.startswith("?")}
    found = []
    for said in tag_events(request):
        fields = {Field(f"?{named(name)}", kind_of(text)) for name, text in said.items() if text} | headers
        found.append(_sent(interface, partial(_texts, said), _shared(frozenset(fields))))
    return found


def tag_events(request: Recorded) -> list[dict[str, str]]:
    """Give the parameters of each event in a request of Google's tag, its items under one name. Raises Broken."""
    shared = parameters_of(request.query.encode("utf-8", "surrogatepass"))
    lines = [line for line in request.body.replace(b"\r\n", b"\n").split(b"\n") if line]
    events = [{**shared, **parameters_of(line)} for line in lines or [b""]]
    return [{ITEM if gtag.ITEM.fullmatch(name) else name: text for name, text in said.items()} for said in events]


def _sent(interface: Interface, at: Callable[[str], list[str]], fields: frozenset[Field]) -> Sent:
    kinds = EVERY_KIND
    if interface.named is not None:
        kinds = frozenset(interface.names[name] for name in at(interface.named) if name in interface.names)
    keys = frozenset(key for path in interface.ids for key in at(path))
    return Sent(interface.destination, interface.name, keys, kinds, fields)


@lru_cache(maxsize=4096)
def _shared(fields: frozenset[Field]) -> frozenset[Field]:
    """Give one object for fields that are alike: an hour has few distinct shapes and many events."""
    return fields


def _named_fields(request: Recorded, leaves: Mapping[str, Leaf]) -> Iterator[Field]:
    """Give the fields of the query and of the headers that carry a person's data."""
    for part in request.query.split("&") if request.query else ():
        name, _, value = part.partition("=")
        if value:
            yield _field(f"?{named(name)}", value, leaves)
    for name, values in request.headers.items():
        if name in HEADERS:
            yield _field(f"header:{name}", values[0], leaves)


# ── fields ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _json(body: bytes) -> object:
    return json.loads(body.decode(), object_pairs_hook=Pairs, parse_int=Number, parse_float=Number)


def _fields(value: object, at: str, leaves: Mapping[str, Leaf]) -> Iterator[Field]:
    for path, leaf in _walk(value, at, MOST_DEPTH):
        yield _field(path, leaf, leaves)


def _field(path: str, value: object, leaves: Mapping[str, Leaf]) -> Field:
    """Tell a field; a lone value where the contract has a list is a list of one, for platforms take both."""
    path = f"{path}[]" if path not in leaves and f"{path}[]" in leaves else path
    place = leaves[path].place_of(value) if path in leaves else None
    return Field(path, kind_of(value), allowed=False) if place is None else Field(path, place.rpartition("=")[2], allowed=True)


def _walk(value: object, at: str, depth: int) -> Iterator[tuple[str, object]]:
    """Give every value with its key path; nothing for what is empty."""
    if value is None or value == "" or (isinstance(value, list | dict) and not value):
        return
    if depth == 0:
        yield f"{at}.{DEEPER}", "…"
    elif (members := _members(value)) is not None:
        for name, below in members:
            yield from _walk(below, f"{at}.{named(name)}".lstrip("."), depth - 1)
    elif isinstance(value, list):
        for member in value:
            yield from _walk(member, f"{at}[]", depth - 1)
    else:
        yield at, value


def _texts(event: object, path: str) -> list[str]:
    """Give the texts that stand at a path of names, or under a name that is the whole path."""
    found = [event]
    for step in path.split("."):
        found = [below for one in found for below in _all(one, step)]
    whole = [event[path]] if isinstance(event, dict) and "." in path and path in event else []
    return [str(one) for one in (*found, *whole) if isinstance(one, str | int) and not isinstance(one, bool) and one != ""]


def _all(value: object, name: str) -> list[object]:
    """Give what stands under a name of an object, repeats included."""
    return [below for key, below in _members(value) or () if key == name]


def _members(value: object) -> Sequence[tuple[str, object]] | None:
    """Give an object's members; None for what is no object."""
    if isinstance(value, dict):
        return tuple(value.items())
    return value if isinstance(value, Pairs) else None


@lru_cache(maxsize=65_536)
def named(name: str) -> str:
    """Give a name as it may be told: masked where it is long, has other signs than names have, or looks like somebody's."""
    plain = PLAIN_NAME.fullmatch(name) is not None and SOMEBODYS.search(name) is None
    return name if plain and looks_like(name) in {"text", "number_id", "currency"} else MASKED


PHONE: Final = re.compile(r"(?=(?:[^0-9]*[0-9]){7,15}[^0-9]*\Z)\+?\(?[0-9][0-9 ().-]{6,20}[0-9]", re.ASCII)
"""Seven to fifteen digits (https://www.itu.int/rec/T-REC-E.164, read 2026-11-26), as people write them."""
LOOKS: Final = (
    ("user_agent", re.compile(KINDS["user_agent"].pattern, re.ASCII)),
    ("web_address", re.compile(r"https?://[^\s]{1,8192}")),
    ("browser_id", re.compile(rf"(?:GA1\.[0-9]\.)?[0-9]{{5,12}}\.[0-9]{{9,11}}|{KINDS['meta_browser_id'].pattern}", re.ASCII)),
    ("phone", PHONE),
    ("hash", re.compile(r"[0-9A-Fa-f]{32}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}|[A-Za-z0-9_-]{43}", re.ASCII)),
)
RENAMED: Final = {"address": "ip_address"}
CLEAR: Final = frozenset({"browser_id", "email", "ip_address", "phone", "user_agent", "web_address"})
"""Kinds of value that name a person or a device as they stand."""


def kind_of(value: object) -> str:
    """Say what kind of value it is, without the value."""
    if isinstance(value, int | float | Number):
        return "boolean" if isinstance(value, bool) else "number"
    if not isinstance(value, str):
        return UNREADABLE
    text = value.strip()
    found = looks_like(text)
    if found != "text":
        return RENAMED.get(found, found)
    return next((name for name, pattern in LOOKS if pattern.fullmatch(text)), "text")


# ── what came in ─────────────────────────────────────────────────────────────────────────────────────────────────

SECOND: Final = {"customer": CUSTOMER_FIELDS, "client": CLIENT_FIELDS, "order": ORDER_FIELDS, "click": CLICK_FIELDS}
SECOND_OF_DATA: Final = {
    "user_data": frozenset({"sha256_email_address", *(path.removeprefix("user_data.") for path in stape.EMAILS)}),
    "common_cookie": frozenset(stape.COOKIES),
}


class Form(msgspec.Struct, frozen=True):
    """How a source's requests are taken apart: into what each event says, which names are read at all, where ids stand.

    `ids` are those under which a container may pass an event on, whichever of them this gateway knows it by.
    """

    said: Callable[[Recorded], Sequence[object]]
    reads: Callable[[str], bool]
    ids: tuple[str, ...]


def _said_natively(request: Recorded) -> list[object]:
    body = _json(request.body)
    listed = [events for events in _all(body, "events") if isinstance(events, list)] if isinstance(body, Pairs) else []
    return [event for events in listed for event in events] if listed else [body]


def _said_by_data_tag(request: Recorded) -> Sequence[object]:
    kind = (request.header("content-type") or "").partition(";")[0].strip().lower()
    return stape.events_in(request.query, request.body, form=kind == FORM)


TAG: Final = Form(
    tag_events, lambda name: name == ITEM or name in gtag.TAKEN, ("ep.event_id", "ep.transaction_id", "epn.transaction_id")
)
NATIVE: Final = Form(_said_natively, lambda path: _declared(path, EVENT_FIELDS, SECOND), ("event_id",))
DATA_TAG: Final = Form(
    _said_by_data_tag,
    lambda path: _declared(path, stape.TAKEN, SECOND_OF_DATA),
    ("event_id", "unique_event_id", *stape.ORDERS),
)


def _declared(path: str, names: AbstractSet[str], second: Mapping[str, AbstractSet[str]]) -> bool:
    first, *others = path.replace("[]", "").split(".")
    return first in names and (not others or first not in second or others[0] in second[first])


def said_in(request: Recorded, form: Form) -> Sequence[object]:
    """Give what each event of a request says; nothing where it cannot be read."""
    try:
        return form.said(request)
    except (Broken, ValueError, RecursionError):
        return ()


def fields_said(said: Sequence[object], form: Form) -> frozenset[Field]:
    """Name the fields of a request's events; `allowed` are those that the gateway reads at all."""
    places = [place for event in said for place in _walk(event, "", MOST_DEPTH)]
    return _shared(frozenset(Field(path, kind_of(leaf), form.reads(path)) for path, leaf in places))


def ids_said(event: object, form: Form) -> list[str]:
    """Give the ids that an event is known by."""
    return [text for path in form.ids for text in _texts(event, path)]
