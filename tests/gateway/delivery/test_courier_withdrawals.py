"""Somebody withdraws while their event is in a courier's hands: whenever that is, no request with it begins afterwards.

The others in the same request lose nothing by it: no try, no place in the quota, no time. Looking costs nothing as long as
nobody withdraws.
"""

import asyncio
import types
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from gateway.adapter import Access, Quota
from gateway.delivery.contract import host_and_port
from gateway.delivery.courier import Courier
from gateway.delivery.credentials import Standing
from gateway.delivery.grants import CredentialKind
from gateway.delivery.quota import Meter
from gateway.delivery.replaying import Replayer
from gateway.delivery.transport import Transport
from gateway.model.event import EmailDigests, Minimised, Refund
from gateway.model.texts import EmailDigest, RefundId
from gateway.model.words import Destination, Reason
from gateway.outbox.answers import DeadLetter
from gateway.outbox.engine.sqlite import SqliteOutbox
from gateway.outbox.holdings import Person, Refunded, Removal, Undoing
from gateway.outbox.shapes import Left
from gateway.outbox.work import Claim, Lane, Record
from gateway.secret import Secret
from tests.gateway.delivery.scene import (
    LANE,
    NOW,
    SHOP,
    Answer,
    Line,
    Platform,
    event,
    line_in,
    open_store,
    platform_on_loopback,
)
from tests.gateway.delivery.test_replaying import order, replayer

MINE: Final = EmailDigest("ab" * 32)
PERSON: Final = Person((MINE,))
COLD: Final = 0.03
"""Seconds after which the platform has heard all that had left."""


def mine(number: int) -> Minimised:
    """Make a purchase of the person who withdraws."""
    return event(number, email=EmailDigests(meta=MINE))


async def withdraw(line: Line) -> Removal:
    """Let the person withdraw."""
    return await line.outbox.withdraw(SHOP, PERSON, NOW)


class Waiting:
    """A credential whose access is waited for: `asked` is set, and `given` lets it go. Each access is another token."""

    renewals = 0

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.given = asyncio.Event()
        self.tokens = count()

    async def access(self) -> Access:
        """Give access when it is time."""
        self.asked.set()
        await self.given.wait()
        return Access(Secret(f"token{next(self.tokens)}"))

    def refused(self, _access: Access) -> bool:
        """Wait again for the next."""
        self.asked.clear()
        self.given.clear()
        return True

    async def renewed(self, _seen: int) -> None:
        """Never."""
        await asyncio.Event().wait()

    @property
    def standing(self) -> Standing:
        """A token."""
        return Standing(CredentialKind.TOKEN, 0.0)


class Marking(SqliteOutbox):
    """The store, of which a mark is heard of late: `marked` is set once it is durable, and `told` lets the caller go on."""

    def __init__(self, lock: int) -> None:
        super().__init__(lock)
        self.marked = asyncio.Event()
        self.told = asyncio.Event()

    async def mark_sent(self, claim: Claim, seqs: Sequence[int], now: int, left: Sequence[Left] = ()) -> None:
        """Mark, and keep the caller waiting."""
        await super().mark_sent(claim, seqs, now, left)
        self.marked.set()
        await self.told.wait()


@asynccontextmanager
async def sending(line: Line) -> AsyncIterator[Courier]:
    """Put two events of the person and two of others, and run a courier until all is settled, which cost nobody a try."""
    await line.put(mine(0), event(1), mine(2), event(3))
    async with line.running() as courier:
        yield courier
        await line.until(line.quiet)
        assert line.recorder.of("retried") == []
        assert line.recorder.of("up") == [(True, None, None)]
        assert line.recorder.of("breaker") == []
    assert await line.states(4) == {"withdrawn": 2, "delivered": 2}
    assert line.platform.taken == Counter(["e1", "e3"])
    assert (await line.outbox.holdings(SHOP, PERSON)).held == ()


