"""Looking through exceptions a piece at a time, while they come and go: nothing is missed, and the transaction is short."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.model.event import EmailDigests, Refund
from gateway.model.money import Money
from gateway.model.texts import EventId, RefundId
from gateway.model.words import Reason
from gateway.outbox.engine import latest, seeking
from gateway.outbox.engine.claims import Opener
from gateway.outbox.engine.latest import Latest
from gateway.outbox.engine.seeking import Look
from gateway.outbox.engine.store import Options, Store
from gateway.outbox.engine.withdrawing import Order, Removed
from gateway.outbox.holdings import Person, Undoing
from gateway.outbox.work import Dead, Done, Later, Settlement
from gateway.storage.keyring import Keyring
from tests.effort import counted
from tests.gateway.outbox.making import FIRST, LANES, META, NOW, SHOP, accept, digest

JANE = Person((digest(0),))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An open store, without a thread."""
    (tmp_path / "data").mkdir()
    return Store(tmp_path / "data", Keyring.create(tmp_path / "keys.json"), LANES, Options(1 << 26, 0, generation=5))


def put(store: Store, *numbers: int) -> None:
    """Put events for the first lane: every third is of one and the same person."""
    store.begin()
    entries = [accept(number, email=EmailDigests(digest(number % 3)), destinations=(META,)) for number in numbers]
    (answer,) = store.put([entries])
    assert not isinstance(answer, ValueError)
    store.commit()


def settle(store: Store, limit: int, fates: Sequence[type[Settlement]], *, fresh: bool = False) -> None:
    """Claim, and settle what was claimed by turns with these fates; each may be tried again at once."""
    found = store.find(FIRST, limit, NOW, fresh_first=fresh)
    if found is None:
        return
    taken = Opener().open_now(found)
    pairs = [(record, _made(fates[at % len(fates)], record.seq)) for at, record in enumerate(taken.records)]
    store.begin()
    store.settle(FIRST, taken, pairs, {}, (), NOW)
    store.commit()


def _made(fate: type[Settlement], seq: int) -> Settlement:
    made = (Dead(seq, Reason.REJECTED), Later(seq, Reason.TIMED_OUT, NOW), Done(seq, Reason.CONFIRMED))
    return next(one for one in made if type(one) is fate)


def revive(store: Store, after: int, limit: int) -> None:
    """Give some dead letters back."""
    letters = store.dead_letters(FIRST, after, limit)
    records = {record.seq: record for record in Opener().open_now(store.find_dead(FIRST, [one.seq for one in letters])).records}
    store.begin()
    store.revive(FIRST, [(letter, records[letter.seq]) for letter in letters], NOW)
    store.commit()


def undo(store: Store) -> None:
    """Undo a transaction: what is in memory is made anew."""
    store.begin()
    store.rollback()


def looked(store: Store, person: Person = JANE) -> Look:
    """Look for somebody to the end."""
    look = Look(store.known_by(person))
    while not look.done:
        look = store.look(SHOP, look)
    return look


def withdraw(store: Store, look: Look) -> Removed:
    """Withdraw for Jane what she named."""
    store.begin()
    done = store.withdraw(SHOP, Order(look.wanted, NOW, leads=False, erase=False), look)
    store.commit()
    assert isinstance(done, Removed)
    return done


@pytest.mark.parametrize("seed", range(12))
def test_what_comes_and_goes_during_a_look_is_found(store: Store, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put aside, dead, given back or delivered between any two pieces: what is found is what is there, no more and no less."""
    monkeypatch.setattr(seeking, "LOOKED_AT_ONCE", 4)
    chance = random.Random(seed)  # noqa: S311 - to say what is tried, not to hide it
    put(store, *range(40))
    settle(store, 30, [Dead, Later, Dead])
    look, came = Look(store.known_by(JANE)), 40
    while not look.done:
        look = store.look(SHOP, look)
        match chance.randrange(5):
            case 0:
                revive(store, chance.randrange(30), 5)
            case 1:
                settle(store, 5, [Dead, Done, Later])
            case 2:
                settle(store, 5, [Dead, Later], fresh=True)
            case 3:
                put(store, *range(came, came + 3))
                came += 3
            case _:
                pass
    held, _ = store.held(SHOP, look)
    assert held == store.held(SHOP, Look(look.wanted))[0]
    removal = withdraw(store, look).removal
    assert removal.waiting.get(META, 0) + removal.dead.get(META, 0) == len(held)
    assert store.held(SHOP, Look(look.wanted))[0] == ()


@pytest.mark.parametrize("forgotten", ["too many came", "a rollback"])
def test_what_is_not_known_any_more_is_looked_for_in_the_transaction(
    store: Store, forgotten: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So nothing is missed then either; it takes as long as it takes."""
    monkeypatch.setattr(latest, "MOST_REMEMBERED", 5)
    undo(store)
    put(store, *range(30))
    settle(store, 12, [Dead])
    look = looked(store)
    settle(store, 12 if forgotten == "too many came" else 3, [Dead])
    if forgotten == "a rollback":
        undo(store)
    assert withdraw(store, look).removal.dead == {META: 8 if forgotten == "too many came" else 5}


@pytest.mark.parametrize("bound", ["BYTES_AT_ONCE", "FOUND_AT_ONCE"])
def test_a_look_is_bounded_by_what_it_reads(store: Store, bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many groups that is; what is beyond is found by the next."""
    monkeypatch.setattr(seeking, bound, 1)
    for number in range(9):
        put(store, 3 * number)
    look, looks = Look(store.known_by(JANE)), 0
    while not look.done:
        look, looks = store.look(SHOP, look), looks + 1
    assert looks >= 9
    assert withdraw(store, look).removal.waiting == {META: 9}


def test_a_transaction_does_not_look_through_what_is_dead(store: Store) -> None:
    """Whoever else waits for the store waits for what is the person's, and not for all that ever died."""
    costs: list[int] = []
    for _ in range(2):
        put(store, *range(len(costs) * 10_000, len(costs) * 10_000 + (30 if not costs else 3_000)))
        settle(store, 5_000, [Dead])
        look = looked(store, Person((digest(99),)))
        with counted(store._connection) as cost:
            store.held(SHOP, look)
        costs.append(cost[0])
    assert costs[1] <= costs[0] + 5


def test_a_refund_knows_its_order_among_the_dead_by_its_id(store: Store) -> None:
    """What came lately is not looked through for it."""
    put(store, *range(3_000))
    settle(store, 5_000, [Dead])
    refund = Refund(EventId("e7"), RefundId("1"), Money(1250, "EUR"))
    with counted(store._connection) as cost:
        look = Look(frozenset())
        while not look.done:
            look = store.look_for_order(SHOP, refund.order, NOW, look)
        store.begin()
        undone = store.refund(SHOP, refund, look, NOW)
        store.commit()
    assert undone.refunded.undoing is Undoing.WITHHELD
    assert undone.refunded.removal.dead == {META: 1}
    assert cost[0] < 100


def test_moments_of_another_memory_are_unknown() -> None:
    """After a rollback the numbers begin anew."""
    before, after = Latest(), Latest()
    moment = before.now()
    before.add(1, [7, 8])
    assert before.since(moment) == [(1, 7), (1, 8)]
    assert before.since(before.now()) == []
    assert after.since(moment) is None
