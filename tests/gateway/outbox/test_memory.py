"""What the store's thread keeps in memory is what the file says, after a rollback as after opening."""

from pathlib import Path

import pytest

from gateway.model import EmailDigests, Reason, Status
from gateway.outbox import Done, Fate, Later, Person, Settlement
from gateway.outbox.claims import Opener, Taken
from gateway.outbox.keyring import Keyring
from gateway.outbox.seeking import Look
from gateway.outbox.store import Options, Store
from gateway.outbox.withdrawing import Order
from tests.effort import effort
from tests.gateway.outbox.making import FIRST, LANES, META, NOW, SHOP, accept, digest


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An open store, without a thread."""
    (tmp_path / "data").mkdir()
    return Store(tmp_path / "data", Keyring.create(tmp_path / "keys.json"), LANES, Options(1 << 24, 0, generation=5))


def put(store: Store, *numbers: int) -> list[Fate]:
    """Put in a transaction of its own."""
    store.begin()
    (answer,) = store.put([[accept(number, email=EmailDigests(digest(number))) for number in numbers]])
    store.commit()
    assert not isinstance(answer, ValueError)
    return answer


def claim(store: Store, limit: int) -> Taken:
    """Claim from the first lane."""
    found = store.find(FIRST, limit, NOW)
    assert found is not None
    return Opener().open_now(found)


def test_a_rolled_back_transaction_leaves_no_trace_in_memory(store: Store) -> None:
    """Not in the sequence, the index, the keys, the names, the marks, the cursor or the figures."""
    put(store, *range(12))
    taken = claim(store, 4)
    before = store.changes().figures[FIRST]
    store.begin()
    store.put([[accept(n, at=NOW + 86_400 * 3, email=EmailDigests(digest(1))) for n in range(10, 40)]])
    store.mark(FIRST, taken, [record.seq for record in taken.records], NOW)
    one, *others = taken.records
    settlements: list[Settlement] = [
        Later(one.seq, Reason.TIMED_OUT, NOW),
        *(Done(record.seq, Reason.CONFIRMED) for record in others),
    ]
    store.settle(FIRST, taken, list(zip(taken.records, settlements, strict=True)), {}, (), NOW)
    named = store.known_by(Person((digest(1),)))
    store.withdraw(SHOP, Order(named, NOW, leads=True, erase=True), Look(named))
    store.rollback()
    assert store.changes().figures[FIRST] == before
    assert put(store, *range(10, 14)) == [Status.DUPLICATE] * 2 + [Status.ACCEPTED] * 2
    again = claim(store, 100)
    assert [record.event.event_id for record in again.records] == [f"e{n}" for n in range(14)]
    assert {(record.tries, record.maybe_since) for record in again.records} == {(0, None)}
    assert store.book(SHOP).accepted[META] == store.book(SHOP).waiting[META] == 14
    store.close(whole=True)


def test_what_waits_is_counted_quickly(store: Store) -> None:
    """A shop that sold little for days while a platform was down has a group for each event: opening reads them all."""
    put(store, 1)
    store._connection.execute(
        "with recursive more(n) as (select 1 union all select n + 1 from more where n < 20000)"
        " insert into groups select place + n, at, data_key, sorts, subjects, blob from groups, more"
    )
    assert store.book(SHOP).waiting[META] == 20_001
    assert effort(lambda: store.book(SHOP)) < 20  # 12 as it is, 27 where each lane looked at all of its backlogs for each group
    store.close(whole=True)
