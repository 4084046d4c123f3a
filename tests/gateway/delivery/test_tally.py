"""Sums of a claim are right to the cent and leave nobody out."""

from collections import Counter

from gateway.delivery.tally import Sum, Tally, tally
from gateway.model import Kind, Money, Reason
from gateway.outbox import Dead, Done, Later, Settlement, Withdrawn
from tests.gateway.delivery.scene import NOW, record


def test_adds_up_by_kind_and_reason() -> None:
    """Each ending is summed by kind and reason: seconds since acceptance, money by currency; what was put off, by reason."""
    records = [
        record(1),
        record(2, money=Money(500, "JPY")),
        record(3, money=Money(1, "EUR")),
        record(4, kind=Kind.PAGE_VIEW, money=None),
        record(5),
        record(6),
        record(7),
        record(8),
    ]
    fates: list[Settlement] = [
        Done(1, Reason.CONFIRMED),
        Done(2, Reason.CONFIRMED),
        Done(3, Reason.CONFIRMED),
        Done(4, Reason.ACCEPTED_FOR_PROCESSING),
        Dead(5, Reason.REJECTED),
        Withdrawn(6, Reason.WITHDRAWN),
        Later(7, Reason.TIMED_OUT, NOW),
        Later(8, Reason.TIMED_OUT, NOW),
        Dead(99, Reason.UNSEALABLE),
    ]
    assert tally(zip([*records, None], fates, strict=True), NOW) == Tally(
        delivered={
            (Kind.PURCHASE, Reason.CONFIRMED): Sum([30.0, 30.0, 30.0], {"EUR": 1002, "JPY": 500}),
            (Kind.PAGE_VIEW, Reason.ACCEPTED_FOR_PROCESSING): Sum([30.0], {}),
        },
        dead={(Kind.PURCHASE, Reason.REJECTED): Sum([30.0], {"EUR": 1005})},
        withdrawn={(Kind.PURCHASE, Reason.WITHDRAWN): Sum([30.0], {"EUR": 1006})},
        later=Counter({Reason.TIMED_OUT: 2}),
        unreadable=Counter({Reason.UNSEALABLE: 1}),
    )


def test_a_clock_set_back_gives_no_negative_seconds() -> None:
    """An event accepted later than now counts as delivered at once."""
    sums = tally([(record(1), Done(1, Reason.CONFIRMED))], NOW - 3600)
    assert sums.delivered[Kind.PURCHASE, Reason.CONFIRMED].seconds == [0.0]
