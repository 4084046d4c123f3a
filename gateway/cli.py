"""`consent-gateway`: the commands, each with a `--help` that teaches and errors that say what to do next."""

import argparse
import asyncio
import csv
import json
import math
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from http.client import HTTPException
from operator import itemgetter
from pathlib import Path
from typing import Annotated, Final, TypeVar
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

import msgspec
import uvloop
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.table import Table

from gateway import backfill, demo, replay
from gateway.app import CannotListen, open_store, rehearse_all, rules_of, serve
from gateway.audit.accounts import Account, account
from gateway.audit.advice import NAMES
from gateway.audit.letters import Listing, SliceTold, list_dead, tell_slice
from gateway.audit.rehearsals import sentences as finding_sentences
from gateway.audit.rehearsals import tell as tell_finding
from gateway.audit.schema import schemas
from gateway.audit.shapes import Approved, Difference, Row, Shapes, compare, tell_shapes
from gateway.audit.trace import NOT_RUNNING, Told, sentences, tell
from gateway.delivery.letters import Order
from gateway.delivery.rehearsal import Finding
from gateway.delivery.replaying import Replayer, count_dead
from gateway.keys import KeyId, KeyKind, hash_key, make_key
from gateway.log import Log, tame_libraries
from gateway.metrics import VERSION
from gateway.model import Destination, EventId, Kind, Reason, StorefrontId
from gateway.outbox import Decision, Lane, Outbox
from gateway.outbox.keyring import BadKeyFile, Keyring
from gateway.outbox.schema import CannotOpen
from gateway.private import Approval
from gateway.references import BadReference, resolve
from gateway.settings import BadSettings, ServerSettings, Settings, Storefront, load, prove, shipped

CONFIG_VARIABLE: Final = "CONSENT_GATEWAY_CONFIG"
out = Console(highlight=False)
err = Console(stderr=True, highlight=False, soft_wrap=True)


