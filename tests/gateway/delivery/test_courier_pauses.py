"""An operator pauses a lane while its courier works: whenever that is, no request begins afterwards, and nothing is lost.

What had begun is finished. Nobody loses a try, and what the platform was like before is remembered until the lane goes on.
"""

import asyncio
from collections import Counter
from itertools import count
from pathlib import Path

import pytest

from gateway.delivery.contract import host_and_port
from gateway.delivery.courier import Courier
from gateway.delivery.transport import Transport
from gateway.model.words import Reason
from tests.gateway.delivery.scene import LANE, NOW, Answer, Line, event, line_in, open_store, platform_on_loopback
from tests.gateway.delivery.test_courier_withdrawals import (
    BAD,
    COLD,
    EVENTS,
    Marking,
    Waiting,
    told,
    with_something_between,
)
from tests.gateway.delivery.test_replaying import order, replayer


async def pause(line: Line, courier: Courier) -> None:
    """Pause the lane as an operator does."""
    assert await line.outbox.pause(LANE, NOW)
    courier.heed()


async def resume(line: Line, courier: Courier) -> None:
    """Resume it."""
    assert await line.outbox.resume(LANE)
    courier.heed()


async def test_nothing_leaves_until_the_lane_is_resumed(line: Line) -> None:
    """What comes in waits, the lane says why, and all of it goes as soon as the lane goes on."""
    async with line.running() as courier:
        await pause(line, courier)
        await line.put(event(0), event(1))
        await asyncio.sleep(COLD)
        health = courier.health
        assert (health.up, health.reason, health.paused, health.paused_at) == (
            False,
            Reason.PAUSED_BY_OPERATOR,
            Reason.PAUSED_BY_OPERATOR,
            NOW,
        )
        assert (health.due, line.platform.requests) == (None, [])
        await resume(line, courier)
        await line.until(line.quiet, 1.0)
        assert (courier.health.up, courier.health.reason, courier.health.paused_at) == (True, None, None)
    assert line.platform.taken == Counter(["e0", "e1"])
    assert line.recorder.of("up") == [(True, None, None), (False, Reason.PAUSED_BY_OPERATOR, None), (True, None, None)]


async def test_a_lane_that_is_paused_at_the_start_stays_so(tmp_path: Path) -> None:
    """A courier over a store in which the lane is paused says so first, and asks nothing."""
    async with line_in(tmp_path) as line:
        await line.put(event(0))
        await line.outbox.pause(LANE, NOW)
    outbox = await open_store(tmp_path)
    async with platform_on_loopback() as platform:
        line = Line(outbox, platform)
        async with line.running() as courier:
            await asyncio.sleep(COLD)
            assert line.recorder.of("up") == [(False, Reason.PAUSED_BY_OPERATOR, None)]
            assert platform.requests == []
            await resume(line, courier)
            await line.until(line.quiet, 1.0)
    await outbox.close()


async def test_a_request_that_has_begun_is_finished(line: Line) -> None:
    """Its answer counts; of the same claim, nothing more is sent: what a refusal had cut in halves stays."""
    line.platform.delay = 0.1
    line.platform.script = lambda sent: Answer(["isolate" if len(sent) > 1 else "ok"])
    await line.put(*map(event, range(4)))
    async with line.running() as courier:
        await line.until(lambda: len(line.platform.requests) == 1)
        await pause(line, courier)
        await asyncio.sleep(0.1 + 2 * COLD)
        assert len(line.platform.requests) == 1
        assert await line.states(4) == {"waiting": 4}
        line.platform.delay = 0.0
        await resume(line, courier)
        await line.until(line.quiet)
    assert line.platform.taken == Counter(map("e{}".format, range(4)))
    assert line.recorder.of("retried") == []


async def test_a_delivery_that_was_under_way_is_settled(line: Line) -> None:
    """It is delivered, not in doubt."""
    line.platform.delay = 0.1
    await line.put(event(0))
    async with line.running() as courier:
        await line.until(lambda: len(line.platform.requests) == 1)
        await pause(line, courier)
        await line.until(line.quiet, 1.0)
    assert await line.states(1) == {"delivered": 1}


async def test_while_a_token_is_waited_for(line: Line) -> None:
    """Nothing is marked, and the events wait as if nobody had claimed them."""
    line.credential = credential = Waiting()
    await line.put(event(0), event(1))
    async with line.running() as courier:
        await credential.asked.wait()
        await pause(line, courier)
        credential.given.set()
        await asyncio.sleep(COLD)
        assert line.platform.requests == []
        assert await line.states(2) == {"waiting": 2}
        await resume(line, courier)
        await line.until(line.quiet, 1.0)
    assert line.platform.requests == [["e0", "e1"]]


async def test_before_a_request_is_repeated_with_a_fresh_token(line: Line) -> None:
    """The refused request is not repeated until the lane goes on, and the lane is not down for the token meanwhile."""
    line.credential = credential = Waiting()
    answers = iter([Answer(["pause"]), Answer(["ok"])])
    line.platform.script = lambda _: next(answers)
    credential.given.set()
    await line.put(event(0))
    async with line.running() as courier:
        await line.until(lambda: len(line.platform.requests) == 1 and not credential.given.is_set())
        await credential.asked.wait()
        await pause(line, courier)
        credential.given.set()
        await asyncio.sleep(COLD)
        assert len(line.platform.requests) == 1
        await resume(line, courier)
        await line.until(line.quiet, 1.0)
    assert line.platform.taken == Counter(["e0"])


