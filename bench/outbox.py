"""The outbox alone: what an event costs from its put to its deletion, and what a million of them weigh.

A life is one put, three claims (each marked as sent, as a courier does), three settlements and the deletion that the
last of them brings. The backlog is measured in a process of its own (`bench.backlog`), for its memory is the figure.
"""

import asyncio
import gc
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec
import uvloop

from bench import parts
from bench.backlog import Weight
from bench.courier import collect_rarely, pin_self
from bench.figures import Figure, Plan
from bench.proc import Span, between, own_sample
from bench.shoppers import Bodies, Ids, pool
from bench.stage import ROOT
from gateway.model.words import Reason
from gateway.outbox import Outbox
from gateway.outbox.entries import Entry
from gateway.outbox.work import AllDone, Lane
from gateway.settings import Settings

LIFE_BAR: Final = 20.0
MEMORY_BAR: Final = 32.0
DISK_BAR: Final = 300.0
SIZE: Final = 100


def measure(plan: Plan, say: Callable[[str], None]) -> list[Figure]:
    """Measure lives, then the backlog."""
    events = plan.amount(100_000, 2_000)
    rounds: list[tuple[Span, Span]] = []
    for number in range(plan.rounds):
        say(f"outbox, round {number + 1} of {plan.rounds}")
        rounds.append(uvloop.run(_life(plan, events)))
    steal = [(put.steal + rest.steal) / 2 for put, rest in rounds]
    puts = [put.cpu / events * 1e6 for put, _ in rounds]
    rests = [rest.cpu / events * 1e6 for _, rest in rounds]
    both = [put + rest for put, rest in zip(puts, rests, strict=True)]
    return [
        Figure.of("outbox", "life of an event", "µs CPU", both, steal=steal, bar=LIFE_BAR, sense="at most"),
        Figure.of("outbox", "put", "µs CPU", puts, steal=steal, note="a flush every 100"),
        Figure.of("outbox", "three reads, settle, delete", "µs CPU", rests, steal=steal),
        *_backlog(plan, say),
    ]


async def _life(plan: Plan, events: int) -> tuple[Span, Span]:
    with tempfile.TemporaryDirectory(dir=plan.folder) as folder:
        made = parts.settings(Path(folder))
        batches = _batches(made, events, plan.amount(10_000, 500))
        async with parts.outbox(made) as outbox:
            collect_rarely()
            pin_self()
            start = own_sample()
            for batch in batches:
                await outbox.put(batch)
            middle = own_sample()
            shop = parts.storefront(made)
            lanes = parts.lanes(shop)
            claimed = {lane: shop.destinations[lane.destination].limits.batch_events for lane in lanes}
            await asyncio.gather(*(_empty(outbox, lane, most) for lane, most in claimed.items()))
            end = own_sample()
            gc.unfreeze()
            assert not any(outbox.waiting(lane).waiting for lane in lanes)
    return between(start, middle), between(middle, end)


def _batches(made: Settings, events: int, shoppers: int) -> list[Sequence[Entry]]:
    now = int(time.time())
    line, bodies = parts.line(parts.storefront(made)), Bodies(pool(now, shoppers), Ids("life"), SIZE)
    return [parts.entries(line, bodies.take(), now) for _ in range(events // SIZE)]


async def _empty(outbox: Outbox, lane: Lane, most: int) -> None:
    """Claim as much at once as a courier does, mark and settle as one does where all is well, until nothing is left."""
    now = int(time.time())
    while (claim := await outbox.claim(lane, most, now)) is not None:
        await outbox.mark_sent(claim, [record.seq for record in claim.records], now)
        await outbox.settle(claim, AllDone(Reason.CONFIRMED), now)


def _backlog(plan: Plan, say: Callable[[str], None]) -> list[Figure]:
    count = plan.amount(1_000_000, 5_000)
    say(f"outbox, {count:,} waiting")
    with tempfile.TemporaryDirectory(dir=plan.folder) as folder:
        ran = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", "bench.backlog", folder, str(count)], cwd=ROOT, stdout=subprocess.PIPE, check=True
        )
    weight = msgspec.json.decode(ran.stdout, type=Weight)
    steal, label = [weight.steal], f"with {count:,} waiting"
    memory, disk = [weight.memory / 2**20], [weight.disk / count]
    return [
        Figure.of("outbox", "memory grown", "MiB", memory, steal=steal, bar=MEMORY_BAR, sense="at most", note=label),
        Figure.of(
            "outbox",
            "disk an event",
            "bytes",
            disk,
            steal=steal,
            bar=DISK_BAR,
            sense="at most",
            note=f"{label}; {shares(weight, count)}",
        ),
        *(
            Figure.of("outbox", f"put from {begin:,} to {end:,} waiting", "µs CPU", [cost], steal=steal)
            for begin, end, cost in weight.curve
        ),
    ]


def shares(weight: Weight, count: int) -> str:
    """Say which tables the bytes are in."""
    return ", ".join(f"{name} {size / count:.0f}" for name, size in sorted(weight.tables.items()) if size / count >= 1)
