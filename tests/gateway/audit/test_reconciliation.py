from collections.abc import Mapping
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit import reconciliation
from gateway.audit.reconciliation import (
    NEVER_CAME,
    SOME_UNUSED,
    Class,
    Gap,
    Place,
    Reckoning,
    RowTold,
    Summary,
    class_of,
    where_of,
)
from gateway.audit.trace import Standstill
from gateway.model.money import Money
from gateway.model.texts import EventId, PlatformCode
from gateway.model.words import Destination, Processing, Reason, Refusal, Status
from gateway.outbox import DEDUP_SECONDS
from gateway.outbox.answers import Afterwards, Attempt, Explanation
from gateway.sources.order_list import Listed, NotExpected
from tests.gateway.outbox.making import ALL, DENIED, GOOGLE, GRANTED, META, NOW, PINTEREST

ONE_YES: Final = (Attempt(META, "delivered", Reason.CONFIRMED, at=NOW + 5),)


def order(number: int = 1, minor: int = 10000, currency: str = "EUR", **more: Any) -> Listed:
    """Give an order of the list."""
    return Listed(number, EventId(f"e{number}"), Money(minor, currency), **more)


def accepted(*attempts: Attempt) -> Explanation:
    """Say that an event came and stands so."""
    return Explanation(Status.ACCEPTED, NOW, GRANTED, attempts)


def refused(reason: Refusal = Refusal.GPC, *more: Refusal) -> Explanation:
    """Say that an event was refused: for this reason everywhere, or for one each."""
    reasons = (reason, *more, *[reason] * 3)[: len(ALL)]
    return Explanation(Status.REFUSED, NOW, DENIED, tuple(map(refusal, ALL, reasons)))


def refusal(destination: Destination, reason: Refusal) -> Attempt:
    """Say that an event may not go there."""
    return Attempt(destination, "refused", reason)


def reckon(
    *pairs: tuple[Listed, Explanation | None],
    smallest: int = 10,
    exact: bool = False,
    destinations: tuple[Destination, ...] = ALL,
    standstills: Mapping[Destination, Standstill] = {},
) -> tuple[list[RowTold], Summary]:
    """Hold a list against what is known; gives rows and sums."""
    reckoning = Reckoning(destinations, NOW, smallest, exact=exact)
    found = [reckoning.add(*pair) for pair in pairs]
    return [row for row in found if row is not None], reckoning.summary(standstills)


# ── one order ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_order_of_which_nothing_came() -> None:
    """It is missing everywhere, by name and by value."""
    (row,), summary = reckon((order(at=NOW - 60), None))
    assert (row["place"], row["destinations"], row["received_at"]) == ("not_received", {}, None)
    assert (row["value"], row["currency"], row["at"]) == ("100.00", "EUR", "2026-11-22T10:14:00Z")
    assert summary["places"] == {"not_received": {"orders": 1, "value": {"EUR": "100.00"}}}
    assert summary["gaps"] == [
        Gap(
            destination=None, place="not_received", reason=None, code=None, orders=1, value={"EUR": "100.00"},
            advice=NEVER_CAME, standstill=None,
        )
    ]  # fmt: skip


def test_an_order_from_before_the_gateways_memory_is_not_called_missing() -> None:
    """It may have come: nothing can be said. A second later it would have been remembered."""
    before = reckon((order(at=NOW - DEDUP_SECONDS - 1), None))
    within = reckon((order(at=NOW - DEDUP_SECONDS), None))
    assert before[0][0]["place"] == "not_remembered"
    assert before[1]["gaps"] == []
    assert within[0][0]["place"] == "not_received"


def test_an_order_that_was_never_to_come_is_no_gap() -> None:
    """The shop's own export says so; if it came all the same, where it is counts."""
    unpaid = order(not_expected=NotExpected.UNPAID)
    rows, summary = reckon((unpaid, None))
    assert (rows[0]["place"], rows[0]["reason"], summary["gaps"]) == ("not_expected", "unpaid", [])
    rows, _ = reckon((unpaid, accepted(*ONE_YES)))
    assert rows[0]["destinations"]["meta"]["place"] == "delivered"


