"""The file of the signing key: one line, the key in its text form, readable by its owner alone (0600)."""

import os
from pathlib import Path

from gateway.references import BadReference, resolve
from gateway.signing.note import BadKey, SigningKey, VerifierKey
from gateway.signing.store import CannotOpenLog


def create(path: Path, origin: str, seed: bytes) -> VerifierKey:
    """Write a key of the log `origin`, made of 32 random bytes, to a new file and flush it; gives its public half.

    Raises BadKey, FileExistsError and OSError.
    """
    key = SigningKey(origin, seed)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(key.reveal() + "\n")
            file.flush()
            os.fsync(file.fileno())
    except BaseException:  # what is left would be half a key, and never be overwritten
        path.unlink(missing_ok=True)
        raise
    return key.verifier


def load(path: Path | None, origin: str) -> SigningKey | None:
    """Read the key that signs the log `origin`; None if there is no path to one.

    Raises CannotOpenLog, naming the rule that the file breaks: missing, others may read it, no key, another log's.
    """
    if path is None:
        return None
    try:
        key = SigningKey.read(resolve(f"file:{path}", Path(), {}).reveal())
    except BadReference as bad:
        raise CannotOpenLog(f"audit.signing_key: {bad.rules[0]}") from None
    except BadKey as bad:
        raise CannotOpenLog(f"audit.signing_key: {bad}") from None
    if key.verifier.name != origin:
        raise CannotOpenLog("audit.signing_key: the key was made for another log than audit.origin names")
    return key
