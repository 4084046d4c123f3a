"""What each signal contributes: one row for each thing that it can say. To be read beside the policy, line by line.

    GRANTED     a person's explicit yes, for the destinations named
    PERMITTED   allowed, without proof that anybody was asked
    OPTED_OUT   a general opt-out, as American law knows it
    DENIED      a refusal
    INVALID     what cannot be read, and so may be a refusal: it counts as one

`decision.py` combines the rows. A change to any of them is a new version of the table (`policy.TABLE`). Pure.
"""

from collections.abc import Mapping
from typing import Final

from gateway.consent.statement import EVERYWHERE, Statement, Statements
from gateway.model.words import Destination, Refusal, Signal, State

GRANTED, PERMITTED, OPTED_OUT = State.GRANTED, State.PERMITTED, State.OPTED_OUT
DENIED, INVALID = State.DENIED, State.INVALID

Covered = tuple[Destination, ...]
MPG: Final = EVERYWHERE
M: Final = (Destination.META,)
G: Final = (Destination.GOOGLE_ADS,)


def _row(signal: Signal, state: State, covers: Covered, refusal: Refusal | None = None) -> Statements:
    return (Statement(signal, state, covers, refusal),)


# ── the shop's own banner ────────────────────────────────────────────────────────────────────────────────────────
#                              who says it                what     to whom   reason, if it decides against
ADVERTISING_YES: Final = _row(Signal.ADVERTISING, GRANTED, MPG)
ADVERTISING_NO: Final = _row(Signal.ADVERTISING, DENIED, MPG, Refusal.ADVERTISING_DENIED)
ADVERTISING_UNREADABLE: Final = _row(Signal.ADVERTISING, INVALID, MPG, Refusal.ADVERTISING_INVALID)

VENDOR_YES: Final = {d: _row(Signal.VENDORS, GRANTED, (d,)) for d in Destination}
VENDOR_NO: Final = {d: _row(Signal.VENDORS, DENIED, (d,), Refusal.VENDOR_DENIED) for d in Destination}
VENDOR_UNREADABLE: Final = {d: _row(Signal.VENDORS, INVALID, (d,), Refusal.VENDOR_INVALID) for d in Destination}
VENDORS_UNREADABLE: Final = _row(Signal.VENDORS, INVALID, MPG, Refusal.VENDOR_INVALID)

GIVEN_AT_UNREADABLE: Final = _row(Signal.GIVEN_AT, INVALID, MPG, Refusal.GIVEN_AT_INVALID)
GIVEN_IN_FUTURE: Final = _row(Signal.GIVEN_AT, INVALID, MPG, Refusal.CONSENT_IN_FUTURE)
GIVEN_TOO_LONG_AGO: Final = _row(Signal.GIVEN_AT, DENIED, MPG, Refusal.CONSENT_EXPIRED)

# ── Shopify ──────────────────────────────────────────────────────────────────────────────────────────────────────
SHOPIFY_TRUE_BANNER_ATTESTED: Final = _row(Signal.SHOPIFY, GRANTED, MPG)
SHOPIFY_TRUE: Final = _row(Signal.SHOPIFY, PERMITTED, MPG)
SHOPIFY_FALSE: Final = _row(Signal.SHOPIFY, DENIED, MPG, Refusal.SHOPIFY_DENIED)
SHOPIFY_UNREADABLE: Final = _row(Signal.SHOPIFY, INVALID, MPG, Refusal.SHOPIFY_INVALID)
SALE_FALSE_OR_MISSING_IN_US: Final = _row(Signal.SHOPIFY, OPTED_OUT, MPG, Refusal.SALE_OPT_OUT)

