"""`consent-gateway funnel`: what came in, was refused and arrived, over time, and what has stopped."""

import argparse
import time
from collections.abc import Mapping

from rich.table import Table

from gateway.audit.funnel import Arrival, Funnel, Now, Slot
from gateway.audit.groups import Cell
from gateway.audit.sheets import FUNNEL, funnel_sheet
from gateway.audit.silence import Silences
from gateway.commands.asking import Question, ask_or_look, unknown_there
from gateway.commands.configuration import settings_of, storefront_named
from gateway.commands.ending import Ended
from gateway.commands.saving import save
from gateway.commands.showing import out, show, show_json
from gateway.model.texts import StorefrontId
from gateway.office.reports import Asked, Reports, read
from gateway.outbox import Outbox
from gateway.settings import PlainSettings

COLUMNS = ("received", "refused for consent", "other refusals", "invalid", "repeats", "accepted", "opt-in")


def run(arguments: argparse.Namespace) -> int:
    """Show the funnel; gives 0. Raises Ended."""
    settings = settings_of(arguments)
    name = storefront_named(settings, arguments.storefront)
    query = _query(arguments)
    asked = read(query)
    if not isinstance(asked, Asked):
        raise Ended(2, "--count is 1 to 336 hours, 400 days or 60 weeks.")

    async def look(outbox: Outbox) -> Funnel:
        return await _reports(settings, outbox).funnel(name, asked, int(time.time()))

    if arguments.csv is not None:

        async def table(outbox: Outbox) -> str:
            return funnel_sheet(await look(outbox))

        save(settings, arguments.csv, "/api/v1/funnel", {"storefront": name, **query}, FUNNEL, table)
        return 0
    funnel = ask_or_look(settings, Question(Funnel, "/api/v1/funnel", {"storefront": name, **query}), look)
    if funnel is None:
        raise unknown_there()
    if arguments.json:
        show_json(funnel)
        return 0
    _print(funnel)
    _print_silence(_silences(settings, name))
    return 0


def _query(arguments: argparse.Namespace) -> dict[str, str]:
    said = {"event": arguments.event, "step": arguments.step, "count": arguments.count}
    return {name: str(value) for name, value in said.items() if value is not None}


def _reports(settings: PlainSettings, outbox: Outbox) -> Reports:
    from gateway.assembly import shops_of  # noqa: PLC0415 - whom a running gateway answers needs none of it

    return Reports(outbox, shops_of(settings))


def _silences(settings: PlainSettings, name: StorefrontId) -> Silences:
    async def look(outbox: Outbox) -> Silences:
        return await _reports(settings, outbox).silence(name, int(time.time()))

    silences = ask_or_look(settings, Question(Silences, "/api/v1/silence", {"storefront": name}), look)
    if silences is None:
        raise unknown_there()
    return silences


def _print(funnel: Funnel) -> None:
    places = tuple(funnel["total"]["destinations"])
    table = Table(f"{funnel['step']} ({funnel['time_zone']})", *COLUMNS, *places, "delivered value")
    for slot in funnel["slots"]:
        _row(table, slot["since"], slot, places)
    _row(table, "total", funnel["total"], places)
    for name, slot in (("today", funnel["today"]), ("a week before", funnel["week_before"])):
        _row(table, f"{name}, to {slot['until'][11:16]}Z", slot, places)  # the hours that are over
    show(table)
    for place, now in funnel["now"].items():
        _print_now(place, now, funnel["total"]["destinations"][place])
    for place, arrival in funnel["total"]["destinations"].items():
        for said, refused in (("alone", arrival["refused_alone"]), ("and everywhere", arrival["refused"])):
            _print_reasons(
                f"refused for {place} {said}", {**refused["consent_reasons"], **refused["otherwise"]}, refused["value"]
            )
    door = funnel["total"]["door"]
    out.print(f"accepted: {door['accepted']}{_worth(door['accepted_value'])}", markup=False)
    _print_reasons("refused for consent", door["consent_reasons"], door["refused_value"])
    _print_reasons("refused otherwise", door["refused_otherwise"], door["refused_value"])


def _print_now(place: str, now: Now, total: Arrival) -> None:
    """Say what a destination has undelivered, and below it how events ended there."""
    waiting = f"{now['waiting']} waiting{_worth(now['waiting_value'])}"
    retrying = f"{now['retrying']} to be tried again{_worth(now['retrying_value'])}"
    out.print(f"{place}: {waiting}, {retrying}, {now['dead']} dead", markup=False)
    for code, count in total["reasons"].items():
        outcome, _, reason = code.partition(".")
        worth = _worth(_of(reason, total["dead_value"])) if outcome == "dead" else ""
        out.print(f"  {count} {code}{worth}", markup=False)


def _print_reasons(said: str, reasons: Mapping[str, Cell], value: Mapping[str, Mapping[str, str]]) -> None:
    for reason, told in reasons.items():
        out.print(f"{said}: {told} {reason}{_worth(_of(reason, value))}", markup=False)


def _of(reason: str, value: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Give the order value of one reason, by currency."""
    return {currency: sums[reason] for currency, sums in value.items() if reason in sums}


def _worth(value: Mapping[str, str]) -> str:
    """Say what events are worth; nothing of events without order value."""
    return f" ({', '.join(f'{amount} {currency}' for currency, amount in value.items())})" if value else ""


def _row(table: Table, title: str, slot: Slot, places: tuple[str, ...]) -> None:
    door = slot["door"]
    opt_in = "" if door["opt_in"] is None else f"{door['opt_in']:.1%}"
    table.add_row(
        title,
        str(door["received"]),
        str(door["refused_for_consent"]),
        str(sum(door["refused_otherwise"].values())),
        str(sum(door["invalid"].values())),
        str(door["duplicate"]),
        str(door["accepted"]),
        opt_in,
        *(_arrived(slot["destinations"].get(place)) for place in places),
        _value(slot["destinations"]),
    )


def _arrived(arrival: Arrival | None) -> str:
    """Say how many of the accepted arrived, and what died."""
    if arrival is None:
        return ""
    dead = f", {arrival['dead']} dead" if arrival["dead"] else ""
    return f"{arrival['delivered'] + arrival['taken']} of {arrival['accepted']}{dead}"


def _value(arrivals: Mapping[str, Arrival]) -> str:
    said = [
        f"{place} {sums['delivered']} {currency}"
        for place, arrival in arrivals.items()
        for currency, sums in arrival["value"].items()
        if "delivered" in sums
    ]
    return ", ".join(said)


def _print_silence(silences: Silences) -> None:
    for one in silences["silent"]:
        last = f", the last before {one['last']}" if one["last"] else ""
        out.print(
            f"{one['event']} has stopped: {one['received']} in the last {one['hours']} hours, where the lowest of the weeks"
            f" before had {one['usual']}{last}.",
            markup=False,
            soft_wrap=True,
        )
