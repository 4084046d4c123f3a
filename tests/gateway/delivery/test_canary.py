"""The canary against the platforms' stand-ins: when it asks, when it does not, and what is told of what it finds."""

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
import pytest

from gateway.adapter import Quota, Rehearsal
from gateway.delivery import canary as room
from gateway.delivery.canary import Canary
from gateway.delivery.route import Route
from gateway.delivery.standing import Health
from gateway.log import Log
from gateway.metrics import Metrics
from gateway.model.words import Destination, Reason
from gateway.outbox.work import Lane
from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.witness import Witness
from tests.gateway.delivery.test_rehearsing import There, there

__all__ = ["there"]

META, PINTEREST, GOOGLE = Destination
UP: Final = Health(
    up=True,
    reason=None,
    due=None,
    paused=None,
    breaker_open=False,
    failures=0,
    throttled_until=None,
    last_success=None,
    last_code=None,
    violation=None,
)
SOON: Final = 0.05
"""Seconds between two looks."""


class Aviary:
    """A canary at work, and what it told."""

    def __init__(self, there: There, routes: Mapping[Lane, Route], health: Health) -> None:
        self.there = there
        self.health = health
        self.metrics = Metrics()
        self.stream = io.StringIO()
        witness = Witness(self.metrics, Log(self.stream))
        healths = dict.fromkeys(routes, lambda: self.health)
        self.canary = Canary(routes, healths, SOON, transport=there.transport, watcher=witness)
        self.lanes = {lane.destination: lane for lane in routes}

    @property
    def heard(self) -> list[int]:
        """How many requests each platform had."""
        return [len(self.there.platforms[destination].heard) for destination in Destination]

    def up(self, destination: Destination) -> str | None:
        """What the metric says."""
        name = f'consent_gateway_canary_up{{destination="{destination}",storefront="shop"}} '
        lines = self.metrics.text().decode().splitlines()
        return next((line.removeprefix(name) for line in lines if line.startswith(name)), None)

    @property
    def written(self) -> list[tuple[str, Any, Any]]:
        """What the log says: happening, reason and code."""
        lines = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        return [(line["happening"], line.get("reason"), line.get("code")) for line in lines]

    async def asked(self, least: Sequence[int]) -> None:
        """Wait until each platform had so many requests and what they showed was told."""
        async with asyncio.timeout(10):
            while any(had < wanted for had, wanted in zip(self.heard, least, strict=True)):  # noqa: ASYNC110 - it is looked at
                await asyncio.sleep(0.01)
            await asyncio.sleep(SOON)


@asynccontextmanager
async def singing(there: There, *routes: Route, health: Health = UP) -> AsyncIterator[Aviary]:
    """Let a canary look after these; after all three destinations where none is given."""
    aviary = Aviary(there, {route.lane: route for route in routes or map(there.route, Destination)}, health)
    task = asyncio.create_task(aviary.canary.run())
    try:
        yield aviary
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_each_destination_is_asked_again_and_again_and_nothing_counts(there: There) -> None:
    """The platforms' own checks, never a conversion; a good finding is a number and no line in the log."""
    async with singing(there) as aviary:
        await aviary.asked([2, 2, 2])
        for destination, lane in aviary.lanes.items():
            sighting = aviary.canary.found(lane)
            assert sighting is not None
            assert (sighting.finding.well, sighting.finding.recorded) == (True, False)
            assert abs(sighting.at - time.time()) < 10
            assert aviary.up(destination) == "1.0"
            assert len(there.platforms[destination].ledger) == 0
    assert aviary.written == []


