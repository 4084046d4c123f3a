"""The courier over a real store and a real socket: what each answer of the platform leads to."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from itertools import count, pairwise
from pathlib import Path

import apsw
import msgspec
import pytest
import pytest_asyncio
from aiohttp import web

from gateway.adapter import Access, Quota
from gateway.delivery.backoff import Pace
from gateway.delivery.breaker import PROBE_EVENTS
from gateway.delivery.credentials import Standing
from gateway.delivery.fates import SUSPICIOUS
from gateway.delivery.grants import CredentialKind
from gateway.delivery.login import Login
from gateway.delivery.quota import Meter
from gateway.delivery.transport import Transport
from gateway.delivery.watcher import Stage
from gateway.model import ClickIds, Destination, EmailDigest, EventId, GoogleClickId, Kind, Pause, Reason, Retry, Throttle
from gateway.outbox import AllDone, Claim, Lane, Left, Person, Settlement, Shut, Unavailable
from gateway.outbox.sqlite import SqliteOutbox
from gateway.references import LOOK_SECONDS, Referent
from gateway.secret import Secret
from tests.gateway.delivery.scene import (
    CODE,
    DAY,
    ECHO,
    LANE,
    NOW,
    OTHER,
    QUICK,
    READ,
    SHOP,
    TOKEN,
    Answer,
    Line,
    Recorder,
    event,
    line_in,
    open_store,
    platform_on_loopback,
)


@pytest_asyncio.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    """A line over a store of its own."""
    async with line_in(tmp_path) as made:
        yield made


def ids(count: int) -> list[str]:
    """Name the first `count` events."""
    return [f"e{number}" for number in range(count)]


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


async def test_a_request_that_is_too_long_is_halved(line: Line) -> None:
    """A body beyond the platform's limit is cut until it fits; one event that never fits is a dead letter."""
    line.limits(batch_bytes=30)
    await line.put(*(event(n) for n in range(8)), event(99, event_id=EventId("x" * 40)))
    await line.deliver()
    assert line.platform.taken == Counter(ids(8))
    assert max(len(sent) for sent in line.platform.requests) <= 4
    assert line.recorder.of("dead")[0][:2] == (Reason.TOO_LARGE, 1)


# ── the whole batch fails ────────────────────────────────────────────────────────────────────────────────────────


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


async def test_a_server_error_opens_the_breaker_which_closes_by_itself(line: Line) -> None:
    """After five failures in a row only small probes go out; the first that succeeds closes the breaker, and all arrive."""
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
    assert [len(sent) for sent in line.platform.requests[:5]] == [60] * 5
    assert all(len(sent) <= PROBE_EVENTS for sent in line.platform.requests[5:7])
    assert line.recorder.of("breaker") == [(True, Reason.SERVER_ERROR), (False, None)]
    assert [entry[0] for entry in line.recorder.of("up")] == [True, False, True]
    assert await line.states(60) == {"delivered": 60}


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


# ── pause ────────────────────────────────────────────────────────────────────────────────────────────────────────


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


async def test_a_redirect_pauses(line: Line) -> None:
    """A platform that points elsewhere is a wrong configuration: nothing is followed, nothing is lost."""
    line.platform.script = lambda _: web.Response(status=302, headers={"Location": "http://127.0.0.1:9/"})
    await line.put(event(0))
    async with line.running() as courier:
        await line.until(lambda: courier.health.paused is Reason.REDIRECTED)
    assert await line.states(1) == {"waiting": 1}


class Scripted:
    """A credential that says what the test wants."""

    renewals = 0
    standing = Standing(CredentialKind.TOKEN, None)

    def __init__(self) -> None:
        self.answer: Access | Pause | Retry | Throttle = Retry(Reason.NOT_CONNECTED)

    async def access(self) -> Access | Pause | Retry | Throttle:
        """Give the answer that is due."""
        return self.answer

    def refused(self, access: Access) -> bool:
        """There is no other."""
        del access
        return False

    async def renewed(self, seen: int) -> None:
        """Never: the lane has to find out by itself."""
        del seen
        await asyncio.Event().wait()


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


