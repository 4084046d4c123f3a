"""The quick reader takes nothing that the careful one would not, and says the same of what it takes."""

import json
import time
from random import Random
from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.delivery.contract_body import MOST_PLACES, Body, Place, Read
from gateway.delivery.contract_file import PATH, RequestPart, read, steps_of
from gateway.model.words import Destination
from tests.adapters.cases import EVENTS, SHIPPED, made
from tests.gateway.delivery.clearing import HEAD, field, request
from tests.gateway.delivery.payloads import PAYLOADS, Payload, injected


def body_of(destination: Destination, path: str = "", *, options: bool = True) -> Body:
    """Make the readers of one kind of request, with every option on or off."""
    file = SHIPPED[destination]
    part: RequestPart = next(part for part in file.requests if part.events and ("upload" in path) is (part.name == "upload"))
    entries = [entry for entry in part.fields if PATH.fullmatch(entry.path) and (options or entry.option is None)]
    names = frozenset(name for entry in entries for name in steps_of(entry.path))
    return Body(entries, part, names)


def of(payload: Payload) -> Body:
    """Make the readers of a golden request."""
    return body_of(payload.destination, payload.path)


def quickly(body: Body, text: bytes, count: int) -> Read | None:
    """Ask the quick reader alone."""
    assert body._quick is not None
    return body._quick.read(text, count)


def told(found: Read) -> tuple[Any, ...]:
    """What a reader says, without its form."""
    return found.seen, tuple(found.faults), [(event.seen, event.faults) for event in found.events]


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
def test_what_our_writer_writes_is_read_quickly(payload: Payload) -> None:
    """Fields stand in the files in the order in which they are written; otherwise the check would be twenty times as dear."""
    body = of(payload)
    for _ in range(3):  # the first reading makes the usual pattern, the second uses it
        quick = quickly(body, payload.body, payload.count)
        assert quick is not None
        assert told(quick) == told(body.carefully(payload.body, payload.count))


BODIES: Final = {destination: body_of(destination) for destination in Destination}


@given(st.sampled_from(Destination), st.lists(EVENTS, min_size=1, max_size=6))
def test_both_readers_say_the_same_of_what_adapters_write(destination: Destination, events: list[Any]) -> None:
    """Over any events, with readers that keep what they learned from one example to the next."""
    adapter = made(destination)
    taken = [event for event in events if adapter.refuses(event) is None]
    if not taken:
        return
    text, body = adapter.build(taken).body, BODIES[destination]
    quick = quickly(body, text, len(taken))
    careful = body.carefully(text, len(taken))
    assert quick is None or told(quick) == told(careful)
    if not careful.faults and not any(event.faults for event in careful.events):
        assert quick is not None


def test_the_quick_reader_takes_nothing_that_the_careful_one_would_not() -> None:
    """Three thousand spoilt bodies, written as our writer does and otherwise; readers that have seen the good ones."""
    dice = Random(7)  # noqa: S311 - a seed, so that a failure can be repeated
    bodies = {payload.name: of(payload) for payload in PAYLOADS}
    for payload in PAYLOADS * 2:
        quickly(bodies[payload.name], payload.body, payload.count)
    for number in range(3000):
        payload = PAYLOADS[number % len(PAYLOADS)]
        what, outgoing = injected(payload, dice)
        assert quickly(bodies[payload.name], outgoing.body, payload.count) is None, what


META: Final = next(payload for payload in PAYLOADS if payload.name == "meta-default_fields")


@pytest.mark.parametrize("learned", [False, True])
def test_any_changed_byte_is_seen_by_both_or_by_neither(learned: bool) -> None:
    """A byte flipped, doubled or taken out anywhere: whenever the quick reader still reads, the careful one agrees."""
    for at in range(len(META.body)):
        body = of(META)
        if learned:
            quickly(body, META.body, META.count)
        for changed in (
            META.body[:at] + bytes([META.body[at] ^ 1]) + META.body[at + 1 :],
            META.body[:at] + META.body[at : at + 1] + META.body[at:],
            META.body[:at] + META.body[at + 1 :],
        ):
            quick = quickly(body, changed, META.count)
            assert quick is None or told(quick) == told(body.carefully(changed, META.count)), at


def test_events_of_forms_that_were_met_match_the_usual_pattern() -> None:
    """Whatever mixture of them a body has, and whatever else was read in between."""
    whole = json.loads(META.body)["data"][0]
    events = [
        {name: value for name, value in whole.items() if name != left_out} for left_out in ("custom_data", "em", "user_data")
    ]
    body = of(META)
    for event in events:
        assert quickly(body, orjson.dumps({"data": [event]}), 1) is not None
    assert body._quick is not None
    text = orjson.dumps(events)
    assert body._quick._usual.read(text, 1, 9)[1] == len(text) - 1


def test_order_blanks_and_escapes_do_not_matter() -> None:
    """What the quick reader does not know is read with care, and allowed if it is what the contract says."""
    value = json.loads(META.body)
    value["data"] = [dict(reversed(event.items())) for event in value["data"]]
    text = json.dumps(value, indent=1).replace("website", "\\u0077ebsite").encode()
    body = of(META)
    assert quickly(body, text, META.count) is None
    assert told(body.read(text, META.count)) == told(body.carefully(META.body, META.count))


