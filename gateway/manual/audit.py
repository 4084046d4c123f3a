"""`audit`: what has left, shown, acknowledged and reported, and the signed log, verified, exported and shown."""

import argparse
from pathlib import Path
from typing import Final

from gateway.commands import typed
from gateway.manual.command import Command, Parts, part, with_config, with_storefront


def _audit_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_subparsers(title="what", required=True, dest="what")
    shapes = part(
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
    approve = part(
        what.add_parser,
        "approve",
        "acknowledge what has left so far, by a decision of the privacy team",
        "Acknowledges the rows of `audit shapes` up to a number, so that they are new no more. Look at them first. Example:\n\n"
        '  consent-gateway audit approve shop1 "DPO decision 2026-11-03" --up-to 41',
    )
    with_storefront(approve)
    approve.add_argument("decision", help='how the decision is called, such as "DPO decision 2026-11-03"')
    approve.add_argument("--up-to", type=int, required=True, metavar="N", help="the highest row number that was looked at")
    contracts = part(
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
    report = part(
        what.add_parser,
        "report",
        "write everything of a period on one sheet, to be printed",
        "Writes one HTML file that stands alone: did anything leave without consent, what left by which contract, refusals,\n"
        "requests of persons, and the record of processing (GDPR, art. 30(1)). That is recorded in the signed log. Example:\n\n"
        "  consent-gateway audit report shop1 --since 2026-10-01 --until 2026-10-31 --out october.html",
    )
    with_storefront(report)
    report.add_argument("--since", metavar="DAY", help="the first day, of UTC (default: thirty days)")
    report.add_argument("--until", metavar="DAY", help="the last day (default: today)")
    report.add_argument("--out", type=Path, required=True, metavar="FILE", help="where it goes")
    report.add_argument("--language", choices=("en", "fr"), default="en", help="the language of its words (default: en)")
    _log_arguments(what)
    for command in (shapes, approve, contracts, report):
        with_config(command)


AUDIT: Final = Command(
    "show what has left, acknowledge it; verify, export and show the signed log; write contracts out",
    "`audit shapes` shows every key path and kind of value that has left, with --diff against the contract. What is new\n"
    "raises an alarm until `audit approve` acknowledges it by the name of a decision. `audit contracts` writes JSON\n"
    "Schema. `audit verify` says whether the signed log is as it was, `audit export` writes a part of it out with proof,\n"
    "and `audit log` shows it. Example:\n\n"
    "  consent-gateway audit shapes shop1 --diff",
    _audit_arguments,
)


def _log_arguments(what: Parts) -> None:
    """Add what is done with the signed log."""
    verify = part(
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
        action="append",
        default=[],
        metavar="VKEY",
        help="the verifier key, or a file of it; may be repeated, for older keys (default: audit.signing_key's)",
    )
    verify.add_argument("--proof", type=Path, metavar="FILE", help="the proof of an export, where --log is one")
    export = part(
        what.add_parser,
        "export",
        "write out the signed log's entries of some time, with proof",
        "Writes the entries of a time as NDJSON, the checkpoint that covers them, and the proof that they are in it. Who gets\n"
        "the three files can verify them without the rest of the log. Example:\n\n"
        "  consent-gateway audit export --since 2026-11-01 --until 2026-12-01 --out november",
    )
    export.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the three files go")
    log = part(
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
        with_config(command)
