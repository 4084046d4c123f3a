"""Requests that come together cross the line together, and each keeps its own fate."""

import asyncio
from pathlib import Path

from gateway.model import Fault, Source
from gateway.raw import Malformed
from gateway.sources.native import Batch, decode
from gateway.turn import MOST_BYTES, Passage, Turn
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


async def test_what_comes_together_is_read_together(tmp_path: Path) -> None:
    """None is read before the turn is over, and then each is, in the order in which they came."""
    async with doorway(tmp_path) as door:
        heard: list[Passage] = []
        crossing = Turn(door.outbox, door.metrics, lambda: NOW)
        made = [passage(door, as_bytes(purchase(str(number))), heard) for number in range(20)]
        for one in made:
            crossing.take(one)
        assert not any(hasattr(one, "batch") for one in made)
        await all_of(heard, len(made))
        assert heard == made
        assert {tuple(one.statuses) for one in heard} == {("accepted",)}
        assert door.metric("events_total", status="accepted") == 20


async def test_a_turn_ends_once_it_has_enough(tmp_path: Path) -> None:
    """Large bodies wait for no others."""
    async with doorway(tmp_path) as door:
        heard: list[Passage] = []
        crossing = Turn(door.outbox, door.metrics, lambda: NOW)
        first, second = (passage(door, as_bytes(purchase(n)), heard, MOST_BYTES // 2) for n in "12")
        crossing.take(first)
        assert not hasattr(first, "batch")
        crossing.take(second)
        assert len(first.batch.events) == len(second.batch.events) == 1


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
        assert heard == [unread, bug, good]
        assert [type(one.fault).__name__ for one in heard] == ["Unreadable", "AttributeError", "NoneType"]
        assert list(good.statuses) == ["accepted"]


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
