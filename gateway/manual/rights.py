"""The rights of a person: `withdraw`, `erase`, `access`, and `requests`, their register."""

import argparse
from pathlib import Path
from typing import Final

from gateway.commands import typed
from gateway.manual.command import Command, with_config


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
    with_config(parser)


def _withdraw_arguments(parser: argparse.ArgumentParser) -> None:
    _with_person(parser)
    parser.add_argument("--json", action="store_true", help="print the receipts for programs")


WITHDRAW: Final = Command(
    "take out what waits for a person who withdraws consent",
    "Takes all that waits or is dead for a person out of the store, on all destinations, and refuses what comes later\n"
    "until the person decides anew; their consent records are marked as withdrawn. Prints a receipt with counts, and\n"
    "what is still to be asked of the platforms. Doing it again does no harm. Example:\n\n"
    "  consent-gateway withdraw --email - --order-id 1001 < address.txt",
    _withdraw_arguments,
)


def _erase_arguments(parser: argparse.ArgumentParser) -> None:
    _with_person(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask whether that is meant")
    parser.add_argument("--json", action="store_true", help="print the receipts for programs")


ERASE: Final = Command(
    "remove a person from every store",
    "Withdraws, and deletes what is remembered of the person: what was sent, the traces of why, the consent records. What\n"
    "stays is what proves it: a line in the register, and keyed hashes by which what comes later is refused. Asks first,\n"
    "unless --yes is said. Prints what must still be asked of Meta, Pinterest and Google; that list cannot be made again\n"
    "afterwards. Example:\n\n"
    "  consent-gateway erase --email-file address.txt --yes",
    _erase_arguments,
)


def _access_arguments(parser: argparse.ArgumentParser) -> None:
    _with_person(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="a new file that only you can read (default: standard output)")


ACCESS: Final = Command(
    "write down all that is held of a person, and what was sent to whom",
    "Writes JSON: each event that is held with its fields, what was sent to whom, when, in which fields and on which\n"
    "evidence, the consent records with their proofs, requests so far, and how long everything is kept. Find out first\n"
    "that whoever asks is who they say: it tells of exactly what is named here. Example:\n\n"
    "  consent-gateway access --email - --out disclosure.json < address.txt",
    _access_arguments,
)


def _requests_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--storefront", help="of this one only (default: of all of them)")
    parser.add_argument("--open", action="store_true", help="only those that were begun and not finished")
    parser.add_argument("--json", action="store_true", help="print the register for programs")
    with_config(parser)


REQUESTS: Final = Command(
    "show the register of persons' requests",
    "Shows who asked for what by number, never by name: when, until when it is due, when it was done and what came of it.\n"
    "An open line was interrupted; asking for the same right of the same person again finishes it.",
    _requests_arguments,
)
