"""P3: what must not pass the boundary is in no byte of anything that the gateway keeps, says or sends.

Everything that a storefront, a browser, an attacker or a platform can write carries marks: declared and undeclared fields,
names of fields, headers, query, malformed, oversized and compressed bodies, and the platforms' own messages. After a run
that touches every answer the gateway has, all it left behind is searched for them: the store's files whole, free pages and
log included, while it runs and after it stopped; its log and whatever a library wanted to log; every answer on both
listeners; every request to a platform. A mark may be seen only in the one form that the policy allows.
"""

import asyncio
import base64
import gzip
import hmac
import json
import logging
import os
import tempfile
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from hashlib import sha256
from io import StringIO
from itertools import chain
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import msgspec
import pytest
from aiohttp.web_protocol import RequestHandler
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gateway.consent.signals.cookies import COOKIES
from gateway.delivery.value_kinds import KINDS
from gateway.intake.webhooks import DIALECTS
from gateway.line import Line
from gateway.listener import QuietHandler
from gateway.log import Log
from gateway.model.texts import EmailDigest, PagePath, TruncatedIp
from gateway.model.words import Destination, Source
from gateway.outbox.entries import Accept, Entry
from gateway.raw import Malformed, RawEvent
from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.meta import MESSAGES, TITLES
from gateway.sandbox.pinterest import MISSING_IDS
from gateway.sandbox.pinterest import RULES as FAULTS_OF_EVENTS
from gateway.sandbox.platforms import TOKENS, Platforms
from gateway.sources import stape
from tests import prestashop, woocommerce
from tests.doorway import edit
from tests.live import NOTHING_MORE, ORIGIN, STOREFRONT, Installation, Process, inside, install
from tests.seek import Needles, addresses, disguises, hashed, written
from tests.shopify import DOMAIN, EDIT, signed, write_secrets
from tests.shopify import SECRET as SHOPIFY_SECRET
from tests.wire import asked, request

META, PINTEREST, GOOGLE = Destination

# ── what is posted ───────────────────────────────────────────────────────────────────────────────────────────────


class Flavour(msgspec.Struct, frozen=True):
    """What Hypothesis chooses: the text that marks are made of, how they are dressed up, and who is asked.

    `core` is in every mark that may be seen nowhere; `known` in the event ids, which platforms and answers do show.
    """

    core: str
    known: str
    dress: str
    kind: str
    to: frozenset[Destination]
    host: int
    gmail: bool


FLAVOURS: Final = st.builds(
    Flavour,
    core=st.text("0123456789bcdfghjkmnpqrstvwxz", min_size=10, max_size=14).map("x{}".format),
    known=st.text("0123456789bcdfghjkmnpqrstvwxz", min_size=10, max_size=14).map("y{}".format),
    dress=st.sampled_from(
        ("{}", " {} ", "é{}€", '"{}\\', "<b>{}</b>", "{}\u0000", "%{}%s", "{}@example.org", "🛒{}", "{{{}}}")
    ),
    kind=st.sampled_from(("purchase", "add_to_cart", "page_view")),
    to=st.frozensets(st.sampled_from(Destination), min_size=1),
    host=st.integers(11, 254),
    gmail=st.booleans(),
)
PLAIN: Final = Flavour("x7kq2zv9wm4", "y3hd8rt5np1", "{}", "purchase", frozenset(Destination), 77, gmail=True)


class Marks:
    """Makes marks, each a different one, and remembers them by what they stood for."""

    def __init__(self, flavour: Flavour) -> None:
        self.flavour = flavour
        self.made: list[str] = []
        self.emails: list[str] = []
        self.digests: list[str] = []
        self.googles_digests: list[str] = []
        self.ids: list[str] = []
        self.v4, self.v6 = f"203.0.113.{flavour.host}", f"2a00:1450:4007:80c:dead:beef:cafe:{flavour.host:x}"

    def plain(self) -> str:
        """A mark of lower-case letters and digits, for places with a grammar."""
        self.made.append(f"{self.flavour.core}{len(self.made):03d}")
        return self.made[-1]

    def free(self) -> str:
        """A mark dressed up, for places that take any text."""
        return self.flavour.dress.format(self.plain())

    def email(self, *, gmail: bool = False) -> str:
        """An address whose every part is a mark."""
        local = f"{self.plain().upper()}.{self.plain()}+{self.plain()}"
        self.emails.append(f"{local}@GoogleMail.com" if gmail else f"{local}@{self.plain()}.Example")
        return self.emails[-1]

    def digest(self) -> str:
        """The digest of an address that the gateway never sees; Meta may have it."""
        self.digests.append(sha256(f"{self.flavour.core}{len(self.digests)}@example.org".encode()).hexdigest())
        return self.digests[-1]

    def googles(self) -> str:
        """The same, made as Google wants addresses; Google may have it."""
        self.googles_digests.append(sha256(f"{self.flavour.core}g{len(self.googles_digests)}@example.org".encode()).hexdigest())
        return self.googles_digests[-1]

    def numbers(self) -> int:
        """A number of an order; it becomes an event's id, and so platforms and answers may show it."""
        self.ids.append(f"82098291194{self.flavour.host:03d}{len(self.ids):03d}")
        return int(self.ids[-1])

    def event_id(self) -> str:
        """An id; platforms and answers may show it."""
        self.ids.append(f"{self.flavour.known}-{len(self.ids):03d}")
        return self.ids[-1]


def full_event(marks: Marks, **changes: Any) -> dict[str, Any]:
    """An event with a mark in every place there is, declared or not; by default nobody may have it."""
    return {
        "event": marks.flavour.kind,
        "event_id": marks.event_id(),
        "occurred_at": int(time.time()),
        "page_url": f"https://{marks.plain()}:{marks.plain()}@shop.example/{marks.plain()}/?{marks.plain()}={marks.plain()}#{marks.plain()}",
        "customer": {"email": marks.email(), "name": marks.free(), "phone": marks.free(), marks.free(): marks.free()},
        "client": {
            "ip": marks.v4,
            "user_agent": f"Mozilla/5.0 (X11; Linux x86_64) {marks.plain()} Chrome/131.0.0.0",
            "country": "FR",
            "region": marks.free(),
            "cookie": marks.free(),
        },
        "order": {
            "value": "12.34",
            "currency": "EUR",
            "content_ids": [marks.plain(), marks.free(), f"{marks.plain()}@example.org"],
            "coupon": marks.free(),
            "items": [{marks.free(): marks.free()}],
        },
        "click": {
            "gclid": marks.plain(),
            "gbraid": marks.plain(),
            "wbraid": marks.free(),
            "fbc": f"fb.1.1795000000000.{marks.plain()}",
            "fbp": marks.free(),
            "epik": marks.plain(),
            "ttclid": marks.free(),
        },
        "consent": {
            "banner_version": marks.free(),
            "receipt": marks.free(),
            "join": {"cart_token": marks.free(), marks.free(): [marks.free()]},
        },
        "password": marks.free(),
        marks.free(): {marks.free(): [marks.free(), {marks.free(): marks.free()}]},
        **changes,
    }


def consented(marks: Marks, to: frozenset[Destination], **changes: Any) -> dict[str, Any]:
    """The same with a yes for some platforms."""
    event = full_event(marks, **changes)
    event["consent"] = {**event["consent"], "vendors": {**{d.value: d in to for d in Destination}, marks.free(): True}}
    return event


def accepted_events(marks: Marks) -> list[dict[str, Any]]:
    """Events that pass, each another way."""
    everybody, to = frozenset(Destination), marks.flavour.to
    return [
        consented(marks, everybody),
        consented(marks, to, customer={"email": f"  {marks.email(gmail=marks.flavour.gmail)}\t"}),
        consented(marks, everybody, client={"ip": marks.v6, "user_agent": marks.free()}, kind=marks.free()),
        consented(marks, everybody, client={"ip": f"[::ffff:{marks.v4}]:4711", "country": marks.free()}),
        consented(marks, frozenset({META}), customer={"email_sha256": {"meta": marks.digest()}}),
        consented(marks, to, page_url=f"javascript:{marks.plain()}"),
        consented(marks, to, page_url=f"https://{marks.plain()}.example/"),
        consented(marks, everybody, consent=tools_of(marks, accepted=True)),
    ]


