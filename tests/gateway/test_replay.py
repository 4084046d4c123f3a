"""A replay added up over its slices, and said."""

from decimal import Decimal

from gateway.audit.letters import LotTold, SliceTold
from gateway.delivery.letters import Order
from gateway.model.words import Destination
from gateway.replay import COLUMNS, Total, Totals, as_json, rows, run


def lot(count: int, against: str | None = None, **value: str) -> LotTold:
    """A lot of purchases that Meta refused."""
    return LotTold(event="purchase", reason="rejected", code="100/33", against=against, count=count, value=value)


def order(destination: Destination) -> Order:
    """An order for a lane of one storefront."""
    return Order(storefront="shop1", destination=destination)


class Gateway:
    """Answers from a script: (destination, after) to a slice. Writes down what it was asked."""

    def __init__(self, script: dict[tuple[str, int], SliceTold]) -> None:
        self.script = script
        self.asked: list[tuple[str, int]] = []

    async def ask(self, order: Order) -> SliceTold:
        """Answer one order."""
        self.asked.append((order.destination.value, order.after))
        return self.script[self.asked[-1]]


async def test_each_lane_is_gone_through_to_its_end() -> None:
    """Slice after slice, one lane after the other; whoever looks on hears of each."""
    gateway = Gateway(
        {
            ("meta", 0): SliceTold(looked_at=2, next=7, lots=[lot(2, EUR="1.10")]),
            ("meta", 7): SliceTold(looked_at=1, next=None, lots=[lot(1, EUR="2.20", JPY="5")]),
            ("pinterest", 0): SliceTold(looked_at=3, next=None, lots=[lot(3, "expired", EUR="9.99")]),
        }
    )
    totals = Totals()
    heard: list[int] = []
    orders = [order(Destination.META), order(Destination.PINTEREST)]
    await run(gateway.ask, orders, lambda now: heard.append(now.looked_at), totals)
    assert gateway.asked == [("meta", 0), ("meta", 7), ("pinterest", 0)]
    assert heard == [2, 3, 6]
    assert totals.lots == {
        ("meta", "purchase", "rejected", "100/33", None): Total(3, {"EUR": Decimal("3.30"), "JPY": Decimal(5)}),
        ("pinterest", "purchase", "rejected", "100/33", "expired"): Total(3, {"EUR": Decimal("9.99")}),
    }
    assert (totals.going, totals.staying) == (3, 3)
    assert Totals().lots == {}


async def test_the_outcome_is_shown_and_told() -> None:
    """A row for each lot, what stands against it in words; the same for programs."""
    totals = Totals()
    totals.add("meta", SliceTold(looked_at=4, next=None, lots=[lot(3, EUR="3.30"), lot(1, "ambiguous_expired", EUR="0.10")]))
    shown = list(rows(totals))
    assert all(len(row) == len(COLUMNS) for row in shown)
    assert shown == [
        ("meta", "purchase", "rejected", "100/33", "3", "3.30 EUR", "yes"),
        (
            *("meta", "purchase", "rejected", "100/33", "1", "0.10 EUR"),
            "no: may have arrived; the platform would no longer recognise a repeat",
        ),
    ]
    told = as_json(totals, dry_run=True)
    assert (told["looked_at"], told["would_be_replayed"], told["replayed"], told["not_replayed"]) == (4, 3, 0, 1)
    done = as_json(totals, dry_run=False)
    assert (done["would_be_replayed"], done["replayed"]) == (0, 3)
    assert done["lots"] == told["lots"]
    assert told["lots"] == [
        {
            "destination": "meta",
            "event": "purchase",
            "reason": "rejected",
            "code": "100/33",
            "against": None,
            "count": 3,
            "value": {"EUR": "3.30"},
        },
        {
            "destination": "meta",
            "event": "purchase",
            "reason": "rejected",
            "code": "100/33",
            "against": "ambiguous_expired",
            "count": 1,
            "value": {"EUR": "0.10"},
        },
    ]
