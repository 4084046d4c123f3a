import asyncio
import errno
import os
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from gateway.signing import recorder
from gateway.signing.checkpoint import Checkpoint
from gateway.signing.entry import BadEntry, CheckpointExported, Configuration, EntryKind, Outlet, Stopped, read
from gateway.signing.note import SigningKey, verify
from gateway.signing.outlets import Exporter
from gateway.signing.recorder import LogState, SignedLog, Unrecorded
from gateway.signing.store import ENTRIES, LogFile, last_checkpoint
from tests.gateway.signing.making import EXAMPLES, KEY, ORIGIN, counts, spied
from tests.gateway.signing.test_exporting import Shelf, until
from tests.gateway.signing.test_store import failing

WALL: Final = 1_800_000_000.0


class Ear:
    """Hears of the log's trouble."""

    def __init__(self) -> None:
        self.states: list[LogState] = []
        self.trouble: list[bool] = []

    def log_state(self, state: LogState) -> None:
        """Hear it."""
        self.states.append(state)

    def export_trouble(self, outlet: Outlet, troubled: bool) -> None:
        """Hear it."""
        assert outlet is Outlet.FILE
        self.trouble.append(troubled)


class There:
    """A running log in a folder."""

    def __init__(self, folder: Path, *exporters: Exporter, key: SigningKey | None = KEY) -> None:
        self.folder = folder
        self.ear = Ear()
        self.now = WALL
        self.log = SignedLog(LogFile.open(folder, ORIGIN, key), exporters, self.ear, lambda: self.now)

    @property
    def kinds(self) -> list[str]:
        """Kinds of all entries in the file."""
        return [read(line).entry["kind"] for line in (self.folder / ENTRIES).read_bytes().splitlines()]

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The last checkpoint."""
        note = last_checkpoint(self.folder)
        return None if note is None else Checkpoint.read(verify(note, [KEY.verifier]).text)


async def test_an_entry_is_flushed_before_its_number_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is told can rely on it."""
    flushed: list[int] = []
    spied(monkeypatch, "fdatasync", lambda handle: flushed.append(os.fstat(handle).st_size))
    there = There(tmp_path / "log")
    assert await there.log.append(EXAMPLES[0]) == 0
    assert flushed == [(tmp_path / "log" / ENTRIES).stat().st_size] != [0]
    await there.log.close()


async def test_what_waits_is_flushed_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand callers, some flushes; each has a number of its own, in the order of asking."""
    flushes = Counter[str]()
    spied(monkeypatch, "fdatasync", lambda _handle: flushes.update(["flush"]))
    there = There(tmp_path / "log")
    numbers = await asyncio.gather(*(there.log.append(counts(n)) for n in range(1000)))
    assert numbers == [*range(1000)]
    assert flushes["flush"] < 20
    await there.log.close(Stopped())
    assert there.kinds == ["counts"] * 1000 + ["stopped"]


async def test_what_is_told_is_recorded_and_nobody_waits(tmp_path: Path) -> None:
    """By the close at the latest; counts are by kind."""
    there = There(tmp_path / "log")
    for entry in EXAMPLES:
        there.log.tell(entry)
    await there.log.close()
    assert len(there.kinds) == len(EXAMPLES) == there.log.counts.total()
    assert there.log.counts[EntryKind.LOGIN] == 1
    assert there.log.facts["decision_table"] == "2"


async def test_a_bug_of_a_caller_is_the_callers_alone(tmp_path: Path) -> None:
    """An entry that breaks the rules raises where it is made, and the log goes on."""
    there = There(tmp_path / "log")
    for record in (there.log.tell, there.log._queue):
        with pytest.raises(BadEntry):
            record(Configuration("jane@example.com"))
    assert await there.log.append(EXAMPLES[0]) == 0
    await there.log.close()
    assert (there.log.state, there.log.unrecorded) == (LogState.SIGNED, 0)


# ── checkpoints ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_checkpoint_is_made_after_so_many_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all that is there, and handed out."""
    monkeypatch.setattr(recorder, "CHECKPOINT_ENTRIES", 10)
    shelf = Shelf()
    there = There(tmp_path / "log", shelf)
    for n in range(9):
        await there.log.append(counts(n))
    assert there.checkpoint is None
    await there.log.append(counts(9))
    await until(lambda: len(shelf.took) == 1)
    assert there.checkpoint is not None
    assert there.checkpoint.size == 10
    await until(lambda: there.log.counts[EntryKind.CHECKPOINT_EXPORTED] == 1)
    await there.log.close()
    assert there.kinds[10] == "checkpoint_exported"


