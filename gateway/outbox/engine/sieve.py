"""The sieve: says of most hashes that the tree of sightings surely does not hold them, without asking the tree.

Nearly every event is new, and to learn that from the tree costs a walk down to a leaf: 1.2 µs with 400,000 sightings, more
with more. The sieve is one bit for each of eight million ranges of hashes, set where the tree holds something. It may say
*perhaps* of what is not there, of one in twenty at 400,000 sightings and one in nine at a million, and never says *no* of what
is. So bits are set before a transaction is committed, and unset only by what is committed. Hashes are keyed: nobody can choose
them.
"""

from collections.abc import Sequence
from typing import Final

import apsw

from gateway.storage.file import every

SLICES: Final = 128
"""The tree is swept of expired entries in so many slices of the range of hashes, and the sieve is made anew with each."""

_BYTES: Final = 1 << 20
"""With a quarter of it a third of all hashes would pass at a million sightings; a small shop has no use for more."""
_TO_BYTE: Final = 44
"""Bits of a signed hash below those that choose the byte; a negative index counts from the end, so each has its own."""
_TO_BIT: Final = 41
_MASKS: Final = tuple(1 << number for number in range(8))

_MOST_READ: Final = 2_000_000
"""Sightings up to which all are read when a store is opened, 0.2 µs each. Of more nothing is known until they are swept: then
the sieve lets a fifth of all hashes pass anyway."""

_SLICE_WIDTH: Final = (1 << 64) // SLICES
_SLICE_BYTES: Final = _BYTES // SLICES
_LOWEST: Final = -(1 << 63)


def span(number: int) -> tuple[int, int]:
    """Give the first and the last hash of a slice, of which there are 0 … SLICES-1."""
    low = _LOWEST + number * _SLICE_WIDTH
    return low, low + _SLICE_WIDTH - 1


class Sieve:
    """The bits. Belongs to the store's thread and outlives its rollbacks."""

    def __init__(self) -> None:
        """Know nothing: each hash may be there."""
        self._bits = bytearray(b"\xff") * _BYTES

    def load(self, connection: apsw.Connection, about: int) -> None:
        """Read what the tree holds, unless that is too much: `about` says how many sightings there are."""
        if about <= _MOST_READ:
            for number in range(SLICES):
                self.refresh(connection, number)

    def refresh(self, connection: apsw.Connection, number: int) -> None:
        """Make the bits of a slice anew; they stay where the tree cannot be read.

        Not inside a transaction: what it deleted might come back.
        """
        low, high = span(number)
        held = every(connection, "select hash from seen where hash between ? and ?", (low, high))
        start = (low >> _TO_BYTE) % _BYTES
        self._bits[start : start + _SLICE_BYTES] = bytes(_SLICE_BYTES)
        self.add([key for (key,) in held])

    def add(self, hashes: Sequence[int]) -> None:
        """Let these pass from now on."""
        bits, masks = self._bits, _MASKS
        for key in hashes:
            bits[key >> _TO_BYTE] |= masks[key >> _TO_BIT & 7]

    def passed(self, hashes: Sequence[int]) -> list[int]:
        """Give those that the tree may hold."""
        bits, masks = self._bits, _MASKS
        return [key for key in hashes if bits[key >> _TO_BYTE] & masks[key >> _TO_BIT & 7]]
