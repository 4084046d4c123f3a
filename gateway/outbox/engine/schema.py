"""The outbox's tables, step by step from an empty file to today's, and what its keys are for."""

from typing import Final

from gateway.places import OUTBOX_FILE
from gateway.storage.file import Form
from gateway.storage.vault import Sealing

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

OUTBOX: Final = Form("outbox", OUTBOX_FILE, STEPS, known_by="groups", erases=True)


def base(storefront: int) -> int:
    """First place of a storefront's groups."""
    return storefront << _SPAN_BITS


SEALING: Final = Sealing(
    b"data key",
    # Looked for where the storefront's own lie: what thousands of storefronts hold is not gone through for the key of each.
    f"not exists (select 1 from groups where place >= storefront * {SPAN} and place < (storefront + 1) * {SPAN}"  # noqa: S608 - ours
    " and data_key = data_keys.id)"
    " and not exists (select 1 from exceptions where lane in (select lanes.id from lanes"
    " where lanes.storefront = data_keys.storefront) and data_key = data_keys.id)",
    indexed=True,
)
