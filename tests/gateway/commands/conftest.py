"""What every command's test finds: lines printed whole, no configuration by chance, a gateway that runs or does not."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.places import CONFIG_VARIABLE
from gateway.sandbox.platforms import Platforms
from tests.doorway import NOWHERE
from tests.live import Inside, Installation, Process, install


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Print lines whole, and find no configuration by chance."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv(CONFIG_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Inside]:
    """A gateway that runs on three platforms."""
    async with Platforms.start() as platforms:
        gateway = Inside(install(tmp_path / "it", platforms.base_urls))
        await gateway.start()
        yield gateway
        await gateway.stop()


@pytest.fixture
async def apart(tmp_path: Path) -> AsyncIterator[Process]:
    """The same in a process of its own."""
    async with Platforms.start() as platforms:
        process = Process(install(tmp_path / "it", platforms.base_urls))
        await process.start()
        yield process
        assert await process.stop() == 0


@pytest.fixture
def stopped(tmp_path: Path) -> Installation:
    """An installation whose gateway is not running."""
    return install(tmp_path / "it", NOWHERE)
