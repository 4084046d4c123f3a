"""A stand-in for the Google Ads API: `POST /v26/customers/{customer}:uploadClickConversions`.

Every row is judged by itself. The answer to a readable request is a 200 even when all rows were refused: what was taken
is repeated in `results`, what was not is empty there and has its errors, with the way to the field, in
`partialFailureError`. As the real one does, messages and triggers repeat what was sent. An order id counts once for an
action, a click once for a second.

Rules: https://developers.google.com/google-ads/api/docs/conversions/upload-offline and, beside it,
https://developers.google.com/google-ads/api/reference/rpc/v26/ConversionUploadErrorEnum.ConversionUploadError (read 2026-11-22)
"""

import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec
import orjson
from pydantic import ValidationError

from gateway.model.money import CURRENCIES
from gateway.sandbox.behaviour import Mode
from gateway.sandbox.google_ads_schema import ClickConversion, UploadClickConversionsRequest, UserIdentifier
from gateway.sandbox.google_faults import Violation, entries_of, in_a_list, refusal, unreadable
from gateway.sandbox.ledger import Arrival
from gateway.sandbox.stand_in import CLOCK_SKEW, Answer, Post, Reading, Settled, field_names

ROUTE: Final = r"/{version:v\d+}/customers/{customer}:uploadClickConversions"
SCOPE: Final = "https://www.googleapis.com/auth/adwords"
VERSIONS: Final = frozenset({"v23", "v24", "v25", "v26"})
MAX_ROWS: Final = 2000
MAX_IDENTIFIERS: Final = 5
MAX_AGE: Final = 90 * 86_400
"""The longest click window; https://developers.google.com/google-ads/api/docs/conversions/upload-offline (read 2026-11-22)."""

CUSTOMER: Final = re.compile(r"\d{10}", re.ASCII)
ACTION: Final = re.compile(r"customers/\d{1,10}/conversionActions/(\d{1,20})", re.ASCII)
MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d", re.ASCII)
CLICK_ID: Final = re.compile(r"[A-Za-z0-9_-]{10,512}", re.ASCII)
DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
CLICKS: Final = ("gclid", "gbraid", "wbraid")

Path = tuple[tuple[str, int | None], ...]


class RowError(msgspec.Struct, frozen=True):
    """What is wrong with a row, or without a path with the request: the family and value of the code, and where."""

    family: str
    value: str
    path: Path = ()
    trigger: str = ""


class Rows(Reading, frozen=True):
    """A request whose rows were judged, with the rows as they came and the errors of each."""

    rows: Sequence[Mapping[str, object]] = ()
    errors: Sequence[Sequence[RowError]] = ()


