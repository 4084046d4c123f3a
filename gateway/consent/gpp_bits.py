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
LONGEST_ENTRY: Final = 1 + 2 * (len(FIBONACCI) + 1)
"""Bits: one that says that it is a range, and two numbers."""


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

    def runs(self, most: int = LAST_ID) -> Ids:
        """Read ids as distances from the one before. They ascend by nature; one over `most` breaks."""
        count = self._count()
        text = self._ahead(count * LONGEST_ENTRY)
        at, last, runs = 0, 0, []
        for _ in range(count):
            is_range = text[at : at + 1] == "1"
            first, at = _fibonacci(text, at + 1)
            more, at = _fibonacci(text, at) if is_range else (0, at)
            if not at or last + first + more > most:
                self.broken = True
                return NOBODY
            runs.append((last + first, last + first + more))
            last += first + more
        self.left -= at
        return Runs(tuple(runs)) if runs else NOBODY

    def _ahead(self, width: int) -> str:
        """Look at the next `width` bits, or at as many as there are."""
        width = min(self.left, width)
        return f"{self.value >> self.left - width & (1 << width) - 1:0{width}b}"

    def flags(self, width: int) -> Flags:
        """Read a field of `width` bits, one for each id from 1 on."""
        return Flags(self.take(width), width)

    def _count(self) -> int:
        """Read how many entries follow (12 bits); more than `MOST_ENTRIES` in all break the bits."""
        count = self.take(12)
        self.entries += count
        if self.entries > MOST_ENTRIES:
            self.broken = True
            return 0
        return count


def _fibonacci(text: str, at: int) -> tuple[int, int]:
    """Read a number in `text` from `at` on (1 or more), and where it ends; 0 and 0 if there is none, or none that short.

    It is its places, the least first, and one more 1.
    """
    end = text.find("11", at, at + len(FIBONACCI) + 1)
    return (_worth(text[at : end + 1]), end + 2) if at and end >= 0 else (0, 0)


@lru_cache(maxsize=4096)
def _worth(places: str) -> int:
    """Add up a Fibonacci number. Small ones come again and again, so the answers are kept."""
    return sum(worth for worth, bit in zip(FIBONACCI, places, strict=False) if bit == "1")
