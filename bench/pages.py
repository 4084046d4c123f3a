"""The console's pages while events come in: how long a page takes, and what somebody who looks costs those who post.

The store has the past of 50 storefronts over 90 days (`tests.figures`), and all of them are configured, each with three
destinations. The reader signs in as a marketer does, and asks for another storefront each time. Latencies are the reader's
own, from asking to the last byte. What a page has told of days that are over is remembered until the day ends, so each page
of each storefront is asked for a first time, and then again.

What comes in is one durable event a request. Pages are asked for while nothing comes in, while 64 connections post as fast
as they are answered, and while they post half as fast. What the reader costs is seen at full speed: of the seconds one
after another two have a page each and two have none, so each second has a neighbour to be compared with that had the
machine at the same speed.
"""

import asyncio
import itertools
import os
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

import aiohttp
import msgspec

from bench import parts
from bench.door import window
from bench.figures import Figure, Plan
from bench.load import Order, Result, percentile
from bench.proc import between, cores, pin, sample
from bench.stage import PROMPT_LINGER, expect, gateway, helper, load, to_gateway
from gateway.console.door import COOKIE
from gateway.outbox.engine.sqlite import SqliteOutbox
from gateway.storage.keyring import Keyring
from tests.console import PASSWORD, people
from tests.figures import OPTIONS, fill, lanes
from tests.live import Installation, Process

PAGES: Final = {
    "/": "/?",
    "/funnel, 30 days": "/funnel?step=day&count=30&",
    "/funnel, 90 days": "/funnel?step=day&count=90&",
    "/health": "/health?",
}
"""What is asked for, by what it is called here; the storefront is added."""
BAR_MS: Final = 100.0
BAR_SHARE: Final = 0.95
STOREFRONTS: Final = 50
DAYS: Final = 90
CONNECTIONS: Final = 64
MODERATE: Final = 0.5
"""Of the requests a second that the gateway takes without a reader, as was just measured."""
READER: Final = "mia"
START_SECONDS: Final = 120.0
"""How long a gateway with so many storefronts may take to be ready on a busy machine."""

FIRST: Final = "nothing comes in, for the first time"
AGAIN: Final = "nothing comes in, again"

ENOUGH: Final = 50
"""Looks at a page whose CPU is asked for, which the system counts in hundredths of a second."""

SLICE_SECONDS: Final = 1.0
TURNS: Final = (True, False, False, True)
"""In which seconds a page is asked for, again and again."""

Times = dict[str, list[float]]
"""Milliseconds, by page."""


def measure(plan: Plan, say: Callable[[str], None]) -> list[Figure]:
    """Measure."""
    return asyncio.run(_measure(plan, say))


async def _measure(plan: Plan, say: Callable[[str], None]) -> list[Figure]:
    pin(os.getpid(), cores().others)
    shops, days = plan.amount(STOREFRONTS, 10), plan.amount(DAYS, 3)
    figures = Rounds()
    with tempfile.TemporaryDirectory(dir=plan.folder) as past:
        say(f"pages: making the past of {shops} storefronts over {days} days")
        await make_past(Path(past), shops, days)
        for number in range(plan.rounds):
            with tempfile.TemporaryDirectory(dir=plan.folder) as folder:
                await figures.add(plan, Path(folder), Path(past), shops, partial(_say, say, number + 1))
    return figures.told()


def _say(say: Callable[[str], None], number: int, what: str) -> None:
    say(f"pages, round {number}: {what}")


async def make_past(folder: Path, shops: int, days: int) -> None:
    """Make a store with a past in a folder, and its key file."""
    Keyring.create(folder / "sealing.json")
    store = await SqliteOutbox.open(folder / "store", Keyring.load(folder / "sealing.json"), lanes(shops), OPTIONS)
    await fill(store, shops, days, int(time.time()))
    await store.close()


def settle_in(installation: Installation, past: Path, shops: int) -> None:
    """Put a past in an installation's place, and configure as many storefronts, each with a key of its own."""
    for name in ("sealing.json", "store"):
        (shutil.copytree if (past / name).is_dir() else shutil.copy2)(past / name, installation.folder / name)
    parts.multiply(installation.config, shops)
    people(installation)


class Reader:
    """Somebody signed in, who asks for one page after another."""

    def __init__(self, session: aiohttp.ClientSession, url: str, shops: int) -> None:
        """Ask through this session; each page of another storefront."""
        self._session = session
        self._url = url
        self._cookie = ""
        self._pages = itertools.cycle(PAGES)
        self._shops = (1 + number * 7 % shops for number in itertools.count())
        self.times: defaultdict[str, list[float]] = defaultdict(list)

    async def sign_in(self) -> None:
        """Sign in by the form. Raises RuntimeError when that is refused."""
        form = {"name": READER, "password": PASSWORD, "next": "/"}
        async with self._session.post(
            f"{self._url}/sign-in", data=form, headers={"Origin": self._url}, allow_redirects=False
        ) as answer:
            if answer.status != 303 or COOKIE not in answer.cookies:
                raise RuntimeError(f"the reader could not sign in: {answer.status}")
            self._cookie = f"{COOKIE}={answer.cookies[COOKIE].value}"

    async def look(self, page: str | None = None) -> None:
        """Ask for a page, or the next, and note how long it took. Raises RuntimeError when it is not the page."""
        name, shop = page or next(self._pages), next(self._shops)
        began = time.perf_counter()
        async with self._session.get(
            f"{self._url}{PAGES[name]}storefront=shop{shop}", headers={"Cookie": self._cookie}, allow_redirects=False
        ) as answer:
            body = await answer.read()
        self.times[name].append((time.perf_counter() - began) * 1000)
        if answer.status != 200 or f"shop{shop}".encode() not in body:
            raise RuntimeError(f"{name} was answered with {answer.status}")

    async def look_on(self, begin: asyncio.Event, seconds: float, turns: Sequence[bool] = (True,)) -> None:
        """From `begin` on ask for a page each so many seconds, or not, by `turns`, until cancelled."""
        await begin.wait()
        self.times.clear()
        began = time.monotonic()
        for number, turn in enumerate(itertools.cycle(turns), start=1):
            if turn:
                await self.look()
            await asyncio.sleep(began + number * seconds - time.monotonic())


