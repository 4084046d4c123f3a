"""The log as people read it: its entries but the counts, in order, and whether they still fit the last checkpoint.

The file grows by a line a minute, so it is read once and then only behind where the last reading ended. The tree is grown
with it: each reading says whether all entries up to the last checkpoint have its root, and whether each names the one
before. That shows a changed line to whoever runs the gateway. Others verify with the program of `verify` and a checkpoint
of their own.
"""

from collections import deque
from pathlib import Path
from threading import Lock
from typing import Final

import msgspec

from gateway.signing import note
from gateway.signing.checkpoint import BadCheckpoint, Checkpoint
from gateway.signing.entry import NOTHING_BEFORE, BadEntry, EntryKind, link, read
from gateway.signing.note import BadNote
from gateway.signing.store import entries_file, last_checkpoint, lines_of
from gateway.signing.tree import Frontier, hash_leaf

MOST_KEPT: Final = 20_000
"""Entries that are remembered, the newest: years of changes and acts, since counts are not among them."""
UNREADABLE: Final = "the last checkpoint cannot be read"
NOT_KEPT: Final = frozenset({EntryKind.COUNTS.value, EntryKind.CHECKPOINT_EXPORTED.value})


class Noted(msgspec.Struct, frozen=True):
    """One entry: its number, when it was written (Unix seconds), its kind, and its other fields as they stand there."""

    number: int
    at: int
    kind: str
    fields: dict[str, object]


class Standing(msgspec.Struct, frozen=True):
    """How the log stands. `covered` entries are in the last checkpoint. `faults` say what does not fit, none if it is sound."""

    entries: int
    covered: int | None
    signed: bool
    faults: tuple[str, ...]
    checkpoint: str | None


class Chronicle:
    """Reads the log of one folder. Methods do file IO and may be called from any thread, one after another."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        self._offset = 0
        self._frontier = Frontier()
        self._prev = NOTHING_BEFORE
        self._noted: deque[Noted] = deque(maxlen=MOST_KEPT)
        self._faults: list[str] = []
        self._roots: dict[int, bytes] = {}
        """The tree's roots at sizes that the last checkpoint has, or the next may have."""

    def read(self) -> tuple[tuple[Noted, ...], Standing]:
        """Read what is new; give all that is remembered, the oldest first, and how the log stands."""
        with self._lock:
            told, checkpoint = self._checkpoint()
            least = 0 if checkpoint is None else checkpoint.size
            self._roots = {size: root for size, root in self._roots.items() if size >= least}
            self._read_on(least)
            faults = [*self._faults, *self._against(checkpoint, told)]
            standing = Standing(
                entries=self._frontier.size,
                covered=None if checkpoint is None else checkpoint.size,
                signed=checkpoint is not None and told is not None and "\n\n" in told,
                faults=tuple(faults),
                checkpoint=None if checkpoint is None else told,
            )
            return tuple(self._noted), standing

    def _checkpoint(self) -> tuple[str | None, Checkpoint | None]:
        try:
            told = last_checkpoint(self._folder)
            if told is None:
                return None, None
            return told, Checkpoint.read(note.read(told).text if "\n\n" in told else told)
        except (BadCheckpoint, BadNote, OSError):
            return UNREADABLE, None

    def _read_on(self, least: int) -> None:
        """Read the lines behind where the last reading ended, up to the last whole one; roots are kept from a size on."""
        path = entries_file(self._folder)
        if not path.exists():
            return
        if path.stat().st_size < self._offset:
            self._fault("the log is shorter than it was when it was read before")
            return
        with path.open("rb") as file:
            file.seek(self._offset)
            for line in lines_of(file):
                if not line.endswith(b"\n"):
                    break
                self._take(line)
                if self._frontier.size >= least:
                    self._roots[self._frontier.size] = self._frontier.root

    def _take(self, line: bytes) -> None:
        self._offset += len(line)
        leaf = hash_leaf(line[:-1])
        number = self._frontier.size
        try:
            frame = read(line[:-1])
        except BadEntry:
            self._fault(f"entry {number} is not a line of this log")
        else:
            if frame.n != number:
                self._fault(f"entry {frame.n} stands where entry {number} should")
            elif frame.prev != self._prev:
                self._fault(f"entry {number - 1} is not what entry {number} was written after")
            kind = str(frame.entry["kind"])
            if kind not in NOT_KEPT:
                fields = {name: value for name, value in frame.entry.items() if name != "kind"}
                self._noted.append(Noted(frame.n, frame.at, kind, fields))
        self._frontier, self._prev = self._frontier.grown(leaf), link(leaf)

    def _fault(self, words: str) -> None:
        if not self._faults:  # the first is the one that says where
            self._faults.append(words)

    def _against(self, checkpoint: Checkpoint | None, told: str | None) -> list[str]:
        if checkpoint is None:
            return [] if told is None else [UNREADABLE]
        if self._frontier.size < checkpoint.size:
            return [f"the last checkpoint has {checkpoint.size} entries, and there are {self._frontier.size}"]
        if self._roots.get(checkpoint.size, Frontier().root if not checkpoint.size else b"") != checkpoint.root:
            return [f"the first {checkpoint.size} entries are not those of the last checkpoint"]
        return []
