"""`gpp`: the IAB's Global Privacy Platform string, which holds what a visitor said under many laws at once.

Whichever section holds an opt-out, it counts: which law applies to whom is not for the storefront to pick, so `gpp_sid` is
kept as evidence and decides nothing. American sections never grant. The European one is a TC string and read as one. In the
Canadian one only express consent is a yes, as Canada's privacy commissioner demands for sending purchases to an ad platform
(PIPEDA findings 2023-001, https://www.priv.gc.ca/en/opc-actions-and-decisions/investigations/investigations-into-businesses/2023/pipeda-2023-001/,
read 2026-11-22).
"""

from collections.abc import Mapping
from typing import Final

from gateway.consent.gpp import decode
from gateway.consent.gpp_canada import NOT_ALLOWED, REQUIRE_EXPRESS, Canada
from gateway.consent.gpp_us import Said
from gateway.consent.signals import tcf
from gateway.consent.signals.given_at import MAX_AHEAD
from gateway.consent.statement import Context, Statements
from gateway.consent.table import (
    GPP_CANADA_EXPRESS,
    GPP_CANADA_VENDOR_REFUSED,
    GPP_GPC,
    GPP_OPTED_OUT,
    GPP_PROTECTED,
    GPP_UNREADABLE,
    GPP_UNREADABLE_IN_US,
)
from gateway.consent.tcf import FIRST_CMP
from gateway.model.words import Destination

SAYS: Final[Mapping[Said, Statements]] = {
    Said.OPTED_OUT: GPP_OPTED_OUT,
    Said.GPC: GPP_GPC,
    Said.PROTECTED: GPP_PROTECTED,
}

NOT_USED_IN_CANADA: Final = frozenset({1})
"""The Canadian specification leaves the bit of purpose 1, storing and reading on the device, out of use. So an unset one is
no objection. It is still asked for before a yes counts."""


def read(consent: Mapping[str, object], context: Context) -> Statements:
    """Read `consent["gpp"]`, a text; null says nothing.

    What is unreadable opts out in the United States, and refuses everywhere else. A Canadian yes leaves its date.
    """
    text = consent["gpp"]
    if text is None:
        return ()
    gpp = decode(text) if type(text) is str else None
    if gpp is None:
        return _unreadable(context)
    statements: Statements = ()
    for said, row in SAYS.items():
        if said in gpp.said:
            statements += row
    if gpp.tcf is not None:
        statements += tcf.evaluate(gpp.tcf, context)
    if gpp.canada is not None:
        statements += _canadian(gpp.canada, context)
    return statements


def _unreadable(context: Context) -> Statements:
    return GPP_UNREADABLE_IN_US if context.place.in_us else GPP_UNREADABLE


def _canadian(canada: Canada, context: Context) -> Statements:
    """Neither express nor implied consent to a purpose opts out; neither for the vendor refuses Google; both express grant."""
    rules = context.policy.tcf
    vendor = rules.vendors.get(Destination.GOOGLE_ADS)
    if canada.updated > context.now + MAX_AHEAD:
        return _unreadable(context)
    for purpose in rules.purposes - NOT_USED_IN_CANADA:
        if purpose not in canada.express_purposes and purpose not in canada.implied_purposes:
            return GPP_OPTED_OUT
    if vendor is None:
        return ()
    restricted = canada.restricted(vendor, rules.purposes)
    if NOT_ALLOWED in restricted or (vendor not in canada.express_vendors and vendor not in canada.implied_vendors):
        return GPP_CANADA_VENDOR_REFUSED
    if not restricted <= {REQUIRE_EXPRESS} or not _express(canada, vendor, context):
        return ()
    context.date(canada.updated)
    return GPP_CANADA_EXPRESS


def _express(canada: Canada, vendor: int, context: Context) -> bool:
    """Say whether a person agreed to every purpose and to the vendor, in a registered tool that showed it, not too long ago."""
    purposes = context.policy.tcf.purposes
    return (
        canada.cmp >= FIRST_CMP
        and canada.updated >= context.now - context.policy.max_age
        and (canada.disclosed is None or vendor in canada.disclosed)
        and vendor in canada.express_vendors
        and bool(purposes)
        and all(purpose in canada.express_purposes for purpose in purposes)
    )
