"""`consent-gateway dry-run`: what would happen to an event, and what exactly would leave.

The running gateway says it, else its closed stores. Nothing is kept of the event.
"""

import argparse
import asyncio
import sys
import time
from pathlib import Path

import msgspec

from gateway.audit.advice import NAMES
from gateway.bounded import TooLarge, read_whole
from gateway.commands.asking import NotRunning, Question, ask, unknown_there
from gateway.commands.configuration import settings_of, storefront_named
from gateway.commands.ending import Ended
from gateway.commands.showing import out, show_json
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination, Fault
from gateway.office.dry_run import Browser, DryRunTold, Order, Sender
from gateway.settings import PlainSettings

MOST_BYTES = 64 * 1024


def run(arguments: argparse.Namespace) -> int:
    """Try an event out; gives 0 when it would go somewhere, 1 when nowhere. Raises Ended."""
    if not arguments.browser and (arguments.gpc or arguments.ip is not None or arguments.user_agent is not None):
        raise Ended(2, "--ip, --user-agent and --gpc are of a browser's connection: say --browser too.")
    settings = settings_of(arguments)
    name = storefront_named(settings, arguments.storefront)
    order = Order(
        storefront=str(name),
        event=msgspec.Raw(_event(arguments.event)),
        sender=Sender.BROWSER if arguments.browser else Sender.SERVER,
        browser=Browser(ip=arguments.ip, user_agent=arguments.user_agent, gpc=arguments.gpc),
        exact=arguments.exact,
    )
    told = _told(settings, name, order)
    if arguments.json:
        show_json(told)
    else:
        _print(told)
    return 0 if any(way["goes"] for way in told["destinations"].values()) else 1


def _event(path: str) -> bytes:
    """Read the event from a file, or from standard input for `-`."""
    try:
        text = sys.stdin.buffer.read(MOST_BYTES + 1) if path == "-" else read_whole(Path(path), MOST_BYTES)
    except TooLarge:
        raise _too_large() from None
    except OSError:
        raise Ended(2, "The file with the event cannot be read.") from None
    if len(text) > MOST_BYTES:
        raise _too_large()
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Ended(2, "The event is no JSON.") from None
    return text


def _too_large() -> Ended:
    return Ended(2, "The event is larger than 64 KiB.")


def _told(settings: PlainSettings, name: StorefrontId, order: Order) -> DryRunTold:
    try:
        told = ask(settings, Question(DryRunTold, "/api/v1/dry-run", {}, order))
    except NotRunning:
        found = asyncio.run(_closed(settings, name, order))
        if isinstance(found, Fault):
            raise Ended(2, "That is not one event.") from None
        return found
    if told is None:
        raise unknown_there()
    return told


async def _closed(settings: PlainSettings, name: StorefrontId, order: Order) -> DryRunTold | Fault:
    from gateway.commands.starting import closed_dry_run  # noqa: PLC0415 - whom a running gateway answers needs none of it

    async with closed_dry_run(settings) as dry_run:
        return await dry_run.try_out(name, order, int(time.time()))


def _print(told: DryRunTold) -> None:
    said = f"{told['status']} ({told['reason']})" if told["reason"] else told["status"]
    out.print(f"It would be {said}, by rule {told['rule']}.", markup=False)
    if told["field"]:
        out.print(f"Field: {told['field']}.", markup=False)
    signals = "; ".join(f"{signal} said {states}" for signal, states in told["signals"].items())
    out.print(f"Consent signals: {signals or 'none'}.", markup=False)
    if told["fields"]:
        out.print("At the boundary: " + ", ".join(field.replace("_", " ") for field in told["fields"]) + ".", markup=False)
    for destination, way in told["destinations"].items():
        name = NAMES[Destination(destination)]
        if way["goes"]:
            out.print(f"\n{name}: {way['method']} {way['address']}, {way['bytes']} bytes:", markup=False)
            out.print_json(data=way["body"])
        else:
            out.print(f"\n{name}: nothing would leave: {way['reason']}. {way['advice'] or ''}", markup=False)
        for place in way["violation"]:
            out.print(f"  the contract would keep it back: {place}", markup=False)
    out.print(f"\n{told['leaves_out']}", markup=False)