class Refreshing(Scripted):
    """A credential that can get another token when one was refused: `tokens` in turn, the last for ever."""

    def __init__(self, *tokens: str) -> None:
        super().__init__()
        self.tokens = list(tokens)
        self.refusals: list[str] = []

    async def access(self) -> Access | Pause | Retry | Throttle:
        """Give the token in use."""
        return Access(Secret(self.tokens[0]))

    def refused(self, access: Access) -> bool:
        """Throw it away."""
        self.refusals.append(access.token.reveal())
        if len(self.tokens) > 1:
            self.tokens.pop(0)
        return True


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


async def test_a_batch_that_is_refused_event_by_event_pauses(line: Line) -> None:
    """When all of a large batch is refused, the configuration is taken to be wrong, and the events are kept."""
    line.platform.script = lambda _: Answer(["rejected"])
    await line.put(*(event(n) for n in range(50)))
    async with line.running() as courier:
        await line.until(lambda: courier.health.paused is not None)
        assert courier.health.paused is Reason.CONFIGURATION
        assert not line.recorder.of("dead")
        line.platform.script = lambda _: Answer(["ok"])
        await line.until(line.quiet)
    assert line.platform.taken == Counter(ids(50))


async def test_refusals_do_not_end_a_pause_and_cost_no_event(line: Line) -> None:
    """While a paused lane's probes are refused too, it stays paused, each tries other events, and none is blamed."""
    line.platform.script = lambda _: Answer(["rejected"])
    await line.put(*(event(n) for n in range(50)))
    async with line.running() as courier:
        await line.until(lambda: len(line.platform.requests) >= 5)
        assert courier.health.paused is Reason.CONFIGURATION
        assert await line.states(50) in (Counter(retrying=count, waiting=50 - count) for count in (30, 40, 50))
        line.platform.script = lambda _: Answer(["ok"])
        await line.until(line.quiet)
    assert [len(sent) for sent in line.platform.requests[:5]] == [50, *[PROBE_EVENTS] * 4]
    assert len({name for sent in line.platform.requests[1:5] for name in sent}) == 4 * PROBE_EVENTS
    gaps = [later - earlier for earlier, later in pairwise(line.platform.times[:5])]
    assert min(gaps) >= 0.05, "no faster than the pause's own pace"
    assert max(gaps) < 0.5, "and no slower"
    assert [entry[0] for entry in line.recorder.of("up")] == [True, False, True]
    assert not line.recorder.of("dead")
    assert line.platform.taken == Counter(ids(50))


async def test_bad_events_in_a_pauses_probe_die_once_others_got_through(line: Line) -> None:
    """What a probe put aside is sent again when the lane is up; who is then refused, while others are taken, is at fault."""
    line.platform.script = lambda _: Answer(["rejected"])
    await line.put(*(event(n) for n in range(60)))
    async with line.running() as courier:
        await line.until(lambda: courier.health.paused is not None and len(line.platform.requests) >= 3)
        line.platform.script = lambda sent: Answer(["rejected" if int(name[1:]) < 25 else "ok" for name in sent])
        await line.until(line.quiet)
    assert line.platform.taken == Counter(ids(60)[25:])
    assert await line.states(60) == {"delivered": 35, "dead": 25}


async def test_small_claims_that_are_all_refused_add_up_to_a_pause(line: Line) -> None:
    """Twenty events refused one by one, each in a claim of its own, say the same as twenty at once: those behind are kept."""
    line.platform.script = lambda _: Answer(["rejected"])
    line.limits(batch_events=1)
    await line.put(*(event(n) for n in range(40)))
    async with line.running() as courier:
        await line.until(lambda: courier.health.paused is Reason.CONFIGURATION)
        line.platform.script = lambda _: Answer(["ok"])
        await line.until(line.quiet)
    assert await line.states(40) == {"dead": SUSPICIOUS - 1, "delivered": 41 - SUSPICIOUS}
    assert [entry[:2] for entry in line.recorder.of("up")] == [(True, None), (False, Reason.CONFIGURATION), (True, None)]