async def test_what_changes_is_written_once(there: There) -> None:
    """A token that was revoked is found without any event, however often it is looked, and so is that it was replaced."""
    there.platforms[PINTEREST].switch.set(Behaviour(mode=Mode.EXPIRED_TOKEN))
    async with singing(there) as aviary:
        await aviary.asked([3, 3, 3])
        sighting = aviary.canary.found(aviary.lanes[PINTEREST])
        assert sighting is not None
        assert (sighting.finding.well, sighting.finding.reason) == (False, Reason.CREDENTIAL)
        assert [aviary.up(destination) for destination in Destination] == ["1.0", "0.0", "1.0"]
        there.platforms[PINTEREST].switch.set()
        await aviary.asked([0, aviary.heard[1] + 2, 0])
        assert aviary.up(PINTEREST) == "1.0"
    assert aviary.written == [("canary_failed", "credential", sighting.finding.code), ("canary_well", None, None)]


@pytest.mark.parametrize("down", [{"up": False, "paused": Reason.CREDENTIAL}, {"up": False}, {"throttled_until": 1.0}])
async def test_a_lane_that_is_down_is_left_to_its_courier(there: There, down: dict[str, Any]) -> None:
    """Paused, broken off or throttled: its own probes ask. Once it is up, it is tried out again."""
    async with singing(there, health=msgspec.structs.replace(UP, **down)) as aviary:
        await asyncio.sleep(6 * SOON)
        assert aviary.heard == [0, 0, 0]
        assert aviary.up(META) is None
        aviary.health = UP
        await aviary.asked([1, 1, 1])


async def test_events_have_the_quota_first(there: There) -> None:
    """The canary takes a place in the meter, and only one that nobody has to wait for."""
    route = there.route(PINTEREST, quota=Quota(requests_per_minute=10))
    assert route.meter.take(asyncio.get_running_loop().time()) == 0
    async with singing(there, route) as aviary:
        await aviary.asked([0, 1, 0])
        await asyncio.sleep(6 * SOON)
        assert aviary.heard == [0, 1, 0]
    assert route.meter.wait(asyncio.get_running_loop().time()) > 0


async def test_what_would_count_is_not_sent(there: There) -> None:
    """Meta counts what comes under a test code, so a data set that is set to one is not tried out by the clock."""
    async with singing(there, there.route(META, test_event_code="TEST1"), there.route(GOOGLE)) as aviary:
        await aviary.asked([0, 0, 3])
        assert aviary.heard[0] == 0
        assert aviary.canary.found(aviary.lanes[META]) is None


async def test_a_bug_with_one_destination_leaves_the_others_watched(there: There, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is counted as such, and tried again later."""
    route = there.route(META)

    def broken(_adapter: object, _code: str | None) -> Rehearsal:
        raise ZeroDivisionError

    monkeypatch.setattr(type(route.adapter), "rehearsal", broken)
    async with singing(there, route, there.route(GOOGLE)) as aviary:
        await aviary.asked([0, 0, 3])
    faults = 'consent_gateway_faults_total{destination="meta",stage="canary",storefront="shop"}'
    assert faults in aviary.metrics.text().decode()
    assert aviary.canary.found(route.lane) is None


async def test_destinations_are_asked_one_at_a_time(there: There) -> None:
    """So that the canary is never more than one request, however many lanes there are."""
    for destination in Destination:
        there.platforms[destination].switch.set(Behaviour(mode=Mode.SLOW, seconds=0.3))
    async with singing(there) as aviary:
        began = time.monotonic()
        await aviary.asked([1, 1, 1])
        assert time.monotonic() - began > 0.6


async def test_what_was_not_well_is_asked_again_soon(there: There, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a day is often enough for what is well, and too seldom for what is being mended."""
    monkeypatch.setattr(room, "AGAIN_SECONDS", SOON)
    monkeypatch.setattr(f"{__name__}.SOON", 3600.0)
    there.platforms[PINTEREST].switch.set(Behaviour(mode=Mode.SERVER_ERROR, requests=3))
    async with singing(there) as aviary:
        async with asyncio.timeout(10):
            while aviary.up(PINTEREST) != "1.0":  # noqa: ASYNC110 - it is looked at
                await asyncio.sleep(0.01)
        assert aviary.heard == [1, 4, 1]
