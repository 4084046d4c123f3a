import stat
from pathlib import Path

import pytest

from gateway.signing.keyfile import create
from gateway.signing.note import BadKey, SigningKey


def test_a_key_file_is_made_once_and_for_its_owner(tmp_path: Path) -> None:
    """One line, mode 0600, never overwritten; what is given back is its public half."""
    path = tmp_path / "signing.key"
    verifier = create(path, "gateway.example/log", bytes(32))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert SigningKey.read(path.read_text().removesuffix("\n")).verifier == verifier
    assert verifier.name == "gateway.example/log"
    with pytest.raises(FileExistsError):
        create(path, "gateway.example/log", bytes(32))


def test_a_name_that_is_none_leaves_no_file(tmp_path: Path) -> None:
    """It is looked at first."""
    with pytest.raises(BadKey):
        create(tmp_path / "signing.key", "a b", bytes(32))
    assert not (tmp_path / "signing.key").exists()
