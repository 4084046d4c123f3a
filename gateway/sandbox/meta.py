"""A stand-in for Meta's Conversions API: `POST /v26.0/{dataset}/events`.

One invalid event refuses the whole request, as at Meta: nothing of it is taken and only the first fault is named, by
subcode. Texts come in turn in English, French and German, because Meta's are localised and must never be matched. The
path of the bad event (`$['data'][3]['event_time']`) appears in the text where Meta gives it: for malformed parameters.

Rules: https://developers.facebook.com/documentation/ads-commerce/conversions-api/using-the-api and, beside it,
parameters/server-event, parameters/customer-information-parameters, parameters/custom-data, parameters/fbp-and-fbc;
marketing-api/overview/data-processing-options; errors: https://developers.facebook.com/docs/graph-api/guides/error-handling
(all read 2026-11-22). Which subcode a wrong option, product or page would get is unpublished: a malformed parameter's here.
"""

import hmac
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from ipaddress import ip_address
from typing import ClassVar, Final

import msgspec
import orjson
from aiohttp import web

from gateway.model.money import CURRENCIES
from gateway.model.words import Destination
from gateway.sandbox.behaviour import Mode
from gateway.sandbox.ledger import Arrival, Repeats, exact
from gateway.sandbox.stand_in import CLOCK_SKEW, GARBAGE, Answer, Post, Reading, Settled, Voice, common_fault, field_names

MAX_EVENTS = 1000
MAX_AGE: Final = {"physical_store": 62 * 86_400}
DEFAULT_MAX_AGE = 7 * 86_400

ACTION_SOURCES = frozenset(
    {"email", "website", "app", "phone_call", "chat", "physical_store", "system_generated", "business_messaging", "other"}
)
MUST_HASH = ("em", "ph", "fn", "ln", "db", "ge", "ct", "st", "zp", "country")
HASH = re.compile(r"[0-9a-f]{64}(?:\.(?:[A-Za-z0-9_-]{8}|[A-Za-z]{2}))?", re.ASCII)
"""A SHA-256 digest, with the appendix that Meta's parameter builder may add."""
APPENDIX = re.compile(r"\.(?:[A-Za-z0-9_-]{8}|AQ|Ag|Aw|BA|BQ|Bg)\Z", re.ASCII)
FBC = re.compile(r"fb\.[0-2]\.\d{10,13}\.[^.\s]+(?:\.(?:[A-Za-z0-9_-]{8}|AQ|Ag|Aw|BA|BQ|Bg))?", re.ASCII)

PAGE = re.compile(r"https?://[^/?#@\s]+(?:[/?#]\S*)?", re.ASCII)
CONTENT_TYPES = frozenset({"product", "product_group"})
LDU = "LDU"
COUNTRIES = frozenset({0, 1})
"""0: to be looked up by the address. 1: the United States."""
STATES = frozenset({0, *range(1000, 1014)})
"""0: to be looked up by the address. 1000 California … 1013 Rhode Island."""

TOO_WEAK: Final = (
    frozenset({"ct", "country", "st", "zp", "ge", "client_user_agent"}),
    frozenset({"db", "client_user_agent"}),
    frozenset({"fn", "ge"}),
    frozenset({"ln", "ge"}),
)
"""An event whose customer keys are all within one of these sets identifies nobody and is invalid."""

OPTIONAL_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "event_id": str,
    "event_source_url": str,
    "referrer_url": str,
    "opt_out": bool,
    "data_processing_options": list,
    "data_processing_options_country": int,
    "data_processing_options_state": int,
    "original_event_data": dict,
}

BAD_PARAMETER = 2804019
OLD = 2804003
BAD_FBC = 2804001
NO_VALUE = 2804009
NO_CURRENCY = 2804010
NOT_HASHED = 2804016
WEAK = 2804050
UNHEARD_OF = 2804999
"""Meta adds subcodes without a new version; this one stands for those to come."""