async def test_a_checkpoint_is_made_in_time_if_anything_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That one was handed out is nothing new: an idle log is quiet."""
    monkeypatch.setattr(recorder, "CHECKPOINT_SECONDS", 0.05)
    shelf = Shelf()
    there = There(tmp_path / "log", shelf)
    await asyncio.sleep(0.15)
    assert shelf.took == []
    await there.log.append(counts(1))
    await until(lambda: len(shelf.took) == 1)
    await asyncio.sleep(0.3)
    assert len(shelf.took) == 1
    await there.log.close()
    assert there.kinds == ["counts", "checkpoint_exported"]
    assert len(shelf.took) == 1


async def test_the_last_checkpoint_covers_the_stop(tmp_path: Path) -> None:
    """It is made and handed out before the file is closed."""
    shelf = Shelf()
    there = There(tmp_path / "log", shelf)
    await there.log.append(counts(1))
    await there.log.close(Stopped())
    assert there.checkpoint is not None
    assert there.checkpoint.size == 2
    (note,) = shelf.took
    assert Checkpoint.read(verify(note, [KEY.verifier]).text) == there.checkpoint


async def test_a_log_without_a_key_hands_nothing_out(tmp_path: Path) -> None:
    """It remembers its tree all the same."""
    shelf = Shelf()
    there = There(tmp_path / "log", shelf, key=None)
    assert there.log.state is LogState.UNSIGNED
    await there.log.append(counts(1))
    await there.log.close()
    assert shelf.took == []
    assert Checkpoint.read(last_checkpoint(tmp_path / "log") or "").size == 1


async def test_what_no_outlet_has_grows_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The age of the oldest entry that is in no checkpoint elsewhere; 0 when all are; None where none is handed out."""
    monkeypatch.setattr(recorder, "CHECKPOINT_ENTRIES", 2)
    shelf = Shelf(refusals=1)
    there, alone = There(tmp_path / "log", shelf), There(tmp_path / "alone")
    assert (there.log.uncovered_seconds, alone.log.uncovered_seconds) == (0.0, None)
    await there.log.append(counts(1))
    there.now += 100
    assert there.log.uncovered_seconds == 100
    await there.log.append(counts(2))
    await until(lambda: there.ear.trouble == [True])
    there.now += 50
    assert there.log.uncovered_seconds == 150
    await until(lambda: len(shelf.took) == 1)
    await until(lambda: there.log.uncovered_seconds == 0)
    await there.log.close()
    await alone.log.close()


# ── trouble ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_full_disk_refuses_what_must_be_recorded_until_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`append` raises, `tell` does not; the state says so, and changes back by itself."""
    there = There(tmp_path / "log")
    with monkeypatch.context() as full:
        full.setattr(os, "write", failing(errno.ENOSPC))
        with pytest.raises(Unrecorded):
            await there.log.append(counts(1))
        there.log.tell(counts(2))
        await there.log._idle.wait()
    assert (there.log.state, there.log.unrecorded) == (LogState.FULL, 2)
    assert await there.log.append(counts(3)) == 0
    assert there.ear.states == [LogState.FULL, LogState.SIGNED]
    await there.log.close()


async def test_a_failed_flush_ends_recording_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waited is refused, whoever comes later too, at once; the close does not hang."""
    there = There(tmp_path / "log", Shelf())
    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", failing(errno.EIO))
        found = await asyncio.gather(*(there.log.append(counts(n)) for n in range(5)), return_exceptions=True)
    assert [type(one) for one in found] == [Unrecorded] * 5
    with pytest.raises(Unrecorded):
        await there.log.append(counts(1))
    there.log.tell(counts(1))
    assert there.ear.states == [LogState.FAILED]
    assert there.log.unrecorded == 7
    async with asyncio.timeout(2):
        await there.log.close(Stopped())


async def test_a_bug_in_the_writing_ends_recording_and_leaves_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is raised there."""
    there = There(tmp_path / "log")
    monkeypatch.setattr(LogFile, "append", lambda *_: 1 / 0)
    with pytest.raises(Unrecorded):
        await there.log.append(counts(1))
    assert there.log.state is LogState.FAILED
    await there.log.close()


async def test_what_waits_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond it entries are refused, and counted."""
    monkeypatch.setattr(recorder, "MOST_WAITING", 10)
    there = There(tmp_path / "log")
    for n in range(15):
        there.log.tell(counts(n))
    assert there.log.unrecorded == 5
    await there.log.close()
    assert len(there.kinds) == 10


async def test_a_group_is_no_longer_than_what_a_crash_may_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much waits; an entry that is alone always goes."""
    monkeypatch.setattr(recorder, "GROUP_BYTES", 1_000)
    lengths: list[int] = []
    spied(monkeypatch, "write", lambda _handle, data: lengths.append(len(data)))
    there = There(tmp_path / "log")
    for n in range(100):
        there.log.tell(counts(n))
    await there.log.close()
    assert max(lengths) <= 1_000
    assert len(there.kinds) == 100


async def test_a_caller_that_gives_up_takes_nobody_with_it(tmp_path: Path) -> None:
    """Its entry is recorded all the same: it was asked for."""
    there = There(tmp_path / "log")
    given_up, other = (asyncio.create_task(there.log.append(counts(n))) for n in range(2))
    await asyncio.sleep(0)
    given_up.cancel()
    assert await other == 1
    await there.log.close()
    assert len(there.kinds) == 2


async def test_a_closed_log_refuses(tmp_path: Path) -> None:
    """And what was handed out at the close adds nothing any more."""
    there = There(tmp_path / "log", Shelf())
    await there.log.append(CheckpointExported(1, Outlet.FILE))
    await there.log.append(counts(1))
    await there.log.close()
    with pytest.raises(Unrecorded):
        await there.log.append(counts(1))
    assert there.kinds == ["checkpoint_exported", "counts"]
