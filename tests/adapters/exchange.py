"""An adapter and a platform's stand-in, which share no code, talking over a real socket through the gateway's own client."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from aiohttp.test_utils import TestServer

from gateway.adapter import Adapter, Reply
from gateway.delivery.contract import Cleared
from gateway.delivery.outgoing import compose
from gateway.delivery.transport import Transport
from gateway.model.event import Minimised
from gateway.model.verdict import Verdict
from gateway.sandbox.behaviour import Behaviour
from gateway.sandbox.stand_in import StandIn, Voice
from gateway.secret import Secret
from tests.adapters.cases import contract_of, golden_events

NOW: Final = 1_795_342_500.0
"""The stand-ins' clock: 2026-11-22T10:15:00Z."""
TOKEN: Final = "token-canary-5d1f"
NO_SECRETS: Final[Mapping[str, Secret]] = {}


def fresh(names: Sequence[str]) -> list[Minimised]:
    """The named golden events, a minute old and with ids of their own."""
    return [msgspec.structs.replace(event, occurred_at=int(NOW) - 60) for event in golden_events(names)]


async def exchange(
    adapter: Adapter,
    voice: Voice,
    events: Sequence[Minimised],
    behaviour: Behaviour | None = None,
    secrets: Mapping[str, Secret] = NO_SECRETS,
) -> tuple[Reply, tuple[Verdict, ...], StandIn]:
    """Send the events as the gateway does; give the reply, what the adapter makes of it, and the stand-in."""
    stand_in = StandIn(voice, token=TOKEN, clock=lambda: NOW)
    if behaviour is not None:
        stand_in.switch.set(behaviour)
    async with TestServer(stand_in.app()) as server:
        base = str(server.make_url("")).rstrip("/")
        contract = contract_of(adapter.destination, base)
        cleared = contract.check(compose(base, adapter.build(events), adapter.access(Secret(TOKEN), secrets)), len(events))
        assert isinstance(cleared, Cleared), cleared
        async with Transport(hosts=contract.hosts) as transport:
            reply = await transport.send(cleared, 10)
    assert isinstance(reply, Reply)
    return reply, adapter.interpret(reply, len(events)), stand_in