def tools_of(marks: Marks, *, accepted: bool) -> dict[str, Any]:
    """What consent tools say, with a mark in every place of theirs that takes any text."""
    yes, now = str(accepted).lower(), int(time.time())
    return {
        "cookies": {
            "CookieConsent": f"{{stamp:'{marks.plain()}',marketing:{yes},method:'explicit',utc:{now}000}}",
            "OptanonConsent": f"id={marks.plain()}&interactionCount=1&groups={marks.plain()}:1,C0004:{accepted:d}",
            "axeptio_cookies": json.dumps({"$$completed": False, "$$token": marks.free(), marks.free(): marks.free()}),
        },
        "cookiebot": {"marketing": accepted, "method": "explicit", "stamp": marks.free(), marks.free(): [marks.free()]},
        "didomi": {
            "user_id": marks.free(),
            "purposes": {marks.free(): {"enabled": True}},
            "vendors": {marks.free(): {"enabled": False}},
        },
        "shopify_visitor": {"marketing": "", marks.free(): marks.free()},
    }


def refused_events(marks: Marks) -> list[dict[str, Any]]:
    """Events that may go nowhere."""
    dated = int(time.time()) - 60
    spoilt: tuple[dict[str, Any], ...] = (
        {"advertising": False, "banner_version": marks.free()},
        {"advertising": marks.free()},
        {"advertising": True, "vendors": {d.value: marks.free() for d in Destination}},
        {"advertising": True, "google": {"ad_storage": marks.free()}},
        {"advertising": True, "shopify": {"marketingAllowed": marks.free()}},
        {"advertising": True, "tcf": marks.free(), "cookies": {"CookieConsent": marks.free(), marks.free(): marks.free()}},
        tools_of(marks, accepted=False),
        {"advertising": True, "cookies": dict.fromkeys(COOKIES, marks.free()), "gcs": marks.free(), "gcd": marks.free()},
        {"advertising": True, "axeptio": marks.free(), "onetrust": {marks.free(): marks.free()}, "pandectes": [marks.free()]},
        {"advertising": True, "given_at": marks.free()},
        {"advertising": True, "given_at": dated, "gpc": True},
        {"advertising": True, marks.free(): marks.free()},
    )
    unusable = {"customer": {"email": marks.free()}, "consent": {"advertising": True}, "client": {"ip": marks.free()}}
    return [full_event(marks), *(full_event(marks, consent=consent) for consent in spoilt), full_event(marks, **unusable)]


def invalid_events(marks: Marks) -> list[Any]:
    """Events that break a rule of the format, with the mark where it is broken."""
    yes = {"advertising": True}
    return [
        marks.free(),
        [marks.free()],
        full_event(marks, consent=yes, event=marks.email()),
        full_event(marks, consent=yes, event_id=marks.email()),
        full_event(marks, consent=yes, occurred_at=marks.free()),
        full_event(marks, consent=yes, customer=marks.email()),
        full_event(marks, consent=yes, customer={"email": [marks.email()]}),
        full_event(marks, consent=yes, customer={"email_sha256": {"meta": marks.free()}}),
        full_event(marks, consent=yes, customer={"email_sha256": {marks.free(): "0" * 64}}),
        full_event(marks, consent=yes, client={"ip": {marks.free(): marks.v4}}),
        full_event(marks, consent=yes, client={"user_agent": marks.plain() * 400}),
        full_event(marks, consent=yes, event="purchase", order={"value": marks.free(), "currency": "EUR"}),
        full_event(marks, consent=yes, event="purchase", order={"value": "1.00", "currency": marks.free()}),
        full_event(marks, consent=yes, click={"gclid": {marks.free(): marks.free()}}),
        full_event(marks, consent=yes, order=marks.free()),
        full_event(marks, consent=yes, order={"value": "1.00", "currency": "EUR", "content_ids": marks.free()}),
        full_event(marks, consent=yes, order={"value": "1.00", "currency": "EUR", "content_ids": [{marks.free(): 1}]}),
        full_event(marks, **{marks.free(): deep(marks.free(), 20)}),
    ]


def deep(text: str, levels: int) -> Any:
    """The text in so many lists."""
    return text if not levels else [deep(text, levels - 1)]


class Call(msgspec.Struct, frozen=True):
    """One request as bytes, and the status that it must be answered with."""

    said: bytes
    status: int
    private: bool = False


def calls(marks: Marks, installation: Installation) -> Iterator[Call]:
    """Give every request of the run, in order."""
    accepted = accepted_events(marks)
    again = {**accepted[0], "customer": {"email": marks.email()}, "order": {"value": "99.99", "currency": "EUR"}}
    batch = json.dumps(
        {"events": [*accepted, again, *refused_events(marks), *invalid_events(marks)], marks.free(): marks.free()}
    )
    yield Call(post(marks, installation, batch.encode()), 202)
    one = json.dumps(consented(marks, marks.flavour.to), ensure_ascii=False).encode()
    yield Call(post(marks, installation, gzip.compress(one), "Content-Encoding: gzip"), 202)
    yield from unreadable_calls(marks, installation)
    yield from stranger_calls(marks, installation)
    yield from browser_calls(marks, installation)
    yield from record_calls(marks, installation)
    yield from rights_calls(marks, installation)
    yield from tag_calls(marks)
    yield from data_tag_calls(marks)
    yield from measured_calls(marks, installation)
    yield from envelope_calls(marks, installation)
    yield from webhook_calls(marks)


def headers(marks: Marks) -> list[str]:
    """Headers that every request carries, each with a mark."""
    named = ("Cookie", "Referer", "User-Agent", "X-Forwarded-For", "Forwarded", "X-Real-IP", "Accept-Language", "X-Request-Id")
    return [*(f"{name}: {marks.plain()}" for name in named), f"{marks.plain()}: {marks.plain()}", "Connection: close"]


def post(marks: Marks, installation: Installation, body: bytes, *more: str, query: str = "") -> bytes:
    """A server's request with the right key."""
    right = [f"Authorization: Bearer {installation.secret_key}", "Content-Type: application/json"]
    return request("POST", f"/v1/events?{marks.plain()}={marks.plain()}{query}", [*right, *headers(marks), *more], body)


def unreadable_calls(marks: Marks, installation: Installation) -> Iterator[Call]:
    """Bodies that cannot be read, in every way."""
    mark = marks.plain()
    event = json.dumps(full_event(marks))
    for body in (
        f"{{{mark}",
        event[:-1],
        f'{{"events": "{mark}"}}',
        f'["{mark}"]',
        f'"{mark}"',
        f'{{"events": [], "{mark}": 1}}',
        f'\ufeff{{"{mark}": 1}}',
        f"{mark}=1&email={marks.plain()}%40example.com",
    ):
        yield Call(post(marks, installation, body.encode()), 400)
    yield Call(post(marks, installation, f'{{"{mark}": "'.encode() + b"\xff\xfe" + mark.encode("utf-16-le") + b'"}'), 400)
    yield Call(post(marks, installation, event.replace("{", f'{{"{mark}": 1, "{mark}": 2, ', 1).encode()), 202)
    yield Call(post(marks, installation, event.replace("{", f'{{"event": "\\ud800{mark}", ', 1).encode()), 202)
    yield Call(post(marks, installation, event.replace("12.34", "NaN").replace('"NaN"', "NaN").encode()), 202)
    yield Call(post(marks, installation, json.dumps({"events": [full_event(marks)] * 501, "pad": mark}).encode()), 413)
    yield Call(post(marks, installation, mark.encode() * 100_000), 413)
    yield Call(post(marks, installation, mark.encode(), "Content-Encoding: gzip"), 400)
    yield Call(post(marks, installation, gzip.compress(mark.encode() * 200_000), "Content-Encoding: gzip"), 413)
    yield Call(post(marks, installation, mark.encode(), "Content-Encoding: " + mark), 415)


