import asyncio
from collections.abc import Callable

from gateway.signing.entry import Outlet
from gateway.signing.exporting import Hand, Handed, Hands
from gateway.signing.outlets import NotTaken


class Shelf:
    """A place that takes checkpoints, or does not for the first so many tries; slow while `gate` is not set."""

    outlet = Outlet.FILE

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals
        self.took: list[str] = []
        self.tries = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.closed = False

    async def hand_over(self, note: str) -> None:
        """Take a note."""
        self.tries += 1
        await self.gate.wait()
        if self.refusals:
            self.refusals -= 1
            raise NotTaken
        self.took.append(note)

    async def close(self) -> None:
        """Be let go."""
        self.closed = True


class Ear:
    """Hears what a hand tells."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.trouble: list[bool] = []

    def hand(self, shelf: Shelf) -> Hand:
        """Make a hand for a shelf that is heard here and tries again soon."""
        return Hand(shelf, lambda _outlet, size: self.taken.append(size), lambda _outlet, bad: self.trouble.append(bad), 0.01)


async def until(true: Callable[[], bool]) -> None:
    """Wait for something that comes about soon."""
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - what is waited for does not signal
            await asyncio.sleep(0.005)


async def test_what_is_given_is_taken_and_told() -> None:
    """Each checkpoint once, with nothing waiting afterwards."""
    shelf, ear = Shelf(), Ear()
    hands = Hands([ear.hand(shelf)])
    hands.give(Handed("one", 1, 100.0))
    assert hands.waiting_since == 100.0
    await until(lambda: shelf.took == ["one"])
    waiting = hands.waiting_since
    assert waiting is None
    assert (ear.taken, ear.trouble) == ([1], [])
    hands.give(Handed("two", 2, 200.0))
    await until(lambda: shelf.took == ["one", "two"])
    await hands.close(1)
    assert shelf.closed
    assert (shelf.tries, hands.any) == (2, True)


async def test_what_is_not_taken_is_tried_again_and_told_once() -> None:
    """Once when it begins, once when it ends; what waits is as old as its oldest entry."""
    shelf, ear = Shelf(refusals=3), Ear()
    hands = Hands([ear.hand(shelf)])
    hands.give(Handed("one", 1, 100.0))
    await until(lambda: shelf.took == ["one"])
    assert (shelf.tries, ear.trouble, ear.taken) == (4, [True, False], [1])
    await hands.close(1)


async def test_the_newest_takes_the_place_of_what_waits() -> None:
    """It says all that the older one said, and what it covers is as old as what the older one covered."""
    shelf, ear = Shelf(), Ear()
    shelf.gate.clear()
    hands = Hands([ear.hand(shelf)])
    hands.give(Handed("one", 1, 100.0))
    await until(lambda: shelf.tries == 1)
    hands.give(Handed("two", 2, 200.0))
    hands.give(Handed("three", 3, 300.0))
    assert hands.waiting_since == 100.0
    shelf.gate.set()
    await until(lambda: shelf.took == ["one", "three"])
    assert hands.waiting_since is None
    await hands.close(1)


async def test_one_outlet_in_trouble_keeps_no_other_waiting() -> None:
    """Each has its own pace; the slowest is the one that counts."""
    well, ill, ear = Shelf(), Shelf(refusals=10_000), Ear()
    hands = Hands([ear.hand(well), ear.hand(ill)])
    hands.give(Handed("one", 1, 100.0))
    await until(lambda: well.took == ["one"])
    assert hands.waiting_since == 100.0
    await hands.close(0.1)
    assert ill.closed


async def test_at_the_close_what_waits_is_tried_once_more_and_not_for_ever() -> None:
    """A last checkpoint gets out if it can."""
    shelf, stuck, ear = Shelf(refusals=1), Shelf(), Ear()
    stuck.gate.clear()
    hands = Hands([ear.hand(shelf), ear.hand(stuck)])
    hands.give(Handed("last", 9, 1.0))
    await hands.close(0.2)
    assert shelf.tries == 1
    shelf.refusals = 0
    again = Hands([ear.hand(shelf)])
    again.give(Handed("last", 9, 1.0))
    await again.close(1)
    assert shelf.took == ["last"]
    assert Hands([]).any is False