class Command(msgspec.Struct, frozen=True):
    """A command: what it is for, its arguments, and what runs it (returning the exit code)."""

    summary: str
    teach: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: 0 done, 1 failed, 2 wrong use or configuration."""
    arguments = _parser().parse_args(argv)
    command: Command = arguments.command
    try:
        return _run(command, arguments)
    except NoConfiguration as none:
        err.print(f"There is no configuration at {none.path}.", markup=False)
        err.print(
            f"Name yours with --config or ${CONFIG_VARIABLE}. To begin one, copy gateway.example.toml, which explains every"
            " setting; to look around first, run `consent-gateway demo`.",
            markup=False,
        )
        return 2
    except BadSettings as bad:
        err.print(f"[bold]The configuration has {len(bad.faults)} fault{'s' * (len(bad.faults) != 1)}:[/bold]")
        for fault in bad.faults:
            err.print(f"  {fault}", markup=False)
        err.print("Correct them and run `consent-gateway check` again. Every setting is explained in gateway.example.toml.")
        return 2
    except BadKeyFile as bad:
        err.print(f"The key file cannot be used: {bad}", markup=False)
        err.print(KEY_FILE_HELP)
        return 2
    except CannotListen as cannot:
        err.print(
            f"The gateway cannot listen on {cannot}: the port is taken, or the address is not this machine's.", markup=False
        )
        err.print("Stop what has the port, or change server.public or server.private in the configuration.")
        return 1
    except Troubled as troubled:
        err.print(f"A gateway is running, but it cannot answer now ({troubled}). Ask again in a moment.", markup=False)
        return 1
    except CannotOpen as cannot:
        err.print(f"The store cannot be opened: {cannot}", markup=False)
        err.print("If a gateway is running on it, ask that one: commands do so by themselves over its private listener.")
        return 1
    except BrokenPipeError:  # whoever reads has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130


def _run(command: Command, arguments: argparse.Namespace) -> int:
    """Run a command until all that it prints is out."""
    code = command.run(arguments)
    sys.stdout.flush()
    return code


KEY_FILE_HELP: Final = (
    "If there never was one, make it with `consent-gateway key file PATH`; if there was, bring it back: no other opens the"
    " store."
)


class NoConfiguration(Exception):
    """There is no file where the configuration should be."""

    def __init__(self, path: Path) -> None:
        """Keep where it was looked for."""
        super().__init__()
        self.path = path


WIDE: Final = 1000
"""Columns of what is no terminal: enough for every table as it is."""


def _show(table: Table) -> None:
    """Print a table of which nothing is left out: folded into a terminal, as wide as it needs where there is none."""
    for column in table.columns:
        column.overflow = "fold"
    if out.is_terminal:
        out.print(table)
    else:
        Console(file=sys.stdout, highlight=False, width=WIDE).print(table)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="consent-gateway",
        description="Forwards a storefront's conversion events to ad platforms: with consent only, minimised, accounted for.",
        epilog="Begin with `consent-gateway demo`. Every command has its own --help.",
    )
    parser.add_argument("--version", action="version", version=f"consent-gateway {VERSION}", help="show the version and exit")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        sub = commands.add_parser(
            name, help=command.summary, description=command.teach, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        command.arguments(sub)
        sub.set_defaults(command=command)
    return parser


def _with_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        type=Path,
        help=f"the configuration file (default: ${CONFIG_VARIABLE}, else ./gateway.toml, else the demo's)",
    )


def _settings(arguments: argparse.Namespace) -> Settings:
    path = _config_path(arguments.config, os.environ)
    if not path.exists():
        raise NoConfiguration(path)
    return load(path, os.environ)


def _config_path(given: Path | None, env: Mapping[str, str]) -> Path:
    if given is not None:
        return given
    if CONFIG_VARIABLE in env:
        return Path(env[CONFIG_VARIABLE])
    return next((path for path in (Path("gateway.toml"), demo.CONFIG) if path.exists()), Path("gateway.toml"))


# ── serve, demo, check ───────────────────────────────────────────────────────────────────────────────────────────


def _serve(arguments: argparse.Namespace) -> int:
    log = Log()
    return uvloop.run(serve(_settings(arguments), log, tame_libraries(log)))


def _demo(arguments: argparse.Namespace) -> int:
    log = Log()
    return uvloop.run(demo.run(arguments.state, arguments.port, log, tame_libraries(log), out))


def _demo_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state", type=Path, default=demo.STATE, help="where the demo keeps its store and keys")
    parser.add_argument(
        "--port",
        type=_first_port,
        default=demo.FIRST_PORT,
        metavar="N",
        help=f"the gateway's port, default {demo.FIRST_PORT}; the others follow up to N+{demo.LAST_OFFSET}",
    )


def _first_port(text: str) -> int:
    port = int(text)
    if not 1 <= port <= 65_535 - demo.LAST_OFFSET:
        raise argparse.ArgumentTypeError("no port")
    return port


def _check_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--live", action="store_true", help="also send one harmless request to each destination")
    parser.add_argument("--storefront", help="with --live: only this one's destinations")
    parser.add_argument(
        "--meta-test-code",
        type=_test_code,
        metavar="CODE",
        help="with --live: send Meta a page view under this code from Events Manager; it counts like any other event",
    )
    parser.add_argument("--json", action="store_true", help="print the outcome for programs")
    _with_config(parser)


def _test_code(text: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9]{1,40}", text, re.ASCII) is None:
        raise argparse.ArgumentTypeError("must be letters and digits, such as TEST12345")
    return text


def _check(arguments: argparse.Namespace) -> int:
    settings = _proven(arguments)
    chosen = [s for s in settings.storefronts.values() if arguments.storefront in (None, s.id)]
    if not chosen:
        return _no_such_storefront(settings)
    lanes = {Lane(s.id, destination): s for s in chosen for destination in s.destinations}
    if not arguments.json:
        _print_lanes(lanes)
    findings = asyncio.run(rehearse_all(settings, lanes, arguments.meta_test_code)) if arguments.live else {}
    if arguments.json:
        out.print_json(json.dumps({"destinations": [_lane_told(lane, s, findings.get(lane)) for lane, s in lanes.items()]}))
    else:
        _print_findings(findings)
    return 0 if all(finding.well for finding in findings.values()) else 1


def _proven(arguments: argparse.Namespace) -> Settings:
    """Read the configuration and what it needs on this machine. Raises BadSettings with every fault of both."""
    try:
        settings = _settings(arguments)
        prove(settings)
    except BadSettings as bad:
        raise BadSettings([*_faults_here(bad.server), *bad.faults]) from None
    if faults := [*_faults_here(settings.server)]:
        raise BadSettings(faults)
    return settings


def _faults_here(server: ServerSettings | None) -> Iterator[str]:
    """Say what this machine lacks: the key file, and a folder for the store."""
    if server is None:
        return
    try:
        Keyring.load(server.key_file)
    except BadKeyFile as bad:
        yield f"server.key_file: {str(bad).removeprefix('key file: ')}. {KEY_FILE_HELP}"
    folder = next(path for path in (server.data_dir, *server.data_dir.parents) if path.exists())
    if not folder.is_dir():
        yield "server.data_dir: is, or lies below, something that is no folder"
    elif not os.access(folder, os.W_OK | os.X_OK):
        yield "server.data_dir: this user may not write there"


def _print_lanes(lanes: Mapping[Lane, Storefront]) -> None:
    table = Table("storefront", "destination", "sends to", "test mode")
    for lane, shop in lanes.items():
        mode = shop.destinations[lane.destination].test_mode
        table.add_row(lane.storefront, lane.destination, shop.base_urls[lane.destination], mode or "off")
    _show(table)
    out.print("The configuration is complete and consistent.")


def _lane_told(lane: Lane, shop: Storefront, finding: Finding | None) -> dict[str, object]:
    return {
        "storefront": str(lane.storefront),
        "destination": lane.destination.value,
        "sends_to": shop.base_urls[lane.destination],
        "test_mode": shop.destinations[lane.destination].test_mode,
        "live": None if finding is None else tell_finding(lane.destination, finding),
    }


def _print_findings(findings: Mapping[Lane, Finding]) -> None:
    for lane, finding in findings.items():
        code = "" if finding.well or finding.code is None else f", code {finding.code}"
        verdict = "well" if finding.well else f"NOT well: {finding.reason}{code}"
        out.print(f"\n{lane.storefront}, {NAMES[lane.destination]}: {verdict}", markup=False, soft_wrap=True)
        for line in finding_sentences(lane.destination, finding):
            out.print(f"  {line}", markup=False, soft_wrap=True)


# ── explain, accounts ────────────────────────────────────────────────────────────────────────────────────────────


def _with_storefront(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("storefront", help="its name in the configuration: [storefronts.NAME]")


def _explain_arguments(parser: argparse.ArgumentParser) -> None:
    _with_storefront(parser)
    parser.add_argument("event", choices=[kind.value for kind in Kind], help="what happened")
    parser.add_argument("event_id", help="the id that the shop gave it; of a purchase usually the order number")
    parser.add_argument("--json", action="store_true", help="print the answer for programs")
    _with_config(parser)


def _explain(arguments: argparse.Namespace) -> int:
    settings = _settings(arguments)
    try:
        storefront, event_id = StorefrontId(arguments.storefront), EventId(arguments.event_id)
    except ValueError:
        err.print("A storefront is named by a-z 0-9 - _, an event id has 1 to 64 of A-Z a-z 0-9 _ . : -")
        return 2
    if storefront not in settings.storefronts:
        return _no_such_storefront(settings)
    kind = Kind(arguments.event)
    query = {"storefront": storefront, "event": kind.value, "event_id": event_id}
    try:
        told = _ask(settings, "/api/v1/explain", query, Told)
    except NotRunning:
        told = _explain_closed(settings, storefront, kind, event_id)
    if told is None:
        err.print("Nothing is known of this event: it was not received in the last eight days, or under another id.")
        return 1
    if arguments.json:
        out.print_json(json.dumps(told))
        return 0
    for line in sentences(told):
        out.print(line, markup=False, soft_wrap=True)
    return 0


def _explain_closed(settings: Settings, storefront: StorefrontId, kind: Kind, event_id: EventId) -> Told | None:
    async def look() -> Told | None:
        async with _store(settings) as outbox:
            explanation = await outbox.explain(storefront, kind, event_id)
            return None if explanation is None else tell(explanation, dict.fromkeys(Destination, NOT_RUNNING))

    return asyncio.run(look())


def _accounts_arguments(parser: argparse.ArgumentParser) -> None:
    _with_storefront(parser)
    parser.add_argument("--json", action="store_true", help="print the answer for programs")
    _with_config(parser)


def _accounts(arguments: argparse.Namespace) -> int:
    settings = _settings(arguments)
    name = _named(settings, arguments.storefront)
    if name is None:
        return _no_such_storefront(settings)
    try:
        books = _ask(settings, "/api/v1/accounts", {"storefront": name}, Account)
    except NotRunning:
        books = asyncio.run(_accounts_closed(settings, name))
    if books is None:
        err.print("The running gateway does not know this storefront: it was started with another configuration.")
        return 1
    if arguments.json:
        out.print_json(json.dumps(books))
    else:
        _print_accounts(books)
    return 0 if books["balanced"] else 1


def _named(settings: Settings, text: str) -> StorefrontId | None:
    return next((known for known in settings.storefronts if known == text), None)


def _no_such_storefront(settings: Settings) -> int:
    err.print(f"There is no such storefront in the configuration; it has {', '.join(settings.storefronts)}.", markup=False)
    return 2


async def _accounts_closed(settings: Settings, storefront: StorefrontId) -> Account:
    async with _store(settings) as outbox:
        return account(await outbox.book(storefront))


def _print_accounts(books: Account) -> None:
    out.print(f"received {books['received']}: " + ", ".join(f"{n} {status}" for status, n in books["by_status"].items()))
    for reason, count in books["by_reason"].items():
        out.print(f"  {count} {reason}", markup=False)
    table = Table("destination", "accepted", "delivered", "waiting", "dead", "withdrawn", "delivered value")
    for destination, lane in books["destinations"].items():
        value = ", ".join(f"{sums.get('delivered', '0')} {currency}" for currency, sums in sorted(lane["value"].items()))
        figures = (lane["accepted"], lane["delivered"], lane["waiting"], lane["dead"], lane["withdrawn"])
        table.add_row(destination, *map(str, figures), value)
    _show(table)
    for destination, lane in books["destinations"].items():
        if (processing := lane["processing"]) is not None:
            said = [f"{count} {name}" for name, count in [*processing["said"].items(), ("pending", processing["pending"])]]
            out.print(f"{destination} took {processing['taken']} for processing: {', '.join(said)}", markup=False)
            for reason, count in processing["reasons"].items():
                out.print(f"  {count} {reason}", markup=False)
    out.print("The books balance." if books["balanced"] else "[bold red]The books do NOT balance.[/bold red]")


# ── audit ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _audit_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_subparsers(title="what", required=True, dest="what")
    shapes = _part(
        what.add_parser,
        "shapes",
        "show every key path and kind of value that has left",
        "Shows what has left, one row for each key path and kind of value of a kind of event: how many events had it, when\n"
        "the first and the last left, and by which decision it was acknowledged; with --csv and --json also under which\n"
        "versions of the contract.\n"
        "With --diff: what the contract allows and never left, what left and is allowed no more, and what is new.",
    )
    shapes.add_argument("storefront", nargs="?", help="one storefront only (default: all)")
    shapes.add_argument("--diff", action="store_true", help="show what the contract allows and nobody uses, and what is new")
    shapes.add_argument("--json", action="store_true", help="print the answer for programs")
    shapes.add_argument("--csv", action="store_true", help="print the answer for spreadsheets")
    approve = _part(
        what.add_parser,
        "approve",
        "acknowledge what has left so far, by a decision of the privacy team",
        "Acknowledges the rows of `audit shapes` up to a number, so that they are new no more. Look at them first. Example:\n\n"
        '  consent-gateway audit approve shop1 "DPO decision 2026-11-03" --up-to 41',
    )
    _with_storefront(approve)
    approve.add_argument("decision", help='how the decision is called, such as "DPO decision 2026-11-03"')
    approve.add_argument("--up-to", type=int, required=True, metavar="N", help="the highest row number that was looked at")
    contracts = _part(
        what.add_parser,
        "contracts",
        "write every contract out as JSON Schema",
        "Writes the contract of every destination in use as JSON Schema, a file for each kind of request, and names the files.",
    )
    contracts.add_argument(
        "--out",
        type=Path,
        default=Path("docs/contracts"),
        metavar="FOLDER",
        help="where the files go (default: docs/contracts)",
    )
    contracts.add_argument("--shipped", action="store_true", help="those that come with the program, whatever is configured")
    for command in (shapes, approve, contracts):
        _with_config(command)


def _part(add: Callable[..., argparse.ArgumentParser], name: str, summary: str, teach: str) -> argparse.ArgumentParser:
    """Add one of a command's own commands."""
    return add(name, help=summary, description=teach, formatter_class=argparse.RawDescriptionHelpFormatter)


