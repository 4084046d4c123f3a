"""`/explain`: what became of one event, found by its id. The whole path: signals, rule, what the boundary did, each platform.

The answer of `GET /api/v1/explain`, without the fields that a role may not see.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from gateway.audit.trace import AttemptTold, Told, tell
from gateway.consent.policy import Profile
from gateway.console.language import msg
from gateway.console.page import Ask, Page, Section, View
from gateway.console.roles import withheld
from gateway.console.rooms import Rooms
from gateway.model.texts import EventId
from gateway.model.words import Kind, Reason

ROUTE = ("GET", "/api/v1/explain")


OTHER_ENDS: Final[Mapping[tuple[str, str | None], str]] = {
    ("withdrawn", Reason.REFUNDED): Reason.REFUNDED.value,
    ("delivered", Reason.ACCEPTED_FOR_PROCESSING): "taken",
}
"""States that a reason has a word of its own for."""


class Answer(msgspec.Struct, frozen=True):
    """What the page shows. `told` is None while nothing was asked, or nothing is known; `fault`: what cannot be meant.

    `ends`: the code that stands over each destination.
    """

    event: str
    event_id: str
    events: tuple[str, ...]
    fault: str | None = None
    asked: bool = False
    told: Told | None = None
    ends: Mapping[str, str] = {}
    signals: Mapping[str, str] | None = None
    fields: tuple[str, ...] | None = None
    evidence: str | None = None

    @property
    def profile(self) -> str | None:
        """What the rule that decided goes by, if it is one of these."""
        rule = "" if self.told is None else self.told["rule"].rpartition("-")[0]
        return rule if rule in {one.value for one in Profile} else None


def end(attempt: AttemptTold) -> str:
    """Give the code that says best where an event stands: its state, but for one that was taken out and not for its consent,
    and one that the platform took and has not confirmed.
    """
    return OTHER_ENDS.get((attempt["state"], attempt["reason"]), attempt["state"])


async def show(ask: Ask, rooms: Rooms) -> View:
    """Show the form, and below it what is known of the event that was asked for."""
    events = tuple(kind.value for kind in Kind)
    event, event_id = ask.query.get("event", Kind.PURCHASE.value), ask.query.get("event_id", "").strip()
    if event not in events:
        return View(Answer(Kind.PURCHASE.value, "", events, fault="event"), status=400)
    if not event_id:
        return View(Answer(event, "", events))
    try:
        meant = EventId(event_id)
    except ValueError:
        return View(Answer(event, "", events, fault="event_id"), status=400)
    found = await rooms.outbox.explain(ask.storefront, Kind(event), meant)
    if found is None:
        return View(Answer(event, event_id, events, asked=True), status=404)
    told = tell(found, rooms.standstills(ask.storefront))
    kept = withheld(ROUTE, ask.caller.roles)
    return View(
        Answer(
            event,
            event_id,
            events,
            asked=True,
            told=told,
            ends={name: end(attempt) for name, attempt in told["destinations"].items()},
            signals=None if "signals" in kept else told["signals"],
            evidence=None if "evidence" in kept else told.get("evidence"),
            fields=None if "fields" in kept else tuple(told["fields"]),
        )
    )


PAGE = Page(
    path="/explain",
    title=msg("Find an event"),
    show=show,
    template="explain.html",
    section=Section.DELIVERY,
)
