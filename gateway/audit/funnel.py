"""From what came in to what arrived: the funnel of a storefront, over time, in events and in money. Pure.

    received → refused (consent apart from the rest) or invalid → accepted → delivered, dead, withdrawn, refunded by destination

All of it is booked when it happens: what was accepted yesterday and confirmed today is in today's deliveries. What waits and
what is to be tried again is told as of now, with its order value, for it has no past. What people decided about their data is
told in groups (`groups.py`); `received` is then what is told, so that nothing is found by taking the rest from it.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, TypedDict

import msgspec

from gateway.audit.groups import OTHERS, Cell, breakdown, cell, share
from gateway.audit.periods import Period
from gateway.audit.trace import moment
from gateway.model.money import EXPONENTS
from gateway.model.words import Destination, Kind, Reason, Refusal, Status
from gateway.outbox.answers import Undelivered, Waiting
from gateway.outbox.history import (
    WITHIN_SECONDS,
    Accepted,
    DeadWorth,
    Differing,
    DoorWorth,
    Figure,
    Fresh,
    Matched,
    Processed,
    Received,
    Refused,
    RefusedWorth,
    Replayed,
    Settled,
    TurnedAway,
    Worth,
)

NOT_CONSENT: Final = {
    Refusal.NO_IDENTITY: "identity",
    Refusal.NOT_ENABLED: "policy",
    Refusal.RESTRICTION_UNSUPPORTED: "policy",
    Refusal.REFUNDED: "order",
}
"""Refusals that say nothing of what the person decided; all others are of consent."""

WITHDRAWN: Final = "withdrawn"

NOT_NOTED: Final = "not_noted"
"""What the order value of the dead stands under that was booked before it was noted what they died of."""

LATER: Final = "later"
"""How deliveries are named that took longer than the longest bound."""


class Door(TypedDict):
    """What came in, JSON-ready. `received` is the sum of what is told here as a number.

    `opt_in` is the share of accepted events in those and the ones refused for consent; None where a group is too small.
    `matched`: of the accepted events how many came with a hashed e-mail, an address, a click id, or none of these.
    `accepted_value` by currency and `refused_value` by currency and reason are order value in major units, each event once;
    where a group is too small to be told, its value is not told either (as `Refusals`).
    """

    received: int
    accepted: int
    duplicate: int
    differing_repeats: int
    refused_for_consent: Cell
    consent_reasons: dict[str, Cell]
    refused_otherwise: dict[str, int]
    invalid: dict[str, int]
    opt_in: float | None
    matched: dict[str, int]
    accepted_value: dict[str, str]
    refused_value: dict[str, dict[str, str]]


class Refusals(TypedDict):
    """What was not to go to a destination, JSON-ready: for want of consent apart from the rest, by reason.

    `value` by currency and reason, in major units; what is told together as `others` is there under that name. Where a group
    is too small to be told, its value is not told either, in no currency of which there are too few.
    """

    for_consent: Cell
    consent_reasons: dict[str, Cell]
    otherwise: dict[str, int]
    value: dict[str, dict[str, str]]


class Arrival(TypedDict):
    """One destination, JSON-ready. `refused` went to no destination at all; `refused_alone` to another one, not to this.

    `delivered` are those that the platform confirmed, `taken` those that it took for processing, of which it said afterwards
    what is in `processed`; `reasons` are of both and of the dead. `withdrawn` were taken out for consent, `refunded` because
    all their money went back. `value` by currency and outcome, in major units, both of these together under `withdrawn`,
    unless too few people took their consent back for it to be told, or their orders are in several currencies, of which it is
    not known how many are in each; `dead_value` is what it has of the dead, by currency and what they died of: less than
    nought where a replay took more out than died.
    `fresh`: deliveries by how many seconds after the event they were confirmed at most.
    """

    refused: Refusals
    refused_alone: Refusals
    accepted: int
    delivered: int
    taken: int
    processed: dict[str, int]
    dead: int
    withdrawn: Cell
    refunded: int
    replayed: int
    reasons: dict[str, int]
    value: dict[str, dict[str, str]]
    dead_value: dict[str, dict[str, str]]
    fresh: dict[str, int]


class Slot(TypedDict):
    """One line of the funnel: from `since` to before `until` (RFC 3339, UTC)."""

    since: str
    until: str
    door: Door
    destinations: dict[str, Arrival]


class Now(TypedDict):
    """What a destination has undelivered at this moment: not tried yet, to be tried again, and the letters that lie dead.

    The order value of the first two by currency, in major units. `oldest` is only told of all kinds of events together.
    """

    waiting: int
    retrying: int
    dead: int
    oldest: str | None
    waiting_value: dict[str, str]
    retrying_value: dict[str, str]


class Funnel(TypedDict):
    """The answer of `GET /api/v1/funnel`. `event` is None for all kinds together; freshness and what platforms said
    afterwards are only told then. `today` has the hours that are over, and `week_before` the same hours a week ago.
    """

    storefront: str
    event: str | None
    step: str
    time_zone: str
    smallest_group: int
    now: dict[str, Now]
    total: Slot
    today: Slot
    week_before: Slot
    slots: list[Slot]


class Past(msgspec.Struct, frozen=True):
    """The part of a funnel that changes no more, kept as small as it can be: `slots` are its lines as JSON, written out for one
    kind of event or for all, and `figures` what they are made of, together.
    """

    since: int
    until: int
    slots: bytes
    figures: Mapping[Figure, int]


class Sheet(msgspec.Struct, frozen=True):
    """What a funnel is made of. `past` comes before `slots`; it was made by `past` of the same sheet's makings."""

    storefront: str
    step: str
    time_zone: str
    slots: tuple[Period, ...]
    today: Period
    week_before: Period
    waiting: Mapping[Destination, Waiting]
    undelivered: Sequence[Undelivered] = ()
    past: Past | None = None