VISITOR_YES: Final = _row(Signal.SHOPIFY_VISITOR, GRANTED, MPG)
VISITOR_NO: Final = _row(Signal.SHOPIFY_VISITOR, DENIED, MPG, Refusal.SHOPIFY_VISITOR_DENIED)
VISITOR_UNREADABLE: Final = _row(Signal.SHOPIFY_VISITOR, INVALID, MPG, Refusal.SHOPIFY_VISITOR_INVALID)
VISITOR_SALE_NO: Final = _row(Signal.SHOPIFY_VISITOR, OPTED_OUT, MPG, Refusal.SALE_OPT_OUT)

# ── Google Consent Mode ──────────────────────────────────────────────────────────────────────────────────────────
GOOGLE_GRANTED_BANNER_ATTESTED: Final = _row(Signal.GOOGLE, GRANTED, G)
GOOGLE_GRANTED: Final = _row(Signal.GOOGLE, PERMITTED, G)
GOOGLE_DENIED: Final = _row(Signal.GOOGLE, DENIED, MPG, Refusal.GOOGLE_DENIED)
GOOGLE_UNREADABLE: Final = _row(Signal.GOOGLE, INVALID, MPG, Refusal.GOOGLE_INVALID)

GCS_AD_STORAGE_GRANTED: Final = _row(Signal.GCS, PERMITTED, G)
GCS_AD_STORAGE_DENIED: Final = _row(Signal.GCS, DENIED, MPG, Refusal.GCS_DENIED)
GCS_UNREADABLE: Final = _row(Signal.GCS, INVALID, MPG, Refusal.GCS_INVALID)

GCD_BOTH_GRANTED_BY_UPDATE: Final = _row(Signal.GCD, GRANTED, G)
GCD_BOTH_GRANTED: Final = _row(Signal.GCD, PERMITTED, G)
GCD_DENIED: Final = _row(Signal.GCD, DENIED, MPG, Refusal.GCD_DENIED)
GCD_UNREADABLE: Final = _row(Signal.GCD, INVALID, MPG, Refusal.GCD_INVALID)
GCD_GPC: Final = _row(Signal.GCD, OPTED_OUT, MPG, Refusal.GPC)

# ── IAB TCF and Google's Additional Consent ──────────────────────────────────────────────────────────────────────
TCF_UNUSABLE: Final[Mapping[Refusal, Statements]] = {
    why: _row(Signal.TCF, INVALID, MPG, why)
    for why in (
        Refusal.TCF_INVALID,
        Refusal.TCF_IN_FUTURE,
        Refusal.TCF_OUTDATED_POLICY,
        Refusal.TCF_NOT_SERVICE_SPECIFIC,
        Refusal.TCF_VENDORS_NOT_DISCLOSED,
    )
} | {Refusal.TCF_EXPIRED: _row(Signal.TCF, DENIED, MPG, Refusal.TCF_EXPIRED)}
TCF_PURPOSE_REFUSED: Final = _row(Signal.TCF, DENIED, MPG, Refusal.TCF_PURPOSE_REFUSED)
TCF_VENDOR_REFUSED: Final = {d: _row(Signal.TCF, DENIED, (d,), Refusal.TCF_VENDOR_REFUSED) for d in Destination}
TCF_GRANTED: Final = {d: _row(Signal.TCF, GRANTED, (d,)) for d in Destination}

AC_GRANTED: Final = {d: _row(Signal.AC, GRANTED, (d,)) for d in Destination}
AC_REFUSED: Final = {d: _row(Signal.AC, DENIED, (d,), Refusal.AC_DENIED) for d in Destination}


def ac_unreadable(providers: Covered) -> Statements:
    """Refuse those that the storefront knows a provider id of: an unreadable list may hold a refusal of theirs."""
    return _row(Signal.AC, INVALID, providers, Refusal.AC_INVALID)


