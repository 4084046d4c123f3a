"""What is fuzzed, one target a parser, and what must hold whatever bytes come: three laws that know nothing of the parsers.

    nothing undeclared is raised      a body is read, or refused by what the parser says that it raises: never a 5xx
    no refusal is overheard           what plainly says no in an event's consent keeps that event from where it says no
    no refusal comes too late         an event that was accepted is refused once a refusal stands beside its consent

and each body is read in at most `MOST_SECONDS` of CPU. A target carries a body down the whole line, as the door does, so a
law holds for what leaves and not only for what is read. What cites a consent record has none here: the record's own reader is
a target, and what a record adds is tested with the table.
"""

import base64
import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import orjson

from gateway.consent.policy import Policy, Profile
from gateway.consent.signals import KNOWN
from gateway.line import Line
from gateway.model.event import Refund
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination, Source
from gateway.outbox.entries import Accept
from gateway.persons import Persons
from gateway.raw import Malformed, RawConsent, RawEvent, Unfit
from gateway.sources import (
    cloudevents,
    consent,
    gtag,
    measurement,
    native,
    order_list,
    prestashop,
    shopify,
    stape,
    woocommerce,
)
from gateway.sources.orders import NoNews, Read
from gateway.sources.strict import Unreadable
from tests.adapters.cases import ALL_ALLOWED, made
from tests.strategies import NOW, good_event

MOST_SECONDS: Final = 0.05
LONGEST: Final = 64 * 1024
"""Bytes of a body; what browsers may send. What servers may send beyond that is tested with bodies of one thing."""

DATA: Final = Path(__file__).parent.parent / "data"
BROWSER: Final = native.Connection("203.0.113.7", "agent", gpc=False)
RULES: Final = shopify.Rules()
WOOCOMMERCE: Final = woocommerce.Rules(created_via=frozenset({"checkout", "rest-api"}))
NOW_TEXT: Final = datetime.fromtimestamp(NOW, UTC).isoformat()
GENEROUS: Final = {destination: made(destination, **ALL_ALLOWED[destination]) for destination in Destination}
LINES: Final = tuple(
    Line(
        StorefrontId("shop"),
        Policy(profile=profile, banner_regions=frozenset({"*"})),
        dict(GENEROUS),
        frozenset({"https://shop.example"}),
        Persons(bytes(32)),
    )
    for profile in Profile
)
"""Under every profile, with all that a storefront may allow: where most gets through."""

Event = RawEvent | Unfit | Malformed


class Broken(Exception):
    """A law does not hold; the text says which, and nothing of the body."""


class Target(msgspec.Struct, frozen=True):
    """One parser: how bytes become events, and what it is fed with to begin with."""

    read: Callable[[bytes], Iterable[Event]]
    seeds: tuple[bytes, ...]


DECLARED: Final = (Unreadable, native.NotAnEvent, native.TooManyEvents)
"""What parsers say that they raise; the door answers each with 400 or 413."""

REFUSALS: Final[tuple[Mapping[str, object], ...]] = (
    {"advertising": False},
    {"vendors": {destination.value: False for destination in Destination}},
    {"gcs": "G100"},
    {"shopify": {"marketingAllowed": False}},
)
"""Each of them refuses everything, whatever stands beside it."""


def check(target: Target, body: bytes) -> None:
    """Read a body and hold every law against what came of it. Raises Broken, and whatever undeclared the parser raises."""
    try:
        events = list(target.read(body))
    except DECLARED:
        return
    for event in events:
        if isinstance(event, RawEvent):
            for line in LINES:
                _judge(line, event)


def _judge(line: Line, event: RawEvent) -> None:
    entry = line.run(event, Source.EVENTS, NOW)
    if not isinstance(entry, Accept):
        return
    if overheard := set(refused_by(event.consent)).intersection(entry.event.destinations):
        raise Broken(f"overheard a refusal: {sorted(overheard)} under {line.policy.rule}")
    if not isinstance(event.consent, dict):
        raise Broken("accepted what says nothing of consent")
    for refusal in REFUSALS:
        beside = msgspec.structs.replace(event, consent={**event.consent, **refusal})
        if isinstance(line.run(beside, Source.EVENTS, NOW), Accept):
            raise Broken(f"accepted beside {next(iter(refusal))} that refuses, under {line.policy.rule}")


