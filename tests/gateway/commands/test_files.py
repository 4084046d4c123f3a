import os
from pathlib import Path
from typing import Final

import pytest

from gateway.commands.ending import Ended
from gateway.commands.files import OWN, USUAL, files_anew, make_folder, new_file, new_files
from tests.disk import full_disk

OUT: Final = "--out"


def mode_of(path: Path) -> int:
    """Who may do what with a file."""
    return path.stat().st_mode & 0o777


# ── new files ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Whatever the mask of the shell is."""
    with new_file(tmp_path / "it", OUT) as file:
        file.write(b"x")
    assert (tmp_path / "it").read_bytes() == b"x"
    assert mode_of(tmp_path / "it") == 0o600


def test_nobody_sees_a_file_before_it_is_whole(tmp_path: Path) -> None:
    """Whoever is killed leaves nothing under its name."""
    with new_file(tmp_path / "it", OUT) as file:
        file.write(b"x")
        assert not (tmp_path / "it").exists()
        assert [mode_of(path) for path in tmp_path.iterdir()] == [0o600]
    assert [path.name for path in tmp_path.iterdir()] == ["it"]


@pytest.mark.parametrize("there", ["file", "folder", "link"])
def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path, there: str) -> None:
    """It may be all that somebody has of an answer; also a link that leads nowhere is somebody's."""
    (tmp_path / "file").write_text("old")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(Ended) as ended, new_file(tmp_path / there, OUT):
        pass
    assert (tmp_path / "file").read_text() == "old"
    assert "--out" in ended.value.lines[0]


def test_a_file_that_came_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    """As when a command is given twice at the same time."""
    with pytest.raises(Ended) as ended, new_file(tmp_path / "it", OUT):
        (tmp_path / "it").write_text("other")
    assert (tmp_path / "it").read_text() == "other"
    assert "is there already" in ended.value.lines[0]
    assert [path.name for path in tmp_path.iterdir()] == ["it"]


def test_a_file_that_came_to_nothing_goes_again(tmp_path: Path) -> None:
    """So that the command can be given again; a folder that is not there is named."""
    with pytest.raises(RuntimeError), new_file(tmp_path / "it", OUT):
        raise RuntimeError
    assert not [*tmp_path.iterdir()]
    with pytest.raises(Ended), new_file(tmp_path / "nowhere" / "it", "--csv"):
        pass


def test_several_files_are_new_together(tmp_path: Path) -> None:
    """None for what was not wanted; nothing of one where another cannot be."""
    with new_files({"--csv": tmp_path / "csv", "--json": None}) as (csv, json):
        assert csv is not None
        assert json is None
    with pytest.raises(Ended) as ended, new_files({"--json": tmp_path / "json", "--csv": tmp_path / "csv"}):
        pass
    assert "--csv" in ended.value.lines[0]
    with pytest.raises(Ended) as ended, new_files({"--json": tmp_path / "it", "--csv": tmp_path / "it"}):
        pass
    assert ended.value.lines == ("--json and --csv name the same file.",)
    assert [path.name for path in tmp_path.iterdir()] == ["csv"]


def test_a_name_of_any_length_that_there_may_be_is_taken(tmp_path: Path) -> None:
    """What is beside it is not longer."""
    path = tmp_path / ("é" * 127)
    with new_file(path, OUT) as file:
        file.write(b"x")
    assert path.read_bytes() == b"x"


# ── files in place of others ─────────────────────────────────────────────────────────────────────────────────────


def test_what_was_there_stays_until_all_is_written(tmp_path: Path) -> None:
    """A command that fails, or a disk that is full, costs nobody the last report."""
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("old")
    with pytest.raises(RuntimeError), files_anew([old, new], OUT, OWN):
        raise RuntimeError
    with pytest.raises(OSError, match="too large"), full_disk(), files_anew([old, new], OUT, OWN) as (first, _):
        first.write(b"half")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("old", "old")]
    with files_anew([old, new], OUT, OWN) as (first, second):
        first.write(b"1")
        second.write(b"2")
        assert old.read_text() == "old"
    assert (old.read_text(), new.read_text(), len([*tmp_path.iterdir()])) == ("1", "2", 2)


def test_the_mode_is_that_of_the_file_before(tmp_path: Path) -> None:
    """Somebody has let others read it; a new one has what is said, less the mask of the shell."""
    old, new = tmp_path / "old", tmp_path / "new"
    old.touch()
    old.chmod(0o640)
    before = os.umask(0o027)
    try:
        with files_anew([old, new], OUT, USUAL):
            pass
    finally:
        os.umask(before)
    assert (mode_of(old), mode_of(new)) == (0o640, 0o640)
    with files_anew([tmp_path / "own"], OUT, OWN):
        pass
    assert mode_of(tmp_path / "own") == 0o600


def test_a_link_stays_one(tmp_path: Path) -> None:
    """What it leads to is written anew, wherever that is."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder/it")
    for text in (b"1", b"2"):
        with files_anew([tmp_path / "link"], OUT, OWN) as (file,):
            file.write(text)
        assert (tmp_path / "folder" / "it").read_bytes() == text
    assert (tmp_path / "link").is_symlink()


def test_what_is_no_file_is_written_to(tmp_path: Path) -> None:
    """A device or pipe is not replaced by a file: nobody would read there."""
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with files_anew([tmp_path / "pipe"], OUT, OWN) as (file,):
        file.write(b"x")
    assert os.read(reader, 10) == b"x"
    os.close(reader)
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize("path", [".", "folder", "nowhere/it", "file/it"])
def test_a_place_where_nothing_can_be_written_is_named(tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its option."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(Ended) as ended, files_anew([Path(path)], OUT, OWN):
        pass
    assert (ended.value.code, "--out" in ended.value.lines[0]) == (2, True)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file stands in its place, or in that of a folder above it."""
    (tmp_path / "it").write_text("a file")
    for path in (tmp_path / "it", tmp_path / "it/below"):
        with pytest.raises(Ended) as ended:
            make_folder(path)
        assert (ended.value.code, "--out" in ended.value.lines[0]) == (2, True)
