"""`consent-gateway audit`: what has left, acknowledging it, and the contracts written out as JSON Schema."""

import argparse
import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Final

import msgspec
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from gateway.audit.schema import schemas
from gateway.audit.shapes import Approval, Approved, Difference, Row, Shapes, compare, tell_shapes
from gateway.audit.sheets import written
from gateway.commands.asking import NotRunning, Question, ask, ask_or_look, look, open_closed_log, unknown_there
from gateway.commands.configuration import no_such_storefront, settings_of, storefront_named
from gateway.commands.ending import Ended
from gateway.commands.files import USUAL, files_anew, make_folder
from gateway.commands.showing import err, out, show, show_json
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination
from gateway.outbox import Outbox
from gateway.outbox.shapes import Decision
from gateway.settings import PlainSettings, shipped
from gateway.signing.acts import approval_of
from gateway.signing.entry import COMMAND


def run(arguments: argparse.Namespace) -> int:
    """Do one of the audit's own commands; gives 0. Raises Ended."""
    match arguments.what:
        case "shapes":
            return _shapes(arguments)
        case "approve":
            return _approve(arguments)
        case "report":
            from gateway.commands import report  # noqa: PLC0415 - the others need none of it

            return report.run(arguments)
        case "verify" | "export" | "log":
            from gateway.commands import signed_log  # noqa: PLC0415 - the others need none of it

            return signed_log.run(arguments)
        case _:
            return _contracts(arguments)


# ── shapes ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _shapes(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    names = [name for name in settings.storefronts if arguments.storefront in (None, name)]
    if not names:
        raise no_such_storefront(settings)
    rows = _all_rows(settings, names)
    if arguments.diff:
        found = [line for name in names for line in compare(name, rows, settings.storefronts[name].contracts)]
        _print_rows(found, DIFFERENCES, arguments)
    else:
        _print_rows(rows, ROWS, arguments)
    if not (arguments.json or arguments.csv):
        _hint_at_approving(rows)
    return 0


def _all_rows(settings: PlainSettings, names: Sequence[StorefrontId]) -> list[Row]:
    """Ask the running gateway for its ledger, or read it from the closed store."""

    async def closed(outbox: Outbox) -> Sequence[Shapes | None]:
        return [tell_shapes(await outbox.departures(name)) for name in names]

    try:
        told: Sequence[Shapes | None] = [
            ask(settings, Question(Shapes, "/api/v1/shapes", {"storefront": name})) for name in names
        ]
    except NotRunning:
        told = look(settings, closed)
    return [row for shapes in told if shapes is not None for row in shapes["rows"]]


def _hint_at_approving(rows: Sequence[Row]) -> None:
    """Say how each storefront's new rows are acknowledged, up to the highest number that was shown."""
    newest = {row["storefront"]: row["number"] for row in sorted(rows, key=itemgetter("number")) if row["decision"] is None}
    if newest:
        count = sum(row["decision"] is None for row in rows)
        err.print(f"{count} rows are new. Once they were looked at:", markup=False)
    for storefront, number in newest.items():
        err.print(f'  consent-gateway audit approve {storefront} "NAME OF THE DECISION" --up-to {number}', markup=False)


class Layout(msgspec.Struct, frozen=True):
    """How rows are shown: what each of several tables has in its heading, then its columns. A spreadsheet has all in one, and
    `further` columns.
    """

    heading: tuple[str, ...]
    columns: tuple[str, ...]
    further: tuple[str, ...] = ()


ROWS: Final = Layout(
    ("storefront", "destination", "event"),
    ("number", "path", "kind", "count", "first", "last", "decision"),
    ("decided", "contracts"),
)
DIFFERENCES: Final = Layout(("storefront", "destination"), ("what", "path", "kind", "event", "option"))


def _print_rows(rows: Sequence[Row] | Sequence[Difference], layout: Layout, arguments: argparse.Namespace) -> None:
    """Print tables, or the same for programs or spreadsheets."""
    told = [dict(row) for row in rows]
    if arguments.json:
        show_json(told)
    elif arguments.csv:
        columns = (*layout.heading, *layout.columns, *layout.further)
        sys.stdout.write(written(columns, ([row[column] for column in columns] for row in told)))
    elif not told:
        out.print("There is nothing to show.")
    else:
        _print_groups(told, layout)


def _print_groups(rows: Iterable[Mapping[str, object]], layout: Layout) -> None:
    tables: dict[str, Table] = {}
    for row in rows:
        heading = ", ".join(filter(None, _cells(row, layout.heading)))
        table = tables.setdefault(heading, Table(*layout.columns, box=SIMPLE, pad_edge=False))
        table.add_row(*map(escape, _cells(row, layout.columns)))
    for heading, table in tables.items():
        out.print(f"[bold]{escape(heading)}[/bold]")
        show(table)


def _cells(row: Mapping[str, object], columns: Iterable[str]) -> list[str]:
    return [_cell(row[column]) for column in columns]


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case list():
            return ", ".join(map(str, value))
        case _:
            return str(value)


# ── approve ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _approve(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    name = storefront_named(settings, arguments.storefront)
    try:
        decision = Decision(arguments.decision)
    except ValueError:
        raise Ended(2, "A decision is named in 1 to 200 printable characters, without @.") from None

    async def closed(outbox: Outbox) -> Approved:
        async with open_closed_log(settings) as record:
            await record(approval_of(name, decision, arguments.up_to, COMMAND))
        return Approved(approved=await outbox.acknowledge(name, decision, arguments.up_to, int(time.time())))

    asked = Approval(str(name), str(decision), arguments.up_to)
    done = ask_or_look(settings, Question(Approved, "/api/v1/shapes/approve", {}, asked), closed)
    if done is None:
        raise unknown_there()
    out.print(f"Acknowledged: {done['approved']} rows that were new.")
    return 0


# ── contracts ────────────────────────────────────────────────────────────────────────────────────────────────────


def _contracts(arguments: argparse.Namespace) -> int:
    if arguments.shipped:
        contracts = [shipped(destination.value) for destination in Destination]
    else:
        lanes = [storefront.contracts for storefront in settings_of(arguments).storefronts.values()]
        used = {contract.file.destination: contract.file for lane in lanes for contract in lane.values()}
        contracts = list(used.values())
    folder: Path = arguments.out
    make_folder(folder)
    written_out = {
        folder / f"{name}.schema.json": schema for contract in contracts for name, schema in schemas(contract).items()
    }
    with files_anew([*written_out], "--out", USUAL) as opened:
        for file, schema in zip(opened, written_out.values(), strict=True):
            file.write(json.dumps(schema, indent=1, ensure_ascii=False).encode() + b"\n")
    for path in written_out:
        out.print(str(path), markup=False)
    return 0
