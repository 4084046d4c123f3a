"""THE BOUNDARY: hash, truncate, strip. A consented raw event goes in; what comes out cannot identify more than policy allows.

Each platform gets the digest that its own normalisation asks for, because the clear address ends here. What no allowed
destination needs is not kept, whatever was sent. A value that is unusable (an address that is none, a private IP) is
left out and remarked upon; it never makes the event fail and is never repaired by guessing. Pure.
"""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final, TypeVar

import msgspec

from gateway.adapter import Needs
from gateway.address import parse
from gateway.consent.decision import Consented
from gateway.model.event import ClickIds, EmailDigests, Minimised
from gateway.model.texts import (
    ContentId,
    EmailDigest,
    GoogleClickId,
    MetaBrowserId,
    MetaClickId,
    PageOrigin,
    PagePath,
    PersonKey,
    PinterestClickId,
    Text,
    TruncatedIp,
    UserAgent,
)
from gateway.model.words import Destination, Remark
from gateway.persons import NOBODYS
from gateway.raw import RawEvent

# Bits of the remarks on the hot path: looking a member up and shifting it costs 0.1 µs each time, eight times an event.
EMAIL_HASHED: Final = 1 << Remark.EMAIL_HASHED
EMAIL_UNUSABLE: Final = 1 << Remark.EMAIL_UNUSABLE
EMAIL_NOT_NEEDED: Final = 1 << Remark.EMAIL_NOT_NEEDED
IP_TRUNCATED: Final = 1 << Remark.IP_TRUNCATED
IP_UNUSABLE: Final = 1 << Remark.IP_UNUSABLE
IP_NOT_NEEDED: Final = 1 << Remark.IP_NOT_NEEDED
USER_AGENT_REMOVED: Final = 1 << Remark.USER_AGENT_REMOVED
PAGE_URL_REDUCED_TO_ORIGIN: Final = 1 << Remark.PAGE_URL_REDUCED_TO_ORIGIN
PAGE_URL_UNUSABLE: Final = 1 << Remark.PAGE_URL_UNUSABLE
PAGE_URL_NOT_NEEDED: Final = 1 << Remark.PAGE_URL_NOT_NEEDED
MONEY_NOT_NEEDED: Final = 1 << Remark.MONEY_NOT_NEEDED
UNKNOWN_FIELDS_REMOVED: Final = 1 << Remark.UNKNOWN_FIELDS_REMOVED
TIME_SET_TO_NOW: Final = 1 << Remark.TIME_SET_TO_NOW
CONSENT_SIGNALS_REMOVED: Final = 1 << Remark.CONSENT_SIGNALS_REMOVED
REGION_REMOVED: Final = 1 << Remark.REGION_REMOVED

_wrapped: Final = str.__new__
"""What `unsealed` does for text made here, at half its cost; two or three times an event."""

# ── e-mail ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _address(word: str, alphanumeric: str, letter: str) -> re.Pattern[str]:
    """One `@`, dot-separated atoms (RFC 5322, 3.4.1), a dotted domain; the three are what stands inside `[…]`."""
    atom = rf"[{word}!#$%&'*+/=?^`{{|}}~-]+"
    label = rf"(?:[{alphanumeric}](?:[{word}-]{{0,61}}[{alphanumeric}])?\.)"
    return re.compile(rf"({atom}(?:\.{atom})*)@{label}+(?:[{letter}]{{2,63}}|xn--[a-z0-9-]{{1,59}})")


ADDRESS: Final = _address(r"\w", r"^\W_", r"^\W\d_")
"""A lower-case address in the letters of any script."""
ADDRESS_IN_ASCII: Final = _address("a-z0-9_", "a-z0-9", "a-z")
"""The same for ASCII, in a third of the time."""
GMAIL: Final = ("@gmail.com", "@googlemail.com")
INVISIBLE: Final = "\ufeff\u200b\u200c\u200d\u2060"
META, PINTEREST, GOOGLE_ADS = Destination.META, Destination.PINTEREST, Destination.GOOGLE_ADS
EVERYBODY: Final = len(Destination)
DIGESTS_OF_NOBODY: Final = frozenset(
    sha256(written.encode()).hexdigest()
    for word in ("", *NOBODYS)
    for written in (word, word.upper(), word.capitalize(), word.replace("nan", "NaN"))
)
"""Of what programs write where they have no address. Everybody has these: whoever withdrew by one would speak for all."""


