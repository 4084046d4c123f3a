"""What a reason and a platform's code mean for the shop, and what to do next: one table per platform. Pure.

The adapters read answers; the words for people stand here, because explanations, dead letters, readiness and `check --live`
all say them and none of these may know an adapter. Every code that an adapter's tables know has a line of its own; a
code that is new is explained by the reason it was given. Nothing here comes from a platform's message: those are
localised, change, and repeat what was sent.

https://developers.facebook.com/documentation/ads-commerce/marketing-api/error-reference,
https://developers.facebook.com/documentation/ads-commerce/conversions-api/using-the-api,
https://github.com/pinterest/api-description (v5 openapi),
https://developers.google.com/data-manager/api/devguides/concepts/understand-errors and
https://developers.google.com/data-manager/api/reference/rpc/google.ads.datamanager.v1#errorreason (read 2026-11-22)
"""

from collections.abc import Iterable, Mapping
from typing import Final

from gateway.audit.refusals import REFUSALS, Advice
from gateway.model.words import Destination, Kind, Reason, Refusal

NAMES: Final = {Destination.META: "Meta", Destination.PINTEREST: "Pinterest", Destination.GOOGLE_ADS: "Google Ads"}

NOTHING: Final = "Nothing: it is tried again by itself."
NEXT_TOKEN: Final = "Put it where the setting `credential` leads to; an `env:` one takes a restart."  # noqa: S105 - a sentence
REPLAY: Final = "`consent-gateway replay` sends again what can still go."

"""By why an event may not go to a destination."""

# ── any platform ─────────────────────────────────────────────────────────────────────────────────────────────────

REASONS: Final[Mapping[Reason, Advice]] = {
    Reason.CONFIRMED: Advice("{platform} has it, by its own count.", "Nothing."),
    Reason.ACCEPTED_FOR_PROCESSING: Advice("{platform} took it and works on it later.", "Nothing."),
    Reason.DUPLICATE_AT_PLATFORM: Advice("{platform} had it already.", "Nothing."),
    Reason.NOT_CONNECTED: Advice(
        "{platform} could not be reached: nothing was sent.",
        "Look at this machine's network, DNS and firewall: it must reach the platform's host on port 443.",
    ),
    Reason.TIMED_OUT: Advice("{platform} did not answer in time; it may have the event all the same.", NOTHING),
    Reason.CONNECTION_LOST: Advice(
        "The connection broke before {platform} had answered; it may have the event all the same.", NOTHING
    ),
    Reason.SERVER_ERROR: Advice("{platform} has a fault of its own.", f"{NOTHING} If it lasts, look at its status page."),
    Reason.UNREADABLE_REPLY: Advice(
        "{platform}'s answer could not be read: perhaps it was not the platform that answered.",
        "See whether a proxy or firewall answers in its place; else look at its status page.",
    ),
    Reason.COUNT_MISMATCH: Advice("{platform} did not account for every event that it was sent.", NOTHING),
    Reason.THROTTLED: Advice(
        "{platform} asks for fewer requests.", "Nothing: it is obeyed. If it lasts, ask for a higher quota."
    ),
    Reason.QUOTA_CUT: Advice(
        "{platform} has cut the quota, as it does against abuse.",
        "Find out who else uses the token, and look for a notice in the platform's pages; nothing here ends it.",
    ),
    Reason.CREDENTIAL: Advice("{platform} does not accept the token.", f"Make a new one. {NEXT_TOKEN}"),
    Reason.PERMISSION: Advice(
        "{platform} knows the token, but it may not do this.",
        "Give its user or app the right to send conversions to this account.",
    ),
    Reason.CONFIGURATION: Advice(
        "{platform} does not know what the settings name, or refused nearly everything.",
        "Compare the ids in the destination's settings with those in the platform's own pages, and restart.",
    ),
    Reason.REDIRECTED: Advice(
        "The address sent the request elsewhere, and events follow nobody.",
        "Correct `base_url`, or see whether a proxy or login page answers in the platform's place.",
    ),
    Reason.REJECTED: Advice("{platform} refused the event for good.", "Look up its code in the platform's own pages."),
    Reason.UNKNOWN_ERROR: Advice(
        "The answer was not understood, or the adapter failed on it.",
        "Look the code up in the platform's pages; without one, look for `adapter_fault` in the log.",
    ),
    Reason.NOT_HASHED: Advice(
        "{platform} took a digest for a clear value.", "Report it: the gateway hashes everything that must be."
    ),
    Reason.TOO_LARGE: Advice("{platform} does not take so much in one request.", "Make `batch_events` smaller."),
    Reason.EXPIRED: Advice("The event was older than {platform} takes.", "Nothing can be done for it; send orders sooner."),
    Reason.AMBIGUOUS_EXPIRED: Advice(
        "It may have arrived, and {platform} would no longer recognise a repeat.",
        "Nothing: sent again, it might count twice. Compare with the platform's own figures.",
    ),
    Reason.CONSENT_EXPIRED: Advice("The consent had grown too old before the event could go.", "Nothing: it may not go."),
    Reason.WITHDRAWN: Advice("The person has withdrawn.", "Nothing: it may not go."),
    Reason.REFUNDED: Advice("All the money of the order went back before it could go.", "Nothing: there is no sale to report."),
    Reason.UNSEALABLE: Advice(
        "The stored record could not be opened: a damaged disk, or another key file.",
        "Bring the right key file back, if there is one; else look at the disk.",
    ),
    Reason.DESTINATION_REMOVED: Advice(
        "The destination was taken out of the settings.",
        "Put it back, and its events go; what had waited for a week by then is a dead letter, and goes when it is replayed.",
    ),
    Reason.HELD: Advice("It is younger than {platform} takes its events.", "Nothing: it goes when it is old enough."),
    Reason.CONTRACT: Advice(
        "What would have left is not in the destination's contract, so nothing was sent.",
        f"Have the privacy team compare settings and contract. {REPLAY}",
    ),
    Reason.PAUSED_BY_OPERATOR: Advice(
        "An operator has paused {platform}: events are kept, and go on growing older.",
        "Resume it on the page Destinations, or with `consent-gateway resume`, before the first is too old.",
    ),
}
"""By reason: what is said where a code says no more."""

