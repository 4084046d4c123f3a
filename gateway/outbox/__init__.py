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
word or nobody waits for it any more; then `conclude` adds what was said to the books, once. What nobody concluded
in nine days is forgotten, and what is known of it by then is its last word.

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

In this folder are the words in which the promise is kept; in `engine` is how SQLite keeps it.

    entries   what is put, and what became of it
    work      what a courier and an inquirer have in their hands, and how each piece ends
    summary   what a batch adds up to
    shapes    the shapes in which events come in and leave
    holdings  what is held of a person, and what is taken out
    answers   what whoever asks is told
    history   figures by the hour and the day
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from gateway.model.event import Refund
from gateway.model.texts import EventId, StorefrontId
from gateway.model.words import Kind, Reason
from gateway.outbox.answers import Book, DeadLetter, Explanation, Undelivered, Waiting
from gateway.outbox.entries import Entry, Fate, Stored
from gateway.outbox.history import Figure, Grain, Stretch
from gateway.outbox.holdings import Holdings, Person, Refunded, Removal
from gateway.outbox.shapes import Breach, Decision, Departure, Ground, Input, Left, Output
from gateway.outbox.work import AllDone, Claim, Inquiry, Lane, Outcomes, Record, Settlement
from gateway.storage import Shut, Swept

DEDUP_SECONDS = 8 * 86_400
"""How long a repeat of (storefront, kind, event id) is recognised: longer than the longest age limit at the door."""

MOST_EXPLAINED = 100_000
"""How many events may be asked for at once."""


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

    @property
    def used(self) -> float:
        """The share of its cap that is in use, 0 to 1, as of a moment ago; from 0.9 on nothing is taken. As cheap as `shut`."""

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
