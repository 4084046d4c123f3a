"""`consent-gateway pause` and `resume`: stop one destination of a storefront and let it go on, gateway running or not."""

import argparse
import asyncio
import time

from gateway.commands.asking import NotRunning, Question, ask, open_closed, open_closed_log, unknown_there
from gateway.commands.configuration import settings_of, storefront_named
from gateway.commands.ending import Ended
from gateway.commands.health import lasting
from gateway.commands.showing import out, show_json
from gateway.office.pausing import PauseOrder, PauseTold, Pausing
from gateway.settings import PlainSettings
from gateway.signing.entry import COMMAND


def run(arguments: argparse.Namespace) -> int:
    """Pause, or resume, as the command says; gives 0, also when it was so already. Raises Ended."""
    settings = settings_of(arguments)
    name = storefront_named(settings, arguments.storefront)
    known = settings.storefronts[name].destinations
    if arguments.destination not in known:
        raise Ended(2, f"The storefront has no such destination; it has {', '.join(known)}.")
    order = PauseOrder(str(name), arguments.destination)
    try:
        told = ask(settings, Question(PauseTold, f"/api/v1/{arguments.command}", {}, order))
    except NotRunning:
        told = asyncio.run(_closed(settings, order, pause=arguments.command == "pause"))
    if told is None:
        raise unknown_there()
    if arguments.json:
        show_json(told)
    else:
        _print(told)
    return 0


async def _closed(settings: PlainSettings, order: PauseOrder, *, pause: bool) -> PauseTold | None:
    """Do it in the closed store: it is so when a gateway starts on it. Raises Ended."""
    from gateway.assembly import rules_of  # noqa: PLC0415 - whom a running gateway answers needs none of it

    async with open_closed(settings) as outbox, open_closed_log(settings) as record:
        pausing = Pausing(outbox, rules_of(settings), record)
        return await (pausing.pause if pause else pausing.resume)(order, COMMAND, time.time())


def _print(told: PauseTold) -> None:
    state = f"paused since {told['paused_at']}" if told["paused"] else "not paused"
    already = ", and was so already: nothing was done" if told["already"] else ""
    out.print(f"{told['destination']} of {told['storefront']} is {state}{already}.", markup=False)
    backlog = told["backlog"]
    waiting = backlog["waiting"] + backlog["retrying"]
    expiry = backlog["first_expiry"]
    when = "" if expiry is None else f"; the first is too old for the platform in {lasting(expiry['seconds'])}"
    out.print(f"{waiting} event(s) wait there{when}.", markup=False)