def test_a_received_order_is_at_each_destination_where_it_is() -> None:
    """With the time of the last try and the platform's code; what is not addressed is told for the shop's destinations."""
    found = accepted(
        Attempt(META, "delivered", Reason.CONFIRMED, at=NOW + 5),
        Attempt(PINTEREST, "dead", Reason.REJECTED, PlatformCode("100"), at=NOW + 6),
    )
    (row,), summary = reckon((order(), found))
    assert (row["place"], row["received_at"]) == ("received", "2026-11-22T10:15:00Z")
    assert row["destinations"]["meta"] == {
        "place": "delivered", "reason": "confirmed", "code": None, "at": "2026-11-22T10:15:05Z",
    }  # fmt: skip
    assert row["destinations"]["pinterest"]["code"] == "100"
    assert row["destinations"]["google_ads"]["place"] == "not_addressed"
    (gap,) = summary["gaps"]
    assert (gap["destination"], gap["place"], gap["reason"], gap["code"]) == ("pinterest", "dead", "rejected", "100")
    assert gap["advice"] is not None


def taken(*outcomes: tuple[Processing, int], final: bool = True, events: int = 3) -> Attempt:
    """Say what a platform said of a request that it took."""
    said = Afterwards(final, events, tuple((processing, None, count) for processing, count in outcomes))
    return Attempt(GOOGLE, "delivered", Reason.ACCEPTED_FOR_PROCESSING, at=NOW, afterwards=said)


@pytest.mark.parametrize(
    ("attempt", "place"),
    [
        (None, Place.NOT_ADDRESSED),
        (Attempt(META, "waiting"), Place.WAITING),
        (Attempt(META, "retrying", Reason.SERVER_ERROR), Place.RETRYING),
        (Attempt(META, "maybe", Reason.TIMED_OUT), Place.MAYBE),
        (Attempt(META, "delivered", Reason.CONFIRMED), Place.DELIVERED),
        (Attempt(META, "delivered", Reason.DUPLICATE_AT_PLATFORM), Place.DELIVERED),
        (Attempt(META, "dead", Reason.REJECTED), Place.DEAD),
        (Attempt(META, "dead", Reason.CONSENT_EXPIRED), Place.REFUSED),
        (Attempt(META, "withdrawn", Reason.WITHDRAWN), Place.REFUSED),
        (Attempt(META, "refused", Refusal.GPC), Place.REFUSED),
        (Attempt(GOOGLE, "delivered", Reason.ACCEPTED_FOR_PROCESSING), Place.TAKEN),
        (taken((Processing.USED, 3), final=False), Place.TAKEN),
        (taken((Processing.USED, 2), (Processing.UNTOLD, 1)), Place.TAKEN),
        (taken((Processing.USED, 2), (Processing.DUPLICATE, 1)), Place.PROCESSED),
        (taken((Processing.NOT_USED, 2), (Processing.MISCONFIGURED, 1)), Place.NOT_USED),
        (taken((Processing.USED, 2), (Processing.NOT_USED, 1)), Place.PARTLY_USED),
    ],
)
def test_where_an_order_is_at_a_destination(attempt: Attempt | None, place: Place) -> None:
    """What a platform said of a request is said of each of its events only if it is the same for all."""
    assert where_of(attempt).place is place


@pytest.mark.parametrize("attempt", [Attempt(META, "withdrawn", Reason.REFUNDED), Attempt(META, "refused", Refusal.REFUNDED)])
def test_an_order_whose_money_went_back_is_told_as_that(attempt: Attempt) -> None:
    """To everybody who looks for the money: it is nobody's decision about consent."""
    rows, summary = reckon((order(1), accepted(attempt)), destinations=())
    assert [(row["place"], row["reason"]) for row in rows] == [("refused", "refunded")]
    assert summary["places"]["refused.refunded"]["orders"] == 1
    assert [(gap["reason"], gap["orders"]) for gap in summary["gaps"]] == [("refunded", 1)]


def test_what_a_platform_did_not_use_is_a_gap_and_what_it_may_still_say_is_none() -> None:
    """And the advice says that it tells so of requests only."""
    _, summary = reckon(
        (order(1), accepted(taken((Processing.USED, 1), (Processing.NOT_USED, 2)))),
        (order(2), accepted(taken(final=False))),
        destinations=(),
    )
    assert [(gap["place"], gap["advice"]) for gap in summary["gaps"]] == [("partly_used", SOME_UNUSED)]


