"""The gateway's own format: what is declared is read strictly, what is not is dropped, and nobody's value is told."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.money import CURRENCIES, EXPONENTS, LARGEST, Money
from gateway.model.words import Destination, Fault, Kind
from gateway.raw import MAX_AGE, MAX_AHEAD, Malformed, RawEvent
from gateway.sources.fields import CLIENT_FIELDS, MAX_KEYS, OFTEN_SENT
from gateway.sources.native import (
    BATCH_FIELDS,
    CLICK_FIELDS,
    CUSTOMER_FIELDS,
    EVENT_FIELDS,
    MAX_EVENTS,
    ORDER_FIELDS,
    Batch,
    Connection,
    NotAnEvent,
    TooManyEvents,
    decode,
    read_carefully,
)
from gateway.sources.strict import Unreadable
from gateway.sources.typed import MAX_TEXT
from tests.strategies import EVENTS, JSON, NOW, good_event, json_texts, raw_event, read_one

OBJECTS = {
    "batch": BATCH_FIELDS,
    "event": EVENT_FIELDS,
    "customer": CUSTOMER_FIELDS,
    "client": CLIENT_FIELDS,
    "order": ORDER_FIELDS,
    "click": CLICK_FIELDS,
}
FIELDS = (
    {"event", "page_url", "event_id", "occurred_at", "consent", "customer.email_sha256"}
    | {f"customer.email_sha256.{d}" for d in Destination}
    | {name for name in OBJECTS if name != "batch"}
    | {f"{name}.{field}" for name, fields in OBJECTS.items() for field in fields}
)
"""Every field that an answer may name."""
COUNTED = {f"{name}.{field}" for name in OBJECTS for field in (*OFTEN_SENT, "other")}
"""Every name under which a dropped field may be counted."""


def body(value: Any) -> bytes:
    """A request's body."""
    return json.dumps(value).encode()


def fault_of(event: Any) -> tuple[str, Fault] | None:
    """Which field of an event is at fault and why, None for a good one."""
    read = read_one(event)
    return (read.field, read.fault) if isinstance(read, Malformed) else None


# ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_event_may_come_alone_or_in_a_batch() -> None:
    """One event and a list of one are the same event."""
    alone, listed = decode(body(good_event()), NOW), decode(body({"events": [good_event()]}), NOW)
    assert alone.events == listed.events
    assert len(alone.events) == 1


def test_a_batch_keeps_its_order_and_a_bad_event_its_neighbours() -> None:
    """Events are read one by one, so a bad one in the middle is told in its place and the others live on."""
    batch = decode(body({"events": [good_event(event_id="a"), {"event": 5}, 7, good_event(event_id="b")]}), NOW)
    assert [type(event) for event in batch.events] == [RawEvent, Malformed, Malformed, RawEvent]
    assert [event.event_id for event in batch.events] == ["a", None, None, "b"]


@pytest.mark.parametrize("value", [None, 1, "x", [], [good_event()], {"events": []}, {"events": {}}, {"events": None}])
def test_json_that_is_no_event_is_told_apart(value: Any) -> None:
    """JSON that is neither an event nor a list of events is NotAnEvent."""
    with pytest.raises(NotAnEvent):
        decode(body(value), NOW)


def test_five_hundred_events_and_no_more() -> None:
    """A request takes MAX_EVENTS events; one more is TooManyEvents."""
    assert len(decode(body({"events": [{}] * MAX_EVENTS}), NOW).events) == MAX_EVENTS
    with pytest.raises(TooManyEvents):
        decode(body({"events": [{}] * (MAX_EVENTS + 1)}), NOW)


def test_an_envelope_is_read_as_strictly_as_an_event() -> None:
    """What stands beside `events` is counted, and makes the request NotAnEvent where strict JSON does not allow it."""
    assert decode(body({"events": [good_event()], "value": 1, "jane@example.com": 2}), NOW).unknown == {
        "batch.value": 1,
        "batch.other": 1,
    }
    for inner in ('{"a":1,"a":2}', "NaN", "[" * 20 + "]" * 20):
        with pytest.raises(NotAnEvent):
            decode(b'{"events":[{}],"x":' + inner.encode() + b"}", NOW)


