"""`/log`: the signed log, the newest first, whether it still fits its last checkpoint, and that checkpoint to keep elsewhere.

The answer of `GET /api/v1/log`.
"""

import msgspec

from gateway.console.language import msg
from gateway.console.page import Ask, Download, Page, Section, Shown, View
from gateway.console.rooms import Rooms
from gateway.office.clerk import USUAL_LINES, LogTold

TEXT = "text/plain; charset=utf-8"


class Read(msgspec.Struct, frozen=True):
    """What the page shows; `kind` is the one that was asked for, empty for all."""

    told: LogTold
    kind: str


async def show(ask: Ask, rooms: Rooms) -> Shown:
    """Show the newest entries, or hand the last checkpoint out."""
    asked = ask.query.get("kind", "")
    told = await rooms.clerk.log(None, USUAL_LINES)
    if ask.query.get("format") == "checkpoint" and told["checkpoint"] is not None:
        return Download(told["checkpoint"].encode(), "checkpoint.txt", TEXT)
    if asked in told["kinds"]:
        told = await rooms.clerk.log(asked, USUAL_LINES)
    return View(Read(told, asked))


PAGE = Page(path="/log", title=msg("Signed log"), show=show, template="log.html", section=Section.PRIVACY)
