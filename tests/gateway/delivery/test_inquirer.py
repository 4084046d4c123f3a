"""An inquirer over a real store and a real socket: each request is asked after until its last word, which counts once."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import count, pairwise
from pathlib import Path
from typing import Final

import msgspec
import pytest
import pytest_asyncio
from aiohttp import web

from gateway.adapter import Access, Processed, Quota, Reply, Request
from gateway.delivery.contract import Violation
from gateway.delivery.contract_body import Place
from gateway.delivery.inquirer import QUESTIONS, Inquirer, inquirers
from gateway.delivery.route import Office
from gateway.delivery.transport import Transport
from gateway.delivery.watcher import Stage
from gateway.model.texts import PlatformCode, Receipt
from gateway.model.verdict import Pause, Retry, Throttle
from gateway.model.words import Destination, Processing, Reason
from gateway.outbox.answers import Afterwards
from gateway.outbox.engine.sqlite import SqliteOutbox
from gateway.outbox.engine.store import Options
from gateway.outbox.work import Done, Inquiry, Lane, Outcomes
from gateway.secret import Secret
from gateway.storage import Shut, Unavailable
from gateway.storage.keyring import Keyring
from tests.gateway.delivery.scene import (
    DAY,
    ECHO,
    LANE,
    NOW,
    QUICK,
    SHOP,
    Line,
    Plain,
    PlainSettings,
    Platform,
    Refreshing,
    Scripted,
    event,
    platform_on_loopback,
)
from tests.gateway.delivery.test_courier_crashes import killed_at
from tests.gateway.delivery.test_courier_withdrawals import Waiting

META: Final = Destination.META
FIRST: Final = 0.05
PACE: Final = msgspec.structs.replace(QUICK, inquiry_first_seconds=FIRST, inquiry_cap_seconds=0.2, idle_seconds=0.05)
CODE: Final = PlatformCode("TOO_OLD")
WRONG: Final = PlatformCode("TERMS_NOT_SIGNED")

Words = dict[str, list[str]]
"""By receipt, what the platform answers in turn; the last for ever."""


class Later(Plain):
    """The adapter for a platform that says afterwards what became of a request."""

    def __init__(self, url: str) -> None:
        super().__init__(PlainSettings(base_url=url, credential="env:TOKEN"))
        self.tells = True
        self.extra = ""

    def ask_after(self, receipt: Receipt) -> Request | None:
        """Ask by receipt."""
        return Request(f"/status?receipt={receipt}{self.extra}", b"", "GET") if self.tells else None

    def read_processed(self, reply: Reply, count: int) -> Processed | Retry | Throttle | Pause:
        """Read the word that the test's platform said."""
        word = reply.body.decode()
        if word == "crash":
            raise ValueError(ECHO)
        return WORDS[word](count)


WORDS: Final[dict[str, Callable[[int], Processed | Retry | Throttle | Pause]]] = {
    "used": lambda n: Processed(final=True, counts=((Processing.USED, None, n),)),
    "partly": lambda n: Processed(final=True, counts=((Processing.NOT_USED, CODE, 1), (Processing.USED, None, n - 1))),
    "wrong": lambda n: Processed(final=True, counts=((Processing.MISCONFIGURED, WRONG, n),)),
    "useless": lambda n: Processed(final=True, counts=((Processing.NOT_USED, CODE, n),)),
    "pending": lambda n: Processed(final=False, counts=((Processing.NOT_USED, CODE, 1), (Processing.PENDING, None, n - 1))),
    "gone": lambda _: Processed(final=True),
    "too many": lambda n: Processed(final=True, counts=((Processing.USED, None, n + 1),)),
    "retry": lambda _: Retry(Reason.SERVER_ERROR),
    "throttle": lambda _: Throttle(after=0.3),
    "refused": lambda _: Pause(Reason.CREDENTIAL),
    "denied": lambda _: Pause(Reason.PERMISSION),
}


