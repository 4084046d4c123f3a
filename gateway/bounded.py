"""Files that people name, read whole and never more of them than a bound: a mistyped path can lead to what has no end."""

from pathlib import Path
from typing import Final

PIECE: Final = 1 << 20


class TooLarge(OSError):
    """There is more than the bound. It says nothing of what was read."""


def read_whole(path: Path, most: int) -> bytes:
    """Read a file, or all that comes through a pipe, of `most` bytes at most.

    Raises OSError, and TooLarge where there is more: then up to a piece more than `most` was read, and is thrown away.
    """
    pieces, length = [], 0
    with path.open("rb", buffering=0) as file:
        while piece := file.read(PIECE):
            length += len(piece)
            if length > most:
                raise TooLarge
            pieces.append(piece)
    return b"".join(pieces)
