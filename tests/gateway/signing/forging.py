"""Forgeries of a log, by somebody who only edits the file, and by somebody who can do all that the gateway can.

The second one makes numbers and links good again and signs new checkpoints with the gateway's own key. Neither can change the
checkpoint that somebody else has.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

import msgspec

from gateway.signing.entry import known, read
from gateway.signing.note import SigningKey
from gateway.signing.store import ENTRIES, LogFile
from tests.gateway.signing.making import KEY, ORIGIN, OTHER_KEY

Lines = list[bytes]


class Forgery(msgspec.Struct, frozen=True):
    """What is done to the lines of a log of 20 entries, and the first entry that is not as it was, None if all may not be."""

    forge: Callable[[Lines], Lines]
    first: int | None
    key: SigningKey = KEY


def edited(lines: Lines) -> Lines:
    """Another number of deliveries in entry 11."""
    return [*lines[:11], lines[11].replace(b'"delivered",11', b'"delivered",99'), *lines[12:]]


def reordered(lines: Lines) -> Lines:
    """Entries 11 and 12 the other way round."""
    return [*lines[:11], lines[12], lines[11], *lines[13:]]


def inserted(lines: Lines) -> Lines:
    """An entry that was never written, before entry 11."""
    return [*lines[:11], lines[10].replace(b'"delivered",10', b'"delivered",77'), *lines[11:]]


def replaced(lines: Lines) -> Lines:
    """A whole log of the same size in which everything is another way."""
    return [line.replace(b'"delivered"', b'"dead"') for line in lines]


EIGHT: Final[Mapping[str, Forgery]] = MappingProxyType({
    "edit": Forgery(edited, 11),
    "delete": Forgery(lambda lines: [*lines[:11], *lines[12:]], 11),
    "reorder": Forgery(reordered, 11),
    "insert": Forgery(inserted, 11),
    "truncate": Forgery(lambda lines: lines[:15], 15),
    "roll back": Forgery(lambda lines: lines[:10], 10),
    "re-sign": Forgery(edited, 11, OTHER_KEY),
    "replace": Forgery(replaced, None),
})  # fmt: skip


def remade(lines: Sequence[bytes], folder: Path, key: SigningKey) -> tuple[Lines, str]:
    """Write the entries of these lines as a log of its own, in which everything fits; its lines and its last checkpoint."""
    file = LogFile.open(folder, ORIGIN, key)
    for line in lines:
        entry = known(line[:-1])
        assert entry is not None
        file.append([entry], read(line[:-1]).at)
    note = file.checkpoint()
    file.close()
    return (folder / ENTRIES).read_bytes().splitlines(keepends=True), note
