"""What a measurement gives: a figure with its bar, and how it is shown.

A figure is the median of its rounds; the smallest and largest stand beside it.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Final, Literal, Protocol, Self

import msgspec
from rich.console import Console
from rich.table import Table

Sense = Literal["at least", "at most"]


class Figure(msgspec.Struct, frozen=True):
    """One figure. `bar` is None where there is nothing to reach, only something to know. `note` says how it was measured."""

    bench: str
    name: str
    unit: str
    value: float
    low: float
    high: float
    rounds: int
    steal: float
    bar: float | None = None
    sense: Sense = "at least"
    note: str = ""

    @classmethod
    def of(  # noqa: PLR0913 - a figure is made in one place, by name
        cls,
        bench: str,
        name: str,
        unit: str,
        values: Sequence[float],
        *,
        steal: Sequence[float],
        bar: float | None = None,
        sense: Sense = "at least",
        note: str = "",
    ) -> Self:
        """Make a figure of the rounds' values; `steal` has each round's share."""
        return cls(bench, name, unit, median(values), min(values), max(values), len(values), median(steal), bar, sense, note)

    @property
    def reached(self) -> bool | None:
        """Say whether the bar was reached; None where there is none."""
        if self.bar is None:
            return None
        return self.value >= self.bar if self.sense == "at least" else self.value <= self.bar


class Plan(msgspec.Struct, frozen=True):
    """How much is measured: rounds of each figure, whether only to try everything out, and where stores are made."""

    rounds: int
    quick: bool
    folder: Path

    def amount(self, full: int, quick: int) -> int:
        """Choose by the plan."""
        return quick if self.quick else full


class Bench(Protocol):
    """What every file of measurements offers under the name `measure`."""

    def __call__(self, plan: Plan, say: Callable[[str], None], /) -> list[Figure]:
        """Measure; `say` is told what is going on."""


def shown(value: float) -> str:
    """Write a number with the digits that mean something."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


VERDICTS: Final = {True: "[green]yes[/green]", False: "[bold red]no[/bold red]", None: ""}
SIGNS: Final = {"at least": "≥", "at most": "≤"}


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    table = Table("bench", "figure", "unit", "median", "low to high", "bar", "reached", "steal", "how")
    for figure in figures:
        table.add_row(
            figure.bench,
            figure.name,
            figure.unit,
            shown(figure.value),
            f"{shown(figure.low)} to {shown(figure.high)}" if figure.rounds > 1 else "",
            "" if figure.bar is None else f"{SIGNS[figure.sense]} {shown(figure.bar)}",
            VERDICTS[figure.reached],
            f"{figure.steal:.1%}",
            figure.note,
        )
    console.print(table)


class _Told(msgspec.Struct, frozen=True):
    figures: Sequence[Figure]
    reached: dict[str, bool]


def write_json(figures: Sequence[Figure], path: Path) -> None:
    """Write the figures to a file, for machines."""
    reached = {f"{figure.bench}: {figure.name}": figure.reached for figure in figures if figure.reached is not None}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(_Told(figures, reached))))