class Scene(Line):
    """A store with requests that were taken, a platform that tells of them, and an inquirer between the two."""

    def __init__(self, outbox: SqliteOutbox, platform: Platform, words: Words) -> None:
        super().__init__(outbox, platform)
        self.words = words
        self.asked: list[str] = []
        self.times: list[float] = []
        self.tokens: list[str] = []
        platform.status = self.status
        self.quota = Quota()
        self.later = Later(platform.url)
        self.adapter = self.later
        self.pace = PACE

    async def status(self, request: web.Request) -> web.Response:
        """Answer a question."""
        receipt = request.query["receipt"]
        self.asked.append(receipt)
        self.times.append(asyncio.get_running_loop().time())
        self.tokens.append(request.headers["Authorization"])
        due = self.words[receipt]
        word = due.pop(0) if len(due) > 1 else due[0]
        if word == "cut":
            assert request.transport is not None
            request.transport.abort()
        return web.Response(text=word)

    async def take(self, receipt: str, events: int, first: int = 0) -> None:
        """Have a request of so many events taken for processing, with numbers from `first`."""
        await self.put(*(event(first + number) for number in range(events)))
        claim = await self.outbox.claim(LANE, 100, int(self.wall()))
        assert claim is not None
        done = [Done(one.seq, Reason.ACCEPTED_FOR_PROCESSING, receipt=Receipt(receipt)) for one in claim.records]
        await self.outbox.settle(claim, done, int(self.wall()))

    def inquirer(self, transport: Transport) -> Inquirer:
        """Make one that is not running yet."""
        made = self.courier(transport)
        office = Office(self.outbox, transport, self.recorder, self.pace, self.wall, self.dice)
        (one,) = inquirers([made._route], office, self.quota)
        return one

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[Inquirer]:
        """Run an inquirer while the block lasts, then cancel it."""
        async with Transport(hosts=self.contract.hosts) as transport:
            inquirer = self.inquirer(transport)
            task = asyncio.create_task(inquirer.run())
            try:
                yield inquirer
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def over(self, seconds: float = 5.0) -> None:
        """Ask until nothing is pending."""
        async with self.asking():
            await self.reach(self.nothing_pending, seconds)

    async def nothing_pending(self) -> bool:
        """Whether every request has had its last word."""
        return not (await self.outbox.book(SHOP)).pending

    async def only_the_second_is_over(self) -> bool:
        """Whether the books hold what was said of `r2`, which was all used, and nothing else."""
        return await self.said() == {(Processing.USED, None): 2}

    async def reach(self, true: Callable[[], Awaitable[bool]], seconds: float = 5.0) -> None:
        """Wait until the store says that something is so."""
        async with asyncio.timeout(seconds):
            while not await true():  # noqa: ASYNC110 - a test looks on from outside
                await asyncio.sleep(0.01)

    async def said(self) -> dict[tuple[Processing, PlatformCode | None], int]:
        """What the books say."""
        book = await self.outbox.book(SHOP)
        return {(processing, code): count for (_, processing, code), count in book.processed.items()}


async def open_quick(directory: Path) -> SqliteOutbox:
    """Open a store whose requests are asked after at once."""
    keys = directory / "keys.json"
    keyring = Keyring.load(keys) if keys.exists() else Keyring.create(keys)
    options = Options(max_bytes=64 << 20, min_free_bytes=0, inquiry_first_seconds=FIRST)
    return await SqliteOutbox.open(directory / "data", keyring, (LANE,), options)


@asynccontextmanager
async def scene_in(directory: Path, words: Words) -> AsyncIterator[Scene]:
    """Have a scene over a store in `directory`."""
    outbox = await open_quick(directory)
    try:
        async with platform_on_loopback() as platform:
            yield Scene(outbox, platform, words)
    finally:
        await outbox.close()


@pytest_asyncio.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """A scene whose platform used everything."""
    async with scene_in(tmp_path, {"r1": ["used"], "r2": ["used"]}) as made:
        yield made


# ── the last word ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_request_is_asked_after_and_its_last_word_counted(scene: Scene) -> None:
    """With the lane's own credential, once; books, watcher and explanation say the same."""
    scene.words["r1"] = ["partly"]
    await scene.take("r1", 5)
    await scene.over()
    assert scene.asked == ["r1"]
    assert scene.tokens == ["Bearer tok-canary-5e07"]
    assert await scene.said() == {(Processing.NOT_USED, CODE): 1, (Processing.USED, None): 4}
    assert scene.recorder.of("processed") == [(Processing.NOT_USED, CODE, 1), (Processing.USED, None, 4)]
    outcomes = ((Processing.NOT_USED, CODE, 1), (Processing.USED, None, 4))
    assert (await scene.attempt(0)).afterwards == Afterwards(final=True, events=5, outcomes=outcomes)


