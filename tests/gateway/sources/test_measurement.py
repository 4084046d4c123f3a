"""GA4's Measurement Protocol: what a shop's server says in it, and that its consent refuses and never grants."""

import json
from contextlib import suppress
from functools import partial
from hashlib import sha256
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.consent.decision import decide
from gateway.consent.policy import Policy, Profile
from gateway.model.words import Destination, Fault, Kind
from gateway.raw import MAX_AGE, MAX_AHEAD, Malformed, RawEvent
from gateway.sources.measurement import (
    EVENT_FIELDS,
    MAX_EVENTS,
    PARAMS,
    REQUEST_FIELDS,
    USER_DATA,
    decode,
    google_of,
)
from gateway.sources.native import MAX_CONTENT_IDS, Batch, NotAnEvent, TooManyEvents
from gateway.sources.strict import Unreadable
from tests.effort import seconds
from tests.strategies import JSON, NOW, json_texts

DIGEST: Final = sha256(b"jane@example.com").hexdigest()
PURCHASE: Final[dict[str, Any]] = {
    "name": "purchase",
    "params": {
        "transaction_id": "T_12345",
        "value": 99.99,
        "currency": "USD",
        "tax": 8.00,
        "shipping": 5.00,
        "items": [{"item_id": "SKU_123", "item_name": "Product", "price": 99.99, "quantity": 1}],
        "page_location": "https://shop.example/thanks",
        "session_id": "1",
    },
}
"""As https://developers.google.com/analytics/devguides/collection/protocol/ga4/reference/events has one (read 2026-11-22)."""


def body(*events: Any, **changes: Any) -> bytes:
    """A request's body."""
    said = {"client_id": "123.456", "timestamp_micros": NOW * 1_000_000, "events": list(events) or [PURCHASE]}
    return json.dumps({name: value for name, value in {**said, **changes}.items() if value is not None}).encode()


def purchase(**params: Any) -> dict[str, Any]:
    """The purchase with some of its parameters replaced."""
    return {**PURCHASE, "params": {**PURCHASE["params"], **params}}


def read(said: bytes) -> RawEvent:
    """The one event of a request, which must be readable."""
    (event,) = decode(said, NOW).events
    assert isinstance(event, RawEvent), event
    return event


def fault(said: bytes) -> tuple[str, Fault]:
    """What is wrong with the one event of a request."""
    (event,) = decode(said, NOW).events
    assert isinstance(event, Malformed), event
    return event.field, event.fault


def test_everything_that_has_a_place_is_read() -> None:
    """And the rest is counted under names from a closed list."""
    batch = decode(body(user_data={"sha256_email_address": [DIGEST], "address": [{}]}, user_id="u", jane=1), NOW)
    (event,) = batch.events
    assert event == RawEvent(
        kind=Kind.PURCHASE,
        event_id=event.event_id or pytest.fail("no id"),
        occurred_at=NOW,
        page_url="https://shop.example/thanks",
        email_sha256={Destination.GOOGLE_ADS: DIGEST},
        money=event.money if isinstance(event, RawEvent) else None,
        content_ids=("SKU_123",),
        consent={"join": {"client_id": "123.456"}},
        unknown=True,
    )
    assert isinstance(event, RawEvent)
    assert (event.event_id, event.money and event.money.text) == ("T_12345", "99.99")
    assert batch.unknown == {
        "mp.user_id": 1,
        "mp.other": 1,
        "mp.user_data.address": 1,
        "mp.params.tax": 1,
        "mp.params.shipping": 1,
        "mp.params.other": 1,
    }


@pytest.mark.parametrize("said", [[], {}, {"events": []}, {"events": {}}, {"events": None}, "x", None, 1])
def test_what_is_no_request_is_told_apart(said: Any) -> None:
    """JSON without a list of events."""
    with pytest.raises(NotAnEvent):
        decode(json.dumps(said).encode(), NOW)


