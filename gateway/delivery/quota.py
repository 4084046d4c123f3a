"""How many requests a platform grants: an even pace with a little saved up, shared by all lanes of one credential.

A quota is per project or account while a lane is per storefront, so lanes that show the same credential draw on one
meter. Each takes a place and is told how long to wait for it. Places are given in the order of asking, and a lane asks
for its next one only after it has used its last, so that no lane can crowd out another. Pure: the time is handed in.
"""

from typing import Final

import msgspec

from gateway.adapter import Quota

MINUTE: Final = 60.0
DAY: Final = 86_400.0

SAVED: Final = 0.2
"""Share of a quota that may be used at once. The rest is spread over its time, so that no minute or day, wherever it
begins, holds more than the quota, however the platform counts."""


class Pace(msgspec.Struct):
    """One limit, kept by the generic cell rate algorithm. All numbers are seconds.

    `due` is when the next place comes up at an even pace; it may be taken up to `early` seconds before that.
    """

    interval: float
    early: float
    due: float = float("-inf")


class Meter:
    """Gives places for requests. Knows nothing of what was used before it was made."""

    __slots__ = ("_paces",)

    def __init__(self, quota: Quota) -> None:
        """Begin with all that may be saved up; without a limit there is never a wait."""
        limits = ((quota.requests_per_minute, MINUTE), (quota.requests_per_day, DAY))
        self._paces = tuple(paced(count, seconds) for count, seconds in limits if count is not None)

    def wait(self, now: float) -> float:
        """Say how many seconds a place taken at `now` (monotonic seconds) would have to be waited for."""
        return max([0.0, *(pace.due - pace.early - now for pace in self._paces)])

    def take(self, now: float) -> float:
        """Take the next place at `now`, for good; gives the seconds to wait for it."""
        wait = self.wait(now)
        for pace in self._paces:
            pace.due = max(pace.due, now + wait) + pace.interval
        return wait


def paced(count: int, seconds: float) -> Pace:
    """Turn `count` requests (1 …) in `seconds` into a pace."""
    saved = max(1.0, count * SAVED)
    interval = seconds / max(count - saved, 1.0)
    return Pace(interval, (saved - 1.0) * interval)


def strictest(*quotas: Quota) -> Quota:
    """Give the lower of each limit: where lanes that share a meter were told different quotas, all of them hold."""
    minutes = [quota.requests_per_minute for quota in quotas if quota.requests_per_minute is not None]
    days = [quota.requests_per_day for quota in quotas if quota.requests_per_day is not None]
    return Quota(min(minutes, default=None), min(days, default=None))