def _audit(arguments: argparse.Namespace) -> int:
    match arguments.what:
        case "shapes":
            return _audit_shapes(arguments)
        case "approve":
            return _audit_approve(arguments)
        case _:
            return _audit_contracts(arguments)


def _audit_shapes(arguments: argparse.Namespace) -> int:
    settings = _settings(arguments)
    names = [name for name in settings.storefronts if arguments.storefront in (None, name)]
    if not names:
        return _no_such_storefront(settings)
    rows = _all_shapes(settings, names)
    if arguments.diff:
        found = [line for name in names for line in compare(name, rows, settings.storefronts[name].contracts)]
        _print_rows(found, DIFFERENCES, arguments)
    else:
        _print_rows(rows, ROWS, arguments)
    if not (arguments.json or arguments.csv):
        _hint_at_approving(rows)
    return 0


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
        out.print_json(json.dumps(told))
    elif arguments.csv:
        columns = (*layout.heading, *layout.columns, *layout.further)
        csv.writer(sys.stdout, lineterminator="\n").writerows([columns, *(_cells(row, columns) for row in told)])
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
        _show(table)


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


def _all_shapes(settings: Settings, names: Sequence[StorefrontId]) -> list[Row]:
    """Ask the running gateway for its ledger, or read it from the closed store."""
    try:
        told = [_ask(settings, "/api/v1/shapes", {"storefront": name}, Shapes) for name in names]
    except NotRunning:
        told = list(asyncio.run(_shapes_closed(settings, names)))
    return [row for shapes in told if shapes is not None for row in shapes["rows"]]