def test_repeated_events_are_one_invalid_event() -> None:
    """A request that repeats the key `events` could be read in two ways, so it is read in neither."""
    assert decode(b'{"events":[{}],"events":[{}]}', NOW).events == [Malformed("event", Fault.DUPLICATE_KEY)]


@given(EVENTS | JSON | st.fixed_dictionaries({"events": st.lists(EVENTS, max_size=3)}, optional={"x": JSON}))
def test_any_json_is_read_or_refused_in_words_of_ours(value: Any) -> None:
    """Whatever JSON comes, it raises nothing undeclared, and faults and counts name only fields from closed lists."""
    try:
        batch = decode(body(value), NOW)
    except (NotAnEvent, TooManyEvents) as refused:
        assert not refused.args  # noqa: PT017 - both outcomes are right, and neither may hold anything
        return
    assert batch.unknown.keys() <= COUNTED
    assert {event.field for event in batch.events if isinstance(event, Malformed)} <= FIELDS


@given(st.binary(max_size=60) | json_texts(broken=True).map(str.encode))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    """Whatever bytes come, nothing undeclared is raised."""
    try:
        assert isinstance(decode(raw, NOW), Batch)
    except (Unreadable, NotAnEvent, TooManyEvents) as refused:
        assert not refused.args  # noqa: PT017 - as above


# ── strictness inside an event ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('"advertising": true', '"advertising": false, "advertising": true', Fault.DUPLICATE_KEY),
        ('"advertising": true', '"advertising": false, "\\u0061dvertising": true', Fault.DUPLICATE_KEY),
        ('"event_id": "1001"', '"event_id": "1001", "event_id": "1002"', Fault.DUPLICATE_KEY),
        ('"event": "purchase"', '"event": "purchase", "x": {"y": 1, "y": 1}', Fault.DUPLICATE_KEY),
        ('"129.90"', "NaN", Fault.NOT_FINITE),
        ('"129.90"', "1e400", Fault.NOT_FINITE),
        ('"Jane.Doe@Example.com"', '"jane\\ud800@example.com"', Fault.LONE_SURROGATE),
        ('"event": "purchase"', '"event": "purchase", "x": ' + "[" * 16 + "]" * 16, Fault.TOO_DEEP),
        ('"advertising": true', '"x": ' + "[" * 15 + "]" * 15, Fault.TOO_DEEP),
        ('"advertising": true', '"x": ' + '{"a":' * 300 + "1" + "}" * 300, Fault.TOO_DEEP),
        ('{"advertising": true}', "[" * 16 + "]" * 16, Fault.TOO_DEEP),
    ],
)
def test_what_strict_json_does_not_allow_makes_its_event_invalid(old: str, new: str, fault: Fault) -> None:
    """A repeated key, a number that is none, half a surrogate pair or too much depth makes that event invalid alone."""
    good = json.dumps(good_event())
    assert old in good
    broken, neighbour = decode(f'{{"events":[{good.replace(old, new)},{good}]}}'.encode(), NOW).events
    assert isinstance(broken, Malformed)
    assert broken.fault is fault
    assert isinstance(neighbour, RawEvent)


@pytest.mark.parametrize("where", ["event", "consent"])
def test_sixteen_levels_are_read_and_seventeen_are_not(where: str) -> None:
    """An event may nest sixteen deep, itself included, in undeclared fields as in consent, and no deeper."""

    def event(levels: int) -> dict[str, Any]:
        if where == "event":
            return good_event(unheard_of=json.loads("[" * (levels - 1) + "]" * (levels - 1)))
        return good_event(consent={"x": json.loads("[" * (levels - 2) + "]" * (levels - 2))})

    assert fault_of(event(16)) is None
    assert fault_of(event(17)) == (where, Fault.TOO_DEEP)