def test_twenty_five_events_and_no_more() -> None:
    """As the protocol has it."""
    assert len(decode(body(*[PURCHASE] * MAX_EVENTS), NOW).events) == MAX_EVENTS
    with pytest.raises(TooManyEvents):
        decode(body(*[PURCHASE] * (MAX_EVENTS + 1)), NOW)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (body({"name": "scroll"}), ("name", Fault.NOT_ONE_OF)),
        (body({}), ("name", Fault.NOT_ONE_OF)),
        (body(7), ("name", Fault.NOT_ONE_OF)),
        (body(client_id=None), ("client_id", Fault.MISSING)),
        (body(client_id=""), ("client_id", Fault.MISSING)),
        (body(client_id=7), ("client_id", Fault.WRONG_TYPE)),
        (body(user_data=[]), ("mp.user_data", Fault.WRONG_TYPE)),
        (body({**PURCHASE, "params": []}), ("mp.params", Fault.WRONG_TYPE)),
        (body(purchase(transaction_id=None)), ("params.transaction_id", Fault.MISSING)),
        (body(purchase(transaction_id="")), ("params.transaction_id", Fault.MISSING)),
        (body(purchase(transaction_id="#1")), ("params.transaction_id", Fault.BAD_FORMAT)),
        (body(purchase(transaction_id="1" * 65)), ("params.transaction_id", Fault.TOO_LONG)),
        (body(purchase(transaction_id=1.5)), ("params.transaction_id", Fault.WRONG_TYPE)),
        (body(purchase(value=None)), ("order.value", Fault.MISSING)),
        (body(purchase(currency=None)), ("order.currency", Fault.MISSING)),
        (body(purchase(page_location=7)), ("params.page_location", Fault.WRONG_TYPE)),
        (body(timestamp_micros=1.5), ("timestamp_micros", Fault.WRONG_TYPE)),
        (body(timestamp_micros="yesterday"), ("timestamp_micros", Fault.BAD_FORMAT)),
        (body(timestamp_micros=-1), ("timestamp_micros", Fault.BAD_FORMAT)),
        (body(timestamp_micros=(NOW - MAX_AGE - 1) * 1_000_000), ("timestamp_micros", Fault.TOO_OLD)),
        (body(timestamp_micros=(NOW + MAX_AHEAD + 1) * 1_000_000), ("timestamp_micros", Fault.IN_THE_FUTURE)),
        (body({"name": "page_view"}, timestamp_micros=None), ("timestamp_micros", Fault.MISSING)),
    ],
)
def test_what_breaks_a_rule_is_told(said: bytes, found: tuple[str, Fault]) -> None:
    """By field and rule, never by value."""
    assert fault(said) == found


def test_a_request_that_strict_json_does_not_allow_is_invalid_as_a_whole() -> None:
    """A repeated key could be a refusal that another reader would have heard."""
    said = body(PURCHASE, PURCHASE, consent={"ad_user_data": "GRANTED"})
    twice = said.replace(b'"ad_user_data"', b'"ad_user_data": "DENIED", "ad_user_data"')
    assert decode(twice, NOW).events == [Malformed("event", Fault.DUPLICATE_KEY)] * 2
    with pytest.raises(NotAnEvent):
        decode(said.replace(b'"client_id"', b'"consent": {}, "client_id"'), NOW)


def test_a_purchase_is_known_by_its_number() -> None:
    """As text or as a number."""
    assert read(body(purchase(transaction_id=10042))).event_id == "10042"


def test_other_events_are_known_by_client_time_and_place() -> None:
    """The same request has the same ids; anything else has others, and none of them names the client."""
    view = {"name": "page_view"}
    one = read(body(view)).event_id
    assert one == read(body(view)).event_id
    others = [
        read(body(view, client_id="9")).event_id,
        read(body(view, timestamp_micros=(NOW - 1) * 1_000_000)).event_id,
        read(body({**view, "timestamp_micros": (NOW - 2) * 1_000_000})).event_id,
        read(body({"name": "add_to_cart"})).event_id,
        decode(body(view, view), NOW).events[1].event_id,
    ]
    assert len({one, *others}) == 6
    assert "123.456" not in one


