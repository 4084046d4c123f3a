"""CloudEvents 1.0 around our own events, in structured mode: an envelope or a list of envelopes in, raw events out.

https://github.com/cloudevents/spec, cloudevents/spec.md and cloudevents/formats/json-format.md (read 2026-11-26) say what an
envelope must have: `specversion` 1.0, `id`, `source` and `type`. Its `data` is an event as `native` reads it, to the letter;
where that has no `event_id` or `occurred_at` of its own, the envelope's `id` and `time` are them, since they mean the same.
Binary mode and `data_base64` are not taken. What else an envelope holds is dropped and counted. Pure.
"""

import re
from collections.abc import Mapping
from typing import Final

from gateway.model.words import Fault
from gateway.raw import Malformed, RawEvent
from gateway.sources.fields import Broken, Unknown, object_of
from gateway.sources.native import MAX_EVENTS, Batch, NotAnEvent, TooManyEvents, read_event
from gateway.sources.strict import MAX_DEPTH, Tainted, loads, taint_of

FIELDS: Final = frozenset({"specversion", "id", "source", "type", "time", "datacontenttype", "data", "subject", "dataschema"})
REQUIRED: Final = ("id", "source", "type")
MAX_TEXT: Final = 1024
"""Characters of an attribute."""
CONTENT_TYPE: Final = re.compile(r"application/(?:[a-z0-9.-]+\+)?json(?: *;.*)?", re.ASCII | re.IGNORECASE)


def decode(body: bytes, now: int) -> Batch:
    """Read one envelope. `now` is Unix seconds.

    Raises strict.Unreadable (no JSON) and NotAnEvent; what is wrong with the envelope or its event is a `Malformed`.
    """
    value, suspicious = loads(body)
    if type(value) not in (dict, Tainted):
        raise NotAnEvent
    return _batch([value], now, suspicious)


def decode_batch(body: bytes, now: int) -> Batch:
    """Read a list of at most `native.MAX_EVENTS` envelopes, one or more. Raises as `decode`, and TooManyEvents."""
    value, suspicious = loads(body)
    if type(value) is not list or not value:
        raise NotAnEvent
    if len(value) > MAX_EVENTS:
        raise TooManyEvents
    return _batch(value, now, suspicious)


def _batch(envelopes: list[object], now: int, suspicious: bool) -> Batch:
    batch = Batch(events=[], unknown={})
    batch.events += [_event(envelope, now, suspicious, batch.unknown) for envelope in envelopes]
    return batch


def _event(envelope: object, now: int, suspicious: bool, unknown: Unknown) -> RawEvent | Malformed:
    if suspicious and (fault := taint_of(envelope, MAX_DEPTH + 1)) is not None:
        return Malformed("envelope", fault)
    try:
        data = _data(envelope, unknown)
    except Broken as broken:
        return Malformed(broken.field, broken.fault)
    return read_event(data, now, None, suspicious, unknown)


def _data(envelope: object, unknown: Unknown) -> Mapping[str, object]:
    """Check an envelope, and give the event in it with what the envelope knows of it."""
    if type(envelope) is not dict:
        raise Broken("envelope", Fault.WRONG_TYPE)
    object_of("envelope", envelope, FIELDS, unknown)
    if envelope.get("specversion") != "1.0":
        raise Broken("specversion", Fault.NOT_ONE_OF)
    for name in REQUIRED:
        _check_text(name, envelope.get(name))
    kind = envelope.get("datacontenttype")
    if kind is not None and (type(kind) is not str or CONTENT_TYPE.fullmatch(kind) is None):
        raise Broken("datacontenttype", Fault.NOT_ONE_OF)
    data = envelope.get("data")
    if type(data) is not dict:
        raise Broken("data", Fault.MISSING if data is None else Fault.WRONG_TYPE)
    known = {"event_id": envelope["id"]} | ({"occurred_at": envelope["time"]} if envelope.get("time") is not None else {})
    return data | {name: value for name, value in known.items() if data.get(name) is None}


def _check_text(name: str, value: object) -> None:
    if value in (None, ""):
        raise Broken(name, Fault.MISSING)
    if type(value) is not str:
        raise Broken(name, Fault.WRONG_TYPE)
    if len(value) > MAX_TEXT:
        raise Broken(name, Fault.TOO_LONG)
