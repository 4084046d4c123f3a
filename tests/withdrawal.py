"""Withdraws a thousand times from a gateway that sends, waits, is throttled and killed, and looks for what began too late.

    python -m tests.withdrawal [--people 1000] [--kills 12] [--seed 1]      (make withdraw)

A whole gateway in a process of its own; platforms behind fronts that let connections wait up to seconds, cut them, and note
when the first byte of each request came. People post one to three events for all three platforms and withdraw at random
moments around acceptance, claim and sending; the process gets SIGKILL now and then. No request that carries a person's event
may begin later than a second after the answer to their withdrawal, what comes later is refused, the books add up, and nobody
else loses anything. Zero faults among n withdrawals bound the rate of such faults at about 3/n (95 %).
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec

from gateway.model.words import Destination
from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.platforms import Platforms
from tests.crowd import Crowd, Evidence, Sent, Took, Watch, judge, taken
from tests.fronts import Fronts, Weather, fronted
from tests.live import SERVE, Installation, Process, install
from tests.torture import evidence_of
from tests.withdrawing import MARK, People, Told, plans

GRACE: Final = 1.0
"""Seconds after the answer in which a request may still begin."""
A_SECOND: Final = 9
"""How many people come in one."""
CLIENTS: Final = 3
REST: Final = 2.0
"""Those of the others, who withdraw nothing, and the longest that each rests, so that they leave room in the requests."""
QUOTA: Final = 240
"""Requests a minute and platform: a fifth at once, then one in 0.3 s, so that some wait for their place."""
ROUGH: Final = Weather(late=0.5, seconds=(0.05, 2.0), hang_up=0.5)
FINE: Final = Weather(late=0.0, seconds=(0.0, 0.0), hang_up=0.0)
MOODS: Final = (
    (),
    (),
    (Behaviour(mode=Mode.SLOW, seconds=0.1),),
    (Behaviour(mode=Mode.SLOW, seconds=0.8),),
    (Behaviour(mode=Mode.CUT_BEFORE_ANSWER, probability=0.4),),
    (Behaviour(mode=Mode.CUT_BEFORE_READ, requests=2),),
    (Behaviour(mode=Mode.THROTTLE, seconds=1, requests=1), Behaviour(mode=Mode.SLOW, seconds=0.2)),
    (Behaviour(mode=Mode.EXPIRED_TOKEN, requests=1),),
    (Behaviour(mode=Mode.REFUSE_EVENTS, fraction=0.02),),
)
"""How platforms behave for a while: quick, slow, cutting connections, throttling, refusing a token or single events."""
CHANGES: Final = 2.0
"""Seconds for which they do."""


class Figures(msgspec.Struct, frozen=True):
    """Where withdrawals found the events of their people, counted for each destination by itself. Seconds."""

    waiting: int
    on_the_wire: int
    """Said to be leaving: called off, or on its way."""
    called_off: int
    """Of these, those that no platform ever saw, though nobody killed the gateway meanwhile."""
    dead: int
    before: int
    """Left before the withdrawal was asked for."""
    latest: float
    """The latest start of a request, from the answer of a withdrawal on; negative where all began before."""


class Findings(msgspec.Struct):
    """What a run found; `faults` is empty when every promise was kept."""

    people: int
    kills: int
    asked_again: int
    """Withdrawals whose first answer was lost."""
    figures: Figures
    evidence: Evidence
    seconds: float
    faults: list[str]


async def withdrawal(
    folder: Path,
    people: int,
    kills: int,
    seed: int,
    *,
    program: str = SERVE,
    weather: Weather = ROUGH,
    told: Callable[[int], None] = lambda _done: None,
) -> Findings:
    """Let so many people withdraw while the gateway is killed so many times, drain it, and judge. `told` hears of progress."""
    began, random, watch = time.monotonic(), Random(seed), Watch()  # noqa: S311 - repeatable by intent, no secret
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - before anything runs
    async with (
        Platforms.start() as platforms,
        fronted(platforms, watch, folder, random, weather) as fronts,
    ):
        installation = install(folder, fronts.base_urls, quota=QUOTA)
        process = Process(installation, program, fronts.environment)
        await process.start()
        crowd, seconds = Crowd(installation, CLIENTS, seed, REST), people / A_SECOND
        leaving = People(installation, list(plans(people, seconds, random)))
        posting, changing = asyncio.create_task(crowd.run()), asyncio.create_task(_change_moods(platforms, random))
        living = asyncio.create_task(leaving.run())
        await _kill(process, watch, living, [random.uniform(0.0, seconds) for _ in range(kills)], lambda: told(leaving.done))
        await living
        crowd.go_home()
        await posting
        changing.cancel()
        _clear_up(platforms, fronts)
        books = await process.quiet(120)
        evidence = await _of_the_others(crowd, platforms, watch, installation)
        code = await process.stop()
    faults = ["the gateway did not stop cleanly"] * (code != 0)
    faults += [*crowd.contradictions, *judge(evidence), *judge_people(leaving.told, watch.sent)]
    faults += book_faults(books, evidence, {d: _theirs(taken(platforms)[d]) for d in Destination})
    return Findings(
        people=people,
        kills=kills,
        asked_again=sum(one.askings > 1 for one in leaving.told),
        figures=figures(leaving.told, watch.sent),
        evidence=evidence,
        seconds=time.monotonic() - began,
        faults=faults,
    )


async def _change_moods(platforms: Platforms, random: Random) -> None:
    while True:
        for destination in Destination:
            moods = random.choice(MOODS)
            platforms[destination].switch.set(*(mood.model_copy(update={"seed": random.randrange(1 << 30)}) for mood in moods))
        await asyncio.sleep(CHANGES)


def _clear_up(platforms: Platforms, fronts: Fronts) -> None:
    for destination in Destination:
        platforms[destination].switch.reset()
    fronts.change(FINE)


async def _kill(
    process: Process, watch: Watch, living: asyncio.Task[None], moments: list[float], told: Callable[[], None]
) -> None:
    """Kill the gateway at these moments (seconds from now on) and start it again at once."""
    began = time.monotonic()
    for moment in sorted(moments):
        while time.monotonic() < began + moment and not living.done():
            await asyncio.sleep(min(0.5, max(0.0, began + moment - time.monotonic())))
            told()
        await process.kill()
        watch.life += 1
        await process.start()
    while not living.done():
        await asyncio.wait([living], timeout=0.5)
        told()


async def _of_the_others(crowd: Crowd, platforms: Platforms, watch: Watch, installation: Installation) -> Evidence:
    """What the judge of the others is told; theirs is everything that is nobody's who withdrew."""
    evidence = await evidence_of(crowd, platforms, watch, installation)
    took = {
        d: {event_id: one for event_id, one in took.items() if not _is_theirs(event_id)} for d, took in evidence.took.items()
    }
    return msgspec.structs.replace(evidence, took=took)


