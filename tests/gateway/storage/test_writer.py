"""The store's thread: one flush for many, one fault for one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event

import apsw
import msgspec
import pytest

from gateway.model.event import EmailDigests
from gateway.model.texts import StorefrontId
from gateway.model.words import Status
from gateway.outbox.engine.putting import PuttingWriter
from gateway.outbox.engine.seeking import Look
from gateway.outbox.engine.store import Changes, Options, Store
from gateway.outbox.engine.withdrawing import Order
from gateway.outbox.entries import Accept, Entry, Fate
from gateway.outbox.holdings import Person
from gateway.storage import Shut, Unavailable
from gateway.storage.file import CannotOpen
from gateway.storage.keyring import Keyring
from gateway.storage.writer import MOST_WAITING
from tests.gateway.outbox.making import FIRST, LANES, NOW, SHOP, accept, digest, refuse, reject


class Counted(Store):
    """A store that counts its transactions."""

    transactions = 0

    def commit(self) -> None:
        """Count, and commit."""
        self.transactions += 1
        super().commit()


@pytest.fixture
async def writer(tmp_path: Path) -> AsyncIterator[PuttingWriter]:
    """A running writer on an empty store."""
    (tmp_path / "data").mkdir()
    keyring = Keyring.create(tmp_path / "keys.json")
    made = PuttingWriter("outbox", lambda _: None)
    await made.start(lambda: Counted(tmp_path / "data", keyring, LANES, Options(1 << 26, 0)))
    yield made
    await made.close()


def fail(_: Store) -> None:
    """A change that is a bug."""
    raise LookupError("bug")


def half(store: Store) -> None:
    """A change that fails after it changed something."""
    named = store.known_by(Person((digest(1),)))
    store.withdraw(SHOP, Order(named, NOW, leads=True, erase=False), Look(named))
    raise LookupError("bug")


def transactions(store: Store) -> int:
    """How many transactions there were."""
    assert isinstance(store, Counted)
    return store.transactions


async def test_all_that_waits_shares_a_flush(writer: PuttingWriter) -> None:
    """However many wait, there are only a few transactions, and everybody is answered."""
    answers = await asyncio.gather(*(writer.put([[accept(n)]]) for n in range(200)))
    assert answers == [[[Status.ACCEPTED]]] * 200
    assert await writer.ask(transactions) < 20


async def test_a_change_that_fails_fails_alone(writer: PuttingWriter) -> None:
    """It is undone whole, its caller hears of it, and everybody else's change of the group is made."""
    first, failing, second, undone = (
        writer.put([[accept(1)]]),
        writer.change(fail, print),
        writer.put([[accept(2)]]),
        writer.change(half, print),
    )
    for bug in (failing, undone):
        with pytest.raises(LookupError):
            await bug
    assert [*await first, *await second] == [[Status.ACCEPTED], [Status.ACCEPTED]]
    found = await writer.ask(lambda store: store.find(FIRST, 10, NOW))
    assert found is not None
    assert found.upto == 2
    assert await writer.put([[accept(3, email=EmailDigests(digest(1)))]]) == [[Status.ACCEPTED]]


class Stumbling(Store):
    """A store with a bug: it cannot take in an event that is known as `e13`."""

    def put(self, requests: Sequence[Sequence[Entry]]) -> list[list[Fate] | ValueError]:
        """Take them in, or stumble half-way."""
        put = super().put(requests)
        if any(
            isinstance(entry, Accept) and entry.event.event_id == accept(13).event.event_id for one in requests for entry in one
        ):
            raise LookupError("bug")
        return put


async def test_a_request_that_fails_fails_alone_among_those_that_came_with_it(tmp_path: Path) -> None:
    """All of a put is undone, and each of its requests is tried in a transaction of its own."""
    (tmp_path / "data").mkdir()
    keyring = Keyring.create(tmp_path / "keys.json")
    writer = PuttingWriter("outbox", lambda _: None)
    await writer.start(lambda: Stumbling(tmp_path / "data", keyring, LANES, Options(1 << 26, 0)))
    before, fault, after = await writer.put([[accept(1)], [accept(13), accept(14)], [accept(2), accept(1)]])
    assert (before, after) == ([Status.ACCEPTED], [Status.ACCEPTED, Status.DUPLICATE])
    assert isinstance(fault, LookupError)
    assert await writer.put([[accept(14)]]) == [[Status.ACCEPTED]]
    await writer.close()


