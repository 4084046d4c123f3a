"""What every engine keeps of the past, as tests: figures by the hour and by the day that together are the books."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from decimal import Decimal

from msgspec import structs

from gateway.model.event import ClickIds, EmailDigests, Trace
from gateway.model.money import EXPONENTS, Money
from gateway.model.texts import GoogleClickId, PlatformCode, StorefrontId, TruncatedIp
from gateway.model.words import Destination, Kind, Processing, Reason, Refusal, Source, Status
from gateway.outbox import Outbox
from gateway.outbox.answers import Book, Undelivered
from gateway.outbox.history import (
    HOUR_SECONDS,
    Accepted,
    DeadWorth,
    Differing,
    DoorWorth,
    Figure,
    Fresh,
    Grain,
    Matched,
    Processed,
    Received,
    Refused,
    RefusedWorth,
    Replayed,
    Settled,
    Stretch,
    TurnedAway,
    Worth,
    total,
)
from gateway.outbox.work import Dead, Done, Later
from tests.gateway.outbox.contract import take
from tests.gateway.outbox.making import (
    DAY,
    FIRST,
    GOOGLE,
    LANES,
    META,
    NOW,
    OTHER,
    SHOP,
    Engine,
    accept,
    claim_all,
    deliver_all,
    digest,
    done,
    refuse,
    reject,
)

_Told = tuple[int, int, int, dict[str, int], dict[str, int]]
"""Waiting, retrying and dead, and the order value of the first two."""

EVER = NOW + 2_000 * DAY
HOUR = NOW // HOUR_SECONDS * HOUR_SECONDS


def as_book(stretches: Sequence[Stretch]) -> Book:
    """Add figures up to what the books would say, what is counted elsewhere left out."""
    received: Counter[tuple[Source, Kind | None, Status, str]] = Counter()
    accepted: Counter[Destination] = Counter()
    settled: Counter[tuple[Destination, Kind, str, Reason]] = Counter()
    replayed: Counter[Destination] = Counter()
    value: Counter[tuple[Destination, str, str]] = Counter()
    processed: Counter[tuple[Destination, Processing, PlatformCode | None]] = Counter()
    differing = 0
    for figure, count in total(stretches).items():
        match figure:
            case Received(source, kind, status, reason):
                received[source, kind, status, reason] += count
            case Differing():
                differing += count
            case Accepted(destination, _):
                accepted[destination] += count
            case Settled(destination, ended, outcome, why):
                settled[destination, ended, outcome, why] += count
            case Replayed(destination):
                replayed[destination] += count
            case Worth(destination, currency, outcome, _):
                value[destination, currency, outcome] += count
            case Processed(destination, processing, code):
                processed[destination, processing, code] += count
            case Matched() | Fresh() | Refused() | RefusedWorth() | DeadWorth() | TurnedAway() | DoorWorth():
                pass
    major = {key: Decimal(minor).scaleb(-EXPONENTS.get(key[1], 2)) for key, minor in value.items() if minor}
    return Book(received, differing, accepted, settled, {}, major, processed, {}, replayed)


def without_waiting(book: Book) -> Book:
    """Leave out of the books what is counted from records, not booked."""
    value = {key: amount for key, amount in book.value.items() if amount}
    return Book(
        book.received, book.differing_repeats, book.accepted, book.settled, {}, value, book.processed, {}, book.replayed
    )


async def add_up(outbox: Outbox, storefront: StorefrontId = SHOP, until: int = EVER) -> None:
    """Hold all figures together against the books, the dead by what they died of, and what is undelivered."""
    told = await outbox.history(storefront, Grain.DAY, 0, until)
    book = await outbox.book(storefront)
    assert as_book(told) == without_waiting(book)
    for stretch in told:
        assert dead_by_reason(stretch) == dead(stretch)
    still = await outbox.undelivered(storefront)
    assert still_open(still) == {key: amount for key, amount in rest(book).items() if amount}
    waiting: Counter[Destination] = Counter()
    for one in still:
        waiting[one.destination] += one.waiting + one.retrying
    assert waiting == Counter(book.waiting)


def dead(stretch: Stretch) -> dict[tuple[Destination, str, Kind | None], int]:
    """The order value of the dead, as the outcomes have it."""
    return {
        (figure.destination, figure.currency, figure.kind): minor
        for figure, minor in stretch.figures.items()
        if isinstance(figure, Worth) and figure.outcome == "dead" and minor
    }


def dead_by_reason(stretch: Stretch) -> dict[tuple[Destination, str, Kind | None], int]:
    """The same, added up over what they died of."""
    sums: Counter[tuple[Destination, str, Kind | None]] = Counter()
    for figure, minor in stretch.figures.items():
        if isinstance(figure, DeadWorth):
            sums[figure.destination, figure.currency, figure.kind] += minor
    return {key: minor for key, minor in sums.items() if minor}


def still_open(still: Sequence[Undelivered]) -> dict[tuple[Destination, str], Decimal]:
    """The order value of what is undelivered, waiting and to be tried again together, in major units."""
    minor: Counter[tuple[Destination, str]] = Counter()
    for one in still:
        for value in (one.waiting_value, one.retrying_value):
            for currency, amount in value.items():
                minor[one.destination, currency] += amount
    return {key: Decimal(amount).scaleb(-EXPONENTS.get(key[1], 2)) for key, amount in minor.items() if amount}


def rest(book: Book) -> dict[tuple[Destination, str], Decimal]:
    """What was accepted and has not ended, in order value, by the books."""
    sums: defaultdict[tuple[Destination, str], Decimal] = defaultdict(Decimal)
    for (where, currency, outcome), amount in book.value.items():
        sums[where, currency] += amount if outcome == "accepted" else -amount
    return dict(sums)


async def since(
    outbox: Outbox, begin: int, grain: Grain = Grain.HOUR, *, only: tuple[type[Figure], ...] = ()
) -> Sequence[Stretch]:
    """Give the history from then on."""
    return await outbox.history(SHOP, grain, begin, EVER, only)


class HistoryContract:
    """What every engine tells of the past."""

    async def test_each_addition_is_told_by_its_hour(self, engine: Engine) -> None:
        """What is booked in one hour is in that hour's figures, and in no other's."""
        outbox = await engine.open()
        await outbox.put([accept(1, destinations=(META,)), refuse(2), reject(), accept(1, destinations=(META,))])
        await outbox.put([accept(3, at=NOW + HOUR_SECONDS, destinations=(META, GOOGLE))])
        first, second = await since(outbox, HOUR, only=(Received, Accepted, Worth))
        assert (first.since, first.until, second.since) == (HOUR, HOUR + HOUR_SECONDS, HOUR + HOUR_SECONDS)
        purchase = Kind.PURCHASE
        assert first.figures == {
            Received(Source.EVENTS, purchase, Status.ACCEPTED, ""): 1,
            Received(Source.EVENTS, purchase, Status.DUPLICATE, ""): 1,
            Received(Source.COLLECT, purchase, Status.REFUSED, Refusal.GPC): 1,
            Received(Source.COLLECT, None, Status.INVALID, "bad_format"): 1,
            Accepted(META, purchase): 1,
            Worth(META, "EUR", "accepted", purchase): 1250,
        }
        assert second.figures == {
            Received(Source.EVENTS, purchase, Status.ACCEPTED, ""): 1,
            Accepted(META, purchase): 1,
            Accepted(GOOGLE, purchase): 1,
            Worth(META, "EUR", "accepted", purchase): 1250,
            Worth(GOOGLE, "EUR", "accepted", purchase): 1250,
        }
        await outbox.close()

    async def test_what_each_destination_was_refused_is_counted_with_its_order_value(self, engine: Engine) -> None:
        """By reason; what went nowhere apart from what another destination took. A repeat of what was taken counts once."""
        outbox = await engine.open()
        money, purchase = Money(995, "EUR"), Kind.PURCHASE
        partly = structs.replace(
            accept(1, destinations=(META,)),
            trace=Trace(Status.ACCEPTED, "1", (), (META,), ((GOOGLE, Refusal.NO_IDENTITY),), 0),
        )
        await outbox.put([partly, partly, structs.replace(refuse(2), money=money), refuse(3)])
        (told,) = await since(outbox, HOUR, only=(Refused, RefusedWorth))
        nowhere = {destination for destination, _ in refuse(2).trace.refused}
        expected: dict[Figure, int] = {
            Refused(GOOGLE, purchase, Refusal.NO_IDENTITY, "EUR", alone=True): 1,
            RefusedWorth(GOOGLE, purchase, Refusal.NO_IDENTITY, "EUR", alone=True): 1250,
            **{
                Refused(where, purchase, Refusal.GPC, currency, alone=False): 1 for where in nowhere for currency in ("EUR", "")
            },
            **{RefusedWorth(where, purchase, Refusal.GPC, "EUR", alone=False): 995 for where in nowhere},
        }
        assert told.figures == expected
        await add_up(outbox)
        await outbox.close()

    async def test_what_came_in_is_told_with_its_order_value(self, engine: Engine) -> None:
        """Once for each event whatever its destinations, what was refused by the door's reason; a repeat brings nothing."""
        outbox = await engine.open()
        money, purchase = Money(995, "EUR"), Kind.PURCHASE
        away = [structs.replace(refuse(number), money=money) for number in (2, 3)]
        await outbox.put([accept(1), accept(1), accept(4, destinations=(META,), money=Money(7, "JPY")), *away, refuse(5)])
        (told,) = await since(outbox, HOUR, only=(TurnedAway, DoorWorth))
        assert told.figures == {
            DoorWorth(purchase, None, "EUR"): 1250,
            DoorWorth(purchase, None, "JPY"): 7,
            DoorWorth(purchase, Refusal.GPC, "EUR"): 1990,
            TurnedAway(purchase, Refusal.GPC, "EUR"): 2,
        }
        await outbox.close()

    async def test_what_could_match_an_event_is_counted(self, engine: Engine) -> None:
        """By the keys that it came with; nothing of the keys themselves."""
        outbox = await engine.open()
        email, click = EmailDigests(digest(1), None, None), ClickIds(gclid=GoogleClickId("EAIaIQobChMI1234567890"))
        await outbox.put(
            [accept(1, email=email), accept(2, email=email, click=click), accept(3, ip=TruncatedIp("203.0.113.0"))]
        )
        await outbox.put([accept(4), accept(5, email=email)])
        (stretch,) = await since(outbox, HOUR, only=(Matched,))
        purchase = Kind.PURCHASE
        assert stretch.figures == {
            Matched(purchase, email=True, ip=False, click=False): 2,
            Matched(purchase, email=True, ip=False, click=True): 1,
            Matched(purchase, email=False, ip=True, click=False): 1,
            Matched(purchase, email=False, ip=False, click=False): 1,
        }
        await outbox.close()

    async def test_how_long_a_delivery_took_is_counted(self, engine: Engine) -> None:
        """From the event to the platform's confirmation; what was not delivered is not in it."""
        outbox = await engine.open()
        for number, before in enumerate((0, 60, 61, 86_400, 10 * DAY)):
            await outbox.put([accept(number, occurred_at=NOW - before, destinations=(META,))])
        await outbox.put([accept("dead", destinations=(META,))])
        claim = await claim_all(outbox, FIRST)
        *delivered, lost = claim.records
        ends = [Done(record.seq, Reason.CONFIRMED) for record in delivered]
        await outbox.settle(claim, [*ends, Dead(lost.seq, Reason.REJECTED)], NOW)
        (stretch,) = await since(outbox, HOUR, only=(Fresh,))
        assert stretch.figures == {Fresh(META, 60): 2, Fresh(META, 300): 1, Fresh(META, 86_400): 1, Fresh(META, None): 1}
        await outbox.close()

    async def test_days_that_are_over_are_told_as_days(self, engine: Engine) -> None:
        """A day that is over is one stretch, today is told by the hour; nothing is told twice."""
        outbox = await engine.open()
        midnight = NOW // DAY * DAY
        for number, when in enumerate((NOW, NOW + HOUR_SECONDS, NOW + DAY, NOW + 2 * DAY)):
            await outbox.put([accept(number, at=when)])
        await outbox.sweep(NOW + 2 * DAY)
        told = await since(outbox, midnight, Grain.DAY, only=(Received,))
        lasting = [(stretch.since - midnight, stretch.until - stretch.since) for stretch in told]
        assert lasting == [(0, DAY), (DAY, DAY), (HOUR + 2 * DAY - midnight, HOUR_SECONDS)]
        assert [sum(stretch.figures.values()) for stretch in told] == [2, 1, 1]
        assert len(await since(outbox, midnight)) == 4  # the hours are there still
        await add_up(outbox)
        await outbox.close()

    async def test_hours_and_days_are_kept_for_so_long(self, engine: Engine) -> None:
        """Hours go after 35 days, days after the figures' period; what they came to stays without a date."""
        outbox = await engine.open()
        await outbox.put([accept(1), refuse(2)])
        kept = []
        for days in (34, 36, 394, 397):
            await outbox.sweep(NOW + days * DAY)
            hours = await since(outbox, 0)
            told = await since(outbox, 0, Grain.DAY)
            kept.append((len(hours), [stretch.since > 0 for stretch in told]))
            await add_up(outbox)
        assert kept == [(1, [True]), (0, [True]), (0, [True]), (0, [False])]
        await outbox.close()

    async def test_a_day_that_is_over_does_not_change(self, engine: Engine) -> None:
        """What is booked with an earlier time, as when a clock goes back, counts in the first hour that is open still."""
        outbox = await engine.open()
        await outbox.put([accept(1)])
        await outbox.sweep(NOW + DAY)
        await outbox.put([accept(2)])
        first, second = await since(outbox, 1, Grain.DAY, only=(Received,))
        assert (sum(first.figures.values()), sum(second.figures.values())) == (1, 1)
        assert second.since == (NOW // DAY + 1) * DAY
        await add_up(outbox)
        await outbox.close()

    async def test_it_is_told_before_when_nothing_changes_any_more(self, engine: Engine) -> None:
        """From the sweep that adds days up, also by the next process; of a storefront without a past it is never."""
        outbox = await engine.open()
        await outbox.put([accept(1)])
        assert outbox.closed(SHOP) == 0
        for day in (1, 3):
            await outbox.sweep(NOW + day * DAY)
            assert outbox.closed(SHOP) == (NOW // DAY + day) * DAY
        await engine.crash(outbox)
        outbox = await engine.open()
        assert (outbox.closed(SHOP), outbox.closed(OTHER)) == ((NOW // DAY + 3) * DAY, 0)
        await outbox.close()

    async def test_figures_are_the_books_whatever_becomes_of_events(self, engine: Engine) -> None:
        """Deliveries, deaths, returns from the dead, what platforms say afterwards: all add up."""
        outbox = await engine.open()
        await outbox.put([accept(n) for n in range(6)])
        await outbox.put([accept(1, money=None)])
        claim = await claim_all(outbox, FIRST)
        one, two, *rest = (record.seq for record in claim.records)
        ends = [Done(seq, Reason.CONFIRMED) for seq in rest]
        await outbox.settle(claim, [Dead(one, Reason.REJECTED), Later(two, Reason.SERVER_ERROR, NOW + 60), *ends], NOW)
        letters = await outbox.dead_letters(FIRST, 0, 9)
        pairs = list(zip(letters, await outbox.open_letters(FIRST, letters), strict=True))
        assert await outbox.revive(FIRST, pairs, NOW + 2 * HOUR_SECONDS)
        await add_up(outbox)
        await deliver_all(outbox, FIRST, now=NOW + DAY)
        await deliver_all(outbox, LANES[2], now=NOW)
        await take(outbox, "R1", 3)
        (inquiry,) = await outbox.inquiries(LANES[2], 9, NOW + DAY)
        outcomes = ((Processing.USED, None, 2), (Processing.NOT_USED, PlatformCode("X"), 1))
        assert await outbox.conclude(inquiry, outcomes, NOW + DAY)
        await add_up(outbox)
        told = total(await since(outbox, NOW + DAY - HOUR_SECONDS, only=(Processed,)))
        assert told == {
            Processed(GOOGLE, Processing.USED, None): 2,
            Processed(GOOGLE, Processing.NOT_USED, PlatformCode("X")): 1,
        }
        await outbox.close()

    async def test_the_dead_are_told_with_their_order_value_by_reason(self, engine: Engine) -> None:
        """In the hour in which they died. A replay takes its own out of its reason, in the hour in which it happens."""
        outbox = await engine.open()
        await outbox.put([accept(n, destinations=(META,), money=Money(100 * n, "EUR")) for n in (1, 2, 3)])
        await outbox.put([accept(4, destinations=(META,), money=Money(7, "JPY")), accept(5, destinations=(META,), money=None)])
        claim = await claim_all(outbox, FIRST)
        one, two, *others = (record.seq for record in claim.records)
        ends = [Dead(one, Reason.REJECTED), Dead(two, Reason.EXPIRED), *(Dead(seq, Reason.REJECTED) for seq in others)]
        await outbox.settle(claim, ends, NOW)
        letters = await outbox.dead_letters(FIRST, 0, 9)
        pairs = list(zip(letters, await outbox.open_letters(FIRST, letters), strict=True))
        await outbox.revive(FIRST, pairs[1:3], NOW + HOUR_SECONDS)
        purchase = Kind.PURCHASE
        died, replayed = await since(outbox, HOUR, only=(DeadWorth,))
        assert died.figures == {
            DeadWorth(META, "EUR", purchase, Reason.REJECTED): 400,
            DeadWorth(META, "EUR", purchase, Reason.EXPIRED): 200,
            DeadWorth(META, "JPY", purchase, Reason.REJECTED): 7,
        }
        assert replayed.figures == {
            DeadWorth(META, "EUR", purchase, Reason.EXPIRED): -200,
            DeadWorth(META, "EUR", purchase, Reason.REJECTED): -300,
        }
        await add_up(outbox)
        await outbox.close()

    async def test_what_is_undelivered_is_told_with_its_order_value(self, engine: Engine) -> None:
        """By kind of event: what was not tried yet, what is to be tried again, and what lies dead, whatever happens."""
        outbox = await engine.open([FIRST])
        cart = accept(4, destinations=(META,), kind=Kind.ADD_TO_CART, money=Money(30, "EUR"))
        await outbox.put([accept(n, destinations=(META,), money=Money(100 * n, "EUR")) for n in (1, 2, 3)])
        await outbox.put([cart, accept(5, destinations=(META,), kind=Kind.PAGE_VIEW, money=None)])

        async def told() -> dict[str, _Told]:
            found = await outbox.undelivered(SHOP)
            return {
                str(one.kind): (one.waiting, one.retrying, one.dead, dict(one.waiting_value), dict(one.retrying_value))
                for one in found
            }

        purchase, view = "purchase", "page_view"
        waiting: dict[str, _Told] = {"add_to_cart": (1, 0, 0, {"EUR": 30}, {}), view: (1, 0, 0, {}, {})}
        assert await told() == {purchase: (3, 0, 0, {"EUR": 600}, {}), **waiting}
        claim = await claim_all(outbox, FIRST, limit=3)
        one, two, _ = (record.seq for record in claim.records)
        await outbox.settle(claim, [*(Later(seq, Reason.TIMED_OUT, NOW) for seq in (one, two)), *done(claim)[2:]], NOW)
        assert await told() == {purchase: (0, 2, 0, {}, {"EUR": 300}), **waiting}
        claim = await claim_all(outbox, FIRST, limit=2)
        await outbox.settle(claim, [Later(one, Reason.TIMED_OUT, NOW), Dead(two, Reason.REJECTED)], NOW)
        assert await told() == {purchase: (0, 1, 1, {}, {"EUR": 100}), **waiting}
        letters = await outbox.dead_letters(FIRST, 0, 9)
        pairs = list(zip(letters, await outbox.open_letters(FIRST, letters), strict=True))
        await outbox.revive(FIRST, pairs, NOW)
        await engine.crash(outbox)
        outbox = await engine.open([])  # the lane is taken away: what waits is parked, to be tried again
        parked: dict[str, _Told] = {"add_to_cart": (0, 1, 0, {}, {"EUR": 30}), view: (0, 1, 0, {}, {})}
        assert await told() == {purchase: (0, 2, 0, {}, {"EUR": 300}), **parked}
        await outbox.close()
        outbox = await engine.open([FIRST])
        claim = await claim_all(outbox, FIRST)
        await outbox.settle(claim, [*done(claim)[:-1], Dead(claim.records[-1].seq, Reason.REJECTED)], NOW)
        assert await told() == {view: (0, 0, 1, {}, {})}
        await outbox.sweep(NOW + 15 * DAY)
        assert await told() == {}
        assert list(await outbox.undelivered(OTHER)) == []
        await outbox.close()

    async def test_figures_survive_the_process(self, engine: Engine) -> None:
        """They are flushed together with what they count."""
        outbox = await engine.open()
        await outbox.put([accept(n) for n in range(3)])
        claim = await claim_all(outbox, FIRST)
        await outbox.settle(claim, done(claim), NOW)
        await engine.crash(outbox)
        outbox = await engine.open()
        (settled,) = await since(outbox, HOUR, only=(Settled,))
        assert settled.figures == {Settled(META, Kind.PURCHASE, "delivered", Reason.CONFIRMED): 3}
        await add_up(outbox)
        await outbox.close()

    async def test_a_storefront_that_nothing_came_for_has_no_history(self, engine: Engine) -> None:
        """Nor has one that is not known at all."""
        outbox = await engine.open()
        await outbox.put([accept(1)])
        for grain in Grain:
            assert list(await outbox.history(OTHER, grain, 0, EVER)) == []
        await outbox.close()