@pytest.mark.parametrize("name", ["event", "customer", "client", "order", "click", "consent"])
def test_an_object_with_too_many_names_is_refused_before_they_are_looked_at(name: str) -> None:
    """More than MAX_KEYS names in one object make the event invalid."""
    many = {f"x{n}": n for n in range(MAX_KEYS + 1)}
    event = {**good_event(), **many} if name == "event" else good_event(**{name: many})
    assert fault_of(event) == (name, Fault.TOO_MANY_KEYS)


# ── fields ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_good_event_is_read_whole() -> None:
    """Every declared field arrives as it was sent."""
    digests = {"meta": "1" * 64, "pinterest": None, "google_ads": "2" * 64}
    sent = good_event(click={"gclid": "g", "fbc": "", "epik": None}, customer={"email_sha256": digests})
    assert read_one(sent) == RawEvent(
        kind=Kind.PURCHASE,
        event_id=raw_event().event_id,
        occurred_at=NOW - 900,
        page_url=sent["page_url"],
        email_sha256={Destination.META: "1" * 64, Destination.GOOGLE_ADS: "2" * 64},
        ip="203.0.113.77",
        user_agent=sent["client"]["user_agent"],
        country="FR",
        money=Money(12990, "EUR"),
        click={"gclid": "g", "fbc": ""},
        consent={"advertising": True},
    )