TITLES: Final[Mapping[int, tuple[str, str, str]]] = {
    OLD: ("Event timestamp too old", "Horodatage trop ancien", "Zeitstempel zu alt"),
    BAD_FBC: ("Click ID badly formatted", "Identifiant de clic mal formé", "Klick-ID falsch formatiert"),
    NO_VALUE: ("Purchase without value", "Achat sans valeur", "Kauf ohne Wert"),
    NO_CURRENCY: ("Purchase without currency", "Achat sans devise", "Kauf ohne Währung"),
    NOT_HASHED: ("User parameter not hashed", "Paramètre client non haché", "Kundenparameter nicht gehasht"),
    BAD_PARAMETER: ("Missing or wrong parameter", "Paramètre manquant ou incorrect", "Parameter fehlt oder ist falsch"),
    UNHEARD_OF: ("Event not allowed", "Événement non autorisé", "Ereignis nicht erlaubt"),
    WEAK: ("Too little customer information", "Informations client insuffisantes", "Zu wenig Kundeninformationen"),
}
"""Titles in the stand-in's own words: English, French, German."""

MESSAGES: Final = ("Check the parameter {where}.", "Vérifiez le paramètre {where}.", "Prüfen Sie den Parameter {where}.")


class Fault(msgspec.Struct, frozen=True, gc=False):
    """What is wrong with an event: the subcode, and the keys that lead to the field."""

    subcode: int
    path: tuple[str | int, ...] = ()


REFUSED: Final[Mapping[str, Fault]] = {
    "hinted": Fault(BAD_PARAMETER, ("event_time",)),
    "unhinted": Fault(WEAK),
    "click_id": Fault(BAD_FBC),
    "too_old": Fault(OLD),
    "no_value": Fault(NO_VALUE),
    "no_currency": Fault(NO_CURRENCY),
    "not_hashed": Fault(NOT_HASHED, ("user_data", "em")),
    "new_kind": Fault(UNHEARD_OF),
}
"""What is said of an event that is refused on request, by the variant's name."""

Event = Mapping[str, object]
Rule = Callable[[Event, float], Fault | None]


