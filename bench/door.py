"""Single durable events against bare aiohttp: the same bytes, the same load, the same core, in turns.

The gateway authenticates, reads strictly, decides on consent, minimises, recognises repeats, seals, flushes and counts
before it answers; the bare handler answers 202 unread. The ratios are the result.
"""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from bench.figures import Figure, Plan
from bench.load import Order, Result
from bench.proc import cores
from bench.stage import PATH, PROMPT_LINGER, QUIET_LINGER, expect, gateway, helper, load, quieten, to_gateway
from tests.live import Process

CONNECTIONS: Final = 64
TIMES_BARE: Final = "of bare"
BAR: Final = 0.55
FILLED: Final = 100_000
"""Events that the store holds before the measurement: enough that its index of repeats is being merged and read."""
FILL_SIZE: Final = 500


class Window(NamedTuple):
    """Seconds, and a number of shoppers."""

    warm_seconds: float
    seconds: float
    pool: int


def measure(plan: Plan, say: Callable[[str], None]) -> list[Figure]:
    """Measure both, quiet and delivering."""
    return asyncio.run(_measure(plan, say))


async def _measure(plan: Plan, say: Callable[[str], None]) -> list[Figure]:
    bare: list[Result] = []
    quiet: list[Result] = []
    busy: list[Result] = []
    for number in range(plan.rounds):
        steps = ((bare, _bare), (quiet, _quiet), (busy, _busy))
        for results, step in steps if number % 2 == 0 else reversed(steps):
            say(f"door, round {number + 1} of {plan.rounds}: {step.__name__.strip('_')}")
            results.append(await step(plan))
    return [
        *_against("couriers quiet", quiet, bare, BAR),
        *_against("while delivering", busy, bare, None),
        *_plain(bare, quiet),
    ]


async def _bare(plan: Plan) -> Result:
    async with helper("bench.bare", cores().server) as server:
        warm, seconds, shoppers = window(plan)
        order = Order(
            port=server.port,
            pid=server.pid,
            path=PATH,
            key="x" * 40,
            connections=CONNECTIONS,
            core=cores().others,
            prefix="bare",
            warm_seconds=warm,
            seconds=seconds,
            pool=shoppers,
        )
        return expect(await load(order), "202")


async def _quiet(plan: Plan) -> Result:
    return await _durable(plan, QUIET_LINGER)


async def _busy(plan: Plan) -> Result:
    return await _durable(plan, PROMPT_LINGER)


async def _durable(plan: Plan, linger: float) -> Result:
    with tempfile.TemporaryDirectory(dir=plan.folder) as folder:
        async with helper("bench.sink", cores().others) as sink, gateway(Path(folder), sink, linger=linger) as process:
            await quieten(process)
            await fill(process, plan)
            order = to_gateway(process.installation, process, connections=CONNECTIONS, **window(plan)._asdict())
            result = expect(await load(order), "202")
            return expect(result, "202", accepted=result.requests)


async def fill(process: Process, plan: Plan) -> None:
    """Let the gateway accept events before it is measured."""
    requests = plan.amount(FILLED, 2_000) // FILL_SIZE
    order = to_gateway(
        process.installation, process, connections=4, size=FILL_SIZE, requests=requests, pool=plan.amount(10_000, 500)
    )
    expect(await load(order), "202", accepted=requests * FILL_SIZE)


def window(plan: Plan) -> Window:
    """How long the server is warmed up and then measured, and how many shoppers there are."""
    return Window(plan.amount(10, 1) / 10, plan.amount(40, 3) / 10, plan.amount(10_000, 500))


def _against(how: str, results: list[Result], bare: list[Result], bar: float | None) -> list[Figure]:
    """Give the ratios to the bare run of the same round."""
    pairs = list(zip(results, bare, strict=True))
    steal = [max(one.steal, other.steal) for one, other in pairs]
    by_cpu = [per_cpu(one) / per_cpu(other) for one, other in pairs]
    by_clock = [per_second(one) / per_second(other) for one, other in pairs]
    return [
        Figure.of("door", "requests per CPU second", TIMES_BARE, by_cpu, steal=steal, bar=bar, note=how),
        Figure.of("door", "requests per second", TIMES_BARE, by_clock, steal=steal, bar=bar, note=how),
    ]


def _plain(bare: list[Result], quiet: list[Result]) -> list[Figure]:
    """Give the absolute figures behind the ratios."""
    figures = []
    for name, results in (("bare", bare), ("durable, couriers quiet", quiet)):
        steal = [result.steal for result in results]
        for what, unit, value in (
            ("CPU a request", "µs", lambda one: 1e6 / per_cpu(one)),
            ("requests", "/s", per_second),
            ("latency, median", "ms", lambda one: one.p50_ms),
            ("latency, 99 %", "ms", lambda one: one.p99_ms),
            ("load generator's core busy", "share", lambda one: one.own_cpu / one.wall),
        ):
            figures.append(Figure.of("door", what, unit, [value(one) for one in results], steal=steal, note=name))
    return figures


def per_cpu(result: Result) -> float:
    """Requests per second of the server's CPU."""
    return result.requests / result.cpu


def per_second(result: Result) -> float:
    """Requests per second of the wall clock."""
    return result.requests / result.wall
