"""A stand-in for both of Google's services that take conversions, on one port.

The Google Ads API is in `google_upload.py`. The Data Manager API is here: `POST /v1/events:ingest` and
`GET /v1/requestStatus:retrieve`. A fault of form or a missing field refuses the whole request and names the event
(`events[3]…` when the JSON does not fit the messages, `events.events[3]…` when the service objects); nothing is ingested. A
conversion action that does not exist refuses it too, and names the destination: no account is known here, so one is told to
be so (`refuse_events`, variant `no_action`).
What passes is accepted for processing under a request id. What becomes of it is told later, in counts by reason: consent
that was denied or left open, an event too old, a click id that cannot be read. Such events are not in the ledger, the
others are.

Rules: https://developers.google.com/data-manager/api/devguides/concepts/understand-errors and, beside it,
events/google-ads, concepts/formatting, limits; the shape is in `google_schema.py` (all read 2026-11-22)
"""

import base64
import re
import secrets
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Final, TypeVar

import msgspec
import orjson
from pydantic import ValidationError

from gateway.model.money import CURRENCIES
from gateway.model.words import Destination
from gateway.sandbox import google_upload
from gateway.sandbox.behaviour import Mode
from gateway.sandbox.google_faults import (
    Violation,
    bare,
    denied,
    entries_of,
    exhausted,
    in_a_list,
    nowhere,
    refusal,
    refuse,
    retry_info,
    unreadable,
)
from gateway.sandbox.google_schema import Consent, Event, IngestEventsRequest, ProductAccount, UserIdentifier
from gateway.sandbox.google_schema import Destination as Target
from gateway.sandbox.ledger import Arrival, Repeats
from gateway.sandbox.stand_in import CLOCK_SKEW, GARBAGE, Answer, Post, Reading, Settled, Voice, common_fault, field_names

SCOPE: Final = "https://www.googleapis.com/auth/datamanager"
MAX_EVENTS = 2000
MAX_DESTINATIONS = 10
MAX_IDENTIFIERS = 10
MAX_AGE = 90 * 86_400
"""The longest click window; https://developers.google.com/google-ads/api/docs/conversions/upload-offline (read 2026-11-22)."""

READABLE = 50 * 86_400
"""Seconds for which a status can be asked for: `REQUEST_TOO_OLD` in
https://developers.google.com/data-manager/api/reference/rpc/google.ads.datamanager.v1#errorreason (read 2026-11-22)
"""

LATER: Final[Mapping[str, str]] = {
    "later": "PROCESSING_ERROR_REASON_CLICK_NOT_FOUND",
    "later_duplicate": "PROCESSING_ERROR_REASON_DUPLICATE_TRANSACTION_ID",
    "later_mismatch": "PROCESSING_ERROR_OPERATING_ACCOUNT_MISMATCH_FOR_AD_IDENTIFIER",
    "later_terms": "PROCESSING_ERROR_REASON_DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED",
    "later_too_recent": "PROCESSING_ERROR_REASON_TOO_RECENT_CLICK",
}
"""How `refuse_events` accepts events and says only in the status that they were not used, and why."""

REMEMBERED = 10_000
"""Request ids whose status can be asked for."""

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
TRANSACTION_ID = re.compile(r"[A-Za-z0-9 -]+", re.ASCII)
"""Letters, digits, dashes, blanks; https://support.google.com/google-ads/answer/6386790 (read 2026-11-22)."""
CLICK_ID = re.compile(r"[A-Za-z0-9_-]{10,512}", re.ASCII)
HEX = re.compile(r"[0-9a-fA-F]+", re.ASCII)
ADS_ACCOUNT = re.compile(r"\d{10}", re.ASCII)

T = TypeVar("T")


class Batch(Reading, frozen=True):
    """A request that is fit for processing, with its destinations."""

    targets: Sequence[Target] = ()
    at: float = 0.0


class Processing(msgspec.Struct):
    """What is known of an accepted request: per destination, how many records and what was wrong with some."""

    reports: list[tuple[Target, int, Counter[str]]]
    at: float
    looks: int = 0


