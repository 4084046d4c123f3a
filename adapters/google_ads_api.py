"""Google Ads API: conversions with `uploadClickConversions`, for accounts that uploaded this way before June 2026.

Rows are taken and refused one by one, in an answer that is a 200 even when all were refused: what was taken is repeated
in `results`, what was not has its errors in `partialFailureError`, each with the way to its field. Messages and
triggers repeat digests and click ids, so they are never read. Who may not use this API has to switch to the other;
nothing here switches by itself.
https://developers.google.com/google-ads/api/docs/conversions/upload-offline and, on who may use it,
https://developers.google.com/ads/blog/posts/2026/05/changes-to-offline-click-conversion (read 2026-11-22)
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, NotRequired, TypedDict

import msgspec
import orjson

from adapters.google_conversion import Conversion
from adapters.google_errors import COMMON, ENUM, Detail, FailureError, Status, details_of, hints_of, wait_of, words_of
from adapters.replies import Waits, by_status, code_of, read, receipt_of, spread, told
from gateway.adapter import LONGEST_WAIT, NOTHING_MORE, Processed, Reply, Request
from gateway.model.texts import PlatformCode, Receipt
from gateway.model.verdict import Delivered, Isolate, Maybe, Pause, Rejected, Retry, Throttle, Verdict
from gateway.model.words import Reason

HOST: Final = "googleads.googleapis.com"
SCOPE: Final = "https://www.googleapis.com/auth/adwords"
"""What an access token must be good for.

https://developers.google.com/google-ads/api/reference/rpc/v17/ConversionUploadService (read 2026-11-25)
"""

MOST_ROWS: Final = 500
"""Rows of one request. Google takes 2000; a refused row comes back as some 600 bytes, and of a reply 1 MiB is read."""

TOO_YOUNG: Final = 6 * 3600.0
"""Seconds. A click, and a conversion action, have to be this old before Google finds them: `TOO_RECENT_EVENT` in
https://developers.google.com/google-ads/api/reference/rpc/v26/ConversionUploadErrorEnum.ConversionUploadError (read 2026-11-22)
"""


class Consent(TypedDict):
    """Nothing comes here without advertising consent. This service has no place for personalisation."""

    adUserData: Literal["GRANTED"]


class UserIdentifier(TypedDict):
    """A hashed e-mail address, in hexadecimal."""

    hashedEmail: str


class ClickConversion(TypedDict):
    """One conversion: at most one click id, and no digest beside a click id of an app or of the web's stand-in.

    https://developers.google.com/google-ads/api/reference/rpc/v26/ClickConversion (read 2026-11-22)
    """

    conversionAction: str
    conversionDateTime: str
    orderId: str
    consent: Consent
    userIdentifiers: NotRequired[list[UserIdentifier]]
    gclid: NotRequired[str]
    wbraid: NotRequired[str]
    gbraid: NotRequired[str]
    conversionValue: NotRequired[float]
    currencyCode: NotRequired[str]


class Body(TypedDict):
    """One request."""

    conversions: list[ClickConversion]
    partialFailure: Literal[True]
    validateOnly: NotRequired[bool]


GRANTED: Final[Consent] = {"adUserData": "GRANTED"}


# ── what an error means for a row ────────────────────────────────────────────────────────────────────────────────

Values = Mapping[str, Verdict]


def classed(*classes: tuple[Verdict, str]) -> Values:
    """Make a table by value out of one by class."""
    return {value: verdict for verdict, values in classes for value in values.split()}


HAS_IT: Final = Delivered(Reason.DUPLICATE_AT_PLATFORM)
ALONE: Final = Isolate(Reason.REJECTED, suspect=True)
LATER: Final = Retry(Reason.HELD, TOO_YOUNG, apart=True)
AGAIN: Final = Retry(Reason.SERVER_ERROR)
TOO_OLD: Final = Rejected(Reason.EXPIRED)
NEVER: Final = Rejected(Reason.REJECTED)
SETTINGS: Final = Pause(Reason.CONFIGURATION)
ACCESS: Final = Pause(Reason.PERMISSION)
TOKEN: Final = Pause(Reason.CREDENTIAL)
UNHEARD_OF: Final = Retry(Reason.UNKNOWN_ERROR)
"""What nobody understands is not buried at the first sight: it is tried again until its age ends that."""

UPLOAD: Final = classed(
    # Google has it, of an earlier try.
    (HAS_IT, "ORDER_ID_ALREADY_IN_USE CLICK_CONVERSION_ALREADY_EXISTS CALL_CONVERSION_ALREADY_EXISTS"),
    # Two rows of one request are the same: neither was taken, and each goes again alone.
    (ALONE, "DUPLICATE_ORDER_ID DUPLICATE_CLICK_CONVERSION_IN_REQUEST DUPLICATE_CALL_CONVERSION_IN_REQUEST"),
    (LATER, "TOO_RECENT_EVENT TOO_RECENT_CONVERSION_ACTION TOO_RECENT_CALL"),
    # In order, and of no use to Google: too old, before its click, of nobody's click.
    (TOO_OLD, "EXPIRED_EVENT EXPIRED_CALL"),
    (NEVER, "EVENT_NOT_FOUND CLICK_NOT_FOUND CALL_NOT_FOUND CONVERSION_PRECEDES_EVENT CONVERSION_PRECEDES_CALL"),
    (NEVER, "CONVERSION_NOT_COMPLIANT_WITH_ATT_POLICY CONVERSION_TRACKING_NOT_ENABLED_AT_IMPRESSION_TIME"),
    (NEVER, "CONVERSION_TRACKING_NOT_ENABLED_AT_CALL_TIME"),
    # One of these is somebody's click on another advertiser's ad; many are a wrong account, which their rate tells.
    (NEVER, "INVALID_CUSTOMER_FOR_CLICK INVALID_CUSTOMER_FOR_CALL UNAUTHORIZED_CUSTOMER"),
    # Out of order.
    (NEVER, "UNPARSEABLE_GCLID UNPARSEABLE_WBRAID UNPARSEABLE_GBRAID UNPARSEABLE_CALLERS_PHONE_NUMBER GBRAID_WBRAID_BOTH_SET"),
    (NEVER, "INVALID_USER_IDENTIFIER UNSUPPORTED_USER_IDENTIFIER ORDER_ID_CONTAINS_PII CUSTOM_VARIABLE_VALUE_CONTAINS_PII"),
    # The account or its conversion action is not set up for what is sent.
    (SETTINGS, "NO_CONVERSION_ACTION_FOUND INVALID_CONVERSION_ACTION_TYPE CUSTOM_VARIABLE_NOT_ENABLED INVALID_JOB_ID"),
    (SETTINGS, "CUSTOMER_NOT_ACCEPTED_CUSTOMER_DATA_TERMS CUSTOMER_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS"),
    (SETTINGS, "CUSTOMER_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS ONE_PER_CLICK_CONVERSION_ACTION_NOT_PERMITTED_WITH_BRAID"),
    (SETTINGS, "EXTERNAL_ATTRIBUTION_DATA_SET_FOR_NON_EXTERNALLY_ATTRIBUTED_CONVERSION_ACTION"),
    (SETTINGS, "EXTERNAL_ATTRIBUTION_DATA_NOT_SET_FOR_EXTERNALLY_ATTRIBUTED_CONVERSION_ACTION"),
    (SETTINGS, "ORDER_ID_NOT_PERMITTED_FOR_EXTERNALLY_ATTRIBUTED_CONVERSION_ACTION"),
    (SETTINGS, "EXTERNALLY_ATTRIBUTED_CONVERSION_ACTION_NOT_PERMITTED_WITH_USER_IDENTIFIER"),
    (Isolate(Reason.TOO_LARGE), "TOO_MANY_CONVERSIONS_IN_REQUEST"),
    (UNHEARD_OF, "UNSPECIFIED UNKNOWN"),
)
"""`ConversionUploadError`, all of it, by what has to be done.