NOT_SET_UP: Final = Advice(
    "{platform} took events and cannot use them: something is not set up in the account.",
    "Look up its code in the platform's own pages; `consent-gateway accounts` shows how many it concerns.",
)
"""Of a later word on events that were taken, where its code says no more."""

CODELESS: Final[Mapping[Reason, Advice]] = {
    Reason.REJECTED: Advice(
        "{platform} refused the event for good.", "It gave no code: compare the event in the shop with docs/events.md."
    ),
}
"""By reason, where advice would send people to a code and there is none."""

REACHING: Final[Mapping[str, Advice]] = {
    "name": Advice("The name of {platform}'s host could not be resolved.", "Look at `base_url` and at this machine's DNS."),
    "refused": Advice(
        "Nobody listens at {platform}'s address, or the way there is closed.",
        "Look at `base_url`, and whether a firewall lets this machine out on port 443.",
    ),
    "unreachable": Advice(
        "There is no way from here to {platform}'s address.",
        "Look at this machine's network and routes, and whether a firewall closes port 443.",
    ),
    "connect-timeout": Advice(
        "{platform}'s address does not answer.", "See whether a firewall drops what this machine sends out on port 443."
    ),
    "certificate": Advice(
        "The certificate at {platform}'s address is not one for this host from a trusted authority.",
        "See whether a proxy reads TLS traffic, and whether this machine's authorities and clock are up to date.",
    ),
    "tls": Advice(
        "No TLS connection could be made with {platform}'s address.",
        "See whether a proxy stands in between, or whether the port speaks TLS at all.",
    ),
    "token-endpoint": Advice(
        "The address where tokens are got did not answer, so nothing was sent.",
        f"{NOTHING} If it lasts, see whether a firewall or proxy holds up what this machine sends to oauth2.googleapis.com.",
    ),
    "http-401": Advice("{platform} does not accept the token.", f"Make a new one. {NEXT_TOKEN}"),
    "http-403": Advice(
        "{platform}, or something before it, does not allow the request.",
        "See whether the token's owner may use this account, and whether a firewall answers in the platform's place.",
    ),
    "http-404": Advice(
        "There is nothing at the address that the settings make.",
        "Compare the account's id and the API version with the platform's pages.",
    ),
    "http-405": Advice("The address does not take events.", "Look at `base_url`: it may be another service."),
    "http-407": Advice("A proxy wants a login of its own.", "Let the gateway reach the platform without one."),
    "http-408": Advice("{platform} waited too long for the request; it may have the event all the same.", NOTHING),
    "http-409": Advice("{platform} was in conflict with itself; it may have the event all the same.", NOTHING),
    "http-410": Advice("The API of this address was switched off.", "Update the gateway or the version in its settings."),
    **dict.fromkeys(
        (
            "http-402",
            "http-406",
            "http-411",
            "http-414",
            "http-417",
            "http-421",
            "http-426",
            "http-428",
            "http-431",
            "http-451",
        ),
        Advice(
            "Something on the way refuses the request as such, whatever events are in it.",
            "Look at `base_url`, and at proxies and firewalls between here and there.",
        ),
    ),
    "http-413": Advice("{platform} does not take so much in one request.", "Make `batch_events` smaller."),
    "http-415": Advice("The address does not take JSON.", "Look at `base_url`: it may be another service."),
    "http-425": Advice("{platform} was not ready for the request.", NOTHING),
    "http-429": Advice("{platform} asks for fewer requests.", "Nothing: it is obeyed. If it lasts, ask for a higher quota."),
    "http-499": Advice("The connection ended before {platform} had answered.", NOTHING),
}
"""By what happened on the way, or by a bare HTTP status."""

