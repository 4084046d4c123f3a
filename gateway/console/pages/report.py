"""`/report`: everything of a period on one sheet to be printed, with the record of processing (GDPR, art. 30(1)).

The answer of `GET /api/v1/privacy-report`. Only what is handed out to be kept is an export in the signed log: the file.
"""

import msgspec

from gateway.audit.processing import PrivacyReport
from gateway.console.language import msg
from gateway.console.page import Ask, Download, Page, Section, Shown, View
from gateway.console.pages.consent import chosen, days
from gateway.console.printing import HTML, printed
from gateway.console.rooms import Rooms


class Sheet(msgspec.Struct, frozen=True):
    """What the page shows."""

    report: PrivacyReport
    since: str
    until: str
    fault: str | None


async def show(ask: Ask, rooms: Rooms) -> Shown:
    """Show a period, or hand it out as one file."""
    asked, fault = chosen(ask)
    report = await rooms.papers.report(ask.storefront, asked, ask.now)
    if ask.query.get("format") == "html" and fault is None:
        await rooms.clerk.note_report(asked, ask.caller.by)
        return Download(printed(report, ask.words), f"privacy-report-{ask.storefront}.html", HTML)
    since, until = days(asked)
    return View(Sheet(report, since, until, fault), status=400 if fault else 200)


PAGE = Page(path="/report", title=msg("Report"), show=show, template="report.html", section=Section.PRIVACY)
