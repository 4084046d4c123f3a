"""What may exist below the privacy boundary, and nothing else.

Every value here checked itself when it was born, so no later room wonders whether an event id is an
event id or an address still has its last octet. There is no free text and no dict: an e-mail address,
a full IP address or an undeclared field has no type that could carry it past this file.
Pure: standard library and msgspec only, no IO, no clock, no randomness.
"""

import re
from decimal import Decimal
from enum import IntEnum, StrEnum, unique
from ipaddress import IPv6Address
from typing import Final, Self

import msgspec


class Word(StrEnum):
    """Base of the closed vocabularies. Hashes as the text it is: Enum's own hash is a Python call, 0.3 µs a look-up."""

    __hash__ = str.__hash__


@unique
class Kind(Word):
    """The three conversion events that the gateway forwards."""

    PURCHASE = "purchase"
    ADD_TO_CART = "add_to_cart"
    PAGE_VIEW = "page_view"


@unique
class Destination(Word):
    """The ad platforms that an event may be delivered to; the names are the keys of the configuration."""

    META = "meta"
    PINTEREST = "pinterest"
    GOOGLE_ADS = "google_ads"


@unique
class UsState(Word):
    """The states whose law gives a right to opt out of sale and targeted advertising, by their ISO 3166-2 letters.

    Those for which the Global Privacy Platform has a section of its own:
    https://github.com/InteractiveAdvertisingBureau/Global-Privacy-Platform/blob/main/Sections/Section%20Information.md
    (read 2026-11-25).
    """

    CA = "CA"
    VA = "VA"
    CO = "CO"
    UT = "UT"
    CT = "CT"
    FL = "FL"
    MT = "MT"
    OR = "OR"
    TX = "TX"
    DE = "DE"
    IA = "IA"
    NE = "NE"
    NH = "NH"
    NJ = "NJ"
    TN = "TN"
    MN = "MN"
    MD = "MD"
    IN = "IN"
    KY = "KY"
    RI = "RI"


@unique
class Source(Word):
    """The door an event came in by; a metric label."""

    EVENTS = "events"
    COLLECT = "collect"
    GTAG = "gtag"
    """Google's tag (`/g/collect`)."""
    MEASUREMENT = "measurement"
    """GA4's Measurement Protocol (`/mp/collect`)."""
    STAPE = "stape"
    """The data tag of a rented container (`/data`)."""
    SHOPIFY = "shopify"
    """A shop's own platform: Shopify's webhooks."""
    WOOCOMMERCE = "woocommerce"
    """The same for WooCommerce."""
    PRESTASHOP = "prestashop"
    """The same for PrestaShop, by a module of ours."""
    HELD = "held"
    """No door of its own: an order that was held for its consent record, which then came."""


