"""Google's Data Manager API, v1: conversions with `events:ingest`, what became of them with `requestStatus:retrieve`.

A request is taken whole or refused whole, and "taken" means queued for processing, so a success is reported as just
that and can be asked after. Repeats merge by transaction id. Errors are told apart by reason and by the path of the
field, never by text.
https://developers.google.com/data-manager/api/devguides/events/google-ads/offline (read 2026-11-22)
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, NotRequired, TypedDict

import msgspec
import orjson

from adapters.google_conversion import Conversion
from adapters.google_errors import COMMON, ENUM, Status, Violation, details_of, hints_of, wait_of, words_of
from adapters.replies import by_status, code_of, read, receipt_of, spread, told
from gateway.adapter import LONGEST_WAIT, NOTHING_MORE, Processed, Reply, Request
from gateway.model.texts import PlatformCode, Receipt
from gateway.model.verdict import Delivered, Isolate, Maybe, Pause, Retry, Throttle, Verdict
from gateway.model.words import Kind, Processing, Reason

HOST: Final = "datamanager.googleapis.com"
SCOPE: Final = "https://www.googleapis.com/auth/datamanager"
"""What an access token must be good for.

https://developers.google.com/data-manager/api/devguides/quickstart/set-up-access (read 2026-11-25)
"""

LABELS: Final = {kind: [kind.value] for kind in Kind}
"""The label of each kind's conversion action within a request, as an event's list of references."""


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


class Event(TypedDict):
    """One conversion. Unknown fields make Google refuse the whole request. `adIdentifiers` has exactly one of three."""

    destinationReferences: list[str]
    transactionId: str
    eventTimestamp: datetime
    eventSource: Literal["WEB"]
    consent: Consent
    userData: NotRequired[UserData]
    adIdentifiers: NotRequired[dict[Literal["gclid", "wbraid", "gbraid"], str]]
    conversionValue: NotRequired[float]
    currency: NotRequired[str]


class Body(TypedDict):
    """One request."""

    destinations: list[Target]
    encoding: Literal["HEX"]
    events: list[Event]
    validateOnly: NotRequired[bool]


# ── replies ──────────────────────────────────────────────────────────────────────────────────────────────────────

CONFIGURATION: Final = (
    "DESTINATION_ACCOUNT_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS "
    "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED DESTINATION_ACCOUNT_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS "
    "DESTINATION_ACCOUNT_TYPE_MISMATCH DUPLICATE_DESTINATION_REFERENCE EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED "
    "LINKED_ACCOUNT_ONLY_ALLOWED_WITH_DATA_PARTNER_LOGIN_ACCOUNT MISMATCHED_ACCOUNT_TYPE MULTIPLE_DATA_TYPES_NOT_ALLOWED "
    "NOT_ALLOWLISTED NOT_FOUND OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH PROJECT_DISABLED SERVICE_DISABLED "
    "TERMS_AND_CONDITIONS_NOT_SIGNED TOO_MANY_DESTINATIONS UNIMPLEMENTED"
)
AN_ACTION: Final = (
    "ACCOUNT_INELIGIBLE_FOR_STORE_SALES CONVERSION_ACTION_TOO_RECENTLY_CREATED EVENT_SOURCE_AND_DESTINATION_MISMATCH "
    "INVALID_CONVERSION_ACTION_ID INVALID_CONVERSION_ACTION_TYPE INVALID_DESTINATION"
)
AN_EVENT: Final = (
    "EVENT_TIME_INVALID FAILED_PRECONDITION FIELD_VALUE_TOO_LONG FIELD_VALUE_TOO_SHORT INVALID_AD_IDENTIFIER_FOR_ACCOUNT "
    "INVALID_ARGUMENT INVALID_BASE64_ENCODING INVALID_CURRENCY_CODE INVALID_ENUM_VALUE INVALID_EVENT INVALID_FORMAT "
    "INVALID_HEX_ENCODING INVALID_NUMBER_FORMAT INVALID_POSTAL_CODE INVALID_REGION_CODE INVALID_SHA256_FORMAT "
    "NO_IDENTIFIERS_PROVIDED OUT_OF_RANGE REQUIRED_FIELD_MISSING THIRD_PARTY_USER_DATA_NOT_ALLOWED TOO_FEW_ELEMENTS "
    "TOO_MANY_ELEMENTS TOO_MANY_USER_IDENTIFIERS"
)
NOT_SET_UP: Final = Retry(Reason.CONFIGURATION, after=LONGEST_WAIT, apart=True)
"""A conversion action is not what it must be. Each kind of event has an action of its own, so only that kind waits."""

REASONS: Final[Mapping[str, Verdict]] = {
    **COMMON,
    **dict.fromkeys(CONFIGURATION.split(), Pause(Reason.CONFIGURATION)),
    **dict.fromkeys(AN_ACTION.split(), NOT_SET_UP),
    "INTERNAL_ERROR": Maybe(Reason.SERVER_ERROR),
    "TOO_MANY_EVENTS": Isolate(Reason.TOO_LARGE),
    **dict.fromkeys(AN_EVENT.split(), Isolate(Reason.REJECTED)),
}
"""By `ErrorReason`, by Google's standard reasons and by canonical status; a reason that is not here is left to the status.
A new conversion action is usable six hours after it was made.

