"""Remembers what was made at some cost and cannot change, up to so many bytes.

What was not asked for longest is forgotten first.
"""

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """Values by key. For one thread."""

    def __init__(self, most_bytes: int) -> None:
        """Hold at most so many bytes, as they are said with each value."""
        self._most_bytes = most_bytes
        self._held: dict[K, tuple[V, int]] = {}  # in the order in which they were asked for
        self._bytes = 0

    def find(self, key: K) -> V | None:
        """Give what is remembered by a key, None for nothing."""
        found = self._held.pop(key, None)
        if found is None:
            return None
        self._held[key] = found
        return found[0]

    def keep(self, key: K, value: V, size: int) -> None:
        """Remember a value of so many bytes, in place of what was remembered by its key; one too large for all is not."""
        self._bytes -= self._held.pop(key, (None, 0))[1]
        if size > self._most_bytes:
            return
        self._held[key] = (value, size)
        self._bytes += size
        while self._bytes > self._most_bytes:
            self._bytes -= self._held.pop(next(iter(self._held)))[1]