class Upload:
    """What the service remembers: which order ids and which clicks it has."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._orders: set[tuple[str, str]] = set()
        self._clicks: set[tuple[str, str, float]] = set()

    def read(self, post: Post) -> Reading | Answer:
        """Judge the JSON, then the request, then every row."""
        try:
            body = orjson.loads(post.body)
            request = UploadClickConversionsRequest.model_validate(body)
        except orjson.JSONDecodeError:
            return refusal([Violation("", "", "Invalid JSON payload received. Parser failed.")], 0)
        except ValidationError as fault:
            return unreadable(fault, entries_of(body, "conversions"))
        rows = request.conversions or []
        if (whole := _request_fault(request, post)) is not None:
            return failure(whole, events=len(rows))
        raws = body.get("conversions") or []
        doubles = _doubles(rows)
        errors = [list(self._row_errors(place, row, doubles, post.at)) for place, row in enumerate(rows)]
        arrivals = [
            _arrival(place, row, errors[place][0].value if errors[place] else None, raws[place])
            for place, row in enumerate(rows)
        ]
        return Rows(arrivals, recorded=not request.validate_only, rows=raws, errors=errors)

    def settle(self, reading: Rows, refused: frozenset[int], variant: str) -> Settled:
        """Take what is in order; the chosen rows are refused in the way that the variant names."""
        if refused and variant == "json":
            return refusal([Violation(f"conversions[{place}]", "") for place in sorted(refused)], len(reading.rows)), ()
        made = ROW_VARIANTS.get(variant, ROW_VARIANTS["service"])
        errors = [
            [RowError(family, value, _at(place, field), _trigger(reading.rows[place])) for family, value, field in made]
            if place in refused
            else own
            for place, own in enumerate(reading.errors)
        ]
        taken = [arrival for arrival in reading.arrivals if not errors[arrival.place]]
        if reading.recorded:
            for arrival in taken:
                self._keep(arrival, reading.rows[arrival.place])
        results = [{} if own else _result(row) for row, own in zip(reading.rows, errors, strict=True)]
        answer: dict[str, object] = {"results": results} if reading.recorded else {}
        answer["jobId"] = str(2**31 + secrets.randbelow(2**40))
        if said := [error for own in errors for error in own]:
            answer["partialFailureError"] = _status(said)
        return Answer(200, orjson.dumps(answer), reason=next((error.value for error in said), "")), taken

    def miscount(self, reading: Rows) -> Settled:
        """Take all that is in order, but leave out the last result."""
        answer, taken = self.settle(reading, frozenset(), "")
        body = orjson.loads(answer.body)
        body["results"] = body.get("results", [])[:-1]
        return msgspec.structs.replace(answer, body=orjson.dumps(body)), taken

    def _row_errors(self, place: int, row: ClickConversion, doubles: "Doubles", now: float) -> Iterator[RowError]:
        """Name everything that is wrong with a row."""
        yield from _form_errors(place, row, now)
        yield from _identity_errors(place, row)
        yield from _closed_errors(place, row)
        order, click = _order_of(row), _click_of(row)
        if order is not None and order in self._orders:
            yield _upload("ORDER_ID_ALREADY_IN_USE", place, "order_id", order[1])
        elif order is not None and doubles.orders[order] > 1:
            yield _upload("DUPLICATE_ORDER_ID", place, "order_id", order[1])
        elif click is not None and click in self._clicks:
            yield _upload("CLICK_CONVERSION_ALREADY_EXISTS", place, None, click[1])
        elif click is not None and doubles.clicks[click] > 1:
            yield _upload("DUPLICATE_CLICK_CONVERSION_IN_REQUEST", place, None, click[1])

    def _keep(self, arrival: Arrival, row: Mapping[str, object]) -> None:
        """Remember an order id and a click."""
        if arrival.event_id:
            self._orders.add((arrival.name, arrival.event_id))
        click = next((str(row[name]) for name in CLICKS if row.get(name)), None)
        if click is not None:
            self._clicks.add((arrival.name, click, arrival.occurred_at))


# ── the request ────────────────────────────────────────────────────────────────────────────────────────────────────


def _request_fault(request: UploadClickConversionsRequest, post: Post) -> RowError | None:
    """Judge what is said once for all rows."""
    manager = post.headers.get("login-customer-id")
    if post.path["version"] not in VERSIONS:
        return RowError("requestError", "UNSUPPORTED_VERSION")
    if manager is not None and CUSTOMER.fullmatch(manager) is None:
        return RowError("headerError", "INVALID_LOGIN_CUSTOMER_ID", trigger=manager)
    if CUSTOMER.fullmatch(post.path["customer"]) is None:
        return RowError("requestError", "INVALID_CUSTOMER_ID", trigger=post.path["customer"])
    if request.partial_failure is not True:
        return RowError("partialFailureError", "PARTIAL_FAILURE_MODE_REQUIRED")
    if not request.conversions:
        return RowError("fieldError", "REQUIRED", (("conversions", None),))
    if len(request.conversions) > MAX_ROWS:
        return RowError("conversionUploadError", "TOO_MANY_CONVERSIONS_IN_REQUEST", (("conversions", None),))
    if request.job_id is not None and not 1 <= request.job_id < 2**31:
        return RowError("conversionUploadError", "INVALID_JOB_ID", (("job_id", None),))
    return None


# ── the rows ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Doubles(msgspec.Struct, frozen=True):
    """How often an order id, and a click of a second, are in the request."""

    orders: Counter[tuple[str, str]]
    clicks: Counter[tuple[str, str, float]]


def _doubles(rows: Sequence[ClickConversion]) -> Doubles:
    """Count what may be there only once."""
    orders = Counter(order for row in rows if (order := _order_of(row)) is not None)
    return Doubles(orders, Counter(click for row in rows if (click := _click_of(row)) is not None))


def _form_errors(place: int, row: ClickConversion, now: float) -> Iterator[RowError]:
    """Ask for an action by its resource name, a moment that is over, a currency, an order id that names nobody."""
    if not row.conversion_action:
        yield RowError("fieldError", "REQUIRED", _at(place, "conversion_action"))
    elif ACTION.fullmatch(row.conversion_action) is None:
        yield RowError("requestError", "RESOURCE_NAME_MALFORMED", _at(place, "conversion_action"), row.conversion_action)
    when = row.conversion_date_time
    moment = _moment(when)
    if not when:
        yield RowError("fieldError", "REQUIRED", _at(place, "conversion_date_time"))
    elif moment is None:
        yield RowError("dateError", "INVALID_STRING_DATE_TIME_SECONDS_WITH_OFFSET", _at(place, "conversion_date_time"), when)
    elif moment > now + CLOCK_SKEW:
        yield RowError("dateError", "LATER_THAN_MAXIMUM_DATE", _at(place, "conversion_date_time"), when)
    elif now - moment > MAX_AGE:
        yield _upload("EXPIRED_EVENT", place, "conversion_date_time", when)
    if row.currency_code and row.currency_code not in CURRENCIES:
        yield RowError("currencyCodeError", "UNSUPPORTED", _at(place, "currency_code"), row.currency_code)
    if row.order_id and len(row.order_id) > 64:
        yield RowError("stringLengthError", "TOO_LONG", _at(place, "order_id"), row.order_id)
    elif row.order_id and "@" in row.order_id:
        yield _upload("ORDER_ID_CONTAINS_PII", place, "order_id", row.order_id)


def _identity_errors(place: int, row: ClickConversion) -> Iterator[RowError]:
    """Ask for one click id, or digests, of the right form; a stand-in for a click id stands alone."""
    clicks = {name: click for name in CLICKS if (click := getattr(row, name))}
    users = row.user_identifiers or []
    if not clicks and not users:
        yield RowError("fieldError", "REQUIRED", _at(place, "gclid"))
    if {"gbraid", "wbraid"} <= clicks.keys():
        yield _upload("GBRAID_WBRAID_BOTH_SET", place, None, "")
    elif len(clicks) > 1 or (users and clicks.keys() & {"gbraid", "wbraid"}):
        yield RowError("fieldError", "VALUE_MUST_BE_UNSET", _at(place, "gclid" if len(clicks) > 1 else "user_identifiers"))
    for name, click in clicks.items():
        if CLICK_ID.fullmatch(click) is None:
            yield _upload(f"UNPARSEABLE_{name.upper()}", place, name, click)
    if len(users) > MAX_IDENTIFIERS:
        yield RowError("collectionSizeError", "TOO_MANY", _at(place, "user_identifiers"))
    for number, user in enumerate(users):
        if (value := _identifier_fault(user)) is not None:
            path = (("conversions", place), ("user_identifiers", number))
            yield RowError("conversionUploadError", value, path, user.hashed_email or "")


def _identifier_fault(user: UserIdentifier) -> str | None:
    """Say what is wrong with an identifier: only digests of addresses and telephone numbers serve here."""
    digest = user.hashed_email or user.hashed_phone_number
    if digest is None or user.mobile_id or user.third_party_user_id or user.address_info:
        return "UNSUPPORTED_USER_IDENTIFIER"
    return None if DIGEST.fullmatch(digest) else "INVALID_USER_IDENTIFIER"


def _closed_errors(place: int, row: ClickConversion) -> Iterator[RowError]:
    """Refuse what only some may send, and a permission that this service has no place for."""
    session = row.session_attributes_encoded or row.session_attributes_key_value_pairs
    closed = {
        "user_ip_address": row.user_ip_address,
        "session_attributes": session,
        "conversion_environment": row.conversion_environment,
    }
    for name, value in closed.items():
        if value:
            yield RowError("notAllowlistedError", "CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE", _at(place, name))
    if row.consent is not None and row.consent.ad_personalization is not None:
        yield RowError("fieldError", "VALUE_MUST_BE_UNSET", (*_at(place, "consent"), ("ad_personalization", None)))


def _order_of(row: ClickConversion) -> tuple[str, str] | None:
    """Give what an order is known by, None without an order id."""
    return (_action_of(row), row.order_id) if row.order_id else None


def _click_of(row: ClickConversion) -> tuple[str, str, float] | None:
    """Give what a click's conversion is known by, None without a click."""
    click = row.gclid or row.gbraid or row.wbraid
    return (_action_of(row), click, _moment(row.conversion_date_time) or 0.0) if click else None


