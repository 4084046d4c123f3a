"""The outbox keeps the promise: an event reported as accepted is on stable storage, and is then delivered at
least once to each of its destinations or becomes a dead letter with a reason. It holds through `kill -9`, a host
crash and a power cut.

**Putting.** Requests do not write; they hand their entries to `put` and wait. One thread owns the store. It takes all
that is waiting — entries of many requests, settlements of many couriers — as one group, applies it in one
transaction, flushes once, and only then lets each waiter go. A repeat of (storefront, kind, event id) within eight
days is recognised in that same transaction: the first one stays, a repeat with other content is counted and never
applied. If the flush fails, nothing is accepted any more and the process ends: after a failed flush a later success
proves nothing.

**The sequence.** Every accepted event gets the next number of one sequence that is kept by the store itself, in the
same transaction, and never restarts: numbers that begin again once a table was emptied would fall behind a cursor,
and their events would never be sent. Each lane — a storefront and a destination — has a cursor: all below it is
settled. Only exceptions (again later, maybe received, dead) have rows of their own, with their own sealed copy of
the event, so that one bad event never holds the cursor back and an accepted event costs one write, not one per
destination. A group of events that no lane of its storefront needs any more is deleted.

**Backlogs.** After an outage what is new must not wait behind what is old. So a lane can *set aside* what follows its
cursor and is older than a given time: that stretch of the sequence becomes a backlog with a cursor of its own, one
row however many events it holds, and the lane's cursor goes on behind it. Each event is still in exactly one place.

**Claiming.** A courier claims a batch, fresh first or oldest first by turns: what follows the cursor, what was set
aside, or exceptions that are due. Before the first byte leaves it says so with `mark_sent`, which is flushed: should
the process die with the request on the wire, the next one knows that the platform *may* have these events, and since
when. The same flush counts the shapes that are about to leave. `settle` records what the answer meant; `release` gives
a batch back untried or to be tried whole again. One claim per lane at a time. A claim says what its records add up to,
and one word (`AllDone`) settles it where one answer delivered all: nearly every batch, at next to no cost for an event.

**Pauses.** Somebody may stop a lane. From then on nothing of it is claimed, until it is resumed; what comes in waits, what is
under way may be told by `paused` before each byte. It is noted durably before `pause` returns, and outlives the process.

**Inquiries.** Some platforms take a request and say later what became of it. `settle` notes such a request by its
receipt, with the number of its events, in the same transaction. It is asked after until the platform has said its last
word or nobody waits for it any more; then `conclude` adds what was said to the books, once.

**Dead letters** lie with their reason for fourteen days. `revive` gives chosen ones back to their lane, in one transaction
with the books, as exceptions that are due: the next claim has them, with what was known of their doubt.

**People.** A record belongs to a person by its e-mail digests, by the keys it came with (`Minimised.persons`) and, being a
purchase, by its own id taken for the number of an order. `withdraw` takes all that waits or is dead for a person out of the
file in one transaction; what comes later is refused in the transaction that would have accepted it, until the person
decides anew. A claim under way is told by `withdrawn`.

**Refunds.** An order of which all the money went back before it left is taken out in the same way, and refused if it comes
later (`refund`). It is among the withdrawn, with a reason of its own. What was delivered stays.

**Accounts.** Every transaction also adds to the books: received = accepted + duplicate + refused + invalid, and
accepted × destinations = delivered + waiting + dead + withdrawn, per storefront, exactly, at any moment. The same
additions are also kept by the hour, and later by the day: `history` tells them, and together they are the books.

**Secrecy.** Records are compressed and sealed (AES-256-GCM) with a key per storefront and day, itself wrapped by a key
from the key file; a record's place is part of what is authenticated, so records cannot be swapped. Identifiers in
the clear columns are keyed hashes.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import Enum, StrEnum, unique
from typing import Final, Protocol

import msgspec

from gateway.model import (
    Destination,
    EmailDigest,
    EventId,
    EvidenceId,
    Fault,
    Kind,
    Minimised,
    Money,
    PersonKey,
    PlatformCode,
    Processing,
    Reason,
    Receipt,
    Refund,
    Refusal,
    Source,
    Status,
    StorefrontId,
    Text,
    Trace,
    Word,
)
from gateway.outbox.history import Figure, Grain, Stretch
from gateway.outbox.summary import Summary

DEDUP_SECONDS = 8 * 86_400
"""How long a repeat of (storefront, kind, event id) is recognised: longer than the longest age limit at the door."""

MOST_EXPLAINED = 100_000
"""How many events may be asked for at once."""


class Accept(msgspec.Struct, frozen=True, gc=False):
    """An event that may go to at least one destination. `at` is the time of receipt in Unix seconds.

    `granted_at`: when the person decided, by a date of the consent's own; None when it has none. A person who withdrew is
    heard again only by a decision that is known to be newer.
    """

    storefront: StorefrontId
    source: Source
    event: Minimised
    trace: Trace
    at: int
    granted_at: int | None = None


class Refuse(msgspec.Struct, frozen=True, gc=False):
    """The decision that an event may go nowhere. The event itself is not in it and is not kept anywhere.

    `money` is only ever added to the sums of what was refused.
    """

    storefront: StorefrontId
    source: Source
    kind: Kind
    event_id: EventId
    trace: Trace
    reason: Refusal
    at: int
    money: Money | None = None


class Reject(msgspec.Struct, frozen=True, gc=False):
    """An event that broke a rule of the format: only counted. `kind` is None when not even that could be read."""

    storefront: StorefrontId
    source: Source
    kind: Kind | None
    fault: Fault
    at: int


Entry = Accept | Refuse | Reject

Fate = Status | Refusal
"""What became of an entry. A `Refusal` is of an `Accept` that the store itself turned away, and says why: REFUSED it is too."""

Stored = Sequence[Fate] | Exception
"""What became of a request's entries: a fate for each, in order, or why none of them was stored."""


