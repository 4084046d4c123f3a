"""A shop's own orders beside what became of them here: where each is, and what the gaps come to. Pure.

An order has one place at each destination, or one for all of them where it never came or was refused everywhere. The value
is the list's own: the gateway keeps none of an event that was delivered, so it cannot say whether the two agree.

What a person decided about consent is told by its class (`consent`), not by its signal, and a withdrawal is told the same way
as a no: whoever looks for money need not know more (`exact` is for those who may). In sums it is told in groups (`groups.py`).
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum, unique
from itertools import islice
from typing import Final, NamedTuple, TypedDict

from gateway.audit.advice import in_words
from gateway.audit.funnel import NOT_CONSENT
from gateway.audit.groups import OTHERS, Cell, breakdown, cell
from gateway.audit.refusals import REFUSALS
from gateway.audit.trace import NONE_STAND_STILL, TO_GO, Standstill, moment
from gateway.model.money import EXPONENTS, Money
from gateway.model.words import Destination, Processing, Reason, Refusal
from gateway.outbox import DEDUP_SECONDS
from gateway.outbox.answers import Attempt, Explanation
from gateway.sources.order_list import Listed


@unique
class Place(StrEnum):
    """Where an order is, at a destination or on its way there."""

    NOT_RECEIVED = "not_received"
    """No event with this id came."""
    NOT_EXPECTED = "not_expected"
    """None came, and by the shop's own export none was to come."""
    NOT_REMEMBERED = "not_remembered"
    """The order is older than what the gateway remembers: nothing can be said of it."""
    REFUSED = "refused"
    """It may not go there, or may not any more."""
    NOT_ADDRESSED = "not_addressed"
    """It was accepted for other destinations: this one was not among the shop's when it came."""
    WAITING = "waiting"
    RETRYING = "retrying"
    MAYBE = "maybe"
    """It was sent and the answer was lost: the platform may have it."""
    DELIVERED = "delivered"
    """Confirmed by the platform, or known to it already."""
    TAKEN = "taken"
    """Taken by the platform, which has not said yet, or never said, what became of it."""
    PROCESSED = "processed"
    """Taken, and used: so the platform said of every event of its request."""
    NOT_USED = "not_used"
    """Taken, and of no use to the platform: so it said of every event of its request."""
    PARTLY_USED = "partly_used"
    """Taken, and the platform used some events of its request and not others; which, it does not say."""
    DEAD = "dead"


@unique
class Class(StrEnum):
    """Why an order was refused, as far as everybody may know who looks for the money."""

    CONSENT = "consent"
    IDENTITY = "identity"
    POLICY = "policy"
    ORDER = "order"
    """The shop's platform marks it as one that no visitor made: a test, a till, a draft, a renewal; or it was undone."""


ORDERS: Final = frozenset(
    {
        Refusal.TEST_ORDER, Refusal.CANCELLED_ORDER, Refusal.POS_ORDER, Refusal.DRAFT_ORDER, Refusal.RENEWAL_ORDER,
        Refusal.OTHER_CHANNEL,
    }
)  # fmt: skip
"""Refusals that are about the order itself. The funnel counts them among those of consent, for no visitor was asked."""

OF_CONSENT: Final = frozenset({Reason.WITHDRAWN, Reason.CONSENT_EXPIRED})
"""Why an event is withdrawn after it was accepted, or dies of what the person decided."""

ARRIVED: Final = frozenset({Place.DELIVERED, Place.PROCESSED})
NO_GAP: Final = frozenset({*ARRIVED, Place.TAKEN, Place.NOT_EXPECTED, Place.NOT_REMEMBERED, Place.NOT_ADDRESSED})
"""Places in which nothing is amiss, or of which nothing can be said."""

NEVER_CAME: Final = (
    "No event of this order came. See that the shop's pages or its webhook send every order, under the id that the list has;"
    " the command `consent-gateway reconcile` writes a file of these orders that `consent-gateway send` takes."
)
SOME_UNUSED: Final = (
    "The platform tells this of requests, never of a single event. `consent-gateway explain` says what it told of the request."
)


class Spot(TypedDict):
    """An order at one destination, JSON-ready. `reason` is a code of the gateway, or a class where a person decided."""

    place: str
    reason: str | None
    code: str | None
    at: str | None


class RowTold(TypedDict):
    """One order of the list. `place` is where it is if that is the same for all destinations, else `received`."""

    line: int
    id: str
    value: str
    currency: str
    at: str | None
    place: str
    reason: str | None
    received_at: str | None
    destinations: dict[str, Spot]


