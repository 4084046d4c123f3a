"""What a contract forbids does not leave, whoever built it: events are set aside, a wrong request stops the lane."""

import asyncio
import io
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from aiohttp.test_utils import TestServer

from gateway.adapter import Adapter, Request
from gateway.delivery.contract import Cleared, Contract, Violation
from gateway.delivery.contract_body import Place
from gateway.delivery.courier import Courier
from gateway.delivery.credentials import ReferredCredential
from gateway.delivery.oauth import Tokens
from gateway.delivery.outgoing import compose
from gateway.delivery.proving import DIGEST
from gateway.delivery.route import Office, Route
from gateway.delivery.transport import Transport
from gateway.log import Log
from gateway.metrics import Metrics
from gateway.model.event import EmailDigests, Minimised
from gateway.model.money import Money
from gateway.model.texts import EventId, PageOrigin, TruncatedIp
from gateway.model.words import Destination, Kind, Reason
from gateway.outbox.work import Lane
from gateway.sandbox.platforms import VOICES
from gateway.sandbox.stand_in import StandIn
from gateway.witness import Witness
from tests.adapters.cases import SHIPPED, made
from tests.gateway.delivery.scene import LANE, NOW, SHOP, TOKEN, Answer, Line, event, line_in

EMAIL: Final = "leaked-4d2b@example.com"
SAID: Final = Place("ids[]", "email")


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    """A store and a platform with a courier between them."""
    async with line_in(tmp_path) as made_:
        yield made_


def leak(line: Line, *numbers: int) -> None:
    """Have the adapter write a clear address where these events' ids should stand: a bug of the worst kind."""
    build = line.adapter.build

    def leaking(events: Sequence[Minimised]) -> Request:
        request = build(events)
        ids = msgspec.json.decode(request.body, type=dict[str, list[str]])["ids"]
        wrong = {f"e{number}" for number in numbers}
        body = msgspec.json.encode({"ids": [EMAIL if one in wrong else one for one in ids]})
        return msgspec.structs.replace(request, body=body)

    line.adapter.build = leaking  # type: ignore[method-assign]


async def test_an_event_that_may_not_leave_is_set_aside_and_the_rest_arrives(line: Line) -> None:
    """A dead letter with the reason `contract`; the others are written anew without it and delivered."""
    leak(line, 3, 7)
    await line.put(*(event(number) for number in range(10)))
    async with line.running() as courier:
        await line.until(line.quiet)
        assert courier.health.violation == Violation((), {3: (SAID,), 7: (SAID,)})
        assert courier.health.up
    assert await line.states(10) == {"delivered": 8, "dead": 2}
    assert (await line.attempt(3)).reason is Reason.CONTRACT
    assert line.platform.requests == [[f"e{number}" for number in range(10) if number not in (3, 7)]]
    assert line.recorder.of("violated") == [(Violation((), {3: (SAID,), 7: (SAID,)}),)]


async def test_where_most_events_may_not_leave_the_lane_stops_and_keeps_them(line: Line) -> None:
    """Then the adapter is at fault and not that many events: nothing is sent, none is given up, and probes go on."""
    leak(line, *range(30))
    await line.put(*(event(number) for number in range(40)))
    async with line.running() as courier:
        await line.until(lambda: len(line.recorder.of("violated")) >= 3)
        assert courier.health.paused is Reason.CONTRACT
    assert not line.platform.requests
    assert await line.states(40) == {"waiting": 40}
    assert not line.recorder.of("dead")


@pytest.mark.parametrize(
    "spoilt",
    [
        {"path": "/events?v=1&email=" + EMAIL},
        {"path": "/events?v=x"},
        {"path": "/others?v=1"},
        {"method": "GET"},
        {"headers": (("X-Client-Ip", "203.0.113.77"),)},
    ],
    ids=str,
)
async def test_a_request_that_is_wrong_itself_stops_the_lane(line: Line, spoilt: dict[str, Any]) -> None:
    """Nothing is sent, every event is kept, and a repaired adapter delivers them all."""
    build = line.adapter.build
    line.adapter.build = lambda events: msgspec.structs.replace(build(events), **spoilt)  # type: ignore[method-assign]
    await line.put(*(event(number) for number in range(5)))
    async with line.running() as courier:
        await line.until(lambda: courier.health.paused is Reason.CONTRACT)
        assert not line.platform.requests
        assert await line.states(5) == {"waiting": 5}
        line.adapter.build = build  # type: ignore[method-assign]
        await line.until(line.quiet)
        assert courier.health.up
    assert await line.states(5) == {"delivered": 5}


async def test_another_host_is_not_even_connected_to(line: Line) -> None:
    """A lane whose address is not the contract's stops; and the client itself opens no connection elsewhere."""
    real, line.platform.url = line.platform.url, "http://localhost:1"
    contract = line.contract
    line.platform.url = real
    await line.put(event(0))
    async with Transport(hosts=contract.hosts) as transport:
        credential = ReferredCredential(line.adapter, line.login, Tokens(transport))
        access = await credential.access()
        outgoing = compose(real, line.adapter.build([event(0)]), access)  # type: ignore[arg-type]
        assert isinstance(contract.check(outgoing, 1), Violation)
        cleared = line.contract.check(outgoing, 1)
        assert isinstance(cleared, Cleared)
        reply = await transport.send(cleared, 1.0)
        assert (reply.reason, reply.certain_no) == (Reason.NOT_CONNECTED, True)  # type: ignore[union-attr]
    assert not line.platform.requests


