"""The latest exceptions: who looks through them a piece at a time learns which came, or came back, meanwhile.

They lie by lane, state and number and not in the order in which they came, so what comes during a look may lie behind it. Only
so many are remembered, in memory: of a longer time, or of one before a rollback, nobody can say what came.
"""

from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import Final, NamedTuple

MOST_REMEMBERED: Final = 10_000
"""A look takes some tenths of a second; a megabyte at the most."""

Aside = tuple[int, int]
"""An exception, by the numbers of its lane and its record: whatever becomes of it, these stay."""


class Moment(NamedTuple):
    """A moment between two changes, as `since` understands it."""

    of: "Latest"
    came: int


class Latest:
    """Remembers. Belongs to the store's thread; after a rollback it begins anew, and knows no moment of before."""

    def __init__(self) -> None:
        """Begin with nothing remembered."""
        self._came: deque[Aside] = deque(maxlen=MOST_REMEMBERED)
        self._count = 0

    def add(self, lane: int, seqs: Iterable[int]) -> None:
        """Remember that these were put aside, or given back from the dead."""
        came = [(lane, seq) for seq in seqs]
        self._came += came
        self._count += len(came)

    def now(self) -> Moment:
        """Give this moment."""
        return Moment(self, self._count)

    def since(self, moment: Moment) -> list[Aside] | None:
        """Tell what came since a moment; None where that is not known any more."""
        count = self._count - moment.came
        if moment.of is not self or count > len(self._came):
            return None
        return list(islice(self._came, len(self._came) - count, None))