def stranger_calls(marks: Marks, installation: Installation) -> Iterator[Call]:
    """Requests of somebody who has no key, no manners or the wrong address."""
    event = json.dumps(full_event(marks)).encode()
    mark = marks.plain()
    yield Call(request("POST", "/v1/events", [f"Authorization: Bearer sk_s1_{mark}", *headers(marks)], event), 401)
    yield Call(request("POST", "/v1/events", [f"Authorization: Basic {mark}", *headers(marks)], event), 401)
    yield Call(request("POST", f"/v1/events?key={mark}", headers(marks), event), 401)
    publishable = f"Authorization: Bearer {installation.publishable_key}"
    yield Call(request("POST", "/v1/events", [publishable, *headers(marks)], event), 403)
    typed = [f"Authorization: Bearer {installation.secret_key}", f"Content-Type: {mark}/{mark}"]
    yield Call(request("POST", "/v1/events", [*typed, *headers(marks)], event), 415)
    yield Call(request("GET", f"/{mark}/..%2f{mark}?{mark}", headers(marks)), 404)
    yield Call(request("TRACE", "/v1/events", headers(marks)), 405)
    yield Call(request("GET", "/healthz", [f"{mark} : {mark}", *headers(marks)]), 400)
    yield Call(request("GET", "/healthz", [f"X: {mark}\x00{mark}", *headers(marks)]), 400)
    yield Call(request("GET", "/healthz", [f"X: {mark * 1000}", *headers(marks)]), 400)
    yield Call(request("POST", "/v1/events", [f"Content-Length: {mark}", *headers(marks)]), 400)
    yield Call(request("POST", "/v1/events", [f"Transfer-Encoding: {mark}", *headers(marks)], event), 400)
    yield Call(f"{mark.upper()} /{mark} HTTP/1.1\r\nHost: {mark}\r\n\r\n".encode(), 400)
    for target, status in (
        (f"/{mark}", 404),
        (f"/metrics?{mark}", 200),
        (f"/api/v1/accounts?storefront={mark}", 404),
        (f"/api/v1/dead-letters?storefront={mark}", 404),
        (f"/api/v1/shapes?storefront={mark}", 404),
        (f"/api/v1/explain?storefront={STOREFRONT}&event={mark}&event_id={mark}", 400),
        (f"/api/v1/explain?storefront={STOREFRONT}&event=purchase&event_id={mark}", 404),
    ):
        yield Call(request("GET", target, headers(marks), host="127.0.0.1"), status, private=True)
    yield from order_calls(marks)
    yield from approval_calls(marks)


def approval_calls(marks: Marks) -> Iterator[Call]:
    """Acknowledgements of what left that cannot be meant."""
    mark, right = marks.plain(), {"storefront": STOREFRONT, "decision": "DPO decision 2026-11-03", "up_to": 0}
    for said, status in (
        (right | {mark: mark}, 400),
        (right | {"decision": f"{mark}@example.org"}, 400),
        (right | {"up_to": mark}, 400),
        (right | {"storefront": mark}, 404),
        (mark, 400),
    ):
        body = json.dumps(said).encode()
        yield Call(order(body, headers(marks), path="/api/v1/shapes/approve"), status, private=True)


def order_calls(marks: Marks) -> Iterator[Call]:
    """Orders for a replay that cannot be meant, or come from where none may come from."""
    mark, right = marks.plain(), {"storefront": STOREFRONT, "destination": "meta"}
    for said, status in (
        (right | {mark: mark}, 400),
        (right | {"destination": mark}, 400),
        (right | {"reasons": [mark]}, 400),
        (right | {"codes": [mark]}, 200),
        (right | {"storefront": mark}, 404),
        (mark, 400),
    ):
        yield Call(order(json.dumps(said).encode(), headers(marks)), status, private=True)
    yield Call(order(f"{{{mark}".encode(), headers(marks)), 400, private=True)
    yield Call(order(mark.encode() * 10_000, headers(marks)), 413, private=True)
    body = json.dumps(right).encode()
    yield Call(order(body, headers(marks), host=f"{mark}.example"), 403, private=True)
    yield Call(order(body, [*headers(marks), f"Origin: https://{mark}.example"]), 403, private=True)
    yield Call(order(body, [*headers(marks), f"Content-Encoding: {mark}"]), 415, private=True)


def order(body: bytes, more: Sequence[str], host: str = "127.0.0.1", path: str = "/api/v1/replay") -> bytes:
    """Write an order to the private listener."""
    return request("POST", path, ["Content-Type: application/json", *more], body, host=host)


def browser_calls(marks: Marks, installation: Installation) -> Iterator[Call]:
    """Requests of browsers, and of what pretends to be one."""
    event, mark = json.dumps(consented(marks, marks.flavour.to)).encode(), marks.plain()
    target, origin = f"/v1/collect?k={installation.publishable_key}&{mark}={mark}", f"Origin: {ORIGIN}"
    yield Call(request("POST", target, [origin, *headers(marks)], event), 204)
    yield Call(request("POST", target, [origin, "Sec-GPC: 1", *headers(marks)], event), 204)
    yield Call(request("POST", target, [origin, "Content-Type: text/plain", *headers(marks)], mark.encode()), 204)
    yield Call(request("POST", target, [origin, *headers(marks)], mark.encode() * 10_000), 413)
    yield Call(request("POST", target, [origin, f"Content-Encoding: {mark}", *headers(marks)], event), 415)
    yield Call(request("POST", target, [f"Origin: https://{mark}.example", *headers(marks)], event), 403)
    yield Call(request("POST", f"/v1/collect?k=pk_p1_{mark}", [origin, *headers(marks)], event), 403)
    yield Call(request("OPTIONS", target, [origin, f"Access-Control-Request-Headers: {mark}", *headers(marks)]), 204)


MEASUREMENT_ID: Final = "G-CANARY1234"
TAG_GRANTED: Final = "13r3r3r3r5l1"
"""A visitor's own yes, as Google's tag has it."""


def tagged(marks: Marks, **changes: str | None) -> str:
    """The query of Google's tag with a mark in every parameter that takes any text; the digest in it is Google's alone."""
    digest = base64.urlsafe_b64encode(bytes.fromhex(marks.googles())).decode().rstrip("=")
    said: dict[str, str | None] = {
        "v": "2",
        "tid": MEASUREMENT_ID,
        "gcs": "G111",
        "gcd": TAG_GRANTED,
        "npa": "0",
        "cu": "EUR",
        "epn.value": "12.34",
        **{name: marks.plain() for name in ("cid", "_p", "_s", "sid", "uid", "ecid", "eme", "gtm", "dma_cps", "tag_exp")},
        **{name: marks.free() for name in ("dt", "dr", "ul", "sr", "uafvl", "ep.coupon", "epn.tax", "sst.x", "gap.x", "cc")},
        **{name: marks.email() for name in ("up.email", "ep.email", "upn.x")},
        "_uip": marks.v4,
        "en": "purchase",
        "ep.transaction_id": marks.event_id(),
        "dl": f"https://{marks.plain()}:{marks.plain()}@shop.example/{marks.plain()}?gclid={marks.plain()}&{marks.plain()}=1",
        "em": f"tv.1~em.{digest}~pn.{marks.plain()}~fn0.{marks.plain()}",
        "pr1": f"id{marks.plain()}~nm{marks.free()}~k0{marks.plain()}~v0{marks.free()}",
        marks.free(): marks.free(),
    }
    said |= changes
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in said.items() if value is not None)


def tag_calls(marks: Marks) -> Iterator[Call]:
    """Requests of Google's tag, taken, refused, invalid and a stranger's; all are answered alike."""
    page, mark = [f"Origin: {ORIGIN}", "Content-Type: text/plain"], marks.plain()
    queries = [
        tagged(marks),
        tagged(marks, en="page_view"),
        tagged(marks, en=marks.free()),
        tagged(marks, **{"ep.transaction_id": marks.email()}),
        tagged(marks, **{"epn.value": marks.free()}),
        tagged(marks, cu=marks.free()),
        tagged(marks, em=marks.email()),
        tagged(marks, v=marks.free()),
        f"{tagged(marks)}&{mark}={mark}&{mark}={mark}",
        *(tagged(marks, **{name: marks.free()}) for name in ("gcs", "gcd", "gdpr_consent", "gpp", "us_privacy", "rdp", "npa")),
    ]
    for text in queries:
        yield Call(request("GET", f"/g/collect?{text}", [*page, *headers(marks)]), 204)
    lines = f"en=page_view&dl={mark}\r\nen={mark}&ep.x={mark}\r\nen=add_to_cart&gcs={mark}\r\n%ff{mark}".encode()
    yield Call(request("POST", f"/g/collect?{tagged(marks, en=None)}", [*page, "Sec-GPC: 1", *headers(marks)], lines), 204)
    yield Call(request("POST", f"/g/collect?{tagged(marks, en=None)}", [*page, *headers(marks)], lines), 204)
    yield Call(request("POST", f"/g/collect?{tagged(marks, tid=mark)}", [*page, *headers(marks)], lines), 204)
    yield Call(request("GET", f"/g/collect?{tagged(marks)}", [f"Origin: https://{mark}.example", *headers(marks)]), 204)
    yield Call(request("OPTIONS", f"/g/collect?{tagged(marks)}", [*page, *headers(marks)]), 204)
    yield Call(request("POST", f"/g/collect?{tagged(marks)}", [*page, *headers(marks)], mark.encode() * 10_000), 413)


