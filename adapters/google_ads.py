"""Google Ads by the Data Manager API, v1: conversions by order id with a hashed e-mail, and what the replies mean.

Google never gets an address, a user agent or a page. A request is taken whole or refused whole, and "taken" means
queued for processing, so a success is reported as just that. Repeats merge by transaction id, which is why it must
be the same for ever. Errors are told apart by reason and by the path of the field, never by text.
https://developers.google.com/data-manager/api/devguides/events/google-ads/offline (read 2026-11-22)
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Any, ClassVar, Final, Literal, NotRequired, Self, TypedDict

import msgspec
import orjson
from pydantic import Field, model_validator

from adapters.replies import LONGEST_WAIT, Waits, by_status, code_of, longest, read, receipt_of, retry_after, spread, told
from adapters.shapes import BASE_URL, shaped
from gateway.adapter import Access, DestinationSettings, Limits, Needs, Reply, Request
from gateway.model import (
    ClickIds,
    Delivered,
    Destination,
    EventId,
    Isolate,
    Kind,
    Maybe,
    Minimised,
    Pause,
    PlatformCode,
    Reason,
    Refusal,
    Retry,
    Throttle,
    Verdict,
)
from gateway.secret import Secret

Account = Annotated[str, shaped(r"\d{10}", "must be a Google Ads customer id: 10 digits, no hyphens")]
Action = Annotated[str, shaped(r"[1-9]\d{0,19}", "must be a conversion action's numeric id, not its resource name")]


LABELS: Final = {kind: [kind.value] for kind in Kind}
"""The label of each kind's conversion action within a request, as an event's list of references."""


class GoogleAdsSettings(DestinationSettings, frozen=True, hide_input_in_errors=True):
    """`[…google_ads]` in the configuration. A kind of event without a conversion action is not sent.

    `operating_account` owns the conversion actions; `login_account` is the manager through which the credential gets
    there, if it is another. `transaction_ids = "as_is"` is for shops whose Google tag reports the same order ids.
    """

    base_url: Annotated[str, BASE_URL] = "https://datamanager.googleapis.com"
    operating_account: Account
    login_account: Account | None = None
    conversion_actions: Annotated[Mapping[Kind, Action], Field(min_length=1)]
    transaction_ids: Literal["safe", "as_is"] = "safe"
    validate_only: bool = False
    batch_events: Annotated[int, Field(ge=1, le=2000)] = 200
    max_age_days: Annotated[int, Field(ge=1, le=89)] = 60
    click_hold: Annotated[int, Field(ge=0, le=86_400)] = 6 * 3600
    send_email: bool = True
    send_click_ids: bool = False

    @model_validator(mode="after")
    def one_action_each(self) -> Self:
        """Google merges by action and transaction id, so two kinds of event must not share an action."""
        if len(set(self.conversion_actions.values())) != len(self.conversion_actions):
            raise ValueError("conversion_actions: each kind of event needs an action of its own")
        return self


class ProductAccount(TypedDict):
    """A Google Ads account."""

    accountType: Literal["GOOGLE_ADS"]
    accountId: str


class Target(TypedDict):
    """A conversion action, under a label that events point at."""

    reference: str
    operatingAccount: ProductAccount
    loginAccount: NotRequired[ProductAccount]
    productDestinationId: str


class Consent(TypedDict):
    """Nothing comes here without advertising consent; personalisation is a permission of its own."""

    adUserData: Literal["CONSENT_GRANTED"]
    adPersonalization: Literal["CONSENT_GRANTED", "CONSENT_DENIED"]


PERSONALISED: Final[Consent] = {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}
NOT_PERSONALISED: Final[Consent] = {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_DENIED"}


class UserIdentifier(TypedDict):
    """A hashed e-mail address, in the request's encoding."""

    emailAddress: str


class UserData(TypedDict):
    """Who it was."""

    userIdentifiers: list[UserIdentifier]


class AdIdentifiers(TypedDict, total=False):
    """The ad click: at most one of the three."""

    gclid: str
    wbraid: str
    gbraid: str


class Event(TypedDict):
    """One conversion. Unknown fields make Google refuse the whole request."""

    destinationReferences: list[str]
    transactionId: str
    eventTimestamp: datetime
    eventSource: Literal["WEB"]
    consent: Consent
    userData: NotRequired[UserData]
    adIdentifiers: NotRequired[AdIdentifiers]
    conversionValue: NotRequired[float]
    currency: NotRequired[str]


class Body(TypedDict):
    """One request."""

    destinations: list[Target]
    encoding: Literal["HEX"]
    events: list[Event]
    validateOnly: NotRequired[bool]


# ── transaction ids ──────────────────────────────────────────────────────────────────────────────────────────────

