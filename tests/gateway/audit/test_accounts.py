"""The books balance when they should, and say so when they do not."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.accounts import account
from gateway.model.texts import PlatformCode
from gateway.model.words import Destination, Fault, Kind, Processing, Reason, Refusal, Source, Status
from gateway.outbox.answers import Book

META, PINTEREST, GOOGLE = tuple(Destination)
PURCHASE = Kind.PURCHASE

BOOK = Book(
    received={
        (Source.EVENTS, PURCHASE, Status.ACCEPTED, ""): 10,
        (Source.COLLECT, Kind.PAGE_VIEW, Status.ACCEPTED, ""): 2,
        (Source.EVENTS, PURCHASE, Status.DUPLICATE, ""): 3,
        (Source.EVENTS, PURCHASE, Status.REFUSED, Refusal.NO_CONSENT): 4,
        (Source.COLLECT, PURCHASE, Status.REFUSED, Refusal.NO_CONSENT): 1,
        (Source.EVENTS, None, Status.INVALID, Fault.MISSING): 5,
    },
    differing_repeats=1,
    accepted={META: 12, PINTEREST: 7},
    settled={
        (META, PURCHASE, "delivered", Reason.CONFIRMED): 6,
        (META, Kind.PAGE_VIEW, "delivered", Reason.CONFIRMED): 2,
        (META, PURCHASE, "dead", Reason.REJECTED): 1,
        (META, PURCHASE, "withdrawn", Reason.CONSENT_EXPIRED): 1,
    },
    waiting={META: 2, PINTEREST: 7},
    value={
        (META, "EUR", "accepted"): Decimal("100.50"),
        (META, "EUR", "delivered"): Decimal("1E+2"),
        (META, "JPY", "accepted"): Decimal(1500),
        (PINTEREST, "EUR", "accepted"): Decimal("0.00"),
    },
)


def changed(**changes: Any) -> Book:
    """The same books with one of them replaced."""
    return msgspec.structs.replace(BOOK, **changes)


def test_balanced_books_are_written_out() -> None:
    """Sums by status, by reason and by destination are told, and that they agree."""
    told = account(BOOK)
    assert told["received"] == 25
    assert told["by_status"] == {"accepted": 12, "duplicate": 3, "refused": 5, "invalid": 5}
    assert told["by_reason"] == {"invalid.missing": 5, "refused.no_consent": 5}
    assert told["differing_repeats"] == 1
    assert told["balanced"]
    assert told["destinations"] == {
        "meta": {
            "accepted": 12,
            "delivered": 8,
            "waiting": 2,
            "dead": 1,
            "withdrawn": 1,
            "replayed": 0,
            "balanced": True,
            "reasons": {"dead.rejected": 1, "delivered.confirmed": 8, "withdrawn.consent_expired": 1},
            "value": {"EUR": {"accepted": "100.50", "delivered": "100"}, "JPY": {"accepted": "1500"}},
            "processing": None,
        },
        "pinterest": {
            "accepted": 7,
            "delivered": 0,
            "waiting": 7,
            "dead": 0,
            "withdrawn": 0,
            "replayed": 0,
            "balanced": True,
            "reasons": {},
            "value": {"EUR": {"accepted": "0.00"}},
            "processing": None,
        },
    }


@pytest.mark.parametrize(
    ("changes", "lane"),
    [
        ({"waiting": {META: 3, PINTEREST: 7}}, "meta"),
        ({"waiting": {META: 2, PINTEREST: 6}}, "pinterest"),
        ({"waiting": {META: 2, PINTEREST: 7, GOOGLE: 1}}, "google_ads"),
        ({"settled": {**BOOK.settled, (META, PURCHASE, "dead", Reason.EXPIRED): 1}}, "meta"),
        ({"settled": {**BOOK.settled, (GOOGLE, PURCHASE, "delivered", Reason.CONFIRMED): 1}}, "google_ads"),
        ({"accepted": {META: 11, PINTEREST: 7}}, "meta"),
    ],
)
def test_one_event_too_many_or_too_few_is_told(changes: dict[str, Any], lane: str) -> None:
    """An event that is gone, or was never accepted, shows as books that do not balance, at its own destination."""
    told = account(changed(**changes))
    assert not told["balanced"]
    assert [name for name, one in told["destinations"].items() if not one["balanced"]] == [lane]


@pytest.mark.parametrize(
    ("accepted", "waiting"),
    [
        ({META: 13, PINTEREST: 7}, {META: 3, PINTEREST: 7}),
        ({META: 10, PINTEREST: 1}, {PINTEREST: 1}),
        ({META: 10}, {}),
    ],
)
def test_destinations_are_held_against_what_was_accepted(
    accepted: dict[Destination, int], waiting: dict[Destination, int]
) -> None:
    """No destination was given more events than came in, nor were all together given fewer."""
    told = account(changed(accepted=accepted, waiting=waiting))
    assert all(lane["balanced"] for lane in told["destinations"].values())
    assert not told["balanced"]


def afterwards(taken: int, pending: int, **said: int) -> Book:
    """Books in which Google took events for processing; `said` by outcome, with the code behind two underscores."""
    processed = {}
    for name, count in said.items():
        processing, _, code = name.partition("__")
        processed[GOOGLE, Processing(processing), PlatformCode(code) if code else None] = count
    return changed(
        accepted={**BOOK.accepted, GOOGLE: taken},
        settled={**BOOK.settled, (GOOGLE, PURCHASE, "delivered", Reason.ACCEPTED_FOR_PROCESSING): taken},
        processed=processed,
        pending={GOOGLE: pending} if pending else {},
    )


def test_what_was_said_afterwards_stands_beside_what_was_taken() -> None:
    """Both are told: taken is not used. What was never spoken of is untold, whoever noticed."""
    told = account(afterwards(12, 2, used=5, not_used__TOO_OLD=1, not_used__X=1, duplicate__Y=1, untold=1))
    lane = told["destinations"]["google_ads"]
    assert lane["delivered"] == 12
    assert lane["processing"] == {
        "taken": 12,
        "pending": 2,
        "said": {"used": 5, "duplicate": 1, "not_used": 2, "untold": 2},
        "reasons": {"duplicate.Y": 1, "not_used.TOO_OLD": 1, "not_used.X": 1},
    }
    assert lane["balanced"]


def test_before_anything_was_said_all_is_pending() -> None:
    """As in the first half hour."""
    told = account(afterwards(12, 12))
    assert told["destinations"]["google_ads"]["processing"] == {"taken": 12, "pending": 12, "said": {}, "reasons": {}}
    assert told["balanced"]


@pytest.mark.parametrize(
    "book",
    [
        afterwards(10, 2, used=9),
        afterwards(10, 11),
        afterwards(0, 0, used=1),
        afterwards(10, 0, used=10, untold=1),
    ],
)
def test_a_platform_cannot_say_more_than_it_took(book: Book) -> None:
    """Then something was counted twice."""
    told = account(book)
    assert not told["destinations"]["google_ads"]["balanced"]
    assert not told["balanced"]


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_taken_is_always_pending_and_said_together(used: int, useless: int, pending: int, untold: int) -> None:
    """Whatever the figures."""
    book = afterwards(used + useless + pending + untold, pending, used=used, not_used__X=useless, untold=untold)
    lane = account(book)["destinations"]["google_ads"]
    assert lane["balanced"]
    if (told := lane["processing"]) is not None:
        assert told["taken"] == told["pending"] + sum(told["said"].values())


def test_empty_books_balance() -> None:
    """A storefront that never received anything has balanced books without destinations."""
    told = account(Book({}, 0, {}, {}, {}, {}))
    assert (told["balanced"], told["received"], told["destinations"]) == (True, 0, {})
    assert told["by_status"] == dict.fromkeys(("accepted", "duplicate", "refused", "invalid"), 0)
