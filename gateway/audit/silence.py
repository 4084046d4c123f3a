"""An event type that stopped: found by comparing it with its own past. Pure.

The rule, in words: look at the last whole hours, the last one, two, four, eight and so on up to a day. Take the same
hours one, two, three and four weeks ago, as far back as the figures go, at least two of them, and of these the lowest
count. The type is silent if now there is at most a tenth of that, and if so few would by chance come less than once in a
thousand times where that many are usual (Poisson: the sum over k from 0 to n of e^-m m^k / k!). So 7 events in each of
those weeks and none now are enough; a type that is rare or irregular is never called silent. An event in the hour that
has begun ends it.

What counts is what came in, whatever was decided about it: a shop whose visitors all say no is not silent.
"""

import math
from array import array
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, Self, TypedDict

from gateway.audit.trace import moment
from gateway.model.words import Kind
from gateway.outbox.history import HOUR_SECONDS, Received, Stretch

WINDOWS: Final = (1, 2, 4, 8, 16, 24)
"""Hours."""
WEEKS: Final = (1, 2, 3, 4)
LEAST_WEEKS: Final = 2
WEEK_HOURS: Final = 7 * 24
LOOK_BACK_SECONDS: Final = (max(WEEKS) * WEEK_HOURS + max(WINDOWS)) * HOUR_SECONDS
CHANCE: Final = 0.001
SHARE: Final = 0.1


class Silence(TypedDict):
    """One event type that stopped. `hours`: how many were looked at, of which `received` events came in, where the
    lowest of the weeks before had `usual`; `last` is the end of the last hour with any (RFC 3339, UTC), if it is known.
    """

    event: str
    hours: int
    received: int
    usual: int
    last: str | None


class Silences(TypedDict):
    """The answer of `GET /api/v1/silence`."""

    storefront: str
    silent: list[Silence]


class Heard(NamedTuple):
    """What came in by kind of event, in each hour from `first` on (since 1970). `oldest`: the first with figures at all."""

    first: int
    oldest: int
    counts: Mapping[Kind, "array[int]"]

    def followed_by(self, later: Self) -> Self:
        """Put what came in the hours right after to it."""
        both = {kind: self.counts[kind] + later.counts[kind] for kind in Kind}
        return type(self)(self.first, min(self.oldest, later.oldest), both)


def hear(stretches: Iterable[Stretch], first: int, last: int) -> Heard:
    """Count what came in, from hour `first` to before hour `last`; `stretches` are hours, none of them outside of these."""
    counts = {kind: array("q", bytes(8 * (last - first))) for kind in Kind}
    oldest = last
    for stretch in stretches:
        hour = stretch.since // HOUR_SECONDS
        oldest = min(oldest, hour)
        for figure, count in stretch.figures.items():
            if isinstance(figure, Received) and figure.kind is not None:
                counts[figure.kind][hour - first] += count
    return Heard(first, oldest, counts)


def silences(heard: Heard, now: int) -> list[Silence]:
    """Find the event types that are silent; heard are the hours since `LOOK_BACK_SECONDS` ago or earlier, up to this one."""
    this_hour = now // HOUR_SECONDS
    found = ((kind, _silence(counts, heard, this_hour)) for kind, counts in heard.counts.items())
    return [_told(kind, *silence) for kind, silence in found if silence is not None]


def _silence(counts: "array[int]", heard: Heard, this_hour: int) -> tuple[int, int, int, int | None] | None:
    """Give the shortest window in which a type is silent, what came in it, what is usual, and the last hour with any."""
    first = heard.first
    if counts[this_hour - first]:
        return None
    for hours in WINDOWS:
        begin = this_hour - hours
        before = [begin - week * WEEK_HOURS for week in WEEKS if begin - week * WEEK_HOURS >= heard.oldest]
        if len(before) < LEAST_WEEKS:
            continue
        received = _within(counts, begin - first, hours)
        usual = min(_within(counts, start - first, hours) for start in before)
        if received <= SHARE * usual and chance(received, usual) < CHANCE:
            return hours, received, usual, next((first + at for at in range(len(counts) - 1, -1, -1) if counts[at]), None)
    return None


def _within(counts: "array[int]", begin: int, hours: int) -> int:
    return sum(counts[begin : begin + hours])


def chance(most: int, usual: int) -> float:
    """Give how probable at most so many events are where `usual` are expected (Poisson)."""
    if usual == 0:
        return 1.0
    return math.fsum(math.exp(k * math.log(usual) - usual - math.lgamma(k + 1)) for k in range(most + 1))


def _told(kind: Kind, hours: int, received: int, usual: int, last: int | None) -> Silence:
    ended = None if last is None else moment((last + 1) * HOUR_SECONDS)
    return Silence(event=kind.value, hours=hours, received=received, usual=usual, last=ended)
