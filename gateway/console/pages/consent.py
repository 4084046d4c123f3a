"""`/consent`: did anything leave without consent? And who was refused why, what the signals said, and by which rules.

The answers of `GET /api/v1/proof` and `GET /api/v1/consent-report`.
"""

import msgspec

from gateway.audit.grounds import ConsentReport, Proof
from gateway.audit.trace import moment
from gateway.console.language import msg
from gateway.console.page import Ask, Page, Section, View
from gateway.console.rooms import Rooms
from gateway.office.papers import Period, Unmeant, period


class Shown(msgspec.Struct, frozen=True):
    """What the page shows; `fault`: which end of the period cannot be meant."""

    proof: Proof
    report: ConsentReport
    since: str
    until: str
    fault: str | None


async def show(ask: Ask, rooms: Rooms) -> View:
    """Show a period, the last thirty days if none is asked for."""
    asked, fault = chosen(ask)
    proof = await rooms.papers.proof(ask.storefront, ask.now)
    report = await rooms.papers.consent(ask.storefront, asked, ask.now)
    since, until = days(asked)
    return View(Shown(proof, report, since, until, fault), status=400 if fault else 200)


def chosen(ask: Ask) -> tuple[Period, str | None]:
    """Read the period; the usual one, and what is wrong, where it cannot be meant."""
    asked = period(ask.query, ask.now)
    if not isinstance(asked, Unmeant):
        return asked, None
    usual = period({}, ask.now)
    assert isinstance(usual, Period)  # noqa: S101 - nothing is asked, so nothing can be wrong
    return usual, asked.value


def days(asked: Period) -> tuple[str, str]:
    """Write the first and the last day as a form takes them."""
    return moment(asked.since)[:10], moment(asked.until - 1)[:10]


PAGE = Page(path="/consent", title=msg("Consent"), show=show, template="consent.html", section=Section.PRIVACY)
