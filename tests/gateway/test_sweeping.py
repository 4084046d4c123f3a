"""What sweeps are told of, and when."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway import sweeping
from gateway.log import Log
from gateway.signing.entry import RetentionSwept, encode
from gateway.storage import Shut, Swept, Unavailable
from gateway.sweeping import Sweeper, swept
from tests.disk import Shim
from tests.doorway import NOW, Doorway, doorway, purchase
from tests.gateway.ledger.making import SHOP, deposit, name
from tests.gateway.outbox.making import SqliteEngine

DAY = 86_400


class Scene:
    """A sweeper at work over a door's stores, years later, and what it told."""

    def __init__(self, door: Doorway) -> None:
        self.door = door
        self.told: list[RetentionSwept] = []
        self.stream = io.StringIO()
        stores = (door.outbox, door.ledger)
        self.sweeper = Sweeper(stores, Log(self.stream), self.told.append, lambda: NOW + 800 * DAY)

    async def gone(self) -> None:
        """Give somebody's consent, which is long over, and wait until it was deleted."""
        await self.door.ledger.deposit(deposit(1, received_at=NOW))
        await self.swept()

    async def swept(self) -> None:
        """Wait until it was deleted."""
        async with asyncio.timeout(10):
            while await self.door.ledger.look_up(SHOP, name(1)):  # noqa: ASYNC110 - a test looks on from outside
                await asyncio.sleep(0.01)


@asynccontextmanager
async def sweeps(folder: Path, max_bytes: str = "1GiB") -> AsyncIterator[Scene]:
    """Sweep until the end of the block."""
    async with doorway(folder, max_bytes=max_bytes) as door:
        scene = Scene(door)
        task = asyncio.create_task(scene.sweeper.run())
        try:
            yield scene
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sweep at once instead of after minutes."""
    monkeypatch.setattr(sweeping, "SWEEP_SECONDS", 0.02)


async def test_what_went_is_told_once_an_hour_and_at_the_stop(tmp_path: Path) -> None:
    """Sweeps of the same hour are added up; nothing is told twice."""
    async with sweeps(tmp_path) as scene:
        await scene.gone()
        await scene.gone()
        await asyncio.sleep(0.1)
        assert scene.told == []
    assert scene.told == [RetentionSwept({"consent_records": 2})]


async def test_the_hour_over_what_went_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a stop; and a sweep that finds nothing tells nothing."""
    monkeypatch.setattr(sweeping, "TELL_SECONDS", 0.0)
    async with sweeps(tmp_path) as scene:
        await scene.gone()
        await asyncio.sleep(0.2)
        assert scene.told == [RetentionSwept({"consent_records": 1})]
    assert len(scene.told) == 1


async def test_a_full_store_is_swept_without_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be full of what may go, and takes nothing until then."""
    monkeypatch.setattr(sweeping, "SWEEP_SECONDS", 3600.0)
    monkeypatch.setattr(sweeping, "FULL_SECONDS", 0.02)
    async with sweeps(tmp_path, max_bytes="1MiB") as scene:
        await scene.door.ledger.deposit(deposit(1, received_at=NOW))
        await asyncio.sleep(0.2)
        assert await scene.door.ledger.look_up(SHOP, name(1))
        batch = 0
        while scene.door.outbox.shut is not Shut.FULL:
            batch += 1
            await scene.door.post({"events": [purchase(f"{batch}-{n}") for n in range(500)]})
        await scene.swept()


async def test_a_store_that_cannot_be_swept_keeps_nothing_in_the_other(tmp_path: Path) -> None:
    """It is written down by class and place, and tried again."""
    async with sweeps(tmp_path) as scene:
        await scene.door.outbox.close()
        await scene.gone()
    assert scene.told == [RetentionSwept({"consent_records": 1})]
    assert '"error": "Unavailable"' in scene.stream.getvalue()


async def test_a_store_without_room_to_be_swept_is_no_bug(tmp_path: Path) -> None:
    """That it is full is told as such; every few seconds an unforeseen error beside it would call people for a bug."""
    shim, stream = Shim(), io.StringIO()
    try:
        outbox = await SqliteEngine(tmp_path).open(vfs="shim")
        shim.crammed = True
        with pytest.raises(Unavailable, match="full"):
            await outbox.sweep(NOW)
        task = asyncio.create_task(Sweeper([outbox], Log(stream), lambda _entry: None, lambda: NOW).run())
        await asyncio.sleep(0.2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        shim.crammed = False
        await outbox.close()
    finally:
        shim.unregister()
    assert stream.getvalue() == ""


def test_every_kind_of_row_can_stand_in_the_log() -> None:
    """Together they are an entry; what nothing went of is left out, and nothing at all is none."""
    everything = dict.fromkeys(Swept, 7)
    entry = swept(everything)
    assert entry == RetentionSwept({what.value: 7 for what in Swept})
    assert encode(entry, 0, NOW)
    assert swept({**everything, Swept.SENT: 0}) == RetentionSwept({w.value: 7 for w in Swept if w is not Swept.SENT})
    assert swept({Swept.SENT: 0}) is None


async def test_a_stop_in_the_middle_of_a_sweep_loses_nothing(tmp_path: Path) -> None:
    """What the sweep under way deletes is told: it is finished first."""
    async with doorway(tmp_path) as door:
        await door.ledger.deposit(deposit(1, received_at=NOW))
        told: list[RetentionSwept] = []
        sweeper = Sweeper([door.ledger], Log(io.StringIO()), told.append, lambda: NOW + 800 * DAY)
        running = asyncio.create_task(sweeper.run())
        async with asyncio.timeout(10):
            while all(one.get_name() != "sweep under way" for one in asyncio.all_tasks()):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert await door.ledger.look_up(SHOP, name(1)) is None
    assert told == [RetentionSwept({"consent_records": 1})]
