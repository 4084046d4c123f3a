"""`/health`: how each destination stands: its token, what it waits for, and when the first event there grows too old.

The answer of `GET /api/v1/health` for the storefront that is looked at, a card for each destination.
"""

import msgspec

from gateway.audit.silence import Silence
from gateway.audit.standing import Expiry, LaneHealth
from gateway.console.language import msg
from gateway.console.page import Ask, Page, Section, View
from gateway.console.pages.overview import standing
from gateway.console.rooms import Rooms


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


async def show(ask: Ask, rooms: Rooms) -> View:
    """Show how the storefront's destinations stand."""
    readiness = rooms.readiness()
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


PAGE = Page(
    path="/health",
    title=msg("Destinations"),
    show=show,
    template="health.html",
    section=Section.DELIVERY,
    live=True,
)