def _is_theirs(event_id: str) -> bool:
    return event_id.startswith(MARK)


def _theirs(took: Mapping[str, Took]) -> int:
    return sum(map(_is_theirs, took))


# ── the judge ────────────────────────────────────────────────────────────────────────────────────────────────────


def starts(told: Told, sent: Mapping[str, Sequence[Sent]]) -> list[tuple[str, Sent]]:
    """Give the requests that carried an event of a person, each with that event."""
    return [(event_id, one) for event_id in (*told.plan.ids, told.plan.later) for one in sent.get(event_id, ())]


def by_event(sent: Sequence[Sent]) -> Mapping[str, Sequence[Sent]]:
    """Sort requests by the events that they carried."""
    found: defaultdict[str, list[Sent]] = defaultdict(list)
    for one in sent:
        for event_id in one.ids:
            found[event_id].append(one)
    return found


def judge_people(people: Sequence[Told], sent: Sequence[Sent]) -> Iterator[str]:
    """Name every broken promise to those who withdrew; nothing when all were kept."""
    requests = by_event(sent)
    late = [one for told in people for _, one in starts(told, requests) if one.began > told.answered + GRACE]
    if late:
        yield f"{len(late)} requests began more than {GRACE:.0f} s after the answer to somebody who is in them"
    accepted = [
        told for told in people for status, asked in told.events.values() if asked > told.answered and status == "accepted"
    ]
    if accepted:
        yield f"{len(accepted)} events accepted that came after the withdrawal"
    afterwards = Counter(told.afterwards for told in people if told.afterwards not in {None, "refused: withdrawn"})
    if afterwards:
        yield f"what came after the withdrawal was told {dict(afterwards)}"
    if any(event_id in requests for event_id in (told.plan.later for told in people)):
        yield "an event that came after the withdrawal was sent"
    odd = {status for told in people for status, _ in told.events.values()} - {"accepted", "duplicate", "refused: withdrawn"}
    if odd:
        yield f"events were told {', '.join(sorted(odd))}"


