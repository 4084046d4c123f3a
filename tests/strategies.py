"""What storefronts send, good and bad: Hypothesis strategies for raw events and their parts, shared by the rooms' tests.

`good_event` is the event that everything is varied from. The strategies lean towards what is nearly right, since that is
where rules are broken: wrong types in known places, known names with junk, text with markers of other formats.
"""

import json
from copy import deepcopy
from typing import Any, Final

from hypothesis import strategies as st

from gateway.consent.signals import KNOWN
from gateway.raw import Malformed, RawEvent
from gateway.sources.native import decode

NOW: Final = 1_795_342_500
"""2026-11-22T10:15:00Z."""
DAY: Final = 86_400

GOOD: Final[dict[str, Any]] = {
    "event": "purchase",
    "event_id": "1001",
    "occurred_at": "2026-11-22T10:00:00Z",
    "page_url": "https://shop.example/thanks?token=x",
    "customer": {"email": "Jane.Doe@Example.com"},
    "client": {
        "ip": "203.0.113.77",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/131.0.0.0",
        "country": "FR",
        "region": None,
    },
    "order": {"value": "129.90", "currency": "EUR"},
    "click": {"gclid": None, "gbraid": None, "wbraid": None, "fbc": None, "fbp": None, "epik": None},
    "consent": {"advertising": True},
}


def good_event(**changes: Any) -> dict[str, Any]:
    """An event that every destination may have, with some of its fields replaced."""
    return {**deepcopy(GOOD), **changes}


def read_one(event: Any, now: int = NOW) -> RawEvent | Malformed:
    """The event as the native source reads it."""
    (read,) = decode(json.dumps(event).encode(), now).events
    return read


def raw_event(now: int = NOW, **changes: Any) -> RawEvent:
    """`good_event` with changes, read; it must be readable."""
    read = read_one(good_event(**changes), now)
    assert isinstance(read, RawEvent), read
    return read


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────────────────────

JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
"""Any JSON value."""

PIECES: Final = (
    "a",
    "b",
    " ",
    "é",
    "😀",
    "\\n",
    "\\/",
    "\\\\",
    '\\"',
    "\\u0061",
    "\\u0022",
    "\\u005c",
    "\\ud83d\\ude00",
    "\\u00e9",
)
BROKEN_PIECES: Final = ("\\ud800", "\\udc00", "\t", "\\x")
NUMBERS: Final = ("0", "-0", "1", "1.0", "0.1", "-2.5E+3", "1e-400", "18446744073709551616", "-9223372036854775809", "9" * 40)
BROKEN_NUMBERS: Final = ("NaN", "-Infinity", "1e400", "-1e999", "01", "+1", "1.", "9" * 400, "9" * 5000)


def _texts(*, broken: bool) -> st.SearchStrategy[str]:
    pieces = PIECES + BROKEN_PIECES if broken else PIECES
    return st.lists(st.sampled_from(pieces), max_size=3).map(lambda parts: '"' + "".join(parts) + '"')


def json_texts(*, broken: bool) -> st.SearchStrategy[str]:
    """JSON as text, with escapes, blanks and repeated keys; `broken` adds what strict JSON does not allow."""
    texts = _texts(broken=broken)
    numbers = st.sampled_from(NUMBERS + BROKEN_NUMBERS if broken else NUMBERS)
    blanks = st.sampled_from(("", "", " ", "\n"))

    def boxes(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        pairs = st.builds("{}{}:{}{}".format, texts, blanks, blanks, inner)
        return st.lists(inner, max_size=3).map(lambda parts: "[" + ",".join(parts) + "]") | st.lists(pairs, max_size=4).map(
            lambda parts: "{" + ", ".join(parts) + "}"
        )

    return st.recursive(st.sampled_from(("null", "true", "false")) | numbers | texts, boxes, max_leaves=14)


# ── the parts of an event ────────────────────────────────────────────────────────────────────────────────────────

LOCAL: Final = st.text("abcxyzABC0189.+_-'é", min_size=1, max_size=12)
HOSTS: Final = st.sampled_from(
    ("example.com", "Gmail.com", "googlemail.com", "sub.gmail.com", "exämple.de", "example", "a..b", "-x.de")
)
ADDRESSES: Final = st.builds(
    "{}{}@{}{}".format, st.sampled_from(("", " ", "\ufeff")), LOCAL, HOSTS, st.sampled_from(("", "\t", "\u200b"))
)
"""E-mail addresses, many of them no addresses."""

IPV4: Final = st.ip_addresses(v=4).map(str)
IPV6: Final = st.ip_addresses(v=6).map(str)
IPV4_IN_IPV6: Final = st.builds("{}{}".format, st.sampled_from(("::ffff:", "::", "64:ff9b::")), IPV4)
IPS: Final = st.one_of(
    IPV4,
    IPV6,
    st.ip_addresses(v=6).map(lambda ip: ip.exploded),
    IPV4_IN_IPV6,
    st.builds("{}:{}".format, IPV4, st.integers(0, 99999)),
    st.builds("[{}]:{}".format, IPV6, st.integers(0, 99999)),
    st.builds("{}%eth0".format, IPV6),
    st.builds("{}, {}".format, IPV4, IPV4),
    st.text("0123456789abcdef:.[]% ", max_size=24),
)
"""IP addresses in every way of writing, and what is none."""

URLS: Final = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(("https://", "HTTP://", "ftp://", "//", "https:")),
    st.sampled_from(("", "", "user@", "user:pass@", "a@b@")),
    st.sampled_from(("shop.example", "Shop.Example.", "localhost", "203.0.113.7", "[2001:db8::1]", "müller.de", "sh op", "")),
    st.sampled_from(("", "", ":443", ":8080", ":99999", ":x")),
    st.sampled_from(("", "/", "/a/b?q=1#f", "?q", "#f", "\\x", " ")),
)
"""Page addresses."""

