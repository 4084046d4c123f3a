"""`/health`: how each destination stands: its token, what it waits for, and when the first event there grows too old.

An operator pauses a destination here and resumes it, as `POST /api/v1/pause` and `POST /api/v1/resume` do.

The answer of `GET /api/v1/health` for the storefront that is looked at, a card for each destination.
"""

from typing import Final

import msgspec

from gateway.audit.silence import Silence
from gateway.audit.standing import Expiry, LaneHealth
from gateway.console.language import msg
from gateway.console.page import Act, Ask, Done, Form, Outcome, Page, Section, View
from gateway.console.page import Shown as PageShown
from gateway.console.pages.overview import standing
from gateway.console.pages.tables import table_of
from gateway.console.rooms import Rooms
from gateway.model.words import Destination
from gateway.office.pausing import PauseOrder

PATH: Final = "/health"


class Place(msgspec.Struct, frozen=True):
    """One destination: its name, a word for how it stands, and all that is told of it."""

    name: str
    standing: str
    lane: LaneHealth


class Shown(msgspec.Struct, frozen=True):
    """What the page shows."""

    ready: bool
    why: str | None
    log: str
    test_endpoints: bool
    first_expiry: Expiry | None
    places: tuple[Place, ...]
    silent: tuple[Silence, ...]


async def show(ask: Ask, rooms: Rooms) -> PageShown:
    """Show how the storefront's destinations stand."""
    if (table := await table_of(ask, rooms, "/api/v1/health")) is not None:
        return table
    readiness = rooms.readiness(ask.storefront)
    health = rooms.health(ask.storefront, readiness)
    silences = await rooms.reports.silence(ask.storefront, ask.now)
    return View(
        Shown(
            ready=health["ready"],
            why=health["why"],
            log=readiness["log"],
            test_endpoints=readiness["test_endpoints"],
            first_expiry=health["first_expiry"],
            places=tuple(Place(name, standing(lane), lane) for name, lane in health["lanes"].items()),
            silent=tuple(silences["silent"]),
        )
    )


NOT_MEANT: Final = Done(PATH, msg("That is no destination of this storefront."), well=False)


def order_of(ask: Ask, form: Form) -> PauseOrder | None:
    """Read which destination is meant; None when that cannot be."""
    try:
        return PauseOrder(str(ask.storefront), Destination(form.get("destination")))
    except ValueError:
        return None


async def pause(ask: Ask, rooms: Rooms, form: Form) -> Outcome:
    """Stop a destination."""
    order = order_of(ask, form)
    told = None if order is None else await rooms.pausing.pause(order, ask.caller.by, rooms.wall())
    if told is None:
        return NOT_MEANT
    if told["already"]:
        return Done(PATH, msg("It was paused already."))
    return Done(PATH, msg("It is paused: nothing more is sent there, and what waits is kept."))


async def resume(ask: Ask, rooms: Rooms, form: Form) -> Outcome:
    """Let a destination go on."""
    order = order_of(ask, form)
    told = None if order is None else await rooms.pausing.resume(order, ask.caller.by, rooms.wall())
    if told is None:
        return NOT_MEANT
    if told["already"]:
        return Done(PATH, msg("It was not paused."))
    return Done(PATH, msg("It goes on: what waits is sent now."))


PAGE = Page(
    path=PATH,
    title=msg("Destinations"),
    show=show,
    template="health.html",
    section=Section.DELIVERY,
    acts={"/health/pause": Act(pause), "/health/resume": Act(resume)},
    live=True,
)
