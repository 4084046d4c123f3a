"""The courier over a real store and a real socket: whole rounds, several lanes, bugs, and what nobody may see of it."""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from gateway.delivery.transport import Transport
from gateway.delivery.watcher import Stage
from gateway.model.words import Destination, Kind, Reason
from gateway.outbox.work import Lane
from tests.gateway.delivery.scene import (
    ECHO,
    LANE,
    OTHER,
    QUICK,
    TOKEN,
    Answer,
    Line,
    Recorder,
    event,
    ids,
    open_store,
    platform_on_loopback,
)


async def test_delivers_a_batch_and_says_so(line: Line) -> None:
    """Events that wait leave as one request, and are delivered, counted and summed once."""
    await line.put(*(event(n) for n in range(20)))
    await line.deliver()
    assert line.platform.requests == [ids(20)]
    assert line.platform.tokens == {f"Bearer {TOKEN}"}
    assert line.recorder.count("delivered") == {Reason.CONFIRMED: 20}
    assert line.recorder.of("delivered")[0][2] == {"EUR": sum(1000 + n for n in range(20))}
    assert line.recorder.bytes > 20 * 4
    assert line.recorder.of("up") == [(True, None, None)]
    assert await line.states(20) == {"delivered": 20}


async def test_a_full_batch_does_not_linger_and_a_small_one_does(line: Line) -> None:
    """What fills a batch leaves at once; less waits for company."""
    line.pace = msgspec.structs.replace(QUICK, linger_seconds=0.3)
    line.limits(batch_events=10)
    async with line.running():
        await line.put(*(event(n) for n in range(10)))
        await line.until(lambda: len(line.platform.taken) == 10, 0.25)
        await line.until(line.quiet)
        await asyncio.sleep(0.05)  # until the courier has looked for more
        await line.put(event(10))
        await asyncio.sleep(0.05)
        await line.put(event(11))
        await line.until(lambda: len(line.platform.taken) == 12)
    assert line.platform.requests == [ids(10), ["e10", "e11"]]


async def test_takes_no_more_than_the_platform_does(line: Line) -> None:
    """A backlog leaves in batches of the adapter's size, one after the other."""
    line.limits(batch_events=7)
    await line.put(*(event(n) for n in range(20)))
    await line.deliver()
    assert [len(sent) for sent in line.platform.requests] == [7, 7, 6]


async def test_a_bug_in_the_round_itself_loses_nothing(line: Line) -> None:
    """An exception that nobody foresaw gives the claim back and is reported; the lane goes on after a wait."""

    class Breaking(Recorder):
        broken = 0

        def sent_bytes(self, destination: Destination, count: int) -> None:
            super().sent_bytes(destination, count)
            if self.broken < 2:
                self.broken += 1
                raise RuntimeError(ECHO)

    line.recorder = Breaking()
    await line.put(*(event(n) for n in range(4)))
    await line.deliver()
    assert line.platform.taken == Counter(ids(4))
    assert [entry[:2] for entry in line.recorder.of("fault")] == [(Stage.COURIER, "RuntimeError")] * 2


async def test_a_watcher_that_breaks_ends_nothing(line: Line) -> None:
    """A watcher that breaks after the settlement costs nothing: what was settled stays so, and the lane goes on."""

    class Breaking(Recorder):
        def delivered(self, lane: Lane, kind: Kind, reason: Reason, seconds: Sequence[float], money: Mapping[str, int]) -> None:
            super().delivered(lane, kind, reason, seconds, money)
            raise RuntimeError(ECHO)

    line.recorder = Breaking()
    await line.put(event(0))
    async with line.running():
        await line.until(line.quiet)
        await line.put(event(1))
        await line.until(line.quiet)
    assert line.platform.taken == Counter(ids(2))
    assert line.recorder.count("delivered") == {Reason.CONFIRMED: 2}


async def test_a_hanging_platform_delays_no_other_lane(tmp_path: Path) -> None:
    """While one platform takes seconds to answer, another one's events arrive at once."""
    outbox = await open_store(tmp_path, LANE, OTHER)
    try:
        async with platform_on_loopback() as hanging, platform_on_loopback() as quick:
            hanging.delay = 1.5
            slow, fast = Line(outbox, hanging), Line(outbox, quick)
            fast.lane = OTHER
            await slow.put(*(event(n, destinations=(Destination.META, Destination.PINTEREST)) for n in range(20)))
            async with slow.running():
                await slow.until(lambda: bool(hanging.requests))
                async with fast.running():
                    await fast.until(lambda: quick.taken == Counter(ids(20)), 0.5)
                assert not hanging.taken
                await slow.until(slow.quiet)
    finally:
        await outbox.close()
    assert hanging.taken == Counter(ids(20))


async def test_ends_when_the_store_does(line: Line) -> None:
    """When the store is closed under it, the courier returns and raises nothing."""
    async with Transport(hosts=frozenset()) as transport:
        courier = line.courier(transport)
        task = asyncio.create_task(courier.run())
        await asyncio.sleep(0.05)
        await line.outbox.close()
        await asyncio.wait_for(task, 2.0)


async def test_neither_texts_nor_tokens_get_out(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the platform says, nothing of it nor of the token is logged, reported or shown by the courier."""
    answers = iter(
        [
            web.Response(status=500, text=f"{ECHO} {TOKEN}"),
            web.Response(status=200, text=f"{ECHO} {TOKEN}"),
            None,
            Answer(["pause"], message=f"{ECHO} {TOKEN}"),
            Answer(["ok"]),
        ]
    )
    line.platform.script = lambda _: next(answers)
    line.adapter.bad_builds = {"e0"}
    await line.put(*(event(n) for n in range(3)))
    with caplog.at_level(logging.DEBUG):
        async with line.running() as courier:
            await line.until(lambda: len(line.platform.taken) == 2)
            rooms = [room for room in vars(courier).values() if type(room).__module__.startswith("gateway.delivery")]
            inside = [f"{room!r} {getattr(room, '__dict__', None)!r}" for room in (courier, *rooms)]
            shown = f"{inside} {courier.health!r} {line.recorder.told!r}"
    for canary in ("canary", "jane@example.com", TOKEN):
        assert canary not in shown
        assert canary not in caplog.text
