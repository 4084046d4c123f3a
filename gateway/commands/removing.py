"""What `withdraw` and `erase` share: one asks a gateway for it, or does it on closed stores, and prints the receipts."""

import argparse
import sys
from collections.abc import Iterator

import msgspec

from gateway.commands.asking import Question, ask_or_serve
from gateway.commands.naming import Said
from gateway.commands.showing import counted, out, show_json
from gateway.ledger import Right
from gateway.rights.answers import Receipt
from gateway.rights.counter import Receipts, chosen_of, do
from gateway.rights.desk import Desk
from gateway.rights.follow_up import lines
from gateway.rights.naming import Asked
from gateway.settings import PlainSettings


def remove(settings: PlainSettings, right: Right, said: Said, asked: Asked) -> Receipts:
    """Have it done; gives a receipt for each storefront. Raises Ended."""

    async def closed(desk: Desk) -> Receipts:
        told = await do(desk, right, asked, chosen_of(desk, asked.storefront))
        assert isinstance(told, Receipts)  # noqa: S101 - removals have receipts
        return told

    return ask_or_serve(settings, Question(Receipts, f"/api/v1/{right}", {}, said), closed)


def print_receipts(told: Receipts, arguments: argparse.Namespace) -> None:
    """Print receipts for people, or for programs."""
    if arguments.json:
        show_json(msgspec.to_builtins(told))
        return
    for receipt in told.receipts:
        for line in _sentences(receipt):
            out.print(line, markup=False)


def _sentences(receipt: Receipt) -> Iterator[str]:
    request = receipt.request
    yield (
        f"{request.storefront}: request {request.number}, {request.right}, asked {request.asked_at}, "
        f"due {request.due_at}, done {request.done_at}."
    )
    for destination, one in receipt.removed.items():
        wire = f", {one.on_the_wire} of them on the wire" if one.on_the_wire else ""
        yield f"  {destination}: {one.waiting} that waited taken out{wire}, and {counted(one.dead, 'dead letter')}"
    if not receipt.removed:
        yield "  Nothing was waiting or dead for this person."
    yield f"  {counted(receipt.consent_records, 'consent record')} and {counted(receipt.held_orders, 'held order')} of theirs"
    if receipt.sent or receipt.traces:
        yield f"  {counted(receipt.sent, 'line')} of what was sent and {counted(receipt.traces, 'decision')} deleted"
    if receipt.follow_up:
        yield "What the platforms have is still to be asked of them:"
        yield from lines(receipt.follow_up)


def confirmed() -> bool:
    """Ask on the terminal whether to go on; False where there is none to ask on."""
    if not sys.stdin.isatty():
        return False
    out.print("This cannot be undone. Type `erase` to go on: ", end="", markup=False)
    return sys.stdin.readline().strip() == "erase"
