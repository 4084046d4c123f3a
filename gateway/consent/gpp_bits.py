"""Bits of a Global Privacy Platform string: as those of a TC string, and Fibonacci numbers besides
(https://github.com/InteractiveAdvertisingBureau/Global-Privacy-Platform/blob/main/Core/Consent%20String%20Specification.md,
read 2026-11-26).

Nothing is thrown: bits that are not there, or not well formed, leave `broken` set, so a caller asks once at the end. Time is
linear in the length of the text, and lists are kept as they are written, never spelt out. Pure.
"""

from functools import lru_cache
from typing import Final

import msgspec

from gateway.consent.bits import LAST_ID, NOBODY, Bits, Flags, Ranges

MOST_ENTRIES: Final = 256
"""Entries of the lists of one segment, in all. Each costs time, and writers take a field of bits where that is shorter."""

FIBONACCI: Final = (
    *(1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233),
    *(377, 610, 987, 1597, 2584, 4181, 6765, 10946, 17711, 28657, 46368),
)
"""What the places of a Fibonacci number are worth, as far as an id needs them."""


class Runs(msgspec.Struct, frozen=True, gc=False):
    """Ids as first and last of each run, both included, in ascending order."""

    runs: tuple[tuple[int, int], ...]

    def __contains__(self, number: int) -> bool:
        """Say whether the id is in the list."""
        return any(first <= number <= last for first, last in self.runs)


Ids = Flags | Ranges | Runs


class GppBits(Bits, gc=False):
    """Bits of a segment, read from the left. Made by `of`."""

    entries: int = 0

    def fibonacci(self) -> int:
        """Read a Fibonacci number, 1 … 75,024: its places, the least first, then one more 1; 0 if there is none."""
        end = -1 if self.broken else self.text.find("11", self.at, self.at + len(FIBONACCI) + 1)
        if end < 0:
            self.broken = True
            return 0
        places, self.at = self.text[self.at : end + 1], end + 2
        return _worth(places)

    def runs(self, most: int = LAST_ID) -> Ids:
        """Read ids as distances from the one before. They ascend by nature; one over `most` breaks."""
        runs, last = [], 0
        for _ in range(self._count()):
            is_range = self.take(1)
            first = last + self.fibonacci()
            last = first + (self.fibonacci() if is_range else 0)
            if self.broken or last > most:
                self.broken = True
                break
            runs.append((first, last))
        return Runs(tuple(runs)) if runs else NOBODY

    def flags(self, width: int) -> Flags:
        """Read a field of `width` bits, one for each id from 1 on."""
        begin = self.at
        self.skip(width)
        return Flags(self.text[begin : self.at])

    def _count(self) -> int:
        """Read how many entries follow (12 bits); more than `MOST_ENTRIES` in all break the bits."""
        count = self.take(12)
        self.entries += count
        if self.entries > MOST_ENTRIES:
            self.broken = True
            return 0
        return count


@lru_cache(maxsize=4096)
def _worth(places: str) -> int:
    """Add up a Fibonacci number. Small ones come again and again, so the answers are kept."""
    return sum(worth for worth, bit in zip(FIBONACCI, places, strict=False) if bit == "1")
