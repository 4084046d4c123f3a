"""Which dead letters are meant, and which of them may go again."""

from typing import Any

import msgspec
import pytest

from gateway.adapter import Limits
from gateway.delivery.clocks import Time
from gateway.delivery.letters import ALWAYS_ASKED, Judged, Lot, Order, chosen, judge, lots
from gateway.delivery.screening import Rules
from gateway.model.money import Money
from gateway.model.texts import PlatformCode
from gateway.model.words import Destination, Kind, Reason, Refusal
from gateway.outbox.answers import DeadLetter
from gateway.outbox.work import Record
from tests.gateway.delivery.scene import DAY, NOW, record

LIMITS = Limits(batch_events=100, batch_bytes=10**6, max_age=7 * DAY, resend_window=44 * 3600)
RULES = Rules(LIMITS, max_consent_age=183 * DAY, since=ALWAYS_ASKED)
SURE = Time(NOW, NOW, NOW)


def letter(seq: int, **changes: Any) -> DeadLetter:
    """A dead letter with fields as said."""
    usual: dict[str, Any] = {
        "kind": Kind.PURCHASE,
        "reason": Reason.REJECTED,
        "code": PlatformCode("100/33"),
        "died_at": NOW - 100,
        "accepted_at": NOW - 200,
    }
    return DeadLetter(seq, **{**usual, **changes})


def order(**said: Any) -> Order:
    """An order for Meta's lane."""
    return Order(storefront="shop1", destination=Destination.META, **said)


LETTERS = [
    letter(1),
    letter(2, reason=Reason.EXPIRED, code=None),
    letter(3, kind=Kind.PAGE_VIEW, died_at=NOW - 50),
    letter(4, code=PlatformCode("190")),
]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({}, [1, 2, 3, 4]),
        ({"reasons": [Reason.REJECTED]}, [1, 3, 4]),
        ({"reasons": [Reason.REJECTED, Reason.EXPIRED]}, [1, 2, 3, 4]),
        ({"codes": ["190"]}, [4]),
        ({"codes": ["100"]}, []),
        ({"event": Kind.PAGE_VIEW}, [3]),
        ({"since": NOW - 50}, [3]),
        ({"since": NOW - 49}, []),
        ({"until": NOW - 100}, [1, 2, 4]),
        ({"until": NOW - 101}, []),
        ({"reasons": [Reason.REJECTED], "codes": ["100/33"], "event": Kind.PURCHASE}, [1]),
    ],
)
def test_an_order_means_what_fits_all_that_it_says(said: dict[str, Any], meant: list[int]) -> None:
    """By reason, code, kind and time of death, times included; what is not said does not matter."""
    assert [one.seq for one in chosen(LETTERS, order(**said))] == meant


@pytest.mark.parametrize(
    ("one", "against"),
    [
        (record(1), None),
        (record(1, consent_at=NOW - 183 * DAY - 1), Reason.CONSENT_EXPIRED),
        (record(1, occurred_at=NOW - 7 * DAY - 1), Reason.EXPIRED),
        (record(1, maybe_since=NOW - 44 * 3600), Reason.AMBIGUOUS_EXPIRED),
        (record(1, maybe_since=NOW - 44 * 3600 + 1), None),
    ],
)
def test_what_may_not_go_is_told_with_its_reason(one: Record, against: Reason | None) -> None:
    """Consent, age and doubt are looked at as they are before every sending."""
    assert judge([letter(1)], (one,), RULES, SURE) == [Judged(letter(1), one, against)]


def test_the_adapter_is_asked_of_every_letter() -> None:
    """It may have died of the very settings, so when it was accepted does not matter."""
    rules = Rules(LIMITS, 183 * DAY, lambda event: Refusal.NOT_ENABLED if event.event_id == "e2" else None, ALWAYS_ASKED)
    judged = judge([letter(1), letter(2)], (record(1), record(2)), rules, SURE)
    assert [one.against for one in judged] == [None, Reason.CONFIGURATION]


def test_a_letter_that_did_not_open_stays() -> None:
    """What nobody can read nobody can send."""
    assert judge([letter(1)], (), RULES, SURE) == [Judged(letter(1), None, Reason.UNSEALABLE)]


def test_a_letter_that_only_has_to_wait_may_go() -> None:
    """Younger than the platform takes it: its courier holds it, as any other."""
    rules = msgspec.structs.replace(RULES, limits=msgspec.structs.replace(LIMITS, min_age=3600))
    (judged,) = judge([letter(1)], (record(1),), rules, SURE)
    assert judged.against is None


def test_what_died_and_fares_alike_is_added_up() -> None:
    """By kind, reason, code and what stands against it; money exactly, by currency; in a stable order."""
    yen = record(3, money=Money(500, "JPY"))
    none = record(4, money=None)
    judged = [
        Judged(letter(1), record(1), None),
        Judged(letter(5, code=None), None, Reason.UNSEALABLE),
        Judged(letter(2), record(2), None),
        Judged(letter(3), yen, None),
        Judged(letter(4), none, Reason.EXPIRED),
    ]
    code = PlatformCode("100/33")
    expected = (
        Lot(Kind.PURCHASE, Reason.REJECTED, None, Reason.UNSEALABLE, 1, {}),
        Lot(Kind.PURCHASE, Reason.REJECTED, code, None, 3, {"EUR": 2003, "JPY": 500}),
        Lot(Kind.PURCHASE, Reason.REJECTED, code, Reason.EXPIRED, 1, {}),
    )
    assert lots(judged) == expected
    assert lots(reversed(judged)) == expected