@unique
class Status(Word):
    """What became of an event at the door (the `status` of a result)."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    INVALID = "invalid"


@unique
class Refusal(Word):
    """Why an event may not go to a destination. Stable codes: answers, metric labels and traces use them."""

    NO_CONSENT = "no_consent"
    """No consent signal was present at all."""
    NO_EXPLICIT_GRANT = "no_explicit_grant"
    """Signals were present, but none is a person's explicit yes for this destination."""
    ADVERTISING_DENIED = "advertising_denied"
    ADVERTISING_INVALID = "advertising_invalid"
    VENDOR_DENIED = "vendor_denied"
    VENDOR_INVALID = "vendor_invalid"
    GOOGLE_DENIED = "google_denied"
    GOOGLE_INVALID = "google_invalid"
    SHOPIFY_DENIED = "shopify_denied"
    SHOPIFY_INVALID = "shopify_invalid"
    SALE_OPT_OUT = "sale_opt_out"
    GPC = "gpc"
    """Global Privacy Control: the header `Sec-GPC: 1` or `gpc: true`."""
    GPC_INVALID = "gpc_invalid"
    GIVEN_AT_INVALID = "given_at_invalid"
    CONSENT_EXPIRED = "consent_expired"
    CONSENT_IN_FUTURE = "consent_in_future"
    CONSENT_MALFORMED = "consent_malformed"
    GCS_DENIED = "gcs_denied"
    GCS_INVALID = "gcs_invalid"
    GCD_DENIED = "gcd_denied"
    GCD_INVALID = "gcd_invalid"
    SHOPIFY_VISITOR_DENIED = "shopify_visitor_denied"
    SHOPIFY_VISITOR_INVALID = "shopify_visitor_invalid"
    TCF_INVALID = "tcf_invalid"
    """The TC string cannot be read whole, or is of another version or kind than those that count."""
    TCF_EXPIRED = "tcf_expired"
    TCF_IN_FUTURE = "tcf_in_future"
    TCF_OUTDATED_POLICY = "tcf_outdated_policy"
    TCF_NOT_SERVICE_SPECIFIC = "tcf_not_service_specific"
    TCF_VENDORS_NOT_DISCLOSED = "tcf_vendors_not_disclosed"
    """The string has no segment that says which vendors the visitor was shown."""
    TCF_PURPOSE_REFUSED = "tcf_purpose_refused"
    TCF_VENDOR_REFUSED = "tcf_vendor_refused"
    """The vendor has no consent, was not disclosed, or the publisher restricts it."""
    AC_DENIED = "ac_denied"
    AC_INVALID = "ac_invalid"
    GPP_INVALID = "gpp_invalid"
    GPP_OPT_OUT = "gpp_opt_out"
    GPP_PROTECTED = "gpp_protected"
    """The string speaks of a child, or of sensitive data."""
    US_PRIVACY_OPT_OUT = "us_privacy_opt_out"
    US_PRIVACY_INVALID = "us_privacy_invalid"
    CMP_DENIED = "cmp_denied"
    """A consent tool's own cookie or object says no."""
    CMP_INVALID = "cmp_invalid"
    CMP_EXPIRED = "cmp_expired"
    CMP_IN_FUTURE = "cmp_in_future"
    CMP_OPT_OUT = "cmp_opt_out"
    """A consent tool noted the browser's opt-out (Global Privacy Control)."""
    MINOR = "minor"
    """The storefront flags the person as a minor."""
    CITATION_INVALID = "citation_invalid"
    """`receipt` or `join` is not of its form, so which consent record is meant cannot be told."""
    NO_CONSENT_RECORD = "no_consent_record"
    """The event says nothing itself, and no consent record of those it cites is known."""
    RECORD_EXPIRED = "record_expired"
    """The consent record that the event cites is older than consent lasts."""
    RECORD_UNREADABLE = "record_unreadable"
    """A consent record that the event cites cannot be read, or more of them are cited than are ever read."""
    SIGNAL_UNSUPPORTED = "signal_unsupported"
    """A signal was present that the gateway cannot read; what cannot be read may be a refusal."""
    WITHDRAWN = "withdrawn"
    NO_IDENTITY = "no_identity"
    """Nothing in the event identifies the person to this platform in a form the policy allows to leave."""
    NOT_ENABLED = "not_enabled"
    """The destination does not take this kind of event for this storefront."""
    TEST_ORDER = "test_order"
    """The shop's platform marks the order as a test."""
    CANCELLED_ORDER = "cancelled_order"
    REFUNDED = "refunded"
    """All the money of the order had gone back before the order came."""
    POS_ORDER = "pos_order"
    """It was made at a till: no browser was there that could have been asked."""
    DRAFT_ORDER = "draft_order"
    """Somebody at the shop wrote it."""
    RENEWAL_ORDER = "renewal_order"
    """A subscription made it, not a visitor."""
    OTHER_CHANNEL = "other_channel"
    """It came in by a sales channel that the settings do not name."""
    RESTRICTION_UNSUPPORTED = "restriction_unsupported"
    """The person opted out under a US state's law, and this platform has no mark that would tell it so."""


@unique
class Fault(Word):
    """Which rule a field of an invalid event broke. Never accompanied by the value, only by the field's name."""

    MISSING = "missing"
    WRONG_TYPE = "wrong_type"
    BAD_FORMAT = "bad_format"
    OUT_OF_RANGE = "out_of_range"
    TOO_LONG = "too_long"
    TOO_OLD = "too_old"
    IN_THE_FUTURE = "in_the_future"
    NOT_ONE_OF = "not_one_of"
    CONFLICT = "conflict"
    """It contradicts another field."""
    DUPLICATE_KEY = "duplicate_key"
    NOT_FINITE = "not_finite"
    LONE_SURROGATE = "lone_surrogate"
    TOO_DEEP = "too_deep"
    TOO_MANY_KEYS = "too_many_keys"