async def _shapes_closed(settings: Settings, names: Sequence[StorefrontId]) -> Sequence[Shapes]:
    async with _store(settings) as outbox:
        return [tell_shapes(await outbox.departures(name)) for name in names]


def _audit_approve(arguments: argparse.Namespace) -> int:
    settings = _settings(arguments)
    name = next((known for known in settings.storefronts if known == arguments.storefront), None)
    if name is None:
        return _no_such_storefront(settings)
    try:
        decision = Decision(arguments.decision)
    except ValueError:
        err.print("A decision is named in 1 to 200 printable characters, without @.")
        return 2
    body = Approval(str(name), str(decision), arguments.up_to)
    try:
        done = _ask(settings, "/api/v1/shapes/approve", {}, Approved, body)
    except NotRunning:
        done = asyncio.run(_approve_closed(settings, name, decision, arguments.up_to))
    if done is None:
        err.print("The running gateway does not know this storefront: it was started with another configuration.")
        return 1
    out.print(f"Acknowledged: {done['approved']} rows that were new.")
    return 0


async def _approve_closed(settings: Settings, name: StorefrontId, decision: Decision, up_to: int) -> Approved:
    async with _store(settings) as outbox:
        return Approved(approved=await outbox.acknowledge(name, decision, up_to, int(time.time())))


