"""By when a request must be answered, by the law under which it was made. Pure."""

import calendar
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import unique
from typing import Final

from gateway.model.words import Word


@unique
class Law(Word):
    """Under which law a person asks."""

    GDPR = "gdpr"
    """Also the United Kingdom's, and what is done for Canada and everybody else: the strictest."""
    CALIFORNIA = "california"


DAYS: Final[Mapping[Law, int]] = {Law.GDPR: 30, Law.CALIFORNIA: 45}
"""What the published policy promises.

GDPR: one month from receipt, art. 12(3) (https://eur-lex.europa.eu/eli/reg/2016/679/oj). California: 45 days from receipt,
Civil Code §1798.130(a)(2)(A) (https://leginfo.legislature.ca.gov/faces/codes_displaySection.xhtml?lawCode=CIV&sectionNum=1798.130).
Both may be extended, with notice to the person; that is the merchant's to decide. (Text as of 2026-11-26.)
"""


def due_at(law: Law, asked_at: int) -> int:
    """Give the last moment to answer what was asked at `asked_at`; both in Unix seconds.

    Thirty days are more than a month when February lies between, so the GDPR's request is due at the earlier of the two. A
    month ends on the day of the same number, or on the last that the month has (Regulation 1182/71, art. 3(2)(c)).
    """
    asked = datetime.fromtimestamp(asked_at, UTC)
    due = asked + timedelta(days=DAYS[law])
    return int((min(due, _month_after(asked)) if law is Law.GDPR else due).timestamp())


def _month_after(moment: datetime) -> datetime:
    year, month = (moment.year + 1, 1) if moment.month == 12 else (moment.year, moment.month + 1)
    return moment.replace(year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1]))
