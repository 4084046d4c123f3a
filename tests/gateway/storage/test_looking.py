"""A look at a store says whether it would open, and leaves every byte of it as it is."""

from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest

from gateway.outbox.engine.schema import OUTBOX, SEALING
from gateway.storage.file import LOCK_NAME, CannotOpen
from gateway.storage.keyring import BadKeyFile, Keyring
from gateway.storage.looking import Found, Kind, look
from tests.gateway.outbox.engine.test_sqlite import change
from tests.gateway.outbox.making import FIRST, SqliteEngine, accept, deliver_all

KIND: Final = Kind(OUTBOX, SEALING)


def bytes_in(directory: Path) -> dict[str, str]:
    """Every file of a directory, by a digest of what is in it."""
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(directory.iterdir())}


@pytest.fixture
def engine(tmp_path: Path) -> SqliteEngine:
    """An engine in a folder of its own."""
    return SqliteEngine(tmp_path)


async def test_a_look_tells_none_closed_and_in_use(engine: SqliteEngine) -> None:
    """No directory, an empty file, a gateway at work, a store that was closed."""
    assert look(engine.directory, engine.keyring, KIND) is Found.NONE
    engine.directory.mkdir()
    engine.file.touch()
    assert look(engine.directory, engine.keyring, KIND) is Found.NONE
    outbox = await engine.open()
    await outbox.put([accept(1)])
    assert look(engine.directory, engine.keyring, KIND) is Found.IN_USE
    await outbox.close()
    assert look(engine.directory, engine.keyring, KIND) is Found.CLOSED


@pytest.mark.parametrize("crash", [False, True], ids=["closed", "killed"])
async def test_a_look_changes_nothing(engine: SqliteEngine, crash: bool) -> None:
    """Not a byte, not a file more or less, also where a killed gateway left its log; and it opens afterwards as before."""
    outbox = await engine.open()
    await outbox.put([accept(1)])
    await (engine.crash(outbox) if crash else outbox.close())
    before = bytes_in(engine.directory)
    assert ("outbox.db-wal" in before) is crash
    assert look(engine.directory, engine.keyring, KIND) is Found.CLOSED
    assert bytes_in(engine.directory) == before
    outbox = await engine.open()
    assert await deliver_all(outbox, FIRST) == ["1"]
    await outbox.close()


async def test_what_keeps_a_store_from_being_opened_is_told_as_at_the_start(engine: SqliteEngine, tmp_path: Path) -> None:
    """A later version, another key file, damage."""
    outbox = await engine.open()
    await outbox.put([accept(1)])
    await outbox.close()
    with pytest.raises(BadKeyFile, match="does not open"):
        look(engine.directory, Keyring.create(tmp_path / "other.json"), KIND)
    assert look(engine.directory, None, KIND) is Found.CLOSED
    change(engine, "pragma user_version = 99")
    with pytest.raises(CannotOpen, match="later version"):
        look(engine.directory, engine.keyring, KIND)
    engine.file.write_bytes(b"\xff" * 4096)
    with pytest.raises(CannotOpen, match="damaged"):
        look(engine.directory, engine.keyring, KIND)


async def test_a_lock_that_nobody_may_open_is_told(engine: SqliteEngine) -> None:
    """As the start would tell it."""
    await (await engine.open()).close()
    (engine.directory / LOCK_NAME).unlink()
    (engine.directory / LOCK_NAME).mkdir()
    with pytest.raises(CannotOpen, match=r"^outbox: server\.data_dir, or a file in it, cannot be"):
        look(engine.directory, engine.keyring, KIND)
