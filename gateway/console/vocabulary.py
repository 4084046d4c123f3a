"""What codes are called by people: one line for each word of the closed sets that pages show. Pure.

A label is short enough for a table; what a reason means and what to do about it is in `gateway.audit.advice`. English here,
other languages in their catalogues.
"""

from collections.abc import Mapping
from typing import Final

from gateway.audit.examples import NOT_SENT, REWRITTEN, UNCHANGED, USED_UP, WAYS
from gateway.audit.examples import REFUSED as REFUSED_FOR_IT
from gateway.audit.grounds import CAN, CANNOT
from gateway.audit.processing import MEASURES, PERSONS
from gateway.office.dry_run import LEAVES_OUT

ROLES: Final[Mapping[str, str]] = {
    "marketer": "Marketer",
    "privacy": "Privacy team",
    "operator": "Operator",
}

PLACES: Final[Mapping[str, str]] = {
    "meta": "Meta",
    "pinterest": "Pinterest",
    "google_ads": "Google Ads",
}

KINDS: Final[Mapping[str, str]] = {
    "purchase": "Purchase",
    "add_to_cart": "Added to cart",
    "page_view": "Page view",
}

STATES: Final[Mapping[str, str]] = {
    "accepted": "Accepted",
    "duplicate": "Repeat",
    "refused": "Refused",
    "invalid": "Invalid",
    "waiting": "Waiting",
    "retrying": "Will be retried",
    "maybe": "May have arrived",
    "delivered": "Delivered",
    "taken": "Taken for processing",
    "processed": "Processed",
    "dead": "Failed",
    "withdrawn": "Consent taken back",
    "others": "Others",
    "not_noted": "Reason not noted",
}

REASONS: Final[Mapping[str, str]] = {
    "confirmed": "Confirmed by the platform",
    "accepted_for_processing": "Taken for processing",
    "duplicate_at_platform": "The platform had it already",
    "not_connected": "Platform not reachable",
    "timed_out": "No answer in time",
    "connection_lost": "Connection lost",
    "server_error": "Fault at the platform",
    "unreadable_reply": "Answer not readable",
    "count_mismatch": "Platform miscounted",
    "throttled": "Platform asks for fewer requests",
    "quota_cut": "Quota cut by the platform",
    "credential": "Token not accepted",
    "permission": "Permission missing",
    "configuration": "Settings do not fit the platform",
    "redirected": "Sent elsewhere",
    "rejected": "Refused by the platform",
    "unknown_error": "Answer not understood",
    "not_hashed": "Platform took a digest for clear text",
    "too_large": "Too large for the platform",
    "expired": "Too old for the platform",
    "ambiguous_expired": "May have arrived; too old to repeat",
    "consent_expired": "Consent too old",
    "refunded": "Refunded in full",
    "unsealable": "Cannot be opened with the keys at hand",
    "destination_removed": "Destination was removed",
    "held": "Held back",
    "contract": "Stopped by the contract",
    "paused_by_operator": "Paused by an operator",
}

REFUSALS: Final[Mapping[str, str]] = {
    "no_consent": "No consent signal",
    "no_explicit_grant": "No explicit yes",
    "advertising_denied": "Visitor said no",
    "advertising_invalid": "Banner's answer not readable",
    "vendor_denied": "Visitor said no to this platform",
    "vendor_invalid": "Answer for the platform not readable",
    "google_denied": "Google consent mode says no",
    "google_invalid": "Google consent mode not readable",
    "shopify_denied": "Shopify says no",
    "shopify_invalid": "Shopify's signal not readable",
    "sale_opt_out": "Sale of data forbidden",
    "gpc": "Browser says no to everybody (GPC)",
    "gpc_invalid": "GPC signal not readable",
    "given_at_invalid": "Date of consent not readable",
    "consent_in_future": "Consent dated in the future",
    "consent_malformed": "Consent not readable",
    "gcs_denied": "Google consent mode (gcs) says no",
    "gcs_invalid": "Google consent mode (gcs) not readable",
    "gcd_denied": "Google consent mode (gcd) says no",
    "gcd_invalid": "Google consent mode (gcd) not readable",
    "shopify_visitor_denied": "Visitor said no at Shopify",
    "shopify_visitor_invalid": "Shopify visitor signal not readable",
    "tcf_invalid": "TC string not readable",
    "tcf_expired": "TC string too old",
    "tcf_in_future": "TC string dated in the future",
    "tcf_outdated_policy": "TC string of an outdated policy",
    "tcf_not_service_specific": "TC string not for this shop",
    "tcf_vendors_not_disclosed": "TC string without disclosed vendors",
    "tcf_purpose_refused": "A needed purpose was refused (TCF)",
    "tcf_vendor_refused": "Platform refused (TCF)",
    "ac_denied": "Additional Consent says no",
    "ac_invalid": "Additional Consent not readable",
    "gpp_invalid": "GPP string not readable",
    "gpp_opt_out": "Opt-out by GPP",
    "gpp_protected": "Child or sensitive data (GPP)",
    "us_privacy_opt_out": "Opt-out by US Privacy string",
    "us_privacy_invalid": "US Privacy string not readable",
    "cmp_denied": "Visitor said no in the banner",
    "cmp_invalid": "Banner's cookie not readable",
    "cmp_expired": "Choice in the banner too old",
    "cmp_in_future": "Choice dated in the future",
    "cmp_opt_out": "Banner noted an opt-out by the browser",
    "minor": "Person flagged as a minor",
    "citation_invalid": "Citation of consent not readable",
    "no_consent_record": "No consent record found",
    "record_expired": "Consent record too old",
    "record_unreadable": "Consent record not readable",
    "signal_unsupported": "Signal not supported",
    "no_identity": "Nothing to recognise the person by",
    "not_enabled": "This kind of event is not sent there",
    "test_order": "Test order",
    "cancelled_order": "Cancelled order",
    "pos_order": "Order at a till",
    "draft_order": "Draft order",
    "renewal_order": "Renewal of a subscription",
    "other_channel": "Order of another channel",
    "restriction_unsupported": "Platform has no mark for the opt-out",
}