@unique
class Reason(Word):
    """Why a delivery attempt ended as it did. Stable codes: metric labels, traces, dead letters."""

    CONFIRMED = "confirmed"
    """The platform's own answer counted the event as received."""
    ACCEPTED_FOR_PROCESSING = "accepted_for_processing"
    """The platform took the event and processes it later (Google)."""
    DUPLICATE_AT_PLATFORM = "duplicate_at_platform"
    """The platform says that it already has this event."""
    NOT_CONNECTED = "not_connected"
    TIMED_OUT = "timed_out"
    CONNECTION_LOST = "connection_lost"
    SERVER_ERROR = "server_error"
    UNREADABLE_REPLY = "unreadable_reply"
    COUNT_MISMATCH = "count_mismatch"
    THROTTLED = "throttled"
    QUOTA_CUT = "quota_cut"
    """The platform cut the quota because it suspects abuse: somebody has to look."""
    CREDENTIAL = "credential"
    PERMISSION = "permission"
    CONFIGURATION = "configuration"
    REDIRECTED = "redirected"
    REJECTED = "rejected"
    UNKNOWN_ERROR = "unknown_error"
    NOT_HASHED = "not_hashed"
    """The platform took a digest for a clear value: a bug of ours or of theirs, never the event's."""
    TOO_LARGE = "too_large"
    EXPIRED = "expired"
    """Older than the platform's age limit."""
    AMBIGUOUS_EXPIRED = "ambiguous_expired"
    """The platform may have it, and its window for recognising a repeat is over: never sent again."""
    CONSENT_EXPIRED = "consent_expired"
    WITHDRAWN = "withdrawn"
    REFUNDED = "refunded"
    """All the money of the order went back while it waited: there is no conversion to report."""
    UNSEALABLE = "unsealable"
    """The stored record failed its authentication tag or could not be read."""
    DESTINATION_REMOVED = "destination_removed"
    HELD = "held"
    """Younger than the destination takes its events."""
    CONTRACT = "contract"
    """What would have left is not in the destination's contract: nothing was sent."""
    PAUSED_BY_OPERATOR = "paused_by_operator"
    """An operator has paused the destination: nothing goes there until one resumes it."""


@unique
class Processing(Word):
    """What became of an event that a platform had taken for processing, as the platform tells it afterwards."""

    USED = "used"
    DUPLICATE = "duplicate"
    """The platform had it already; nothing is missing and nothing is counted twice."""
    NOT_USED = "not_used"
    """This event is of no use to the platform: too old, without a click that it knows, unreadable, without its consent."""
    MISCONFIGURED = "misconfigured"
    """An account or a conversion action is not set up for it; more events will go the same way."""
    PENDING = "pending"
    UNTOLD = "untold"
    """The platform never said."""


@unique
class Signal(Word):
    """A source of consent that an event can carry."""

    ADVERTISING = "advertising"
    VENDORS = "vendors"
    GOOGLE = "google"
    GCS = "gcs"
    GCD = "gcd"
    SHOPIFY = "shopify"
    SHOPIFY_VISITOR = "shopify_visitor"
    TCF = "tcf"
    AC = "ac"
    GPP = "gpp"
    US_PRIVACY = "us_privacy"
    GPC = "gpc"
    COOKIEBOT = "cookiebot"
    ONETRUST = "onetrust"
    DIDOMI = "didomi"
    AXEPTIO = "axeptio"
    PANDECTES = "pandectes"
    CONSENTMO = "consentmo"
    GIVEN_AT = "given_at"
    MINOR = "minor"
    RECORD = "record"
    """A consent record that the event cites, and what stands of it by itself: its age, its withdrawal."""
    UNSUPPORTED = "unsupported"


@unique
class State(Word):
    """What a signal says. `invalid` behaves as `denied`; what is absent never behaves as granted."""

    GRANTED = "granted"
    PERMITTED = "permitted"
    """Allowed, without proof that a person made a choice."""
    DENIED = "denied"
    OPTED_OUT = "opted_out"
    INVALID = "invalid"


@unique
class Remark(IntEnum):
    """What the boundary did to a field; a bit position in `Trace.remarks`."""

    EMAIL_HASHED = 0
    EMAIL_UNUSABLE = 1
    EMAIL_DIGEST_PASSED = 2
    EMAIL_NOT_NEEDED = 3
    IP_TRUNCATED = 4
    IP_UNUSABLE = 5
    IP_NOT_NEEDED = 6
    USER_AGENT_REDUCED = 7
    USER_AGENT_KEPT = 8
    USER_AGENT_REMOVED = 9
    PAGE_URL_REDUCED_TO_ORIGIN = 10
    PAGE_URL_UNUSABLE = 11
    CLICK_ID_KEPT = 12
    CLICK_ID_REMOVED = 13
    CLICK_ID_UNUSABLE = 14
    UNKNOWN_FIELDS_REMOVED = 15
    TIME_SET_TO_NOW = 16
    CONSENT_SIGNALS_REMOVED = 17
    REGION_REMOVED = 18
    PAGE_URL_NOT_NEEDED = 19
    MONEY_NOT_NEEDED = 20
    CONTENT_IDS_KEPT = 21
    CONTENT_IDS_REMOVED = 22
    CONTENT_ID_UNUSABLE = 23
    PAGE_PATH_KEPT = 24
    """Beside the origin."""
    PAGE_PATH_REMOVED = 25
    """Wanted, but there was none beyond the root, or it may say more than which page it is."""


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


