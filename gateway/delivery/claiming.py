"""Claiming: which records of a lane come next, and the end of every claim, given back or settled.

What is fresh and what is old take turns, and what is too young for the platform keeps its place. One claim is open at a time;
if the round that took it breaks, it is given back as maybe received.
"""

from collections.abc import Sequence

from gateway.delivery.patience import LOST, Patience, monotonic
from gateway.delivery.route import Office
from gateway.delivery.screening import Rules, ripe
from gateway.delivery.standing import LaneStanding
from gateway.delivery.turns import overtaken
from gateway.outbox.work import AllDone, Claim, Lane, Origin, Settlement
from gateway.storage import Unavailable


class Claims:
    """Takes one lane's records from the store, a batch at a time, and closes what it took."""

    def __init__(self, lane: Lane, office: Office, rules: Rules, patience: Patience, standing: LaneStanding) -> None:
        """Keep what is needed; nothing is claimed before `take`."""
        self._lane = lane
        self._outbox = office.outbox
        self._pace = office.pace
        self._rules = rules
        self._patience = patience
        self._standing = standing
        self._fresh_first = False
        self._open: Claim | None = None

    async def set_aside(self) -> None:
        """Put what has become old out of the way of what is fresh. It can wait while the store is full or the lane is down."""
        now = int(self._patience.now().wall)
        limits = self._rules.limits
        held = limits.min_age if limits.held_clicks is None else 0  # where only some are held, others must pass
        before = overtaken(self._outbox.waiting(self._lane), held, self._pace, now)
        if before is None or self._standing.breaker.probing:
            return
        try:
            await self._outbox.set_aside(self._lane, before)
        except Unavailable as shut:
            if shut.why in LOST:
                raise

    async def take(self, limit: int) -> Claim | None:
        """Claim a batch, of what is fresh or of what is old; if that is too young for the platform, of the other.

        What is too young keeps its place in the sequence: set aside one by one, it would cost a row each. None if there is
        nothing that may go.
        """
        # A probe takes what is fresh: what was set aside by earlier probes has been tried.
        self._fresh_first = self._standing.breaker.probing or not self._fresh_first
        wait = self._pace.idle_seconds
        for fresh_first in (self._fresh_first, not self._fresh_first):
            claim = await self._next(limit, fresh_first=fresh_first)
            if claim is None or claim.origin is Origin.AGAIN:
                return claim
            now = self._patience.now()
            count = ripe(claim.records, self._rules, now)
            if count == len(claim.records):
                return claim
            await self.release(claim, maybe=False)
            if count:
                return await self._next(count, fresh_first=fresh_first)
            wait = min(wait, claim.records[0].event.occurred_at + self._rules.limits.min_age - now.earliest)
        self._standing.ready_at = monotonic() + wait
        return None

    async def release(self, claim: Claim, *, maybe: bool) -> None:
        """Give a claim back; `maybe`: all of it may have been received."""
        await self._patience.insist(lambda: self._outbox.release(claim, maybe=maybe))
        self._open = None

    async def settle(self, claim: Claim, fates: Sequence[Settlement] | AllDone, now: int) -> None:
        """Close a claim with a settlement for each of its records, in one go; `now` is Unix seconds."""
        await self._patience.insist(lambda: self._outbox.settle(claim, fates, now))
        self._open = None

    async def abandon(self) -> None:
        """Give back the open claim, whose round broke; all of it may have been received."""
        claim, self._open = self._open, None
        if claim is not None:
            await self._patience.insist(lambda: self._outbox.release(claim, maybe=True))

    async def _next(self, limit: int, *, fresh_first: bool) -> Claim | None:
        """Claim up to `limit` records."""
        now = int(self._patience.now().wall)
        self._open = await self._patience.insist(lambda: self._outbox.claim(self._lane, limit, now, fresh_first=fresh_first))
        return self._open