class GoogleAdsVoice(Voice):
    """Google's rules and words."""

    destination = Destination.GOOGLE_ADS
    repeats = Repeats.CORRECTS
    route = "/v1/events:ingest"
    more_routes = (google_upload.ROUTE,)
    variants: ClassVar[Mapping[Mode, Sequence[str]]] = {
        Mode.REFUSE_BATCH: ("no_index", "bare"),
        Mode.REFUSE_EVENTS: ("service", "json", *LATER, *(name for name in google_upload.ROW_VARIANTS if name != "service")),
        Mode.THROTTLE: ("retry_info", "retry_after", "per_day", "bare", "array"),
        Mode.EXPIRED_TOKEN: ("401",),
        Mode.PERMISSION: ("scope", "account", "disabled", "not_found", "terms", "not_allowlisted", "version"),
        Mode.SERVER_ERROR: ("unavailable", "internal", "deadline"),
        Mode.COUNT_MISMATCH: ("no_request_id",),
        Mode.GARBAGE: tuple(GARBAGE),
    }

    def __init__(self, *, looks: int = 1) -> None:
        """Begin with no request. `looks`: how often the status says PROCESSING before it is final."""
        self._looks = looks
        self._requests: OrderedDict[str, Processing] = OrderedDict()
        self._upload = google_upload.Upload()

    def scope(self, post: Post) -> str:
        """Each service has a scope of its own, which does not open the other."""
        return google_upload.SCOPE if _is_upload(post) else SCOPE

    def lookups(self) -> Mapping[str, Callable[[Post], Answer]]:
        """Offer the status of a request."""
        return {"/v1/requestStatus:retrieve": self.status}

    def read(self, post: Post) -> Reading | Answer:
        """Judge the JSON, then the request, then every event; all violations are named."""
        if _is_upload(post):
            return self._upload.read(post)
        try:
            body = orjson.loads(post.body)
            request = IngestEventsRequest.model_validate(body)
        except orjson.JSONDecodeError:
            return refusal([Violation("", "", "Invalid JSON payload received. Parser failed.")], 0)
        except ValidationError as fault:
            return unreadable(fault, entries_of(body, "events"))
        events, targets = request.events or [], request.destinations or []
        violations = [*_request_faults(request), *_event_faults(request, post.at)]
        if violations:
            return refusal(violations, len(events))
        raws = body.get("events") or []
        arrivals = [
            _arrival(place, event, target, _processing_fault(event, request.consent, post.at), raws[place])
            for place, event in enumerate(events)
            for target in _aimed(event, targets)
        ]
        return Batch(arrivals, recorded=not request.validate_only, targets=targets, at=post.at)

    def settle(self, reading: Reading, refused: frozenset[int], variant: str) -> Settled:
        """Accept for processing, or refuse the request for the chosen events; or accept and say later what became of them."""
        if isinstance(reading, google_upload.Rows):
            return self._upload.settle(reading, refused, variant)
        if variant in LATER:
            reading = _spoilt(reading, refused, LATER[variant])
        elif refused and variant == "no_action":
            return refusal(_unknown_actions(reading, refused), len(reading.arrivals)), ()
        elif refused:
            prefix = "events" if variant == "json" else "events.events"
            places = sorted({reading.arrivals[position].place for position in refused})
            violations = [Violation(f"{prefix}[{place}]", "INVALID_EVENT") for place in places]
            return refusal(violations, len(reading.arrivals)), ()
        request_id = secrets.token_urlsafe(12)
        if isinstance(reading, Batch) and reading.recorded:
            self._remember(request_id, reading)
        answer = Answer(200, orjson.dumps({"requestId": request_id}), reason="not_used")
        return answer, [arrival for arrival in reading.arrivals if arrival.fault is None]

    def miscount(self, reading: Reading) -> Settled:
        """Accept, but give no request id to prove it."""
        if isinstance(reading, google_upload.Rows):
            return self._upload.miscount(reading)
        _answer, taken = self.settle(reading, frozenset(), "")
        return Answer(200, b"{}", reason="not_used"), taken

    def fault(self, mode: Mode, variant: str, post: Post, seconds: float) -> Answer:
        """Answer with the error that the mode stands for."""
        if (common := common_fault(mode, variant)) is not None:
            return common
        named = variant or self.variants[mode][0]
        own = google_upload.FAULTS.get((mode, named)) if _is_upload(post) else None
        return (own or FAULTS[mode, named])(seconds)

    def nowhere(self, post: Post) -> Answer:
        """Google's front end answers unknown paths with a page of HTML."""
        del post
        return nowhere()

    def status(self, post: Post) -> Answer:
        """Tell what became of a request, in counts."""
        processing = self._requests.get(post.query.get("requestId", ""))
        if processing is None:
            return refusal([Violation("request_id", "INVALID_REQUEST_ID")], 0)
        if post.at - processing.at > READABLE:
            return refusal([Violation("request_id", "REQUEST_TOO_OLD")], 0)
        processing.looks += 1
        final = processing.looks > self._looks
        reports = [_report(*report, final=final) for report in processing.reports]
        return Answer(200, orjson.dumps({"requestStatusPerDestination": reports}))

    def _remember(self, request_id: str, batch: Batch) -> None:
        """Keep what the status will say."""
        reports = []
        for target in batch.targets:
            mine = [arrival for arrival in batch.arrivals if arrival.name == target.product_destination_id]
            reports.append((target, len(mine), Counter(arrival.fault for arrival in mine if arrival.fault)))
        self._requests[request_id] = Processing(reports, batch.at)
        if len(self._requests) > REMEMBERED:
            self._requests.popitem(last=False)