https://developers.google.com/google-ads/api/reference/rpc/v26/ConversionUploadErrorEnum.ConversionUploadError
(read 2026-11-22; the values are the same in v23 to v26)
"""

NO_SUCH_CLICK: Final = PlatformCode("conversionUploadError.UNPARSEABLE_GCLID")
"""What Google says of a row whose click id it never gave out."""

TOKENS: Final = classed(
    (TOKEN, "OAUTH_TOKEN_EXPIRED OAUTH_TOKEN_INVALID OAUTH_TOKEN_HEADER_INVALID OAUTH_TOKEN_REVOKED OAUTH_TOKEN_DISABLED"),
    (TOKEN, "AUTHENTICATION_ERROR GOOGLE_ACCOUNT_AUTHENTICATION_FAILED"),
    (SETTINGS, "CLIENT_CUSTOMER_ID_INVALID CUSTOMER_NOT_FOUND DEVELOPER_TOKEN_INVALID"),
)

FAMILIES: Final[Mapping[str, tuple[Values, Verdict]]] = {
    "conversionUploadError": (UPLOAD, UNHEARD_OF),
    "quotaError": ({"ACCESS_PROHIBITED": ACCESS}, Throttle()),
    "internalError": ({}, AGAIN),
    "authenticationError": (TOKENS, ACCESS),
    "authorizationError": ({"PROJECT_DISABLED": SETTINGS, "CUSTOMER_NOT_ENABLED": SETTINGS}, ACCESS),
    "notAllowlistedError": ({}, SETTINGS),
    "requestError": ({"RPC_DEADLINE_TOO_SHORT": AGAIN}, SETTINGS),
    "databaseError": ({"REQUEST_TOO_LARGE": Isolate(Reason.TOO_LARGE)}, AGAIN),
    **dict.fromkeys(("headerError", "partialFailureError", "collectionSizeError", "enumError", "idError"), ({}, SETTINGS)),
    **dict.fromkeys(("currencyCodeError", "dateError", "fieldError", "rangeError"), ({}, NEVER)),
    **dict.fromkeys(("stringFormatError", "stringLengthError"), ({}, NEVER)),
}
"""By family: some values, and what all others of the family mean. A family that is not here is unheard of.