async def test_a_request_that_is_being_processed_is_asked_after_again_and_again(scene: Scene) -> None:
    """At growing intervals; what was said so far is shown meanwhile and not counted."""
    scene.words["r1"] = ["pending", "pending", "pending", "used"]
    scene.dice = lambda: 1.0
    await scene.take("r1", 5)
    async with scene.asking():
        await scene.until(lambda: len(scene.asked) == 2)
        assert (await scene.attempt(0)).afterwards == Afterwards(
            final=False, events=5, outcomes=((Processing.NOT_USED, CODE, 1), (Processing.PENDING, None, 4))
        )
        assert await scene.said() == {}
    await scene.over()
    assert scene.asked == ["r1"] * 4
    assert await scene.said() == {(Processing.USED, None): 5}
    waits = [later - earlier for earlier, later in pairwise(scene.times)]
    assert waits[0] >= 0.04
    assert waits[2] >= 0.15


async def test_every_request_gets_its_own_answer(scene: Scene) -> None:
    """Several are due at once, and each counts for itself."""
    scene.words |= {"r2": ["useless"], "r3": ["partly"]}
    for number, receipt in enumerate(("r1", "r2", "r3")):
        await scene.take(receipt, 2, first=10 * number)
    await scene.over()
    assert sorted(scene.asked) == ["r1", "r2", "r3"]
    assert await scene.said() == {(Processing.USED, None): 3, (Processing.NOT_USED, CODE): 3}


async def test_a_platform_that_does_not_tell_is_not_asked(scene: Scene) -> None:
    """As when requests are only validated: what became of them is untold, and that is said at once."""
    scene.later.tells = False
    await scene.take("r1", 5)
    await scene.over()
    assert scene.asked == []
    assert await scene.said() == {(Processing.UNTOLD, None): 5}


async def test_a_request_that_the_platform_has_forgotten_leaves_what_was_said_before(scene: Scene) -> None:
    """The rest of it is untold."""
    scene.words["r1"] = ["pending", "gone"]
    await scene.take("r1", 5)
    await scene.over()
    assert await scene.said() == {(Processing.NOT_USED, CODE): 1, (Processing.UNTOLD, None): 4}


async def test_after_seven_days_nobody_waits_any_more(scene: Scene) -> None:
    """It is asked once more, for the process may have stood still; what it says then is counted, and the rest is untold."""
    scene.words["r1"] = ["pending"]
    await scene.take("r1", 5)
    async with scene.asking():
        await scene.until(lambda: len(scene.asked) >= 1)
        await asyncio.sleep(0.02)
    began = scene.wall.shift
    asked = len(scene.asked)
    scene.wall.shift = began + 7 * DAY + 60
    await scene.over()
    assert len(scene.asked) == asked + 1
    assert await scene.said() == {(Processing.NOT_USED, CODE): 1, (Processing.UNTOLD, None): 4}


@pytest.mark.parametrize("word", ["retry", "throttle", "denied", "crash"])
async def test_after_seven_days_nobody_waits_for_a_platform_that_does_not_answer(scene: Scene, word: str) -> None:
    """What it said before is counted, and the rest is untold: else its events would be in no line of the books."""
    scene.words["r1"] = ["pending", word]
    await scene.take("r1", 5)
    async with scene.asking():
        await scene.until(lambda: len(scene.asked) >= 2)
    assert await scene.said() == {}
    scene.wall.shift += 7 * DAY + 60
    await scene.over()
    assert await scene.said() == {(Processing.NOT_USED, CODE): 1, (Processing.UNTOLD, None): 4}


async def test_an_answer_that_was_waited_for_too_long_still_counts(scene: Scene) -> None:
    """A gateway that was off for a week asks before it gives up."""
    await scene.take("r1", 5)
    scene.wall.shift += 7 * DAY + 60
    await scene.over()
    assert await scene.said() == {(Processing.USED, None): 5}


async def test_a_wall_clock_that_was_set_gives_nothing_up(scene: Scene) -> None:
    """It may be set back: the request is asked after as before."""
    scene.words["r1"] = ["pending"]
    await scene.take("r1", 5)
    async with scene.asking():
        await scene.until(lambda: len(scene.asked) >= 1)
        scene.wall.shift += 8 * DAY
        await scene.until(lambda: len(scene.asked) >= 3)
    assert await scene.said() == {}


