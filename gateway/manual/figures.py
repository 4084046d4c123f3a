"""What adds events up and holds them against something: `accounts`, `funnel`, `reconcile`, `compare`."""

import argparse
from pathlib import Path
from typing import Final

from gateway.manual.command import Command, with_config, with_storefront, with_table
from gateway.model.words import Kind


def _accounts_arguments(parser: argparse.ArgumentParser) -> None:
    with_storefront(parser)
    parser.add_argument("--json", action="store_true", help="print the answer for programs")
    with_config(parser)


ACCOUNTS: Final = Command(
    "show a storefront's books and whether they balance",
    "received = accepted + duplicate + refused + invalid, and\n"
    "accepted x destinations = delivered + waiting + dead + withdrawn. Exit code 1 if they do not.",
    _accounts_arguments,
)


def _funnel_arguments(parser: argparse.ArgumentParser) -> None:
    with_storefront(parser)
    parser.add_argument("--event", choices=[kind.value for kind in Kind], help="one kind of event; all together without it")
    parser.add_argument("--step", choices=("hour", "day", "week"), default="day", help="how long each line is (day)")
    parser.add_argument(
        "--count", type=int, metavar="N", help="how many lines, the one that has begun among them (24, 14 or 8)"
    )
    with_table(parser)
    parser.add_argument("--json", action="store_true", help="print the answer for programs")
    with_config(parser)


FUNNEL: Final = Command(
    "show what came in, was refused and arrived, over time",
    "One line for each hour, day or week of the storefront's time zone: what came in, what was refused for consent, what\n"
    "was accepted, and what each destination confirmed, in events and in money; then today beside the same hours a week\n"
    "ago, and which kinds of event have stopped. Groups of people that are too small are told as `<10`. Example:\n\n"
    "  consent-gateway funnel shop1 --event purchase --step week",
    _funnel_arguments,
)


def _reconcile_arguments(parser: argparse.ArgumentParser) -> None:
    with_storefront(parser)
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
    with_config(parser)


RECONCILE: Final = Command(
    "hold a shop's list of orders against what became of them",
    "Reads the shop's export of orders and tells where they are: never came, refused, waiting, delivered, failed, in\n"
    "orders and in money, the largest gap first. --csv writes where each one is. --missed writes those that never came\n"
    "as a file that `send` takes; it has the customers' addresses in it if the export has, so delete it afterwards.\n"
    "Exit code 1 if orders are missing, 2 if the list cannot be read. Example:\n\n"
    "  consent-gateway reconcile shop1 orders_export.csv --format shopify --missed missed.ndjson",
    _reconcile_arguments,
)


def _compare_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recorded", metavar="RECORDED", type=Path, help="what came in to the old container, as HAR or NDJSON")
    parser.add_argument("--storefront", required=True, help="whose it is: [storefronts.NAME] in the configuration")
    parser.add_argument("--sent", type=Path, help="what the old container sent out, as HAR or NDJSON")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the report to this new file, to be printed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report for programs to this new file")
    parser.add_argument("--language", choices=("en", "fr"), default="en", help="the language of --html (default: en)")
    with_config(parser)


COMPARE: Final = Command(
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
)
