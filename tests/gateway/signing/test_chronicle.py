"""The log as people read it: what is new since the last reading, and whether it still fits its checkpoint."""

from pathlib import Path

import pytest

from gateway.signing.chronicle import Chronicle
from gateway.signing.entry import COMMAND, Counted, Counts, Entry, Export, Exported, Row, Started, Stopped
from gateway.signing.store import LogFile, entries_file

ENTRIES: tuple[Entry, ...] = (
    Started("1"),
    Counts((Row("shop1", None, Counted.ACCEPTED, 3),)),
    Export(Exported.CONTRACTS, COMMAND),
    Stopped(),
)


@pytest.fixture
def log(tmp_path: Path) -> LogFile:
    """A log of four entries and a checkpoint, without a key."""
    file = LogFile.open(tmp_path, "gateway.example/log", None)
    file.append(ENTRIES, 60)
    file.checkpoint()
    return file


def test_entries_are_told_without_the_counts(log: LogFile, tmp_path: Path) -> None:
    """By number, time, kind and fields."""
    noted, standing = Chronicle(tmp_path).read()
    assert [(one.number, one.at, one.kind) for one in noted] == [(0, 60, "started"), (2, 60, "export"), (3, 60, "stopped")]
    assert noted[1].fields["what"] == "contracts"
    assert (standing.entries, standing.covered, standing.signed, standing.faults) == (4, 4, False, ())
    log.close()


def test_what_is_new_is_read_behind_what_was_read(log: LogFile, tmp_path: Path) -> None:
    """Checkpoints may come before or after the reading, at any size."""
    chronicle = Chronicle(tmp_path)
    chronicle.read()
    log.append([Stopped()], 120)
    assert chronicle.read()[1].entries == 5
    log.checkpoint()
    standing = chronicle.read()[1]
    assert (standing.covered, standing.faults) == (5, ())
    log.append([Stopped()], 180)
    log.checkpoint()
    noted, standing = chronicle.read()
    assert (noted[-1].number, standing.covered, standing.faults) == (5, 6, ())
    log.close()


def test_a_changed_entry_is_found(log: LogFile, tmp_path: Path) -> None:
    """It does not fit the entry after it, nor the checkpoint."""
    path = entries_file(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"what":"contracts"', b'"what":"accounts"'))
    faults = Chronicle(tmp_path).read()[1].faults
    assert faults[0] == "entry 2 is not what entry 3 was written after"
    assert faults[1] == "the first 4 entries are not those of the last checkpoint"
    log.close()


def test_a_log_that_was_cut_off_is_found(log: LogFile, tmp_path: Path) -> None:
    """Before it was read, and between two readings."""
    chronicle, path = Chronicle(tmp_path), entries_file(tmp_path)
    chronicle.read()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]))
    assert chronicle.read()[1].faults[0] == "the log is shorter than it was when it was read before"
    assert Chronicle(tmp_path).read()[1].faults == ("the last checkpoint has 4 entries, and there are 2",)
    log.close()


def test_half_a_line_at_the_end_is_not_read_yet(log: LogFile, tmp_path: Path) -> None:
    """It is being written."""
    path = entries_file(tmp_path)
    with path.open("ab") as file:
        file.write(b'{"at":')
    assert Chronicle(tmp_path).read()[1].faults == ()
    log.close()


def test_no_log_is_no_fault(tmp_path: Path) -> None:
    """Nothing was recorded yet."""
    noted, standing = Chronicle(tmp_path).read()
    assert (noted, standing.entries, standing.covered, standing.faults) == ((), 0, None, ())