async def test_while_a_token_is_waited_for(line: Line) -> None:
    """The request is not even marked, and the others go with the token that was waited for."""
    line.credential = credential = Waiting()
    async with sending(line):
        await credential.asked.wait()
        assert await withdraw(line) == Removal({Destination.META: 2}, {}, {})
        credential.given.set()
    assert line.platform.requests == [["e1", "e3"]]
    assert (await line.outbox.holdings(SHOP, PERSON)).sent == ()
    assert {one.count for one in await line.outbox.departures(SHOP)} == {2}, "a shape is told that never left"


async def test_an_order_is_refunded_while_the_store_marks_what_leaves(tmp_path: Path) -> None:
    """As with a withdrawal: it does not leave, the other order does, and why is told as it is."""
    async with line_in(tmp_path, Marking) as line:
        outbox = line.outbox
        assert isinstance(outbox, Marking)
        await line.put(event(0), event(1))
        async with line.running():
            await outbox.marked.wait()
            money = event(0).money
            assert money is not None
            told = await outbox.refund(SHOP, Refund(event(0).event_id, RefundId("1"), money), NOW)
            assert told == Refunded(Undoing.WITHHELD, Removal({Destination.META: 1}, {}, {Destination.META: 1}))
            outbox.told.set()
            await line.until(line.quiet)
        assert line.platform.requests == [["e1"]]
        assert line.recorder.count("withdrawn") == {Reason.REFUNDED: 1}
        assert (await line.attempt(0)).reason is Reason.REFUNDED


async def test_while_the_store_marks_what_leaves(tmp_path: Path) -> None:
    """The marks are taken back and made anew: the person is in no list of what was sent, and the others are there once."""
    async with line_in(tmp_path, Marking) as line:
        outbox = line.outbox
        assert isinstance(outbox, Marking)
        async with sending(line):
            await outbox.marked.wait()
            assert await withdraw(line) == Removal({Destination.META: 2}, {}, {Destination.META: 2})
            line.platform.delay = 0.1
            outbox.told.set()
            await line.until(lambda: len(line.platform.requests) == 1)
            assert await line.states(4) == {"withdrawn": 2, "maybe": 2}
        assert line.platform.requests == [["e1", "e3"]]
        assert (await outbox.holdings(SHOP, PERSON)).sent == ()
        (sent,) = (await outbox.holdings(SHOP, Person((EmailDigest(f"{1:064x}"),)))).sent
        assert sent.confirmed


async def test_before_a_request_is_repeated_with_a_fresh_token(line: Line) -> None:
    """The platform has seen the first request, and does not see the person in the second."""
    line.credential = credential = Waiting()
    answers = iter([Answer(["pause"]), Answer(["ok"])])
    line.platform.script = lambda _: next(answers)
    async with sending(line):
        credential.given.set()
        await line.until(
            lambda: len(line.platform.requests) == 1 and credential.asked.is_set() and not credential.given.is_set()
        )
        assert await withdraw(line) == Removal({Destination.META: 2}, {}, {Destination.META: 2})
        credential.given.set()
    assert line.platform.requests == [["e0", "e1", "e2", "e3"], ["e1", "e3"]]


async def test_while_a_place_in_the_quota_is_waited_for(line: Line) -> None:
    """The place is the others'."""
    line.meter = meter = Meter(Quota(requests_per_minute=300))
    while meter.wait(asyncio.get_running_loop().time()) < 0.3:
        meter.take(asyncio.get_running_loop().time())
    async with sending(line):
        await asyncio.sleep(0.05)
        await withdraw(line)
    assert line.platform.requests == [["e1", "e3"]]


async def test_a_place_that_was_not_used_is_used_by_the_others(tmp_path: Path) -> None:
    """A request that is called off counts for nothing: the next one is not made to wait for a place of its own."""
    async with line_in(tmp_path, Marking) as line:
        outbox, taken = line.outbox, list[float]()

        class Counting(Meter):
            __slots__ = ()

            def take(self, now: float) -> float:
                taken.append(now)
                return super().take(now)

        assert isinstance(outbox, Marking)
        line.meter = Counting(Quota())
        async with sending(line):
            await outbox.marked.wait()
            await withdraw(line)
            outbox.told.set()
        assert len(taken) == 1


