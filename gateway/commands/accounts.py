"""`consent-gateway accounts`: a storefront's books, and whether they balance."""

import argparse

from rich.table import Table

from gateway.audit.accounts import Account, account
from gateway.commands.asking import Question, ask_or_look, unknown_there
from gateway.commands.configuration import settings_of, storefront_named
from gateway.commands.showing import out, show, show_json
from gateway.outbox import Outbox


def run(arguments: argparse.Namespace) -> int:
    """Show the books; gives 0 when they balance. Raises Ended."""
    settings = settings_of(arguments)
    name = storefront_named(settings, arguments.storefront)

    async def look(outbox: Outbox) -> Account:
        return account(await outbox.book(name))

    books = ask_or_look(settings, Question(Account, "/api/v1/accounts", {"storefront": name}), look)
    if books is None:
        raise unknown_there()
    if arguments.json:
        show_json(books)
    else:
        _print(books)
    return 0 if books["balanced"] else 1


def _print(books: Account) -> None:
    out.print(f"received {books['received']}: " + ", ".join(f"{n} {status}" for status, n in books["by_status"].items()))
    for reason, count in books["by_reason"].items():
        out.print(f"  {count} {reason}", markup=False)
    table = Table("destination", "accepted", "delivered", "waiting", "dead", "withdrawn", "delivered value")
    for destination, lane in books["destinations"].items():
        value = ", ".join(f"{sums.get('delivered', '0')} {currency}" for currency, sums in sorted(lane["value"].items()))
        figures = (lane["accepted"], lane["delivered"], lane["waiting"], lane["dead"], lane["withdrawn"])
        table.add_row(destination, *map(str, figures), value)
    show(table)
    for destination, lane in books["destinations"].items():
        if (processing := lane["processing"]) is not None:
            said = [f"{count} {name}" for name, count in [*processing["said"].items(), ("pending", processing["pending"])]]
            out.print(f"{destination} took {processing['taken']} for processing: {', '.join(said)}", markup=False)
            for reason, count in processing["reasons"].items():
                out.print(f"  {count} {reason}", markup=False)
    out.print("The books balance." if books["balanced"] else "[bold red]The books do NOT balance.[/bold red]")
