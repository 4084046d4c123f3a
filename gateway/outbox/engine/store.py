"""The store as its thread sees it: every operation of the outbox as a plain function, on one open transaction.

What is kept in memory (numbers, keys, cursors, the newest sightings) is rebuilt from the file, and is whenever a
transaction was rolled back: so memory and file never tell different stories.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import apsw

from gateway.model.event import Refund
from gateway.model.texts import EventId, StorefrontId
from gateway.model.words import Destination, Kind
from gateway.outbox.answers import Book, DeadLetter, Explanation, Undelivered, Waiting
from gateway.outbox.engine.arriving import Arriving
from gateway.outbox.engine.asking import Asking
from gateway.outbox.engine.claims import Finder, Found, Opener, Taken
from gateway.outbox.engine.explaining import Explaining
from gateway.outbox.engine.figures import Piece
from gateway.outbox.engine.lanes import Held, Tally
from gateway.outbox.engine.memory import Memory
from gateway.outbox.engine.reviving import Reviving
from gateway.outbox.engine.schema import OUTBOX, SEALING
from gateway.outbox.engine.seeking import Look, Seeking
from gateway.outbox.engine.seen import GENERATION
from gateway.outbox.engine.sendings import Erased, Glance, Note, Sendings
from gateway.outbox.engine.settling import Fates, Settling
from gateway.outbox.engine.sieve import Sieve
from gateway.outbox.engine.sweeping import Retention, Sweeping
from gateway.outbox.engine.valuing import Valuing
from gateway.outbox.engine.withdrawing import Order, Removed, Undone, Wider, Withdrawing
from gateway.outbox.entries import Entry, Fate
from gateway.outbox.history import Figure, Grain
from gateway.outbox.holdings import Holding, Person
from gateway.outbox.shapes import Breach, Decision, Departure, Ground, Input, Left, Output
from gateway.outbox.work import Inquiry, Lane, Origin, Outcomes, Record
from gateway.storage import Swept
from gateway.storage.file import close, connect, flush_directory, is_crowded, is_full, one, share_used
from gateway.storage.keyring import Keyring
from gateway.storage.vault import DAY_SECONDS, Vault

LOOK_EVERY_SIGHTINGS: Final = 500
LOOK_EVERY_CALLS: Final = 64
"""How often it is looked how full the store is: asking costs as much as storing an event."""

SHED_AT_ONCE: Final = 1_000
_PARKED_AT_A_TIME: Final = 500


class Options(Retention, frozen=True):
    """How a store is opened. `max_bytes` caps the file (its log may take 64 MB more); `min_free_bytes` must stay free
    on the volume. `inquiry_first_seconds`: how long after a platform took a request it is first asked after.
    `generation` and `vfs` exist for tests: sightings kept in memory, and a registered SQLite file system.
    """

    max_bytes: int
    min_free_bytes: int
    generation: int = GENERATION
    vfs: str | None = None
    inquiry_first_seconds: float = 1800.0


class Changes(NamedTuple):
    """What the outside must learn of a transaction, once it is committed."""

    arrived: frozenset[StorefrontId]
    figures: Mapping[Lane, Waiting]
    paused: Mapping[Lane, int | None]
    """Since when each of these lanes is stopped, if it is."""
    differing: Mapping[StorefrontId, int]
    """Repeats whose content differed from the first."""
    unacknowledged: Mapping[Lane, int]
    """Departures that nobody has acknowledged."""
    closed: Mapping[StorefrontId, int]
    """Before when a storefront's figures change no more."""


