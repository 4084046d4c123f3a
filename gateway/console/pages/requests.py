"""`/requests`: what persons asked for (withdrawal, erasure, access), what came of it, and what is due when.

The register holds no name and no address: a person is known in it by keyed hashes only, which are not shown. Requests are
served by commands on the gateway's machine or over the API: whoever serves one has the person's name before them, and that
should not stand in a browser's history.
"""

import msgspec

from gateway.audit.trace import moment
from gateway.console.language import msg
from gateway.console.page import Ask, Page, Section, View
from gateway.console.rooms import Rooms
from gateway.rights.answers import Line
from gateway.rights.counter import register_of

SHOWN = 500


class Registered(msgspec.Struct, frozen=True):
    """What the page shows; `late` are the numbers of those that are open and past their last day."""

    open: tuple[Line, ...]
    late: frozenset[int]
    closed: tuple[Line, ...]
    left_out: int


async def show(ask: Ask, rooms: Rooms) -> View:
    """Show the storefront's register."""
    register = await register_of(rooms.desk, [ask.storefront])
    return View(registered(register.requests, moment(ask.now)))


def registered(lines: tuple[Line, ...], now: str) -> Registered:
    """Divide the register: what is open, due first at the front; what is done, the newest first. `now` is RFC 3339 in UTC."""
    still = sorted((line for line in lines if line.done_at is None), key=lambda line: line.due_at)
    closed = [line for line in lines if line.done_at is not None]
    late = frozenset(line.number for line in still if line.due_at < now)
    return Registered(tuple(still), late, tuple(closed[:SHOWN]), max(0, len(closed) - SHOWN))


PAGE = Page(
    path="/requests",
    title=msg("Requests of persons"),
    show=show,
    template="requests.html",
    section=Section.PRIVACY,
)
