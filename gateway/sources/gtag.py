"""What Google's tag sends to a `server_container_url`: query and body of `/g/collect` in, raw events out.

One event has all its parameters in the query; of a long one, or of several, those of each event stand in a line of the body,
and what a line says goes before the query. Google documents no part of it, so names and forms are those that the tag is seen to
send (https://thyngster.com/app-web-google-analytics-measurement-protocol-version-2, and a recorded request in
https://github.com/amplitude/Amplitude-TypeScript, packages/plugin-ga-events-forwarder-browser/test/constants.ts, both read
2026-11-26). Taken are purchases, additions to the basket and page views; every other event is `not_one_of`. What no field of
ours has a place for is dropped and counted.

Consent comes from `gcs`, `gcd` and what else the tag passes on; it is never set together from two places. Pure.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from typing import Final

from gateway.model.money import EXPONENTS, Money
from gateway.model.texts import EventId
from gateway.model.words import Destination, Fault, Kind
from gateway.raw import Malformed, RawEvent
from gateway.sources.fields import Broken, Unknown
from gateway.sources.money import money_of_text
from gateway.sources.native import KINDS, MAX_CONTENT_IDS, Batch, Connection
from gateway.sources.parameters import Parameters, parameters_of
from gateway.sources.typed import MAX_TEXT

MAX_LINES: Final = 20
"""As many events as the tag puts in one request."""

CONSENT: Final[Mapping[str, str]] = {
    "gcs": "gcs",
    "gcd": "gcd",
    "gdpr_consent": "tcf",
    "gpp": "gpp",
    "us_privacy": "us_privacy",
}
"""Consent parameters whose value is a signal of ours as it is, by that signal's name."""
FLAGS: Final = ("npa", "rdp")
"""`1` stands for non-personalised advertising, and for restricted data processing, which no upload to Google Ads knows."""
SAME_EVERYWHERE: Final = ("v", "tid", *CONSENT, *FLAGS)
"""What a line may not say otherwise than the query does: a later word must not overrule a refusal."""

TAKEN: Final = frozenset(
    {
        *SAME_EVERYWHERE,
        *("en", "cid", "_p", "_s", "dl", "em", "cu"),
        *("ep.currency", "ep.transaction_id", "epn.transaction_id", "ep.value", "epn.value"),
    }
)
KNOWN: Final = (
    "_c _dbg _ee _eu _et _fplc _fv _gaz _geo _gid _gsid _ng _nsi _prs _rdi _ss _tu _uip _z are cc ci ck cm cn cs dma dma_cps "
    "dp dr dt ec_mode ecid edid eme frm gcu gcut gdid gdpr gpp_sid gtm ir lps ngs pae pscdl ptag_exp richsstsse sct seg sid sr "
    "tag_exp tcfd tfd tt uaa uab uafvl uam uamb uap uapv uaw uid ul ur"
)
PASSED_OVER: Final = frozenset(KNOWN.split())
"""What the tag is known to send and nothing here has a use for, counted by its own name."""
FAMILIES: Final = ("ep", "epn", "up", "upn", "sst", "1p", "gap")
"""Beginnings of names whose rest the shop chooses, so that only the beginning is counted."""

ITEM: Final = re.compile(r"pr\d{1,3}", re.ASCII)
NUMBER: Final = re.compile(r"-?\d{1,20}(?:\.\d{1,20})?(?:e[+-]?\d{1,2})?", re.ASCII)
"""As JavaScript writes one."""
LARGEST_NUMBER: Final = Decimal(10) ** 12
HEX: Final = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)
BASE64: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
CLICKS: Final = ("gclid", "gbraid", "wbraid")
NAMED_BY: Final = ("tid", "cid", "_p", "_s", "en")
"""What an event without a number of its own is told by."""
ID_LENGTH: Final = 32
"""Hexadecimal digits of a derived event id: 128 bits."""


def decode(query: str, body: bytes, now: int, connection: Connection) -> Batch:
    """Read one request. `query` is the text behind `?`, as it came; `now` is Unix seconds.

    Raises nothing: what is wrong with an event is a `Malformed` in the batch, and one stands for the whole request where it
    cannot be told apart into events.
    """
    unknown: Unknown = {}
    try:
        shared = parameters_of(query.encode("utf-8", "surrogatepass"))
    except Broken as broken:
        return Batch([Malformed(broken.field, broken.fault)], unknown)
    lines = [line for line in body.replace(b"\r\n", b"\n").split(b"\n") if line]
    if len(lines) > MAX_LINES:
        return Batch([Malformed("event", Fault.TOO_LONG)], unknown)
    undeclared = _count(shared, unknown)
    reader = _Reader(shared, now, connection, unknown, undeclared)
    return Batch([reader.event(line, index) for index, line in enumerate(lines or [b""])], unknown)


