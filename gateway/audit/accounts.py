"""The books of a storefront, held against each other: nothing may appear from nowhere or be gone. Pure.

    received                = accepted + duplicate + refused + invalid
    accepted × destinations = delivered + waiting + dead + withdrawn

Both sides of the second are counted apart: what is waiting is counted from the records, not from the books. And no
destination can have been given more events than were accepted, nor all of them together fewer.
"""

from collections import Counter
from decimal import Decimal
from typing import TypedDict

from gateway.model import Destination, Status
from gateway.outbox import Book


class LaneAccount(TypedDict):
    """One destination's books; `value` by currency and outcome, decimal text in major units.

    `replayed` counts returns from the dead letters, which are in no sum: whoever returned waits, or has ended anew.
    """

    accepted: int
    delivered: int
    waiting: int
    dead: int
    withdrawn: int
    replayed: int
    balanced: bool
    reasons: dict[str, int]
    value: dict[str, dict[str, str]]


class Account(TypedDict):
    """The answer of `GET /api/v1/accounts`."""

    received: int
    by_status: dict[str, int]
    by_reason: dict[str, int]
    differing_repeats: int
    destinations: dict[str, LaneAccount]
    balanced: bool


def account(book: Book) -> Account:
    """Write a book out and say whether it balances."""
    by_status: Counter[str] = Counter()
    by_reason: Counter[str] = Counter()
    for (_source, _kind, status, reason), count in book.received.items():
        by_status[status.value] += count
        if reason:
            by_reason[f"{status.value}.{reason}"] += count
    seen = {*book.accepted, *book.waiting, *(where for where, *_ in book.settled), *(where for where, *_ in book.value)}
    lanes = {d.value: _lane(book, d) for d in Destination if d in seen}
    given = [lane["accepted"] for lane in lanes.values()]
    plausible = max(given, default=0) <= by_status[Status.ACCEPTED.value] <= sum(given)
    return Account(
        received=by_status.total(),
        by_status={status.value: by_status[status.value] for status in Status},
        by_reason=dict(sorted(by_reason.items())),
        differing_repeats=book.differing_repeats,
        destinations=lanes,
        balanced=plausible and all(lane["balanced"] for lane in lanes.values()),
    )


def _lane(book: Book, destination: Destination) -> LaneAccount:
    outcomes: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for (where, _kind, outcome, reason), count in book.settled.items():
        if where is destination:
            outcomes[outcome] += count
            reasons[f"{outcome}.{reason.value}"] += count
    accepted, waiting = book.accepted.get(destination, 0), book.waiting.get(destination, 0)
    value: dict[str, dict[str, str]] = {}
    for (where, currency, outcome), amount in book.value.items():
        if where is destination:
            value.setdefault(currency, {})[outcome] = _plain(amount)
    return LaneAccount(
        accepted=accepted,
        delivered=outcomes["delivered"],
        waiting=waiting,
        dead=outcomes["dead"],
        withdrawn=outcomes["withdrawn"],
        replayed=book.replayed.get(destination, 0),
        balanced=accepted == outcomes.total() + waiting,
        reasons=dict(sorted(reasons.items())),
        value=value,
    )


def _plain(amount: Decimal) -> str:
    return f"{amount:f}"