def data_tag_calls(marks: Marks) -> Iterator[Call]:
    """Requests of a container's data tag with a mark in every field, in each packing; and a stranger's."""
    page = [f"Origin: {ORIGIN}", "Content-Type: text/plain", *headers(marks)]
    taken = {"event_name", "value", "currency", "gateway_consent", "consent_state", "user_data", "ecommerce"}
    own = {name: marks.free() for name in (stape.TAKEN | stape.PASSED_OVER) - taken}
    said: dict[str, Any] = {
        **own,
        "event_name": "purchase",
        "transaction_id": (number := marks.event_id()),
        "order_id": number,
        "ecommerce": {"transaction_id": number, "items": [{"item_id": marks.free(), marks.free(): marks.free()}]},
        "value": 12.34,
        "e_v": "12.34",
        "currency": "EUR",
        **dict.fromkeys(("email", "mail", "userEmail", "email_address"), (address := marks.email())),
        "user_data": {
            "email_address": address,
            "email": address,
            "phone_number": marks.free(),
            "address": {marks.free(): marks.free()},
        },
        "page_location": f"https://{marks.plain()}@shop.example/{marks.plain()}?gclid={marks.plain()}&x={marks.plain()}",
        "common_cookie": {name: marks.free() for name in ("_fbc", "_fbp", "_epik", "_scid", marks.free())},
        "ip_override": marks.v4,
        "gateway_consent": {"advertising": True, "given_at": "2026-11-01T09:00:00Z"},
        "consent_state": {"ad_storage": True, marks.free(): marks.free()},
        marks.free(): marks.free(),
    }
    broken: list[Any] = [
        {**said, "event_name": marks.free()},
        {**said, "transaction_id": marks.email()},
        {**said, "value": marks.free()},
        {**said, "email": marks.email()},
        {**said, "gateway_consent": marks.free()},
        {**said, "consent_state": {"ad_storage": marks.free()}},
        marks.free(),
    ]
    for one in [said, *broken, [said, *broken]]:
        yield Call(request("POST", f"/data?v=2&event={marks.plain()}", page, json.dumps(one).encode()), 200)
    few = (
        "event_name",
        "transaction_id",
        "order_id",
        "value",
        "currency",
        "user_data",
        "page_location",
        "consent",
        "client_id",
    )
    for one in [said, *broken[:2]]:
        text = json.dumps({name: value for name, value in one.items() if name in few})
        packed = base64.b64encode(text.encode()).decode()
        yield Call(request("GET", f"/data?v=2&dtdc={quote(packed)}", page), 200)
        yield Call(request("GET", f"/data?v=2&dtcd={quote(text)}&{marks.plain()}={marks.plain()}", page), 200)
    form = "&".join(f"{quote(name)}={quote(value)}" for name, value in own.items()) + f"&{marks.plain()}.a={marks.plain()}"
    typed = [f"Origin: {ORIGIN}", "Content-Type: application/x-www-form-urlencoded", *headers(marks)]
    yield Call(request("POST", "/data?v=2&event=purchase", typed, form.encode()), 200)
    yield Call(request("POST", "/data", page, f"{{{marks.plain()}".encode()), 200)
    yield Call(request("POST", "/data", [f"Origin: https://{marks.plain()}.example", *headers(marks)], b"{}"), 204)


def measured_calls(marks: Marks, installation: Installation) -> Iterator[Call]:
    """Requests of the Measurement Protocol: one that goes on by a record of its client, one that is refused, one unreadable."""
    mark, client = marks.plain(), marks.plain()
    right = ["Content-Type: application/json", *headers(marks)]
    keyed = [f"Authorization: Bearer {installation.secret_key}", *right]
    yes = {"consent": {"advertising": True, "join": {"client_id": client}}}
    yield Call(request("POST", "/v1/consent", keyed, json.dumps(yes).encode()), 201)
    where = f"/mp/collect?measurement_id={MEASUREMENT_ID}&api_secret={installation.secret_key}&{mark}={mark}"
    params = {"transaction_id": marks.event_id(), "value": 12.34, "currency": "EUR", "page_location": marks.free()}
    said = {
        "client_id": client,
        "user_id": marks.free(),
        "user_data": {"sha256_email_address": [marks.googles()], "address": [{marks.free(): marks.free()}]},
        "user_properties": {marks.free(): {"value": marks.free()}},
        "ip_override": marks.v4,
        "events": [
            {"name": "purchase", "params": {**params, "items": [{"item_id": marks.free()}], marks.free(): marks.free()}}
        ],
        marks.free(): marks.free(),
    }
    broken: list[Any] = [
        said | {"client_id": marks.email(), "consent": {"ad_user_data": marks.free()}},
        said | {"timestamp_micros": marks.free()},
        said | {"events": [{"name": marks.free()}, marks.free(), {"name": "purchase", "params": marks.free()}]},
        said | {"events": marks.free()},
        marks.free(),
    ]
    for one in [said, *broken]:
        yield Call(request("POST", where, right, json.dumps(one).encode()), 204)
    yield Call(request("POST", where, right, f"{{{mark}".encode()), 204)
    yield Call(request("POST", f"/mp/collect?measurement_id={mark}&api_secret={installation.secret_key}", right, b"{}"), 403)
    yield Call(request("POST", f"/mp/collect?measurement_id={MEASUREMENT_ID}&api_secret=sk_s1_{mark}", right, b"{}"), 401)


def envelope_calls(marks: Marks, installation: Installation) -> Iterator[Call]:
    """CloudEvents with a mark in every attribute, around an event that passes and one that does not."""
    right = [f"Authorization: Bearer {installation.secret_key}", *headers(marks)]
    mark = marks.plain()
    said: dict[str, Any] = {
        "specversion": "1.0",
        "id": marks.event_id(),
        "source": marks.free(),
        "type": marks.free(),
        "subject": marks.email(),
        "data": consented(marks, marks.flavour.to),
        mark: marks.free(),
    }
    broken = [{**said, name: {marks.free(): marks.free()}} for name in ("specversion", "id", "data", "datacontenttype")]
    one, many = (f"Content-Type: application/cloudevents{kind}+json" for kind in ("", "-batch"))
    yield Call(request("POST", "/v1/events", [one, *right], json.dumps(said).encode()), 202)
    batch = [*broken, {**said, "data": full_event(marks)}, marks.free()]
    yield Call(request("POST", "/v1/events", [many, *right], json.dumps(batch).encode()), 202)
    yield Call(request("POST", "/v1/events", [one, *right], f"[{mark}".encode()), 400)


def full_record(marks: Marks, **consent: Any) -> dict[str, Any]:
    """A consent record with a mark in every place there is, declared or not."""
    return {
        "consent": {
            "given_at": marks.free(),
            "banner_version": marks.free(),
            "advertising": marks.free(),
            "vendors": {marks.free(): marks.free(), "meta": True},
            "google": {"ad_storage": marks.free(), marks.free(): "granted"},
            "shopify": {"marketingAllowed": marks.free()},
            "cookies": {"CookieConsent": f"{{stamp:%27{marks.plain()}%27}}", marks.free(): marks.free()},
            "join": {"cart_token": marks.free(), "client_id": marks.email(), marks.free(): [marks.free()]},
            **{
                name: marks.free() for name in ("gcs", "gcd", "tcf", "ac", "gpp", "us_privacy", "shopify_visitor", "gpc", "dnt")
            },
            marks.free(): {marks.free(): marks.free()},
            **consent,
        },
        "client": {"country": marks.free(), "region": marks.free(), "ip": marks.v4, marks.free(): marks.v6},
        "policy_version": marks.free(),
        "minor": False,
        "email": marks.email(),
        marks.free(): {marks.free(): [marks.free()]},
    }