def email_digests(address: str, wanted: Sequence[Destination]) -> EmailDigests | None:
    """Hash a clear address for the `wanted` destinations; None when it is no address for any of them.

    Meta and Pinterest: trimmed and lower-cased
    (https://developers.facebook.com/documentation/ads-commerce/conversions-api/parameters/customer-information-parameters,
    https://developers.pinterest.com/docs/api/v5/events-create, read 2026-11-22). Google: also, for gmail.com and
    googlemail.com only, without the dots and from the first `+` on in the local part
    (https://developers.google.com/data-manager/api/devguides/concepts/formatting, read 2026-11-22).
    """
    plain = (address if address.isascii() else address.strip().strip(INVISIBLE)).strip().lower()
    common = google = _digest(plain)
    if plain.endswith(GMAIL) and GOOGLE_ADS in wanted:
        folded = fold_gmail(plain)
        # Without dots, and cut at a plus, what is an address stays one unless nothing is left before the `@`.
        google = _digest(folded) if common is None or folded[0] == "@" else _hashed(folded)
    if common is not None and google is not None and len(wanted) == EVERYBODY:  # as nearly always
        return EmailDigests(common, common, google)
    meta = common if META in wanted else None
    pinterest = common if PINTEREST in wanted else None
    google_ads = google if GOOGLE_ADS in wanted else None
    return EmailDigests(meta, pinterest, google_ads) if meta or pinterest or google_ads else None


def fold_gmail(address: str) -> str:
    """Apply Google's rule for its own mail domains to a lower-case address; the domain itself stays as it is."""
    local, _, domain = address.rpartition("@")
    return f"{local.partition('+')[0].replace('.', '')}@{domain}"


def _digest(text: str) -> EmailDigest | None:
    """Hash what is an address; the longest local part is 64, the longest address 254 (RFC 5321, 4.5.3.1)."""
    if len(text) > 254:
        return None
    match = (ADDRESS_IN_ASCII if text.isascii() else ADDRESS).fullmatch(text)
    if match is None or match.end(1) > 64:
        return None
    return _wrapped(EmailDigest, sha256(text.encode()).hexdigest())  # as `_hashed`, without another call


def _hashed(address: str) -> EmailDigest:
    return _wrapped(EmailDigest, sha256(address.encode()).hexdigest())


def _email_sha256(raw: RawEvent, wanted: Sequence[Destination]) -> tuple[EmailDigests | None, int]:
    if raw.email_sha256 is None:
        return None, 0
    serving = {d: x for d, x in raw.email_sha256.items() if d in wanted}
    given = {d: EmailDigest(x) for d, x in serving.items() if x not in DIGESTS_OF_NOBODY}
    if not given:
        return None, EMAIL_UNUSABLE if serving else EMAIL_NOT_NEEDED
    digests = EmailDigests(given.get(META), given.get(PINTEREST), given.get(GOOGLE_ADS))
    return digests, 1 << Remark.EMAIL_DIGEST_PASSED


# ── IP address ───────────────────────────────────────────────────────────────────────────────────────────────────

ALWAYS_PUBLIC: Final = frozenset(range(1, 224)) - {10, 127, 192, 169, 172, 100, 198}
NEVER_PUBLIC: Final = (0, 10, 127)
SOMETIMES_PRIVATE: Final = {192: (168,), 169: (254,), 172: range(16, 32), 100: range(64, 128), 198: (18, 19)}


