"""The Canadian section of a Global Privacy Platform string: which purposes and vendors a person agreed to, and how
(https://github.com/InteractiveAdvertisingBureau/Global-Privacy-Platform/blob/main/Sections/Canada/GPPExtension%3A%20IAB%20Canada%20TCF.md,
read 2026-11-26).

Express consent is a yes. Implied consent is that the person was told and did not object; whoever has neither was not asked
or did object. Lists of vendors are written in two ways, and nothing in the string says which: as distances in Fibonacci
numbers, and as numbers of 16 bits as in Europe. The IAB Tech Lab's library (npm, @iabgpp/cmpapi 3.2.0) tries both, and so
do we; a string that can be read in both ways, with different meanings, cannot be read. (The specification's text has the
kind of a list before its length, which no library writes; that is unreadable too.) Pure.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from gateway.consent.gpp_bits import GppBits, Ids

VERSION: Final = 1
PURPOSES: Final = 24
LETTERS: Final = 26
DISCLOSED: Final = 1
PUBLISHER: Final = 3
NOT_ALLOWED: Final = 0
REQUIRE_EXPRESS: Final = 1
UNDEFINED: Final = 3
"""Kinds of a publisher's restriction; the remaining one, 2, requires implied consent."""
MOST_RESTRICTIONS: Final = PURPOSES * UNDEFINED
"""One for each purpose and kind."""


class Restriction(NamedTuple):
    """A publisher restricts `vendors` for a purpose."""

    purpose: int
    kind: int
    vendors: Ids


class Canada(msgspec.Struct, frozen=True, gc=False):
    """What the section says. `updated` in Unix seconds; `disclosed` is None where the section does not list whom it showed."""

    updated: int
    cmp: int
    express_purposes: Ids
    implied_purposes: Ids
    express_vendors: Ids
    implied_vendors: Ids
    restrictions: tuple[Restriction, ...] = ()
    disclosed: Ids | None = None

    def restricted(self, vendor: int, purposes: frozenset[int]) -> frozenset[int]:
        """Give the kinds of restriction that the publisher put on a vendor for any of `purposes`."""
        return frozenset(r.kind for r in self.restrictions if r.purpose in purposes and vendor in r.vendors)


class Way(NamedTuple):
    """A way to write lists: the ranges of a list of vendors up to its largest, and the vendors of a restriction."""

    ranges: Callable[[GppBits, int], Ids]
    restricted: Callable[[GppBits], Ids]


def _list(bits: GppBits, ranges: Callable[[GppBits, int], Ids]) -> Ids:
    """Read a list of vendors: the largest id, then a bit that says ranges, or a field of that many bits."""
    largest = bits.take(16)
    return ranges(bits, largest) if bits.take(1) else bits.flags(largest)


WAYS: Final = (
    Way(GppBits.runs, lambda bits: _list(bits, GppBits.runs)),
    Way(GppBits.ranges, lambda bits: bits.ranges()),
)


def read(text: str) -> Canada | None:
    """Read the section; None if it cannot be read, or can be read in two ways that differ."""
    core, *others = text.split(".")
    segments = {_kind(segment): segment for segment in others}
    if not core or len(segments) < len(others) or not segments.keys() <= {DISCLOSED, PUBLISHER}:
        return None
    if PUBLISHER in segments and not _publisher_reads(segments[PUBLISHER]):
        return None
    readings = {_read(core, segments.get(DISCLOSED), way) for way in WAYS} - {None}
    return readings.pop() if len(readings) == 1 else None


def _kind(segment: str) -> int | None:
    """Give the number in a segment's first three bits, None if there is no segment."""
    return GppBits.of(segment[:1]).take(3) if segment else None


def _publisher_reads(segment: str) -> bool:
    """Say whether the publisher's own purposes can be read. They are none of ours, but a cut string must show."""
    bits = GppBits.of(segment)
    bits.take(3 + 2 * PURPOSES)
    bits.take(2 * bits.take(6))
    return bits.read_whole()


def _read(core: str, disclosed: str | None, way: Way) -> Canada | None:
    canada = _core(GppBits.of(core), way)
    if canada is None or disclosed is None:
        return canada
    bits = GppBits.of(disclosed)
    bits.take(3)
    vendors = _list(bits, way.ranges)
    return msgspec.structs.replace(canada, disclosed=vendors) if bits.read_whole() else None


def _core(bits: GppBits, way: Way) -> Canada | None:
    if bits.take(6) != VERSION:
        return None
    bits.take(36)  # when it was made
    updated = bits.take(36) // 10
    cmp = bits.take(12)
    bits.take(12 + 6)  # the tool's version, and its screen
    language = (bits.take(6), bits.take(6))
    bits.take(12 + 6 + 1 + 12)  # vendor list, policy, stacks, special features
    purposes = bits.flags(PURPOSES), bits.flags(PURPOSES)
    vendors = _list(bits, way.ranges), _list(bits, way.ranges)
    restrictions = _restrictions(bits, way)
    if max(language) >= LETTERS or not bits.read_whole():
        return None
    return Canada(updated, cmp, *purposes, *vendors, restrictions)


def _restrictions(bits: GppBits, way: Way) -> tuple[Restriction, ...]:
    found = []
    count = bits.take(12)
    if count > MOST_RESTRICTIONS:
        bits.broken = True
        return ()
    for _ in range(count):
        restriction = Restriction(bits.take(6), bits.take(2), way.restricted(bits))
        if bits.broken or not 1 <= restriction.purpose <= PURPOSES or restriction.kind == UNDEFINED:
            bits.broken = True
            break
        found.append(restriction)
    return tuple(found)
