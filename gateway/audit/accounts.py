"""The books of a storefront, held against each other: nothing may appear from nowhere or be gone. Pure.

    received                = accepted + duplicate + refused + invalid
    accepted × destinations = delivered + waiting + dead + withdrawn

Both sides of the second are counted apart: what is waiting is counted from the records, not from the books. And no
destination can have been given more events than were accepted, nor all of them together fewer. What a platform takes
for processing counts as delivered; what it says afterwards is told beside it, and cannot be of more events than it took.
"""

from collections import Counter
from decimal import Decimal
from typing import TypedDict

from gateway.model.words import Destination, Processing, Reason, Status
from gateway.outbox.answers import Book


class ProcessingAccount(TypedDict):
    """What a platform said afterwards of the events that it took for processing.

    `taken` = `pending` + all that is in `said`, by `Processing`; `untold` is there what it never spoke of. `reasons` by
    `Processing` and the platform's code.
    """

    taken: int
    pending: int
    said: dict[str, int]
    reasons: dict[str, int]


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
    processing: ProcessingAccount | None
    """None for a platform that confirms events at once."""


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
    processing, plausible = _processing(book, destination)
    return LaneAccount(
        accepted=accepted,
        delivered=outcomes["delivered"],
        waiting=waiting,
        dead=outcomes["dead"],
        withdrawn=outcomes["withdrawn"],
        replayed=book.replayed.get(destination, 0),
        balanced=plausible and accepted == outcomes.total() + waiting,
        reasons=dict(sorted(reasons.items())),
        value=value,
        processing=processing,
    )


def _processing(book: Book, destination: Destination) -> tuple[ProcessingAccount | None, bool]:
    """Put together what was said afterwards, and say whether it can be true."""
    taken = sum(
        count
        for (where, _, _, reason), count in book.settled.items()
        if where is destination and reason is Reason.ACCEPTED_FOR_PROCESSING
    )
    said: Counter[Processing] = Counter()
    reasons: Counter[str] = Counter()
    for (where, processing, code), count in book.processed.items():
        if where is destination:
            said[processing] += count
            if code is not None:
                reasons[f"{processing.value}.{code}"] += count
    pending = book.pending.get(destination, 0)
    if not (taken or pending or said):
        return None, True
    booked = said.pop(Processing.UNTOLD, 0)
    untold = taken - pending - said.total()
    told = {processing.value: count for processing in Processing if (count := said[processing])}
    if untold > 0:
        told[Processing.UNTOLD.value] = untold
    return ProcessingAccount(taken=taken, pending=pending, said=told, reasons=dict(sorted(reasons.items()))), untold >= booked


def _plain(amount: Decimal) -> str:
    return f"{amount:f}"