class MetaVoice(Voice):
    """Meta's rules and words."""

    destination = Destination.META
    repeats = Repeats.FIRST_STAYS
    route = r"/{version:v\d+\.\d+}/{dataset:[^/]+}/events"
    variants: ClassVar[Mapping[Mode, Sequence[str]]] = {
        Mode.SUCCESS: ("usual", "bare", "messages", "busy"),
        Mode.REFUSE_BATCH: ("invalid_parameter", "error_data_text", "error_data_object", "test_code", "too_many", "new_code"),
        Mode.REFUSE_EVENTS: tuple(REFUSED),
        Mode.THROTTLE: (
            "app", "account", "abuse", "business", "malformed_headers", "app_time", "page", "downtime", "calls", "mutations",
            "retry_after",
        ),
        Mode.EXPIRED_TOKEN: ("401", "400", "password_changed", "app_removed", "checkpoint", "session", "in_500"),
        Mode.PERMISSION: (
            "200", "dataset", "capability", "app", "managing", "policy", "proof", "signature", "alias", "path", "version",
        ),
        Mode.SERVER_ERROR: (
            "transient", "unknown", "error_in_200", "unknown_99", "internal", "negative", "not_ready", "busy_parameter",
        ),
        Mode.COUNT_MISMATCH: ("short",),
        Mode.GARBAGE: tuple(GARBAGE),
    }  # fmt: skip

    def __init__(self, app_secret: str | None = None) -> None:
        """Begin speaking English. With the app's secret, every request must prove that it knows it (`appsecret_proof`)."""
        self._turn = 0
        self._app_secret = app_secret

    def token(self, request: web.Request, form: Mapping[str, str] | None) -> str:
        """Take the documented query or form parameter, or the header that the platform accepts as well."""
        return super().token(request, form) or request.query.get("access_token", "") or (form or {}).get("access_token", "")

    def read(self, post: Post) -> Reading | Answer:
        """Judge a request: the first fault of the first bad event refuses it whole."""
        if self._app_secret is not None and not _proves(self._app_secret, post):
            return self.fault(Mode.PERMISSION, "proof", post, 0)
        if not post.path["dataset"].isdecimal():
            return self.fault(Mode.PERMISSION, "dataset", post, 0)
        data = _data(post)
        if not isinstance(data, list) or not 1 <= len(data) <= MAX_EVENTS:
            size = len(data) if isinstance(data, list) else 0
            return self._refusal(None, f"(#100) The parameter data must be an array of 1 to {MAX_EVENTS} events", size)
        for place, event in enumerate(data):
            if (fault := _fault(event, post.at)) is not None:
                return self._invalid(fault, place, len(data))
        return Reading([_arrival(place, event) for place, event in enumerate(data)])

    def settle(self, reading: Reading, refused: frozenset[int], variant: str) -> Settled:
        """Confirm all, or refuse all for the first of the refused."""
        total = len(reading.arrivals)
        if refused:
            return self._invalid(REFUSED[variant], min(refused), total), ()
        return self._received(total, variant), reading.arrivals

    def miscount(self, reading: Reading) -> Settled:
        """Take all but the last, and count one less than was sent."""
        return self._received(len(reading.arrivals) - 1), reading.arrivals[:-1]

    def fault(self, mode: Mode, variant: str, post: Post, seconds: float) -> Answer:
        """Answer with the error that the mode stands for."""
        del post
        if (common := common_fault(mode, variant)) is not None:
            return common
        make = FAULTS[mode, variant or self.variants[mode][0]]
        status, error, headers = make(seconds)
        return self._error(status, error, headers, f"{error['code']}/{error.get('error_subcode', 0)}")

    def nowhere(self, post: Post) -> Answer:
        """Only POST to a versioned path with a dataset exists."""
        del post
        error = _graph(100, "Unsupported request. The path or the method does not exist.", 33, type=OF_THE_CALL)
        return self._error(400, error, {}, "100/33")

    def _received(self, count: int, variant: str = "usual") -> Answer:
        """Confirm a number of events: as usual, without messages and trace, with a message, or with a quota nearly used up."""
        body: dict[str, object] = {"events_received": count}
        if variant != "bare":
            body |= {"messages": ["A remark of unknown content."] * (variant == "messages"), "fbtrace_id": _trace_id()}
        usage = {"call_count": 95 if variant == "busy" else 1, "total_time": 1, "total_cputime": 1}
        return Answer(200, orjson.dumps(body), {"X-App-Usage": orjson.dumps(usage).decode()})

    def _invalid(self, fault: Fault, place: int, events: int) -> Answer:
        """Refuse the request for one event."""
        self._turn += 1
        language = self._turn % 3
        path = "".join(f"[{key!r}]" for key in ("data", place, *fault.path))
        named = {BAD_PARAMETER: f"${path}", NOT_HASHED: f"user_data[{fault.path[-1]}]" if fault.path else "user_data"}
        error = {
            "message": "Invalid parameter",
            "type": "OAuthException",
            "code": 100,
            "error_subcode": fault.subcode,
            "is_transient": False,
            "error_user_title": TITLES[fault.subcode][language],
            "error_user_msg": MESSAGES[language].format(where=named.get(fault.subcode, TITLES[fault.subcode][language])),
        }
        return self._error(400, error, {}, f"100/{fault.subcode}", events)

    def _refusal(self, subcode: int | None, message: str, events: int) -> Answer:
        """Refuse the request for its envelope."""
        return self._error(400, _graph(100, message, subcode), {}, f"100/{subcode or 0}", events)

    def _error(
        self, status: int, error: Mapping[str, object], headers: Mapping[str, str], reason: str, events: int = 0
    ) -> Answer:
        """Put an error object into its envelope."""
        body = orjson.dumps({"error": {**error, "fbtrace_id": _trace_id()}})
        return Answer(status, body, headers, reason=reason, events=events)


# ── the rules, one function each, in the order in which they are asked ─────────────────────────────────────────────


