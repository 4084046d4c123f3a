from pathlib import Path

import pytest

from gateway.commands.ending import Ended
from gateway.commands.new_file import make_folder, new_file


def test_a_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Whatever the mask of the shell is."""
    with new_file(tmp_path / "it", "--out") as file:
        file.write(b"x")
    assert (tmp_path / "it").read_bytes() == b"x"
    assert (tmp_path / "it").stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    """It may be all that somebody has of an answer."""
    (tmp_path / "it").write_text("old")
    with pytest.raises(Ended) as ended, new_file(tmp_path / "it", "--out"):
        pass
    assert (tmp_path / "it").read_text() == "old"
    assert "--out" in ended.value.lines[0]


def test_a_file_that_came_to_nothing_goes_again(tmp_path: Path) -> None:
    """So that the command can be given again; a folder that is not there is named."""
    with pytest.raises(RuntimeError), new_file(tmp_path / "it", "--out"):
        raise RuntimeError
    assert not (tmp_path / "it").exists()
    with pytest.raises(Ended), new_file(tmp_path / "nowhere" / "it", "--csv"):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file stands in its place, or in that of a folder above it."""
    (tmp_path / "it").write_text("a file")
    for path in (tmp_path / "it", tmp_path / "it/below"):
        with pytest.raises(Ended) as ended:
            make_folder(path)
        assert (ended.value.code, "--out" in ended.value.lines[0]) == (2, True)
