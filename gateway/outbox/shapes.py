"""The shapes in which events come in and leave, and the decisions behind them. No value of any event is in them."""

import re

import msgspec

from gateway.model.event import Trace
from gateway.model.texts import Text
from gateway.model.words import Kind, Source
from gateway.outbox.work import (
    Lane,
)


class Shape(Text):
    """The shape in which an event leaves: its key paths and the kind of value at each, as `path=kind path=kind …`, sorted.

    Made of a contract's own words; there is no value in it.
    """

    __slots__ = ()
    PATTERN = re.compile(r"(?:[A-Za-z0-9_.\[\]?:-]{1,200}=[a-z0-9_]{1,40}(?: |\Z)){1,500}", re.ASCII)


class Left(msgspec.Struct, frozen=True, gc=False):
    """The records of one kind that are about to leave in one shape, allowed by this version of the lane's contract."""

    kind: Kind
    shape: Shape
    seqs: tuple[int, ...]
    contract: int
    bytes: int = 0
    """What one event takes in the request's body, on average."""


class Decision(Text):
    """How the privacy team calls a decision of its own: 1–200 printable characters, no `@`."""

    __slots__ = ()
    PATTERN = re.compile(r"[^\x00-\x1f\x7f-\x9f@]{1,200}")


class Departure(msgspec.Struct, frozen=True, gc=False):
    """One key path and kind of value that events of a kind have left with in a lane. Times are Unix seconds.

    `count` is of events in requests that were handed to the client: one that is sent again counts again, one that found
    no connection counts too. `contracts` are the versions that allowed it. `number` grows with each new row of the store;
    `decision` is None until the row is acknowledged.
    """

    number: int
    lane: Lane
    kind: Kind
    path: str
    value_kind: str
    count: int
    first_at: int
    last_at: int
    contracts: tuple[int, ...]
    decision: Decision | None = None
    decided_at: int | None = None


class Breach(msgspec.Struct, frozen=True, gc=False):
    """What a contract kept from leaving in a lane: the key path and what stood there, as `contract_body.Place` has them.

    `count` is of requests that were held back; times are Unix seconds.
    """

    lane: Lane
    path: str
    found: str
    contract: int
    count: int
    first_at: int
    last_at: int


class Output(msgspec.Struct, frozen=True, gc=False):
    """The shape of an event that left, when, and the bytes it takes in the request's body, on average of that request."""

    kind: Kind
    at: int
    shape: Shape
    bytes: int
    contract: int


class Input(msgspec.Struct, frozen=True, gc=False):
    """The shape of an event that came in: names of declared fields, and how many others; nothing that stood in them.

    `bytes` is its share of the request's body, on average of its `events`. `trace` is what was decided and done.
    """

    kind: Kind
    source: Source
    at: int
    bytes: int
    events: int
    fields: tuple[str, ...]
    unknown: int
    trace: Trace


class Ground(msgspec.Struct, frozen=True, gc=False):
    """How many events of a day (UTC, `day` its begin in Unix seconds) were decided in this way; `trace` is without remarks."""

    day: int
    trace: Trace
    count: int