class Sum(TypedDict):
    """How many orders, and what they came to by currency in major units. A group that is too small has no value told."""

    orders: Cell
    value: dict[str, str]


class Gap(TypedDict):
    """Orders that did not arrive at a destination, for one reason; None: at none of them, for the same one.

    `advice`: what it means, what to do. `standstill`: why nothing goes there at the moment.
    """

    destination: str | None
    place: str
    reason: str | None
    code: str | None
    orders: Cell
    value: dict[str, str]
    advice: str | None
    standstill: Standstill | None


class Repeated(TypedDict):
    """An id that stands in the list more than once; `differing`: with different values. The first one counts."""

    id: str
    lines: list[int]
    differing: bool


class Summary(TypedDict):
    """The sums. `listed` is the sum of what is told here as a number; each order once.

    `places` has what is the same at all destinations (`received` for the rest), `destinations` where the received ones are,
    `consent_reasons` why orders were refused for consent, by destination and in groups. `gaps` has the largest first.
    """

    listed: int
    value: dict[str, str]
    smallest_group: int
    places: dict[str, Sum]
    destinations: dict[str, dict[str, Sum]]
    consent_reasons: dict[str, dict[str, Cell]]
    gaps: list[Gap]
    repeated: list[Repeated]
    repeated_more: int


class Reconciliation(TypedDict):
    """The answer of `POST /api/v1/reconcile`."""

    storefront: str
    event: str
    summary: Summary
    rows: list[RowTold]


MOST_REPEATED: Final = 100
"""Ids named that stand in the list more than once, and lines named of each; of further ids there is the number."""

RECEIVED: Final = "received"


class At(NamedTuple):
    """Where an order is at one destination, as it is counted."""

    place: Place
    reason: str | None = None
    code: str | None = None
    secret: str | None = None
    """The reason behind the class `consent`: told in groups."""
    words: Reason | Refusal | None = None

    def shown(self) -> "At":
        """Give what of it everybody may know."""
        return self._replace(secret=None, words=None if self.reason == Class.CONSENT else self.words)


