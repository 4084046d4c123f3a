"""Files that a command makes for its caller alone: never over another one, and gone again if nothing came of it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from gateway.commands.ending import Ended


@contextmanager
def new_file(path: Path, option: str) -> Iterator[IO[bytes]]:
    """Make a file that its owner alone can read, before anything is asked; it goes again if nothing came of it.

    A file that is there already is never overwritten. Raises Ended, which names the option.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Ended(2, f"The file that {option} names is there already, and is not overwritten.") from None
    except OSError:
        raise Ended(2, f"The file that {option} names cannot be made there.") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def make_folder(path: Path) -> None:
    """Make the folder that --out names, where there is none that files can be made in. Raises Ended."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        raise Ended(2, "The folder that --out names cannot be made there.") from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise Ended(2, "No file can be made in the folder that --out names.")
