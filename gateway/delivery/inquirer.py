"""Asks a platform what became of the requests that it took for processing, and puts its last word into the books.

One inquirer per lane, beside its courier and apart from it: a question delays no delivery. It is slow by intent. All
inquirers of a process draw on one meter, so that together they stay far below a platform's quota for questions; a
request is asked after half an hour after it was taken, then ever more rarely, and given up after days. It may be
cancelled at any await: an inquiry stays due until the store has its answer, and the store takes a last word once.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import msgspec

from gateway.adapter import Access, Processed, Quota, Request
from gateway.delivery import afterwards
from gateway.delivery.backoff import full_jitter, probe_wait, throttle_wait
from gateway.delivery.clocks import Clocks, Time
from gateway.delivery.contract import Violation
from gateway.delivery.fates import HALTED, CalledOff, NoReply
from gateway.delivery.outgoing import compose
from gateway.delivery.patience import LOST, monotonic
from gateway.delivery.quota import Meter
from gateway.delivery.route import Office, Route
from gateway.delivery.watcher import Stage, place_of
from gateway.model.texts import PlatformCode
from gateway.model.verdict import Pause, Retry, Throttle
from gateway.model.words import Reason
from gateway.outbox.work import Inquiry, Lane, Outcomes
from gateway.storage import Unavailable

AT_A_TIME: Final = 50
"""Inquiries taken from the store together."""

QUESTIONS: Final = Quota(requests_per_minute=60, requests_per_day=50_000)
"""What all lanes of a process ask together, at most. Google takes 300 questions a minute and 100,000 a day of a project, apart
from deliveries: https://developers.google.com/data-manager/api/devguides/limits (read 2026-11-22)."""

SHORTEST_IDLE: Final = 0.01
"""Seconds; keeps a due time that is almost now from being asked for in a tight loop."""


class LaterWord(msgspec.Struct, frozen=True):
    """Whether the lane's platform finds something not set up, its code for it, and when the request was taken that shows it."""

    misconfigured: bool = False
    code: PlatformCode | None = None
    taken_at: int = 0


