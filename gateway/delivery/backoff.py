"""How long to wait: arithmetic, with the dice handed in as a number from 0 up to 1.

Everything is seconds. Waits never exceed the caps of `Pace`. Pure.
"""

from typing import Final

import msgspec

DOUBLINGS: Final = 32
"""Beyond this many, doubling has long met any cap; keeps the numbers small."""

PROBE_FLOOR: Final = 0.75
"""A probe waits between this share of its interval and all of it, so that lanes do not probe in step."""


class Pace(msgspec.Struct, frozen=True, gc=False):
    """A lane's waiting times: seconds, but for `breaker_failures` (requests in a row) and `inquiry_give_up_days`."""

    linger_seconds: float = 0.2
    """How long a batch may fill before it leaves."""
    backoff_base_seconds: float = 5.0
    backoff_cap_seconds: float = 900.0
    throttle_cap_seconds: float = 3600.0
    """The longest that a platform's own wish to wait is honoured before it is asked again."""
    probe_base_seconds: float = 30.0
    probe_cap_seconds: float = 300.0
    breaker_failures: int = 5
    pause_probe_seconds: float = 60.0
    """How often a paused lane asks whether it was mended: no faster, and however long the pause no slower."""
    fresh_seconds: float = 300.0
    """An event that waits longer than this is backlog, and new ones no longer wait behind it."""
    idle_seconds: float = 60.0
    """The longest sleep without looking at the clocks."""
    store_retry_seconds: float = 0.5
    """How soon a store that was busy is asked again."""
    inquiry_first_seconds: float = 1800.0
    """How long after a platform took a request it is first asked what became of it; then after ever longer waits."""
    inquiry_cap_seconds: float = 21_600.0
    inquiry_give_up_days: float = 7.0


def doubled(base: float, cap: float, times: int) -> float:
    """`base` doubled `times` times, at most `cap`."""
    return min(cap, base * 2.0 ** min(max(times, 0), DOUBLINGS))


def full_jitter(pace: Pace, failures: int, dice: float) -> float:
    """Wait after the `failures`-th failure in a row (1 …): anything from nothing to the doubled base.

    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ (read 2026-11-22)
    """
    return doubled(pace.backoff_base_seconds, pace.backoff_cap_seconds, failures - 1) * dice


def throttle_wait(pace: Pace, after: float | None, throttles: int, dice: float) -> float:
    """Wait as long as the platform asked (`after`), and at least our own backoff after so many throttles in a row."""
    return min(pace.throttle_cap_seconds, max(after or 0.0, full_jitter(pace, throttles, dice)))


def probe_wait(pace: Pace, probes: int, dice: float) -> float:
    """Wait before the next probe, `probes` of them having failed so far (0 …)."""
    interval = doubled(pace.probe_base_seconds, pace.probe_cap_seconds, probes)
    return interval * (PROBE_FLOOR + (1.0 - PROBE_FLOOR) * dice)
