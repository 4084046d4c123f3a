"""The whole job: batches of 100 in over HTTP, three platforms' confirmed answers out, and the gateway's CPU for all of it."""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench.figures import Figure, Plan
from bench.proc import Span, between, cores, sample
from bench.stage import PROMPT_LINGER, deliver_all, expect, gateway, helper, load, sunk, to_gateway

BAR: Final = 15_000
SIZE: Final = 100
CONNECTIONS: Final = 8
SECONDS: Final = 120.0


def measure(plan: Plan, say: Callable[[str], None]) -> list[Figure]:
    """Measure."""
    return asyncio.run(_measure(plan, say))


async def _measure(plan: Plan, say: Callable[[str], None]) -> list[Figure]:
    events = plan.amount(150_000, 3_000)
    spans: list[Span] = []
    for number in range(plan.rounds):
        say(f"job, round {number + 1} of {plan.rounds}")
        spans.append(await _round(plan, events))
    steal = [span.steal for span in spans]
    by_cpu = [events / span.cpu for span in spans]
    by_clock = [events / span.wall for span in spans]
    return [
        Figure.of("job", "events in and to three platforms, per CPU second", "/s", by_cpu, steal=steal, bar=BAR),
        Figure.of("job", "events in and to three platforms, per second", "/s", by_clock, steal=steal),
    ]


async def _round(plan: Plan, events: int) -> Span:
    """Send all, and wait until all is confirmed: the span holds everything in between."""
    with tempfile.TemporaryDirectory(dir=plan.folder) as folder:
        async with (
            helper("bench.sink", cores().others) as sink,
            gateway(Path(folder), sink, linger=PROMPT_LINGER) as process,
        ):
            before_got, before = await sunk(sink), sample(process.pid)
            order = to_gateway(
                process.installation,
                process,
                connections=CONNECTIONS,
                size=SIZE,
                requests=events // SIZE,
                pool=plan.amount(10_000, 500),
            )
            expect(await load(order), "202", accepted=events)
            await deliver_all(process, sink, before_got, events, SECONDS)
            return between(before, sample(process.pid))