async def test_a_request_that_makes_no_sense_spoils_none_that_came_with_it(writer: PuttingWriter) -> None:
    """Its own outcome says what is wrong with it."""
    lost = msgspec.structs.replace(accept(2), storefront=StorefrontId("elsewhere"))
    before, fault, after = await writer.put([[accept(1)], [accept(3), lost], [accept(4)]])
    assert (before, after) == ([Status.ACCEPTED], [Status.ACCEPTED])
    assert isinstance(fault, ValueError)
    assert await writer.put([[accept(3)]]) == [[Status.ACCEPTED]]


async def test_a_question_that_fails_fails_alone(writer: PuttingWriter) -> None:
    """Others are answered."""
    fails, answers = writer.ask(fail), writer.ask(transactions)
    with pytest.raises(LookupError):
        await fails
    assert await answers == 0


async def test_what_follows_a_change_follows_it_without_its_waiter(writer: PuttingWriter) -> None:
    """A cancelled caller's change is made, so what must follow from it does."""
    followed: list[str] = []
    future = writer.change(lambda _: "done", followed.append)
    future.cancel()
    await writer.ask(transactions)
    assert followed == ["done"]


async def test_what_follows_a_change_fails_alone(writer: PuttingWriter) -> None:
    """Whoever else is answered in the same moment is answered."""

    def stumble(_: object) -> None:
        raise LookupError("bug")

    stumbling, other = writer.change(lambda _: None, stumble), writer.put([[accept(1)]])
    with pytest.raises(LookupError):
        await stumbling
    assert await other == [[Status.ACCEPTED]]


