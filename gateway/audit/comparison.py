"""An old container beside this gateway, over one recording: who would have sent what, to whom, and by which fields. Pure.

Two lists of observations go in, what this gateway would do with each event that came and what the old container sent. Out
comes a report of counts, names of fields and kinds of value: no id, no value, nothing of anybody. Events are matched by their
ids; those that the old one sent and that never came in the recording are counted apart, since nothing can be said of them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import unique
from typing import Final, NamedTuple, TypedDict

import msgspec

from gateway.audit.observations import CLEAR, Elsewhere, Field, Sent, Unread
from gateway.audit.trace import moment
from gateway.model.words import Destination, Kind, Word

MOST_ROWS: Final = 500
"""Rows of each list; what is beyond is counted."""


@unique
class Place(Word):
    """Where an event that came went, for one destination."""

    BOTH = "both"
    ONLY_OLD = "only_old"
    ONLY_HERE = "only_here"
    NEITHER = "neither"


@unique
class Why(Word):
    """Why a field that the old container sent does not leave here."""

    NOT_IN_CONTRACT = "not_in_contract"
    NOT_THESE_EVENTS = "not_these_events"
    """The contract lets it leave, and no event of the recording that may go has it."""


INVALID: Final = "invalid"
"""In place of a reason, of an event that breaks a rule of the format."""


class Came(msgspec.Struct, frozen=True):
    """An event that came in, and what this gateway would do with it: for each destination what it sends, or why not.

    `kind` is None where it cannot be read. `keys` are the ids by which the old container may have sent it on.
    """

    kind: Kind | None
    keys: frozenset[str]
    ways: Mapping[Destination, tuple[Sent, ...] | str]

    def __repr__(self) -> str:
        """Say nothing of what is inside."""
        return "<Came>"


class Recording(msgspec.Struct, frozen=True):
    """What came in, beside its events. Moments are Unix seconds, None where the recording has none.

    `passed_over`: requests to no door of ours. `strangers`: requests of another shop, by what is unknown about them. `faults`:
    invalid events by field and rule. `fields`: how many requests had each field; those that are `allowed` are read here.
    """

    storefront: str
    since: int | None
    until: int | None
    requests: int
    events: Sequence[Came]
    repeats: int = 0
    passed_over: int = 0
    strangers: Mapping[str, int] = {}
    faults: Mapping[tuple[str, str], int] = {}
    fields: Mapping[Field, int] = {}


# ── the report ───────────────────────────────────────────────────────────────────────────────────────────────────


class FaultTold(TypedDict):
    """Events of the recording that break a rule of the format."""

    field: str
    rule: str
    events: int


class RefusedTold(TypedDict):
    """Events that this gateway does not send to a destination for one reason; `sent_by_old` of them left the old container."""

    reason: str
    events: int
    sent_by_old: int


class LaneTold(TypedDict):
    """One destination. `events`: those that came, by `Place`. The others are requests of the old container's alone.

    `repeated`: sent again over the same interface. `other_kinds`: events that this gateway knows no name for.
    `without_id`: events that cannot be matched. `not_recorded`: such events did not come in the recording.
    """

    events: dict[str, int]
    refused: list[RefusedTold]
    repeated: int
    other_kinds: int
    without_id: int
    not_recorded: int


class FieldTold(TypedDict):
    """A field as it leaves: in how many events of the old container and of this one. `why` is of what the old one alone sends.

    `in_clear`: the value names a person or a device as it stands.
    """

    destination: str
    interface: str
    path: str
    kind: str
    old: int
    here: int
    why: str | None
    in_clear: bool


class IncomingTold(TypedDict):
    """A field that came in, in how many requests, and whether this gateway reads it at all; `in_clear` as above."""

    path: str
    kind: str
    requests: int
    read: bool
    in_clear: bool


class ElsewhereTold(TypedDict):
    """A host that the old container sent requests to and this gateway has no adapter for."""

    host: str
    requests: int


class SentTold(TypedDict):
    """What the old container sent out."""

    requests: int
    events: int
    unread: int
    elsewhere: list[ElsewhereTold]


class Comparison(TypedDict):
    """The whole report. `since` and `until` are RFC 3339.

    `sent` is None, and all that is of the old container empty, where only what came in was recorded.

    `cut`: rows that are not told because there are too many.
    """

    storefront: str
    since: str | None
    until: str | None
    requests: int
    events: int
    repeats: int
    passed_over: int
    strangers: dict[str, int]
    invalid: list[FaultTold]
    sent: SentTold | None
    destinations: dict[str, LaneTold]
    leaked: list[FieldTold]
    both: list[FieldTold]
    only_here: list[FieldTold]
    incoming: list[IncomingTold]
    cut: int
    same: bool


def compare(
    came: Recording, sent: Sequence[Sequence[Sent] | Elsewhere | Unread] | None, enabled: Sequence[Destination]
) -> Comparison:
    """Hold what the old container sent, request by request, against what this gateway would send of the same events."""
    old = [event for request in sent or () if isinstance(request, Sequence) for event in request]
    lanes = {destination: _lane(destination, came.events, old) for destination in _met(enabled, old)}
    fields = _fields(came.events, old)
    incoming = sorted((_incoming(field, count) for field, count in came.fields.items()), key=_order_of_incoming)
    parts = [
        [row for row in fields if row["old"] and not row["here"]],
        [row for row in fields if row["old"] and row["here"]],
        [row for row in fields if row["here"] and not row["old"]],
    ]
    differing = any(lane["events"][Place.ONLY_OLD] or lane["events"][Place.ONLY_HERE] for lane in lanes.values())
    return Comparison(
        storefront=str(came.storefront),
        since=None if came.since is None else moment(came.since),
        until=None if came.until is None else moment(came.until),
        requests=came.requests,
        events=len(came.events),
        repeats=came.repeats,
        passed_over=came.passed_over,
        strangers=dict(came.strangers),
        invalid=[FaultTold(field=f, rule=rule, events=n) for (f, rule), n in Counter(came.faults).most_common(MOST_ROWS)],
        sent=None if sent is None else _sent(sent),
        destinations={destination.value: lane for destination, lane in lanes.items()},
        leaked=parts[0][:MOST_ROWS],
        both=parts[1][:MOST_ROWS],
        only_here=parts[2][:MOST_ROWS],
        incoming=incoming[:MOST_ROWS],
        cut=sum(max(0, count - MOST_ROWS) for count in (*map(len, parts), len(incoming))),
        same=sent is not None
        and not any((differing, parts[0], parts[2], _beside(lanes.values()), _elsewhere(sent), _unread(sent))),
    )


def _met(enabled: Sequence[Destination], old: Iterable[Sent]) -> list[Destination]:
    """Name the destinations of both sides, in their order."""
    there = {*enabled, *(event.destination for event in old)}
    return [destination for destination in Destination if destination in there]


def _beside(lanes: Iterable[LaneTold]) -> int:
    """Count what the old container sent and could not be matched."""
    return sum(lane["other_kinds"] + lane["without_id"] + lane["not_recorded"] for lane in lanes)


# ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────


class _Old:
    """What the old container sent to one destination; each is given to one event that came."""

    def __init__(self, events: Sequence[Sent]) -> None:
        self.left = dict(enumerate(events))
        self._by_key: dict[str, list[int]] = {}
        for number, event in self.left.items():
            for key in event.keys:
                self._by_key.setdefault(key, []).append(number)

    def of(self, event: Came) -> list[int]:
        """Number what is left of an event, known by an id that it came with or by one that it leaves with here."""
        numbers = {number for key in event.keys for number in self._by_key.get(key, ()) if number in self.left}
        return [n for n in sorted(numbers) if event.kind is None or event.kind in self.left[n].kinds]

    def take(self, event: Came) -> bool:
        """Take what was sent of an event, one over each interface; says whether anything was."""
        found = {self.left[number].interface: number for number in reversed(self.of(event))}
        for number in found.values():
            del self.left[number]
        return bool(found)


def _lane(destination: Destination, events: Sequence[Came], old: Iterable[Sent]) -> LaneTold:
    theirs = _Old([event for event in old if event.destination is destination])
    mine = [_here(event, destination) for event in events]
    places = dict.fromkeys(Place, 0)
    refused: Counter[str] = Counter()
    sent_though: Counter[str] = Counter()
    for event, why in sorted(mine, key=lambda one: one[1] is not None):  # of one id, what goes here is what went there
        taken = theirs.take(event)
        if why is not None:
            refused[why] += 1
            sent_though[why] += taken
        places[_PLACES[taken, why is None]] += 1
    again = {number for event, _ in mine for number in theirs.of(event)}
    left = [one for number, one in theirs.left.items() if number not in again]
    return LaneTold(
        events={place.value: count for place, count in places.items()},
        refused=[RefusedTold(reason=why, events=n, sent_by_old=sent_though[why]) for why, n in refused.most_common()],
        repeated=len(again),
        other_kinds=sum(not one.kinds for one in left),
        without_id=sum(bool(one.kinds) and not one.keys for one in left),
        not_recorded=sum(bool(one.kinds and one.keys) for one in left),
    )


def _here(event: Came, destination: Destination) -> tuple[Came, str | None]:
    """Give an event with all ids that it is known by at a destination, and why it is not sent there, None if it is."""
    way = event.ways.get(destination, NO_WAY)
    if isinstance(way, str):
        return event, way
    return msgspec.structs.replace(event, keys=event.keys.union(*(one.keys for one in way))), None


NO_WAY: Final = "not_enabled"
"""The reason of a destination that the storefront does not have (`Refusal.NOT_ENABLED`)."""
_PLACES: Final[Mapping[tuple[bool, bool], Place]] = {
    (True, True): Place.BOTH,
    (True, False): Place.ONLY_OLD,
    (False, True): Place.ONLY_HERE,
    (False, False): Place.NEITHER,
}


def _sent(requests: Sequence[Sequence[Sent] | Elsewhere | Unread]) -> SentTold:
    return SentTold(
        requests=len(requests),
        events=sum(len(request) for request in requests if isinstance(request, Sequence)),
        unread=_unread(requests),
        elsewhere=[ElsewhereTold(host=host, requests=count) for host, count in _elsewhere(requests).most_common(MOST_ROWS)],
    )


def _unread(requests: Iterable[Sequence[Sent] | Elsewhere | Unread]) -> int:
    return sum(isinstance(request, Unread) for request in requests)


def _elsewhere(requests: Iterable[Sequence[Sent] | Elsewhere | Unread]) -> Counter[str]:
    return Counter(request.host for request in requests if isinstance(request, Elsewhere))


# ── fields ───────────────────────────────────────────────────────────────────────────────────────────────────────


class _Spot(NamedTuple):
    """Where a field left."""

    destination: Destination
    interface: str
    field: Field


def _fields(events: Iterable[Came], old: Iterable[Sent]) -> list[FieldTold]:
    """Count the fields of both sides; those that name somebody as they stand first, then by how many events had them."""
    theirs = _spots(old)
    here = _spots(sent for event in events for way in event.ways.values() if not isinstance(way, str) for sent in way)
    rows = [_field(spot, theirs[spot], here[spot]) for spot in {**theirs, **here}]
    return sorted(rows, key=_order_of_field)


def _spots(sent: Iterable[Sent]) -> Counter[_Spot]:
    shapes: Counter[tuple[Destination, str, frozenset[Field]]] = Counter(
        (event.destination, event.interface, event.fields) for event in sent
    )
    found: Counter[_Spot] = Counter()
    for (destination, interface, fields), count in shapes.items():
        for field in fields:
            found[_Spot(destination, interface, field)] += count
    return found


def _field(spot: _Spot, old: int, here: int) -> FieldTold:
    why = None if here else Why.NOT_THESE_EVENTS if spot.field.allowed else Why.NOT_IN_CONTRACT
    return FieldTold(
        destination=spot.destination.value,
        interface=spot.interface,
        path=spot.field.path,
        kind=spot.field.kind,
        old=old,
        here=here,
        why=None if why is None else why.value,
        in_clear=spot.field.kind in CLEAR,
    )


def _order_of_field(row: FieldTold) -> tuple[object, ...]:
    places = [destination.value for destination in Destination]
    return (
        places.index(row["destination"]),
        row["why"] != Why.NOT_IN_CONTRACT,
        not row["in_clear"],
        -max(row["old"], row["here"]),
        row["interface"],
        row["path"],
        row["kind"],
    )


def _incoming(field: Field, count: int) -> IncomingTold:
    return IncomingTold(path=field.path, kind=field.kind, requests=count, read=field.allowed, in_clear=field.kind in CLEAR)


def _order_of_incoming(row: IncomingTold) -> tuple[object, ...]:
    return row["read"], not row["in_clear"], -row["requests"], row["path"], row["kind"]
