"""A recorded hour through this gateway: the same readers, line, adapters and contracts, and nothing after them.

Each request of the recording is read by the source whose door it came to, its events run the storefront's line and are built
and checked as `dry_run` does it. Nothing is stored, sent, counted or logged; time is what the recording says. What only a
store knows is left out: consent records, withdrawals, and repeats of what came before the recording began. Keys and signatures
are not looked at: a recording has them only by accident.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from gateway.audit.comparison import INVALID, NO_WAY, Came, Recording
from gateway.audit.observations import (
    DATA_TAG,
    FORM,
    NATIVE,
    TAG,
    Field,
    Form,
    Sent,
    fields_said,
    ids_said,
    interface_of,
    said_in,
    sent_in,
)
from gateway.audit.recordings import Recorded
from gateway.consent.place import NOWHERE, UNREADABLE, Mention
from gateway.delivery.clocks import Time
from gateway.intake.callers import NO_COUNTRY, Callers, Door, Edge
from gateway.model.words import Destination, Fault, Kind, Reason, Source
from gateway.office.dry_run import Way, try_way
from gateway.outbox.entries import Accept, Entry, Refuse, Reject
from gateway.raw import Malformed, RawEvent
from gateway.sources import gtag, native, stape
from gateway.sources.native import Batch, Connection, NotAnEvent, TooManyEvents
from gateway.sources.strict import Unreadable

ELSEWHERE_ID: Final = "measurement_id"
ELSEWHERE_ORIGIN: Final = "origin"
"""What is unknown about a request of another shop (as `callers.Stranger` has it)."""


class Reader(msgspec.Struct, frozen=True):
    """How requests to one path are read: as which source, by whom, and how they are taken apart for their names."""

    source: Source
    decode: Callable[[Recorded, int, Connection], Batch]
    form: Form
    from_page: bool = True


def _tag(request: Recorded, now: int, connection: Connection) -> Batch:
    return gtag.decode(request.query, request.body, now, connection)


def _from_server(request: Recorded, now: int, _connection: Connection) -> Batch:
    return _native(request, now, None)


def _native(request: Recorded, now: int, connection: Connection | None) -> Batch:
    try:
        return native.decode(request.body, now, connection)
    except (Unreadable, NotAnEvent):
        return Batch([Malformed("event", Fault.BAD_FORMAT)], {})
    except TooManyEvents:
        return Batch([Malformed("events", Fault.TOO_LONG)], {})


def _data_tag(request: Recorded, now: int, connection: Connection) -> Batch:
    kind = (request.header("content-type") or "").partition(";")[0].strip().lower()
    return stape.decode(request.query, request.body, now, connection, form=kind == FORM)


READERS: Final[Mapping[str, Reader]] = {
    "/g/collect": Reader(Source.GTAG, _tag, TAG),
    "/data": Reader(Source.STAPE, _data_tag, DATA_TAG),
    "/v1/collect": Reader(Source.COLLECT, _native, NATIVE),
    "/v1/events": Reader(Source.EVENTS, _from_server, NATIVE, from_page=False),
}
"""By the end of the path: a container may stand below one of the shop's own."""


class Shop(msgspec.Struct, frozen=True):
    """The storefront whose recording it is: its door, its ways to its destinations, what stands in front of the gateway."""

    door: Door
    ways: Mapping[Destination, Way]
    callers: Callers
    edge: Edge