class Reckoning:
    """The sums of a list under way; `add` takes its orders one by one, in their order.

    `destinations` are the storefront's, `now` Unix seconds, `smallest` the size of the smallest group that is told. `exact`:
    rows tell reasons of consent as they are, for who may know.
    """

    def __init__(self, destinations: tuple[Destination, ...], now: int, smallest: int, *, exact: bool = False) -> None:
        self._destinations = destinations
        self._now = now
        self._smallest = smallest
        self._exact = exact
        self._first: dict[str, Listed] = {}
        self._again: dict[str, list[Listed]] = {}
        self._places: defaultdict[tuple[str, str | None], _Tally] = defaultdict(_Tally)
        self._spots: defaultdict[Destination, defaultdict[At, _Tally]] = defaultdict(lambda: defaultdict(_Tally))
        self._gaps: defaultdict[tuple[Destination | None, At], _Tally] = defaultdict(_Tally)

    def add(self, order: Listed, explanation: Explanation | None) -> RowTold | None:
        """Count an order and what is known of its event; gives its row, None for an id that was there before."""
        if self._first.setdefault(order.id, order) is not order:
            self._again.setdefault(order.id, []).append(order)
            return None
        everywhere, spots = self._where(order, explanation)
        place = RECEIVED if everywhere is None else everywhere.place.value
        self._places[place, None if everywhere is None else everywhere.reason].add(order.money)
        for destination, (at, _) in spots.items():
            self._spots[destination][at].add(order.money)
        missed = {None: everywhere} if everywhere is not None else {where: at for where, (at, _) in spots.items()}
        for where, at in missed.items():
            if at.place not in NO_GAP:
                self._gaps[where, at.shown()].add(order.money)
        return RowTold(
            line=order.line,
            id=str(order.id),
            value=_major(order.money.currency, order.money.minor),
            currency=order.money.currency,
            at=None if order.at is None else moment(order.at),
            place=place,
            reason=None if everywhere is None else self._reason(everywhere),
            received_at=None if explanation is None else moment(explanation.received_at),
            destinations={
                destination.value: Spot(place=at.place.value, reason=self._reason(at), code=at.code, at=told_at)
                for destination, (at, told_at) in spots.items()
            },
        )

    def _reason(self, at: At) -> str | None:
        return at.secret if self._exact and at.secret is not None else at.reason

    def _where(
        self, order: Listed, explanation: Explanation | None
    ) -> tuple[At | None, Mapping[Destination, tuple[At, str | None]]]:
        """Say where an order is everywhere, if that is one place, and where at each destination, with the time of that."""
        if explanation is None:
            return self._missing(order), {}
        attempts = {attempt.destination: attempt for attempt in explanation.attempts}
        spots = {
            destination: (where_of(attempts.get(destination)), _moment_of(attempts.get(destination)))
            for destination in Destination
            if destination in attempts or destination in self._destinations
        }
        kinds = {(at.place, at.reason) for at, _ in spots.values()}
        if len(kinds) == 1 and (only := next(iter(spots.values()))[0]).place is Place.REFUSED:
            secrets = {at.secret for at, _ in spots.values()}
            return only if len(secrets) == 1 else only._replace(secret=None), spots
        return None, spots

    def _missing(self, order: Listed) -> At:
        if order.not_expected is not None:
            return At(Place.NOT_EXPECTED, order.not_expected.value)
        if order.at is not None and order.at < self._now - DEDUP_SECONDS:
            return At(Place.NOT_REMEMBERED)
        return At(Place.NOT_RECEIVED)

    # ── the sums ─────────────────────────────────────────────────────────────────────────────────────────────────

    def summary(self, standstills: Mapping[Destination, Standstill] = NONE_STAND_STILL) -> Summary:
        """Add up. `standstills`: the destinations to which nothing goes now."""
        places: dict[str, Sum] = {}
        told = _Tally()
        for (place, reason), tally in sorted(self._places.items(), key=lambda item: -item[1].orders):
            name = place if reason is None else f"{place}.{reason}"
            places[name] = self._sum(tally, small=reason == Class.CONSENT)
            if places[name]["orders"] == tally.orders:
                told.merge(tally)
        return Summary(
            listed=told.orders,
            value=told.told(),
            smallest_group=self._smallest,
            places=places,
            destinations={where.value: self._destination(self._spots[where]) for where in Destination if where in self._spots},
            consent_reasons={
                where.value: breakdown(self._secrets(self._spots[where]), self._smallest)
                for where in Destination
                if where in self._spots
            },
            gaps=list(self._told_gaps(standstills)),
            repeated=[self._repeated(name) for name in islice(self._again, MOST_REPEATED)],
            repeated_more=max(0, len(self._again) - MOST_REPEATED),
        )

    def _repeated(self, name: str) -> Repeated:
        orders = [self._first[name], *self._again[name]]
        return Repeated(
            id=name,
            lines=[order.line for order in orders[:MOST_REPEATED]],
            differing=len({order.money for order in orders}) > 1,
        )

    def _sum(self, tally: "_Tally", *, small: bool) -> Sum:
        """Tell a group; one of people's decisions only where it is large enough, and of no currency in which it is not."""
        if not small:
            return Sum(orders=tally.orders, value=tally.told())
        told = breakdown({currency: count for currency, (count, _) in tally.by_currency.items()}, self._smallest)
        return Sum(orders=cell(tally.orders, self._smallest), value=tally.told(frozenset(told) - {OTHERS}))

    def _destination(self, spots: Mapping[At, "_Tally"]) -> dict[str, Sum]:
        by_place: defaultdict[tuple[str, bool], _Tally] = defaultdict(_Tally)
        for at, tally in spots.items():
            is_consent = at.reason == Class.CONSENT
            name = f"{at.place.value}.{at.reason}" if at.place is Place.REFUSED else at.place.value
            by_place[name, is_consent].merge(tally)
        return {name: self._sum(tally, small=is_consent) for (name, is_consent), tally in sorted(by_place.items())}

    @staticmethod
    def _secrets(spots: Mapping[At, "_Tally"]) -> Mapping[str, int]:
        counts: Counter[str] = Counter()
        for at, tally in spots.items():
            if at.secret is not None:
                counts[at.secret] += tally.orders
        return counts

    def _told_gaps(self, standstills: Mapping[Destination, Standstill]) -> Iterator[Gap]:
        """Give what did not arrive, the largest first: by value in the currency of most orders, then by number."""
        whole: Counter[str] = Counter()
        for tally in self._gaps.values():
            whole.update({currency: count for currency, (count, _) in tally.by_currency.items()})
        currency = min(whole, key=lambda name: (-whole[name], name), default="")
        gaps = [(where, at, self._sum(tally, small=at.reason == Class.CONSENT)) for (where, at), tally in self._gaps.items()]

        def size(gap: tuple[Destination | None, At, Sum]) -> tuple[bool, Decimal, int, str]:
            told = gap[2]
            count = told["orders"] if isinstance(told["orders"], int) else 0
            return not count, -Decimal(told["value"].get(currency, "0")), -count, f"{gap[0]} {gap[1]}"

        for where, at, told in sorted(gaps, key=size):
            yield Gap(
                destination=None if where is None else where.value,
                place=at.place.value,
                reason=at.reason,
                code=at.code,
                orders=told["orders"],
                value=told["value"],
                advice=_advice(where, at),
                standstill=standstills.get(where) if where is not None and at.place.value in TO_GO else None,
            )