def record_calls(marks: Marks, installation: Installation) -> Iterator[Call]:
    """Consent records of servers and browsers, readable and not, and an order that waits for its own."""
    mark, origin = marks.plain(), f"Origin: {ORIGIN}"
    page = f"/v1/consent?k={installation.publishable_key}&{mark}={mark}"
    right = [f"Authorization: Bearer {installation.secret_key}", "Content-Type: application/json", *headers(marks)]
    receipt = f"{marks.plain()}-{marks.plain()}"[:64]
    records = [
        full_record(marks),
        full_record(marks, receipt=receipt),
        full_record(marks, receipt=marks.free()),
        full_record(marks, receipt=marks.email()),
        full_record(marks, join=marks.free()),
        {"consent": marks.free()},
        {"consent": {"advertising": True, "receipt": receipt}, "client": marks.free()},
    ]
    for said in records:
        yield Call(request("POST", page, [origin, "Sec-GPC: 1", *headers(marks)], json.dumps(said).encode()), 204)
    for body in (b"", mark.encode(), f'{{"{mark}": 1, "{mark}": 2}}'.encode(), f'{{"consent": "\\ud800{mark}"}}'.encode()):
        yield Call(request("POST", page, [origin, *headers(marks)], body), 204)
        yield Call(request("POST", f"/v1/consent?{mark}", right, body), 400)
    for said, status in zip(records, (201, None, None, 400, 400, 400, 400), strict=True):
        if status is not None:
            yield Call(request("POST", f"/v1/consent?{mark}", right, json.dumps(said).encode()), status)
    yield Call(request("POST", page, [origin, *headers(marks)], mark.encode() * 10_000), 413)
    yield Call(request("POST", page, [f"Origin: https://{mark}.example", *headers(marks)], b"{}"), 403)
    yield Call(request("POST", "/v1/consent", headers(marks), json.dumps(records[0]).encode()), 401)
    yield Call(request("OPTIONS", page, [origin, f"Access-Control-Request-Headers: {mark}", *headers(marks)]), 204)
    cart = marks.free()
    late = full_event(marks, consent={"banner_version": marks.free(), "join": {"cart_token": cart, marks.free(): marks.free()}})
    yield Call(post(marks, installation, json.dumps(late).encode()), 202)
    other = f"{marks.plain()}-{marks.plain()}"[:64]
    yes = {"consent": {"advertising": True, "receipt": other, "join": {"cart_token": cart}}, "policy_version": mark}
    yield Call(request("POST", page, [origin, *headers(marks)], json.dumps(yes).encode()), 204)


def rights_calls(marks: Marks, installation: Installation) -> Iterator[Call]:
    """Withdrawals, erasures and accesses of persons, named in every way and wrongly, at every door."""
    mark, origin = marks.plain(), f"Origin: {ORIGIN}"
    page = f"/v1/consent/withdraw?k={installation.publishable_key}&{mark}={mark}"
    right = [f"Authorization: Bearer {installation.secret_key}", "Content-Type: application/json", *headers(marks)]
    named = {name: marks.plain() for name in ("receipt", "client_id", "order_id", "cart_token", "checkout_token")}
    whole = {"email": marks.email(), "email_sha256": {"meta": marks.digest()}, **named}
    readable = [whole, {"email": marks.email(gmail=True)}, {"receipt": marks.email()}, {"client_id": marks.v4}]
    broken: list[Any] = [
        {"email": f"{marks.free()} {mark}"},
        {"email": [marks.email()]},
        {"email_sha256": {marks.free(): marks.digest()}},
        {"email_sha256": {"meta": marks.free()}},
        {"receipt": marks.email(), marks.free(): marks.free()},
        {"receipt": {marks.free(): marks.free()}},
        {"order_id": mark, "law": marks.free()},
        [marks.free()],
    ]
    for said in [*readable, *broken]:
        body, fits = json.dumps(said).encode(), said in readable
        if said in (*readable[1:], *broken[::4]):  # each costs a browser as much as twenty events
            yield Call(request("POST", page, [origin, *headers(marks)], body), 204)
        yield Call(request("POST", f"/v1/consent/withdraw?{mark}", right, body), 200 if fits else 400)
        for path in ("/api/v1/withdraw", "/api/v1/erase"):
            yield Call(order(body, headers(marks), path=path), 200 if fits else 400, private=True)
        yield Call(order(body, headers(marks), path="/api/v1/access"), 200 if fits else 400, private=True)
    body = json.dumps({"email": marks.email(), "storefront": marks.free()}).encode()
    yield Call(order(body, headers(marks), path="/api/v1/erase"), 404, private=True)
    yield Call(order(f"{{{mark}".encode(), headers(marks), path="/api/v1/erase"), 400, private=True)
    yield Call(request("POST", f"/v1/consent/withdraw?{mark}", right, mark.encode() * 10_000), 413)
    yield Call(request("POST", "/v1/consent/withdraw", headers(marks), json.dumps(whole).encode()), 401)
    yield Call(request("GET", f"/api/v1/requests?storefront={mark}", headers(marks), host="127.0.0.1"), 404, private=True)
    yield Call(request("GET", f"/api/v1/requests?{mark}={mark}", headers(marks), host="127.0.0.1"), 400, private=True)


def full_order(marks: Marks, **changes: Any) -> dict[str, Any]:
    """Shopify's order with a mark in every place that takes any text, read or not."""
    number = str(marks.numbers())
    person = {"first_name": marks.free(), "address1": marks.free(), "phone": marks.free(), "zip": marks.free()}
    address = person | {"country_code": "FR", "province_code": marks.free(), "latitude": marks.free()}
    marked = (
        "name", "note", "token", "reference", "landing_site", "referring_site", "tags", "phone", "customer_locale",
        "source_identifier", "confirmation_number", "gateway", "checkout_id", "user_id", marks.free(),
    )  # fmt: skip
    return {
        **{name: marks.free() for name in marked},
        "id": int(number),
        "email": marks.email(),
        "contact_email": marks.email(),
        "browser_ip": marks.v4,
        "client_details": {"browser_ip": marks.v6, "user_agent": marks.free(), "session_hash": marks.free()},
        "buyer_accepts_marketing": True,
        "processed_at": int(time.time()) - 60,
        "source_name": "web",
        "test": False,
        "order_status_url": f"https://shop.example/{marks.plain()}/orders/{marks.plain()}?key={marks.plain()}",
        "total_price_set": {"presentment_money": {"amount": "12.34", "currency_code": "EUR"}},
        "cart_token": marks.free(),
        "checkout_token": marks.free(),
        "note_attributes": [{"name": "consent_receipt", "value": marks.free()}, {"name": marks.free(), "value": marks.free()}],
        "line_items": [{"variant_id": 1, "sku": marks.free(), "title": marks.free(), "properties": [{"name": marks.free()}]}],
        "billing_address": address,
        "shipping_address": address,
        "customer": {"email": marks.email(), "note": marks.free(), "default_address": address},
        **changes,
    }


def webhook_calls(marks: Marks) -> Iterator[Call]:
    """Orders and privacy topics of Shopify's, signed and not, readable and not."""
    mark = marks.plain()
    told = full_order(marks)
    for said in (
        told,
        full_order(marks, test=marks.free()),
        full_order(marks, source_name=marks.free()),
        full_order(marks, id=marks.free()),
        full_order(marks, email=[marks.email()]),
        full_order(marks, total_price_set=marks.free()),
        [marks.free()],
    ):
        yield Call(webhook(marks, "orders/paid", said), 200)
    yield Call(webhook(marks, marks.plain(), told), 200)
    yield Call(webhook(marks, "orders/paid", told, secret=mark), 401)
    yield Call(webhook(marks, "orders/paid", mark.encode()), 400)
    yield Call(webhook(marks, "orders/paid", mark.encode() * 100_000), 413)
    person = {"shop_domain": DOMAIN, "customer": {"id": 1, "email": marks.email(), "phone": marks.free(), marks.free(): 1}}
    for topic in ("customers/data_request", "customers/redact"):
        yield Call(webhook(marks, topic, person | {"orders_to_redact": [told["id"]], marks.free(): marks.free()}), 200)
        yield Call(webhook(marks, topic, person | {"orders_to_redact": [marks.free()]}), 400)
        yield Call(webhook(marks, topic, person | {"customer": {"email": marks.free()}}), 200)
        yield Call(webhook(marks, topic, person | {"shop_domain": marks.free()}), 401)
    for path, whole in (
        ("/v1/woocommerce/webhooks", woocommerce_order(marks)),
        ("/v1/prestashop/webhooks", prestashop_order(marks)),
    ):
        topic = {"woocommerce": "order.updated", "prestashop": "order"}[DIALECTS[path].source]
        for name in (None, *whole):
            said = whole if name is None else whole | {name: marks.free()}
            yield Call(platform_webhook(marks, path, topic, said), 200)
        yield Call(platform_webhook(marks, path, marks.plain(), whole), 200)
        yield Call(platform_webhook(marks, path, topic, whole, secret=mark), 401)
        yield Call(platform_webhook(marks, path, topic, mark.encode()), 400)


