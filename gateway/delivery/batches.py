"""How a batch is cut into smaller ones: by halves when it is too large, and around the bad event when it was refused.

Requests spent on `p` bad events among `n`, without hints: at most 1 + 2p(log2(n/p) + 2). A hint that is right costs two
for each bad event; hints that are wrong cost two more than none, once. Pure.
"""

from collections.abc import Sequence
from typing import Final, Generic, TypeVar

T = TypeVar("T")

HINTED: Final = 16
"""Up to so many suspects are sent each on its own; more of them say little about where the fault is."""


class Plan(Generic[T]):
    """What is still to be sent of a batch: groups, and the order in which they go. Every member is in one of them."""

    __slots__ = ("_before", "_groups", "_hinted", "_suspect", "_trusting")

    def __init__(self, batch: Sequence[T]) -> None:
        """Begin with all of it in one group."""
        self._groups: list[Sequence[T]] = [batch]
        """The next one last."""
        self._hinted = 0
        """How many groups at the end of the list stem from the latest hints: suspects alone, and then the rest."""
        self._before = 0
        """What `_hinted` was before the last group was given."""
        self._suspect = False
        """Whether the group that was given last is such a suspect."""
        self._trusting = True
        """Whether the platform's hints have been right so far."""

    def next(self) -> Sequence[T] | None:
        """Give the next group to send, None when there is none left."""
        if not self._groups:
            return None
        self._before = self._hinted
        self._suspect = self._hinted > 1
        self._hinted = max(0, self._hinted - 1)
        return self._groups.pop()

    def again(self, group: Sequence[T]) -> None:
        """Send a group next, as it is."""
        self._add(group)

    def unsent(self, group: Sequence[T]) -> None:
        """Send the group next that was given last, or what is left of it: it was not sent, and nothing was learnt."""
        self._add(group)
        self._hinted = self._before

    def halve(self, group: Sequence[T]) -> None:
        """Send the group's halves next; it has two or more members."""
        self._add(*halves(group))

    def refused(self, group: Sequence[T], suspects: Sequence[bool]) -> None:
        """Say what goes next after a group was refused whole; `suspects` has one flag per member.

        Each suspect goes alone, then the rest together; without a hint, halves.
        """
        count = sum(suspects) if self._trusting else 0
        if len(group) == 1:
            self._add(group)
        elif not 0 < count <= HINTED or count == len(group):
            self.halve(group)
        else:
            alone = [[member] for member, suspect in zip(group, suspects, strict=True) if suspect]
            rest = [member for member, suspect in zip(group, suspects, strict=True) if not suspect]
            self._add(*alone, rest)
            self._hinted = count + 1

    def taken(self) -> None:
        """Say that the group given last was taken. If it was a suspect, the hints were wrong: its companions go together."""
        if not self._suspect:
            return
        self._trusting = False
        companions = [self._groups.pop() for _ in range(self._hinted)]
        self._hinted = 0
        self._add([member for group in companions for member in group])

    def turn_over(self) -> bool:
        """Send the group next that would have come last, the largest when halving; False if there is no other than the next.

        Before much is concluded from those at the beginning, one look at the other end.
        """
        if len(self._groups) < 2:
            return False
        self._add(self._groups.pop(0))
        self._hinted = 0
        return True

    def _add(self, *groups: Sequence[T]) -> None:
        self._groups.extend(reversed(groups))


def halves(batch: Sequence[T]) -> tuple[Sequence[T], Sequence[T]]:
    """Cut a batch of two or more into its first and second half."""
    middle = (len(batch) + 1) // 2
    return batch[:middle], batch[middle:]
