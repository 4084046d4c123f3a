"""Contracts are kept by their digest, and what was changed is not read."""

from pathlib import Path

import pytest

from gateway.model.words import Destination
from gateway.office.archive import FOLDER, Archive, digest_of
from tests.adapters.cases import SHIPPED

FILE = SHIPPED[Destination.META]


def test_a_contract_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    """Kept twice or once, readable by its owner alone."""
    archive = Archive(tmp_path)
    for _ in range(2):
        archive.keep([FILE])
    assert archive.read(digest_of(FILE)) == FILE
    (path,) = (tmp_path / FOLDER).iterdir()
    assert path.stat().st_mode & 0o077 == 0


def test_what_was_changed_is_not_read(tmp_path: Path) -> None:
    """One letter is enough; keeping it again mends it."""
    archive = Archive(tmp_path)
    archive.keep([FILE])
    (path,) = (tmp_path / FOLDER).iterdir()
    path.write_text(path.read_text().replace("Purchase", "purchase"))
    assert archive.read(digest_of(FILE)) is None
    archive.keep([FILE])
    assert archive.read(digest_of(FILE)) == FILE


@pytest.mark.parametrize("name", ["", "../secret", "g" * 63, "a" * 64])
def test_nothing_else_is_read(tmp_path: Path, name: str) -> None:
    """A name that is no digest, or one that nobody kept."""
    (tmp_path / "secret.json").write_text("{}")
    assert Archive(tmp_path).read(name) is None
