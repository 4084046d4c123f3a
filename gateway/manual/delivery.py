"""What is done about destinations and what did not arrive: `health`, `pause`, `resume`, `dead`, `replay`."""

import argparse
from typing import Final

from gateway.commands import typed
from gateway.manual.command import Command, with_config, with_storefront, with_table
from gateway.model.words import Destination, Kind


def _health_arguments(parser: argparse.ArgumentParser) -> None:
    with_table(parser)
    with_storefront(parser)
    parser.add_argument("--json", action="store_true", help="print the answer for programs")
    with_config(parser)


HEALTH: Final = Command(
    "show how a storefront's destinations stand",
    "Asks the running gateway, for each destination: up or why not, how old its token is, what waits, and when the first\n"
    "of it is too old for the platform. Exit code 1 if one is down.",
    _health_arguments,
)


def _pause_arguments(parser: argparse.ArgumentParser) -> None:
    with_storefront(parser)
    parser.add_argument(
        "destination", type=typed.destination, choices=list(Destination), metavar="DESTINATION", help="which one"
    )
    parser.add_argument("--json", action="store_true", help="print the answer for programs")
    with_config(parser)


PAUSE: Final = Command(
    "stop one destination of a storefront",
    "Nothing more is sent there until it is resumed, also after a restart; what has begun is finished. Events go on being\n"
    "taken and wait, and go on growing older: the answer says how many wait, and when the first is too old. Recorded in\n"
    "the signed log. Doing it again does no harm. Example:\n\n"
    "  consent-gateway pause shop1 meta",
    _pause_arguments,
)

RESUME: Final = Command(
    "let a destination that was paused go on",
    "What waits there is sent, what is new first; what has grown too old meanwhile becomes a dead letter. Recorded in the\n"
    "signed log. Doing it again does no harm. Example:\n\n"
    "  consent-gateway resume shop1 meta",
    _pause_arguments,
)


def _dead_arguments(parser: argparse.ArgumentParser) -> None:
    with_storefront(parser)
    parser.add_argument("--list", action="store_true", help="show them one by one, by the shop's own event id")
    with_table(parser)
    parser.add_argument("--json", action="store_true", help="print the answer for programs")
    with_config(parser)


DEAD: Final = Command(
    "count a storefront's dead letters, and say what to do",
    "Counts the events that will not be delivered, by destination, reason and the platform's code, with what each means\n"
    "and what to do about it. They are kept for 14 days.",
    _dead_arguments,
)


def _replay_arguments(parser: argparse.ArgumentParser) -> None:
    with_storefront(parser)
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
    with_config(parser)


REPLAY: Final = Command(
    "send dead letters again, where that may be",
    "Shows which dead letters would be sent again, in events and money, and which may not and why: consent, age and the\n"
    "platform's window for repeats are checked again. With --yes it then gives them back to their couriers, slice by\n"
    "slice; it can be cut off and run again without harm. Without a running gateway they wait for the next start.\n"
    "Mend the cause first: `consent-gateway dead STOREFRONT` says what it is. Example:\n\n"
    "  consent-gateway replay shop1 --destination meta --reason rejected --since 2d --yes",
    _replay_arguments,
)
