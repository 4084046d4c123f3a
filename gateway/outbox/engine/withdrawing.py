"""Withdrawing: all that waits or is dead for a person is taken out of the file, in one transaction; and so is an order whose
money went back.

A group is sealed anew without the person's records. Their places stay, as places of no record, so every number, cursor
and mark stays right; an exception loses its copy. Each is in the books as withdrawn from that moment, also what a courier
has in its hands: should the platform turn out to have it after all, its settlement says so, and the books with it.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from typing import NamedTuple

from gateway.model.event import Minimised, Refund
from gateway.model.money import Money
from gateway.model.texts import EventId
from gateway.model.words import Destination, Kind, Reason
from gateway.outbox.engine.books import DEAD, WITHDRAWN
from gateway.outbox.engine.codec import Codec, group_place, write_row
from gateway.outbox.engine.lanes import EMPTY, Held, LaneState
from gateway.outbox.engine.memory import Memory
from gateway.outbox.engine.seeking import Grouped, Look, Seeking, Single, Sought
from gateway.outbox.engine.settling import INSERT_EXCEPTION, TOLD_SECONDS
from gateway.outbox.holdings import NO_REMOVAL, Refunded, Removal, Undoing
from gateway.outbox.work import Lane
from gateway.storage.file import Row
from gateway.storage.vault import nonce


class Wider(NamedTuple):
    """Nothing was changed: the person is known by more than was looked for."""

    wanted: frozenset[bytes]


class Removed(NamedTuple):
    """What was removed: the counts, the numbers by lane, and all that the person is known by."""

    removal: Removal
    gone: Mapping[Lane, Mapping[int, Reason]]
    wanted: frozenset[bytes]


class Order(NamedTuple):
    """Whom to withdraw at `now`: those known by the named hashes, and where it `leads`, those whom their records lead to.

    `erase`: the decisions on what is removed are forgotten as well. `since`: when they said so, None for now; what was decided
    later is heard.
    """

    named: frozenset[bytes]
    now: int
    leads: bool
    erase: bool
    since: int | None = None


class Undone(NamedTuple):
    """What came of a refund: what is answered, and the numbers of what was taken out, by lane."""

    refunded: Refunded
    gone: Mapping[Lane, Mapping[int, Reason]]


class Withdrawing:
    """Takes people's and orders' records out. Belongs to the store's thread."""

    def __init__(self, memory: Memory, seeking: Seeking) -> None:
        """Work on what the store's thread keeps."""
        self._seeking = seeking
        self._connection = memory.connection
        self._names = memory.names
        self._vault = memory.vault
        self._lanes = memory.lanes
        self._subjects = memory.subjects
        self._refunds = memory.refunds
        self._books = memory.books
        self._seen = memory.seen
        self._codec = Codec()

    def withdraw(self, storefront: int, order: Order, look: Look) -> Removed | Wider:
        """Remove what is held of a person, and refuse what comes later.

        Whoever is named by an order is also known by what the order's record says of its person, so that is withdrawn too.
        If the look before did not look for all that, nothing is done yet.
        """
        sought, wanted = self._seeking.seek(storefront, look), order.named
        if order.leads:
            wanted |= sought.of(wanted).hashes()
            if not wanted <= look.wanted:
                return Wider(wanted | look.wanted)
        sought = sought.of(wanted)
        self._books.at(order.now)
        self._subjects.withdraw(storefront, wanted, order.now if order.since is None else order.since)
        taken = self._remove(storefront, sought, _Taken(Reason.WITHDRAWN, order.now))
        if not order.erase:
            return Removed(taken.removal(), taken.by_lane(), wanted)
        self._refunds.forget(storefront, wanted)
        return Removed(taken.removal(traces=self.forget(storefront, taken.events)), taken.by_lane(), wanted)

    def refund(self, storefront: int, refund: Refund, look: Look, now: int) -> Undone:
        """Remember a refund; if all that the order was worth has gone back by now, take out what waits or is dead of it."""
        order = self._subjects.of_order(self._names.name(storefront), refund.order)
        self._refunds.note(storefront, order, refund, now)
        sought = self._seeking.seek(storefront, look).only(lambda event: _is_order(event, refund.order))
        if not any(sought.events()):
            return Undone(Refunded(Undoing.NOTHING_WAITS, NO_REMOVAL), {})
        undone = sought.only(lambda event: self._refunds.undo(storefront, order, event.money))
        if not any(undone.events()):
            return Undone(Refunded(self._too_little(storefront, order, sought), NO_REMOVAL), {})
        self._books.at(now)
        taken = self._remove(storefront, undone, _Taken(Reason.REFUNDED, now))
        return Undone(Refunded(Undoing.WITHHELD, taken.removal()), taken.by_lane())

    def _too_little(self, storefront: int, order: bytes, sought: Sought) -> Undoing:
        """Say why what went back is not all that the order was worth."""
        known = self._refunds.paid_back(storefront, order)
        currencies = {event.money.currency for event in sought.events() if event.money is not None}
        return Undoing.OTHER_CURRENCY if currencies.isdisjoint(known) else Undoing.IN_PART

    def forget(self, storefront: int, events: Collection[tuple[Kind, EventId]]) -> int:
        """Forget the decisions on events; gives how many there were."""
        name = self._names.name(storefront)
        identities = [self._seen.identify(name, kind, event_id) for kind, event_id in events]
        for identity in identities:
            self._forget_evidence(*identity)
        return self._seen.forget(identities)

    def _forget_evidence(self, key: int, check: bytes) -> None:
        """Forget which consent record allowed an event."""
        (value,) = self._seen.look_up([key])
        sighting = self._seen.find(check, value)
        if sighting is not None and sighting.seq is not None:
            self._connection.execute("delete from evidences where seq = ?", (sighting.seq,))

    def _remove(self, storefront: int, sought: Sought, taken: "_Taken") -> "_Taken":
        for group in sought.groups:
            self._empty(storefront, group, taken)
        for single in sought.singles:
            self._blank(single, taken)
        for state in taken.gone:
            self._lanes.refresh_fresh(state)
            self._lanes.refresh_behind(state)
            self._lanes.refresh_retry(state)
            self._lanes.touched.add(state)
            state.robbed = True
        return taken

    # ── groups ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _empty(self, storefront: int, found: Grouped, taken: "_Taken") -> None:
        """Seal a group anew without the person's records, and settle these wherever they wait."""
        group, mine = found.group, frozenset(found.mine)
        for n in found.mine:
            event, at, place = found.opened.events[n], found.opened.ats[n], found.filled[n]
            taken.events.add((event.kind, event.event_id))
            for state in self._lanes.of(storefront):
                if state.lane.destination in event.destinations and state.needs(found.first + place, found.first + place):
                    self._take_out(state, found.first + place, at, group.sorts[place], event.kind, event.money, taken)
        sorts = bytearray(group.sorts)
        for n in found.mine:
            sorts[found.filled[n]] = EMPTY
        rest = [n for n in range(len(found.filled)) if n not in mine]
        hashes, blob = b"".join([found.hashes[n] for n in rest]), self._seal(storefront, found, rest, bytes(sorts))
        self._connection.execute(
            "update groups set sorts = ?, subjects = ?, blob = ? where place = ?", (bytes(sorts), hashes, blob, group.place)
        )

    def _seal(self, storefront: int, found: Grouped, rest: list[int], sorts: bytes) -> bytes:
        cipher = self._vault.opening(found.group.data_key)
        if not rest or cipher is None:
            return b""
        rows = [write_row(found.opened.events[n]) for n in rest]
        place = group_place(self._names.name(storefront), found.first, sorts)
        return self._codec.seal(cipher, nonce(), place, rows, [found.opened.ats[n] for n in rest])

    def _take_out(  # noqa: PLR0913, PLR0917 - what is known of one record in one lane
        self, state: LaneState, seq: int, at: int, sort: int, kind: Kind, money: Money | None, taken: "_Taken"
    ) -> None:
        """Settle a record that waits in a group as withdrawn, and leave the line that says so and why."""
        why, now = taken.why, taken.now
        row: Row = (state.number, Held.WITHDRAWN, seq, now + TOLD_SECONDS, 0, None, why, None, now, at, sort)
        self._connection.execute(INSERT_EXCEPTION, (*row, None, None, None))
        self._books.end(1, state.storefront, state.lane.destination, kind, money, WITHDRAWN, why)
        self._lanes.settled(state, seq - 1, seq, 1)
        if state.cursor is not None and seq > state.cursor:
            state.waiting -= 1
        else:
            state.behind -= 1
        marked = any(mark.first <= seq <= mark.last for mark in state.marks)
        taken.add(state, seq, marked=marked)

    # ── exceptions ───────────────────────────────────────────────────────────────────────────────────────────────

    def _blank(self, single: Single, taken: "_Taken") -> None:
        """Take an exception's copy and hashes away; what is left is the line that says that it was withdrawn, and why."""
        now = taken.now
        state, event = single.state, single.event
        kind, money = self._names.table[single.sort].kind, None if event is None else event.money
        self._connection.execute(
            "update exceptions set state = ?, due = ?, reason = ?, code = null, at = ?, data_key = null, blob = null,"
            " subjects = null where lane = ? and state = ? and seq = ?",
            (Held.WITHDRAWN, now + TOLD_SECONDS, taken.why, now, state.number, single.held, single.seq),
        )
        if event is not None:
            taken.events.add((event.kind, event.event_id))
        storefront, destination = state.storefront, state.lane.destination
        if single.held is Held.DEAD:
            self._books.end(-1, storefront, destination, kind, money, DEAD, Reason(single.reason))
            state.dead -= 1
            taken.dead[destination] += 1
            taken.gone[state].add(single.seq)
        else:
            state.retrying -= 1
            self._books.retry(-1, storefront, destination, kind, money)
            taken.add(state, single.seq, marked=single.maybe_since is not None)
        self._books.end(1, storefront, destination, kind, money, WITHDRAWN, taken.why)


