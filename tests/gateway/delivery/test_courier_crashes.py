"""The courier is killed at each of its awaits in turn, and the next process finds nothing lost and nothing done twice.

A kill stops the courier where it waits, without a word to the store. The store's files are then copied as they lie on
disk, and a new store and a new courier go on from the copy.
"""

import asyncio
import shutil
import types
from collections import Counter
from collections.abc import Callable, Coroutine, Generator
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.delivery.contract import host_and_port
from gateway.delivery.transport import Transport
from gateway.model.words import Destination, Reason
from tests.gateway.delivery.scene import SHOP, Answer, Line, Platform, event, open_store, platform_on_loopback

EVENTS: Final = 6
BAD: Final = "e1"


class Killed(BaseException):
    """The process died here."""


@types.coroutine
def killed_at(
    courier: Coroutine[Any, Any, None], step: int, quiet: Callable[[], bool], *, waited: bool
) -> Generator[Any, None, bool]:
    """Run `courier` up to its `step`-th await and kill it there, before or after what it waited for has happened.

    Returns False if all was `quiet` before that.
    """
    await_ = courier.__await__()
    future = await_.send(None)
    for _ in range(step):
        error = yield from happening(future)
        if quiet():
            break
        future = await_.send(None) if error is None else await_.throw(error)
    else:
        if waited:
            yield from happening(future)
    reached = not quiet()
    try:
        future = await_.throw(Killed())
        while True:
            error = yield from happening(future)
            future = await_.send(None) if error is None else await_.throw(error)
    except (Killed, StopIteration):
        return reached


def happening(future: Any) -> Generator[Any, None, BaseException | None]:
    """Wait for what the courier waits for; give the exception that it would meet."""
    try:
        yield future
    except BaseException as error:  # noqa: BLE001 - handed on, whatever it is
        return error
    return None


def story(platform: Platform) -> None:
    """One bad event that sinks its batch, and one request whose connection is cut after it was taken."""
    cut: list[str] = []

    def script(sent: list[str]) -> Answer | None:
        if BAD in sent:
            return Answer(["isolate"])
        if not cut and "e5" in sent:
            cut.extend(sent)
            platform.take(sent)
            return None
        return Answer(["ok"])

    platform.script = script


async def run_and_kill(directory: Path, platform: Platform, step: int, *, waited: bool) -> tuple[bool, Path]:
    """Put the events, run a courier, kill it at `step`; give whether it got that far, and the copied store."""
    outbox = await open_store(directory)
    line = Line(outbox, platform)
    line.limits(batch_events=4)
    await line.put(*(event(number) for number in range(EVENTS)))
    async with Transport(hosts={host_and_port(platform.url)}) as transport:
        run = line.courier(transport).run()
        reached = await killed_at(run, step, line.quiet, waited=waited)
    await outbox.book(SHOP)  # a call of the store's own thread: what was handed to it before is over by now
    copy = directory.with_name(directory.name + "-after")
    shutil.copytree(directory, copy, ignore=shutil.ignore_patterns("*-shm", "*lock*"))
    await outbox.close()
    return reached, copy


async def finish(copy: Path, platform: Platform) -> None:
    """Go on from the copy and check that everything ends as it must."""
    outbox = await open_store(copy)
    line = Line(outbox, platform)
    line.limits(batch_events=4)
    try:
        found = {f"e{number}": (await line.attempt(number)).state for number in range(EVENTS)}
        taken_before = Counter(platform.taken)
        requests_before = len(platform.requests)
        assert {found[name] for name in taken_before} <= {"delivered", "maybe"}, "sent before the store knew"
        await line.deliver()
        sent_after = {name for sent in platform.requests[requests_before:] for name in sent}
        settled_before = {name for name, state in found.items() if state in {"delivered", "dead"}}
        assert not sent_after & settled_before, "sent again though settled"
        taken_twice = {name for name, times in platform.taken.items() if times > 1}
        unknowable = {name for name, state in found.items() if state == "maybe"} | {"e4", "e5"}
        assert taken_twice <= unknowable, "sent twice though its outcome was known"
        assert max(platform.taken.values()) <= 3
        assert set(platform.taken) == {f"e{number}" for number in range(EVENTS)} - {BAD}, "lost"
        book = await outbox.book(SHOP)
        by_outcome: Counter[tuple[str, Reason]] = Counter()
        for (_, _, outcome, reason), number in book.settled.items():
            by_outcome[outcome, reason] += number
        assert by_outcome == {("delivered", Reason.CONFIRMED): EVENTS - 1, ("dead", Reason.REJECTED): 1}, "settled twice"
        assert book.accepted[Destination.META] == EVENTS
        assert book.waiting.get(Destination.META, 0) == 0
    finally:
        await outbox.close()


@pytest.mark.parametrize("waited", [False, True], ids=["before", "after"])
async def test_killed_between_any_two_awaits(tmp_path: Path, waited: bool) -> None:
    """At whichever await the courier dies, every event ends once, and only what was on the wire may be sent twice."""
    twice = steps = 0
    for step in count():
        directory = tmp_path / str(step)
        directory.mkdir()
        async with platform_on_loopback() as platform:
            story(platform)
            reached, copy = await run_and_kill(directory, platform, step, waited=waited)
            await finish(copy, platform)
        steps = step
        twice += any(times > 1 for name, times in platform.taken.items() if name in {"e0", "e2", "e3"})
        shutil.rmtree(directory)
        shutil.rmtree(copy)
        if not reached:
            break
        await asyncio.sleep(0)
    assert steps > 15, "the sweep must have met many awaits"
    assert twice, "some kill must have hit between the platform's answer and the settlement"
