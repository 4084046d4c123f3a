"""Puts a great many events into an outbox that nobody empties, and weighs it: memory, disk, CPU of a put on the way.

    python -m bench.backlog FOLDER COUNT

Events are made a thousand at a time, outside the measured spans, and dropped at once, so that memory that has grown is the
outbox's. The file is weighed after a checkpoint, table by table. Prints one line of JSON.
"""

import gc
import os
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Final

import apsw
import msgspec
import uvloop

from bench import parts
from bench.courier import pin_self
from bench.proc import between, own_sample, resident_bytes
from bench.shoppers import Bodies, Ids, pool
from gateway.outbox import Outbox
from gateway.places import OUTBOX_FILE
from gateway.settings import Settings

SIZE: Final = 100
STEPS: Final = (0, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
SETTLED: Final = 1_000
"""Events after which memory is looked at first: imports, caches and compiled statements are there by then."""


class Weight(msgspec.Struct, frozen=True):
    """Bytes of memory grown, of the file and of each table; `curve` has (from, to, µs CPU a put event)."""

    memory: int
    disk: int
    tables: dict[str, int]
    curve: list[tuple[int, int, float]]
    steal: float


async def weigh(folder: Path, count: int) -> Weight:
    """Fill, then weigh."""
    made = parts.settings(folder)
    bodies = Bodies(pool(int(time.time())), Ids("heap"), SIZE)
    steps = [step for step in STEPS if step < count] + [count]
    curve = []
    pin_self()
    start = own_sample()
    async with parts.outbox(made) as outbox:
        memory = 0
        for begin, end in pairwise(steps):
            cpu = 0.0
            for _ in range((end - begin) // SIZE):
                cpu += await _put(outbox, made, bodies)
            curve.append((begin, end, cpu / (end - begin) * 1e6))
            memory = memory or _resident()
        grown = _resident() - memory
    path = made.server.data_dir / OUTBOX_FILE
    return Weight(grown, path.stat().st_size, tables(path), curve, between(start, own_sample()).steal)


async def _put(outbox: Outbox, made: Settings, bodies: Bodies) -> float:
    """Put one batch; the CPU seconds of the put alone."""
    entries = parts.entries(parts.line(parts.storefront(made)), bodies.take(), int(time.time()))
    before = time.process_time()
    await outbox.put(entries)
    return time.process_time() - before


def _resident() -> int:
    gc.collect()
    return resident_bytes(os.getpid())


def tables(path: Path) -> dict[str, int]:
    """Weigh each table of a store's file, its free pages included as `(free)`."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        weights = dict(connection.execute("select name, sum(pgsize) from dbstat group by name"))
        weights["(free)"] = connection.pragma("freelist_count") * connection.pragma("page_size")
    finally:
        connection.close()
    return weights


def main() -> None:
    """Weigh what the arguments say."""
    weight = uvloop.run(weigh(Path(sys.argv[1]), int(sys.argv[2])))
    print(msgspec.json.encode(weight).decode())


if __name__ == "__main__":
    main()
