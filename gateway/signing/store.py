"""The log's file, and its memory of what it signed: one that goes back on a checkpoint is not opened, and never signed again.

`entries.ndjson` has one line for each entry and is only ever appended to; a line counts once it is flushed. `checkpoint.json`
has the last checkpoint, the frontier of the tree at that size and the facts in force: what is needed to go on without reading
everything, replaced as a whole and flushed before a checkpoint is handed out. So a checkpoint that anybody holds is never newer
than the one remembered here.

When it is opened, what was remembered is held against the file, and against checkpoints that were handed out. A file that is
shorter than it was, begins otherwise, or has another entry where a number should be is refused (`CannotOpenLog`). Only an end
without sense may be taken off, at most one group's bytes: a write that a crash cut short, of which nobody was told.

A failed flush is final, because a later success proves nothing (https://www.usenix.org/conference/atc20/presentation/rebello,
read 2026-11-22). All methods are for one thread at a time.
"""

import errno
import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, Self

import msgspec

from gateway.places import LOG_FOLDER
from gateway.signing import note
from gateway.signing.checkpoint import BadCheckpoint, Checkpoint, split_notes
from gateway.signing.entry import LONGEST, NOTHING_BEFORE, BadEntry, Entry, Frame, encode, known, link, read
from gateway.signing.facts import followed
from gateway.signing.note import BadNote, SigningKey
from gateway.signing.tree import Frontier, hash_leaf

ENTRIES: Final = "entries.ndjson"
CHECKPOINT: Final = "checkpoint.json"
GROUP_BYTES: Final = 1 << 20
"""Most bytes that are written before a flush; so an end without sense that is longer is no write cut short."""

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_DESCRIPTOR: Final = frozenset({errno.EMFILE, errno.ENFILE})
"""What the system says when too much is open: a file that could not be opened was not written, and no flush of it failed."""


class CannotOpenLog(Exception):
    """The log cannot be opened; the text says which rule stands against it."""


class Unwritten(Exception):
    """Nothing was written. `final`: nor will anything be, until the log is opened again."""

    def __init__(self, *, final: bool) -> None:
        """Keep it."""
        super().__init__("unwritten")
        self.final = final


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is remembered beside the entries: the last checkpoint (a signed note, or without a key its body alone), how many
    bytes of the file it covers, the frontier at its size in hex, `link` of the last entry, and the facts in force there.
    """

    note: str
    bytes: int
    peaks: tuple[str, ...]
    prev: str
    facts: dict[str, str]

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint. Raises BadNote, BadCheckpoint."""
        return Checkpoint.read(note.read(self.note).text if "\n\n" in self.note else self.note)

    @property
    def frontier(self) -> Frontier:
        """The frontier. Raises ValueError, BadNote and BadCheckpoint among them."""
        return Frontier.checked(self.checkpoint.size, map(bytes.fromhex, self.peaks))


class Tail(msgspec.Struct):
    """What stands in the file behind the bytes that a frontier covers."""

    frontier: Frontier
    bytes: int
    prev: str
    facts: Mapping[str, str]
    cut: int = 0
    """Bytes at the end that are no entry."""