class _Reader:
    """Reads the events of one request: what they share, and what is the same for all of them."""

    def __init__(self, shared: Parameters, now: int, connection: Connection, unknown: Unknown, undeclared: bool) -> None:
        self._shared = shared
        self._now = now
        self._connection = connection
        self._unknown = unknown
        self._undeclared = undeclared

    def event(self, line: bytes, index: int) -> RawEvent | Malformed:
        """Read one event from its line of the body, empty for none; `index` is its place among them."""
        kind = None
        try:
            own = parameters_of(line)
            said = self._merged(own)
            undeclared = _count(own, self._unknown) or self._undeclared
            kind = _kind(said)
            return self._read(kind, said, index, undeclared)
        except Broken as broken:
            return Malformed(broken.field, broken.fault, kind)

    def _merged(self, own: Parameters) -> Parameters:
        shared = self._shared
        for name in SAME_EVERYWHERE:
            if name in own and name in shared and own[name] != shared[name]:
                raise Broken(name, Fault.CONFLICT)
        return {**shared, **own}

    def _read(self, kind: Kind, said: Parameters, index: int, undeclared: bool) -> RawEvent:
        connection, page = self._connection, said.get("dl")
        if page is not None and len(page) > MAX_TEXT:
            self._drop("gtag.dl")
            page = None
        return RawEvent(
            kind=kind,
            event_id=_order_id(said) if kind is Kind.PURCHASE else _derived_id(said, index),
            occurred_at=self._now,
            page_url=page or None,
            email_sha256=self._email(said.get("em")),
            ip=connection.ip,
            user_agent=connection.user_agent,
            money=_money(kind, said),
            content_ids=self._content_ids(said),
            click=_clicks(page) if page else None,
            consent=consent_of(said),
            gpc_header=connection.gpc,
            unknown=undeclared,
            edge=connection.edge,
        )

    def _email(self, text: str | None) -> dict[Destination, str] | None:
        digest = None if text is None else digest_of(text)
        if text is not None and digest is None:
            self._drop("gtag.em")
        return None if digest is None else {Destination.GOOGLE_ADS: digest}

    def _content_ids(self, said: Parameters) -> tuple[str, ...]:
        items = (item_id(value) for name, value in said.items() if ITEM.fullmatch(name))
        ids = [found for found in items if found is not None and len(found) <= MAX_TEXT]
        if len(ids) > MAX_CONTENT_IDS:
            self._drop("gtag.items")
        return tuple(ids[:MAX_CONTENT_IDS])

    def _drop(self, label: str) -> None:
        self._unknown[label] = self._unknown.get(label, 0) + 1


def _count(said: Parameters, unknown: Unknown) -> bool:
    """Count what is dropped of one piece; say whether any of it is not known to be the tag's own."""
    undeclared = False
    for name in said:
        if name in TAKEN or ITEM.fullmatch(name):
            continue
        own = name in PASSED_OVER
        family = name.partition(".")[0]
        label = f"gtag.{name}" if own else f"gtag.{family}" if "." in name and family in FAMILIES else "gtag.other"
        unknown[label] = unknown.get(label, 0) + 1
        undeclared = undeclared or not own
    return undeclared


def _kind(said: Parameters) -> Kind:
    if said.get("v") != "2":
        raise Broken("v", Fault.NOT_ONE_OF)
    name = said.get("en")
    if not name:
        raise Broken("en", Fault.MISSING)
    kind = KINDS.get(name)
    if kind is None:
        raise Broken("en", Fault.NOT_ONE_OF)
    return kind


# ── who and what ─────────────────────────────────────────────────────────────────────────────────────────────────


def consent_of(said: Parameters) -> dict[str, object]:
    """Give the consent object of an event's parameters: signals as they came, denials that flags stand for, and whose it is.

    The tag's client id is what consent records and withdrawals of the same browser are found by. No flag ever grants.
    """
    consent: dict[str, object] = {ours: said[theirs] for theirs, ours in CONSENT.items() if theirs in said}
    if said.get("npa", "0") not in ("0", ""):
        consent["google"] = {"ad_personalization": "denied"}
    if said.get("rdp", "0") not in ("0", ""):
        consent["vendors"] = {Destination.GOOGLE_ADS.value: False}
    if client := said.get("cid"):
        consent["join"] = {"client_id": client}
    return consent