# ── what people decided ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("reason", Refusal)
def test_every_refusal_is_of_a_class(reason: Refusal) -> None:
    """Of consent, unless it is one of those that say nothing of what somebody decided."""
    apart = {
        Refusal.NO_IDENTITY: Class.IDENTITY,
        Refusal.NOT_ENABLED: Class.POLICY,
        Refusal.RESTRICTION_UNSUPPORTED: Class.POLICY,
        Refusal.REFUNDED: Class.ORDER,
        **dict.fromkeys(reconciliation.ORDERS, Class.ORDER),
    }
    assert class_of(reason) is apart.get(reason, Class.CONSENT)


@pytest.mark.parametrize(
    "known",
    [
        refused(Refusal.GPC),
        refused(Refusal.MINOR, Refusal.GPC),
        accepted(*(Attempt(where, "withdrawn", Reason.WITHDRAWN, at=NOW) for where in ALL)),
    ],
)
def test_a_row_tells_a_persons_decision_by_its_class(known: Explanation) -> None:
    """Which signal it was, and whether it was a no or a withdrawal, is nothing that money needs."""
    (row,), summary = reckon((order(), known))
    assert (row["place"], row["reason"]) == ("refused", "consent")
    assert {(spot["place"], spot["reason"]) for spot in row["destinations"].values()} == {("refused", "consent")}
    said = str((row, summary))
    assert not any(word in said for word in ("gpc", "minor", "withdrawn"))


def test_the_reason_itself_is_told_to_who_may_know() -> None:
    """Per destination; for all of them together if it is the same."""
    (row,), _ = reckon((order(), refused(Refusal.MINOR, Refusal.GPC)), exact=True)
    assert [row["reason"], row["destinations"]["meta"]["reason"], row["destinations"]["pinterest"]["reason"]] == [
        "consent", "minor", "gpc",
    ]  # fmt: skip
    (row,), _ = reckon((order(), refused()), exact=True)
    assert row["reason"] == "gpc"


def test_what_is_no_decision_of_a_person_is_told_as_it_is() -> None:
    """With what it means and what to do."""
    (row,), summary = reckon((order(), refused(Refusal.NO_IDENTITY)))
    assert (row["place"], row["reason"]) == ("refused", "no_identity")
    assert [(gap["destination"], gap["orders"]) for gap in summary["gaps"]] == [(None, 1)]
    assert "by which the platforms could know the person" in str(summary["gaps"][0]["advice"])
    _, summary = reckon((order(), accepted(*ONE_YES, refusal(PINTEREST, Refusal.NO_IDENTITY))), destinations=())
    assert [(gap["destination"], gap["reason"]) for gap in summary["gaps"]] == [("pinterest", "no_identity")]
    assert "by which Pinterest could know the person" in str(summary["gaps"][0]["advice"])


def test_a_small_group_is_not_told_in_sums_nor_what_it_is_worth() -> None:
    """`listed` is the sum of what is told, so that the group is not what is left over."""
    pairs = [(order(n), refused()) for n in range(9)] + [(order(n), accepted(*ONE_YES)) for n in range(20, 25)]
    _, summary = reckon(*pairs)
    assert summary["places"]["refused.consent"] == {"orders": "<10", "value": {}}
    assert (summary["listed"], summary["value"]) == (5, {"EUR": "500.00"})
    assert summary["destinations"]["meta"]["refused.consent"] == {"orders": "<10", "value": {}}
    assert summary["consent_reasons"]["meta"] == {"others": "<10"}
    (gap,) = [gap for gap in summary["gaps"] if gap["place"] == "refused"]
    assert (gap["reason"], gap["orders"], gap["value"], gap["advice"]) == ("consent", "<10", {}, None)


def test_a_group_that_is_large_enough_is_told() -> None:
    """With its value and its reasons."""
    pairs = [(order(n), refused()) for n in range(10)] + [(order(n), refused(Refusal.MINOR)) for n in range(10, 25)]
    _, summary = reckon(*pairs)
    assert summary["places"]["refused.consent"] == {"orders": 25, "value": {"EUR": "2500.00"}}
    assert summary["consent_reasons"]["pinterest"] == {"minor": 15, "gpc": 10}
    assert summary["listed"] == 25


def test_a_small_group_of_one_currency_is_not_left_over_either() -> None:
    """Twelve in euros and three in dollars are fifteen, and no value is told of either."""
    pairs = [(order(n), refused()) for n in range(12)]
    pairs += [(order(n, currency="USD"), refused()) for n in range(20, 23)]
    _, summary = reckon(*pairs)
    assert summary["places"]["refused.consent"] == {"orders": 15, "value": {}}


