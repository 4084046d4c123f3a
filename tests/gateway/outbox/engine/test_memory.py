"""What the store's thread keeps in memory is what the file says, after a rollback as after opening."""

import random
from pathlib import Path

import pytest

from gateway.model.event import EmailDigests
from gateway.model.texts import EventId
from gateway.model.words import Reason, Status
from gateway.outbox.engine import lanes
from gateway.outbox.engine.claims import Opener, Taken
from gateway.outbox.engine.seeking import Look
from gateway.outbox.engine.store import Options, Store
from gateway.outbox.engine.withdrawing import Order
from gateway.outbox.entries import Fate
from gateway.outbox.holdings import Person
from gateway.outbox.work import Dead, Done, Lane, Later, Settlement
from gateway.storage.keyring import Keyring
from tests.effort import counted, effort
from tests.gateway.outbox.contract import balanced
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


def settle(store: Store, lane: Lane, chance: random.Random) -> None:
    """Claim a few records, one of them withdrawn now and then while it is under way, and settle them in different ways."""
    found = store.find(lane, chance.randrange(1, 9), NOW, fresh_first=chance.random() < 0.5)
    if found is None:
        return
    taken = Opener().open_now(found)
    if taken.records and chance.random() < 0.3:
        withdraw(store, chance.choice(taken.records).event.event_id)
    fates = (
        lambda seq: Done(seq, Reason.CONFIRMED),
        lambda seq: Dead(seq, Reason.REJECTED),
        lambda seq: Later(seq, Reason.TIMED_OUT, NOW),
    )
    pairs = [(record, chance.choice(fates)(record.seq)) for record in taken.records]
    store.begin()
    store.settle(lane, taken, pairs, {}, (), NOW)
    store.commit()


def withdraw(store: Store, event_id: EventId) -> None:
    """Withdraw for the person of an event of `put`."""
    named = store.known_by(Person((digest(int(event_id[1:])),)))
    store.begin()
    store.withdraw(SHOP, Order(named, NOW, leads=False, erase=False), Look(named))
    store.commit()


@pytest.mark.parametrize("seed", range(12))
def test_what_waits_is_counted_in_pieces_while_it_goes(store: Store, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is claimed, settled, set aside, withdrawn or put between two pieces: the sum is that of the last moment."""
    monkeypatch.setattr(lanes, "_MOST_GROUPS", 3)
    chance = random.Random(seed)  # noqa: S311 - to say what is tried, not to hide it
    came = 0
    for _ in range(25):
        count = chance.randrange(1, 4)
        put(store, *range(came, came + count))
        came += count
    tally, more = store.tally(SHOP), True
    while more:
        more = store.count_on(tally)
        for lane in LANES:
            match chance.randrange(5):
                case 0:
                    store.begin()
                    store.set_aside(lane, NOW + 1)
                    store.commit()
                case 1:
                    put(store, came)
                    came += 1
                case 2:
                    withdraw(store, EventId(f"e{chance.randrange(came)}"))
                case _:
                    settle(store, lane, chance)
    told = store.book(SHOP, tally)
    assert told == store.book(SHOP)
    balanced(told)
    store.close(whole=True)


def test_the_accounts_hold_nobody_up(store: Store) -> None:
    """What waits was counted before, between what others do; after a rollback, or many other counts, it is counted again."""
    put(store, 1)
    store._connection.execute(
        "with recursive more(n) as (select 1 union all select n + 1 from more where n < 5000)"
        " insert into groups select place + n, at, data_key, sorts, subjects, blob from groups, more"
    )
    costs: list[int] = []
    for undone, others in ((False, 15), (True, 0), (False, 16)):
        tally = store.tally(SHOP)
        while store.count_on(tally):
            pass
        for _ in range(others):
            store.tally(SHOP)
        if undone:
            store.begin()
            store.rollback()
        with counted(store._connection) as cost:
            assert store.book(SHOP, tally).waiting[META] == 5_001
        costs.append(cost[0])
    assert costs[0] < 20 < min(costs[1:])
    store.close(whole=True)
