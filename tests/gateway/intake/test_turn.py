"""Requests that come together cross the line together, and each keeps its own fate."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.intake.turn import MOST_BYTES, Passage, Turn
from gateway.metrics import Metrics
from gateway.model.words import Fault, Source
from gateway.raw import Malformed
from gateway.sources.native import Batch, decode
from tests.doorway import NOW, SHOP, Doorway, as_bytes, doorway, purchase, statuses


def passage(door: Doorway, body: bytes, heard: list[Passage], size: int | None = None) -> Passage:
    """One request's way, whose end is heard."""
    return Passage(
        door.callers.door(SHOP), Source.EVENTS, lambda now: decode(body, now), len(body) if size is None else size, heard.append
    )


async def all_of(heard: list[Passage], count: int) -> None:
    """Wait until so many have ended."""
    async with asyncio.timeout(5):
        while len(heard) < count:  # noqa: ASYNC110 - the turn has callbacks, and knows of no event
            await asyncio.sleep(0.001)


@asynccontextmanager
async def bugs() -> AsyncIterator[list[str]]:
    """Hear what the loop is told of, by class."""
    found: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: found.append(type(context["exception"]).__name__))
    try:
        yield found
    finally:
        loop.set_exception_handler(None)


async def test_who_is_alone_waits_for_nobody(tmp_path: Path) -> None:
    """A first request is read at once, and so is the next one where no other came in between."""
    async with doorway(tmp_path) as door:
        heard: list[Passage] = []
        crossing = Turn(door.outbox, door.metrics, lambda: NOW)
        for number in range(3):
            one = passage(door, as_bytes(purchase(str(number))), heard)
            crossing.take(one)
            assert len(one.batch.events) == 1
            await all_of(heard, number + 1)


async def test_what_comes_while_a_group_is_flushed_waits_for_the_flush(tmp_path: Path) -> None:
    """None of it is read before, and then it is put as one, in the order in which it came."""
    async with doorway(tmp_path) as door:
        heard: list[Passage] = []
        crossing = Turn(door.outbox, door.metrics, lambda: NOW)
        made = [passage(door, as_bytes(purchase(str(number))), heard) for number in range(20)]
        for one in made:
            crossing.take(one)
        assert [hasattr(one, "batch") for one in made] == [True] + [False] * 19
        await all_of(heard, 1)
        await all_of(heard, len(made))
        assert heard == made
        assert {tuple(one.statuses) for one in heard} == {("accepted",)}
        assert door.metric("events_total", status="accepted") == 20


async def test_those_who_were_there_before_are_waited_for_and_not_for_long(tmp_path: Path) -> None:
    """The group goes once most of as many have come as before, and without them after some milliseconds."""
    async with doorway(tmp_path) as door:
        heard: list[Passage] = []
        crossing = Turn(door.outbox, door.metrics, lambda: NOW)

        def take(*numbers: int) -> list[Passage]:
            made = [passage(door, as_bytes(purchase(str(number))), heard) for number in numbers]
            for one in made:
                crossing.take(one)
            return made

        take(1, 2, 3)
        await all_of(heard, 3)
        (first,) = take(4)
        assert not hasattr(first, "batch")
        (second,) = take(5)
        assert len(first.batch.events) == len(second.batch.events) == 1
        await all_of(heard, 5)
        (alone,) = take(6)
        assert not hasattr(alone, "batch")
        await all_of(heard, 6)


