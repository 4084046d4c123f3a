"""A store's file: how it is opened, how full it may get, and when it refuses to be opened at all.

One connection reads, writes and checkpoints, in exclusive mode: SQLite before 3.51.3 can lose committed data when two
connections race at the log's reset (https://www.sqlite.org/wal.html#walresetbug, read 2026-11-22), and here there is
neither such a version nor a second connection. An operating-system lock keeps a second process out of the directory.
"""

import errno
import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import apsw

PAGE_BYTES: Final = 8192
CACHE_KIB: Final = 16_000
CHECKPOINT_BYTES: Final = 16 << 20
OLDEST_SQLITE: Final = (3, 51, 3)
LOCK_NAME: Final = "lock"

HIGH_WATER: Final = 0.90
"""Share of the cap above which nothing is taken any more; the rest is for settling, which may need rows."""

LOW_WATER: Final = 0.80
"""Share of the cap below which something is taken again."""

ROOM_FOR_SENT: Final = 0.60
"""Share of the cap above which the oldest lines of what was sent go before their time: the past gives way to what comes in."""

_USED_BYTES: Final = (
    "select ((select page_count from pragma_page_count) - (select freelist_count from pragma_freelist_count)) * page_size"
    " from pragma_page_size"
)


class Form(NamedTuple):
    """What kind of file a store is: what messages call it, its name, and its steps from an empty file to today's tables.

    `known_by`: a table of its own, which the first step makes. `erases`: what is deleted is overwritten with zeros at once,
    instead of staying until its page is used again.
    """

    called: str
    file_name: str
    steps: Sequence[str]
    known_by: str
    erases: bool = False
    page_bytes: int = PAGE_BYTES


Row = tuple[Any, ...]
"""A row as SQLite gives it; the strict tables say which kind each column has."""

Bindings = tuple[Any, ...]
"""What is bound to the `?` of a query: None, int, float, bytes, str or `apsw.carray`."""


def one(connection: apsw.Connection, query: str, bindings: Bindings = ()) -> Row:
    """Ask for the one row that a query always has."""
    return first(connection, query, bindings) or ()


def first(connection: apsw.Connection, query: str, bindings: Bindings = ()) -> Row | None:
    """Ask for a query's first row, None if it has none."""
    row: Row | None = connection.execute(query, bindings).fetchone()
    return row


def every(connection: apsw.Connection, query: str, bindings: Bindings = ()) -> list[Row]:
    """Ask for all rows of a query."""
    rows: list[Row] = connection.execute(query, bindings).fetchall()
    return rows


class CannotOpen(Exception):
    """The store cannot be opened; the text says which rule stands against it."""


class InUse(CannotOpen):
    """Another process has it."""


def check_library() -> None:
    """Raise CannotOpen when the SQLite library has the race at the log's reset."""
    if tuple(int(part) for part in apsw.sqlite_lib_version().split(".")) < OLDEST_SQLITE:
        raise CannotOpen("store: the SQLite library is older than 3.51.3 and can lose committed data")


NO_PLACE: Final = frozenset(
    {
        *(errno.EACCES, errno.EPERM, errno.EROFS),
        *(errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG),
    }
)
"""What the system says of a path that this user may not write, or at which something else stands."""
NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
ROOM: Final = "there is no room for it on its volume, or below its max_bytes"


@contextmanager
def opening(called: str) -> Iterator[None]:
    """Put into words what keeps a store from being opened. Raises CannotOpen; lets pass what is no fault of the place."""
    try:
        yield
    except (apsw.CorruptError, apsw.NotADBError):
        raise CannotOpen(f"{called}: the store's file is damaged") from None
    except (apsw.CantOpenError, apsw.ReadOnlyError, apsw.PermissionsError):
        raise CannotOpen(f"{called}: the store's file cannot be opened for writing") from None
    except (apsw.BusyError, apsw.LockedError):
        raise InUse(f"{called}: another program has the store's file open") from None
    except apsw.FullError:
        raise CannotOpen(f"{called}: {ROOM}") from None
    except apsw.IOError:
        raise CannotOpen(f"{called}: the disk refused to read or to write the store's file") from None
    except OSError as error:
        if error.errno in NO_ROOM:
            raise CannotOpen(f"{called}: {ROOM}") from None
        if error.errno not in NO_PLACE:
            raise
        raise CannotOpen(f"{called}: server.data_dir, or a file in it, cannot be made or opened for writing") from None