def woocommerce_order(marks: Marks) -> dict[str, Any]:
    """WooCommerce's order with a mark in every place that takes any text, read or not."""
    address = {name: marks.free() for name in ("first_name", "last_name", "company", "address_1", "city", "postcode", "phone")}
    made = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - 60))
    return {
        **{name: marks.free() for name in ("number", "customer_note", "transaction_id", "cart_hash", "payment_method_title")},
        "id": marks.numbers(),
        "order_key": marks.free(),
        "status": "processing",
        "created_via": "checkout",
        "date_created_gmt": made,
        "total": "12.34",
        "currency": "EUR",
        "customer_ip_address": marks.v4,
        "customer_user_agent": marks.free(),
        "payment_url": f"https://shop.example/{marks.plain()}?key={marks.plain()}",
        "billing": address | {"country": "FR", "state": marks.free(), "email": marks.email()},
        "shipping": address | {"country": "FR", "state": marks.free()},
        "meta_data": [{"key": "_consent_gateway_receipt", "value": marks.free()}, {"key": marks.free(), "value": marks.free()}],
        "line_items": [{"product_id": 1, "variation_id": 0, "name": marks.free(), "sku": marks.free()}],
    }


def prestashop_order(marks: Marks) -> dict[str, Any]:
    """The same for what the module for PrestaShop writes."""
    return {
        "id": marks.numbers(),
        "reference": marks.free(),
        "made_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60)),
        "paid": True,
        "revoked": False,
        "by_employee": False,
        "total": "12.34",
        "currency": "EUR",
        "email": marks.email(),
        "addresses": [{"country": "FR", "region": marks.free(), "street": marks.free()}],
        "products": [marks.free()],
        "receipt": marks.free(),
        "client_id": marks.free(),
        "shop_url": f"https://shop.example/{marks.plain()}",
    }


def platform_webhook(marks: Marks, path: str, topic: str, said: Any, secret: str = SHOPIFY_SECRET) -> bytes:
    """Write a webhook of another platform's."""
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    dialect = DIALECTS[path]
    named = [
        f"{dialect.shop}: https://shop.example",
        f"{dialect.topic}: {topic}",
        f"{dialect.signature}: {signed(body, secret)}",
    ]
    return request("POST", path, [*named, *headers(marks)], body)


def webhook(marks: Marks, topic: str, said: Any, secret: str = SHOPIFY_SECRET) -> bytes:
    """Write a webhook of Shopify's."""
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    named = [f"X-Shopify-Shop-Domain: {DOMAIN}", f"X-Shopify-Topic: {topic}", f"X-Shopify-Webhook-Id: {marks.plain()}"]
    return request(
        "POST",
        "/v1/shopify/webhooks",
        [f"{DIALECTS['/v1/shopify/webhooks'].signature}: {signed(body, secret)}", *named, *headers(marks)],
        body,
    )


# ── the run ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Places(msgspec.Struct):
    """All that a run left behind, by where it was found."""

    kept: dict[str, bytes] = {}
    """Files of the store, the log, and what libraries wanted to log."""
    answers: dict[str, bytes] = {}
    private: dict[str, bytes] = {}
    sent: dict[Destination, bytes] = {}
    """Paths and bodies of the requests to each platform."""
    heads: dict[Destination, bytes] = {}
    """Their headers."""
    wrong: list[str] = []
    """Answers with another status than the one that had to be provoked."""


class Overhear(logging.Handler):
    """Keeps what libraries say in their own words, tracebacks and all."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.heard = StringIO()

    def emit(self, record: logging.LogRecord) -> None:
        """Write all of it down."""
        self.heard.write(record.getMessage())
        if record.exc_info:
            self.heard.write("".join(traceback.format_exception(record.exc_info[1])))

    def of_loop(self, _loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        """Write down what the event loop complains about."""
        error = context.get("exception")
        self.heard.write(f"{context}" + ("".join(traceback.format_exception(error)) if error else ""))


def files(folder: Path) -> dict[str, bytes]:
    """Read every file of the store whole."""
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def of_process(pid: int) -> dict[str, bytes]:
    """Read what every other process of the user may read of one."""
    return {name: Path(f"/proc/{pid}/{name}").read_bytes() for name in ("environ", "cmdline")}


Rest = Callable[[Installation, float], Awaitable[Any]]
"""What is waited for before the next thing is done, for so many seconds."""


async def provoke(
    marks: Marks, installation: Installation, platforms: Platforms, places: Places, rest: Rest = Installation.quiet
) -> None:
    """Post everything, have every platform complain in its own words, and look at every private page."""
    for destination in Destination:
        platforms[destination].switch.set(Behaviour(mode=Mode.EXPIRED_TOKEN, requests=1))
    for number, call in enumerate(calls(marks, installation)):
        port = installation.private if call.private else installation.public
        heard = await asked(port, signed_in(installation, call.said) if call.private else call.said)
        (places.private if call.private else places.answers)[f"answer {number}"] = heard.said
        if heard.statuses != [call.status]:
            places.wrong.append(f"call {number} was answered {heard.statuses}, not {call.status}")
    await rest(installation, 30)
    for mode in (Mode.REFUSE_BATCH, Mode.REFUSE_EVENTS, Mode.GARBAGE):
        for destination in Destination:
            platforms[destination].switch.set(Behaviour(mode=mode, requests=3, fraction=1.0))
        echo = json.dumps(consented(marks, frozenset(Destination))).encode()
        places.answers[mode] = (await asked(installation.public, post(marks, installation, echo))).said
        await asyncio.sleep(0.3)
    for destination in Destination:
        platforms[destination].switch.reset()
    await rest(installation, 30)
    await look(marks, installation, places, rest)


def signed_in(installation: Installation, said: bytes) -> bytes:
    """Let a request for the private listener show the host's own token, if it shows nothing else."""
    if b"\r\nauthorization:" in said.lower():
        return said
    line, _, rest = said.partition(b"\r\n")
    return b"\r\n".join([line, *(f"{name}: {value}".encode() for name, value in installation.own.items()), rest])


async def look(marks: Marks, installation: Installation, places: Places, rest: Rest) -> None:
    """Read every private page, as the people do who watch."""
    mine = {"storefront": STOREFRONT}
    pages: list[tuple[str, dict[str, str]]] = [(path, {}) for path in ("/metrics", "/readyz", "/livez")]
    pages += [(f"/api/v1/{name}", mine) for name in ("accounts", "dead-letters", "shapes")]
    which = {"storefront": STOREFRONT, "event": marks.flavour.kind}
    pages += [("/api/v1/explain", {**which, "event_id": event_id}) for event_id in marks.ids]
    for number, (path, query) in enumerate(pages):
        places.private[f"{path} {number}"] = json.dumps(await installation.ask(path, **query)).encode()
    for destination in Destination:
        said = json.dumps(mine | {"destination": destination, "dry_run": False}).encode()
        places.private[f"replay {destination}"] = (
            await asked(installation.private, signed_in(installation, order(said, ["Connection: close"])))
        ).said
    await rest(installation, 30)


def hear(platforms: Platforms, places: Places) -> None:
    """Gather every request that reached a platform."""
    for destination in Destination:
        heard = platforms[destination].heard
        places.sent[destination] = b"\n".join(one.path.encode() + b"\n" + one.body for one in heard)
        places.heads[destination] = b"\n".join(f"{name}: {value}".encode() for one in heard for name, value in one.headers)


