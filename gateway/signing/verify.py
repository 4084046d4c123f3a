"""The verifier: reads a log's lines and checkpoints that were kept elsewhere, and names the first entry that is not as it was.

It uses the format (`tree`, `note`, `checkpoint`, `entry`) and nothing of what writes it, so it can be handed to whoever is to
check the gateway rather than trust it. Each line must be one, bear the next number, and say what the line before was; the tree
over the lines must have the root of each checkpoint at its size. Two checkpoints whose roots both hold are consistent.

What a forger can make good is only what no checkpoint covers: so a fault behind the last checkpoint may be called mended, and
one in front of it may not. Where only a root is wrong, numbers and links were forged too, and all that can be said is between
which two sizes. Nothing here writes, and memory does not grow with the log.
"""

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum, unique
from itertools import pairwise
from typing import Final

import msgspec

from gateway.signing import note
from gateway.signing.checkpoint import BadCheckpoint, Checkpoint
from gateway.signing.entry import NOTHING_BEFORE, BadEntry, link, read
from gateway.signing.note import BadNote, VerifierKey
from gateway.signing.tree import Frontier, hash_leaf, root_around

MOST_FAULTS: Final = 50
"""Faults that are kept; the first are the ones that matter."""


@unique
class Rule(StrEnum):
    """What can be wrong."""

    LINE = "line"
    """A line is not one of the log's, byte for byte."""
    NUMBER = "number"
    """Another number stands where the next should: something was taken out, put in or moved."""
    LINK = "link"
    """The entry is not what the next one says that it was."""
    ROOT = "root"
    """The entries are not those of a checkpoint."""
    MISSING = "missing"
    """A checkpoint has more entries than the log."""
    SIGNATURE = "signature"
    """A checkpoint is not one, or not signed by the key."""
    ORIGIN = "origin"
    """A checkpoint is another log's."""
    FORKED = "forked"
    """Two signed checkpoints of the same size have different roots: whoever has the key signed two logs."""
    PROOF = "proof"
    """The proof of an export does not fit its entries."""


SAYS: Final = {
    Rule.LINE: "is not a line of this log, as it would have been written",
    Rule.NUMBER: "should stand here and does not: entries were taken out, put in or moved",
    Rule.LINK: "is not what the entry after it says that it was: it was changed",
    Rule.ROOT: "is the first that may not be what the checkpoint signed",
    Rule.MISSING: "is missing, though the checkpoint has it: the log was cut off, or an older copy was put back",
    Rule.SIGNATURE: "the checkpoint is not signed by this key",
    Rule.ORIGIN: "the checkpoint is another log's",
    Rule.FORKED: "two checkpoints of one size differ: two logs were signed with this key",
    Rule.PROOF: "the proof of the export does not fit",
}
"""Each rule in words; those of an entry follow its number."""


class Fault(msgspec.Struct, frozen=True):
    """What is wrong: the rule, the first entry it may concern and the last, and the checkpoint that tells it, by its name."""

    rule: Rule
    first: int | None = None
    last: int | None = None
    checkpoint: str | None = None

    @property
    def words(self) -> str:
        """Say it in a sentence."""
        where = "" if self.first is None else f"entry {self.first} "
        until = "" if self.last is None or self.last == self.first else f" (up to {self.last})"
        by = "" if self.checkpoint is None else f" [{self.checkpoint}]"
        return f"{where}{SAYS[self.rule]}{until}{by}"


class Held(msgspec.Struct, frozen=True):
    """A checkpoint that was kept, and the name by which to tell of it."""

    name: str
    checkpoint: Checkpoint


class Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands around an export's entries: how many entries come before and what their frontier is, `prev` of the first, and
    the roots of the trees after the last up to the checkpoint's size. Hashes in hex.
    """

    first: int
    prev: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    size: int

    @property
    def frontier(self) -> Frontier:
        """The tree before the first entry. Raises ValueError."""
        return Frontier.checked(self.first, map(bytes.fromhex, self.before))


class Report(msgspec.Struct):
    """What was found. Sound if there is no fault; `covered` entries are then those that nobody without the key forged."""

    entries: int
    covered: int
    faults: tuple[Fault, ...]
    unfinished: bool
    """A last line without its end, behind all checkpoints: the log is being written, or the write was cut short."""


def held(name: str, text: str, keys: Sequence[VerifierKey], origin: str) -> Held | Fault:
    """Verify one checkpoint: signed by one of these keys, and this log's."""
    try:
        checkpoint = Checkpoint.read(note.verify(text, keys).text)
    except (BadNote, BadCheckpoint):
        return Fault(Rule.SIGNATURE, checkpoint=name)
    return Held(name, checkpoint) if checkpoint.origin == origin else Fault(Rule.ORIGIN, checkpoint=name)


