"""How much a caller may send: token buckets, in memory and bounded.

Callers' addresses are never kept: a bucket of an address is filed under a keyed hash of its network (/24 or /64) whose
key is random, changes every hour and takes all buckets with it. A plain hash of an IPv4 address could be reversed by
trying them all. Time is handed in; the key is drawn here.
"""

import hmac
import secrets
from typing import Final

from gateway.address import parse

KEY_SECONDS: Final = 3600
MOST_ADDRESSES: Final = 100_000


class Bucket:
    """A token bucket: `rate` tokens a second, at most `burst` saved up. Starts full."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now

    def take(self, count: int, now: float, before: int = 0) -> float:
        """Take `count` tokens at `now` (seconds, monotonic): 0.0, or how many seconds until they would be there.

        A request larger than the burst is let in when the bucket is full, and then owed. `before`: how many were taken for the
        same request already, and are missing from a bucket that was full.
        """
        self._tokens = min(self._burst, self._tokens + max(0.0, now - self._at) * self._rate)
        self._at = max(self._at, now)
        short = min(count, self._burst - before) - self._tokens
        if short > 0:
            return short / self._rate
        self._tokens -= count
        return 0.0


class Addresses:
    """One bucket per client network, forgotten with its key every hour."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._renew(now)

    def take(self, network: str, count: int, now: float, before: int = 0) -> float:
        """As `Bucket.take`, for the network that a request came from."""
        if now - self._since > KEY_SECONDS or len(self._buckets) >= MOST_ADDRESSES:
            self._renew(now)
        name = hmac.digest(self._key, network.encode("utf-8", "replace"), "sha256")[:12]
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = Bucket(self._rate, self._burst, now)
        return bucket.take(count, now, before)

    def _renew(self, now: float) -> None:
        self._key = secrets.token_bytes(32)
        self._since = now
        self._buckets: dict[bytes, Bucket] = {}


def network_of(address: str) -> str:
    """Name the network that an address is limited with, as text that is only ever hashed.

    /24 for IPv4, also where it comes written as IPv6; /64 for IPv6; what is no address stands for itself.
    """
    numbers = parse(address)
    if numbers is None:
        return address
    return ":".join(map(hex, numbers[:4])) if len(numbers) == 8 else ".".join(map(str, numbers[:3]))