async def test_when_all_of_a_request_is_withdrawn_nothing_is_sent(tmp_path: Path) -> None:
    """The claim is settled without one, and the next is made at once."""
    async with line_in(tmp_path, Marking) as line:
        outbox = line.outbox
        assert isinstance(outbox, Marking)
        await line.put(mine(0), mine(1))
        async with line.running():
            await outbox.marked.wait()
            await withdraw(line)
            outbox.told.set()
            await line.until(line.quiet)
            assert not line.platform.requests
            await line.put(event(2))
            await line.until(lambda: line.platform.requests == [["e2"]], 1.0)
        assert line.recorder.of("retried") == []


async def test_what_was_dead_and_is_being_replayed_does_not_come_back(tmp_path: Path) -> None:
    """Between a replay's look at a letter and its return to the courier the person withdraws: it is returned by nobody."""

    class Reviving(SqliteOutbox):
        async def revive(self, lane: Lane, letters: Sequence[tuple[DeadLetter, Record]], now: int) -> frozenset[int]:
            """Return letters right after the person withdrew."""
            await self.withdraw(SHOP, PERSON, NOW)
            return await super().revive(lane, letters, now)

    async with line_in(tmp_path, Reviving) as line:
        line.platform.script = lambda _: Answer(["rejected"])
        await line.put(mine(0), event(1))
        await line.deliver()
        line.platform.script = lambda _: Answer(["ok"])
        replaying: Replayer = replayer(line)
        found = await replaying.replay(order(dry_run=False), NOW)
        assert found is not None
        assert sum(lot.count for lot in found.lots) == 1
        await line.deliver()
        assert line.platform.taken == Counter(["e1"])
        assert (await line.attempt(0)).state == "withdrawn"
        again = await replaying.replay(order(dry_run=False), NOW)
        assert again is not None
        assert again.looked_at == 0


# ── between any two awaits ───────────────────────────────────────────────────────────────────────────────────────

EVENTS: Final = 6
BAD, CUT = "e1", "e5"


class Enough(BaseException):
    """Ends the courier when everything is settled."""


@types.coroutine
def with_something_between(
    courier: Coroutine[Any, Any, None],
    step: int,
    something: Callable[[], Coroutine[Any, Any, None]],
    quiet: Callable[[], bool],
    *,
    waited: bool,
) -> Generator[Any, None, bool]:
    """Run `courier` until all is quiet, and `something` at its `step`-th await, before or after what that waits for.

    Gives whether there was such an await.
    """
    await_ = courier.__await__()
    future = await_.send(None)
    for number in count():
        if number == step and not waited:
            yield from something().__await__()
        error = yield from happening(future)
        if number == step and waited:
            yield from something().__await__()
        if quiet():
            break
        future = await_.send(None) if error is None else await_.throw(error)
    try:
        future = await_.throw(Enough())
        while True:
            error = yield from happening(future)
            future = await_.send(None) if error is None else await_.throw(error)
    except (Enough, StopIteration):
        return number >= step


def happening(future: Any) -> Generator[Any, None, BaseException | None]:
    """Wait for what the courier waits for; give the exception that it would meet."""
    try:
        yield future
    except BaseException as error:  # noqa: BLE001 - handed on, whatever it is
        return error
    return None


def story(platform: Platform) -> None:
    """The first token is refused, one bad event sinks its batch, and one request's connection is cut after it was taken."""
    refused: list[str] = []
    cut: list[str] = []

    def script(sent: list[str]) -> Answer | None:
        if not refused:
            refused.extend(sent)
            return Answer(["pause"])
        if BAD in sent:
            return Answer(["isolate"])
        if not cut and CUT in sent:
            cut.extend(sent)
            platform.take(sent)
            return None
        return Answer(["ok"])

    platform.script = script


class Withdrawal(msgspec.Struct):
    """What a withdrawal found, and what the platform had heard when nothing that had left before was under way any more."""

    removal: Removal | None = None
    heard: int = 0


