"""Reports over time for the private listener and the commands: what the store tells is read here, and judged by pure rooms.

Days that are added up change no more (`Outbox.closed`), so what was made of them is remembered: only what has come since is
read again. A report is the same with and without. What was asked for in the last days is made anew as soon as a further day is
over, so that nobody's first look of a day waits for it.

Whoever asks is told by code what cannot be meant: `event`, `step` or `count`.
"""

import asyncio
from collections.abc import Callable, Mapping
from enum import StrEnum, unique
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from gateway.audit import periods
from gateway.audit.funnel import Funnel, Past, Sheet, funnel
from gateway.audit.funnel import past as make_past
from gateway.audit.periods import Period, Step
from gateway.audit.silence import LOOK_BACK_SECONDS, Heard, Silences, hear, silences
from gateway.audit.standing import Backlog, Health, Readiness, backlog, health
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination, Kind
from gateway.office.remembered import Remembered
from gateway.outbox import Outbox
from gateway.outbox.history import HOUR_SECONDS, Grain, Received, total
from gateway.outbox.work import Lane

USUAL: Final = {Step.HOUR: 24, Step.DAY: 14, Step.WEEK: 8}
"""How many lines a funnel has when nobody says."""
_MOST_DIGITS: Final = 3
LOOK_BACK_HOURS: Final = LOOK_BACK_SECONDS // HOUR_SECONDS
PAST_BYTES: Final = 16 << 20
"""How much is remembered of funnels: 90 days of 50 storefronts take half of it."""
FIGURE_BYTES: Final = 100
ASKED_SECONDS: Final = 8 * 86_400
"""How long after somebody asked for a funnel its past is made anew in advance: also of whoever looks once a week."""
MOST_ASKED: Final = 500
REST_SECONDS: Final = 0.5
"""Between one and the next: each takes some 30 ms."""


class Shop(msgspec.Struct, frozen=True):
    """What reports must know of a storefront: its time zone, the smallest group that is told, and how old an event may be
    at each destination, in seconds.
    """

    time_zone: ZoneInfo
    smallest_group: int
    max_ages: Mapping[Destination, int]


class Asked(msgspec.Struct, frozen=True):
    """Which funnel is wanted. `kind` None: of all events together."""

    step: Step = Step.DAY
    count: int = USUAL[Step.DAY]
    kind: Kind | None = None


@unique
class Unmeant(StrEnum):
    """Which part of a question cannot be meant."""

    EVENT = "event"
    STEP = "step"
    COUNT = "count"


def read(query: Mapping[str, str]) -> Asked | Unmeant:
    """Read which funnel is wanted from a query's `event`, `step` and `count`; what is left out is usual."""
    try:
        kind = Kind(query["event"]) if query.get("event") else None
    except ValueError:
        return Unmeant.EVENT
    try:
        step = Step(query.get("step", Step.DAY))
    except ValueError:
        return Unmeant.STEP
    said = query.get("count", str(USUAL[step]))
    if not (said.isascii() and said.isdecimal() and len(said) <= _MOST_DIGITS and 1 <= int(said) <= periods.MOST_STEPS[step]):
        return Unmeant.COUNT
    return Asked(step, int(said), kind)


