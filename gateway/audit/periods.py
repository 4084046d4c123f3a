"""Hours, days and weeks of a storefront's time zone, and which stretches of its history lie in each. Pure.

A week begins on Monday. All of them begin on a whole hour (UTC), as the history does.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum, unique
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from gateway.outbox.history import HOUR_SECONDS, Figure, Grain, Stretch, day_begins, day_ends, total


@unique
class Step(StrEnum):
    """How long each line of a report is."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"


GRAINS: Final = {Step.HOUR: Grain.HOUR, Step.DAY: Grain.DAY, Step.WEEK: Grain.DAY}
MOST_STEPS: Final = {Step.HOUR: 14 * 24, Step.DAY: 400, Step.WEEK: 60}
"""The most lines of one report."""


class Period(NamedTuple):
    """From `since` to before `until`, Unix seconds, and what was booked in it."""

    since: int
    until: int
    figures: dict[Figure, int]


def begins(seconds: int, step: Step, zone: ZoneInfo) -> int:
    """Give when the hour, day or week of a moment begins."""
    match step:
        case Step.HOUR:
            return seconds // HOUR_SECONDS * HOUR_SECONDS
        case Step.DAY:
            return day_begins(seconds, zone)
        case Step.WEEK:
            day = day_begins(seconds, zone)
            # 6 hours into the day it is that day, whatever the clocks are put by.
            weekday = datetime.fromtimestamp(day + 6 * HOUR_SECONDS, zone).weekday()
            return days_before(day, weekday, zone)


def ends(seconds: int, step: Step, zone: ZoneInfo) -> int:
    """Give when the hour, day or week that begins at a moment is over."""
    match step:
        case Step.HOUR:
            return seconds + HOUR_SECONDS
        case Step.DAY:
            return day_ends(seconds, zone)
        case Step.WEEK:
            return days_before(seconds, -7, zone)


def days_before(day: int, count: int, zone: ZoneInfo) -> int:
    """Give when the day began that was so many days before the one that begins at `day`."""
    noon = datetime.fromtimestamp(day + 6 * HOUR_SECONDS, zone).replace(hour=12, minute=0)
    return day_begins(int((noon - timedelta(days=count)).timestamp()), zone)


def back(until: int, count: int, step: Step, zone: ZoneInfo) -> int:
    """Give when the first of `count` hours, days or weeks begins, of which the last has the moment before `until`."""
    first = begins(until - 1, step, zone)
    for _ in range(count - 1):
        first = begins(first - 1, step, zone)
    return first


def periods(stretches: Iterable[Stretch], since: int, until: int, step: Step, zone: ZoneInfo) -> list[Period]:
    """Put stretches into periods, from that in which `since` is to that before `until`; an empty one is there too."""
    waiting = [stretch for stretch in stretches if stretch.since >= since]
    made: list[Period] = []
    begin, place = begins(since, step, zone), 0
    while begin < until:
        end = ends(begin, step, zone)
        upto = place
        while upto < len(waiting) and waiting[upto].since < end:
            upto += 1
        made.append(Period(begin, min(end, until), total(waiting[place:upto])))
        begin, place = end, upto
    return made
