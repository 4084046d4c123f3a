"""How commands print: answers to standard output, everything else to standard error, tables with nothing left out."""

import json
import sys
from typing import Final

from rich.console import Console, RenderableType
from rich.table import Column, Table

from gateway.commands.ending import Ended

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)
"""A sentence is a line of its own, however long: a terminal folds it, and `grep` finds it."""

WIDE: Final = 1000
"""Columns of what is no terminal: enough for every table as it is."""


FOLDED: Final = 10
"""Characters down to which a value may be folded and is still read; a heading is folded between its words alone."""


def counted(count: int | str, one: str) -> str:
    """Say how many there are of what one is called: `1 order`, `2 orders`, and `<10 orders` of a number that is kept back."""
    return f"{count} {one}{'s' * (count != 1)}"


def show(table: Table) -> None:
    """Print a table of which nothing is left out: folded into a terminal, as wide as it needs where there is none.

    In a terminal too narrow to read it in, each row is a list of its own.
    """
    for column in table.columns:
        column.overflow = "fold"
    if not out.is_terminal:
        Console(file=sys.stdout, highlight=False, width=WIDE).print(table)
    elif table.row_count and _narrowest(table) > out.width:
        _show_rows(table)
    else:
        out.print(table, soft_wrap=False)


def _narrowest(table: Table) -> int:
    """Tell how many columns a terminal has in which the table can be read."""
    widths = [
        max(_longest_word(column.header), min(FOLDED, max(map(_longest_word, column.cells), default=0)))
        for column in table.columns
    ]
    return sum(widths) + len("│  ") * len(widths) + 1


def _longest_word(told: RenderableType) -> int:
    return max(map(len, str(told).split()), default=0)


def _show_rows(table: Table) -> None:
    """Print what stands in each row line by line, under the name of its column; what is empty is left out."""
    if table.title is not None:
        out.print(table.title, style="bold")
    for row in zip(*(column.cells for column in table.columns), strict=True):
        lines = Table.grid(Column(no_wrap=True), Column(overflow="fold"), padding=(0, 2, 0, 0))
        for column, cell in zip(table.columns, row, strict=True):
            if cell != "":
                lines.add_row(column.header, cell)
        out.print(lines, soft_wrap=False)
        out.print()


def show_json(told: object) -> None:
    """Print the answer for programs."""
    out.print_json(json.dumps(told))


def show_ending(ended: Ended) -> None:
    """Print why a command ended."""
    if ended.heading is not None:
        err.print(ended.heading, style="bold", markup=False)
    for line in ended.lines:
        err.print(line, markup=False)
