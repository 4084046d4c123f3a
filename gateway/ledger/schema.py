"""The ledger's tables.

What can be looked for lies open: keyed hashes, times, numbers. All that a record says lies sealed beside them, under a key
of its storefront's and its day's.
"""

from typing import Final

from gateway.places import LEDGER_FILE
from gateway.storage.file import Form
from gateway.storage.vault import Sealing

_FIRST: Final = """
create table storefronts(id integer primary key, name text not null unique) strict;
create table data_keys(
    id integer primary key, storefront integer not null, day integer not null, wrapped_by text not null, sealed blob not null,
    unique (storefront, day)
) strict;
create table records(
    number integer primary key autoincrement,
    storefront integer not null, name blob not null, received_at integer not null, withdrawn_at integer,
    keys blob not null,          -- all that it is found by, its browser first
    data_key integer not null, content blob not null
) strict;
create index records_by_age on records(data_key, received_at);
create table record_keys(
    storefront integer not null, key integer not null, record integer not null, primary key (storefront, key, record)
) strict, without rowid;
create table requests(
    number integer primary key autoincrement,
    storefront integer not null, asked_for text not null, persons blob not null, asked_at integer not null,
    due_at integer not null, done_at integer, counts text not null
) strict;
create index requests_by_storefront on requests(storefront);
create table held(
    number integer primary key autoincrement,
    storefront integer not null, until integer not null, keys blob not null, data_key integer not null, content blob not null
) strict;
create index held_by_data_key on held(data_key);
create table held_keys(
    storefront integer not null, key integer not null, held integer not null, primary key (storefront, key, held)
) strict, without rowid;
"""

STEPS: Final = (_FIRST,)
"""One step a version; a step that was ever released is never changed."""

LEDGER: Final = Form("ledger", LEDGER_FILE, STEPS, known_by="records", erases=True, page_bytes=4096)
"""Keys are hashes, so a record touches a page of the index for each of them: small pages are less to write."""

SEALING: Final = Sealing(
    b"ledger data key",
    "not exists (select 1 from records where data_key = data_keys.id)"
    " and not exists (select 1 from held where data_key = data_keys.id)",
    indexed=False,
)