def past(slots: Sequence[Period], kind: Kind | None, smallest: int, declared: Collection[Destination]) -> Past:
    """Write out the lines of a funnel that change no more. There is at least one."""
    lines = [_slot(period, kind, smallest, declared) for period in slots]
    return Past(slots[0].since, slots[-1].until, msgspec.json.encode(lines), _together(slots))


def _together(slots: Iterable[Period]) -> dict[Figure, int]:
    whole: Counter[Figure] = Counter()
    for period in slots:
        whole.update(period.figures)
    return dict(whole)


def funnel(sheet: Sheet, kind: Kind | None, smallest: int) -> Funnel:
    """Write a funnel out, of one kind of event or of all. `smallest` is the size of the smallest group that is told."""
    figures, since, told = _together(sheet.slots), sheet.slots[0].since, []
    if sheet.past is not None:
        figures = _together((Period(0, 0, dict(sheet.past.figures)), Period(0, 0, figures)))
        since, told = sheet.past.since, msgspec.json.decode(sheet.past.slots, type=list[Slot])
    span = Period(since, sheet.slots[-1].until, figures)

    def slot(period: Period) -> Slot:
        return _slot(period, kind, smallest, tuple(sheet.waiting))

    return Funnel(
        storefront=sheet.storefront,
        event=None if kind is None else kind.value,
        step=sheet.step,
        time_zone=sheet.time_zone,
        smallest_group=smallest,
        now={where.value: _now(where, waiting, sheet.undelivered, kind) for where, waiting in sheet.waiting.items()},
        total=slot(span),
        today=slot(sheet.today),
        week_before=slot(sheet.week_before),
        slots=[*told, *map(slot, sheet.slots)],
    )


def _now(where: Destination, all_kinds: Waiting, undelivered: Iterable[Undelivered], kind: Kind | None) -> Now:
    mine = [one for one in undelivered if one.destination is where and (kind is None or one.kind is kind)]
    waiting, retrying, dead, oldest = all_kinds.waiting, all_kinds.retrying, all_kinds.dead, all_kinds.oldest_accepted_at
    if kind is not None:
        waiting, retrying = sum(one.waiting for one in mine), sum(one.retrying for one in mine)
        dead, oldest = sum(one.dead for one in mine), None
    return Now(
        waiting=waiting,
        retrying=retrying,
        dead=dead,
        oldest=None if oldest is None else moment(oldest),
        waiting_value=_worth([one.waiting_value for one in mine]) if waiting else {},
        retrying_value=_worth([one.retrying_value for one in mine]) if retrying else {},
    )


def _worth(parts: Iterable[Mapping[str, int]]) -> dict[str, str]:
    """Add order value up, by currency, in major units."""
    sums: Counter[str] = Counter()
    for part in parts:
        sums.update(part)
    return {currency: _amount(currency, sums[currency]) for currency in sorted(sums) if sums[currency]}


_AT_THE_DOOR: Final = (Received, Differing, Matched, TurnedAway, DoorWorth)
_REFUSED: Final = (Refused, RefusedWorth)

Figures = dict[Figure, int]


