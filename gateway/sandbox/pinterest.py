"""A stand-in for Pinterest's API for Conversions: `POST /v5/ad_accounts/{id}/events`.

A request whose shape is wrong (an unknown key in a closed object, a number where a text belongs) is refused whole;
an event that is well formed but of no use (too old, nobody identified, an address that is not hashed) fails alone. A
name that Pinterest does not know is processed, with a warning: the conversion is lost silently, as it would be there.
Error texts repeat the token and the request, because the platform's do.

Rules: https://github.com/pinterest/api-description (v5/openapi.yaml, operation events/create, read 2026-11-22). Whether
a schema fault is answered with 400 or 422, and a mixed batch with 200 or 422, is unpublished: 400 and 200 by default.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from ipaddress import ip_address
from typing import ClassVar, Final

import orjson
from pydantic import MISSING, ValidationError

from gateway.model.money import CURRENCIES
from gateway.model.words import Destination
from gateway.sandbox.behaviour import Mode
from gateway.sandbox.ledger import Arrival, Repeats
from gateway.sandbox.pinterest_schema import CustomData, Envelope, Event
from gateway.sandbox.stand_in import CLOCK_SKEW, GARBAGE, Answer, Post, Reading, Settled, Voice, common_fault, field_names

MAX_AGE = 7 * 86_400

EVENT_NAMES = frozenset({
    "add_payment_info", "add_to_cart", "add_to_wishlist", "app_install", "app_open", "checkout", "contact", "custom",
    "customize_product", "find_location", "initiate_checkout", "lead", "page_visit", "schedule", "search", "signup",
    "start_trial", "submit_application", "subscribe", "view_category", "view_content", "watch_video",
})  # fmt: skip
ACTION_SOURCES = frozenset({"web", "offline", "app_android", "app_ios"})
HASHED_LISTS = ("em", "ph", "fn", "ln", "db", "ge", "ct", "st", "zp", "country", "external_id", "hashed_maids")
HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)

MISSING_IDS = "To improve match quality, please consider sending external_id and click_id."


_NO_MONEY: Final = CustomData()


# ── the platform ───────────────────────────────────────────────────────────────────────────────────────────────────


class PinterestVoice(Voice):
    """Pinterest's rules and words."""

    destination = Destination.PINTEREST
    repeats = Repeats.FRESH_FIRST_STAYS
    route = "/v5/ad_accounts/{account:[^/]+}/events"
    variants: ClassVar[Mapping[Mode, Sequence[str]]] = {
        Mode.SUCCESS: ("usual", "nulls", "bare", "last_call"),
        Mode.REFUSE_BATCH: ("400", "422", "4196", "too_large", "other"),
        Mode.REFUSE_EVENTS: ("200", "422"),
        Mode.THROTTLE: ("reset", "retry_after", "bare", "30"),
        Mode.EXPIRED_TOKEN: ("401", "scopes"),
        Mode.PERMISSION: ("403", "404", "disapproved", "in_review", "method", "media_type"),
        Mode.SERVER_ERROR: ("500", "ramped_down", "504", "502", "503", "408"),
        Mode.COUNT_MISMATCH: ("short",),
        Mode.GARBAGE: tuple(GARBAGE),
    }

    def read(self, post: Post) -> Reading | Answer:
        """Judge the shape of the request, then each event by itself."""
        if not (post.path["account"].isdecimal() and len(post.path["account"]) <= 18):
            return _error(400, 1, "Invalid request: ad_account_id must be digits", reason="ad_account_id")
        try:
            body = orjson.loads(post.body)
            events = Envelope.model_validate(body).data
        except orjson.JSONDecodeError:
            return _schema_error("body is not JSON", post, 0)
        except ValidationError as fault:
            first = fault.errors(include_url=False, include_context=False)[0]
            data = body.get("data") if isinstance(body, dict) else None
            where = ".".join(map(str, first["loc"]))
            return _schema_error(f"{where}: {first['msg']}", post, len(data) if isinstance(data, list) else 0)
        arrivals = [
            _arrival(place, event, raw, post.at) for place, (event, raw) in enumerate(zip(events, body["data"], strict=True))
        ]
        return Reading(arrivals, recorded=post.query.get("test") != "true")

    def settle(self, reading: Reading, refused: frozenset[int], variant: str) -> Settled:
        """Answer for each event; 422 when all failed, or when asked to answer a mixed batch so."""
        faults = [
            "Invalid event: refused on request" if place in refused else arrival.fault
            for place, arrival in enumerate(reading.arrivals)
        ]
        results = [_result(fault, arrival.warning, variant) for fault, arrival in zip(faults, reading.arrivals, strict=True)]
        taken = [arrival for fault, arrival in zip(faults, reading.arrivals, strict=True) if fault is None]
        body = {"num_events_received": len(faults), "num_events_processed": len(taken), "events": results}
        if len(taken) < len(faults) and (not taken or variant == "422"):
            message = "Not all events were successfully processed."
            return _error(422, 953, message, {"details": body}, reason="953"), taken
        headers = _rate_headers(60, left=0 if variant == "last_call" else 119_999)
        return Answer(200, orjson.dumps(body), headers, reason="failed"), taken

    def miscount(self, reading: Reading) -> Settled:
        """Take all but the last, and list one result less than was sent."""
        return self.settle(Reading(reading.arrivals[:-1], reading.recorded), frozenset(), "200")

    def fault(self, mode: Mode, variant: str, post: Post, seconds: float) -> Answer:
        """Answer with the error that the mode stands for."""
        if (common := common_fault(mode, variant)) is not None:
            return common
        return FAULTS[mode, variant or self.variants[mode][0]](post, seconds)

    def nowhere(self, post: Post) -> Answer:
        """Answer for a path or method that does not exist."""
        del post
        return _error(404, 2, "Not found.", reason="404")


