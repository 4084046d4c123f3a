"""Whether a closed store would open, found out without changing anything of it: for who is about to start a gateway.

While a gateway has the store nothing is opened; else the directory's lock is held for the moment that it takes. A log that a
killed gateway left is read with the file and stays as it is.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from enum import StrEnum, unique
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

import apsw

from gateway.storage.file import LOCK_NAME, CannotOpen, Form, InUse, opening, version_of
from gateway.storage.keyring import Keyring
from gateway.storage.vault import Sealing, Vault

LOG: Final = "-wal"
"""What the name of a store's log ends with."""


@unique
class Found(StrEnum):
    """What a look at a store finds, if nothing stands against its being opened."""

    NONE = "none"
    """There is no file yet: it is made at the start."""
    CLOSED = "closed"
    IN_USE = "in use"


class Kind(NamedTuple):
    """A kind of store, and what seals it."""

    form: Form
    sealing: Sealing


def look(directory: Path, keyring: Keyring | None, kind: Kind) -> Found:
    """Look at the store of this kind in a directory; without a keyring its keys are not tried.

    Raises CannotOpen, and BadKeyFile when the keyring does not open what is stored.
    """
    form, path = kind.form, directory / kind.form.file_name
    with opening(form.called):
        try:
            with _locked(directory):
                if not path.exists() or not path.stat().st_size:
                    return Found.NONE
                _assert_writable(directory, form)
                with closing(_connect(path)) as connection:
                    version_of(connection, form)
                    if keyring is not None:
                        Vault(connection, keyring, kind.sealing)
        except InUse:
            return Found.IN_USE
    return Found.CLOSED


def is_locked(directory: Path) -> bool:
    """Tell whether a gateway or a command has the stores of a directory, as far as this user may know."""
    try:
        with _locked(directory):
            return False
    except InUse:
        return True
    except OSError:
        return False


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold the directory's lock, if it was ever locked. Raises InUse."""
    try:
        handle = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise InUse from None
    finally:
        os.close(handle)


def _assert_writable(directory: Path, form: Form) -> None:
    """Raise CannotOpen where this user may not write the store's files, as when somebody else opened it once."""
    there = [path for path in (directory / form.file_name, directory / (form.file_name + LOG)) if path.exists()]
    if not all(os.access(path, os.R_OK | os.W_OK) for path in there):
        raise CannotOpen(f"{form.called}: the store's file cannot be opened for writing")


def _connect(path: Path) -> apsw.Connection:
    """Open a file to be read. With a log it has to be opened as a gateway does; neither is written."""
    log = Path(f"{path}{LOG}")
    if not log.exists() or not log.stat().st_size:
        address = f"file:{quote(str(path.absolute()))}?immutable=1"
        return apsw.Connection(address, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.pragma("locking_mode", "exclusive")
    return connection
