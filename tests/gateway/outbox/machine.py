"""Any outbox against a model of it: random puts, claims, answers, deaths, withdrawals and refunds, in any order.

The model is a dict of events. Whatever the engine says — statuses, claims, explanations, accounts — the model must have
said before.
"""

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Coroutine, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.model.event import EmailDigests, Refund
from gateway.model.money import Money
from gateway.model.texts import EventId, RefundId
from gateway.model.words import Destination, Kind, Reason, Refusal, Status
from gateway.outbox import DEDUP_SECONDS, Outbox
from gateway.outbox.answers import Undelivered
from gateway.outbox.entries import Entry, Fate
from gateway.outbox.holdings import Person, Refunded, Removal, Undoing
from gateway.outbox.shapes import Left, Shape
from gateway.outbox.summary import Summary
from gateway.outbox.work import AllDone, Claim, Dead, Done, Lane, Later, Origin, Settlement, Withdrawn
from gateway.persons import Identifier
from tests.gateway.outbox.contract_history import add_up
from tests.gateway.outbox.making import ALL, DAY, LANES, NOW, SHOP, Engine, accept, digest, key, refuse, reject

T = TypeVar("T")

WORTH = 1250
"""Of every event, in cents."""
IDS = st.integers(0, 30)
LANE = st.sampled_from(LANES)
WHERE = st.lists(st.sampled_from(ALL), min_size=1, unique=True).map(tuple)

_NOTHING = {where: Undelivered(where, Kind.PURCHASE, 0, 0, 0, {}, {}) for where in ALL}
"""What stands for the lanes that nothing is told of."""


class There(msgspec.Struct):
    """Where one event stands in one lane."""

    state: str = "waiting"
    tries: int = 0
    due: int = 0
    maybe_since: int | None = None
    behind: bool = False
    """Whether it was set aside."""
    died_at: int = 0
    sent: list[bool | None] = []
    """Each time that it was said to be leaving, and whether the platform has it."""
    swept: bool = False
    """Whether its time as a dead letter is over."""
    why: Reason = Reason.WITHDRAWN
    """Why it was taken out, where it was."""

    @property
    def held(self) -> bool:
        """Whether its content is kept for this lane."""
        return self.state in {"waiting", "retrying"} or (self.state == "dead" and not self.swept)


