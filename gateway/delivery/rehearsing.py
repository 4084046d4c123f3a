"""Rehearsing: one harmless request to a destination, through the adapter, the credential and the transport that events use."""

from collections.abc import Callable

from gateway.adapter import Access
from gateway.delivery.contract import Violation
from gateway.delivery.fates import NoReply, refuses_credential
from gateway.delivery.outgoing import compose
from gateway.delivery.rehearsal import Finding, clock_ahead, found, samples, unsent, without_answer
from gateway.delivery.route import Route
from gateway.delivery.transport import Transport
from gateway.model import Pause, Reason


async def rehearse(route: Route, transport: Transport, wall: Callable[[], float], test_code: str | None) -> Finding:
    """Try a destination out; `wall` gives Unix seconds. Nothing is repeated, and nothing of it is stored.

    A token that the platform refuses is thrown away where another can be got: the next request has a fresh one.
    """
    rehearsal = route.adapter.rehearsal(test_code)
    access = await route.credential.access()
    if not isinstance(access, Access):
        return unsent(rehearsal, access)
    events = samples(rehearsal, route.lane.destination, int(wall()))
    request = rehearsal.adapter.build(events)
    cleared = route.contract.for_live_check().check(compose(route.base_url, request, access), len(events))
    if isinstance(cleared, Violation):
        return unsent(rehearsal, Pause(Reason.CONTRACT), cleared.places)
    reply = await transport.send(cleared, rehearsal.adapter.limits.timeout)
    if isinstance(reply, NoReply):
        return without_answer(rehearsal, reply)
    verdicts = rehearsal.adapter.interpret(reply, len(events))
    if refuses_credential(verdicts):
        route.credential.refused(access)
    return found(rehearsal, verdicts, clock_ahead(reply, wall()))