async def test_too_many_waiting_entries_are_refused(writer: PuttingWriter) -> None:
    """Memory is bounded: beyond the bound the store is busy, until the thread has caught up."""
    entries = [reject()] * 5_000
    waiting = [writer.put([entries]) for _ in range(MOST_WAITING // 5_000)]
    assert writer.shut is Shut.BUSY
    with pytest.raises(Unavailable, match="store_busy"):
        await writer.put([[reject()]])
    await asyncio.gather(*waiting)
    assert writer.shut is None
    await writer.put([[reject()]])


async def test_news_comes_before_answers(tmp_path: Path) -> None:
    """Whoever hears that something was stored finds the figures to match."""
    told: list[Changes] = []
    (tmp_path / "data").mkdir()
    keyring = Keyring.create(tmp_path / "keys.json")
    writer = PuttingWriter("outbox", told.append)
    await writer.start(lambda: Store(tmp_path / "data", keyring, LANES, Options(1 << 26, 0)))
    await writer.put([[accept(1)]])
    assert told[-1].figures[FIRST].waiting == 1
    assert told[-1].arrived == {SHOP}
    await writer.close()


async def test_what_arrived_is_told_though_another_change_failed(tmp_path: Path) -> None:
    """Or its couriers would sleep on: a change of the same group that comes after it is undone, and not this one."""
    told: list[Changes] = []
    (tmp_path / "data").mkdir()
    keyring = Keyring.create(tmp_path / "keys.json")
    writer = PuttingWriter("outbox", told.append)
    await writer.start(lambda: Stumbling(tmp_path / "data", keyring, LANES, Options(1 << 26, 0)))
    await writer.put([[accept(1)]])
    told.clear()
    fates, fault = await writer.put([[accept(2), accept(1, at=NOW + 1, money=None)], [accept(13)]])
    assert (fates, type(fault)) == ([Status.ACCEPTED, Status.DUPLICATE], LookupError)
    assert [changes.arrived for changes in told] == [{SHOP}]
    assert [changes.differing for changes in told] == [{SHOP: 1}]
    await writer.close()


async def test_a_store_that_does_not_open_ends_the_thread() -> None:
    """Whoever starts it hears why, and closing is safe all the same."""

    def refuse() -> Store:
        raise CannotOpen("reason")

    writer = PuttingWriter("outbox", lambda _: None)
    with pytest.raises(CannotOpen, match="reason"):
        await writer.start(refuse)
    assert writer.shut is Shut.CLOSED
    await writer.close()
    await writer.close()


class Breaking(Store):
    """A store on a disk that breaks: the first flush fails, once it is let to."""

    let = Event()

    def commit(self) -> None:
        """Write half of it."""
        self.let.wait()
        raise apsw.IOError("broken")


class Unforgiving(Counted):
    """A store on a disk that breaks while the second transaction is being undone."""

    undone = 0

    def rollback(self) -> None:
        """Undo it, once."""
        self.undone += 1
        if self.undone > 1:
            raise apsw.IOError("broken")
        super().rollback()


class Unplugged(Store):
    """A store whose volume is gone as soon as it is open."""

    def is_full(self, *, before: bool) -> bool:
        """Look at the volume."""
        raise OSError(5, "gone", before)


@asynccontextmanager
async def writer_of(kind: Callable[..., Store], directory: Path) -> AsyncIterator[PuttingWriter]:
    """Run a writer on an empty store of a kind."""
    (directory / "data").mkdir()
    keyring = Keyring.create(directory / "keys.json")
    made = PuttingWriter("outbox", lambda _: None)
    try:
        await made.start(lambda: kind(directory / "data", keyring, LANES, Options(1 << 26, 0)))
        yield made
    finally:
        await made.close()


async def test_once_the_disk_has_failed_no_question_is_answered(tmp_path: Path) -> None:
    """What was not flushed must not be told of, also not to whoever asked before anybody knew."""
    async with writer_of(Breaking, tmp_path) as writer:
        lost = writer.put([[accept(1)]])
        writer._hand_over()
        await asyncio.sleep(0.05)  # the thread has begun with it
        asked = writer.ask(lambda store: store.find(FIRST, 10, NOW))
        writer._hand_over()
        Breaking.let.set()
        for future in (lost, asked):
            with pytest.raises(Unavailable, match="store_failed"):
                await future


async def test_what_was_flushed_is_told_though_the_disk_broke_after_it(tmp_path: Path) -> None:
    """Changes are made one by one once one of them was at fault; those that were kept by then are kept."""
    async with writer_of(Unforgiving, tmp_path) as writer:
        kept, failing, late = writer.put([[accept(1)]]), writer.change(fail), writer.put([[accept(2)]])
        assert await kept == [[Status.ACCEPTED]]
        for future in (failing, late):
            with pytest.raises(Unavailable, match="store_failed"):
                await future
        assert writer.failed.is_set()


async def test_a_volume_that_cannot_be_looked_at_ends_the_opening(tmp_path: Path) -> None:
    """Whoever starts it hears why, instead of waiting for ever."""
    async with asyncio.timeout(5):
        with pytest.raises(OSError, match="gone"):
            async with writer_of(Unplugged, tmp_path):
                pass


async def test_after_closing_nothing_is_taken(writer: PuttingWriter) -> None:
    """Neither changes nor questions nor puts, and closing again does nothing."""
    await writer.close()
    for again in (lambda: writer.put([]), lambda: writer.ask(transactions), lambda: writer.change(fail, print)):
        with pytest.raises(Unavailable, match="stopping"):
            again()
    await writer.close()


async def test_any_change_that_adds_is_refused_like_a_put(writer: PuttingWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the store is full, in the thread as before it; a change that adds nothing is made."""
    monkeypatch.setattr(Store, "is_full", lambda _store, *, before: before is not None)
    assert await writer.change(transactions, adds=1) == 0  # nobody had looked yet
    with pytest.raises(Unavailable, match="store_full"):
        await writer.change(transactions, adds=1)
    writer._full = False
    with pytest.raises(Unavailable, match="store_full"):
        await writer.change(transactions, adds=1)
    assert await writer.change(transactions) == 1


async def test_a_group_has_a_bounded_number_of_storefronts(writer: PuttingWriter) -> None:
    """Each costs a part of a millisecond whatever comes of it: with thousands of them the first would wait for the last."""

    def requests(begin: int, storefronts: int) -> list[list[Entry]]:
        return [[refuse(begin + n, storefront=StorefrontId(f"many{n % storefronts}"))] for n in range(100)]

    for storefronts, expected in ((1, 1), (100, 4)):
        before = await writer.ask(transactions)
        await asyncio.gather(*(writer.put(requests(storefronts * 10_000 + 100 * n, storefronts)) for n in range(10)))
        assert await writer.ask(transactions) - before == expected