# ── the request ────────────────────────────────────────────────────────────────────────────────────────────────────


def _request_faults(request: IngestEventsRequest) -> Iterator[Violation]:
    """Judge what is said once for all events."""
    targets, events = request.destinations or [], request.events or []
    if not targets:
        yield Violation("destinations", "REQUIRED_FIELD_MISSING")
    if len(targets) > MAX_DESTINATIONS:
        yield Violation("destinations", "TOO_MANY_DESTINATIONS")
    if not events:
        yield Violation("events.events", "REQUIRED_FIELD_MISSING")
    if len(events) > MAX_EVENTS:
        yield Violation("events.events", "TOO_MANY_EVENTS")
    references = [target.reference for target in targets if target.reference]
    if len(set(references)) < len(references):
        yield Violation("destinations", "DUPLICATE_DESTINATION_REFERENCE")
    for place, target in enumerate(targets):
        yield from _target_faults(f"destinations[{place}]", target)
    if request.encoding not in ("HEX", "BASE64") and any(event.user_data for event in events):
        yield Violation("encoding", "REQUIRED_FIELD_MISSING")


def _target_faults(where: str, target: Target) -> Iterator[Violation]:
    """Judge a destination."""
    if target.operating_account is None:
        yield Violation(f"{where}.operating_account", "REQUIRED_FIELD_MISSING")
    for name in ("operating_account", "login_account", "linked_account"):
        account: ProductAccount | None = getattr(target, name)
        if account is not None:
            yield from _account_faults(f"{where}.{name}", account)
    partner = target.login_account is not None and target.login_account.account_type == "DATA_PARTNER"
    if target.linked_account is not None and not partner:
        yield Violation(f"{where}.linked_account", "LINKED_ACCOUNT_ONLY_ALLOWED_WITH_DATA_PARTNER_LOGIN_ACCOUNT")
    if not target.product_destination_id:
        yield Violation(f"{where}.product_destination_id", "REQUIRED_FIELD_MISSING")
    elif not target.product_destination_id.isdecimal():
        yield Violation(f"{where}.product_destination_id", "INVALID_CONVERSION_ACTION_ID")