# ── Meta ─────────────────────────────────────────────────────────────────────────────────────────────────────────

META_TOKEN: Final = (
    f"Make a new one in Events Manager: data set, Settings, Conversions API, Generate access token. {NEXT_TOKEN}"
)
META_RIGHTS: Final = "In Business settings, give the system user or app that owns the token this data set, with full control."
META_BUSY: Final = Advice("Meta has a fault of its own.", NOTHING)
META_SLOWER: Final = Advice("Meta asks for fewer requests.", "Nothing: it is obeyed. Larger batches need fewer requests.")
META_DENIED: Final = Advice("The token may not send events to this data set.", META_RIGHTS)
META_ADDRESS: Final = Advice(
    "Meta does not know the address that the settings make.",
    "Compare `pixel_id` and `version` with Events Manager, and restart.",
)
META_PART: Final = Advice(
    "Meta found a value of the event missing or badly formed.",
    "Compare the event in the shop with docs/events.md; if many fail alike, report it: the gateway should not have sent it.",
)

META: Final[Mapping[str, Advice]] = {
    **dict.fromkeys(("1", "2", "5000"), META_BUSY),
    **dict.fromkeys(("4", "17", "32", "341", "429", "613/1487742", "613/5044001"), META_SLOWER),
    **dict.fromkeys(map(str, (*range(80000, 80007), 80008, 80009, 80014)), META_SLOWER),
    "613": Advice(
        "Meta has cut the quota, as it does against abuse.",
        "Find out who else uses the token; the gateway waits an hour between tries.",
    ),
    **dict.fromkeys(map(str, (3, 10, *range(200, 300))), META_DENIED),
    "368": Advice(
        "Meta has blocked the account or app for a while, over its policies.",
        "Read the notice in Business support home and answer it there.",
    ),
    "102": Advice("The token's session is over.", META_TOKEN),
    "190": Advice("The access token is not valid.", META_TOKEN),
    "190/458": Advice("The app that made the token was removed from the account.", META_TOKEN),
    "190/459": Advice(
        "Meta wants the token's owner to log in and pass a check.",
        "Let that person log in at Facebook, then make a new token; one of a system user has no such trouble.",
    ),
    "190/460": Advice("The token died with its owner's old password.", META_TOKEN),
    "190/463": Advice("The access token has expired.", f"{META_TOKEN} One of a system user can be made without an end."),
    "104": Advice(
        "Meta asks for a proof that the sender knows the app's secret, or got a wrong one.",
        "Let `app_secret` lead to the app's secret, or switch `Require app secret` off in the app.",
    ),
    "803": META_ADDRESS,
    "2500": META_ADDRESS,
    "2635": Advice(
        "This version of Meta's API is closed.",
        "Update the gateway, or raise `version` in the destination's settings, and restart.",
    ),
    "100/33": Advice(
        "There is no such data set, or the token may not see it.",
        f"Compare `pixel_id` with the id in Events Manager. {META_RIGHTS}",
    ),
    "100/2804001": Advice("Meta does not take the click id (fbc).", "See that the shop passes the cookie `_fbc` on unchanged."),
    "100/2804003": Advice(
        "The event was older than seven days, which is as long as Meta takes one.",
        "Nothing can be done for it; send orders sooner.",
    ),
    "100/2804009": Advice("A purchase came without its value.", "Let the shop send `order.value`."),
    "100/2804010": Advice("A purchase came without its currency.", "Let the shop send `order.currency`."),
    "100/2804016": Advice("Meta says that a value was not hashed.", "Report it: the gateway hashes everything that must be."),
    "100/2804019": META_PART,
    "100/2804050": Advice(
        "Meta cannot know anybody by what the event holds.",
        "Let the shop send the customer's e-mail address; the gateway hashes it.",
    ),
    "100": Advice(
        "Meta found something wrong in the request.",
        "If every event fails so, compare `pixel_id` and `test_event_code` with Events Manager.",
    ),
    "configuration/100": Advice(
        "Meta refuses the request itself, as it does for a wrong proof of the app's secret.",
        "Compare `app_secret` with the app's settings at Meta; if it is right, compare `pixel_id` with Events Manager.",
    ),
    "105": Advice("Meta says that there are too many parameters.", "Report it: the gateway sends few."),
    "21009": Advice("The data set is not ready yet.", NOTHING),
}
"""By `code` or `code/subcode`; a subcode without a line is explained by its code."""