def _action_of(row: ClickConversion) -> str:
    """Give the number of the action, empty if there is none."""
    found = ACTION.fullmatch(row.conversion_action or "")
    return found[1] if found else ""


def _arrival(place: int, row: ClickConversion, fault: str | None, raw: Mapping[str, object]) -> Arrival:
    """Note a row at its conversion action."""
    return Arrival(
        place=place,
        name=_action_of(row),
        event_id=row.order_id or "",
        occurred_at=_moment(row.conversion_date_time) or 0.0,
        value=row.conversion_value,
        currency=row.currency_code or None,
        fields=field_names(raw),
        fault=fault,
    )


def _moment(text: str | None) -> float | None:
    """Read `yyyy-mm-dd hh:mm:ss+hh:mm` as Unix seconds, None if it is not one."""
    if text is None or MOMENT.fullmatch(text) is None:
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return None


def _trigger(row: Mapping[str, object]) -> str:
    """Give what an error of the row repeats: who it was, as far as the row says so."""
    return orjson.dumps([row.get(name) for name in ("userIdentifiers", *CLICKS, "orderId")]).decode()


def _result(row: Mapping[str, object]) -> dict[str, object]:
    """Repeat of a row what the service repeats."""
    repeated = ("gclid", "gbraid", "wbraid", "conversionAction", "conversionDateTime", "userIdentifiers")
    return {name: row[name] for name in repeated if name in row}