def _audit_contracts(arguments: argparse.Namespace) -> int:
    if arguments.shipped:
        files = [shipped(destination.value) for destination in Destination]
    else:
        lanes = [storefront.contracts for storefront in _settings(arguments).storefronts.values()]
        files = list(
            {contract.file.destination: contract.file for contracts in lanes for contract in contracts.values()}.values()
        )
    folder: Path = arguments.out
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        for name, schema in schemas(file).items():
            path = folder / f"{name}.schema.json"
            path.write_text(json.dumps(schema, indent=1, ensure_ascii=False) + "\n")
            out.print(str(path), markup=False, soft_wrap=True)
    return 0


# ── asking a gateway, running or not ─────────────────────────────────────────────────────────────────────────────

Answer = TypeVar("Answer")


class NotRunning(Exception):
    """No gateway answers on the private address: its store can be opened instead."""


class Troubled(Exception):
    """A gateway is running and could not answer; carries its code or status."""


class Problem(msgspec.Struct, frozen=True):
    """A gateway's error answer."""

    error: Annotated[str, msgspec.Meta(pattern=r"^[a-z_]{1,40}\Z")]


def _ask(
    settings: Settings, path: str, query: Mapping[str, str], kind: type[Answer], body: msgspec.Struct | None = None
) -> Answer | None:
    """Ask the running gateway over its private listener; None when it does not know. Raises NotRunning, Troubled.

    A `body` is posted. Never through a proxy from the environment: the question would leave this machine.
    """
    host, port = settings.server.private
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}{path}?{urlencode(query)}"
    posted = None if body is None else msgspec.json.encode(body)
    request = Request(address, posted, {} if body is None else {"Content-Type": "application/json"})
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=30) as response:
            return msgspec.json.decode(response.read(), type=kind)
    except HTTPError as refused:
        _raise_unless_unknown(refused)
        return None
    except (OSError, HTTPException, msgspec.DecodeError):
        raise NotRunning from None  # nobody there, or something that is no gateway


def _raise_unless_unknown(refused: HTTPError) -> None:
    """Tell a gateway that does not know from one in trouble, and both from another program. Raises NotRunning, Troubled."""
    try:
        with refused:
            problem = msgspec.json.decode(refused.read(), type=Problem)
    except (OSError, HTTPException, msgspec.DecodeError):
        raise NotRunning from None
    if refused.code != 404:
        raise Troubled(problem.error)


def _store(settings: Settings) -> AbstractAsyncContextManager[Outbox]:
    """Open the store of a gateway that is not running."""
    return open_store(settings)


# ── dead, replay ─────────────────────────────────────────────────────────────────────────────────────────────────


def _dead_arguments(parser: argparse.ArgumentParser) -> None:
    _with_storefront(parser)
    parser.add_argument("--json", action="store_true", help="print the answer for programs")
    _with_config(parser)


def _dead(arguments: argparse.Namespace) -> int:
    settings = _settings(arguments)
    name = _named(settings, arguments.storefront)
    if name is None:
        return _no_such_storefront(settings)
    try:
        listing = _ask(settings, "/api/v1/dead-letters", {"storefront": name}, Listing)
    except NotRunning:
        listing = asyncio.run(_dead_closed(settings, name))
    if listing is None:
        err.print("The running gateway does not know this storefront: it was started with another configuration.")
        return 1
    if arguments.json:
        out.print_json(json.dumps(listing))
    else:
        _print_dead(listing)
    return 0


async def _dead_closed(settings: Settings, storefront: StorefrontId) -> Listing:
    async with _store(settings) as outbox:
        return list_dead(await count_dead(outbox, storefront))


def _print_dead(listing: Listing) -> None:
    if not listing["total"]:
        out.print("There are no dead letters.")
        return
    table = Table("destination", "event", "died of", "code", "events", "first", "last", "replayed before")
    for one in listing["letters"]:
        seen = (str(one["count"]), one["first_at"], one["last_at"], str(one["replayed_before"]))
        table.add_row(one["destination"], one["event"], one["reason"], one["code"] or "", *seen)
    _show(table)
    for key in dict.fromkeys((one["destination"], one["reason"], one["code"]) for one in listing["letters"]):
        one = next(one for one in listing["letters"] if (one["destination"], one["reason"], one["code"]) == key)
        out.print(f"{' '.join(filter(None, key))}: {one['what']} {one['do']}", markup=False, soft_wrap=True)


