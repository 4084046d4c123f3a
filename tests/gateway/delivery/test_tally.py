"""Sums of a claim are right to the cent and leave nobody out."""

from collections import Counter

from gateway.delivery.tally import Sum, Tally, tally, tally_all
from gateway.model.money import Money
from gateway.model.words import Kind, Reason
from gateway.outbox.summary import Summary
from gateway.outbox.work import Dead, Done, Later, Settlement, Withdrawn
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


def test_what_was_delivered_whole_is_added_up_from_its_sums() -> None:
    """What a batch's summary comes to is what its events come to one by one."""
    records = [
        record(1),
        record(2, money=Money(500, "JPY")),
        record(3, kind=Kind.PAGE_VIEW, money=None, accepted_at=NOW + 5),
        record(4, accepted_at=NOW - 90),
    ]
    summary = Summary.of([one.event for one in records], [one.accepted_at for one in records])
    fates = [Done(one.seq, Reason.CONFIRMED) for one in records]
    assert tally_all(summary, Reason.CONFIRMED, NOW) == tally(zip(records, fates, strict=True), NOW)


def test_a_clock_set_back_gives_no_negative_seconds() -> None:
    """An event accepted later than now counts as delivered at once."""
    sums = tally([(record(1), Done(1, Reason.CONFIRMED))], NOW - 3600)
    assert sums.delivered[Kind.PURCHASE, Reason.CONFIRMED].seconds == [0.0]