def _arrival(place: int, event: Event, raw: Mapping[str, object], now: float) -> Arrival:
    """Note an event with what is wrong or odd about it."""
    money = _NO_MONEY if event.custom_data is MISSING else event.custom_data
    return Arrival(
        place=place,
        name=event.event_name,
        event_id=event.event_id,
        occurred_at=event.event_time,
        value=None if money.value is None else Decimal(money.value),
        currency=money.currency,
        fields=field_names(raw),
        fault=next((text for rule, text in RULES if rule(event, now)), None),
        warning=_warning(event),
    )


def _too_old(event: Event, now: float) -> bool:
    """https://docs.amperity.com/operator/events_pinterest.html (read 2026-11-22): seven days."""
    return now - event.event_time > MAX_AGE


def _in_the_future(event: Event, now: float) -> bool:
    """The tolerance is the sandbox's choice; milliseconds lie far beyond any."""
    return event.event_time > now + CLOCK_SKEW


def _not_hashed(event: Event, _now: float) -> bool:
    """Say whether a list of digests holds something else."""
    lists = (getattr(event.user_data, name) for name in HASHED_LISTS if name in event.user_data.model_fields_set)
    return any(HASH.fullmatch(text) is None for texts in lists for text in texts)


def _nobody(event: Event, _now: float) -> bool:
    """Say whether neither `em` nor `hashed_maids` nor address with user agent is there."""
    user = event.user_data
    return not (
        _given(user.em) or _given(user.hashed_maids) or (_given(user.client_ip_address) and _given(user.client_user_agent))
    )


def _given(value: object) -> bool:
    """Say whether something is there and not empty."""
    return value is not MISSING and bool(value)


def _no_address(event: Event, _now: float) -> bool:
    """Say whether the address is none."""
    address = event.user_data.client_ip_address
    return address is not MISSING and not _is_address(address)


def _unknown_source(event: Event, _now: float) -> bool:
    """Say whether the action source is none of the four."""
    return event.action_source not in ACTION_SOURCES


def _unknown_currency(event: Event, _now: float) -> bool:
    """Say whether the currency is no ISO 4217 code."""
    currency = None if event.custom_data is MISSING else event.custom_data.currency
    return currency is not None and currency not in CURRENCIES


RULES: Final[tuple[tuple[Callable[[Event, float], bool], str], ...]] = (
    (_too_old, "event_timestamp is too old. Event must be within the last 7 days."),
    (_in_the_future, "event_timestamp is in the future."),
    (_unknown_source, "action_source must be one of: app_android, app_ios, web, offline."),
    (_not_hashed, "user_data is not in the hashed format. Hash it with SHA-256."),
    (_no_address, "client_ip_address is not a valid address."),
    (_nobody, "user_data must have one of em, hashed_maids, or client_ip_address with client_user_agent."),
    (_unknown_currency, "currency is not an ISO-4217 code."),
)
"""What makes an event fail alone, in the order of asking; the texts are the stand-in's own."""


def _warning(event: Event) -> str | None:
    """Give the remark that the platform makes: of a name it does not know, else of missing identifiers."""
    if event.event_name not in EVENT_NAMES:
        return 'The event name is not known. The event is filed as an "Unknown" event.'
    return None if event.user_data.model_fields_set & {"external_id", "click_id"} else MISSING_IDS


def _result(fault: str | None, warning: str | None, variant: str) -> dict[str, object]:
    """Write one event's result. Where there is nothing to say the platform says `""`, null or nothing at all."""
    nothing = None if variant == "nulls" else ""
    if fault is not None:
        return {"status": "failed", "error_message": fault, "warning_message": nothing}
    if variant == "bare":
        return {"status": "processed"}
    return {"status": "processed", "error_message": nothing, "warning_message": nothing if warning is None else warning}


