"""Dispatching, over a real socket: the quota, what may not go, and bad events that are found among good ones."""

import asyncio
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from gateway.adapter import Quota
from gateway.delivery import standing as room
from gateway.delivery.breaker import PROBE_EVENTS
from gateway.delivery.fates import SUSPICIOUS
from gateway.delivery.quota import Meter
from gateway.delivery.watcher import Stage
from gateway.model.event import Minimised
from gateway.model.texts import EmailDigest, EventId
from gateway.model.words import Destination, Kind, Reason
from gateway.outbox.holdings import Person
from tests.gateway.delivery.scene import (
    CODE,
    DAY,
    LANE,
    NOW,
    OTHER,
    QUICK,
    SHOP,
    Answer,
    Line,
    drawn,
    event,
    ids,
    open_store,
    platform_on_loopback,
    refusing,
)


async def test_a_request_that_is_too_long_is_halved(line: Line) -> None:
    """A body beyond the platform's limit is cut until it fits; one event that never fits is a dead letter."""
    line.limits(batch_bytes=30)
    await line.put(*(event(n) for n in range(8)), event(99, event_id=EventId("x" * 40)))
    await line.deliver()
    assert line.platform.taken == Counter(ids(8))
    assert max(len(sent) for sent in line.platform.requests) <= 4
    assert line.recorder.of("dead")[0][:2] == (Reason.TOO_LARGE, 1)


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
        left = line.outbox.waiting(LANE)
        assert (left.waiting + left.retrying, left.retrying in {30, 40, 50}) == (50, True)
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


async def test_events_for_which_something_is_not_set_up_hold_nobody_up(line: Line) -> None:
    """However many of them come first, those behind them are delivered; the lane is up, and somebody is told once."""
    bad = {f"e{n}" for n in range(60)}
    line.platform.script = lambda sent: Answer(["unset" if one in bad else "ok" for one in sent], after=3600.0)
    line.limits(batch_events=20)
    await line.put(*(event(n) for n in range(62)))
    async with line.running() as courier:
        await line.until(lambda: len(line.platform.taken) == 2)
        await line.until(lambda: line.outbox.waiting(LANE).retrying == 60)
        assert courier.health.up
        assert courier.health.reason is None
        assert courier.health.not_set_up is not None
        assert courier.health.not_set_up.code == CODE
    assert line.platform.taken == Counter(["e60", "e61"])
    assert line.recorder.of("misconfigured") == [(True, CODE)]
    assert line.recorder.count("retried") == {Reason.CONFIGURATION: 60}
    assert not line.recorder.of("dead")
    attempt = await line.attempt(0)
    assert (attempt.state, attempt.reason, attempt.code) == ("retrying", Reason.CONFIGURATION, CODE)


def of_two_kinds(line: Line, count: int) -> list[Minimised]:
    """Make `count` events by turns of two kinds: purchases have the even numbers."""
    line.recorder.kinds |= {Kind.ADD_TO_CART}
    return [event(n, kind=Kind.ADD_TO_CART if n % 2 else Kind.PURCHASE) for n in range(count)]


def refusing_carts(line: Line, after: float) -> None:
    """Let the platform refuse a whole request, as for a wrong setting, while anything of the one kind is in it."""
    line.platform.script = lambda sent: Answer(["unset" if any(int(one[1:]) % 2 for one in sent) else "ok"], after=after)


async def test_a_setting_of_one_kind_holds_that_kind_alone(line: Line) -> None:
    """Where one setting stands against a whole request, each kind goes by itself; only that kind waits, and nobody is lost."""
    refusing_carts(line, 3600.0)
    await line.put(*of_two_kinds(line, 40))
    async with line.running() as courier:
        await line.until(lambda: len(line.platform.taken) == 20)
        await line.until(lambda: line.outbox.waiting(LANE).retrying == 20)
        assert courier.health.up
        assert courier.health.not_set_up is not None
    assert line.platform.taken == Counter(ids(40)[::2])
    assert sorted(len(sent) for sent in line.platform.requests) == [20, 20, 40]
    assert line.recorder.of("misconfigured") == [(True, CODE)]
    assert line.recorder.count("retried") == {Reason.CONFIGURATION: 20}
    assert not line.recorder.of("dead")
    assert [entry[0] for entry in line.recorder.of("up")] == [True]


