"""`/contracts`: what may leave for each platform and why, beside what really left; what changed between two versions.

The answers of `GET /api/v1/contracts` and `/api/v1/contracts/diff`. What is new is acknowledged by the name of a decision.
"""

import msgspec

from gateway.audit.contracts import Contracts, Diff, Told
from gateway.console.language import msg
from gateway.console.page import Act, Ask, Done, Form, Page, Section, Shown, View
from gateway.console.pages.tables import download
from gateway.console.rooms import Rooms
from gateway.office.papers import Unmeant
from gateway.outbox.shapes import Decision
from gateway.signing.acts import approval_of


class Held(msgspec.Struct, frozen=True):
    """What the page shows. `up_to` is the highest number of the ledger that is shown, 0 if nothing ever left."""

    contracts: Contracts
    chosen: Told
    diff: Diff | None
    up_to: int
    csv: str


async def show(ask: Ask, rooms: Rooms) -> Shown:
    """Show one destination's contract; the table for spreadsheets if that is asked for."""
    if ask.query.get("format") == "csv":
        table = await rooms.clerk.table(ask.storefront, ask.caller.by)
        return await download(ask, table, f"contracts-{ask.storefront}.csv")
    told = await rooms.papers.contracts(ask.storefront)
    chosen = next(
        (one for one in told["contracts"] if one["destination"] == ask.query.get("destination")), told["contracts"][0]
    )
    diff = await rooms.papers.diff(ask.storefront, {"destination": chosen["destination"]})
    departures = await rooms.outbox.departures(ask.storefront)
    up_to = max((row.number for row in departures), default=0)
    told_diff = None if isinstance(diff, Unmeant) or diff["before"] == diff["after"] else diff
    return View(Held(told, chosen, told_diff, up_to, f"/contracts?format=csv&storefront={ask.storefront}"))


async def approve(ask: Ask, rooms: Rooms, form: Form) -> Done:
    """Acknowledge what was shown, and nothing that appeared since."""
    to = f"/contracts?storefront={ask.storefront}"
    number = form.get("up_to")
    try:
        decision, up_to = Decision(form.get("decision").strip()), int(number) if number.isdecimal() and len(number) < 16 else 0
    except ValueError:
        return Done(to, msg("A decision is named in 1 to 200 printable characters, without @."), well=False)
    await rooms.record(approval_of(ask.storefront, decision, up_to, ask.caller.by))
    await rooms.outbox.acknowledge(ask.storefront, decision, up_to, ask.now)
    return Done(to, msg("What left so far is acknowledged."))


PAGE = Page(
    path="/contracts",
    title=msg("Contracts"),
    show=show,
    template="contracts.html",
    section=Section.PRIVACY,
    acts={"/contracts/approve": Act(approve)},
)
