"""A replay as the person sees it who asked for it: slice after slice, added up, and said in lines and tables.

Whether a running gateway or its closed store is asked is the caller's business: `Ask` hides it. Nothing is kept between
slices but sums, so a replay that is cut off is simply run again.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from gateway.audit.letters import AGAINST, LotTold, SliceTold
from gateway.delivery.letters import Order

Ask = Callable[[Order], Awaitable[SliceTold]]

Key = tuple[str, str, str, str | None, str | None]
"""Destination, event, reason that it died of, code, and what stands against its going again."""


class Total(msgspec.Struct):
    """Letters that died alike and fare alike, over all slices; money in major units by currency."""

    count: int
    value: dict[str, Decimal]


class Totals(msgspec.Struct):
    """What a replay has come to so far."""

    looked_at: int = 0
    lots: dict[Key, Total] = {}

    def add(self, destination: str, found: SliceTold) -> None:
        """Add a slice."""
        self.looked_at += found["looked_at"]
        for lot in found["lots"]:
            total = self.lots.setdefault(_key(destination, lot), Total(0, {}))
            total.count += lot["count"]
            for currency, text in lot["value"].items():
                total.value[currency] = total.value.get(currency, Decimal(0)) + Decimal(text)

    @property
    def going(self) -> int:
        """Letters that were given back, or would be."""
        return sum(total.count for (*_, against), total in self.lots.items() if against is None)

    @property
    def staying(self) -> int:
        """Letters that may not go again."""
        return sum(total.count for (*_, against), total in self.lots.items() if against is not None)


async def run(ask: Ask, orders: Sequence[Order], told: Callable[[Totals], None], totals: Totals) -> None:
    """Go through each order's lane to its end and add to `totals`; `told` hears of each slice."""
    for order in orders:
        after: int | None = 0
        while after is not None:
            found = await ask(msgspec.structs.replace(order, after=after))
            totals.add(order.destination.value, found)
            after = found["next"]
            told(totals)


COLUMNS: Final = ("destination", "event", "died of", "code", "events", "value", "goes again?")


def rows(totals: Totals) -> Iterator[tuple[str, ...]]:
    """Give the table's rows, in the order of `COLUMNS`."""
    for (destination, event, reason, code, against), total in sorted(
        totals.lots.items(), key=lambda item: _none_first(item[0])
    ):
        value = ", ".join(f"{amount:f} {currency}" for currency, amount in sorted(total.value.items()))
        goes = "yes" if against is None else f"no: {AGAINST.get(against, against)}"
        yield destination, event, reason, code or "", str(total.count), value, goes


def as_json(totals: Totals, *, dry_run: bool) -> dict[str, object]:
    """Give the same for programs."""
    return {
        "dry_run": dry_run,
        "looked_at": totals.looked_at,
        "replayed": 0 if dry_run else totals.going,
        "would_be_replayed": totals.going if dry_run else 0,
        "not_replayed": totals.staying,
        "lots": [
            {
                "destination": destination,
                "event": event,
                "reason": reason,
                "code": code,
                "against": against,
                "count": total.count,
                "value": {currency: f"{amount:f}" for currency, amount in sorted(total.value.items())},
            }
            for (destination, event, reason, code, against), total in sorted(
                totals.lots.items(), key=lambda item: _none_first(item[0])
            )
        ],
    }


def _key(destination: str, lot: LotTold) -> Key:
    return destination, lot["event"], lot["reason"], lot["code"], lot["against"]


def _none_first(key: Key) -> tuple[str, ...]:
    return tuple(part or "" for part in key)
