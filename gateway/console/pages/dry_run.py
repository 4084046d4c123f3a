"""`/dry-run`: paste an event, and see what would happen to it and exactly what would leave. Nothing of it is kept.

The answer of `POST /api/v1/dry-run`. What was pasted is shown again in its field, to be changed and tried once more.
"""

import json

import msgspec

from gateway.console.language import msg
from gateway.console.page import Act, Ask, Form, Page, Section, View
from gateway.console.rooms import Rooms
from gateway.model.words import Fault
from gateway.office.dry_run import Browser, DryRunTold, Order, Sender

EXAMPLE = """{
  "event": "purchase",
  "event_id": "1001",
  "occurred_at": %d,
  "page_url": "https://shop.example/thanks?token=x",
  "customer": {"email": "jane.doe@example.com"},
  "client": {"ip": "203.0.113.77", "country": "FR"},
  "order": {"value": "129.90", "currency": "EUR"},
  "consent": {"advertising": true}
}"""


class Tried(msgspec.Struct, frozen=True):
    """What the page shows. `fault`: what was pasted is no JSON, or not one event. `bodies` are written out for people."""

    event: str
    sender: str
    exact: bool
    fault: bool = False
    told: DryRunTold | None = None
    bodies: dict[str, str] = {}

    def __repr__(self) -> str:
        """Say nothing of what was pasted."""
        return "<Tried>"


async def show(ask: Ask, rooms: Rooms) -> View:
    """Show the form, with an event to begin with."""
    del rooms
    return View(Tried(EXAMPLE % (ask.now - 60), Sender.SERVER.value, exact=False))


async def try_out(ask: Ask, rooms: Rooms, form: Form) -> View:
    """Try out what was pasted."""
    event, exact = form.get("event"), form.get("exact") == "on"
    sender = Sender.BROWSER if form.get("sender") == Sender.BROWSER.value else Sender.SERVER
    said = await _said(ask, rooms, event, sender, exact=exact)
    if said is None:
        return View(Tried(event, sender.value, exact, fault=True), status=400)
    bodies = {name: json.dumps(way["body"], indent=2, ensure_ascii=False) for name, way in said["destinations"].items()}
    return View(Tried(event, sender.value, exact, told=said, bodies=bodies))


async def _said(ask: Ask, rooms: Rooms, event: str, sender: Sender, *, exact: bool) -> DryRunTold | None:
    try:
        msgspec.json.decode(event)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    order = Order(ask.storefront, msgspec.Raw(event.encode()), sender, Browser(), exact)
    told = await rooms.clerk.dry_run.try_out(ask.storefront, order, ask.now)
    return None if isinstance(told, Fault) else told


PAGE = Page(
    path="/dry-run",
    title=msg("Try an event"),
    show=show,
    template="dry_run.html",
    section=Section.PRIVACY,
    acts={"/dry-run/try": Act(try_out)},
)