async def test_a_turn_ends_once_it_has_enough(tmp_path: Path) -> None:
    """Large bodies wait for no others, whatever is being flushed."""
    async with doorway(tmp_path) as door:
        heard: list[Passage] = []
        crossing = Turn(door.outbox, door.metrics, lambda: NOW)
        begun, first, second = (passage(door, as_bytes(purchase(n)), heard, MOST_BYTES // 2) for n in "123")
        crossing.take(begun)
        crossing.take(first)
        assert not hasattr(first, "batch")
        crossing.take(second)
        assert len(first.batch.events) == len(second.batch.events) == 1
        await all_of(heard, 3)


async def test_a_fault_is_its_own_requests_alone(tmp_path: Path) -> None:
    """What cannot be read, and what the line stumbles over, spoils nothing of what came with it."""
    async with doorway(tmp_path) as door:
        heard: list[Passage] = []
        crossing = Turn(door.outbox, door.metrics, lambda: NOW)
        good, unread, bug = (passage(door, body, heard) for body in (as_bytes(purchase("1")), b"{", as_bytes(purchase("2"))))
        bug.read = lambda _: Batch(["no event"], {})  # type: ignore[list-item]  # what only a bug could make
        for one in (unread, bug, good):
            crossing.take(one)
        await all_of(heard, 3)
        assert set(heard) == {unread, bug, good}
        assert [type(one.fault).__name__ for one in heard] == ["Unreadable", "AttributeError", "NoneType"]
        assert list(good.statuses) == ["accepted"]


async def test_who_was_stored_is_answered_though_counting_fails(tmp_path: Path) -> None:
    """With what the store said; the bug goes to whom the loop tells of bugs, and what waited meanwhile has its turn."""
    async with doorway(tmp_path) as door, bugs() as found:
        heard: list[Passage] = []
        crossing = Turn(door.outbox, Metrics.__new__(Metrics), lambda: NOW)  # metrics that were never set up
        made = [passage(door, as_bytes(purchase(str(number))), heard) for number in range(4)]
        for one in made:
            crossing.take(one)
        await all_of(heard, 4)
        assert heard == made
        assert {tuple(one.statuses) for one in heard} == {("accepted",)}
        assert found == ["AttributeError"] * 2


async def test_a_request_that_cannot_be_told_of_its_end_holds_up_no_other(tmp_path: Path) -> None:
    """Whether it could not be read, cites a record or was stored: the others hear of their ends, at once and later."""

    def fails(_one: Passage) -> None:
        raise LookupError

    async with doorway(tmp_path) as door, bugs() as found:
        heard: list[Passage] = []
        crossing = Turn(door.outbox, door.metrics, lambda: NOW)
        bodies = [as_bytes(purchase("1")), b"{", as_bytes(purchase("2", consent={"receipt": "r1"})), as_bytes(purchase("3"))]
        for body in bodies:
            deaf = passage(door, body, heard)
            deaf.done = fails
            crossing.take(deaf)
            crossing.take(passage(door, as_bytes(purchase(str(len(bodies) + bodies.index(body)))), heard))
        await all_of(heard, len(bodies))
        assert [one.fault for one in heard] == [None] * len(bodies)
        assert found == ["LookupError"] * len(bodies)


async def test_an_event_that_cites_a_record_is_only_read(tmp_path: Path) -> None:
    """Its record has to be found first, which takes waiting; it is not put here, nor counted."""
    async with doorway(tmp_path) as door:
        heard: list[Passage] = []
        citing = passage(door, as_bytes(purchase("1", consent={"receipt": "r1"})), heard)
        Turn(door.outbox, door.metrics, lambda: NOW).take(citing)
        await asyncio.sleep(0.05)
        assert heard == [citing]
        assert (citing.entries, citing.fault, len(citing.batch.events)) == (None, None, 1)
        assert door.metric("events_total") == 0


async def test_nothing_to_put_is_done_at_once(tmp_path: Path) -> None:
    """A request without events asks nothing of the store, so it is done even where the store is shut."""
    async with doorway(tmp_path) as door:
        heard: list[Passage] = []
        empty = passage(door, b"", heard)
        empty.read = lambda _: Batch([], {})
        await door.outbox.close()
        Turn(door.outbox, door.metrics, lambda: NOW).take(empty)
        await asyncio.sleep(0.05)
        assert (empty.entries, empty.fault) == ([], None)


async def test_a_shut_store_tells_everybody(tmp_path: Path) -> None:
    """Each request of the turn hears why nothing of it was kept."""
    async with doorway(tmp_path) as door:
        heard: list[Passage] = []
        crossing = Turn(door.outbox, door.metrics, lambda: NOW)
        await door.outbox.close()
        for number in range(3):
            crossing.take(passage(door, as_bytes(purchase(str(number))), heard))
        await asyncio.sleep(0.05)
        assert [type(one.fault).__name__ for one in heard] == ["Unavailable"] * 3


async def test_many_requests_at_once_are_each_answered_with_their_own(tmp_path: Path) -> None:
    """Over sockets: good, refused, malformed and unreadable requests by turns, each answered for itself."""
    async with doorway(tmp_path) as door:
        bodies = [
            as_bytes(purchase(str(n))) if n % 3 else b"{" if n % 2 else as_bytes({"event": "purchase"}) for n in range(60)
        ]
        answers = await asyncio.gather(*(door.post(body) for body in bodies))
        assert [answer.status for answer in answers] == [202 if n % 3 or not n % 2 else 400 for n in range(60)]
        for number, answer in enumerate(answers):
            if number % 3:
                assert answer.results[0]["event_id"] == str(number)
                assert statuses(answer.results) == ["accepted"]
            elif not number % 2:
                assert answer.results[0]["field"] == Malformed("event_id", Fault.MISSING).field