EXPONENTS: Final = {
    "BHD": 3, "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "IQD": 3, "ISK": 0, "JOD": 3, "JPY": 0, "KMF": 0, "KRW": 0,
    "KWD": 3, "LYD": 3, "OMR": 3, "PYG": 0, "RWF": 0, "TND": 3, "UGX": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0,
    "XPF": 0,
}  # fmt: skip
"""Minor-unit exponents that are not 2: ISO 4217, https://www.iso.org/iso-4217-currency-codes.html (read 2026-11-22)."""

UNITS: Final = {code: float(10**exponent) for code, exponent in EXPONENTS.items()}
"""Minor units to the major one where they are not a hundred."""

CODES: Final = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP "
    "CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR "
    "IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU "
    "MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG "
    "SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV "
    "WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG"
)
CURRENCIES: Final = frozenset(CODES.split())
LARGEST: Final = {code: 10**7 * 10 ** EXPONENTS.get(code, 2) for code in CURRENCIES}
"""The largest amount per currency, in minor units: 10^7 major units."""


class Money(msgspec.Struct, frozen=True, gc=False):
    """An amount in the currency's minor unit (cents, yen): 0 … 10^7 major units. Raises ValueError otherwise."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        """Refuse an unknown currency or an amount outside the range."""
        if self.currency not in LARGEST or not 0 <= self.minor <= LARGEST[self.currency]:
            raise ValueError("Money")

    @property
    def exponent(self) -> int:
        """Digits after the decimal point in this currency."""
        return EXPONENTS.get(self.currency, 2)

    @property
    def decimal(self) -> Decimal:
        """The exact amount in major units."""
        return Decimal(self.minor).scaleb(-self.exponent)

    @property
    def text(self) -> str:
        """The exact amount as plain digits with the currency's own number of places: `129.90`, `1500`."""
        minor = self.minor
        if (places := EXPONENTS.get(self.currency, 2)) == 2:
            return f"{minor // 100}.{minor % 100:02d}"
        if places == 0:
            return str(minor)
        whole, part = divmod(minor, 10**places)
        return f"{whole}.{part:0{places}d}"

    @property
    def number(self) -> float:
        """The amount as the nearest double; its shortest form reads back as the exact decimal (≤ 10 digits)."""
        return self.minor / UNITS.get(self.currency, 100.0)


class EmailDigests(msgspec.Struct, frozen=True, gc=False):
    """One digest per platform, because their normalisations differ; `None` where there is none that may serve it."""

    meta: EmailDigest | None = None
    pinterest: EmailDigest | None = None
    google_ads: EmailDigest | None = None

    def distinct(self) -> tuple[EmailDigest, ...]:
        """The digests without repeats, in a stable order."""
        if self.meta is not None and self.meta == self.pinterest == self.google_ads:  # nearly always: a seventh of the time
            return (self.meta,)
        return tuple(dict.fromkeys(d for d in (self.meta, self.pinterest, self.google_ads) if d is not None))

    def __repr__(self) -> str:
        """Say nothing of what is inside."""
        return "<EmailDigests>"


class ClickIds(msgspec.Struct, frozen=True, gc=False):
    """Ad click ids, only those that some destination's policy asked for."""

    gclid: GoogleClickId | None = None
    gbraid: GoogleClickId | None = None
    wbraid: GoogleClickId | None = None
    fbc: MetaClickId | None = None
    fbp: MetaBrowserId | None = None
    epik: PinterestClickId | None = None

    def __repr__(self) -> str:
        """Say nothing of what is inside."""
        return "<ClickIds>"


