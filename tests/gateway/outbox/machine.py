"""Any outbox against a model of it: random puts, claims, answers, deaths and withdrawals, in any order.

The model is a dict of events. Whatever the engine says — statuses, claims, explanations, accounts — the model must have
said before.
"""

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.model import Destination, EmailDigests, EventId, Kind, Reason, Status
from gateway.outbox import DEDUP_SECONDS, Claim, Dead, Done, Entry, Lane, Later, Origin, Outbox, Settlement, Withdrawn
from tests.gateway.outbox.making import ALL, DAY, LANES, NOW, SHOP, Engine, accept, digest, refuse, reject

T = TypeVar("T")

IDS = st.integers(0, 30)
LANE = st.sampled_from(LANES)
WHERE = st.lists(st.sampled_from(ALL), min_size=1, unique=True).map(tuple)


class There(msgspec.Struct):
    """Where one event stands in one lane."""

    state: str = "waiting"
    tries: int = 0
    due: int = 0
    maybe_since: int | None = None
    behind: bool = False
    """Whether it was set aside."""
    died_at: int = 0


class Known(msgspec.Struct):
    """One accepted event."""

    number: int
    at: int
    variant: int
    people: tuple[int, ...]
    lanes: dict[Destination, There]
    repeats: int = 0


class OutboxMachine(RuleBasedStateMachine):
    """Drives an engine and a model of it. A subclass says which engine."""

    def engine(self, folder: Path) -> Engine:
        """Make an empty engine in a folder of its own."""
        raise NotImplementedError

    @initialize()
    def begin(self) -> None:
        """Open an empty store."""
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp())
        self.made = self.engine(self.folder)
        self.outbox: Outbox = self.run(self.made.open())
        self.now = NOW
        self.events: list[Known] = []
        self.groups: list[list[Known]] = []
        self.latest: dict[int, Known] = {}
        self.claims: dict[Lane, tuple[Claim, list[Known], set[int], set[int]]] = {}
        self.received: Counter[Status] = Counter()
        self.differing = 0
        self.withdrawn: dict[int, int] = {}

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run something of the outbox to its end."""
        return self.loop.run_until_complete(coroutine)

    def teardown(self) -> None:
        """Close what is open."""
        if hasattr(self, "loop"):
            self.run(self.outbox.close())
            self.loop.close()
            shutil.rmtree(self.folder)

    # ── arriving ─────────────────────────────────────────────────────────────────────────────────────────────────

    @rule(
        numbers=st.lists(IDS, min_size=1, max_size=6),
        where=WHERE,
        variant=st.integers(0, 1),
        people=st.lists(st.integers(0, 3), max_size=2, unique=True),
    )
    def put(self, numbers: list[int], where: tuple[Destination, ...], variant: int, people: list[int]) -> None:
        """Put events, some of them again."""
        email = EmailDigests(*[digest(one) for one in people]) if people else None
        entries: list[Entry] = [
            accept(n, self.now, destinations=where, occurred_at=NOW - variant, email=email) for n in numbers
        ]
        before = len(self.events)
        expected = [self.expect(n, where, variant, tuple(people)) for n in numbers]
        self.groups.append(self.events[before:])
        assert list(self.run(self.outbox.put(entries))) == expected
        self.received.update(expected)

    def expect(self, number: int, where: tuple[Destination, ...], variant: int, people: tuple[int, ...]) -> Status:
        """Let the model take an event in."""
        earlier = self.latest.get(number)
        if earlier is not None and earlier.at + DEDUP_SECONDS > self.now:
            earlier.repeats += 1
            same = (variant, people, set(where)) == (earlier.variant, earlier.people, set(earlier.lanes))
            self.differing += not same or where != tuple(earlier.lanes)
            return Status.DUPLICATE
        known = Known(number, self.now, variant, people, {destination: There() for destination in where})
        self.events.append(known)
        self.latest[number] = known
        return Status.ACCEPTED

    @rule(number=IDS)
    def refuse(self, number: int) -> None:
        """Put a refusal and something unreadable."""
        assert list(self.run(self.outbox.put([refuse(number, self.now), reject(self.now)]))) == [
            Status.REFUSED,
            Status.INVALID,
        ]
        self.received.update([Status.REFUSED, Status.INVALID])

    # ── leaving ──────────────────────────────────────────────────────────────────────────────────────────────────

    @rule(lane=LANE, age=st.sampled_from((0, 1, 60, DAY)))
    def set_aside(self, lane: Lane, age: int) -> None:
        """Set aside what was put together up to the last time before `age` seconds ago, if some of it is the lane's."""
        if lane in self.claims:
            return
        there = lane.destination
        self.run(self.outbox.set_aside(lane, self.now - age))
        old = 0
        for number, group in enumerate(self.groups, 1):
            if group and group[0].at < self.now - age:
                old = number
        for group in self.groups[:old]:
            for known in group:
                if there in known.lanes and known.lanes[there].state == "waiting":
                    known.lanes[there].behind = True

    @rule(lane=LANE, limit=st.integers(1, 8), fresh_first=st.booleans())
    def claim(self, lane: Lane, limit: int, fresh_first: bool) -> None:
        """Claim: fresh or oldest first, each in order, with its doubt and its tries."""
        if lane in self.claims:
            return
        there = lane.destination
        origin, mine = self.expected(there, fresh_first=fresh_first)
        claim = self.run(self.outbox.claim(lane, limit, self.now, fresh_first=fresh_first))
        if claim is None:
            assert not mine
            return
        if mine and claim.origin is not origin:
            # What is for other destinations only is moved over first.
            assert claim.records == ()
        by_id = {(known.number, known.at): known for known in mine}
        taken = [by_id[int(record.event.event_id[1:]), record.accepted_at] for record in claim.records]
        if taken:
            assert claim.origin is origin
            assert taken == mine[:limit]
        for record, known in zip(claim.records, taken, strict=True):
            standing = known.lanes[there]
            assert (record.tries, record.maybe_since) == (standing.tries, standing.maybe_since)
            assert record.event.destinations == tuple(known.lanes)
            assert record.event.occurred_at == NOW - known.variant
        suppressed = self.run(self.outbox.suppressed(lane, claim))
        assert {r.seq for r, k in zip(claim.records, taken, strict=True) if self.is_withdrawn(k)} == suppressed
        self.claims[lane] = claim, taken, set(), set()

    def expected(self, there: Destination, *, fresh_first: bool) -> tuple[Origin | None, list[Known]]:
        """What a claim must take from, and all there is of it, the next one first."""
        mine = [known for known in self.events if there in known.lanes]
        due = [k for k in mine if k.lanes[there].state == "retrying" and k.lanes[there].due <= self.now]
        behind = [k for k in mine if k.lanes[there].state == "waiting" and k.lanes[there].behind]
        fresh = [k for k in mine if k.lanes[there].state == "waiting" and not k.lanes[there].behind]
        old = (
            (Origin.BACKLOG, behind)
            if behind and (not due or mine.index(behind[0]) < mine.index(due[0]))
            else (Origin.AGAIN, due)
        )
        if fresh_first:
            young = [k for k in due if behind and mine.index(k) > mine.index(behind[-1])]
            if young:
                return Origin.AGAIN, young
            if fresh:
                return Origin.FRESH, fresh
        if old[1]:
            return old
        return (Origin.FRESH, fresh) if fresh else (None, [])

    def is_withdrawn(self, known: Known) -> bool:
        """Whether the event's person has withdrawn since."""
        return any(known.at <= self.withdrawn.get(person, -1) for person in known.people)

    @rule(lane=LANE, which=st.sets(st.integers(0, 7)))
    def mark(self, lane: Lane, which: set[int]) -> None:
        """Say that some of a claim are about to leave."""
        if lane not in self.claims:
            return
        claim, taken, marked, sent = self.claims[lane]
        picked = [n for n in sorted(which) if n < len(taken)]
        self.run(self.outbox.mark_sent(claim, [claim.records[n].seq for n in picked], self.now))
        sent.update(picked)
        for n in picked:
            standing = taken[n].lanes[lane.destination]
            if standing.maybe_since is None:
                standing.maybe_since = self.now
                marked.add(n)

    @rule(lane=LANE, maybe=st.booleans())
    def release(self, lane: Lane, maybe: bool) -> None:
        """Give a claim back, with or without doubt."""
        if lane not in self.claims:
            return
        claim, taken, marked, _ = self.claims.pop(lane)
        self.run(self.outbox.release(claim, maybe=maybe))
        if not maybe:
            for n in marked:
                taken[n].lanes[lane.destination].maybe_since = None

    @rule(lane=LANE, fates=st.lists(st.integers(0, 5), min_size=8, max_size=8), wait=st.integers(0, 400))
    def settle(self, lane: Lane, fates: list[int], wait: int) -> None:
        """Settle a claim with any mixture of answers."""
        if lane not in self.claims:
            return
        claim, taken, marked, sent = self.claims.pop(lane)
        settlements: list[Settlement] = []
        for n, (record, known, fate) in enumerate(zip(claim.records, taken, fates, strict=False)):
            standing = known.lanes[lane.destination]
            doubt = None if n in marked else standing.maybe_since
            match fate:
                case 0:
                    settlements.append(Dead(record.seq, Reason.REJECTED))
                    standing.state, standing.maybe_since, standing.died_at = "dead", doubt, self.now
                    standing.tries += n in sent
                case 1:
                    settlements.append(Withdrawn(record.seq, Reason.WITHDRAWN))
                    standing.state = "withdrawn"
                case 2 | 3:
                    maybe = fate == 2
                    settlements.append(Later(record.seq, Reason.TIMED_OUT, self.now + wait, maybe=maybe))
                    kept = (standing.maybe_since or self.now) if maybe else doubt
                    known.lanes[lane.destination] = There("retrying", standing.tries + 1, self.now + wait, kept)
                case _:
                    settlements.append(Done(record.seq, Reason.CONFIRMED))
                    standing.state = "delivered"
        self.run(self.outbox.settle(claim, settlements, self.now))

    @rule(lane=LANE, which=st.sets(st.integers(0, 7), min_size=1))
    def revive(self, lane: Lane, which: set[int]) -> None:
        """Give some dead letters back: those that are kept still, with their doubt and their tries."""
        there = lane.destination
        letters = self.run(self.outbox.dead_letters(lane, 0, 1000))
        contents = self.run(self.outbox.open_letters(lane, letters))
        assert [letter.seq for letter in letters] == [record.seq for record in contents.records]
        dead = {(k.number, k.at): k for k in self.events if there in k.lanes and k.lanes[there].state == "dead"}
        found = [dead.pop((int(r.event.event_id[1:]), r.accepted_at)) for r in contents.records]
        assert all(known.lanes[there].died_at + 14 * DAY <= self.now for known in dead.values())
        assert {r.seq for r, k in zip(contents.records, found, strict=True) if self.is_withdrawn(k)} == contents.withdrawn
        picked = [n for n in sorted(which) if n < len(found)]
        revived = self.run(self.outbox.revive(lane, [(letters[n], contents.records[n]) for n in picked], self.now))
        assert revived == {letters[n].seq for n in picked}
        for n in picked:
            standing = found[n].lanes[there]
            assert (letters[n].died_at, contents.records[n].maybe_since) == (standing.died_at, standing.maybe_since)
            standing.state, standing.due = "retrying", self.now

    # ── what happens to everything ───────────────────────────────────────────────────────────────────────────────

    @rule(seconds=st.sampled_from((1, 60, 200, DAY, 4 * DAY)), sweep=st.booleans())
    def wait(self, seconds: int, sweep: bool) -> None:
        """Let time go by."""
        self.now += seconds
        if sweep:
            self.run(self.outbox.sweep(self.now))

    @rule(person=st.integers(0, 3))
    def withdraw(self, person: int) -> None:
        """Let a person withdraw."""
        self.run(self.outbox.suppress(SHOP, [digest(person)], self.now))
        self.withdrawn[person] = self.now

    @rule(die=st.booleans())
    def restart(self, die: bool) -> None:
        """Close or die, and open again: claims under way are gone, what was marked stays marked."""
        self.run(self.made.crash(self.outbox) if die else self.outbox.close())
        self.outbox = self.run(self.made.open())
        self.claims.clear()

    @rule(number=IDS)
    def explain(self, number: int) -> None:
        """Ask for an event."""
        found = self.run(self.outbox.explain(SHOP, Kind.PURCHASE, EventId(f"e{number}")))
        known = self.latest.get(number)
        if known is None or known.at + DEDUP_SECONDS <= self.now or found is None or found.status is Status.REFUSED:
            remembered = known is not None and known.at + DEDUP_SECONDS > self.now
            assert not remembered
            return
        assert found.repeats == known.repeats
        told = {one.destination: one.state for one in found.attempts}
        for destination, standing in known.lanes.items():
            doubtful = standing.state in {"waiting", "retrying"} and standing.maybe_since is not None
            assert told[destination] == ("maybe" if doubtful else standing.state)

    @invariant()
    def the_accounts_are_those_of_the_model(self) -> None:
        """P9, at any moment."""
        if not hasattr(self, "outbox"):
            return
        book = self.run(self.outbox.book(SHOP))
        by_status: Counter[Status] = Counter()
        for (_, _, status, _), count in book.received.items():
            by_status[status] += count
        assert by_status == self.received
        assert book.differing_repeats == self.differing
        for lane in LANES:
            there = [k.lanes[lane.destination].state for k in self.events if lane.destination in k.lanes]
            states = Counter(there)
            waiting = states["waiting"] + states["retrying"]
            assert book.accepted.get(lane.destination, 0) == len(there)
            assert book.waiting[lane.destination] == waiting
            ended: Counter[str] = Counter()
            for (where, _, outcome, _), count in book.settled.items():
                ended[outcome] += count if where is lane.destination else 0
            assert [ended[one] for one in ("delivered", "dead", "withdrawn")] == [
                states[one] for one in ("delivered", "dead", "withdrawn")
            ]
            figures = self.outbox.waiting(lane)
            assert (figures.waiting, figures.retrying) == (states["waiting"], states["retrying"])
            behind = [k for k in self.events if lane.destination in k.lanes and k.lanes[lane.destination].behind]
            assert figures.backlog == sum(k.lanes[lane.destination].state == "waiting" for k in behind)