@pytest.mark.parametrize(
    ("changes", "field", "fault"),
    [
        ({"event": None}, "event", Fault.MISSING),
        ({"event": "refund"}, "event", Fault.NOT_ONE_OF),
        ({"event": "Purchase"}, "event", Fault.NOT_ONE_OF),
        ({"event": ["purchase"]}, "event", Fault.WRONG_TYPE),
        ({"event_id": None}, "event_id", Fault.MISSING),
        ({"event_id": 1001}, "event_id", Fault.WRONG_TYPE),
        ({"event_id": ""}, "event_id", Fault.BAD_FORMAT),
        ({"event_id": "x" * 65}, "event_id", Fault.TOO_LONG),
        ({"event_id": "jane@example.com"}, "event_id", Fault.BAD_FORMAT),
        ({"event_id": "1001\n"}, "event_id", Fault.BAD_FORMAT),
        ({"event_id": "order-203.0.113.7"}, "event_id", Fault.BAD_FORMAT),
        ({"event_id": "203.0.113.7"}, "event_id", Fault.BAD_FORMAT),
        ({"occurred_at": None}, "occurred_at", Fault.MISSING),
        ({"occurred_at": "yesterday"}, "occurred_at", Fault.BAD_FORMAT),
        ({"occurred_at": NOW * 1000}, "occurred_at", Fault.OUT_OF_RANGE),
        ({"occurred_at": 10**30}, "occurred_at", Fault.OUT_OF_RANGE),
        ({"page_url": 1}, "page_url", Fault.WRONG_TYPE),
        ({"page_url": "x" * (MAX_TEXT + 1)}, "page_url", Fault.TOO_LONG),
        ({"customer": "jane@example.com"}, "customer", Fault.WRONG_TYPE),
        ({"customer": {"email": ["jane@example.com"]}}, "customer.email", Fault.WRONG_TYPE),
        ({"customer": {"email_sha256": "0" * 64}}, "customer.email_sha256", Fault.WRONG_TYPE),
        ({"customer": {"email_sha256": {"tiktok": "0" * 64}}}, "customer.email_sha256", Fault.NOT_ONE_OF),
        ({"customer": {"email_sha256": {"meta": "A" * 64}}}, "customer.email_sha256.meta", Fault.BAD_FORMAT),
        ({"customer": {"email_sha256": {"meta": "0" * 40}}}, "customer.email_sha256.meta", Fault.BAD_FORMAT),
        ({"customer": {"email_sha256": {"meta": 5}}}, "customer.email_sha256.meta", Fault.BAD_FORMAT),
        ({"customer": {"email": "j@example.com", "email_sha256": {}}}, "customer.email_sha256", Fault.CONFLICT),
        ({"client": []}, "client", Fault.WRONG_TYPE),
        ({"client": {"ip": 3405803853}}, "client.ip", Fault.WRONG_TYPE),
        ({"client": {"user_agent": {}}}, "client.user_agent", Fault.WRONG_TYPE),
        ({"client": {"country": 33}}, "client.country", Fault.WRONG_TYPE),
        ({"client": {"region": True}}, "client.region", Fault.WRONG_TYPE),
        ({"click": "gclid=1"}, "click", Fault.WRONG_TYPE),
        ({"click": {"gclid": 1}}, "click.gclid", Fault.WRONG_TYPE),
        ({"order": None}, "order", Fault.MISSING),
        ({"order": "129.90 EUR"}, "order", Fault.WRONG_TYPE),
        ({"order": {}}, "order.value", Fault.MISSING),
        ({"order": {"currency": "EUR"}}, "order.value", Fault.MISSING),
        ({"order": {"value": "1"}}, "order.currency", Fault.MISSING),
        ({"order": {"value": "1", "currency": 978}}, "order.currency", Fault.WRONG_TYPE),
        ({"order": {"value": "1", "currency": "EURO"}}, "order.currency", Fault.NOT_ONE_OF),
        ({"order": {"value": "1", "currency": "u\u017fd"}}, "order.currency", Fault.NOT_ONE_OF),
        ({"order": {"value": "1", "currency": "EUR", "content_ids": "SKU-7"}}, "order.content_ids", Fault.WRONG_TYPE),
        ({"order": {"value": "1", "currency": "EUR", "content_ids": [7]}}, "order.content_ids", Fault.WRONG_TYPE),
        ({"order": {"value": "1", "currency": "EUR", "content_ids": ["a", None]}}, "order.content_ids", Fault.WRONG_TYPE),
        ({"order": {"value": "1", "currency": "EUR", "content_ids": [["a"]]}}, "order.content_ids", Fault.WRONG_TYPE),
        ({"order": {"value": "1", "currency": "EUR", "content_ids": ["a"] * 101}}, "order.content_ids", Fault.TOO_LONG),
        ({"order": {"value": "1", "currency": "EUR", "content_ids": ["a" * 4097]}}, "order.content_ids", Fault.TOO_LONG),
    ],
)
def test_a_field_of_the_wrong_form_is_named_with_its_rule(changes: dict[str, Any], field: str, fault: Fault) -> None:
    """A declared field that is missing or wrong makes its event invalid and says which field and which rule."""
    assert fault_of(good_event(**changes)) == (field, fault)


def test_an_invalid_event_keeps_its_name_if_it_had_a_valid_one() -> None:
    """The answer can name the event that was invalid, but never by something that is no event id."""
    assert read_one(good_event(order=None)) == Malformed("order", Fault.MISSING, Kind.PURCHASE, raw_event().event_id)
    nameless = read_one(good_event(event="jane@example.com", event_id="jane@example.com"))
    assert nameless == Malformed("event", Fault.NOT_ONE_OF, None, None)


@pytest.mark.parametrize("kind", [Kind.ADD_TO_CART, Kind.PAGE_VIEW])
@pytest.mark.parametrize("order", [None, {}, {"value": None, "currency": None}])
def test_only_a_purchase_needs_an_amount(kind: Kind, order: Any) -> None:
    """The other events may come without value and currency."""
    assert raw_event(event=kind.value, order=order).money is None


def test_the_products_of_an_order_are_read_as_they_stand() -> None:
    """Up to a hundred texts in their order; whether one is an id is the boundary's business. None said is none."""
    order = {"value": "1", "currency": "EUR"}
    assert raw_event(order={**order, "content_ids": ["b", "a/a", "b"]}).content_ids == ("b", "a/a", "b")
    assert len(raw_event(order={**order, "content_ids": ["a"] * 100}).content_ids) == 100
    for nothing in (order, {**order, "content_ids": None}, {**order, "content_ids": []}):
        assert raw_event(order=nothing).content_ids == ()
    assert raw_event(event="page_view", order={"content_ids": ["a"]}).content_ids == ("a",)


