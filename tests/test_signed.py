"""A few of the kills of `python -m tests.signed`, and proof that its judge is not easily pleased."""

from pathlib import Path

from gateway.signing.store import ENTRIES
from tests.signed import judge, torture


async def test_kills_while_appending_raise_no_alarm_and_lose_nothing(tmp_path: Path) -> None:
    """Every entry that was told to stand is there, and the log fits every checkpoint that was handed out."""
    found = await torture(tmp_path / "it", 6, 3)
    assert not found.faults
    assert found.entries > 200
    assert found.checkpoints >= 3


async def test_an_entry_that_is_lost_or_changed_is_an_alarm(tmp_path: Path) -> None:
    """The judge of the run above, over a log that something happened to."""
    await torture(tmp_path / "it", 1, 3)
    path = tmp_path / "it" / "log" / ENTRIES
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    assert any("told to stand" in fault for fault in judge(tmp_path / "it", len(lines) - 1))
    path.write_bytes(b"".join([lines[0].replace(b'"cut":0', b'"cut":9'), *lines[1:]]))
    assert any(fault.startswith("entry 0") for fault in judge(tmp_path / "it", len(lines) - 1))
