"""Dead letters given back to a courier, over a real store and a real socket."""

import asyncio
from typing import Any

import msgspec
import pytest

from gateway.delivery import replaying
from gateway.delivery.letters import ALWAYS_ASKED, Lot, Order, Slice
from gateway.delivery.replaying import Replayer, count_dead
from gateway.delivery.screening import Rules
from gateway.model.texts import EmailDigest
from gateway.model.words import Destination, Kind, Reason, Refusal
from gateway.outbox.holdings import Person
from gateway.storage import Shut, Unavailable
from tests.gateway.delivery.scene import CODE, DAY, LANE, NOW, SHOP, TOKEN, Answer, Line, event

PURCHASES = (Kind.PURCHASE, Reason.REJECTED, CODE)


def replayer(line: Line) -> Replayer:
    """A replayer for the line's lane."""
    rules = Rules(line.adapter.limits, line.max_consent_age, line.adapter.refuses, ALWAYS_ASKED)
    return Replayer(line.outbox, {line.lane: rules}, line.recorder)


def order(**said: Any) -> Order:
    """An order for the line's lane."""
    return Order(storefront=SHOP, destination=Destination.META, **said)


async def dead(line: Line, count: int, **changes: Any) -> None:
    """Let the platform refuse `count` events for good, one by one so that no pause is suspected; then mend it."""
    line.platform.script = lambda _: Answer(["rejected"])
    line.limits(batch_events=1)
    await line.put(*(event(n, **changes) for n in range(count)))
    await line.deliver()
    assert await line.states(count) == {"dead": count}
    line.platform.script = lambda _: Answer(["ok"])


async def test_a_dry_run_changes_nothing(line: Line) -> None:
    """It says what would go, in events and money, and no more."""
    await dead(line, 3)
    found = await replayer(line).replay(order(), NOW)
    assert found == Slice(3, None, (Lot(*PURCHASES, None, 3, {"EUR": 3003}),))
    assert await line.states(3) == {"dead": 3}
    assert line.recorder.of("replayed") == []


async def test_a_replay_wakes_the_courier_and_everything_arrives(line: Line) -> None:
    """Events that were dead are delivered under the id that they always had, once each; who watches is told."""
    await dead(line, 3)
    async with line.running():
        await line.until(line.quiet)
        found = await replayer(line).replay(order(dry_run=False), NOW)
        assert found == Slice(3, None, (Lot(*PURCHASES, None, 3, {"EUR": 3003}),))
        await line.until(lambda: line.platform.taken.total() == 3)
        await line.until(line.quiet)
    assert line.platform.taken == {"e0": 1, "e1": 1, "e2": 1}
    assert await line.states(3) == {"delivered": 3}
    assert line.recorder.of("replayed") == [(Reason.REJECTED, 3, Kind.PURCHASE, {"EUR": 3003})]
    book = await line.outbox.book(SHOP)
    assert (book.accepted, book.waiting, book.replayed) == ({LANE.destination: 3}, {LANE.destination: 0}, {LANE.destination: 3})
    assert await replayer(line).replay(order(dry_run=False), NOW) == Slice(0, None, ())


async def test_what_may_not_go_stays_dead(line: Line) -> None:
    """Too old in consent or in age, refused by today's settings: told, and left where it is. What was withdrawn is gone."""
    await dead(line, 4)
    await line.outbox.withdraw(SHOP, Person((EmailDigest(f"{1:064x}"),)), NOW)
    line.adapter.refuses = lambda event: Refusal.NO_IDENTITY if event.event_id == "e2" else None  # type: ignore[method-assign]
    found = await replayer(line).replay(order(dry_run=False), NOW)
    assert found is not None
    assert {(lot.against, lot.count) for lot in found.lots} == {(None, 2), (Reason.CONFIGURATION, 1)}
    assert await line.states(4) == {"retrying": 2, "dead": 1, "withdrawn": 1}
    late = await replayer(line).replay(order(dry_run=False), NOW + 8 * DAY)
    assert late is not None
    assert {(lot.against, lot.count) for lot in late.lots} == {(Reason.EXPIRED, 1)}


