"""Where a store lies in tests, and what a disk and a kill can do to it: flushes that fail, processes that end in mid-word."""

import asyncio
import os
import resource
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import apsw

from gateway.storage.keyring import Keyring

ROOT: Final = Path(__file__).parent.parent
NOBODY: Final = 65_534
"""A user who owns nothing."""


@contextmanager
def full_disk() -> Iterator[None]:
    """Let no file of this process grow: every write to a disk fails, as it does on one that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def shut(folder: Path) -> Iterator[None]:
    """Let nobody look into a folder; root, who always may, is somebody else meanwhile."""
    mode, was_root = folder.stat().st_mode, os.geteuid() == 0
    folder.chmod(0)
    if was_root:
        os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        if was_root:
            os.setresuid(0, 0, 0)
        folder.chmod(mode)


class Closing(Protocol):
    """A store that can be closed."""

    async def close(self) -> None:
        """Close it."""


class Place:
    """A folder of its own for a store, and the keys to it; after a crash it is another one."""

    def __init__(self, folder: Path) -> None:
        """Make the keys."""
        self._folder = folder
        self._crashes = 0
        self._key_file = folder / "keys.json"
        Keyring.create(self._key_file)

    @property
    def directory(self) -> Path:
        """Where the store is now."""
        return self._folder / f"data{self._crashes}"

    @property
    def keyring(self) -> Keyring:
        """The keys, read from their file."""
        return Keyring.load(self._key_file)

    async def crash(self, store: Closing) -> None:
        """Go on with a copy of the files as they lie there, as they would after a kill."""
        before = self.directory
        self._crashes += 1
        shutil.copytree(before, self.directory)
        await store.close()


class ShimFile(apsw.VFSFile):
    """A file whose flushes are counted, and fail when told to; as do writes, where there is no room."""

    def __init__(self, shim: "Shim", name: Any, flags: list[int]) -> None:
        """Open the real file."""
        self._shim = shim
        self._is_log = bool(flags[0] & apsw.SQLITE_OPEN_WAL)
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        """Write, unless the volume is full; a log lies on room that it had before, if there is any."""
        if self._shim.crammed or (self._shim.full and not self._is_log):
            raise apsw.exception_for(apsw.SQLITE_FULL)
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        """Flush, or fail as a disk does."""
        self._shim.flushes += 1
        if self._shim.broken:
            self._shim.broken -= 1
            raise apsw.exception_for(apsw.SQLITE_IOERR_FSYNC)
        super().xSync(flags)


class Shim(apsw.VFS):
    """A file system with such files."""

    def __init__(self) -> None:
        """Register it."""
        self.flushes = 0
        self.broken = 0
        """How many flushes are still to fail."""
        self.full = False
        """Whether there is no room on the volume for a file to grow."""
        self.crammed = False
        """Whether there is none for a log either."""
        super().__init__("shim", "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's name
        """Open a file of this system."""
        return ShimFile(self, name, flags)

    def excepthook(self, *_: object) -> bool:
        """Errors reach SQLite; nothing is printed."""
        return True


async def killed(module: str, folder: Path, name: str, lines: int) -> list[list[str]]:
    """Let a process work until it has said so much, kill it, and give what it said, word by word."""
    command = [sys.executable, "-m", module, str(folder), name]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    said = [await process.stdout.readline() for _ in range(lines)]
    process.kill()
    said += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    return [line.decode().split() for line in said if line.endswith(b"\n")]
