"""The egress contract: what it costs to hold the final bytes of a request against it. CPU of this process.

Batches of 200 of the usual purchase, written by each platform's adapter; the check is the whole one (path, host, headers,
body) and comes with the shapes for the ledger. Beside it stand batches as a shop's traffic mixes them, and the careful
reader, which a body goes to that is not written as usual.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from bench import parts
from bench.figures import Figure, Plan
from bench.proc import Span, between, own_sample
from bench.shoppers import Bodies, Ids, pool
from gateway.adapter import Access
from gateway.delivery.contract import Cleared, Contract, Outgoing
from gateway.delivery.outgoing import compose
from gateway.model.words import Destination, Kind
from gateway.outbox.entries import Accept
from gateway.secret import Secret

BAR: Final = 3.0
SIZE: Final = 200
USUAL: Final = "purchases, as our writer writes them"
MIXED: Final = "purchases, baskets and pages mixed"
SPACED: Final = "purchases with blanks: the careful reader"


def measure(plan: Plan, say: Callable[[str], None]) -> list[Figure]:
    """Measure the three platforms, and the three sorts of batches, in turns."""
    with tempfile.TemporaryDirectory(dir=plan.folder) as folder:
        batches = _batches(Path(folder))
    times = plan.amount(200, 4)
    spans: dict[tuple[str, Destination], list[Span]] = {what: [] for what in batches}
    for number in range(plan.rounds):
        say(f"contract, round {number + 1} of {plan.rounds}")
        for what, (contract, outgoing) in batches.items():
            spans[what].append(_run(contract, outgoing, times))
    return [_figure(*what, taken, times) for what, taken in spans.items()]


def _figure(how: str, name: Destination, spans: list[Span], times: int) -> Figure:
    return Figure.of(
        "contract",
        f"check an event for {name.value}",
        "µs CPU",
        [span.cpu / (times * SIZE) * 1e6 for span in spans],
        steal=[span.steal for span in spans],
        bar=BAR if how == USUAL else None,
        sense="at most",
        note=how,
    )


def _batches(folder: Path) -> dict[tuple[str, Destination], tuple[Contract, Outgoing]]:
    """Have each platform's adapter write a batch of each sort."""
    shop = parts.storefront(parts.settings(folder))
    now = int(time.time())
    line, bodies = parts.line(shop), Bodies(pool(now, SIZE), Ids("contract"), SIZE)
    entries = [entry for _ in range(3) for entry in parts.entries(line, bodies.take(), now)]
    events = [entry.event for entry in entries if isinstance(entry, Accept)]
    purchases = [event for event in events if event.kind is Kind.PURCHASE]
    made: dict[tuple[str, Destination], tuple[Contract, Outgoing]] = {}
    for name, adapter in shop.destinations.items():
        contract, access = shop.contracts[name], Access(Secret("t"))
        usual, mixed = (compose(shop.base_urls[name], adapter.build(batch[:SIZE]), access) for batch in (purchases, events))
        spaced = msgspec.structs.replace(usual, body=usual.body.replace(b'":', b'": '))
        made |= {(USUAL, name): (contract, usual), (MIXED, name): (contract, mixed), (SPACED, name): (contract, spaced)}
    return made


def _run(contract: Contract, outgoing: Outgoing, times: int) -> Span:
    contract.check(outgoing, SIZE)  # makes the patterns
    before = own_sample()
    for _ in range(times):
        found = contract.check(outgoing, SIZE)
    span = between(before, own_sample())
    assert isinstance(found, Cleared)
    return span
