"""Settling: what the answers meant is written down, and the lane moves on.

A batch that went well costs a cursor, one line saying when and how its range was delivered, and its sums in the books.
Everything else becomes an exception with a sealed copy of its own, or an exception's new state.
"""

from array import array
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Final

import apsw

from gateway.model.texts import PlatformCode, Receipt
from gateway.model.words import Kind, Reason
from gateway.outbox.engine.asking import Asking
from gateway.outbox.engine.books import DEAD, DELIVERED, WITHDRAWN
from gateway.outbox.engine.claims import Taken, Unread
from gateway.outbox.engine.codec import Codec, single_place, write_row
from gateway.outbox.engine.lanes import Held, LaneState, Mark
from gateway.outbox.engine.memory import Memory
from gateway.outbox.history import FRESH, freshness
from gateway.outbox.work import AllDone, Dead, Done, Lane, Later, Origin, Record, Settlement, Withdrawn
from gateway.storage.file import Row, every
from gateway.storage.vault import DAY_SECONDS, nonce

TOLD_SECONDS: Final = 9 * DAY_SECONDS
"""How long a withdrawn record's slim row is kept: as long as its event id is remembered, and a day."""

INSERT_EXCEPTION: Final = "insert into exceptions values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

_Content = tuple[int | None, bytes | None, bytes | None]
"""Number of the key, sealed copy and hashed subjects of an exception; nothing once it is withdrawn or if it never opened."""

Pair = tuple[Record | Unread, Settlement]

Fates = Sequence[Pair] | AllDone
"""What became of each record of a batch, in the order of their numbers, or of all."""

_Answer = tuple[Reason, PlatformCode | None, Receipt | None]
_Line = tuple[int, int, int, _Answer]
"""First and last number of a run of delivered records, how many are in it, and the answer that was given of them."""