# ── errors ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _at(place: int, field: str | None) -> Path:
    """Give the way to a field of a row."""
    return (("conversions", place),) if field is None else (("conversions", place), (field, None))


def _upload(value: str, place: int, field: str | None, trigger: str) -> RowError:
    """Make one of the service's own errors."""
    return RowError("conversionUploadError", value, _at(place, field), trigger)


def _written(error: RowError) -> dict[str, object]:
    """Write an error out; the message repeats the trigger."""
    steps = [{"fieldName": name} | ({} if index is None else {"index": index}) for name, index in error.path]
    made: dict[str, object] = {
        "errorCode": {error.family: error.value},
        "message": f"The value '{error.trigger}' is not right.",
    }
    if error.trigger:
        made["trigger"] = {"stringValue": error.trigger}
    if steps:
        made["location"] = {"fieldPathElements": steps}
    return made


def _detail(errors: Sequence[dict[str, object]]) -> dict[str, object]:
    """Put errors into Google Ads' own failure object."""
    kind = "type.googleapis.com/google.ads.googleads.v26.errors.GoogleAdsFailure"
    return {"@type": kind, "errors": errors, "requestId": secrets.token_urlsafe(12)}


def _status(errors: Sequence[RowError]) -> dict[str, object]:
    """Write what was wrong with some rows; the message speaks of the first only."""
    written = [_written(error) for error in errors]
    return {
        "code": 3,
        "message": f"Multiple errors in 'details'. First error: {written[0]['message']}",
        "details": [_detail(written)],
    }


