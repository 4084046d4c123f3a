"""The canary: while the gateway runs, each destination is rehearsed again and again, so that a token that was withdrawn or a
closed account is found before the next purchase, and not by it.

It is `rehearsing`, by the clock: never a conversion, and what the platform would count, as Meta does events under a test
code, is not sent. One destination is tried at a time, at moments that are drawn, so that lanes and gateways do not ask in
step. It takes a place in the platform's quota as every request does, and only one that is free: events go first, and a lane
that uses its quota up shows by itself how it stands. Whoever is paused, broken off or throttled is left alone: there the
courier's own probes ask. What was not well is asked again after a few minutes, whatever the schedule, so that what was mended
is soon seen to be. It may be cancelled at any await: nothing of it is stored.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from gateway.adapter import Way
from gateway.delivery.patience import monotonic
from gateway.delivery.rehearsal import Finding
from gateway.delivery.rehearsing import rehearse
from gateway.delivery.route import Route
from gateway.delivery.standing import Health
from gateway.delivery.transport import Transport
from gateway.delivery.watcher import Stage, Watcher, place_of
from gateway.outbox.work import Lane

AGAIN_SECONDS: Final = 300.0
"""How soon a destination is asked again that was not well, or that could not be asked."""

SPREAD: Final = 0.2
"""The part of each wait that is drawn."""

COUNTS: Final = frozenset({Way.TEST_EVENT})
"""Ways of rehearsing by which the platform counts something."""


class Sighting(msgspec.Struct, frozen=True):
    """What a canary found, and when (Unix seconds)."""

    at: int
    finding: Finding


class Canary:
    """Rehearses the destinations of all lanes. `run` it in a task of its own, once; cancel it to stop it."""

    def __init__(  # noqa: PLR0913 - rooms and clocks, given by name
        self,
        routes: Mapping[Lane, Route],
        healths: Mapping[Lane, Callable[[], Health]],
        seconds: float,
        *,
        transport: Transport,
        watcher: Watcher,
        wall: Callable[[], float] = time.time,
        dice: Callable[[], float] = random.random,
    ) -> None:
        """`healths` says how each lane stands, `seconds` how long after a destination was well it is asked again.

        `wall` gives Unix seconds, `dice` a number from 0 up to 1.
        """
        self._routes = routes
        self._healths = healths
        self._seconds = seconds
        self._transport = transport
        self._watcher = watcher
        self._wall = wall
        self._dice = dice
        self._found: dict[Lane, Sighting] = {}

    def found(self, lane: Lane) -> Sighting | None:
        """What was last found of a lane's destination; None until it was asked."""
        return self._found.get(lane)

    async def run(self) -> None:
        """Ask until cancelled: each destination first within minutes of the start, then as it was found."""
        now = monotonic()
        due = {lane: now + self._dice() * self._soon for lane in self._routes}
        while due:
            lane = min(due, key=due.__getitem__)
            await asyncio.sleep(due[lane] - monotonic())
            wait = await self._guarded(lane)
            due[lane] = monotonic() + wait * (1 - SPREAD * self._dice())

    @property
    def _soon(self) -> float:
        return min(self._seconds, AGAIN_SECONDS)

    async def _guarded(self, lane: Lane) -> float:
        """Ask one destination if that may be, and give the seconds until the next time; a bug is reported and passed over."""
        try:
            return await self._ask(lane) if self._may_ask(lane) else self._soon
        except Exception as error:  # noqa: BLE001 - a bug with one destination must not end the asking of the others
            self._watcher.fault(lane, Stage.CANARY, type(error).__name__, place_of(error))
            return self._seconds

    def _may_ask(self, lane: Lane) -> bool:
        """Say whether the lane is up, its quota has a place that is free, and the platform would count nothing."""
        route, health = self._routes[lane], self._healths[lane]()
        if not health.up or health.throttled_until is not None or route.adapter.rehearsal(None).way in COUNTS:
            return False
        return route.meter.wait(monotonic()) <= 0

    async def _ask(self, lane: Lane) -> float:
        """Rehearse, and keep and report what was found."""
        route = self._routes[lane]
        route.meter.take(monotonic())
        finding = await rehearse(route, self._transport, self._wall, None)
        self._found[lane] = Sighting(int(self._wall()), finding)
        self._watcher.canary(lane, finding)
        return self._seconds if finding.well else self._soon