class LogFile:
    """One open log. `open` makes it."""

    def __init__(self, folder: Path, handle: int, origin: str, key: SigningKey | None, tail: Tail) -> None:
        self._folder = folder
        self._handle = handle
        self._origin = origin
        self._key = key
        self._frontier, self._bytes, self._prev, self.facts = tail.frontier, tail.bytes, tail.prev, tail.facts
        self._failed = False
        self.cut = tail.cut
        """Bytes of a half-written end that were taken off when it was opened."""

    @classmethod
    def open(cls, folder: Path, origin: str, key: SigningKey | None, handed_out: Iterable[Checkpoint] = ()) -> Self:
        """Open the log in `folder` (made with mode 0700 if need be), which signs with `key` if there is one.

        `handed_out` are checkpoints that others hold, or held: the log must still begin with what they say. Raises
        CannotOpenLog, and OSError when the folder or its files cannot be used.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder / ENTRIES, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            _lock(handle)
            kept = _kept(folder / CHECKPOINT, origin, key)
            tail = _tail(handle, kept)
            _hold_against(handle, tail, [one for one in handed_out if one.origin == origin])
            if tail.cut:
                os.ftruncate(handle, tail.bytes)
                os.fsync(handle)
            _flush_folder(folder)
        except BaseException:
            os.close(handle)
            raise
        return cls(folder, handle, origin, key, tail)

    @property
    def size(self) -> int:
        """How many entries are flushed."""
        return self._frontier.size

    @property
    def signed(self) -> bool:
        """Whether checkpoints are signed."""
        return self._key is not None

    def append(self, entries: Sequence[Entry], at: int) -> int:
        """Write entries and flush them, all with the time `at` (Unix seconds); gives the first one's number.

        Raises BadEntry before anything is written, and Unwritten.
        """
        if self._failed:
            raise Unwritten(final=True)
        first, frontier, prev, lines = self._frontier.size, self._frontier, self._prev, []
        for entry in entries:
            line = encode(entry, frontier.size, at, prev)
            leaf = hash_leaf(line)
            frontier, prev = frontier.grown(leaf), link(leaf)
            lines.append(line + b"\n")
        written = b"".join(lines)
        self._write(written)
        self._frontier, self._prev, self._bytes = frontier, prev, self._bytes + len(written)
        self.facts = followed(self.facts, entries)
        return first

    def _write(self, written: bytes) -> None:
        try:
            rest = memoryview(written)
            while rest:
                rest = rest[os.write(self._handle, rest) :]
        except OSError as error:
            self._failed = error.errno not in _NO_ROOM or not self._taken_back()
            raise Unwritten(final=self._failed) from None
        try:
            os.fdatasync(self._handle)
        except OSError:
            self._failed = True
            raise Unwritten(final=True) from None

    def _taken_back(self) -> bool:
        """Take a half-written group off the file."""
        try:
            os.ftruncate(self._handle, self._bytes)
        except OSError:
            return False
        return True

    def checkpoint(self) -> str:
        """Make a checkpoint of all that is flushed and remember it; only then is it given. A note if there is a key.

        Raises Unwritten; the checkpoint before still counts then.
        """
        if self._failed:
            raise Unwritten(final=True)
        body = Checkpoint(self._origin, self._frontier.size, self._frontier.root).body
        told = self._key.sign(body) if self._key is not None else body
        peaks = tuple(peak.hex() for peak in self._frontier.peaks)
        kept = msgspec.json.format(msgspec.json.encode(Kept(told, self._bytes, peaks, self._prev, dict(self.facts))))
        try:
            _replace(self._folder / CHECKPOINT, kept + b"\n")
        except OSError as error:
            self._failed = error.errno not in _NO_ROOM | _NO_DESCRIPTOR
            raise Unwritten(final=self._failed) from None
        return told

    def close(self) -> None:
        """Close the file, which also gives its lock back."""
        os.close(self._handle)


# ── opening ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _lock(handle: int) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise CannotOpenLog("signed log: another process is writing it") from None


def _kept(path: Path, origin: str, key: SigningKey | None) -> Kept | None:
    """Read what was remembered; None if there is nothing. Raises CannotOpenLog unless it is sound and this log's."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        kept = msgspec.json.decode(content, type=Kept)
        checkpoint, root = kept.checkpoint, kept.frontier.root
        if key is not None and any(one[:2] == key.verifier[:2] for one in _signatures(kept)):
            note.verify(kept.note, [key.verifier])
    except (msgspec.MsgspecError, ValueError):  # BadNote and BadCheckpoint are ValueErrors
        raise CannotOpenLog(f"signed log: {CHECKPOINT} is damaged or was changed") from None
    if root != checkpoint.root:
        raise CannotOpenLog(f"signed log: {CHECKPOINT} is damaged or was changed")
    if checkpoint.origin != origin:
        raise CannotOpenLog("signed log: it belongs to another audit.origin; a new origin begins a new log in an empty folder")
    return kept


def _signatures(kept: Kept) -> tuple[note.Signature, ...]:
    return note.read(kept.note).signatures if "\n\n" in kept.note else ()


def _tail(handle: int, kept: Kept | None) -> Tail:
    """Read what stands behind the last checkpoint. Raises CannotOpenLog."""
    tail = Tail(Frontier(), 0, NOTHING_BEFORE, {})
    if kept is not None:
        tail = Tail(kept.frontier, kept.bytes, kept.prev, kept.facts)
    length = os.fstat(handle).st_size
    if tail.bytes and os.pread(handle, 1, tail.bytes - 1) != b"\n":  # nothing is read beyond the end
        raise CannotOpenLog(
            f"signed log: it had {tail.frontier.size} entries when its last checkpoint was made and has fewer now,"
            " or other ones: it was cut off, or an older copy was put back"
        )
    with _reading(handle, tail.bytes) as file:
        for line in lines_of(file):
            frame = _frame(line)
            if frame is None:
                break
            _take(tail, line, frame)
    tail.cut = length - tail.bytes
    if tail.cut > GROUP_BYTES:
        raise CannotOpenLog(f"signed log: it is damaged from entry {tail.frontier.size} on")
    return tail