def _account_faults(where: str, account: ProductAccount) -> Iterator[Violation]:
    """Judge an account: a kind, and ten digits without hyphens where it is a Google Ads account."""
    kind = account.account_type or account.product
    if kind is None or kind.endswith("_UNSPECIFIED"):
        yield Violation(f"{where}.account_type", "REQUIRED_FIELD_MISSING")
    if not account.account_id:
        yield Violation(f"{where}.account_id", "REQUIRED_FIELD_MISSING")
    elif kind == "GOOGLE_ADS" and ADS_ACCOUNT.fullmatch(account.account_id) is None:
        yield Violation(f"{where}.account_id", "INVALID_NUMBER_FORMAT")


# ── the events ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _event_faults(request: IngestEventsRequest, now: float) -> Iterator[Violation]:
    """Judge every event."""
    references = {target.reference for target in request.destinations or [] if target.reference}
    for place, event in enumerate(request.events or []):
        where = f"events.events[{place}]"
        yield from _time_faults(place, event, now)
        yield from _transaction_faults(place, event)
        if event.event_source is None or event.event_source == "EVENT_SOURCE_UNSPECIFIED":
            yield Violation(f"{where}.event_source", "REQUIRED_FIELD_MISSING")
        if event.destination_references and not references.issuperset(event.destination_references):
            yield Violation(f"{where}.destination_references", "INVALID_DESTINATION")
        if event.currency and event.currency not in CURRENCIES:
            yield Violation(f"{where}.currency", "INVALID_CURRENCY_CODE")
        if event.third_party_user_data is not None:
            yield Violation(f"{where}.third_party_user_data", "THIRD_PARTY_USER_DATA_NOT_ALLOWED")
        yield from _identity_faults(where, event)
        yield from _user_faults(where, event, request.encoding)


def _time_faults(place: int, event: Event, now: float) -> Iterator[Violation]:
    """Ask for a time with its zone, not in the future; the platform names no field for the latter."""
    if event.event_timestamp is None:
        yield Violation(f"events.events[{place}].event_timestamp", "REQUIRED_FIELD_MISSING")
        return
    moment = _moment(event.event_timestamp)
    if moment is None:
        description = (
            f"Invalid value at 'events[{place}].event_timestamp' (type.googleapis.com/google.protobuf.Timestamp), "
            f"Field 'eventTimestamp', Illegal timestamp format; timestamps must end with 'Z' or have a valid timezone offset."
        )
        yield Violation(f"events[{place}].event_timestamp", "", description)
    elif moment > now + CLOCK_SKEW:
        yield Violation("", "")


def _transaction_faults(place: int, event: Event) -> Iterator[Violation]:
    """Ask for at most 64 letters, digits, dashes and blanks; ids of one character were refused without a reason."""
    identity = event.transaction_id
    if not identity:
        return
    where = f"events.events[{place}].transaction_id"
    if len(identity) > 64:
        yield Violation(where, "FIELD_VALUE_TOO_LONG")
    elif TRANSACTION_ID.fullmatch(identity) is None:
        yield Violation(where, "INVALID_FORMAT")
    elif len(identity) == 1:
        yield Violation(f"events[{place}]", "")


def _identity_faults(where: str, event: Event) -> Iterator[Violation]:
    """Ask for something to find the click by, and for at most one click id."""
    found = event.ad_identifiers
    clicks = [] if found is None else [click for click in (found.gclid, found.gbraid, found.wbraid) if click]
    if len(clicks) > 1:
        yield Violation(f"{where}.ad_identifiers", "INVALID_ARGUMENT")
    session = found is not None and bool(found.session_attributes)
    devices = [event.event_device_info, found and found.landing_page_device_info]
    address = any(device.ip_address for device in devices if device)
    user = event.user_data is not None and bool(event.user_data.user_identifiers)
    if not (clicks or session or address or user):
        yield Violation(where, "NO_IDENTIFIERS_PROVIDED")


def _user_faults(where: str, event: Event, encoding: str | None) -> Iterator[Violation]:
    """Ask for at most ten identifiers, each one thing, and digests in the encoding that was declared."""
    if event.user_data is None:
        return
    identifiers = event.user_data.user_identifiers or []
    where = f"{where}.user_data.user_identifiers"
    if not identifiers:
        yield Violation(where, "REQUIRED_FIELD_MISSING")
    if len(identifiers) > MAX_IDENTIFIERS:
        yield Violation(where, "TOO_MANY_USER_IDENTIFIERS")
    for place, identifier in enumerate(identifiers):
        reason = _identifier_fault(identifier, encoding)
        if reason is not None:
            yield Violation(f"{where}[{place}]", reason)


