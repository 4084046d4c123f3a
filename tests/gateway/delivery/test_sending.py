"""Sending, over a real socket: access that is refused, got anew or missing, requests that are cut, remarks that are counted."""

import asyncio
from collections import Counter

import msgspec
from aiohttp import web

from gateway.adapter import Access
from gateway.delivery.watcher import Stage
from gateway.model.verdict import Pause, Retry, Throttle
from gateway.model.words import Reason
from gateway.secret import Secret
from tests.gateway.delivery.scene import (
    CODE,
    QUICK,
    TOKEN,
    Answer,
    Line,
    Refreshing,
    Scripted,
    event,
    ids,
)


async def test_a_redirect_pauses(line: Line) -> None:
    """A platform that points elsewhere is a wrong configuration: nothing is followed, nothing is lost."""
    line.platform.script = lambda _: web.Response(status=302, headers={"Location": "http://127.0.0.1:9/"})
    await line.put(event(0))
    async with line.running() as courier:
        await line.until(lambda: courier.health.paused is Reason.REDIRECTED)
    assert await line.states(1) == {"waiting": 1}


async def test_without_a_token_nothing_is_sent(line: Line) -> None:
    """A credential that has no token pauses the lane, or lets it retry, before anything leaves."""
    line.credential = credential = Scripted()
    await line.put(event(0))
    async with line.running() as courier:
        await line.until(lambda: bool(line.recorder.of("retried")))
        credential.answer = Pause(Reason.CREDENTIAL)
        await line.until(lambda: courier.health.paused is Reason.CREDENTIAL)
        assert not line.platform.requests
        assert (await line.attempt(0)).state == "waiting"
        credential.answer = Access(Secret(TOKEN))
        await line.until(lambda: line.platform.taken == Counter(ids(1)))


async def test_a_refused_token_is_replaced_once_and_the_request_repeated_at_once(line: Line) -> None:
    """An expired token costs one more request: no pause, no wait, no event in doubt."""
    line.credential = credential = Refreshing("old", "new")
    answers = iter([Answer(["pause"]), Answer(["ok"])])
    line.platform.script = lambda _: next(answers)
    await line.put(*(event(n) for n in range(5)))
    await line.deliver()
    assert line.platform.requests == [ids(5)] * 2
    assert line.platform.times[1] - line.platform.times[0] < 0.5
    assert credential.refusals == ["old"]
    assert line.platform.tokens == {"Bearer old", "Bearer new"}
    assert line.recorder.of("up") == [(True, None, None)]
    assert line.recorder.count("retried") == {}


async def test_a_fresh_token_that_is_refused_too_pauses(line: Line) -> None:
    """Once is enough: then a person must act. Probes send one request each, every one with another token."""
    line.credential = credential = Refreshing(*"123456789")
    line.pace = msgspec.structs.replace(QUICK, pause_probe_seconds=0.3)
    line.platform.script = lambda _: Answer(["pause"])
    await line.put(*(event(n) for n in range(5)))
    async with line.running() as courier:
        await line.until(lambda: courier.health.paused is Reason.CREDENTIAL)
        await asyncio.sleep(0.05)
        assert line.platform.requests == [ids(5)] * 2
        await line.until(lambda: len(line.platform.requests) == 4)
    assert credential.refusals == list("1234")
    assert line.platform.times[3] - line.platform.times[2] > 0.2
    assert line.recorder.of("up") == [(True, None, None), (False, Reason.CREDENTIAL, CODE)]


async def test_when_no_fresh_token_is_to_be_had_that_is_what_counts(line: Line) -> None:
    """The token endpoint's verdict: here it is down, so the lane retries and calls nobody."""

    class Dry(Refreshing):
        async def access(self) -> Access | Pause | Retry | Throttle:
            return Retry(Reason.SERVER_ERROR) if self.refusals else Access(Secret("old"))

    line.credential = Dry("old")
    line.platform.script = lambda _: Answer(["pause"])
    await line.put(event(0))
    async with line.running() as courier:
        await line.until(lambda: bool(line.recorder.of("retried")))
        assert courier.health.paused is None
    assert line.recorder.of("retried")[0] == (Reason.SERVER_ERROR, 1)
    assert line.platform.requests == [["e0"]]


async def test_a_request_of_which_something_was_taken_is_not_repeated(line: Line) -> None:
    """Only a request that was turned away whole is sent again at once."""
    line.credential = credential = Refreshing("old", "new")
    answers = iter([Answer(["ok", "pause"]), Answer(["ok"])])
    line.platform.script = lambda _: next(answers)
    await line.put(event(0), event(1))
    await line.deliver()
    assert line.platform.requests == [["e0", "e1"], ["e1"]]
    assert credential.refusals == []


async def test_another_refusal_than_of_the_credential_costs_no_token(line: Line) -> None:
    """A missing permission is not mended by a new token."""
    line.credential = credential = Refreshing("old", "new")
    line.platform.script = lambda _: web.Response(status=302)
    await line.put(event(0))
    async with line.running() as courier:
        await line.until(lambda: courier.health.paused is Reason.REDIRECTED)
    assert credential.refusals == []


async def test_stopping_does_not_wait_for_a_token(line: Line) -> None:
    """A token endpoint that hangs is cut like a platform that does, and the events stay as they were."""

    class Hanging(Scripted):
        async def access(self) -> Access | Pause | Retry | Throttle:
            """Never."""
            self.asked = True
            await asyncio.Event().wait()
            raise AssertionError

        asked = False

    line.credential = credential = Hanging()
    await line.put(event(0))
    async with line.running() as courier:
        await line.until(lambda: credential.asked)
        async with asyncio.timeout(2.0):
            await courier.stop(0.1)
    assert (await line.attempt(0)).state == "waiting"


async def test_an_adapter_that_answers_for_the_wrong_number_is_not_believed(line: Line) -> None:
    """Its events may have been received; they are tried again, and are dead letters at the third time."""
    line.adapter.miscount = 1
    await line.put(*(event(n) for n in range(4)))
    async with line.running():
        await line.until(lambda: bool(line.recorder.of("retried")))
        assert await line.states(4) == {"maybe": 4}
        await line.until(line.quiet)
    assert line.recorder.count("dead") == {Reason.UNKNOWN_ERROR: 4}
    assert not line.recorder.of("delivered")
    assert {entry[0] for entry in line.recorder.of("fault")} == {Stage.INTERPRET}


async def test_a_platforms_remarks_are_counted_and_change_nothing(line: Line) -> None:
    """Their number is told once a request, when there are any; the events are delivered all the same."""
    line.platform.script = lambda got: Answer(["ok"], warnings=len(got) if "e0" in got else 0)
    line.limits(batch_events=2)
    await line.put(*(event(n) for n in range(4)))
    await line.deliver()
    assert line.recorder.of("warned") == [(2,)]
    assert line.recorder.count("delivered") == {Reason.CONFIRMED: 4}


async def test_remarks_that_cannot_be_counted_cost_no_delivery(line: Line) -> None:
    """An adapter that breaks on counting is reported; what it said of the events counts."""
    line.adapter.bad_warnings = True
    await line.put(*(event(n) for n in range(3)))
    await line.deliver()
    assert line.recorder.count("delivered") == {Reason.CONFIRMED: 3}
    assert [entry[:2] for entry in line.recorder.of("fault")] == [(Stage.INTERPRET, "Crashing")]
    assert not line.recorder.of("retried")