async def test_a_wall_clock_that_was_set_before_the_first_answer_gives_nothing_up(scene: Scene) -> None:
    """What the clocks were is known from the start, and not only from the first answer on."""
    scene.words["r1"] = ["pending"]
    await scene.take("r1", 5)

    async def jump(request: web.Request) -> web.Response:
        scene.wall.shift = 8 * DAY
        return await scene.status(request)

    scene.platform.status = jump
    async with scene.asking():
        await scene.until(lambda: len(scene.asked) >= 3)
    assert await scene.said() == {}


# ── no answer ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("word", ["retry", "cut", "throttle"])
async def test_without_an_answer_it_is_asked_again(scene: Scene, word: str) -> None:
    """After a wait, and with nothing lost."""
    scene.words["r1"] = [word, word, "used"]
    await scene.take("r1", 5)
    await scene.over()
    assert len(scene.asked) == 3
    assert await scene.said() == {(Processing.USED, None): 5}


async def test_a_throttled_inquirer_leaves_the_platform_alone(scene: Scene) -> None:
    """All its requests wait for as long as was asked."""
    scene.words |= {"r1": ["throttle", "used"]}
    await scene.take("r1", 1)
    await scene.take("r2", 1, first=10)
    await scene.over()
    assert scene.times[1] - scene.times[0] >= 0.3


@pytest.mark.parametrize("word", ["retry", "denied"])
async def test_one_request_that_always_fails_holds_up_no_other(scene: Scene, word: str) -> None:
    """It is put off like any that is not answered; so is one that is refused, for others may be told."""
    scene.words["r1"] = [word]
    await scene.take("r1", 1)
    await scene.take("r2", 2, first=10)
    async with scene.asking():
        await scene.reach(scene.only_the_second_is_over)
    assert (await scene.outbox.book(SHOP)).pending == {META: 1}


async def test_a_refused_token_is_replaced_once(scene: Scene) -> None:
    """Like a delivery's, and at once."""
    scene.credential = credential = Refreshing("old", "new")
    scene.words["r1"] = ["refused", "used"]
    await scene.take("r1", 5)
    await scene.over()
    assert scene.tokens == ["Bearer old", "Bearer new"]
    assert credential.refusals == ["old"]
    assert scene.times[1] - scene.times[0] < 0.5


async def test_a_credential_that_is_refused_for_good_is_tried_rarely(scene: Scene) -> None:
    """And at once when it was replaced."""

    class Replaced(Scripted):
        def __init__(self) -> None:
            super().__init__()
            self.answer = Access(Secret("t"))
            self.replaced = asyncio.Event()

        async def renewed(self, seen: int) -> None:
            """When the test says so."""
            assert seen == 0
            await self.replaced.wait()

    scene.credential = credential = Replaced()
    scene.pace = msgspec.structs.replace(PACE, probe_base_seconds=60.0, probe_cap_seconds=60.0)
    scene.words["r1"] = ["denied", "used"]
    await scene.take("r1", 5)
    async with scene.asking():
        await scene.until(lambda: len(scene.asked) == 1)
        await asyncio.sleep(0.2)
        assert len(scene.asked) == 1
        credential.replaced.set()
        await scene.until(lambda: len(scene.asked) == 2)


@pytest.mark.parametrize("answer", [Retry(Reason.NOT_CONNECTED), Throttle(after=0.05), Pause(Reason.CREDENTIAL)])
async def test_without_a_token_nothing_is_asked(scene: Scene, answer: Retry | Throttle | Pause) -> None:
    """Until there is one."""
    scene.credential = credential = Scripted()
    credential.answer = answer
    await scene.take("r1", 5)
    async with scene.asking():
        await asyncio.sleep(0.2)
        assert scene.asked == []
        credential.answer = Access(Secret("t"))
        await scene.until(lambda: len(scene.asked) == 1)


# ── bugs, and a store in trouble ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("word", "error"), [("crash", "ValueError"), ("too many", "ValueError"), ("unheard of", "KeyError")])
async def test_an_adapters_bug_costs_its_own_inquiry_only(scene: Scene, word: str, error: str) -> None:
    """It is reported by class and place, put off, and the next one answered; nothing is in the books of it."""
    scene.words["r1"] = [word]
    await scene.take("r1", 5)
    await scene.take("r2", 2, first=10)
    async with scene.asking():
        await scene.until(lambda: len(scene.recorder.of("fault")) >= 2 and "r2" in scene.asked)
        await scene.reach(scene.only_the_second_is_over)
    stage, name, where = scene.recorder.of("fault")[0]
    assert (stage, name) == (Stage.INQUIRE, error)
    assert "canary" not in str(where)
    assert (await scene.outbox.book(SHOP)).pending == {META: 5}


