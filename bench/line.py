"""From bytes to the boundary's far side: strict reading, consent, minimisation. No HTTP, no store; CPU of this process."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench import parts
from bench.figures import Figure, Plan
from bench.proc import Span, between, own_sample
from bench.shoppers import Bodies, Ids, pool
from gateway.line import Line
from gateway.outbox.entries import Accept

BAR: Final = 60_000
SIZE: Final = 100


def measure(plan: Plan, say: Callable[[str], None]) -> list[Figure]:
    """Measure batches and single events in turns."""
    events = plan.amount(60_000, 1_000)
    with tempfile.TemporaryDirectory(dir=plan.folder) as folder:
        line = parts.line(parts.storefront(parts.settings(Path(folder))))
    figures: dict[str, tuple[list[float], list[float]]] = {"batches of 100": ([], []), "one by one": ([], [])}
    for number in range(plan.rounds):
        say(f"line, round {number + 1} of {plan.rounds}")
        for (rates, steal), size in zip(figures.values(), (SIZE, None), strict=True):
            span = _run(line, plan, events, size)
            rates.append(events / span.cpu)
            steal.append(span.steal)
    return [
        Figure.of("line", "decode, consent, minimise", "events per CPU second", rates, steal=steal, bar=BAR, note=how)
        for how, (rates, steal) in figures.items()
    ]


def _run(line: Line, plan: Plan, events: int, size: int | None) -> Span:
    now = int(time.time())
    bodies = Bodies(pool(now, plan.amount(10_000, 500)), Ids("line"), size)
    made = [bodies.take() for _ in range(events // (size or 1))]
    parts.entries(line, made[0], now)
    before = own_sample()
    for body in made:
        entries = parts.entries(line, body, now)
    span = between(before, own_sample())
    assert all(type(entry) is Accept and len(entry.event.destinations) == 3 for entry in entries)
    return span
