"""What is counted, for Prometheus: under names that people's alerts rely on (docs/metrics.md).

One method per fact. Labels come from closed sets: enums, configured names, routes, currencies; a value that came out of
an event has no way in. A count costs one addition to a dictionary, and is added per batch rather than per event; text
is made only when somebody asks for it, a piece at a time. Counts are whole numbers and money is added in minor units, so
nothing is rounded before the last step. Meant for one thread: the event loop's.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum, unique
from http import HTTPStatus
from importlib import metadata
from typing import Final, TypeVar

from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.delivery.contract import Violation
from gateway.delivery.credentials import Standing
from gateway.delivery.rehearsal import Finding
from gateway.delivery.watcher import Stage
from gateway.model.money import CURRENCIES, Money
from gateway.model.texts import PlatformCode, StorefrontId
from gateway.model.words import Destination, Kind, Processing, Reason, Signal, Source, Status, Word
from gateway.outbox.answers import Waiting
from gateway.outbox.work import Lane

T = TypeVar("T")

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
"""Of `Metrics.text`."""

MOST_AT_ONCE: Final = 500
"""Values that are written out in one piece: a few milliseconds. Of a thousand storefronts there are some forty thousand."""

HEAD_LINES: Final = 2
"""Of a family: what it means and of which type it is."""

PREFIX: Final = "consent_gateway_"
NONE: Final = "none"
"""A label's value where there is nothing to say."""

STATUSES: Final = {status.value: str(status.value) for status in HTTPStatus}
DELIVERY_BUCKETS: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21_600.0, 86_400.0, 259_200.0, 604_800.0)
"""Seconds, from a healthy moment to the longest age that any platform takes."""


@unique
class Outcome(StrEnum):
    """How a delivery ended, or that it did not yet."""

    DELIVERED = "delivered"
    DEAD = "dead"
    WITHDRAWN = "withdrawn"
    RETRIED = "retried"
    REPLAYED = "replayed"
    """A dead letter was given back: of those counted as dead, so many are so no more."""


@unique
class Backlog(StrEnum):
    """Where an undelivered record stands."""

    WAITING = "waiting"
    BACKLOG = "backlog"
    RETRYING = "retrying"
    DEAD = "dead"


class Counts:
    """A counter with labels: whole numbers by label values."""

    __slots__ = ("_counts", "_help", "_labels", "_name", "_order")

    def __init__(self, name: str, text: str, labels: tuple[str, ...] = ()) -> None:
        self._name = PREFIX + name
        self._help = text
        self._labels = labels
        self._counts: dict[tuple[str, ...], int] = {} if labels else {(): 0}
        self._order: list[tuple[str, ...]] = []

    def add(self, labels: tuple[str, ...], count: int) -> None:
        """Add `count` (0 or more) to the label values' number."""
        self._counts[labels] = self._counts.get(labels, 0) + count

    def items(self) -> Iterable[tuple[tuple[str, ...], int]]:
        """Give each label values' number."""
        return self._counts.items()

    def families(self) -> Iterator[Metric]:
        """Give what Prometheus is told, by parts."""
        if len(self._order) != len(self._counts):  # which label values there are changes rarely, and none goes
            self._order = sorted(self._counts)
        for part in _parts(self._order):
            family = CounterMetricFamily(self._name, self._help, labels=self._labels)
            for labels in part:
                family.add_metric(labels, self._told(labels))
            yield family

    def _told(self, labels: tuple[str, ...]) -> float:
        return self._counts[labels]


class Sums(Counts):
    """Money: minor units are added, major units are told. The label `currency` says how many places there are."""

    __slots__ = ()

    def _told(self, labels: tuple[str, ...]) -> float:
        places = Money(0, labels[self._labels.index("currency")]).exponent
        return float(Decimal(self._counts[labels]).scaleb(-places))


class Seconds(Counts):
    """Time: milliseconds are added, seconds are told."""

    __slots__ = ()

    def _told(self, labels: tuple[str, ...]) -> float:
        return self._counts[labels] / 1000