async def test_a_kind_whose_setting_was_mended_goes_by_itself(line: Line) -> None:
    """What waited is sent when it is due, each event once."""
    refusing_carts(line, 0.2)
    await line.put(*of_two_kinds(line, 40))
    async with line.running():
        await line.until(lambda: line.outbox.waiting(LANE).retrying == 20)
        line.platform.script = lambda _: Answer(["ok"])
        await line.until(line.quiet)
    assert line.platform.taken == Counter(ids(40))
    assert not line.recorder.of("dead")


async def test_a_setting_of_one_kind_ends_the_pause_of_a_lane(line: Line) -> None:
    """A probe that shows that the platform takes the token again, and refuses one kind, lets the others go."""
    line.platform.script = lambda _: Answer(["pause"])
    await line.put(*of_two_kinds(line, 40))
    async with line.running() as courier:
        await line.until(lambda: courier.health.paused is not None)
        refusing_carts(line, 3600.0)
        await line.until(lambda: len(line.platform.taken) == 20)
        await line.until(lambda: line.outbox.waiting(LANE).retrying == 20)
        assert courier.health.up
    assert line.platform.taken == Counter(ids(40)[::2])


async def test_what_was_set_up_is_told_once_no_event_waits_for_it(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """When events that waited were taken, and none has been refused for long, that is the end of it."""
    line.platform.script = lambda _: Answer(["unset"] if len(line.platform.requests) == 1 else ["ok"], after=0.1)
    await line.put(event(0))
    async with line.running() as courier:
        await line.until(line.quiet)
        assert courier.health.not_set_up is not None
        monkeypatch.setattr(room, "MENDED_SECONDS", 0.0)
        await line.put(event(1))
        await line.until(line.quiet)
        assert courier.health.not_set_up is None
    assert line.recorder.of("misconfigured") == [(True, CODE), (False, None)]


@pytest.mark.parametrize("place", [0, 30, 59])
async def test_an_event_that_nobody_understands_the_refusal_of_waits_alone(line: Line, place: int) -> None:
    """Wherever it stands, the others are delivered, in few requests; it is tried again, and blames nobody."""
    line.platform.script = lambda sent: Answer(["ok" if f"e{place}" not in sent else "isolate" if sent[1:] else "puzzle"])
    line.pace = msgspec.structs.replace(QUICK, backoff_base_seconds=60.0, backoff_cap_seconds=60.0)
    await line.put(*(event(n) for n in range(60)))
    async with line.running() as courier:
        await line.until(lambda: len(line.platform.taken) == 59)
        await line.until(lambda: line.outbox.waiting(LANE).retrying == 1)
        assert courier.health.up
    assert len(line.platform.requests) <= 14
    attempt = await line.attempt(place)
    assert (attempt.state, attempt.reason, attempt.code) == ("retrying", Reason.UNKNOWN_ERROR, CODE)


async def test_where_nobody_understands_any_refusal_the_lane_pauses(line: Line) -> None:
    """That is no event's fault: after a few the lane stops with every event kept, and goes on once something gets through."""
    line.platform.script = lambda sent: Answer(["isolate" if sent[1:] else "puzzle"])
    await line.put(*(event(n) for n in range(100)))
    async with line.running() as courier:
        await line.until(lambda: courier.health.paused is Reason.CONFIGURATION)
        assert len(line.platform.requests) <= 80
        line.platform.script = lambda _: Answer(["ok"])
        await line.until(line.quiet)
    assert line.recorder.count("delivered") == {Reason.CONFIRMED: 100}
    assert not line.recorder.of("dead")
    assert [entry[0] for entry in line.recorder.of("up")] == [True, False, True]


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


async def test_requests_keep_to_the_quota_and_batches_fill_meanwhile(line: Line) -> None:
    """Beyond what is saved up, a lane waits; what arrives meanwhile goes along, and the wait is neither failure nor try."""
    line.meter, began = drawn(75, 13)  # 15 at once, then one a second
    async with line.running():
        for number in range(2):
            await line.put(event(number))
            await line.until(line.quiet)
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


async def test_doubles_of_a_request_that_was_taken_in_part_go_alone(line: Line) -> None:
    """Where a platform took some and refused others for being the same, those go again one by one, and nothing twice."""
    line.platform.script = lambda ids: Answer(["ok", "suspect", "ok", "suspect"] if len(ids) == 4 else ["ok"])
    await line.put(*(event(n) for n in range(4)))
    await line.deliver()
    assert line.platform.requests == [["e0", "e1", "e2", "e3"], ["e1"], ["e3"]]
    assert line.platform.taken == Counter(["e0", "e1", "e2", "e3"])


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
