"""The courier of one lane: claims, screens, sends, reads the answer and settles, one request at a time.

It owns no rule: what may go is `screening`'s, what an answer means the adapter's, what becomes of an event `fates`',
how long to wait `breaker`'s. It owns the order of the steps, so that at every await the store knows enough for the
next process to go on from there. It never raises for what a platform, an adapter or a busy store does.

The steps are rooms of their own: `claiming`, `dispatching` with a `sending` for each request, `settling`; what they share is
the lane's `standing`, the courier's `patience` and the `work` under way.
"""

import asyncio
from contextlib import suppress
from typing import Final

from gateway.delivery.batches import Plan
from gateway.delivery.claiming import Claims
from gateway.delivery.dispatching import Dispatcher
from gateway.delivery.patience import LOST, Await, Patience, monotonic
from gateway.delivery.route import Office, Route
from gateway.delivery.screening import Rules
from gateway.delivery.sending import Sender
from gateway.delivery.settling import Settler
from gateway.delivery.standing import Health, LaneStanding
from gateway.delivery.watcher import Stage, place_of
from gateway.delivery.work import Crashes, Work
from gateway.model.words import Reason
from gateway.outbox.work import Lane
from gateway.storage import Unavailable

SHORTEST_IDLE: Final = 0.05
"""Seconds; keeps a due time that is almost now from being asked for in a tight loop."""


class Courier:
    """Delivers one lane's events until it is stopped. `run` it in a task of its own, once at a time."""

    def __init__(self, route: Route, office: Office) -> None:
        """Furnish the rooms; nothing starts before `run`."""
        lane, limits = route.lane, route.adapter.limits
        rules = Rules(limits, route.max_consent_age, route.adapter.refuses, int(office.wall()))
        self._route = route
        self._office = office
        self._lane = lane
        self._outbox = office.outbox
        self._pace = office.pace
        self._batch = limits.batch_events
        self._crashes = Crashes()
        self._patience = Patience(lane, office)
        self._standing = LaneStanding(lane, office)
        self._claims = Claims(lane, office, rules, self._patience, self._standing)
        self._sender = Sender(route, office, self._patience, self._standing)
        self._dispatcher = Dispatcher(route, office, rules, self._patience, self._standing, self._sender, self._crashes)
        self._settler = Settler(lane, office, self._patience, self._standing, self._claims, self._crashes)

    @property
    def lane(self) -> Lane:
        """The lane that this courier works in."""
        return self._lane

    @property
    def health(self) -> Health:
        """How the lane stands at this moment."""
        return self._standing.health

    def heed(self) -> None:
        """Hear that the lane was paused or resumed, and report how it stands; the store itself is asked before each step."""
        self._standing.tell()

    async def run(self) -> None:
        """Deliver until `stop`, or until the store is closed or has failed for good."""
        self._patience.begin()
        self._standing.tell_anew()
        try:
            while not self._patience.stopping:
                await self._guarded_round()
        except Unavailable:
            return  # what was claimed is found again, as untried or as maybe, by the next process
        finally:
            self._patience.end()

    async def stop(self, deadline_seconds: float) -> None:
        """Claim nothing more, finish the claim under way, and return when that is settled.

        A request that is still on the wire after `deadline_seconds` is cut; its events become maybe received.
        """
        await self._patience.stop(deadline_seconds)

    # ── one round ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _guarded_round(self) -> None:
        """Do one round; an unforeseen exception is reported, the claim given back, and the lane backs off."""
        try:
            await self._round()
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - a bug in one lane must not end the others
            self._fault(error)
            self._standing.failed(Reason.UNKNOWN_ERROR)
            self._standing.schedule()
            await self._abandon()

    async def _round(self) -> None:
        """Wait until the lane may and has something to send, claim a batch and see it through."""
        if self._standing.halted:
            await self._stand_by()
            return
        await self._rest_until_ready()
        limit = self._standing.breaker.limit(self._batch)
        await self._fill(limit)
        if self._patience.stopping:
            return
        await self._claims.set_aside()
        seen = self._outbox.arrivals(self._lane)
        claim = await self._claims.take(limit)
        if claim is None:
            await self._idle(seen)
            return
        work = Work(claim, self._standing.breaker.probing, Plan(claim.records))
        await self._dispatcher.send_all(work)
        self._standing.conclude(work)
        await self._settler.end(work)

    async def _abandon(self) -> None:
        """Give back a claim whose round broke."""
        try:
            await self._claims.abandon()
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - the claim was already over; the next round shows
            self._fault(error)

    def _fault(self, error: Exception) -> None:
        """Report a bug by class and place."""
        self._office.watcher.fault(self._lane, Stage.COURIER, type(error).__name__, place_of(error))

    # ── waiting for a round ──────────────────────────────────────────────────────────────────────────────────────

    async def _stand_by(self) -> None:
        """Wait for the end of an operator's pause. What the platform was last like is kept for then; nothing asks it now."""
        if (shut := self._outbox.shut) in LOST:
            raise Unavailable(shut)
        await self._wait_for_work(self._outbox.arrivals(self._lane), self._pace.idle_seconds)

    async def _rest_until_ready(self) -> None:
        """Rest until the lane may send; one that is paused for its credential no longer than until that was replaced."""
        seconds = self._standing.ready_at - monotonic()
        if seconds > 0 and self._standing.breaker.awaits_credential:
            await self._patience.cuttable(Await.REST, self._renewed_within(seconds))
        else:
            await self._patience.rest(seconds)

    async def _renewed_within(self, seconds: float) -> None:
        """Wait until the credential was replaced, and not longer than `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._route.credential.renewed(self._sender.seen_renewals)

    async def _fill(self, limit: int) -> None:
        """Let a batch fill: as long as the quota has no place for it, and a moment if it is small."""
        figures = self._outbox.waiting(self._lane)
        if figures.waiting or figures.retrying:
            await self._dispatcher.wait_for_quota(self._route.meter.wait(monotonic()))
        if 0 < self._outbox.waiting(self._lane).waiting < limit:
            await self._patience.rest(self._pace.linger_seconds)

    async def _idle(self, seen: int) -> None:
        """Sleep until something was put, an exception is due, or it is time to look at the clocks again."""
        due = await self._patience.insist(lambda: self._outbox.next_due(self._lane))
        if self._patience.stopping:  # said while the store was being asked, when there was no wait to cut
            return
        seconds = self._pace.idle_seconds
        if self._standing.ready_at > monotonic():
            seconds = min(seconds, self._standing.ready_at - monotonic())
        if due is not None:
            # Claims take whole seconds, so a due time is reached when the next full second is.
            seconds = min(seconds, max(SHORTEST_IDLE, -(-due // 1) - self._office.wall()))
        await self._wait_for_work(seen, seconds)

    async def _wait_for_work(self, seen: int, seconds: float) -> None:
        """Wait until something was put that had not been `seen`, and not longer than `seconds`; a stop may cut it."""
        wait = self._outbox.wait_for_work(self._lane, seen, monotonic() + seconds)
        await self._patience.cuttable(Await.REST, wait)
