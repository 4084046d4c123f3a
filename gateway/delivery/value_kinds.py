"""The kinds of value that a contract can name: what each looks like, in words and as a pattern.

A contract says `kind = "sha256"` and means the entry of that name here. The patterns were written from the policy and the
platforms' pages, not from the code that makes the values, so that the two can be held against each other. They are plain
enough to be valid in Python's `re`, over text and over bytes, and in JSON Schema (ECMA-262). Pure.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Final, Literal, Self

import msgspec

from gateway.model.money import CURRENCIES

JsonType = Literal["string", "number", "integer", "boolean"]

NUMERIC: Final = frozenset({"number", "integer"})


class ValueKind(msgspec.Struct, frozen=True, gc=False):
    """A kind of value: how it is called, what it is in words, its JSON type and the pattern of its whole text.

    For a string the pattern is of what stands between the quotes once escapes are undone; for a number or a boolean it is of
    the JSON text itself. `written` is the pattern of the text between the quotes as it is usually written, where the
    alphabet has a quote or a backslash in it. `least` and `most` bound a number.
    """

    name: str
    says: str
    type: JsonType
    pattern: str
    written: str | None = None
    least: int | None = None
    most: int | None = None

    @property
    def json_text(self) -> str:
        """The pattern of the value as it stands in JSON, quotes included."""
        return f'"(?:{self.written or self.pattern})"' if self.type == "string" else f"(?:{self.pattern})"

    @classmethod
    def one_of(cls, values: Iterable[str | int | bool]) -> Self:
        """Make the kind that takes exactly these values; they are of one JSON type (bool, int or str)."""
        told = [text_of(value) for value in values]
        first = next(iter(values))
        return cls(
            name="one_of",
            says=f"one of {', '.join(told)}",
            type="boolean" if isinstance(first, bool) else "integer" if isinstance(first, int) else "string",
            pattern="|".join(re.escape(text) for text in told),
        )


def text_of(value: str | bool | int) -> str:
    """Write a value of a contract's list as JSON has it, without quotes."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _by_first_letter(codes: Iterable[str]) -> str:
    """Write a list of words as a pattern that looks at their first letter once."""
    groups = groupby(sorted(codes), lambda code: code[0])
    return "|".join(f"{letter}(?:{'|'.join(code[1:] for code in group)})" for letter, group in groups)


OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
GROUP: Final = "(?:0|[1-9a-f][0-9a-f]{0,3})"
HOST: Final = "[a-z0-9](?:[a-z0-9.-]{0,252})(?::[0-9]{1,5})?"
PRODUCT: Final = "[A-Za-z][A-Za-z0-9._+-]{0,48}/[0-9]"
"""How a User-Agent begins: https://www.rfc-editor.org/rfc/rfc9110#field.user-agent (read 2026-11-25)."""
NO_ADDRESS: Final = (
    r"(?!(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![A-Za-z0-9_.-]))"
    r"(?!(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}(?![A-Za-z0-9_.:-]))"
    r"(?!(?:[0-9A-Fa-f]{1,4}:){6}(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![A-Za-z0-9_.:-]))"
    r"(?![0-9A-Fa-f:]{0,30}::[0-9A-Fa-f:.]{0,45}(?![A-Za-z0-9_.:-]))"
)
"""In front of an id of the shop's own making: it does not look like a whole IP address, with or without a port."""
_NUMBER: Final = "(?:25[0-5]|2[0-4][0-9]|[01]?[0-9]{1,2})"
INSIDE_V4: Final = rf"(?<![0-9])(?:{_NUMBER}\.){{3}}{_NUMBER}(?![0-9])"
INSIDE_V6: Final = "[23][0-9A-Fa-f]{3}:(?:(?:[0-9A-Fa-f]{1,4}:){1,5}:|(?:[0-9A-Fa-f]{1,4}:){6}[0-9A-Fa-f])"
"""How IP addresses look that stand inside an id; of version 6 those that visitors have (RFC 3587, 3)."""
DATE: Final = r"(?<![0-9])(?:19|20)[0-9]{2}\.(?:0?[1-9]|1[0-2])\.(?:0?[1-9]|[12][0-9]|3[01])(?![0-9])(?:\.[0-9]{1,2}(?![0-9]))*"
"""A moment written with dots is no address."""
ID: Final = (
    rf"[A-Za-z0-9_-]{{1,64}}|(?=[A-Za-z0-9_.:-]{{1,64}}(?![A-Za-z0-9_.:-])){NO_ADDRESS}"
    rf"(?:[A-Za-z_.:-]|{DATE}|(?!{INSIDE_V4}|{INSIDE_V6})[0-9])+"
)
"""The id of an event: what has a dot or a colon in it is looked at digit by digit."""