async def test_what_added_up_to_a_pause_is_forgotten_with_it(line: Line) -> None:
    """Once something got through, counting begins anew: the next few bad events die alone and pause nothing."""
    line.limits(batch_events=1)
    await line.put(*(event(n) for n in range(30)))
    async with line.running() as courier:
        line.platform.script = lambda _: Answer(["ok" if courier.health.paused else "rejected"])
        await line.until(lambda: line.platform.taken.total() == 1)
        await line.until(lambda: len(line.recorder.of("dead")) >= SUSPICIOUS + 4)
        line.platform.script = lambda _: Answer(["ok"])
        await line.until(line.quiet)
    assert [entry[:2] for entry in line.recorder.of("up")] == [(True, None), (False, Reason.CONFIGURATION), (True, None)]


async def test_refusals_among_deliveries_do_not_add_up(line: Line) -> None:
    """As long as no more is refused than taken, a lane goes on, however many bad events it meets in all."""
    line.platform.script = lambda sent: Answer(["rejected" if int(name[1:]) % 2 else "ok" for name in sent])
    line.limits(batch_events=2)
    await line.put(*(event(n) for n in range(100)))
    await line.deliver()
    assert await line.states(100) == {"delivered": 50, "dead": 50}
    assert [entry[0] for entry in line.recorder.of("up")] == [True]


@pytest.mark.parametrize("hint", [False, True], ids=["without hints", "with hints"])
async def test_a_batch_whose_every_member_is_refused_alone_pauses_soon(line: Line, hint: bool) -> None:
    """Isolating stops when it finds that everything is refused: a thousand bad events cost sixty requests, not two thousand."""
    line.platform.script = lambda sent: Answer(["suspect" if hint else "isolate", *["isolate"] * (len(sent) - 1)])
    line.limits(batch_events=1000)
    await line.put(*(event(n) for n in range(1000)))
    async with line.running() as courier:
        await line.until(lambda: courier.health.paused is not None)
        assert courier.health.paused is Reason.CONFIGURATION
    assert len(line.platform.requests) <= 60
    assert not line.recorder.of("dead")
    assert await line.states(1000) == {"waiting": 1000}


async def test_bad_events_that_lie_together_are_no_wrong_configuration(line: Line) -> None:
    """Before the first twenty of a thousand are taken for all, the other end is heard: it is taken, and the lane goes on."""
    bad = set(ids(25))
    line.platform.script = lambda sent: Answer(["isolate" if bad.intersection(sent) else "ok"])
    line.limits(batch_events=1000)
    await line.put(*(event(n) for n in range(1000)))
    await line.deliver()
    assert [entry[0] for entry in line.recorder.of("up")] == [True]
    assert await line.states(1000) == {"delivered": 975, "dead": 25}
    assert len(line.platform.requests) <= 80


# ── fresh and old ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_after_an_outage_new_events_do_not_wait_behind_old_ones(line: Line) -> None:
    """Fresh and old take turns, a request each; the old ones go the oldest first, and everything arrives once."""
    line.limits(batch_events=10)
    line.platform.delay = 0.01
    await line.put(*(event(n) for n in range(200)))
    line.wall.shift = 600.0
    async with line.running():
        await line.until(lambda: len(line.platform.requests) >= 4)
        before = len(line.platform.requests)
        await line.put_at(NOW + 600, *(event(n) for n in range(200, 215)))
        await line.until(line.quiet)
    assert line.platform.taken == Counter(ids(215))
    numbers = [[int(name[1:]) for name in sent] for sent in line.platform.requests]
    fresh = [place for place, sent in enumerate(numbers) if sent[0] >= 200]
    assert [numbers[place] for place in fresh] == [list(range(200, 210)), list(range(210, 215))]
    assert fresh[0] <= before + 2
    assert fresh[1] == fresh[0] + 2, "the backlog had its turn in between"
    old = [number for sent in numbers if sent[0] < 200 for number in sent]
    assert old == sorted(old)


