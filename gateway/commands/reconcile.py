"""`consent-gateway reconcile`: a shop's own list of orders beside what became of them, and a file of those that never came.

Reads the list here and asks with ids and values alone: whose the orders are stays on this machine, and is read only for
`--missed`. Exit code 1 when orders are missing, so that whoever runs it every night hears of them.
"""

import argparse
import asyncio
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import IO, Final

import msgspec
import orjson
from rich.table import Table

from gateway.audit.groups import Cell
from gateway.audit.reconciliation import Place, Reconciliation, RowTold, Sum, Summary
from gateway.audit.reconciliation_sheet import heading, line
from gateway.bounded import TooLarge, read_whole
from gateway.commands.asking import NotRunning, Question, ask, open_closed, open_closed_log, unknown_there
from gateway.commands.configuration import settings_of, storefront_named
from gateway.commands.ending import Ended
from gateway.commands.files import new_files
from gateway.commands.progress import bar
from gateway.commands.showing import counted, err, out, show, show_json
from gateway.model.money import CURRENCIES, EXPONENTS
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination, Fault, Kind
from gateway.office.reconciling import MOST_FLAWS, READ_AT_ONCE, SECONDS, Asked, Posted, Run
from gateway.office.reports import Shop
from gateway.raw import MAX_AGE
from gateway.settings import PlainSettings
from gateway.signing.acts import reconciliation_of
from gateway.signing.entry import COMMAND
from gateway.sources.order_list import Flaw, Format, Layout, Listed, ListFault, read_csv

MOST_BYTES: Final = 512 * 1024 * 1024
COUNTRY: Final = re.compile(r"[A-Z]{2}", re.ASCII)

RULES: Final[Mapping[Fault | ListFault, str]] = {
    Fault.MISSING: "is missing",
    Fault.BAD_FORMAT: "is not of its form (a number that a spreadsheet spoilt, a decimal comma in a file of commas?)",
    Fault.OUT_OF_RANGE: "is out of range",
    Fault.NOT_ONE_OF: "is none of those that there are",
    ListFault.NO_COLUMN: "has no column; see --format, and --currency for a currency that is not in the file",
    ListFault.TWO_COLUMNS: "has two columns: keep one",
    ListFault.NO_CSV: "cannot be read as CSV, or is longer than any export's",
    ListFault.RAGGED: "has more or fewer cells than the header",
    ListFault.EMPTY: "is followed by no order",
    ListFault.TOO_MANY: "is beyond the 100,000 orders, or million lines, that are taken at once",
}
"""What is wrong with a line, in words."""


def run(arguments: argparse.Namespace) -> int:
    """Reconcile; gives 0 when no order is missing, else 1. Raises Ended."""
    settings = settings_of(arguments)
    name = storefront_named(settings, arguments.storefront)
    if arguments.currency is not None and arguments.currency not in CURRENCIES:
        raise Ended(2, "--currency is a currency's code, such as EUR.")
    if arguments.missed is not None and arguments.missed.suffix.lower() == ".csv":
        raise Ended(2, "--missed writes NDJSON, which `send` takes from a file whose name does not end in .csv.")
    shop = _shop(settings, name)
    layout = Layout(Format(arguments.format), arguments.currency, shop.time_zone, contacts=arguments.missed is not None)
    orders = _read(arguments.file, layout)
    asked = Asked(name, Kind(arguments.event), orders, arguments.exact)
    with new_files({"--csv": arguments.csv, "--missed": arguments.missed}) as (sheet, missed):
        told = _reconciled(settings, asked, shop)
        missing = [row for row in told["rows"] if row["place"] == Place.NOT_RECEIVED]
        if sheet is not None:
            _write_rows(sheet, told["rows"], tuple(shop.max_ages))
        if missed is not None:
            _write_missed(missed, asked, {row["id"] for row in missing}, int(time.time()))
    if arguments.json:
        show_json(told["summary"])
    else:
        _print(told["summary"])
    return 1 if missing else 0


def _shop(settings: PlainSettings, name: StorefrontId) -> Shop:
    from gateway.assembly import shops_of  # noqa: PLC0415 - nobody else needs all rooms

    return shops_of(settings)[name]


# ── the list ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _read(path: Path, layout: Layout) -> Sequence[Listed]:
    """Read the file, with a bar. Raises Ended with what is wrong with it."""
    try:
        body = read_whole(path, MOST_BYTES)
    except TooLarge:
        raise Ended(2, "The file is larger than 512 MiB.") from None
    except OSError:
        raise Ended(2, "The file cannot be read.") from None
    orders: list[Listed] = []
    flaws: list[Flaw] = []
    with bar("{task.fields[orders]} orders") as shown:
        task = shown.add_task("reading", total=body.count(b"\n") + 1, orders=0)
        for number, found in enumerate(read_csv(body, layout), 1):
            if isinstance(found, Flaw):
                flaws.append(found)
            elif found is not None:
                orders.append(found)
            if found is not None and number % READ_AT_ONCE == 0:
                shown.update(task, completed=found.line, orders=len(orders))
        shown.update(task, completed=body.count(b"\n") + 1, orders=len(orders))
    if flaws:
        raise Ended(2, *_said(flaws), heading="The list cannot be taken as it is:")
    return orders


def _said(flaws: Sequence[Flaw]) -> Iterator[str]:
    for flaw in flaws[:MOST_FLAWS]:
        field = "the line" if flaw.field == "line" else flaw.field
        yield f"  line {flaw.line}: {field} {RULES.get(flaw.rule, flaw.rule.value)}."
    if len(flaws) > MOST_FLAWS:
        yield f"  and {len(flaws) - MOST_FLAWS} more."


# ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────────


class _Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """An order as it is asked for: nothing of whose it is."""

    id: str
    value: str
    currency: str
    at: int | None = None
    not_expected: str | None = None


def _reconciled(settings: PlainSettings, asked: Asked, shop: Shop) -> Reconciliation:
    """Ask the running gateway, else look in the store that it left. Lines are those of the file. Raises Ended."""
    encoded = [msgspec.Raw(msgspec.json.encode(_posted(order))) for order in asked.orders]
    posted = Posted(str(asked.storefront), encoded, asked.kind, asked.exact)
    question = Question(Reconciliation, "/api/v1/reconcile", {}, posted, SECONDS + 60)
    with bar("{task.fields[orders]} orders") as shown:
        task = shown.add_task("asking", total=None, orders=len(asked.orders))
        try:
            told = ask(settings, question)
        except NotRunning:
            return asyncio.run(_looked_up(settings, asked, shop))
        shown.update(task, total=1, completed=1)
    if told is None:
        raise unknown_there()
    lines = [order.line for order in asked.orders]
    for row in told["rows"]:
        row["line"] = lines[row["line"] - 1]
    for repeated in told["summary"]["repeated"]:
        repeated["lines"] = [lines[number - 1] for number in repeated["lines"]]
    return told


def _posted(order: Listed) -> _Order:
    money = order.money
    value = f"{Decimal(money.minor).scaleb(-EXPONENTS.get(money.currency, 2)):f}"
    why = None if order.not_expected is None else order.not_expected.value
    return _Order(str(order.id), value, money.currency, order.at, why)


async def _looked_up(settings: PlainSettings, asked: Asked, shop: Shop) -> Reconciliation:
    from gateway.audit.trace import NOT_RUNNING  # noqa: PLC0415 - said of a closed store alone

    async with open_closed_log(settings) as record:
        await record(reconciliation_of([order.at for order in asked.orders], COMMAND))
    async with open_closed(settings) as outbox:
        return await Run(outbox, asked, shop, int(time.time())).whole(dict.fromkeys(Destination, NOT_RUNNING))


# ── telling ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _print(summary: Summary) -> None:
    table = Table("orders", "where", "number", "value")
    for place, told in summary["places"].items():
        table.add_row("all", place, *_cells(told))
    for destination, places in summary["destinations"].items():
        for place, told in places.items():
            table.add_row(destination, place, *_cells(told))
    show(table)
    for gap in summary["gaps"]:
        where = "" if gap["destination"] is None else f"{gap['destination']}: "
        why = "".join(f", {part}" for part in (gap["reason"], gap["code"]) if part)
        advice = "" if gap["advice"] is None else f" {gap['advice']}"
        still = "" if gap["standstill"] is None else f" Nothing goes there now: {gap['standstill']['reason']}."
        out.print(
            f"{where}{gap['place']}{why}: {_orders(gap['orders'])}{_worth(gap['value'])}.{advice}{still}",
            markup=False,
            soft_wrap=True,
        )
    for repeated in summary["repeated"]:
        lines = ", ".join(map(str, repeated["lines"]))
        differing = ", with different values" if repeated["differing"] else ""
        out.print(f"{repeated['id']} is listed more than once (lines {lines}){differing}; the first counts.", markup=False)
    if summary["repeated_more"]:
        out.print(f"{summary['repeated_more']} more are listed more than once.", markup=False)


def _cells(told: Sum) -> tuple[str, str]:
    return str(told["orders"]), ", ".join(f"{value} {currency}" for currency, value in told["value"].items())


def _orders(count: Cell) -> str:
    return counted(count, "order")


def _worth(value: Mapping[str, str]) -> str:
    return "".join(f", {amount} {currency}" for currency, amount in value.items())


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _write_rows(file: IO[bytes], rows: Sequence[RowTold], destinations: Sequence[Destination]) -> None:
    file.write(heading(destinations).encode())
    file.writelines(line(row, destinations).encode() for row in rows)


def _write_missed(file: IO[bytes], asked: Asked, missing: set[str], now: int) -> None:
    """Write the orders that never came as events, each citing its consent record by its id, and say which cannot be sent."""
    written = undated = old = 0
    for order in asked.orders:
        if str(order.id) not in missing:
            continue
        missing.discard(str(order.id))  # an order that is listed twice is sent once
        if order.at is None:
            undated += 1
        elif order.at < now - MAX_AGE:
            old += 1
        else:
            written += 1
            file.write(orjson.dumps(_event(order, order.at, asked.kind)) + b"\n")
    err.print(f"Orders written for `consent-gateway send`: {written}. Delete the file once they are sent.", markup=False)
    if undated:
        err.print(f"Left out, for the list does not say when they were made: {undated}.", markup=False)
    if old:
        err.print(f"Left out, for they are older than events may be: {old}.", markup=False)


def _event(order: Listed, at: int, kind: Kind) -> dict[str, object]:
    posted = _posted(order)
    event: dict[str, object] = {
        "event": kind.value,
        "event_id": posted.id,
        "occurred_at": at,
        "order": {"value": posted.value, "currency": posted.currency},
        "consent": {"join": {"order_id": posted.id}},
    }
    if order.contact is not None and order.contact.email:
        event["customer"] = {"email": order.contact.email}
    if order.contact is not None and COUNTRY.fullmatch(order.contact.country or ""):
        event["client"] = {"country": order.contact.country}
    return event