def _identifier_fault(identifier: UserIdentifier, encoding: str | None) -> str | None:
    """Say what is wrong with an identifier, None if nothing is."""
    if sum(part is not None for part in (identifier.email_address, identifier.phone_number, identifier.address)) != 1:
        return "INVALID_ARGUMENT"
    digest = identifier.email_address or identifier.phone_number
    if digest is None:
        return None
    if encoding == "BASE64":
        return _base64_fault(digest)
    if HEX.fullmatch(digest) is None:
        return "INVALID_HEX_ENCODING"
    return None if len(digest) == 64 else "INVALID_SHA256_FORMAT"


def _base64_fault(digest: str) -> str | None:
    """Say whether this is the base64 of 32 bytes."""
    try:
        return None if len(base64.b64decode(digest, validate=True)) == 32 else "INVALID_SHA256_FORMAT"
    except ValueError:
        return "INVALID_BASE64_ENCODING"


def _processing_fault(event: Event, everywhere: Consent | None, now: float) -> str | None:
    """Say why an accepted event will not be used, None if it will. The event's own consent goes before the request's."""
    moment = _moment(event.event_timestamp or "")
    permission = (event.consent and event.consent.ad_user_data) or (everywhere and everywhere.ad_user_data)
    if permission == "CONSENT_DENIED":
        return "PROCESSING_ERROR_REASON_DENIED_CONSENT"
    if permission != "CONSENT_GRANTED":
        return "PROCESSING_ERROR_REASON_UNKNOWN_CONSENT"
    if moment is not None and now - moment > MAX_AGE:
        return "PROCESSING_ERROR_REASON_EVENT_TOO_OLD"
    clicks = event.ad_identifiers
    for name in ("gclid", "gbraid", "wbraid"):
        click = getattr(clicks, name, None)
        if click and CLICK_ID.fullmatch(click) is None:
            return f"PROCESSING_ERROR_REASON_INVALID_{name.upper()}"
    return None


def _is_upload(post: Post) -> bool:
    """Tell whether a request is the Google Ads API's: its path names a customer."""
    return "customer" in post.path


def _unknown_actions(reading: Reading, chosen: frozenset[int]) -> list[Violation]:
    """Object to the conversion actions of the chosen arrivals, by the places of their destinations."""
    unknown = {reading.arrivals[position].name for position in chosen}
    targets = reading.targets if isinstance(reading, Batch) else ()
    return [
        Violation(f"destinations[{place}].product_destination_id", "INVALID_CONVERSION_ACTION_ID")
        for place, target in enumerate(targets)
        if target.product_destination_id in unknown
    ]


def _spoilt(reading: Reading, chosen: frozenset[int], reason: str) -> Reading:
    """Give the chosen arrivals a reason for not being used."""
    arrivals = [
        msgspec.structs.replace(arrival, fault=arrival.fault or reason) if place in chosen else arrival
        for place, arrival in enumerate(reading.arrivals)
    ]
    return msgspec.structs.replace(reading, arrivals=arrivals)


def _aimed(event: Event, targets: Sequence[Target]) -> Sequence[Target]:
    """Give the destinations an event goes to: those it names, else all."""
    if not event.destination_references:
        return targets
    return [target for target in targets if target.reference in event.destination_references]


def _arrival(place: int, event: Event, target: Target, fault: str | None, raw: Mapping[str, object]) -> Arrival:
    """Note an event at one conversion action."""
    value: Decimal | None = event.conversion_value
    return Arrival(
        place=place,
        name=target.product_destination_id or "",
        event_id=event.transaction_id or "",
        occurred_at=_moment(event.event_timestamp or "") or 0.0,
        value=value,
        currency=event.currency or None,
        fields=field_names(raw),
        fault=fault,
    )