def _replay_arguments(parser: argparse.ArgumentParser) -> None:
    _with_storefront(parser)
    parser.add_argument("--destination", type=Destination, choices=list(Destination), help="only this one")
    parser.add_argument(
        "--reason",
        type=_reason,
        action="append",
        default=[],
        metavar="R",
        help="only what died of it, as `dead` shows it; may be repeated",
    )
    parser.add_argument(
        "--code", action="append", default=[], metavar="C", help="only with this code of the platform; may be repeated"
    )
    parser.add_argument("--event", type=Kind, choices=list(Kind), help="only this kind")
    parser.add_argument(
        "--since",
        type=_moment,
        default=0,
        metavar="WHEN",
        help="only what died since: 2026-11-22, 2026-11-22T10:00:00Z, 36h or 3d",
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--dry-run", action="store_true", help="only show what would be done; the default")
    how.add_argument("--yes", action="store_true", help="do it, after showing it")
    parser.add_argument("--json", action="store_true", help="print the outcome for programs")
    _with_config(parser)


def _reason(text: str) -> Reason:
    try:
        return Reason(text)
    except ValueError:
        raise argparse.ArgumentTypeError("must be a reason as `consent-gateway dead` shows it, such as rejected") from None


def _moment(text: str) -> int:
    """Read a moment as Unix seconds: a date, a time with its offset, or how long ago."""
    ago = re.fullmatch(r"(\d{1,4})([hd])", text, re.ASCII)
    if ago is not None:
        return int(time.time()) - int(ago[1]) * {"h": 3600, "d": 86_400}[ago[2]]
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("must be a date, a time such as 2026-11-22T10:00:00Z, or 36h or 3d ago") from None
    return max(0, int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()))


def _replay(arguments: argparse.Namespace) -> int:
    settings = _settings(arguments)
    name = _named(settings, arguments.storefront)
    if name is None:
        return _no_such_storefront(settings)
    known = settings.storefronts[name].destinations
    if arguments.destination is not None and arguments.destination not in known:
        err.print(f"The storefront has no such destination; it has {', '.join(known)}.", markup=False)
        return 2
    orders = [
        Order(
            storefront=str(name),
            destination=destination,
            reasons=arguments.reason,
            codes=arguments.code,
            event=arguments.event,
            since=arguments.since,
            until=int(time.time()),  # what dies from now on was not shown, so it is not done
        )
        for destination in known
        if arguments.destination in (None, destination)
    ]
    return asyncio.run(_replay_all(settings, name, orders, arguments))


async def _replay_all(
    settings: Settings, storefront: StorefrontId, orders: Sequence[Order], arguments: argparse.Namespace
) -> int:
    """Show what a replay would do, and do it if that was asked for."""
    async with _asking_to_replay(settings, storefront) as (ask, dead):
        wanted = {order.destination.value for order in orders}
        count = sum(one["count"] for one in dead["letters"] if one["destination"] in wanted)
        found = await _replay_once(ask, orders, "looking", count)
        if not arguments.json:
            _print_replay(found, dry_run=True)
        if arguments.yes and found.going:
            found = await _replay_once(
                ask, [msgspec.structs.replace(order, dry_run=False) for order in orders], "replaying", count
            )
            if not arguments.json:
                out.print(
                    f"Replayed: {found.going} event(s). `consent-gateway accounts {storefront}` shows how they fare.",
                    markup=False,
                )
        if arguments.json:
            out.print_json(json.dumps(replay.as_json(found, dry_run=not arguments.yes)))
        elif found.going and not arguments.yes:
            out.print("Nothing was done. Run it again with --yes to do this.")
    return 0


async def _replay_once(ask: replay.Ask, orders: Sequence[Order], what: str, count: int) -> replay.Totals:
    """Go through all orders with a progress bar. What is done stays done when it is interrupted, and is said."""
    totals = replay.Totals()
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn())
    with RichProgress(*columns, TextColumn("{task.fields[going]} to go again"), console=err) as bar:
        task = bar.add_task(what, total=count, going=0)

        def told(now: replay.Totals) -> None:
            bar.update(task, completed=min(now.looked_at, count), going=now.going)

        try:
            await replay.run(ask, orders, told, totals)
        except (asyncio.CancelledError, KeyboardInterrupt):
            err.print(
                f"Stopped while {what}, at {totals.looked_at} letters: {totals.going} to go again. Run it again to go on."
            )
            raise
    return totals


def _print_replay(totals: replay.Totals, *, dry_run: bool) -> None:
    if not totals.lots:
        out.print("There are no such dead letters.")
        return
    table = Table(*replay.COLUMNS)
    for row in replay.rows(totals):
        table.add_row(*row)
    _show(table)
    would = "would go again" if dry_run else "go again"
    out.print(f"{totals.going} event(s) {would}, {totals.staying} may not.")