# ── Pinterest ────────────────────────────────────────────────────────────────────────────────────────────────────

PINTEREST_TOKEN: Final = f"Make a new conversion access token in Ads Manager: Conversions, Set up API. {NEXT_TOKEN}"
PINTEREST_PART: Final = Advice(
    "Pinterest refused the request as a whole over something in it.",
    "If every event fails so, compare `ad_account_id` with Ads Manager; else compare this one with docs/events.md.",
)
PINTEREST_SLOWER: Final = Advice(
    "Pinterest asks for fewer requests.", "Nothing: it is obeyed. Its conversion access tokens are limited least."
)

PINTEREST: Final[Mapping[str, Advice]] = {
    "credential/2": Advice("The token is not valid, or was revoked.", PINTEREST_TOKEN),
    "permission/3": Advice("The token lacks the rights to send conversions (`ads:write`).", PINTEREST_TOKEN),
    "permission/29": Advice(
        "The token may not use this ad account.",
        f"Compare `ad_account_id` with Ads Manager; the token must be made in that very account. {PINTEREST_TOKEN}",
    ),
    "configuration/2": Advice(
        "There is no such ad account.", "Compare `ad_account_id` with the id in Ads Manager's address, and restart."
    ),
    "configuration/2625": Advice(
        "The ad account was disapproved.",
        "Ask Pinterest's support; events are kept meanwhile, for as long as Pinterest takes them.",
    ),
    "configuration/2626": Advice(
        "The ad account is still in review.",
        "Wait for Pinterest; events are kept meanwhile, for as long as Pinterest takes them.",
    ),
    "throttled/8": PINTEREST_SLOWER,
    "throttled/30": PINTEREST_SLOWER,
    "server_error/4197": Advice("Pinterest has switched this endpoint off for now.", NOTHING),
    "rejected/1": PINTEREST_PART,
    "rejected/4196": PINTEREST_PART,
    "rejected/953": Advice(
        "Pinterest did not take this event.",
        "Look at it with `consent-gateway explain`: too old, or a value that Pinterest does not take.",
    ),
}
"""By reason and code, because small codes mean different things under different statuses."""

# ── Google Ads ───────────────────────────────────────────────────────────────────────────────────────────────────

GOOGLE_EVENT: Final = Advice(
    "Google found a value of the event missing or badly formed.",
    "If every event fails so, compare the settings with Google Ads; else compare this one with docs/events.md.",
)
GOOGLE_BUSY: Final = Advice("Google has a fault of its own.", NOTHING)
GOOGLE_SLOWER: Final = Advice(
    "The Cloud project's quota is used up for the moment.",
    "Nothing: it is obeyed. If it lasts, ask for more in the Cloud console.",
)
GOOGLE_ACCESS: Final = Advice(
    "The credential may not use this Google Ads account.",
    "Make its e-mail address (a service account's too) a user of the account, or set `login_account` to its manager.",
)
GOOGLE_ACTION: Final = Advice(
    "A conversion action in the settings does not exist in this account, or is of a kind that takes no imports.",
    "Compare `conversion_actions` with Google Ads: Goals, Conversions; the id is `ctId` in the address of the action's page.",
)
GOOGLE_TERMS: Final = Advice(
    "The account has not accepted the terms for customer data.",
    "Accept them in Google Ads: Goals, Settings, Customer data terms.",
)
GOOGLE_ENHANCED: Final = Advice(
    "Enhanced conversions are not switched on in the account.",
    "Switch them on in Google Ads: Goals, Settings, Enhanced conversions (for leads).",
)
GOOGLE_ACCOUNTS: Final = Advice(
    "The accounts in the settings do not belong together.",
    "Compare `operating_account` (it owns the conversion actions) and `login_account` (the manager) with Google Ads.",
)
GOOGLE_BUG: Final = Advice("Google does not take a request of this form.", "Report it: the gateway should not have sent it.")
GOOGLE_API: Final = Advice(
    "The API is not switched on in the credential's Cloud project.",
    "Enable it in the Cloud console, wait some minutes, and make sure the project itself is active.",
)