class _Tally:
    """Orders and what they are worth in minor units, by currency."""

    __slots__ = ("by_currency", "orders")

    def __init__(self) -> None:
        self.orders = 0
        self.by_currency: dict[str, tuple[int, int]] = {}

    def add(self, money: Money) -> None:
        self._add(money.currency, 1, money.minor)

    def merge(self, other: "_Tally") -> None:
        for currency, (count, minor) in other.by_currency.items():
            self._add(currency, count, minor)

    def _add(self, currency: str, count: int, minor: int) -> None:
        before = self.by_currency.get(currency, (0, 0))
        self.by_currency[currency] = before[0] + count, before[1] + minor
        self.orders += count

    def told(self, only: frozenset[str] | None = None) -> dict[str, str]:
        """Give what is told of each currency, or of only these."""
        return {
            currency: _major(currency, minor)
            for currency, (_, minor) in sorted(self.by_currency.items())
            if only is None or currency in only
        }


# ── where an order is at a destination ───────────────────────────────────────────────────────────────────────────


def where_of(attempt: Attempt | None) -> At:
    """Say where an order is at a destination, by what the outbox knows."""
    if attempt is None:
        return At(Place.NOT_ADDRESSED)
    reason, code = attempt.reason, None if attempt.code is None else str(attempt.code)
    said = None if reason is None else reason.value
    match attempt.state:
        case "delivered" if reason is Reason.ACCEPTED_FOR_PROCESSING:
            return At(_processed(attempt), said, code)
        case "delivered":
            return At(Place.DELIVERED, said, code)
        case "withdrawn" if reason is Reason.REFUNDED:
            return At(Place.REFUSED, said, None, None, reason)
        case "withdrawn":
            return At(Place.REFUSED, Class.CONSENT.value, None, said)
        case "refused" if isinstance(reason, Refusal):
            of = class_of(reason)
            is_consent = of is Class.CONSENT
            return At(Place.REFUSED, of.value if is_consent else said, None, said if is_consent else None, reason)
        case "dead" if reason in OF_CONSENT:
            return At(Place.REFUSED, Class.CONSENT.value, None, said)
        case "dead":
            return At(Place.DEAD, said, code, None, reason)
        case state:
            return At(Place(state), said, code, None, reason)


def class_of(refusal: Refusal) -> Class:
    """Say of which class a refusal is; of consent, unless it is known to be of something else."""
    return Class.ORDER if refusal in ORDERS else Class(NOT_CONSENT.get(refusal, Class.CONSENT))


def _processed(attempt: Attempt) -> Place:
    """Say what a platform's word on a request means for each of its events: something only if it is the same for all."""
    afterwards = attempt.afterwards
    if afterwards is None or not afterwards.final:
        return Place.TAKEN
    counts: Counter[Processing] = Counter()
    for processing, _, count in afterwards.outcomes:
        counts[processing] += count
    if counts[Processing.UNTOLD] or counts[Processing.PENDING]:
        return Place.TAKEN
    unused = counts[Processing.NOT_USED] + counts[Processing.MISCONFIGURED]
    if not unused:
        return Place.PROCESSED
    return Place.NOT_USED if unused == afterwards.events else Place.PARTLY_USED


def _moment_of(attempt: Attempt | None) -> str | None:
    return None if attempt is None or attempt.at is None else moment(attempt.at)


def _advice(where: Destination | None, at: At) -> str | None:
    if at.place is Place.NOT_RECEIVED:
        return NEVER_CAME
    if at.place in {Place.NOT_USED, Place.PARTLY_USED}:
        return SOME_UNUSED
    if where is None:
        return " ".join(REFUSALS[at.words]).replace("{platform}", "the platforms") if isinstance(at.words, Refusal) else None
    return in_words(where, at.words, at.code)


def _major(currency: str, minor: int) -> str:
    return f"{Decimal(minor).scaleb(-EXPONENTS.get(currency, 2)):f}"
