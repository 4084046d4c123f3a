"""Durable batches of 100 events: what one core of the gateway takes in, everything included, before it answers."""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench.door import fill, window
from bench.figures import Figure, Plan
from bench.load import Result
from bench.proc import cores
from bench.stage import PROMPT_LINGER, QUIET_LINGER, expect, gateway, helper, load, quieten, to_gateway

CONNECTIONS: Final = 8
SIZE: Final = 100
BAR: Final = 40_000


def measure(plan: Plan, say: Callable[[str], None]) -> list[Figure]:
    """Measure with couriers that have nothing to do yet, and while they deliver."""
    return asyncio.run(_measure(plan, say))


async def _measure(plan: Plan, say: Callable[[str], None]) -> list[Figure]:
    quiet: list[Result] = []
    busy: list[Result] = []
    for number in range(plan.rounds):
        say(f"batches, round {number + 1} of {plan.rounds}")
        quiet.append(await _round(plan, QUIET_LINGER))
        busy.append(await _round(plan, PROMPT_LINGER))
    steal = [result.steal for result in quiet]
    return [
        Figure.of(
            "batches", "accepted events per CPU second", "/s", _per_cpu(quiet), steal=steal, bar=BAR, note="couriers quiet"
        ),
        Figure.of(
            "batches",
            "accepted events per second",
            "/s",
            [r.accepted / r.wall for r in quiet],
            steal=steal,
            note="couriers quiet",
        ),
        Figure.of(
            "batches",
            "accepted events per CPU second",
            "/s",
            _per_cpu(busy),
            steal=[r.steal for r in busy],
            note="while delivering",
        ),
    ]


def _per_cpu(results: list[Result]) -> list[float]:
    return [result.accepted / result.cpu for result in results]


async def _round(plan: Plan, linger: float) -> Result:
    with tempfile.TemporaryDirectory(dir=plan.folder) as folder:
        async with helper("bench.sink", cores().others) as sink, gateway(Path(folder), sink, linger=linger) as process:
            await quieten(process)
            await fill(process, plan)
            order = to_gateway(
                process.installation,
                process,
                connections=CONNECTIONS,
                size=SIZE,
                **window(plan)._asdict(),
            )
            result = expect(await load(order), "202")
            return expect(result, "202", accepted=result.requests * SIZE)
