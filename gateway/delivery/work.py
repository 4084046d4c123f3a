"""A claim under way: what of it is still to be sent, and what became of the rest. Pure."""

from collections.abc import Iterable

import msgspec

from gateway.delivery.batches import Plan
from gateway.delivery.fates import Crash, Pair
from gateway.model.verdict import Maybe, Pause, Retry, Throttle
from gateway.outbox.work import Claim, Record, Settlement


class Work(msgspec.Struct):
    """A claim under way. `outcomes` and `settled` together will have each of its records exactly once."""

    claim: Claim
    probe: bool
    plan: Plan[Record]
    """What of the claim is still to be sent."""
    outcomes: list[Pair] = []
    settled: list[Settlement] = []
    marked: set[int] = set()
    """Records of which the store knows that the platform may have them."""
    placed: bool = False
    """Whether the next request has its place in the platform's quota."""
    heard: bool = False
    """Whether the last request got a reply at all."""
    faulted: bool = False
    stop: Pause | Throttle | Retry | Maybe | None = None
    """Why nothing more is sent in this claim."""
    doubted: bool = False
    """Whether so much was refused that the other end of the claim is being looked at before anything is concluded."""
    suspicion: Pause | None = None
    """Set when so much was refused that the configuration must be wrong."""


class Crashes:
    """How often the adapter failed on each record of a lane that is not done with."""

    __slots__ = ("_times",)

    def __init__(self) -> None:
        """Begin without any."""
        self._times: dict[int, int] = {}

    def __len__(self) -> int:
        """Give how many records are counted."""
        return len(self._times)

    def count(self, record: Record, *, maybe: bool) -> Crash:
        """Count that the adapter failed on `record`; `maybe`: after it had been sent."""
        times = self._times[record.seq] = self._times.get(record.seq, 0) + 1
        return Crash(times, maybe)

    def forget(self, ended: Iterable[int]) -> None:
        """Drop the counts of records that are done with, by their numbers."""
        if self._times:
            for seq in ended:
                self._times.pop(seq, None)