NO_NO: Final = (True, None)
"""A yes, and what says nothing."""


def refused_by(said: object) -> Iterator[Destination]:
    """Say to whom a consent object plainly says no: a reading of its own, of the few forms that need no decoder."""
    if not isinstance(said, dict):
        yield from Destination
        return
    vendors, google = said.get("vendors"), said.get("google")
    if said.get("advertising") not in NO_NO or said.get("gcs", "G111") in {"G100", "G101"}:
        yield from Destination
    if isinstance(vendors, dict):
        yield from (destination for destination in Destination if vendors.get(destination.value) not in NO_NO)
    if isinstance(google, dict) and "denied" in {google.get("ad_storage"), google.get("ad_user_data")}:
        yield Destination.GOOGLE_ADS


# ── how bytes become events ──────────────────────────────────────────────────────────────────────────────────────


def _gtag(body: bytes) -> Iterable[Event]:
    """Take the first line for the query."""
    query, _, lines = body.partition(b"\n")
    return gtag.decode(query.decode("utf-8", "surrogateescape"), lines, NOW, BROWSER).events


def _data(body: bytes, *, form: bool = False) -> Iterable[Event]:
    """Take the first line for the query, the rest for the body."""
    query, _, rest = body.partition(b"\n")
    return stape.decode(query.decode("utf-8", "surrogateescape"), rest, NOW, BROWSER, form=form).events


def _record(body: bytes) -> Iterable[Event]:
    """Read what is to be kept as a record, and let an event say the same."""
    read = consent.decode(body, {}, BROWSER)
    if isinstance(read, RawConsent):
        yield native.read_event(good_event(consent=read.consent), NOW, None, suspicious=False, unknown={})


def _list(body: bytes) -> Iterable[Event]:
    """Read a shop's list of orders as each shop's export; no event comes of it, so no law but the first is asked."""
    for written in order_list.Format:
        list(order_list.read_csv(body, order_list.Layout(written, "EUR", contacts=True)))
    return ()


def _signal(name: str, beside: Mapping[str, object], body: bytes) -> Iterable[Event]:
    """Let events carry the bytes as one signal's text, in France and in California."""
    said = {**beside, name: body.decode("utf-8", "surrogateescape")}
    for country, region in (("FR", None), ("US", "CA")):
        client = {"ip": "203.0.113.77", "country": country, "region": region}
        yield from native.decode(json.dumps(good_event(consent=said, client=client)).encode(), NOW).events


def _cookie(body: bytes) -> Iterable[Event]:
    """Let an event carry the bytes behind the first `=` as the cookie that is named before it."""
    name, _, value = body.decode("utf-8", "surrogateescape").partition("=")
    return native.decode(json.dumps(good_event(consent={"cookies": {name: value}})).encode(), NOW).events


def _strings() -> tuple[bytes, ...]:
    """Give the recorded TC strings."""
    return tuple(one["text"].encode() for one in json.loads((DATA / "tcf_strings.json").read_text())["strings"])


def _cookies() -> tuple[bytes, ...]:
    """Give the recorded cookies of consent tools."""
    rows = [row for path in sorted((DATA / "cmp").glob("*.json")) for row in json.loads(path.read_text())["rows"]]
    return tuple(f"{name}={value}".encode() for row in rows for name, value in row.get("cookies", {}).items())


def _json(*values: object) -> tuple[bytes, ...]:
    return tuple(orjson.dumps(value) for value in values)


GPP: Final = (
    b"DBABMA~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA",
    b"DBACNY~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA~1YNN",
    b"DBABjw~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA~1YNN",
)
"""From https://github.com/InteractiveAdvertisingBureau/Global-Privacy-Platform (Core, examples; read 2026-11-26)."""
OURS: Final = tuple(destination.value for destination in Destination)
NAMES: Final = (*sorted(KNOWN), *OURS, "ad_storage", "marketing", "consent", "event_id")
WORDS: Final = (
    "true", "false", "null", "1234", '"no"', '"yes"', '"granted"', '"denied"', "{}", "[]", "G111", "G100", "1YNN", "1YYN",
    "\\u0022", "%7E", "~", *(f'"{name}":' for name in NAMES), *(f'"{name}"' for name in OURS),
)  # fmt: skip
"""What parsers look for: bytes are replaced by these too, not by chance alone."""