def truncated_ip(text: str) -> TruncatedIp | None:
    """Cut an address to its /24 (IPv4) or /48 (IPv6) network; None when it is no public address.

    IPv4 inside IPv6 is taken out first: the first 48 bits of 6to4 hold a whole IPv4 address. The widths are those that
    Google Analytics documents for its own masking: https://support.google.com/analytics/answer/2763052 (read 2026-11-22).
    """
    address = parse(text)
    if address is None:
        return None
    if len(address) == 4:
        a, b, c, _host = address
        if a not in ALWAYS_PUBLIC and not _is_public(a, b):
            return None
        return _wrapped(TruncatedIp, f"{a}.{b}.{c}.0")
    return _network_v6(*address[:3])


def _is_public(a: int, b: int) -> bool:
    """Private, loopback, link-local, shared, multicast and reserved networks say nothing of a visitor (RFC 6890)."""
    return a < 224 and a not in NEVER_PUBLIC and b not in SOMETIMES_PRIVATE.get(a, ())


def _network_v6(a: int, b: int, c: int) -> TruncatedIp | None:
    """Visitors come from 2000::/3, the only global unicast space that is given out (RFC 3587, 3)."""
    if a >> 13 != 1:
        return None
    return TruncatedIp.unsealed(f"{a:x}:{b:x}:{c:x}::" if c else f"{a:x}:{b:x}::" if b else f"{a:x}::")


# ── user agent, page, clicks ─────────────────────────────────────────────────────────────────────────────────────

SYSTEMS: Final = (
    ("Windows", "Windows NT 10.0; Win64; x64"),
    ("iPhone", "iPhone; CPU iPhone OS 17_0 like Mac OS X"),
    ("iPad", "iPad; CPU OS 17_0 like Mac OS X"),
    ("Android", "Linux; Android 10; K"),
    ("Macintosh", "Macintosh; Intel Mac OS X 10_15_7"),
    ("Linux", "X11; Linux x86_64"),
)
WEBKIT: Final = "AppleWebKit/"
CHROME: Final = f"{WEBKIT}537.36 (KHTML, like Gecko) Chrome/{{0}}.0.0.0 Safari/537.36"
BROWSERS: Final = (
    ("Firefox/", re.compile(r"Firefox/(\d{1,3})", re.ASCII), "Gecko/20100101 Firefox/{0}.0"),
    ("Edg/", re.compile(r"Edg/(\d{1,3})", re.ASCII), f"{CHROME} Edg/{{0}}.0.0.0"),
    ("Chrome/", re.compile(r"Chrome/(\d{1,3})", re.ASCII), CHROME),
    (
        "Safari/",
        re.compile(r"Version/(\d{1,3})", re.ASCII),
        f"{WEBKIT}605.1.15 (KHTML, like Gecko) Version/{{0}}.0 Safari/605.1.15",
    ),
)
"""By the word that tells them apart, in this order: where their version stands, and what they say of themselves."""


def reduced_user_agent(text: str) -> UserAgent | None:
    """Rebuild a user agent from a closed vocabulary: system family, browser family, major version; None if unknown.

    The frozen values are those of the browsers' own reduction:
    https://developer.mozilla.org/docs/Web/HTTP/Guides/User-agent_reduction (read 2026-11-22).
    """
    system = next((frozen for token, frozen in SYSTEMS if token in text), None)
    for token, pattern, shape in BROWSERS:
        if system and token in text and (found := pattern.search(text)):
            return UserAgent(f"Mozilla/5.0 ({system}) {shape.format(found[1])}")
    return None


def _user_agent(text: str, wanted: str) -> tuple[UserAgent | None, int]:
    agent = _born(UserAgent, text) if wanted == "full" else reduced_user_agent(text)
    kept = Remark.USER_AGENT_KEPT if wanted == "full" else Remark.USER_AGENT_REDUCED
    return agent, 1 << kept if agent else USER_AGENT_REMOVED


ORIGIN: Final = re.compile(r"(https?)://(?:[^/?#@\\]*@)?([^/?#@:\\]+)(?::(\d{1,5}))?(?=[/?#]|\Z)", re.ASCII | re.IGNORECASE)
DEFAULT_PORTS: Final = {"http": 80, "https": 443}
NUMBER: Final = re.compile(r"https?://(?:.*\.)?(?:\d+|0x[0-9a-f]*)(?::\d+)?", re.ASCII)
"""An origin whose last label is a number stands for an IPv4 address (https://url.spec.whatwg.org/#ends-in-a-number-checker)."""