GOOGLE_POLICY: Final = Advice(
    "Google's policies keep this account from sending customer data.",
    "Ask Google's support; nothing in the gateway changes that.",
)
GOOGLE_BRAID: Final = Advice(
    "The conversion action counts one conversion per click, which clicks without a gclid do not allow.",
    "Let the action count every conversion, in Google Ads: Goals, Conversions.",
)
GOOGLE_SMALLER: Final = Advice("Google does not take so many events in one request.", "Make `batch_events` smaller.")
GOOGLE_TOKEN: Final = Advice(
    "The access token is not valid or has expired.",
    f"Make a new one, or use a service account, whose tokens are renewed. {NEXT_TOKEN}",
)
GOOGLE_VERSION: Final = Advice(
    "This version of the Google Ads API is closed.",
    "Update the gateway, or raise `version` in the destination's settings, and restart.",
)
GOOGLE_HAS_IT: Final = Advice("Google had this conversion already, from an earlier try.", "Nothing.")
GOOGLE_TWICE: Final = Advice("Two conversions of one request were the same.", "Nothing: each is sent again alone.")
GOOGLE_YOUNG: Final = Advice("The click or the conversion action is younger than Google finds it: six hours.", NOTHING)
GOOGLE_OLD: Final = Advice(
    "The conversion came later after its click than the conversion action allows.",
    "Send orders sooner, or lengthen the action's click-through window in Google Ads.",
)
GOOGLE_NO_CLICK: Final = Advice(
    "Google does not find the click, or it came after the conversion.",
    "Nothing for this event; if there are many, see that the shop passes the click id on unchanged.",
)
GOOGLE_UNTRACKED: Final = Advice(
    "Conversions were not counted in the account when the ad was shown.", "Nothing: later clicks will count."
)
GOOGLE_OTHERS_CLICK: Final = Advice(
    "The click belongs to another Google Ads account.",
    "Nothing for this event; if there are many, compare `operating_account` with the account that runs the ads.",
)
GOOGLE_PERSONAL: Final = Advice(
    "Google takes something in the conversion for a person's data.",
    "See that event ids hold no name, number or address of anybody.",
)
GOOGLE_ATTRIBUTION: Final = Advice(
    "The conversion action takes conversions that another tool has attributed, which these are not.",
    "Name an action in `conversion_actions` that is not externally attributed.",
)
GOOGLE_DEVELOPER: Final = Advice(
    "The developer token is not valid, or not approved for this account.",
    "Compare `developer_token` with the API Center of the manager account, and apply for access there.",
)
GOOGLE_CLOSED: Final = Advice(
    "Google has closed this API to accounts that did not use it before.",
    'Set `transport = "data_manager"`: the Data Manager API takes conversions from everybody.',
)
GOOGLE_VALUE: Final = Advice(
    "Google does not take a value of this conversion: a date, an amount, a currency or a text.",
    "Compare the event in the shop with docs/events.md.",
)


def under(family: str, others: Advice, *classes: tuple[Advice, str]) -> Mapping[str, Advice]:
    """Make the lines of one family of errors: of some of its values, and of the family for all others."""
    return {family: others} | {f"{family}.{value}": advice for advice, values in classes for value in values.split()}


