"""How a lane stands after each answer of the platform: backing off, broken off, throttled, paused, and up again."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from gateway.adapter import Access
from gateway.delivery.breaker import PROBE_EVENTS
from gateway.delivery.login import Login
from gateway.model.words import Reason
from gateway.references import LOOK_SECONDS, Referent
from gateway.secret import Secret
from tests.gateway.delivery.scene import (
    CODE,
    ECHO,
    QUICK,
    READ,
    TOKEN,
    Answer,
    Line,
    Scripted,
    event,
    ids,
)


async def test_a_server_error_opens_the_breaker_which_closes_by_itself(line: Line) -> None:
    """After a failure few events go out, after five in a row as probes; a success closes the breaker, and all arrive."""
    line.platform.script = lambda _: web.Response(status=503, text=f"<html>{ECHO}</html>")
    await line.put(*(event(n) for n in range(60)))
    async with line.running() as courier:
        await line.until(lambda: len(line.platform.requests) >= 7)
        assert not courier.health.up
        assert courier.health.breaker_open
        assert courier.health.failures >= 1
        assert courier.health.reason is Reason.SERVER_ERROR
        assert courier.health.due == pytest.approx(line.wall(), abs=60)
        assert courier.health.last_success is None
        line.platform.script = lambda _: Answer(["ok"])
        await line.until(line.quiet)
        assert courier.health.up
        assert (courier.health.reason, courier.health.due, courier.health.failures) == (None, None, 0)
        assert courier.health.last_success is not None
    assert [len(sent) for sent in line.platform.requests[:5]] == [60] + [PROBE_EVENTS] * 4
    assert all(len(sent) <= PROBE_EVENTS for sent in line.platform.requests[5:7])
    assert line.recorder.of("breaker") == [(True, Reason.SERVER_ERROR), (False, None)]
    assert [entry[0] for entry in line.recorder.of("up")] == [True, False, True]
    assert await line.states(60) == {"delivered": 60}


async def test_a_throttled_lane_waits_as_long_as_it_was_asked(line: Line) -> None:
    """After a throttle nothing is sent for the time that the platform named; no event pays for it."""
    answers = iter([Answer(["throttle"], after=0.4), Answer(["ok"])])
    line.platform.script = lambda _: next(answers)
    await line.put(*(event(n) for n in range(5)))
    async with line.running() as courier:
        await line.until(lambda: bool(line.recorder.of("throttled")))
        assert courier.health.up
        assert courier.health.throttled_until == pytest.approx(line.wall() + 0.4, abs=0.1)
        assert (courier.health.reason, courier.health.due) == (Reason.THROTTLED, courier.health.throttled_until)
        await line.until(line.quiet)
        assert courier.health.throttled_until is None
    first, second = line.platform.times
    assert 0.4 <= second - first < 1.0
    assert line.platform.taken == Counter(ids(5))
    assert (await line.attempt(0)).state == "delivered"


async def test_a_failing_platform_is_left_alone_as_long_as_it_asks(line: Line) -> None:
    """A 503 that names a time is not asked before; its events may have arrived, so they are sent again as such."""
    answers: Iterator[Answer | web.Response] = iter([web.Response(status=503, headers={"Retry-After": "1"}), Answer(["ok"])])
    line.platform.script = lambda _: next(answers)
    await line.put(*(event(n) for n in range(5)))
    async with line.running() as courier:
        await line.until(lambda: bool(line.recorder.of("retried")))
        assert courier.health.due == pytest.approx(line.wall() + 1.0, abs=0.2)
        assert (await line.attempt(0)).state == "maybe"
        await line.until(line.quiet)
    first, second = line.platform.times
    assert 1.0 <= second - first < 2.0
    assert line.platform.requests == [ids(5)] * 2


async def test_a_named_wait_does_not_lengthen_the_window_for_repeats(line: Line) -> None:
    """Whoever may have been received, and is asked to wait beyond what the platform recognises, is not sent again."""
    line.limits(resend_window=1)
    answers: Iterator[Answer | web.Response] = iter([web.Response(status=503, headers={"Retry-After": "2"}), Answer(["ok"])])
    line.platform.script = lambda _: next(answers)
    await line.put(*(event(n) for n in range(3)))
    await line.deliver()
    assert line.recorder.count("dead") == {Reason.AMBIGUOUS_EXPIRED: 3}
    assert len(line.platform.requests) == 1


async def test_a_paused_lane_tells_the_code_of_its_pause(line: Line) -> None:
    """Whatever its probes meet with meanwhile: reason and code belong together, for they are explained together."""
    line.platform.script = lambda _: Answer(["pause"])
    await line.put(event(0))
    async with line.running() as courier:
        await line.until(lambda: courier.health.paused is not None)
        assert (courier.health.reason, courier.health.code) == (Reason.CREDENTIAL, CODE)
        line.platform.script = lambda _: web.Response(status=503)
        await line.until(lambda: courier.health.failures > 0)
        assert (courier.health.reason, courier.health.code) == (Reason.CREDENTIAL, CODE)
        assert courier.health.last_code is None


async def test_the_code_told_is_that_of_what_stops_the_lane(line: Line) -> None:
    """Where events of one request were answered differently, the first one's code explains nothing of a throttle."""
    line.platform.script = lambda _: Answer(["rejected", "throttle"], after=5.0)
    await line.put(event(0), event(1))
    async with line.running() as courier:
        await line.until(lambda: courier.health.reason is Reason.THROTTLED)
        assert (courier.health.code, courier.health.last_code) == (None, None)


