"""A store's file: how it is opened, what the outbox's tables are, and when it refuses to be opened at all.

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

from gateway.places import OUTBOX_FILE

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

_SPAN_BITS: Final = 44
SPAN: Final = 1 << _SPAN_BITS
"""Every storefront has this many places for groups, one after another: place = storefront number * SPAN + first number.

So the groups of one storefront lie together in the file, in their order, without an index of their own.
"""

_FIRST: Final = """
create table meta(
    one integer primary key check (one = 1),
    next_seq integer not null,   -- the sequence: never restarts, whatever is deleted
    next_pos integer not null,   -- the same for sightings
    merged integer not null,     -- sightings below are in `seen`
    swept_at integer not null, swept_to integer not null
) strict;
create table storefronts(id integer primary key, name text not null unique) strict;
create table sorts(id integer primary key, kind text not null, destinations text not null, unique (kind, destinations)) strict;
create table traces(id integer primary key, day integer not null, json text not null unique) strict;
create table data_keys(
    id integer primary key, storefront integer not null, day integer not null, wrapped_by text not null, sealed blob not null,
    unique (storefront, day)
) strict;
create table groups(
    place integer primary key, at integer not null, data_key integer not null, sorts blob not null,
    subjects blob not null, blob blob not null
) strict;
create table roll(pos integer primary key, latest integer not null, seq integer not null, sightings blob not null) strict;
create table seen(hash integer primary key, value integer not null) strict;
create table repeats(pos integer primary key, n integer not null) strict;
create table lanes(
    id integer primary key, storefront integer not null, destination text not null,
    cursor integer,              -- all up to here is settled; null once the lane was taken away and its backlog parked
    unique (storefront, destination)
) strict;
create table marks(
    id integer primary key, lane integer not null, first integer not null, last integer not null, since integer not null
) strict;
create table exceptions(
    lane integer not null, state integer not null, seq integer not null, due real not null, tries integer not null,
    maybe_since integer, reason text not null, code text, at integer not null, accepted_at integer not null,
    sort integer not null, data_key integer, blob blob, subjects blob,
    primary key (lane, state, seq)
) strict, without rowid;
create index exceptions_by_due on exceptions(lane, state, due);
create table deliveries(
    lane integer not null, last integer not null, first integer not null, at integer not null, reason text not null,
    code text, receipt text,
    primary key (lane, last)
) strict, without rowid;
create table books(line text primary key, n integer not null) strict, without rowid;
create table suppressed(
    storefront integer not null, subject integer not null, since integer not null, primary key (storefront, subject)
) strict, without rowid;
insert into meta values (1, 1, 1, 1, 0, 0);
"""

_INQUIRIES: Final = """
create table inquiries(
    id integer primary key, lane integer not null, receipt text not null, events integer not null, at integer not null,
    due real,                    -- when to ask next; null once the last word was said
    tries integer not null, told text not null
) strict;
create index inquiries_by_due on inquiries(lane, due) where due is not null;
create index inquiries_by_receipt on inquiries(lane, receipt);
create index inquiries_by_age on inquiries(at);
"""
"""Requests that a platform took for processing. Those that are concluded are kept for as long as an event can be asked for."""

BACKLOGS: Final = """
create table backlogs(
    lane integer not null, upto integer not null,
    cursor integer not null,     -- what follows it, up to and with `upto`, was set aside and waits behind the lane's own cursor
    primary key (lane, upto)
) strict, without rowid;
"""

REPLAYS: Final = """
create table replays(  -- dead letters that were given back: when last, how often
    lane integer not null, seq integer not null, at integer not null, n integer not null, primary key (lane, seq)
) strict, without rowid;
"""

DEPARTURES: Final = """
create table shapes(id integer primary key, text text not null unique) strict;
create table departures(         -- what was about to leave, by shape
    lane integer not null, kind text not null, shape integer not null, contract integer not null,
    n integer not null, first integer not null, last integer not null,
    primary key (lane, kind, shape, contract)
) strict, without rowid;
create table places(             -- the parts of those shapes, each once, and who looked at them
    number integer primary key autoincrement, lane integer not null, kind text not null, place text not null,
    at integer not null, decision text, decided_at integer,
    unique (lane, kind, place)
) strict;
"""

WITHDRAWALS: Final = """
create table withdrawals(        -- keyed hashes of those who have withdrawn
    storefront integer not null, subject integer not null,
    since integer not null,      -- when last
    lifted_at integer,           -- when a newer grant came
    primary key (storefront, subject)
) strict, without rowid;
drop table if exists suppressed; -- their place in earlier versions, none of which could put anything there
"""

SENDINGS: Final = """
create table sendings(           -- what left of whom: a row for every request
    place integer primary key,   -- as those of groups, with numbers of their own
    lane integer not null, at integer not null, data_key integer not null,
    told blob not null,          -- of each line whether the platform has it: 0 unknown, 1 yes, 2 no
    subjects blob not null, blob blob not null
) strict;
create index sendings_by_age on sendings(at);
"""

FIGURES: Final = """
create table figure_lines(id integer primary key, line text not null unique) strict;
create table figure_hours(key integer primary key, n integer not null) strict;  -- storefront, hour and line in one integer
create table figure_days(key integer primary key, n integer not null) strict;   -- the same, by the day's first hour; 0: undated
create table figure_folds(storefront integer primary key, upto integer not null) strict; -- days before that hour are added up
create temp table earlier as
    select storefront, iif(line like 'accepted|%' or line like 'value|%', line || '|', line) as line, n  -- of no known kind
    from (select cast(line as integer) as storefront, substr(line, instr(line, '|') + 1) as line, n from books where n != 0);
