"""The courier of one lane: claims, screens, sends, reads the answer and settles, one request at a time.

It owns no rule: what may go is `screening`'s, what an answer means the adapter's, what becomes of an event `fates`',
how long to wait `breaker`'s. It owns the order of the steps, so that at every await the store knows enough for the
next process to go on from there. It never raises for what a platform, an adapter or a busy store does.
"""

import asyncio
import random
import time
import traceback
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from enum import Enum, unique
from pathlib import PurePath
from typing import Any, Final, TypeVar

import msgspec

from gateway.adapter import Access, Adapter, Reply, Request
from gateway.delivery.backoff import Pace
from gateway.delivery.batches import Plan
from gateway.delivery.breaker import Breaker
from gateway.delivery.clocks import Clocks, Time
from gateway.delivery.contract import Cleared, Contract, Violation
from gateway.delivery.credentials import Credential
from gateway.delivery.fates import (
    CALLED_OFF,
    CONNECTION_LOST,
    HALTED,
    CalledOff,
    Crash,
    NoReply,
    Pair,
    breather,
    broke_contract,
    excess_of,
    forgiven,
    give_back,
    misconfigured,
    one_answer,
    refuses_credential,
    settlement,
    standstill,
    unproven,
    untried,
    without_reply,
)
from gateway.delivery.outgoing import compose
from gateway.delivery.quota import Meter
from gateway.delivery.screening import Rules, all_may_go, ripe, screen
from gateway.delivery.tally import Tally, tally, tally_all
from gateway.delivery.transport import Transport
from gateway.delivery.turns import overtaken
from gateway.delivery.watcher import Stage, Watcher
from gateway.model import Delivered, Isolate, Kind, Maybe, Pause, PlatformCode, Reason, Rejected, Retry, Throttle, Verdict
from gateway.outbox import (
    AllDone,
    Claim,
    Dead,
    Lane,
    Later,
    Left,
    Origin,
    Outbox,
    Record,
    Settlement,
    Shape,
    Shut,
    Unavailable,
)

T = TypeVar("T")

Heard = Sequence[Verdict] | Violation | CalledOff | None
"""What came of a request: one verdict per record, why it was not sent, or None if the adapter could not read the reply."""

LOST: Final = frozenset({Shut.CLOSED, Shut.FAILED})
"""A store that is so will not come back in this process."""

CUT_SHORT: Final = Retry(Reason.NOT_CONNECTED)
"""What becomes of events that a stop left unsent."""

SHORTEST_IDLE: Final = 0.05
"""Seconds; keeps a due time that is almost now from being asked for in a tight loop."""


class Route(msgspec.Struct, frozen=True):
    """Where a courier goes and by which rules. `base_url` is scheme and host; `max_consent_age` is seconds.

    Lanes that show the same credential have the same `meter`.
    """

    lane: Lane
    adapter: Adapter
    base_url: str
    credential: Credential
    contract: Contract
    max_consent_age: int
    meter: Meter


class Office(msgspec.Struct, frozen=True):
    """What all couriers of a process share. `wall` gives Unix seconds, `dice` a number from 0 up to 1."""

    outbox: Outbox
    transport: Transport
    watcher: Watcher
    pace: Pace = Pace()
    wall: Callable[[], float] = time.time
    dice: Callable[[], float] = random.random


class Health(msgspec.Struct, frozen=True):
    """How a lane stands, for people. Times are Unix seconds. `up` is False while it is paused or its breaker is open.

    `reason` is why it waits before it asks again, at `due`: a pause, a throttle or failures in a row. None while all is well.
    `paused_at` is since when an operator has it paused: then that is the reason, there is no `due`, and the breaker stays as
    it was.
    """

    up: bool
    reason: Reason | None
    due: float | None
    paused: Reason | None
    breaker_open: bool
    failures: int
    """Requests in a row without a usable answer."""
    throttled_until: float | None
    last_success: float | None
    last_code: PlatformCode | None
    violation: Violation | None
    """The last time that the contract kept something from leaving."""
    paused_at: int | None = None


@unique
class Await(Enum):
    """What `stop` may cut: a rest at once, a request on the wire when the deadline has passed. Store calls never."""

    REST = "rest"
    FLIGHT = "flight"