@asynccontextmanager
async def told(directory: Path) -> AsyncIterator[Line]:
    """Have the story's line, whose quota is used up so far that requests wait for their places."""
    async with AsyncExitStack() as stack:
        outbox = await open_store(directory)
        stack.push_async_callback(outbox.close)
        platform = await stack.enter_async_context(platform_on_loopback())
        line = Line(outbox, platform)
        line.limits(batch_events=4)
        story(platform)
        line.credential = credential = Waiting()
        credential.given.set()
        credential.refused = lambda _access: True  # type: ignore[method-assign]  # the next one is given at once
        line.meter = meter = Meter(Quota(requests_per_minute=30_000))
        while meter.wait(asyncio.get_running_loop().time()) < 0.005:
            meter.take(asyncio.get_running_loop().time())
        yield line


async def withdrawn_between(line: Line, whose: frozenset[str], step: int, *, waited: bool) -> tuple[bool, Withdrawal]:
    """Put the events, run a courier and withdraw at `step`; give whether it got that far, and what the withdrawal found."""
    await line.put(*(mine(n) if f"e{n}" in whose else event(n) for n in range(EVENTS)))
    found = Withdrawal()

    async def withdrawing() -> None:
        found.removal = await withdraw(line)
        for _ in range(3):
            await asyncio.sleep(COLD / 3)
        found.heard = len(line.platform.requests)

    async with Transport(hosts={host_and_port(line.platform.url)}) as transport:
        run = line.courier(transport).run()
        reached = await with_something_between(run, step, withdrawing, line.quiet, waited=waited)
    return reached, found


async def conserved(line: Line, whose: frozenset[str], found: Withdrawal) -> None:
    """Check that nothing of the person began afterwards, that nobody else lost anything, and that the books add up."""
    late = [name for sent in line.platform.requests[found.heard :] for name in sent]
    assert not whose.intersection(late), "sent after the withdrawal"
    everybody = {f"e{number}" for number in range(EVENTS)}
    assert set(line.platform.taken) >= everybody - whose - {BAD}, "lost"
    states = {f"e{number}": (await line.attempt(number)).state for number in range(EVENTS)}
    assert {states[name] for name in everybody - whose - {BAD}} == {"delivered"}
    assert {states[name] for name in whose} <= {"delivered", "withdrawn"}
    assert {name for name in whose if states[name] == "delivered"} <= set(line.platform.taken), "delivered to nobody"
    book = await line.outbox.book(SHOP)
    ends: Counter[str] = Counter()
    for (_, _, outcome, _), number in book.settled.items():
        ends[outcome] += number
    assert +ends == Counter(states.values()), "the books say something else"
    assert (book.accepted, book.waiting) == ({Destination.META: EVENTS}, {Destination.META: 0})
    sent = Counter(str(one.event_id) for one in (await line.outbox.holdings(SHOP, PERSON)).sent)
    reached = Counter(name for request in line.platform.requests for name in request if name in whose)
    assert sent == reached, "what is told of what was sent is not what was sent"
    assert line.recorder.of("breaker") == []
    assert set(line.recorder.count("retried")) <= {Reason.CONNECTION_LOST}, "a withdrawal cost somebody a try"


@pytest.mark.parametrize("waited", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("whose", [frozenset({BAD}), frozenset({"e2", CUT})], ids=["bad", "good"])
async def test_withdrawn_between_any_two_awaits(tmp_path: Path, whose: frozenset[str], waited: bool) -> None:
    """At whichever await of the courier it is: in aiohttp and the store, over retries, repeats, halves and quota waits."""
    steps = called_off = on_the_wire = 0
    for step in count():
        directory = tmp_path / str(step)
        directory.mkdir()
        async with told(directory) as line:
            reached, found = await withdrawn_between(line, whose, step, waited=waited)
            if not reached:
                break
            assert found.removal is not None
            await conserved(line, whose, found)
            marked = found.removal.on_the_wire.get(LANE.destination, 0)
            heard = any(whose.intersection(sent) for sent in line.platform.requests)
            called_off += marked > 0 and not heard
            on_the_wire += marked > 0 and heard
        steps = step
    assert steps > 15, "the sweep must have met many awaits"
    assert called_off, "some withdrawal must have come between the mark and the first byte"
    assert on_the_wire, "some withdrawal must have come when bytes were on the wire"