class Known(msgspec.Struct):
    """One accepted event."""

    number: int
    at: int
    variant: int
    people: tuple[int, ...]
    lanes: dict[Destination, There]
    browser: int | None = None
    removed: bool = False
    """Whether it has just been taken out of a lane."""
    repeats: int = 0

    @property
    def known_by(self) -> set[str]:
        """What its person is known by."""
        known = {f"mail {person}" for person in self.people} | {f"order {self.number}"}
        return known if self.browser is None else known | {f"browser {self.browser}"}


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
        self.lines: dict[Lane, list[tuple[Known, int]]] = {}
        """What each claim under way has said to be leaving: the events, and which time of theirs that was."""
        self.last: dict[Lane, tuple[int, set[int], set[int]]] = {}
        """What a claim said last: how many lines there were before, who was first marked by it, and who first sent."""
        self.received: Counter[Status] = Counter()
        self.differing = 0
        self.withdrawn: dict[str, int] = {}
        self.paused: dict[Lane, int] = {}
        self.refunds: dict[int, dict[int, tuple[Money, int]]] = {}
        """What went back for orders: by the order's number and the refund's name the money, and when that was told first."""
        self.forgotten: set[int] = set()
        """Numbers of events that were erased and have not come again."""

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
        browser=st.none() | st.integers(0, 2),
        granted=st.none() | st.sampled_from((0, 1, 100)),
    )
    def put(  # noqa: PLR0917 - what an event can be
        self,
        numbers: list[int],
        where: tuple[Destination, ...],
        variant: int,
        people: list[int],
        browser: int | None,
        granted: int | None,
    ) -> None:
        """Put events, some of them again, by people of whom some have withdrawn and some of these granted anew."""
        email = EmailDigests(*[digest(one) for one in people]) if people else None
        granted_at = None if granted is None else self.now - granted
        said: dict[str, Any] = {"destinations": where, "occurred_at": NOW - variant, "email": email, "granted_at": granted_at}
        said |= {"persons": () if browser is None else (key(browser),)}
        entries: list[Entry] = [accept(n, self.now, **said) for n in numbers]
        before = len(self.events)
        made = [Known(n, self.now, variant, tuple(people), {one: There() for one in where}, browser) for n in numbers]
        expected = [self.expect(known, granted_at) for known in made]
        self.groups.append(self.events[before:])
        assert list(self.run(self.outbox.put(entries))) == expected
        self.received.update(Status.REFUSED if isinstance(fate, Refusal) else fate for fate in expected)

    def expect(self, known: Known, granted_at: int | None) -> Fate:
        """Let the model take an event in."""
        earlier = self.latest.get(known.number)
        if earlier is not None and earlier.at + DEDUP_SECONDS > self.now:
            earlier.repeats += 1
            same = (known.variant, known.people, known.browser) == (earlier.variant, earlier.people, earlier.browser)
            self.differing += not same or tuple(known.lanes) != tuple(earlier.lanes)
            return Status.DUPLICATE
        self.forgotten.discard(known.number)
        met = known.known_by & self.withdrawn.keys()
        if met and (granted_at is None or granted_at <= max(self.withdrawn[one] for one in met)):
            return Refusal.WITHDRAWN
        for one in met:
            del self.withdrawn[one]
        if self.paid_back(known.number).get("EUR", 0) >= WORTH:
            return Refusal.REFUNDED
        self.events.append(known)
        self.latest[known.number] = known
        return Status.ACCEPTED

    @rule(number=IDS)
    def refuse(self, number: int) -> None:
        """Put a refusal and something unreadable."""
        assert list(self.run(self.outbox.put([refuse(number, self.now), reject(self.now)]))) == [
            Status.REFUSED,
            Status.INVALID,
        ]
        self.forgotten.discard(number)
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

    @rule(lane=LANE)
    def pause(self, lane: Lane) -> None:
        """Pause a lane, whether or not it is paused or has a claim under way."""
        assert self.run(self.outbox.pause(lane, self.now)) is (lane not in self.paused)
        self.paused.setdefault(lane, self.now)

    @rule(lane=LANE)
    def resume(self, lane: Lane) -> None:
        """Resume a lane, whether or not it is paused."""
        assert self.run(self.outbox.resume(lane)) is (self.paused.pop(lane, None) is not None)

    @invariant()
    def knows_what_is_paused(self) -> None:
        """Of each lane since when, also after a crash."""
        assert {lane: self.outbox.paused(lane) for lane in LANES} == {lane: self.paused.get(lane) for lane in LANES}

    @rule(lane=LANE, limit=st.integers(1, 8), fresh_first=st.booleans())
    def claim(self, lane: Lane, limit: int, fresh_first: bool) -> None:
        """Claim: fresh or oldest first, each in order, with its doubt and its tries; nothing of a paused lane."""
        if lane in self.claims:
            return
        if lane in self.paused:
            assert self.run(self.outbox.claim(lane, limit, self.now, fresh_first=fresh_first)) is None
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
        ats, maybes = [one.accepted_at for one in claim.records], [one.maybe_since for one in claim.records]
        first_maybe = min((at for at in maybes if at is not None), default=None)
        assert claim.summary == Summary.of([one.event for one in claim.records], ats, first_maybe)
        assert self.outbox.withdrawn(claim) == {}
        self.claims[lane] = claim, taken, set(), set()
        self.lines[lane] = []
        self.last.pop(lane, None)

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

    @rule(lane=LANE, which=st.sets(st.integers(0, 7)))
    def mark(self, lane: Lane, which: set[int]) -> None:
        """Say that some of a claim are about to leave."""
        if lane not in self.claims:
            return
        claim, taken, marked, sent = self.claims[lane]
        picked = [n for n in sorted(which) if n < len(taken)]
        seqs = tuple(claim.records[n].seq for n in picked)
        left = [Left(Kind.PURCHASE, Shape("a=x"), seqs, 1)] if seqs else []
        before = len(self.lines[lane])
        self.run(self.outbox.mark_sent(claim, seqs, self.now, left))
        for known in (taken[n] for n in picked):
            standing = known.lanes[lane.destination]
            if standing.state != "withdrawn":
                self.lines[lane].append((known, len(standing.sent)))
                standing.sent.append(None)
        doubtful = {n for n in picked if taken[n].lanes[lane.destination].maybe_since is None}
        self.last[lane] = before, doubtful, set(picked) - sent
        sent.update(picked)
        marked.update(doubtful)
        for n in doubtful:
            taken[n].lanes[lane.destination].maybe_since = self.now

    @rule(lane=LANE)
    def call_off(self, lane: Lane) -> None:
        """Take back what a claim said last; a second time there is nothing to take back."""
        if lane not in self.claims:
            return
        claim, taken, marked, sent = self.claims[lane]
        self.run(self.outbox.call_off(claim))
        before, doubtful, first = self.last.pop(lane, (len(self.lines[lane]), set(), set()))
        self._unsay(lane, self.lines[lane][before:])
        del self.lines[lane][before:]
        for n in doubtful:
            taken[n].lanes[lane.destination].maybe_since = None
        marked -= doubtful
        sent -= first

    @staticmethod
    def _unsay(lane: Lane, lines: Iterable[tuple[Known, int]]) -> None:
        """Forget what was said to be leaving."""
        for known, time in lines:
            if known.lanes[lane.destination].sent:  # else it was erased meanwhile
                del known.lanes[lane.destination].sent[time:]

    @rule(lane=LANE, maybe=st.booleans())
    def release(self, lane: Lane, maybe: bool) -> None:
        """Give a claim back, with or without doubt."""
        if lane not in self.claims:
            return
        claim, taken, marked, _ = self.claims.pop(lane)
        self.run(self.outbox.release(claim, maybe=maybe))
        if not maybe:
            self._unsay(lane, self.lines[lane])
            for n in marked:
                taken[n].lanes[lane.destination].maybe_since = None

    @rule(
        lane=LANE,
        fates=st.lists(st.integers(0, 5), min_size=8, max_size=8) | st.just([5] * 8),
        wait=st.integers(0, 400),
        at_once=st.booleans(),
    )
    def settle(self, lane: Lane, fates: list[int], wait: int, at_once: bool) -> None:
        """Settle a claim with any mixture of answers; where all are the same yes, with one for all of it, too."""
        if lane not in self.claims:
            return
        claim, taken, marked, sent = self.claims.pop(lane)
        lines = {id(known): time for known, time in self.lines[lane]}
        settlements: list[Settlement] = []
        for n, (record, known, fate) in enumerate(zip(claim.records, taken, fates, strict=False)):
            standing = known.lanes[lane.destination]
            doubt = None if n in marked else standing.maybe_since
            was_withdrawn, why = standing.state == "withdrawn", standing.why
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
                    known.lanes[lane.destination] = There(
                        "retrying", standing.tries + 1, self.now + wait, kept, sent=standing.sent
                    )
                case _:
                    settlements.append(Done(record.seq, Reason.CONFIRMED))
                    standing.state = "delivered"
            standing = known.lanes[lane.destination]
            if was_withdrawn and not isinstance(settlements[-1], Done):
                standing = known.lanes[lane.destination] = There(
                    "withdrawn", behind=standing.behind, sent=standing.sent, why=why
                )
            if id(known) in lines and standing.sent:
                standing.sent[lines[id(known)]] = {2: None, 4: True, 5: True}.get(fate, False)
        all_done = at_once and all(isinstance(one, Done) for one in settlements)
        self.run(self.outbox.settle(claim, AllDone(Reason.CONFIRMED) if all_done else settlements, self.now))

    @rule(lane=LANE, which=st.sets(st.integers(0, 7), min_size=1))
    def revive(self, lane: Lane, which: set[int]) -> None:
        """Give some dead letters back: those that are kept still, with their doubt and their tries."""
        there = lane.destination
        letters = self.run(self.outbox.dead_letters(lane, 0, 1000))
        opened = self.run(self.outbox.open_letters(lane, letters))
        assert [letter.seq for letter in letters] == [record.seq for record in opened]
        dead = {(k.number, k.at): k for k in self.events if there in k.lanes and k.lanes[there].state == "dead"}
        found = [dead.pop((int(r.event.event_id[1:]), r.accepted_at)) for r in opened]
        assert all(known.lanes[there].swept for known in dead.values())
        picked = [n for n in sorted(which) if n < len(found)]
        revived = self.run(self.outbox.revive(lane, [(letters[n], opened[n]) for n in picked], self.now))
        assert revived == {letters[n].seq for n in picked}
        for n in picked:
            standing = found[n].lanes[there]
            assert (letters[n].died_at, opened[n].maybe_since) == (standing.died_at, standing.maybe_since)
            standing.state, standing.due = "retrying", self.now

    # ── what happens to everything ───────────────────────────────────────────────────────────────────────────────

    @rule(seconds=st.sampled_from((1, 60, 200, DAY, 4 * DAY)), sweep=st.booleans())
    def wait(self, seconds: int, sweep: bool) -> None:
        """Let time go by."""
        self.now += seconds
        if sweep:
            self.run(self.outbox.sweep(self.now))
            for known in self.events:
                for standing in known.lanes.values():
                    standing.swept |= standing.state == "dead" and standing.died_at + 14 * DAY <= self.now
            for number, told in self.refunds.items():
                self.refunds[number] = {name: one for name, one in told.items() if one[1] >= self.now - 90 * DAY}

    @rule(
        mail=st.none() | st.integers(0, 3), browser=st.none() | st.integers(0, 2), number=st.none() | IDS, erase=st.booleans()
    )
    def withdraw(self, mail: int | None, browser: int | None, number: int | None, erase: bool) -> None:
        """Let somebody, named by an address, a browser or an order, ask what there is, and withdraw or be erased."""
        keys = [] if browser is None else [key(browser)]
        keys += [] if number is None else [self.made.persons.key(SHOP, Identifier.ORDER_ID, f"e{number}")]
        person = Person(() if mail is None else (digest(mail),), tuple(keys))
        named = {f"mail {mail}", f"browser {browser}", f"order {number}"} - {"mail None", "browser None", "order None"}
        self.told(person, named)
        removal, wanted = self.remove(named)
        if not erase:
            assert self.run(self.outbox.withdraw(SHOP, person, self.now)) == removal
            return
        self.refunds = {number: told for number, told in self.refunds.items() if f"order {number}" not in wanted}
        lines = sum(len(there.sent) for known in self.events if known.known_by & wanted for there in known.lanes.values())
        found = self.run(self.outbox.erase(SHOP, person, self.now))
        assert msgspec.structs.replace(found, traces=0) == msgspec.structs.replace(removal, sent=lines)
        for known in self.events:
            if known.known_by & wanted:
                sure = known.removed or any(there.sent for there in known.lanes.values())
                for there in known.lanes.values():
                    there.sent = []
                self.forget(known, sure=sure)

    @rule(
        number=IDS,
        among=st.sampled_from(("claimed", "held", "any")),
        name=st.integers(0, 1),
        money=st.builds(
            Money, st.sampled_from((0, 500, 750, WORTH, WORTH, WORTH)), st.sampled_from(("EUR", "EUR", "EUR", "USD"))
        ),
    )
    def refund(self, number: int, among: str, name: int, money: Money) -> None:
        """Let money go back for an order, mostly of one that a claim or a lane has, and some of it more than once."""
        claimed = [known for _, taken, _, _ in self.claims.values() for known in taken]
        waiting = [known for known in self.events if any(there.held for there in known.lanes.values())]
        if meant := {"claimed": claimed, "held": waiting, "any": []}[among]:
            number = meant[number % len(meant)].number
        self.refunds.setdefault(number, {}).setdefault(name, (money, self.now))
        held = [
            (where, there)
            for known in self.events
            for where, there in known.lanes.items()
            if known.number == number and there.held
        ]
        paid_back = self.paid_back(number)
        enough = paid_back.get("EUR", -1) >= WORTH
        undoing = (
            Undoing.NOTHING_WAITS
            if not held
            else Undoing.WITHHELD
            if enough
            else Undoing.IN_PART
            if "EUR" in paid_back
            else Undoing.OTHER_CURRENCY
        )
        counts: dict[str, Counter[Destination]] = {"waiting": Counter(), "dead": Counter(), "wire": Counter()}
        for where, there in held if enough else ():
            counts["dead" if there.state == "dead" else "waiting"][where] += 1
            counts["wire"][where] += there.state != "dead" and there.maybe_since is not None
            there.state, there.why = "withdrawn", Reason.REFUNDED
        wire = {one: n for one, n in counts["wire"].items() if n}
        removal = Removal(dict(counts["waiting"]), dict(counts["dead"]), wire)
        told = self.run(self.outbox.refund(SHOP, Refund(EventId(f"e{number}"), RefundId(f"r{name}"), money), self.now))
        assert told == Refunded(undoing, removal)

    def paid_back(self, number: int) -> dict[str, int]:
        """What went back for an order, by currency."""
        sums: dict[str, int] = {}
        for money, _ in self.refunds.get(number, {}).values():
            sums[money.currency] = sums.get(money.currency, 0) + money.minor
        return sums

    def forget(self, known: Known, *, sure: bool) -> None:
        """Let the model forget a decision. Of an event that is held for nobody an engine may have nothing to know it by."""
        known.removed = False
        if sure or self.run(self.outbox.explain(SHOP, Kind.PURCHASE, EventId(f"e{known.number}"))) is None:
            self.forgotten.add(known.number)
            self.latest.pop(known.number, None)

    def told(self, person: Person, named: set[str]) -> None:
        """Ask what there is of somebody, and hold it against the model."""
        found = self.run(self.outbox.holdings(SHOP, person))
        mine = [known for known in self.events if known.known_by & named]
        held = [(where, known.number, known.at) for known in mine for where, there in known.lanes.items() if there.held]
        assert Counter((one.destination, int(one.event.event_id[1:]), one.accepted_at) for one in found.held) == Counter(held)
        sent = [(where, known.number, told) for known in mine for where, there in known.lanes.items() for told in there.sent]
        assert Counter((one.destination, int(one.event_id[1:]), one.confirmed) for one in found.sent) == Counter(sent)
        assert found.withdrawn_at == max((self.withdrawn[one] for one in named & self.withdrawn.keys()), default=None)

    def remove(self, named: set[str]) -> tuple[Removal, set[str]]:
        """Let the model take out what is held of somebody and of whom that leads to; gives the counts, and who that is."""
        held = [known for known in self.events if any(standing.held for standing in known.lanes.values())]
        sent = [known for known in self.events if any(standing.sent for standing in known.lanes.values())]
        for known in self.events:
            known.removed = False
        wanted = named.union(*(known.known_by for known in (*held, *sent) if known.known_by & named))
        self.withdrawn |= dict.fromkeys(wanted, self.now)
        counts: dict[str, Counter[Destination]] = {"waiting": Counter(), "dead": Counter(), "wire": Counter()}
        for known in held:
            for there, standing in known.lanes.items():
                if known.known_by & wanted and standing.held:
                    counts["dead" if standing.state == "dead" else "waiting"][there] += 1
                    counts["wire"][there] += standing.state != "dead" and standing.maybe_since is not None
                    standing.state = "withdrawn"
                    known.removed = True
        wire = {one: n for one, n in counts["wire"].items() if n}
        return Removal(dict(counts["waiting"]), dict(counts["dead"]), wire), wanted

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
        assert found is None or number not in self.forgotten
        if known is None or known.at + DEDUP_SECONDS <= self.now or found is None or found.status is Status.REFUSED:
            remembered = known is not None and known.at + DEDUP_SECONDS > self.now
            assert not remembered
            return
        assert found.repeats == known.repeats
        told = {one.destination: one.state for one in found.attempts}
        for destination, standing in known.lanes.items():
            doubtful = standing.state in {"waiting", "retrying"} and standing.maybe_since is not None
            assert told[destination] == ("maybe" if doubtful else standing.state)
            why = next(one.reason for one in found.attempts if one.destination is destination)
            assert standing.state != "withdrawn" or why is standing.why

    @rule(numbers=st.lists(IDS, max_size=20))
    def explain_many(self, numbers: list[int]) -> None:
        """Ask for several events, some of them more than once: the answer is that of asking for each."""
        asked = [EventId(f"e{number}") for number in numbers]
        one_by_one = [self.run(self.outbox.explain(SHOP, Kind.PURCHASE, event_id)) for event_id in asked]
        assert list(self.run(self.outbox.explain_many(SHOP, Kind.PURCHASE, asked))) == one_by_one

    @invariant()
    def claims_know_who_withdrew(self) -> None:
        """At any moment, each claim under way, and why."""
        for lane, (claim, taken, _, _) in getattr(self, "claims", {}).items():
            standing = [(record.seq, known.lanes[lane.destination]) for record, known in zip(claim.records, taken, strict=True)]
            gone = {seq: there.why for seq, there in standing if there.state == "withdrawn"}
            assert self.outbox.withdrawn(claim) == gone

    def undelivered(self, where: Destination) -> Undelivered:
        """Give what must be told of a lane's undelivered records, each of which is worth the same."""
        held = [known.lanes[where] for known in self.events if where in known.lanes and known.lanes[where].held]
        states = Counter(there.state for there in held)
        worth = [{"EUR": 1250 * states[one]} if states[one] else {} for one in ("waiting", "retrying")]
        return Undelivered(where, Kind.PURCHASE, states["waiting"], states["retrying"], states["dead"], *worth)

    @invariant()
    def the_accounts_are_those_of_the_model(self) -> None:
        """P9, at any moment."""
        if not hasattr(self, "outbox"):
            return
        self.run(add_up(self.outbox))
        book = self.run(self.outbox.book(SHOP))
        still = {one.destination: one for one in self.run(self.outbox.undelivered(SHOP))}
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
            for one in ("delivered", "dead", "withdrawn"):
                assert ended[one] == states[one]
                worth = book.value.get((lane.destination, "EUR", one), 0)
                assert worth == Decimal("12.50") * states[one]
            mine = [k.lanes[lane.destination] for k in self.events if lane.destination in k.lanes]
            undone = sum(one.state == "withdrawn" and one.why is Reason.REFUNDED for one in mine)
            assert book.settled.get((lane.destination, Kind.PURCHASE, "withdrawn", Reason.REFUNDED), 0) == undone
            figures = self.outbox.waiting(lane)
            assert (figures.waiting, figures.retrying) == (states["waiting"], states["retrying"])
            assert still.pop(lane.destination, _NOTHING[lane.destination]) == self.undelivered(lane.destination)
            behind = [k for k in self.events if lane.destination in k.lanes and k.lanes[lane.destination].behind]
            assert figures.backlog == sum(k.lanes[lane.destination].state == "waiting" for k in behind)
