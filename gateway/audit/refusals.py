"""What a refusal at the door means for the shop, and what to do next: one line for each reason. Pure.

These are the answers that a shop gets for an event that may not go to a platform, put into words for whoever asks why.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from gateway.model.words import Refusal


class Advice(NamedTuple):
    """`what` it means and what to `do`: a sentence or two each. `{platform}` stands for the platform's name in the tables."""

    what: str
    do: str


NO_MEANS_NO: Final = "Nothing: it may not go."
PASS_IT_ON: Final = "Let the shop pass on unchanged what its banner gives it (docs/consent.md)."  # noqa: S105 - a sentence
UPDATE_THE_BANNER: Final = "Update the banner (consent management platform): version 2.3 of TCF is what counts."
TRUE_OR_FALSE: Final = "Let the shop send JSON's `true` or `false` (docs/events.md, Consent)."

REFUSALS: Final[Mapping[Refusal, Advice]] = {
    Refusal.NO_CONSENT: Advice(
        "No consent signal came with the event.", "See that the shop passes on what the visitor told its banner."
    ),
    Refusal.NO_EXPLICIT_GRANT: Advice(
        "Signals came, but none is a person's own yes to {platform}.",
        "See in docs/consent.md which signal grants what; a default of a banner grants nothing.",
    ),
    Refusal.ADVERTISING_DENIED: Advice("The visitor said no to advertising.", NO_MEANS_NO),
    Refusal.ADVERTISING_INVALID: Advice(
        "The signal `advertising` was neither true nor false; what cannot be read is no yes.", TRUE_OR_FALSE
    ),
    Refusal.VENDOR_DENIED: Advice("The visitor said no to {platform}.", NO_MEANS_NO),
    Refusal.VENDOR_INVALID: Advice(
        "The signal `vendors` holds something that is neither true nor false; what cannot be read is no yes.", TRUE_OR_FALSE
    ),
    Refusal.GOOGLE_DENIED: Advice("Google's consent mode says that the visitor said no.", NO_MEANS_NO),
    Refusal.GOOGLE_INVALID: Advice(
        "Google's consent mode holds another word than granted and denied; what cannot be read is no yes.",
        "Let the shop pass it on unchanged.",
    ),
    Refusal.SHOPIFY_DENIED: Advice("Shopify says that the visitor does not allow marketing.", NO_MEANS_NO),
    Refusal.SHOPIFY_INVALID: Advice(
        "Shopify's signal holds something that is neither true nor false; what cannot be read is no yes.", TRUE_OR_FALSE
    ),
    Refusal.SALE_OPT_OUT: Advice("Shopify says that the visitor forbids the sale of data.", NO_MEANS_NO),
    Refusal.GPC: Advice("The visitor's browser says no to everybody (Global Privacy Control).", NO_MEANS_NO),
    Refusal.GPC_INVALID: Advice("The signal `gpc` was neither true nor false; what cannot be read is no yes.", TRUE_OR_FALSE),
    Refusal.GIVEN_AT_INVALID: Advice(
        "When the consent was given could not be read.", "Let the shop send `consent.given_at` as docs/events.md says."
    ),
    Refusal.CONSENT_EXPIRED: Advice(
        "The consent was older than the setting `max_age_days` allows.", "Let the shop ask its visitors again in time."
    ),
    Refusal.CONSENT_IN_FUTURE: Advice("The consent is said to be given more than a day ahead.", "Look at the shop's clock."),
    Refusal.CONSENT_MALFORMED: Advice(
        "The consent did not have the form that can be read.", "Compare what the shop sends with docs/events.md, Consent."
    ),
    Refusal.NO_CONSENT_RECORD: Advice(
        "The event says nothing of consent itself, and no consent record was found by what it cites.",
        "See that the shop's pages post a record (POST /v1/consent) before the order, under the same receipt, cart or order.",
    ),
    Refusal.RECORD_EXPIRED: Advice(
        "The consent record that the event cites is older than consent lasts.", "Let the shop ask its visitors again in time."
    ),
    Refusal.RECORD_UNREADABLE: Advice(
        "A consent record that the event cites cannot be read, or the event cites more records than are ever read for one.",
        "See that the key file is the one that the records were sealed with, and that the shop's pages name one order, cart or"
        " checkout in few records.",
    ),
    Refusal.CITATION_INVALID: Advice(
        "What the event cites its consent record by is not of its form.",
        "Let `consent.receipt` be text and `consent.join` texts.",
    ),
    Refusal.MINOR: Advice("The shop flags the person as a minor.", NO_MEANS_NO),
    Refusal.GCS_DENIED: Advice("Google's consent mode (`gcs`) says that storage for ads was denied.", NO_MEANS_NO),
    Refusal.GCS_INVALID: Advice("The signal `gcs` is not of its form; what cannot be read is no yes.", PASS_IT_ON),
    Refusal.GCD_DENIED: Advice("Google's consent mode (`gcd`) says that storage or user data for ads was denied.", NO_MEANS_NO),
    Refusal.GCD_INVALID: Advice("The signal `gcd` is not of any known form; what cannot be read is no yes.", PASS_IT_ON),
    Refusal.SHOPIFY_VISITOR_DENIED: Advice("Shopify says that the visitor said no to marketing.", NO_MEANS_NO),
    Refusal.SHOPIFY_VISITOR_INVALID: Advice(
        "The signal `shopify_visitor` holds another word than yes and no; what cannot be read is no yes.", PASS_IT_ON
    ),
    Refusal.TCF_INVALID: Advice("The TC string cannot be read whole; what cannot be read is no yes.", PASS_IT_ON),
    Refusal.TCF_EXPIRED: Advice("The TC string is older than consent lasts.", "Let the banner ask again in time."),
    Refusal.TCF_IN_FUTURE: Advice("The TC string is dated more than a day ahead.", "Look at the banner's version."),
    Refusal.TCF_OUTDATED_POLICY: Advice("The TC string follows a policy that does not count any more.", UPDATE_THE_BANNER),
    Refusal.TCF_NOT_SERVICE_SPECIFIC: Advice("The TC string is for a group of sites, not for this shop.", UPDATE_THE_BANNER),
    Refusal.TCF_VENDORS_NOT_DISCLOSED: Advice(
        "The TC string does not say which vendors the visitor was shown.", UPDATE_THE_BANNER
    ),
    Refusal.TCF_PURPOSE_REFUSED: Advice("The visitor did not consent to a purpose that advertising needs.", NO_MEANS_NO),
    Refusal.TCF_VENDOR_REFUSED: Advice(
        "The TC string has no consent for {platform}, or {platform} was not among the vendors that the visitor was shown.",
        "If every order is refused so, see that the banner lists {platform} as a vendor.",
    ),
    Refusal.AC_DENIED: Advice("Google's Additional Consent says that the visitor did not consent to {platform}.", NO_MEANS_NO),
    Refusal.AC_INVALID: Advice("Google's Additional Consent string cannot be read; what cannot be read is no yes.", PASS_IT_ON),
    Refusal.GPP_OPT_OUT: Advice("The GPP string says that the visitor opted out of sale, sharing or targeting.", NO_MEANS_NO),
    Refusal.GPP_INVALID: Advice("The GPP string cannot be read whole; what cannot be read is no yes.", PASS_IT_ON),
    Refusal.GPP_PROTECTED: Advice("The GPP string speaks of a child or of sensitive data.", NO_MEANS_NO),
    Refusal.US_PRIVACY_OPT_OUT: Advice(
        "The US Privacy string says, or does not exclude, that the visitor opted out.", NO_MEANS_NO
    ),
    Refusal.US_PRIVACY_INVALID: Advice("The US Privacy string cannot be read; that counts as an opt-out.", PASS_IT_ON),
    Refusal.CMP_DENIED: Advice("The consent tool's own cookie says that the visitor said no.", NO_MEANS_NO),
    Refusal.CMP_INVALID: Advice("The consent tool's own cookie cannot be read; what cannot be read is no yes.", PASS_IT_ON),
    Refusal.CMP_EXPIRED: Advice("The visitor's choice is older than consent lasts.", "Let the banner ask again in time."),
    Refusal.CMP_IN_FUTURE: Advice("The consent tool dates the choice more than a day ahead.", "Look at the shop's clock."),
    Refusal.CMP_OPT_OUT: Advice("The consent tool noted that the visitor's browser says no to everybody.", NO_MEANS_NO),
    Refusal.SIGNAL_UNSUPPORTED: Advice(
        "A signal or a cookie came that the gateway does not know, and it may be a no.",
        "Let the shop send what its banner was told as `consent.advertising` or `consent.vendors` instead.",
    ),
    Refusal.WITHDRAWN: Advice("The person has taken consent back.", "Nothing, unless the person says yes again."),
    Refusal.NO_IDENTITY: Advice(
        "Nothing was left by which {platform} could know the person.",
        "Let the shop send the customer's e-mail address; it may have been missing, or no address.",
    ),
    Refusal.NOT_ENABLED: Advice(
        "The settings send {platform} no events of this kind.", "To change that, see the destination's settings."
    ),
    Refusal.TEST_ORDER: Advice(
        "The shop's platform marks the order as a test.",
        "Nothing. Shopify's own test notifications are marked so too; try with an order that is real and cancel it.",
    ),
    Refusal.CANCELLED_ORDER: Advice("The order was cancelled by the time the shop's platform told of it.", NO_MEANS_NO),
    Refusal.REFUNDED: Advice(
        "All the money of the order went back before it could go.", "Nothing: there is no sale to report."
    ),
    Refusal.POS_ORDER: Advice("The order was made at a till, where no banner could ask.", NO_MEANS_NO),
    Refusal.DRAFT_ORDER: Advice("Somebody at the shop wrote the order; no visitor was asked.", NO_MEANS_NO),
    Refusal.RENEWAL_ORDER: Advice("A subscription made the order, not a visitor.", NO_MEANS_NO),
    Refusal.OTHER_CHANNEL: Advice(
        "The order came in by a sales channel that the settings do not name.",
        "If visitors of that channel are asked, name it in the setting `source_names` (docs/shopify.md) or `created_via` "
        "(docs/woocommerce.md).",
    ),
    Refusal.RESTRICTION_UNSUPPORTED: Advice(
        "The person opted out under a US state's law, and {platform} has no mark that would tell it so.", NO_MEANS_NO
    ),
}