def test_the_least_event_is_an_event() -> None:
    """Everything but event, id, time and, for a purchase, the order may be absent."""
    read = read_one({"event": "page_view", "event_id": "1", "occurred_at": NOW})
    assert isinstance(read, RawEvent)
    assert (read.email, read.ip, read.consent, read.unknown) == (None, None, None, False)


@pytest.mark.parametrize(
    ("offset", "outcome"),
    [
        (-MAX_AGE - 1, Fault.TOO_OLD),
        (-MAX_AGE, (NOW - MAX_AGE, False)),
        (-1, (NOW - 1, False)),
        (0, (NOW, False)),
        (1, (NOW, True)),
        (MAX_AHEAD, (NOW, True)),
        (MAX_AHEAD + 1, Fault.IN_THE_FUTURE),
    ],
)
def test_events_of_the_last_seven_days_are_taken(offset: int, outcome: Any) -> None:
    """An event may be seven days old; five minutes ahead is set to now; what lies beyond is invalid."""
    read = read_one(good_event(occurred_at=NOW + offset))
    if isinstance(read, Malformed):
        assert (read.field, read.fault) == ("occurred_at", outcome)
    else:
        assert (read.occurred_at, read.set_to_now) == outcome


# ── money ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("value", "currency", "minor"),
    [
        ("129.90", "EUR", 12990),
        ("129.9", "EUR", 12990),
        ("129", "EUR", 12900),
        ("129.900000", "EUR", 12990),
        ("0", "EUR", 0),
        ("0.00", "USD", 0),
        ("-0.00", "USD", 0),
        ("007.50", "eur", 750),
        ("10000000.00", "EUR", 10**9),
        ("1500", "JPY", 1500),
        ("1500.00", "JPY", 1500),
        ("1.234", "KWD", 1234),
        ("1.20", "KWD", 1200),
        (129.9, "EUR", 12990),
        (0.1 + 0.2, "EUR", 30),
        (1e2, "EUR", 10000),
        (1234567.89, "EUR", 123456789),
        (9999999.99, "EUR", 999999999),
        (19.99 * 3, "EUR", 5997),
        (0, "EUR", 0),
        (-0.0, "EUR", 0),
        (15, "JPY", 15),
        (15.0, "JPY", 15),
        (1.234, "KWD", 1234),
        (10**7, "JPY", 10**7),
    ],
)
def test_an_amount_is_read_to_the_minor_unit(value: Any, currency: str, minor: int) -> None:
    """Decimal text and JSON numbers become whole minor units of their currency, exactly."""
    assert raw_event(order={"value": value, "currency": currency}).money == Money(minor, currency.upper())


