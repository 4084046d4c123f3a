"""Adds up what became of a claim, so that those who watch are told once per kind and reason and not once per event.

Pure.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from gateway.model import Kind, Reason
from gateway.outbox import Dead, Done, Later, Record, Settlement, Withdrawn


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


def tally(records: Mapping[int, Record], settlements: Iterable[Settlement], now: float) -> Tally:
    """Add up `settlements`; `records` by sequence number holds all but the unreadable ones."""
    sums = Tally({}, {}, {}, Counter(), Counter())
    for fate in settlements:
        match fate:
            case Done():
                _add(sums.delivered, records[fate.seq], fate.reason, now)
            case Later():
                sums.later[fate.reason] += 1
            case Dead():
                if (record := records.get(fate.seq)) is None:
                    sums.unreadable[fate.reason] += 1
                else:
                    _add(sums.dead, record, fate.reason, now)
            case Withdrawn():
                _add(sums.withdrawn, records[fate.seq], fate.reason, now)
    return sums


def _add(sums: Sums, record: Record, reason: Reason, now: float) -> None:
    """Add one event to the sum of its kind and reason."""
    event = record.event
    if (found := sums.get((event.kind, reason))) is None:
        found = sums[event.kind, reason] = Sum([], {})
    found.seconds.append(max(0.0, now - record.accepted_at))
    if (money := event.money) is not None:
        found.money[money.currency] = found.money.get(money.currency, 0) + money.minor