async def run_inside(
    flavour: Flavour, folder: Path, allowed: Mapping[Destination, str] = NOTHING_MORE, rest: Rest = Installation.quiet
) -> tuple[Marks, Installation, Places]:
    """Do it all with a gateway in this process; `allowed` are further lines of the destinations' settings."""
    marks, places, said, overhear = Marks(flavour), Places(), StringIO(), Overhear()
    asyncio.get_running_loop().set_exception_handler(overhear.of_loop)
    root = logging.getLogger()
    root.addHandler(overhear)
    try:
        async with Platforms.start(keep=10_000) as platforms:
            installation = hold(install(folder, platforms.base_urls, destinations=allowed))
            for name, secret in (("app.secret", APP_SECRET), ("developer.token", DEVELOPER_TOKEN)):
                (folder / name).write_text(secret)
                (folder / name).chmod(0o600)
            async with inside(installation, Log(said)):
                await provoke(marks, installation, platforms, places, rest)
                places.kept |= {f"running {name}": text for name, text in files(folder / "store").items()}
            hear(platforms, places)
    finally:
        root.removeHandler(overhear)
    places.kept |= files(folder / "store")
    places.kept |= {"log": said.getvalue().encode(), "libraries": overhear.heard.getvalue().encode()}
    return marks, installation, places


async def run_process(flavour: Flavour, folder: Path) -> tuple[Marks, Installation, Places]:
    """Do it all with the real command in a process of its own."""
    marks, places = Marks(flavour), Places()
    async with AsyncExitStack() as stack:
        platforms = await stack.enter_async_context(Platforms.start(keep=10_000))
        installation = hold(install(folder, platforms.base_urls))
        process = Process(installation)
        await process.start()
        try:
            await provoke(marks, installation, platforms, places)
            places.kept |= {f"running {name}": text for name, text in files(folder / "store").items()}
            places.kept |= {f"process {name}": text for name, text in of_process(process.pid).items()}
        finally:
            await process.stop()
        hear(platforms, places)
    places.kept |= files(folder / "store") | {"log": process.log.read_bytes()}
    return marks, installation, places


def hold(installation: Installation) -> Installation:
    """Let orders wait for their records: the one way in which something is kept before consent is known. Take Google's tag
    and a shop's webhooks.
    """
    write_secrets(installation.folder)
    for shop in (EDIT, woocommerce.EDIT, prestashop.EDIT):
        edit(installation, shop)
    edit(installation, ("[storefronts.shop]", f'[storefronts.shop]\nmeasurement_ids = ["{MEASUREMENT_ID}"]\ndata_tag = true'))
    edit(installation, ('banner_regions = ["FR"]', 'banner_regions = ["FR"]\nhold_unmatched_minutes = 30'))
    return installation


ALLOW: Final = 'allow = { user_agent = "A decision", page_path = "A decision" }'
APP_SECRET: Final = "app-secret-canary-41c9"
DEVELOPER_TOKEN: Final = "developer-token-canary-8d21"
PROOF: Final = hmac.new(APP_SECRET.encode(), TOKENS[META].encode(), sha256).hexdigest()
MORE_ALLOWED: Final = {
    META: 'send_page_path = true\nclient_user_agent = "reduced"\napp_secret = "file:app.secret"\n' + ALLOW,
    PINTEREST: 'send_page_path = true\nclient_user_agent = "reduced"\n' + ALLOW,
    GOOGLE: 'transport = "ads_api"\ndeveloper_token = "file:developer.token"',
}
"""What cannot show a mark even where it is allowed: a path of one is not words, and a reduced user agent is ours."""


# ── the search ───────────────────────────────────────────────────────────────────────────────────────────────────


def digests(email: str) -> dict[Destination, str]:
    """Say by which digest each platform may know an address; written from the platforms' rules, not from our code."""
    plain = email.strip().lower()
    local, _, domain = plain.partition("@")
    folded = f"{local.partition('+')[0].replace('.', '')}@{domain}" if domain in ("gmail.com", "googlemail.com") else plain
    ours, googles = (sha256(text.encode()).hexdigest() for text in (plain, folded))
    return {META: ours, PINTEREST: ours, GOOGLE: googles}


def everywhere(places: Places) -> dict[str, bytes]:
    """Give all places by name."""
    sent = {f"sent to {d}": text for d, text in places.sent.items()}
    heads = {f"headers to {d}": text for d, text in places.heads.items()}
    return {**places.kept, **places.answers, **places.private, **sent, **heads}


class Rules:
    """Which needle may be seen where. What is not allowed is forbidden."""

    def __init__(self) -> None:
        self._allowed: dict[bytes, frozenset[str]] = {}
        self._names: dict[bytes, str] = {}

    def forbid(self, what: str, needles: Iterable[bytes], but_in: Iterable[str] = ()) -> None:
        """Allow these needles in some places and nowhere else; a later rule for the same needle counts."""
        for needle in needles:
            self._allowed[needle] = frozenset(but_in)
            self._names[needle] = what

    def broken(self, places: Mapping[str, bytes]) -> list[str]:
        """Search all places; name each sort of needle once for each place where it must not be."""
        needles = Needles(self._allowed)
        hits = {place: needles.found(text) for place, text in places.items()}
        return [
            f"{what} in {place}"
            for place, seen in hits.items()
            for what in sorted({self._names[needle] for needle in seen if place not in self._allowed[needle]})
        ]


def rules(marks: Marks, installation: Installation, places: Places) -> Rules:
    """Write down what may be seen where."""
    sent = {destination: f"sent to {destination}" for destination in Destination}
    forbidden = Rules()
    forbidden.forbid("a mark", disguises(marks.flavour.core))
    forbidden.forbid("the hash of a mark", union(map(hashed, marks.made)))
    forbidden.forbid("an address", addresses(marks.v4) | addresses(marks.v6))
    forbidden.forbid("an event id", disguises(marks.flavour.known), (*places.answers, *sent.values()))
    forbidden.forbid("the hash of an event id", union(map(hashed, marks.ids)))
    forbidden.forbid("a storefront's key", disguises(installation.secret_key) | disguises(installation.publishable_key))
    for destination, token in TOKENS.items():
        forbidden.forbid("a token", disguises(token), (f"headers to {destination}",))
    forbidden.forbid("the app's secret", disguises(APP_SECRET))
    forbidden.forbid("the developer token", disguises(DEVELOPER_TOKEN), (f"headers to {GOOGLE}",))
    forbidden.forbid("a proof", disguises(PROOF), [sent[META]])
    forbidden.forbid("a platform's words", union(map(disguises, platform_words())))
    for digest in marks.digests:
        forbidden.forbid("a given digest", written(bytes.fromhex(digest)))
        forbidden.forbid("a given digest", [digest.encode()], [sent[META]])
    for digest in marks.googles_digests:
        raw = bytes.fromhex(digest)
        forbidden.forbid("a digest of Google's", {*written(raw), *written(base64.urlsafe_b64encode(raw).rstrip(b"="))})
        forbidden.forbid("a digest of Google's", [digest.encode()], [sent[GOOGLE]])
    for email in marks.emails:
        own = digests(email)
        forbidden.forbid("an e-mail's hash", hashed(email) | union(written(bytes.fromhex(digest)) for digest in own.values()))
        for digest in set(own.values()):
            forbidden.forbid("an e-mail's hash", [digest.encode()], [sent[d] for d in Destination if own[d] == digest])
    return forbidden


def leaks(marks: Marks, installation: Installation, places: Places) -> list[str]:
    """Name every mark that is where it must not be."""
    return rules(marks, installation, places).broken(everywhere(places))


def platform_words() -> Iterator[str]:
    """Give what platforms write for people in their answers."""
    yield from (title for titles in TITLES.values() for title in titles)
    yield from (message.partition("{")[0].strip() for message in MESSAGES)
    yield from (text for _, text in FAULTS_OF_EVENTS)
    yield from (MISSING_IDS, "Invalid event: refused on request")
    yield from ("There was a problem with the request", "Multiple errors in 'details'", "is not right")
    yield from ("Authentication failed", "does not match the schema", "Error validating access token", "Invalid parameter")


def union(many: Iterable[Iterable[bytes]]) -> frozenset[bytes]:
    """Put sets together."""
    return frozenset(chain.from_iterable(many))