class Durations:
    """Histograms of seconds with fixed buckets, one per destination."""

    __slots__ = ("_buckets", "_counts", "_help", "_name", "_sums")

    def __init__(self, name: str, text: str, buckets: tuple[float, ...]) -> None:
        self._name = PREFIX + name
        self._help = text
        self._buckets = buckets
        self._counts: dict[Destination, list[int]] = {}
        self._sums: dict[Destination, float] = {}

    def add(self, destination: Destination, seconds: Sequence[float]) -> None:
        """Count each number in the first bucket that is not smaller."""
        counts = self._counts.setdefault(destination, [0] * (len(self._buckets) + 1))
        buckets = self._buckets
        for one, count in Counter(seconds).items():  # most of a batch were accepted in the same second
            counts[bisect_left(buckets, one)] += count
        self._sums[destination] = self._sums.get(destination, 0.0) + sum(seconds)

    def family(self) -> Metric:
        """Give what Prometheus is told: cumulative counts."""
        family = HistogramMetricFamily(self._name, self._help, labels=("destination",))
        ends = [*map(str, self._buckets), "+Inf"]
        for destination, counts in sorted(self._counts.items()):
            cumulative = [(end, sum(counts[: at + 1])) for at, end in enumerate(ends)]
            family.add_metric((destination,), cumulative, sum_value=self._sums[destination])
        return family


