"""A courier's patience: stops that cut what may be cut, a store that is busy, a clock that jumps."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
import pytest

from gateway.adapter import Quota
from gateway.delivery.backoff import Pace
from gateway.delivery.patience import Await, Patience
from gateway.delivery.quota import Meter
from gateway.delivery.route import Office
from gateway.delivery.transport import Transport
from gateway.model.verdict import Pause
from gateway.model.words import Reason
from gateway.outbox.engine.sqlite import SqliteOutbox
from gateway.outbox.shapes import Left
from gateway.outbox.work import AllDone, Claim, Lane, Settlement
from gateway.storage import Shut, Unavailable
from tests.gateway.delivery.scene import (
    DAY,
    NOW,
    QUICK,
    Answer,
    Line,
    Scripted,
    drawn,
    event,
    ids,
    line_in,
    refusing,
)


async def test_stopping_ends_the_wait_for_another_credential(line: Line) -> None:
    """A paused lane stops at once."""
    line.credential = credential = Scripted()
    credential.answer = Pause(Reason.CREDENTIAL)
    line.pace = msgspec.structs.replace(QUICK, pause_probe_seconds=600.0)
    await line.put(event(0))
    async with line.running() as courier:
        await line.until(lambda: courier.health.paused is Reason.CREDENTIAL)
        await asyncio.sleep(0.05)
        async with asyncio.timeout(1.0):
            await courier.stop(5.0)


async def test_a_stop_does_not_wait_for_the_quota(line: Line) -> None:
    """A courier that waits for its place ends as soon as it is told to, and what it had claimed is untried."""
    line.meter = Meter(Quota(requests_per_minute=1))
    line.limits(batch_events=1)
    await line.put(event(0), event(1))
    async with line.running() as courier:
        await line.until(lambda: len(line.platform.taken) == 1)
        await asyncio.sleep(0.05)
        async with asyncio.timeout(0.5):
            await courier.stop(10.0)
    assert await line.states(2) == {"delivered": 1, "waiting": 1}


async def test_a_stop_while_a_request_waits_for_its_place_sends_nothing_more(line: Line) -> None:
    """What was refused as a whole and would be sent in parts is given back as untried."""
    line.meter, _ = drawn(75, 14)  # one at once, then one a second
    refusing(line, "e0", hint=False)
    await line.put(*(event(n) for n in range(4)))
    async with line.running() as courier:
        await line.until(lambda: len(line.platform.requests) == 1)
        await asyncio.sleep(0.1)
        async with asyncio.timeout(0.5):
            await courier.stop(10.0)
    assert len(line.platform.requests) == 1
    assert not line.recorder.of("dead")
    assert await line.states(4) == {"waiting": 4}


async def test_a_jump_of_the_wall_clock_kills_nothing(line: Line) -> None:
    """When the wall clock leaps days ahead, old events wait, young ones go on, and it is reported once."""
    line.platform.script = lambda _: Answer(["retry"])
    await line.put(event(0, occurred_at=NOW - 6 * DAY), event(1, occurred_at=NOW + 5 * DAY))
    async with line.running():
        await line.until(lambda: bool(line.recorder.of("retried")))
        line.wall.shift = 5 * DAY
        line.platform.script = lambda _: Answer(["ok"])
        await line.until(lambda: "e1" in line.platform.taken)
        await asyncio.sleep(0.1)
    assert not line.recorder.of("dead")
    assert (await line.attempt(0)).state == "retrying"
    ((seconds,),) = line.recorder.of("clock_jumped")
    assert isinstance(seconds, float)
    assert abs(seconds - 5 * DAY) < 60


@pytest.fixture
async def patience(line: Line) -> AsyncIterator[Patience]:
    """A lane's patience by itself."""
    async with Transport(hosts=line.contract.hosts) as transport:
        yield Patience(line.lane, Office(line.outbox, transport, line.recorder, line.pace, line.wall, line.dice))