FAULTS: Final[Mapping[str, str]] = {
    "missing": "A field is missing",
    "wrong_type": "Wrong type of value",
    "bad_format": "Wrong format",
    "out_of_range": "Out of range",
    "too_long": "Too long",
    "too_old": "Event too old",
    "in_the_future": "Event in the future",
    "not_one_of": "Not one of the known words",
    "conflict": "Two values contradict each other",
    "duplicate_key": "A field stands twice",
    "not_finite": "Not a finite number",
    "lone_surrogate": "Broken text",
    "too_deep": "Nested too deeply",
    "too_many_keys": "Too many fields",
}

PROCESSING: Final[Mapping[str, str]] = {
    "used": "Used",
    "not_used": "Not used",
    "misconfigured": "Not set up at the platform",
    "pending": "Still in work",
    "untold": "Never told",
}

STANDING: Final[Mapping[str, str]] = {
    "token": "Access token",
    "service_account": "Service account",
    "authorized_user": "Authorised user",
    "signed": "Recording, signed",
    "unsigned": "Recording, not signed",
    "full": "No room",
    "failed": "Failed",
    "store_full": "The store is full",
    "store_busy": "The store is busy",
    "store_failed": "The store has failed",
    "stopping": "The gateway is stopping",
    "starting": "The gateway is starting",
    "not_running": "No gateway is running",
}

SIGNALS: Final[Mapping[str, str]] = {
    "advertising": "The shop's own banner",
    "vendors": "Choice by platform",
    "google": "Google consent mode",
    "gcs": "Google consent mode (gcs)",
    "gcd": "Google consent mode (gcd)",
    "shopify": "Shopify's signal",
    "shopify_visitor": "Shopify visitor signal",
    "tcf": "TC string",
    "ac": "Additional Consent",
    "gpp": "GPP string",
    "us_privacy": "US Privacy string",
    "cookiebot": "Cookiebot",
    "onetrust": "OneTrust",
    "didomi": "Didomi",
    "axeptio": "Axeptio",
    "pandectes": "Pandectes",
    "consentmo": "Consentmo",
    "given_at": "Date of consent",
    "record": "Consent record",
    "unsupported": "Signal that is not supported",
    "granted": "Granted",
    "permitted": "Permitted",
    "denied": "Denied",
    "opted_out": "Opted out",
}

REMARKS: Final[Mapping[str, str]] = {
    "email_hashed": "E-mail address hashed",
    "email_unusable": "E-mail address not usable, removed",
    "email_digest_passed": "Hash of the e-mail address kept",
    "email_not_needed": "E-mail address not needed, removed",
    "ip_truncated": "IP address cut short",
    "ip_unusable": "IP address not usable, removed",
    "ip_not_needed": "IP address not needed, removed",
    "user_agent_reduced": "Browser reduced to name and version",
    "user_agent_kept": "Browser's description kept",
    "user_agent_removed": "Browser's description removed",
    "page_url_reduced_to_origin": "Page address reduced to the shop's own",
    "page_url_unusable": "Page address not usable, removed",
    "page_url_not_needed": "Page address not needed, removed",
    "page_path_kept": "Path of the page kept",
    "page_path_removed": "Path of the page removed",
    "click_id_kept": "Click id kept",
    "click_id_removed": "Click id removed",
    "click_id_unusable": "Click id not usable, removed",
    "unknown_fields_removed": "Unknown fields removed",
    "time_set_to_now": "Time in the future set to now",
    "consent_signals_removed": "Consent signals removed once read",
    "region_removed": "Country and region removed",
    "money_not_needed": "Order value not needed, removed",
    "content_ids_kept": "Ids of articles kept",
    "content_ids_removed": "Ids of articles removed",
    "content_id_unusable": "Id of an article not usable, removed",
}

RIGHTS: Final[Mapping[str, str]] = {
    "withdraw": "Withdrawal",
    "erase": "Erasure",
    "access": "Access",
    "on_the_wire": "on the wire",
    "consent_records": "Consent records",
    "held_orders": "Orders that waited for consent",
    "sent": "Lines of what was sent",
    "traces": "Decisions",
}

