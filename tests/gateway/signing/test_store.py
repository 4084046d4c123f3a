import errno
import os
import resource
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.signing.checkpoint import BadCheckpoint, Checkpoint
from gateway.signing.entry import BadEntry, Configuration, Started, encode, read
from gateway.signing.note import verify
from gateway.signing.store import (
    CHECKPOINT,
    ENTRIES,
    GROUP_BYTES,
    CannotOpenLog,
    LogFile,
    Unwritten,
    handed_out_of,
    last_checkpoint,
)
from gateway.signing.tree import grow, hash_leaf
from tests.gateway.signing.making import DIGEST, EXAMPLES, KEY, ORIGIN, OTHER_KEY, counts, make, spied


def opened(folder: Path, handed_out: str = "") -> LogFile:
    """Open the log in a folder with the usual key, held against these notes."""
    return LogFile.open(folder, ORIGIN, KEY, handed_out_of(handed_out, KEY))


def refused(folder: Path, handed_out: str = "") -> str:
    """Open a log that must not be opened; why not."""
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(CannotOpenLog) as why:
        opened(folder, handed_out)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    return str(why.value)


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_entries_are_numbered_and_linked_lines(tmp_path: Path) -> None:
    """One after the other, in groups or alone, each saying what the one before was."""
    file = LogFile.open(tmp_path / "log", ORIGIN, KEY)
    assert file.append(EXAMPLES, 7) == 0
    assert file.append([Started("1")], 8) == len(EXAMPLES) == file.size - 1
    lines = (tmp_path / "log" / ENTRIES).read_bytes().splitlines()
    frames = [read(line) for line in lines]
    assert [frame.n for frame in frames] == [*range(len(EXAMPLES) + 1)]
    assert [frame.prev for frame in frames] == ["0" * 32, *(hash_leaf(line).hex()[:32] for line in lines[:-1])]
    file.close()


def test_a_checkpoint_is_signed_over_all_entries_and_remembered_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It verifies, has the tree's root, and was flushed under its name before it was given."""
    file = LogFile.open(tmp_path / "log", ORIGIN, KEY)
    file.append(EXAMPLES, 7)
    steps: list[str] = []
    for name in ("fsync", "rename"):
        spied(monkeypatch, name, lambda *_, name=name: steps.append(name))
    note = file.checkpoint()
    assert steps == ["fsync", "rename", "fsync"]  # the file, its name, its folder
    root = grow(map(hash_leaf, (tmp_path / "log" / ENTRIES).read_bytes().splitlines())).root
    assert Checkpoint.read(verify(note, [KEY.verifier]).text) == Checkpoint(ORIGIN, len(EXAMPLES), root)
    assert last_checkpoint(tmp_path / "log") == note
    file.close()


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    """Folder 0700, files 0600."""
    make(tmp_path / "log", 1)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "log", *(tmp_path / "log").iterdir())}
    assert modes == {"log": 0o700, ENTRIES: 0o600, CHECKPOINT: 0o600}


