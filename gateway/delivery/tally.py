"""Adds up what became of a claim, so that those who watch are told once per kind and reason and not once per event.

Pure.
"""

from collections import Counter
from collections.abc import Callable, Iterable

import msgspec

from gateway.model.words import Kind, Reason
from gateway.outbox.summary import Summary
from gateway.outbox.work import Dead, Done, Later, Record, Settlement, Withdrawn


class Sum(msgspec.Struct):
    """Events of one kind that ended alike: seconds since acceptance, one per event, and money by currency (minor units)."""

    seconds: list[float]
    money: dict[str, int]


Sums = dict[tuple[Kind, Reason], Sum]


class Tally(msgspec.Struct, frozen=True):
    """A claim's sums by (kind, reason), the number of records put off by reason, and of dead ones nobody could read."""

    delivered: Sums
    dead: Sums
    withdrawn: Sums
    later: Counter[Reason]
    unreadable: Counter[Reason]


def tally_all(summary: Summary, reason: Reason, now: float) -> Tally:
    """Add up a batch that was delivered whole, from what its events add up to."""
    sums: Sums = {(kind, reason): Sum([], {}) for kind in summary.kinds}
    for (kind, at), count in summary.accepted.items():
        sums[kind, reason].seconds.extend([max(0.0, now - at)] * count)
    for (kind, currency), minor in summary.worth.items():
        sums[kind, reason].money[currency] = minor
    return Tally(sums, {}, {}, Counter(), Counter())


def tally(ended: Iterable[tuple[Record | None, Settlement]], now: float) -> Tally:
    """Add up what records ended as; the record is None where it could not be read. `now` is Unix seconds."""
    sums = Tally({}, {}, {}, Counter(), Counter())
    tables = {Done: sums.delivered, Dead: sums.dead, Withdrawn: sums.withdrawn}
    table: Sums | None = None
    kind = reason = None
    money: dict[str, int] = {}
    add: Callable[[float], None] = Sum([], {}).seconds.append
    for record, fate in ended:
        if type(fate) is Later:
            sums.later[fate.reason] += 1
        elif record is None:
            sums.unreadable[fate.reason] += 1
        else:
            event = record.event
            # Most of a batch ends alike, so the last sum is nearly always the right one.
            if event.kind is not kind or fate.reason is not reason or tables[type(fate)] is not table:
                kind, reason, table = event.kind, fate.reason, tables[type(fate)]
                total = table.setdefault((kind, reason), Sum([], {}))
                money, add = total.money, total.seconds.append
            seconds = now - record.accepted_at
            add(seconds if seconds > 0.0 else 0.0)  # noqa: FURB136 - a call of max costs as much as all else
            if (worth := event.money) is not None:
                currency = worth.currency
                money[currency] = money.get(currency, 0) + worth.minor
    return sums
