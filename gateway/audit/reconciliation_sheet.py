"""The rows of a reconciliation for spreadsheets: RFC 4180, one line an order, the same columns whatever is in it. Pure.

No cell begins as a formula does: a program that opens the file would run it.
https://owasp.org/www-community/attacks/CSV_Injection (read 2026-11-26)
"""

from collections.abc import Iterable, Sequence
from typing import Final

from gateway.audit.reconciliation import RowTold
from gateway.model import Destination

ORDER: Final = ("line", "id", "value", "currency", "at", "place", "reason", "received_at")
SPOT: Final = ("place", "reason", "code", "at")
FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a formula can begin with."""
SPECIAL: Final = frozenset(',"\r\n')


def heading(destinations: Sequence[Destination]) -> str:
    """Give the first line."""
    return _written((*ORDER, *(f"{destination}_{name}" for destination in destinations for name in SPOT)))


def line(row: RowTold, destinations: Sequence[Destination]) -> str:
    """Give an order's line; what there is nothing to say of is empty."""
    cells: list[object] = [
        row["line"], row["id"], row["value"], row["currency"], row["at"], row["place"], row["reason"], row["received_at"]
    ]  # fmt: skip
    for destination in destinations:
        spot = row["destinations"].get(destination.value)
        cells += ("", "", "", "") if spot is None else (spot["place"], spot["reason"], spot["code"], spot["at"])
    return _written(cells)


def harmless(cell: object) -> str:
    """Write a cell so that no spreadsheet takes it for a formula."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(FORMULAS) else text


def _written(cells: Iterable[object]) -> str:
    return ",".join([_quoted(harmless(cell)) for cell in cells]) + "\r\n"


def _quoted(text: str) -> str:
    return '"{}"'.format(text.replace('"', '""')) if SPECIAL.intersection(text) else text