def _has_what_is_required(event: Event, _now: float) -> Fault | None:
    """Ask for the four fields that every event needs, in their kinds."""
    name = event.get("event_name")
    if not isinstance(name, str) or not name:
        return Fault(BAD_PARAMETER, ("event_name",))
    if type(event.get("event_time")) is not int:
        return Fault(BAD_PARAMETER, ("event_time",))
    source = event.get("action_source")
    if not isinstance(source, str) or source not in ACTION_SOURCES:
        return Fault(BAD_PARAMETER, ("action_source",))
    if not isinstance(event.get("user_data"), dict):
        return Fault(BAD_PARAMETER, ("user_data",))
    return None


def _has_optional_fields_in_their_kind(event: Event, _now: float) -> Fault | None:
    """Ask that what may be there is what it should be."""
    for name, kind in OPTIONAL_TYPES.items():
        value = event.get(name)
        if value is not None and not isinstance(value, kind):
            return Fault(BAD_PARAMETER, (name,))
    if not isinstance(event.get("custom_data", {}), dict):
        return Fault(BAD_PARAMETER, ("custom_data",))
    return None


def _is_recent(event: Event, now: float) -> Fault | None:
    """Ask for an age of at most seven days, 62 for physical stores. Milliseconds lie far ahead and are refused too."""
    when = event["event_time"]
    assert isinstance(when, int)  # noqa: S101 - an earlier rule of the same table
    if now - when > MAX_AGE.get(str(event["action_source"]), DEFAULT_MAX_AGE):
        return Fault(OLD)
    return Fault(BAD_PARAMETER, ("event_time",)) if when > now + CLOCK_SKEW else None


def _hashes_what_must_be(event: Event, _now: float) -> Fault | None:
    """Ask for digests where digests are required, in a text or a list of texts."""
    user = _object(event, "user_data")
    for name in MUST_HASH:
        value = user.get(name)
        if value is None:
            continue
        for digest in value if isinstance(value, list) else [value]:
            if not isinstance(digest, str) or HASH.fullmatch(digest) is None:
                return Fault(NOT_HASHED, ("user_data", name))
    return None


def _identifies_somebody(event: Event, _now: float) -> Fault | None:
    """Ask for customer keys beyond the sets that are too weak; empty ones do not count."""
    keys = {name for name, value in _object(event, "user_data").items() if value not in (None, "", [], {})}
    return Fault(WEAK) if any(keys <= weak for weak in TOO_WEAK) else None


def _has_click_id_in_format(event: Event, _now: float) -> Fault | None:
    """Ask for `fb.<index>.<milliseconds>.<fbclid>`."""
    fbc = _object(event, "user_data").get("fbc")
    if fbc is None or (isinstance(fbc, str) and FBC.fullmatch(fbc)):
        return None
    return Fault(BAD_FBC)


def _has_one_address(event: Event, _now: float) -> Fault | None:
    """Ask for one IPv4 or IPv6 address; a list in one field made events fail. The subcode is the sandbox's choice."""
    address = _object(event, "user_data").get("client_ip_address")
    if address is None or (isinstance(address, str) and _is_address(address)):
        return None
    return Fault(BAD_PARAMETER, ("user_data", "client_ip_address"))


def _prices_a_purchase(event: Event, _now: float) -> Fault | None:
    """Ask for a value and a currency with a Purchase, and for sound ones anywhere."""
    money = _object(event, "custom_data")
    purchase = event["event_name"] == "Purchase"
    value, currency = money.get("value"), money.get("currency")
    if value is None and purchase:
        return Fault(NO_VALUE)
    if value is not None and exact(value) is None:
        return Fault(BAD_PARAMETER, ("custom_data", "value"))
    if currency is None and purchase:
        return Fault(NO_CURRENCY)
    if currency is not None and (not isinstance(currency, str) or currency.upper() not in CURRENCIES):
        return Fault(NO_CURRENCY)
    return None


def _names_its_contents(event: Event, _now: float) -> Fault | None:
    """Ask for an id with every item, as enforced since 2026-04 (stape-io/facebook-tag issue 88, read 2026-11-22)."""
    contents = _object(event, "custom_data").get("contents", [])
    if not isinstance(contents, list):
        return Fault(BAD_PARAMETER, ("custom_data", "contents"))
    for place, item in enumerate(contents):
        if not isinstance(item, dict) or not item.get("id"):
            return Fault(BAD_PARAMETER, ("custom_data", "contents", place, "id"))
    return None


