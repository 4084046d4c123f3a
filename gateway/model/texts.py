"""The checked strings: ids, digests, networks. Each refuses at birth what does not match it whole."""

import re
from ipaddress import IPv6Address
from typing import Final, Self


class Text(str):
    """Base of the checked strings: subclasses name a pattern and refuse at birth what does not match it whole.

    Raises ValueError that names the type, never the text.
    """

    __slots__ = ()
    PATTERN: re.Pattern[str] = re.compile(r"(?!)")

    def __new__(cls, text: str) -> Self:
        """Check and wrap `text`."""
        if cls.PATTERN.fullmatch(text) is None:
            raise ValueError(cls.__name__)
        return str.__new__(cls, text)

    @classmethod
    def unsealed(cls, text: str) -> Self:
        """Wrap text that was checked at birth and has been under an authentication tag ever since."""
        return str.__new__(cls, text)


class StorefrontId(Text):
    """A storefront's name in the configuration: 1–40 of `a-z 0-9 - _`, beginning with a letter or digit."""

    __slots__ = ()
    PATTERN = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)


NO_ADDRESS: Final = (
    r"(?!(?:\d{1,3}\.){3}\d{1,3}(?![\w.-]))"
    r"(?!(?:[\dA-Fa-f]{1,4}:){6}(?:[\dA-Fa-f]{1,4}:[\dA-Fa-f]{1,4}|(?:\d{1,3}\.){3}\d{1,3})(?![\w.:-]))"
    r"(?![\dA-Fa-f:]*::[\dA-Fa-f:.]*(?![\w.:-]))"
)
"""In front of a text of somebody's own making: it is no whole IP address, with or without a port."""
_OCTET: Final = r"(?:25[0-5]|2[0-4]\d|[01]?\d?\d)"
IPV4_BEGINS: Final = rf"(?<!\d)(?:{_OCTET}\.){{3}}{_OCTET}(?!\d)"
"""Where four numbers of at most 255 stand with dots between them, whatever stands around them but a further digit."""
IPV6_BEGINS: Final = r"[23][\dA-Fa-f]{3}:(?:(?:[\dA-Fa-f]{1,4}:){1,5}:|(?:[\dA-Fa-f]{1,4}:){6}[\dA-Fa-f])"
"""The same for an address of 2000::/3, the only ones that visitors have (RFC 3587, 3)."""
_DATE: Final = r"(?<!\d)(?:19|20)\d\d\.(?:0?[1-9]|1[0-2])\.(?:0?[1-9]|[12]\d|3[01])(?!\d)(?:\.\d{1,2}(?!\d))*"
"""A year, a month, a day and what follows of the time: with dots between them it would else look like an address."""


class EventId(Text):
    """The storefront's id of an event: 1–64 of `A-Z a-z 0-9 _ . : -`, with no IP address in it.

    No `@`, no `%` and no letter of another script, so no e-mail address fits. What has neither dot nor colon is told at once.
    """

    __slots__ = ()
    PATTERN = re.compile(
        r"[A-Za-z0-9_\-]{1,64}"
        rf"|(?=.{{1,64}}\Z){NO_ADDRESS}(?:[A-Za-z_.:\-]|{_DATE}|(?!{IPV4_BEGINS}|{IPV6_BEGINS})\d)++",
        re.ASCII,
    )


class RefundId(Text):
    """How a shop's platform names one of an order's refunds: 1–64 of `A-Z a-z 0-9 _ . : -`."""

    __slots__ = ()
    PATTERN = re.compile(r"[A-Za-z0-9_.:\-]{1,64}", re.ASCII)


class PersonKey(Text):
    """A keyed hash of something that a storefront knows a person by (see `gateway.persons`): 16 lower-case hex digits."""

    __slots__ = ()
    PATTERN = re.compile(r"[0-9a-f]{16}", re.ASCII)


class EvidenceId(Text):
    """The name of a consent record, drawn at random when it was made: 24 lower-case hex digits."""

    __slots__ = ()
    PATTERN = re.compile(r"[0-9a-f]{24}", re.ASCII)


class EmailDigest(Text):
    """SHA-256 of a normalised e-mail address: 64 lower-case hex digits."""

    __slots__ = ()
    PATTERN = re.compile(r"[0-9a-f]{64}", re.ASCII)


class TruncatedIp(Text):
    """An IPv4 network /24 (`203.0.113.0`) or IPv6 network /48 (`2001:db8:1::`) in its shortest form, never a host.

    A 6to4 network is none: its 48 bits hold a whole IPv4 address (RFC 3056).
    """

    __slots__ = ()
    PATTERN = re.compile(r"(?:(?:0|[1-9]\d{0,2})\.){3}0|[0-9a-f:]{1,18}::", re.ASCII)

    def __new__(cls, text: str) -> Self:
        """Check shape and that no host bit is set."""
        made = super().__new__(cls, text)
        if not (_is_network_v6(text) if ":" in text else all(int(octet) < 256 for octet in text.split("."))):
            raise ValueError(cls.__name__)
        return made


def _is_network_v6(text: str) -> bool:
    try:
        address = IPv6Address(text)
    except ValueError:  # its text repeats the address
        return False
    return str(address) == text and address.packed[6:] == bytes(10) and address.sixtofour is None