async def test_a_stream_of_new_events_does_not_starve_the_backlog(line: Line) -> None:
    """However much comes in, every other request is for what is old."""
    line.limits(batch_events=10)
    await line.put(*(event(n) for n in range(100)))
    line.wall.shift = 600.0
    new = count(100)

    def script(_: list[str]) -> Answer:
        more = [event(next(new)) for _ in range(10)]
        tasks.append(asyncio.ensure_future(line.put_at(NOW + 600, *more)))
        return Answer(["ok"])

    tasks: list[asyncio.Future[None]] = []
    line.platform.script = script
    await line.put_at(NOW + 600, *(event(next(new)) for _ in range(20)))
    async with line.running():
        await line.until(lambda: line.outbox.waiting(LANE).backlog == 0 and len(line.platform.requests) >= 20)
        await asyncio.gather(*tasks)
    first = [int(sent[0][1:]) for sent in line.platform.requests[:20]]
    assert sorted(number for number in first if number < 100) == list(range(0, 100, 10))


async def test_what_is_held_back_is_no_backlog_and_blocks_none(line: Line) -> None:
    """Events that wait for the platform's minimum age stay where they are, and what is old goes on meanwhile."""
    line.limits(min_age=3600, batch_events=5)
    await line.put_at(NOW - 30, *(event(n, occurred_at=NOW - 4000) for n in range(20)))
    line.wall.shift = 4000.0
    await line.put_at(NOW + 3990, *(event(n, occurred_at=NOW + 3990) for n in range(20, 30)))
    async with line.running():
        await line.until(lambda: line.outbox.waiting(LANE).waiting == 10)
        assert line.outbox.waiting(LANE).backlog == 0
        assert await line.states(30) == {"delivered": 20, "waiting": 10}
    assert not line.recorder.of("retried")


async def test_where_only_some_are_held_back_the_others_pass_them(line: Line) -> None:
    """Events that wait for hours, too many to look past, are set aside in one row; what comes in later does not wait."""
    line.limits(min_age=3600, held_clicks=frozenset({"gclid"}), batch_events=5)
    click = ClickIds(gclid=GoogleClickId("abcdefghij"))
    await line.put_at(NOW - 400, *(event(n, click=click) for n in range(20)))
    await line.put(*(event(n) for n in range(20, 23)))
    async with line.running():
        await line.until(lambda: line.outbox.waiting(LANE).waiting == 20)
        await line.put(event(23))
        await line.until(lambda: line.outbox.waiting(LANE).waiting == 20 and len(line.platform.taken) == 4)
    assert line.platform.taken == Counter(["e20", "e21", "e22", "e23"])
    assert line.outbox.waiting(LANE).retrying == 0
    line.wall.shift = 3600.0
    await line.deliver()
    assert line.platform.taken == Counter(ids(24))


async def test_a_full_store_delays_only_the_setting_aside(tmp_path: Path) -> None:
    """Without room for its one row, the lane delivers in the old order rather than not at all."""

    class Full(SqliteOutbox):
        asked = 0

        async def set_aside(self, lane: Lane, before: int) -> None:
            """Have no room."""
            assert lane == LANE
            assert before >= NOW + 600 - 150
            self.asked += 1
            raise Unavailable(Shut.FULL)

    async with line_in(tmp_path, Full) as line:
        await line.put(*(event(n) for n in range(5)))
        line.wall.shift = 600.0
        await line.deliver()
        assert isinstance(line.outbox, Full)
        assert line.outbox.asked
        assert line.platform.taken == Counter(ids(5))


# ── the platform's quota ─────────────────────────────────────────────────────────────────────────────────────────


def drawn(quota: int, places: int) -> tuple[Meter, float]:
    """A meter of so many requests a minute of which some places are taken, and when that was."""
    meter, now = Meter(Quota(requests_per_minute=quota)), asyncio.get_running_loop().time()
    for _ in range(places):
        meter.take(now)
    return meter, now