https://developers.google.com/data-manager/api/reference/rpc/google.ads.datamanager.v1#errorreason and
https://developers.google.com/data-manager/api/devguides/concepts/understand-errors (read 2026-11-22)
"""

VAGUE: Final = frozenset({"NOT_FOUND", "PERMISSION_DENIED"})
"""Words that say no more than a status does, and stand beside reasons that do."""

GRAVEST_FIRST: Final = (Throttle, Pause, Retry, Maybe, Isolate)
"""Of several reasons the one counts whose verdict stands first: what concerns the whole destination before an action, and that
before an event. What is said of an action counts before words that are vague."""
RANK: Final = {name: GRAVEST_FIRST.index(type(verdict)) + 1.5 * (name in VAGUE) for name, verdict in REASONS.items()}
ACTION: Final = re.compile(r"destinations(?:\[[0-9]{1,2}\])?\.product_?destination_?id", re.ASCII | re.IGNORECASE)
"""The path of a conversion action, with or without the place of its destination."""
INDEX: Final = re.compile(r"(?:events\.)?events\[([0-9]{1,4})\]", re.ASCII)


class Answer(msgspec.Struct, frozen=True, rename="camel"):
    """Google's reply: the id of the request, or its error. Warnings never mean a refusal, whatever they look like."""

    request_id: Any = None
    field_warnings: msgspec.Raw = msgspec.Raw(b"[]")
    error: Status | None = None


ANSWER: Final = msgspec.json.Decoder(Answer | list[Answer])
LISTED: Final = msgspec.json.Decoder(list[msgspec.Raw])
WARNING: Final = msgspec.json.Decoder(Violation)


# ── what became of it ────────────────────────────────────────────────────────────────────────────────────────────


class ErrorCount(msgspec.Struct, frozen=True, rename="camel"):
    """How many events met with a reason. 64-bit integers are text in this JSON; a number is taken as well."""

    reason: str = ""
    record_count: str | int = 0


class ErrorInfo(msgspec.Struct, frozen=True, rename="camel"):
    """The reasons at one destination; they may be missing."""

    error_counts: list[ErrorCount] = []


class DestinationStatus(msgspec.Struct, frozen=True, rename="camel"):
    """How far one destination of the request is."""

    request_status: str = ""
    error_info: ErrorInfo = ErrorInfo()


class Statuses(msgspec.Struct, frozen=True, rename="camel"):
    """The whole answer."""

    request_status_per_destination: list[DestinationStatus] = []


STATUSES: Final = msgspec.json.Decoder(Statuses)

FAILED: Final = frozenset({"FAILED", "FAILURE"})
"""The enumeration says the one, Google's guide the other."""
GONE: Final = frozenset({"INVALID_REQUEST_ID", "REQUEST_TOO_OLD"})
"""Reasons why a request's status will never be told: it was none, or it was one of some fifty days ago."""
FINISHED: Final = FAILED | {"SUCCESS", "PARTIAL_SUCCESS"}