def _frame(line: bytes) -> Frame | None:
    """Read a line; None for what is none, as at the end of a file whose writing was cut short."""
    try:
        return read(line[:-1]) if line.endswith(b"\n") else None
    except BadEntry:
        return None


def _take(tail: Tail, line: bytes, frame: Frame) -> None:
    """Go one entry on. Raises CannotOpenLog when another one should stand there: no crash does that."""
    size = tail.frontier.size
    if frame.n != size:
        raise CannotOpenLog(f"signed log: entry {frame.n} stands where entry {size} should")
    if frame.prev != tail.prev:
        raise CannotOpenLog(f"signed log: entry {size - 1} is not what entry {size} was written after")
    leaf, entry = hash_leaf(line[:-1]), known(line[:-1])
    tail.frontier, tail.prev, tail.bytes = tail.frontier.grown(leaf), link(leaf), tail.bytes + len(line)
    tail.facts = followed(tail.facts, [] if entry is None else [entry])


def _hold_against(handle: int, tail: Tail, handed_out: Sequence[Checkpoint]) -> None:
    """Show that the log begins with what the largest of these checkpoints says. Raises CannotOpenLog."""
    newest = max(handed_out, key=lambda one: one.size, default=None)
    if newest is None:
        return
    if newest.size > tail.frontier.size:
        raise CannotOpenLog(
            f"signed log: a checkpoint of {newest.size} entries was handed out, and there are {tail.frontier.size}:"
            " it was cut off, or an older copy was put back"
        )
    root = tail.frontier.root if newest.size == tail.frontier.size else _root_at(handle, newest.size)
    if root != newest.root:
        raise CannotOpenLog(f"signed log: its first {newest.size} entries are not those of a checkpoint that was handed out")


def _root_at(handle: int, size: int) -> bytes | None:
    """Read the first `size` entries, and give their root; None when they are not there."""
    frontier = Frontier()
    with _reading(handle, 0) as file:
        for line in lines_of(file):
            if frontier.size == size:
                break
            frontier = frontier.grown(hash_leaf(line.removesuffix(b"\n")))
    return frontier.root if frontier.size == size else None


def _reading(handle: int, at: int) -> BinaryIO:
    file = os.fdopen(os.dup(handle), "rb")
    file.seek(at)
    return file


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """Give the lines of a log with their line breaks, the last perhaps without; one too long is given in pieces."""
    while line := file.readline(LONGEST + 2):
        yield line


def folder_in(data_dir: Path) -> Path:
    """Say where the log is below a gateway's data directory."""
    return data_dir / LOG_FOLDER


def entries_file(folder: Path) -> Path:
    """Say where the entries of the log in `folder` are."""
    return folder / ENTRIES


def last_checkpoint(folder: Path) -> str | None:
    """Give the last checkpoint of the log in `folder`, whether or not somebody is writing it; None if there is none yet.

    Raises BadCheckpoint when its file makes no sense.
    """
    try:
        return msgspec.json.decode((folder / CHECKPOINT).read_bytes(), type=Kept).note
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError:
        raise BadCheckpoint(f"{CHECKPOINT} is damaged") from None


def _replace(path: Path, content: bytes) -> None:
    """Write a file anew, as a whole and flushed."""
    beside = path.with_suffix(".new")
    with suppress(FileNotFoundError):
        beside.unlink()
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)
    _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


MOST_CHECKPOINTS: Final = 256 << 20
"""Bytes of a file of checkpoints: those of ten years, of one every five minutes."""


def handed_out_of(text: str, key: SigningKey) -> list[Checkpoint]:
    """Give the checkpoints in a file of them that this key signed; whatever else stands there proves nothing."""
    found = []
    for one in split_notes(text):
        with suppress(BadNote, BadCheckpoint):
            found.append(Checkpoint.read(note.verify(one, [key.verifier]).text))
    return found