async def test_requests_keep_to_the_quota_and_batches_fill_meanwhile(line: Line) -> None:
    """Beyond what is saved up, a lane waits; what arrives meanwhile goes along, and the wait is neither failure nor try."""
    line.meter, began = drawn(75, 13)  # 15 at once, then one a second
    line.limits(batch_events=1)
    await line.put(event(0), event(1))
    async with line.running() as courier:
        await line.until(line.quiet)
        line.limits(batch_events=100)
        courier._rules = msgspec.structs.replace(courier._rules, limits=line.adapter.limits)
        await line.put(event(2))
        await asyncio.sleep(0.05)
        await line.put(*(event(n) for n in range(3, 25)))
        await line.until(line.quiet)
    assert [len(sent) for sent in line.platform.requests] == [1, 1, 23]
    assert line.platform.times[2] - began >= 1.0
    assert sum(seconds for (seconds,) in line.recorder.of("quota_waited") if isinstance(seconds, float)) > 0.1
    assert not line.recorder.of("retried")
    assert [entry[0] for entry in line.recorder.of("up")] == [True]


async def test_requests_that_isolate_a_bad_event_keep_to_the_quota_too(line: Line) -> None:
    """Each request counts, not each claim."""
    line.meter, began = drawn(600, 117)  # 120 at once, then eight a second
    refusing(line, "e0", hint=False)
    await line.put(*(event(n) for n in range(4)))
    await line.deliver()
    assert len(line.platform.requests) == 5
    assert line.platform.times[3] - began >= 0.125
    assert line.platform.times[4] - began >= 0.25


async def test_lanes_of_one_credential_share_its_quota_and_others_do_not(tmp_path: Path) -> None:
    """Two lanes with one meter leave by turns and together keep to it; with a meter of its own a lane goes at full speed."""
    both = (Destination.META, Destination.PINTEREST)
    outbox = await open_store(tmp_path, LANE, OTHER)
    try:
        async with platform_on_loopback() as one, platform_on_loopback() as two:
            first, second = Line(outbox, one), Line(outbox, two)
            second.lane = OTHER
            for line in (first, second):
                line.limits(batch_events=1)
            await first.put(*(event(n, destinations=both) for n in range(6)))
            shared, began = drawn(600, 120)
            first.meter = second.meter = shared
            async with first.running(), second.running():
                await first.until(lambda: first.quiet() and second.quiet())
            times = sorted([*one.times, *two.times])
            assert all(at - began >= 0.125 * place for place, at in enumerate(times, 1))
            assert sum(at < one.times[-1] for at in two.times) >= 3, "neither was crowded out"
            assert sum(at < two.times[-1] for at in one.times) >= 3
            first.meter = Meter(Quota())
            await first.put(*(event(n, destinations=both) for n in range(6, 12)))
            async with first.running(), second.running():
                await first.until(lambda: first.quiet() and second.quiet())
            assert one.times[-1] < two.times[-1]
    finally:
        await outbox.close()
    assert one.taken == two.taken == Counter(ids(12))


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


async def test_what_grows_too_old_while_it_waits_for_the_quota_is_not_sent(line: Line) -> None:
    """Screening comes after the wait as well: consent that ran out meanwhile is heeded."""
    line.meter, _ = drawn(75, 14)  # 15 at once, then one a second
    line.max_consent_age = 10 * DAY
    refusing(line, "e0", hint=True)
    await line.put(event(0), event(1, consent_at=NOW - 10 * DAY + 2), event(2))
    line.wall.began = time.monotonic() - 0.5  # it runs out while the third request waits for its place
    await line.deliver()
    assert line.platform.taken == Counter(["e2"])
    assert (await line.attempt(1)).reason is Reason.CONSENT_EXPIRED


# ── some events fail ─────────────────────────────────────────────────────────────────────────────────────────────


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


