"""`consent-gateway health`: how a storefront's destinations stand, as the running gateway says."""

import argparse

from rich.table import Table

from gateway.audit.sheets import HEALTH
from gateway.audit.standing import Health
from gateway.commands.asking import NotRunning, Question, ask, unknown_there
from gateway.commands.configuration import settings_of, storefront_named
from gateway.commands.ending import Ended
from gateway.commands.saving import save
from gateway.commands.showing import out, show, show_json

HOUR_SECONDS = 3_600


def run(arguments: argparse.Namespace) -> int:
    """Show the destinations; gives 0 when all are up. Raises Ended."""
    settings = settings_of(arguments)
    name = storefront_named(settings, arguments.storefront)
    try:
        if arguments.csv is not None:
            save(settings, arguments.csv, "/api/v1/health", {"storefront": name}, HEALTH, None)
            return 0
        health = ask(settings, Question(Health, "/api/v1/health", {"storefront": name}))
    except NotRunning:
        raise Ended(1, "No gateway is running here, so nothing is sent: what waits is kept until one is.") from None
    if health is None:
        raise unknown_there()
    if arguments.json:
        show_json(health)
    else:
        _print(health)
    return 0 if all(lane["up"] for lane in health["lanes"].values()) else 1


def _print(health: Health) -> None:
    if not health["ready"]:
        out.print(f"The gateway takes no events: {health['why']}.", markup=False)
    table = Table("destination", "up", "why", "token age", "waiting", "retrying", "dead", "first expiry in", "test mode")
    for destination, lane in health["lanes"].items():
        waiting, age = lane["backlog"], lane["credential"]["seconds"]
        expiry = waiting["first_expiry"]
        table.add_row(
            destination,
            "yes" if lane["up"] else "no",
            lane["reason"] or "",
            "none" if age is None else lasting(age),
            str(waiting["waiting"]),
            str(waiting["retrying"]),
            str(waiting["dead"]),
            "" if expiry is None else lasting(expiry["seconds"]),
            lane["test_mode"] or "",
        )
    show(table)
    for destination, lane in health["lanes"].items():
        if lane["advice"]:
            out.print(f"{destination}: {lane['advice']}", markup=False, soft_wrap=True)


def lasting(seconds: int) -> str:
    """Say how long that is, in hours and minutes."""
    hours, rest = divmod(seconds, HOUR_SECONDS)
    return f"{hours} h {rest // 60} min"
