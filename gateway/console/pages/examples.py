"""`/examples`: one event of each kind as the shop sends it, beside what leaves of it for each platform. Kinds, never values.

The answer of `GET /api/v1/example`.
"""

import msgspec

from gateway.audit.examples import Examples
from gateway.console.language import msg
from gateway.console.page import Ask, Page, Section, View
from gateway.console.rooms import Rooms


class Shown(msgspec.Struct, frozen=True):
    """What the page shows."""

    told: Examples


async def show(ask: Ask, rooms: Rooms) -> View:
    """Show the storefront's examples."""
    return View(Shown(await rooms.papers.examples(ask.storefront)))


PAGE = Page(path="/examples", title=msg("Examples"), show=show, template="examples.html", section=Section.PRIVACY)