def missing(marks: Marks, places: Places) -> list[str]:
    """Name what should have been seen and was not: a search proves nothing if nothing came through."""
    everybody = places.sent.values()
    email = digests(marks.emails[0])
    seen = {
        "the digest of the e-mail": all(email[d].encode() in text for d, text in places.sent.items()),
        "the event's id": all(marks.ids[0].encode() in text for text in everybody),
        "the IPv4 network": all(b"203.0.113.0" in places.sent[d] for d in (META, PINTEREST)),
        "the IPv6 network": all(b"2a00:1450:4007::" in places.sent[d] for d in (META, PINTEREST)),
        "the page's origin": all(f'"{ORIGIN}"'.encode() in places.sent[d] for d in (META, PINTEREST)),
        "the digest of Google's tag": marks.googles_digests[0].encode() in places.sent[GOOGLE],
        "the token": all(TOKENS[d].encode() in text for d, text in places.heads.items()),
        "a duplicate": b'"duplicate"' in places.answers["answer 0"],
        "refusals": places.answers["answer 0"].count(b'"refused"') >= 10,
        "invalid events": places.answers["answer 0"].count(b'"invalid"') == len(invalid_events(Marks(marks.flavour))),
        "dead letters": any(b'"replayed_before"' in text for text in places.private.values()),
        "a replay": any(b'"against":null' in text for text in places.private.values()),
        "what has left": any(b"data[].user_data.em[]" in text for text in places.private.values()),
        "an order that waited": b'outcome="allowed"' in joined(places.private, "/metrics"),
        "a consent record": b'outcome="granted",source="browser"' in joined(places.private, "/metrics"),
        "an explanation": any(b'"signals"' in text for text in places.private.values()),
        "the store": sum(map(len, places.kept.values())) > 50_000,
        "the log": b"listening" in places.kept["log"],
    }
    return [f"{what} was never seen" for what, there in seen.items() if not there]


def joined(places: Mapping[str, bytes], name: str) -> bytes:
    """Put together what was said at the places of a name, without the escapes of JSON."""
    return b"".join(text for place, text in places.items() if place.startswith(name)).replace(b"\\", b"")


DEEP: Final = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
FEW: Final = settings(
    max_examples=60 if DEEP else 5,
    phases=tuple(Phase) if DEEP else (Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
"""Each example is a whole gateway and a hundred requests, and looking for a simpler one takes hundreds."""


@given(flavour=FLAVOURS)
@FEW
def test_marks_are_found_nowhere(flavour: Flavour) -> None:
    """Whatever the marks are made of and whoever may have the events, a mark is seen only in its allowed form."""
    with tempfile.TemporaryDirectory() as folder:
        marks, installation, places = asyncio.run(run_inside(flavour, Path(folder) / "gateway"))
    assert places.wrong == []
    assert missing(marks, places) == []
    assert leaks(marks, installation, places) == []


async def test_marks_are_found_nowhere_with_more_allowed(tmp_path: Path) -> None:
    """With paths, reduced agents, a proof and Google's older service: no mark gets out, the app's secret goes nowhere."""
    marks, installation, places = await run_inside(PLAIN, tmp_path / "gateway", MORE_ALLOWED)
    assert places.wrong == []
    assert missing(marks, places) == []
    assert leaks(marks, installation, places) == []
    assert PROOF.encode() in places.sent[META]
    assert b"Chrome/131.0.0.0" in places.sent[META]
    assert b":uploadClickConversions" in places.sent[GOOGLE]
    assert DEVELOPER_TOKEN.encode() in places.heads[GOOGLE]


async def test_marks_are_found_nowhere_around_a_real_process(tmp_path: Path) -> None:
    """The same holds for the installed command with its own log, event loop and libraries."""
    marks, installation, places = await run_process(PLAIN, tmp_path / "gateway")
    assert places.wrong == []
    assert missing(marks, places) == []
    assert leaks(marks, installation, places) == []


# ── the search can fail ──────────────────────────────────────────────────────────────────────────────────────────


def encoded_emails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let addresses through in a form that looks like a digest and is none."""
    monkeypatch.setattr("gateway.minimise._digest", lambda text: EmailDigest(text.encode().hex().ljust(64, "0")[:64]))


def other_digests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give Google the digest that is made for the others."""
    monkeypatch.setattr("gateway.minimise.fold_gmail", lambda address: address)


def whole_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let IP addresses through whole, at the boundary and at the contract, which would not let them out."""
    monkeypatch.setattr("gateway.minimise.truncated_ip", TruncatedIp.unsealed)
    for name, pattern in (("ipv4_24", "[0-9.]+"), ("ipv6_48", "[0-9a-f]*:[0-9a-f:]+")):
        monkeypatch.setitem(KINDS, name, msgspec.structs.replace(KINDS[name], pattern=pattern))


def traced_emails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the address into the trace, which is stored in the clear."""
    real = Line.run

    def run(self: Line, event: RawEvent | Malformed, source: Source, now: int, *known: Any) -> Entry:
        entry = real(self, event, source, now, *known)
        if not isinstance(entry, Accept) or not isinstance(event, RawEvent):
            return entry
        return msgspec.structs.replace(entry, trace=msgspec.structs.replace(entry.trace, rule=event.email or ""))

    monkeypatch.setattr(Line, "run", run)


def any_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let any path through as one that names a page."""
    monkeypatch.setattr(PagePath, "__new__", str.__new__)


def talkative_aiohttp(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let aiohttp answer and log malformed requests as it does by default."""
    monkeypatch.setattr(QuietHandler, "handle_error", RequestHandler.handle_error)
    monkeypatch.setattr(QuietHandler, "log_exception", RequestHandler.log_exception)
    monkeypatch.setattr(QuietHandler, "log_debug", RequestHandler.log_debug)


BREAKS: Final[Sequence[tuple[Callable[[pytest.MonkeyPatch], None], str]]] = (
    (encoded_emails, "a mark in sent to meta"),
    (other_digests, "an e-mail's hash in sent to google_ads"),
    (whole_addresses, "an address in sent to pinterest"),
    (traced_emails, "a mark in running outbox"),
    (any_path, "a mark in sent to meta"),
    (talkative_aiohttp, "a mark in answer"),
)


@pytest.mark.parametrize(("spoil", "leak"), BREAKS)
async def test_a_broken_boundary_is_seen(
    spoil: Callable[[pytest.MonkeyPatch], None], leak: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With the boundary broken on purpose, the same search finds the marks where the break lets them out."""
    spoil(monkeypatch)
    marks, installation, places = await run_inside(PLAIN, tmp_path / "gateway", MORE_ALLOWED)
    assert any(found.startswith(leak) for found in leaks(marks, installation, places))


@pytest.mark.parametrize(
    "disguised",
    [
        "Mark1Mark2".encode("utf-16-le"),
        b"MARK1MARK2",
        b"%4d%61%72%6b%31%4d%61%72%6b%32",
        b"xTWFyazFNYXJrMg==",
        b"AE1hcmsxTWFyazI=",
        b"AABNYXJrMU1hcmsy",
        b"4d61726b314d61726b32",
        b"2kraM1kraM",
        b"\\u004d\\u0061\\u0072\\u006b\\u0031\\u004d\\u0061\\u0072\\u006b\\u0032",
    ],
)
def test_a_disguise_is_seen_through(disguised: bytes) -> None:
    """A mark is recognised in other encodings, cases, escapes, backwards and at each alignment of base64."""
    assert Needles(disguises("Mark1Mark2")).found(b"before" + disguised + b"after")


def test_plain_hashes_are_seen_through() -> None:
    """A mark's unkeyed hash is recognised as bytes and as text; another's is not."""
    digest = sha256(b"mark1").digest()
    for form in (digest, digest.hex().encode(), digest.hex().upper().encode()):
        assert Needles(hashed(" Mark1 ")).found(b"x" + form)
    assert not Needles(hashed("mark2")).found(digest.hex().encode())


async def test_what_a_broken_boundary_lets_through_the_contract_stops(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With whole addresses behind the boundary, no platform gets one: the lanes that would send them stop; Google's goes on."""

    async def rest(installation: Installation, seconds: float) -> None:
        await installation.at_rest("contract", seconds)

    monkeypatch.setattr("gateway.minimise.truncated_ip", TruncatedIp.unsealed)
    marks, installation, places = await run_inside(PLAIN, tmp_path / "gateway", MORE_ALLOWED, rest)
    assert [found for found in leaks(marks, installation, places) if found.startswith("an address in sent")] == []
    assert places.private["/readyz 1"].count(b"client_ip_address: address") == 2
    assert digests(marks.emails[0])[GOOGLE].encode() in places.sent[GOOGLE]
