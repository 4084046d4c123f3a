"""How small groups of people are told: not at all, so that nobody is found in a sum. Pure.

A count of people's consent that is not nought and below the storefront's `smallest_group` is told as `<10`. In a
breakdown the small ones are told together, and with them as many of the next larger as it takes: were one alone left
out, it could be had by taking the others from their sum.
"""

from collections.abc import Mapping
from typing import Final

OTHERS: Final = "others"
"""The name of what is told together."""

Cell = int | str
"""A count, or `<10` for one that is too small to be told."""


def cell(count: int, smallest: int) -> Cell:
    """Give a count, unless it is too small."""
    return f"<{smallest}" if 0 < abs(count) < smallest else count


def breakdown(counts: Mapping[str, int], smallest: int) -> dict[str, Cell]:
    """Give a breakdown of which no part is too small, the largest first; what is told together comes last."""
    rows = sorted(((count, name) for name, count in counts.items() if count > 0), key=lambda row: (-row[0], row[1]))
    together = 0
    while rows and (rows[-1][0] < smallest or 0 < together < smallest):
        together += rows.pop()[0]
    told: dict[str, Cell] = {name: count for count, name in rows}
    if together:
        told[OTHERS] = cell(together, smallest)
    return told


def share(part: int, whole: int, smallest: int) -> float | None:
    """Give a part as a share of the whole, to three places; None where the part, the rest or the whole is too small."""
    rest = whole - part
    if whole < smallest or 0 < part < smallest or 0 < rest < smallest:
        return None
    return round(part / whole, 3)
