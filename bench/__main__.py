"""Measures the gateway on this machine: `python -m bench [names…] [--quick] [--rounds N] [--json FILE]`.

Names are those of `BENCHES`; without any, all of them run. Ends with 1 when a bar was not reached.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from bench import batches, consent, contract, courier, door, job, line, outbox, pages, stores
from bench.figures import Bench, Figure, Plan, show, write_json
from bench.proc import yardstick

BENCHES: Final[Mapping[str, Bench]] = {
    "door": door.measure,
    "batches": batches.measure,
    "line": line.measure,
    "consent": consent.measure,
    "contract": contract.measure,
    "courier": courier.measure,
    "job": job.measure,
    "outbox": outbox.measure,
    "pages": pages.measure,
    "stores": stores.measure,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"which to run: {', '.join(BENCHES)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="only try everything out; the figures mean nothing")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each; the median counts (default: 5)")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="the disk that stores are made on")
    arguments = parser.parse_args(argv)
    unknown = set(arguments.names) - set(BENCHES)
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    plan = Plan(1 if arguments.quick else arguments.rounds, arguments.quick, arguments.folder)
    console = Console(width=None if sys.stdout.isatty() else 180)
    figures: list[Figure] = []
    allowed = os.sched_getaffinity(0)
    try:
        for name in arguments.names or BENCHES:
            figures += run(name, plan)
            os.sched_setaffinity(0, allowed)  # some benches bind this process to one core
    finally:  # what was measured before something went wrong is still worth seeing
        show(figures, console)
        if arguments.json:
            write_json(figures, arguments.json)
    return int(not plan.quick and any(figure.reached is False for figure in figures))


def run(name: str, plan: Plan) -> list[Figure]:
    """Run one; in front of each of its steps the core's speed is taken, and told with the figures."""
    paces: list[float] = []

    def say(text: str) -> None:
        paces.append(yardstick())
        print(f"{text} (yardstick {paces[-1]:.0f} µs)", file=sys.stderr, flush=True)

    figures = BENCHES[name](plan, say)
    return [*figures, Figure.of(name, "yardstick", "µs CPU", paces, steal=[0.0], note="a fixed piece of plain Python")]


if __name__ == "__main__":
    sys.exit(main())