def digest_of(text: str) -> str | None:
    """Read the e-mail digest out of `em`: `tv.1`, then parts `name.value` joined by `~`, of which exactly one is `em`.

    The tag writes a SHA-256 as 43 characters of base64url, a page that hashed itself as 64 hexadecimal digits. Gives 64
    lower-case hexadecimal digits, None for anything else. The tag folds Gmail addresses before hashing as Google wants it,
    and nobody can see whether it did, so the digest is good for Google alone
    (https://developers.google.com/data-manager/api/devguides/concepts/formatting, read 2026-11-22).
    """
    version, *parts = text.split("~")
    found = [part[3:] for part in parts if part.startswith("em.")]
    others = any(part.startswith("em") and not part.startswith("em.") for part in parts)
    if version != "tv.1" or len(found) != 1 or others:
        return None
    (digest,) = found
    if HEX.fullmatch(digest):
        return digest.lower()
    if BASE64.fullmatch(digest) is None:
        return None
    raw = base64.urlsafe_b64decode(digest + "=")
    whole = binascii.b2a_base64(raw, newline=False).translate(bytes.maketrans(b"+/", b"-_"))
    return raw.hex() if whole == f"{digest}=".encode() else None


def _order_id(said: Parameters) -> EventId:
    """Give the order's number, by which the same purchase is known from whichever side it comes."""
    number = said.get("ep.transaction_id") or said.get("epn.transaction_id")
    if not number:
        raise Broken("ep.transaction_id", Fault.MISSING)
    if EventId.PATTERN.fullmatch(number) is None:
        raise Broken("ep.transaction_id", Fault.TOO_LONG if len(number) > 64 else Fault.BAD_FORMAT)
    return EventId.unsealed(number)


def _derived_id(said: Parameters, index: int) -> EventId:
    """Derive an id that a repeat of the same request has again, and no other event: a digest, so that it names nobody.

    Of the property, the client, the load of the page (`_p`), the request's number on it (`_s`), the event's place in the
    request and its name.
    """
    for name in NAMED_BY:
        if not said.get(name):
            raise Broken(name, Fault.MISSING)
    text = "\n".join([*(said[name] for name in NAMED_BY), str(index)])
    return EventId.unsealed(sha256(text.encode()).hexdigest()[:ID_LENGTH])


def _clicks(page: str) -> dict[str, str] | None:
    """Take Google's click ids out of the page's address, where ads put them; none where one of them stands twice."""
    query = page.partition("#")[0].partition("?")[2]
    if not any(name in query for name in CLICKS):
        return None
    try:
        found = parameters_of(query.encode())
    except Broken:
        return None
    return {name: text for name in CLICKS if (text := found.get(name))} or None


# ── the order ────────────────────────────────────────────────────────────────────────────────────────────────────


def _money(kind: Kind, said: Parameters) -> Money | None:
    amount, currency = _one_of(said, "epn.value", "ep.value"), _one_of(said, "cu", "ep.currency")
    if kind is not Kind.PURCHASE and (amount is None or currency is None):
        return None
    if amount is None:
        raise Broken("order.value", Fault.MISSING)
    if currency is None:
        raise Broken("order.currency", Fault.MISSING)
    return money_of_text(rounded(amount, currency), currency)


def _one_of(said: Parameters, name: str, other: str) -> str | None:
    """Give the one of two names under which the tag sends a thing, by the type that the page gave it."""
    one, two = said.get(name) or None, said.get(other) or None
    if one is not None and two is not None and one != two:
        raise Broken(name, Fault.CONFLICT)
    return one or two


def rounded(amount: str, currency: str) -> str:
    """Write a number of JavaScript's as decimal text with the places that the currency has; raises Broken.

    Pages compute prices in binary fractions and send what comes out, such as 42.330000000000005; half a cent goes to even.
    """
    if NUMBER.fullmatch(amount) is None:
        raise Broken("order.value", Fault.BAD_FORMAT)
    number = Decimal(amount)
    if abs(number) > LARGEST_NUMBER:
        raise Broken("order.value", Fault.OUT_OF_RANGE)
    places = EXPONENTS.get(currency.upper(), 2) if currency.isascii() else 2
    return f"{number.quantize(Decimal(1).scaleb(-places)):f}"


def item_id(text: str) -> str | None:
    """Read the id out of an item: parts joined by `~`, each two letters and a value; a `~` inside one is doubled."""
    parts = text.replace("~~", "\0").split("~")
    found = [part[2:].replace("\0", "~") for part in parts if part.startswith("id")]
    return found[0] if len(found) == 1 and found[0] else None