async def test_a_store_that_is_busy_is_asked_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is lost by it."""
    real, refusals = scene.outbox.conclude, iter([Shut.FULL, Shut.BUSY])

    async def conclude(inquiry: Inquiry, outcomes: Outcomes, now: int) -> bool:
        if (why := next(refusals, None)) is not None:
            raise Unavailable(why)
        return await real(inquiry, outcomes, now)

    monkeypatch.setattr(scene.outbox, "conclude", conclude)
    await scene.take("r1", 5)
    await scene.over()
    assert await scene.said() == {(Processing.USED, None): 5}
    assert scene.recorder.of("processed") == [(Processing.USED, None, 5)]


async def test_a_bug_outside_an_inquiry_does_not_end_the_asking(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is reported, and tried again after a while."""
    real, bugs = scene.outbox.inquiries, iter([ZeroDivisionError(ECHO)])

    async def inquiries(lane: Lane, limit: int, now: float) -> Sequence[Inquiry]:
        if (bug := next(bugs, None)) is not None:
            raise bug
        return await real(lane, limit, now)

    monkeypatch.setattr(scene.outbox, "inquiries", inquiries)
    await scene.take("r1", 5)
    await scene.over()
    assert [(stage, name) for stage, name, _ in scene.recorder.of("fault")] == [(Stage.INQUIRE, "ZeroDivisionError")]
    assert await scene.said() == {(Processing.USED, None): 5}


async def test_a_question_that_is_not_in_the_contract_is_not_asked(scene: Scene) -> None:
    """What the privacy team does not know of does not leave, a question no more than an event; it is told, and waits."""
    scene.words["r1"] = ["used"]
    scene.later.extra = "&note=x"
    await scene.take("r1", 5)
    violation = Violation((Place("?(unknown)", "text"),))
    async with scene.asking() as inquirer:
        assert inquirer.violation is None
        await scene.until(lambda: bool(scene.recorder.of("violated")))
        assert inquirer.violation == violation
    assert scene.recorder.of("violated")[0] == (violation,)
    assert scene.asked == []
    scene.later.extra = ""
    await scene.over()
    assert await scene.said() == {(Processing.USED, None): 5}


async def test_a_paused_lane_asks_nothing(scene: Scene) -> None:
    """Neither at the start, nor when it is paused while a question waits for its token; after the end it asks."""
    scene.credential = credential = Waiting()
    await scene.take("r1", 1)
    await scene.outbox.pause(LANE, NOW)
    async with scene.asking():
        await asyncio.sleep(3 * FIRST)
        assert not credential.asked.is_set()
        await scene.outbox.resume(LANE)
        await credential.asked.wait()
        await scene.outbox.pause(LANE, NOW)
        credential.given.set()
        await asyncio.sleep(3 * FIRST)
        assert scene.asked == []
        await scene.outbox.resume(LANE)
        await scene.reach(scene.nothing_pending)
    assert await scene.said() == {(Processing.USED, None): 1}


async def test_a_closed_store_ends_it(scene: Scene) -> None:
    """Without a word: the next process goes on."""
    async with Transport(hosts=scene.contract.hosts) as transport:
        task = asyncio.create_task(scene.inquirer(transport).run())
        await asyncio.sleep(0.02)
        await scene.outbox.close()
        async with asyncio.timeout(2):
            await task


# ── what is not set up ───────────────────────────────────────────────────────────────────────────────────────────


async def test_what_is_not_set_up_is_told_when_it_changes(scene: Scene) -> None:
    """Once when it is found, once when events are used again; the lane is not paused for it."""
    scene.words |= {"r1": ["wrong"], "r2": ["wrong"], "r3": ["useless"], "r4": ["used"]}
    async with scene.asking() as inquirer:
        for number, receipt in enumerate(scene.words):
            await scene.take(receipt, 2, first=10 * number)
            await scene.until(lambda receipt=receipt: receipt in scene.asked)  # type: ignore[misc]  # the loop's own
            if receipt == "r3":
                await asyncio.sleep(0.1)
                assert (inquirer.later_word.misconfigured, inquirer.later_word.code) == (True, WRONG)
            scene.wall.shift += 1
        await scene.until(lambda: not inquirer.later_word.misconfigured)
    assert scene.recorder.of("misconfigured") == [(True, WRONG), (False, None)]