def test_the_usual_pattern_changes_only_so_often() -> None:
    """However many forms of events there are: each change takes in a member, or one that may be missing. All are still read."""
    body = body_of(Destination.META)
    assert body._quick is not None
    event = json.loads(META.body)["data"][0]
    fields, patterns = list(event), {body._quick._usual.text}
    for chosen in range(2 ** len(fields)):
        some = {name: value for n, (name, value) in enumerate(event.items()) if chosen >> n & 1}
        text = orjson.dumps({"data": [some] * 3})
        assert told(body.read(text, 3)) == told(body.carefully(text, 3))
        patterns.add(body._quick._usual.text)
    assert 2 < len(patterns) <= 2 + 2 * len(SHIPPED[Destination.META].requests[0].fields)


def test_hostile_text_costs_no_more_than_its_length() -> None:
    """No text makes a pattern try again and again: a megabyte of what nearly fits is refused about as fast as it is read."""
    body, long = of(META), 1_000_000
    texts = [
        META.body[:-2] + b"," + META.body[9:-2] * 200,
        META.body.replace(b"shop.example", b"a." * (long // 2)),
        META.body.replace(b'"event_id":"', b'"event_id":"' + b"a:" * (long // 2)),
        META.body.replace(b'"value":', b'"value":' + b"1" * long),
        b'{"data":[' + b'{"event_name":"Purchase",' * 40_000,
    ]
    for text in texts:
        began = time.process_time()
        assert quickly(body, text, META.count) is None
        assert time.process_time() - began < 0.5


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b'{"data":' + b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000])
def test_what_cannot_be_read_is_a_fault_of_the_whole_request(text: bytes) -> None:
    """No JSON, no UTF-8, or nested deeper than anybody reads: it does not leave, and nothing fails."""
    found = body_of(Destination.META).read(text, 1)
    assert (found.faults, found.events) == ([Place("body", "unreadable")], [])


def test_a_violation_names_a_bounded_number_of_places() -> None:
    """A thousand wrong fields are not a thousand lines."""
    event = json.loads(META.body)["data"][0] | {"user_data": {f"x{n}": n for n in range(1000)}}
    found = body_of(Destination.META).carefully(orjson.dumps({"data": [event] * 3, **{f"y{n}": n for n in range(1000)}}), 3)
    assert found.faults == (Place("(unknown)", "number"),)
    assert all(event.faults == (Place("data[].user_data.(unknown)", "number"),) for event in found.events)
    names = [entry.path for entry in SHIPPED[Destination.META].requests[0].fields]
    assert len(names) > MOST_PLACES - 5
    wrong: dict[str, Any] = {step: [] for name in names for step in steps_of(name)}
    assert len(body_of(Destination.META).carefully(orjson.dumps({"data": [event], **wrong}), 1).faults) <= MOST_PLACES


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"event_id": None}, Place("data[].event_id", "null")),
        ({"event_id": 1001}, Place("data[].event_id", "number")),
        ({"event_id": "jane@example.com"}, Place("data[].event_id", "email")),
        ({"event_id": "203.0.113.77"}, Place("data[].event_id", "address")),
        ({"event_time": "1795339000"}, Place("data[].event_time", "number_id")),
        ({"event_time": 1795339000.5}, Place("data[].event_time", "number")),
        ({"event_time": 1795339000000}, Place("data[].event_time", "number")),
        ({"event_time": True}, Place("data[].event_time", "boolean")),
        ({"user_data": []}, Place("data[].user_data", "list")),
        ({"user_data": {"em": []}}, Place("data[].user_data.em[]", "miscounted")),
        ({"user_data": {"em": ["0" * 64] * 2}}, Place("data[].user_data.em[]", "miscounted")),
        ({"user_data": {"em": "0" * 64}}, Place("data[].user_data.em[]", "sha256")),
        ({"user_data": {"client_ip_address": "203.0.113.77"}}, Place("data[].user_data.client_ip_address", "address")),
        ({"user_data": {"client_ip_address": "2002:cb00:714d::"}}, Place("data[].user_data.client_ip_address", "address")),
        ({"user_data": {"ph": ["0" * 64]}}, Place("data[].user_data.(unknown)", "list")),
        ({"custom_data": {"value": -1.0}}, Place("data[].custom_data.value", "number")),
        ({"custom_data": {"value": 1.23456}}, Place("data[].custom_data.value", "number")),
        ({"custom_data": {"currency": "XXX"}}, Place("data[].custom_data.currency", "text")),
        ({"event_source_url": "https://shop.example/thanks"}, Place("data[].event_source_url", "text")),
        ({"event_source_url": "https://shop.example?x"}, Place("data[].event_source_url", "text")),
    ],
    ids=str,
)
def test_a_place_is_named_with_the_kind_that_stood_there(change: dict[str, Any], place: Place) -> None:
    """The event that is at fault, its key path and the kind of value; the other events are not blamed."""
    good = json.loads(META.body)["data"][0]
    found = body_of(Destination.META, options=False).read(orjson.dumps({"data": [good, good | change, good]}), 3)
    assert not found.faults
    assert [event.faults for event in found.events] == [(), (place,), ()]


def test_a_body_without_a_list_of_events_carries_none() -> None:
    """It is read with care and allowed as it is; who says that events are in it is refused."""
    part = read(HEAD + request("ask", "POST", "/ask", field("id", "event_id"))).requests[0]
    body = Body([entry for entry in part.fields if PATH.fullmatch(entry.path)], part, frozenset({"id"}))
    assert told(body.read(b'{"id":"1001"}', 0)) == (frozenset({"id=event_id"}), (), [])
    assert body.read(b'{"id":"1001"}', 1).faults == (Place("body", "miscounted"),)
    assert body.read(b'{"id":"jane@example.com"}', 0).faults == (Place("id", "email"),)
