"""Claiming from a real store: what is fresh and what is old take turns, and what is too young keeps its place."""

import asyncio
from collections import Counter
from itertools import count
from pathlib import Path

from gateway.model.event import ClickIds
from gateway.model.texts import GoogleClickId
from gateway.model.words import Reason
from gateway.outbox.engine.sqlite import SqliteOutbox
from gateway.outbox.work import Lane
from gateway.storage import Shut, Unavailable
from tests.gateway.delivery.scene import (
    LANE,
    NOW,
    Answer,
    Line,
    event,
    ids,
    line_in,
)


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