def book_faults(books: Any, evidence: Evidence, theirs: Mapping[Destination, int]) -> list[str]:
    """Hold the gateway's books against the platforms'; `theirs`: how many events each has of those who withdrew."""
    faults = [] if books["balanced"] else ["the books do not balance"]
    for destination in Destination:
        lane, took = books["destinations"][destination.value], evidence.took[destination]
        others, died = len(took), evidence.dead[destination] & took.keys()
        # A try of unknowable outcome, then a refusal: the platform has the event, and the gateway cannot know.
        unknowable = sum(evidence.excuses.get((destination, event_id), 0) > 0 for event_id in died)
        # Of those who withdrew, a platform may have events of which it did not say so in time.
        if not others - unknowable <= lane["delivered"] <= others + theirs[destination]:
            faults.append(
                f"{destination}: says {lane['delivered']} delivered, and the platform has {others} + {theirs[destination]}"
            )
        if lane["waiting"]:
            faults.append(f"{destination}: {lane['waiting']} still wait")
    return faults


def figures(people: Sequence[Told], sent: Sequence[Sent]) -> Figures:
    """Count where withdrawals found their events, and how late the latest start was."""
    requests, removed = by_event(sent), [one for told in people for one in told.removed.values()]
    called_off = before = 0
    latest = float("-inf")
    for told in people:
        theirs = starts(told, requests)
        before += len({(one.destination, event_id) for event_id, one in theirs if one.began < told.asked})
        latest = max([latest, *(one.began - told.answered for _, one in theirs)])
        for destination, part in told.removed.items():
            seen = sum(any(one.destination is destination for one in requests.get(event_id, ())) for event_id in told.plan.ids)
            called_off += max(0, part.on_the_wire - seen) if told.askings == 1 else 0
    return Figures(
        waiting=sum(one.waiting - one.on_the_wire for one in removed),
        on_the_wire=sum(one.on_the_wire for one in removed),
        called_off=called_off,
        dead=sum(one.dead for one in removed),
        before=before,
        latest=latest,
    )


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.withdrawal", description=__doc__)
    parser.add_argument("--people", type=int, default=1000, help="how many withdraw (default: 1000)")
    parser.add_argument("--kills", type=int, default=12, help="how often to kill the gateway meanwhile (default: 12)")
    parser.add_argument("--seed", type=int, default=1, help="what is random follows from this")
    arguments = parser.parse_args()

    def told(done: int) -> None:
        print(f"\r{done} of {arguments.people} have withdrawn ", end="", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(withdrawal(Path(folder) / "gateway", arguments.people, arguments.kills, arguments.seed, told=told))
    where = found.figures
    print(f"\r{found.people} people withdrew within {found.seconds:.0f} s, over {found.kills} kills;")
    print(f"  {found.asked_again} of them had to ask again")
    print(f"their events, at each platform: {where.before} had left before, {where.waiting} waited, {where.dead} were dead;")
    print(f"  {where.on_the_wire} were about to leave or on the wire, of which {where.called_off} were called off")
    print(f"the latest request with one of them began {where.latest * 1000:+.0f} ms from the answer")
    print(f"{len(found.evidence.promised)} events of others were accepted meanwhile")
    print("\n".join(found.faults) or "Nobody was sent after they had withdrawn, and nobody else lost anything.")
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
