"""CloudEvents: an envelope is checked, and what is in it is our own format and nothing else."""

import json
from contextlib import suppress
from functools import partial
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.words import Fault
from gateway.raw import Malformed, RawEvent
from gateway.sources import native
from gateway.sources.cloudevents import FIELDS, MAX_TEXT, decode, decode_batch
from gateway.sources.native import MAX_EVENTS, Batch, NotAnEvent, TooManyEvents
from gateway.sources.strict import Unreadable
from tests.effort import seconds
from tests.strategies import EVENTS, JSON, NOW, good_event, json_texts

EXAMPLE: Final[dict[str, Any]] = {
    "specversion": "1.0",
    "type": "com.example.someevent",
    "source": "/mycontext",
    "subject": None,
    "id": "C234-1234-1234",
    "time": "2026-11-22T10:00:00Z",
    "comexampleextension1": "value",
    "comexampleothervalue": 5,
    "datacontenttype": "application/json",
}
"""The attributes of an example in https://github.com/cloudevents/spec, cloudevents/formats/json-format.md (read 2026-11-26)."""


def envelope(data: Any = None, **changes: Any) -> dict[str, Any]:
    """The example around an event, with some of its attributes replaced, or left out where they are `...`."""
    said = {**EXAMPLE, "data": good_event() if data is None else data, **changes}
    return {name: value for name, value in said.items() if value is not ...}


def only(said: Any) -> RawEvent | Malformed:
    """The one event of an envelope."""
    (event,) = decode(json.dumps(said).encode(), NOW).events
    return event


def test_what_is_inside_is_read_as_if_it_had_come_alone() -> None:
    """To the last field; the envelope's own attributes are counted where none of ours."""
    batch = decode(json.dumps(envelope()).encode(), NOW)
    assert batch.events == native.decode(json.dumps(good_event()).encode(), NOW).events
    assert batch.unknown == {"envelope.other": 2}


@given(EVENTS)
def test_an_envelope_makes_no_event_better_or_worse(event: dict[str, Any]) -> None:
    """Whatever is inside, with an id and a time of its own, ends as it would alone."""
    told = {"event_id": "1", "occurred_at": NOW} | {k: v for k, v in event.items() if v is not None}
    (alone,) = native.read_carefully(json.dumps(told).encode(), NOW).events
    assert only(envelope(told)) == alone


def test_the_envelopes_id_and_time_are_the_events_where_it_has_none() -> None:
    """They mean the same."""
    event = only(envelope({name: value for name, value in good_event().items() if name not in ("event_id", "occurred_at")}))
    assert isinstance(event, RawEvent)
    assert (event.event_id, event.occurred_at) == ("C234-1234-1234", native.occurred_at_of("2026-11-22T10:00:00Z", NOW))
    own = only(envelope(good_event(event_id="own", occurred_at=NOW - 5)))
    assert isinstance(own, RawEvent)
    assert (own.event_id, own.occurred_at) == ("own", NOW - 5)


def test_an_id_that_is_none_of_ours_makes_the_event_invalid() -> None:
    """Where the event needs it."""
    data = good_event(event_id=None)
    assert only(envelope(data, id="urn:x/y")) == Malformed("event_id", Fault.BAD_FORMAT, native.KINDS["purchase"])
    assert isinstance(only(envelope(id="urn:x/y")), RawEvent)


@pytest.mark.parametrize(
    ("said", "field", "fault"),
    [
        (envelope(specversion=...), "specversion", Fault.NOT_ONE_OF),
        (envelope(specversion="0.3"), "specversion", Fault.NOT_ONE_OF),
        (envelope(specversion=1.0), "specversion", Fault.NOT_ONE_OF),
        *((envelope(**{name: ...}), name, Fault.MISSING) for name in ("id", "source", "type", "data")),
        *((envelope(**{name: ""}), name, Fault.MISSING) for name in ("id", "source", "type")),
        *((envelope(**{name: 7}), name, Fault.WRONG_TYPE) for name in ("id", "source", "type", "data")),
        (envelope(source="x" * (MAX_TEXT + 1)), "source", Fault.TOO_LONG),
        (envelope(datacontenttype="application/xml"), "datacontenttype", Fault.NOT_ONE_OF),
        (envelope(datacontenttype=7), "datacontenttype", Fault.NOT_ONE_OF),
        (envelope(data=..., data_base64="e30="), "data", Fault.MISSING),
        (envelope([good_event()]), "data", Fault.WRONG_TYPE),
        (envelope(good_event(occurred_at=None), time="noon"), "occurred_at", Fault.BAD_FORMAT),
    ],
)
def test_an_envelope_that_is_none_is_told(said: dict[str, Any], field: str, fault: Fault) -> None:
    """By attribute and rule, never by value."""
    event = only(said)
    assert isinstance(event, Malformed)
    assert (event.field, event.fault) == (field, fault)


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "application/vnd.shop+json", None, ...]
)
def test_data_is_json(kind: Any) -> None:
    """Of any name; without one it is."""
    assert isinstance(only(envelope(datacontenttype=kind)), RawEvent)