https://developers.google.com/google-ads/api/docs/common-errors and, for the families,
https://developers.google.com/google-ads/api/reference/rpc/v26/ErrorCode (read 2026-11-22)
"""

OF_A_ROW: Final = frozenset({"collectionSizeError", "conversionUploadError", "enumError", "idError", "requestError"})
"""Families that speak of what the row holds, never of the account as a whole or of who asks."""

GRAVEST_FIRST: Final = (Throttle, Pause, Rejected, Isolate, Retry, Maybe, Delivered)
"""Of a row's several errors the one counts whose verdict stands first: the whole destination's before the row's, then
what will never change before what may."""
INDEX: Final = re.compile(r"conversions\[([0-9]{1,4})\]", re.ASCII)
FAMILY: Final = re.compile(r"[a-z][A-Za-z]{1,60}", re.ASCII)

# ── replies ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Answer(msgspec.Struct, frozen=True, rename="camel"):
    """Google's reply: one result for each row, empty where the row was refused; or the error of the whole request."""

    results: list[dict[str, msgspec.Raw]] = []
    partial_failure_error: Status = Status()
    job_id: Any = None
    error: Status | None = None


ANSWER: Final = msgspec.json.Decoder(Answer | list[Answer])


class Found(msgspec.Struct, frozen=True):
    """One error: what it means, its code, and the row it is about, None when it is about the whole request."""

    verdict: Verdict
    code: PlatformCode | None
    row: int | None


@dataclass(frozen=True, slots=True)
class AdsApi:
    """The service: whose account, in which version, with which headers of its own."""

    customer: str
    version: str
    headers: tuple[tuple[str, str], ...]
    validate_only: bool

    def build(self, conversions: Sequence[Conversion]) -> Request:
        """Write conversions out as one request."""
        body: Body = {"conversions": [written(conversion, self.customer) for conversion in conversions], "partialFailure": True}
        if self.validate_only:
            body["validateOnly"] = True
        path = f"/{self.version}/customers/{self.customer}:uploadClickConversions"
        return Request(path, orjson.dumps(body), headers=self.headers)

    def interpret(self, reply: Reply, count: int) -> tuple[Verdict, ...]:
        """Believe the whole request's error first, then each row's result, then its errors."""
        answer = None if 300 <= reply.status < 400 else read(ANSWER, reply.body)
        if isinstance(answer, list):
            answer = answer[0] if answer else None
        if answer is not None and answer.error is not None:
            return refusal(answer.error, reply, count)
        if answer is None or not 200 <= reply.status < 300:
            return by_status(reply, count)
        return self._rows(answer, reply, count)

    def ask_after(self, receipt: Receipt) -> Request | None:
        """Rows are taken or refused at once, and no more is told."""
        del receipt
        return None

    def read_processed(self, reply: Reply, count: int) -> Processed:
        """Say that nothing more will come; there is nothing to ask."""
        del reply, count
        return NOTHING_MORE

    def warnings(self, reply: Reply) -> int:
        """None: this service takes a row or refuses it."""
        del reply
        return 0

    def _rows(self, answer: Answer, reply: Reply, count: int) -> tuple[Verdict, ...]:
        """Give each row its verdict. One with neither a result nor an error may have been taken, unless it was only checked."""
        details = details_of(answer.partial_failure_error)
        after = wait_of(reply, details)
        errors: dict[int | None, list[Found]] = {}
        for error in found_in(details):
            errors.setdefault(error.row, []).append(error)
        general = [gravest([unplaced(error, count) for error in errors[None]])] if None in errors else []
        taken = Delivered(receipt=receipt_of(answer.job_id))
        silent: Verdict = taken if self.validate_only else Maybe(Reason.COUNT_MISMATCH)
        results = answer.results if len(answer.results) == count else [{}] * count  # out of step they prove nothing
        some_taken = any(results)

        def verdict(row: int) -> Verdict:
            said = [own(error, some_taken=some_taken) for error in errors.get(row, [])] + general
            return alone(gravest(said), after, count) if said else silent

        return tuple([taken if result else verdict(row) for row, result in enumerate(results)])