insert into figure_lines(line) select distinct line from earlier;
insert into figure_days select storefront << 40 | id, n from earlier join figure_lines using (line);
drop table earlier;
"""
"""The books by hour and day. What they came to before is carried over without a date, so that the figures add up to them."""

PRIVACY: Final = """
create table grounds(id integer primary key, json text not null unique) strict;   -- decisions, without what was done to fields
create table ground_days(        -- how many events of a day were decided so
    storefront integer not null, day integer not null, ground integer not null, n integer not null,
    primary key (storefront, day, ground)
) strict, without rowid;
create table evidences(           -- which consent record took part in the decision on an event
    seq integer primary key, data_key integer not null, blob blob not null
) strict;
create table breaches(           -- what a contract kept from leaving
    lane integer not null, path text not null, found text not null, contract integer not null,
    n integer not null, first integer not null, last integer not null,
    primary key (lane, path, found, contract)
) strict, without rowid;
create table inputs(             -- the last event of a kind that came in, by its shape
    storefront integer not null, kind text not null, told text not null, primary key (storefront, kind)
) strict, without rowid;
create table outputs(            -- the last event of a kind that left, by its shape
    lane integer not null, kind text not null, at integer not null, shape text not null, bytes integer not null,
    contract integer not null, primary key (lane, kind)
) strict, without rowid;
"""

PAUSES: Final = """
create table pauses(lane integer primary key, at integer not null) strict;  -- lanes that somebody stopped, and when
"""

UNDELIVERED: Final = """
create table unvalued(lane integer not null, seq integer not null, primary key (lane, seq)) strict, without rowid;
insert into unvalued select lane, seq from exceptions where state in (0, 1) and blob is not null;
create temp table finer as
    select storefront || '|' || line as line, sum(n) as n from (
        select key >> 40 as storefront, key & 1048575 as id, n from figure_days
        union all
        select key >> 40, key & 1048575, n from figure_hours  -- of days that are added up no more
        where (key >> 20) & 1048575 >= coalesce((select upto from figure_folds where storefront = key >> 40), 0)
    ) join figure_lines using (id)
    where line like 'accepted|%' or line like 'value|%' group by storefront, line;
delete from books where line glob '[0-9]*|accepted|*' and line not glob '[0-9]*|received|*' or line glob '[0-9]*|value|*';
insert into books(line, n) select line, n from finer where n != 0;
drop table finer;
insert into books(line, n)
    select lanes.storefront || '|' || iif(state = 2, 'lying', 'retrying') || '|' || destination || '|' || kind, count(*)
    from exceptions join lanes on lanes.id = lane join sorts on sorts.id = sort where state in (0, 1, 2) group by 1;
create temp table dead_lines as
    select id as value, 'dead_' || replace(line, '|dead|', '|') || '|' as line
    from figure_lines where line like 'value|%|dead|%';
insert into figure_lines(line) select line from dead_lines;
insert into figure_hours select key - value + id, n
    from figure_hours join dead_lines on key & 1048575 = value join figure_lines using (line);
insert into figure_days select key - value + id, n
    from figure_days join dead_lines on key & 1048575 = value join figure_lines using (line);
drop table dead_lines;
"""
"""The books' accepted events and order value by kind of event, as their figures have them; what exceptions are held for; and
the order value of the dead by what they died of. What died before that was noted is carried over without a reason; what was to
be tried again is `unvalued` until its copies were opened (`valuing.py`).
"""

REFUNDS: Final = """
create table refunds(            -- what went back for an order, both named by keyed hashes
    storefront integer not null, subject integer not null, refund integer not null,
    currency text not null, minor integer not null, at integer not null,
    primary key (storefront, subject, refund)
) strict, without rowid;
"""

STEPS: Final = (
    _FIRST, _INQUIRIES, BACKLOGS, REPLAYS, DEPARTURES, WITHDRAWALS, SENDINGS, FIGURES, PRIVACY, PAUSES, UNDELIVERED, REFUNDS,
)  # fmt: skip
"""From an empty file to today's tables, one step a version. A step that was ever released is never changed; a store of an
earlier version takes the missing steps when it is opened, all in one transaction."""


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


OUTBOX: Final = Form("outbox", OUTBOX_FILE, STEPS, known_by="groups", erases=True)

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


def base(storefront: int) -> int:
    """First place of a storefront's groups."""
    return storefront << _SPAN_BITS


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


def connect(directory: Path, max_bytes: int, vfs: str | None, form: Form = OUTBOX) -> apsw.Connection:
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


def is_crowded(connection: apsw.Connection, max_bytes: int) -> bool:
    """Say whether a store must forget the oldest of what it keeps for people who ask."""
    (used,) = one(connection, _USED_BYTES)
    return bool(used >= ROOM_FOR_SENT * max_bytes)


def is_full(connection: apsw.Connection, directory: Path, max_bytes: int, min_free_bytes: int, *, before: bool) -> bool:
    """Say whether a store must take nothing more, by its cap or its volume's free space; `before`: whether it already must."""
    (used,) = one(connection, _USED_BYTES)
    mark = LOW_WATER if before else HIGH_WATER
    if used >= mark * max_bytes:
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