class Run:
    """Runs a recording through, request by request; `recording` sums up what was met."""

    def __init__(self, shop: Shop, now: int) -> None:
        """Take the storefront; `now` (Unix seconds) is when a request came whose recording does not say."""
        self.shop = shop
        self._now = now
        self._events: list[Came] = []
        self._moments: list[int] = []
        self._accepted: set[tuple[Kind, str]] = set()
        self._fields: Counter[Field] = Counter()
        self._faults: Counter[tuple[str, str]] = Counter()
        self._strangers: Counter[str] = Counter()
        self._requests = self._repeats = self._passed_over = 0

    @property
    def recording(self) -> Recording:
        """What came, as far as it was taken."""
        return Recording(
            storefront=self.shop.door.line.storefront,
            since=min(self._moments, default=None),
            until=max(self._moments, default=None),
            requests=self._requests,
            events=self._events,
            repeats=self._repeats,
            passed_over=self._passed_over,
            strangers=self._strangers,
            faults=self._faults,
            fields=self._fields,
        )

    def take(self, request: Recorded) -> None:
        """Run one request through."""
        self._requests += 1
        if request.at is not None:
            self._moments = [min([*self._moments, request.at]), max([*self._moments, request.at])]
        reader = next((reader for path, reader in READERS.items() if request.path.endswith(path)), None)
        if reader is None or request.method not in {"GET", "POST"}:
            self._passed_over += 1
            return
        if (unknown := self._unknown(request, reader)) is not None:
            self._strangers[unknown] += 1
            return
        now = self._now if request.at is None else request.at
        said = said_in(request, reader.form)
        self._fields.update(fields_said(said, reader.form))
        events = reader.decode(request, now, self._connection(request)).events
        for number, event in enumerate(events):
            others = ids_said(said[number], reader.form) if len(said) == len(events) else ()
            self._run(event, reader.source, now, others)

    def _unknown(self, request: Recorded, reader: Reader) -> str | None:
        """Say what makes a page's request another shop's: its measurement id, or its origin where it names one."""
        door = self.shop.door
        if not reader.from_page:
            return None
        if reader.source is Source.GTAG and door.measurement_ids and not _names_one(request, door.measurement_ids):
            return ELSEWHERE_ID
        origin = request.header("origin")
        known = origin is None or origin in door.origins or (origin == "null" and door.allow_null_origin)
        return None if known else ELSEWHERE_ORIGIN

    def _connection(self, request: Recorded) -> Connection:
        """Say what the browser's connection said, as far as the recording has it."""
        return Connection(
            self._address(request), request.header("user-agent"), request.header("sec-gpc") == "1", self._place(request)
        )

    def _address(self, request: Recorded) -> str | None:
        """Give the browser's address: the rightmost hop that is no proxy of ours, else who connected."""
        hops = [hop.strip() for value in request.headers.get("x-forwarded-for", ()) for hop in value.split(",")]
        return next((hop for hop in reversed(hops) if hop and not self.shop.callers.trusts(hop)), request.remote)

    def _place(self, request: Recorded) -> Mention | None:
        edge = self.shop.edge
        if edge.country_header is None:
            return None
        seen = _said(request, edge.country_header), _said(request, edge.region_header)
        return None if seen == NOWHERE else seen

    # ── one event ────────────────────────────────────────────────────────────────────────────────────────────────

    def _run(self, event: RawEvent | Malformed, source: Source, now: int, others: Sequence[str]) -> None:
        if isinstance(event, Malformed):
            self._faults[event.field, event.fault.value] += 1
        line = self.shop.door.line
        entry = line.run(event, source, now)
        own = entry.event.event_id if isinstance(entry, Accept) else event.event_id
        if isinstance(entry, Accept):
            known = entry.event.kind, str(own)
            if known in self._accepted:
                self._repeats += 1
                return
            self._accepted.add(known)
        keys = frozenset([*others] if own is None else [str(own), *others])
        self._events.append(Came(event.kind, keys, self._ways(entry, now)))

    def _ways(self, entry: Entry, now: int) -> Mapping[Destination, tuple[Sent, ...] | str]:
        match entry:
            case Reject():
                return dict.fromkeys(self.shop.ways, INVALID)
            case Refuse():
                return dict.fromkeys(self.shop.ways, NO_WAY) | {d: why.value for d, why in entry.trace.refused}
            case Accept():
                refused: dict[Destination, tuple[Sent, ...] | str] = {d: why.value for d, why in entry.trace.refused}
                return refused | {d: self._way(d, entry, now) for d in entry.trace.allowed}

    def _way(self, destination: Destination, entry: Accept, now: int) -> tuple[Sent, ...] | str:
        """Give what would leave, seen with the same eyes as what an old container sent; what waits for its age goes later."""
        way = self.shop.ways[destination]
        tried = try_way(way, entry.event, Time(now, now, now))
        if tried.reason is not None and tried.reason is not Reason.HELD:
            return tried.reason.value
        outgoing = tried.outgoing
        path, _, query = outgoing.target.partition("?")
        headers = {name.lower(): (value,) for name, value in outgoing.headers}
        host = next(host for host in sorted(way.adapter.hosts) if interface_of(host, path) is not None)
        seen = sent_in(Recorded(0, outgoing.method, host, path, query, headers, outgoing.body), {destination: way.contract})
        if not isinstance(seen, list) or not seen:
            raise TypeError("what our own adapter builds is an event at the platform's interface")
        return tuple(seen)


def _names_one(request: Recorded, ids: frozenset[str]) -> bool:
    return any(part.partition("=")[::2] == ("tid", name) for part in request.query.split("&") for name in ids)


def _said(request: Recorded, header: str | None) -> str | None:
    """Read a header in which the edge says where it sees a browser, as the front door does."""
    values = request.headers.get(header.lower(), ()) if header else ()
    said = {value.strip() for value in values} - {""}
    if not said:
        return None
    (first, *others) = said
    return UNREADABLE if others or first == NO_COUNTRY else first
