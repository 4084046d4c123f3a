"""A slice of `python -m tests.replay`, and proof that its accounting notices what it should."""

import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from gateway.model.words import Destination
from gateway.sandbox.ledger import Arrival
from gateway.sandbox.platforms import Platforms
from tests.replay import Choice, Order, faults, moved, read_orders, replay

pytestmark = pytest.mark.xdist_group("machine")

SLICE: Final = 3000


async def test_a_slice_adds_up(tmp_path: Path) -> None:
    """Three thousand real purchases arrive with every event and cent accounted for, and none without consent."""
    orders = read_orders(SLICE)
    found = await replay(orders, tmp_path)
    granted = [order for order in orders if order.choice is Choice.GRANTED]
    assert found.faults == []
    assert (found.orders, found.accepted) == (SLICE, len(granted))
    assert found.money == dict.fromkeys((d.value for d in Destination), f"{sum(order.value for order in granted)} USD")


def test_the_orders_are_the_whole_data_set() -> None:
    """The file holds 69,659 orders, each id once, and every choice is made by some customers of the slice."""
    orders = read_orders()
    assert len(orders) == 69_659
    assert len({order.order_id for order in orders}) == 69_659
    assert {order.choice for order in orders[:SLICE]} == set(Choice)


def test_dates_move_into_the_last_days() -> None:
    """Every order's new date lies in the last week, none in the future, in the order that they were made."""
    orders, now = read_orders(SLICE), int(time.time())
    times = [at for _, at in moved(orders, now)]
    assert now - 7 * 86_400 < min(times)
    assert max(times) < now
    days = [order.purchased_on for order in orders]
    assert sorted(range(len(days)), key=lambda n: (days[n], n)) == sorted(range(len(times)), key=lambda n: (times[n], n))


# ── the accounting can fail ──────────────────────────────────────────────────────────────────────────────────────

ORDERS: Final = tuple(
    Order(f"t-{number}", "1997-01-01", Decimal(number), "USD", f"{number}@example.com") for number in range(1, 60)
)
GRANTED: Final = [order for order in ORDERS if order.choice is Choice.GRANTED]
REFUSED: Final = next(order for order in ORDERS if order.choice is Choice.REFUSED)


def arrival(order: Order, **changes: Any) -> Arrival:
    """An order as a platform takes it."""
    taken = Arrival(0, "Purchase", order.order_id, 0.0, order.value, order.currency, ())
    return msgspec.structs.replace(taken, **changes)


def books() -> Any:
    """What the gateway says after a faultless run."""
    total = str(sum(order.value for order in GRANTED))
    counts = {choice: sum(order.choice is choice for order in ORDERS) for choice in Choice}
    lane = {"delivered": len(GRANTED), "value": {"USD": {"delivered": total}}}
    return {
        "balanced": True,
        "by_status": {"accepted": len(GRANTED), "duplicate": 0, "refused": len(ORDERS) - len(GRANTED), "invalid": 0},
        "by_reason": {
            "refused.advertising_denied": counts[Choice.REFUSED],
            "refused.advertising_invalid": counts[Choice.MALFORMED],
            "refused.no_consent": counts[Choice.ABSENT],
        },
        "destinations": {d.value: dict(lane) for d in Destination},
    }


def as_it_was(_books: Any, _taken: list[Arrival]) -> None:
    """Spoil nothing."""


def lose(_books: Any, taken: list[Arrival]) -> None:
    """Lose an order on the way."""
    taken.pop()


def leak(_books: Any, taken: list[Arrival]) -> None:
    """Deliver what was refused."""
    taken.append(arrival(REFUSED))


def repeat(_books: Any, taken: list[Arrival]) -> None:
    """Deliver an order twice."""
    taken.append(taken[0])


def add_a_cent(_books: Any, taken: list[Arrival]) -> None:
    """Deliver an order with another value."""
    taken[0] = arrival(GRANTED[0], value=GRANTED[0].value + Decimal("0.01"))


def overstate(books: Any, _taken: list[Arrival]) -> None:
    """Say that one more was delivered."""
    books["destinations"]["meta"]["delivered"] += 1


def unbalance(books: Any, _taken: list[Arrival]) -> None:
    """Say that the books do not balance."""
    books["balanced"] = False


def miscount(books: Any, _taken: list[Arrival]) -> None:
    """Say that one was a duplicate."""
    books["by_status"]["duplicate"] = 1


def misjudge(books: Any, _taken: list[Arrival]) -> None:
    """Say that nobody was silent."""
    books["by_reason"]["refused.no_consent"] = 0


Spoil = Callable[[Any, list[Arrival]], None]


async def found(spoil: Spoil) -> list[str]:
    """Account for a run that was faultless but for one thing."""
    said, taken = books(), [arrival(order) for order in GRANTED]
    spoil(said, taken)
    async with Platforms.start() as platforms:
        for destination in Destination:
            for one in taken if destination is Destination.META else [arrival(order) for order in GRANTED]:
                platforms[destination].ledger.take(one, 0.0)
        return list(faults(list(ORDERS), said, platforms))


async def test_a_faultless_run_has_no_faults() -> None:
    """Where books, ledgers and orders agree, nothing is reported."""
    assert await found(as_it_was) == []


@pytest.mark.parametrize("spoil", [lose, leak, repeat, add_a_cent, overstate, unbalance, miscount, misjudge])
async def test_one_thing_wrong_is_reported(spoil: Spoil) -> None:
    """One event lost, leaked or repeated, one cent, one number in the books: each is reported."""
    assert await found(spoil) != []
