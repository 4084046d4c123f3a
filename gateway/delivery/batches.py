"""How a batch is cut into smaller ones: by halves when it is too large, and around the bad event when it was refused.

Requests spent on `p` bad events among `n`, without hints: at most 1 + 2p(log2(n/p) + 2). Pure.
"""

from collections.abc import Sequence
from typing import Final, TypeVar

T = TypeVar("T")

HINTED: Final = 16
"""Up to so many suspects are sent each on its own; more of them say little about where the fault is."""


def halves(batch: Sequence[T]) -> tuple[Sequence[T], Sequence[T]]:
    """Cut a batch of two or more into its first and second half."""
    middle = (len(batch) + 1) // 2
    return batch[:middle], batch[middle:]


def after_refusal(batch: Sequence[T], suspects: Sequence[bool]) -> tuple[Sequence[T], ...]:
    """Say what to send next, in order, after a batch of two or more was refused whole.

    `suspects` has one flag per member. Each suspect goes alone, then the rest together; without a hint, halves.
    """
    hinted = sum(suspects)
    if not 0 < hinted <= HINTED or hinted == len(batch):
        return halves(batch)
    alone = [[member] for member, suspect in zip(batch, suspects, strict=True) if suspect]
    rest = [member for member, suspect in zip(batch, suspects, strict=True) if not suspect]
    return (*alone, rest)