class _Taken:
    """Counts what is taken out at `now`, and `why`."""

    def __init__(self, why: Reason, now: int) -> None:
        self.why = why
        self.now = now
        self.waiting: Counter[Destination] = Counter()
        self.dead: Counter[Destination] = Counter()
        self.on_the_wire: Counter[Destination] = Counter()
        self.gone: defaultdict[LaneState, set[int]] = defaultdict(set)
        self.events: set[tuple[Kind, EventId]] = set()

    def add(self, state: LaneState, seq: int, *, marked: bool) -> None:
        """Count a record that was waiting in a lane; `marked`: the platform may have it."""
        self.waiting[state.lane.destination] += 1
        self.on_the_wire[state.lane.destination] += marked
        self.gone[state].add(seq)

    def removal(self, traces: int = 0) -> Removal:
        """Give the counts to the outside."""
        wire = {where: count for where, count in self.on_the_wire.items() if count}
        return Removal(dict(self.waiting), dict(self.dead), wire, traces=traces)

    def by_lane(self) -> Mapping[Lane, Mapping[int, Reason]]:
        """Give the numbers of what was taken out of each lane, and why."""
        return {state.lane: dict.fromkeys(seqs, self.why) for state, seqs in self.gone.items()}


def _is_order(event: Minimised, order: EventId) -> bool:
    return event.kind is Kind.PURCHASE and event.event_id == order
