"""How a lane stands with its platform, when it may ask again, and what of both those who watch are told.

What an outcome does to the standing is `breaker`'s to say, and how long to wait; what is told is told once. An operator's
pause stands before all, whatever the platform has said, and changes nothing of it.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from gateway.adapter import LONGEST_WAIT
from gateway.delivery.breaker import Breaker
from gateway.delivery.contract import Violation
from gateway.delivery.fates import HALTED, Crash, breather, not_set_up, takes_others
from gateway.delivery.patience import monotonic
from gateway.delivery.route import Office
from gateway.delivery.work import Work
from gateway.model.texts import PlatformCode
from gateway.model.verdict import Maybe, Pause, Retry, Throttle, Verdict
from gateway.model.words import Kind, Reason
from gateway.outbox.work import Lane, Record

MENDED_SECONDS: Final = 2 * LONGEST_WAIT
"""When no event of a kind has waited apart for a setting for so long, it is set up: they ask again at least once an hour."""


class NotSetUp(msgspec.Struct, frozen=True):
    """The platform's code for what is not set up, and the kinds of events that wait for it."""

    code: PlatformCode | None
    kinds: frozenset[Kind]


class Health(msgspec.Struct, frozen=True):
    """How a lane stands, for people. Times are Unix seconds. `up` is False while it is paused or its breaker is open.

    `reason` is why it waits before it asks again, at `due`: a pause, a throttle or failures in a row. None while all is well.
    `paused_at` is since when an operator has it paused: then that is the reason, there is no `due`, and the breaker stays as
    it was.
    """

    up: bool
    reason: Reason | None
    due: float | None
    paused: Reason | None
    breaker_open: bool
    failures: int
    """Requests in a row without a usable answer."""
    throttled_until: float | None
    last_success: float | None
    last_code: PlatformCode | None
    """Of the last request, be it a probe."""
    violation: Violation | None
    """The last time that the contract kept something from leaving."""
    paused_at: int | None = None
    not_set_up: NotSetUp | None = None
    """What the platform finds not set up for some of the events, while it takes others."""
    code: PlatformCode | None = None
    """The platform's code for the reason."""