# ── IAB GPP, US Privacy, Global Privacy Control ──────────────────────────────────────────────────────────────────
GPP_UNREADABLE_IN_US: Final = _row(Signal.GPP, OPTED_OUT, MPG, Refusal.GPP_INVALID)
GPP_UNREADABLE: Final = GPP_UNREADABLE_IN_US + _row(Signal.GPP, INVALID, MPG, Refusal.GPP_INVALID)
GPP_OPTED_OUT: Final = _row(Signal.GPP, OPTED_OUT, MPG, Refusal.GPP_OPT_OUT)
GPP_GPC: Final = _row(Signal.GPP, OPTED_OUT, MPG, Refusal.GPC)
GPP_PROTECTED: Final = _row(Signal.GPP, DENIED, MPG, Refusal.GPP_PROTECTED)
GPP_CANADA_EXPRESS: Final = _row(Signal.GPP, GRANTED, G)
GPP_CANADA_VENDOR_REFUSED: Final = _row(Signal.GPP, DENIED, G, Refusal.GPP_OPT_OUT)

US_PRIVACY_OPTED_OUT: Final = _row(Signal.US_PRIVACY, OPTED_OUT, MPG, Refusal.US_PRIVACY_OPT_OUT)
US_PRIVACY_UNREADABLE: Final = _row(Signal.US_PRIVACY, OPTED_OUT, MPG, Refusal.US_PRIVACY_INVALID)

GPC_ON: Final = _row(Signal.GPC, OPTED_OUT, MPG, Refusal.GPC)
GPC_UNREADABLE: Final = _row(Signal.GPC, INVALID, MPG, Refusal.GPC_INVALID)

# ── consent tools: one row for each of them ──────────────────────────────────────────────────────────────────────
TOOLS: Final = (Signal.COOKIEBOT, Signal.ONETRUST, Signal.DIDOMI, Signal.AXEPTIO, Signal.PANDECTES, Signal.CONSENTMO)
CMP_YES: Final = {tool: _row(tool, GRANTED, MPG) for tool in TOOLS}
CMP_IMPLIED_YES: Final = {tool: _row(tool, PERMITTED, MPG) for tool in TOOLS}
CMP_NO: Final = {tool: _row(tool, DENIED, MPG, Refusal.CMP_DENIED) for tool in TOOLS}
CMP_UNREADABLE: Final = {tool: _row(tool, INVALID, MPG, Refusal.CMP_INVALID) for tool in TOOLS}
CMP_TOO_LONG_AGO: Final = {tool: _row(tool, DENIED, MPG, Refusal.CMP_EXPIRED) for tool in TOOLS}
CMP_IN_FUTURE: Final = {tool: _row(tool, INVALID, MPG, Refusal.CMP_IN_FUTURE) for tool in TOOLS}
CMP_GPC: Final = {tool: _row(tool, OPTED_OUT, MPG, Refusal.CMP_OPT_OUT) for tool in TOOLS}
CMP_VENDOR_YES: Final = {(tool, d): _row(tool, GRANTED, (d,)) for tool in TOOLS for d in Destination}
CMP_VENDOR_NO: Final = {(tool, d): _row(tool, DENIED, (d,), Refusal.CMP_DENIED) for tool in TOOLS for d in Destination}

# ── the person, the record, and what nobody can read ─────────────────────────────────────────────────────────────
MINOR_FLAGGED: Final = _row(Signal.MINOR, DENIED, MPG, Refusal.MINOR)
CITATION_UNREADABLE: Final = _row(Signal.RECORD, INVALID, MPG, Refusal.CITATION_INVALID)
RECORD_TOO_OLD: Final = _row(Signal.RECORD, DENIED, MPG, Refusal.RECORD_EXPIRED)
RECORD_UNREADABLE: Final = _row(Signal.RECORD, INVALID, MPG, Refusal.RECORD_UNREADABLE)
RECORD_WITHDRAWN: Final = _row(Signal.RECORD, DENIED, MPG, Refusal.WITHDRAWN)
UNSUPPORTED: Final = _row(Signal.UNSUPPORTED, INVALID, MPG, Refusal.SIGNAL_UNSUPPORTED)
MALFORMED: Final = _row(Signal.ADVERTISING, INVALID, MPG, Refusal.CONSENT_MALFORMED)