def page_origin(url: str, own: frozenset[str]) -> PageOrigin | None:
    """Reduce a page address to its origin; None when it has none, or when it is none of the storefront's `own` (if any).

    A host that is a number, not a name, must be among the storefront's own: elsewhere it may be a visitor's address.
    """
    path = url.find("/", 8)
    if path > 0 and (known := _PLAIN.get((url[:path], own))) is not None:
        return known
    match = ORIGIN.match(url)
    if match is None:
        return None
    scheme, host, port = match[1].lower(), match[2].lower().rstrip("."), int(match[3] or 0)
    origin = _origin(f"{scheme}://{host}" + (f":{port}" if port and port != DEFAULT_PORTS[scheme] else ""), own)
    if origin is not None:
        _remember(origin, own)
    return origin


_PLAIN: Final[dict[tuple[str, frozenset[str]], PageOrigin]] = {}
"""Origins by themselves and whose they are: a page that begins with one and a slash is on it. Saves 1 µs an event."""
MOST_REMEMBERED: Final = 1024


def _remember(origin: PageOrigin, own: frozenset[str]) -> None:
    if len(_PLAIN) >= MOST_REMEMBERED:
        _PLAIN.clear()
    _PLAIN[str(origin), own] = origin


def _origin(origin: str, own: frozenset[str]) -> PageOrigin | None:
    known = origin in own if own else NUMBER.fullmatch(origin) is None
    return _born(PageOrigin, origin) if known else None


PATH: Final = re.compile(r"(/[^?#]+)")


def page_path(url: str) -> PagePath | None:
    """Give the path of a page address that has an origin, as far as it names a page and nobody; None if it does not.

    The root has none: its origin says as much.
    """
    origin = ORIGIN.match(url)
    path = PATH.match(url, origin.end()) if origin else None
    return _born(PagePath, path[1]) if path else None


CLICK_IDS: Final[dict[str, type[Text]]] = {
    "gclid": GoogleClickId,
    "gbraid": GoogleClickId,
    "wbraid": GoogleClickId,
    "fbc": MetaClickId,
    "fbp": MetaBrowserId,
    "epik": PinterestClickId,
}

T = TypeVar("T", bound=Text)


def _born(kind: type[T], text: str) -> T | None:
    try:
        return kind(text)
    except ValueError:
        return None


def _click_ids(given: Mapping[str, str], wanted: frozenset[str]) -> tuple[ClickIds | None, int]:
    remarks = 0
    kept: dict[str, Text] = {}
    for name, text in given.items():
        click_id = _born(CLICK_IDS[name], text) if name in wanted else None
        if click_id is None:
            remarks |= 1 << (Remark.CLICK_ID_UNUSABLE if name in wanted else Remark.CLICK_ID_REMOVED)
        else:
            remarks |= 1 << Remark.CLICK_ID_KEPT
            kept[name] = click_id
    return (ClickIds(**kept) if kept else None), remarks  # type: ignore[arg-type]  # CLICK_IDS pairs names with types


def _content_ids(given: Sequence[str], wanted: bool) -> tuple[tuple[ContentId, ...], int]:
    if not wanted:
        return (), 1 << Remark.CONTENT_IDS_REMOVED
    kept = tuple(id_ for text in given if (id_ := _born(ContentId, text)) is not None)
    remarks = 1 << Remark.CONTENT_IDS_KEPT if kept else 0
    return kept, remarks if len(kept) == len(given) else remarks | 1 << Remark.CONTENT_ID_UNUSABLE


# ── the event ────────────────────────────────────────────────────────────────────────────────────────────────────


class Wanted(msgspec.Struct, frozen=True, gc=False):
    """What the allowed destinations of one event need, taken together.

    There is one user agent for all of them, so it is the most reduced one that any of them asks for: nobody gets more
    than the policy allows it.
    """

    email: tuple[Destination, ...]
    ip: bool
    user_agent: str
    page_origin: bool
    money: bool
    click_ids: frozenset[str]
    content_ids: bool
    page_path: bool


