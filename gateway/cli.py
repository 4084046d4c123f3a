"""`consent-gateway`: what can be typed, with a `--help` that teaches, and what becomes of it.

A command's own file, in `gateway.commands`, is brought in when the command is run and not before, so that the answer to a
question is not kept waiting by machinery of other commands.
"""

import argparse
import errno
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Final

import msgspec

from gateway.commands import typed
from gateway.commands.ending import Ended
from gateway.keys import KeyKind
from gateway.model import Destination, Kind
from gateway.places import CONFIG_VARIABLE, DEMO_LAST_OFFSET, DEMO_PORT, DEMO_STATE, LOG_ORIGIN

NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What a disk says that takes no more."""
NO_ROOM_TOLD: Final = "What was to be written found no room on the disk: make some, and run the command again."

Parts = Any
"""What `add_subparsers` gives; its type has no public name."""


class Command(msgspec.Struct, frozen=True):
    """A command: what it is for, and its arguments. `gateway.commands` has a file of its name, whose `run` does it."""

    summary: str
    teach: str
    arguments: Callable[[argparse.ArgumentParser], None]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: 0 done, 1 failed, 2 wrong use or configuration, or as its help says."""
    _open_standard_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # not every locale has each of our characters, and one `…` must not end a command
            stream.reconfigure(errors="backslashreplace")
    arguments = _parser().parse_args(argv)
    try:
        return _run(arguments)
    except Ended as ended:
        _brought_in("showing").show_ending(ended)
        return ended.code
    except BrokenPipeError:  # whoever reads has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as failed:
        if failed.errno not in NO_ROOM:
            raise
        _give_up_output()
        _brought_in("showing").show_ending(Ended(1, NO_ROOM_TOLD))
        return 1
    except KeyboardInterrupt:
        return 130


def _give_up_output() -> None:
    """Let out what can still be printed, and drop the rest: Python would fail once more over it at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _open_standard_streams() -> None:
    """Open what was begun without, towards nothing: else a connection gets one of their numbers, and libuv ends the process
    when it closes it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115 - until the process ends
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115


def _run(arguments: argparse.Namespace) -> int:
    """Run a command until all that it prints is out."""
    code: int = _brought_in(arguments.command).run(arguments)
    sys.stdout.flush()
    return code