def _moment(text: str) -> float | None:
    """Read an RFC 3339 time with its zone as Unix seconds, None if it is not one."""
    if TIMESTAMP.fullmatch(text) is None:
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return None


def _report(target: Target, records: int, faults: Counter[str], *, final: bool) -> dict[str, object]:
    """Write one destination's status; counts are texts, as 64-bit integers are in this JSON."""
    destination = target.model_dump(by_alias=True, exclude_none=True)
    if not final:
        return {"destination": destination, "requestStatus": "PROCESSING"}
    bad = faults.total()
    state = "SUCCESS" if bad == 0 else "FAILED" if bad == records else "PARTIAL_SUCCESS"
    report: dict[str, object] = {
        "destination": destination,
        "requestStatus": state,
        "eventsIngestionStatus": {"recordCount": str(records)},
    }
    if bad:
        counts = [{"reason": reason, "recordCount": str(count)} for reason, count in faults.items()]
        report["errorInfo"] = {"errorCounts": counts}
    return report


# ── errors ─────────────────────────────────────────────────────────────────────────────────────────────────────────

CLOSED = Violation("destinations[0]", "NOT_ALLOWLISTED")
PER_MINUTE = "IngestionMutateRequestsPerMinutePerProject"
PER_DAY = "IngestionMutateRequestsPerDayPerProject"
NO_CREDENTIALS = "Request had invalid authentication credentials. Expected OAuth 2 access token."
TERMS = Violation("destinations[0]", "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED")

FAULTS: Final[Mapping[tuple[Mode, str], Callable[[float], Answer]]] = {
    (Mode.REFUSE_BATCH, "no_index"): lambda _: refusal([Violation("", "")], 0),
    (Mode.REFUSE_BATCH, "bare"): lambda _: bare(400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
    (Mode.THROTTLE, "retry_info"): lambda seconds: exhausted(PER_MINUTE, retry_info(seconds)),
    (Mode.THROTTLE, "retry_after"): lambda seconds: exhausted(PER_MINUTE, headers={"Retry-After": str(round(seconds))}),
    (Mode.THROTTLE, "array"): lambda seconds: in_a_list(exhausted(PER_MINUTE, retry_info(seconds))),
    (Mode.THROTTLE, "per_day"): lambda _: exhausted(PER_DAY),
    (Mode.THROTTLE, "bare"): lambda _: bare(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
    (Mode.EXPIRED_TOKEN, "401"): lambda _: refuse(401, "UNAUTHENTICATED", NO_CREDENTIALS, "ACCESS_TOKEN_EXPIRED"),
    (Mode.PERMISSION, "scope"): lambda _: denied(
        "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "Request had insufficient authentication scopes."
    ),
    (Mode.PERMISSION, "account"): lambda _: denied("PERMISSION_DENIED", "The caller does not have permission."),
    (Mode.PERMISSION, "disabled"): lambda _: denied("SERVICE_DISABLED", "The API is not enabled in this project."),
    (Mode.PERMISSION, "not_found"): lambda _: refuse(404, "NOT_FOUND", "Requested entity was not found.", "NOT_FOUND"),
    (Mode.PERMISSION, "terms"): lambda _: refusal([TERMS], 0),
    (Mode.PERMISSION, "not_allowlisted"): lambda _: refusal([CLOSED], 0),
    (Mode.PERMISSION, "version"): lambda _: nowhere(),
    (Mode.SERVER_ERROR, "unavailable"): lambda _: bare(503, "UNAVAILABLE", "The service is currently unavailable."),
    (Mode.SERVER_ERROR, "internal"): lambda _: refuse(500, "INTERNAL", "Internal error encountered.", "INTERNAL_ERROR"),
    (Mode.SERVER_ERROR, "deadline"): lambda _: bare(504, "DEADLINE_EXCEEDED", "Deadline expired before completion."),
}
"""What each mode answers; https://developers.google.com/data-manager/api/devguides/limits and
https://cloud.google.com/apis/design/errors (read 2026-11-22)."""
