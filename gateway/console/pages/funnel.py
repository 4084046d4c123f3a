"""`/funnel`: does what comes in arrive? Over hours, days or weeks, in events and in money; today beside the same day last week.

What is shown is the answer of `GET /api/v1/funnel` and nothing else, so small groups stay as hidden as there.
"""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import msgspec

from gateway.audit.funnel import WITHDRAWN, Arrival, Door, Funnel, Refusals, Slot
from gateway.audit.groups import OTHERS, Cell
from gateway.audit.periods import Step
from gateway.console.language import msg
from gateway.console.page import Ask, Page, Section, View
from gateway.console.page import Shown as PageShown
from gateway.console.pages.shares import Bar, at_a_platform, at_the_door
from gateway.console.pages.tables import table_of
from gateway.console.rooms import Rooms
from gateway.model.words import Kind
from gateway.office.reports import USUAL, Asked, read


class Line(msgspec.Struct, frozen=True):
    """One step of time, for the chart and the table beside it. Counts of small groups are text, as `<10`."""

    since: str
    accepted: int
    refused: Cell
    otherwise: int
    invalid: int
    duplicate: int


class Sum(msgspec.Struct, frozen=True):
    """Order value of one currency at one destination, in major units. `taken_back` is None where it may not be told."""

    currency: str
    accepted: Decimal
    delivered: Decimal
    taken_back: Decimal | None
    dead: Decimal

    @property
    def open(self) -> Decimal | None:
        """What was accepted in this time and has not ended in it; below nought where older events ended in it. None where it
        may not be told what was taken out: that would be among it.
        """
        return None if self.taken_back is None else self.accepted - self.delivered - self.dead - self.taken_back


class Count(msgspec.Struct, frozen=True):
    """A code, how often it was, and the order value by currency as far as there is one that is told."""

    code: str
    count: Cell
    value: Mapping[str, Decimal] = {}


class Reason(msgspec.Struct, frozen=True):
    """Why a destination was not to get events, how many, and their order value by currency as far as it is told."""

    code: str
    count: Cell
    consent: bool
    value: Mapping[str, Decimal]


class End(msgspec.Struct, frozen=True):
    """What events died of, how many, and their order value by currency. Either is less than nought where a replay took more."""

    code: str
    count: int
    value: Mapping[str, Decimal]


class Course(msgspec.Struct, frozen=True):
    """A destination over the whole time, and now: what waits and what is to be tried again with its order value."""

    name: str
    total: Arrival
    waiting: int
    waiting_value: Mapping[str, Decimal]
    retrying: int
    retrying_value: Mapping[str, Decimal]
    lying: int
    alone: tuple[Reason, ...]
    nowhere: tuple[Reason, ...]
    sums: tuple[Sum, ...]
    ends: tuple[End, ...]
    processed: tuple[Count, ...]
    fresh: tuple[tuple[int | None, int], ...]
    lines: tuple[Arrival, ...]


class Beside(msgspec.Struct, frozen=True):
    """A figure of today and of the same hours a week ago."""

    label: str
    today: Cell
    before: Cell


class Shown(msgspec.Struct, frozen=True):
    """What the page shows."""

    step: str
    count: int
    event: str | None
    steps: tuple[str, ...]
    events: tuple[str, ...]
    smallest: int
    door: Door
    came: Bar
    arrived: tuple[Bar, ...]
    accepted_value: Mapping[str, Decimal]
    lines: tuple[Line, ...]
    consent: tuple[Count, ...]
    otherwise: tuple[Count, ...]
    matched: tuple[tuple[str, float | None], ...]
    courses: tuple[Course, ...]
    beside: tuple[Beside, ...]
    bad: bool


NO_VALUE: Final[Mapping[str, Mapping[str, str]]] = {}

MATCHED = {
    "email": msg("Hashed e-mail"),
    "ip": msg("Truncated address"),
    "click": msg("Click id"),
    "none": msg("None of these"),
}


async def show(ask: Ask, rooms: Rooms) -> PageShown:
    """Show the funnel that was asked for; the usual one, with a word about it, where that cannot be meant."""
    if (table := await table_of(ask, rooms, "/api/v1/funnel")) is not None:
        return table
    asked = read({name: ask.query[name] for name in ("step", "count", "event") if ask.query.get(name)})
    meant = asked if isinstance(asked, Asked) else Asked()
    told = await rooms.reports.funnel(ask.storefront, meant, ask.now)
    return View(shown(told, meant, bad=meant is not asked))


def shown(told: Funnel, asked: Asked, *, bad: bool) -> Shown:
    """Put the page together."""
    door = told["total"]["door"]
    return Shown(
        step=asked.step.value,
        count=asked.count,
        event=told["event"],
        steps=tuple(USUAL),
        events=tuple(kind.value for kind in Kind),
        smallest=told["smallest_group"],
        door=door,
        came=at_the_door(door),
        arrived=arrived(told["total"], told),
        lines=tuple(line(slot) for slot in told["slots"]),
        accepted_value=_amounts(door["accepted_value"]),
        consent=counts(door["consent_reasons"], door["refused_value"]),
        otherwise=counts({**door["refused_otherwise"], **door["invalid"]}, door["refused_value"]),
        matched=tuple(
            (MATCHED[key], count / door["accepted"] if door["accepted"] else None) for key, count in door["matched"].items()
        ),
        courses=tuple(course(name, told) for name in told["total"]["destinations"]),
        beside=beside(told["today"], told["week_before"]),
        bad=bad,
    )