class Reports:
    """Makes reports from a store. Times are handed in (Unix seconds)."""

    def __init__(self, outbox: Outbox, shops: Mapping[StorefrontId, Shop]) -> None:
        """Tell of these storefronts."""
        self._outbox = outbox
        self._shops = shops
        self._pasts: Remembered[tuple[StorefrontId, Asked, int, int], Past] = Remembered(PAST_BYTES)
        self._asked: dict[tuple[StorefrontId, Asked], tuple[int, int]] = {}
        """When somebody asked for which funnel last, and which days were over when it was made; the latest at the end."""
        self._weeks: dict[StorefrontId, Period] = {}
        self._heard: dict[StorefrontId, tuple[int, Heard]] = {}

    @property
    def shops(self) -> Mapping[StorefrontId, Shop]:
        """What is known of the storefronts."""
        return self._shops

    async def funnel(self, storefront: StorefrontId, asked: Asked, now: int) -> Funnel:
        """Tell the last hours, days or weeks, the one that has begun among them; and today beside the same day last week."""
        self._asked.pop((storefront, asked), None)
        self._asked[storefront, asked] = (now, self._outbox.closed(storefront))
        if len(self._asked) > MOST_ASKED:
            del self._asked[next(iter(self._asked))]
        return await self._funnel(storefront, asked, now)

    async def renew(self, now: int) -> None:
        """Make anew what is remembered of funnels that were asked for in the last days, where a further day is over."""
        for (storefront, asked), (at, made) in list(self._asked.items()):
            closed = self._outbox.closed(storefront)
            if at + ASKED_SECONDS <= now:
                self._asked.pop((storefront, asked), None)
            elif made != closed and (storefront, asked) in self._asked:
                self._asked[storefront, asked] = (at, closed)
                await self._funnel(storefront, asked, now)
                await asyncio.sleep(REST_SECONDS)

    async def _funnel(self, storefront: StorefrontId, asked: Asked, now: int) -> Funnel:
        shop = self._shops[storefront]
        zone, step, closed = shop.time_zone, asked.step, self._outbox.closed(storefront)
        since, until = periods.back(now + 1, asked.count, step, zone), now + 1
        day, hour = periods.begins(now, Step.DAY, zone), now // HOUR_SECONDS * HOUR_SECONDS
        key = (storefront, asked, since, closed)
        past = self._pasts.find(key)
        begin = since if past is None else past.until
        told, today, week_before, undelivered = await asyncio.gather(  # together, so that they wait for the store's thread once
            self._outbox.history(storefront, periods.GRAINS[step], begin, until),
            self._today(storefront, day, hour, told=begin <= day and closed <= day),
            self._week_before(storefront, *_week_before(day, hour, zone), closed),
            self._outbox.undelivered(storefront),
        )
        slots = periods.periods(told, begin, until, step, zone)
        if past is None and (over := [slot for slot in slots[:-1] if slot.until <= closed]):
            past = make_past(over, asked.kind, shop.smallest_group, shop.max_ages)
            self._pasts.keep(key, past, len(past.slots) + len(past.figures) * FIGURE_BYTES)
            slots = slots[len(over) :]
        sheet = Sheet(
            storefront=storefront,
            step=step.value,
            time_zone=zone.key,
            slots=tuple(slots),
            today=today or Period(day, hour, total(stretch for stretch in told if day <= stretch.since < hour)),
            week_before=week_before,
            waiting={where: self._outbox.waiting(Lane(storefront, where)) for where in shop.max_ages},
            undelivered=undelivered,
            past=past,
        )
        return funnel(sheet, asked.kind, shop.smallest_group)

    async def _today(self, storefront: StorefrontId, day: int, hour: int, *, told: bool) -> Period | None:
        """Tell the hours of today that are over; None where they are `told` already."""
        return None if told else await self._hours(storefront, day, hour)

    async def _week_before(self, storefront: StorefrontId, since: int, until: int, closed: int) -> Period:
        """Tell hours of last week. Once they cannot change they are remembered, until others are asked for."""
        known = self._weeks.get(storefront)
        if known is not None and (known.since, known.until) == (since, until):
            return known
        found = await self._hours(storefront, since, until)
        if until <= closed:
            self._weeks[storefront] = found
        return found

    async def _hours(self, storefront: StorefrontId, since: int, until: int) -> Period:
        told = await self._outbox.history(storefront, Grain.HOUR, since, until)
        return Period(since, until, total(told))

    async def silence(self, storefront: StorefrontId, now: int) -> Silences:
        """Tell which event types stopped."""
        return Silences(storefront=storefront, silent=silences(await self._hear(storefront, now), now))

    async def _hear(self, storefront: StorefrontId, now: int) -> Heard:
        """Tell what came in since the look back begins. The hours that cannot change any more are remembered."""
        this_hour, closed = now // HOUR_SECONDS, self._outbox.closed(storefront) // HOUR_SECONDS
        if not closed:
            return await self._hear_hours(storefront, this_hour - LOOK_BACK_HOURS, this_hour + 1)
        known = self._heard.get(storefront)
        if known is None or known[0] != closed:
            known = closed, await self._hear_hours(storefront, closed - LOOK_BACK_HOURS, closed)
            self._heard[storefront] = known
        return known[1].followed_by(await self._hear_hours(storefront, closed, max(this_hour + 1, closed)))

    async def _hear_hours(self, storefront: StorefrontId, first: int, last: int) -> Heard:
        told = await self._outbox.history(storefront, Grain.HOUR, first * HOUR_SECONDS, last * HOUR_SECONDS, (Received,))
        return hear(told, first, last)

    async def each_silence(self, now: int, tell: Callable[[StorefrontId, frozenset[Kind]], None]) -> None:
        """Tell of every storefront which event types stopped."""
        for storefront in self._shops:
            silent = (await self.silence(storefront, now))["silent"]
            tell(storefront, frozenset(Kind(one["event"]) for one in silent))

    def backlog(self, storefront: StorefrontId, where: Destination, now: int) -> Backlog:
        """Tell what waits for a destination, and when the first of it is too old."""
        return backlog(self._outbox.waiting(Lane(storefront, where)), self._shops[storefront].max_ages[where], now)

    def health(self, storefront: StorefrontId, readiness: Readiness, now: int) -> Health:
        """Tell how a storefront's destinations stand, and what waits there."""
        places = readiness["lanes"].get(storefront, {})
        return health(storefront, readiness, {name: self.backlog(storefront, Destination(name), now) for name in places})


def _week_before(day: int, hour: int, zone: ZoneInfo) -> tuple[int, int]:
    """Give the same hours of the day a week before."""
    before = periods.days_before(day, 7, zone)
    return before, before + hour - day
