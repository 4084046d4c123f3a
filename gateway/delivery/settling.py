"""Settling: what becomes of a claim when nothing of it is sent any more, in the store and for those who watch.

A claim that nothing came of is given back whole; else each of its records is settled, all in one go. Who watches is told once
that is durable.
"""

from collections.abc import Iterable

from gateway.delivery.claiming import Claims
from gateway.delivery.fates import HALTED, Crash, excess_of, forgiven, give_back, one_answer, settlement, unproven
from gateway.delivery.patience import Patience
from gateway.delivery.route import Office
from gateway.delivery.standing import LaneStanding
from gateway.delivery.tally import Tally, tally, tally_all
from gateway.delivery.work import Crashes, Work
from gateway.model.verdict import Maybe, Retry
from gateway.model.words import Reason
from gateway.outbox.work import AllDone, Dead, Lane, Later, Record, Settlement


class Settler:
    """Ends one lane's claims."""

    def __init__(  # noqa: PLR0913, PLR0917 - the rooms of one courier, given by name
        self, lane: Lane, office: Office, patience: Patience, standing: LaneStanding, claims: Claims, crashes: Crashes
    ) -> None:
        """Keep what is needed."""
        self._lane = lane
        self._watcher = office.watcher
        self._pace = office.pace
        self._dice = office.dice
        self._patience = patience
        self._standing = standing
        self._claims = claims
        self._crashes = crashes

    async def end(self, work: Work) -> None:
        """Give the claim back whole if nothing came of it, else settle every record."""
        self._forgive(work)
        maybe = self._release_as(work)
        if maybe is None:
            await self._settle(work)
            return
        await self._claims.release(work.claim, maybe=maybe)
        _, outcome = work.outcomes[0]
        if not isinstance(outcome, Crash) and outcome is not HALTED:
            self._watcher.retried(self._lane, outcome.reason, len(work.outcomes))

    def _forgive(self, work: Work) -> None:
        """Take back refusals that are not to be believed: the events are kept."""
        standing = self._standing
        standing.excess = excess_of(work.outcomes, standing.excess)
        if work.suspicion is not None:
            work.outcomes = forgiven(work.outcomes, work.suspicion)
        elif work.probe and standing.breaker.paused is not None and unproven(work.outcomes):
            work.stop = Retry(standing.breaker.paused.reason, code=standing.last_code)
            work.outcomes = forgiven(work.outcomes, work.stop)

    def _release_as(self, work: Work) -> bool | None:
        """Say whether the claim can be released, and then as maybe or not; None if it must be settled.

        A probe that was answered, and still failed, is settled: its events go to the side, so that the next probe
        tries others and one event that upsets the platform cannot block the lane.
        """
        if work.settled or work.claim.unreadable or not work.outcomes:
            return None
        if work.probe and work.heard and isinstance(work.stop, Retry | Maybe):
            return None
        return give_back(work.outcomes)

    async def _settle(self, work: Work) -> None:
        """Record every fate in one go, and tell those who watch once that is durable."""
        claim, now = work.claim, self._patience.now().wall
        answer = None if work.settled or claim.unreadable else one_answer(work.outcomes)
        if answer is not None:  # nearly always: said once for all of them, in the store and to those who watch
            await self._claims.settle(claim, AllDone(answer.reason, answer.code, answer.receipt), int(now))
            self._crashes.forget(record.seq for record in claim.records)
            self._report(tally_all(claim.summary, answer.reason, now), now)
            return
        ended = [*self._fates(work, now), *((None, Dead(seq, Reason.UNSEALABLE)) for seq in claim.unreadable)]
        fates = [fate for _, fate in ended]
        await self._claims.settle(claim, fates, int(now))
        self._crashes.forget(fate.seq for fate in fates if not isinstance(fate, Later))
        self._report(tally(ended, now), now)

    def _fates(self, work: Work, now: float) -> Iterable[tuple[Record, Settlement]]:
        """Give each readable record of the claim its settlement."""
        pace, dice = self._pace, self._dice
        fates = [(record, settlement(record, outcome, now, pace, dice())) for record, outcome in work.outcomes]
        if work.settled:
            records = {record.seq: record for record in work.claim.records}
            fates += [(records[fate.seq], fate) for fate in work.settled]
        return fates

    def _report(self, sums: Tally, now: float) -> None:
        """Tell the watcher what became of a claim."""
        if sums.delivered:
            self._standing.succeeded(now)
        for (kind, reason), total in sums.delivered.items():
            self._watcher.delivered(self._lane, kind, reason, total.seconds, total.money)
        for (kind, reason), total in sums.dead.items():
            self._watcher.dead(self._lane, kind, reason, len(total.seconds), total.money)
        for (kind, reason), total in sums.withdrawn.items():
            self._watcher.withdrawn(self._lane, kind, reason, len(total.seconds), total.money)
        for reason, count in sums.unreadable.items():
            self._watcher.dead(self._lane, None, reason, count, {})
        for reason, count in sums.later.items():
            self._watcher.retried(self._lane, reason, count)