def test_a_batch_keeps_its_order_and_a_bad_envelope_its_neighbours() -> None:
    """One by one."""
    said = [envelope(good_event(event_id="a")), {}, 7, envelope(good_event(event_id="b"))]
    batch = decode_batch(json.dumps(said).encode(), NOW)
    assert [event.event_id for event in batch.events] == ["a", None, None, "b"]


def test_five_hundred_envelopes_and_no_more() -> None:
    """As many as events."""
    assert len(decode_batch(json.dumps([{}] * MAX_EVENTS).encode(), NOW).events) == MAX_EVENTS
    with pytest.raises(TooManyEvents):
        decode_batch(json.dumps([{}] * (MAX_EVENTS + 1)).encode(), NOW)


def test_one_and_many_are_not_taken_for_each_other() -> None:
    """The content type says which it is; an empty list is no event."""
    for read, said in ((decode, [envelope()]), (decode_batch, envelope()), (decode_batch, []), (decode, 7)):
        with pytest.raises(NotAnEvent):
            read(json.dumps(said).encode(), NOW)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('"advertising": true', '"advertising": false, "advertising": true', Fault.DUPLICATE_KEY),
        ('"source": "/mycontext"', '"source": "/a", "source": "/b"', Fault.DUPLICATE_KEY),
        ('"comexampleothervalue": 5', '"comexampleothervalue": NaN', Fault.NOT_FINITE),
    ],
)
def test_what_strict_json_does_not_allow_makes_its_event_invalid(old: str, new: str, fault: Fault) -> None:
    """Wherever in the envelope it stands."""
    said = json.dumps(envelope())
    assert old in said
    (event,) = decode(said.replace(old, new, 1).encode(), NOW).events
    assert isinstance(event, Malformed)
    assert event.fault is fault


ENVELOPES: Final = st.dictionaries(st.sampled_from(sorted(FIELDS)), JSON, max_size=6).map(lambda said: {**envelope(), **said})


@given(ENVELOPES | JSON | st.builds(envelope, EVENTS))
def test_any_json_is_read_or_refused(said: Any) -> None:
    """Nothing undeclared is raised, alone or in a list."""
    try:
        assert isinstance(decode(json.dumps(said).encode(), NOW), Batch)
    except NotAnEvent as refused:
        assert not refused.args  # noqa: PT017 - both outcomes are right
    assert len(decode_batch(json.dumps([said]).encode(), NOW).events) == 1


@given(st.binary(max_size=60) | json_texts(broken=True).map(str.encode))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    """Nor from what is no JSON."""
    for read in (decode, decode_batch):
        try:
            assert isinstance(read(raw, NOW), Batch)
        except (Unreadable, NotAnEvent, TooManyEvents) as refused:
            assert not refused.args  # noqa: PT017 - as above


@pytest.mark.parametrize("piece", ["[", '{"a":', '"a",', "{},"])
def test_a_long_body_costs_little(piece: str) -> None:
    """64 KiB of any one thing are read within 50 ms of the processor's time."""
    raw = (piece * 65536)[:65536].encode()

    def reads(said: bytes) -> None:
        with suppress(Unreadable, NotAnEvent, TooManyEvents):
            decode_batch(said, NOW)

    for said in (raw, b"[" + raw.rstrip(b",") + b"]"):
        assert seconds(partial(reads, said)) < 0.05
