"""How commands print: answers to standard output, everything else to standard error, tables with nothing left out."""

import json
import sys
from typing import Final

from rich.console import Console
from rich.table import Table

from gateway.commands.ending import Ended

out = Console(highlight=False)
err = Console(stderr=True, highlight=False, soft_wrap=True)

WIDE: Final = 1000
"""Columns of what is no terminal: enough for every table as it is."""


def show(table: Table) -> None:
    """Print a table of which nothing is left out: folded into a terminal, as wide as it needs where there is none."""
    for column in table.columns:
        column.overflow = "fold"
    if out.is_terminal:
        out.print(table)
    else:
        Console(file=sys.stdout, highlight=False, width=WIDE).print(table)


def show_json(told: object) -> None:
    """Print the answer for programs."""
    out.print_json(json.dumps(told))


def show_ending(ended: Ended) -> None:
    """Print why a command ended."""
    if ended.heading is not None:
        err.print(ended.heading, style="bold", markup=False)
    for line in ended.lines:
        err.print(line, markup=False)