WORDS: Final = st.sampled_from(("granted", "denied", "Granted", "unknown", True, False, None, 1, "true"))
CONSENTS: Final = st.fixed_dictionaries(
    {},
    optional={
        "advertising": WORDS | JSON,
        "vendors": JSON | st.dictionaries(st.sampled_from(("meta", "pinterest", "google_ads", "tiktok")), WORDS, max_size=3),
        "google": JSON
        | st.dictionaries(st.sampled_from(("ad_storage", "ad_user_data", "ad_personalization")), WORDS, max_size=3),
        "shopify": JSON | st.dictionaries(st.sampled_from(("marketingAllowed", "saleOfDataAllowed")), WORDS, max_size=2),
        "gcs": st.sampled_from(("G111", "G101", "G1-1", "G2", None)) | JSON,
        "gcd": st.sampled_from(("11r1r1r1r5", "11t1t1t1t5", "11p1p1p1p5", "11r1r1r1rd", "11l1l1l1l1", None)) | JSON,
        "shopify_visitor": JSON
        | st.dictionaries(st.sampled_from(("marketing", "sale_of_data")), st.sampled_from(("yes", "no", "", None)) | WORDS),
        "cookies": JSON
        | st.dictionaries(
            st.sampled_from(("cookieconsent_status", "CookieConsent", "_ga")),
            st.sampled_from(("accept_all", "deny", "-1", "", None)) | JSON,
            max_size=2,
        ),
        "gpc": WORDS | JSON,
        "given_at": st.integers(NOW - 400 * DAY, NOW + 3 * DAY) | JSON,
        "tcf": st.none() | st.text(max_size=4),
        "gpp": JSON | st.sampled_from(("DBAA", "DBABBg~BVoAAABA.QA", "DBABJg~BVkAAEA.QA", "DBABBg~BVoAAAB")),
        "us_privacy": JSON | st.sampled_from(("1---", "1YNN", "1YYN", "1Y-N")),
        "dnt": JSON,
        "receipt": JSON,
    },
)
"""Consent objects: every signal may be there, with a good value or junk."""
assert {"advertising", "vendors", "google", "gcs", "gcd", "shopify", "shopify_visitor", "cookies", "gpc"} <= KNOWN
assert {"given_at", "tcf", "gpp", "us_privacy", "dnt", "receipt"} <= KNOWN

EMAILS: Final = st.dictionaries(
    st.sampled_from(("meta", "pinterest", "google_ads", "x")), st.text("0af", min_size=64, max_size=64)
)
CUSTOMERS: Final = st.fixed_dictionaries({}, optional={"email": ADDRESSES | JSON, "email_sha256": EMAILS | JSON, "phone": JSON})
CLIENTS: Final = st.fixed_dictionaries(
    {}, optional={"ip": IPS | JSON, "user_agent": JSON, "country": JSON, "region": JSON, "unheard_of": JSON}
)
AMOUNTS: Final = st.decimals(0, 10**8, places=2).map(str) | st.floats(0, 10**8) | st.integers(-1, 10**8)
ORDERS: Final = st.fixed_dictionaries(
    {},
    optional={
        "value": AMOUNTS | JSON,
        "currency": st.sampled_from(("EUR", "JPY", "KWD", "eur", "XXX")) | JSON,
        "content_ids": st.lists(st.sampled_from(("SKU-7:blue", "a b", "jane@example.com", "")), max_size=3) | JSON,
    },
)
CLICKS: Final = st.dictionaries(
    st.sampled_from(("gclid", "gbraid", "fbc", "fbp", "epik", "ttclid")), JSON | st.text("abcZ09_-.", max_size=20), max_size=4
)
EVENTS: Final = st.fixed_dictionaries(
    {
        "event": st.sampled_from(("purchase", "add_to_cart", "page_view")) | JSON,
        "event_id": st.text("abcZ09_.:-", min_size=1, max_size=64) | JSON,
        "occurred_at": st.integers(NOW - 8 * DAY, NOW + 600) | st.just("2026-11-22T10:00:00+01:00") | JSON,
    },
    optional={
        "page_url": URLS | JSON,
        "customer": CUSTOMERS | JSON,
        "client": CLIENTS | JSON,
        "order": ORDERS | JSON,
        "click": CLICKS | JSON,
        "consent": CONSENTS | JSON,
        "unheard_of": JSON,
    },
)
"""Raw events: the right names, with values that are right, wrong or strange."""