# ── sums ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_largest_gap_comes_first() -> None:
    """By value in the currency of most of the orders that did not arrive, whatever other currencies come to."""
    lost = Attempt(META, "dead", Reason.REJECTED)
    late = Attempt(META, "waiting")
    _, summary = reckon(
        (order(1, 500), accepted(late)),
        (order(2, 500), accepted(late)),
        (order(3, 900), accepted(lost)),
        (order(4, 990, "JPY"), accepted(lost)),
        (order(5, 950), None),
        (order(6, 1), accepted(*ONE_YES)),
        destinations=(META,),
    )
    assert [(gap["place"], gap["orders"], gap["value"]) for gap in summary["gaps"]] == [
        ("waiting", 2, {"EUR": "10.00"}),
        ("not_received", 1, {"EUR": "9.50"}),
        ("dead", 2, {"EUR": "9.00", "JPY": "990"}),
    ]


def test_what_waits_says_why_nothing_goes() -> None:
    """The destination stands still: that is the gap's reason. What is dead does not wait."""
    still = Standstill(reason="credential", advice="Renew it.", due=None)
    _, summary = reckon(
        (order(1), accepted(Attempt(META, "waiting"), Attempt(PINTEREST, "dead", Reason.REJECTED))),
        standstills={META: still, PINTEREST: still},
        destinations=(),
    )
    assert {gap["place"]: gap["standstill"] for gap in summary["gaps"]} == {"waiting": still, "dead": None}


def test_an_order_counts_once_however_often_it_is_listed() -> None:
    """The first of them; the others are named by their lines, and whether they say something else."""
    pairs = [(order(1), None), (Listed(2, EventId("e1"), Money(10000, "EUR")), None), (order(3), None)]
    pairs += [(Listed(4, EventId("e3"), Money(1, "EUR")), None)]
    rows, summary = reckon(*pairs)
    assert [row["line"] for row in rows] == [1, 3]
    assert summary["listed"] == 2
    assert summary["repeated"] == [
        {"id": "e1", "lines": [1, 2], "differing": False},
        {"id": "e3", "lines": [3, 4], "differing": True},
    ]


def test_of_many_repeated_orders_only_some_are_named() -> None:
    """The rest by its number."""
    twice = [(order(n), None) for n in range(103)] * 2
    _, summary = reckon(*((Listed(line, one.id, one.money), known) for line, (one, known) in enumerate(twice)))
    assert (len(summary["repeated"]), summary["repeated_more"]) == (100, 3)


REASONS: Final = st.sampled_from((Refusal.GPC, Refusal.MINOR, Refusal.NO_IDENTITY, Refusal.TEST_ORDER))
ATTEMPTS: Final = st.sampled_from(
    (
        *ONE_YES,
        Attempt(META, "waiting"),
        Attempt(META, "dead", Reason.REJECTED),
        Attempt(META, "withdrawn", Reason.WITHDRAWN),
        refusal(META, Refusal.VENDOR_DENIED),
    )
)
KNOWN: Final = st.none() | REASONS.map(refused) | ATTEMPTS.map(accepted)
ORDERS: Final = st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(("EUR", "USD")), KNOWN), max_size=60)


@given(ORDERS, st.integers(1, 12))
def test_no_small_group_is_told_and_nothing_is_lost(orders: list[tuple[int, str, Explanation | None]], smallest: int) -> None:
    """Whatever a list holds: rows are all orders, sums are of what is told, and of a small group there is no number."""
    rows, summary = reckon(
        *((order(n, minor, currency), known) for n, (minor, currency, known) in enumerate(orders)), smallest=smallest
    )
    assert len(rows) == len(orders)
    of_consent = sum(row["reason"] == "consent" for row in rows)
    hidden = of_consent if 0 < of_consent < smallest else 0
    assert summary["listed"] == len(orders) - hidden
    for name, told in ((name, told) for part in summary["destinations"].values() for name, told in part.items()):
        if name == "refused.consent":
            assert told["orders"] == f"<{smallest}" or not isinstance(told["orders"], int) or told["orders"] >= smallest
            in_euros = sum(row["currency"] in told["value"] for row in rows)
            assert in_euros >= smallest or not told["value"]
    for destination in Destination:
        counts = summary["destinations"].get(destination.value, {})
        there = sum(destination.value in row["destinations"] for row in rows)
        assert sum(told["orders"] for told in counts.values() if isinstance(told["orders"], int)) <= there
