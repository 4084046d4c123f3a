"""The closed vocabularies: whatever is said of an event is one of these words.

They are metric labels, answers and columns of the store, so what is in use is never renamed.
"""

from enum import IntEnum, StrEnum, unique


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