class Lane(msgspec.Struct, frozen=True):
    """Where a courier works: one destination of one storefront."""

    storefront: StorefrontId
    destination: Destination


class Record(msgspec.Struct, frozen=True, gc=False):
    """A claimed event. `tries` counts earlier attempts; `maybe_since` is when the platform may first have got it."""

    seq: int
    accepted_at: int
    event: Minimised
    tries: int = 0
    maybe_since: int | None = None


@unique
class Origin(Enum):
    """Where in a lane a claim was taken from."""

    FRESH = "fresh"
    """What follows the lane's cursor."""
    BACKLOG = "backlog"
    """What was set aside, the oldest first."""
    AGAIN = "again"
    """Exceptions that are due."""


class Claim(msgspec.Struct, frozen=True):
    """A batch under way in a lane; opaque but for its records and where it was taken from.

    `records` may be empty when all that the claim covers was for other destinations; settle it all the same. `upto` is
    the last sequence number that it covers. `unreadable` are records whose seal did not open.
    """

    lane: Lane
    records: tuple[Record, ...]
    origin: Origin
    upto: int
    summary: Summary
    """What the records add up to."""
    unreadable: tuple[int, ...] = ()


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


class Done(msgspec.Struct, frozen=True, gc=False):
    """Delivered, by the platform's own word."""

    seq: int
    reason: Reason
    code: PlatformCode | None = None
    receipt: Receipt | None = None


class Later(msgspec.Struct, frozen=True, gc=False):
    """To be tried again at `due` (Unix seconds). `maybe`: this attempt may have reached the platform."""

    seq: int
    reason: Reason
    due: float
    maybe: bool = False
    code: PlatformCode | None = None


class Dead(msgspec.Struct, frozen=True, gc=False):
    """A dead letter: kept with its reason until an operator replays it or its retention (14 days) is over."""

    seq: int
    reason: Reason
    code: PlatformCode | None = None


class Withdrawn(msgspec.Struct, frozen=True, gc=False):
    """Taken out because the consent that carried it is gone, or its money; its content is deleted at once."""

    seq: int
    reason: Reason


Settlement = Done | Later | Dead | Withdrawn
"""What becomes of one claimed record."""


class AllDone(msgspec.Struct, frozen=True, gc=False):
    """All records of a claim were delivered, by one and the same word of the platform: says the same as a `Done` for each."""

    reason: Reason
    code: PlatformCode | None = None
    receipt: Receipt | None = None

    def each(self, records: Sequence[Record]) -> list[Settlement]:
        """Say it record by record."""
        return [Done(record.seq, self.reason, self.code, self.receipt) for record in records]