@pytest.mark.parametrize(
    ("micros", "seconds", "set_to_now"),
    [(NOW * 1_000_000 - 1, NOW - 1, False), (str(NOW * 1_000_000), NOW, False), ((NOW + 9) * 1_000_000, NOW, True)],
)
def test_a_time_is_in_microseconds(micros: object, seconds: int, set_to_now: bool) -> None:
    """A number or its digits; a little ahead is now."""
    event = read(body(timestamp_micros=micros))
    assert (event.occurred_at, event.set_to_now) == (seconds, set_to_now)


def test_a_purchase_without_a_time_is_now() -> None:
    """It has a number to be known by."""
    assert read(body(timestamp_micros=None)).occurred_at == NOW


@pytest.mark.parametrize(
    ("given", "digest"),
    [
        (DIGEST, DIGEST),
        ([DIGEST], DIGEST),
        ([DIGEST.upper()], DIGEST),
        ([DIGEST, DIGEST], None),
        ([], None),
        ("jane@example.com", None),
        ([7], None),
        (None, None),
    ],
)
def test_one_digest_is_taken(given: object, digest: str | None) -> None:
    """For Google, whose normalisation it has; several could be several people's."""
    expected = None if digest is None else {Destination.GOOGLE_ADS: digest}
    assert read(body(user_data={"sha256_email_address": given})).email_sha256 == expected


@pytest.mark.parametrize("items", [None, 7, {}, [7], [{}], [{"item_id": 7}], [{"item_id": ""}]])
def test_items_without_ids_are_left_out(items: object) -> None:
    """They cost an event nothing."""
    assert read(body(purchase(items=items))).content_ids == ()


def test_no_more_ids_than_an_event_may_have() -> None:
    """The first of them."""
    items = [{"item_id": f"i{number}"} for number in range(200)]
    assert read(body(purchase(items=items))).content_ids == tuple(f"i{number}" for number in range(MAX_CONTENT_IDS))


# ── consent ──────────────────────────────────────────────────────────────────────────────────────────────────────

GRANTED: Final = {"ad_user_data": "GRANTED", "ad_personalization": "GRANTED"}
POLICIES: Final = [
    Policy(profile=profile, banner_regions=regions) for profile in Profile for regions in (frozenset[str](), frozenset({"*"}))
]


@pytest.mark.parametrize(
    ("said", "google"),
    [
        (GRANTED, {"ad_user_data": "granted", "ad_personalization": "granted"}),
        ({"ad_user_data": "DENIED"}, {"ad_user_data": "denied"}),
        ({"ad_user_data": "Granted"}, {"ad_user_data": "unreadable"}),
        ({"ad_user_data": True}, {"ad_user_data": "unreadable"}),
        ({"ad_storage": "granted", "ad_user_data": "granted"}, {"ad_user_data": "granted"}),
        ({"ad_storage": "denied"}, {"ad_storage": "denied"}),
        ({"ad_storage": 1}, {"ad_storage": "unreadable"}),
        ({"analytics_storage": "denied"}, {}),
        ({}, {}),
        ("GRANTED", "unreadable"),
        ([], "unreadable"),
    ],
)
def test_consent_is_put_in_the_words_of_consent_mode(said: object, google: object) -> None:
    """What is none of the protocol's words stays unreadable; a storage that is granted is not the protocol's to grant."""
    assert google_of(said) == google


@pytest.mark.parametrize("policy", POLICIES)
@given(said=JSON | st.dictionaries(st.sampled_from(("ad_storage", *GRANTED)), st.sampled_from(("GRANTED", "granted"))))
def test_no_consent_of_the_protocol_grants(policy: Policy, said: object) -> None:
    """Under any policy, with a banner attested or not: it is the shop's word and nobody's choice."""
    event = read(body(consent=said))
    assert decide(event, policy, tuple(Destination), NOW).allowed == ()


