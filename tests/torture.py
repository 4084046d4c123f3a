"""Kills a whole gateway under load, again and again, and looks for anything that was lost, leaked or repeated.

    python -m tests.torture [--kills 60] [--seed 1]      (make torture)

Clients post single events and batches; platforms are slow, cut connections or ask to wait; the process gets SIGKILL while
requests are in flight on both sides, and starts again on the same store. At the end everything is delivered and judged:
no event that was acknowledged may be missing, none may be there without consent, and a repeat is excused only by a request
whose outcome could not be known. Zero faults in n kills bound the rate of such faults at about 3/n (95 %).
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec

from gateway.model.words import Destination
from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.platforms import Platforms
from tests.crowd import Crowd, Evidence, Watch, judge, taken, watched
from tests.live import SERVE, STOREFRONT, Installation, Process, install

CLIENTS: Final = 16
MOODS: Final = (
    (Behaviour(mode=Mode.SLOW, seconds=0.3),),
    (Behaviour(mode=Mode.SLOW, seconds=0.1),),
    (Behaviour(mode=Mode.CUT_BEFORE_ANSWER, probability=0.4), Behaviour(mode=Mode.SLOW, seconds=0.2)),
    (Behaviour(mode=Mode.CUT_BEFORE_READ, requests=2), Behaviour(mode=Mode.SLOW, seconds=0.2)),
    (Behaviour(mode=Mode.THROTTLE, seconds=1, requests=1), Behaviour(mode=Mode.SLOW, seconds=0.2)),
)
"""How platforms behave between two kills. Mostly slow, so that a kill finds requests in flight."""


class Findings(msgspec.Struct):
    """What a run found; `faults` is empty when every promise was kept. Seconds; `restart` is the slowest one's."""

    kills: int
    while_posting: int
    """Kills while clients waited for an answer."""
    while_delivering: int
    """Kills while a platform had a request in hand."""
    evidence: Evidence
    recovered: int
    """Events that were delivered although the client was never told: stored, and the answer was lost."""
    restart: float
    seconds: float
    faults: list[str]


async def torture(
    folder: Path,
    kills: int,
    seed: int,
    *,
    clients: int = CLIENTS,
    program: str = SERVE,
    told: Callable[[int], None] = lambda _kills: None,
) -> Findings:
    """Kill the gateway so many times, drain it, and judge. `told` hears of every kill."""
    began, random, watch = time.monotonic(), Random(seed), Watch()  # noqa: S311 - repeatable by intent, no secret
    async with watched(watch) as platforms:
        installation = install(folder, platforms.base_urls)
        crowd = Crowd(installation, clients, seed)
        process = Process(installation, program)
        restart = await _start(process)
        posting = asyncio.create_task(crowd.run())
        while_posting = while_delivering = 0
        for kill in range(kills):
            _change_moods(platforms, random)
            await asyncio.sleep(random.uniform(0.2, 0.8))
            await _busy(crowd, watch)
            while_posting += crowd.in_flight > 0
            while_delivering += watch.in_flight > 0
            await process.kill()
            watch.life += 1
            told(kill + 1)
            restart = max(restart, await _start(process))
        crowd.go_home()
        await posting
        for destination in Destination:
            platforms[destination].switch.reset()
        books = await process.quiet(60 + 3 * kills)
        evidence = await evidence_of(crowd, platforms, watch, installation)
        code = await process.stop()
    faults = ["the gateway did not stop cleanly"] * (code != 0)
    faults += [*crowd.contradictions, *judge(evidence), *_book_faults(books, evidence)]
    delivered = set().union(*evidence.took.values())
    return Findings(
        kills=kills,
        while_posting=while_posting,
        while_delivering=while_delivering,
        evidence=evidence,
        recovered=sum(evidence.told.get(event_id) == "duplicate" for event_id in delivered),
        restart=restart,
        seconds=time.monotonic() - began,
        faults=faults,
    )


async def _start(process: Process) -> float:
    began = time.monotonic()
    await process.start()
    return time.monotonic() - began


def _change_moods(platforms: Platforms, random: Random) -> None:
    for destination in Destination:
        moods = random.choice(MOODS)
        platforms[destination].switch.set(*(mood.model_copy(update={"seed": random.randrange(1 << 30)}) for mood in moods))


async def _busy(crowd: Crowd, watch: Watch) -> None:
    """Wait for a moment with requests in flight on both sides; a kill at any other would show little."""
    until = time.monotonic() + 3
    while not (crowd.in_flight and watch.in_flight) and time.monotonic() < until:  # noqa: ASYNC110 - two counters, no event
        await asyncio.sleep(0.001)


async def evidence_of(crowd: Crowd, platforms: Platforms, watch: Watch, installation: Installation) -> Evidence:
    """Gather what the judge is told: also which of the events that no platform has are dead letters."""
    none: dict[Destination, frozenset[str]] = {destination: frozenset() for destination in Destination}
    evidence = Evidence(frozenset(crowd.asked), dict(crowd.told), taken(platforms), watch.excuses(), none)
    dead = {
        d: frozenset([e for e in sorted(evidence.lost(d))[:100] if await _is_dead(installation, d, e)]) for d in Destination
    }
    return msgspec.structs.replace(evidence, dead=dead)


async def _is_dead(installation: Installation, destination: Destination, event_id: str) -> bool:
    """Say whether the gateway shows the event as a dead letter with a reason."""
    told = await installation.ask("/api/v1/explain", storefront=STOREFRONT, event="purchase", event_id=event_id)
    attempt = (told or {}).get("destinations", {}).get(destination.value, {})
    return attempt.get("state") == "dead" and attempt.get("reason") is not None


def _book_faults(books: Any, evidence: Evidence) -> list[str]:
    """Hold the gateway's own books against the platforms'."""
    faults = [] if books["balanced"] else ["the books do not balance"]
    if books["differing_repeats"]:
        faults.append("a repeat is taken for one with other content")
    for destination, events in evidence.took.items():
        said = books["destinations"][destination.value]["delivered"]
        if said != len(events):
            faults.append(f"{destination}: says {said} delivered, and the platform has {len(events)}")
    return faults


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=60, help="how often to kill the gateway (default: 60)")
    parser.add_argument("--seed", type=int, default=1, help="what is random follows from this")
    arguments = parser.parse_args()
    began = time.monotonic()

    def told(kills: int) -> None:
        left = (time.monotonic() - began) / kills * (arguments.kills - kills)
        print(f"\rkilled {kills} of {arguments.kills} times, about {left:.0f} s left ", end="", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(torture(Path(folder) / "gateway", arguments.kills, arguments.seed, told=told))
    evidence = found.evidence
    print(f"\r{found.kills} kills in {found.seconds:.0f} s: {found.while_posting} while clients waited for an answer,")
    print(f"  {found.while_delivering} while a platform had a request in hand; slowest start {found.restart:.2f} s")
    print(f"{len(evidence.asked)} events posted, {len(evidence.promised)} acknowledged as accepted,")
    print(f"  {found.recovered} of them only when asked again; {evidence.repeats} repeats, all excused by an unknown outcome")
    print("\n".join(found.faults) or "Nothing acknowledged was lost, nothing left without consent, nothing changed.")
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