class Store:
    """One open store. Every method is for its one thread."""

    def __init__(self, directory: Path, keyring: Keyring, lanes: Collection[Lane], options: Options) -> None:
        """Open the file, wrap its keys anew, declare the lanes and park what was taken away.

        Raises CannotOpen or BadKeyFile. The directory is locked already.
        """
        self.used = 0.0
        self._directory = directory
        self._keyring = keyring
        self._options = options
        self._connection = connect(directory, options.max_bytes, options.vfs, OUTBOX)
        self._looked_at, self._unlooked = 0, LOOK_EVERY_CALLS
        self._removed = False
        self._log_to_empty = True  # what an earlier process removed may lie there still
        self._arrived: set[StorefrontId] = set()
        self._differing: Counter[StorefrontId] = Counter()
        self._sieve = Sieve()
        try:
            with self._connection:
                Vault(self._connection, keyring, SEALING).rewrap()
            self._load()
            self._sieve.load(self._connection, self._seen.kept)
            self._value()
            self._declare(lanes)
            flush_directory(directory)
        except BaseException:
            self._connection.close(force=True)
            raise

    def _load(self) -> None:
        memory = self._memory = Memory.load(self._connection, self._keyring, self._options.generation, self._sieve)
        self._names = memory.names
        self._vault = memory.vault
        self._books = memory.books
        self._figures = memory.figures
        self._subjects = memory.subjects
        self._refunds = memory.refunds
        self._seen = memory.seen
        self._lanes = memory.lanes
        self._departures = memory.departures
        self._grounds = memory.grounds
        self._samples = memory.samples
        self._finder = Finder(memory)
        self._asking = Asking(memory, self._options.inquiry_first_seconds)
        self._settling = Settling(memory, self._asking, self._options.dead_days * DAY_SECONDS)
        self._arriving = Arriving(memory)
        self._explaining = Explaining(memory, self._asking)
        self._reviving = Reviving(memory)
        self._seeking = Seeking(memory)
        self._withdrawing = Withdrawing(memory, self._seeking)
        self._sendings = Sendings(memory)
        self._sweeping = Sweeping(
            memory,
            self._options,
            asking=self._asking,
            finder=self._finder,
            reviving=self._reviving,
            sendings=self._sendings,
            settling=self._settling,
        )

    # ── transactions ─────────────────────────────────────────────────────────────────────────────────────────────

    def begin(self) -> None:
        """Begin a transaction."""
        self._connection.execute("begin immediate")

    def commit(self) -> None:
        """Flush the transaction to stable storage; raises what SQLite raises.

        After a removal the log is emptied too: pages as they were before it lie there until then. On a volume without room
        for that, it is tried again with every transaction.
        """
        self._books.write()
        self._connection.execute("commit")
        self._arrived |= self._arriving.arrived
        self._differing.update(self._arriving.differing)
        self._arriving.arrived.clear()
        self._arriving.differing.clear()
        self._log_to_empty |= self._removed
        self._removed = False
        if self._log_to_empty:
            self._empty_log()

    def _empty_log(self) -> None:
        """Empty the log, or leave it for later: what was committed is not to be made again for that. A broken disk is final."""
        with suppress(apsw.FullError, apsw.BusyError, apsw.LockedError):
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            self._log_to_empty = False

    def rollback(self) -> None:
        """Undo the transaction under way, in the file and in memory."""
        if self._connection.in_transaction:
            self._connection.execute("rollback")
        self._removed = False
        self._load()
        for state in self._lanes.states.values():
            state.robbed = True  # it is forgotten which were: whoever settles looks

    def changes(self) -> Changes:
        """Give what the outside has not been told yet."""
        changes = Changes(
            frozenset(self._arrived),
            {state.lane: state.figures() for state in self._lanes.touched},
            {state.lane: state.paused_at for state in self._lanes.touched},
            dict(self._differing),
            self._unacknowledged(),
            self._closed(),
        )
        self._figures.closed.clear()
        self._departures.touched.clear()
        self._arrived.clear()
        self._differing.clear()
        self._lanes.touched.clear()
        return changes

    def _unacknowledged(self) -> dict[Lane, int]:
        new = self._departures.new
        return {self._lanes.by_number(number).lane: new[number] for number in self._departures.touched}

    def _closed(self) -> dict[StorefrontId, int]:
        closed = self._figures.closed
        return {name: closed[number] for name, number in self._names.storefronts.items() if number in closed} if closed else {}

    def is_full(self, *, before: bool) -> bool:
        """Say whether puts must be refused; `before` says whether they already are."""
        self._unlooked += 1
        grown = self._seen.next_pos - self._looked_at
        if not before and grown < LOOK_EVERY_SIGHTINGS and self._unlooked < LOOK_EVERY_CALLS:
            return False
        self._looked_at, self._unlooked = self._seen.next_pos, 0
        self.used = share_used(self._connection, self._options.max_bytes)
        return is_full(self.used, self._directory, self._options.min_free_bytes, before=before)

    def close(self, *, whole: bool) -> None:
        """Close; `whole` also checkpoints. After a failed flush nothing more may be written, so not then."""
        close(self._connection, whole=whole)

    def _value(self) -> None:
        """Find out what the exceptions of an earlier version are worth, a bounded number in each transaction."""
        valuing, more = Valuing(self._memory), True
        while more:
            with self._connection:
                more = valuing.value()
                self._books.write()

    # ── lanes come and go ────────────────────────────────────────────────────────────────────────────────────────

    def _declare(self, lanes: Collection[Lane]) -> None:
        with self._connection:
            for lane in lanes:
                self._lanes.open(lane, self._arriving.next_seq - 1)
            self._connection.execute(  # they may have been given longer when they died
                "update exceptions set due = at + ? where state = ? and due > at + ?",
                (self._options.dead_days * DAY_SECONDS, Held.DEAD, self._options.dead_days * DAY_SECONDS),
            )
        self._load()
        gone = [lane for lane, state in self._lanes.states.items() if lane not in lanes and state.cursor is not None]
        try:
            for lane in gone:
                self._park(lane)
        except apsw.FullError:
            self._load()  # no room: what is left stays in its groups, and the next opening goes on

    def _park(self, lane: Lane) -> None:
        """Give a lane's backlog rows of its own, a bounded number in each transaction, and take the lane away."""
        opener = Opener()
        while True:
            with self._connection:
                state = self._lanes.states[lane]
                found = self._finder.find_backlog(state, _PARKED_AT_A_TIME) or self._finder.find_fresh(state, _PARKED_AT_A_TIME)
                if found is None:
                    self._settling.park_retries(state)
                    self._lanes.take_away(state)
                    return
                taken = opener.open_now(found)
                self._settling.park(state, taken)
                self._books.write()
                move = self._lanes.move if found.origin is Origin.FRESH else self._lanes.move_backlog
                move(state, taken.upto, len(taken.records) + len(taken.unread))

    # ── the outbox's operations ──────────────────────────────────────────────────────────────────────────────────

    def put(self, requests: Sequence[Sequence[Entry]]) -> list[list[Fate] | ValueError]:
        """Take in the entries of several requests."""
        return self._arriving.put(requests)

    def set_aside(self, lane: Lane, before: int) -> None:
        """Make a backlog of what is older than `before`."""
        self._lanes.set_aside(self._lanes.states[lane], before)

    def pause(self, lane: Lane, now: int) -> bool:
        """Stop a lane."""
        return self._lanes.pause(self._lanes.states[lane], now)

    def resume(self, lane: Lane) -> bool:
        """Let a lane go on, and have its courier woken."""
        resumed = self._lanes.resume(self._lanes.states[lane])
        if resumed:
            self._arriving.arrived.add(lane.storefront)
        return resumed

    def find(self, lane: Lane, limit: int, now: int, *, fresh_first: bool = False) -> Found | None:
        """Find a lane's next batch; there is none while it is stopped."""
        if self._lanes.states[lane].paused_at is not None:
            return None
        return self._finder.find(lane, limit, now, fresh_first=fresh_first)

    def mark(
        self, lane: Lane, taken: Taken, seqs: Sequence[int], now: int, left: Sequence[Left] = ()
    ) -> tuple[tuple[int, ...], Note | None]:
        """Note that records are about to leave, in which shapes, and whose they are."""
        state, note = self._lanes.states[lane], None
        if left:
            self._departures.note(state.number, left, now)
            for one_left in left:
                output = Output(one_left.kind, now, one_left.shape, one_left.bytes, one_left.contract)
                self._samples.output(state.number, output)
            gone = self._settling.withdrawn(state, [record.seq for record in taken.records])
            note = self._sendings.note(state, taken, left, gone, now)
        return self._settling.mark(lane, taken, seqs, now), note

    def unmark(self, lane: Lane, taken: Taken, noted: Sequence[int], notes: Sequence[Note]) -> None:
        """Take such notes back."""
        self._settling.unmark(lane, taken, noted)
        self._sendings.take_back(notes)

    def settle(  # noqa: PLR0913, PLR0917 - a claim, part by part
        self, lane: Lane, taken: Taken, fates: Fates, sent: Mapping[int, int], notes: Sequence[Note], now: int
    ) -> None:
        """Write down what became of a batch."""
        self._settling.settle(lane, taken, fates, sent, now)
        if notes:
            self._sendings.settle(notes, fates)

    def departures(self, storefront: StorefrontId) -> list[Departure]:
        """Tell what has left for a storefront."""
        return self._departures.read(self._numbered(storefront))

    def acknowledge(self, storefront: StorefrontId, decision: Decision, upto: int, now: int) -> int:
        """Note that somebody looked at what has left."""
        return self._departures.acknowledge([*self._numbered(storefront)], decision, upto, now)

    def note_breach(self, lane: Lane, places: Sequence[tuple[str, str]], contract: int, now: int) -> None:
        """Count what a contract kept from leaving."""
        self._departures.breach(self._lanes.states[lane].number, places, contract, now)

    def breaches(self, storefront: StorefrontId) -> list[Breach]:
        """Tell what contracts kept from leaving for a storefront."""
        return self._departures.breaches(self._numbered(storefront))

    def note_inputs(self, storefront: StorefrontId, inputs: Sequence[Input]) -> None:
        """Keep shapes of events that came in."""
        self._samples.inputs(self._names.storefront(storefront), inputs)

    def samples(self, storefront: StorefrontId) -> tuple[Sequence[Input], Sequence[tuple[Lane, Output]]]:
        """Give the shapes of the last events that came in and that left."""
        number = self._names.storefronts.get(storefront, 0)
        return self._samples.read_inputs(number), self._samples.read_outputs(self._numbered(storefront))

    def grounds(self, storefront: StorefrontId, since: int, until: int) -> list[Ground]:
        """Tell on which decisions events were taken or refused."""
        return self._grounds.read(self._names.storefronts.get(storefront, 0), since, until)

    def _numbered(self, storefront: StorefrontId) -> dict[int, Lane]:
        """Give a storefront's lanes by their numbers, those of earlier settings too."""
        return {state.number: lane for lane, state in self._lanes.states.items() if lane.storefront == storefront}

    def next_due(self, lane: Lane) -> float | None:
        """When the lane's earliest exception is due."""
        (due,) = one(
            self._connection,
            "select min(due) from exceptions where lane = ? and state = ?",
            (self._lanes.states[lane].number, Held.RETRY),
        )
        return None if due is None else float(due)

    def inquiries(self, lane: Lane, limit: int, now: float) -> Sequence[Inquiry]:
        """Give the lane's requests that it is time to ask after."""
        return self._asking.due(lane, limit, now)

    def next_inquiry(self, lane: Lane) -> float | None:
        """When the lane's next request is to be asked after."""
        return self._asking.next_due(lane)

    def ask_again(self, inquiry: Inquiry, outcomes: Outcomes, due: float) -> None:
        """Keep what was said of a request so far."""
        self._asking.again(inquiry, outcomes, due)

    def conclude(self, inquiry: Inquiry, outcomes: Outcomes, now: int) -> bool:
        """Add the last word on a request to the books."""
        return self._asking.conclude(inquiry, outcomes, now)

    def known_by(self, person: Person) -> frozenset[bytes]:
        """Give the hashes that a person is found by."""
        return self._subjects.of_person(person)

    def look(self, name: StorefrontId, before: Look) -> Look:
        """Look through the next groups for a person."""
        return self._seeking.look(self._names.storefronts.get(name, 0), before)

    def glance(self, name: StorefrontId, wanted: frozenset[bytes], after: int) -> Glance:
        """Look through the next rows of what was sent for a person."""
        return self._sendings.look(self._names.storefronts.get(name, 0), wanted, after)

    def held(self, name: StorefrontId, look: Look) -> tuple[tuple[Holding, ...], int | None]:
        """Give what is held of a person, and since when they have withdrawn."""
        number = self._names.storefronts.get(name, 0)
        since = self._subjects.withdrawn(number, b"".join(look.wanted))
        return self._seeking.held(number, look), max(since.values(), default=None)

    def withdraw(self, name: StorefrontId, order: Order, look: Look) -> Removed | Wider:
        """Remove what is held of a person, unless more has to be looked for."""
        done = self._withdrawing.withdraw(self._names.storefront(name), order, look)
        self._removed = self._removed or isinstance(done, Removed)
        return done

    def look_for_order(self, name: StorefrontId, order: EventId, now: int, before: Look) -> Look:
        """Look for the groups of an order's purchase; the hash that finds it is looked for from the first look on."""
        wanted = frozenset((self._subjects.of_order(name, order),))
        number, following = self._names.storefronts.get(name, 0), self._arriving.next_seq
        return self._seeking.look_for_order(number, order, before._replace(wanted=wanted), following, now)

    def refund(self, name: StorefrontId, refund: Refund, look: Look, now: int) -> Undone:
        """Remember a refund, and take out an order that is undone by it."""
        undone = self._withdrawing.refund(self._names.storefront(name), refund, look, now)
        self._removed = self._removed or bool(undone.gone)
        return undone

    def erase_sent(self, name: StorefrontId, wanted: frozenset[bytes], after: int) -> Erased:
        """Delete a person's lines from the next rows of what was sent, and the decisions on these events."""
        number = self._names.storefront(name)
        erased = self._sendings.erase(number, wanted, after)
        self._removed = self._removed or erased.sent > 0
        return erased._replace(traces=self._withdrawing.forget(number, erased.events))

    def dead_letters(self, lane: Lane, after: int, limit: int) -> tuple[DeadLetter, ...]:
        """Look at a lane's dead letters."""
        return self._reviving.look(lane, after, limit)

    def find_dead(self, lane: Lane, seqs: Sequence[int]) -> Found:
        """Find dead letters' copies, to be opened."""
        return self._reviving.find(lane, seqs)

    def revive(self, lane: Lane, letters: Sequence[tuple[DeadLetter, Record]], now: int) -> frozenset[int]:
        """Give dead letters back, and have their couriers woken."""
        revived = self._reviving.revive(lane, letters, now)
        if revived:
            self._arriving.arrived.add(lane.storefront)
        return revived

    def explain(self, storefront: StorefrontId, kind: Kind, event_id: EventId) -> Explanation | None:
        """Say what is known of an event."""
        return self._explaining.explain(storefront, kind, event_id)

    def explain_some(self, storefront: StorefrontId, kind: Kind, event_ids: Sequence[EventId]) -> list[Explanation | None]:
        """Say what is known of the first of these events: as many as a slice has time for."""
        return self._explaining.explain_some(storefront, kind, event_ids)

    def tally(self, storefront: StorefrontId) -> Tally:
        """Begin to count what waits at a storefront, for `book`."""
        return self._lanes.tally(self._names.storefronts.get(storefront, 0))

    def count_on(self, tally: Tally) -> bool:
        """Count the next piece of it; say whether there may be more."""
        return self._lanes.count_on(tally)

    def book(self, storefront: StorefrontId, tally: Tally | None = None) -> Book:
        """Give a storefront's accounts, what waits counted from the records themselves: what a tally has not, here."""
        number = self._names.storefronts.get(storefront, 0)
        if tally is None or not self._lanes.knows(tally):
            tally = self._lanes.tally(number)
        while self._lanes.count_on(tally):
            pass
        self._lanes.end(tally)
        waiting: dict[Destination, int] = {}
        for state in self._lanes.of(number):
            held = self._lanes.count_exceptions(state)
            waiting[state.lane.destination] = tally.waiting[state] + held.get(Held.RETRY, 0) + held.get(Held.PARKED, 0)
        return self._books.read(number, waiting, self._asking.pending(number))

    def undelivered(self, storefront: StorefrontId) -> list[Undelivered]:
        """Tell what a storefront has undelivered, by kind of event, from the books."""
        return self._books.undelivered(self._names.storefronts.get(storefront, 0))

    def history(self, name: StorefrontId, grain: Grain, first: int, last: int, only: tuple[type[Figure], ...] = ()) -> Piece:
        """Give a piece of a storefront's figures, from the first to before the second of two hours since 1970."""
        number = self._names.storefronts.get(name, 0)
        return self._figures.piece(number, self._options.zones.get(name), grain, first, last, only)

    # ── sweeping ─────────────────────────────────────────────────────────────────────────────────────────────────

    def sweep(self, now: int) -> tuple[Sequence[int], Counter[Swept]]:
        """Delete what is beyond its retention of all storefronts together."""
        return self._sweeping.sweep(now)

    def sweep_sightings(self, now: int) -> tuple[bool, Counter[Swept]]:
        """Delete the next sightings that no repeat can meet any more."""
        return self._sweeping.sweep_sightings(now, self._arriving.next_seq)

    def sweep_storefronts(self, after: int, now: int) -> tuple[int | None, Counter[Swept]]:
        """Delete what is beyond its retention of the next storefronts."""
        return self._sweeping.sweep_storefronts(after, now, self._arriving.next_seq)

    def make_room(self) -> int:
        """Forget some of the oldest lines of what was sent while these leave too little room; gives how many rows went."""
        return self._sendings.shed(SHED_AT_ONCE) if is_crowded(self._connection, self._options.max_bytes) else 0

    def sweep_slice(self, number: int) -> int:
        """Delete expired entries of one slice of the index; gives how many."""
        return self._seen.discard_slice(number)

    def refresh_slice(self, number: int) -> None:
        """Have the sieve forget what is no longer in such a slice."""
        self._sieve.refresh(self._connection, number)