def arrived(slot: Slot, told: Funnel) -> tuple[Bar, ...]:
    """Give what became of events at each platform in a stretch of time."""
    return tuple(at_a_platform(name, arrival, told["now"].get(name)) for name, arrival in slot["destinations"].items())


def line(slot: Slot) -> Line:
    """Give one step of time in one line."""
    door = slot["door"]
    return Line(
        since=slot["since"],
        accepted=door["accepted"],
        refused=door["refused_for_consent"],
        otherwise=sum(door["refused_otherwise"].values()),
        invalid=sum(door["invalid"].values()),
        duplicate=door["duplicate"],
    )


def counts(found: Mapping[str, Cell], value: Mapping[str, Mapping[str, str]] = NO_VALUE) -> tuple[Count, ...]:
    """Give codes with their counts and order value, the larger first; what is told together comes last."""
    size = {code: count if isinstance(count, int) else 0 for code, count in found.items()}
    ordered = sorted(found, key=lambda code: (code == OTHERS, -size[code], code))
    return tuple(Count(code, found[code], _worth(code, value)) for code in ordered)


def reasons(told: Refusals) -> tuple[Reason, ...]:
    """Give reasons with their order value, consent first."""

    def one(code: str, count: Cell, *, consent: bool) -> Reason:
        return Reason(code, count, consent, _worth(code, told["value"]))

    consent = [one(row.code, row.count, consent=True) for row in counts(told["consent_reasons"])]
    return (*consent, *(one(code, count, consent=False) for code, count in told["otherwise"].items()))


def ends(total: Arrival) -> tuple[End, ...]:
    """Give what events died of, the most frequent first; what has order value and no events comes last."""
    found = Counter({why.removeprefix("dead."): count for why, count in total["reasons"].items() if why.startswith("dead.")})
    valued = {code for sums in total["dead_value"].values() for code in sums}
    codes = [*(row.code for row in counts(found)), *sorted(valued - found.keys())]
    return tuple(End(code, found[code], _worth(code, total["dead_value"])) for code in codes)


def _worth(code: str, value: Mapping[str, Mapping[str, str]]) -> dict[str, Decimal]:
    return {currency: Decimal(sums[code]) for currency, sums in value.items() if code in sums}


def _amounts(value: Mapping[str, str]) -> dict[str, Decimal]:
    return {currency: Decimal(amount) for currency, amount in value.items()}


def course(name: str, told: Funnel) -> Course:
    """Put together what is told of one destination."""
    total = told["total"]["destinations"][name]
    now = told["now"].get(name)
    return Course(
        name=name,
        total=total,
        waiting=0 if now is None else now["waiting"],
        waiting_value={} if now is None else _amounts(now["waiting_value"]),
        retrying=0 if now is None else now["retrying"],
        retrying_value={} if now is None else _amounts(now["retrying_value"]),
        lying=0 if now is None else now["dead"],
        alone=reasons(total["refused_alone"]),
        nowhere=reasons(total["refused"]),
        sums=tuple(_sum(currency, sums, total) for currency, sums in total["value"].items()),
        ends=ends(total),
        processed=counts(dict(total["processed"])),
        fresh=tuple((None if bound == "later" else int(bound), count) for bound, count in total["fresh"].items()),
        lines=tuple(slot["destinations"][name] for slot in told["slots"] if name in slot["destinations"]),
    )


def _sum(currency: str, sums: Mapping[str, str], total: Arrival) -> Sum:
    def of(outcome: str) -> Decimal:
        return Decimal(sums.get(outcome, 0))

    told = WITHDRAWN in sums or not total["withdrawn"]
    return Sum(currency, of("accepted"), of("delivered"), of(WITHDRAWN) if told else None, of("dead"))


def beside(today: Slot, before: Slot) -> tuple[Beside, ...]:
    """Give today's figures with those of the same hours a week ago."""
    door, then = today["door"], before["door"]
    return (
        Beside(msg("Received"), door["received"], then["received"]),
        Beside(msg("Accepted"), door["accepted"], then["accepted"]),
        Beside(msg("Refused for want of consent"), door["refused_for_consent"], then["refused_for_consent"]),
        Beside(msg("Delivered"), _arrived(today), _arrived(before)),
        Beside(msg("Failed for good"), _dead(today), _dead(before)),
    )


def _arrived(slot: Slot) -> int:
    return sum(arrival["delivered"] + arrival["taken"] for arrival in slot["destinations"].values())


def _dead(slot: Slot) -> int:
    return sum(arrival["dead"] for arrival in slot["destinations"].values())


PAGE = Page(
    path="/funnel",
    title=msg("Funnel"),
    show=show,
    template="funnel.html",
    section=Section.DELIVERY,
    live=True,
)
STEPS = {Step.HOUR: msg("Hours"), Step.DAY: msg("Days"), Step.WEEK: msg("Weeks")}
"""How the template calls them, marked here for translation."""