class Rounds:
    """Collects what the rounds gave."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._times: dict[str, list[Times]] = defaultdict(list)
        self._cpu_ms: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        self._ratios: list[float] = []
        self._cpu_ratios: list[float] = []
        self._per_second: list[float] = []
        self._steal: list[float] = []

    async def add(self, plan: Plan, folder: Path, past: Path, shops: int, say: Callable[[str], None]) -> None:
        """Measure one round with a gateway of its own."""
        async with (
            helper("bench.sink", cores().others) as sink,
            gateway(
                folder,
                sink,
                linger=PROMPT_LINGER,
                prepare=lambda installation: settle_in(installation, past, shops),
                seconds=START_SECONDS,
            ) as process,
            aiohttp.ClientSession() as session,
        ):
            reader = Reader(session, process.installation.private_url, shops)
            await reader.sign_in()
            for when, looks in (("first", shops), ("again", max(shops, ENOUGH))):
                say(f"nothing comes in, {when}")
                await self._idle(process, reader, when, looks)
            for turn in range(plan.amount(2, 1)):
                say(f"as many events as are answered, {turn + 1}")
                await self._full(plan, process, reader)
            say("half as many")
            await self._half(plan, process, reader)

    async def _idle(self, process: Process, reader: Reader, when: str, looks: int) -> None:
        reader.times.clear()
        for page in PAGES:
            before = sample(process.pid)
            for _ in range(looks):
                await reader.look(page)
            self._cpu_ms[when, page].append(between(before, sample(process.pid)).cpu / looks * 1000)
        self._times[when].append(dict(reader.times))

    async def _half(self, plan: Plan, process: Process, reader: Reader) -> None:
        order = _order(plan, process, plan.amount(200, 20) / 10, MODERATE * median(self._per_second))
        _, times = await _read(order, reader, 0.2)
        self._times["half"].append(times)

    async def _full(self, plan: Plan, process: Process, reader: Reader) -> None:
        seconds = plan.amount(280, 80) / 10
        order = msgspec.structs.replace(_order(plan, process, seconds), slice_seconds=SLICE_SECONDS)
        result, times = await _read(order, reader, SLICE_SECONDS, TURNS)
        self._times["full"].append(times)
        self._steal.append(result.steal)
        for at in range(0, len(result.slices) - 1, 2):
            one, other = result.slices[at : at + 2]
            seen, unseen = (one, other) if TURNS[at % len(TURNS)] else (other, one)
            self._ratios.append((seen.requests / seen.wall) / (unseen.requests / unseen.wall))
            self._cpu_ratios.append((seen.requests / seen.cpu) / (unseen.requests / unseen.cpu))
            self._per_second.append(unseen.requests / unseen.wall)

    def told(self) -> list[Figure]:
        """Give the figures."""
        steal = self._steal
        seen = "seconds with a page, of ones without"
        shares = {"requests per second with a reader": self._ratios, "requests per CPU second with a reader": self._cpu_ratios}
        return [
            *self._latencies("first", FIRST),
            *self._latencies("again", AGAIN),
            *(
                Figure.of("pages", f"{page}, CPU", "ms", values, steal=steal, note={"first": FIRST, "again": AGAIN}[when])
                for (when, page), values in self._cpu_ms.items()
            ),
            *self._latencies("half", "half as many events come in"),
            *self._latencies("full", "as many events come in as are answered"),
            *(Figure.of("pages", n, "of without", v, steal=steal, bar=BAR_SHARE, note=seen) for n, v in shares.items()),
            Figure.of("pages", "requests without a reader", "/s", self._per_second, steal=steal, note="64 connections"),
        ]

    def _latencies(self, when: str, note: str) -> Iterator[Figure]:
        rounds = self._times[when]
        for name in PAGES:
            kept = [sorted(times[name]) for times in rounds if times.get(name)]
            if when == "full":  # a window has few pages: all of them together
                kept = [sorted(itertools.chain(*kept))] if kept else []
            if not kept:
                continue
            middle = [median(times) for times in kept]
            yield Figure.of("pages", f"{name}, median", "ms", middle, steal=self._steal, bar=BAR_MS, sense="at most", note=note)
            slow = [percentile(times, 0.95) for times in kept]
            yield Figure.of("pages", f"{name}, 95 %", "ms", slow, steal=self._steal, note=note)


async def _read(order: Order, reader: Reader, seconds: float, turns: Sequence[bool] = (True,)) -> tuple[Result, Times]:
    """Have a page asked for each so many seconds while a load runs."""
    counting = asyncio.Event()
    looking = asyncio.create_task(reader.look_on(counting, seconds, turns))
    try:
        result = expect(await load(order, counting), "202")
        if looking.done():
            looking.result()
    finally:
        looking.cancel()
    return result, dict(reader.times)


def _order(plan: Plan, process: Process, seconds: float, rate: float = 0.0) -> Order:
    warm, _, shoppers = window(plan)
    return to_gateway(
        process.installation,
        process,
        connections=CONNECTIONS,
        warm_seconds=warm,
        seconds=seconds,
        pool=shoppers,
        per_second=rate,
    )