class Settling:
    """Marks and settles. Belongs to the store's thread."""

    def __init__(self, memory: Memory, asking: Asking, dead_seconds: int) -> None:
        """Work on what the store's thread keeps; a dead letter is kept for `dead_seconds`."""
        self._asking = asking
        self._dead_seconds = dead_seconds
        self._connection = memory.connection
        self._names = memory.names
        self._vault = memory.vault
        self._lanes = memory.lanes
        self._latest = memory.latest
        self._subjects = memory.subjects
        self._books = memory.books
        self._codec = Codec()

    # ── about to leave ───────────────────────────────────────────────────────────────────────────────────────────

    def mark(self, lane: Lane, taken: Taken, seqs: Sequence[int], now: int) -> tuple[int, ...]:
        """Note that these records are about to leave; gives what `unmark` needs to take it back.

        A record that the platform may have had before keeps its earlier time.
        """
        state = self._lanes.states[lane]
        if taken.origin is not Origin.AGAIN:
            marked = [0 if r.maybe_since is not None else r.seq for r in taken.records]
            if marked != seqs:  # not all of them, as when a batch is cut
                wanted = set(seqs)
                marked = [seq if seq in wanted else 0 for seq in marked]
            return self._mark_ranges(state, marked, now)
        wanted = set(seqs)
        new = tuple(r.seq for r in taken.records if r.seq in wanted and r.maybe_since is None)
        self._mark_exceptions(state, new, now)
        return new

    def _mark_ranges(self, state: LaneState, seqs: Sequence[int], now: int) -> tuple[int, ...]:
        numbers = []
        for first, last in _ranges(seqs):
            self._connection.execute(
                "insert into marks(lane, first, last, since) values (?, ?, ?, ?)", (state.number, first, last, now)
            )
            number = self._connection.last_insert_rowid()
            state.marks.append(Mark(number, first, last, now))
            numbers.append(number)
        return tuple(numbers)

    def _mark_exceptions(self, state: LaneState, seqs: Sequence[int], since: int | None) -> None:
        self._connection.executemany(
            "update exceptions set maybe_since = ? where lane = ? and state = ? and seq = ?",
            [(since, state.number, Held.RETRY, seq) for seq in seqs],
        )

    def unmark(self, lane: Lane, taken: Taken, noted: Sequence[int]) -> None:
        """Take back what `mark` noted."""
        state = self._lanes.states[lane]
        if taken.origin is Origin.AGAIN:
            self._mark_exceptions(state, noted, None)
            return
        self._connection.executemany("delete from marks where id = ?", [(number,) for number in noted])
        state.marks = [mark for mark in state.marks if mark.number not in noted]

    # ── what became of it ────────────────────────────────────────────────────────────────────────────────────────

    def settle(self, lane: Lane, taken: Taken, fates: Fates, sent: Mapping[int, int], now: int) -> None:
        """Write down what became of every record of a batch.

        `sent` tells for each record that was about to leave when that was.
        """
        state = self._lanes.states[lane]
        self._books.at(now)
        if not isinstance(fates, AllDone):
            self._settle_each(state, taken, fates, sent, now)
        elif taken.origin is Origin.AGAIN or state.robbed:
            pairs = list(zip(taken.records, fates.each(taken.records), strict=True))
            self._settle_each(state, taken, pairs, sent, now)
        else:
            self._settle_all(state, taken, fates, now)
        self._lanes.refresh_retry(state)
        self._lanes.touched.add(state)

    def _settle_all(self, state: LaneState, taken: Taken, done: AllDone, now: int) -> None:
        """Write down that a stretch of the sequence was delivered: as nearly all are, so it costs nothing for each event."""
        records, summary, reason = taken.records, taken.summary, done.reason
        counts = {(kind, DELIVERED, reason): count for kind, count in summary.kinds.items()}
        values = {(kind, currency, DELIVERED, reason): minor for (kind, currency), minor in summary.worth.items()}
        answer = (reason, done.code, done.receipt)
        lines = [(records[0].seq, records[-1].seq, len(records), answer)] if records else []
        self._book(state, counts, values, [*summary.occurred], lines, now)
        move = self._lanes.move if taken.origin is Origin.FRESH else self._lanes.move_backlog
        move(state, taken.upto, len(records))

    def _settle_each(self, state: LaneState, taken: Taken, pairs: Sequence[Pair], sent: Mapping[int, int], now: int) -> None:
        """Write down what became of records, each by its own settlement."""
        gone = self.withdrawn(state, [item.seq for item, _ in pairs])
        others = self._account(state, taken, self._after_all(state, pairs, gone), now)
        pairs = [pair for pair in pairs if pair[0].seq not in gone] if gone else pairs
        match taken.origin:
            case Origin.FRESH:
                self._except(state, others, sent, now)
                self._lanes.move(state, taken.upto, len(pairs))
            case Origin.BACKLOG:
                self._except(state, others, sent, now)
                self._lanes.move_backlog(state, taken.upto, len(pairs))
            case Origin.AGAIN:
                self._resolve(state, others, sent, now)
                self._connection.executemany(
                    "delete from exceptions where lane = ? and state = ? and seq = ?",
                    [(state.number, Held.RETRY, item.seq) for item, settlement in pairs if type(settlement) is Done],
                )
                ended = [item for item, settlement in pairs if type(settlement) is not Later]
                self._retry(state, ended, -1)
                state.retrying -= len(ended)
        state.dead += sum(type(settlement) is Dead for _, settlement in others)

    def withdrawn(self, state: LaneState, seqs: Sequence[int]) -> Mapping[int, Reason]:
        """Give the numbers of those that were taken out while they were under way, and why: they are settled already."""
        if not state.robbed or not seqs:
            return {}
        rows = every(
            self._connection,
            "select seq, reason from exceptions where lane = ? and state = ? and seq in carray(?)",
            (state.number, Held.WITHDRAWN, apsw.carray(array("q", seqs))),
        )
        return {seq: Reason(reason) for seq, reason in rows}

    def _after_all(self, state: LaneState, pairs: Sequence[Pair], gone: Mapping[int, Reason]) -> Sequence[Pair]:
        """Leave out what was taken out meanwhile, but for what the platform says that it has: the books say so then."""
        if not gone:
            return pairs
        for item, settlement in pairs:
            if item.seq in gone and isinstance(settlement, Done) and isinstance(item, Record):
                kind, money = item.event.kind, item.event.money
                self._books.end(-1, state.storefront, state.lane.destination, kind, money, WITHDRAWN, gone[item.seq])
                self._connection.execute(
                    "delete from exceptions where lane = ? and state = ? and seq = ?", (state.number, Held.WITHDRAWN, item.seq)
                )
        return [pair for pair in pairs if pair[0].seq not in gone or isinstance(pair[1], Done)]

    def _account(self, state: LaneState, taken: Taken, pairs: Sequence[Pair], now: int) -> list[Pair]:
        """Add to the books, note the delivered ranges, and give back the pairs that were not delivered."""
        counts: defaultdict[tuple[Kind, str, Reason], int] = defaultdict(int)
        values: defaultdict[tuple[Kind, str, str, Reason], int] = defaultdict(int)
        confirmed: list[int] = []
        told = _Told(together=taken.origin is not Origin.AGAIN)
        others: list[Pair] = []
        for pair in pairs:
            item, settlement = pair
            if type(settlement) is Done:
                outcome = DELIVERED
                told.add(settlement)
            else:
                others.append(pair)
                if type(settlement) is Later:
                    continue
                outcome = DEAD if type(settlement) is Dead else WITHDRAWN
            if isinstance(item, Record):
                event = item.event
                counts[event.kind, outcome, settlement.reason] += 1
                if (money := event.money) is not None:
                    values[event.kind, money.currency, outcome, settlement.reason] += money.minor
                if outcome is DELIVERED:
                    confirmed.append(event.occurred_at)
            else:
                counts[item.sort.kind, outcome, settlement.reason] += 1
        self._book(state, counts, values, confirmed, told.lines(), now)
        return others

    def _book(  # noqa: PLR0913, PLR0917 - what a batch came to, part by part
        self,
        state: LaneState,
        counts: Mapping[tuple[Kind, str, Reason], int],
        values: Mapping[tuple[Kind, str, str, Reason], int],
        confirmed: list[int],
        lines: Sequence[_Line],
        now: int,
    ) -> None:
        """Add to the books, and note the delivered ranges and when (`confirmed`) what was delivered had happened."""
        destination, storefront = state.lane.destination, state.storefront
        for (kind, outcome, reason), count in counts.items():
            self._books.settle(count, storefront, destination, kind, outcome, reason)
        for (kind, currency, outcome, reason), minor in values.items():
            self._books.worth(minor, storefront, destination, kind, currency, outcome, reason)
        for bound, count in freshness(confirmed, now):
            self._books.note(count, storefront, FRESH, destination, bound or "")
        self._connection.executemany(
            "insert or replace into deliveries values (?, ?, ?, ?, ?, ?, ?)",
            [(state.number, last, first, now, *answer) for first, last, _, answer in lines],
        )
        self._ask_after(state, lines, now)

    def _ask_after(self, state: LaneState, lines: Sequence[_Line], now: int) -> None:
        """Note the requests that were taken for processing, with the number of their events."""
        receipts: defaultdict[Receipt, int] = defaultdict(int)
        for _, _, count, (reason, _, receipt) in lines:
            if reason is Reason.ACCEPTED_FOR_PROCESSING and receipt is not None:
                receipts[receipt] += count
        if receipts:
            self._asking.begin(state, receipts, now)

    def _except(self, state: LaneState, pairs: Sequence[Pair], sent: Mapping[int, int], now: int) -> None:
        """Give records that were not delivered rows of their own."""
        rows = [self._new_row(state, item, settlement, sent, now) for item, settlement in pairs]
        self._connection.executemany(INSERT_EXCEPTION, rows)
        self._latest.add(state.number, [item.seq for item, _ in pairs])
        later = [item for item, settlement in pairs if type(settlement) is Later]
        self._retry(state, later, 1)
        state.retrying += len(later)

    def _retry(self, state: LaneState, items: Sequence[Record | Unread], count: int) -> None:
        """Add records with their money to what is to be tried again, or take them off: `count` is 1 or -1."""
        for item in items:
            kind, money = (item.event.kind, item.event.money) if isinstance(item, Record) else (item.sort.kind, None)
            self._books.retry(count, state.storefront, state.lane.destination, kind, money)

    def _new_row(
        self, state: LaneState, item: Record | Unread, settlement: Settlement, sent: Mapping[int, int], now: int
    ) -> Row:
        held, due, tries, maybe_since = _fate(item, settlement, sent, now, self._dead_seconds)
        content: _Content = (None, None, None)
        if isinstance(item, Record) and held is not Held.WITHDRAWN:
            content = self._seal_single(state, item, now)
        sort = self._sort(item)
        return (
            *(
                state.number,
                held,
                item.seq,
                due,
                tries,
                maybe_since,
                settlement.reason,
                _code(settlement),
                now,
                item.accepted_at,
                sort,
            ),
            *content,
        )

    def _sort(self, item: Record | Unread) -> int:
        if isinstance(item, Unread):
            return self._names.sort(*item.sort)
        return self._names.sort(item.event.kind, item.event.destinations)

    def _seal_single(self, state: LaneState, record: Record, now: int) -> tuple[int, bytes, bytes]:
        """Seal an exception's own copy: number of its key, blob, and hashes of its subjects."""
        row = write_row(record.event)
        name = state.lane.storefront
        number, cipher = self._vault.sealing(state.storefront, now)
        place = single_place(name, state.lane.destination, record.seq)
        blob = self._codec.seal(cipher, nonce(), place, [row], [record.accepted_at])
        return number, blob, self._subjects.of(name, record.event, row.digests)

    def park(self, state: LaneState, taken: Taken) -> None:
        """Give records of a lane that was taken away rows of their own, to be sent should the lane come back."""
        rows = []
        items: tuple[Record | Unread, ...] = (*taken.records, *taken.unread)
        for item in items:
            content: _Content = (None, None, None)
            if isinstance(item, Record):
                content = self._seal_single(state, item, item.accepted_at)
            fate = (state.number, Held.PARKED, item.seq, 0.0, item.tries, item.maybe_since)
            rows.append(
                (*fate, Reason.DESTINATION_REMOVED, None, item.accepted_at, item.accepted_at, self._sort(item), *content)
            )
        self._connection.executemany(INSERT_EXCEPTION, rows)
        self._latest.add(state.number, [item.seq for item in items])
        self._retry(state, items, 1)
        state.retrying += len(rows)

    def park_retries(self, state: LaneState) -> None:
        """Park the exceptions of a lane that was taken away."""
        self._connection.execute(
            "update exceptions set state = ?, reason = ? where lane = ? and state = ?",
            (Held.PARKED, Reason.DESTINATION_REMOVED, state.number, Held.RETRY),
        )

    def _resolve(self, state: LaneState, pairs: Sequence[Pair], sent: Mapping[int, int], now: int) -> None:
        """Give exceptions that were not delivered their new state; a withdrawn one loses its content."""
        for item, settlement in pairs:
            held, due, tries, maybe_since = _fate(item, settlement, sent, now, self._dead_seconds)
            self._connection.execute(
                "update exceptions set state = ?, due = ?, tries = ?, maybe_since = ?, reason = ?, code = ?, at = ?"
                " where lane = ? and state = ? and seq = ?",
                (held, due, tries, maybe_since, settlement.reason, _code(settlement), now, state.number, Held.RETRY, item.seq),
            )
        self._connection.executemany(
            "update exceptions set data_key = null, blob = null, subjects = null where lane = ? and state = ? and seq = ?",
            [(state.number, Held.WITHDRAWN, item.seq) for item, settlement in pairs if type(settlement) is Withdrawn],
        )