async def test_a_refused_credential_pauses_and_keeps_everything(line: Line) -> None:
    """The lane goes down once, with the code, sends only small probes, and loses and blames no event."""
    line.platform.script = lambda _: Answer(["pause"])
    await line.put(*(event(n) for n in range(50)))
    async with line.running() as courier:
        await line.until(lambda: len(line.platform.requests) >= 4)
        assert courier.health.paused is Reason.CREDENTIAL
        assert courier.health.last_code == CODE
    assert line.recorder.of("up") == [(True, None, None), (False, Reason.CREDENTIAL, CODE)]
    assert [len(sent) for sent in line.platform.requests[1:]] == [PROBE_EVENTS] * (len(line.platform.requests) - 1)
    assert not line.recorder.of("dead")
    assert await line.states(50) == {"waiting": 50}


async def test_a_paused_lane_resumes_by_itself(line: Line) -> None:
    """When a probe gets through, the lane is up again and everything arrives once."""
    line.platform.script = lambda _: Answer(["pause"])
    await line.put(*(event(n) for n in range(50)))
    async with line.running():
        await line.until(lambda: len(line.platform.requests) >= 2)
        line.platform.script = lambda _: Answer(["ok"])
        await line.until(line.quiet)
    assert line.platform.taken == Counter(ids(50))
    assert line.recorder.of("up")[-1] == (True, None, None)


async def test_a_lane_wakes_when_its_credentials_file_is_replaced(line: Line, tmp_path: Path) -> None:
    """However rare its probes have become, delivery resumes within seconds of the fix, without a restart."""
    (tmp_path / "token").write_text("old")
    (tmp_path / "token").chmod(0o600)
    line.login = Login(Referent("file:token", tmp_path, {}, READ), {})
    line.pace = msgspec.structs.replace(QUICK, pause_probe_seconds=600.0)
    line.platform.script = lambda _: Answer(["pause"] if line.platform.tokens == {"Bearer old"} else ["ok"])
    await line.put(*(event(n) for n in range(30)))
    async with line.running() as courier:
        await line.until(lambda: courier.health.paused is Reason.CREDENTIAL)
        await asyncio.sleep(0.2)
        assert len(line.platform.requests) == 1
        (tmp_path / "new").write_text("new")
        (tmp_path / "new").chmod(0o600)
        (tmp_path / "new").rename(tmp_path / "token")
        await line.until(line.quiet, 3 * LOOK_SECONDS)
    assert line.platform.taken == Counter(ids(30))
    assert not line.recorder.of("dead")


async def test_a_lane_that_must_leave_the_platform_alone_is_not_woken(line: Line) -> None:
    """A platform that asked for time gets it, though the lane waits for a credential too and that was replaced."""

    class Renewing(Scripted):
        def __init__(self) -> None:
            super().__init__()
            self.answer = Access(Secret(TOKEN))
            self.replaced = asyncio.Event()

        async def renewed(self, seen: int) -> None:
            """Once the test says so."""
            while self.renewals <= seen:
                self.replaced.clear()
                await self.replaced.wait()

        def replace(self) -> None:
            """Say so."""
            self.renewals += 1
            self.replaced.set()

    line.credential = credential = Renewing()
    line.pace = msgspec.structs.replace(QUICK, pause_probe_seconds=600.0)
    answers = iter([Answer(["pause"]), Answer(["throttle"], after=5.0)])
    line.platform.script = lambda _: next(answers)
    await line.put(event(0))
    async with line.running() as courier:
        await line.until(lambda: courier.health.paused is Reason.CREDENTIAL)
        await asyncio.sleep(0.05)
        credential.replace()
        await line.until(lambda: courier.health.throttled_until is not None)
        credential.replace()
        await asyncio.sleep(0.2)
    assert len(line.platform.requests) == 2


async def test_a_platform_near_its_limit_gets_a_breather(line: Line) -> None:
    """After a success that asks for one the next request waits so long; the lane is up all the while, nothing is put off."""
    line.platform.script = lambda _: Answer(["ok"], after=0.3 if len(line.platform.requests) == 1 else None)
    line.limits(batch_events=1)
    await line.put(*(event(n) for n in range(3)))
    await line.deliver()
    first, second, third = line.platform.times
    assert second - first >= 0.3
    assert third - second < 0.3
    assert line.recorder.of("up") == [(True, None, None)]
    assert not line.recorder.of("throttled")
    assert not line.recorder.of("retried")
