"""Settling in a real store: each event by its own answer, a claim that nothing came of given back whole."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import apsw
import msgspec
from aiohttp import web

from gateway.delivery.breaker import PROBE_EVENTS
from gateway.model.words import Reason
from tests.gateway.delivery.scene import (
    CODE,
    NOW,
    QUICK,
    Answer,
    Line,
    event,
    ids,
    line_in,
)


async def test_retry_gives_back_and_tries_again(line: Line) -> None:
    """A failure of the whole request costs no event anything: the same batch leaves again after a wait."""
    answers = iter([Answer(["retry"]), Answer(["retry"]), Answer(["ok"])])
    line.platform.script = lambda _: next(answers)
    await line.put(*(event(n) for n in range(5)))
    await line.deliver()
    assert line.platform.requests == [ids(5)] * 3
    assert line.recorder.count("retried") == {Reason.SERVER_ERROR: 10}
    assert line.recorder.count("delivered") == {Reason.CONFIRMED: 5}


async def test_no_connection_means_untried(line: Line) -> None:
    """While nobody listens, events wait as untried; when the platform is back, they arrive once."""
    line.platform.url, real = "http://127.0.0.1:9", line.platform.url
    await line.put(*(event(n) for n in range(5)))
    async with line.running():
        await line.until(lambda: len(line.recorder.of("retried")) >= 2)
    assert await line.states(5) == {"waiting": 5}
    assert line.recorder.count("retried").keys() == {Reason.NOT_CONNECTED}
    line.platform.url = real
    await line.deliver()
    assert line.platform.taken == Counter(ids(5))


async def test_a_cut_connection_means_maybe(line: Line) -> None:
    """Cut after the request, the events are maybes; inside the window they are sent again and then delivered."""
    answers = iter([None, Answer(["ok"])])

    def script(sent: list[str]) -> Answer | None:
        answer = next(answers)
        if answer is None:
            line.platform.take(sent)
        return answer

    line.platform.script = script
    await line.put(*(event(n) for n in range(5)))
    await line.deliver()
    assert line.platform.requests == [ids(5)] * 2
    assert line.recorder.count("retried") == {Reason.CONNECTION_LOST: 5}
    assert await line.states(5) == {"delivered": 5}


async def test_a_maybe_is_not_sent_again_after_the_window(line: Line) -> None:
    """Once the platform may have had an event for longer than it recognises repeats, it becomes a dead letter."""
    line.platform.script = lambda _: None
    await line.put(*(event(n) for n in range(3)))
    async with line.running():
        await line.until(lambda: len(line.recorder.of("retried")) == 1)
    sent = len(line.platform.requests)
    assert await line.states(3) == {"maybe": 3}
    line.wall.shift = 44 * 3600
    line.platform.script = lambda _: Answer(["ok"])
    await line.deliver()
    assert len(line.platform.requests) == sent
    assert line.recorder.count("dead") == {Reason.AMBIGUOUS_EXPIRED: 3}


async def test_only_what_is_beyond_the_window_dies_of_a_doubtful_answer(line: Line) -> None:
    """Each event by its own age: the older ones of a batch may not be sent again, the younger ones are."""
    line.limits(resend_window=3600, resend_age=3600)
    answers: Iterator[Answer | web.Response] = iter([web.Response(status=502), Answer(["ok"])])
    line.platform.script = lambda _: next(answers)
    await line.put(*(event(n, occurred_at=NOW - (7200 if n % 2 else 60)) for n in range(6)))
    await line.deliver()
    assert line.platform.requests == [ids(6), ["e0", "e2", "e4"]]
    assert line.recorder.count("delivered") == {Reason.CONFIRMED: 3}
    assert line.recorder.count("dead") == {Reason.AMBIGUOUS_EXPIRED: 3}


async def test_a_platform_that_fails_gets_few_events_until_it_answers(line: Line) -> None:
    """Whatever is sent meanwhile may have arrived, and repeats end with its window: one batch is at stake, not five."""
    line.pace = msgspec.structs.replace(QUICK, probe_base_seconds=60.0, probe_cap_seconds=60.0)
    line.limits(resend_window=3600)
    line.platform.script = lambda _: web.Response(status=502)
    await line.put(*(event(n) for n in range(500)))
    async with line.running() as courier:
        await line.until(lambda: courier.health.breaker_open)
    first, *others = line.platform.requests
    assert len(first) == 100
    assert [len(sent) for sent in others] == [PROBE_EVENTS] * (QUICK.breaker_failures - 1)
    line.platform.script = lambda _: Answer(["ok"])
    await line.deliver()
    assert max(map(len, line.platform.requests[QUICK.breaker_failures :])) == 100


async def test_one_event_that_upsets_the_platform_does_not_block_the_lane(line: Line) -> None:
    """An event that makes the platform fail whenever it is in a request goes to the side, and all others arrive."""

    def script(sent: list[str]) -> Answer | web.Response:
        return web.Response(status=500) if "e0" in sent else Answer(["ok"])

    line.platform.script = script
    line.limits(batch_events=1)
    await line.put(*(event(n) for n in range(12)))
    async with line.running():
        await line.until(lambda: len(line.platform.taken) == 11)
    assert await line.states(12) == {"delivered": 11, "maybe": 1}


async def test_mixed_verdicts_are_settled_each_by_its_own(line: Line) -> None:
    """Delivered is done, refused is dead, and what was put off comes again alone while the rest stays delivered."""

    def script(sent: list[str]) -> Answer:
        if len(sent) == 4:
            return Answer(["ok", "rejected", "retry", "maybe"])
        return Answer(["ok"])

    line.platform.script = script
    await line.put(*(event(n) for n in range(4)))
    await line.deliver()
    assert line.platform.taken == Counter(["e0", "e2", "e3"])
    assert sorted(name for sent in line.platform.requests[1:] for name in sent) == ["e2", "e3"]
    assert await line.states(4) == {"delivered": 3, "dead": 1}
    dead = await line.attempt(1)
    assert (dead.reason, dead.code) == (Reason.REJECTED, CODE)


async def test_an_event_that_the_platform_finds_too_young_waits_alone(line: Line) -> None:
    """It comes again at the time that was said, uncut by any cap; meanwhile the lane is up and delivers others."""
    line.platform.script = lambda ids: Answer(["young" if "e0" in ids else "ok"], after=2.0)
    await line.put(event(0))
    async with line.running() as courier:
        await line.until(lambda: bool(line.recorder.of("retried")))
        await line.put(event(1))
        await line.until(lambda: line.platform.taken == Counter(["e1"]))
        assert courier.health.up
        line.platform.script = lambda _: Answer(["ok"])
        await line.until(line.quiet)
    assert line.recorder.count("retried") == {Reason.HELD: 1}
    assert line.platform.times[-1] - line.platform.times[0] >= 1.0


async def test_a_record_that_cannot_be_read_is_a_dead_letter(tmp_path: Path) -> None:
    """A record whose seal was broken on disk dies with that reason and does not stop the lane."""
    async with line_in(tmp_path) as line:
        await line.put(*(event(n) for n in range(3)))
    (database,) = (tmp_path / "data").glob("*.db")
    connection = apsw.Connection(str(database))
    connection.execute("update groups set blob = zeroblob(length(blob))")
    connection.close()
    async with line_in(tmp_path) as line:
        await line.put(event(3))
        await line.deliver()
        assert line.platform.taken == Counter(["e3"])
        assert line.recorder.count("dead") == {Reason.UNSEALABLE: 3}