def _names_its_products(event: Event, _now: float) -> Fault | None:
    """Ask for texts, one or a list of them, and for one of the two kinds of thing that they can name."""
    custom = _object(event, "custom_data")
    ids, kind = custom.get("content_ids"), custom.get("content_type")
    if ids is not None and not all(isinstance(id_, str) and id_ for id_ in (ids if isinstance(ids, list) else [ids])):
        return Fault(BAD_PARAMETER, ("custom_data", "content_ids"))
    if kind is not None and kind not in CONTENT_TYPES:
        return Fault(BAD_PARAMETER, ("custom_data", "content_type"))
    return None


def _has_a_page(event: Event, _now: float) -> Fault | None:
    """Ask for a web address where there is one."""
    page = event.get("event_source_url")
    if page is None or (isinstance(page, str) and _is_page(page)):
        return None
    return Fault(BAD_PARAMETER, ("event_source_url",))


def _limits_data_use_whole(event: Event, _now: float) -> Fault | None:
    """Ask that Limited Data Use says where: by codes, or by an address to look the place up by."""
    options = event.get("data_processing_options") or []
    country, state = event.get("data_processing_options_country"), event.get("data_processing_options_state")
    if not options and country is None and state is None:
        return None
    if options not in ([], [LDU]):
        return Fault(BAD_PARAMETER, ("data_processing_options",))
    if country is not None and country not in COUNTRIES:
        return Fault(BAD_PARAMETER, ("data_processing_options_country",))
    if state not in STATES | {None} or (state is None and country):
        return Fault(BAD_PARAMETER, ("data_processing_options_state",))
    looked_up = bool(options) and not (country and state)
    if looked_up and not _object(event, "user_data").get("client_ip_address"):
        return Fault(BAD_PARAMETER, ("data_processing_options_state",))
    return None


RULES: Final[tuple[Rule, ...]] = (
    _has_what_is_required,
    _has_optional_fields_in_their_kind,
    _is_recent,
    _hashes_what_must_be,
    _identifies_somebody,
    _has_click_id_in_format,
    _has_one_address,
    _prices_a_purchase,
    _names_its_contents,
    _names_its_products,
    _has_a_page,
    _limits_data_use_whole,
)


def _fault(event: object, now: float) -> Fault | None:
    """Give the first rule that the event breaks, None if it is valid."""
    if not isinstance(event, dict):
        return Fault(BAD_PARAMETER)
    for rule in RULES:
        if (fault := rule(event, now)) is not None:
            return fault
    return None


def _arrival(place: int, event: Event) -> Arrival:
    """Note a valid event."""
    money = _object(event, "custom_data")
    when = event["event_time"]
    assert isinstance(when, int)  # noqa: S101 - the event passed the rules
    currency = money.get("currency")
    return Arrival(
        place=place,
        name=str(event["event_name"]),
        event_id=str(event.get("event_id") or ""),
        occurred_at=when,
        value=exact(money.get("value")),
        currency=currency if isinstance(currency, str) else None,
        fields=field_names(event),
    )


def _proves(app_secret: str, post: Post) -> bool:
    """Say whether the request holds the token's HMAC-SHA256 under the app's secret, in its query or its form."""
    proof = post.query.get("appsecret_proof") or (post.form or {}).get("appsecret_proof", "")
    return hmac.compare_digest(proof, hmac.new(app_secret.encode(), post.token.encode(), sha256).hexdigest())


def _data(post: Post) -> object:
    """Find `data` in a JSON body, or in a form body where it is JSON text, its events possibly JSON texts again."""
    try:
        if post.form is None:
            body = orjson.loads(post.body)
            return body.get("data") if isinstance(body, dict) else None
        data = orjson.loads(post.form.get("data", ""))
        return [orjson.loads(item) if isinstance(item, str) else item for item in data] if isinstance(data, list) else None
    except orjson.JSONDecodeError:
        return None