async def test_what_leaves_is_counted_by_shape_before_it_leaves(line: Line) -> None:
    """Each request, a repeated one too; what was kept back is not in the ledger."""
    leak(line, 1)
    words = iter(["isolate", "ok", "ok"])
    line.platform.script = lambda _: Answer([next(words)])
    await line.put(*(event(number) for number in range(3)))
    await line.deliver()
    (row, *others) = [one for one in await line.outbox.departures(SHOP) if one.path == "ids[]"]
    assert not others
    assert (row.kind, row.value_kind, row.count, row.contracts) == (Kind.PURCHASE, "event_id", 4, (7,))
    assert NOW <= row.first_at <= row.last_at <= NOW + 30
    assert line.outbox.unacknowledged(LANE) == len(await line.outbox.departures(SHOP)) == 7


async def test_nobody_learns_the_value(line: Line) -> None:
    """Neither log nor metrics nor readiness has it; the log is written once for the same places."""
    leak(line, *range(6))
    stream, metrics = io.StringIO(), Metrics()
    witness = Witness(metrics, Log(stream))
    line.recorder = witness  # type: ignore[assignment]
    for number in range(6):
        await line.put(event(number))
        async with line.running() as courier:
            await line.until(line.quiet)
            assert EMAIL not in repr(courier.health)
    lines = [json.loads(text) for text in stream.getvalue().splitlines()]
    told = [one for one in lines if one["happening"] == "contract_violated"]
    assert [(one["places"], one["count"], one["level"]) for one in told] == [("ids[]: email", 1, "error")]
    assert "leaked" not in stream.getvalue() + metrics.text().decode()
    assert 'contract_violations_total{destination="meta"} 6.0' in metrics.text().decode()


# ── with any one field left out, at the wire ─────────────────────────────────────────────────────────────────────


def usual(number: int) -> Minimised:
    """A purchase with all that the policy lets out by default."""
    return msgspec.structs.replace(
        event(number, occurred_at=NOW - 60),
        destinations=tuple(Destination),
        event_id=EventId(f"p{number}"),
        **full(),
    )


def full() -> dict[str, Any]:
    """The optional values of the default profile."""
    return {
        "email": EmailDigests(DIGEST, DIGEST, DIGEST),
        "ip": TruncatedIp("203.0.113.0"),
        "page_origin": PageOrigin("https://shop.example"),
        "money": Money(12_990, "EUR"),
    }


async def courier_of(line: Line, adapter: Adapter, contract: Contract, url: str, transport: Transport) -> Courier:
    """Make a courier for a real adapter and a stand-in."""
    credential = ReferredCredential(adapter, line.login, Tokens(transport))
    lane = Lane(SHOP, Destination.META)
    route = Route(lane, adapter, url, credential, contract, line.max_consent_age, line.meter)
    return Courier(route, Office(line.outbox, transport, line.recorder, line.pace, line.wall, line.dice))


@pytest.mark.parametrize("destination", Destination)
async def test_with_any_field_left_out_nothing_arrives(line: Line, destination: Destination) -> None:
    """For each field of today's requests: the platform hears nothing, the lane stops, and the events are kept."""
    adapter = made(destination)
    stand_in = StandIn(VOICES[destination](), token=TOKEN, clock=line.wall)
    async with TestServer(stand_in.app()) as server:
        url = str(server.make_url("")).rstrip("/")
        whole = Contract(SHIPPED[destination], endpoint=url)
        checked = whole.check(compose(url, adapter.build([usual(n) for n in range(25)]), await access(line, adapter)), 25)
        assert isinstance(checked, Cleared)
        used = {place for shape in checked.shapes for place in shape.split()}
        await line.put(*(msgspec.structs.replace(usual(n), destinations=(Destination.META,)) for n in range(25)))
        async with Transport(hosts=whole.hosts) as transport:
            for entry in whole.entries_for(checked.outgoing):
                if entry.place not in used:
                    continue
                courier = await courier_of(line, adapter, whole.without(entry), url, transport)
                task = asyncio.create_task(courier.run())
                await line.until(lambda running=courier: running.health.paused is Reason.CONTRACT)  # type: ignore[misc]
                await courier.stop(5.0)
                await task
                assert stand_in.ledger.requests == 0, entry.place
            assert await kept(line) == {"waiting": 25}
            courier = await courier_of(line, adapter, whole, url, transport)
            task = asyncio.create_task(courier.run())
            await line.until(lambda: stand_in.ledger.requests > 0 and line.quiet())
            await courier.stop(5.0)
            await task
    assert await kept(line) == {"delivered": 25}


async def access(line: Line, adapter: Adapter) -> Any:
    """Give the usual access."""
    async with Transport(hosts=frozenset()) as transport:
        return await ReferredCredential(adapter, line.login, Tokens(transport)).access()


async def kept(line: Line) -> Counter[str]:
    """Count the states of the usual purchases."""
    found = [await line.outbox.explain(SHOP, Kind.PURCHASE, EventId(f"p{n}")) for n in range(25)]
    return Counter(one.attempts[0].state for one in found if one is not None)
