"""Files that a command writes: each is whole or not there at all.

It is written beside its place, flushed, and moved there when all of it is done, so that no failure, full disk or kill leaves
half of one under its name or takes away what was there before. What a kill leaves is `NAME.….part`.
"""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import IO, Final, NamedTuple

from gateway.commands.ending import Ended

OWN: Final = 0o600
"""The mode of what is for its owner alone."""
USUAL: Final = 0o666
"""The mode of what is no secret: less what the shell's mask takes away."""
LONGEST_NAME: Final = 40
"""Characters of a file's name in that of its draft: no file system has so long a name that both would not fit."""


@contextmanager
def new_file(path: Path, option: str) -> Iterator[IO[bytes]]:
    """Write a file that its owner alone can read and that is not there yet. Raises Ended, which names the option."""
    with new_files({option: path}) as (file,):
        assert file is not None  # noqa: S101 - it was asked for
        yield file


@contextmanager
def new_files(wanted: Mapping[str, Path | None]) -> Iterator[Sequence[IO[bytes] | None]]:
    """Write files, by the options that name them, which their owner alone can read; None for what is not wanted.

    That they can be made is seen before anything is asked. One that is there already is never overwritten. Raises Ended.
    """
    asked = {option: path for option, path in wanted.items() if path is not None}
    if len({path.absolute() for path in asked.values()}) < len(asked):
        raise Ended(2, f"{' and '.join(asked)} name the same file.")
    for option, path in asked.items():
        if os.path.lexists(path):
            raise _is_there(option)
    with ExitStack() as stack:
        drafts = {option: stack.enter_context(_draft(path, OWN, option)) for option, path in asked.items()}
        yield [drafts[option].file if option in drafts else None for option in wanted]
        for draft in drafts.values():
            draft.flush()
        for option, draft in drafts.items():
            _reserve(draft.path, option)
            draft.beside.replace(draft.path)


@contextmanager
def files_anew(paths: Sequence[Path], option: str, mode: int) -> Iterator[Sequence[IO[bytes]]]:
    """Write files in place of older ones, all of them or none; a new one has `mode`, another keeps its owner and mode.

    What is no plain file, such as a pipe, is written to as it is. Raises Ended, which names the option.
    """
    with ExitStack() as stack:
        drafts, files = [], []
        for path in paths:
            found = _found(path)
            if found is not None and not stat.S_ISREG(found.st_mode):
                files.append(stack.enter_context(_opened(path, option)))
                continue
            draft = stack.enter_context(_draft(path.resolve(), mode if found is None else OWN, option))
            if found is not None:
                _make_like(draft.file, found)
            drafts.append(draft)
            files.append(draft.file)
        yield files
        for draft in drafts:
            draft.flush()
        for draft in drafts:
            _replace(draft, option)


def make_folder(path: Path) -> None:
    """Make the folder that --out names, where there is none that files can be made in. Raises Ended."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        raise Ended(2, "The folder that --out names cannot be made there.") from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise Ended(2, "No file can be made in the folder that --out names.")


class _Draft(NamedTuple):
    """A file that is being written, beside its place."""

    path: Path
    beside: Path
    file: IO[bytes]

    def flush(self) -> None:
        """Have all of it on the disk. Raises OSError."""
        self.file.flush()
        os.fsync(self.file.fileno())


@contextmanager
def _draft(path: Path, mode: int, option: str) -> Iterator[_Draft]:
    """Open one; after the block it is gone, unless it was moved. Raises Ended."""
    beside = path.with_name(f"{path.name[:LONGEST_NAME]}.{token_hex(4)}.part")
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except OSError:
        raise Ended(2, f"The file that {option} names cannot be made there: nothing can be written in its folder.") from None
    try:
        with os.fdopen(handle, "wb") as file:
            yield _Draft(path, beside, file)
    finally:
        beside.unlink(missing_ok=True)


def _found(path: Path) -> os.stat_result | None:
    """Look at what is there, through links."""
    try:
        return path.stat()
    except OSError:
        return None


def _opened(path: Path, option: str) -> IO[bytes]:
    """Open what is no plain file. Raises Ended."""
    try:
        return path.open("wb")
    except OSError:
        raise Ended(2, f"What {option} names cannot be written to.") from None


def _make_like(file: IO[bytes], found: os.stat_result) -> None:
    """Give a draft the owner and mode of what it takes the place of; it stays for this user alone where that may not be."""
    with suppress(PermissionError):
        os.fchown(file.fileno(), found.st_uid, found.st_gid)
        os.fchmod(file.fileno(), stat.S_IMODE(found.st_mode))


def _reserve(path: Path, option: str) -> None:
    """Take a name that nobody has, at the very moment in which it is used: moving a file there would not look. Raises Ended."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, OWN))
    except FileExistsError:
        raise _is_there(option) from None


def _is_there(option: str) -> Ended:
    return Ended(2, f"The file that {option} names is there already, and is not overwritten.")


def _replace(draft: _Draft, option: str) -> None:
    """Put a draft in its place. Raises Ended."""
    try:
        draft.beside.replace(draft.path)
    except OSError:
        raise Ended(1, f"The file that {option} names cannot be replaced, and is as it was.") from None
