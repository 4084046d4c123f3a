"""A lane's standing with its platform: open to traffic, failing, throttled, broken off or paused.

A value that changes into another with each request's outcome; it says how large the next batch may be and how long
to wait for it. A broken connection is probed ever more slowly, since nobody gains by knocking. A pause ends when a person
has acted, who then waits for the gateway, so it is probed evenly. Pure: no clock, the dice are handed in.
"""

from typing import Final

import msgspec

from gateway.delivery.backoff import Pace, full_jitter, probe_wait, throttle_wait
from gateway.model.verdict import Pause
from gateway.model.words import Reason

PROBE_EVENTS: Final = 10
"""A batch for a platform that failed: small enough to risk, large enough not to hang on one event."""


class Breaker(msgspec.Struct, frozen=True, gc=False):
    """`failures` and `throttles` count requests in a row. `open` and `paused` mean that only probes go out.

    `probes` counts those that failed since; `after` is how long the platform last asked to be left alone (seconds).
    """

    failures: int = 0
    throttles: int = 0
    probes: int = 0
    open: bool = False
    paused: Pause | None = None
    reason: Reason | None = None
    """What the last request without a usable answer ended with."""
    after: float | None = None

    @property
    def probing(self) -> bool:
        """Say whether the next batch is a probe."""
        return self.open or self.paused is not None

    @property
    def up(self) -> bool:
        """Say whether the destination takes events as far as we know."""
        return not self.probing

    @property
    def awaits_credential(self) -> bool:
        """Say whether a new credential may end the pause. Not while the platform asks to be left alone."""
        return self.paused is not None and self.paused.reason in {Reason.CREDENTIAL, Reason.PERMISSION} and not self.throttles

    def limit(self, batch: int) -> int:
        """How many events the next batch may have, given the adapter's `batch`: few, until the last failure is answered.

        Whatever a failing platform is sent may have arrived, and if that lasts for longer than it recognises repeats, none of
        it can be sent again.
        """
        return min(batch, PROBE_EVENTS) if self.probing or self.failures else batch

    def answered(self, after: float | None = None) -> "Breaker":
        """The platform answered for the events: all is well again, though it may like to be left alone for a while."""
        return Breaker(after=after)

    def failed(self, reason: Reason, after: float | None, pace: Pace) -> "Breaker":
        """No usable answer to the whole request: one more failure, and from `pace.breaker_failures` on the breaker is open."""
        failures = self.failures + 1
        return Breaker(
            failures=failures,
            probes=self.probes + 1 if self.probing else 0,
            open=self.open or failures >= pace.breaker_failures,
            paused=self.paused,
            reason=reason,
            after=after,
        )

    def throttled(self, after: float | None) -> "Breaker":
        """The platform asks for fewer requests. It is alive, so failures are forgotten; a pause is not."""
        return Breaker(
            throttles=self.throttles + 1,
            probes=self.probes + 1 if self.paused else 0,
            paused=self.paused,
            reason=Reason.THROTTLED,
            after=after,
        )

    def pause(self, verdict: Pause) -> "Breaker":
        """A person must act; until then there are only probes, and none before the platform may be asked again."""
        return Breaker(probes=self.probes + 1 if self.paused else 0, paused=verdict, reason=verdict.reason, after=verdict.after)

    def wait(self, pace: Pace, dice: float) -> float:
        """Seconds until the next request."""
        least = 0.0 if self.paused is None else pace.pause_probe_seconds
        if self.throttles:
            return max(least, throttle_wait(pace, self.after, self.throttles, dice))
        if self.open:
            own = probe_wait(pace, self.probes, dice)
        elif self.failures:
            own = full_jitter(pace, self.failures, dice)
        else:
            own = 0.0
        return max(least, own, min(self.after or 0.0, pace.throttle_cap_seconds))
