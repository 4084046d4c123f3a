"""Rehearsing: a harmless request to a destination, through the adapter, the credential and the transport that events use."""

from collections.abc import Callable, Sequence

from gateway.adapter import Access, Rehearsal, Reply
from gateway.delivery.contract import Violation
from gateway.delivery.fates import NoReply, one_setting, refuses_credential
from gateway.delivery.outgoing import compose
from gateway.delivery.patience import monotonic
from gateway.delivery.rehearsal import Finding, clock_ahead, found, samples, unsent, without_answer
from gateway.delivery.route import Route
from gateway.delivery.transport import Transport
from gateway.model.event import Minimised
from gateway.model.verdict import Pause
from gateway.model.words import Reason


async def rehearse(route: Route, transport: Transport, wall: Callable[[], float], test_code: str | None) -> Finding:
    """Try a destination out; `wall` gives Unix seconds. Nothing is repeated, and nothing of it is stored.

    A token that the platform refuses is thrown away where another can be got: the next request has a fresh one. Where one
    setting stands against events of several kinds, each kind is tried by itself, to find out whose it is.
    """
    rehearsal = route.adapter.rehearsal(test_code)
    access = await route.credential.access()
    if not isinstance(access, Access):
        return unsent(rehearsal, access)
    events = samples(rehearsal, route.lane.destination, int(wall()))
    reply = await _sent(route, transport, rehearsal, access, events)
    if isinstance(reply, Violation):
        return unsent(rehearsal, Pause(Reason.CONTRACT), reply.places)
    if isinstance(reply, NoReply):
        return without_answer(rehearsal, reply)
    verdicts = rehearsal.adapter.interpret(reply, len(events))
    if refuses_credential(verdicts):
        route.credential.refused(access)
    if len(events) > 1 and one_setting(verdicts):
        alone = [await _one(route, transport, rehearsal, access, event) for event in events]
        verdicts = tuple(rehearsal.adapter.interpret(one, 1)[0] if isinstance(one, Reply) else verdicts[0] for one in alone)
    return found(rehearsal, verdicts, clock_ahead(reply, wall()))


async def _one(
    route: Route, transport: Transport, rehearsal: Rehearsal, access: Access, event: Minimised
) -> Reply | NoReply | Violation:
    """Send an event by itself, beside the request that has its place in the platform's quota: it counts all the same."""
    route.meter.take(monotonic())
    return await _sent(route, transport, rehearsal, access, [event])


async def _sent(
    route: Route, transport: Transport, rehearsal: Rehearsal, access: Access, events: Sequence[Minimised]
) -> Reply | NoReply | Violation:
    """Send events as one request, if the contract allows it."""
    request = rehearsal.adapter.build(events)
    cleared = route.contract.for_live_check().check(compose(route.base_url, request, access), len(events))
    if isinstance(cleared, Violation):
        return cleared
    return await transport.send(cleared, rehearsal.adapter.limits.timeout)
