"""`consent-gateway requests`: the register of what persons asked, by number, with when each is due and what came of it."""

import argparse

import msgspec
from rich.table import Table

from gateway.commands.asking import Question, ask_or_serve
from gateway.commands.configuration import settings_of, storefront_named
from gateway.commands.showing import out, show, show_json
from gateway.rights.counter import REGISTER, Register, chosen_of, register_of
from gateway.rights.desk import Desk


def run(arguments: argparse.Namespace) -> int:
    """Show the register; gives 0. Raises Ended."""
    settings = settings_of(arguments)
    named = None if arguments.storefront is None else storefront_named(settings, arguments.storefront)

    async def closed(desk: Desk) -> Register:
        return await register_of(desk, chosen_of(desk, named))

    query = {} if named is None else {"storefront": str(named)}
    told = ask_or_serve(settings, Question(Register, REGISTER, query), closed)
    shown = Register(tuple(line for line in told.requests if line.done_at is None or not arguments.open))
    if arguments.json:
        show_json(msgspec.to_builtins(shown))
    else:
        _print(shown)
    return 0


def _print(told: Register) -> None:
    if not told.requests:
        out.print("There are no such requests.")
        return
    table = Table("number", "storefront", "right", "asked", "due", "done", "what came of it")
    for line in told.requests:
        came = ", ".join(f"{count} {name}" for name, count in line.counts.items())
        table.add_row(str(line.number), line.storefront, line.right, line.asked_at, line.due_at, line.done_at or "OPEN", came)
    show(table)
    if any(line.done_at is None for line in told.requests):
        out.print(
            "An open request was interrupted, or Shopify passed it on: ask for the same right of the same person, and it is"
            " finished. One of a whole storefront is over when the storefront is out of the settings."
        )