ADS_API: Final[Mapping[str, Advice]] = {
    **under(
        "conversionUploadError",
        GOOGLE_EVENT,
        (GOOGLE_HAS_IT, "ORDER_ID_ALREADY_IN_USE CLICK_CONVERSION_ALREADY_EXISTS CALL_CONVERSION_ALREADY_EXISTS"),
        (GOOGLE_TWICE, "DUPLICATE_ORDER_ID DUPLICATE_CLICK_CONVERSION_IN_REQUEST DUPLICATE_CALL_CONVERSION_IN_REQUEST"),
        (GOOGLE_YOUNG, "TOO_RECENT_EVENT TOO_RECENT_CONVERSION_ACTION TOO_RECENT_CALL"),
        (GOOGLE_OLD, "EXPIRED_EVENT EXPIRED_CALL"),
        (GOOGLE_NO_CLICK, "EVENT_NOT_FOUND CLICK_NOT_FOUND CALL_NOT_FOUND CONVERSION_PRECEDES_EVENT CONVERSION_PRECEDES_CALL"),
        (GOOGLE_NO_CLICK, "UNPARSEABLE_GCLID UNPARSEABLE_WBRAID UNPARSEABLE_GBRAID UNPARSEABLE_CALLERS_PHONE_NUMBER"),
        (GOOGLE_NO_CLICK, "GBRAID_WBRAID_BOTH_SET CONVERSION_NOT_COMPLIANT_WITH_ATT_POLICY"),
        (GOOGLE_UNTRACKED, "CONVERSION_TRACKING_NOT_ENABLED_AT_IMPRESSION_TIME CONVERSION_TRACKING_NOT_ENABLED_AT_CALL_TIME"),
        (GOOGLE_OTHERS_CLICK, "INVALID_CUSTOMER_FOR_CLICK INVALID_CUSTOMER_FOR_CALL UNAUTHORIZED_CUSTOMER"),
        (GOOGLE_EVENT, "INVALID_USER_IDENTIFIER UNSUPPORTED_USER_IDENTIFIER UNSPECIFIED UNKNOWN"),
        (GOOGLE_PERSONAL, "ORDER_ID_CONTAINS_PII CUSTOM_VARIABLE_VALUE_CONTAINS_PII"),
        (GOOGLE_ACTION, "NO_CONVERSION_ACTION_FOUND INVALID_CONVERSION_ACTION_TYPE"),
        (GOOGLE_TERMS, "CUSTOMER_NOT_ACCEPTED_CUSTOMER_DATA_TERMS"),
        (GOOGLE_ENHANCED, "CUSTOMER_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS"),
        (GOOGLE_POLICY, "CUSTOMER_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS"),
        (GOOGLE_BRAID, "ONE_PER_CLICK_CONVERSION_ACTION_NOT_PERMITTED_WITH_BRAID"),
        (GOOGLE_ATTRIBUTION, "EXTERNAL_ATTRIBUTION_DATA_SET_FOR_NON_EXTERNALLY_ATTRIBUTED_CONVERSION_ACTION"),
        (GOOGLE_ATTRIBUTION, "EXTERNAL_ATTRIBUTION_DATA_NOT_SET_FOR_EXTERNALLY_ATTRIBUTED_CONVERSION_ACTION"),
        (GOOGLE_ATTRIBUTION, "ORDER_ID_NOT_PERMITTED_FOR_EXTERNALLY_ATTRIBUTED_CONVERSION_ACTION"),
        (GOOGLE_ATTRIBUTION, "EXTERNALLY_ATTRIBUTED_CONVERSION_ACTION_NOT_PERMITTED_WITH_USER_IDENTIFIER"),
        (GOOGLE_BUG, "CUSTOM_VARIABLE_NOT_ENABLED INVALID_JOB_ID"),
        (GOOGLE_SMALLER, "TOO_MANY_CONVERSIONS_IN_REQUEST"),
    ),
    **under("quotaError", GOOGLE_SLOWER, (GOOGLE_DEVELOPER, "ACCESS_PROHIBITED")),
    **under("internalError", GOOGLE_BUSY),
    **under(
        "authenticationError",
        GOOGLE_ACCESS,
        (GOOGLE_TOKEN, "OAUTH_TOKEN_EXPIRED OAUTH_TOKEN_INVALID OAUTH_TOKEN_HEADER_INVALID OAUTH_TOKEN_REVOKED"),
        (GOOGLE_TOKEN, "OAUTH_TOKEN_DISABLED AUTHENTICATION_ERROR GOOGLE_ACCOUNT_AUTHENTICATION_FAILED"),
        (GOOGLE_ACCOUNTS, "CLIENT_CUSTOMER_ID_INVALID CUSTOMER_NOT_FOUND"),
        (GOOGLE_DEVELOPER, "DEVELOPER_TOKEN_INVALID"),
    ),
    **under("authorizationError", GOOGLE_ACCESS, (GOOGLE_API, "PROJECT_DISABLED"), (GOOGLE_ACCOUNTS, "CUSTOMER_NOT_ENABLED")),
    **under("notAllowlistedError", GOOGLE_CLOSED),
    **under("requestError", GOOGLE_BUG, (GOOGLE_BUSY, "RPC_DEADLINE_TOO_SHORT"), (GOOGLE_VERSION, "UNSUPPORTED_VERSION")),
    **under("databaseError", GOOGLE_BUSY, (GOOGLE_SMALLER, "REQUEST_TOO_LARGE")),
    **dict.fromkeys(("headerError", "partialFailureError", "collectionSizeError", "enumError"), GOOGLE_BUG),
    "idError": GOOGLE_ACTION,
    **dict.fromkeys(("currencyCodeError", "dateError", "fieldError", "rangeError"), GOOGLE_VALUE),
    **dict.fromkeys(("stringFormatError", "stringLengthError"), GOOGLE_VALUE),
}
"""By `family.VALUE` of the Google Ads API; a family alone stands for its other values.

https://developers.google.com/google-ads/api/reference/rpc/v26/ConversionUploadErrorEnum.ConversionUploadError and
https://developers.google.com/google-ads/api/docs/common-errors (read 2026-11-22)
"""

