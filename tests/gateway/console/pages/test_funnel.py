"""The funnel's page: the report's figures in the page's order, small groups as they are told."""

from decimal import Decimal

from gateway.audit.funnel import Sheet, funnel
from gateway.audit.periods import Period
from gateway.console.pages.funnel import Beside, Count, End, Line, Sum, counts, course, shown
from gateway.model.words import Destination, Kind, Reason, Refusal, Source, Status
from gateway.office.reports import Asked
from gateway.outbox.answers import Undelivered, Waiting
from gateway.outbox.history import (
    Accepted,
    DeadWorth,
    DoorWorth,
    Figure,
    Fresh,
    Matched,
    Received,
    Settled,
    TurnedAway,
    Worth,
)

META = Destination.META
DAY = 86_400
FIGURES: dict[Figure, int] = {
    Received(Source.EVENTS, Kind.PURCHASE, Status.ACCEPTED, ""): 40,
    Received(Source.EVENTS, Kind.PURCHASE, Status.REFUSED, Refusal.GPC): 30,
    Received(Source.EVENTS, Kind.PURCHASE, Status.REFUSED, Refusal.NO_CONSENT): 4,
    Received(Source.EVENTS, Kind.PURCHASE, Status.REFUSED, Refusal.NO_IDENTITY): 3,
    TurnedAway(Kind.PURCHASE, Refusal.NO_IDENTITY, "EUR"): 3,
    DoorWorth(Kind.PURCHASE, Refusal.NO_IDENTITY, "EUR"): 4_500,
    DoorWorth(Kind.PURCHASE, None, "EUR"): 40_000,
    Matched(Kind.PURCHASE, email=True, ip=False, click=False): 10,
    Accepted(META, Kind.PURCHASE): 40,
    Settled(META, Kind.PURCHASE, "delivered", Reason.CONFIRMED): 30,
    Settled(META, Kind.PURCHASE, "dead", Reason.REJECTED): 2,
    Settled(META, Kind.PURCHASE, "dead", Reason.EXPIRED): 5,
    Worth(META, "EUR", "accepted", Kind.PURCHASE): 40_000,
    Worth(META, "EUR", "delivered", Kind.PURCHASE): 30_000,
    Worth(META, "EUR", "dead", Kind.PURCHASE): 7_000,
    DeadWorth(META, "EUR", Kind.PURCHASE, Reason.EXPIRED): 6_500,
    DeadWorth(META, "EUR", Kind.PURCHASE, None): 500,
    Fresh(META, 60): 29,
    Fresh(META, None): 1,
}
PERIOD = Period(0, DAY, FIGURES)
UNDELIVERED = (Undelivered(META, Kind.PURCHASE, 3, 2, 1, {"EUR": 3_000}, {"JPY": 700}),)
WAITING = {META: Waiting(3, 2, 1, 7)}
TOLD = funnel(Sheet("shop", "day", "UTC", (PERIOD,), PERIOD, Period(0, DAY, {}), WAITING, UNDELIVERED), None, 10)
SHOWN = shown(TOLD, Asked(), bad=False)


def test_a_step_of_time_is_one_line() -> None:
    """Refusals for consent apart from the others."""
    assert SHOWN.lines == (Line("1970-01-01T00:00:00Z", 40, 34, 3, 0, 0),)


def test_small_groups_are_told_together_and_last() -> None:
    """As the report tells them, whatever their size."""
    assert SHOWN.consent == (Count("others", 34),)
    assert counts({"others": "<10", "a": 12, "b": 40}) == (Count("b", 40), Count("a", 12), Count("others", "<10"))


def test_what_came_in_has_its_order_value() -> None:
    """What was accepted, and what was refused with its reason."""
    assert SHOWN.accepted_value == {"EUR": Decimal(400)}
    assert SHOWN.otherwise == (Count("no_identity", 3, {"EUR": Decimal(45)}),)


def test_match_keys_are_shares_of_what_was_accepted() -> None:
    """A quarter came with a hashed e-mail."""
    assert dict(SHOWN.matched)["Hashed e-mail"] == 0.25
    nothing = shown(
        funnel(Sheet("shop", "day", "UTC", (Period(0, DAY, {}),), PERIOD, PERIOD, {}), None, 10), Asked(), bad=False
    )
    assert {share for _, share in nothing.matched} == {None}


def test_a_destination_has_its_money_its_deaths_and_its_haste() -> None:
    """What was accepted and has not ended is open; deaths by reason, the most frequent first."""
    meta = course("meta", TOLD)
    assert meta.sums == (Sum("EUR", Decimal(400), Decimal(300), Decimal(0), Decimal(70)),)
    assert meta.sums[0].open == 30
    assert meta.ends == (
        End("expired", 5, {"EUR": Decimal(65)}),
        End("rejected", 2, {}),
        End("not_noted", 0, {"EUR": Decimal(5)}),
    )
    assert meta.fresh == ((60, 29), (None, 1))
    assert (meta.waiting, meta.retrying, meta.lying) == (3, 2, 1)
    assert (meta.waiting_value, meta.retrying_value) == ({"EUR": Decimal(30)}, {"JPY": Decimal(700)})


def test_today_stands_beside_the_week_before() -> None:
    """The same figures of both."""
    assert SHOWN.beside[0] == Beside("Received", 77, 0)
    assert SHOWN.beside[3:] == (Beside("Delivered", 30, 0), Beside("Failed for good", 7, 0))
