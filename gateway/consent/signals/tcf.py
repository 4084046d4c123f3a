"""`tcf`: a TC string. It speaks of those platforms whose vendor id the storefront's settings name, and of no other.

Three failures are told apart. A string that is unusable, or too old, may have held any refusal: everybody is refused. A
purpose without consent is the visitor's no to advertising: everybody is refused. A vendor without consent, not disclosed or
restricted by the publisher is a no to that vendor alone.

Purposes count by consent, never by legitimate interest, which is stricter than what Google's own tag asks of purpose 7
(https://developers.google.com/tag-platform/security/guides/consent, read 2026-11-22). The age limit is the policy's, of the
string's LastUpdated (see `given_at`).
"""

from collections.abc import Mapping

from gateway.consent.signals.given_at import MAX_AHEAD
from gateway.consent.statement import Context, Statements
from gateway.consent.table import TCF_GRANTED, TCF_PURPOSE_REFUSED, TCF_UNUSABLE, TCF_VENDOR_REFUSED
from gateway.consent.tcf import TcString, read_tc
from gateway.model.words import Destination, Refusal


def read(consent: Mapping[str, object], context: Context) -> Statements:
    """Read `consent["tcf"]`; null says nothing, and what is no text is unreadable."""
    text = consent["tcf"]
    return () if text is None else evaluate(text, context)


def evaluate(text: object, context: Context) -> Statements:
    """Say what a TC string contributes, from wherever it came: for every platform with a vendor id, a grant or a refusal.

    The string's date is left in the context, and what it says of personalised advertising by Google.
    """
    tc = usable(text, context)
    if isinstance(tc, Refusal):
        return TCF_UNUSABLE[tc]
    context.date(tc.last_updated)
    rules = context.policy.tcf
    google = rules.vendors.get(Destination.GOOGLE_ADS)
    if google is not None:
        granted = tc.consents_to(rules.personalisation) and tc.allows(google, rules.purposes | rules.personalisation)
        context.personalise(granted)
    if not tc.consents_to(rules.purposes):
        return TCF_PURPOSE_REFUSED
    statements: Statements = ()
    for destination, vendor in rules.vendors.items():
        statements += (TCF_GRANTED if tc.allows(vendor, rules.purposes) else TCF_VENDOR_REFUSED)[destination]
    return statements


def usable(text: object, context: Context) -> TcString | Refusal:
    """Read a TC string that is neither too old nor more than a day ahead, or say why it is unusable."""
    tc = read_tc(text) if type(text) is str else Refusal.TCF_INVALID
    if isinstance(tc, Refusal):
        return tc
    if tc.last_updated > context.now + MAX_AHEAD:
        return Refusal.TCF_IN_FUTURE
    return Refusal.TCF_EXPIRED if tc.last_updated < context.now - context.policy.max_age else tc
