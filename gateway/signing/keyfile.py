"""The file of the signing key: one line, the key in its text form, readable by its owner alone (0600)."""

import os
from pathlib import Path

from gateway.signing.note import SigningKey, VerifierKey


def create(path: Path, origin: str, seed: bytes) -> VerifierKey:
    """Write a key of the log `origin`, made of 32 random bytes, to a new file and flush it; gives its public half.

    Raises BadKey, FileExistsError and OSError.
    """
    key = SigningKey(origin, seed)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(key.reveal() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return key.verifier