def refusing(line: Line, *bad: str, hint: bool) -> None:
    """Let the platform refuse a whole request for each of the bad events, perhaps hinting at the first."""

    def script(sent: list[str]) -> Answer:
        if not set(bad).intersection(sent):
            return Answer(["ok"])
        first = next(name for name in sent if name in bad)
        return Answer(["suspect" if hint and name == first else "isolate" for name in sent])

    line.platform.script = script


async def test_isolates_the_bad_event_by_halves(line: Line) -> None:
    """One bad event among many is found by halving; it alone is dead, and each good one is taken once."""
    refusing(line, "e37", hint=False)
    await line.put(*(event(n) for n in range(100)))
    await line.deliver()
    assert line.platform.taken == Counter(name for name in ids(100) if name != "e37")
    assert len(line.platform.requests) <= 15
    assert (await line.attempt(37)).reason is Reason.REJECTED
    assert await line.states(100) == {"delivered": 99, "dead": 1}


async def test_follows_the_platforms_hint(line: Line) -> None:
    """With a hint, two requests more are enough: the suspect alone, and the rest."""
    refusing(line, "e37", hint=True)
    await line.put(*(event(n) for n in range(100)))
    await line.deliver()
    assert [len(sent) for sent in line.platform.requests] == [100, 1, 99]
    assert await line.states(100) == {"delivered": 99, "dead": 1}


async def test_isolates_only_what_was_refused(line: Line) -> None:
    """Where an answer takes some events and refuses the rest together, only the rest is sent again, in smaller groups."""

    def script(sent: list[str]) -> Answer:
        if len(sent) == 4:
            return Answer(["ok", "isolate", "isolate", "ok"])
        return Answer(["isolate" if "e2" in sent else "ok"])

    line.platform.script = script
    await line.put(*(event(n) for n in range(4)))
    await line.deliver()
    assert line.platform.requests == [ids(4), ["e1"], ["e2"]]
    assert await line.states(4) == {"delivered": 3, "dead": 1}


async def test_a_failure_while_isolating_keeps_what_was_found(line: Line) -> None:
    """What was delivered or refused before the failure is settled; the rest comes later, once."""
    failed: list[list[str]] = []

    def script(sent: list[str]) -> Answer | None:
        if "e0" in sent:
            return Answer(["isolate"])
        if not failed:
            failed.append(sent)
            return None
        return Answer(["ok"])

    line.platform.script = script
    await line.put(*(event(n) for n in range(16)))
    await line.deliver()
    assert line.platform.taken == Counter(ids(16)[1:])
    assert (await line.attempt(0)).state == "dead"
    assert line.recorder.count("delivered") == {Reason.CONFIRMED: 15}
    assert line.recorder.count("retried") == {Reason.CONNECTION_LOST: 15}


# ── what may not go ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_takes_out_what_may_not_go(line: Line) -> None:
    """Expired consent is taken out, what is too old dies, what was withdrawn is gone; none of it reaches the platform."""
    line.max_consent_age = 30 * DAY
    await line.put(
        event(0, consent_at=NOW - 31 * DAY),
        event(1, occurred_at=NOW - 8 * DAY),
        event(2),
        event(3),
    )
    await line.outbox.withdraw(SHOP, Person((EmailDigest(f"{3:064x}"),)), NOW)
    await line.deliver()
    assert line.platform.requests == [["e2"]]
    assert line.recorder.count("withdrawn") == {Reason.CONSENT_EXPIRED: 1}
    assert line.recorder.count("dead") == {Reason.EXPIRED: 1}
    assert await line.states(4) == {"withdrawn": 2, "dead": 1, "delivered": 1}


async def test_looks_again_before_each_attempt(line: Line) -> None:
    """Consent that runs out and a withdrawal that arrives while events wait for another attempt stop them."""
    line.platform.script = lambda _: Answer(["retry"])
    await line.put(*(event(n) for n in range(2)))
    async with line.running():
        await line.until(lambda: bool(line.recorder.of("retried")))
        await line.outbox.withdraw(SHOP, Person((EmailDigest(f"{0:064x}"),)), NOW)
        line.platform.script = lambda _: Answer(["ok"])
        await line.until(line.quiet)
    assert line.platform.taken == Counter(["e1"])