class LaneStanding:
    """One lane's standing. `breaker` says what may be sent next, `ready_at` (monotonic seconds) how soon."""

    def __init__(self, lane: Lane, office: Office) -> None:
        """Begin with all well."""
        self.breaker = Breaker()
        self.ready_at = 0.0
        self.excess = 0
        """By how much refusals outnumber deliveries in the claims so far."""
        self.last_code: PlatformCode | None = None
        self._lane = lane
        self._office = office
        self._outbox = office.outbox
        self._watcher = office.watcher
        self._pace = office.pace
        self._last_success: float | None = None
        self._violation: Violation | None = None
        self._throttled_until: float | None = None
        self._due: float | None = None
        self._unset: dict[Kind, float] = {}
        """When events of a kind were last refused for something that is not set up (monotonic seconds)."""
        self._unset_code: PlatformCode | None = None
        self._told: tuple[bool, Reason | None, PlatformCode | None] | None = None
        """What the watcher was told last of whether the lane is up."""

    @property
    def health(self) -> Health:
        """How the lane stands at this moment."""
        paused_at, paused = self._outbox.paused(self._lane), self._paused
        reason = self.breaker.reason if paused is None else paused.reason
        return Health(
            up=self.breaker.up and paused is None,
            reason=reason,
            due=None if reason is None or paused_at is not None else self._due,
            paused=None if paused is None else paused.reason,
            breaker_open=self.breaker.open,
            failures=self.breaker.failures,
            throttled_until=self._throttled_until if self.breaker.throttles else None,
            last_success=self._last_success,
            last_code=None if paused_at is not None else self.last_code,
            violation=self._violation,
            paused_at=paused_at,
            code=self.last_code if paused is None else paused.code,
            not_set_up=NotSetUp(self._unset_code, frozenset(self._unset)) if self._unset else None,
        )

    @property
    def halted(self) -> bool:
        """Whether an operator has paused the lane, as of this moment."""
        return self._outbox.paused(self._lane) is not None

    @property
    def _paused(self) -> Pause | None:
        """Why the lane is paused: by an operator before all, whatever the platform has said."""
        return HALTED if self.halted else self.breaker.paused

    def note(self, stop: Pause | Throttle | Retry | Maybe | None, verdicts: Sequence[Verdict]) -> None:
        """Change by one request's outcome; `stop` is what stops the whole lane, if anything does."""
        self.last_code = (stop or verdicts[0]).code
        match stop:
            case Pause():
                self.pause(stop)
            case Throttle(_, after, _):
                self._change(self.breaker.throttled(after))
            case Retry(reason, after, _) | Maybe(reason, _, after):
                self.failed(reason, after)
            case None:
                # Refusals alone do not end a pause: with a wrong configuration every event is refused.
                if self.breaker.paused is None or any(map(takes_others, verdicts)):
                    self._change(self.breaker.answered(breather(verdicts)))

    def pause(self, why: Pause) -> None:
        """Pause: a person must act."""
        self._change(self.breaker.pause(why))

    def failed(self, reason: Reason, after: float | None = None) -> None:
        """Count a request or a round that brought nothing usable."""
        self._change(self.breaker.failed(reason, after, self._pace))

    def breached(self, violation: Violation) -> None:
        """Keep what the contract held back, for people, and tell those who watch."""
        self._violation = violation
        self._watcher.violated(self._lane, violation)

    def look_for_settings(self, records: Sequence[Record], verdicts: Sequence[Verdict]) -> None:
        """Keep which kinds of events wait for something that is not set up, and tell it once for all of them."""
        found = not_set_up(verdicts)
        if found is None:
            return
        if not self._unset:
            self._watcher.misconfigured(self._lane, found=True, code=found.code)
        kinds = {record.event.kind for record, verdict in zip(records, verdicts, strict=True) if not_set_up((verdict,))}
        self._unset |= dict.fromkeys(kinds, monotonic())
        self._unset_code = found.code

    def succeeded(self, now: float) -> None:
        """Keep when something was last delivered (Unix seconds)."""
        self._last_success = now

    def conclude(self, work: Work) -> None:
        """Count a round that brought nothing though the platform answered, and set when the next one may begin."""
        if work.outcomes and all(isinstance(outcome, Crash) for _, outcome in work.outcomes):
            self.failed(Reason.UNKNOWN_ERROR)
        elif work.probe and work.outcomes and work.stop is None and self.breaker.paused is not None:
            self.pause(self.breaker.paused)
        if work.outcomes:
            self.schedule()
        self._forget_settings()

    def _forget_settings(self) -> None:
        """Take for set up what no event has been refused for in long, and tell it when nothing is left."""
        if not self._unset:
            return
        now = monotonic()
        self._unset = {kind: said_at for kind, said_at in self._unset.items() if now - said_at <= MENDED_SECONDS}
        if not self._unset:
            self._watcher.misconfigured(self._lane, found=False, code=None)

    def schedule(self) -> None:
        """Set when the next request may leave."""
        wait = self.breaker.wait(self._pace, self._office.dice())
        self.ready_at = monotonic() + wait
        self._due = self._office.wall() + wait
        if self.breaker.throttles:
            self._throttled_until = self._due
            self._watcher.throttled(self._lane, wait)

    def tell_anew(self) -> None:
        """Report whether the lane is up, whatever was told before."""
        self._told = None
        self.tell()

    def tell(self) -> None:
        """Report whether the lane is up, and why not; once."""
        paused = self._paused
        up = self.breaker.up and paused is None
        reason = HALTED.reason if paused is HALTED else self.breaker.reason
        told = (up, reason, None if paused is None else paused.code)
        if told != self._told:
            self._told = told
            self._watcher.up(self._lane, *told)

    def _change(self, new: Breaker) -> None:
        """Take the new standing and report what changed."""
        old, self.breaker = self.breaker, new
        if old.paused is not None and new.paused is None:
            self.excess = 0
        if old.open is not new.open:
            self._watcher.breaker(self._lane, new.open, new.reason)
        if (old.up, old.paused) != (new.up, new.paused):
            self.tell()
