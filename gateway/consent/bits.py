"""The bits of one segment of a TC string, read from the left, and the lists of vendor ids that are written in them.

A list of ranges may have 4,095 entries and name every id there is. It is never expanded, and no entry costs a step of
Python: entries of one kind have one width, so they lie beside each other in one integer, a lane for each, and one
subtraction compares all of them. The bit above a lane is set before, and stays set where the lane's difference is not
negative. Where all entries are of one kind that takes a few µs; where kinds are mixed an entry costs about 0.2 µs, to find
where it begins.

Format: https://github.com/InteractiveAdvertisingBureau/GDPR-Transparency-and-Consent-Framework, TCFv2, "Consent string and
vendor list formats v2", read 2026-11-22. Pure.
"""

import re
from base64 import urlsafe_b64decode
from typing import Final, Self

import msgspec

MOST_ENTRIES: Final = (1 << 12) - 1
LAST_ID: Final = (1 << 16) - 1

_match_entries: Final = tuple(re.compile(f"(?:0.{{16}}|1.{{32}}){{{1 << power}}}+").match for power in range(12))
"""Match 1, 2, 4 … 2,048 entries. Each begins with its kind: one id (0, id) or a range (1, first, last)."""

_runs = re.compile("(?:0.{16})++|(?:1.{32})++").findall
"""Split entries where their kind changes."""

_IDS: Final = int(("0" * 16 + "1") * MOST_ENTRIES, 2)
_RANGES: Final = int(("0" * 32 + "1") * MOST_ENTRIES, 2)
"""The lowest bit of each lane: times a number, that number in each lane."""


class Flags(msgspec.Struct, frozen=True, gc=False):
    """Vendor ids as one bit for each, from id 1 (the highest bit) to `most`."""

    bits: int
    most: int

    def __contains__(self, vendor: int) -> bool:
        """Say whether the vendor is in the list."""
        return vendor <= self.most and bool(self.bits >> self.most - vendor & 1)


class Ranges(msgspec.Struct, frozen=True, gc=False):
    """Vendor ids as single ids, in lanes of 17 bits, and as ranges, in lanes of 33 bits. `*_lanes`: the lowest bit of each."""

    ids: int = 0
    id_lanes: int = 0
    firsts: int = 0
    lasts: int = 0
    range_lanes: int = 0

    @classmethod
    def of(cls, ids: int, id_lanes: int, ranges: int, range_lanes: int) -> Self:
        """Make it of entries side by side: (0, id) in `ids`, (1, first, last) in `ranges`."""
        low = range_lanes * LAST_ID
        return cls(ids, id_lanes, ranges >> 16 & low, ranges & low, range_lanes)

    def __contains__(self, vendor: int) -> bool:
        """Say whether the vendor is in the list."""
        if not 0 < vendor <= LAST_ID:
            return False
        above = self.id_lanes << 16
        if above - (self.ids ^ vendor * self.id_lanes) & above:
            return True
        above, wanted = self.range_lanes << 32, vendor * self.range_lanes
        return bool(((wanted | above) - self.firsts) & ((self.lasts | above) - wanted) & above)

    def within(self, most: int) -> bool:
        """Say whether every id is in 1 … `most`, and no range ends before it begins."""
        ids, firsts, lasts = self.ids, self.firsts, self.lasts
        above = self.id_lanes << 16
        if ((ids | above) - self.id_lanes) & ((most * self.id_lanes | above) - ids) & above != above:
            return False
        above = self.range_lanes << 32
        begin = (firsts | above) - self.range_lanes
        ordered = (lasts | above) - firsts
        end = (most * self.range_lanes | above) - lasts
        return begin & ordered & end & above == above


VendorIds = Flags | Ranges
NOBODY: Final = Ranges()


class Bits(msgspec.Struct, gc=False):
    """Bits as a number, and how many are `left` to read. What is not there reads as 0, and makes them `broken`."""

    value: int
    left: int
    broken: bool = False

    @classmethod
    def of(cls, segment: str) -> Self:
        """Unpack base64url: at least one character, all of its alphabet, no padding, six bits each, in any number."""
        missing = -len(segment) % 4
        return cls(int.from_bytes(urlsafe_b64decode(segment + "A" * missing)) >> 6 * missing, 6 * len(segment))

    def take(self, width: int) -> int:
        """Read a number of `width` bits."""
        self.left -= width
        if self.left < 0:
            self.left = 0
            self.broken = True
            return 0
        return self.value >> self.left & (1 << width) - 1

    def read_whole(self) -> bool:
        """Say whether nothing was missing, and nothing but zeros is left over."""
        return not self.broken and self._next(self.left) == 0

    def vendors(self) -> VendorIds:
        """Read a vendor section: the highest id (16), the form (1), and flags or ranges of ids up to the highest."""
        most = self.take(16)
        return self.ranges(most) if self.take(1) else Flags(self.take(most), most)

    def ranges(self, most: int = LAST_ID) -> Ranges:
        """Read a list of ranges: their number (12), then each. An id of 0 or over `most`, or a reversed range, breaks."""
        count = self.take(12)
        found = self._only_ids(count) or self._only_ranges(count) or self._mixed(count)
        self.broken = self.broken or not found.within(most)
        return found

    def _only_ids(self, count: int) -> Ranges | None:
        """Read entries of which none begins with a one: none is a range."""
        entries, lanes = self._next(17 * count), _IDS & (1 << 17 * count) - 1
        if entries is None or entries & lanes << 16:
            return None
        self.left -= 17 * count
        return Ranges.of(entries, lanes, 0, 0)

    def _only_ranges(self, count: int) -> Ranges | None:
        """Read entries that would all be ranges if the first is, and are: each begins with a one."""
        entries, lanes = self._next(33 * count), _RANGES & (1 << 33 * count) - 1
        if entries is None or entries & lanes << 32 != lanes << 32:
            return None
        self.left -= 33 * count
        return Ranges.of(0, 0, entries, lanes)

    def _mixed(self, count: int) -> Ranges:
        """Read entries of both kinds: where each begins is only known from those before it."""
        width = min(33 * count, self.left)
        text = f"{self._next(width):0{width}b}"
        end = _end_of_entries(text, count)
        if end is None:
            self.broken = True
            return NOBODY
        self.left -= end
        runs = _runs(text, 0, end)
        odd, even = "".join(runs[::2]), "".join(runs[1::2])
        ids, ranges = (odd, even) if text[0] == "0" else (even, odd)
        return Ranges.of(int(ids, 2), _IDS & (1 << len(ids)) - 1, int(ranges, 2), _RANGES & (1 << len(ranges)) - 1)

    def _next(self, width: int) -> int | None:
        """Look at the next `width` bits; None when there are fewer."""
        return None if width > self.left else self.value >> self.left - width & (1 << width) - 1


def _end_of_entries(text: str, count: int) -> int | None:
    """Find where `count` entries end, each 17 or 33 bits as its first one says; None when there are fewer."""
    at = 0
    for power, match in enumerate(_match_entries):
        if count >> power & 1:
            entries = match(text, at)
            if entries is None:
                return None
            at = entries.end()
    return at