class Minimised(msgspec.Struct, frozen=True, gc=False):
    """An event after the boundary: all that is stored, and all that a platform can be told.

    `occurred_at` and `consent_at` are Unix seconds. `destinations` are those that consent, identity and the
    storefront's policy allow; it is never empty. `ads_personalisation` is Google's separate permission. `restricted` is the
    state under whose law the person opted out: a destination that gets the event must be told so by its own mark.
    """

    kind: Kind
    event_id: EventId
    occurred_at: int
    destinations: tuple[Destination, ...]
    consent_at: int
    ads_personalisation: bool = False
    email: EmailDigests | None = None
    ip: TruncatedIp | None = None
    user_agent: UserAgent | None = None
    page_origin: PageOrigin | None = None
    money: Money | None = None
    click: ClickIds | None = None
    restricted: UsState | None = None
    content_ids: tuple[ContentId, ...] = ()
    page_path: PagePath | None = None
    """Only ever beside `page_origin`."""
    persons: tuple[PersonKey, ...] = ()
    """What else the person is known by, beside the e-mail digests: it finds the event when consent is withdrawn."""
    evidence: EvidenceId | None = None
    """The consent record that allowed it, where the event's own signals did not."""

    def __repr__(self) -> str:
        """Say nothing of what is inside: what is hashed and cut is personal data still."""
        return "<Minimised>"


class Refund(msgspec.Struct, frozen=True, gc=False):
    """Money that went back for an order, as the shop's platform tells it. `order` is the id of the order's purchase.

    What the platform tells again under the same `name` is the same refund.
    """

    order: EventId
    name: RefundId
    money: Money


class Trace(msgspec.Struct, frozen=True, gc=False):
    """Why an event may go or not go: rules and codes only, so few distinct ones exist and none identifies anybody.

    `rule` is the version of the decision table. `signals` is what was seen, in reading order. `refused` names the
    destinations left out with their reason; `allowed` those that may have it. `remarks` is a bit set of `Remark`.
    """

    status: Status
    rule: str
    signals: tuple[tuple[Signal, State], ...]
    allowed: tuple[Destination, ...]
    refused: tuple[tuple[Destination, Refusal], ...]
    remarks: int

    def overruled(self, why: Refusal) -> "Trace":
        """Give the decision on the same event once `why` stands against it: it may go nowhere that it was wanted for.

        That is what the store knows by then: its person has withdrawn, or its money went back.
        """
        wanted = {*self.allowed, *(destination for destination, _ in self.refused)}
        refused = tuple((destination, why) for destination in Destination if destination in wanted)
        return Trace(Status.REFUSED, self.rule, self.signals, (), refused, self.remarks)


# ── what became of a delivery attempt ────────────────────────────────────────────────────────────────────────────


class Delivered(msgspec.Struct, frozen=True, gc=False):
    """The platform's own answer says that it has this event.

    `after` is how many seconds to leave it alone all the same, because a quota is nearly used up; None: not at all.
    """

    reason: Reason = Reason.CONFIRMED
    code: PlatformCode | None = None
    receipt: Receipt | None = None
    after: float | None = None


class Retry(msgspec.Struct, frozen=True, gc=False):
    """The platform certainly does not have it, and trying again later may help. `after` is seconds, if it was told.

    `apart`: the platform has answered for this event and takes others, so it waits by itself: exactly `after` seconds, or
    ever longer where none are given.
    """

    reason: Reason
    after: float | None = None
    code: PlatformCode | None = None
    apart: bool = False


class Throttle(msgspec.Struct, frozen=True, gc=False):
    """The platform asks for fewer requests; costs the event nothing. `after` is seconds, if it was told."""

    reason: Reason = Reason.THROTTLED
    after: float | None = None
    code: PlatformCode | None = None


class Maybe(msgspec.Struct, frozen=True, gc=False):
    """The platform may have it or not; sent again only inside the platform's window for recognising repeats.

    `after` is seconds, if it was told: when the platform may be asked again, which lengthens no such window.
    """

    reason: Reason
    code: PlatformCode | None = None
    after: float | None = None


class Isolate(msgspec.Struct, frozen=True, gc=False):
    """The whole request was refused for one of its events, nothing was taken. `suspect` marks the one hinted at."""

    reason: Reason = Reason.REJECTED
    code: PlatformCode | None = None
    suspect: bool = False


class Rejected(msgspec.Struct, frozen=True, gc=False):
    """The platform will never take this event: a dead letter."""

    reason: Reason = Reason.REJECTED
    code: PlatformCode | None = None


class Pause(msgspec.Struct, frozen=True, gc=False):
    """Credential, permission or configuration: the destination stops and every event is kept.

    `after` is how long to leave the platform alone before the next probe, in seconds; None leaves that to the lane.
    """

    reason: Reason
    code: PlatformCode | None = None
    after: float | None = None


Verdict = Delivered | Retry | Throttle | Maybe | Isolate | Rejected | Pause
"""What one attempt means for one event."""
