"""Delivery alone: the CPU of three couriers that empty a full outbox to platforms on loopback, all steps included.

Claim, unseal, screen, mark, build, send, read the answer, settle, count. The platforms' stand-in runs in a process of its
own on the other core and answers at once; there is no TLS on loopback. Batches are those of the default configuration.
"""

import asyncio
import gc
import io
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import uvloop

from bench import parts
from bench.figures import Figure, Plan
from bench.proc import Span, between, cores, own_sample, pin
from bench.shoppers import Bodies, Ids, pool
from bench.stage import helper, sunk
from gateway.adapter import Quota
from gateway.app import GARBAGE_THRESHOLD
from gateway.assembly import make_credentials
from gateway.delivery.courier import Courier
from gateway.delivery.credentials import Credential
from gateway.delivery.oauth import Tokens
from gateway.delivery.quota import Meter
from gateway.delivery.route import Office, Route
from gateway.delivery.transport import Transport
from gateway.log import Log
from gateway.metrics import Metrics
from gateway.outbox import Outbox
from gateway.outbox.work import Lane
from gateway.settings import Settings
from gateway.witness import Witness

BAR: Final = 20.0
SIZE: Final = 100


def measure(plan: Plan, say: Callable[[str], None]) -> list[Figure]:
    """Measure."""
    spans: list[Span] = []
    events = plan.amount(100_000, 2_000)
    for number in range(plan.rounds):
        say(f"courier, round {number + 1} of {plan.rounds}")
        spans.append(uvloop.run(_round(plan, events)))
    steal = [span.steal for span in spans]
    costs = [span.cpu / events * 1e6 for span in spans]
    rates = [events / span.wall for span in spans]
    return [
        Figure.of("courier", "CPU an event, three platforms", "µs", costs, steal=steal, bar=BAR, sense="at most"),
        Figure.of("courier", "events delivered to all three", "/s", rates, steal=steal),
    ]


async def _round(plan: Plan, events: int) -> Span:
    with tempfile.TemporaryDirectory(dir=plan.folder) as folder:
        async with helper("bench.sink", cores().others) as sink:
            made = parts.settings(Path(folder), f"http://127.0.0.1:{sink.port}")
            async with parts.outbox(made) as outbox, Transport(hosts=parts.hosts(parts.storefront(made))) as transport:
                await fill(outbox, made, events, plan.amount(10_000, 500))
                office = Office(outbox, transport, Witness(Metrics(), Log(io.StringIO())), made.delivery.pace)
                credentials = make_credentials(made, Tokens(transport))
                span = await _deliver(outbox, _couriers(made, office, credentials), events)
            got = await sunk(sink)
    assert set(got.values()) == {events}, got
    return span


async def fill(outbox: Outbox, made: Settings, events: int, shoppers: int) -> None:
    """Have the outbox accept so many events."""
    now = int(time.time())
    line = parts.line(parts.storefront(made))
    bodies = Bodies(pool(now, shoppers), Ids("fill"), SIZE)
    for _ in range(events // SIZE):
        await outbox.put(parts.entries(line, bodies.take(), now))


def _couriers(made: Settings, office: Office, credentials: Mapping[Lane, Credential]) -> list[Courier]:
    shop = parts.storefront(made)
    return [
        Courier(
            Route(
                lane=Lane(shop.id, destination),
                adapter=adapter,
                base_url=shop.base_urls[destination],
                credential=credentials[Lane(shop.id, destination)],
                contract=shop.contracts[destination],
                max_consent_age=shop.consent.policy.max_age,
                meter=Meter(Quota()),  # what is measured is the work, not the platforms' patience
            ),
            office,
        )
        for destination, adapter in shop.destinations.items()
    ]


async def _deliver(outbox: Outbox, couriers: list[Courier], events: int) -> Span:
    assert all(outbox.waiting(courier.lane).waiting == events for courier in couriers)
    collect_rarely()
    pin_self()
    before = own_sample()
    tasks = [asyncio.create_task(courier.run()) for courier in couriers]
    while any(outbox.waiting(courier.lane).waiting for courier in couriers):  # noqa: ASYNC110 - nobody tells of the end
        await asyncio.sleep(0.02)
    span = between(before, own_sample())
    await asyncio.gather(*(courier.stop(5.0) for courier in couriers))
    await asyncio.gather(*tasks)
    gc.unfreeze()
    return span


def collect_rarely() -> None:
    """Have the collector leave alone what is there, and look as rarely, as a gateway does once it is open."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD)


def pin_self() -> None:
    """Bind this process, threads that run already included, to the server's core."""
    pin(os.getpid(), cores().server)
