"""GA4's Measurement Protocol (`POST /mp/collect`): JSON of a shop's own server in, raw events out.

https://developers.google.com/analytics/devguides/collection/protocol/ga4/reference (read 2026-11-22) has the body: who the
client is, when it was, what consent says, and up to 25 events with their parameters. Taken are purchases, additions to the
basket and page views. The protocol knows consent to `ad_user_data` and `ad_personalization` alone; that is a state that the
shop reports and no choice of a person's, so it refuses and never grants: what goes on needs a consent record of the same
client. `non_personalized_ads`, the older word for a denial of the second, is heard as that.
Read as strictly as our own format. Pure: time is handed in.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Final, NamedTuple

from gateway.model.texts import EventId
from gateway.model.words import Destination, Fault, Kind
from gateway.raw import MAX_AGE, MAX_AHEAD, Malformed, RawEvent
from gateway.sources.fields import Broken, Unknown, object_of, text_of
from gateway.sources.money import money_of
from gateway.sources.native import KINDS, MAX_CONTENT_IDS, SHA256_HEX, Batch, NotAnEvent, TooManyEvents
from gateway.sources.strict import MAX_DEPTH, loads, taint_of
from gateway.spelling import misspelt

MAX_EVENTS: Final = 25
REQUEST_FIELDS: Final = frozenset({"client_id", "timestamp_micros", "consent", "non_personalized_ads", "user_data", "events"})
EVENT_FIELDS: Final = frozenset({"name", "params", "timestamp_micros"})
PARAMS: Final = frozenset({"transaction_id", "value", "currency", "items", "page_location"})
USER_DATA: Final = frozenset({"sha256_email_address"})
MICROS: Final = 1_000_000
ID_LENGTH: Final = 32
WORDS: Final[Mapping[object, str]] = {"GRANTED": "granted", "DENIED": "denied", "granted": "granted", "denied": "denied"}


TYPES: Final = frozenset({"ad_storage", "ad_user_data", "ad_personalization"})
NO: Final = (None, False)
"""What does not ask for ads that are not personal."""


class Request(NamedTuple):
    """What all events of a request share. `micros`: the time in microseconds, None where only events have one."""

    client: str
    micros: object
    consent: Mapping[str, object]
    email_sha256: Mapping[Destination, str] | None
    dropped: bool


def decode(body: bytes, now: int) -> Batch:
    """Read one request. `now` is Unix seconds.

    Raises strict.Unreadable (no JSON), NotAnEvent, TooManyEvents; a single bad event is a `Malformed` in the batch.
    """
    value, suspicious = loads(body)
    events = value.get("events") if type(value) is dict else None
    if type(value) is not dict or type(events) is not list or not events:
        raise NotAnEvent
    if len(events) > MAX_EVENTS:
        raise TooManyEvents
    batch = Batch(events=[], unknown={})
    request = _request(value, suspicious, batch.unknown)
    if isinstance(request, Malformed):
        batch.events += [request] * len(events)
    else:
        reader = _Reader(request, now, batch.unknown)
        batch.events += [reader.event(item, index) for index, item in enumerate(events)]
    return batch


def _request(value: dict[str, object], suspicious: bool, unknown: Unknown) -> Request | Malformed:
    if suspicious and (fault := taint_of(value, MAX_DEPTH)) is not None:
        return Malformed("event", fault)
    try:
        return _shared(value, unknown)
    except Broken as broken:
        return Malformed(broken.field, broken.fault)


def _shared(value: dict[str, object], unknown: Unknown) -> Request:
    dropped = object_of("mp", value, REQUEST_FIELDS, unknown)
    client = text_of(value.get("client_id"), "client_id")
    if not client:
        raise Broken("client_id", Fault.MISSING)
    digest = None
    if (data := value.get("user_data")) is not None:
        dropped |= object_of("mp.user_data", data, USER_DATA, unknown)
        digest = _digest(data)
    given = None if digest is None else {Destination.GOOGLE_ADS: digest}
    google = None if value.get("consent") is None else google_of(value["consent"])
    if value.get("non_personalized_ads") not in NO and (google is None or type(google) is dict):
        google = {**(google or {}), "ad_personalization": "denied"}
    consent = {} if google is None else {"google": google}
    return Request(client, value.get("timestamp_micros"), {**consent, "join": {"client_id": client}}, given, dropped)


def google_of(consent: object) -> object:
    """Give a consent object in the words of Consent Mode; what is none, and words that are none, stay and refuse.

    `ad_storage` is not the protocol's: who sends it is heard saying no, and not heard saying yes.
    """
    if type(consent) is not dict or misspelt(consent.keys(), TYPES):
        return "unreadable"
    said = {name: WORDS.get(word, "unreadable") if type(word) is str else "unreadable" for name, word in consent.items()}
    heard = {name: said[name] for name in ("ad_user_data", "ad_personalization") if name in said}
    return heard | ({"ad_storage": said["ad_storage"]} if said.get("ad_storage", "granted") != "granted" else {})


def _digest(data: object) -> str | None:
    """Take the one digest there is, made as Google wants addresses normalised; none where there are several."""
    given = data.get("sha256_email_address") if type(data) is dict else None
    digests = given if type(given) is list else [given]
    if len(digests) != 1 or type(digests[0]) is not str:
        return None
    digest = digests[0].lower()
    return digest if SHA256_HEX.fullmatch(digest) else None


class _Reader:
    """Reads the events of one request."""

    def __init__(self, request: Request, now: int, unknown: Unknown) -> None:
        self._request = request
        self._now = now
        self._unknown = unknown

    def event(self, item: object, index: int) -> RawEvent | Malformed:
        """Read one event; `index` is its place among them."""
        kind = _kind_of(item)
        if kind is None:
            return Malformed("name", Fault.NOT_ONE_OF)
        try:
            return self._read(kind, item, index)
        except Broken as broken:
            return Malformed(broken.field, broken.fault, kind)

    def _read(self, kind: Kind, item: object, index: int) -> RawEvent:
        request, unknown, now = self._request, self._unknown, self._now
        dropped = object_of("mp.event", item, EVENT_FIELDS, unknown) or request.dropped
        said = item if type(item) is dict else {}
        params = {} if said.get("params") is None else said["params"]
        dropped = object_of("mp.params", params, PARAMS, unknown) or dropped
        micros = said.get("timestamp_micros", request.micros)
        occurred_at = _occurred_at(micros, now)
        purchase = kind is Kind.PURCHASE
        return RawEvent(
            kind=kind,
            event_id=_order_id(params.get("transaction_id")) if purchase else _derived_id(kind, micros, index, request),
            occurred_at=min(occurred_at, now),
            set_to_now=occurred_at > now,
            page_url=text_of(params.get("page_location"), "params.page_location"),
            email_sha256=request.email_sha256,
            money=money_of(kind, params.get("value"), params.get("currency")),
            content_ids=_content_ids(params.get("items")),
            consent=request.consent,
            unknown=dropped,
        )


def _kind_of(item: object) -> Kind | None:
    name = item.get("name") if type(item) is dict else None
    return KINDS.get(name) if type(name) is str else None


def _occurred_at(micros: object, now: int) -> int:
    """Read microseconds since 1970, a whole number or its digits; now where there are none."""
    if micros is None:
        return now
    text = str(micros) if type(micros) is int else micros
    if type(text) is not str:
        raise Broken("timestamp_micros", Fault.WRONG_TYPE)
    if not (text.isascii() and text.isdigit() and len(text) <= 17):
        raise Broken("timestamp_micros", Fault.BAD_FORMAT)
    seconds = int(text) // MICROS
    if seconds < now - MAX_AGE:
        raise Broken("timestamp_micros", Fault.TOO_OLD)
    if seconds > now + MAX_AHEAD:
        raise Broken("timestamp_micros", Fault.IN_THE_FUTURE)
    return seconds


def _order_id(number: object) -> EventId:
    text = str(number) if type(number) is int else number
    if text in (None, ""):
        raise Broken("params.transaction_id", Fault.MISSING)
    if type(text) is not str:
        raise Broken("params.transaction_id", Fault.WRONG_TYPE)
    if EventId.PATTERN.fullmatch(text) is None:
        raise Broken("params.transaction_id", Fault.TOO_LONG if len(text) > 64 else Fault.BAD_FORMAT)
    return EventId.unsealed(text)


def _derived_id(kind: Kind, micros: object, index: int, request: Request) -> EventId:
    """Derive an id that a repeat of the request has again: a digest of the client, the time, the place in it and the name.

    Without a time two of a client's events could not be told apart from one that is sent twice.
    """
    if micros is None:
        raise Broken("timestamp_micros", Fault.MISSING)
    text = f"{request.client}\n{micros}\n{index}\n{kind.value}"
    return EventId.unsealed(sha256(text.encode()).hexdigest()[:ID_LENGTH])


def _content_ids(items: object) -> tuple[str, ...]:
    """Take the products' ids; what is no item, or has no id, is left out."""
    found = [item.get("item_id") for item in items if type(item) is dict] if type(items) is list else []
    return tuple([text for text in found if type(text) is str and text])[:MAX_CONTENT_IDS]