_ALL: Final = (
    ValueKind("sha256", "SHA-256 in 64 lower-case hex digits, never clear text", "string", "[0-9a-f]{64}"),
    ValueKind("ipv4_24", "IPv4 address whose last number is 0 (network /24)", "string", rf"(?:{OCTET}\.){{3}}0"),
    ValueKind(
        "ipv6_48",
        "IPv6 address of which only the first 48 bits are left (network /48)",
        "string",
        f"(?!2002:){GROUP}(?::{GROUP}){{0,2}}::",
    ),
    ValueKind("event_id", "the shop's own id of the event, no IP address in it", "string", ID),
    ValueKind("content_id", "the shop's own id of an article", "string", f"{NO_ADDRESS}[A-Za-z0-9_.:-]{{1,64}}"),
    ValueKind("currency", "currency code of ISO 4217", "string", _by_first_letter(CURRENCIES)),
    ValueKind(
        "money_number",
        "amount in the currency's main unit, at most three decimals",
        "number",
        r"(?:0|[1-9][0-9]{0,7})(?:\.[0-9]{1,3})?",
        least=0,
        most=10**7,
    ),
    ValueKind("money_text", "the same, written as text", "string", r"(?:0|[1-9][0-9]{0,7})(?:\.[0-9]{2,3})?"),
    ValueKind(
        "unix_seconds",
        "moment in whole seconds since 1970 (2020 to 2046)",
        "integer",
        "(?:1[6-9]|2[0-3])[0-9]{8}",
        least=1_600_000_000,
        most=2_399_999_999,
    ),
    ValueKind(
        "rfc3339",
        "moment in UTC to the second (RFC 3339)",
        "string",
        "20[2-4][0-9]-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z",
    ),
    ValueKind(
        "google_ads_time",
        "moment in UTC to the second, as the Google Ads API writes it",
        "string",
        r"20[2-4][0-9]-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01]) (?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\+00:00",
    ),
    ValueKind("origin", "the shop's own site, without a page (https://shop.example)", "string", f"https?://{HOST}"),
    ValueKind(
        "page_address",
        "a page of the shop without query and without anything that looks like a number of an order or a person",
        "string",
        rf"https?://{HOST}(?![A-Za-z0-9._~/-]{{0,200}}(?:[0-9]{{6}}|[0-9A-Fa-f]{{16}}|{INSIDE_V4}))/[A-Za-z0-9._~/-]{{0,200}}",
    ),
    ValueKind(
        "user_agent",
        "the browser's description of itself: a product with its version first, no @ in it",
        "string",
        f"{PRODUCT}[ -?A-~]{{0,460}}",
        written=rf"{PRODUCT}(?:[ !#-?A-\[\]-~]|\\[\"\\]){{0,460}}",
    ),
    ValueKind("google_click_id", "Google's id of an ad click", "string", "[A-Za-z0-9_-]{10,512}"),
    ValueKind(
        "meta_click_id",
        "Meta's id of an ad click (cookie _fbc)",
        "string",
        r"fb\.[0-2]\.[0-9]{10,13}\.[A-Za-z0-9_-]{1,500}(?:\.[A-Za-z0-9_-]{2,8})?",
    ),
    ValueKind(
        "meta_browser_id",
        "Meta's id of a browser (cookie _fbp)",
        "string",
        r"fb\.[0-2]\.[0-9]{10,13}\.[0-9]{1,20}(?:\.[A-Za-z0-9_-]{2,8})?",
    ),
    ValueKind(
        "pinterest_click_id",
        "Pinterest's id of an ad click (cookie _epik)",
        "string",
        rf"{NO_ADDRESS}(?![A-Za-z0-9_.-]{{0,512}}{INSIDE_V4})[A-Za-z0-9_.-]{{8,512}}",
    ),
    ValueKind("number_id", "a platform's own id in digits", "string", "[0-9]{1,20}"),
    ValueKind("customer_id", "a Google Ads account: ten digits", "string", "[0-9]{10}"),
    ValueKind(
        "conversion_action", "a Google Ads conversion action", "string", "customers/[0-9]{10}/conversionActions/[0-9]{1,20}"
    ),
    ValueKind("graph_version", "a version of Meta's Graph API", "string", r"v[0-9]{2,3}\.[0-9]"),
    ValueKind("ads_version", "a version of the Google Ads API", "string", "v[0-9]{2,3}"),
    ValueKind("test_code", "a test code of the platform's own console", "string", "[A-Za-z0-9]{1,40}"),
    ValueKind(
        "receipt",
        "the platform's own id of an earlier request",
        "string",
        f"(?!https?:){NO_ADDRESS}[A-Za-z0-9_+/=.:-]{{1,128}}",
    ),
    ValueKind("project_id", "a Google Cloud project, by id or number", "string", "[a-z][a-z0-9:.-]{4,61}[a-z0-9]|[0-9]{6,20}"),
    ValueKind("hmac_sha256", "proof made of two secrets: 64 lower-case hex digits", "string", "[0-9a-f]{64}"),
    ValueKind("bearer_token", "the shop's access token for the platform", "string", "Bearer [!-~]{1,8192}"),
    ValueKind("secret", "a secret that the platform gave the shop", "string", "[A-Za-z0-9_-]{1,200}"),
)

KINDS: Final[Mapping[str, ValueKind]] = {kind.name: kind for kind in _ALL}
"""By the name that a contract uses. `one_of` is made from the contract's own list."""

EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}", re.ASCII)
ADDRESS: Final = re.compile(rf"(?:{OCTET}\.){{3}}{OCTET}|(?=.*:.*:)[0-9A-Fa-f:.]{{3,45}}", re.ASCII)

LOOKS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("ipv4_24", re.compile(KINDS["ipv4_24"].pattern)),
    ("ipv6_48", re.compile(KINDS["ipv6_48"].pattern)),
    ("address", ADDRESS),
    ("email", EMAIL),
    *((name, re.compile(KINDS[name].pattern)) for name in ("sha256", "currency", "rfc3339", "origin", "number_id")),
)


def looks_like(text: str) -> str:
    """Say what kind of text it is, by the first that fits: one of the kinds above, `email`, `address`, else `text`."""
    return next((name for name, pattern in LOOKS if pattern.fullmatch(text)), "text")