@pytest.mark.parametrize(
    ("why", "hurry", "again"),
    [
        (Shut.BUSY, False, True),
        (Shut.FULL, False, True),
        (Shut.BUSY, True, False),
        (Shut.CLOSED, False, False),
        (Shut.FAILED, False, False),
    ],
)
async def test_a_store_is_asked_again_while_it_may_answer_and_there_is_time(
    patience: Patience, why: Shut, hurry: bool, again: bool
) -> None:
    """Not once it is closed or has failed for good, nor once the time of a stop is up: then its refusal is the answer."""
    asked: list[int] = []

    async def call() -> str:
        asked.append(len(asked))
        if len(asked) < 3:
            raise Unavailable(why)
        return "answer"

    patience.hurry = hurry
    if again:
        assert await patience.insist(call) == "answer"
    else:
        with pytest.raises(Unavailable):
            await patience.insist(call)
    assert len(asked) == (3 if again else 1)


async def test_a_stop_cuts_rests_at_once_and_a_request_when_its_time_is_up(patience: Patience) -> None:
    """And returns when the task has come to its end; a cut leaves nothing behind that would cut what comes next."""
    told: list[object] = []

    async def work() -> None:
        patience.begin()
        told.append(await patience.cuttable(Await.REST, asyncio.sleep(60, "rested")))
        told.append(await patience.cuttable(Await.REST, asyncio.sleep(60, "rested")))
        told.append(await patience.cuttable(Await.FLIGHT, asyncio.sleep(0.01, "answered")))
        told.append(await patience.cuttable(Await.FLIGHT, asyncio.sleep(60, "answered")))
        told.append(await asyncio.sleep(0.01, "settled"))
        task = asyncio.current_task()
        told.append(task is not None and task.cancelling())
        patience.end()

    async with asyncio.TaskGroup() as group, asyncio.timeout(5):
        group.create_task(work())
        await asyncio.sleep(0)
        await patience.stop(0.1)
        assert told == [None, None, "answered", None, "settled", 0]


@pytest.mark.parametrize("what", Await)
async def test_whoever_else_cancels_a_wait_is_not_taken_for_a_stop(patience: Patience, what: Await) -> None:
    """A task that is cancelled ends, also when a stop cut its last rest."""

    async def work(*, after_a_stop: bool) -> None:
        patience.begin()
        if after_a_stop:
            await patience.cuttable(Await.REST, asyncio.sleep(60))
            patience.stopping = False
        await patience.cuttable(what, asyncio.sleep(60))

    task = asyncio.create_task(work(after_a_stop=False))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    task = asyncio.create_task(work(after_a_stop=True))
    await asyncio.sleep(0)
    stop = asyncio.create_task(patience.stop(60))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    patience.end()
    await stop


class Stuttering(SqliteOutbox):
    """The store, busy at the first call of each kind, as it is when too much waits for its thread."""

    def __init__(self, lock: int) -> None:
        super().__init__(lock)
        self.refused: set[str] = set()

    def stutter(self, call: str) -> None:
        """Be busy once."""
        if call not in self.refused:
            self.refused.add(call)
            raise Unavailable(Shut.BUSY)

    async def claim(self, lane: Lane, limit: int, now: int, *, fresh_first: bool = False) -> Claim | None:
        """Claim at the second attempt."""
        self.stutter("claim")
        return await super().claim(lane, limit, now, fresh_first=fresh_first)

    async def mark_sent(self, claim: Claim, seqs: Sequence[int], now: int, left: Sequence[Left] = ()) -> None:
        """Mark at the second attempt."""
        self.stutter("mark_sent")
        await super().mark_sent(claim, seqs, now, left)

    async def settle(self, claim: Claim, settlements: Sequence[Settlement] | AllDone, now: int) -> None:
        """Settle at the second attempt."""
        self.stutter("settle")
        await super().settle(claim, settlements, now)


async def test_a_busy_store_is_asked_again(tmp_path: Path) -> None:
    """A store that is busy for a moment costs a moment: each event is still sent once and settled once."""
    async with line_in(tmp_path, Stuttering) as line:
        await line.put(*(event(n) for n in range(5)))
        await line.deliver()
        assert isinstance(line.outbox, Stuttering)
        assert line.outbox.refused == {"claim", "mark_sent", "settle"}
        assert line.platform.requests == [ids(5)]
        assert await line.states(5) == {"delivered": 5}


