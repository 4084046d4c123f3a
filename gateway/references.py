"""Where a secret really is: the configuration only refers to it, as `env:NAME` or `file:path`.

A file must be a plain one that its owner alone may read. What is wrong is told as a rule; neither the reference nor
anything that was found behind it is repeated, because people paste secrets where references belong. A file may be
replaced or rewritten while the gateway runs: a `Referent` is looked at again and takes the new content in. What cannot
be used is left out, and the old content stays: a file that is being written is empty for a moment.
"""

import os
import re
import stat
from collections.abc import Callable, Mapping
from enum import Enum, unique
from pathlib import Path
from typing import Final, Generic, NamedTuple, TypeVar

from gateway.secret import MUST_BE, BadSecret, Document, Secret, one_line

LARGEST: Final = 65_538
"""The longest document and a line end, in bytes."""
LOOK_SECONDS: Final = 1.0
"""How often a file is looked at, at most."""
REFERENCE: Final = re.compile(r"(?P<kind>env|file):(?P<rest>.+)", re.DOTALL)
REFERS: Final = "refers"
"""Marks a setting that is a reference, or a list of them: then it is followed even where the rest of its table is wrong."""

T = TypeVar("T")


class BadReference(BadSecret):
    """A reference that leads to nothing usable."""


class Version(NamedTuple):
    """What changes when a file is replaced or written: its device and number, size, and times in nanoseconds."""

    device: int
    number: int
    size: int
    written: int
    changed: int

    @classmethod
    def of(cls, found: os.stat_result) -> "Version":
        """Read it from a look at the file."""
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


@unique
class Look(Enum):
    """What a look at a referent found."""

    SAME = "same"
    EARLY = "early"
    """It is too soon to look again; what was found last stands."""
    NEW = "new"
    """It was written anew, and what it holds now was taken in."""
    UNUSABLE = "unusable"
    """It was written anew or removed, and what it holds now cannot be used: the old content stays."""


class Referent(Generic[T]):
    """What a reference leads to, as it was read last. `read` makes a value of the text, or raises BadSecret."""

    __slots__ = ("_again_at", "_path", "_read", "_version", "value")

    def __init__(self, reference: object, base: Path, env: Mapping[str, str], read: Callable[[Document], T]) -> None:
        """Follow `env:NAME` into `env`, or `file:path` (relative to `base`) to the file. Raises BadReference."""
        match = formed(reference)
        self._read = read
        self._again_at = 0.0
        self._path = base / match["rest"] if match["kind"] == "file" else None
        self._version: Version | None = None
        self.value: T
        if self._path is None:
            self.value = self._made(_variable(match["rest"], env))
        else:
            self.value, self._version = self._take(self._path)

    def __repr__(self) -> str:
        """Show nothing of where it leads."""
        return "<Referent>"

    def look(self, now: float) -> Look:
        """Look whether the file was written anew, and if so take its content in; `now` is monotonic seconds.

        Looks once a second at most. A variable of the environment never changes.
        """
        if self._path is None:
            return Look.SAME
        if now < self._again_at:
            return Look.EARLY
        self._again_at = now + LOOK_SECONDS
        try:
            if Version.of(self._path.stat()) == self._version:
                return Look.SAME
            self.value, self._version = self._take(self._path)
        except (OSError, BadReference):
            return Look.UNUSABLE
        return Look.NEW

    def _take(self, path: Path) -> tuple[T, Version]:
        """Read the file; gives its value, and its version from before it was read: what is written meanwhile is newer."""
        text, version = _content(path)
        return self._made(text), version

    def _made(self, text: str) -> T:
        """Make a value of what was found."""
        try:
            document = Document(text)
        except ValueError:
            raise BadReference(MUST_BE) from None
        try:
            return self._read(document)
        except BadSecret as bad:
            raise BadReference(*bad.rules) from None


def formed(reference: object) -> re.Match[str]:
    """Take a reference apart without following it. Raises BadReference."""
    match = REFERENCE.fullmatch(reference) if isinstance(reference, str) else None
    if match is None:
        raise BadReference("must be a reference, env:NAME or file:path, never the secret itself")
    return match


def resolve(reference: object, base: Path, env: Mapping[str, str]) -> Secret:
    """Follow `env:NAME` into `env`, or `file:path` (relative to `base`) to the file's content without its line end.

    Raises BadReference.
    """
    return Referent(reference, base, env, one_line).value


def _variable(name: str, env: Mapping[str, str]) -> str:
    """Look a variable up."""
    if not env.get(name):
        raise BadReference("refers to an environment variable that is not set or empty")
    return env[name]


def _content(path: Path) -> tuple[str, Version]:
    """Read a secret file after looking at who else may read it; the same open file is looked at and read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError):
        raise BadReference("refers to a file that cannot be read") from None
    try:
        found = os.fstat(handle)
        if (rule := _closed_to_others(found)) is not None:
            raise BadReference(rule)
        content = os.read(handle, LARGEST + 1)
    finally:
        os.close(handle)
    if len(content) > LARGEST:
        raise BadReference("refers to a file that is too long for a secret")
    try:
        return content.decode("ascii").removesuffix("\n").removesuffix("\r"), Version.of(found)
    except UnicodeDecodeError:
        raise BadReference("refers to a file that is not ASCII text") from None


def _closed_to_others(found: os.stat_result) -> str | None:
    """Give the rule that the file breaks, else None."""
    if not stat.S_ISREG(found.st_mode):
        return "refers to something that is not a plain file"
    if found.st_mode & 0o077:
        return "refers to a file that others may read; its mode must be 0600 or 0400"
    if found.st_uid not in (0, os.geteuid()):
        return "refers to a file that belongs to another user"
    return None