class _Course:
    """The figures of one destination: what went nowhere, what went to another one alone, and all else."""

    __slots__ = ("alone", "nowhere", "rest")

    def __init__(self) -> None:
        self.nowhere: Figures = {}
        self.alone: Figures = {}
        self.rest: Figures = {}


def _slot(period: Period, kind: Kind | None, smallest: int, declared: Collection[Destination]) -> Slot:
    door: Figures = {}
    courses = {where: _Course() for where in declared}
    for figure, count in period.figures.items():
        if kind is not None and not _is_of(figure, kind):
            continue
        if isinstance(figure, _AT_THE_DOOR):
            door[figure] = count
            continue
        course = courses.get(figure.destination)
        if course is None:
            course = courses[figure.destination] = _Course()
        if isinstance(figure, _REFUSED):
            (course.alone if figure.alone else course.nowhere)[figure] = count
        else:
            course.rest[figure] = count
    return Slot(
        since=moment(period.since),
        until=moment(period.until),
        door=_door(door, smallest),
        destinations={where.value: _arrival(courses[where], smallest) for where in Destination if where in courses},
    )


def _is_of(figure: Figure, kind: Kind) -> bool:
    match figure:
        case Received(kind=own) | Accepted(kind=own) | Settled(kind=own) | Worth(kind=own) | Matched(kind=own):
            return own is kind
        case Refused(kind=own) | RefusedWorth(kind=own) | DeadWorth(kind=own) | TurnedAway(kind=own) | DoorWorth(kind=own):
            return own is kind
        case Differing() | Replayed() | Processed() | Fresh():
            return False


def _door(figures: Mapping[Figure, int], smallest: int) -> Door:
    statuses: defaultdict[Status, int] = defaultdict(int)
    consent: defaultdict[str, int] = defaultdict(int)
    otherwise: defaultdict[str, int] = defaultdict(int)
    invalid: defaultdict[str, int] = defaultdict(int)
    away = _Away()
    brought: defaultdict[str, int] = defaultdict(int)
    for figure, count in figures.items():
        match figure:
            case Received(status=Status.REFUSED, reason=reason):
                apart = NOT_CONSENT.get(Refusal(reason))
                (consent if apart is None else otherwise)[reason] += count
            case Received(status=Status.INVALID, reason=reason):
                invalid[reason] += count
            case Received(status=status):
                statuses[status] += count
            case TurnedAway(reason=why, currency=currency):
                away.sizes[currency][why.value] += count
            case DoorWorth(reason=None, currency=currency):
                brought[currency] += count
            case DoorWorth(reason=Refusal() as why, currency=currency):
                away.minor[currency][why.value] += count
            case _:
                pass
    refused, accepted = sum(consent.values()), statuses[Status.ACCEPTED]
    told, consent_reasons = cell(refused, smallest), breakdown(consent, smallest)
    rest = sum(statuses.values()) + sum(otherwise.values()) + sum(invalid.values())
    return Door(
        received=rest + (told if isinstance(told, int) else 0),
        accepted=accepted,
        duplicate=statuses[Status.DUPLICATE],
        differing_repeats=figures.get(Differing(), 0),
        refused_for_consent=told,
        consent_reasons=consent_reasons,
        refused_otherwise=_largest_first(otherwise),
        invalid=_largest_first(invalid),
        opt_in=share(accepted, accepted + refused, smallest),
        matched=_matched(figures),
        accepted_value=_worth([brought]),
        refused_value=away.told(otherwise, consent_reasons, smallest),
    )


def _matched(figures: Mapping[Figure, int]) -> dict[str, int]:
    counts = dict.fromkeys(("email", "ip", "click", "none"), 0)
    for figure, count in figures.items():
        if isinstance(figure, Matched):
            counts["email"] += count * figure.email
            counts["ip"] += count * figure.ip
            counts["click"] += count * figure.click
            counts["none"] += count * (not (figure.email or figure.ip or figure.click))
    return counts


