"""The outbox on SQLite: what the promise in `__init__.py` says, kept by one file and one thread.

This is the side in the event loop: it checks what callers ask, keeps count of claims under way and of who waits for
work, and hands everything else to the writer's thread. Nothing here touches the file.
"""

import asyncio
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple, Self

from gateway.model.event import Refund
from gateway.model.texts import EventId, StorefrontId
from gateway.model.words import Kind, Processing, Reason
from gateway.outbox.answers import Book, DeadLetter, Explanation, Undelivered, Waiting
from gateway.outbox.engine.claims import Found, Opener, Taken, Unread
from gateway.outbox.engine.people import People
from gateway.outbox.engine.putting import PuttingWriter
from gateway.outbox.engine.schema import OUTBOX
from gateway.outbox.engine.sendings import Note
from gateway.outbox.engine.settling import Fates
from gateway.outbox.engine.store import Changes, Options, Store
from gateway.outbox.engine.telling import Telling
from gateway.outbox.engine.withdrawing import Removed, Undone
from gateway.outbox.entries import Entry, Fate, Stored
from gateway.outbox.history import Figure, Grain, Stretch
from gateway.outbox.holdings import Holdings, Person, Refunded, Removal
from gateway.outbox.shapes import Breach, Decision, Departure, Ground, Input, Left, Output
from gateway.outbox.work import AllDone, Claim, Dead, Inquiry, Lane, Outcomes, Record, Settlement, Withdrawn
from gateway.storage import Shut, Swept
from gateway.storage.file import check_library, lock_directory, opening
from gateway.storage.keyring import Keyring

MOST_ENTRIES: Final = 5_000
"""Entries in one request: a bound on what one transaction must hold, not on what is sensible."""

MOST_SHEDDINGS: Final = 20
"""Times that a sweep sheds the oldest of what was sent, so that it ends; the next goes on."""

SMALLEST: Final = 1 << 20
"""Bytes below which a cap leaves no room for anything."""

_NOTHING: Final = Waiting(0, 0, 0, None)


class _Mark(NamedTuple):
    """What one `mark_sent` wrote down, as it is needed to take it back: marks, the note, and the records it was first for."""

    noted: Sequence[int] = ()
    note: Note | None = None
    new: Sequence[int] = ()


class _UnderWay:
    """A claim that was given out: its records, and which of them were said to be leaving; `last` is what was said last."""

    __slots__ = ("claim", "ending", "last", "noted", "notes", "sent", "taken")

    def __init__(self, claim: Claim, taken: Taken) -> None:
        self.claim = claim
        self.taken = taken
        self.ending = False
        self.sent: dict[int, int] = {}
        self.noted: list[int] = []
        self.notes: list[Note] = []
        self.last = _Mark()

    def add(self, mark: _Mark, now: int) -> None:
        """Take in what was written down."""
        self.noted += mark.noted
        self.notes += () if mark.note is None else (mark.note,)
        self.sent.update(dict.fromkeys(mark.new, now))
        self.last = mark

    def take_back(self, mark: _Mark) -> None:
        """Forget what was taken back."""
        self.noted = [number for number in self.noted if number not in mark.noted]
        self.notes = [note for note in self.notes if note is not mark.note]
        for seq in mark.new:
            del self.sent[seq]
        self.last = _Mark()