def verify(
    lines: Iterable[bytes],
    checkpoints: Iterable[Held],
    proof: Proof | None = None,
    told: Callable[[int], None] = lambda _bytes: None,
) -> Report:
    """Verify a log's lines, each with its line break, against verified checkpoints; of an export, with its proof.

    `told` hears of the bytes of each line.
    """
    wanted = sorted(checkpoints, key=lambda one: one.checkpoint.size)
    try:
        reading = Reading(Frontier() if proof is None else proof.frontier, NOTHING_BEFORE if proof is None else proof.prev)
    except ValueError:
        return Report(0, 0, (Fault(Rule.PROOF),), unfinished=False)
    reading.faults += forks(wanted)
    waiting = [] if proof is not None else wanted
    waiting = _passed(reading, waiting)
    for line in lines:
        told(len(line))
        if not reading.take(line):
            break
        waiting = _passed(reading, waiting)
    if proof is not None:
        _hold_export(reading, proof, wanted)
    for one in waiting:
        reading.fault(Rule.MISSING, reading.frontier.size, one.checkpoint.size - 1, one.name)
    if waiting and reading.unfinished:
        reading.fault(Rule.LINE, reading.frontier.size)
    faults = sorted(reading.faults, key=_tells_less)
    return Report(reading.frontier.size - reading.began, reading.covered, tuple(faults[:MOST_FAULTS]), reading.unfinished)


class Reading:
    """Where a reading stands: the tree so far, the link that the next line must have, and what was found."""

    def __init__(self, frontier: Frontier, prev: str) -> None:
        self.frontier = frontier
        self.began = frontier.size
        self.covered = 0
        self.faults: list[Fault] = []
        self.unfinished = False
        self._prev = prev
        self._shift = 0
        """How far numbers are off the count of lines since some were taken out or put in, which was told then."""

    def fault(self, rule: Rule, first: int | None = None, last: int | None = None, checkpoint: str | None = None) -> None:
        """Note a fault."""
        if len(self.faults) < 2 * MOST_FAULTS:
            self.faults.append(Fault(rule, first, last, checkpoint))

    def take(self, line: bytes) -> bool:
        """Take the next line; False if it has no end."""
        if not line.endswith(b"\n"):
            self.unfinished = True
            return False
        n, leaf = self.frontier.size, hash_leaf(line[:-1])
        try:
            frame = read(line[:-1])
        except BadEntry:
            self.fault(Rule.LINE, n)
        else:
            if frame.n != n + self._shift:
                self.fault(Rule.NUMBER, n + self._shift)
                self._shift = frame.n - n
            elif frame.prev != self._prev:
                self.fault(Rule.LINK, max(frame.n - 1, 0))
        self.frontier, self._prev = self.frontier.grown(leaf), link(leaf)
        return True

    def hold(self, one: Held, root: bytes) -> None:
        """Hold the root of all entries so far, or around an export, against a checkpoint."""
        if root == one.checkpoint.root:
            self.covered = max(self.covered, min(one.checkpoint.size, self.frontier.size))
        else:
            self.fault(Rule.ROOT, self.covered or self.began, min(one.checkpoint.size, self.frontier.size) - 1, one.name)


def _tells_less(fault: Fault) -> bool:
    """Put what single lines tell first, in their order; a checkpoint can only say between which two sizes."""
    return fault.checkpoint is not None


def _passed(reading: Reading, waiting: list[Held]) -> list[Held]:
    """Hold the checkpoints whose size is reached against the tree; gives those that are not."""
    while waiting and waiting[0].checkpoint.size == reading.frontier.size:
        reading.hold(waiting[0], reading.frontier.root)
        waiting = waiting[1:]
    return waiting


def _hold_export(reading: Reading, proof: Proof, wanted: Sequence[Held]) -> None:
    """Hold an export's entries against checkpoints: those at its beginning, at its end, and of the size of its proof."""
    try:
        root = root_around(reading.frontier, (), [bytes.fromhex(node) for node in proof.after], proof.size)
    except ValueError:
        reading.fault(Rule.PROOF)
        return
    roots = {proof.first: proof.frontier.root, reading.frontier.size: reading.frontier.root, proof.size: root}
    for one in wanted:
        if one.checkpoint.size in roots:
            reading.hold(one, roots[one.checkpoint.size])
        else:
            reading.fault(Rule.PROOF, checkpoint=one.name)


def forks(ordered: Sequence[Held]) -> list[Fault]:
    """Find neighbours among checkpoints, ordered by size, that no one log can have."""
    return [
        Fault(Rule.FORKED, first.checkpoint.size, checkpoint=f"{first.name}, {second.name}")
        for first, second in pairwise(ordered)
        if first.checkpoint.size == second.checkpoint.size and first.checkpoint.root != second.checkpoint.root
    ]