@pytest.mark.parametrize("said", [{"ad_user_data": "DENIED"}, {"ad_user_data": "x"}, "x", {"ad_storage": "denied"}])
def test_a_refusal_of_the_protocol_refuses_everywhere(said: object) -> None:
    """Beside whatever a record of the client says: it is a signal like any other."""
    decision = decide(read(body(consent=said)), Policy(), tuple(Destination), NOW)
    assert {why.value for _, why in decision.refused} <= {"google_denied", "google_invalid"}


@pytest.mark.parametrize(("said", "denied"), [(True, True), ("true", True), (1, True), (False, False)])
def test_ads_that_are_not_personal_are_told_to_google(said: object, denied: bool) -> None:
    """The older word for a denial of `ad_personalization` is heard; by itself it refuses nobody, and never does it grant."""
    google = {"ad_personalization": "denied"}
    join = {"client_id": "123.456"}
    assert read(body(non_personalized_ads=said)).consent == ({"google": google, "join": join} if denied else {"join": join})
    granted = read(body(consent=GRANTED, non_personalized_ads=said)).consent
    assert granted == {"google": google_of(GRANTED) | (google if denied else {}), "join": join}  # type: ignore[operator]
    assert read(body(consent="x", non_personalized_ads=said)).consent == {"google": "unreadable", "join": join}


# ── hostile input ────────────────────────────────────────────────────────────────────────────────────────────────

KEYS: Final = st.sampled_from(sorted(REQUEST_FIELDS | EVENT_FIELDS | PARAMS | USER_DATA))
EVENTS: Final = st.fixed_dictionaries(
    {"name": st.sampled_from(("purchase", "add_to_cart", "page_view", "x")) | JSON},
    optional={"params": st.dictionaries(KEYS, JSON, max_size=5) | JSON, "timestamp_micros": JSON},
)
REQUESTS: Final = st.fixed_dictionaries(
    {"client_id": st.text(max_size=5) | JSON, "events": st.lists(EVENTS | JSON, max_size=4) | JSON},
    optional={"consent": JSON, "user_data": JSON, "timestamp_micros": st.integers(0, 2**60) | JSON, "unheard_of": JSON},
)


@given(REQUESTS | JSON)
def test_any_json_is_read_or_refused(said: object) -> None:
    """Nothing undeclared is raised, and nothing that is refused holds anything."""
    try:
        assert isinstance(decode(json.dumps(said).encode(), NOW), Batch)
    except (NotAnEvent, TooManyEvents) as refused:
        assert not refused.args  # noqa: PT017 - both outcomes are right


@given(st.binary(max_size=60) | json_texts(broken=True).map(str.encode))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    """Nor from what is no JSON."""
    try:
        assert isinstance(decode(raw, NOW), Batch)
    except (Unreadable, NotAnEvent, TooManyEvents) as refused:
        assert not refused.args  # noqa: PT017 - as above


@pytest.mark.parametrize("piece", ["[", '{"a":', '"a",', "7,", '{"item_id":"x"},'])
def test_a_long_body_costs_little(piece: str) -> None:
    """64 KiB of any one thing are read within 50 ms of the processor's time."""
    raw = b'{"client_id":"1","events":[{"name":"purchase","params":{"items":[' + (piece * 65536)[:65536].encode()

    def reads(said: bytes) -> None:
        with suppress(Unreadable, NotAnEvent):
            decode(said, NOW)

    for said in (raw, raw.rstrip(b",") + b"]}}]}"):
        assert seconds(partial(reads, said)) < 0.05


@pytest.mark.parametrize("name", ["AD_USER_DATA", "adUserData", "ad-user-data", "AD_STORAGE", "adPersonalization"])
@pytest.mark.parametrize("beside", [{}, {"ad_user_data": "GRANTED", "ad_personalization": "GRANTED"}])
def test_a_denial_under_a_name_in_other_letters_is_heard(name: str, beside: dict[str, str]) -> None:
    """It cannot be told what is meant, so it refuses."""
    assert google_of({**beside, name: "DENIED"}) == "unreadable"