@pytest.mark.parametrize(
    ("value", "currency", "fault"),
    [
        ("129.905", "EUR", Fault.BAD_FORMAT),
        ("1500.50", "JPY", Fault.BAD_FORMAT),
        ("1.2345", "KWD", Fault.BAD_FORMAT),
        (129.905, "EUR", Fault.BAD_FORMAT),
        (0.5, "JPY", Fault.BAD_FORMAT),
        (0.001, "EUR", Fault.BAD_FORMAT),
        ("1e3", "EUR", Fault.BAD_FORMAT),
        ("1,50", "EUR", Fault.BAD_FORMAT),
        ("1 000", "EUR", Fault.BAD_FORMAT),
        (".5", "EUR", Fault.BAD_FORMAT),
        ("5.", "EUR", Fault.BAD_FORMAT),
        ("+5", "EUR", Fault.BAD_FORMAT),
        ("", "EUR", Fault.BAD_FORMAT),
        (" 5", "EUR", Fault.BAD_FORMAT),
        ("5\n", "EUR", Fault.BAD_FORMAT),
        ("\u0665", "EUR", Fault.BAD_FORMAT),
        ("NaN", "EUR", Fault.BAD_FORMAT),
        ("-1", "EUR", Fault.OUT_OF_RANGE),
        ("-0.01", "EUR", Fault.OUT_OF_RANGE),
        (-1, "EUR", Fault.OUT_OF_RANGE),
        (-0.01, "EUR", Fault.OUT_OF_RANGE),
        ("10000000.01", "EUR", Fault.OUT_OF_RANGE),
        ("99999999999999999999", "EUR", Fault.OUT_OF_RANGE),
        (10**7 + 1, "JPY", Fault.OUT_OF_RANGE),
        (10**30, "EUR", Fault.OUT_OF_RANGE),
        (1e300, "EUR", Fault.OUT_OF_RANGE),
        (-1e300, "EUR", Fault.OUT_OF_RANGE),
        (True, "EUR", Fault.WRONG_TYPE),
        ([], "EUR", Fault.WRONG_TYPE),
        ({"amount": 1}, "EUR", Fault.WRONG_TYPE),
    ],
)
def test_an_amount_that_is_not_exact_is_not_rounded(value: Any, currency: str, fault: Fault) -> None:
    """A third decimal, a foreign notation or an amount out of range is a fault, never something near it."""
    assert fault_of(good_event(order={"value": value, "currency": currency})) == ("order.value", fault)


AMOUNTS = st.sampled_from(sorted(CURRENCIES)).flatmap(lambda code: st.tuples(st.integers(0, LARGEST[code]), st.just(code)))


@given(AMOUNTS)
def test_every_amount_survives_as_text_and_as_number(amount: tuple[int, str]) -> None:
    """Any amount of any currency, written as decimal text or as a JSON number, is read as itself."""
    minor, code = amount
    money = Money(minor, code)
    assert raw_event(order={"value": money.text, "currency": code}).money == money
    assert raw_event(order={"value": money.number, "currency": code}).money == money