Outcomes = tuple[tuple[Processing, PlatformCode | None, int], ...]
"""What became of how many events of a request, and the platform's reason for it; the parts of `adapter.Processed`."""


class Inquiry(msgspec.Struct, frozen=True, gc=False):
    """A request that a platform took for processing, to be asked after. `number` is the store's own name for it.

    `events` of the request were taken at `taken_at` (Unix seconds); `tries` counts the answers that were not the last.
    """

    lane: Lane
    number: int
    receipt: Receipt
    events: int
    taken_at: int
    tries: int = 0
    outcomes: Outcomes = ()
    """What was said last."""


class DeadLetter(msgspec.Struct, frozen=True, gc=False):
    """A dead letter, as far as it is known without breaking its seal. Times are Unix seconds; `replays` counts earlier ones."""

    seq: int
    kind: Kind
    reason: Reason
    code: PlatformCode | None
    died_at: int
    accepted_at: int
    replays: int = 0


class Person(msgspec.Struct, frozen=True, gc=False):
    """Somebody, as far as the store can know them. Prints as `<Person>`."""

    digests: tuple[EmailDigest, ...] = ()
    keys: tuple[PersonKey, ...] = ()

    def __repr__(self) -> str:
        """Say nothing of what is inside."""
        return "<Person>"


class Removal(msgspec.Struct, frozen=True, gc=False):
    """What was removed for a person: records by destination, and events that nothing is kept of any more.

    `on_the_wire` are those of `waiting` that had been said to be leaving: the platform may have them.
    """

    waiting: Mapping[Destination, int]
    dead: Mapping[Destination, int]
    on_the_wire: Mapping[Destination, int]
    sent: int = 0
    """Lines of what was sent that were deleted (`erase`)."""
    traces: int = 0
    """Decisions on event ids that were forgotten (`erase`)."""


NO_REMOVAL: Final = Removal({}, {}, {})


@unique
class Undoing(Word):
    """What a refund did to its order; a metric label."""

    WITHHELD = "withheld"
    """All that the order was worth has gone back, and something of it was taken out before it left."""
    IN_PART = "in_part"
    """Less has gone back than the order that waits is worth, as far as that is known: it goes as it is."""
    OTHER_CURRENCY = "other_currency"
    """What has gone back is in another currency than the order that waits, so the two cannot be compared: it goes as it is."""
    NOTHING_WAITS = "nothing_waits"
    """Nothing of the order waits: it was delivered, it was refused, or it has not come yet."""


class Refunded(msgspec.Struct, frozen=True, gc=False):
    """What came of a refund, and what was taken out by it."""

    undoing: Undoing
    removal: Removal


class Sending(msgspec.Struct, frozen=True, gc=False):
    """One event of a person that left, or was about to. Times are Unix seconds.

    `fields` are the key paths that left. `confirmed`: whether the platform said that it has it; None when that is not known
    (yet). A record that was sent again is there again.
    """

    destination: Destination
    kind: Kind
    event_id: EventId
    at: int
    fields: tuple[str, ...]
    evidence: EvidenceId | None
    confirmed: bool | None


class Holding(msgspec.Struct, frozen=True, gc=False):
    """One event of a person that is still held: for which destination, and in which state (`Attempt.state`)."""

    destination: Destination
    state: str
    accepted_at: int
    event: Minimised


class Holdings(msgspec.Struct, frozen=True):
    """All that the store has of a person. `withdrawn_at` is when they withdrew last, None if never or if lifted since."""

    held: tuple[Holding, ...]
    sent: tuple[Sending, ...]
    withdrawn_at: int | None


class Contents(msgspec.Struct, frozen=True):
    """What is in dead letters: the records whose seal opened, and the numbers of those whose person has withdrawn since."""

    records: tuple[Record, ...]
    withdrawn: frozenset[int]