PLAIN: Final = re.compile(r"(?![oh]-)(?!\d+\Z)[A-Za-z0-9-]{2,64}", re.ASCII)
NUMERIC: Final = re.compile(r"\d{1,62}", re.ASCII)


def transaction_id(event_id: EventId) -> str:
    """Give the id that Google knows an event by: the same for ever, different for different events, safe to Google.

    Google names letters, digits, dashes and blanks, up to 64. Bare numbers were seen refused, so they become
    `o-10042`. Ids with `_`, `.` or `:`, ids of one letter and ids that begin with `o-` or `h-` themselves become `h-`
    and half of their SHA-256: the three forms cannot meet, and a hash needs no escaping within 64 characters.
    https://support.google.com/google-ads/answer/6386790 (read 2026-11-22)
    """
    if PLAIN.fullmatch(event_id):
        return event_id
    if NUMERIC.fullmatch(event_id):
        return f"o-{event_id}"
    return f"h-{sha256(event_id.encode()).hexdigest()[:32]}"


# ── replies ──────────────────────────────────────────────────────────────────────────────────────────────────────

CONFIGURATION: Final = (
    "ACCOUNT_INELIGIBLE_FOR_STORE_SALES DESTINATION_ACCOUNT_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS "
    "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED DESTINATION_ACCOUNT_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS "
    "DESTINATION_ACCOUNT_TYPE_MISMATCH DUPLICATE_DESTINATION_REFERENCE EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED "
    "EVENT_SOURCE_AND_DESTINATION_MISMATCH INVALID_CONVERSION_ACTION_ID INVALID_CONVERSION_ACTION_TYPE INVALID_DESTINATION "
    "LINKED_ACCOUNT_ONLY_ALLOWED_WITH_DATA_PARTNER_LOGIN_ACCOUNT MISMATCHED_ACCOUNT_TYPE MULTIPLE_DATA_TYPES_NOT_ALLOWED "
    "NOT_ALLOWLISTED NOT_FOUND OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH PROJECT_DISABLED SERVICE_DISABLED "
    "TERMS_AND_CONDITIONS_NOT_SIGNED TOO_MANY_DESTINATIONS UNIMPLEMENTED"
)
AN_EVENT: Final = (
    "EVENT_TIME_INVALID FAILED_PRECONDITION FIELD_VALUE_TOO_LONG FIELD_VALUE_TOO_SHORT INVALID_AD_IDENTIFIER_FOR_ACCOUNT "
    "INVALID_ARGUMENT INVALID_BASE64_ENCODING INVALID_CURRENCY_CODE INVALID_ENUM_VALUE INVALID_EVENT INVALID_FORMAT "
    "INVALID_HEX_ENCODING INVALID_NUMBER_FORMAT INVALID_POSTAL_CODE INVALID_REGION_CODE INVALID_SHA256_FORMAT "
    "NO_IDENTIFIERS_PROVIDED OUT_OF_RANGE REQUIRED_FIELD_MISSING TOO_FEW_ELEMENTS TOO_MANY_ELEMENTS TOO_MANY_USER_IDENTIFIERS"
)
REASONS: Final[Mapping[str, Verdict]] = {
    **dict.fromkeys(("RATE_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED"), Throttle()),
    "UNAUTHENTICATED": Pause(Reason.CREDENTIAL),
    **dict.fromkeys(("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "PERMISSION_DENIED"), Pause(Reason.PERMISSION)),
    **dict.fromkeys(CONFIGURATION.split(), Pause(Reason.CONFIGURATION)),
    "CONVERSION_ACTION_TOO_RECENTLY_CREATED": Retry(Reason.CONFIGURATION, after=LONGEST_WAIT),
    **dict.fromkeys(("ABORTED", "CANCELLED", "INTERNAL", "INTERNAL_ERROR", "UNAVAILABLE"), Maybe(Reason.SERVER_ERROR)),
    **dict.fromkeys(("DEADLINE_EXCEEDED", "UNKNOWN"), Maybe(Reason.SERVER_ERROR)),
    "TOO_MANY_EVENTS": Isolate(Reason.TOO_LARGE),
    **dict.fromkeys(AN_EVENT.split(), Isolate(Reason.REJECTED)),
}
"""By `ErrorReason`, by Google's standard reasons and by canonical status. Of several, the kind of verdict that stands first
in this table counts, for what concerns the whole destination comes before what concerns an event. A new conversion action
is usable six hours after it was made; until then it is asked for once an hour.

https://developers.google.com/data-manager/api/reference/rpc/google.ads.datamanager.v1#errorreason and
https://developers.google.com/data-manager/api/devguides/concepts/understand-errors (read 2026-11-22)
"""

GRAVEST_FIRST: Final = tuple(dict.fromkeys(map(type, REASONS.values())))
RANK: Final = {name: GRAVEST_FIRST.index(type(verdict)) for name, verdict in REASONS.items()}
INDEX: Final = re.compile(r"(?:events\.)?events\[([0-9]{1,4})\]")
ENUM: Final = re.compile(r"[A-Z][A-Z0-9_]*")
DELAY: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)s")


class Violation(msgspec.Struct, frozen=True):
    """Which field is at fault, and why."""

    field: str = ""
    reason: str = ""


class QuotaDetails(msgspec.Struct, frozen=True, rename="camel"):
    """A quota's own delay, such as `37s`."""

    retry_delay: str = ""


class AdsDetails(msgspec.Struct, frozen=True, rename="camel"):
    """The details of an error in Google Ads' own failure object."""

    quota_error_details: QuotaDetails = QuotaDetails()


class AdsError(msgspec.Struct, frozen=True):
    """One error of Google Ads' own failure object."""

    details: AdsDetails = AdsDetails()


class Detail(msgspec.Struct, frozen=True, rename="camel"):
    """One of `ErrorInfo`, `BadRequest`, `RetryInfo` and Google Ads' own failure; each has fields of its own."""

    reason: str = ""
    metadata: dict[str, Any] = {}
    field_violations: list[Violation] = []
    retry_delay: str = ""
    errors: list[AdsError] = []


class Fault(msgspec.Struct, frozen=True):
    """Google's error object; a detail that cannot be read is left out, the others count."""

    status: str = ""
    details: list[msgspec.Raw] = []


class Answer(msgspec.Struct, frozen=True, rename="camel"):
    """Google's reply: the id of the request, or its error. Field warnings never mean a refusal and are not read."""

    request_id: Any = None
    error: Fault | None = None


ANSWER: Final = msgspec.json.Decoder(Answer | list[Answer])
DETAIL: Final = msgspec.json.Decoder(Detail)


@dataclass(frozen=True, slots=True)
class GoogleAds:
    """Google's page."""

    settings: GoogleAdsSettings
    destination: ClassVar[Destination] = Destination.GOOGLE_ADS
    Settings: ClassVar[type[DestinationSettings]] = GoogleAdsSettings
    hosts: ClassVar[frozenset[str]] = frozenset({"datamanager.googleapis.com"})
    secrets: ClassVar[frozenset[str]] = frozenset()

    @property
    def limits(self) -> Limits:
        """At most 2000 events a request; repeats merge by transaction id, whenever they come.

        Sixty days by default: a click's conversions count for up to 90 days, those known by e-mail alone reportedly
        for 63, and past its limit an event is lost without a word. Clicks younger than six hours can be unknown to
        Google, so where click ids are sent, events wait that long first.
        https://developers.google.com/data-manager/api/devguides/limits and
        https://developers.google.com/google-ads/api/docs/conversions/upload-offline (read 2026-11-22). No limit in
        bytes is published; the one here is our own.
        """
        policy = self.settings
        held = policy.click_hold if policy.send_click_ids else 0
        return Limits(
            policy.batch_events, 1_000_000, policy.max_age_days * 86_400, resend_window=None, min_age=held, timeout=30.0
        )

    @property
    def needs(self) -> Needs:
        """What the settings let Google have; never an address, a user agent or a page."""
        clicks = frozenset({"gclid", "wbraid", "gbraid"} if self.settings.send_click_ids else ())
        return Needs(email=self.settings.send_email, click_ids=clicks)

    @property
    def test_mode(self) -> str | None:
        """`validateOnly` when it is on: requests are checked and nothing is taken."""
        return "validateOnly" if self.settings.validate_only else None

    def refuses(self, event: Minimised) -> Refusal | None:
        """Refuse a kind without a conversion action, and an event without an e-mail digest and a click id."""
        if event.kind not in self.settings.conversion_actions:
            return Refusal.NOT_ENABLED
        if event.restricted is not None:  # Google has no mark that would tell it so
            return Refusal.RESTRICTION_UNSUPPORTED
        known = email_of(event, self.settings) or click_of(event.click, self.settings)
        return None if known else Refusal.NO_IDENTITY

    def access(self, token: Secret, secrets: Mapping[str, Secret]) -> Access:
        """A bearer token, nothing beside it."""
        del secrets
        return Access(token)

    def warnings(self, reply: Reply) -> int:
        """A request is taken whole or not at all, and nothing is said beside it."""
        del reply
        return 0

    def build(self, events: Sequence[Minimised]) -> Request:
        """Write the events out as one request, with the conversion actions of the kinds that are among them."""
        policy = self.settings
        kinds = dict.fromkeys([event.kind for event in events])
        body: Body = {
            "destinations": [target(kind, policy) for kind in kinds],
            "encoding": "HEX",
            "events": [written(event, policy) for event in events],
        }
        if policy.validate_only:
            body["validateOnly"] = True
        return Request("/v1/events:ingest", orjson.dumps(body, option=orjson.OPT_UTC_Z))

    def interpret(self, reply: Reply, count: int) -> tuple[Verdict, ...]:
        """Read the error by its reasons; a success has to name its request, for only then can it be asked after."""
        answer = None if 300 <= reply.status < 400 else read(ANSWER, reply.body)
        if isinstance(answer, list):
            answer = answer[0] if answer else None
        if answer is not None and answer.error is not None:
            return refusal(answer.error, reply, count)
        taken = 200 <= reply.status < 300 and answer is not None
        named = answer is not None and isinstance(answer.request_id, str) and answer.request_id != ""
        if answer is None or not taken or not (named or self.settings.validate_only):
            return by_status(reply, count)
        return spread(Delivered(Reason.ACCEPTED_FOR_PROCESSING, receipt=receipt_of(answer.request_id)), count)


def email_of(event: Minimised, policy: GoogleAdsSettings) -> str | None:
    """Give the digest that may serve Google."""
    return event.email.google_ads if event.email is not None and policy.send_email else None


def click_of(click: ClickIds | None, policy: GoogleAdsSettings) -> AdIdentifiers | None:
    """Choose one click id: Google refuses two. `wbraid` is the web's, `gbraid` the apps'."""
    if click is None or not policy.send_click_ids:
        return None
    if click.gclid is not None:
        return {"gclid": click.gclid}
    if click.wbraid is not None:
        return {"wbraid": click.wbraid}
    return {"gbraid": click.gbraid} if click.gbraid is not None else None


def target(kind: Kind, policy: GoogleAdsSettings) -> Target:
    """Write out a kind's conversion action; the login account only where it is another."""
    made: Target = {
        "reference": kind.value,
        "operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": policy.operating_account},
        "productDestinationId": policy.conversion_actions[kind],
    }
    if policy.login_account not in (None, policy.operating_account):
        made["loginAccount"] = {"accountType": "GOOGLE_ADS", "accountId": policy.login_account}
    return made


