"""`consent-gateway health`: how a storefront's destinations stand, as the running gateway says."""

import argparse
from collections.abc import Iterator
from typing import Final

from rich.table import Table

from gateway.audit.sheets import HEALTH
from gateway.audit.standing import Health, LaneHealth, Token
from gateway.commands.asking import NotRunning, Question, ask, unknown_there
from gateway.commands.configuration import settings_of, storefront_named
from gateway.commands.ending import Ended
from gateway.commands.saving import save
from gateway.commands.showing import out, show, show_json

HOUR_SECONDS = 3_600
NOBODY: Final = "No gateway is running here, so nothing is sent: what waits is kept until one is."
ELSEWHERE: Final = (
    "A gateway or a command has the stores open, but it does not answer on server.private: was that changed since the gateway"
    " was started?"
)


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
        from gateway.storage.looking import is_locked  # noqa: PLC0415 - whom a running gateway answers needs none of it

        raise Ended(1, ELSEWHERE if is_locked(settings.server.data_dir) else NOBODY) from None
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
    table = Table(
        "destination",
        "up",
        "why",
        "token age",
        "waiting",
        "retrying",
        "dead",
        "first expiry in",
        "breaker",
        "tried out",
        "test mode",
    )
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
            _breaker(lane),
            "" if lane["canary"] is None else f"{lane['canary']['outcome']}, {lane['canary']['at']}",
            lane["test_mode"] or "",
        )
    show(table)
    for destination, lane in health["lanes"].items():
        for line in _remarks(lane):
            out.print(f"{destination}: {line}", markup=False)


def _breaker(lane: LaneHealth) -> str:
    """Say how the breaker stands, and what it counts while it counts something."""
    state, failures = lane["breaker"]["state"], lane["breaker"]["failures"]
    return f"{state}, {failures} in a row" if failures else state


def _remarks(lane: LaneHealth) -> Iterator[str]:
    """Say in sentences what is to be done or waited for."""
    if lane["advice"]:
        yield lane["advice"]
    if lane["throttle"] is not None:
        code = lane["throttle"]["code"]
        yield f"Left alone until {lane['throttle']['until']}, as the platform asked{'' if code is None else f' (code {code})'}."
    if lane["credential"]["state"] == Token.UNUSABLE:
        yield "What its credential was replaced with cannot be used; the one before still is."
    if lane["canary"] is not None and lane["canary"]["advice"]:
        yield f"Tried out at {lane['canary']['at']}: {lane['canary']['advice']}"


def lasting(seconds: int) -> str:
    """Say how long that is, in hours and minutes."""
    hours, rest = divmod(seconds, HOUR_SECONDS)
    return f"{hours} h {rest // 60} min"