class Work(msgspec.Struct):
    """A claim under way. `outcomes` and `settled` together will have each of its records exactly once."""

    claim: Claim
    probe: bool
    plan: Plan[Record]
    """What of the claim is still to be sent."""
    outcomes: list[Pair] = []
    settled: list[Settlement] = []
    marked: set[int] = set()
    """Records of which the store knows that the platform may have them."""
    placed: bool = False
    """Whether the next request has its place in the platform's quota."""
    heard: bool = False
    """Whether the last request got a reply at all."""
    faulted: bool = False
    stop: Pause | Throttle | Retry | Maybe | None = None
    """Why nothing more is sent in this claim."""
    doubted: bool = False
    """Whether so much was refused that the other end of the claim is being looked at before anything is concluded."""
    suspicion: Pause | None = None
    """Set when so much was refused that the configuration must be wrong."""


class Courier:
    """Delivers one lane's events until it is stopped. `run` it in a task of its own, once at a time."""

    def __init__(self, route: Route, office: Office) -> None:
        """Keep what is needed; nothing starts before `run`."""
        self._route = route
        self._office = office
        self._lane = route.lane
        self._outbox = office.outbox
        self._watcher = office.watcher
        self._pace = office.pace
        self._rules = Rules(route.adapter.limits, route.max_consent_age, route.adapter.refuses, int(office.wall()))
        self._breaker = Breaker()
        self._clocks: Clocks | None = None
        self._ready_at = 0.0
        self._seen_renewals = 0
        self._crashes: dict[int, int] = {}
        self._fresh_first = False
        self._excess = 0
        self._claim: Claim | None = None
        self._last_success: float | None = None
        self._last_code: PlatformCode | None = None
        self._violation: Violation | None = None
        self._throttled_until: float | None = None
        self._due: float | None = None
        self._told: tuple[bool, Reason | None, PlatformCode | None] | None = None
        """What the watcher was told last of whether the lane is up."""
        self._task: asyncio.Task[Any] | None = None
        self._await: Await | None = None
        self._cut = False
        self._stopping = False
        self._hurry = False
        self._finished = asyncio.Event()
        self._finished.set()

    @property
    def lane(self) -> Lane:
        """The lane that this courier works in."""
        return self._lane

    @property
    def health(self) -> Health:
        """How the lane stands at this moment."""
        paused_at, paused = self._outbox.paused(self._lane), self._paused
        reason = self._breaker.reason if paused is None else paused.reason
        return Health(
            up=self._breaker.up and paused is None,
            reason=reason,
            due=None if reason is None or paused_at is not None else self._due,
            paused=None if paused is None else paused.reason,
            breaker_open=self._breaker.open,
            failures=self._breaker.failures,
            throttled_until=self._throttled_until if self._breaker.throttles else None,
            last_success=self._last_success,
            last_code=None if paused_at is not None else self._last_code,
            violation=self._violation,
            paused_at=paused_at,
        )

    @property
    def _paused(self) -> Pause | None:
        """Why the lane is paused: by an operator before all, whatever the platform has said."""
        return self._breaker.paused if self._outbox.paused(self._lane) is None else HALTED

    def heed(self) -> None:
        """Hear that the lane was paused or resumed, and report how it stands; the store itself is asked before each step."""
        self._tell()

    async def run(self) -> None:
        """Deliver until `stop`, or until the store is closed or has failed for good."""
        self._task = asyncio.current_task()
        self._finished.clear()
        self._now()
        self._told = None
        self._tell()
        try:
            while not self._stopping:
                await self._guarded_round()
        except Unavailable:
            return  # what was claimed is found again, as untried or as maybe, by the next process
        finally:
            self._task = None
            self._finished.set()

    async def stop(self, deadline_seconds: float) -> None:
        """Claim nothing more, finish the claim under way, and return when that is settled.

        A request that is still on the wire after `deadline_seconds` is cut; its events become maybe received.
        """
        self._stopping = True
        self._interrupt(Await.REST)
        try:
            async with asyncio.timeout(deadline_seconds):
                await self._finished.wait()
        except TimeoutError:
            self._hurry = True
            self._interrupt(Await.FLIGHT)
            await self._finished.wait()

    # ── one round ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _guarded_round(self) -> None:
        """Do one round; an unforeseen exception is reported, the claim given back, and the lane backs off."""
        try:
            await self._round()
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - a bug in one lane must not end the others
            self._fault(Stage.COURIER, error)
            self._change(self._breaker.failed(Reason.UNKNOWN_ERROR, None, self._pace))
            self._schedule()
            await self._abandon()

    async def _round(self) -> None:
        """Wait until the lane may and has something to send, claim a batch and see it through."""
        if self._halted:
            await self._stand_by()
            return
        await self._rest_until_ready()
        limit = self._breaker.limit(self._rules.limits.batch_events)
        await self._fill(limit)
        if self._stopping:
            return
        await self._set_aside()
        seen = self._outbox.arrivals(self._lane)
        # A probe takes what is fresh: what was set aside by earlier probes has been tried.
        self._fresh_first = self._breaker.probing or not self._fresh_first
        claim = await self._claim_ripe(limit)
        if claim is None:
            await self._idle(seen)
            return
        work = Work(claim, self._breaker.probing, Plan(claim.records))
        await self._send_all(work)
        self._conclude_breaker(work)
        await self._end(work)

    @property
    def _halted(self) -> bool:
        """Whether an operator has paused the lane, as of this moment."""
        return self._outbox.paused(self._lane) is not None

    async def _stand_by(self) -> None:
        """Wait for the end of an operator's pause. What the platform was last like is kept for then; nothing asks it now."""
        if (shut := self._outbox.shut) in LOST:
            raise Unavailable(shut)
        seen = self._outbox.arrivals(self._lane)
        await self._cuttable(Await.REST, self._outbox.wait_for_work(self._lane, seen, _monotonic() + self._pace.idle_seconds))

    async def _fill(self, limit: int) -> None:
        """Let a batch fill: as long as the quota has no place for it, and a moment if it is small."""
        figures = self._outbox.waiting(self._lane)
        if figures.waiting or figures.retrying:
            await self._wait_for_quota(self._route.meter.wait(_monotonic()))
        if 0 < self._outbox.waiting(self._lane).waiting < limit:
            await self._rest(self._pace.linger_seconds)

    async def _set_aside(self) -> None:
        """Put what has become old out of the way of what is fresh. It can wait while the store is full or the lane is down."""
        now = int(self._now().wall)
        limits = self._rules.limits
        held = limits.min_age if limits.held_clicks is None else 0  # where only some are held, others must pass
        before = overtaken(self._outbox.waiting(self._lane), held, self._pace, now)
        if before is None or self._breaker.probing:
            return
        try:
            await self._outbox.set_aside(self._lane, before)
        except Unavailable as shut:
            if shut.why in LOST:
                raise

    async def _claim_ripe(self, limit: int) -> Claim | None:
        """Claim a batch, of what is fresh or of what is old; if that is too young for the platform, of the other.

        What is too young keeps its place in the sequence: set aside one by one, it would cost a row each.
        """
        wait = self._pace.idle_seconds
        for fresh_first in (self._fresh_first, not self._fresh_first):
            claim = await self._claim_next(limit, fresh_first=fresh_first)
            if claim is None or claim.origin is Origin.AGAIN:
                return claim
            now = self._now()
            count = ripe(claim.records, self._rules, now)
            if count == len(claim.records):
                return claim
            await self._release(claim, maybe=False)
            if count:
                return await self._claim_next(count, fresh_first=fresh_first)
            wait = min(wait, claim.records[0].event.occurred_at + self._rules.limits.min_age - now.earliest)
        self._ready_at = _monotonic() + wait
        return None

    async def _claim_next(self, limit: int, *, fresh_first: bool) -> Claim | None:
        """Claim up to `limit` records."""
        now = int(self._now().wall)
        self._claim = await self._insist(lambda: self._outbox.claim(self._lane, limit, now, fresh_first=fresh_first))
        return self._claim

    async def _release(self, claim: Claim, *, maybe: bool) -> None:
        """Give a claim back."""
        await self._insist(lambda: self._outbox.release(claim, maybe=maybe))
        self._claim = None

    async def _idle(self, seen: int) -> None:
        """Sleep until something was put, an exception is due, or it is time to look at the clocks again."""
        due = await self._insist(lambda: self._outbox.next_due(self._lane))
        if self._stopping:  # said while the store was being asked, when there was no wait to cut
            return
        seconds = self._pace.idle_seconds
        if self._ready_at > _monotonic():
            seconds = min(seconds, self._ready_at - _monotonic())
        if due is not None:
            # Claims take whole seconds, so a due time is reached when the next full second is.
            seconds = min(seconds, max(SHORTEST_IDLE, -(-due // 1) - self._office.wall()))
        await self._cuttable(Await.REST, self._outbox.wait_for_work(self._lane, seen, _monotonic() + seconds))

    async def _abandon(self) -> None:
        """Give back a claim whose round broke; all of it may have been received."""
        claim, self._claim = self._claim, None
        if claim is not None:
            try:
                await self._insist(lambda: self._outbox.release(claim, maybe=True))
            except Unavailable:
                raise
            except Exception as error:  # noqa: BLE001 - the claim was already over; the next round shows
                self._fault(Stage.COURIER, error)

    # ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _send_all(self, work: Work) -> None:
        """Send the claim's records: as one request if all goes well, in smaller ones around what was refused."""
        while (group := work.plan.next()) is not None:
            if self._hurry and work.stop is None:
                work.stop = CUT_SHORT
            if self._halted and work.stop is None:
                work.stop = HALTED
            ready = await self._admit(work, group)
            if work.stop is not None:
                left = untried(work.stop)
                work.outcomes += [(record, left) for record in group]
            elif ready:
                await self._attempt(work, ready)

    async def _admit(self, work: Work, group: Sequence[Record]) -> Sequence[Record]:
        """Take out what may not go and wait for a place in the platform's quota; gives what may go now.

        If a stop cuts the wait, the work is stopped and nothing is taken out.
        """
        if work.stop is not None:
            return ()
        ready, settled = self._screen(work, group)
        if ready and not work.placed:
            wait = self._route.meter.take(_monotonic())
            if not await self._wait_for_quota(wait):
                work.stop = CUT_SHORT
                return ()
            work.placed = True
            if wait:
                ready, settled = self._screen(work, group)
        work.settled += settled
        return ready

    def _screen(self, work: Work, group: Sequence[Record]) -> tuple[Sequence[Record], list[Settlement]]:
        """Part what may go now from what may not: a whole claim by what it adds up to, where that says enough."""
        claim, now = work.claim, self._now()
        withdrawn = self._outbox.withdrawn(claim)
        if group is claim.records and not withdrawn and all_may_go(group, claim.summary, self._rules, now):
            return group, []
        return screen(group, withdrawn, self._rules, now)

    async def _wait_for_quota(self, seconds: float) -> bool:
        """Wait, which costs no event a try and is no failure; False if a stop cut it."""
        if seconds <= 0:
            return True
        began = _monotonic()
        await self._rest(seconds)
        self._watcher.quota_waited(self._lane, _monotonic() - began)
        return not self._stopping

    async def _attempt(self, work: Work, group: Sequence[Record]) -> None:
        """Build and send one request for `group`, and keep its outcomes or have it cut."""
        try:
            request = self._route.adapter.build([record.event for record in group])
        except Exception as error:  # noqa: BLE001 - an adapter's bug costs the events that it fails on, nothing else
            self._unbuildable(work, group, error)
            return
        if len(request.body) > self._rules.limits.batch_bytes:
            if len(group) > 1:
                work.plan.halve(group)
            else:
                work.outcomes.append((group[0], Rejected(Reason.TOO_LARGE)))
            return
        match await self._exchange(work, group, request):
            case None:
                work.outcomes += [(record, self._crash(record, maybe=True)) for record in group]
            case Violation() as violation:
                await self._note_breach(violation)
                self._quarantine(work, group, violation)
            case CalledOff():  # costs nobody a try: the next look takes out who has withdrawn, or stops if that was a pause
                work.plan.unsent(group)
            case verdicts:
                self._take(work, group, verdicts)

    def _unbuildable(self, work: Work, group: Sequence[Record], error: Exception) -> None:
        """Halve a group that the adapter could not write until the event it fails on stands alone."""
        if not work.faulted:
            self._fault(Stage.BUILD, error)
            work.faulted = True
        if len(group) > 1:
            work.plan.halve(group)
        else:
            work.outcomes.append((group[0], self._crash(group[0], maybe=False)))

    async def _exchange(self, work: Work, group: Sequence[Record], request: Request) -> Heard:
        """Send `request` and give one verdict per record."""
        access = await self._access()
        if not isinstance(access, Access):
            return [access] * len(group)
        verdicts = await self._ask(work, group, request, access)
        # A token can be revoked or end early, so another is tried before anybody is called for; a probe is such a try itself.
        if self._another(verdicts, access) and self._breaker.paused is None and not self._hurry:
            fresh = await self._access()
            if not isinstance(fresh, Access):
                return [fresh] * len(group)
            verdicts = await self._ask(work, group, request, fresh)
            self._another(verdicts, fresh)
        return verdicts

    def _another(self, verdicts: Heard, access: Access) -> bool:
        """Let the credential know if its access was refused; say whether the next one may be another."""
        if verdicts is None or isinstance(verdicts, Violation | CalledOff):
            return False
        return refuses_credential(verdicts) and self._route.credential.refused(access)

    async def _access(self) -> Access | Pause | Retry | Throttle:
        """Get access for one request; it may have to be fetched, which `stop` may cut like a request."""
        self._seen_renewals = self._route.credential.renewals
        return await self._cuttable(Await.FLIGHT, self._route.credential.access()) or Retry(Reason.NOT_CONNECTED)

    async def _ask(self, work: Work, group: Sequence[Record], request: Request, access: Access) -> Heard:
        """Send `request` with `access`, if the contract allows it and it may go still, and read the answer."""
        cleared = self._route.contract.check(compose(self._route.base_url, request, access), len(group))
        if isinstance(cleared, Violation):
            return cleared
        if not self._may_go(work, group):  # a token may have been waited for
            return CALLED_OFF
        fresh = await self._mark(work, group, cleared)
        reply = await self._fly(work, group, cleared)
        if isinstance(reply, CalledOff):
            await self._insist(lambda: self._outbox.call_off(work.claim))
            work.marked.difference_update(fresh)
            return reply
        work.heard = not isinstance(reply, NoReply)
        if isinstance(reply, NoReply):
            return [without_reply(reply)] * len(group)
        return self._interpret(group, reply)

    async def _fly(self, work: Work, group: Sequence[Record], cleared: Cleared) -> Reply | NoReply | CalledOff:
        """Send what was cleared and marked, unless before the first byte somebody in it withdraws or the lane is paused."""
        placed, work.placed = work.placed, False
        if not placed:  # a repeat with a fresh token goes at once, and counts all the same
            self._route.meter.take(_monotonic())
        self._watcher.sent_bytes(self._lane.destination, len(cleared.outgoing.body))
        flight = self._office.transport.send_if(lambda: self._may_go(work, group), cleared, self._rules.limits.timeout)
        reply = await self._cuttable(Await.FLIGHT, flight) or CONNECTION_LOST
        work.placed = isinstance(reply, CalledOff)  # its place is still free for the others
        return reply

    def _may_go(self, work: Work, group: Sequence[Record]) -> bool:
        """Say whether nobody has paused the lane and nothing of the group was taken out, as of this moment."""
        if self._halted:
            return False
        gone = self._outbox.withdrawn(work.claim)
        return not gone or gone.keys().isdisjoint([record.seq for record in group])

    def _interpret(self, group: Sequence[Record], reply: Reply) -> Sequence[Verdict] | None:
        """Read a reply; None if the adapter could not."""
        try:
            verdicts = self._route.adapter.interpret(reply, len(group))
            if len(verdicts) != len(group):
                raise TypeError("one verdict per event")  # noqa: TRY301 - same treatment as any other fault of the adapter
        except Exception as error:  # noqa: BLE001 - an adapter's bug costs the events that it fails on, nothing else
            self._fault(Stage.INTERPRET, error)
            return None
        self._count_warnings(reply)
        return verdicts

    def _count_warnings(self, reply: Reply) -> None:
        """Pass on how many remarks a reply makes. An adapter that fails on that has still said what becomes of the events."""
        try:
            count = self._route.adapter.warnings(reply)
        except Exception as error:  # noqa: BLE001 - a bug in counting costs the count, nothing else
            self._fault(Stage.INTERPRET, error)
            return
        if count:
            self._watcher.warned(self._lane, count)

    async def _mark(self, work: Work, group: Sequence[Record], cleared: Cleared) -> Sequence[int]:
        """Let the store know that the platform may have these records from now on, and what leaves of them.

        Gives the numbers of those of which it did not know that yet.
        """
        fresh = [record.seq for record in group if record.seq not in work.marked]
        version = self._route.contract.file.version
        alike: defaultdict[tuple[Kind, Shape], list[int]] = defaultdict(list)
        for record, shape in zip(group, cleared.shapes, strict=True):
            alike[record.event.kind, shape].append(record.seq)
        size = len(cleared.outgoing.body) // len(group)
        left = [Left(*what, tuple(seqs), version, size) for what, seqs in alike.items()]
        now = int(self._now().wall)
        await self._insist(lambda: self._outbox.mark_sent(work.claim, fresh, now, left))
        work.marked.update(fresh)
        return fresh

    async def _note_breach(self, violation: Violation) -> None:
        """Have the store keep what the contract held back, for those who read it later."""
        places = [(place.path, place.found) for place in violation.places]
        version, now = self._route.contract.file.version, int(self._now().wall)
        await self._insist(lambda: self._outbox.note_breach(self._lane, places, version, now))

    def _quarantine(self, work: Work, group: Sequence[Record], violation: Violation) -> None:
        """Nothing was sent: set the events aside that are to blame, and have the others sent next without them.

        Where the request itself is to blame, or most of its events, it is no event's fault: the lane stops.
        """
        self._violation = violation
        self._watcher.violated(self._lane, violation)
        pause = broke_contract(violation, len(group), probe=work.probe)
        if pause is not None:
            self._take(work, group, [pause] * len(group))
            return
        work.outcomes += [(group[number], Rejected(Reason.CONTRACT)) for number in violation.events]
        rest = [record for number, record in enumerate(group) if number not in violation.events]
        if rest:
            work.plan.again(rest)

    def _take(self, work: Work, group: Sequence[Record], verdicts: Sequence[Verdict]) -> None:
        """Keep a request's verdicts, change the lane's standing, and have cut what was refused as a whole."""
        kinds = set(map(type, verdicts))
        work.stop = standstill(verdicts)
        self._note(work.stop, verdicts)
        if len(group) > 1 and Isolate in kinds:
            self._isolate(work, group, verdicts)
        else:
            work.outcomes += zip(group, verdicts, strict=True)
        if Delivered in kinds:
            work.plan.taken()
        if (Rejected in kinds or Isolate in kinds) and not work.probe:
            self._suspect(work)

    def _isolate(self, work: Work, group: Sequence[Record], verdicts: Sequence[Verdict]) -> None:
        """Keep what has a verdict of its own, and have the refused rest cut around its suspects."""
        refused: list[Record] = []
        suspects: list[bool] = []
        for record, verdict in zip(group, verdicts, strict=True):
            if isinstance(verdict, Isolate):
                refused.append(record)
                suspects.append(verdict.suspect)
            else:
                work.outcomes.append((record, verdict))
        work.plan.refused(refused, suspects)

    def _suspect(self, work: Work) -> None:
        """Stop, and pause the lane, when so much was refused that the configuration must be wrong."""
        suspicion = misconfigured(work.outcomes, self._excess)
        if suspicion is None:
            return
        if not work.doubted and work.plan.turn_over():
            work.doubted = True  # the bad ones may lie together: hear what becomes of the others first
            return
        work.suspicion = work.stop = suspicion
        self._change(self._breaker.pause(suspicion))

    # ── settling ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _end(self, work: Work) -> None:
        """Give the claim back whole if nothing came of it, else settle every record."""
        self._forgive(work)
        maybe = self._release_as(work)
        if maybe is None:
            await self._settle(work)
            return
        await self._release(work.claim, maybe=maybe)
        _, outcome = work.outcomes[0]
        if not isinstance(outcome, Crash) and outcome is not HALTED:
            self._watcher.retried(self._lane, outcome.reason, len(work.outcomes))

    def _forgive(self, work: Work) -> None:
        """Take back refusals that are not to be believed: the events are kept."""
        self._excess = excess_of(work.outcomes, self._excess)
        if work.suspicion is not None:
            work.outcomes = forgiven(work.outcomes, work.suspicion)
        elif work.probe and self._breaker.paused is not None and unproven(work.outcomes):
            work.stop = Retry(self._breaker.paused.reason, code=self._last_code)
            work.outcomes = forgiven(work.outcomes, work.stop)

    def _release_as(self, work: Work) -> bool | None:
        """Say whether the claim can be released, and then as maybe or not; None if it must be settled.

        A probe that was answered, and still failed, is settled: its events go to the side, so that the next probe
        tries others and one event that upsets the platform cannot block the lane.
        """
        if work.settled or work.claim.unreadable or not work.outcomes:
            return None
        if work.probe and work.heard and isinstance(work.stop, Retry | Maybe):
            return None
        return give_back(work.outcomes)

    async def _settle(self, work: Work) -> None:
        """Record every fate in one go, and tell those who watch once that is durable."""
        claim, now = work.claim, self._now().wall
        answer = None if work.settled or claim.unreadable else one_answer(work.outcomes)
        if answer is not None:  # nearly always: said once for all of them, in the store and to those who watch
            done = AllDone(answer.reason, answer.code, answer.receipt)
            await self._insist(lambda: self._outbox.settle(claim, done, int(now)))
            self._claim = None
            self._forget_crashes(record.seq for record in claim.records)
            self._report(tally_all(claim.summary, answer.reason, now), now)
            return
        ended = [*self._fates(work, now), *((None, Dead(seq, Reason.UNSEALABLE)) for seq in claim.unreadable)]
        fates = [fate for _, fate in ended]
        await self._insist(lambda: self._outbox.settle(claim, fates, int(now)))
        self._claim = None
        self._forget_crashes(fate.seq for fate in fates if not isinstance(fate, Later))
        self._report(tally(ended, now), now)

    def _fates(self, work: Work, now: float) -> Iterable[tuple[Record, Settlement]]:
        """Give each readable record of the claim its settlement."""
        pace, dice = self._pace, self._office.dice
        fates = [(record, settlement(record, outcome, now, pace, dice())) for record, outcome in work.outcomes]
        if work.settled:
            records = {record.seq: record for record in work.claim.records}
            fates += [(records[fate.seq], fate) for fate in work.settled]
        return fates

    def _report(self, sums: Tally, now: float) -> None:
        """Tell the watcher what became of a claim."""
        if sums.delivered:
            self._last_success = now
        for (kind, reason), total in sums.delivered.items():
            self._watcher.delivered(self._lane, kind, reason, total.seconds, total.money)
        for (kind, reason), total in sums.dead.items():
            self._watcher.dead(self._lane, kind, reason, len(total.seconds), total.money)
        for (kind, reason), total in sums.withdrawn.items():
            self._watcher.withdrawn(self._lane, kind, reason, len(total.seconds), total.money)
        for reason, count in sums.unreadable.items():
            self._watcher.dead(self._lane, None, reason, count, {})
        for reason, count in sums.later.items():
            self._watcher.retried(self._lane, reason, count)

    # ── the lane's standing ──────────────────────────────────────────────────────────────────────────────────────

    def _note(self, stop: Pause | Throttle | Retry | Maybe | None, verdicts: Sequence[Verdict]) -> None:
        """Change the lane's standing by one request's outcome."""
        self._last_code = verdicts[0].code
        match stop:
            case Pause():
                self._change(self._breaker.pause(stop))
            case Throttle(_, after, _):
                self._change(self._breaker.throttled(after))
            case Retry(reason, after, _):
                self._change(self._breaker.failed(reason, after, self._pace))
            case Maybe(reason, _):
                self._change(self._breaker.failed(reason, None, self._pace))
            case None:
                # Refusals alone do not end a pause: with a wrong configuration every event is refused.
                if self._breaker.paused is None or any(type(verdict) is Delivered for verdict in verdicts):
                    self._change(self._breaker.answered(breather(verdicts)))

    def _conclude_breaker(self, work: Work) -> None:
        """Count a round that brought nothing though the platform answered, and set when the next one may begin."""
        if work.outcomes and all(isinstance(outcome, Crash) for _, outcome in work.outcomes):
            self._change(self._breaker.failed(Reason.UNKNOWN_ERROR, None, self._pace))
        elif work.probe and work.outcomes and work.stop is None and self._breaker.paused is not None:
            self._change(self._breaker.pause(self._breaker.paused))
        if work.outcomes:
            self._schedule()

    def _schedule(self) -> None:
        """Set when the next request may leave."""
        wait = self._breaker.wait(self._pace, self._office.dice())
        self._ready_at = _monotonic() + wait
        self._due = self._office.wall() + wait
        if self._breaker.throttles:
            self._throttled_until = self._due
            self._watcher.throttled(self._lane, wait)

    def _change(self, new: Breaker) -> None:
        """Take the new standing and report what changed."""
        old, self._breaker = self._breaker, new
        if old.paused is not None and new.paused is None:
            self._excess = 0
        if old.open is not new.open:
            self._watcher.breaker(self._lane, new.open, new.reason)
        if (old.up, old.paused) != (new.up, new.paused):
            self._tell()

    def _tell(self) -> None:
        """Report whether the lane is up, and why not; once."""
        paused = self._paused
        up = self._breaker.up and paused is None
        reason = HALTED.reason if paused is HALTED else self._breaker.reason
        told = (up, reason, None if paused is None else paused.code)
        if told != self._told:
            self._told = told
            self._watcher.up(self._lane, *told)

    def _crash(self, record: Record, *, maybe: bool) -> Crash:
        """Count that the adapter failed on `record`."""
        times = self._crashes[record.seq] = self._crashes.get(record.seq, 0) + 1
        return Crash(times, maybe)

    def _forget_crashes(self, ended: Iterable[int]) -> None:
        """Drop the counts of records that are done with, by their numbers."""
        if self._crashes:
            for seq in ended:
                self._crashes.pop(seq, None)

    def _fault(self, stage: Stage, error: Exception) -> None:
        """Report a bug by class and place."""
        self._watcher.fault(self._lane, stage, type(error).__name__, place_of(error))

    # ── time, and waiting ────────────────────────────────────────────────────────────────────────────────────────

    def _now(self) -> Time:
        """Read the clocks; a jump is reported once."""
        wall, monotonic = self._office.wall(), _monotonic()
        before = self._clocks or Clocks(wall - monotonic)
        self._clocks, now = before.read(wall, monotonic)
        if before.doubt_until is None and self._clocks.doubt_until is not None:
            self._watcher.clock_jumped(self._lane, 2 * wall - now.earliest - now.latest)
        return now

    async def _insist(self, call: Callable[[], Awaitable[T]]) -> T:
        """Ask the store until it is no longer busy. Raises Unavailable when it is closed or has failed for good."""
        while True:
            try:
                return await call()
            except Unavailable as shut:
                if self._hurry or shut.why in LOST:
                    raise
            await asyncio.sleep(self._pace.store_retry_seconds)

    async def _rest_until_ready(self) -> None:
        """Rest until the lane may send; one that is paused for its credential no longer than until that was replaced."""
        seconds = self._ready_at - _monotonic()
        if seconds > 0 and self._breaker.awaits_credential:
            await self._cuttable(Await.REST, self._renewed_within(seconds))
        else:
            await self._rest(seconds)

    async def _renewed_within(self, seconds: float) -> None:
        """Wait until the credential was replaced, and not longer than `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._route.credential.renewed(self._seen_renewals)

    async def _rest(self, seconds: float) -> None:
        """Sleep, unless `stop` says otherwise."""
        if seconds > 0:
            await self._cuttable(Await.REST, asyncio.sleep(seconds))

    async def _cuttable(self, what: Await, call: Coroutine[Any, Any, T]) -> T | None:
        """Await something that `stop` may cut; None if it did, be it before this began."""
        if self._hurry if what is Await.FLIGHT else self._stopping:
            call.close()
            return None
        self._await = what
        try:
            return await call
        except asyncio.CancelledError:
            if not self._cut or self._task is None:
                raise
            self._task.uncancel()
            return None
        finally:
            self._await = None
            self._cut = False

    def _interrupt(self, what: Await) -> None:
        """Cut the courier's present wait if it is of this sort."""
        if self._task is not None and self._await is what:
            self._cut = True
            self._task.cancel()


def _monotonic() -> float:
    """The event loop's clock, which all waiting uses."""
    return asyncio.get_running_loop().time()


def place_of(error: BaseException) -> str:
    """Name the line of code that raised, never what it said."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown"
