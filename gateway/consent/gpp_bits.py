"""Bits of a Global Privacy Platform string, read from left to right: numbers of fixed width, Fibonacci numbers, lists of ids
(https://github.com/InteractiveAdvertisingBureau/Global-Privacy-Platform/blob/main/Core/Consent%20String%20Specification.md,
read 2026-11-26).

Nothing is thrown: bits that are not there, or not well formed, leave `broken` set and read as 0, so a caller asks once at
the end. Time is linear in the length of the text, and lists are kept as they are written, never spelt out. Pure.
"""

from base64 import b64decode
from functools import lru_cache
from typing import Final

import msgspec

LARGEST_ID: Final = 65_535
MOST_ENTRIES: Final = 256
"""Single ids and ranges in one segment. Each costs time, and writers take a field of bits where that is shorter."""

FIBONACCI: Final = (
    *(1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233),
    *(377, 610, 987, 1597, 2584, 4181, 6765, 10946, 17711, 28657, 46368),
)
"""What the places of a Fibonacci number are worth, as far as an id needs them."""

Range = tuple[int, int]
"""First and last id, both included."""


class Ids(msgspec.Struct, frozen=True, gc=False):
    """A set of ids: as a field of bits, the first for id 1, or as ranges."""

    field: str = ""
    ranges: tuple[Range, ...] = ()

    def __contains__(self, number: int) -> bool:
        """Say whether `number`, 1 or more, is in the set."""
        if self.field:
            return self.field[number - 1 : number] == "1"
        return any(first <= number <= last for first, last in self.ranges)


@lru_cache(maxsize=4096)
def _worth(places: str) -> int:
    """Add up a Fibonacci number. Small ones come again and again, so the answers are kept."""
    return sum(worth for worth, bit in zip(FIBONACCI, places, strict=False) if bit == "1")


class Bits:
    """Bits that are taken from the left. `text` has base64url's letters only, six bits each."""

    __slots__ = ("_at", "_bits", "_entries", "broken")

    def __init__(self, text: str) -> None:
        filled = text + "A" * (-len(text) % 4)
        self._bits = f"{int.from_bytes(b64decode(filled, b'-_')):0{6 * len(filled)}b}"[: 6 * len(text)]
        self._at = 0
        self._entries = 0
        self.broken = False

    def take(self, width: int) -> int:
        """Take a number of `width` bits."""
        bits = self._text(width)
        return int(bits, 2) if bits else 0

    def _text(self, width: int) -> str:
        start, self._at = self._at, self._at + width
        if self.broken or self._at > len(self._bits):
            self.broken = True
            return ""
        return self._bits[start : self._at]

    def fibonacci(self) -> int:
        """Take a Fibonacci number, at least 1: its places, the least first, then one more 1."""
        end = -1 if self.broken else self._bits.find("11", self._at, self._at + len(FIBONACCI) + 1)
        if end < 0:
            self.broken = True
            return 0
        places, self._at = self._bits[self._at : end + 1], end + 2
        return _worth(places)

    def field(self, width: int) -> Ids:
        """Take a field of `width` bits, one for each id."""
        return Ids(self._text(width))

    def fibonacci_ranges(self, largest: int = LARGEST_ID) -> Ids:
        """Take ids as distances from the one before, in ascending order by nature, none above `largest`."""
        ranges, last = [], 0
        for _ in range(self.count()):
            is_range = self.take(1)
            first = last + self.fibonacci()
            last = first + (self.fibonacci() if is_range else 0)
            if self.broken or last > largest:
                self.broken = True
                break
            ranges.append((first, last))
        return Ids(ranges=tuple(ranges))

    def integer_ranges(self, largest: int = LARGEST_ID) -> Ids:
        """Take ids of 16 bits each, in any order, between 1 and `largest`."""
        ranges = []
        for _ in range(self.count()):
            is_range = self.take(1)
            first = self.take(16)
            last = self.take(16) if is_range else first
            if self.broken or not 1 <= first <= last <= largest:
                self.broken = True
                break
            ranges.append((first, last))
        return Ids(ranges=tuple(ranges))

    def count(self) -> int:
        """Take how many entries follow; more than `MOST_ENTRIES` in all break the text."""
        count = self.take(12)
        self._entries += count
        if self._entries > MOST_ENTRIES:
            self.broken = True
            return 0
        return count

    def ends(self) -> bool:
        """Say whether all was well formed and nothing but zeros is left."""
        return not self.broken and "1" not in self._bits[self._at :]
