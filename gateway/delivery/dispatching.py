"""Dispatching: how a claim goes out, as one request if all goes well, in smaller ones around what was refused.

Before each request the claim is looked at again, and after each one its answer decides what of the rest still goes. At the
end every record of the claim has an outcome or a settlement.
"""

from collections.abc import Sequence
from typing import Final

from gateway.delivery.contract import Violation
from gateway.delivery.fates import (
    HALTED,
    CalledOff,
    broke_contract,
    by_kind,
    misconfigured,
    not_understood,
    one_setting,
    standstill,
    untried,
)
from gateway.delivery.patience import Patience, monotonic
from gateway.delivery.route import Office, Route
from gateway.delivery.screening import Rules, all_may_go, screen
from gateway.delivery.sending import Sender
from gateway.delivery.standing import LaneStanding
from gateway.delivery.watcher import Stage, place_of
from gateway.delivery.work import Crashes, Work
from gateway.model.verdict import Delivered, Isolate, Rejected, Retry, Verdict
from gateway.model.words import Reason
from gateway.outbox.work import Record, Settlement

CUT_SHORT: Final = Retry(Reason.NOT_CONNECTED)
"""What becomes of events that a stop left unsent."""


class Dispatcher:
    """Sends one lane's claims."""

    def __init__(  # noqa: PLR0913, PLR0917 - the rooms of one courier, given by name
        self,
        route: Route,
        office: Office,
        rules: Rules,
        patience: Patience,
        standing: LaneStanding,
        sender: Sender,
        crashes: Crashes,
    ) -> None:
        """Keep what is needed."""
        self._route = route
        self._lane = route.lane
        self._outbox = office.outbox
        self._watcher = office.watcher
        self._rules = rules
        self._patience = patience
        self._standing = standing
        self._sender = sender
        self._crashes = crashes

    async def send_all(self, work: Work) -> None:
        """Send the claim's records, as many as may go before the lane comes to a stop."""
        while (group := work.plan.next()) is not None:
            if self._patience.hurry and work.stop is None:
                work.stop = CUT_SHORT
            if self._standing.halted and work.stop is None:
                work.stop = HALTED
            ready = await self._admit(work, group)
            if work.stop is not None:
                left = untried(work.stop)
                work.outcomes += [(record, left) for record in group]
            elif ready:
                await self._attempt(work, ready)

    async def wait_for_quota(self, seconds: float) -> bool:
        """Wait, which costs no event a try and is no failure; False if a stop cut it."""
        if seconds <= 0:
            return True
        began = monotonic()
        await self._patience.rest(seconds)
        self._watcher.quota_waited(self._lane, monotonic() - began)
        return not self._patience.stopping

    # ── before a request ─────────────────────────────────────────────────────────────────────────────────────────

    async def _admit(self, work: Work, group: Sequence[Record]) -> Sequence[Record]:
        """Take out what may not go and wait for a place in the platform's quota; gives what may go now.

        If a stop cuts the wait, the work is stopped and nothing is taken out.
        """
        if work.stop is not None:
            return ()
        ready, settled = self._screen(work, group)
        if ready and not work.placed:
            wait = self._route.meter.take(monotonic())
            if not await self.wait_for_quota(wait):
                work.stop = CUT_SHORT
                return ()
            work.placed = True
            if wait:
                ready, settled = self._screen(work, group)
        work.settled += settled
        return ready

    def _screen(self, work: Work, group: Sequence[Record]) -> tuple[Sequence[Record], list[Settlement]]:
        """Part what may go now from what may not: a whole claim by what it adds up to, where that says enough."""
        claim, now = work.claim, self._patience.now()
        withdrawn = self._outbox.withdrawn(claim)
        if group is claim.records and not withdrawn and all_may_go(group, claim.summary, self._rules, now):
            return group, []
        return screen(group, withdrawn, self._rules, now)

    # ── one request ──────────────────────────────────────────────────────────────────────────────────────────────

    async def _attempt(self, work: Work, group: Sequence[Record]) -> None:
        """Build and send one request for `group`, and keep its outcomes or have it cut."""
        try:
            request = self._route.adapter.build([record.event for record in group])
        except Exception as error:  # noqa: BLE001 - an adapter's bug costs the events that it fails on, nothing else
            self._unbuildable(work, group, error)
            return
        if len(request.body) > self._rules.limits.batch_bytes:
            if len(group) > 1:
                work.plan.halve(group)
            else:
                work.outcomes.append((group[0], Rejected(Reason.TOO_LARGE)))
            return
        match await self._sender.exchange(work, group, request):
            case None:
                work.outcomes += [(record, self._crashes.count(record, maybe=True)) for record in group]
            case Violation() as violation:
                await self._note_breach(violation)
                self._quarantine(work, group, violation)
            case CalledOff():  # costs nobody a try: the next look takes out who has withdrawn, or stops if that was a pause
                work.plan.unsent(group)
            case verdicts:
                self._take(work, group, verdicts)

    def _unbuildable(self, work: Work, group: Sequence[Record], error: Exception) -> None:
        """Halve a group that the adapter could not write until the event it fails on stands alone."""
        if not work.faulted:
            self._watcher.fault(self._lane, Stage.BUILD, type(error).__name__, place_of(error))
            work.faulted = True
        if len(group) > 1:
            work.plan.halve(group)
        else:
            work.outcomes.append((group[0], self._crashes.count(group[0], maybe=False)))

    async def _note_breach(self, violation: Violation) -> None:
        """Have the store keep what the contract held back, for those who read it later."""
        places = [(place.path, place.found) for place in violation.places]
        version, now = self._route.contract.file.version, int(self._patience.now().wall)
        await self._patience.insist(lambda: self._outbox.note_breach(self._lane, places, version, now))

    def _quarantine(self, work: Work, group: Sequence[Record], violation: Violation) -> None:
        """Nothing was sent: set the events aside that are to blame, and have the others sent next without them.

        Where the request itself is to blame, or most of its events, it is no event's fault: the lane stops.
        """
        self._standing.breached(violation)
        pause = broke_contract(violation, len(group), probe=work.probe)
        if pause is not None:
            self._take(work, group, [pause] * len(group))
            return
        work.outcomes += [(group[number], Rejected(Reason.CONTRACT)) for number in violation.events]
        rest = [record for number, record in enumerate(group) if number not in violation.events]
        if rest:
            work.plan.again(rest)

    # ── after it ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _take(self, work: Work, group: Sequence[Record], verdicts: Sequence[Verdict]) -> None:
        """Keep a request's verdicts, change the lane's standing, and have cut what was refused as a whole.

        Where one setting stands against all of a request, it may be that of one kind of event: then each kind goes by itself.
        """
        kinds = set(map(type, verdicts))
        work.stop = standstill(verdicts)
        self._standing.note(work.stop, verdicts)
        if len(group) > 1 and Isolate in kinds:
            self._isolate(work, group, verdicts)
        elif one_setting(verdicts) and len(alike := by_kind(group)) > 1:
            for part in alike:
                work.plan.again(part)
            return
        else:
            work.outcomes += zip(group, verdicts, strict=True)
        if Delivered in kinds:
            work.plan.taken()
        if Retry in kinds:
            self._standing.look_for_settings(group, verdicts)
        refused = Rejected in kinds or Isolate in kinds or (Retry in kinds and any(map(not_understood, verdicts)))
        if refused and not work.probe:
            self._suspect(work)

    def _isolate(self, work: Work, group: Sequence[Record], verdicts: Sequence[Verdict]) -> None:
        """Keep what has a verdict of its own, and have the refused rest cut around its suspects."""
        refused: list[Record] = []
        suspects: list[bool] = []
        for record, verdict in zip(group, verdicts, strict=True):
            if isinstance(verdict, Isolate):
                refused.append(record)
                suspects.append(verdict.suspect)
            else:
                work.outcomes.append((record, verdict))
        work.plan.refused(refused, suspects)

    def _suspect(self, work: Work) -> None:
        """Stop, and pause the lane, when so much was refused that the configuration must be wrong."""
        suspicion = misconfigured(work.outcomes, self._standing.excess)
        if suspicion is None:
            return
        if not work.doubted and work.plan.turn_over():
            work.doubted = True  # the bad ones may lie together: hear what becomes of the others first
            return
        work.suspicion = work.stop = suspicion
        self._standing.pause(suspicion)
