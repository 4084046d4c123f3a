"""Lets a platform refuse the token while thousands of events come in, mends it, and looks at what became of them.

    python -m tests.outage [--events 20000] [--minutes 3] [--minute 60]      (make outage)

A whole gateway in a process of its own, three platforms on loopback. Meta refuses the token from the first event on; the
other two take everything meanwhile. After some minutes the token is replaced in its file, as a person would. No event may
die, the platform may be asked once a minute at most, and a minute after the mending everything must have arrived, once.

`--minute` is how many real seconds the pause's minute has: with fewer than 60 its waiting is scaled and nothing else is.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec

from gateway.model.words import Destination
from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.platforms import Platforms
from tests.live import Installation, Process, install

MINUTE: Final = 60.0
IN_A_REQUEST: Final = 100
TOLERANCE: Final = 0.05
"""Seconds by which the platform's own clock readings of two requests may differ from their distance at the gateway."""


class Findings(msgspec.Struct):
    """What a run found; `faults` is empty when every promise was kept. Seconds, counted from the mending."""

    events: int
    refused: list[float]
    """When Meta refused a request, in seconds from the first refusal."""
    others: float
    """How long the other two took for everything, from the first event on."""
    next_asked: float
    """When Meta was asked next after the mending."""
    arrived: float
    """When the last event had arrived."""
    dead: int
    faults: list[str]


async def outage(
    folder: Path,
    events: int,
    minutes: float,
    *,
    minute: float = MINUTE,
    by_file: bool = True,
    told: Callable[[str], None] = lambda _what: None,
) -> Findings:
    """Let Meta refuse the token for so many minutes while `events` come in, mend it, and judge.

    `by_file`: a new token is put into the file. Else it is mended at the platform, which the gateway can only find out.
    """
    async with Platforms.start(tokens=dict.fromkeys(Destination, None)) as platforms:
        meta = platforms[Destination.META]
        meta.switch.set(Behaviour(mode=Mode.EXPIRED_TOKEN))
        there = install(folder, platforms.base_urls)
        text = there.config.read_text()
        there.config.write_text(text.replace("pause_probe_seconds = 1\n", f"pause_probe_seconds = {minute}\n"))
        process = Process(there)
        await process.start()
        began = time.time()
        told(f"posting {events} events")
        posting = asyncio.create_task(_post(there, events, minutes * minute))
        others = asyncio.create_task(_others(platforms, events))
        await asyncio.sleep(minutes * minute)
        await posting
        took = await others
        refused = await _refusals(platforms)
        told(f"refused {len(refused)} times, mending")
        asked, mended = meta.ledger.requests, time.time()
        meta.switch.reset()
        if by_file:
            (there.folder / "meta.token").write_text("a-new-token")
        async with asyncio.timeout(3 * MINUTE):
            while meta.ledger.requests == asked:  # noqa: ASYNC110 - the stand-in counts, it does not signal
                await asyncio.sleep(0.01)
            next_asked = time.time() - mended
            while len(meta.ledger) < events:  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.01)
        arrived = time.time() - mended
        books = await process.quiet()
        code = await process.stop()
        copies = sum(taken.copies for taken in meta.ledger)
    found = Findings(
        events=events,
        refused=[at - refused[0] for at in refused],
        others=took - began,
        next_asked=next_asked,
        arrived=arrived,
        dead=sum(lane["dead"] for lane in books["destinations"].values()),
        faults=["the gateway did not stop cleanly"] * (code != 0),
    )
    found.faults += _faults(found, books, minute, copies)
    return found


async def _post(there: Installation, events: int, seconds: float) -> None:
    """Post this many purchases, spread over most of the time."""
    headers = {"Authorization": f"Bearer {there.secret_key}"}
    began, requests = time.monotonic(), range(0, events, IN_A_REQUEST)
    async with aiohttp.ClientSession() as session:
        for place, first in enumerate(requests):
            names = [f"p{number}x" for number in range(first, min(first + IN_A_REQUEST, events))]
            async with session.post(
                f"{there.url}/v1/events", json={"events": [_purchase(name) for name in names]}, headers=headers
            ) as answer:
                assert answer.status == 202, answer.status
            await asyncio.sleep(began + 0.8 * seconds * (place + 1) / len(requests) - time.monotonic())


def _purchase(event_id: str) -> dict[str, Any]:
    return {
        "event": "purchase",
        "event_id": event_id,
        "occurred_at": int(time.time()),
        "customer": {"email": f"{event_id}@example.com"},
        "order": {"value": "10.00", "currency": "EUR"},
        "consent": {"advertising": True},
    }


async def _others(platforms: Platforms, events: int) -> float:
    """Wait until the other two have everything; Unix seconds."""
    async with asyncio.timeout(10 * MINUTE):
        while min(len(platforms[d].ledger) for d in (Destination.PINTEREST, Destination.GOOGLE_ADS)) < events:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.05)
    return time.time()


async def _refusals(platforms: Platforms) -> list[float]:
    """When Meta refused a request, in Unix seconds, the first one first."""
    url = platforms.base_urls[Destination.META] + "/_sandbox/requests"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        noted = (await answer.json())["requests"]
    return sorted(datetime.fromisoformat(one["at"]).timestamp() for one in noted)


def _faults(found: Findings, books: Any, minute: float, copies: int) -> list[str]:
    """Name every broken promise."""
    faults = [] if books["balanced"] else ["the books do not balance"]
    if found.dead:
        faults.append(f"{found.dead} events died of a token")
    if copies != found.events:
        faults.append(f"{copies - found.events} copies at the platform beyond the first")
    if len(found.refused) < 3:
        faults.append("the outage was too short to show anything")
    if any(later - earlier < minute - TOLERANCE for earlier, later in pairwise(found.refused)):
        faults.append("the platform was asked more often than once a minute")
    if any(later - earlier > minute + 2.0 for earlier, later in pairwise(found.refused)):
        faults.append("the platform was asked more rarely than once a minute")
    if found.next_asked > minute + 2.0:
        faults.append("the mending was found out later than a minute after it")
    if found.arrived > MINUTE:
        faults.append("not everything had arrived a minute after the mending")
    return faults


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.outage", description=__doc__)
    parser.add_argument("--events", type=int, default=20_000, help="how many come in meanwhile (default: 20000)")
    parser.add_argument("--minutes", type=float, default=3.3, help="how long the token is refused (default: 3.3)")
    parser.add_argument("--minute", type=float, default=MINUTE, help="real seconds of the pause's minute (default: 60)")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(
            outage(
                Path(folder) / "gateway",
                arguments.events,
                arguments.minutes,
                minute=arguments.minute,
                told=lambda what: print(f"{what} …", flush=True),
            )
        )
    print(f"{found.events} events came in; Meta refused its token at {', '.join(f'{at:.1f}' for at in found.refused)} s,")
    print(f"  Pinterest and Google had everything after {found.others:.1f} s")
    print(f"after the mending Meta was asked within {found.next_asked:.1f} s and had everything after {found.arrived:.1f} s")
    print("\n".join(found.faults) or "No event died, none was sent twice, and nobody was asked more than once a minute.")
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