async def test_while_the_store_marks_what_leaves(tmp_path: Path) -> None:
    """The race: durable on both sides, the mark first. The gate stops it, and no doubt about the events is left."""
    async with line_in(tmp_path, Marking) as line:
        outbox = line.outbox
        assert isinstance(outbox, Marking)
        await line.put(event(0), event(1))
        async with line.running() as courier:
            await outbox.marked.wait()
            await pause(line, courier)
            outbox.told.set()
            await asyncio.sleep(COLD)
            assert line.platform.requests == []
            assert await line.states(2) == {"waiting": 2}
            await resume(line, courier)
            await line.until(line.quiet, 1.0)
        assert line.platform.requests == [["e0", "e1"]]
        assert line.recorder.of("retried") == []


async def test_no_probe_asks_while_an_operator_has_the_lane_paused(line: Line) -> None:
    """A pause of the platform's making stays what it was, is told again afterwards, and is what the probes then end."""
    line.platform.script = lambda _: Answer(["pause"])
    await line.put(event(0))
    async with line.running() as courier:
        await line.until(lambda: courier.health.paused is Reason.CREDENTIAL)
        await pause(line, courier)
        await asyncio.sleep(COLD)  # a probe may have been under way
        asked = len(line.platform.requests)
        await asyncio.sleep(5 * line.pace.pause_probe_seconds)
        assert len(line.platform.requests) == asked
        line.platform.script = lambda _: Answer(["ok"])
        paused = courier.health.paused
        await resume(line, courier)
        assert (paused, courier.health.paused) == (Reason.PAUSED_BY_OPERATOR, Reason.CREDENTIAL)
        await line.until(line.quiet, 2.0)
    assert [told[:2] for told in line.recorder.of("up")] == [
        (True, None),
        (False, Reason.CREDENTIAL),
        (False, Reason.PAUSED_BY_OPERATOR),
        (False, Reason.CREDENTIAL),
        (True, None),
    ]


async def test_what_is_replayed_waits_too(line: Line) -> None:
    """Dead letters of a paused lane are given back, and stay until it is resumed."""
    line.platform.script = lambda _: Answer(["rejected"])
    await line.put(event(0))
    await line.deliver()
    line.platform.script = lambda _: Answer(["ok"])
    asked = len(line.platform.requests)
    async with line.running() as courier:
        await pause(line, courier)
        found = await replayer(line).replay(order(dry_run=False), NOW)
        assert found is not None
        assert sum(lot.count for lot in found.lots) == 1
        await asyncio.sleep(3 * COLD)
        assert (len(line.platform.requests), line.outbox.waiting(LANE).retrying) == (asked, 1)
        await resume(line, courier)
        await line.until(line.quiet, 1.0)
    assert line.platform.taken == Counter(["e0"])


async def test_what_grew_too_old_meanwhile_is_found_so_afterwards(line: Line) -> None:
    """Ages go on counting: the pause gives nobody time that the platform does not."""
    async with line.running() as courier:
        await pause(line, courier)
        await line.put(event(0))
        line.wall.shift = line.adapter.limits.max_age + 60
        await line.outbox.resume(LANE)
        courier.heed()
    await line.deliver()
    assert line.platform.requests == []
    assert (await line.attempt(0)).reason is Reason.EXPIRED


async def test_a_paused_courier_stops_when_it_is_told(line: Line) -> None:
    """Standing by is a wait that a stop cuts."""
    async with asyncio.timeout(1.0), line.running() as courier:
        await pause(line, courier)
        await line.put(event(0))
        await asyncio.sleep(COLD)


async def test_a_paused_courier_ends_with_its_store(line: Line) -> None:
    """It does not wait for ever for what can never come."""
    async with Transport(hosts={host_and_port(line.platform.url)}) as transport:
        courier = line.courier(transport)
        await line.outbox.pause(LANE, NOW)
        run = asyncio.create_task(courier.run())
        await asyncio.sleep(COLD)
        await line.outbox.close()
        async with asyncio.timeout(2.0):
            await run


@pytest.mark.parametrize("waited", [False, True], ids=["before", "after"])
async def test_paused_between_any_two_awaits(tmp_path: Path, waited: bool) -> None:
    """At whichever await of the courier it is: what has not left by the answer to the pause does not until the lane goes on."""
    steps = called_off = 0
    for step in count():
        directory = tmp_path / str(step)
        directory.mkdir()
        async with told(directory) as line, Transport(hosts={host_and_port(line.platform.url)}) as transport:
            heard: list[int] = []
            resuming: list[asyncio.Task[None]] = []

            async def later(line: Line = line, heard: list[int] = heard) -> None:
                await asyncio.sleep(3 * COLD)
                heard.append(len(line.platform.requests))
                await line.outbox.resume(LANE)

            async def pausing(
                line: Line = line, heard: list[int] = heard, resuming: list[asyncio.Task[None]] = resuming
            ) -> None:
                await line.outbox.pause(LANE, NOW)
                await asyncio.sleep(COLD)
                heard.append(len(line.platform.requests))
                resuming.append(asyncio.create_task(later(line, heard)))

            await line.put(*map(event, range(EVENTS)))
            run = line.courier(transport).run()
            reached = await with_something_between(run, step, pausing, line.quiet, waited=waited)
            await asyncio.gather(*resuming)
            if not reached:
                break
            before, after = heard
            assert before == after, f"a request began while the lane was paused, at await {step}"
            expected = {f"e{number}" for number in range(EVENTS)} - {BAD}
            assert set(line.platform.taken) >= expected, "lost"
            states = {f"e{number}": (await line.attempt(number)).state for number in range(EVENTS)}
            assert {states[name] for name in expected} == {"delivered"}
            called_off += before == 0
        steps = step
    assert steps > 15, "the sweep must have met many awaits"
    assert called_off, "some pause must have come before the first byte"
