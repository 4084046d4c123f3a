"""The rows of a reconciliation for spreadsheets: one line an order, the same columns whatever is in it. Pure."""

from collections.abc import Sequence
from typing import Final

from gateway.audit import sheets
from gateway.audit.reconciliation import RowTold
from gateway.model.words import Destination

ORDER: Final = ("line", "id", "value", "currency", "at", "place", "reason", "received_at")
SPOT: Final = ("place", "reason", "code", "at")


def heading(destinations: Sequence[Destination]) -> str:
    """Give the first line."""
    return sheets.line((*ORDER, *(f"{destination}_{name}" for destination in destinations for name in SPOT)))


def line(row: RowTold, destinations: Sequence[Destination]) -> str:
    """Give an order's line; what there is nothing to say of is empty."""
    cells: list[object] = [
        row["line"], row["id"], row["value"], row["currency"], row["at"], row["place"], row["reason"], row["received_at"]
    ]  # fmt: skip
    for destination in destinations:
        spot = row["destinations"].get(destination.value)
        cells += ("", "", "", "") if spot is None else (spot["place"], spot["reason"], spot["code"], spot["at"])
    return sheets.line(cells)