def written(event: Minimised, policy: GoogleAdsSettings) -> Event:
    """Write one event out."""
    made: Event = {
        "destinationReferences": LABELS[event.kind],
        "transactionId": transaction_id(event.event_id) if policy.transaction_ids == "safe" else event.event_id,
        "eventTimestamp": datetime.fromtimestamp(event.occurred_at, UTC),
        "eventSource": "WEB",
        "consent": PERSONALISED if event.ads_personalisation else NOT_PERSONALISED,
    }
    if (email := email_of(event, policy)) is not None:
        made["userData"] = {"userIdentifiers": [{"emailAddress": email}]}
    if (click := click_of(event.click, policy)) is not None:
        made["adIdentifiers"] = click
    if (money := event.money) is not None:
        made["conversionValue"] = money.number
        made["currency"] = money.currency
    return made


def refusal(fault: Fault, reply: Reply, count: int) -> tuple[Verdict, ...]:
    """Look an error up by the gravest of its reasons; a fault outside the events is no event's."""
    details = [detail for raw in fault.details if (detail := read(DETAIL, raw)) is not None]
    violations = [violation for detail in details for violation in detail.field_violations]
    named = [v.reason for v in violations] + [detail.reason for detail in details] + [fault.status]
    known = min((name for name in named if name in REASONS), key=RANK.__getitem__, default=None)
    after = longest(retry_after(reply.headers), *(wait for detail in details for wait in waits_of(detail)))
    if known is None:
        return by_status(reply, count, after)
    verdict = REASONS[known]
    if isinstance(verdict, Isolate) and any(v.field and not v.field.startswith("events") for v in violations):
        verdict = Pause(Reason.CONFIGURATION)
    return spread(told(verdict, code_of(known), after), count, hints_of(violations))


def hints_of(violations: Sequence[Violation]) -> dict[int, PlatformCode | None]:
    """Find which events the violations point at: `events[2].…` and `events.events[2].…` are both in use."""
    return {
        int(at[1]): code_of(v.reason if ENUM.fullmatch(v.reason) else None) for v in violations if (at := INDEX.match(v.field))
    }


def waits_of(detail: Detail) -> list[Waits]:
    """Read the delays of one detail; a day's quota that is gone waits as long as any wait may be."""
    quota = detail.metadata.get("quota_limit")
    gone_for_today = isinstance(quota, str) and "PerDay" in quota
    delays = [detail.retry_delay] + [error.details.quota_error_details.retry_delay for error in detail.errors]
    told_delays: list[Waits] = [float(found[1]) for delay in delays if (found := DELAY.fullmatch(delay))]
    return [*told_delays, LONGEST_WAIT if gone_for_today else None]