@given(st.decimals("-1e9", "1e9", places=4), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_an_amount_is_exact_or_a_fault(amount: Decimal, code: str) -> None:
    """Decimal text is read as exactly that amount or not at all."""
    read = read_one(good_event(order={"value": str(amount), "currency": code}))
    if isinstance(read, RawEvent):
        assert read.money is not None
        assert read.money.decimal == amount
    else:
        assert not (0 <= amount <= 10**7 and amount == round(amount, EXPONENTS.get(code, 2)))


def test_two_amounts_that_look_alike_are_told_apart() -> None:
    """The same digits in another currency or type are read on their own, whatever was read before."""
    values = [("1", "EUR"), ("1", "JPY"), (1, "EUR"), (1.0, "EUR"), ("1", "KWD"), ("1", "EUR")]
    minors = [raw_event(order={"value": value, "currency": code}).money for value, code in values]
    assert [money and money.minor for money in minors] == [100, 1, 100, 100, 1000, 100]
    assert fault_of(good_event(order={"value": True, "currency": "EUR"})) == ("order.value", Fault.WRONG_TYPE)


# ── undeclared fields ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["event", "customer", "client", "order", "click"])
def test_undeclared_fields_are_dropped_counted_and_remembered(name: str) -> None:
    """An undeclared field is counted under a name of ours, and the event knows that something was dropped."""
    extra = {"phone": "+33 6 12", "jane.doe@example.com": 5, "other": None}
    event = {**good_event(), **extra} if name == "event" else good_event(**{name: {**good_event()[name], **extra}})
    batch = decode(body(event), NOW)
    assert batch.unknown == {f"{name}.phone": 1, f"{name}.other": 2}
    (read,) = batch.events
    assert read == msgspec.structs.replace(raw_event(), unknown=True)


def test_names_for_counting_are_names_of_fields() -> None:
    """The closed list holds plain names only, so a metric label can never be somebody's data."""
    assert all(name.replace("_", "").isalnum() and name.islower() and name.isascii() for name in OFTEN_SENT)


# ── browsers ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_browsers_connection_speaks_for_itself() -> None:
    """Address, user agent and Global Privacy Control of a browser come from its connection, whatever the body says."""
    (read,) = decode(body(good_event()), NOW, Connection("198.51.100.9", None, gpc=True)).events
    assert isinstance(read, RawEvent)
    assert (read.ip, read.user_agent, read.gpc_header, read.country) == ("198.51.100.9", None, True, "FR")
    assert repr(Connection("198.51.100.9", "x", gpc=False)) == "<Connection>"


def test_a_server_has_no_connection_to_speak_of() -> None:
    """Without a browser's connection the body's own client counts and no header says anything."""
    read = raw_event()
    assert (read.ip, read.gpc_header) == ("203.0.113.77", False)


# ── nothing is told ──────────────────────────────────────────────────────────────────────────────────────────────

CANARY = "c4n4ry"


@given(
    EVENTS, st.sampled_from(["email", "ip", "page_url", "user_agent", "gclid", "value", "currency", "event", "name", "click"])
)
def test_nothing_of_an_event_is_in_what_is_said_about_it(event: dict[str, Any], where: str) -> None:
    """A marker in any field is in no repr of what was read, nor in the counts of what was dropped."""
    marked = good_event(**{key: value for key, value in event.items() if key not in ("event_id", "event")})
    places: dict[str, dict[str, Any]] = {
        "email": {"customer": {"email": CANARY}},
        "ip": {"client": {"ip": CANARY}},
        "page_url": {"page_url": CANARY},
        "user_agent": {"client": {"user_agent": [CANARY]}},
        "gclid": {"click": {"gclid": CANARY}},
        "click": {"click": {CANARY: 5, f"{CANARY}@example.com": {}}},
        "value": {"order": {"value": CANARY, "currency": "EUR"}},
        "currency": {"order": {"value": "1", "currency": CANARY}},
        "event": {"event": CANARY},
        "name": {CANARY: CANARY, "customer": {CANARY: CANARY}},
    }
    batch = decode(body({**marked, **places[where]}), NOW)
    assert CANARY not in repr(batch)


@pytest.mark.parametrize(
    ("said", "minor"),
    [(None, False), (False, False), (True, True), ("false", True), ("", True), (0, True), ([], True), ({}, True)],
)
def test_anything_but_a_plain_no_flags_a_minor(said: object, minor: bool) -> None:
    """A shop that says something about it is heard, whether at the event or at the customer, and in both readers."""
    for event in (good_event(minor=said), good_event(customer={"email": "jane@example.com", "minor": said})):
        for reader in (decode, read_carefully):
            (read,) = reader(body(event), NOW).events
            assert isinstance(read, RawEvent)
            assert read.minor is minor


@pytest.mark.parametrize("name", ["Minor", "MINOR", "minor ", "\uff4dinor"])
@pytest.mark.parametrize(("said", "minor"), [(None, False), (False, False), (True, True), ("no", True)])
def test_a_minor_is_flagged_in_other_letters_too(name: str, said: object, minor: bool) -> None:
    """JSON takes it for another name, and it would be dropped with what it says."""
    for event in (good_event(**{name: said}), good_event(customer={"email": "jane@example.com", name: said})):
        (read,) = decode(body(event), NOW).events
        assert isinstance(read, RawEvent)
        assert read.minor is minor


def test_the_edge_is_what_the_connection_says() -> None:
    """Where the edge saw the browser stands beside what the page says, and is never taken from the page."""
    for reader in (decode, read_carefully):
        (read,) = reader(body(good_event()), NOW, Connection("198.51.100.9", None, gpc=False, edge=("US", "CA"))).events
        assert isinstance(read, RawEvent)
        assert (read.edge, read.country) == (("US", "CA"), "FR")
        (read,) = reader(body(good_event()), NOW).events
        assert isinstance(read, RawEvent)
        assert read.edge is None