async def test_what_may_have_arrived_is_never_repeated_outside_the_platforms_window(line: Line) -> None:
    """Inside it, a replay repeats it; from the window's end on it is told as such and left alone."""
    line.platform.script = lambda _: None
    await line.put(event(0))
    async with line.running():
        await line.until(lambda: len(line.platform.requests) >= 1)
        await line.until(lambda: line.recorder.count("retried").total() >= 1)
    line.platform.script = lambda _: Answer(["rejected"])
    await line.deliver()
    assert (await line.attempt(0)).state == "dead"
    letters = await line.outbox.dead_letters(LANE, 0, 9)
    (kept,) = await line.outbox.open_letters(LANE, letters)
    assert kept.maybe_since is not None
    inside = await replayer(line).replay(order(), kept.maybe_since + 44 * 3600 - 1)
    outside = await replayer(line).replay(order(dry_run=False), kept.maybe_since + 44 * 3600)
    assert inside is not None
    assert outside is not None
    assert [lot.against for lot in (*inside.lots, *outside.lots)] == [None, Reason.AMBIGUOUS_EXPIRED]
    assert (await line.attempt(0)).state == "dead"


async def test_the_last_look_is_the_couriers(line: Line) -> None:
    """A letter that may go when it is given back, and no longer when it is claimed, does not go."""
    await dead(line, 1)
    await replayer(line).replay(order(dry_run=False), NOW)
    await line.outbox.withdraw(SHOP, Person((EmailDigest(f"{0:064x}"),)), NOW)
    before = len(line.platform.requests)
    await line.deliver()
    assert len(line.platform.requests) == before
    assert (await line.attempt(0)).state == "withdrawn"


async def test_slices_go_through_all_and_can_be_cut_off(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each begins where the one before ended; beginning anew finds only what is still dead."""
    monkeypatch.setattr(replaying, "SLICE", 2)
    await dead(line, 5)
    one = await replayer(line).replay(order(dry_run=False), NOW)
    assert one is not None
    assert (one.looked_at, sum(lot.count for lot in one.lots)) == (2, 2)
    counts, after = [], 0
    while True:
        found = await replayer(line).replay(order(dry_run=False, after=after), NOW)
        assert found is not None
        counts.append(found.looked_at)
        if found.next is None:
            break
        after = found.next
    assert counts == [2, 1]
    assert await line.states(5) == {"retrying": 5}


async def test_replays_at_the_same_time_give_each_letter_back_once(line: Line) -> None:
    """And count it once: a letter that another replay took is in nobody's second sum."""
    await dead(line, 6)
    found = await asyncio.gather(*(replayer(line).replay(order(dry_run=False), NOW) for _ in range(4)))
    assert sum(lot.count for one in found if one is not None for lot in one.lots) == 6
    assert line.recorder.count("replayed") == {Reason.REJECTED: 6}
    assert (await line.outbox.book(SHOP)).replayed == {Destination.META: 6}


async def test_a_lane_that_is_not_there_is_none(line: Line) -> None:
    """Of another storefront, or of a destination that is not enabled."""
    assert await replayer(line).replay(msgspec.structs.replace(order(), storefront="other"), NOW) is None
    assert await replayer(line).replay(msgspec.structs.replace(order(), destination=Destination.PINTEREST), NOW) is None


async def test_a_closed_store_says_so(line: Line) -> None:
    """Nothing was changed then."""
    await line.outbox.close()
    with pytest.raises(Unavailable) as shut:
        await replayer(line).replay(order(), NOW)
    assert shut.value.why is Shut.CLOSED


async def test_a_replayed_event_that_is_refused_again_dies_again(line: Line) -> None:
    """With its replays counted, and the books as before."""
    await dead(line, 1)
    line.platform.script = lambda _: Answer(["rejected"])
    await replayer(line).replay(order(dry_run=False), NOW)
    await line.deliver()
    told = await line.attempt(0)
    assert (told.state, told.replays) == ("dead", 1)
    book = await line.outbox.book(SHOP)
    assert book.settled == {(Destination.META, Kind.PURCHASE, "dead", Reason.REJECTED): 1}
    (counted,) = await count_dead(line.outbox, SHOP)
    assert (counted.count, counted.again) == (1, 1)


async def test_the_dead_are_counted_by_what_they_died_of(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the first and the last death, over any number of slices; nothing is opened and nothing is told of whom."""
    monkeypatch.setattr(replaying, "COUNTED_AT_A_TIME", 2)
    await dead(line, 5)
    line.wall.shift = 60
    line.platform.script = lambda _: Answer(["rejected"])
    await line.put(event(7), event(8, kind=Kind.PURCHASE, occurred_at=NOW - 8 * DAY))
    await line.deliver()
    rejected, expired = await count_dead(line.outbox, SHOP)
    assert (rejected.destination, rejected.reason, rejected.code, rejected.count) == (
        LANE.destination,
        Reason.REJECTED,
        CODE,
        6,
    )
    assert (expired.reason, expired.code, expired.count) == (Reason.EXPIRED, None, 1)
    assert NOW <= rejected.first_at < NOW + 60 <= rejected.last_at
    assert TOKEN not in str(rejected)