_EMPTY: Final[Event] = {}


def _object(event: Event, name: str) -> Event:
    """Give a nested object, empty if there is none."""
    found = event.get(name)
    return found if isinstance(found, dict) else _EMPTY


@lru_cache(maxsize=4096)
def _is_page(text: str) -> bool:
    """Say whether this is a web address without a user in it."""
    return PAGE.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _is_address(text: str) -> bool:
    """Say whether this is one IP address, with or without the appendix of the parameter builder."""
    try:
        ip_address(text)
    except ValueError:
        bare = APPENDIX.sub("", text)
        return bare != text and _is_address(bare)
    return True


# ── errors on request ──────────────────────────────────────────────────────────────────────────────────────────────


OF_THE_CALL: Final = "GraphMethodException"
"""The type of errors that concern the call rather than what it carries."""


def _graph(code: int, message: str, subcode: int | None = None, **more: object) -> dict[str, object]:
    """Write an error object; `more` may replace its type."""
    error: dict[str, object] = {"message": message, "type": "OAuthException", "code": code, **more}
    return error if subcode is None else {**error, "error_subcode": subcode}


def _trace_id() -> str:
    """Make an id as `fbtrace_id` looks."""
    return secrets.token_urlsafe(16)


Made = tuple[int, Mapping[str, object], Mapping[str, str]]
"""Status, error object, headers."""


def _business(seconds: float) -> Made:
    """Throttle by business use case; the wait is told in minutes."""
    minutes = max(1, round(seconds / 60))
    usage = {"type": "ads_management", "call_count": 100, "total_cputime": 20, "total_time": 20}
    header = orjson.dumps({"1234567890": [{**usage, "estimated_time_to_regain_access": minutes}]}).decode()
    return 400, _graph(80000, "There have been too many calls to this account."), {"X-Business-Use-Case-Usage": header}


def _account(seconds: float) -> Made:
    """Throttle by ad account; the wait is told in seconds."""
    header = orjson.dumps({"acc_id_util_pct": 100.0, "reset_time_duration": round(seconds)}).decode()
    return 400, _graph(17, "User request limit reached", 2446079), {"X-Ad-Account-Usage": header}


FULL_APP = {"X-App-Usage": '{"call_count":100,"total_time":25,"total_cputime":25}'}
EXPIRED = "Error validating access token: Session has expired."


def _error(
    status: int, code: int, message: str, subcode: int | None = None, headers: Mapping[str, str] | None = None, **more: object
) -> Callable[[float], Made]:
    """Make an answer that does not depend on how long to wait."""
    return lambda _seconds: (status, _graph(code, message, subcode, **more), headers or {})


def _retry_after(seconds: float) -> Made:
    """Throttle with the header that Meta does not document and some have seen."""
    return 429, _graph(4, "Application request limit reached"), {"Retry-After": str(round(seconds))}


TOO_MANY = "There have been too many calls."
NO_OBJECT = "Unsupported post request. The object does not exist or cannot be loaded."
BROKEN_HEADERS = {"X-Business-Use-Case-Usage": "{not json", "X-App-Usage": "[]", "Retry-After": "soon"}
BLAME = {"blame_field_specs": [["data"]]}