async def test_stops_at_once_when_idle(line: Line) -> None:
    """A courier that waits for work ends as soon as it is told to."""
    line.pace = Pace(idle_seconds=60.0)
    async with line.running() as courier:
        await asyncio.sleep(0.05)
        async with asyncio.timeout(0.5):
            await courier.stop(10.0)


async def test_stops_at_once_when_told_just_before_it_idles(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """A courier that is told to stop while it asks the store when to wake does not go to sleep first."""
    line.pace = Pace(idle_seconds=60.0)
    stops: list[asyncio.Task[None]] = []
    real = line.outbox.next_due

    async def next_due(lane: Lane) -> float | None:
        due = await real(lane)
        stops.append(asyncio.create_task(courier.stop(0.1)))
        await asyncio.sleep(0)
        return due

    monkeypatch.setattr(line.outbox, "next_due", next_due)
    async with line.running() as courier, asyncio.timeout(2):
        await line.until(lambda: bool(stops))
        await stops[0]


async def test_a_request_is_not_begun_once_time_is_up(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the deadline of a stop passes just before a request would leave, it does not leave."""
    line.platform.delay = 5.0
    stops: list[asyncio.Task[None]] = []
    real = line.outbox.mark_sent

    async def mark_sent(claim: Claim, seqs: Sequence[int], now: int, left: Sequence[Left]) -> None:
        await real(claim, seqs, now, left)
        stops.append(asyncio.create_task(courier.stop(0.0)))
        await asyncio.sleep(0.05)

    monkeypatch.setattr(line.outbox, "mark_sent", mark_sent)
    await line.put(event(0))
    async with line.running() as courier, asyncio.timeout(1):
        await line.until(lambda: bool(stops))
        await stops[0]
    assert line.platform.requests == []


async def test_stops_at_once_while_it_backs_off(line: Line) -> None:
    """A courier that has minutes to wait before the next attempt ends as soon as it is told to."""
    line.pace = Pace(linger_seconds=0.0, backoff_base_seconds=800.0)
    line.platform.script = lambda _: Answer(["retry"])
    await line.put(event(0))
    async with line.running() as courier:
        await line.until(lambda: bool(line.recorder.of("retried")))
        async with asyncio.timeout(0.5):
            await courier.stop(10.0)
    assert len(line.platform.requests) == 1


async def test_a_stop_lets_the_request_finish(line: Line) -> None:
    """The request on the wire is answered and settled before the courier ends; nothing more is claimed."""
    line.platform.delay = 0.2
    line.limits(batch_events=2)
    await line.put(*(event(n) for n in range(4)))
    async with line.running() as courier:
        await line.until(lambda: bool(line.platform.requests))
        await courier.stop(5.0)
        assert len(line.platform.requests) == 1
        assert await line.states(4) == {"delivered": 2, "waiting": 2}


async def test_what_a_stop_cuts_before_there_is_a_connection_was_not_sent(line: Line) -> None:
    """A stop that comes while a platform cannot be reached leaves no event in doubt."""
    connected, left = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        await reader.read()
        writer.close()
        await writer.wait_closed()
        left.set()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    line.platform.url, real = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", line.platform.url
    line.limits(resend_window=1)
    await line.put(*(event(n) for n in range(4)))
    async with line.running() as courier:
        await connected.wait()
        await courier.stop(0.05)
    await left.wait()
    server.close()
    await server.wait_closed()
    assert await line.states(4) == {"waiting": 4}
    assert line.recorder.of("retried") == [(Reason.NOT_CONNECTED, 4)]
    line.platform.url = real
    line.wall.shift = 3600
    await line.deliver()
    assert await line.states(4) == {"delivered": 4}


async def test_a_stop_cuts_what_takes_too_long(line: Line) -> None:
    """At the deadline the request is cut; its events are maybes, and leave again in the next run."""
    line.platform.delay = 1.5
    await line.put(*(event(n) for n in range(4)))
    async with line.running() as courier:
        await line.until(lambda: bool(line.platform.requests))
        start = asyncio.get_running_loop().time()
        await courier.stop(0.1)
        assert asyncio.get_running_loop().time() - start < 0.6
    assert await line.states(4) == {"maybe": 4}
    line.platform.delay = 0.0
    await line.deliver()
    assert await line.states(4) == {"delivered": 4}