@unique
class Swept(Word):
    """What stores keep for a time: the kinds of rows that a sweep deletes."""

    DEAD_LETTERS = "dead_letters"
    """Events, sealed, that failed for good."""
    WITHDRAWN = "withdrawn"
    """That an event was taken out because its consent is gone."""
    OUTCOMES = "outcomes"
    """What became of deliveries; a row is of one event or of many that lie together."""
    EVENT_IDS = "event_ids"
    """By which repeats are recognised."""
    TRACES = "traces"
    """Why events went or not, as codes; a row is of all events of a day that went the same way."""
    EVIDENCE = "evidence"
    """Which consent record allowed an event."""
    SENT = "sent"
    """What was sent: a row is of a request's events of one person, sealed."""
    SENT_EARLY = "sent_early"
    """The same, before its time, because the store was filling up."""
    REPLAYS = "replays"
    """That a dead letter was given back."""
    INQUIRIES = "inquiries"
    """Requests whose last word was still to be asked for."""
    WITHDRAWALS = "withdrawals"
    """A person's word, as keyed hashes."""
    REFUNDS = "refunds"
    """What went back for orders, as keyed hashes and sums."""
    FIGURES = "figures"
    """Sums by the hour and the day, of no person."""
    CONSENT_RECORDS = "consent_records"
    HELD_ORDERS = "held_orders"
    REQUESTS = "requests"
    """Lines of the register of persons' requests."""


@unique
class Shut(StrEnum):
    """Why the outbox takes nothing at the moment; an answer of 503."""

    FULL = "store_full"
    BUSY = "store_busy"
    FAILED = "store_failed"
    CLOSED = "stopping"


class Unavailable(Exception):
    """Nothing was stored. Carries why; holds no data."""

    def __init__(self, why: Shut) -> None:
        """Keep the reason."""
        super().__init__(why.value)
        self.why = why


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