def lock_directory(directory: Path) -> int:
    """Make the directory (mode 0700) if need be and lock it; returns the lock's file descriptor.

    Raises CannotOpen when another process, or another outbox of this one, has it.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if directory.stat().st_mode & 0o077:
        directory.chmod(0o700)
    handle = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise InUse("outbox: another process is using the data directory") from None
    return handle


def connect(directory: Path, max_bytes: int, vfs: str | None, form: Form) -> apsw.Connection:
    """Open a store's file, making it if need be, with its size capped. Raises CannotOpen on an unknown form."""
    path = directory / form.file_name
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs)
    try:
        _prepare(connection, max_bytes, form)
    except (apsw.CorruptError, apsw.NotADBError):
        connection.close(force=True)
        raise CannotOpen(f"{form.called}: the store's file is damaged") from None
    except BaseException:
        connection.close(force=True)
        raise
    return connection


def _prepare(connection: apsw.Connection, max_bytes: int, form: Form) -> None:
    connection.pragma("page_size", form.page_bytes)
    connection.pragma("locking_mode", "exclusive")
    if connection.pragma("journal_mode", "wal") != "wal":
        raise CannotOpen(f"{form.called}: the file system cannot hold a write-ahead log")
    connection.pragma("synchronous", "full")
    connection.pragma("secure_delete", int(form.erases))
    connection.pragma("cache_size", -CACHE_KIB)
    connection.pragma("wal_autocheckpoint", CHECKPOINT_BYTES // form.page_bytes)
    connection.pragma("journal_size_limit", 4 * CHECKPOINT_BYTES)
    connection.pragma("trusted_schema", 0)
    connection.pragma("max_page_count", max_bytes // form.page_bytes)
    version = version_of(connection, form)
    if version == len(form.steps):  # nothing is written then: a full disk must not keep it from being opened
        return
    with connection:
        for step in form.steps[version:]:
            connection.execute(step)
        connection.execute(f"pragma user_version = {len(form.steps)}")


def version_of(connection: apsw.Connection, form: Form) -> int:
    """Give the version of a file, 0 when it is empty. Raises CannotOpen when that is unknown, or it is no store of the form."""
    version = int(connection.pragma("user_version"))
    tables = {name for (name,) in every(connection, "select name from sqlite_schema")}
    if form.known_by not in tables and (version or tables):
        raise CannotOpen(f"{form.called}: the file is another program's or another store's")
    if version > len(form.steps):
        raise CannotOpen(f"{form.called}: the store was written by a later version")
    return version


def share_used(connection: apsw.Connection, max_bytes: int) -> float:
    """Give the share of its cap that a store has in use."""
    (used,) = one(connection, _USED_BYTES)
    return float(used / max_bytes)


def is_crowded(connection: apsw.Connection, max_bytes: int) -> bool:
    """Say whether a store must forget the oldest of what it keeps for people who ask."""
    return share_used(connection, max_bytes) >= ROOM_FOR_SENT


def is_full(used: float, directory: Path, min_free_bytes: int, *, before: bool) -> bool:
    """Say whether a store must take nothing more, by the share of its cap that is in use or by its volume's free space.

    `before`: whether it already must.
    """
    if used >= (LOW_WATER if before else HIGH_WATER):
        return True
    volume = os.statvfs(directory)
    wanted = min_free_bytes * (2 if before else 1)
    return volume.f_bavail * volume.f_frsize < wanted


def close(connection: apsw.Connection, *, whole: bool) -> None:
    """Close a store's file; `whole` also checkpoints. After a failed flush nothing more may be written, so not then."""
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0 if whole else 1)
    connection.close(force=True)


def flush_directory(directory: Path) -> None:
    """Flush the directory's entries, so that a new store's files are still there after a power cut."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
