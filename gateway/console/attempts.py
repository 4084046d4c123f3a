"""How often somebody may try to sign in: a few times freely, then with a wait that doubles. Pure.

Tries are counted by the name that was typed, whether or not it exists, and by the network that they came from. So neither
guessing one person's password nor trying one password on everybody gets far, and the answer tells nothing of who exists.
The wait for a name is short at most: whoever knows a name must not be able to keep its owner out.
"""

from collections import OrderedDict
from typing import Final

import msgspec

FREE: Final = 3
"""Failures that cost nothing but the next try."""
FIRST_SECONDS: Final = 1.0
NAME_CAP_SECONDS: Final = 60.0
NETWORK_CAP_SECONDS: Final = 900.0
NETWORK_FREE: Final = 10
"""Several people may sit behind one address."""
FORGET_SECONDS: Final = 3600.0
"""After the last failure, all of them are forgotten."""
MOST: Final = 10_000
"""Names and networks that are remembered; beyond, those that failed longest ago are forgotten."""


class Failures(msgspec.Struct):
    """How many there were, and when the last one was (monotonic seconds)."""

    count: int
    last: float


class Attempts:
    """Remembers failures by key. `now` is monotonic seconds."""

    def __init__(self, free: int, cap: float) -> None:
        """`free` failures cost nothing; the wait grows to `cap` seconds."""
        self._free = free
        self._cap = cap
        self._failures: OrderedDict[str, Failures] = OrderedDict()

    def wait(self, key: str, now: float) -> float:
        """Say how many seconds until the next try is taken; 0.0 for at once."""
        failures = self._failures.get(key)
        if failures is None or failures.count < self._free or now - failures.last > FORGET_SECONDS:
            return 0.0
        doublings = min(failures.count - self._free, 20)
        wait = min(FIRST_SECONDS * (1 << doublings), self._cap)
        return max(0.0, min(wait, failures.last + wait - now))

    def failed(self, key: str, now: float) -> None:
        """Count a failure."""
        before = self._failures.pop(key, None)
        count = before.count if before is not None and now - before.last <= FORGET_SECONDS else 0
        self._failures[key] = Failures(count + 1, now)
        if len(self._failures) > MOST:
            self._failures.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """Forget the failures."""
        self._failures.pop(key, None)

    def undo(self, key: str) -> None:
        """Take one failure back: it was counted before it was known to be none."""
        failures = self._failures.get(key)
        if failures is not None:
            failures.count = max(0, failures.count - 1)


class Guard:
    """Both counts together: of the name, and of the network."""

    def __init__(self) -> None:
        self._names = Attempts(FREE, NAME_CAP_SECONDS)
        self._networks = Attempts(NETWORK_FREE, NETWORK_CAP_SECONDS)

    def wait(self, name: str, network: str, now: float) -> float:
        """Say how many seconds until this network may try this name."""
        return max(self._names.wait(name, now), self._networks.wait(network, now))

    def failed(self, name: str, network: str, now: float) -> None:
        """Count a failure of both."""
        self._names.failed(name, now)
        self._networks.failed(network, now)

    def untried(self, name: str, network: str) -> None:
        """Say that what was counted as a failure was not tried after all."""
        self._names.undo(name)
        self._networks.undo(network)

    def succeeded(self, name: str, network: str) -> None:
        """Say that what was counted as a failure, before it was tried, was none.

        The name's failures are forgotten. The network's others stay: one known password must not pay for guesses at others.
        """
        self._names.succeeded(name)
        self._networks.undo(network)