def _brought_in(name: str) -> Any:  # noqa: ANN401 - a module; a test holds each to what is asked of it
    """Bring in a file of `gateway.commands`, and all that it needs."""
    return import_module(f"gateway.commands.{name.replace('-', '_')}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="consent-gateway",
        description="Forwards a storefront's conversion events to ad platforms: with consent only, minimised, accounted for.",
        epilog="Begin with `consent-gateway demo`. Every command has its own --help.",
    )
    parser.add_argument("--version", action=_TellVersion, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", dest="command")
    for name, command in COMMANDS.items():
        sub = commands.add_parser(
            name, help=command.summary, description=command.teach, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        command.arguments(sub)
    return parser


class _TellVersion(argparse.Action):
    """Prints the version that is installed."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print it and leave."""
        sys.stdout.write(f"{parser.prog} {import_module('gateway.metrics').VERSION}\n")
        parser.exit()


def _part(add: Callable[..., argparse.ArgumentParser], name: str, summary: str, teach: str) -> argparse.ArgumentParser:
    """Add one of a command's own commands."""
    return add(name, help=summary, description=teach, formatter_class=argparse.RawDescriptionHelpFormatter)


# ── arguments ────────────────────────────────────────────────────────────────────────────────────────────────────


def _with_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        type=Path,
        help=f"the configuration file (default: ${CONFIG_VARIABLE}, else ./gateway.toml, else the demo's)",
    )


def _with_storefront(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("storefront", help="its name in the configuration: [storefronts.NAME]")


def _demo_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state", type=Path, default=DEMO_STATE, help="where the demo keeps its store and keys")
    parser.add_argument(
        "--port",
        type=typed.first_port,
        default=DEMO_PORT,
        metavar="N",
        help=f"the gateway's port, default {DEMO_PORT}; the others follow up to N+{DEMO_LAST_OFFSET}",
    )


def _dry_run_arguments(parser: argparse.ArgumentParser) -> None:
    _with_storefront(parser)
    parser.add_argument("event", metavar="FILE", help="a file with the event in JSON, or - for standard input")
    parser.add_argument("--browser", action="store_true", help="as a browser sends it, not a server")
    parser.add_argument("--ip", type=typed.text, help="with --browser: the address of its connection")
    parser.add_argument("--user-agent", type=typed.text, help="with --browser: how it describes itself")
    parser.add_argument("--gpc", action="store_true", help="with --browser: it sends Sec-GPC: 1")
    parser.add_argument("--exact", action="store_true", help="show values, not kinds")
    parser.add_argument("--json", action="store_true", help="print the answer for programs")
    _with_config(parser)


def _check_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--live", action="store_true", help="also send one harmless request to each destination")
    parser.add_argument("--storefront", help="with --live: only this one's destinations")
    parser.add_argument(
        "--meta-test-code",
        type=typed.test_code,
        metavar="CODE",
        help="with --live: send Meta a page view under this code from Events Manager; it counts like any other event",
    )
    parser.add_argument("--json", action="store_true", help="print the outcome for programs")
    _with_config(parser)


def _explain_arguments(parser: argparse.ArgumentParser) -> None:
    _with_storefront(parser)
    parser.add_argument("event", choices=[kind.value for kind in Kind], help="what happened")
    parser.add_argument("event_id", help="the id that the shop gave it; of a purchase usually the order number")
    parser.add_argument("--json", action="store_true", help="print the answer for programs")
    _with_config(parser)


def _accounts_arguments(parser: argparse.ArgumentParser) -> None:
    _with_storefront(parser)
    parser.add_argument("--json", action="store_true", help="print the answer for programs")
    _with_config(parser)


def _health_arguments(parser: argparse.ArgumentParser) -> None:
    _with_table(parser)
    _accounts_arguments(parser)


def _with_table(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--csv", type=Path, metavar="OUT", help="write it as a table to this new file instead")


def _pause_arguments(parser: argparse.ArgumentParser) -> None:
    _with_storefront(parser)
    parser.add_argument(
        "destination", type=typed.destination, choices=list(Destination), metavar="DESTINATION", help="which one"
    )
    parser.add_argument("--json", action="store_true", help="print the answer for programs")
    _with_config(parser)


def _funnel_arguments(parser: argparse.ArgumentParser) -> None:
    _with_storefront(parser)
    parser.add_argument("--event", choices=[kind.value for kind in Kind], help="one kind of event; all together without it")
    parser.add_argument("--step", choices=("hour", "day", "week"), default="day", help="how long each line is (day)")
    parser.add_argument(
        "--count", type=int, metavar="N", help="how many lines, the one that has begun among them (24, 14 or 8)"
    )
    _with_table(parser)
    parser.add_argument("--json", action="store_true", help="print the answer for programs")
    _with_config(parser)


def _reconcile_arguments(parser: argparse.ArgumentParser) -> None:
    _with_storefront(parser)
    parser.add_argument("file", type=Path, help="the shop's list of orders, as CSV")
    parser.add_argument("--event", choices=[kind.value for kind in Kind], default="purchase", help="what the list is of")
    parser.add_argument(
        "--format",
        choices=("plain", "shopify", "woocommerce", "prestashop"),
        default="plain",
        help="whose export it is; plain has the columns id, value, currency and perhaps at",
    )
    parser.add_argument("--currency", metavar="C", help="what amounts are in, where the file has no such column: EUR")
    parser.add_argument("--csv", type=Path, metavar="OUT", help="write where each order is to this new file")
    parser.add_argument(
        "--missed", type=Path, metavar="OUT", help="write the orders that never came to this new file, for `send`"
    )
    parser.add_argument("--exact", action="store_true", help="tell the reasons of refusals for consent as they are")
    parser.add_argument("--json", action="store_true", help="print the sums for programs")
    _with_config(parser)


def _compare_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recorded", metavar="RECORDED", type=Path, help="what came in to the old container, as HAR or NDJSON")
    parser.add_argument("--storefront", required=True, help="whose it is: [storefronts.NAME] in the configuration")
    parser.add_argument("--sent", type=Path, help="what the old container sent out, as HAR or NDJSON")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the report to this new file, to be printed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report for programs to this new file")
    parser.add_argument("--language", choices=("en", "fr"), default="en", help="the language of --html (default: en)")
    _with_config(parser)


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
    report = _part(
        what.add_parser,
        "report",
        "write everything of a period on one sheet, to be printed",
        "Writes one HTML file that stands alone: did anything leave without consent, what left by which contract, refusals,\n"
        "requests of persons, and the record of processing (GDPR, art. 30(1)). That is recorded in the signed log. Example:\n\n"
        "  consent-gateway audit report shop1 --since 2026-11-01 --until 2026-11-30 --out november.html",
    )
    _with_storefront(report)
    report.add_argument("--since", metavar="DAY", help="the first day, of UTC (default: thirty days)")
    report.add_argument("--until", metavar="DAY", help="the last day (default: today)")
    report.add_argument("--out", type=Path, required=True, metavar="FILE", help="where it goes")
    report.add_argument("--language", choices=("en", "fr"), default="en", help="the language of its words (default: en)")
    _log_arguments(what)
    for command in (shapes, approve, contracts, report):
        _with_config(command)


def _log_arguments(what: Parts) -> None:
    """Add what is done with the signed log."""
    verify = _part(
        what.add_parser,
        "verify",
        "verify the signed log against checkpoints that were kept elsewhere",
        "Reads every entry of the signed log and holds it against checkpoints: names the first entry that is not as it was,\n"
        "and the rule that tells so. Works on a copy, without a configuration, given --log, --checkpoint, --key. Exit code 0\n"
        "only if all is as it was, 1 if not, 2 if it could not be verified. Example:\n\n"
        "  consent-gateway audit verify --log entries.ndjson --checkpoint checkpoints.txt --key VKEY",
    )
    verify.add_argument("--log", type=Path, metavar="FILE", help="the entries (default: this gateway's own)")
    verify.add_argument(
        "--checkpoint",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="one or more checkpoints; may be repeated (default: audit.checkpoint_file's, and the log's own last)",
    )
    verify.add_argument(
        "--key",
        metavar="VKEY",
        help="the verifier key, or a file of it (default: audit.signing_key's)",
    )
    verify.add_argument("--proof", type=Path, metavar="FILE", help="the proof of an export, where --log is one")
    export = _part(
        what.add_parser,
        "export",
        "write out the signed log's entries of some time, with proof",
        "Writes the entries of a time as NDJSON, the checkpoint that covers them, and the proof that they are in it. Who gets\n"
        "the three files can verify them without the rest of the log. Example:\n\n"
        "  consent-gateway audit export --since 2026-11-01 --until 2026-12-01 --out november",
    )
    export.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the three files go")
    log = _part(
        what.add_parser,
        "log",
        "show entries of the signed log",
        "Shows the newest entries of the signed log, all or of some kinds. `audit verify` says if they are genuine.\n"
        "Example:\n\n"
        "  consent-gateway audit log --kind replay --kind shapes_approved --since 30d",
    )
    log.add_argument("--log", type=Path, metavar="FILE", help="the entries (default: this gateway's own)")
    log.add_argument("--kind", action="append", default=[], metavar="K", help="only this kind of entry; may be repeated")
    log.add_argument("--limit", type=typed.count, default=100, metavar="N", help="at most so many, the newest (default: 100)")
    for command in (export, log):
        command.add_argument(
            "--since",
            type=typed.moment,
            default=0,
            metavar="WHEN",
            help="from then on: 2026-11-22, 2026-11-22T10:00:00Z, 36h or 3d",
        )
        command.add_argument("--until", type=typed.moment, default=1 << 40, metavar="WHEN", help="up to then")
    for command in (verify, log):
        command.add_argument("--json", action="store_true", help="print the answer for programs")
    for command in (verify, export, log):
        _with_config(command)


def _dead_arguments(parser: argparse.ArgumentParser) -> None:
    _with_storefront(parser)
    parser.add_argument("--list", action="store_true", help="show them one by one, by the shop's own event id")
    _with_table(parser)
    parser.add_argument("--json", action="store_true", help="print the answer for programs")
    _with_config(parser)


def _replay_arguments(parser: argparse.ArgumentParser) -> None:
    _with_storefront(parser)
    parser.add_argument("--destination", type=typed.destination, choices=list(Destination), help="only this one")
    parser.add_argument(
        "--reason",
        type=typed.reason,
        action="append",
        default=[],
        metavar="R",
        help="only what died of it, as `dead` shows it; may be repeated",
    )
    parser.add_argument(
        "--code",
        type=typed.text,
        action="append",
        default=[],
        metavar="C",
        help="only with this code of the platform; may be repeated",
    )
    parser.add_argument("--event", type=typed.kind, choices=list(Kind), help="only this kind")
    parser.add_argument(
        "--since",
        type=typed.moment,
        default=0,
        metavar="WHEN",
        help="only what died since: 2026-11-22, 2026-11-22T10:00:00Z, 36h or 3d",
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--dry-run", action="store_true", help="only show what would be done; the default")
    how.add_argument("--yes", action="store_true", help="do it, after showing it")
    parser.add_argument("--json", action="store_true", help="print the outcome for programs")
    _with_config(parser)


def _with_person(parser: argparse.ArgumentParser) -> None:
    who = parser.add_argument_group("whom it is about", "At least one; several name the same person.")
    address = who.add_mutually_exclusive_group()
    address.add_argument(
        "--email", type=typed.standard_input, metavar="-", help="the address, read from standard input; never as an argument"
    )
    address.add_argument("--email-file", type=Path, metavar="FILE", help="the address, read from a file")
    who.add_argument(
        "--order-id", type=typed.text, metavar="ID", help="the number of an order; for purchases usually their event id"
    )
    who.add_argument("--client-id", type=typed.text, metavar="ID", help="the id that the shop's pages know a browser by")
    who.add_argument("--receipt", type=typed.text, metavar="R", help="the receipt of a consent record")
    who.add_argument("--cart-token", type=typed.text, metavar="T", help="the token of a cart")
    who.add_argument("--checkout-token", type=typed.text, metavar="T", help="the token of a checkout")
    parser.add_argument("--storefront", help="at this one only (default: at all of them)")
    parser.add_argument(
        "--law",
        choices=["gdpr", "california"],
        default="gdpr",
        help="which says until when it is due: 30 days, at most a month (the default), or 45 days",
    )
    _with_config(parser)


def _withdraw_arguments(parser: argparse.ArgumentParser) -> None:
    _with_person(parser)
    parser.add_argument("--json", action="store_true", help="print the receipts for programs")


def _erase_arguments(parser: argparse.ArgumentParser) -> None:
    _with_person(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask whether that is meant")
    parser.add_argument("--json", action="store_true", help="print the receipts for programs")


def _access_arguments(parser: argparse.ArgumentParser) -> None:
    _with_person(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="a new file that only you can read (default: standard output)")


def _requests_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--storefront", help="of this one only (default: of all of them)")
    parser.add_argument("--open", action="store_true", help="only those that were begun and not finished")
    parser.add_argument("--json", action="store_true", help="print the register for programs")
    _with_config(parser)


def _send_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="a .csv of orders, or NDJSON with one event of the gateway's format a line")
    parser.add_argument(
        "--to",
        required=True,
        type=typed.base_url,
        metavar="URL",
        help="the gateway's public address, such as http://127.0.0.1:8080",
    )
    parser.add_argument("--key", required=True, metavar="REFERENCE", help="the secret key, as env:NAME or file:PATH")
    parser.add_argument(
        "--rate", type=typed.rate, metavar="N", help="at most N events a second (default: as fast as it answers)"
    )
    parser.add_argument("--again", action="store_true", help="begin at the start; repeats are recognised by their event id")


def _tag_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--address", required=True, metavar="URL", help="the gateway's public address, https://gateway.example")
    parser.add_argument("--key", required=True, metavar="pk_…", help="the storefront's publishable key")
    parser.add_argument("--shopify", action="store_true", help="print Shopify's custom pixel instead")
    parser.add_argument("--clicks", action="store_true", help="also read the ids of ads from a page's address")
    parser.add_argument("--no-page-views", action="store_true", help="tell of page views only where the page says so")


def _key_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_subparsers(title="what", required=True, dest="what")
    file = _part(
        what.add_parser,
        "file",
        "make the key file that seals the store",
        "Makes the key file of a new gateway, readable by its owner alone. A file that is there already is never overwritten.",
    )
    file.add_argument("path", type=Path, help="where it goes: the setting server.key_file, outside server.data_dir")
    signing = _part(
        what.add_parser,
        "signing",
        "make the key that signs the log's checkpoints",
        "Makes the signing key of the signed log, readable by its owner alone, and prints the verifier key that goes with it.\n"
        "Example:\n\n"
        "  consent-gateway key signing /etc/consent-gateway/signing.key --origin gateway.example/log",
    )
    signing.add_argument("path", type=Path, help="where it goes: the setting audit.signing_key, outside server.data_dir")
    signing.add_argument(
        "--origin",
        type=typed.text,
        default=LOG_ORIGIN,
        help=f"whose log it is: the setting audit.origin (default: {LOG_ORIGIN})",
    )
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


def _console_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_subparsers(title="what", required=True, dest="what")
    _part(
        what.add_parser,
        "password",
        "hash a password for somebody who signs in to the console",
        "Asks for a new password twice, without showing it, and prints its Argon2id hash for the configuration.\n"
        "Others choose their own: let them run this where they are and send you the hash. Without a terminal the password is\n"
        "one line of standard input.",
    )
    token = _part(
        what.add_parser,
        "token",
        "make a program's token for the private API and print it once, with the lines for the configuration",
        "Makes a token with which a program asks the API of the private listener. Example:\n\n"
        "  consent-gateway console token --id reports --role marketer --key-file /etc/consent-gateway/sealing.json",
    )
    token.add_argument("--id", required=True, help="1 to 20 of a-z 0-9, unique among the tokens")
    token.add_argument(
        "--role",
        action="append",
        choices=["marketer", "privacy", "operator"],
        required=True,
        help="what it may do; can be given more than once",
    )
    token.add_argument("--key-file", type=Path, required=True, help="the key file of the gateway that will know the token")


# ── the commands ───────────────────────────────────────────────────────────────────────────────────────────────

COMMANDS: Final[Mapping[str, Command]] = {
    "serve": Command(
        "run the gateway",
        "Runs the gateway until SIGTERM: the public listener takes events, the private one tells how it goes.\n"
        "SIGTERM stops gracefully; a second one hurries. `kill -9` loses nothing that was answered.",
        _with_config,
    ),
    "demo": Command(
        "run everything on this machine: gateway, sandbox platforms, a shop",
        "Starts a gateway on its embedded store, stand-ins for the three ad platforms and a small shop, all on loopback.\n"
        "Open the shop, accept or refuse, buy, and see what left.",
        _demo_arguments,
    ),
    "check": Command(
        "report every fault of a configuration at once",
        "Reads the configuration and all that it refers to, and names every fault by its place and rule, never its value.\n"
        "With --live it also sends each destination one harmless request, whose only identity is the digest of an address\n"
        "at example.com, and explains the answer: wrong id, expired token, missing right, closed API, no way to the host.\n"
        "Google checks and takes nothing; Pinterest is asked in its test mode; Meta, which has neither, is sent an event too\n"
        "old to be taken, or with --meta-test-code a page view that it counts. Exit code 0 only if all answered well.",
        _check_arguments,
    ),
    "explain": Command(
        "tell why an event went or did not go",
        "Tells what is known of one event: the consent signals seen, the rule that decided per destination, what was done\n"
        "to its fields, and every attempt with the platform's code. Example:\n\n"
        "  consent-gateway explain shop1 purchase 1001",
        _explain_arguments,
    ),
    "dry-run": Command(
        "tell what would happen to an event, and exactly what would leave",
        "Reads one event as it would be posted to /v1/events, and shows for each destination whether it would go and the JSON\n"
        "that would leave, with the kind of each value in its place; --exact shows the values. Nothing is stored, sent,\n"
        "counted or logged. Exit code 0 if it would go anywhere. Example:\n\n"
        "  consent-gateway dry-run shop1 event.json",
        _dry_run_arguments,
    ),
    "accounts": Command(
        "show a storefront's books and whether they balance",
        "received = accepted + duplicate + refused + invalid, and\n"
        "accepted x destinations = delivered + waiting + dead + withdrawn. Exit code 1 if they do not.",
        _accounts_arguments,
    ),
    "funnel": Command(
        "show what came in, was refused and arrived, over time",
        "One line for each hour, day or week of the storefront's time zone: what came in, what was refused for consent, what\n"
        "was accepted, and what each destination confirmed, in events and in money; then today beside the same hours a week\n"
        "ago, and which kinds of event have stopped. Groups of people that are too small are told as `<10`. Example:\n\n"
        "  consent-gateway funnel shop1 --event purchase --step week",
        _funnel_arguments,
    ),
    "health": Command(
        "show how a storefront's destinations stand",
        "Asks the running gateway, for each destination: up or why not, how old its token is, what waits, and when the first\n"
        "of it is too old for the platform. Exit code 1 if one is down.",
        _health_arguments,
    ),
    "pause": Command(
        "stop one destination of a storefront",
        "Nothing more is sent there until it is resumed, also after a restart; what has begun is finished. Events go on being\n"
        "taken and wait, and go on growing older: the answer says how many wait, and when the first is too old. Recorded in\n"
        "the signed log. Doing it again does no harm. Example:\n\n"
        "  consent-gateway pause shop1 meta",
        _pause_arguments,
    ),
    "resume": Command(
        "let a destination that was paused go on",
        "What waits there is sent, what is new first; what has grown too old meanwhile becomes a dead letter. Recorded in the\n"
        "signed log. Doing it again does no harm. Example:\n\n"
        "  consent-gateway resume shop1 meta",
        _pause_arguments,
    ),
    "reconcile": Command(
        "hold a shop's list of orders against what became of them",
        "Reads the shop's export of orders and tells where they are: never came, refused, waiting, delivered, failed, in\n"
        "orders and in money, the largest gap first. --csv writes where each one is. --missed writes those that never came\n"
        "as a file that `send` takes; it has the customers' addresses in it if the export has, so delete it afterwards.\n"
        "Exit code 1 if orders are missing, 2 if the list cannot be read. Example:\n\n"
        "  consent-gateway reconcile shop1 orders_export.csv --format shopify --missed missed.ndjson",
        _reconcile_arguments,
    ),
    "compare": Command(
        "hold an old tag container's recorded traffic against what this gateway would send of it",
        "Runs a recorded hour through the same readers, rules, adapters and contracts as the running gateway; nothing is\n"
        "stored or sent. Tells which events the old container sent and this one would not, for which reason of consent, and\n"
        "every field that the old one sends and this one does not, by name and kind of value, never a value.\n\n"
        'RECORDED is a HAR file, or has one request a line: {"at", "method", "url", "headers", "body"}. Requests to\n'
        "/g/collect (Google's tag), /data (Stape's), /v1/events and /v1/collect are read. SENT is the same of what it sent\n"
        "to Meta, Pinterest and Google, or its tags' own log; without it you see what would leave here, and what came in and\n"
        "would not.\n"
        "Exit code 0 if nothing differs, 1 if something does, 2 if a file cannot be read. Example:\n\n"
        "  consent-gateway compare in.har --storefront shop1 --sent out.ndjson --html comparison.html",
        _compare_arguments,
    ),
    "audit": Command(
        "show what has left, acknowledge it; verify, export and show the signed log; write contracts out",
        "`audit shapes` shows every key path and kind of value that has left, with --diff against the contract. What is new\n"
        "raises an alarm until `audit approve` acknowledges it by the name of a decision. `audit contracts` writes JSON\n"
        "Schema. `audit verify` says whether the signed log is as it was, `audit export` writes a part of it out with proof,\n"
        "and `audit log` shows it. Example:\n\n"
        "  consent-gateway audit shapes shop1 --diff",
        _audit_arguments,
    ),
    "dead": Command(
        "count a storefront's dead letters, and say what to do",
        "Counts the events that will not be delivered, by destination, reason and the platform's code, with what each means\n"
        "and what to do about it. They are kept for 14 days.",
        _dead_arguments,
    ),
    "replay": Command(
        "send dead letters again, where that may be",
        "Shows which dead letters would be sent again, in events and money, and which may not and why: consent, age and the\n"
        "platform's window for repeats are checked again. With --yes it then gives them back to their couriers, slice by\n"
        "slice; it can be cut off and run again without harm. Without a running gateway they wait for the next start.\n"
        "Mend the cause first: `consent-gateway dead STOREFRONT` says what it is. Example:\n\n"
        "  consent-gateway replay shop1 --destination meta --reason rejected --since 2d --yes",
        _replay_arguments,
    ),
    "withdraw": Command(
        "take out what waits for a person who withdraws consent",
        "Takes all that waits or is dead for a person out of the store, on all destinations, and refuses what comes later\n"
        "until the person decides anew; their consent records are marked as withdrawn. Prints a receipt with counts, and\n"
        "what is still to be asked of the platforms. Doing it again does no harm. Example:\n\n"
        "  consent-gateway withdraw --email - --order-id 1001 < address.txt",
        _withdraw_arguments,
    ),
    "erase": Command(
        "remove a person from every store",
        "Withdraws, and deletes what is remembered of the person: what was sent, the traces of why, the consent records. What\n"
        "stays is what proves it: a line in the register, and keyed hashes by which what comes later is refused. Asks first,\n"
        "unless --yes is said. Prints what must still be asked of Meta, Pinterest and Google; that list cannot be made again\n"
        "afterwards. Example:\n\n"
        "  consent-gateway erase --email-file address.txt --yes",
        _erase_arguments,
    ),
    "access": Command(
        "write down all that is held of a person, and what was sent to whom",
        "Writes JSON: each event that is held with its fields, what was sent to whom, when, in which fields and on which\n"
        "evidence, the consent records with their proofs, requests so far, and how long everything is kept. Find out first\n"
        "that whoever asks is who they say: it tells of exactly what is named here. Example:\n\n"
        "  consent-gateway access --email - --out disclosure.json < address.txt",
        _access_arguments,
    ),
    "requests": Command(
        "show the register of persons' requests",
        "Shows who asked for what by number, never by name: when, until when it is due, when it was done and what came of it.\n"
        "An open line was interrupted; asking for the same right of the same person again finishes it.",
        _requests_arguments,
    ),
    "send": Command(
        "post a file of orders as events",
        "Posts a CSV (order_id, purchased_on, value, currency, email, country, advertising, given_at) or NDJSON file in\n"
        "batches. The name of a CSV file ends in .csv; it has a header line, commas between its cells, and amounts as 129.90.\n"
        "Shows progress, can be cut off and started again, and ends with a summary. Orders without consent are refused\n"
        "by the gateway, as from anybody else. Exit code 0 if all of the file was answered, 1 if it stopped before that\n"
        "(the same command goes on), 3 if events were invalid: the summary names their lines. Example:\n\n"
        "  consent-gateway send orders.csv --to https://gateway.example --key env:GATEWAY_KEY --rate 500",
        _send_arguments,
    ),
    "tag": Command(
        "print what a shop puts into its pages",
        "Prints the element for the browser's tag, with the hash by which a browser knows that it is the right one, and what\n"
        "a page's own policy must allow. With --shopify prints the custom pixel to paste. Example:\n\n"
        "  consent-gateway tag --address https://gateway.shop.example --key pk_2026a_…",
        _tag_arguments,
    ),
    "key": Command(
        "make the key file, a storefront's key, or the log's signing key",
        "`key file` makes the file that seals the store. `key make` makes a key for a storefront and prints it once.\n"
        "`key signing` makes the key that signs the log's checkpoints.",
        _key_arguments,
    ),
    "console": Command(
        "make what people and programs come in to the console with",
        "`console password` hashes a password for somebody who signs in. `console token` makes a program's token for the API\n"
        "and prints it once. Who may what is said in the configuration (docs/console.md).",
        _console_arguments,
    ),
}
"""Every command; the documentation is tested against this."""