class Metrics:
    """Everything that is counted. Implements `delivery.watcher.Watcher`."""

    def __init__(self) -> None:
        lane = ("storefront", "destination")
        self._events = Counts("events", "Events at the door.", ("storefront", "source", "event", "status", "reason"))
        self._deliveries = Counts("deliveries", "Ends of delivery attempts.", (*lane, "event", "outcome", "reason"))
        self._value = Sums("value", "Order value by how it ended, in major units.", (*lane, "currency", "outcome"))
        self._raw_bytes = Counts("raw_bytes", "Bytes of request bodies received, decompressed.")
        self._sent_bytes = Counts("sent_bytes", "Bytes of request bodies sent.", ("destination",))
        self._requests = Counts("requests", "Requests answered.", ("route", "status"))
        self._unheard = Counts("unheard", "Connections and requests that a listener did not hear.", ("listener", "reason"))
        self._strangers = Counts("tag_strangers", "Requests of others' tags that are no storefront's.", ("reason",))
        self._unknown = Counts("unknown_fields", "Undeclared fields dropped.", ("storefront", "object"))
        self._records = Counts("consent_records", "Consent records that came in.", ("storefront", "source", "outcome"))
        self._unreadable = Counts(
            "unreadable_signals", "Refused events with a signal that cannot be read.", ("storefront", "signal")
        )
        self._webhooks = Counts("webhooks", "Signed webhooks of shops' platforms.", ("storefront", "topic", "outcome"))
        self._held = Counts("held_orders", "Orders that came before their consent record.", ("storefront", "outcome"))
        self._processed = Counts("processed", "Platforms' last words on what they had taken.", (*lane, "processing", "reason"))
        self._warnings = Counts("platform_warnings", "Remarks of a platform on events that it answered for.", lane)
        self._throttles = Counts("throttles", "Times a platform asked for fewer requests.", lane)
        self._quota = Seconds("quota_wait_seconds", "Time that lanes with work waited for a platform's quota.", lane)
        self._breakers = Counts("breaker_openings", "Times a lane's breaker opened.", lane)
        self._jumps = Counts("clock_jumps", "Times the wall clock moved against the monotonic one.", lane)
        self._violations = Counts("contract_violations", "What a contract kept from leaving.", ("destination",))
        self._rights = Counts("rights", "Requests of persons that were done.", ("storefront", "right", "via"))
        self._sign_ins = Counts("sign_ins", "Tries to sign in to the console, by how they ended.", ("outcome",))
        self._faults = Counts("faults", "Unforeseen exceptions in delivery.", (*lane, "stage"))
        self._seconds = Durations("delivery_seconds", "From acceptance to the platform's confirmation.", DELIVERY_BUCKETS)
        self._up: dict[Lane, bool] = {}
        self._paused: dict[Lane, bool] = {}
        self._canaries: dict[Lane, bool] = {}
        self._test_modes: dict[Lane, str] = {}
        self._test_endpoints = False
        self._lanes: Sequence[Lane] = ()
        self._waiting: Callable[[Lane], Waiting] = lambda _lane: Waiting(0, 0, 0, None)
        self._now: Callable[[], float] = lambda: 0.0
        self._standings: Mapping[Lane, Callable[[], Standing]] = {}
        self._unacknowledged: Callable[[Lane], int] = lambda _lane: 0
        self._used: dict[str, Callable[[], float]] = {}
        self._storefronts: tuple[StorefrontId, ...] = ()
        self._differing: Callable[[StorefrontId], int] = lambda _storefront: 0
        self._recorded: Callable[[], Mapping[str, int]] = dict
        self._recording: Callable[[], bool] = lambda: True
        self._uncovered: Callable[[], float | None] = lambda: None
        self._silent: dict[StorefrontId, frozenset[Kind]] = {}
        self._due: Mapping[StorefrontId, Callable[[], Sequence[int]]] = {}

    # ── the front door ───────────────────────────────────────────────────────────────────────────────────────────

    def events(  # noqa: PLR0913, PLR0917 - the labels are an outside interface
        self, storefront: StorefrontId, source: Source, kind: Kind | None, status: Status, reason: str, count: int
    ) -> None:
        """Count events at the door. `reason` is the code of a `Refusal` or `Fault`, empty when accepted or duplicate."""
        self._events.add((storefront, source, kind or NONE, status, reason or NONE), count)

    def request(self, route: str, status: int) -> None:
        """Count an answer. `route` is one of the routes there are or `other`, never the path that was asked for."""
        self._requests.add((route, STATUSES.get(status) or str(status)), 1)

    def unheard(self, listener: Word, why: Word) -> None:
        """Count what a listener did not hear; members of `app.Side` and `listener.Unheard`."""
        self._unheard.add((listener, why), 1)

    def raw_bytes(self, count: int) -> None:
        """Count the bytes of a body, after decompression."""
        self._raw_bytes.add((), count)

    def unknown_fields(self, storefront: StorefrontId, name: str, count: int) -> None:
        """Count undeclared fields by `object.name` from the closed list of `sources.native`."""
        self._unknown.add((storefront, name), count)

    def stranger(self, why: Word) -> None:
        """Count what Google's tag sent for nobody; `why` is a member of `callers.Stranger`."""
        self._strangers.add((why,), 1)

    def consent_record(self, storefront: StorefrontId, told: Word, outcome: Word) -> None:
        """Count a consent record by whose word it is (`server`, `browser`) and what it says, or that it was invalid."""
        self._records.add((storefront, told, outcome), 1)

    def unreadable_signal(self, storefront: StorefrontId, signal: Signal) -> None:
        """Count a refused event with a signal that could not be read."""
        self._unreadable.add((storefront, signal), 1)

    def held_orders(self, storefront: StorefrontId, outcome: Word, number: int) -> None:
        """Count orders that came before their consent record, by what became of them."""
        self._held.add((storefront, outcome), number)

    def webhook(self, storefront: StorefrontId, topic: Word, outcome: Word) -> None:
        """Count a signed webhook by its topic and what came of it, members of `sources.shopify.Topic`, `webhooks.Outcome`."""
        self._webhooks.add((storefront, topic, outcome), 1)

    def sign_in(self, outcome: Word) -> None:
        """Count a try to sign in to the console by how it ended, a member of `console.door.SignIn`."""
        self._sign_ins.add((outcome,), 1)

    def right_done(self, storefront: StorefrontId, right: Word, via: Word) -> None:
        """Count a person's request that was done; `right` and `via` are members of `ledger.Right` and `rights.desk.Via`."""
        self._rights.add((storefront, right, via), 1)

    # ── delivery: the methods of Watcher ─────────────────────────────────────────────────────────────────────────

    def delivered(self, lane: Lane, kind: Kind, reason: Reason, seconds: Sequence[float], money: Mapping[str, int]) -> None:
        """Count confirmed events, how long they took and what they were worth."""
        self._ended(lane, kind, Outcome.DELIVERED, reason, len(seconds), money)
        self._seconds.add(lane.destination, seconds)

    def dead(self, lane: Lane, kind: Kind | None, reason: Reason, count: int, money: Mapping[str, int]) -> None:
        """Count dead letters."""
        self._ended(lane, kind, Outcome.DEAD, reason, count, money)

    def withdrawn(self, lane: Lane, kind: Kind, reason: Reason, count: int, money: Mapping[str, int]) -> None:
        """Count events whose consent is gone."""
        self._ended(lane, kind, Outcome.WITHDRAWN, reason, count, money)

    def retried(self, lane: Lane, reason: Reason, count: int) -> None:
        """Count events put off."""
        self._ended(lane, None, Outcome.RETRIED, reason, count, {})

    def replayed(self, lane: Lane, kind: Kind, reason: Reason, count: int, money: Mapping[str, int]) -> None:
        """Count dead letters given back, by what they had died of."""
        self._ended(lane, kind, Outcome.REPLAYED, reason, count, money)

    def _ended(  # noqa: PLR0913, PLR0917 - one row of the table
        self, lane: Lane, kind: Kind | None, outcome: Outcome, reason: Reason, count: int, money: Mapping[str, int]
    ) -> None:
        self._deliveries.add((lane.storefront, lane.destination, kind or NONE, outcome, reason), count)
        for currency in money.keys() & CURRENCIES:
            self._value.add((lane.storefront, lane.destination, currency, outcome), money[currency])

    def sent_bytes(self, destination: Destination, count: int) -> None:
        """Count the bytes of a request body."""
        self._sent_bytes.add((destination,), count)

    def warned(self, lane: Lane, count: int) -> None:
        """Count a platform's remarks."""
        self._warnings.add((lane.storefront, lane.destination), count)

    def up(self, lane: Lane, up: bool, reason: Reason | None, code: PlatformCode | None) -> None:
        """Note a lane's state."""
        del code
        self._up[lane] = up
        self._paused[lane] = reason is Reason.PAUSED_BY_OPERATOR

    def breaker(self, lane: Lane, opened: bool, reason: Reason | None) -> None:
        """Count openings."""
        del reason
        self._breakers.add((lane.storefront, lane.destination), int(opened))

    def throttled(self, lane: Lane, seconds: float) -> None:
        """Count throttling answers."""
        del seconds
        self._throttles.add((lane.storefront, lane.destination), 1)

    def quota_waited(self, lane: Lane, seconds: float) -> None:
        """Add up time spent waiting for a quota."""
        self._quota.add((lane.storefront, lane.destination), round(seconds * 1000))

    def processed(self, lane: Lane, processing: Processing, code: PlatformCode | None, count: int) -> None:
        """Count last words."""
        self._processed.add((lane.storefront, lane.destination, processing, code or NONE), count)

    def misconfigured(self, lane: Lane, found: bool, code: PlatformCode | None) -> None:
        """Nothing to count: the last words themselves are counted."""

    def canary(self, lane: Lane, finding: Finding) -> None:
        """Note whether a destination that was tried out would take events."""
        self._canaries[lane] = finding.well

    def clock_jumped(self, lane: Lane, seconds: float) -> None:
        """Count jumps."""
        del seconds
        self._jumps.add((lane.storefront, lane.destination), 1)

    def violated(self, lane: Lane, violation: Violation) -> None:
        """Count events that were kept from leaving, or the request where it was itself at fault."""
        self._violations.add((lane.destination,), len(violation.events) or 1)

    def fault(self, lane: Lane, stage: Stage, error: str, where: str) -> None:
        """Count bugs."""
        del error, where
        self._faults.add((lane.storefront, lane.destination, stage), 1)

    # ── gauges ───────────────────────────────────────────────────────────────────────────────────────────────────

    def test_mode(self, lane: Lane, switch: str) -> None:
        """Show that a platform's test switch (`Adapter.test_mode`) is on."""
        self._test_modes[lane] = switch

    def test_endpoints_allowed(self) -> None:
        """Show that other hosts than the platforms' own are allowed."""
        self._test_endpoints = True

    def silent(self, storefront: StorefrontId, kinds: frozenset[Kind]) -> None:
        """Show which event types stopped, of all that a storefront sends."""
        self._silent[storefront] = kinds

    def watch_outbox(self, lanes: Sequence[Lane], waiting: Callable[[Lane], Waiting], now: Callable[[], float]) -> None:
        """Read the backlog from here on each scrape; `now` gives Unix seconds."""
        self._lanes, self._waiting, self._now = tuple(lanes), waiting, now

    def watch_stores(self, used: Mapping[str, Callable[[], float]]) -> None:
        """Ask here on each scrape what share of its cap each store has in use."""
        self._used = dict(used)

    def watch_credentials(self, standings: Mapping[Lane, Callable[[], Standing]]) -> None:
        """Ask here on each scrape for how long each lane's token has been in use."""
        self._standings = dict(standings)

    def watch_departures(self, unacknowledged: Callable[[Lane], int]) -> None:
        """Read from here on each scrape how much left in the watched lanes that nobody has acknowledged."""
        self._unacknowledged = unacknowledged

    def watch_repeats(self, storefronts: Iterable[StorefrontId], differing: Callable[[StorefrontId], int]) -> None:
        """Read from here on each scrape how many repeats had other content than the first: only the store sees that."""
        self._storefronts, self._differing = tuple(storefronts), differing

    def watch_log(
        self, recorded: Callable[[], Mapping[str, int]], recording: Callable[[], bool], uncovered: Callable[[], float | None]
    ) -> None:
        """Read from here on each scrape what the signed log recorded, by kind, whether it still does, and how old the oldest
        entry is that no checkpoint outside this host covers (None where none is handed out).
        """
        self._recorded, self._recording, self._uncovered = recorded, recording, uncovered

    def fates(self) -> dict[tuple[StorefrontId, Destination | None, str], int]:
        """Add up what became of events since the start: by storefront, destination (None: the door), `Status` or `Outcome`."""
        found: dict[tuple[StorefrontId, Destination | None, str], int] = {}
        for (storefront, _, _, status, _), count in self._events.items():
            door = (StorefrontId.unsealed(storefront), None, str(status))
            found[door] = found.get(door, 0) + count
        for (storefront, destination, _, outcome, _), count in self._deliveries.items():
            lane = (StorefrontId.unsealed(storefront), Destination(destination), str(outcome))
            found[lane] = found.get(lane, 0) + count
        return found

    def watch_requests(self, due: Mapping[StorefrontId, Callable[[], Sequence[int]]]) -> None:
        """Ask here on each scrape when each storefront's open requests are due (Unix seconds), the first one first."""
        self._due = dict(due)

    # ── telling ──────────────────────────────────────────────────────────────────────────────────────────────────

    def text(self) -> bytes:
        """Write everything out in Prometheus' text format."""
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """Write the same in pieces that take a few milliseconds each.

        Whatever is counted between two of them is in the next, so events need not wait for a scrape.
        """
        last = ""
        for family in self.collect():
            text = generate_latest(_Alone(family))
            yield text if family.name != last else text.split(b"\n", HEAD_LINES)[HEAD_LINES]
            last = family.name

    def collect(self) -> Iterator[Metric]:
        """Give every family, in the order of docs/metrics.md; a large one in several parts."""
        yield from self._events.families()
        yield from self._deliveries.families()
        yield self._seconds.family()
        yield from self._backlog()
        yield from self._stores()
        yield from _gauges("destination_up", "1 while events flow.", ("storefront", "destination"), _truths(self._up))
        yield from _gauges(
            "destination_paused", "1 while an operator has it paused.", ("storefront", "destination"), _truths(self._paused)
        )
        text = "1 if the destination was well when it was last tried out."
        yield from _gauges("canary_up", text, ("storefront", "destination"), _truths(self._canaries))
        yield from _gauges(
            "credential_seconds", "Age of the token in use.", ("storefront", "destination", "kind"), self._credentials()
        )
        yield from self._value.families()
        yield from self._raw_bytes.families()
        yield from self._sent_bytes.families()
        yield from self._requests.families()
        yield from self._unheard.families()
        yield from self._unknown.families()
        yield from self._strangers.families()
        yield from self._records.families()
        yield from self._unreadable.families()
        yield from self._held.families()
        yield from self._webhooks.families()
        yield from self._repeats()
        yield from self._rights.families()
        yield from self._requests_open()
        yield from self._processed.families()
        yield from self._warnings.families()
        yield from self._throttles.families()
        yield from self._quota.families()
        yield from self._breakers.families()
        yield from self._jumps.families()
        yield from self._faults.families()
        yield from self._violations.families()
        yield from _gauges("silent", "1 while an event type has stopped.", ("storefront", "event"), self._silences())
        yield from _gauges(
            "new_shapes", "What left and nobody acknowledged.", ("storefront", "destination"), self._new_shapes()
        )
        yield from _gauges(
            "test_mode", "1 while a platform's test switch is on.", ("storefront", "destination", "switch"), self._switches()
        )
        yield from _gauges("test_endpoints_allowed", "1 when events may go elsewhere.", (), [((), float(self._test_endpoints))])
        yield from self._sign_ins.families()
        yield from self._log()
        yield from _gauges("build_info", "Always 1.", ("version",), [((VERSION,), 1.0)])

    def _credentials(self) -> Iterable[tuple[tuple[str, ...], float]]:
        standings = [(lane, standing()) for lane, standing in self._standings.items()]
        return [
            ((lane.storefront, lane.destination, standing.kind), standing.seconds)
            for lane, standing in standings
            if standing.seconds is not None
        ]

    def _new_shapes(self) -> Iterable[tuple[tuple[str, ...], float]]:
        return [((lane.storefront, lane.destination), float(self._unacknowledged(lane))) for lane in self._lanes]

    def _silences(self) -> Iterable[tuple[tuple[str, ...], float]]:
        return [((storefront, kind), float(kind in kinds)) for storefront, kinds in self._silent.items() for kind in Kind]

    def _switches(self) -> Iterable[tuple[tuple[str, ...], float]]:
        return [((lane.storefront, lane.destination, switch), 1.0) for lane, switch in self._test_modes.items()]

    def _log(self) -> Iterator[Metric]:
        entries = Counts("log_entries", "Entries of the signed log.", ("kind",))
        for kind, count in self._recorded().items():
            entries.add((kind,), count)
        yield from entries.families()
        yield from _gauges("log_up", "1 while the signed log records.", (), [((), float(self._recording()))])
        uncovered = self._uncovered()
        text = "Age of the oldest entry that no checkpoint outside this host covers."
        yield from _gauges("log_checkpoint_seconds", text, (), [] if uncovered is None else [((), uncovered)])

    def _stores(self) -> Iterator[Metric]:
        used = [((store,), share()) for store, share in self._used.items()]
        return _gauges(
            "store_used_ratio", "Share of a store's cap that is in use; from 0.9 on nothing is taken.", ("store",), used
        )

    def _repeats(self) -> Iterator[Metric]:
        counts = Counts("differing_repeats", "Repeats with other content than the first.", ("storefront",))
        for storefront in self._storefronts:
            counts.add((storefront,), self._differing(storefront))
        return counts.families()

    def _requests_open(self) -> Iterator[Metric]:
        due = {storefront: ask() for storefront, ask in self._due.items()}
        counts = [((storefront,), float(len(ats))) for storefront, ats in due.items()]
        nearest = [((storefront,), ats[0] - self._now()) for storefront, ats in due.items() if ats]
        yield from _gauges("open_requests", "Requests of persons begun and not done.", ("storefront",), counts)
        yield from _gauges("next_due_seconds", "Until the first of them is due.", ("storefront",), nearest)

    def _backlog(self) -> Iterator[Metric]:
        """Add the lanes' backlogs up by destination."""
        records: dict[tuple[str, ...], float] = {}
        oldest: dict[tuple[str, ...], float] = {}
        now = self._now()
        for lane in self._lanes:
            found = self._waiting(lane)
            for state, count in zip(Backlog, _states(found), strict=True):
                key = (lane.destination, state)
                records[key] = records.get(key, 0) + count
            age = 0.0 if found.oldest_accepted_at is None else max(0.0, now - found.oldest_accepted_at)
            oldest[lane.destination,] = max(oldest.get((lane.destination,), 0.0), age)
        yield from _gauges("outbox_records", "Records not delivered.", ("destination", "state"), records.items())
        yield from _gauges("oldest_waiting_seconds", "Age of the oldest one waiting.", ("destination",), oldest.items())