NUMBER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
PREFIX: Final = re.compile(r"\APROCESSING_ERROR_(?:REASON_)?", re.ASCII)
PROCESSED: Final[Mapping[str, Processing]] = {
    **dict.fromkeys(("DUPLICATE_GCLID", "DUPLICATE_TRANSACTION_ID"), Processing.DUPLICATE),
    **dict.fromkeys(
        (
            "CUSTOM_VARIABLE_NOT_ENABLED",
            "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED",
            "EXTERNAL_ATTRIBUTION_DATA_MISSING",
            "NO_CONSENT",
            "ONE_PER_CLICK_CONVERSION_ACTION_NOT_PERMITTED_WITH_BRAID",
        ),
        Processing.MISCONFIGURED,
    ),
}
"""By `ProcessingErrorReason` without its prefix, which one of the values spells differently; all others mean that the
event was not used. `NO_CONSENT` is the account's own, for Google's core services, the other two of consent are the event's.

https://developers.google.com/data-manager/api/reference/rpc/google.ads.datamanager.v1#processingerrorreason (read 2026-11-22)
"""
WORST_FIRST: Final = (Processing.MISCONFIGURED, Processing.NOT_USED, Processing.DUPLICATE)

QUOTED: Final = str.maketrans({"+": "%2B", "=": "%3D", "/": "%2F", ":": "%3A"})
"""What a receipt can hold and a query cannot."""


@dataclass(frozen=True, slots=True)
class DataManager:
    """The service: whose account, through which manager if any, with which headers of its own."""

    operating_account: str
    login_account: str | None
    headers: tuple[tuple[str, str], ...]
    validate_only: bool

    def build(self, conversions: Sequence[Conversion]) -> Request:
        """Write conversions out as one request, with the conversion actions of the kinds that are among them."""
        actions = {conversion.kind: conversion.action for conversion in conversions}
        body: Body = {
            "destinations": [self._target(kind, action) for kind, action in actions.items()],
            "encoding": "HEX",
            "events": [written(conversion) for conversion in conversions],
        }
        if self.validate_only:
            body["validateOnly"] = True
        return Request("/v1/events:ingest", orjson.dumps(body, option=orjson.OPT_UTC_Z), headers=self.headers)

    def interpret(self, reply: Reply, count: int) -> tuple[Verdict, ...]:
        """Read the error by its reasons; a success has to name its request, for only then can it be asked after."""
        answer = answer_of(reply)
        if answer is not None and answer.error is not None:
            return refusal(answer.error, reply, count)
        if answer is None or not 200 <= reply.status < 300 or not (named(answer) or self.validate_only):
            return by_status(reply, count)
        taken = Delivered(Reason.ACCEPTED_FOR_PROCESSING, receipt=receipt_of(answer.request_id))
        warned = hints_of(warnings_of(answer), INDEX)
        return tuple([taken if i not in warned else told(taken, warned[i], None) for i in range(count)])

    def ask_after(self, receipt: Receipt) -> Request | None:
        """Ask for the status of a request; one that was only validated has none.

        https://developers.google.com/data-manager/api/devguides/diagnostics (read 2026-11-22): first after half an hour,
        then ever more rarely.
        """
        if self.validate_only:
            return None
        path = f"/v1/requestStatus:retrieve?requestId={receipt.translate(QUOTED)}"
        return Request(path, b"", "GET", self.headers)

    def read_processed(self, reply: Reply, count: int) -> Processed | Retry | Throttle | Pause:
        """Read the counts by reason, all destinations together. A question that Google refuses is not asked again."""
        answer = answer_of(reply)
        if answer is not None and answer.error is not None:
            gone = not GONE.isdisjoint(words_of(details_of(answer.error)))
            return NOTHING_MORE if gone else no_status(refusal(answer.error, reply, 1)[0])
        statuses = read(STATUSES, reply.body) if 200 <= reply.status < 300 else None
        if statuses is None:
            return no_status(by_status(reply, 1)[0])
        return tallied(statuses.request_status_per_destination, count)

    def warnings(self, reply: Reply) -> int:
        """Count the fields that Google would rather have otherwise; they never mean a refusal."""
        answer = answer_of(reply)
        return 0 if answer is None else len(warnings_of(answer))

    def _target(self, kind: Kind, action: str) -> Target:
        """Write out a kind's conversion action."""
        made: Target = {
            "reference": kind.value,
            "operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": self.operating_account},
            "productDestinationId": action,
        }
        if self.login_account is not None:
            made["loginAccount"] = {"accountType": "GOOGLE_ADS", "accountId": self.login_account}
        return made


