"""What whoever asks is told: of an event, of dead letters, of what waits, of the books. Content is only in `Contents`."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from gateway.model.event import Trace
from gateway.model.texts import EvidenceId, PlatformCode, Receipt
from gateway.model.words import Destination, Kind, Processing, Reason, Refusal, Source, Status
from gateway.outbox.work import Outcomes, Record


class DeadLetter(msgspec.Struct, frozen=True, gc=False):
    """A dead letter, as far as it is known without breaking its seal. Times are Unix seconds; `replays` counts earlier ones."""

    seq: int
    kind: Kind
    reason: Reason
    code: PlatformCode | None
    died_at: int
    accepted_at: int
    replays: int = 0


class Contents(msgspec.Struct, frozen=True):
    """What is in dead letters: the records whose seal opened, and the numbers of those whose person has withdrawn since."""

    records: tuple[Record, ...]
    withdrawn: frozenset[int]


class Afterwards(msgspec.Struct, frozen=True, gc=False):
    """What a platform said became of a request that it had taken for processing.

    `final`: there will be no more. `outcomes` are those of the request's `events` all together: which of them met with
    what is never told.
    """

    final: bool
    events: int
    outcomes: Outcomes


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """Where an event stands at one destination, for the person who asks.

    `state`: `delivered`, `waiting`, `retrying`, `maybe`, `dead`, `withdrawn` or `refused`.
    """

    destination: Destination
    state: str
    reason: Reason | Refusal | None = None
    code: PlatformCode | None = None
    at: int | None = None
    tries: int = 0
    due: int | None = None
    receipt: Receipt | None = None
    afterwards: Afterwards | None = None
    replays: int = 0
    """How often it was given back from the dead letters, the last time at `replayed_at`."""
    replayed_at: int | None = None


class Explanation(msgspec.Struct, frozen=True):
    """All that is known of one event id: the last decision and each destination's state. No content of the event."""

    status: Status
    received_at: int
    trace: Trace
    attempts: tuple[Attempt, ...]
    repeats: int = 0
    evidence: EvidenceId | None = None
    """The consent record that took part in the decision, where the event cited one."""


class Book(msgspec.Struct, frozen=True):
    """One storefront's accounts since the store was made.

    `received` by (source, kind or None, status, reason or fault or ''). `accepted` events per destination;
    `settled` by (destination, kind, outcome, reason) where outcome is delivered, dead or withdrawn; `waiting` counted
    from the records themselves, not from the books, so that the two can be held against each other. `value` by
    (destination, currency, outcome), outcome being accepted, delivered, dead or withdrawn, in major units. `processed`
    is what platforms said afterwards of events that they had taken for processing, `pending` what they may still say.
    `replayed` counts the dead letters that were given back, which are no longer among the dead, unless they died again.
    """

    received: Mapping[tuple[Source, Kind | None, Status, str], int]
    differing_repeats: int
    accepted: Mapping[Destination, int]
    settled: Mapping[tuple[Destination, Kind, str, Reason], int]
    waiting: Mapping[Destination, int]
    value: Mapping[tuple[Destination, str, str], Decimal]
    processed: Mapping[tuple[Destination, Processing, PlatformCode | None], int] = {}
    pending: Mapping[Destination, int] = {}
    replayed: Mapping[Destination, int] = {}


class Waiting(msgspec.Struct, frozen=True):
    """What a lane has undelivered, from figures kept in memory: cheap enough for every scrape of the metrics.

    `waiting` records were not tried yet, `backlog` of them are set aside. Times are when the oldest was accepted: of all
    that is to be delivered, and of what is waiting and not set aside.
    """

    waiting: int
    retrying: int
    dead: int
    oldest_accepted_at: int | None
    backlog: int = 0
    fresh_since: int | None = None


class Undelivered(msgspec.Struct, frozen=True):
    """What a storefront has undelivered of one kind of event at one destination, by the books: cheap however much it is.

    Records that were not tried yet (`waiting`), that are to be tried again (`retrying`, parked ones too) and that lie as dead
    letters; the order value of the first two by currency, in minor units. `kind` is None for what was booked before it was
    noted: what then ended is less than 0 at its kind. A record that died unread has its value here still.
    """

    destination: Destination
    kind: Kind | None
    waiting: int
    retrying: int
    dead: int
    waiting_value: Mapping[str, int]
    retrying_value: Mapping[str, int]