class SqliteOutbox:
    """The embedded engine. Made by `open`; for one event loop. Implements `gateway.outbox.Outbox`."""

    def __init__(self, lock: int) -> None:
        """Hold the directory's lock; `open` does the rest."""
        self._lock = lock
        self._writer = PuttingWriter("outbox", self._told)
        self._people = People(self._writer, self._removed)
        self._telling = Telling(self._writer)
        self._opener = Opener()
        self._removals = 0
        self._lanes: Collection[Lane] = ()
        self._claims: dict[Lane, _UnderWay | None] = {}
        self._withdrawn: dict[Lane, dict[int, Reason]] = {}
        """What was taken out of a lane since its claim was begun, and why."""
        self._figures: dict[Lane, Waiting] = {}
        self._paused: dict[Lane, int | None] = {}
        self._unacknowledged: dict[Lane, int] = {}
        self._closed: dict[StorefrontId, int] = {}
        self._differing: defaultdict[StorefrontId, int] = defaultdict(int)
        self._arrivals: defaultdict[StorefrontId, int] = defaultdict(int)
        self._waiters: defaultdict[StorefrontId, set[asyncio.Future[None]]] = defaultdict(set)

    @classmethod
    async def open(cls, directory: Path, keyring: Keyring, lanes: Collection[Lane], options: Options) -> Self:
        """Open the store in `directory`, made with mode 0700 if need be, for these lanes.

        A lane that is new begins with the next event. The backlog of one that is no longer declared is parked, and
        comes back with it, or dies after a week. Raises CannotOpen (old SQLite, directory in use or unusable, damaged or
        foreign file) or BadKeyFile.
        """
        check_library()
        if options.max_bytes < SMALLEST:
            raise ValueError("outbox: the cap must be at least 1 MiB")
        with opening(OUTBOX.called):
            outbox = cls(lock_directory(directory))
            outbox._lanes = dict.fromkeys(lanes)  # in their order, and each is asked for with every claim
            try:
                await outbox._writer.start(lambda: Store(directory, keyring, outbox._lanes, options))
            except BaseException:
                await outbox.close()
                raise
        return outbox

    @property
    def failed(self) -> asyncio.Event:
        """Set once the disk has failed: the process must end with a failure."""
        return self._writer.failed

    def _told(self, changes: Changes) -> None:
        self._figures.update(changes.figures)
        self._paused.update(changes.paused)
        self._unacknowledged.update(changes.unacknowledged)
        self._closed.update(changes.closed)
        for storefront, count in changes.differing.items():
            self._differing[storefront] += count
        for storefront in changes.arrived:
            self._arrivals[storefront] += 1
            self._wake(storefront)

    def _wake(self, storefront: StorefrontId) -> None:
        for waiter in self._waiters.pop(storefront, ()):
            if not waiter.done():
                waiter.set_result(None)

    # ── putting ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def put(self, entries: Sequence[Entry]) -> Sequence[Fate]:
        """Store one request's entries, all or none; return after the flush, one fate per entry in order.

        Raises ValueError when an event goes to a destination without a lane, or there are more than 5,000 entries.
        """
        (outcome,) = await self.put_each((entries,))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def put_each(self, requests: Sequence[Sequence[Entry]]) -> Sequence[Stored]:
        """Store the entries of requests that came together, each request's all or none; return after the flush.

        Each has its statuses, or the ValueError of `put`. Raises Unavailable for all of them.
        """
        if any(len(entries) > MOST_ENTRIES for entries in requests):
            raise ValueError("outbox: too many entries in one request")
        return await self._writer.put(requests)

    @property
    def shut(self) -> Shut | None:
        """Why `put` would be refused now, else None."""
        return self._writer.shut

    @property
    def used(self) -> float:
        """The share of its cap that is in use, as of a moment ago."""
        return self._writer.used

    def arrivals(self, lane: Lane) -> int:
        """Give a number that grows whenever something was put for the lane's storefront."""
        return self._arrivals[lane.storefront]

    async def wait_for_work(self, lane: Lane, seen: int, until: float) -> None:
        """Return when `arrivals` is beyond `seen`, or when the event loop's clock reaches `until`."""
        loop = asyncio.get_running_loop()
        if self._arrivals[lane.storefront] > seen or loop.time() >= until:
            return
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiters[lane.storefront].add(waiter)
        timer = loop.call_at(until, _let_go, waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiters[lane.storefront].discard(waiter)

    # ── claiming ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def set_aside(self, lane: Lane, before: int) -> None:
        """Turn what follows the lane's cursor and was accepted before `before` into backlog, as a whole and roughly.

        Raises RuntimeError when the lane has a claim under way or was not declared.
        """
        self._begin_claim(lane)
        try:
            # The lane is free once the change is made: a caller that gives up must not claim what is about to be moved.
            await self._writer.change(lambda store: store.set_aside(lane, before), partial(self._free, lane))
        except Exception:
            self._free(lane)
            raise

    async def claim(self, lane: Lane, limit: int, now: int, *, fresh_first: bool = False) -> Claim | None:
        """Take up to `limit` records, all of one origin; None if there is nothing.

        The oldest first, or what is fresh; nothing while the lane is paused. Raises RuntimeError when the lane has a claim
        under way or was not declared.
        """
        self._begin_claim(lane)
        under_way, removals = None, self._removals
        try:
            found = await self._writer.ask(lambda store: store.find(lane, limit, now, fresh_first=fresh_first))
            if found is not None:
                under_way = await self._open(lane, found)
        finally:
            if under_way is None:
                self._free(lane)
            if self._removals != removals:
                self._opener.forget()  # it may have opened what was found before the removal
        if under_way is None:
            return None
        if self.paused(lane) is not None:  # while it was being made
            self._free(lane)
            return None
        self._claims[lane] = under_way
        return under_way.claim

    def _assert_declared(self, lane: Lane) -> None:
        if lane not in self._lanes:
            raise RuntimeError("outbox: the lane was not declared")

    def _begin_claim(self, lane: Lane) -> None:
        """Keep the lane from being claimed twice."""
        self._assert_declared(lane)
        if lane in self._claims:
            raise RuntimeError("outbox: the lane has a claim under way")
        self._claims[lane] = None
        self._withdrawn[lane] = {}

    def _free(self, lane: Lane, _done: None = None) -> None:
        del self._claims[lane], self._withdrawn[lane]

    async def _open(self, lane: Lane, found: Found) -> _UnderWay:
        taken = await self._opener.open(found)
        unreadable = tuple(unread.seq for unread in taken.unread)
        return _UnderWay(Claim(lane, taken.records, taken.origin, taken.upto, taken.summary, unreadable), taken)

    def _under_way(self, claim: Claim) -> _UnderWay:
        under_way = self._claims.get(claim.lane)
        if under_way is None or under_way.claim is not claim or under_way.ending:
            raise ValueError("outbox: the claim is not under way")
        return under_way

    async def mark_sent(self, claim: Claim, seqs: Sequence[int], now: int, left: Sequence[Left] = ()) -> None:
        """Note durably that these records of the claim are about to leave, and in which shapes.

        Raises ValueError when one of them is not a record of the claim.
        """
        under_way = self._under_way(claim)
        its_own = [record.seq for record in claim.records]
        if (its_own != seqs or left) and not set(its_own).issuperset(chain(seqs, *(part.seqs for part in left))):
            raise ValueError("outbox: a record that is not of the claim")
        new = [seq for seq in seqs if seq not in under_way.sent] if under_way.sent else seqs

        def note(done: tuple[Sequence[int], Note | None]) -> None:
            under_way.add(_Mark(*done, new), now)

        under_way.last = _Mark()
        if new or left:
            await self._writer.change(lambda store: store.mark(claim.lane, under_way.taken, new, now, left), note)

    async def call_off(self, claim: Claim) -> None:
        """Take back what the claim's last `mark_sent` said, for nothing of it left; not its shapes. Once for each."""
        under_way = self._under_way(claim)
        mark = under_way.last
        notes = () if mark.note is None else (mark.note,)
        if mark.noted or notes:
            await self._writer.change(
                lambda store: store.unmark(claim.lane, under_way.taken, mark.noted, notes), lambda _: under_way.take_back(mark)
            )

    async def settle(self, claim: Claim, settlements: Sequence[Settlement] | AllDone, now: int) -> None:
        """Record the fate of every record of the claim, exactly one settlement each or one for all, and end the claim.

        Raises ValueError when a record is missing, repeated or foreign, or an unreadable one is neither dead nor withdrawn.
        """
        under_way = self._under_way(claim)
        fates = _fates(under_way.taken, settlements)
        lane, taken, sent, notes = claim.lane, under_way.taken, under_way.sent, tuple(under_way.notes)
        await self._finish(under_way, lambda store: store.settle(lane, taken, fates, sent, notes, now))

    async def release(self, claim: Claim, *, maybe: bool) -> None:
        """End the claim with nothing settled. `maybe` False takes back what this claim's `mark_sent` said."""
        under_way = self._under_way(claim)
        noted, notes = tuple(under_way.noted), tuple(under_way.notes)
        if maybe or not (noted or notes):
            self._end(claim)
            return
        await self._finish(under_way, lambda store: store.unmark(claim.lane, under_way.taken, noted, notes))

    async def _finish(self, under_way: _UnderWay, run: Callable[[Store], None]) -> None:
        """End a claim by a change of the store; if that fails, the claim stays under way."""
        under_way.ending = True
        try:
            await self._writer.change(run, lambda _: self._end(under_way.claim))
        except Exception:
            under_way.ending = False
            raise

    def _end(self, claim: Claim) -> None:
        self._free(claim.lane)

    # ── pausing ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def pause(self, lane: Lane, now: int) -> bool:
        """Stop a lane, durably; False when it was paused already. Raises RuntimeError when the lane was not declared."""
        self._assert_declared(lane)
        return await self._writer.change(lambda store: store.pause(lane, now))

    async def resume(self, lane: Lane) -> bool:
        """Let a lane go on; False when it was not paused. Raises RuntimeError when the lane was not declared."""
        self._assert_declared(lane)
        return await self._writer.change(lambda store: store.resume(lane))

    def paused(self, lane: Lane) -> int | None:
        """Since when the lane is paused, None if it is not: known before whoever paused it is answered."""
        return self._paused.get(lane)

    # ── when, and afterwards ─────────────────────────────────────────────────────────────────────────────────────

    async def next_due(self, lane: Lane) -> float | None:
        """When the lane's earliest exception is due, else None."""
        if not self.waiting(lane).retrying:
            return None
        return await self._writer.ask(lambda store: store.next_due(lane))

    # ── what became of it afterwards ─────────────────────────────────────────────────────────────────────────────

    async def inquiries(self, lane: Lane, limit: int, now: float) -> Sequence[Inquiry]:
        """Give up to `limit` requests of the lane that it is time to ask after, those that are due longest first."""
        return await self._writer.ask(lambda store: store.inquiries(lane, limit, now))

    async def next_inquiry(self, lane: Lane) -> float | None:
        """When the lane's next request is to be asked after (Unix seconds), else None."""
        return await self._writer.ask(lambda store: store.next_inquiry(lane))

    async def ask_again(self, inquiry: Inquiry, outcomes: Outcomes, due: float) -> None:
        """Keep what was said so far, and ask again at `due`. Changes nothing once the inquiry was concluded."""
        await self._writer.change(lambda store: store.ask_again(inquiry, outcomes, due))

    async def conclude(self, inquiry: Inquiry, outcomes: Outcomes, now: int) -> bool:
        """Add the last word on a request to the books, events without one as untold; say whether that was still to be done.

        Raises ValueError when the outcomes are of more events than the request had.
        """
        untold = inquiry.events - sum(count for _, _, count in outcomes)
        if untold < 0:
            raise ValueError("outbox: outcomes of more events than the request had")
        whole = (*outcomes, (Processing.UNTOLD, None, untold)) if untold else outcomes
        return await self._writer.change(lambda store: store.conclude(inquiry, whole, now))

    # ── people ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def withdraw(
        self, storefront: StorefrontId, person: Person, now: int, *, widen: bool = True, since: int | None = None
    ) -> Removal:
        """Remove everything that waits or is dead for a person, in all lanes, and refuse what comes later."""
        return await self._people.withdraw(storefront, person, now, widen=widen, since=since)

    async def holdings(self, storefront: StorefrontId, person: Person) -> Holdings:
        """Give all that is held of a person, and what was sent of them to whom, the earliest first."""
        return await self._people.holdings(storefront, person)

    async def erase(self, storefront: StorefrontId, person: Person, now: int) -> Removal:
        """Withdraw, and also delete what is remembered of the person's events: what was sent, and the traces of why."""
        return await self._people.erase(storefront, person, now)

    async def refund(self, storefront: StorefrontId, refund: Refund, now: int) -> Refunded:
        """Remember that money went back for an order, and take the order out if that is all that it was worth."""
        return await self._people.refund(storefront, refund, now)

    def withdrawn(self, claim: Claim) -> Mapping[int, Reason]:
        """The claim's records that were taken out, and why, as of this moment. Raises ValueError for a claim that has ended."""
        under_way = self._claims.get(claim.lane)
        if under_way is None or under_way.claim is not claim:
            raise ValueError("outbox: the claim is not under way")
        gone = self._withdrawn[claim.lane]
        return gone and {record.seq: gone[record.seq] for record in claim.records if record.seq in gone}

    def _removed(self, removed: Removed | Undone) -> None:
        """Tell the claims under way, and keep nothing of what was removed."""
        self._removals += 1
        self._opener.forget()
        for lane in removed.gone.keys() & self._withdrawn.keys():
            self._withdrawn[lane] |= removed.gone[lane]

    # ── dead letters ─────────────────────────────────────────────────────────────────────────────────────────────

    async def dead_letters(self, lane: Lane, after: int, limit: int) -> Sequence[DeadLetter]:
        """Up to `limit` of the lane's dead letters beyond number `after`, in order."""
        return await self._writer.ask(lambda store: store.dead_letters(lane, after, limit))

    async def open_letters(self, lane: Lane, letters: Sequence[DeadLetter]) -> Sequence[Record]:
        """Break the seals of the lane's dead letters, in the order of their numbers; what does not open is left out."""
        seqs = sorted(letter.seq for letter in letters)
        if not seqs:
            return ()
        taken = await self._opener.open(await self._writer.ask(lambda store: store.find_dead(lane, seqs)))
        return taken.records

    async def revive(self, lane: Lane, letters: Sequence[tuple[DeadLetter, Record]], now: int) -> frozenset[int]:
        """Give dead letters back to the lane's courier, due at once, all in one transaction; gives the numbers of those.

        Raises RuntimeError when the lane was not declared.
        """
        self._assert_declared(lane)
        if not letters:
            return frozenset()
        return await self._writer.change(lambda store: store.revive(lane, letters, now))

    # ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def explain(self, storefront: StorefrontId, kind: Kind, event_id: EventId) -> Explanation | None:
        """What is known of an event, None if nothing."""
        return await self._writer.ask(lambda store: store.explain(storefront, kind, event_id))

    async def explain_many(
        self, storefront: StorefrontId, kind: Kind, event_ids: Sequence[EventId]
    ) -> Sequence[Explanation | None]:
        """What is known of each of these events, in their order; a slice at a time, with a rest as long between."""
        return await self._telling.explain_many(storefront, kind, event_ids)

    async def book(self, storefront: StorefrontId) -> Book:
        """The storefront's accounts as of one moment; what waits is counted a piece at a time."""
        return await self._telling.book(storefront)

    async def undelivered(self, storefront: StorefrontId) -> Sequence[Undelivered]:
        """What of which kind is still to be delivered, and what it is worth."""
        return await self._writer.ask(lambda store: store.undelivered(storefront))

    async def history(
        self, storefront: StorefrontId, grain: Grain, since: int, until: int, only: tuple[type[Figure], ...] = ()
    ) -> Sequence[Stretch]:
        """What was booked for the storefront in stretches that begin from `since` to before `until`, a piece at a time."""
        return await self._telling.history(storefront, grain, since, until, only)

    def closed(self, storefront: StorefrontId) -> int:
        """Before when the storefront's figures change no more, but by retention (Unix seconds)."""
        return self._closed.get(storefront, 0)

    async def departures(self, storefront: StorefrontId) -> Sequence[Departure]:
        """All that has ever left for the storefront, in the order in which it was first met in each lane."""
        return await self._writer.ask(lambda store: store.departures(storefront))

    async def acknowledge(self, storefront: StorefrontId, decision: Decision, upto: int, now: int) -> int:
        """Note that somebody looked at the storefront's departures up to a number; gives how many were new to them."""
        return await self._writer.change(lambda store: store.acknowledge(storefront, decision, upto, now))

    async def note_breach(self, lane: Lane, places: Sequence[tuple[str, str]], contract: int, now: int) -> None:
        """Note what a contract of this version kept from leaving: key paths, and what stood there."""
        await self._writer.change(lambda store: store.note_breach(lane, places, contract, now))

    async def breaches(self, storefront: StorefrontId) -> Sequence[Breach]:
        """All that contracts ever kept from leaving for the storefront."""
        return await self._writer.ask(lambda store: store.breaches(storefront))

    async def note_inputs(self, storefront: StorefrontId, inputs: Sequence[Input]) -> None:
        """Keep the shapes of events that came in, in place of those of their kinds that were kept before."""
        await self._writer.change(lambda store: store.note_inputs(storefront, inputs))

    async def samples(self, storefront: StorefrontId) -> tuple[Sequence[Input], Sequence[tuple[Lane, Output]]]:
        """The last event of each kind that came in, and the last of each kind that left in each lane, by their shapes."""
        return await self._writer.ask(lambda store: store.samples(storefront))

    async def grounds(self, storefront: StorefrontId, since: int, until: int) -> Sequence[Ground]:
        """On which decisions the storefront's events were taken or refused, by day from `since` to before `until`."""
        return await self._writer.ask(lambda store: store.grounds(storefront, since, until))

    def unacknowledged(self, lane: Lane) -> int:
        """How many of the lane's departures nobody has acknowledged."""
        return self._unacknowledged.get(lane, 0)

    def waiting(self, lane: Lane) -> Waiting:
        """The lane's backlog: what follows its cursor, exceptions to be tried again (parked ones too), dead letters."""
        return self._figures.get(lane, _NOTHING)

    def differing_repeats(self, storefront: StorefrontId) -> int:
        """Count the repeats with other content than the first, since the store was opened."""
        return self._differing.get(storefront, 0)

    # ── keeping and closing ──────────────────────────────────────────────────────────────────────────────────────

    async def sweep(self, now: int) -> Mapping[Swept, int]:
        """Delete what is beyond its retention, a bounded piece at a time; gives how many rows of what went.

        What has been parked for a week dies.
        """
        gone: Counter[Swept] = Counter()
        more = True
        while more:
            more, went = await self._writer.change(partial(Store.sweep_sightings, now=now))
            gone.update(went)
        slices, went = await self._writer.change(lambda store: store.sweep(now))
        gone.update(went)
        last: int | None = 0
        while last is not None:
            last, went = await self._writer.change(partial(Store.sweep_storefronts, after=last, now=now))
            gone.update(went)
        for number in slices:
            gone[Swept.EVENT_IDS] += await self._writer.change(partial(_sweep_slice, number))
            await self._writer.ask(partial(_refresh_slice, number))
        for _ in range(MOST_SHEDDINGS):
            shed = await self._writer.change(Store.make_room)
            gone[Swept.SENT_EARLY] += shed
            if not shed:
                break
        return +gone

    async def close(self) -> None:
        """Finish what is waiting, checkpoint and close. May be called again."""
        await self._writer.close()
        for storefront in list(self._waiters):
            self._wake(storefront)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _sweep_slice(number: int, store: Store) -> int:
    return store.sweep_slice(number)


def _refresh_slice(number: int, store: Store) -> None:
    store.refresh_slice(number)


def _let_go(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _fates(taken: Taken, settlements: Sequence[Settlement] | AllDone) -> Fates:
    """Put each record and its settlement together, in the order of their numbers. Raises ValueError if they do not match."""
    if isinstance(settlements, AllDone):
        if taken.unread:
            raise ValueError("outbox: an unreadable record can only be dead or withdrawn")
        return settlements
    items: Sequence[Record | Unread] = taken.records
    if taken.unread:
        items = sorted((*taken.records, *taken.unread), key=lambda item: item.seq)
    seqs = [item.seq for item in items]
    if [settlement.seq for settlement in settlements] != seqs:
        settlements = sorted(settlements, key=lambda settlement: settlement.seq)
        if [settlement.seq for settlement in settlements] != seqs:
            raise ValueError("outbox: a record is missing, repeated or foreign")
    pairs = list(zip(items, settlements, strict=True))
    if taken.unread and any(type(item) is Unread and not isinstance(what, Dead | Withdrawn) for item, what in pairs):
        raise ValueError("outbox: an unreadable record can only be dead or withdrawn")
    return pairs
