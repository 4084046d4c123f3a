"""What is done with events: `send` posts them, `explain` and `dry-run` tell of one, `tag` has pages tell of them."""

import argparse
from pathlib import Path
from typing import Final

from gateway.commands import typed
from gateway.manual.command import Command, with_config, with_storefront
from gateway.model.words import Kind


def _explain_arguments(parser: argparse.ArgumentParser) -> None:
    with_storefront(parser)
    parser.add_argument("event", choices=[kind.value for kind in Kind], help="what happened")
    parser.add_argument("event_id", help="the id that the shop gave it; of a purchase usually the order number")
    parser.add_argument("--json", action="store_true", help="print the answer for programs")
    with_config(parser)


EXPLAIN: Final = Command(
    "tell why an event went or did not go",
    "Tells what is known of one event: the consent signals seen, the rule that decided per destination, what was done\n"
    "to its fields, and every attempt with the platform's code. Example:\n\n"
    "  consent-gateway explain shop1 purchase 1001",
    _explain_arguments,
)


def _dry_run_arguments(parser: argparse.ArgumentParser) -> None:
    with_storefront(parser)
    parser.add_argument("event", metavar="FILE", help="a file with the event in JSON, or - for standard input")
    parser.add_argument("--browser", action="store_true", help="as a browser sends it, not a server")
    parser.add_argument("--ip", type=typed.text, help="with --browser: the address of its connection")
    parser.add_argument("--user-agent", type=typed.text, help="with --browser: how it describes itself")
    parser.add_argument("--gpc", action="store_true", help="with --browser: it sends Sec-GPC: 1")
    parser.add_argument("--exact", action="store_true", help="show values, not kinds")
    parser.add_argument("--json", action="store_true", help="print the answer for programs")
    with_config(parser)


DRY_RUN: Final = Command(
    "tell what would happen to an event, and exactly what would leave",
    "Reads one event as it would be posted to /v1/events, and shows for each destination whether it would go and the JSON\n"
    "that would leave, with the kind of each value in its place; --exact shows the values. Nothing is stored, sent,\n"
    "counted or logged. Exit code 0 if it would go anywhere. Example:\n\n"
    "  consent-gateway dry-run shop1 event.json",
    _dry_run_arguments,
)


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


SEND: Final = Command(
    "post a file of orders as events",
    "Posts a CSV (order_id, purchased_on, value, currency, email, country, advertising, given_at) or NDJSON file in\n"
    "batches. The name of a CSV file ends in .csv; it has a header line, commas between its cells, and amounts as 129.90.\n"
    "Shows progress, can be cut off and started again, and ends with a summary. Orders without consent are refused\n"
    "by the gateway, as from anybody else. Exit code 0 if all of the file was answered, 1 if it stopped before that\n"
    "(the same command goes on), 3 if events were invalid: the summary names their lines. Example:\n\n"
    "  consent-gateway send orders.csv --to https://gateway.example --key env:GATEWAY_KEY --rate 500",
    _send_arguments,
)


def _tag_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--address", required=True, metavar="URL", help="the gateway's public address, https://gateway.example")
    parser.add_argument("--key", required=True, metavar="pk_…", help="the storefront's publishable key")
    parser.add_argument("--shopify", action="store_true", help="print Shopify's custom pixel instead")
    parser.add_argument("--clicks", action="store_true", help="also read the ids of ads from a page's address")
    parser.add_argument("--no-page-views", action="store_true", help="tell of page views only where the page says so")


TAG: Final = Command(
    "print what a shop puts into its pages",
    "Prints the element for the browser's tag, with the hash by which a browser knows that it is the right one, and what\n"
    "a page's own policy must allow. With --shopify prints the custom pixel to paste. Example:\n\n"
    "  consent-gateway tag --address https://gateway.shop.example --key pk_2026a_…",
    _tag_arguments,
)