GOOGLE: Final[Mapping[str, Advice]] = {
    **ADS_API,
    **dict.fromkeys(("RATE_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED"), GOOGLE_SLOWER),
    **dict.fromkeys(
        ("ABORTED", "CANCELLED", "DATA_LOSS", "INTERNAL", "INTERNAL_ERROR", "UNAVAILABLE", "DEADLINE_EXCEEDED", "UNKNOWN"),
        GOOGLE_BUSY,
    ),
    "UNAUTHENTICATED": GOOGLE_TOKEN,
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": Advice(
        "The token was made for another of Google's APIs.",
        f"Make one with the scope that the transport needs, which gateway.example.toml names. {NEXT_TOKEN}",
    ),
    "PERMISSION_DENIED": GOOGLE_ACCESS,
    "NOT_FOUND": Advice("Google does not know the account or conversion action.", GOOGLE_ACTION.do),
    **dict.fromkeys(
        ("INVALID_CONVERSION_ACTION_ID", "INVALID_CONVERSION_ACTION_TYPE", "EVENT_SOURCE_AND_DESTINATION_MISMATCH"),
        GOOGLE_ACTION,
    ),
    "product_destination_id": GOOGLE_ACTION,
    "ONE_PER_CLICK_CONVERSION_ACTION_NOT_PERMITTED_WITH_BRAID": GOOGLE_BRAID,
    "EXTERNAL_ATTRIBUTION_DATA_MISSING": GOOGLE_ATTRIBUTION,
    "CUSTOM_VARIABLE_NOT_ENABLED": GOOGLE_BUG,
    "NO_CONSENT": Advice(
        "The account itself has not given Google's core services its consent.",
        "Give it in Google Ads, in the account's settings; it is not the visitors' consent that is missing.",
    ),
    "CONVERSION_ACTION_TOO_RECENTLY_CREATED": Advice(
        "The conversion action is new: Google takes conversions for it after six hours.", NOTHING
    ),
    **dict.fromkeys(
        ("TERMS_AND_CONDITIONS_NOT_SIGNED", "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED"), GOOGLE_TERMS
    ),
    "DESTINATION_ACCOUNT_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS": GOOGLE_ENHANCED,
    "DESTINATION_ACCOUNT_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS": GOOGLE_POLICY,
    **dict.fromkeys(
        (
            "DESTINATION_ACCOUNT_TYPE_MISMATCH",
            "MISMATCHED_ACCOUNT_TYPE",
            "OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH",
            "INVALID_DESTINATION",
        ),
        GOOGLE_ACCOUNTS,
    ),
    "LINKED_ACCOUNT_ONLY_ALLOWED_WITH_DATA_PARTNER_LOGIN_ACCOUNT": GOOGLE_ACCOUNTS,
    "EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED": Advice(
        "The account has not declared whether it advertises politically in the EU.",
        "Make the declaration in Google Ads, in the account's settings.",
    ),
    "ACCOUNT_INELIGIBLE_FOR_STORE_SALES": Advice(
        "A conversion action is one for store sales, which this account may not use.", GOOGLE_ACTION.do
    ),
    **dict.fromkeys(
        ("NOT_ALLOWLISTED", "CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE"),
        Advice(
            "Google has not opened this API to the account.",
            "Use the Data Manager API, which takes conversions from everybody; else ask Google's support for access.",
        ),
    ),
    **dict.fromkeys(("SERVICE_DISABLED", "PROJECT_DISABLED"), GOOGLE_API),
    **dict.fromkeys(
        ("DUPLICATE_DESTINATION_REFERENCE", "MULTIPLE_DATA_TYPES_NOT_ALLOWED", "TOO_MANY_DESTINATIONS", "UNIMPLEMENTED"),
        GOOGLE_BUG,
    ),
    "TOO_MANY_EVENTS": GOOGLE_SMALLER,
    "THIRD_PARTY_USER_DATA_NOT_ALLOWED": Advice(
        "Google does not take customer data of others than the account's own customers.",
        "Look at the customer data policies of the account in Google Ads.",
    ),
    "EVENT_TIME_INVALID": Advice(
        "Google does not take an event of this time.", "See that the shop's clock and `occurred_at` are right."
    ),
    "NO_IDENTIFIERS_PROVIDED": Advice(
        "Google cannot know anybody by what the event holds.",
        "Let the shop send the customer's e-mail address or the click id.",
    ),
    "INVALID_CURRENCY_CODE": Advice("Google does not know the currency.", "Look at `order.currency` of this event."),
    "INVALID_AD_IDENTIFIER_FOR_ACCOUNT": Advice(
        "The click belongs to another Google Ads account.",
        "Nothing for this event; if there are many, compare `operating_account` with the account that runs the ads.",
    ),
    **dict.fromkeys(
        (
            "FAILED_PRECONDITION",
            "FIELD_VALUE_TOO_LONG",
            "FIELD_VALUE_TOO_SHORT",
            "INVALID_ARGUMENT",
            "INVALID_BASE64_ENCODING",
            "INVALID_ENUM_VALUE",
            "INVALID_EVENT",
            "INVALID_FORMAT",
            "INVALID_HEX_ENCODING",
            "INVALID_NUMBER_FORMAT",
            "INVALID_POSTAL_CODE",
            "INVALID_REGION_CODE",
            "INVALID_SHA256_FORMAT",
            "OUT_OF_RANGE",
            "REQUIRED_FIELD_MISSING",
            "TOO_FEW_ELEMENTS",
            "TOO_MANY_ELEMENTS",
            "TOO_MANY_USER_IDENTIFIERS",
        ),
        GOOGLE_EVENT,
    ),
    "invalid_grant": Advice(
        "Google gives no token for this credential: it was revoked or has expired.",
        f"Make a new key or a new refresh token. {NEXT_TOKEN}",
    ),
    "invalid_grant/clock": Advice(
        "Google gives no token, because this machine's clock is wrong.", "Let a time service set the clock."
    ),
    "invalid_client": Advice(
        "Google does not know the client of the credential.",
        "Compare client id and secret with the Cloud console, or make new ones.",
    ),
    "invalid_scope": Advice(
        "The credential may not ask for this API.",
        "Allow the scope that the transport needs, which gateway.example.toml names, in the Cloud console.",
    ),
    "unauthorized_client": Advice(
        "The credential may not get tokens in this way.",
        "Use a service account's key, or make a new refresh token with this client.",
    ),
}
"""By `ErrorReason`, by Google's standard reasons and by canonical status, by `ProcessingErrorReason` without its prefix (those
of an account that is not set up), and by what the token endpoint answers.

https://developers.google.com/identity/protocols/oauth2/service-account#error-codes (read 2026-11-25)
"""