@asynccontextmanager
async def _asking_to_replay(settings: Settings, storefront: StorefrontId) -> AsyncIterator[tuple[replay.Ask, Listing]]:
    """Give how to ask for a slice, and what is dead: over a running gateway, else over its closed store."""
    try:
        listing = _ask(settings, "/api/v1/dead-letters", {"storefront": storefront}, Listing)
    except NotRunning:
        async with _store(settings) as outbox:
            replayer = Replayer(outbox, rules_of(settings))

            async def closed(order: Order) -> SliceTold:
                found = await replayer.replay(order, time.time())
                if found is None:
                    raise Troubled("unknown_lane")
                return tell_slice(found)

            yield closed, list_dead(await count_dead(outbox, storefront))
            return
    if listing is None:
        raise Troubled("unknown_storefront")

    async def running(order: Order) -> SliceTold:
        try:
            found = await asyncio.to_thread(_ask, settings, "/api/v1/replay", {}, SliceTold, order)
        except NotRunning:
            raise Troubled("gone") from None
        if found is None:
            raise Troubled("unknown_lane")
        return found

    yield running, listing


# ── send ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _send_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="a .csv of orders, or NDJSON with one event of the gateway's format a line")
    parser.add_argument(
        "--to", required=True, type=_base_url, metavar="URL", help="the gateway's public address, such as http://127.0.0.1:8080"
    )
    parser.add_argument("--key", required=True, metavar="REFERENCE", help="the secret key, as env:NAME or file:PATH")
    parser.add_argument("--rate", type=_rate, metavar="N", help="at most N events a second (default: as fast as it answers)")
    parser.add_argument("--again", action="store_true", help="begin at the start; repeats are recognised by their event id")


def _base_url(text: str) -> str:
    if re.fullmatch(r"https?://[^\s/?#@]+/?", text) is None:
        raise argparse.ArgumentTypeError("must be an address such as https://gateway.example, without a path")
    return text.rstrip("/")


def _rate(text: str) -> float:
    rate = float(text)
    if not 0 < rate < math.inf:
        raise argparse.ArgumentTypeError("must be more than 0")
    return rate


def _send(arguments: argparse.Namespace) -> int:
    path: Path = arguments.file
    try:
        key = resolve(arguments.key, Path.cwd(), os.environ)
        size = path.stat().st_size
    except (BadReference, OSError) as bad:
        err.print(f"--key: {bad}" if isinstance(bad, BadReference) else "The file cannot be read.", markup=False)
        return 2
    progress = backfill.Progress() if arguments.again else backfill.load_progress(path)
    if progress.offset:
        out.print(f"Going on where an earlier run stopped: {progress.lines} events are answered.")
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn())
    with RichProgress(*columns, TextColumn("{task.fields[events]} events"), console=err) as bar:
        task = bar.add_task("sending", total=size, completed=progress.offset, events=progress.lines)

        def told(now: backfill.Progress) -> None:
            bar.update(task, completed=now.offset, events=now.lines)

        try:
            asyncio.run(backfill.send(path, arguments.to, key, arguments.rate, progress, told))
        except backfill.Stopped as stopped:
            err.print(_why_stopped(stopped), markup=False)
            return 1
    for line in backfill.summary(progress):
        out.print(line, markup=False)
    return 0


def _why_stopped(stopped: backfill.Stopped) -> str:
    where = f" (line {stopped.line} after the last answered one)" if stopped.line else ""
    status = f" (status {stopped.status})" if stopped.status else ""
    return f"Stopped: {stopped.trouble.value}{where}{status}."


# ── key ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _key_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_subparsers(title="what", required=True, dest="what")
    file = _part(
        what.add_parser,
        "file",
        "make the key file that seals the store",
        "Makes the key file of a new gateway, readable by its owner alone. A file that is there already is never overwritten.",
    )
    file.add_argument("path", type=Path, help="where it goes: the setting server.key_file, outside server.data_dir")
    make = _part(
        what.add_parser,
        "make",
        "make a storefront's key and print it once, with the lines for the configuration",
        "Makes an API key. It is printed once and kept nowhere; the configuration gets its hash. Example:\n\n"
        "  consent-gateway key make --kind secret --id 2026a --key-file /etc/consent-gateway/sealing.json",
    )
    make.add_argument(
        "--kind",
        choices=[kind.value for kind in KeyKind],
        required=True,
        help="secret: for the shop's servers; publishable: for its pages",
    )
    make.add_argument("--id", required=True, help="1 to 20 of a-z 0-9, unique among the keys of its kind, such as 2026a")
    make.add_argument("--key-file", type=Path, required=True, help="the key file of the gateway that will know the key")