def written(conversion: Conversion) -> Event:
    """Write one conversion out."""
    made: Event = {
        "destinationReferences": LABELS[conversion.kind],
        "transactionId": conversion.transaction_id,
        "eventTimestamp": datetime.fromtimestamp(conversion.occurred_at, UTC),
        "eventSource": "WEB",
        "consent": PERSONALISED if conversion.personalised else NOT_PERSONALISED,
    }
    if conversion.email is not None:
        made["userData"] = {"userIdentifiers": [{"emailAddress": conversion.email}]}
    if conversion.click is not None:
        made["adIdentifiers"] = dict([conversion.click])
    if (money := conversion.money) is not None:
        made["conversionValue"] = money.number
        made["currency"] = money.currency
    return made


def answer_of(reply: Reply) -> Answer | None:
    """Read a reply's body, which may come wrapped in a list; a redirect's says nothing."""
    answer = None if 300 <= reply.status < 400 else read(ANSWER, reply.body)
    if isinstance(answer, list):
        return answer[0] if answer else None
    return answer


def warnings_of(answer: Answer) -> list[Violation]:
    """Read the warnings of a success; those that cannot be read are left out."""
    listed = read(LISTED, answer.field_warnings) or []
    return [warning for raw in listed if (warning := read(WARNING, raw)) is not None]


def named(answer: Answer) -> bool:
    """Tell whether the answer names its request."""
    return isinstance(answer.request_id, str) and answer.request_id != ""


def refusal(status: Status, reply: Reply, count: int) -> tuple[Verdict, ...]:
    """Look an error up by the gravest of its reasons; a fault outside the events is no event's.

    Where it is a conversion action's, which one's is not said in a way that can be relied on: it may be said of each kind in
    the request, and whoever sent it asks for each kind by itself.
    """
    details = details_of(status)
    violations = [violation for detail in details for violation in detail.field_violations]
    known = min((word for word in [*words_of(details), status.status] if word in REASONS), key=RANK.__getitem__, default=None)
    after = wait_of(reply, details)
    if known is None:
        return by_status(reply, count, after)
    verdict = REASONS[known]
    outside = [v.field for v in violations if v.field and not v.field.startswith("events")]
    if outside and all(map(ACTION.match, outside)) and (isinstance(verdict, Isolate) or known in VAGUE):
        return spread(told(NOT_SET_UP, code_of("product_destination_id", known), after), count)
    if outside and isinstance(verdict, Isolate):
        verdict = Pause(Reason.CONFIGURATION)
    return spread(told(verdict, code_of(known), after), count, hints_of(violations, INDEX))


def tallied(statuses: Sequence[DestinationStatus], count: int) -> Processed:
    """Sum the reasons up. What has none was used once all is over, and is pending before.

    Google counts records per reason and does not promise that the sums fit: no more than `count` are given out, the
    worst first.
    """
    final = bool(statuses) and all(status.request_status in FINISHED for status in statuses)
    found = Counter[tuple[Processing, PlatformCode | None]]()
    for status in statuses:
        for error in status.error_info.error_counts:
            found[meaning_of(error.reason), code_of(error.reason if ENUM.fullmatch(error.reason) else None)] += number(error)
    left, counts = count, []
    for (meaning, code), many in sorted(found.items(), key=lambda item: WORST_FIRST.index(item[0][0])):
        if (given := min(many, left)) > 0:
            counts.append((meaning, code, given))
            left -= given
    if left > 0:
        counts.append((rest_of(statuses) if final else Processing.PENDING, None, left))
    return Processed(final, tuple(counts))


def meaning_of(reason: str) -> Processing:
    """Say what a reason means for an event."""
    return PROCESSED.get(PREFIX.sub("", reason, count=1), Processing.NOT_USED)


def number(error: ErrorCount) -> int:
    """Read a count, 0 if it is none."""
    text = str(error.record_count)
    return int(text) if NUMBER.fullmatch(text) else 0


def rest_of(statuses: Sequence[DestinationStatus]) -> Processing:
    """Say what became of the events without a reason when all is over: used, unless all destinations failed.

    Where one failed and gives no reason, it is not known how many are its own: nothing is told of any.
    """
    failed = [status for status in statuses if status.request_status in FAILED]
    if len(failed) == len(statuses):
        return Processing.NOT_USED
    return Processing.USED if all(status.error_info.error_counts for status in failed) else Processing.UNTOLD


def no_status(verdict: Verdict) -> Processed | Retry | Throttle | Pause:
    """Say what a refused question means. It changed nothing, so whatever is in doubt is simply asked again."""
    if isinstance(verdict, Pause | Throttle | Retry):
        return verdict
    return Retry(verdict.reason, verdict.after, verdict.code) if isinstance(verdict, Maybe) else NOTHING_MORE