@lru_cache(maxsize=4096)
def _is_address(text: str) -> bool:
    """Say whether this is an IP address, all zeros excepted."""
    try:
        return int(ip_address(text)) != 0
    except ValueError:
        return False


# ── errors ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _error(  # noqa: PLR0913 - the parts of one envelope
    status: int,
    code: int,
    message: str,
    more: Mapping[str, object] | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    reason: str,
    events: int = 0,
) -> Answer:
    """Write an error."""
    body = orjson.dumps({"code": code, "message": message, "status": "failure", **(more or {})})
    return Answer(status, body, headers or {}, reason=reason, events=events)


def _schema_error(what: str, post: Post, events: int) -> Answer:
    """Refuse the request whole, repeating it as the platform does."""
    echo = post.body[:2000].decode("utf-8", "replace")
    return _error(400, 1, f"Invalid request: {echo} does not match the schema: {what}", reason="1", events=events)


def _rate_headers(reset: float, left: int = 119_999) -> dict[str, str]:
    """Write the rate headers as they were seen on 2026-09-24."""
    return {
        "X-RateLimit-Limit": '120000, 120000;w=60;name="ads_conversions_ad_account_id"',
        "X-RateLimit-Remaining": str(left),
        "X-RateLimit-Reset": str(round(reset)),
    }


def _limited(headers: Mapping[str, str]) -> Answer:
    """Refuse for too many requests."""
    return _error(429, 8, "You have exceeded your rate limit. Try again later.", headers=headers, reason="8")


FAULTS: Final[Mapping[tuple[Mode, str], Callable[[Post, float], Answer]]] = {
    (Mode.REFUSE_BATCH, "400"): lambda post, _: _schema_error("refused on request", post, 0),
    (Mode.REFUSE_BATCH, "422"): lambda _, __: _error(422, 953, "Not all events were successfully processed.", reason="953"),
    (Mode.REFUSE_BATCH, "4196"): lambda _, __: _error(400, 4196, "Invalid events.", reason="4196"),
    (Mode.REFUSE_BATCH, "too_large"): lambda _, __: _error(413, 0, "Payload too large.", reason="413"),
    (Mode.REFUSE_BATCH, "other"): lambda _, __: _error(418, 99, "Something new.", reason="418"),
    (Mode.THROTTLE, "reset"): lambda _, seconds: _limited(_rate_headers(seconds, left=0)),
    (Mode.THROTTLE, "30"): lambda _, seconds: _error(429, 30, "Too many.", headers=_rate_headers(seconds, left=0), reason="30"),
    (Mode.THROTTLE, "retry_after"): lambda _, seconds: _limited({"Retry-After": str(round(seconds))}),
    (Mode.THROTTLE, "bare"): lambda _, __: _limited({}),
    (Mode.EXPIRED_TOKEN, "401"): lambda post, _: _error(401, 2, f"Authentication failed: token {post.token}", reason="2"),
    (Mode.EXPIRED_TOKEN, "scopes"): lambda _, __: _error(401, 3, "Authorization failed: Missing: ['ads:write']", reason="3"),
    (Mode.PERMISSION, "403"): lambda _, __: _error(403, 29, "You are not permitted to access that resource.", reason="29"),
    (Mode.PERMISSION, "404"): lambda _, __: _error(404, 2, "Ad account not found.", reason="2"),
    (Mode.PERMISSION, "disapproved"): lambda _, __: _error(403, 2625, "This account is disapproved.", reason="2625"),
    (Mode.PERMISSION, "in_review"): lambda _, __: _error(403, 2626, "This account is in review.", reason="2626"),
    (Mode.PERMISSION, "method"): lambda _, __: _error(405, 5, "Method not allowed.", reason="405"),
    (Mode.PERMISSION, "media_type"): lambda _, __: _error(415, 0, "Unsupported media type.", reason="415"),
    (Mode.SERVER_ERROR, "502"): lambda _, __: _error(502, 0, "Bad gateway.", reason="502"),
    (Mode.SERVER_ERROR, "503"): lambda _, __: _error(503, 0, "Unavailable.", reason="503"),
    (Mode.SERVER_ERROR, "408"): lambda _, __: _error(408, 0, "Request timed out.", reason="408"),
    (Mode.SERVER_ERROR, "500"): lambda _, __: _error(500, 0, "Something went wrong on our end.", reason="500"),
    (Mode.SERVER_ERROR, "ramped_down"): lambda _, __: _error(503, 4197, "This endpoint is ramped down.", reason="4197"),
    (Mode.SERVER_ERROR, "504"): lambda _, __: _error(504, 0, "Upstream timed out.", reason="504"),
}
"""What each mode answers; codes from https://github.com/pinterest/api-description (read 2026-11-22)."""
