"""Sending: one request, from what the adapter wrote to what its answer means for each event in it.

Between the two it gets access, is held against the contract, and is noted in the store before its first byte may leave; it is
called off if by then it may not go. What a platform, an adapter or a bug says comes out as a value, never as an exception.
"""

from collections import defaultdict
from collections.abc import Sequence

from gateway.adapter import Access, Reply, Request
from gateway.delivery.contract import Cleared, Violation
from gateway.delivery.fates import (
    CALLED_OFF,
    CONNECTION_LOST,
    NOT_CONNECTED,
    CalledOff,
    NoReply,
    refuses_credential,
    without_reply,
)
from gateway.delivery.outgoing import compose
from gateway.delivery.patience import Await, Patience, monotonic
from gateway.delivery.route import Office, Route
from gateway.delivery.standing import LaneStanding
from gateway.delivery.watcher import Stage, place_of
from gateway.delivery.work import Work
from gateway.model.verdict import Pause, Retry, Throttle, Verdict
from gateway.model.words import Kind, Reason
from gateway.outbox.shapes import Left, Shape
from gateway.outbox.work import Record

Heard = Sequence[Verdict] | Violation | CalledOff | None
"""What came of a request: one verdict per record, why it was not sent, or None if the adapter could not read the reply."""


class Sender:
    """Sends one lane's requests. `seen_renewals` is how often the credential had been replaced when it was last shown."""

    def __init__(self, route: Route, office: Office, patience: Patience, standing: LaneStanding) -> None:
        """Keep what is needed."""
        self.seen_renewals = 0
        self._route = route
        self._office = office
        self._lane = route.lane
        self._outbox = office.outbox
        self._watcher = office.watcher
        self._patience = patience
        self._standing = standing

    async def exchange(self, work: Work, group: Sequence[Record], request: Request) -> Heard:
        """Send `request` for `group` and give one verdict per record."""
        access = await self._access()
        if not isinstance(access, Access):
            return [access] * len(group)
        verdicts = await self._ask(work, group, request, access)
        # A token can be revoked or end early, so another is tried before anybody is called for; a probe is such a try itself.
        if self._another(verdicts, access) and self._standing.breaker.paused is None and not self._patience.hurry:
            fresh = await self._access()
            if not isinstance(fresh, Access):
                return [fresh] * len(group)
            verdicts = await self._ask(work, group, request, fresh)
            self._another(verdicts, fresh)
        return verdicts

    def _another(self, verdicts: Heard, access: Access) -> bool:
        """Let the credential know if its access was refused; say whether the next one may be another."""
        if verdicts is None or isinstance(verdicts, Violation | CalledOff):
            return False
        return refuses_credential(verdicts) and self._route.credential.refused(access)

    async def _access(self) -> Access | Pause | Retry | Throttle:
        """Get access for one request; it may have to be fetched, which `stop` may cut like a request."""
        credential = self._route.credential
        self.seen_renewals = credential.renewals
        return await self._patience.cuttable(Await.FLIGHT, credential.access()) or Retry(Reason.NOT_CONNECTED)

    async def _ask(self, work: Work, group: Sequence[Record], request: Request, access: Access) -> Heard:
        """Send `request` with `access`, if the contract allows it and it may go still, and read the answer."""
        cleared = self._route.contract.check(compose(self._route.base_url, request, access), len(group))
        if isinstance(cleared, Violation):
            return cleared
        if not self._may_go(work, group):  # a token may have been waited for
            return CALLED_OFF
        fresh = await self._mark(work, group, cleared)
        reply = await self._fly(work, group, cleared)
        if isinstance(reply, CalledOff):
            await self._patience.insist(lambda: self._outbox.call_off(work.claim))
            work.marked.difference_update(fresh)
            return reply
        work.heard = not isinstance(reply, NoReply)
        if isinstance(reply, NoReply):
            return [without_reply(reply)] * len(group)
        return self._interpret(group, reply)

    def _may_go(self, work: Work, group: Sequence[Record]) -> bool:
        """Say whether nobody has paused the lane and nothing of the group was taken out, as of this moment."""
        if self._standing.halted:
            return False
        gone = self._outbox.withdrawn(work.claim)
        return not gone or gone.keys().isdisjoint([record.seq for record in group])

    async def _mark(self, work: Work, group: Sequence[Record], cleared: Cleared) -> Sequence[int]:
        """Let the store know that the platform may have these records from now on, and what leaves of them.

        Gives the numbers of those of which it did not know that yet.
        """
        fresh = [record.seq for record in group if record.seq not in work.marked]
        version = self._route.contract.file.version
        alike: defaultdict[tuple[Kind, Shape], list[int]] = defaultdict(list)
        for record, shape in zip(group, cleared.shapes, strict=True):
            alike[record.event.kind, shape].append(record.seq)
        size = len(cleared.outgoing.body) // len(group)
        left = [Left(*what, tuple(seqs), version, size) for what, seqs in alike.items()]
        now = int(self._patience.now().wall)
        await self._patience.insist(lambda: self._outbox.mark_sent(work.claim, fresh, now, left))
        work.marked.update(fresh)
        return fresh

    async def _fly(self, work: Work, group: Sequence[Record], cleared: Cleared) -> Reply | NoReply | CalledOff:
        """Send what was cleared and marked, unless before the first byte somebody in it withdraws or the lane is paused."""
        placed, work.placed = work.placed, False
        if not placed:  # a repeat with a fresh token goes at once, and counts all the same
            self._route.meter.take(monotonic())
        self._watcher.sent_bytes(self._lane.destination, len(cleared.outgoing.body))
        left = False

        def may_go() -> bool:
            nonlocal left
            left = self._may_go(work, group)
            return left

        flight = self._office.transport.send_if(may_go, cleared, self._route.adapter.limits.timeout)
        # What a stop cuts before there is a connection has not left this machine.
        reply = await self._patience.cuttable(Await.FLIGHT, flight) or (CONNECTION_LOST if left else NOT_CONNECTED)
        work.placed = isinstance(reply, CalledOff)  # its place is still free for the others
        return reply

    def _interpret(self, group: Sequence[Record], reply: Reply) -> Sequence[Verdict] | None:
        """Read a reply; None if the adapter could not."""
        try:
            verdicts = self._route.adapter.interpret(reply, len(group))
            if len(verdicts) != len(group):
                raise TypeError("one verdict per event")  # noqa: TRY301 - same treatment as any other fault of the adapter
        except Exception as error:  # noqa: BLE001 - an adapter's bug costs the events that it fails on, nothing else
            self._fault(error)
            return None
        self._count_warnings(reply)
        return verdicts

    def _count_warnings(self, reply: Reply) -> None:
        """Pass on how many remarks a reply makes. An adapter that fails on that has still said what becomes of the events."""
        try:
            count = self._route.adapter.warnings(reply)
        except Exception as error:  # noqa: BLE001 - a bug in counting costs the count, nothing else
            self._fault(error)
            return
        if count:
            self._watcher.warned(self._lane, count)

    def _fault(self, error: Exception) -> None:
        """Report that the adapter could not read a reply, by class and place."""
        self._watcher.fault(self._lane, Stage.INTERPRET, type(error).__name__, place_of(error))
