"""What the books said over time, as typed figures: the lines of the accounts, hour by hour, and later day by day. Pure.

A figure is a line of the books, or one of those that only the figures have: which keys an accepted event came with, how long
after it happened the platform confirmed it, which destination was refused it, why, and what it was worth, what came in was
worth, and what was lost with the dead of each reason. Added up over all stretches of a storefront, the figures are the books.

A stretch begins and ends on a whole hour (UTC). A day is one of the storefront's own time zone; where that is not whole
hours away from UTC, it begins with the first whole hour after midnight.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta, tzinfo
from enum import Enum
from typing import Final

import msgspec

from gateway.model.event import Minimised
from gateway.model.texts import PlatformCode
from gateway.model.words import Destination, Kind, Processing, Reason, Refusal, Source, Status

HOUR_SECONDS: Final = 3_600
HOURS_KEPT: Final = 35 * 24
"""How long hours are kept by themselves, in hours."""

RECEIVED: Final = "received"
DIFFERING: Final = "differing"
ACCEPTED: Final = "accepted"
REPLAYED: Final = "replayed"
SETTLED: Final = "settled"
VALUE: Final = "value"
PROCESSED: Final = "processed"
MATCHED: Final = "matched"
FRESH: Final = "fresh"
REFUSED: Final = "refused"
REFUSED_VALUE: Final = "refused_value"
DEAD_VALUE: Final = "dead_value"
DOOR_VALUED: Final = "door_valued"
DOOR_VALUE: Final = "door_value"

WITHIN_SECONDS: Final = (60, 300, 900, 3_600, 21_600, 86_400, 259_200, 604_800)
"""Upper bounds of the stretches in which it is counted how long after an event its delivery was confirmed."""


class Received(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """Events that came in. `kind` is None when not even that could be read; `reason` is a refusal, a fault or ''."""

    source: Source
    kind: Kind | None
    status: Status
    reason: str


class Differing(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """Repeats with other content than the first."""


class Accepted(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """Events accepted for a destination. `kind` is None for what was booked before it was noted."""

    destination: Destination
    kind: Kind | None


class Settled(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """Records that ended: `outcome` is delivered, dead or withdrawn. What a replay takes back is less than 0."""

    destination: Destination
    kind: Kind
    outcome: str
    reason: Reason


class Worth(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """Order value in the currency's minor units; `outcome` is accepted, delivered, dead or withdrawn."""

    destination: Destination
    currency: str
    outcome: str
    kind: Kind | None