LISTED: Final[Mapping[str, str]] = {
    "platforms": "the platforms",
    "not_received": "Never came",
    "not_expected": "Not to come",
    "not_remembered": "Too long ago to tell",
    "received": "Received",
    "not_addressed": "Not a destination then",
    "partly_used": "Perhaps not used",
    "consent": "No consent",
    "unpaid": "Not paid",
    "cancelled": "Cancelled",
    "channel": "Made elsewhere",
    "no_column": "No such column",
    "two_columns": "Two such columns",
    "no_csv": "Not readable as CSV",
    "ragged": "More or fewer cells than the header",
    "empty": "No orders",
    "too_many": "Too many orders",
    "unknown": "No such field",
}
"""Where an order of a shop's list is, and what is wrong with a list."""

PRIVACY: Final[Mapping[str, str]] = {
    "kept": "Kept",
    "transformed": "Transformed",
    "removed": "Removed",
    "added": "Added",
    "changed": "Changed",
    "opt_in_everywhere": "A yes is asked for everywhere",
    "strict": "A yes, in the United States no opt-out",
    "restricted": "A yes, in the United States marks for opt-outs",
    "hashed e-mail": "Hashed e-mail",
    "partially anonymised IP": "Partially anonymised IP address",
    "the event": "The event",
    "its order value": "Its order value",
    "protection of the person": "Protection of the person",
    "technical": "Technical, of nobody",
    "option": "A decision of this shop",
}

LOG: Final[Mapping[str, str]] = {
    "log.started": "Started",
    "log.stopped": "Stopped",
    "log.store_failed": "Store failed",
    "log.configuration": "Configuration in force",
    "log.contract": "Contract in force",
    "log.decision_table": "Decision table in force",
    "log.signing_key": "Signing key in use",
    "log.sealing_key": "Sealing key in use",
    "log.api_key": "Key of a shop",
    "log.counts": "Counts of a minute",
    "log.login": "Sign-in",
    "log.login_refused": "Sign-in refused",
    "log.role_changed": "Role changed",
    "log.paused": "Paused",
    "log.resumed": "Resumed",
    "log.replay": "Replay",
    "log.export": "Export",
    "log.shapes_approved": "What left was acknowledged",
    "log.rights_request": "Request of a person",
    "log.retention_swept": "Deleted at the end of its time",
    "log.checkpoint_exported": "Checkpoint handed out",
}
"""Kinds of entries of the signed log; each has its own word for what is done, so they do not share the others' names."""

SENTENCES: Final[Mapping[str, str]] = {
    text: text
    for text in (
        *CAN, *CANNOT, *PERSONS, *MEASURES, *USED_UP.values(), NOT_SENT, REFUSED_FOR_IT, UNCHANGED, REWRITTEN, LEAVES_OUT,
        *(how for way in WAYS.values() for _, how in way.remarks.values()),
    )
}  # fmt: skip
"""What the sheets of the privacy team say of themselves: each is its own name."""

VALUES: Final[Mapping[str, str]] = {
    "sha256": "SHA-256",
    "ipv4_24": "IPv4 address cut to its network",
    "ipv6_48": "IPv6 address cut to its network",
    "event_id": "The shop's own id of the event, no IP address in it",
    "content_id": "The shop's own id of an article",
    "currency": "Currency",
    "money_number": "Amount",
    "money_text": "Amount, as text",
    "unix_seconds": "Moment",
    "rfc3339": "Moment, as text",
    "google_ads_time": "Moment, as Google Ads writes it",
    "origin": "The shop's site without a page",
    "page_address": "A page without its query",
    "google_click_id": "Google's id of an ad click",
    "meta_click_id": "Meta's id of an ad click",
    "meta_browser_id": "Meta's id of a browser",
    "pinterest_click_id": "Pinterest's id of an ad click",
    "number_id": "Digits",
    "customer_id": "Google Ads account",
    "conversion_action": "Google Ads conversion action",
    "one_of": "One of a fixed list",
    "bearer_token": "Access token",
    "text": "Text",
    "email": "E-mail address in clear",
    "ip_address": "Whole IP address",
    "phone": "Telephone number",
    "user_agent": "The browser's description of itself",
    "web_address": "Web address with a page",
    "browser_id": "Id of a browser",
    "hash": "Hash",
    "number": "A number",
    "boolean": "Yes or no",
    "unreadable": "Not readable",
    "not_in_contract": "The contract does not allow it",
    "not_these_events": "Allowed, and not in what leaves here",
}
"""Kinds of value in a comparison with an old container, and why a field does not leave."""

WORDS: Final[Mapping[str, str]] = {
    **SENTENCES, **LOG, **PRIVACY, **REMARKS, **RIGHTS, **SIGNALS, **STANDING,
    **PROCESSING, **FAULTS, **REFUSALS, **REASONS, **LISTED, **VALUES, **STATES, **KINDS, **PLACES, **ROLES,
}  # fmt: skip
"""Every word with its label."""
