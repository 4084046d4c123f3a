"""How a gateway is set up and run: `serve`, `demo`, `check`, and what makes its keys and ways in."""

import argparse
from pathlib import Path
from typing import Final

from gateway.commands import typed
from gateway.keys import KeyKind
from gateway.manual.command import Command, part, with_config
from gateway.places import DEMO_LAST_OFFSET, DEMO_PORT, DEMO_STATE, LOG_ORIGIN

SERVE: Final = Command(
    "run the gateway",
    "Runs the gateway until SIGTERM: the public listener takes events, the private one tells how it goes.\n"
    "SIGTERM stops gracefully; a second one hurries. `kill -9` loses nothing that was answered.",
    with_config,
)


def _demo_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state", type=Path, default=DEMO_STATE, help="where the demo keeps its store and keys")
    parser.add_argument(
        "--port",
        type=typed.first_port,
        default=DEMO_PORT,
        metavar="N",
        help=f"the gateway's port, default {DEMO_PORT}; the others follow up to N+{DEMO_LAST_OFFSET}",
    )


DEMO: Final = Command(
    "run everything on this machine: gateway, sandbox platforms, a shop",
    "Starts a gateway on its embedded store, stand-ins for the three ad platforms and a small shop, all on loopback.\n"
    "Open the shop, accept or refuse, buy, and see what left.",
    _demo_arguments,
)


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
    with_config(parser)


CHECK: Final = Command(
    "report every fault of a configuration at once",
    "Reads the configuration and all that it refers to, and names every fault by its place and rule, never its value.\n"
    "With --live it also sends each destination one harmless request, whose only identity is the digest of an address\n"
    "at example.com, and explains the answer: wrong id, expired token, missing right, closed API, no way to the host.\n"
    "Google checks and takes nothing; Pinterest is asked in its test mode; Meta, which has neither, is sent an event too\n"
    "old to be taken, or with --meta-test-code a page view that it counts. Exit code 0 only if all answered well.",
    _check_arguments,
)


def _key_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_subparsers(title="what", required=True, dest="what")
    file = part(
        what.add_parser,
        "file",
        "make the key file that seals the store",
        "Makes the key file of a new gateway, readable by its owner alone. A file that is there already is never overwritten.",
    )
    file.add_argument("path", type=Path, help="where it goes: the setting server.key_file, outside server.data_dir")
    signing = part(
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
    make = part(
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


KEY: Final = Command(
    "make the key file, a storefront's key, or the log's signing key",
    "`key file` makes the file that seals the store. `key make` makes a key for a storefront and prints it once.\n"
    "`key signing` makes the key that signs the log's checkpoints.",
    _key_arguments,
)


def _console_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_subparsers(title="what", required=True, dest="what")
    part(
        what.add_parser,
        "password",
        "hash a password for somebody who signs in to the console",
        "Asks for a new password twice, without showing it, and prints its Argon2id hash for the configuration.\n"
        "Others choose their own: let them run this where they are and send you the hash. Without a terminal the password is\n"
        "one line of standard input.",
    )
    token = part(
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


CONSOLE: Final = Command(
    "make what people and programs come in to the console with",
    "`console password` hashes a password for somebody who signs in. `console token` makes a program's token for the API\n"
    "and prints it once. Who may what is said in the configuration (docs/console.md).",
    _console_arguments,
)