def _truths(lanes: Mapping[Lane, bool]) -> Iterable[tuple[tuple[str, ...], float]]:
    return [((lane.storefront, lane.destination), float(true)) for lane, true in lanes.items()]


def _states(found: Waiting) -> tuple[int, ...]:
    """Give a lane's undelivered records in the order of `Backlog`, each in one place."""
    return found.waiting - found.backlog, found.backlog, found.retrying, found.dead


def _gauges(name: str, text: str, labels: tuple[str, ...], values: Iterable[tuple[tuple[str, ...], float]]) -> Iterator[Metric]:
    """Make a gauge's family, by parts."""
    for part in _parts(sorted(values)):
        family = GaugeMetricFamily(PREFIX + name, text, labels=labels)
        for label_values, value in part:
            family.add_metric(label_values, value)
        yield family


def _parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Part values into runs of at most `MOST_AT_ONCE`; where there are none, into one empty run."""
    return (values[start : start + MOST_AT_ONCE] for start in range(0, len(values) or 1, MOST_AT_ONCE))


class _Alone(Collector):
    """A family by itself, as the writer of texts wants it."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterator[Metric]:
        yield self._family


def _version() -> str:
    """Give the installed version; `unknown` when run from a folder that was never installed."""
    try:
        return metadata.version("consent-gateway")
    except metadata.PackageNotFoundError:
        return "unknown"


VERSION: Final = _version()