FAULTS: Final[Mapping[tuple[Mode, str], Callable[[float], Made]]] = {
    (Mode.REFUSE_BATCH, "invalid_parameter"): _error(400, 100, "Invalid parameter"),
    (Mode.REFUSE_BATCH, "error_data_text"): _error(400, 100, "Invalid parameter", error_data='"null"'),
    (Mode.REFUSE_BATCH, "error_data_object"): _error(400, 100, "Invalid parameter", error_data=BLAME),
    (Mode.REFUSE_BATCH, "test_code"): _error(400, 100, "Invalid parameter", error_user_title="Code de test périmé"),
    (Mode.REFUSE_BATCH, "too_many"): _error(400, 105, "Too many parameters"),
    (Mode.REFUSE_BATCH, "new_code"): _error(400, 77123, "Something new"),
    (Mode.THROTTLE, "app"): _error(403, 4, "Application request limit reached", 1504022, FULL_APP),
    (Mode.THROTTLE, "app_time"): _error(400, 4, TOO_MANY, 1504039, FULL_APP),
    (Mode.THROTTLE, "account"): _account,
    (Mode.THROTTLE, "page"): _error(400, 32, "Page request limit reached"),
    (Mode.THROTTLE, "downtime"): _error(400, 341, "Application limit reached"),
    (Mode.THROTTLE, "abuse"): _error(400, 613, "Calls to this api have exceeded the rate limit."),
    (Mode.THROTTLE, "calls"): _error(400, 613, TOO_MANY, 1487742),
    (Mode.THROTTLE, "mutations"): _error(400, 613, TOO_MANY, 5044001),
    (Mode.THROTTLE, "business"): _business,
    (Mode.THROTTLE, "malformed_headers"): _error(400, 80004, TOO_MANY, headers=BROKEN_HEADERS),
    (Mode.THROTTLE, "retry_after"): _retry_after,
    (Mode.EXPIRED_TOKEN, "401"): _error(401, 190, EXPIRED, 463),
    (Mode.EXPIRED_TOKEN, "400"): _error(400, 190, EXPIRED, 463),
    (Mode.EXPIRED_TOKEN, "in_500"): _error(500, 190, EXPIRED),
    (Mode.EXPIRED_TOKEN, "password_changed"): _error(400, 190, "The password was changed.", 460),
    (Mode.EXPIRED_TOKEN, "app_removed"): _error(400, 190, "The app was removed.", 458),
    (Mode.EXPIRED_TOKEN, "checkpoint"): _error(400, 190, "The user has to log in.", 459),
    (Mode.EXPIRED_TOKEN, "session"): _error(400, 102, "Session key invalid or no longer valid"),
    (Mode.PERMISSION, "200"): _error(403, 200, "(#200) Permissions error"),
    (Mode.PERMISSION, "dataset"): _error(400, 100, NO_OBJECT, 33, type=OF_THE_CALL),
    (Mode.PERMISSION, "capability"): _error(403, 3, "Application does not have the capability"),
    (Mode.PERMISSION, "app"): _error(403, 10, "Application does not have permission for this action"),
    (Mode.PERMISSION, "managing"): _error(403, 294, "Managing advertisements requires an extended permission"),
    (Mode.PERMISSION, "policy"): _error(400, 368, "Temporarily blocked for policies violations"),
    (Mode.PERMISSION, "proof"): _error(400, 100, "Invalid appsecret_proof provided in the API argument", type=OF_THE_CALL),
    (Mode.PERMISSION, "signature"): _error(400, 104, "Incorrect signature"),
    (Mode.PERMISSION, "alias"): _error(404, 803, "Some of the aliases do not exist"),
    (Mode.PERMISSION, "path"): _error(400, 2500, "Unknown path components"),
    (Mode.PERMISSION, "version"): _error(400, 2635, "You are calling a deprecated version of the API"),
    (Mode.SERVER_ERROR, "transient"): _error(503, 2, "Service temporarily unavailable", is_transient=True),
    (Mode.SERVER_ERROR, "unknown"): _error(500, 1, "An unknown error occurred"),
    (Mode.SERVER_ERROR, "unknown_99"): _error(500, 1, "An unknown error occurred", 99),
    (Mode.SERVER_ERROR, "internal"): _error(500, 5000, "Unknown error"),
    (Mode.SERVER_ERROR, "negative"): _error(500, -3, "Internal error"),
    (Mode.SERVER_ERROR, "not_ready"): _error(400, 21009, "The data set is not ready"),
    (Mode.SERVER_ERROR, "busy_parameter"): _error(400, 100, "Please retry your request", is_transient=True),
    (Mode.SERVER_ERROR, "error_in_200"): _error(200, 2, "Service temporarily unavailable", is_transient=True),
}
"""What each mode answers; https://developers.facebook.com/docs/graph-api/guides/error-handling and
https://developers.facebook.com/documentation/ads-commerce/marketing-api/overview/rate-limiting (read 2026-11-22)."""