def failure(
    error: RowError,
    status: int = 400,
    canonical: str = "INVALID_ARGUMENT",
    *,
    events: int = 0,
    quota: Mapping[str, object] | None = None,
) -> Answer:
    """Refuse a whole request. `quota`: details of a quota."""
    written = _written(error) | ({} if quota is None else {"details": {"quotaErrorDetails": quota}})
    body = {"error": {"code": status, "message": written["message"], "status": canonical, "details": [_detail([written])]}}
    return Answer(status, orjson.dumps(body), reason=error.value, events=events)


def _quota(seconds: float) -> Answer:
    """Refuse for a quota, with its own delay."""
    details = {"rateScope": "ACCOUNT", "rateName": "Number of operations", "retryDelay": f"{seconds:g}s"}
    exhausted = RowError("quotaError", "RESOURCE_EXHAUSTED")
    return failure(exhausted, 429, "RESOURCE_EXHAUSTED", quota=details)


def _no(family: str, value: str, status: int = 403, canonical: str = "PERMISSION_DENIED") -> Callable[[float], Answer]:
    """Make a refusal of the whole request."""
    return lambda _: failure(RowError(family, value), status, canonical)


ROW_VARIANTS: Final[Mapping[str, Sequence[tuple[str, str, str | None]]]] = {
    "service": [("conversionUploadError", "UNPARSEABLE_GCLID", "gclid")],
    "known": [("conversionUploadError", "ORDER_ID_ALREADY_IN_USE", "order_id")],
    "double": [("conversionUploadError", "DUPLICATE_ORDER_ID", "order_id")],
    "too_recent": [("conversionUploadError", "TOO_RECENT_EVENT", None)],
    "expired": [("conversionUploadError", "EXPIRED_EVENT", None)],
    "no_click": [("conversionUploadError", "EVENT_NOT_FOUND", None)],
    "no_action": [("conversionUploadError", "NO_CONVERSION_ACTION_FOUND", "conversion_action")],
    "not_allowlisted": [("notAllowlistedError", "CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE", None)],
    "several": [
        ("conversionUploadError", "TOO_RECENT_EVENT", None),
        ("conversionUploadError", "INVALID_USER_IDENTIFIER", "user_identifiers"),
    ],
    "failed": [("internalError", "TRANSIENT_ERROR", None)],
    "tomorrow": [("somethingNewError", "NEVER_HEARD_OF", None)],
}
"""How `refuse_events` refuses a row: the errors that it then has."""

FAULTS: Final[Mapping[tuple[Mode, str], Callable[[float], Answer]]] = {
    (Mode.REFUSE_BATCH, "no_index"): _no("fieldError", "INVALID_VALUE", 400, "INVALID_ARGUMENT"),
    (Mode.THROTTLE, "retry_info"): _quota,
    (Mode.THROTTLE, "array"): lambda seconds: in_a_list(_quota(seconds)),
    (Mode.EXPIRED_TOKEN, "401"): _no("authenticationError", "OAUTH_TOKEN_EXPIRED", 401, "UNAUTHENTICATED"),
    (Mode.PERMISSION, "account"): _no("authorizationError", "USER_PERMISSION_DENIED"),
    (Mode.PERMISSION, "terms"): _no("authorizationError", "MISSING_TOS"),
    (Mode.PERMISSION, "not_allowlisted"): _no("notAllowlistedError", "CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE"),
    (Mode.PERMISSION, "version"): _no("requestError", "UNSUPPORTED_VERSION", 400, "INVALID_ARGUMENT"),
    (Mode.SERVER_ERROR, "internal"): _no("internalError", "INTERNAL_ERROR", 500, "INTERNAL"),
}
"""What each mode answers where this service has words of its own; for the others Google's common ones are used."""