class Outbox(Protocol):
    """What every engine does. Times are Unix seconds and always handed in; an engine has no clock of its own.

    Methods that await the store raise `Unavailable` when it is shut; nothing was changed then.
    """

    async def put(self, entries: Sequence[Entry]) -> Sequence[Fate]:
        """Store one request's entries, all or none; return after the flush, one fate per entry in order.

        ACCEPTED or DUPLICATE for an `Accept`, REFUSED for a `Refuse`, INVALID for a `Reject`. For an `Accept` also
        Refusal.WITHDRAWN, where its person has withdrawn and has not granted anew since, and Refusal.REFUNDED, where it is an
        order all of whose money has gone back (`refund`): nothing of it is kept but the decision, which is
        `entry.trace.overruled(why)`.
        """

    async def put_each(self, requests: Sequence[Sequence[Entry]]) -> Sequence[Stored]:
        """Store the entries of requests that came together; return after the flush, with what `put` gives or raises for each.

        None of them spoils another. Raises Unavailable for all of them.
        """

    @property
    def shut(self) -> Shut | None:
        """Why `put` would be refused now, else None. Cheap: asked before a body is read."""

    def arrivals(self, lane: Lane) -> int:
        """Give a number that grows whenever something was put or revived for the lane's storefront."""

    async def wait_for_work(self, lane: Lane, seen: int, until: float) -> None:
        """Return when `arrivals` is beyond `seen`, or when the event loop's clock reaches `until`."""

    async def set_aside(self, lane: Lane, before: int) -> None:
        """Turn what follows the lane's cursor and was accepted before `before` into backlog, as a whole and roughly.

        Raises RuntimeError when the lane has a claim under way.
        """

    async def claim(self, lane: Lane, limit: int, now: int, *, fresh_first: bool = False) -> Claim | None:
        """Take up to `limit` records, all of one origin; None if there is nothing.

        The oldest first: of the exceptions that are due at `now` and the backlog whichever has the lower number, else what
        follows the cursor. `fresh_first`: what follows the cursor, and before it such exceptions as are younger than all
        backlog, else the oldest. None while the lane is paused. Raises RuntimeError when the lane has a claim under way.
        """

    async def mark_sent(self, claim: Claim, seqs: Sequence[int], now: int, left: Sequence[Left] = ()) -> None:
        """Note durably that these records of the claim are about to leave: from now on the platform may have them.

        `left` says in which shapes, and is added to the ledger each time, also for records that were marked before. With the
        same flush it is written down what leaves of whom (`holdings`).
        """

    async def call_off(self, claim: Claim) -> None:
        """Take back what the claim's last `mark_sent` said, for nothing of it left; not its shapes. Once for each."""

    async def settle(self, claim: Claim, settlements: Sequence[Settlement] | AllDone, now: int) -> None:
        """Record the fate of every record of the claim, exactly one settlement each or one for all, and end the claim.

        Raises ValueError when a record is missing, repeated or foreign; `AllDone` misses one that is unreadable.
        """

    async def release(self, claim: Claim, *, maybe: bool) -> None:
        """End the claim with nothing settled. `maybe` False takes back what this claim's `mark_sent` said; not its shapes."""

    async def pause(self, lane: Lane, now: int) -> bool:
        """Stop a lane, durably: nothing more of it is claimed. False when it was paused already, since when it was.

        Raises RuntimeError when the lane was not declared.
        """

    async def resume(self, lane: Lane) -> bool:
        """Let a lane go on, and wake its courier. False when it was not paused. Raises RuntimeError as `pause` does."""

    def paused(self, lane: Lane) -> int | None:
        """Since when the lane is paused, as of this moment; None if it is not. Cheap: asked right before bytes leave."""

    async def next_due(self, lane: Lane) -> float | None:
        """When the lane's earliest exception is due, else None."""

    async def inquiries(self, lane: Lane, limit: int, now: float) -> Sequence[Inquiry]:
        """Give up to `limit` requests of the lane that it is time to ask after, those that are due longest first."""

    async def next_inquiry(self, lane: Lane) -> float | None:
        """When the lane's next request is to be asked after (Unix seconds), else None."""

    async def ask_again(self, inquiry: Inquiry, outcomes: Outcomes, due: float) -> None:
        """Keep what was said so far, and ask again at `due`. Changes nothing once the inquiry was concluded."""

    async def conclude(self, inquiry: Inquiry, outcomes: Outcomes, now: int) -> bool:
        """Add the last word on a request to the books, events without one as untold; say whether that was still to be done.

        Raises ValueError when the outcomes are of more events than the request had.
        """

    async def withdraw(
        self, storefront: StorefrontId, person: Person, now: int, *, widen: bool = True, since: int | None = None
    ) -> Removal:
        """Remove everything that waits or is dead for a person, in all lanes, and refuse what comes later; in one transaction.

        Content and hashes are deleted from the file before this returns, or, on a volume without room for that, as soon as
        there is some. What is under way in a claim counts as withdrawn
        too, unless its settlement says afterwards that the platform has it. Doing it again changes nothing but the time.
        A person is heard again by a decision of a later date (`Accept.granted_at`).

        `widen`: whoever is named by an order is also who the order's record says, so all that is withdrawn too. Without it
        nothing but what is named goes: whoever can post an event with somebody's address must not withdraw for them.
        `since`: when the person said so, if that was before now: what they decided later than that is heard.
        """

    async def refund(self, storefront: StorefrontId, refund: Refund, now: int) -> Refunded:
        """Remember that money went back for an order; if all has that the order was worth, take it out of every lane.

        All in one transaction, flushed before this returns. What went back in parts adds up, in the order's own currency;
        a refund of a name that was told before counts once. Only the purchase of the order's id goes, wherever it waits or is
        dead: nothing else of its person. What is under way in a claim counts as taken out too, as with `withdraw`. An order
        that comes after all its money went back is refused (`put`), as long as the refunds are remembered: 90 days.
        """

    def withdrawn(self, claim: Claim) -> Mapping[int, Reason]:
        """The claim's records that were taken out, as of this moment, and why. Cheap: asked right before bytes leave.

        WITHDRAWN: their person has withdrawn; REFUNDED: all the order's money has gone back.
        """

    async def holdings(self, storefront: StorefrontId, person: Person) -> Holdings:
        """Give all that is held of a person, and what was sent of them to whom, the earliest first.

        Of what is known by the very keys that are named: who else an order may lead to is not for everybody to hear.
        """

    async def erase(self, storefront: StorefrontId, person: Person, now: int) -> Removal:
        """Withdraw, and also delete what is remembered of the person's events: what was sent, and the traces of why.

        What stays is the keyed hash by which what comes later is refused.
        """

    async def dead_letters(self, lane: Lane, after: int, limit: int) -> Sequence[DeadLetter]:
        """Up to `limit` of the lane's dead letters beyond number `after`, in order. Any lane may be asked, declared or not."""

    async def open_letters(self, lane: Lane, letters: Sequence[DeadLetter]) -> Sequence[Record]:
        """Break the seals of the lane's dead letters, in the order of their numbers; what does not open is left out."""

    async def revive(self, lane: Lane, letters: Sequence[tuple[DeadLetter, Record]], now: int) -> frozenset[int]:
        """Give dead letters back to the lane's courier, due at once, all in one transaction; gives the numbers of those.

        A letter that is not as it was looked at any more is left alone. Tries and doubt stay: whether it may go is
        decided when it is claimed. Raises RuntimeError when the lane was not declared.
        """

    async def explain(self, storefront: StorefrontId, kind: Kind, event_id: EventId) -> Explanation | None:
        """What is known of an event, None if nothing."""

    async def explain_many(
        self, storefront: StorefrontId, kind: Kind, event_ids: Sequence[EventId]
    ) -> Sequence[Explanation | None]:
        """What is known of each of these events, in their order: what `explain` would say, each as of its own moment.

        Read a few milliseconds at a time, with a rest as long between, so that nobody who writes waits for long. Raises
        ValueError when there are more than `MOST_EXPLAINED`.
        """

    async def book(self, storefront: StorefrontId) -> Book:
        """The storefront's accounts as of one moment; what waits is counted in pieces, so that nobody who writes waits."""

    async def undelivered(self, storefront: StorefrontId) -> Sequence[Undelivered]:
        """What of which kind is still to be delivered, and what it is worth. As quick with a million events as with one."""

    async def history(
        self, storefront: StorefrontId, grain: Grain, since: int, until: int, only: tuple[type[Figure], ...] = ()
    ) -> Sequence[Stretch]:
        """What was booked for the storefront in stretches that begin from `since` to before `until`, in their order.

        `only` these kinds of figures, or all. Stretches without any are left out. Read a bounded piece at a time, so that
        nobody who writes waits for it. By the day, with `since` 0, the first stretch is what has no date (0 to 0): all
        together are the books then.
        """

    def closed(self, storefront: StorefrontId) -> int:
        """Before when (Unix seconds) what was booked for the storefront changes no more: days that are added up. 0: none is.

        What is kept no longer goes only when this moves on. So whoever remembers what was told of days before it, by it, is
        never wrong. As cheap as `waiting`.
        """

    async def departures(self, storefront: StorefrontId) -> Sequence[Departure]:
        """All that has ever left for the storefront, in the order in which it was first met in each lane."""

    async def acknowledge(self, storefront: StorefrontId, decision: Decision, upto: int, now: int) -> int:
        """Note that somebody looked at the storefront's departures up to a number; gives how many were new to them."""

    async def note_breach(self, lane: Lane, places: Sequence[tuple[str, str]], contract: int, now: int) -> None:
        """Note what a contract of this version kept from leaving: key paths, and what stood there."""

    async def breaches(self, storefront: StorefrontId) -> Sequence[Breach]:
        """All that contracts ever kept from leaving for the storefront."""

    async def note_inputs(self, storefront: StorefrontId, inputs: Sequence[Input]) -> None:
        """Keep the shapes of events that came in, in place of those of their kinds that were kept before."""

    async def samples(self, storefront: StorefrontId) -> tuple[Sequence[Input], Sequence[tuple[Lane, Output]]]:
        """The last event of each kind that came in, and the last of each kind that left in each lane, by their shapes."""

    async def grounds(self, storefront: StorefrontId, since: int, until: int) -> Sequence[Ground]:
        """On which decisions the storefront's events were taken or refused, by day from `since` to before `until`."""

    def unacknowledged(self, lane: Lane) -> int:
        """How many of the lane's departures nobody has acknowledged. As cheap as `waiting`."""

    def waiting(self, lane: Lane) -> Waiting:
        """The lane's backlog."""

    def differing_repeats(self, storefront: StorefrontId) -> int:
        """Count the repeats with other content than the first, since the store was opened. As cheap as `waiting`."""

    async def sweep(self, now: int) -> Mapping[Swept, int]:
        """Delete what is beyond its retention: repeats after 8 days, the rest as the engine was told. Call it now and then.

        Gives how many rows of what were deleted; what nothing went of is not in it. SENT_EARLY are requests' lines of what
        was sent that had to go before their time, because the store was filling up: what comes in is worth more than what was.
        """

    async def close(self) -> None:
        """Finish what is waiting, checkpoint and close. `put` raises Unavailable(CLOSED) from the first moment."""