def wanted(needs: dict[Destination, Needs]) -> Wanted:
    """Unite the needs of the destinations that may have the event.

    An event holds one user agent: where one destination may have it whole and another only reduced, both get it reduced.
    """
    levels = {need.user_agent for need in needs.values()}
    return Wanted(
        email=tuple(d for d, need in needs.items() if need.email),
        ip=any(need.ip for need in needs.values()),
        user_agent=next((level for level in ("reduced", "full") if level in levels), "none"),
        page_origin=any(need.page_origin for need in needs.values()),
        money=any(need.money for need in needs.values()),
        click_ids=frozenset().union(*(need.click_ids for need in needs.values())),
        content_ids=any(need.content_ids for need in needs.values()),
        page_path=any(need.page_origin and need.page_path for need in needs.values()),
    )


def minimise(
    consented: Consented,
    destinations: tuple[Destination, ...],
    want: Wanted,
    own_origins: frozenset[str],
    persons: tuple[PersonKey, ...] = (),
) -> tuple[Minimised, int]:
    """Carry an event over the boundary for `destinations`; also say what was done to its fields (bits of `Remark`).

    `persons` are keyed hashes of what it cites, which the storefront's `Persons` made above the boundary.
    """
    raw = consented.raw
    ip = agent = origin = path = click = None
    content_ids: tuple[ContentId, ...] = ()
    if raw.email is not None:
        email = email_digests(raw.email, want.email) if want.email else None
        remarks = EMAIL_HASHED if email else EMAIL_UNUSABLE if want.email else EMAIL_NOT_NEEDED
    else:
        email, remarks = _email_sha256(raw, want.email)
    if raw.ip is not None:
        ip = truncated_ip(raw.ip) if want.ip else None
        remarks |= IP_TRUNCATED if ip else IP_UNUSABLE if want.ip else IP_NOT_NEEDED
    if raw.user_agent is not None:
        if want.user_agent == "none":
            remarks |= USER_AGENT_REMOVED
        else:
            agent, done = _user_agent(raw.user_agent, want.user_agent)
            remarks |= done
    if raw.page_url is not None:
        origin = page_origin(raw.page_url, own_origins) if want.page_origin else None
        remarks |= PAGE_URL_REDUCED_TO_ORIGIN if origin else PAGE_URL_UNUSABLE if want.page_origin else PAGE_URL_NOT_NEEDED
        if want.page_path and origin is not None:
            path = page_path(raw.page_url)
            remarks |= 1 << (Remark.PAGE_PATH_KEPT if path else Remark.PAGE_PATH_REMOVED)
    if raw.money is not None and not want.money:
        remarks |= MONEY_NOT_NEEDED
    if raw.content_ids:
        content_ids, done = _content_ids(raw.content_ids, want.content_ids)
        remarks |= done
    if raw.click:
        click, done = _click_ids(raw.click, want.click_ids)
        remarks |= done
    event = Minimised(  # with four more arguments by name CPython would gather them in a dictionary, for a microsecond
        raw.kind,
        raw.event_id,
        raw.occurred_at,
        destinations,
        consented.decision.consent_at,
        ads_personalisation=consented.decision.ads_personalisation,
        email=email,
        ip=ip,
        user_agent=agent,
        page_origin=origin,
        money=raw.money if want.money else None,
        click=click,
        restricted=consented.decision.restricted,
        content_ids=content_ids,
        page_path=path,
        persons=persons,
        evidence=consented.decision.evidence,
    )
    return event, remarks | _other_remarks(raw)


def _other_remarks(raw: RawEvent) -> int:
    remarks = CONSENT_SIGNALS_REMOVED if raw.consent is not None else 0
    if raw.unknown:
        remarks |= UNKNOWN_FIELDS_REMOVED
    if raw.set_to_now:
        remarks |= TIME_SET_TO_NOW
    if raw.country is not None or raw.region is not None:
        remarks |= REGION_REMOVED
    return remarks