TABLES: Final = {Destination.META: META, Destination.PINTEREST: PINTEREST, Destination.GOOGLE_ADS: GOOGLE}


def advise(destination: Destination, reason: Reason, code: str | None) -> Advice:
    """Say what a reason, with the platform's code if there was one, means and what to do."""
    advice = by_code(destination, reason, code) or (CODELESS.get(reason) if code is None else None) or REASONS[reason]
    name = NAMES[destination]
    return Advice(advice.what.replace("{platform}", name), advice.do.replace("{platform}", name))


def by_code(destination: Destination, reason: Reason, code: str | None) -> Advice | None:
    """Find the line of a code under its reason, of the code, or of the code or family that it belongs to; else None."""
    if code is None:
        return None
    table = TABLES[destination]
    keys = (f"{reason.value}/{code}", code, code.partition("/")[0], code.partition(".")[0])
    return next((table[key] for key in keys if key in table), None) or REACHING.get(code)


def about_later_word(destination: Destination, code: str | None) -> str:
    """Say in one line what to do about a platform's later word that something is not set up, by its code if it gave one."""
    bare = None if code is None else code.removeprefix("PROCESSING_ERROR_").removeprefix("REASON_")
    advice = by_code(destination, Reason.CONFIGURATION, bare) or NOT_SET_UP
    return " ".join(advice).replace("{platform}", NAMES[destination])


def those_that_wait(kinds: Iterable[Kind]) -> str:
    """Say which kinds of events wait for what is not set up, while others go."""
    return f"What waits for it, and is asked about once an hour: {', '.join(sorted(kinds))}."


def in_words(destination: Destination, reason: Reason | Refusal | None, code: str | None) -> str | None:
    """Say both in one line; None where there is no reason."""
    match reason:
        case Reason():
            return " ".join(advise(destination, reason, code))
        case Refusal():
            return " ".join(REFUSALS[reason]).replace("{platform}", NAMES[destination])
        case None:
            return None
