"""Checkpoints: what a log says of itself at one moment, as the body of a signed note. Pure.

Three lines: whose log it is, how many entries it has, and the root over them in base64; further lines are kept as they are.
Whoever holds a checkpoint can tell later whether the log still begins with what it had then.

https://github.com/C2SP/C2SP/blob/main/tlog-checkpoint.md, read 2026-11-26.
"""

import base64
import re
from itertools import pairwise
from typing import Final, Self

import msgspec

from gateway.signing.note import DASH
from gateway.signing.tree import HASH_BYTES

LINE: Final = "\n"
LARGEST: Final = (1 << 63) - 1
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


class BadCheckpoint(ValueError):
    """A text is no checkpoint; the message says which rule it breaks."""


class Checkpoint(msgspec.Struct, frozen=True):
    """A log's origin, its size in entries, the 32 bytes of its root, and extension lines, which nothing here writes."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def body(self) -> str:
        """The text that is signed, with the line break at its end."""
        lines = (self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def read(cls, body: str) -> Self:
        """Read a note's text. Raises BadCheckpoint."""
        lines = body.split("\n")
        if len(lines) < 4 or lines.pop() or not all(lines):
            raise BadCheckpoint("a checkpoint has at least three lines and no empty one")
        origin, size, root, *extensions = lines
        if _SIZE.fullmatch(size) is None or int(size) > LARGEST:
            raise BadCheckpoint("the second line is the number of entries")
        try:
            decoded = base64.b64decode(root, validate=True)
        except ValueError:
            raise BadCheckpoint("the third line is base64") from None
        if len(decoded) != HASH_BYTES or base64.b64encode(decoded).decode() != root:
            raise BadCheckpoint("the third line is a hash of 32 bytes in base64")
        return cls(origin, int(size), decoded, tuple(extensions))


def split_notes(text: str) -> list[str]:
    """Split a file to which notes were appended, each followed by a blank line. What was cut off at its end is left out."""
    *whole, last = text.split("\n\n")
    paragraphs = [*whole, *([last] if last.endswith("\n") else [])]
    return [
        f"{body.lstrip(LINE)}\n\n{signatures.rstrip(LINE)}\n"
        for body, signatures in pairwise(paragraphs)
        if signatures.startswith(DASH) and not body.lstrip(LINE).startswith(DASH)
    ]