class Replayed(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """Dead letters that were given back."""

    destination: Destination


class Processed(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """What a platform said afterwards of events that it had taken for processing."""

    destination: Destination
    processing: Processing
    code: PlatformCode | None


class Matched(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """Accepted events by what could match them to a person: a hashed e-mail, a truncated address, a click id."""

    kind: Kind
    email: bool
    ip: bool
    click: bool


class Fresh(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """Deliveries confirmed at most so many seconds after the event, and more than the next lower bound; None: later still."""

    destination: Destination
    within: int | None


class Refused(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """Events that were not to go to a destination. `alone`: another one took them. `currency` is '' without order value."""

    destination: Destination
    kind: Kind
    reason: Refusal
    currency: str
    alone: bool


class RefusedWorth(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """Their order value in the currency's minor units."""

    destination: Destination
    kind: Kind
    reason: Refusal
    currency: str
    alone: bool


class DeadWorth(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """Order value of the dead in the currency's minor units: what `Worth` has of them, by what they died of.

    What a replay or a withdrawal takes back is less than 0. `reason` is None for what was booked before it was noted.
    """

    destination: Destination
    currency: str
    kind: Kind | None
    reason: Reason | None


class TurnedAway(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """Events with order value that were to go nowhere; `reason` is the door's own, as `Received` has it."""

    kind: Kind
    reason: Refusal
    currency: str


class DoorWorth(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """Order value that came in, in the currency's minor units, once for each event whatever its destinations.

    `reason` is why it was to go nowhere; None for what was accepted. A repeat brings nothing.
    """

    kind: Kind
    reason: Refusal | None
    currency: str


Figure = (
    Received
    | Differing
    | Accepted
    | Settled
    | Worth
    | Replayed
    | Processed
    | Matched
    | Fresh
    | Refused
    | RefusedWorth
    | DeadWorth
    | TurnedAway
    | DoorWorth
)


class Grain(Enum):
    """How fine a history is told."""

    HOUR = "hour"
    """Every hour by itself, as long as hours are kept."""
    DAY = "day"
    """Days that are over as a whole, and the hours since."""


class Stretch(msgspec.Struct, frozen=True):
    """What was booked from `since` to before `until` (Unix seconds). What is nought is left out."""

    since: int
    until: int
    figures: Mapping[Figure, int]


def total(stretches: Iterable[Stretch]) -> dict[Figure, int]:
    """Add stretches up."""
    sums: Counter[Figure] = Counter()
    for stretch in stretches:
        sums.update(stretch.figures)
    return {figure: count for figure, count in sums.items() if count}


def keys_of(event: Minimised) -> int:
    """Say which keys an event came with, as a bit set: 1 a hashed e-mail, 2 an address, 4 a click id."""
    return (event.email is not None) | (event.ip is not None) << 1 | (event.click is not None) << 2


def freshness(moments: list[int], now: int) -> list[tuple[int | None, int]]:
    """Count events by how long ago they happened: of each bound those within it and beyond the one before, None beyond all.

    Sorts `moments`: that is what makes it cheap, for it is done with every delivery.
    """
    moments.sort()
    found: list[tuple[int | None, int]] = []
    rest = len(moments)
    for bound in WITHIN_SECONDS:
        if not rest:
            return found
        older = bisect_left(moments, now - bound)
        if older < rest:
            found.append((bound, rest - older))
            rest = older
    return [*found, (None, rest)] if rest else found


def read_line(line: str) -> Figure:
    """Read a stored line, its parts parted by `|`. Raises ValueError on what no line can be."""
    account, *parts = line.split("|")
    match account, parts:
        case "received", [source, kind, status, reason]:
            return Received(Source(source), _kind(kind), Status(status), reason)
        case "differing", []:
            return Differing()
        case "accepted", [destination, kind]:
            return Accepted(Destination(destination), _kind(kind))
        case "settled", [destination, kind, outcome, reason]:
            return Settled(Destination(destination), Kind(kind), outcome, Reason(reason))
        case "value", [destination, currency, outcome, kind]:
            return Worth(Destination(destination), currency, outcome, _kind(kind))
        case "replayed", [destination]:
            return Replayed(Destination(destination))
        case "processed", [destination, processing, code]:
            said = PlatformCode.unsealed(code) if code else None
            return Processed(Destination(destination), Processing(processing), said)
        case "matched", [kind, keys]:
            bits = int(keys)
            return Matched(Kind(kind), bool(bits & 1), bool(bits & 2), bool(bits & 4))
        case "fresh", [destination, bound]:
            return Fresh(Destination(destination), int(bound) if bound else None)
        case _:
            return _lost(account, parts)


def _lost(account: str, parts: list[str]) -> Figure:
    """Read a line of what was refused, or of what the dead and what came in were worth. Raises ValueError on any other."""
    match account, parts:
        case "refused", [destination, kind, why, currency, alone]:
            return Refused(Destination(destination), Kind(kind), Refusal(why), currency, alone == "1")
        case "refused_value", [destination, kind, why, currency, alone]:
            return RefusedWorth(Destination(destination), Kind(kind), Refusal(why), currency, alone == "1")
        case "dead_value", [destination, currency, kind, reason]:
            return DeadWorth(Destination(destination), currency, _kind(kind), Reason(reason) if reason else None)
        case "door_valued", [kind, why, currency]:
            return TurnedAway(Kind(kind), Refusal(why), currency)
        case "door_value", [kind, why, currency]:
            return DoorWorth(Kind(kind), Refusal(why) if why else None, currency)
        case _:
            raise ValueError("figures: a line that no account has")


def _kind(text: str) -> Kind | None:
    return Kind(text) if text else None


def day_begins(seconds: int, zone: tzinfo) -> int:
    """Give the first whole hour (UTC) of the day that a moment is in, in a time zone, as Unix seconds."""
    local = datetime.fromtimestamp(seconds, zone)
    begins = _hour_from(datetime.combine(local.date(), time.min, zone))
    return begins if begins <= seconds else _hour_from(datetime.combine(local.date() - timedelta(days=1), time.min, zone))


def day_ends(seconds: int, zone: tzinfo) -> int:
    """Give the first whole hour (UTC) of the day after, as Unix seconds."""
    return day_begins(day_begins(seconds, zone) + 30 * HOUR_SECONDS, zone)


def _hour_from(midnight: datetime) -> int:
    return -(-int(midnight.timestamp()) // HOUR_SECONDS) * HOUR_SECONDS