VALUES: Final[tuple[object, ...]] = (
    True,
    False,
    None,
    0,
    1,
    1.5,
    -1,
    "",
    "no",
    "yes",
    "true",
    "granted",
    "denied",
    "G100",
    [],
    {},
    [True],
    "1001",
)


def mutate_json(body: bytes, seed: int) -> bytes:
    """Put another value in the place of one somewhere in the body, add one or take one away; what is no JSON stays as it is."""
    dice = random.Random(seed)  # noqa: S311 - a fuzzer's choices need no secrecy
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    boxes = [box for box in _boxes(value) if box]
    if not boxes:
        return body
    box = dice.choice(boxes)
    key = dice.choice(list(box) if isinstance(box, dict) else range(len(box)))
    match dice.randrange(4):
        case 0:
            del box[key]
        case 1 if isinstance(box, dict):
            box[dice.choice(NAMES)] = dice.choice((*VALUES, box[key]))
        case _:
            box[key] = dice.choice(VALUES)
    return orjson.dumps(value)


def _boxes(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _boxes(inner)


GOOGLE: Final = {"ad_storage": "granted", "ad_user_data": "granted", "ad_personalization": "denied"}
CONSENTS: Final[tuple[dict[str, object], ...]] = (
    {
        "advertising": True,
        "vendors": {d.value: True for d in Destination},
        "google": GOOGLE,
        "shopify": {"marketingAllowed": True},
    },
    {"advertising": True, "given_at": "2026-11-01T09:00:00Z", "banner_version": "7"},
    {"vendors": {"meta": True, "pinterest": True, "google_ads": False}, "gpc": False},
    {"google": GOOGLE, "gcs": "G111", "gcd": "13r3r3r3r5l1"},
    {"shopify": {"marketingAllowed": True, "saleOfDataAllowed": True}, "shopify_visitor": {"marketing": "yes"}},
    {"us_privacy": "1YNN", "gpp": GPP[0].decode(), "gpp_sid": [2]},
    {"receipt": "r_0123456789abcdef", "join": {"cart_token": "c1", "checkout_token": "k1", "order_id": "1001"}},
)
EVENTS: Final = tuple(good_event(consent=said) for said in CONSENTS)
ENVELOPE: Final = {"specversion": "1.0", "id": "1001", "source": "/shop", "type": "purchase", "data": EVENTS[0]}
MEASURED: Final = {
    "client_id": "123.456",
    "timestamp_micros": NOW * 1_000_000,
    "consent": {"ad_user_data": "GRANTED", "ad_personalization": "DENIED"},
    "user_data": {"sha256_email_address": ["5" * 64]},
    "events": [{"name": "purchase", "params": {"transaction_id": "T_1", "value": 9.99, "currency": "USD", "items": [{}]}}],
}
TAGGED: Final = (
    b"v=2&tid=G-ABCD1234&_p=1768476420055&cid=315691213.1760240992&gcs=G111&gcd=13r3r3r3r5l1&npa=0&cu=EUR"
    b"&dl=https%3A%2F%2Fshop.example%2Fthanks%3Fgclid%3DCjwKCAjw_abcDEF\n"
    b"en=purchase&epn.value=129.9&ep.transaction_id=1001&pr1=idSKU~nmName~pr9.99~qt1\nen=page_view&_s=2"
)


LISTS: Final = (
    b"id,value,currency,at\n1001,129.90,EUR,2026-11-01T09:00:00Z\n",
    b'Name,Financial Status,Currency,Total,Created at,Id,Source\n#1,paid,EUR,"1,5",2026-11-01 09:00:00 +0100,7,web\n',
    "\ufeffID;Date;Statut;Total\n1;2026-11-01;ok;1\u202f234,50 €\n".encode(),
)


DATA_TAG: Final = {
    "event_name": "purchase",
    "transaction_id": "1001",
    "value": 129.9,
    "currency": "EUR",
    "email": "jane.doe@example.com",
    "gateway_consent": {"advertising": True},
    "consent_state": {"ad_storage": True, "ad_user_data": True, "ad_personalization": False},
}
PACKED: Final = b"v=2&event=purchase&dtdc=" + base64.b64encode(orjson.dumps(DATA_TAG)).replace(b"=", b"%3D")
FORM: Final = (
    b"\nevent_name=purchase&transaction_id=%221001%22&value=129.9&currency=%22EUR%22&user_data.email_address=%22a%40b.example%22"
    b"&gateway_consent.advertising=true&consent_state.ad_storage=true&items.0.item_id=7"
)


def _told(read: Read) -> list[Event]:
    """Give the event that an order became, if it did; money that went back is none."""
    return [] if isinstance(read, NoNews | Refund) else [read]


TARGETS: Final[Mapping[str, Target]] = {
    "native": Target(lambda body: native.decode(body, NOW).events, _json(*EVENTS, {"events": EVENTS[:3]})),
    "browser": Target(lambda body: native.decode(body, NOW, BROWSER).events, _json(*EVENTS)),
    "cloudevents": Target(lambda body: cloudevents.decode(body, NOW).events, _json(ENVELOPE)),
    "cloudevents_batch": Target(lambda body: cloudevents.decode_batch(body, NOW).events, _json([ENVELOPE, ENVELOPE])),
    "gtag": Target(_gtag, (TAGGED, TAGGED.replace(b"G111", b"G100"))),
    "stape": Target(_data, (PACKED, *(b"v=2&event=purchase\n" + one for one in _json(DATA_TAG, [DATA_TAG, DATA_TAG])))),
    "stape_form": Target(partial(_data, form=True), (FORM,)),
    "measurement": Target(lambda body: measurement.decode(body, NOW).events, _json(MEASURED)),
    "shopify": Target(
        lambda body: _told(shopify.order(body, NOW, RULES)),
        tuple(path.read_bytes() for path in sorted((DATA / "shopify").glob("*.json"))),
    ),
    "shopify_refund": Target(
        lambda body: _told(shopify.refund(body, NOW)),
        ((DATA / "shopify/refund.json").read_bytes(), *_json({"id": 1, "order_id": 1, "transactions": [None]})),
    ),
    "woocommerce": Target(
        lambda body: _told(woocommerce.order(body, NOW, WOOCOMMERCE)),
        _json(json.loads((DATA / "woocommerce/order.json").read_text()) | {"date_created_gmt": NOW_TEXT[:19]}),
    ),
    "prestashop": Target(
        lambda body: _told(prestashop.order(body, NOW, prestashop.Rules())),
        _json(json.loads((DATA / "prestashop/order.json").read_text()) | {"made_at": NOW_TEXT}),
    ),
    "shopify_person": Target(
        lambda body: [found] if isinstance(found := shopify.subject(body), Malformed) else [],
        _json({"shop_domain": "a.myshopify.com", "customer": {"id": 1, "email": "a@b.example"}, "orders_to_redact": [1, 2]}),
    ),
    "order_list": Target(_list, LISTS),
    "consent": Target(_record, _json(*({"consent": said} for said in CONSENTS))),
    "tcf": Target(partial(_signal, "tcf", {}), _strings()),
    "gpp": Target(partial(_signal, "gpp", {"gpp_sid": [2]}), (*GPP, *(b"DBABMA~" + text for text in _strings()))),
    "gcd": Target(partial(_signal, "gcd", {}), (b"13r3r3r3r5l1", b"13p3p3p3p5l1", b"11t1t1t1t5")),
    "ac": Target(
        partial(_signal, "ac", {"tcf": _strings()[0].decode()}),
        (b"2~89~dv.", b"2~1.89.900~dv.7.9", b"1~1.89.5", b"2~~dv.89"),
    ),
    "us_privacy": Target(partial(_signal, "us_privacy", {}), (b"1YNN", b"1YYN", b"1---")),
    "cookies": Target(_cookie, _cookies()),
}
"""By name. Every file in `gateway/sources/` that reads bodies has one; a test asks for that."""