def _arrival(course: _Course, smallest: int) -> Arrival:
    accepted = taken = replayed = 0
    outcomes: defaultdict[str, int] = defaultdict(int)
    reasons: defaultdict[str, int] = defaultdict(int)
    processed: defaultdict[str, int] = defaultdict(int)
    fresh: defaultdict[int | None, int] = defaultdict(int)
    minor, dead = _sums(), _sums()
    for figure, count in course.rest.items():  # the most frequent kinds of figures first
        match figure:
            case Settled(outcome=outcome, reason=reason):
                outcomes[reason.value if reason is Reason.REFUNDED else outcome] += count
                if outcome != WITHDRAWN:
                    reasons[f"{outcome}.{reason.value}"] += count
                taken += count if reason is Reason.ACCEPTED_FOR_PROCESSING else 0
            case Worth(currency=currency, outcome=outcome):
                minor[currency][outcome] += count
            case DeadWorth(currency=currency, reason=why):
                dead[currency][NOT_NOTED if why is None else why.value] += count
            case Fresh(within=bound):
                fresh[bound] += count
            case Accepted():
                accepted += count
            case Replayed():
                replayed += count
            case Processed(processing=processing, code=code):
                processed[processing.value if code is None else f"{processing.value}.{code}"] += count
            case _:
                pass
    withdrawn = cell(outcomes[WITHDRAWN], smallest)
    return Arrival(
        refused=_refusals(course.nowhere, smallest),
        refused_alone=_refusals(course.alone, smallest),
        accepted=accepted,
        delivered=outcomes["delivered"] - taken,
        taken=taken,
        processed=_largest_first(processed),
        dead=outcomes["dead"],
        withdrawn=withdrawn,
        refunded=outcomes[Reason.REFUNDED.value],
        replayed=replayed,
        reasons={reason: count for reason, count in _largest_first(reasons).items() if count},
        value=_ends_in_money(minor, outcomes[WITHDRAWN], smallest),
        dead_value={currency: told for currency in sorted(dead) if (told := _major(currency, dead[currency]))},
        fresh={LATER if bound is None else str(bound): fresh[bound] for bound in (*WITHIN_SECONDS, None) if fresh[bound]},
    )


class _Away:
    """Order value of what was refused, in minor units, and of how many events it is: by currency and reason."""

    def __init__(self) -> None:
        self.minor = _sums()
        self.sizes = _sums()

    def told(self, otherwise: Collection[str], consent: Collection[str], smallest: int) -> dict[str, dict[str, str]]:
        """Write out what may be told: of `consent` reasons no currency with too few events, and the others together."""
        value: dict[str, dict[str, str]] = {}
        for currency in sorted(self.minor):
            sums: defaultdict[str, int] = defaultdict(int)
            sizes: defaultdict[str, int] = defaultdict(int)
            for code, amount in self.minor[currency].items():
                name = code if code in otherwise or code in consent else OTHERS
                sums[name] += amount
                sizes[name] += self.sizes[currency][code]
            known = {name: sum_ for name, sum_ in sums.items() if name in otherwise or sizes[name] >= smallest}
            if shown := _major(currency, known):
                value[currency] = shown
        return value


def _refusals(figures: Figures, smallest: int) -> Refusals:
    if not figures:
        return Refusals(for_consent=0, consent_reasons={}, otherwise={}, value={})
    consent: defaultdict[str, int] = defaultdict(int)
    otherwise: defaultdict[str, int] = defaultdict(int)
    away = _Away()
    for figure, count in figures.items():
        match figure:
            case Refused(reason=reason, currency=currency):
                (otherwise if reason in NOT_CONSENT else consent)[reason.value] += count
                away.sizes[currency][reason.value] += count
            case RefusedWorth(reason=reason, currency=currency):
                away.minor[currency][reason.value] += count
            case _:
                pass
    told = breakdown(consent, smallest)
    return Refusals(
        for_consent=cell(sum(consent.values()), smallest),
        consent_reasons=told,
        otherwise=_largest_first(otherwise),
        value=away.told(otherwise, told, smallest),
    )


Sums = defaultdict[str, defaultdict[str, int]]


def _sums() -> Sums:
    """Make sums of two levels, in minor units or events: by currency and what they are of."""
    return defaultdict(lambda: defaultdict(int))


def _ends_in_money(minor: Sums, people: int, smallest: int) -> dict[str, dict[str, str]]:
    """Write order value out by currency and outcome. What those were worth who took their consent back, `people` of them, is
    told where they are enough, or none, and all in one currency.
    """
    told = not people or (people >= smallest and sum(1 for sums in minor.values() if sums.get(WITHDRAWN)) <= 1)
    return {
        currency: _major(currency, {outcome: sum_ for outcome, sum_ in minor[currency].items() if told or outcome != WITHDRAWN})
        for currency in sorted(minor)
    }


def _largest_first(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda row: -row[1])) if counts else {}


def _major(currency: str, minor: Mapping[str, int]) -> dict[str, str]:
    return {outcome: _amount(currency, amount) for outcome, amount in sorted(minor.items()) if amount}


def _amount(currency: str, minor: int) -> str:
    return f"{Decimal(minor).scaleb(-EXPONENTS.get(currency, 2)):f}"
