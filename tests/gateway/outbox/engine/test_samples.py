"""The last event of each kind, in and out, at most once a minute; and what a contract kept back."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.model.words import Kind, Source
from gateway.outbox.engine.sqlite import SqliteOutbox
from gateway.outbox.engine.store import Options
from gateway.outbox.shapes import Input, Left, Shape
from gateway.storage.keyring import Keyring
from tests.gateway.outbox.making import FIRST, GRANTED, LANES, NOW, SHOP, accept, claim_all, done


@pytest.fixture
async def outbox(tmp_path: Path) -> AsyncIterator[SqliteOutbox]:
    """An empty store."""
    keyring = Keyring.create(tmp_path / "sealing.json")
    opened = await SqliteOutbox.open(tmp_path / "store", keyring, LANES, Options(max_bytes=1 << 26, min_free_bytes=0))
    yield opened
    await opened.close()


async def send(outbox: SqliteOutbox, number: int, now: int, size: int) -> None:
    """Have one event leave at a time."""
    await outbox.put([accept(number, at=now)])
    claim = await claim_all(outbox, FIRST, now)
    seqs = tuple(record.seq for record in claim.records)
    await outbox.mark_sent(claim, seqs, now, [Left(Kind.PURCHASE, Shape("a=x"), seqs, 1, size)])
    await outbox.settle(claim, done(claim), now)


async def test_one_that_leaves_is_kept_once_a_minute(outbox: SqliteOutbox) -> None:
    """The first, and the next after a minute."""
    for number, (now, size) in enumerate([(NOW, 100), (NOW + 59, 200)]):
        await send(outbox, number, now, size)
    assert [(one.at, one.bytes) for _, one in (await outbox.samples(SHOP))[1]] == [(NOW, 100)]
    await send(outbox, 9, NOW + 60, 300)
    assert [(one.at, one.bytes) for _, one in (await outbox.samples(SHOP))[1]] == [(NOW + 60, 300)]


async def test_one_that_came_takes_the_place_of_the_one_before(outbox: SqliteOutbox) -> None:
    """Of its kind only."""
    for at, kind in ((1, Kind.PURCHASE), (2, Kind.PAGE_VIEW), (3, Kind.PURCHASE)):
        await outbox.note_inputs(SHOP, [Input(kind, Source.EVENTS, at, 10, 1, ("event",), 0, GRANTED)])
    assert {(one.kind, one.at) for one in (await outbox.samples(SHOP))[0]} == {(Kind.PURCHASE, 3), (Kind.PAGE_VIEW, 2)}


async def test_what_was_kept_back_is_counted_by_its_place(outbox: SqliteOutbox) -> None:
    """With the first time and the last; under another version it is another row."""
    for now, version in ((NOW, 1), (NOW + 5, 1), (NOW + 9, 2)):
        await outbox.note_breach(FIRST, [("data[].event_id", "email")], version, now)
    found = [(one.contract, one.count, one.first_at, one.last_at) for one in await outbox.breaches(SHOP)]
    assert found == [(2, 1, NOW + 9, NOW + 9), (1, 2, NOW, NOW + 5)]
