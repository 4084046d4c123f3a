"""What a command is to who types it, and the arguments that several of them have."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from gateway.places import CONFIG_VARIABLE

Parts = Any
"""What `add_subparsers` gives; its type has no public name."""


class Command(msgspec.Struct, frozen=True):
    """A command: what it is for, and its arguments. `gateway.commands` has a file of its name, whose `run` does it."""

    summary: str
    teach: str
    arguments: Callable[[argparse.ArgumentParser], None]


def part(add: Callable[..., argparse.ArgumentParser], name: str, summary: str, teach: str) -> argparse.ArgumentParser:
    """Add one of a command's own commands, as `add` does."""
    return add(name, help=summary, description=teach, formatter_class=argparse.RawDescriptionHelpFormatter)


def with_config(parser: argparse.ArgumentParser) -> None:
    """Let a configuration be named."""
    parser.add_argument(
        "--config",
        type=Path,
        help=f"the configuration file (default: ${CONFIG_VARIABLE}, else ./gateway.toml, else the demo's)",
    )


def with_storefront(parser: argparse.ArgumentParser) -> None:
    """Have a storefront named first."""
    parser.add_argument("storefront", help="its name in the configuration: [storefronts.NAME]")


def with_table(parser: argparse.ArgumentParser) -> None:
    """Let the answer be written as a table."""
    parser.add_argument("--csv", type=Path, metavar="OUT", help="write it as a table to this new file instead")
