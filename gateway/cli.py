"""`consent-gateway`: the list of its commands, and what becomes of what is typed.

A command's own file, in `gateway.commands`, is brought in when the command is run and not before, so that the answer to a
question is not kept waiting by machinery of other commands.
"""

import argparse
import errno
import logging
import os
import resource
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Final

from gateway.commands.ending import Ended
from gateway.manual import audit, delivery, events, figures, rights, setting_up
from gateway.manual.command import Command

NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What a disk says that takes no more."""
NO_ROOM_TOLD: Final = "What was to be written found no room on the disk: make some, and run the command again."

COMMANDS: Final[Mapping[str, Command]] = {
    "serve": setting_up.SERVE,
    "demo": setting_up.DEMO,
    "check": setting_up.CHECK,
    "explain": events.EXPLAIN,
    "dry-run": events.DRY_RUN,
    "accounts": figures.ACCOUNTS,
    "funnel": figures.FUNNEL,
    "health": delivery.HEALTH,
    "pause": delivery.PAUSE,
    "resume": delivery.RESUME,
    "reconcile": figures.RECONCILE,
    "compare": figures.COMPARE,
    "audit": audit.AUDIT,
    "dead": delivery.DEAD,
    "replay": delivery.REPLAY,
    "withdraw": rights.WITHDRAW,
    "erase": rights.ERASE,
    "access": rights.ACCESS,
    "requests": rights.REQUESTS,
    "send": events.SEND,
    "tag": events.TAG,
    "key": setting_up.KEY,
    "console": setting_up.CONSOLE,
}
"""Every command, in the order of `--help`; the documentation is tested against this."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: 0 done, 1 failed, 2 wrong use or configuration, or as its help says."""
    _leave_no_core()
    _open_standard_streams()
    logging.lastResort = None  # libraries' words can hold what they were given: asyncio's do under PYTHONASYNCIODEBUG
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


def _leave_no_core() -> None:
    """Have a crash write no core: what is in memory, people's addresses and keys, must not get to disk that way.

    A limit of one byte is too little for any file, and means the same to a program that cores are piped to, which a limit of 0
    does not keep from being started (https://man7.org/linux/man-pages/man5/core.5.html, read 2026-11-27;
    https://github.com/torvalds/linux/blob/master/fs/coredump.c, read 2026-11-27).
    """
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    least = 1 if most == resource.RLIM_INFINITY else min(most, 1)
    resource.setrlimit(resource.RLIMIT_CORE, (least, least))


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