def _key(arguments: argparse.Namespace) -> int:
    if arguments.what == "file":
        try:
            Keyring.create(arguments.path)
        except FileExistsError:
            err.print("There is a file already. It is not overwritten: without it, what it sealed could never be read again.")
            return 1
        except OSError:
            err.print("The file cannot be made there: its folder must exist and be writable.")
            return 1
        out.print(
            "Made, readable by you alone. Keep a copy apart from the data: without it the store cannot be read.", soft_wrap=True
        )
        return 0
    try:
        key_id = KeyId(arguments.id)
    except ValueError:
        err.print("--id: must be 1 to 20 of a-z 0-9")
        return 2
    kind = KeyKind(arguments.kind)
    key = make_key(kind, key_id)
    hashed = hash_key(Keyring.load(arguments.key_file).pepper, key)
    out.print("The key, shown this once:")
    out.print(f"  {key}", markup=False, soft_wrap=True)
    out.print("For the storefront's part of the configuration, which never holds the key itself:", soft_wrap=True)
    for line in ("[[storefronts.NAME.keys]]", f'id = "{key_id}"', f'kind = "{kind.value}"', f'hash = "{hashed}"'):
        out.print(f"  {line}", markup=False, soft_wrap=True)
    return 0


def _nothing(_parser: argparse.ArgumentParser) -> None:
    """Take no arguments."""


COMMANDS: Final[Mapping[str, Command]] = {
    "serve": Command(
        "run the gateway",
        "Runs the gateway until SIGTERM: the public listener takes events, the private one tells how it goes.\n"
        "SIGTERM stops gracefully; a second one hurries. `kill -9` loses nothing that was answered.",
        _with_config,
        _serve,
    ),
    "demo": Command(
        "run everything on this machine: gateway, sandbox platforms, a shop",
        "Starts a gateway on its embedded store, stand-ins for the three ad platforms and a small shop, all on loopback.\n"
        "Open the shop, accept or refuse, buy, and see what left.",
        _demo_arguments,
        _demo,
    ),
    "check": Command(
        "report every fault of a configuration at once",
        "Reads the configuration and all that it refers to, and names every fault by its place and rule, never its value.\n"
        "With --live it also sends each destination one harmless request, whose only identity is the digest of an address\n"
        "at example.com, and explains the answer: wrong id, expired token, missing right, closed API, no way to the host.\n"
        "Google checks and takes nothing; Pinterest is asked in its test mode; Meta, which has neither, is sent an event too\n"
        "old to be taken, or with --meta-test-code a page view that it counts. Exit code 0 only if all answered well.",
        _check_arguments,
        _check,
    ),
    "explain": Command(
        "tell why an event went or did not go",
        "Tells what is known of one event: the consent signals seen, the rule that decided per destination, what was done\n"
        "to its fields, and every attempt with the platform's code. Example:\n\n"
        "  consent-gateway explain shop1 purchase 1001",
        _explain_arguments,
        _explain,
    ),
    "accounts": Command(
        "show a storefront's books and whether they balance",
        "received = accepted + duplicate + refused + invalid, and\n"
        "accepted x destinations = delivered + waiting + dead + withdrawn. Exit code 1 if they do not.",
        _accounts_arguments,
        _accounts,
    ),
    "audit": Command(
        "show what has left, acknowledge it, write the contracts out as JSON Schema",
        "`audit shapes` shows every key path and kind of value that has left, with --diff against the contract. What is new\n"
        "raises an alarm until `audit approve` acknowledges it by the name of a decision. `audit contracts` writes JSON\n"
        "Schema. Example:\n\n"
        "  consent-gateway audit shapes shop1 --diff",
        _audit_arguments,
        _audit,
    ),
    "dead": Command(
        "count a storefront's dead letters, and say what to do",
        "Counts the events that will not be delivered, by destination, reason and the platform's code, with what each means\n"
        "and what to do about it. They are kept for 14 days.",
        _dead_arguments,
        _dead,
    ),
    "replay": Command(
        "send dead letters again, where that may be",
        "Shows which dead letters would be sent again, in events and money, and which may not and why: consent, age and the\n"
        "platform's window for repeats are checked again. With --yes it then gives them back to their couriers, slice by\n"
        "slice; it can be cut off and run again without harm. Without a running gateway they wait for the next start.\n"
        "Mend the cause first: `consent-gateway dead STOREFRONT` says what it is. Example:\n\n"
        "  consent-gateway replay shop1 --destination meta --reason rejected --since 2d --yes",
        _replay_arguments,
        _replay,
    ),
    "send": Command(
        "post a file of orders as events",
        "Posts a CSV (order_id, purchased_on, value, currency, email, advertising, given_at) or NDJSON file in batches.\n"
        "Shows progress, can be cut off and started again, and ends with a summary. Orders without consent are refused\n"
        "by the gateway, as from anybody else. Example:\n\n"
        "  consent-gateway send orders.csv --to https://gateway.example --key env:GATEWAY_KEY --rate 500",
        _send_arguments,
        _send,
    ),
    "key": Command(
        "make the key file, or a storefront's key",
        "`key file` makes the file that seals the store. `key make` makes a key for a storefront and prints it once.",
        _key_arguments,
        _key,
    ),
}
"""Every command; the documentation is tested against this."""
