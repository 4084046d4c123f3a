"""The one thread that owns a store's file, and the queue in front of it.

It takes all that is waiting as one group: questions are answered, then all changes are applied in one transaction and
flushed once, and only then does each waiter hear of it, in one call into the event loop. Each waiter has a future of
its own, so one that gives up takes nobody with it; its change is made all the same.

A change that raises is undone, and everybody else's are made without it. A full store refuses changes that add to it and
makes the others, which may be what empties it. An error of the disk is final: after a failed flush a later success proves
nothing (https://www.usenix.org/conference/atc20/presentation/rebello, read 2026-11-22), so nothing is answered well again.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final, Generic, Protocol, TypeVar

import apsw
import msgspec

from gateway.storage import Shut, Unavailable

T = TypeVar("T")
N = TypeVar("N")
N_co = TypeVar("N_co", covariant=True)
S = TypeVar("S", bound="Stored[Any]")

GROUP_ENTRIES: Final = 2_000
"""Entries, or what costs as much, after which a group is closed. An entry is bounded (4 KB at the most), so bytes are too."""

GROUP_JOBS: Final = 1_000

MOST_WAITING: Final = 50_000
"""Entries that may wait for the thread before further ones hear that the store is busy."""

MOST_TURNS: Final = 16
"""Turns of the event loop that gathering may take while each brings more: a few milliseconds when it is busy, else none."""

LOOK_AGAIN_SECONDS: Final = 1.0
"""How often a full store with nothing else to do looks whether there is room again."""

_FATAL: Final = (apsw.IOError, apsw.CorruptError, apsw.NotADBError, apsw.CantOpenError, apsw.ReadOnlyError, apsw.NoMemError)


def ignore(_done: object) -> None:
    """Nothing follows."""


class Stored(Protocol[N_co]):
    """What the thread needs of the store that it owns."""

    used: float
    """The share of its cap that was in use when it was last looked (`is_full`)."""

    def begin(self) -> None:
        """Begin a transaction."""

    def commit(self) -> None:
        """Flush the transaction to stable storage; raises what SQLite raises."""

    def rollback(self) -> None:
        """Undo the transaction under way, in the file and in memory."""

    def changes(self) -> N_co:
        """Give what the outside has not been told yet."""

    def is_full(self, *, before: bool) -> bool:
        """Say whether what adds must be refused; `before` says whether it already is."""

    def close(self, *, whole: bool) -> None:
        """Close; `whole` also checkpoints."""


class Change(msgspec.Struct, Generic[S, T], frozen=True, eq=False, gc=False):
    """A change of the store, and what follows from it in the event loop, whether or not somebody still waits.

    `adds`: how many entries it adds; with any it is refused while the store is full or too many wait. `more`: what it costs
    beyond them, in entries.
    """

    run: Callable[[S], T]
    once_done: Callable[[T], None]
    future: asyncio.Future[T]
    adds: int = 0
    more: int = 0


class _Question(msgspec.Struct, Generic[S, T], frozen=True, eq=False, gc=False):
    """A look at what is committed."""

    run: Callable[[S], T]
    future: asyncio.Future[T]


_Job = Change[Any, Any] | _Question[Any, Any]


class Answer(msgspec.Struct, frozen=True, eq=False, gc=False):
    """What came of a job: a result, or a fault."""

    job: _Job
    result: object = None
    fault: BaseException | None = None


class Writer(Generic[S, N]):
    """The thread and its queue. All methods are for the event loop that made it."""

    def __init__(self, name: str, told: Callable[[N], None]) -> None:
        """Make it; `name` is the thread's, `told` is called in the event loop with what every committed transaction changed."""
        self._name = name
        self._told = told
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[Sequence[_Job] | None] = SimpleQueue()
        self._gathered: list[_Job] = []
        self._waiting = 0
        self._closed = False
        self._full = False
        self.used = 0.0
        """The share of the store's cap that is in use, as of its last look; 0 before it is open."""
        self.failed = asyncio.Event()
        """Set once an error of the disk has made the store useless; the process must end with a failure then."""
        self._left: deque[_Job] = deque()
        self._thread_full = False
        self._thread_failed = False
        self._thread: Thread | None = None
        self._ended: asyncio.Future[None] = self._loop.create_future()

    # ── in the event loop ────────────────────────────────────────────────────────────────────────────────────────

    async def start(self, open_store: Callable[[], S]) -> None:
        """Start the thread and have it open the store. Raises what `open_store` raises."""
        opened: asyncio.Future[None] = self._loop.create_future()
        self._thread = Thread(target=self._work, args=(open_store, opened), name=self._name, daemon=True)
        self._thread.start()
        await asyncio.shield(opened)

    @property
    def shut(self) -> Shut | None:
        """Why a change that adds would be refused now, else None."""
        if self.failed.is_set():
            return Shut.FAILED
        if self._closed:
            return Shut.CLOSED
        if self._full:
            return Shut.FULL
        return Shut.BUSY if self._waiting >= MOST_WAITING else None

    def change(self, run: Callable[[S], T], once_done: Callable[[T], None] = ignore, adds: int = 0) -> asyncio.Future[T]:
        """Queue a change. Raises Unavailable when the store failed or is closed, or is shut to what adds."""
        future: asyncio.Future[T] = self._future()
        self._queue_change(Change(run, once_done, future, adds))
        return future

    def _queue_change(self, change: Change[S, T]) -> None:
        if change.adds and (why := self.shut) is not None:
            raise Unavailable(why)
        self._waiting += change.adds
        self._enqueue(change)

    def ask(self, run: Callable[[S], T]) -> asyncio.Future[T]:
        """Queue a question. Raises Unavailable when the store failed or is closed."""
        future: asyncio.Future[T] = self._future()
        self._enqueue(_Question(run, future))
        return future

    def _future(self) -> asyncio.Future[Any]:
        if self.failed.is_set():
            raise Unavailable(Shut.FAILED)
        if self._closed:
            raise Unavailable(Shut.CLOSED)
        return self._loop.create_future()

    def _enqueue(self, job: _Job) -> None:
        """Gather what arrives together, and hand it over together, so that it is flushed together.

        Handing over each job by itself wakes the thread for the first one; the two then fight over the interpreter, and
        a flush takes 22 requests of 64 that wait.
        """
        self._gathered.append(job)
        if len(self._gathered) == 1:
            self._loop.call_soon(self._hand_over, 1, MOST_TURNS)

    def _hand_over(self, before: int = 0, turns: int = 0) -> None:
        """Hand over, unless the last turn of the event loop brought more and some `turns` are left to wait for."""
        if turns and len(self._gathered) > before:
            self._loop.call_soon(self._hand_over, len(self._gathered), turns - 1)
        elif self._gathered:
            self._queue.put(self._gathered)
            self._gathered = []

    async def close(self) -> None:
        """Finish what is queued, checkpoint, close the store and end the thread. May be called again."""
        if not self._closed:
            self._closed = True
            self._hand_over()
            self._queue.put(None)
        await asyncio.shield(self._ended)
        if self._thread is not None:
            self._thread.join()

    def _hear(self, answers: Sequence[Answer], changes: N | None, full: bool, failed: bool) -> None:
        """Take in what a group of jobs came to, and let each waiter go."""
        if failed:
            self.failed.set()
        if full and not self._full:
            self._loop.call_later(LOOK_AGAIN_SECONDS, self._look_again)
        self._full = full
        if changes is not None:
            self._told(changes)
        for answer in answers:
            job, fault = answer.job, answer.fault
            if isinstance(job, Change):
                self._waiting -= job.adds
                fault = fault or _follow(job, answer.result)
            future = job.future
            if future.done():
                continue
            if fault is None:
                future.set_result(answer.result)
            else:
                future.set_exception(fault)

    def _look_again(self) -> None:
        if self._full and self.shut is Shut.FULL:
            self._enqueue(_Question(lambda _: None, self._loop.create_future()))
            self._loop.call_later(LOOK_AGAIN_SECONDS, self._look_again)

    # ── in the thread ────────────────────────────────────────────────────────────────────────────────────────────

    def _tell(self, call: Callable[..., None], *values: object) -> None:
        """Call into the event loop; without one there is nobody left to hear it."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *values)

    def _work(self, open_store: Callable[[], S], opened: asyncio.Future[None]) -> None:
        try:
            store = self._open(open_store)
        except BaseException as fault:  # noqa: BLE001 - whoever waits for the opening hears it
            self._tell(self._fail_to_open, opened, fault)
            return
        self._tell(self._hear, (), store.changes(), self._thread_full, False)  # noqa: FBT003 - not failed
        self._tell(opened.set_result, None)
        more = True
        while more:
            jobs, more = self._take()
            self._tell(self._hear, *self._serve(store, jobs))
        store.close(whole=not self._thread_failed)
        self._tell(self._ended.set_result, None)

    def _open(self, open_store: Callable[[], S]) -> S:
        """Open the store and look how full it is; one whose volume cannot be looked at is closed again."""
        store = open_store()
        try:
            self._thread_full = store.is_full(before=False)
        except BaseException:
            store.close(whole=False)
            raise
        self.used = store.used
        return store

    def _fail_to_open(self, opened: asyncio.Future[None], fault: BaseException) -> None:
        self._closed = True
        self._ended.set_result(None)
        opened.set_exception(fault)

    def _take(self) -> tuple[list[_Job], bool]:
        """Take what is waiting, up to the bounds of a group; False once the end of the queue was met.

        What goes beyond the bounds stays in `_left` for the next group.
        """
        jobs: list[_Job] = []
        entries = 0
        while entries < GROUP_ENTRIES and len(jobs) < GROUP_JOBS:
            if not self._left:
                try:
                    handed = self._queue.get(block=not jobs)
                except Empty:
                    return jobs, True
                if handed is None:
                    return jobs, False
                self._left.extend(handed)
                continue
            job = self._left.popleft()
            jobs.append(job)
            entries += job.adds + job.more if isinstance(job, Change) else 0
        return jobs, True

    def _serve(self, store: S, jobs: Sequence[_Job]) -> tuple[list[Answer], N | None, bool, bool]:
        """Do a group of jobs; gives their answers, what changed, whether the store is full and whether it failed.

        A store that has failed answers nothing: it would tell of what was never flushed.
        """
        questions = [job for job in jobs if isinstance(job, _Question) and not self._thread_failed]
        changes = [job for job in jobs if isinstance(job, Change)]
        answers: list[Answer] = []
        news: N | None = None
        try:
            answers += [self._reply(store, question) for question in questions]
            answers += self._apply(store, changes)
            if not self._thread_failed:
                self._thread_full = store.is_full(before=self._thread_full)
                self.used = store.used
                news = store.changes()
        except Exception:  # noqa: BLE001 - what is not one job's fault is the store's: nothing can be promised after it
            self._thread_failed = True
        answered = {id(answer.job) for answer in answers}
        answers += [Answer(job, fault=Unavailable(Shut.FAILED)) for job in jobs if id(job) not in answered]
        return answers, news, self._thread_full, self._thread_failed

    def _reply(self, store: S, question: _Question[S, object]) -> Answer:
        try:
            return Answer(question, question.run(store))
        except _FATAL:
            raise
        except Exception as fault:  # noqa: BLE001 - the one who asked hears it
            return Answer(question, fault=fault)

    def _apply(self, store: S, changes: Sequence[Change[S, Any]]) -> list[Answer]:
        """Apply changes in one transaction, or, should one of them be at fault, each in its own."""
        answers: list[Answer] = []
        if self._thread_failed:
            return answers
        if self._thread_full:
            answers = [Answer(change, fault=Unavailable(Shut.FULL)) for change in changes if change.adds]
            changes = [change for change in changes if not change.adds]
        if not changes:
            return answers
        try:
            return answers + self._transact(store, changes)
        except _FATAL:
            self._thread_failed = True
            return answers
        except apsw.FullError:
            self._thread_full = True
            fault: Exception = Unavailable(Shut.FULL)
        except Exception as raised:  # noqa: BLE001 - the one whose change it was hears it
            fault = raised
        self._undo(store)
        if self._thread_failed:
            return answers
        if len(changes) == 1:
            return [*answers, Answer(changes[0], fault=fault)]
        for change in changes:
            answers += self._apply(store, (change,))
        return answers

    def _undo(self, store: S) -> None:
        """Undo the transaction under way. Where that cannot be done the store has failed; what was kept before it is kept."""
        try:
            store.rollback()
        except Exception:  # noqa: BLE001 - nothing can be promised after it, whatever it was
            self._thread_failed = True

    def _transact(self, store: S, changes: Sequence[Change[S, Any]]) -> list[Answer]:
        store.begin()
        answers = self._make(store, changes)
        store.commit()
        return answers

    def _make(self, store: S, changes: Sequence[Change[S, Any]]) -> list[Answer]:
        """Make changes inside a transaction, in their order; gives their answers in any."""
        return [Answer(change, change.run(store)) for change in changes]


def _follow(change: Change[Any, Any], result: object) -> Exception | None:
    """Do what follows from a change; should that be at fault, only its own caller may suffer from it."""
    try:
        change.once_done(result)
    except Exception as fault:  # noqa: BLE001 - the one whose change it was hears it
        return fault
    return None
