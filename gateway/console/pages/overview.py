"""`/`: is everything in order? One storefront: what came and arrived today, how each destination stands, what has stopped.

Below it every storefront in one line each, so that nobody has to look through them one by one.
"""

import asyncio
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

import msgspec

from gateway.audit.funnel import Funnel, Slot
from gateway.audit.periods import Step
from gateway.audit.silence import Silence
from gateway.audit.standing import Expiry, Health, LaneHealth, LaneState, Readiness, Seen
from gateway.console.language import msg
from gateway.console.page import Ask, Page, Section, View
from gateway.console.pages.shares import Bar, at_a_platform, at_the_door
from gateway.console.rooms import Rooms
from gateway.office.reports import Asked


class Figure(msgspec.Struct, frozen=True):
    """A count of today up to now; `before` is that of the same hours a week ago, of those that are over, as is `compared`."""

    label: str
    today: int
    compared: int
    before: int

    @property
    def change(self) -> float | None:
        """By what share it is more or less; None where there is nothing to compare it with."""
        return None if not self.before else (self.compared - self.before) / self.before


class Place(msgspec.Struct, frozen=True):
    """How a destination stands."""

    name: str
    standing: str
    lane: LaneHealth
    delivered: int
    accepted: int
    value: Mapping[str, Decimal]


class Shop(msgspec.Struct, frozen=True):
    """One storefront in the list of all: each destination's standing by name."""

    name: str
    places: Mapping[str, str]


class Overview(msgspec.Struct, frozen=True):
    """What the page shows. `until`: the last full hour, up to which the figures are compared; None in a day's first hour.
    `is_new`: nothing ever came in from this storefront.
    """

    ready: bool
    why: str | None
    test_endpoints: bool
    until: str | None
    figures: tuple[Figure, ...]
    came: Bar
    arrived: tuple[Bar, ...]
    is_new: bool
    places: tuple[Place, ...]
    first_expiry: Expiry | None
    silent: tuple[Silence, ...]
    shops: tuple[Shop, ...]

    @property
    def states(self) -> frozenset[str]:
        """Every standing that is met anywhere."""
        return frozenset(state for shop in self.shops for state in shop.places.values())


UP, TROUBLED, DOWN, HALTED = "up", "troubled", "down", "halted"


async def show(ask: Ask, rooms: Rooms) -> View:
    """Show the storefront that is looked at."""
    funnel, silences = await asyncio.gather(  # together, so that they wait for the store's thread once
        rooms.reports.funnel(ask.storefront, Asked(Step.DAY, 1), ask.now),
        rooms.reports.silence(ask.storefront, ask.now),
    )
    readiness = await rooms.everywhere()
    is_new = not funnel["total"]["door"]["received"] and not (await rooms.outbox.book(ask.storefront)).received
    health = rooms.health(ask.storefront, readiness)
    return View(overview(funnel, health, readiness, tuple(silences["silent"]), is_new=is_new))


def overview(
    funnel: Funnel, health: Health, readiness: Readiness, silent: tuple[Silence, ...], *, is_new: bool = False
) -> Overview:
    """Put the page together."""
    today = funnel["slots"][-1]
    return Overview(
        ready=health["ready"],
        why=health["why"],
        test_endpoints=readiness["test_endpoints"],
        until=None if funnel["today"]["since"] == funnel["today"]["until"] else funnel["today"]["until"],
        figures=tuple(
            Figure(label, count(today), count(funnel["today"]), count(funnel["week_before"])) for label, count in COUNTS.items()
        ),
        came=at_the_door(today["door"]),
        arrived=tuple(at_a_platform(name, arrival, funnel["now"].get(name)) for name, arrival in today["destinations"].items()),
        is_new=is_new,
        places=tuple(place(name, lane, today) for name, lane in health["lanes"].items()),
        first_expiry=health["first_expiry"],
        silent=silent,
        shops=tuple(
            Shop(name, {where: standing(lane) for where, lane in lanes.items()})
            for name, lanes in sorted(readiness["lanes"].items())
        ),
    )


def standing(lane: LaneState) -> str:
    """Say in one word how a destination stands: it takes events, it does for now or with a complaint, or it does not.

    What an operator has paused is told apart from what is down by itself.
    """
    if lane["paused_at"]:
        return HALTED
    if not lane["up"]:
        return DOWN
    unwell = lane["canary"] is not None and lane["canary"]["outcome"] != Seen.WELL
    return TROUBLED if lane["reason"] or lane["misconfigured"] or lane["violation"] or lane["test_mode"] or unwell else UP


def place(name: str, lane: LaneHealth, today: Slot) -> Place:
    """Put together what is told of one destination."""
    arrival = today["destinations"].get(name)
    if arrival is None:
        return Place(name, standing(lane), lane, 0, 0, {})
    value = {currency: Decimal(sums["delivered"]) for currency, sums in arrival["value"].items() if "delivered" in sums}
    return Place(name, standing(lane), lane, arrival["delivered"] + arrival["taken"], arrival["accepted"], value)


def received(slot: Slot) -> int:
    """Count what came in."""
    return slot["door"]["received"]


def accepted(slot: Slot) -> int:
    """Count what was taken."""
    return slot["door"]["accepted"]


def delivered(slot: Slot) -> int:
    """Count what arrived anywhere."""
    return sum(arrival["delivered"] + arrival["taken"] for arrival in slot["destinations"].values())


def failed(slot: Slot) -> int:
    """Count what died anywhere."""
    return sum(arrival["dead"] for arrival in slot["destinations"].values())


COUNTS: Final[Mapping[str, Callable[[Slot], int]]] = {
    msg("Received"): received,
    msg("Accepted"): accepted,
    msg("Deliveries"): delivered,
    msg("Failed deliveries"): failed,
}
"""The figures of the day, by their names."""

PAGE = Page(
    path="/",
    title=msg("Overview"),
    show=show,
    template="overview.html",
    section=Section.DELIVERY,
    live=True,
)