async def test_holds_what_is_too_young(line: Line) -> None:
    """An event is not sent before it has the age that the platform wants, and what came before it does not wait."""
    line.limits(min_age=62)
    await line.put(event(0, occurred_at=NOW - 70), event(1), event(2, occurred_at=NOW - 70))
    start = line.wall()
    async with line.running():
        await line.until(lambda: bool(line.recorder.of("delivered")), 0.5)  # taken, and settled too
        assert await line.states(3) == {"delivered": 1, "waiting": 2}
        await line.until(lambda: len(line.platform.taken) == 3)
    assert line.wall() - start >= 1.5
    assert line.platform.requests == [["e0"], ["e1", "e2"]]
    assert not line.recorder.of("retried")


async def test_what_is_not_held_passes_what_is(line: Line) -> None:
    """Where only clicks have to reach an age, an event without one goes at once; held ones behind it keep their place."""
    line.limits(min_age=62, held_clicks=frozenset({"gclid"}))
    clicked = ClickIds(gclid=GoogleClickId("Cj0KCQiA-synthetic"))
    await line.put(event(0, click=clicked), event(1), event(2, click=clicked))
    async with line.running():
        await line.until(lambda: line.platform.taken == Counter(["e1"]), 0.5)
        await line.until(lambda: len(line.platform.taken) == 3)
    assert line.platform.requests[0] == ["e1"]
    assert line.recorder.count("retried") == {Reason.HELD: 1}


async def test_doubles_of_a_request_that_was_taken_in_part_go_alone(line: Line) -> None:
    """Where a platform took some and refused others for being the same, those go again one by one, and nothing twice."""
    line.platform.script = lambda ids: Answer(["ok", "suspect", "ok", "suspect"] if len(ids) == 4 else ["ok"])
    await line.put(*(event(n) for n in range(4)))
    await line.deliver()
    assert line.platform.requests == [["e0", "e1", "e2", "e3"], ["e1"], ["e3"]]
    assert line.platform.taken == Counter(["e0", "e1", "e2", "e3"])


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
    assert len(line.recorder.of("clock_jumped")) == 1


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


# ── bugs ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_event_that_the_adapter_breaks_on_dies_alone_at_the_third_time(line: Line) -> None:
    """The others of its batch are delivered at once; the broken one is tried three times, never sent, and kept as dead."""
    line.adapter.bad_builds = {"e5"}
    await line.put(*(event(n) for n in range(10)))
    async with line.running() as courier:
        await line.until(line.quiet)
        assert not courier._crashes, "no count is kept of what is done with"
    assert line.platform.taken == Counter(name for name in ids(10) if name != "e5")
    assert line.recorder.count("retried") == {Reason.UNKNOWN_ERROR: 2}
    assert line.recorder.count("dead") == {Reason.UNKNOWN_ERROR: 1}
    assert [entry[:2] for entry in line.recorder.of("fault")] == [(Stage.BUILD, "Crashing")] * 3
    assert str(line.recorder.of("fault")[0][2]).startswith("scene.py:")


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


# ── several lanes ────────────────────────────────────────────────────────────────────────────────────────────────


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


# ── stopping ─────────────────────────────────────────────────────────────────────────────────────────────────────


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


async def test_ends_when_the_store_does(line: Line) -> None:
    """When the store is closed under it, the courier returns and raises nothing."""
    async with Transport(hosts=frozenset()) as transport:
        courier = line.courier(transport)
        task = asyncio.create_task(courier.run())
        await asyncio.sleep(0.05)
        await line.outbox.close()
        await asyncio.wait_for(task, 2.0)


# ── secrecy ──────────────────────────────────────────────────────────────────────────────────────────────────────


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
            shown = f"{courier!r} {courier.health!r} {courier.__dict__!r} {line.recorder.told!r}"
    for canary in ("canary", "jane@example.com", TOKEN):
        assert canary not in shown
        assert canary not in caplog.text


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