class PageOrigin(Text):
    """Scheme, host and port of a page (`https://shop.example`): no path, query, fragment or user."""

    __slots__ = ()
    PATTERN = re.compile(
        r"https?://(?=.{1,253}(?::|$))[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
        r"(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*(?::\d{1,5})?",
        re.ASCII,
    )


_WORDS: Final = re.compile(r"[A-Za-z0-9]+", re.ASCII)


class PagePath(Text):
    """The path of a page that names the page and nobody: `/collections/summer-2026/linen-shirt.html`.

    No query, no fragment, 2–200 characters. A path may hold an order number, a reset link or an address as well as words,
    so only words are taken (`WORD`), joined by single `-`, `_` or `.` and by `/`: no percent-encoding, no `@`, no `~`, no
    digest, token, UUID, long number or IP address. What it cannot tell is a word that is a name (`/account/jane-doe`).
    """

    __slots__ = ()
    PATTERN = re.compile(
        rf"(?=.{{2,200}}\Z)(?!.*(?:{IPV4_BEGINS}|[\dA-Fa-f]{{16}}))(?:/[A-Za-z0-9]+(?:[-_.][A-Za-z0-9]+)*)+/?", re.ASCII
    )
    WORD: Final = re.compile(
        r"(?![A-Fa-f0-9]{8,}\Z)(?:[a-z]{1,20}|[A-Z]{1,20}|[A-Z][a-z]{1,19}|\d{1,4}|(?!\d{5})[a-z0-9]{2,5}|(?!\d{5})[A-Z0-9]{2,5})",
        re.ASCII,
    )
    """Letters of one case, capitalised or not; a year or a size; a model (`128gb`). Digests and tokens look otherwise."""
    MOST_DIGITS: Final = 6
    """In the whole path, so that no telephone number, date of birth or order number in parts gets together."""

    def __new__(cls, text: str) -> Self:
        """Check the shape, and that each word is one."""
        made = super().__new__(cls, text)
        if sum(map(str.isdigit, text)) > cls.MOST_DIGITS or not all(map(cls.WORD.fullmatch, _WORDS.findall(text))):
            raise ValueError(cls.__name__)
        return made


class ContentId(Text):
    """The shop's id of a product, as its catalogue has it: 1–64 of `A-Z a-z 0-9 _ . : -`.

    No `@`, so no e-mail address fits, and nothing that looks like a whole IP address.
    """

    __slots__ = ()
    PATTERN = re.compile(NO_ADDRESS + r"[A-Za-z0-9_.:\-]{1,64}", re.ASCII)


class UserAgent(Text):
    """A browser's User-Agent: a product and its version, then printable ASCII without `@`; at most 460 after the version's
    first digit. What does not begin like that could be anything: https://www.rfc-editor.org/rfc/rfc9110#field.user-agent
    (read 2026-11-25).
    """

    __slots__ = ()
    PATTERN = re.compile(r"[A-Za-z][A-Za-z0-9._+-]{0,48}/\d[ -?A-~]{0,460}", re.ASCII)


class GoogleClickId(Text):
    """gclid, gbraid or wbraid, byte for byte: 10–512 of `A-Z a-z 0-9 _ -`."""

    __slots__ = ()
    PATTERN = re.compile(r"[A-Za-z0-9_-]{10,512}", re.ASCII)


class MetaClickId(Text):
    """Meta's `fbc` cookie: `fb.<subdomain index>.<milliseconds>.<fbclid>`, with an optional appendix.

    https://developers.facebook.com/documentation/ads-commerce/conversions-api/parameters/fbp-and-fbc (read 2026-11-22)
    """

    __slots__ = ()
    PATTERN = re.compile(r"fb\.[0-2]\.\d{10,13}\.[A-Za-z0-9_-]{1,500}(?:\.(?:[A-Za-z0-9_-]{8}|AQ|Ag|Aw|BA|BQ|Bg))?", re.ASCII)


class MetaBrowserId(Text):
    """Meta's `fbp` cookie: `fb.<subdomain index>.<milliseconds>.<random number>`, with an optional appendix."""

    __slots__ = ()
    PATTERN = re.compile(r"fb\.[0-2]\.\d{10,13}\.\d{1,20}(?:\.(?:[A-Za-z0-9_-]{8}|AQ|Ag|Aw|BA|BQ|Bg))?", re.ASCII)


class PinterestClickId(Text):
    """Pinterest's `epik`: 8–512 of `A-Z a-z 0-9 _ . -`, no IP address in it. Its length is unpublished; the bound is ours."""

    __slots__ = ()
    PATTERN = re.compile(rf"{NO_ADDRESS}(?!.*{IPV4_BEGINS})[A-Za-z0-9_.\-]{{8,512}}", re.ASCII)


class PlatformCode(Text):
    """A platform's error or status code (`100/2804003`, `953`, `INVALID_ARGUMENT`): never its message."""

    __slots__ = ()
    PATTERN = re.compile(r"[A-Za-z0-9_./\-]{1,128}", re.ASCII)


class Receipt(Text):
    """A platform's own id of a request (`requestId`, `fbtrace_id`): 1–128 safe characters."""

    __slots__ = ()
    PATTERN = re.compile(r"[A-Za-z0-9_+/=.:\-]{1,128}", re.ASCII)
