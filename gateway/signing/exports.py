"""A part of the log for somebody else: the entries of a time, exactly as they stand, and the proof that they stand in it.

The proof is what the tree has before them and after them, up to a checkpoint: some dozens of hashes, however long the log is.
The frontier before them is also what proves that the log began as an earlier checkpoint of just that size says. Whoever gets
the part learns nothing of what stands around it.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Self

import msgspec

from gateway.signing.entry import NOTHING_BEFORE, BadEntry, link, read
from gateway.signing.tree import Frontier, hash_leaf, heights
from gateway.signing.verify import Proof


class Wanted(msgspec.Struct, frozen=True):
    """Which entries are wanted: written from `since` to `until` (Unix seconds, both included), among the first `size`."""

    since: int
    until: int
    size: int


class Run(msgspec.Struct, frozen=True):
    """Entries from `first` up to and without `end`."""

    first: int
    end: int

    @classmethod
    def found(cls, lines: Iterable[bytes], wanted: Wanted) -> Self | None:
        """Find the shortest run that holds all entries of this time; None when there are none."""
        numbers = [n for n, line in zip(range(wanted.size), lines, strict=False) if wanted.since <= _at(line) <= wanted.until]
        return cls(numbers[0], numbers[-1] + 1) if numbers else None


def _at(line: bytes) -> int:
    """Give when a line was written; what is no line has no time and is in no run of its own."""
    try:
        return read(line.removesuffix(b"\n")).at
    except BadEntry:
        return -1


def write_out(lines: Iterable[bytes], run: Run, size: int, write: Callable[[bytes], object]) -> Proof:
    """Write a run's lines, out of all of the log, and give the proof that they are in the tree of `size` entries.

    Raises ValueError when the log has fewer.
    """
    each = iter(lines)
    before, prev = Frontier(), NOTHING_BEFORE
    for line in _some(each, run.first):
        leaf = hash_leaf(line.removesuffix(b"\n"))
        before, prev = before.grown(leaf), link(leaf)
    for line in _some(each, run.end - run.first):
        write(line)
    after = tuple(_tree(each, 1 << height) for height in heights(run.end, size))
    return Proof(run.first, prev, tuple(peak.hex() for peak in before.peaks), after, size)


def _tree(lines: Iterator[bytes], leaves: int) -> str:
    """Give the root of the next lines, in hex."""
    frontier = Frontier()
    for line in _some(lines, leaves):
        frontier = frontier.grown(hash_leaf(line.removesuffix(b"\n")))
    return frontier.root.hex()


def _some(lines: Iterator[bytes], count: int) -> Iterator[bytes]:
    """Give just so many lines. Raises ValueError when there are fewer."""
    for _ in range(count):
        line = next(lines, None)
        if line is None:
            raise ValueError("lines")
        yield line
