"""What a disk and a kill can do to a store: flushes that fail, and processes that end in the middle of a word."""

import asyncio
import sys
from pathlib import Path
from typing import Any, Final

import apsw

ROOT: Final = Path(__file__).parent.parent


class ShimFile(apsw.VFSFile):
    """A file whose flushes are counted, and fail when told to."""

    def __init__(self, shim: "Shim", name: Any, flags: list[int]) -> None:
        """Open the real file."""
        self._shim = shim
        super().__init__("", name, flags)

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
