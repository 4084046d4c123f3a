"""One storefront or a thousand: what each costs at the start, in memory and in a sweep, and what an event then costs the store.

With a thousand, each event of a flush is of another storefront, as where many shops sell little: nothing is shared but the
flush, and a courier carries one event at a time. What costs as much with a thousand as with one does not depend on how many
there are. Every storefront has sold something before, so that none is met for the first time.
"""

import asyncio
import os
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import uvloop

from bench import parts
from bench.courier import collect_rarely, pin_self
from bench.figures import Figure, Plan
from bench.proc import Span, between, own_sample
from bench.shoppers import Bodies, Ids, pool
from gateway.model.words import Destination, Reason
from gateway.outbox import Outbox
from gateway.outbox.entries import Accept
from gateway.outbox.work import AllDone, Lane
from gateway.settings import Settings, load, prove
from tests.live import Installation, install

TOGETHER: Final = 64
"""Requests of one event that are flushed together, and lanes that are at work at the same time."""


class Start(NamedTuple):
    """What so many storefronts cost before anything is done."""

    read: Span
    proven: Span
    memory: int


class Life(NamedTuple):
    """What single events cost the store, and one sweep of it."""

    put: Span
    carried: Span
    swept: Span


def measure(plan: Plan, say: Callable[[str], None]) -> list[Figure]:
    """Measure the start of many storefronts, then events of one and of many by turns."""
    many, events = plan.amount(1_000, 5), plan.amount(4_096, 128)
    with tempfile.TemporaryDirectory(dir=plan.folder) as folder:
        say(f"stores, the start of {many:,}")
        one = parts.settings(Path(folder) / "one")
        settings, start = _begin(Path(folder) / "many", many)
        lives: dict[int, list[Life]] = {1: [], many: []}
        for number in range(plan.rounds):
            say(f"stores, round {number + 1} of {plan.rounds}")
            for count, made in ((1, one), (many, settings)):
                lives[count].append(uvloop.run(_live(made, events, f"{number}")))
    return [
        *_of_start(start, many),
        *(figure for count, rounds in lives.items() for figure in _of_lives(rounds, count, events)),
    ]


def _begin(folder: Path, count: int) -> tuple[Settings, Start]:
    """Read and prove the configuration of so many storefronts."""
    installation = install(folder, dict.fromkeys(Destination, "http://127.0.0.1:9"))
    parts.multiply(installation.config, count)
    memory = _memory_of(installation)
    before = own_sample()
    settings = load(installation.config, os.environ)
    middle = own_sample()
    prove(settings)
    return settings, Start(between(before, middle), between(middle, own_sample()), memory)


def _memory_of(installation: Installation) -> int:
    """Read the configuration once more and count the bytes of its objects: what a process has grown by depends on what it had
    free, and counting takes time, so it is not done while time is taken.
    """
    tracemalloc.start()
    try:
        held = load(installation.config, os.environ)
        counted, _ = tracemalloc.get_traced_memory()
        assert held.storefronts  # there while it is counted
        return counted
    finally:
        tracemalloc.stop()


async def _live(made: Settings, events: int, label: str) -> Life:
    """Put events, carry them to all destinations and sweep once, after every storefront had one event."""
    now, shops = int(time.time()), list(made.storefronts)
    line, bodies = parts.line(next(iter(made.storefronts.values()))), Bodies(pool(now, 500), Ids(f"st{label}"), None)
    lanes = [lane for shop in made.storefronts.values() for lane in parts.lanes(shop)]

    def entries(count: int) -> list[Sequence[Accept]]:
        made = [parts.entries(line, bodies.take(), now)[0] for _ in range(count)]
        return [
            (msgspec.structs.replace(entry, storefront=shops[number % len(shops)]),)
            for number, entry in enumerate(made)
            if isinstance(entry, Accept)
        ]

    async with parts.outbox(made) as outbox:
        collect_rarely()
        pin_self()
        await _put(outbox, entries(len(shops)))
        await _carry(outbox, lanes, now)
        waiting = entries(events)
        before = own_sample()
        await _put(outbox, waiting)
        put = own_sample()
        await _carry(outbox, lanes, now)
        carried = own_sample()
        await outbox.sweep(now)
        return Life(between(before, put), between(put, carried), between(carried, own_sample()))


async def _put(outbox: Outbox, requests: Sequence[Sequence[Accept]]) -> None:
    for start in range(0, len(requests), TOGETHER):
        await outbox.put_each(requests[start : start + TOGETHER])


async def _carry(outbox: Outbox, lanes: Sequence[Lane], now: int) -> None:
    """Empty all lanes, one event at a time, as many at once as events are flushed together."""
    for start in range(0, len(lanes), TOGETHER):
        await asyncio.gather(*(_empty(outbox, lane, now) for lane in lanes[start : start + TOGETHER]))


async def _empty(outbox: Outbox, lane: Lane, now: int) -> None:
    while (claim := await outbox.claim(lane, 1, now)) is not None:
        await outbox.mark_sent(claim, [record.seq for record in claim.records], now)
        await outbox.settle(claim, AllDone(Reason.CONFIRMED), now)


def _of_start(start: Start, count: int) -> list[Figure]:
    costs = (
        ("configuration read", "ms CPU a storefront", start.read.cpu * 1e3),
        ("contracts proven", "ms CPU a storefront", start.proven.cpu * 1e3),
        ("memory of its settings", "KiB a storefront", start.memory / 1024),
    )
    note = f"of {count:,}, three destinations each"
    return [Figure.of("stores", name, unit, [cost / count], steal=[start.read.steal], note=note) for name, unit, cost in costs]


def _of_lives(rounds: Sequence[Life], count: int, events: int) -> list[Figure]:
    steal = [life.put.steal for life in rounds]
    note = f"{count:,} storefront{'s' if count > 1 else ''}, {TOGETHER} together"
    puts = [life.put.cpu / events * 1e6 for life in rounds]
    carried = [life.carried.cpu / events / len(Destination) * 1e6 for life in rounds]
    swept = [life.swept.cpu / count * 1e3 for life in rounds]
    return [
        Figure.of("stores", "put of one event", "µs CPU", puts, steal=steal, note=note),
        Figure.of("stores", "claim, mark, settle of one event in one lane", "µs CPU", carried, steal=steal, note=note),
        Figure.of("stores", "a sweep", "ms CPU a storefront", swept, steal=steal, note=note),
    ]
