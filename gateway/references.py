"""Where a secret really is: the configuration only refers to it, as `env:NAME` or `file:path`.

A file must be a plain one that its owner alone may read. What is wrong is told as a rule; neither the reference nor
anything that was found behind it is repeated, because people paste secrets where references belong.
"""

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gateway.secret import Secret

LARGEST: Final = 8194
"""The longest secret and a line end, in bytes."""
REFERENCE: Final = re.compile(r"(?P<kind>env|file):(?P<rest>.+)", re.DOTALL)


class BadReference(Exception):
    """A reference that leads to no usable secret. Its text is the rule that was broken, and nothing else."""


def resolve(reference: object, base: Path, env: Mapping[str, str]) -> Secret:
    """Follow `env:NAME` into `env`, or `file:path` (relative to `base`) to the file's content without its line end.

    Raises BadReference.
    """
    match = REFERENCE.fullmatch(reference) if isinstance(reference, str) else None
    if match is None:
        raise BadReference("must be a reference, env:NAME or file:path, never the secret itself")
    text = _variable(match["rest"], env) if match["kind"] == "env" else _content(base / match["rest"])
    try:
        return Secret(text)
    except ValueError:
        raise BadReference("what it refers to must be 1 to 8192 visible ASCII characters in one line") from None


def _variable(name: str, env: Mapping[str, str]) -> str:
    """Look a variable up."""
    if not env.get(name):
        raise BadReference("refers to an environment variable that is not set or empty")
    return env[name]


def _content(path: Path) -> str:
    """Read a secret file after looking at who else may read it; the same open file is looked at and read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError):
        raise BadReference("refers to a file that cannot be read") from None
    try:
        if (rule := _closed_to_others(os.fstat(handle))) is not None:
            raise BadReference(rule)
        content = os.read(handle, LARGEST + 1)
    finally:
        os.close(handle)
    if len(content) > LARGEST:
        raise BadReference("refers to a file that is too long for a secret")
    try:
        return content.decode("ascii").removesuffix("\n").removesuffix("\r")
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
