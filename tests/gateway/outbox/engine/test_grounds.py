"""Decisions are counted in the transaction that takes the event or turns it away; what allowed an event lies sealed."""

from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import msgspec
import pytest

from gateway.model.texts import EventId, EvidenceId
from gateway.model.words import Kind, Status
from gateway.outbox.engine.sqlite import SqliteOutbox
from gateway.outbox.engine.store import Options
from gateway.outbox.holdings import Person
from gateway.persons import Identifier, Persons
from gateway.storage.keyring import Keyring
from tests.gateway.outbox.making import DAY, DENIED, GRANTED, LANES, NOW, SHOP, accept, refuse

TODAY = NOW // DAY * DAY
RECORD = EvidenceId("ab" * 12)


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    """The store's keys."""
    return Keyring.create(tmp_path / "sealing.json")


@pytest.fixture
async def outbox(tmp_path: Path, keyring: Keyring) -> AsyncIterator[SqliteOutbox]:
    """An empty store."""
    opened = await SqliteOutbox.open(
        tmp_path / "store", keyring, LANES, Options(max_bytes=1 << 26, min_free_bytes=0, figures_days=60)
    )
    yield opened
    await opened.close()


async def test_each_decision_is_counted_by_day(outbox: SqliteOutbox) -> None:
    """What was done to the fields makes no decision of its own; a repeat is none."""
    other = msgspec.structs.replace(GRANTED, remarks=8)
    await outbox.put([accept(1), accept(2, trace=other), accept(1), refuse(3), accept(4, at=NOW + DAY)])
    found = [(one.day, one.trace, one.count) for one in await outbox.grounds(SHOP, 0, NOW + 2 * DAY)]
    plain, no = (msgspec.structs.replace(trace, remarks=0) for trace in (GRANTED, DENIED))
    assert sorted(found, key=str) == sorted([(TODAY, plain, 2), (TODAY, no, 1), (TODAY + DAY, plain, 1)], key=str)


async def test_they_add_up_to_the_books(outbox: SqliteOutbox) -> None:
    """Accepted and refused, over several transactions, repeats of refusals too."""
    for number in range(20):
        await outbox.put([accept(f"a{number}"), refuse(f"r{number % 5}"), accept("a0")])
    book, sums = await outbox.book(SHOP), dict.fromkeys(Status, 0)
    for one in await outbox.grounds(SHOP, 0, NOW + DAY):
        sums[one.trace.status] += one.count
    received = {status: sum(n for (_, _, s, _), n in book.received.items() if s is status) for status in Status}
    assert (sums[Status.ACCEPTED], sums[Status.REFUSED]) == (received[Status.ACCEPTED], received[Status.REFUSED]) == (20, 20)


async def test_a_period_is_told_by_its_days(outbox: SqliteOutbox) -> None:
    """From the first to before the last."""
    await outbox.put([accept(1), accept(2, at=NOW + DAY), accept(3, at=NOW + 2 * DAY)])
    assert [one.day for one in await outbox.grounds(SHOP, TODAY + DAY, TODAY + 2 * DAY)] == [TODAY + DAY]


async def test_days_are_forgotten_with_the_figures(outbox: SqliteOutbox) -> None:
    """After as many days as the settings keep figures."""
    await outbox.put([accept(1), accept(2, at=NOW + 60 * DAY)])
    await outbox.sweep(NOW + 61 * DAY)
    assert [one.day for one in await outbox.grounds(SHOP, 0, NOW + 99 * DAY)] == [TODAY + 60 * DAY]


async def test_an_event_names_the_record_that_allowed_it(outbox: SqliteOutbox) -> None:
    """One that cites none names none."""
    await outbox.put([accept(1, evidence=RECORD), accept(2)])
    told = [await outbox.explain(SHOP, Kind.PURCHASE, EventId(f"e{number}")) for number in (1, 2)]
    assert [one and one.evidence for one in told] == [RECORD, None]


async def test_the_record_is_forgotten_with_its_event(outbox: SqliteOutbox, keyring: Keyring, tmp_path: Path) -> None:
    """When the person is erased, no row of it is left."""
    key = Persons(keyring.pepper).key(SHOP, Identifier.ORDER_ID, "e1")
    await outbox.put([accept(1, evidence=RECORD)])
    await outbox.erase(SHOP, Person(keys=(key,)), NOW)
    await outbox.close()

    connection = apsw.Connection(str(tmp_path / "store/outbox.db"))
    assert connection.execute("select count(*) from evidences").fetchall() == [(0,)]
    connection.close()