async def test_an_older_requests_answer_changes_nothing(scene: Scene) -> None:
    """What a later request showed stands."""
    scene.words |= {"r1": ["pending", "pending", "used"], "r2": ["wrong"]}
    scene.dice = lambda: 0.0
    await scene.take("r1", 2)
    scene.wall.shift += 5
    await scene.take("r2", 2, first=10)
    async with scene.asking() as inquirer:
        await scene.until(lambda: scene.asked.count("r1") == 3)
        await asyncio.sleep(0.05)
        assert inquirer.later_word.misconfigured
    assert scene.recorder.of("misconfigured") == [(True, WRONG)]


# ── the quota ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_inquirer_waits_for_its_place_in_the_quota(scene: Scene) -> None:
    """However much is due: of fifty a minute ten may be asked at once, and the eleventh a second and a half after the first."""
    scene.quota = Quota(requests_per_minute=50)
    for number in range(11):
        scene.words[f"r{number}"] = ["used"]
        await scene.take(f"r{number}", 1, first=10 * number)
    await scene.over(20)
    assert scene.times[9] - scene.times[0] < 1.4 <= scene.times[10] - scene.times[0]


def test_by_default_all_questions_stay_far_below_googles_quota() -> None:
    """300 a minute and 100,000 a day are its limits for a project, and other programs may ask too."""
    assert QUESTIONS.requests_per_minute is not None
    assert QUESTIONS.requests_per_day is not None
    assert QUESTIONS.requests_per_minute <= 300 / 4
    assert QUESTIONS.requests_per_day <= 100_000 / 2


async def test_the_inquirers_of_a_process_share_a_quota(scene: Scene) -> None:
    """They are made together, one for each lane."""
    async with Transport(hosts=scene.contract.hosts) as transport:
        route = scene.courier(transport)._route
        other = msgspec.structs.replace(route, lane=Lane(SHOP, Destination.PINTEREST))
        office = Office(scene.outbox, transport, scene.recorder, scene.pace)
        made = inquirers([route, other], office)
    assert [one.lane for one in made] == [LANE, Lane(SHOP, Destination.PINTEREST)]
    assert made[0]._meter is made[1]._meter


# ── killed at any await ──────────────────────────────────────────────────────────────────────────────────────────

STORY: Final[Words] = {"r1": ["pending", "partly"], "r2": ["retry", "useless"]}


async def tell_and_kill(directory: Path, step: int, *, waited: bool) -> tuple[bool, Path]:
    """Take two requests, run an inquirer, kill it at `step`; give whether it got that far, and the copied store."""
    async with scene_in(directory, {receipt: list(words) for receipt, words in STORY.items()}) as scene:
        await scene.take("r1", 3)
        await scene.take("r2", 2, first=10)
        await asyncio.sleep(FIRST)
        over: list[bool] = []

        async def look() -> None:
            await scene.reach(scene.nothing_pending, 30)
            over.append(True)

        scene.pace = msgspec.structs.replace(PACE, idle_seconds=5.0)
        watching = asyncio.create_task(look())
        async with Transport(hosts=scene.contract.hosts) as transport:
            run = scene.inquirer(transport).run()
            async with asyncio.timeout(20):
                reached = await killed_at(run, step, lambda: bool(over), waited=waited)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await scene.outbox.book(SHOP)
        copy = directory.with_name(directory.name + "-after")
        shutil.copytree(directory, copy, ignore=shutil.ignore_patterns("*-shm", "*lock*"))
    return reached, copy


@pytest.mark.parametrize("waited", [False, True], ids=["before", "after"])
async def test_killed_between_any_two_awaits(tmp_path: Path, waited: bool) -> None:
    """At whichever await it dies, the next one brings every request to its last word, and each is counted once."""
    steps = 0
    for step in count():
        directory = tmp_path / str(step)
        directory.mkdir()
        reached, copy = await tell_and_kill(directory, step, waited=waited)
        async with scene_in(copy, {"r1": ["partly"], "r2": ["useless"]}) as scene:
            before = sum((await scene.said()).values())
            assert before + sum((await scene.outbox.book(SHOP)).pending.values()) == 5
            await scene.over(20)
            assert await scene.said() == {(Processing.NOT_USED, CODE): 3, (Processing.USED, None): 2}
        shutil.rmtree(directory)
        shutil.rmtree(copy)
        steps = step
        if not reached:
            break
    assert steps > 10, "the sweep must have met many awaits"
