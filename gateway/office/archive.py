"""Contracts that were ever in force, kept by their digest, so that a difference can be shown and held against the signed log.

The log has a contract's version and digest and nothing of its text. The text is one file below the data directory, named by
that digest: who changes it changes its name, so a file that is read is the contract the log speaks of, or is not read.
"""

import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from gateway.delivery.contract_file import ContractFile

FOLDER: Final = "contracts"
MOST_BYTES: Final = 4 << 20


def digest_of(file: ContractFile) -> str:
    """Give the SHA-256 of a contract's text, in hex, as the signed log has it."""
    return sha256(file.model_dump_json().encode()).hexdigest()


class Archive:
    """The contracts below one data directory."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / FOLDER

    def keep(self, files: Iterable[ContractFile]) -> None:
        """Keep contracts that are not kept yet, flushed. Raises OSError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in files:
            path = self._path(digest_of(file))
            if self.read(digest_of(file)) is None:
                _replace(path, file.model_dump_json().encode())

    def read(self, digest: str) -> ContractFile | None:
        """Give the contract of this digest; None if it is not kept, or if what is kept is another text."""
        try:
            with self._path(digest).open("rb") as opened:
                text = opened.read(MOST_BYTES + 1)
        except (OSError, ValueError):
            return None
        if len(text) > MOST_BYTES or sha256(text).hexdigest() != digest:
            return None
        try:
            return ContractFile.model_validate_json(text)
        except ValidationError:  # written by a later version, with more in it
            return None

    def _path(self, digest: str) -> Path:
        if not (len(digest) == 64 and digest.isascii() and digest.isalnum()):
            raise ValueError("archive: no digest")
        return self._folder / f"{digest}.json"


def _replace(path: Path, content: bytes) -> None:
    """Write a file as a whole and flushed, or not at all."""
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)