@pytest.mark.parametrize("sizes", [(), (5,), (3, 8), (8, 9)])
def test_a_log_goes_on_where_it_was(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    """Opened again, with or without entries behind the last checkpoint: the same size, root and facts; and it goes on."""
    made = make(tmp_path / "log", *sizes, more=4)
    file = opened(tmp_path / "log", "\n".join(made.notes.values()))
    assert (file.size, file.cut) == (len(made.lines), 0)
    file.append([Configuration(DIGEST)], 9)
    note = file.checkpoint()
    file.close()
    again = opened(tmp_path / "log", note)
    assert again.facts == {"configuration": DIGEST}
    root = grow(map(hash_leaf, (tmp_path / "log" / ENTRIES).read_bytes().splitlines())).root
    assert Checkpoint.read(verify(note, [KEY.verifier]).text).root == root
    again.close()


def test_facts_are_known_again_from_the_entries_behind_the_checkpoint(tmp_path: Path) -> None:
    """A crash before the next checkpoint forgets none."""
    file = LogFile.open(tmp_path / "log", ORIGIN, None)
    file.append([Configuration(DIGEST)], 1)
    file.close()
    again = LogFile.open(tmp_path / "log", ORIGIN, None)
    assert again.facts == {"configuration": DIGEST}
    assert not again.signed
    assert "\n\n" not in again.checkpoint()
    again.close()


def test_two_cannot_write_one_log(tmp_path: Path) -> None:
    """The second is refused, whether in this process or another."""
    file = LogFile.open(tmp_path / "log", ORIGIN, KEY)
    assert "another process" in refused(tmp_path / "log")
    file.close()
    opened(tmp_path / "log").close()


def test_an_entry_that_breaks_the_rules_leaves_nothing_behind(tmp_path: Path) -> None:
    """Nor do those beside it, and the log goes on."""
    file = LogFile.open(tmp_path / "log", ORIGIN, KEY)
    with pytest.raises(BadEntry):
        file.append([Started("1"), Started("not a version!")], 1)
    assert file.append([Started("1")], 1) == 0
    file.close()
    assert opened(tmp_path / "log").size == 1


# ── what crashes leave ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("left", [b"{", b'{"at":1,"en', b"\x00" * 4096, b"\xff\n", b"not a line\n" * 3])
def test_a_half_written_end_is_taken_off(tmp_path: Path, left: bytes) -> None:
    """What stands there was flushed to nobody; what was is all there, and the log says how much it took off."""
    made = make(tmp_path / "log", 3, more=2)
    path = tmp_path / "log" / ENTRIES
    path.write_bytes(b"".join(made.lines) + left)
    file = opened(tmp_path / "log", made.notes[3])
    assert (file.size, file.cut) == (5, len(left))
    file.close()
    assert path.read_bytes() == b"".join(made.lines)


def test_every_cut_of_the_last_entry_is_taken_off(tmp_path: Path) -> None:
    """Wherever a write ends, what is before it stands."""
    made = make(tmp_path / "log", 3, more=2)
    path, last = tmp_path / "log" / ENTRIES, made.lines[-1]
    for length in range(len(last)):
        path.write_bytes(b"".join(made.lines[:-1]) + last[:length])
        file = opened(tmp_path / "log")
        assert (file.size, file.cut) == (4, length)
        file.close()


def test_damage_longer_than_a_write_is_no_crash(tmp_path: Path) -> None:
    """It is refused with the number of the entry, and nothing is taken off."""
    made = make(tmp_path / "log", 3)
    (tmp_path / "log" / ENTRIES).write_bytes(b"".join(made.lines) + b"x" * (GROUP_BYTES + 1))
    assert "damaged from entry 3" in refused(tmp_path / "log")


# ── what is refused at the start ─────────────────────────────────────────────────────────────────────────────────


def test_a_log_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    """Shorter than its own last checkpoint, by an entry, a byte or all of it."""
    made = make(tmp_path / "log", 3, 9)
    path = tmp_path / "log" / ENTRIES
    for content in (b"".join(made.lines[:-1]), b"".join(made.lines)[:-1], b"".join(made.lines[:4]), b""):
        path.write_bytes(content)
        assert "had 9 entries" in refused(tmp_path / "log")
    path.unlink()
    with pytest.raises(CannotOpenLog):
        opened(tmp_path / "log")


def test_an_older_copy_of_everything_is_refused_for_what_was_handed_out(tmp_path: Path) -> None:
    """Log and memory of a week ago fit each other; the checkpoint that somebody else has does not fit them."""
    old = make(tmp_path / "old", 5)
    made = make(tmp_path / "log", 5, 9)
    assert old.lines == made.lines[:5]
    assert "a checkpoint of 9 entries was handed out, and there are 5" in refused(tmp_path / "old", made.notes[9])
    opened(tmp_path / "old", made.notes[5]).close()


def test_an_old_copy_that_grew_again_is_refused(tmp_path: Path) -> None:
    """As long as the other one or longer, it does not begin as the checkpoint says."""
    made = make(tmp_path / "log", 5, 9)
    make(tmp_path / "other", 5, 9, 12, more=2, salt=1)
    why = refused(tmp_path / "other", made.notes[9])
    assert "first 9 entries are not those" in why
    make(tmp_path / "same", 9, salt=1)
    assert "first 9 entries are not those" in refused(tmp_path / "same", made.notes[9])


def test_checkpoints_of_others_prove_nothing(tmp_path: Path) -> None:
    """Signed by another key, or another log's, or no note at all: left out, for anybody can write such a file."""
    made = make(tmp_path / "log", 5)
    larger = Checkpoint(ORIGIN, 99, bytes(32)).body
    others = "\n".join([OTHER_KEY.sign(larger), "nonsense\n\n— nobody AAAAAAAA\n", made.notes[5]])
    file = LogFile.open(tmp_path / "log", ORIGIN, KEY, handed_out_of(others, KEY))
    assert file.size == 5
    file.close()


def moved(lines: list[bytes]) -> list[bytes]:
    """Exchange the last two."""
    return [*lines[:-2], lines[-1], lines[-2]]


def taken_out(lines: list[bytes]) -> list[bytes]:
    """Leave the last but one out."""
    return [*lines[:-2], lines[-1]]


def changed(lines: list[bytes]) -> list[bytes]:
    """Change the last but one."""
    return [*lines[:-2], lines[-2].replace(b'"shop"', b'"ship"'), lines[-1]]


@pytest.mark.parametrize("forge", [moved, taken_out, changed])
def test_entries_behind_the_checkpoint_must_follow_each_other(
    tmp_path: Path, forge: Callable[[list[bytes]], list[bytes]]
) -> None:
    """No crash moves, takes out or changes a whole line."""
    made = make(tmp_path / "log", 3, more=4)
    (tmp_path / "log" / ENTRIES).write_bytes(b"".join(forge(made.lines)))
    assert "signed log: entry" in refused(tmp_path / "log")


KEPT_CHANGES: Final[dict[str, Callable[[str], str]]] = {
    "nonsense": lambda _text: "{",
    "another size": lambda text: text.replace("\\n9\\n", "\\n8\\n"),
    "another signature": lambda text: text.replace("+", "/", 3),
    "another peak": lambda text: text.replace('"peaks": [\n    "', '"peaks": [\n    "00'),
}


@pytest.mark.parametrize("change", KEPT_CHANGES.values(), ids=KEPT_CHANGES)
def test_a_memory_that_was_changed_is_refused(tmp_path: Path, change: Callable[[str], str]) -> None:
    """The last checkpoint is signed, and its frontier must have its root."""
    make(tmp_path / "log", 3, 9)
    path = tmp_path / "log" / CHECKPOINT
    text = path.read_text()
    path.write_text(change(text))
    assert path.read_text() != text
    assert CHECKPOINT in refused(tmp_path / "log")


def test_a_memory_with_the_frontier_of_another_tree_is_refused(tmp_path: Path) -> None:
    """Signature and peaks are each in order and do not belong together."""
    make(tmp_path / "log", 4)
    make(tmp_path / "other", 4, salt=1)
    mine, theirs = ((tmp_path / name / CHECKPOINT).read_text() for name in ("log", "other"))
    peak = [text.split('"peaks": [\n    "')[1][:64] for text in (mine, theirs)]
    (tmp_path / "log" / CHECKPOINT).write_text(mine.replace(peak[0], peak[1]))
    assert CHECKPOINT in refused(tmp_path / "log")


def test_another_origin_is_another_log(tmp_path: Path) -> None:
    """Its checkpoints would continue nothing that anybody has."""
    make(tmp_path / "log", 3)
    with pytest.raises(CannotOpenLog, match=r"audit\.origin"):
        LogFile.open(tmp_path / "log", "other.example/log", None)


def test_a_new_key_goes_on_with_the_log(tmp_path: Path) -> None:
    """What the old one signed stays as it is, and the next checkpoint is the new one's."""
    made = make(tmp_path / "log", 3)
    file = LogFile.open(tmp_path / "log", ORIGIN, OTHER_KEY)
    file.append([counts(1)], 1)
    assert verify(file.checkpoint(), [OTHER_KEY.verifier])
    assert verify(made.notes[3], [KEY.verifier])
    file.close()


def test_no_checkpoint_yet_is_none(tmp_path: Path) -> None:
    """And one that makes no sense is told."""
    assert last_checkpoint(tmp_path) is None
    (tmp_path / CHECKPOINT).write_text("{}")
    with pytest.raises(BadCheckpoint):
        last_checkpoint(tmp_path)


# ── disks ────────────────────────────────────────────────────────────────────────────────────────────────────────


def failing(number: int) -> Callable[..., Any]:
    """Make a call of the operating system that fails."""

    def fail(*_arguments: object) -> None:
        raise OSError(number, "made up")

    return fail


def test_a_full_disk_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was half written is taken off, nothing is counted, and once there is room the log goes on without a gap."""
    file = LogFile.open(tmp_path / "log", ORIGIN, KEY)
    file.append([counts(0)], 1)
    true, calls = os.write, 0

    def half(handle: int, data: bytes) -> int:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError(errno.ENOSPC, "made up")
        return true(handle, bytes(data)[:10])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(Unwritten) as unwritten:
        file.append([counts(1)], 1)
    assert not unwritten.value.final
    monkeypatch.setattr(os, "write", true)
    assert file.append([counts(2)], 1) == 1
    file.close()
    again = opened(tmp_path / "log")
    assert (again.size, again.cut) == (2, 0)
    again.close()


@pytest.mark.parametrize(("call", "number"), [("fdatasync", errno.EIO), ("fdatasync", errno.ENOSPC), ("write", errno.EIO)])
def test_a_failed_flush_is_final(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int) -> None:
    """Neither an entry nor a checkpoint is written after it, though the disk works again."""
    file = LogFile.open(tmp_path / "log", ORIGIN, KEY)
    with monkeypatch.context() as broken:
        broken.setattr(os, call, failing(number))
        with pytest.raises(Unwritten) as unwritten:
            file.append([counts(0)], 1)
    assert unwritten.value.final
    for again in (lambda: file.append([counts(0)], 1), file.checkpoint):
        with pytest.raises(Unwritten):
            again()
    file.close()


def test_no_room_for_a_checkpoint_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts until the next is whole."""
    made = make(tmp_path / "log", 3)
    file = opened(tmp_path / "log")
    file.append([counts(9)], 1)
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", failing(errno.ENOSPC))
        with pytest.raises(Unwritten) as unwritten:
            file.checkpoint()
    assert not unwritten.value.final
    assert last_checkpoint(tmp_path / "log") == made.notes[3]
    assert file.checkpoint() == last_checkpoint(tmp_path / "log")
    file.close()


def test_a_process_without_a_descriptor_left_makes_its_checkpoint_later(tmp_path: Path) -> None:
    """As while too many connections are open: no flush failed, so the log goes on."""
    file = LogFile.open(tmp_path / "log", ORIGIN, KEY)
    file.append([counts(0)], 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        with pytest.raises(Unwritten) as unwritten:
            file.checkpoint()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert not unwritten.value.final
    assert file.append([counts(1)], 1) == 1
    assert file.checkpoint() == last_checkpoint(tmp_path / "log")
    file.close()


def test_what_was_written_by_a_later_version_is_gone_on_from(tmp_path: Path) -> None:
    """A kind that is not known keeps its place in the tree."""
    made = make(tmp_path / "log", 2)
    strange = encode(counts(2), 2, 5, hash_leaf(made.lines[-1][:-1]).hex()[:32]).replace(b'"counts"', b'"danced"')
    with (tmp_path / "log" / ENTRIES).open("ab") as file:
        file.write(strange + b"\n")
    opened_again = opened(tmp_path / "log")
    assert (opened_again.size, opened_again.cut) == (3, 0)
    opened_again.close()