def _code(settlement: Settlement) -> PlatformCode | None:
    return None if isinstance(settlement, Withdrawn) else settlement.code


def _fate(
    item: Record | Unread, settlement: Settlement, sent: Mapping[int, int], now: int, dead_seconds: int
) -> tuple[Held, float, int, int | None]:
    """What becomes of a record: what it is held for, until when, its tries, and since when the platform may have it.

    Every `Later` counts as a try, so that a record that makes its courier stumble cannot be tried for ever.
    """
    match settlement:
        case Later():
            since = item.maybe_since
            if settlement.maybe and since is None:
                since = sent.get(item.seq, now)
            return Held.RETRY, settlement.due, item.tries + 1, since
        case Dead():
            since = item.maybe_since
            if since is None and settlement.reason is Reason.UNKNOWN_ERROR:
                since = sent.get(item.seq)  # nobody could read what the platform said of it
            return Held.DEAD, now + dead_seconds, item.tries + (item.seq in sent), since
        case Withdrawn():
            return Held.WITHDRAWN, now + TOLD_SECONDS, item.tries, item.maybe_since
        case Done():
            raise TypeError("outbox: a delivered record leaves no exception")


def _ranges(seqs: Sequence[int]) -> list[tuple[int, int]]:
    """First and last of each unbroken run of numbers; 0 breaks a run, a gap between neighbours does not."""
    if seqs and 0 not in seqs:
        return [(seqs[0], seqs[-1])]
    runs = [list(run) for marked, run in groupby(seqs, bool) if marked]
    return [(run[0], run[-1]) for run in runs]


class _Told:
    """Collects what is told of delivered records: one line for each run with the same answer.

    A run spans records that are not in it (for other destinations, or exceptions): those are looked for elsewhere first.
    Exceptions are not neighbours, so each has a line of its own.
    """

    def __init__(self, *, together: bool) -> None:
        self._together = together
        self._first = self._last = self._count = 0
        self._answer: _Answer | None = None
        self._like: Done | None = None
        self._lines: list[_Line] = []

    def add(self, done: Done) -> None:
        """Add the next delivered record."""
        like = self._like
        if (  # one reply's records have one and the same answer, which is quickly seen
            (like is not None and done.receipt is like.receipt and done.code is like.code and done.reason is like.reason)
            or (self._together and (done.reason, done.code, done.receipt) == self._answer)
        ):
            self._last = done.seq
            self._count += 1
            return
        self._close()
        self._first = self._last = done.seq
        self._count = 1
        self._answer = (done.reason, done.code, done.receipt)
        self._like = done if self._together else None

    def lines(self) -> list[_Line]:
        """Give first, last, number of records and answer of each run."""
        self._close()
        return self._lines

    def _close(self) -> None:
        if self._answer is not None:
            self._lines.append((self._first, self._last, self._count, self._answer))
        self._answer = None