def written(conversion: Conversion, customer: str) -> ClickConversion:
    """Write one conversion out."""
    made: ClickConversion = {
        "conversionAction": f"customers/{customer}/conversionActions/{conversion.action}",
        "conversionDateTime": datetime.fromtimestamp(conversion.occurred_at, UTC).strftime("%Y-%m-%d %H:%M:%S+00:00"),
        "orderId": conversion.transaction_id,
        "consent": GRANTED,
    }
    if conversion.click is not None:
        name, click = conversion.click
        made[name] = click
    if conversion.email is not None and (conversion.click is None or "gclid" in made):
        made["userIdentifiers"] = [{"hashedEmail": conversion.email}]
    if (money := conversion.money) is not None:
        made["conversionValue"] = money.number
        made["currencyCode"] = money.currency
    return made


def found_in(details: Iterable[Detail]) -> list[Found]:
    """Read the errors of Google Ads' own failure object."""
    return [read_error(error) for detail in details for error in detail.errors]


def read_error(error: FailureError) -> Found:
    """Look one error up. Its row is the index of the outermost step named `conversions`; deeper indexes are of other lists."""
    row = next((step.index for step in error.location.field_path_elements if step.field_name == "conversions"), None)
    for family, value in error.error_code.items():
        if FAMILY.fullmatch(family) and isinstance(value, str) and ENUM.fullmatch(value):
            values, others = FAMILIES.get(family, ({}, UNHEARD_OF))
            return Found(values.get(value, others), code_of(f"{family}.{value}"), row)
    return Found(UNHEARD_OF, None, row)


def gravest(errors: Sequence[Found]) -> Found:
    """Choose the error that counts, of one or more."""
    return min(errors, key=lambda error: GRAVEST_FIRST.index(type(error.verdict)))


def own(error: Found, *, some_taken: bool) -> Found:
    """Say what an error means that names its row: what is not set up is so for the row, and for its kind.

    Its conversion action is wrong, and the other kinds have actions of their own; or the account takes no digests, and takes
    clicks. Nobody else waits for that: the row is asked about again once an hour, and somebody is told. What an error says of
    the whole account or of who asks counts for the row alone if other rows were taken; else the destination stops. Of a request
    that was refused whole it counts for all its rows, and whoever sent it asks for each kind by itself.
    """
    family = "" if error.code is None else error.code.partition(".")[0]
    if not isinstance(error.verdict, Pause) or not (some_taken or family in OF_A_ROW):
        return error
    return Found(Retry(error.verdict.reason, LONGEST_WAIT, apart=True), error.code, error.row)


def unplaced(error: Found, count: int) -> Found:
    """Say what an error means that refused `count` rows at once, whichever row it is about: which one is to be found out.

    A failure of Google's own says nothing about how far it got, and that one row is known does not deliver the others.
    """
    match error.verdict:
        case Retry(Reason.SERVER_ERROR):
            return Found(Maybe(Reason.SERVER_ERROR), error.code, error.row)
        case Retry(apart=True) if count > 1 and error.row is not None:
            return Found(Isolate(Reason.REJECTED), error.code, error.row)
        case Rejected(reason) | Isolate(reason) | Retry(Reason.UNKNOWN_ERROR as reason):
            return Found(Isolate(reason), error.code, error.row)
        case Delivered():
            return Found(Isolate(Reason.UNKNOWN_ERROR), error.code, error.row)
        case _:
            return error


def alone(error: Found, after: Waits, count: int) -> Verdict:
    """Complete a row's verdict; a row that was the only one needs no search."""
    verdict = told(error.verdict, error.code, after)
    return spread(verdict, 1)[0] if count == 1 else verdict


def refusal(status: Status, reply: Reply, count: int) -> tuple[Verdict, ...]:
    """Read the error of a whole request: its own errors and reasons, else its canonical code, else the HTTP status."""
    details = details_of(status)
    errors = found_in(details)
    after = wait_of(reply, details)
    reasons = [Found(COMMON[word], code_of(word), None) for word in words_of(details) if word in COMMON]
    known = [unplaced(error, count) for error in errors if error.verdict != UNHEARD_OF] + reasons
    if not known and status.status in COMMON:
        code = next((error.code for error in errors if error.code), code_of(status.status))
        known = [Found(COMMON[status.status], code, None)]
    if not known:
        return by_status(reply, count, after)
    first = gravest(known)
    if first.row is not None:
        first = own(first, some_taken=False)
    violations = [violation for detail in details for violation in detail.field_violations]
    outside = any(violation.field and not violation.field.startswith("conversions") for violation in violations)
    verdict = SETTINGS if outside and isinstance(first.verdict, Isolate) else first.verdict
    hints = hints_of(violations, INDEX) | {error.row: error.code for error in errors if error.row is not None}
    return spread(told(verdict, first.code, after), count, hints)
