"""Pausing and resuming a destination of a storefront: what an operator orders, done once and recorded before it takes effect.

The store keeps it, so that it outlives the process. From the answer to a pause on nothing begins to leave: not an event, not
a probe, not a question. A request that has begun is finished. Events are taken as before and wait, and go on growing older.
One order is done at a time, so that a repeat records nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypedDict

import msgspec

from gateway.audit.standing import Backlog, backlog
from gateway.audit.trace import moment
from gateway.delivery.screening import Rules
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination
from gateway.outbox import Outbox
from gateway.outbox.work import Lane
from gateway.signing.acts import pause_of, resumption_of
from gateway.signing.entry import Entry


class PauseOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which destination of which storefront is meant."""

    storefront: str
    destination: Destination


class PauseTold(TypedDict):
    """The answer of `POST /api/v1/pause` and `POST /api/v1/resume`: how the destination stands now, and what waits there.

    `paused_at`: since when it is paused (RFC 3339, UTC). `already`: it was so before the order, and nothing was done.
    """

    storefront: str
    destination: str
    paused: bool
    paused_at: str | None
    already: bool
    backlog: Backlog


class Pausing:
    """Pauses and resumes these lanes, known by their rules.

    `record` writes to the signed log or raises Unrecorded: then nothing is done. `heed` tells a lane's courier; over a
    closed store there is nobody to tell.
    """

    def __init__(
        self,
        outbox: Outbox,
        rules: Mapping[Lane, Rules],
        record: Callable[[Entry], Awaitable[int]],
        heed: Callable[[Lane], None] = lambda _lane: None,
    ) -> None:
        """Keep what is needed."""
        self._outbox = outbox
        self._rules = rules
        self._record = record
        self._heed = heed
        self._one_at_a_time = asyncio.Lock()

    async def pause(self, order: PauseOrder, by: str, now: float) -> PauseTold | None:
        """Pause a lane at `now` (Unix seconds), as ordered by `by` (an `entry.By`); None when there is no such lane.

        Raises Unrecorded, and Unavailable when it was recorded and the store did not take it: then it is not paused.
        """
        lane = self._lane(order)
        if lane is None:
            return None
        async with self._one_at_a_time:
            already = self._outbox.paused(lane) is not None
            if not already:
                await self._record(pause_of(lane, by))
                await self._outbox.pause(lane, int(now))
                self._heed(lane)
            return self._told(lane, int(now), already=already)

    async def resume(self, order: PauseOrder, by: str, now: float) -> PauseTold | None:
        """Let a lane go on, as ordered by `by`; None when there is no such lane. Raises as `pause` does."""
        lane = self._lane(order)
        if lane is None:
            return None
        async with self._one_at_a_time:
            already = self._outbox.paused(lane) is None
            if not already:
                await self._record(resumption_of(lane, by))
                await self._outbox.resume(lane)
                self._heed(lane)
            return self._told(lane, int(now), already=already)

    def _lane(self, order: PauseOrder) -> Lane | None:
        """Find the lane that is meant."""
        meant = Lane(StorefrontId.unsealed(order.storefront), order.destination)
        return next((known for known in self._rules if known == meant), None)

    def _told(self, lane: Lane, now: int, *, already: bool) -> PauseTold:
        """Say how a lane stands now."""
        since = self._outbox.paused(lane)
        return PauseTold(
            storefront=str(lane.storefront),
            destination=lane.destination.value,
            paused=since is not None,
            paused_at=None if since is None else moment(since),
            already=already,
            backlog=backlog(self._outbox.waiting(lane), self._rules[lane].limits.max_age, now),
        )