class Inquirer:
    """Asks after one lane's requests. `run` it in a task of its own, once at a time; cancel it to stop it."""

    def __init__(self, route: Route, office: Office, meter: Meter) -> None:
        """Keep what is needed; nothing starts before `run`."""
        self._route = route
        self._office = office
        self._meter = meter
        self._outbox = office.outbox
        self._pace = office.pace
        self._clocks: Clocks | None = None
        self._failures = 0
        self._codes: set[PlatformCode] = set()
        self._later_word = LaterWord()
        self._violation: Violation | None = None

    @property
    def lane(self) -> Lane:
        """The lane that this inquirer asks for."""
        return self._route.lane

    @property
    def later_word(self) -> LaterWord:
        """What the platform last found of the lane's set-up."""
        return self._later_word

    @property
    def violation(self) -> Violation | None:
        """The last time that the contract kept a question from leaving."""
        return self._violation

    async def run(self) -> None:
        """Ask until cancelled, or until the store is closed or has failed for good."""
        while True:
            try:
                await self._round()
            except Unavailable as shut:
                if shut.why in LOST:
                    return
                await asyncio.sleep(self._pace.store_retry_seconds)
            except Exception as error:  # noqa: BLE001 - a bug must not end the asking for good, and in silence
                self._fault(error)
                await asyncio.sleep(self._pace.probe_base_seconds)

    async def _round(self) -> None:
        """Ask after what is due, or wait until something is; a lane that an operator has paused asks nothing."""
        self._now()  # a jump is known for one only by a reading from before it
        if not self._may_go():
            await asyncio.sleep(self._pace.idle_seconds)
            return
        inquiries = await self._outbox.inquiries(self.lane, AT_A_TIME, self._office.wall())
        if not inquiries:
            await self._idle()
        for inquiry in inquiries:
            if not await self._guarded(inquiry):
                return

    async def _idle(self) -> None:
        """Sleep until the next inquiry is due, or one that was made meanwhile may be."""
        due = await self._outbox.next_inquiry(self.lane)
        seconds = min(self._pace.idle_seconds, self._pace.inquiry_first_seconds)
        if due is not None:
            seconds = min(seconds, due - self._office.wall())
        await asyncio.sleep(max(SHORTEST_IDLE, seconds))

    def _may_go(self) -> bool:
        """Say whether nobody has paused the lane, as of this moment."""
        return self._outbox.paused(self.lane) is None

    # ── one inquiry ──────────────────────────────────────────────────────────────────────────────────────────────

    async def _guarded(self, inquiry: Inquiry) -> bool:
        """Settle one inquiry and say whether to go on with the next; a bug is reported, and the inquiry put off."""
        try:
            return await self._settle(inquiry)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - an adapter's bug costs the inquiry that it fails on, nothing else
            self._fault(error)
            await self._unanswered(inquiry)
            return True

    def _fault(self, error: Exception) -> None:
        """Report a bug by class and place."""
        self._office.watcher.fault(self.lane, Stage.INQUIRE, type(error).__name__, place_of(error))

    async def _settle(self, inquiry: Inquiry) -> bool:
        """Ask after a request and keep what was said; False once the platform was left alone for a while instead."""
        request = self._route.adapter.ask_after(inquiry.receipt)
        if request is None:
            await self._conclude(inquiry, inquiry.outcomes)
            return True
        await asyncio.sleep(self._meter.take(monotonic()))
        seen = self._route.credential.renewals
        match await self._ask(request, inquiry.events):
            case Processed(final, counts):
                self._failures = 0
                # A last word without content, as of a request that was too long ago, leaves what was said before.
                over = final or self._is_given_up(inquiry)
                await (self._conclude(inquiry, counts or inquiry.outcomes) if over else self._put_off(inquiry, counts))
                return True
            case Retry(_, after, _):
                await self._unanswered(inquiry)
                await asyncio.sleep(max(full_jitter(self._pace, self._failed(), self._office.dice()), after or 0.0))
            case Throttle(_, after, _):
                if self._is_given_up(inquiry):
                    await self._conclude(inquiry, inquiry.outcomes)
                await asyncio.sleep(throttle_wait(self._pace, after, self._failed(), self._office.dice()))
            case Pause():
                # It may be this request alone that is refused, as one of another account is: the next try is for another.
                if not await self._renewed_within(seen, probe_wait(self._pace, self._failed(), self._office.dice())):
                    await self._unanswered(inquiry)
        return False

    def _is_given_up(self, inquiry: Inquiry) -> bool:
        """Say whether nobody waits for the last word any more, as of the earliest that it may be."""
        return afterwards.given_up(inquiry, self._pace, self._now().earliest)

    async def _unanswered(self, inquiry: Inquiry) -> None:
        """Ask again later; if nobody waits any more, what was said before is the last word."""
        await (self._conclude if self._is_given_up(inquiry) else self._put_off)(inquiry, inquiry.outcomes)

    def _failed(self) -> int:
        """Count one more question in a row without an answer."""
        self._failures += 1
        return self._failures

    async def _renewed_within(self, seen: int, seconds: float) -> bool:
        """Wait until the credential is another than it was, and not longer than `seconds`; say whether it is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._route.credential.renewed(seen)
                return True
        return False

    async def _ask(self, request: Request, events: int) -> Processed | Retry | Throttle | Pause:
        """Send a question; a token that is refused is replaced once."""
        credential = self._route.credential
        access = await credential.access()
        if not isinstance(access, Access):
            return access
        said = await self._send(request, access, events)
        if isinstance(said, Pause) and said.reason is Reason.CREDENTIAL and credential.refused(access):
            fresh = await credential.access()
            return await self._send(request, fresh, events) if isinstance(fresh, Access) else fresh
        return said

    async def _send(self, request: Request, access: Access, events: int) -> Processed | Retry | Throttle | Pause:
        """Send a question, if the contract allows it, and read the answer."""
        cleared = self._route.contract.check(compose(self._route.base_url, request, access), 0)
        if isinstance(cleared, Violation):
            self._violation = cleared
            self._office.watcher.violated(self.lane, cleared)
            return Pause(Reason.CONTRACT)
        reply = await self._office.transport.send_if(self._may_go, cleared, self._route.adapter.limits.timeout)
        if isinstance(reply, CalledOff):
            return HALTED
        return Retry(reply.reason) if isinstance(reply, NoReply) else self._route.adapter.read_processed(reply, events)

    # ── what was said ────────────────────────────────────────────────────────────────────────────────────────────

    async def _put_off(self, inquiry: Inquiry, outcomes: Outcomes) -> None:
        """Keep what was said so far, and ask again later."""
        due = self._office.wall() + afterwards.wait(self._pace, inquiry.tries, self._office.dice())
        await self._outbox.ask_again(inquiry, self._known(outcomes), due)
        self._find(inquiry, outcomes)

    async def _conclude(self, inquiry: Inquiry, outcomes: Outcomes) -> None:
        """Put the last word into the books, and tell those who watch once that is durable."""
        word = afterwards.last_word(self._known(outcomes), inquiry.events)
        if await self._outbox.conclude(inquiry, word, int(self._office.wall())):
            for processing, code, count in word:
                self._office.watcher.processed(self.lane, processing, code, count)
        self._find(inquiry, outcomes)

    def _known(self, outcomes: Outcomes) -> Outcomes:
        """Keep the number of distinct codes bounded."""
        kept = afterwards.bounded(outcomes, self._codes)
        self._codes.update(code for _, code, _ in kept if code is not None)
        return kept

    def _find(self, inquiry: Inquiry, outcomes: Outcomes) -> None:
        """Take in what the answer shows of the lane's set-up, unless a later request showed otherwise; report changes."""
        found, code = afterwards.misconfigured(outcomes)
        if inquiry.taken_at < self._later_word.taken_at or not (found or afterwards.in_order(outcomes)):
            return
        before, self._later_word = self._later_word, LaterWord(found, code, inquiry.taken_at)
        if (before.misconfigured, before.code) != (found, code):
            self._office.watcher.misconfigured(self.lane, found, code)

    def _now(self) -> Time:
        """Read the clocks: a wall clock that was set must not make a request look given up."""
        wall, at = self._office.wall(), monotonic()
        self._clocks, now = (self._clocks or Clocks(wall - at)).read(wall, at)
        return now


def inquirers(routes: Sequence[Route], office: Office, quota: Quota = QUESTIONS) -> list[Inquirer]:
    """Make the inquirers of a process, one for each lane; together they ask no more than `quota`."""
    meter = Meter(quota)
    return [Inquirer(route, office, meter) for route in routes]
