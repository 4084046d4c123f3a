"""Which dead letters are meant, and which of them may go again: the choice before a replay. Pure.

What may go is `screening`'s to say, the same that says it again when a revived letter is claimed; here it is asked so that
people see beforehand what would come of it, and so that nothing is given back only to die at once.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Final

import msgspec

from gateway.delivery.clocks import Time
from gateway.delivery.screening import Rules, screen
from gateway.model.texts import PlatformCode
from gateway.model.words import Destination, Kind, Reason
from gateway.outbox.answers import DeadLetter
from gateway.outbox.work import Later, Record

ALWAYS_ASKED: Final = 1 << 62
"""As `Rules.since`: the adapter is asked of every letter, whenever it was accepted. It may have died of the settings."""

Named = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=1 << 40)]


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One slice of a replay: which letters of a lane are meant, and whether they are to be given back or only looked at.

    An empty list means all. `since` and `until` (Unix seconds) bound when a letter died, both included. `after` is the
    `next` of the slice before.
    """

    storefront: Named
    destination: Destination
    reasons: Annotated[list[Reason], msgspec.Meta(max_length=50)] = []
    codes: Annotated[list[Named], msgspec.Meta(max_length=50)] = []
    event: Kind | None = None
    since: Seconds = 0
    until: Seconds = 1 << 40
    dry_run: bool = True
    after: Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)] = 0


class Lot(msgspec.Struct, frozen=True):
    """Letters that died alike and fare alike. `against`: why they are not given back; None if they are, or would be.

    `money` holds sums in minor units by currency.
    """

    kind: Kind
    reason: Reason
    code: PlatformCode | None
    against: Reason | None
    count: int
    money: dict[str, int]


class Slice(msgspec.Struct, frozen=True):
    """What came of an order: letters looked at, where the next slice begins (None: this was the last), and the lots."""

    looked_at: int
    next: int | None
    lots: tuple[Lot, ...]


def chosen(letters: Iterable[DeadLetter], order: Order) -> list[DeadLetter]:
    """Keep the letters that the order means."""
    return [
        letter
        for letter in letters
        if order.since <= letter.died_at <= order.until
        and (not order.reasons or letter.reason in order.reasons)
        and (not order.codes or letter.code in order.codes)
        and order.event in (None, letter.kind)
    ]


class Judged(msgspec.Struct, frozen=True):
    """A letter, its record if it could be read, and what stands against its going again."""

    letter: DeadLetter
    record: Record | None
    against: Reason | None


def judge(letters: Sequence[DeadLetter], opened: Sequence[Record], rules: Rules, time: Time) -> list[Judged]:
    """Say of each letter whether it may go again at `time`; `opened` is what could be read. One that only has to wait may."""
    records = {record.seq: record for record in opened}
    _, settled = screen(opened, {}, rules, time)
    against = {fate.seq: fate.reason for fate in settled if not isinstance(fate, Later)}
    return [
        Judged(
            letter,
            record := records.get(letter.seq),
            Reason.UNSEALABLE if record is None else against.get(letter.seq),
        )
        for letter in letters
    ]


def lots(judged: Iterable[Judged]) -> tuple[Lot, ...]:
    """Add up what died alike and fares alike, in a stable order."""
    found: dict[tuple[Kind, Reason, PlatformCode | None, Reason | None], tuple[int, dict[str, int]]] = {}
    for one in judged:
        letter = one.letter
        key = (letter.kind, letter.reason, letter.code, one.against)
        count, money = found.get(key, (0, {}))
        worth = None if one.record is None else one.record.event.money
        if worth is not None:
            money[worth.currency] = money.get(worth.currency, 0) + worth.minor
        found[key] = count + 1, money
    ordered = sorted(found.items(), key=lambda item: tuple("" if part is None else part for part in item[0]))
    return tuple(Lot(*key, count, money) for key, (count, money) in ordered)


class Dead(msgspec.Struct):
    """Dead letters that died alike: how many, when the first and the last died (Unix seconds), how many of them not for the
    first time.
    """

    destination: Destination
    kind: Kind
    reason: Reason
    code: PlatformCode | None
    count: int
    first_at: int
    last_at: int
    again: int
