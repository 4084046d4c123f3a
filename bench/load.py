"""A load generator in a process of its own: so many kept-alive connections, each with one request in flight.

    python -m bench.load '{"port": 8080, "pid": 123, …}'

It begins when a line comes in on standard input, warms the server up, then counts within a window at whose edges it reads
the server's CPU. Every event has a new id, so that durable ones are not mistaken for repeats; accepted ones are counted in
the answers. Bounded by time or by a number of requests. Prints `counting` when the window begins, and at the end one line of
JSON.
"""

import asyncio
import os
import sys
import time
from array import array
from collections import Counter
from typing import Final, cast

import msgspec
import uvloop

from bench.proc import Sample, between, pin, sample
from bench.shoppers import Bodies, Ids, pool

ACCEPTED: Final = b'"status":"accepted"'
LENGTH: Final = b"content-length:"
COUNTING: Final = "counting"


class Order(msgspec.Struct, frozen=True):
    """What is wanted. `size` is events a body, None for one event that stands alone; `pid` is the server.

    Ends after `seconds` or after `requests`, whichever is given; `core` is where the generator runs. `per_second`: requests
    of all connections together, evenly spread; 0 for as many as the server answers. `slice_seconds`: also tell what happened in
    each such part of the window; 0 for none.
    """

    port: int
    pid: int
    path: str
    key: str
    connections: int
    core: int
    prefix: str
    size: int | None = None
    warm_seconds: float = 0.0
    seconds: float = 0.0
    requests: int = 0
    pool: int = 10_000
    per_second: float = 0.0
    slice_seconds: float = 0.0


class Slice(msgspec.Struct, frozen=True):
    """A part of the window: answers, and seconds of the wall clock and of the server's CPU."""

    requests: int
    wall: float
    cpu: float


class Result(msgspec.Struct, frozen=True):
    """What happened in the window. `cpu` is the server's, `own_cpu` the generator's, in seconds; latencies in ms."""

    statuses: dict[str, int]
    accepted: int
    wall: float
    cpu: float
    own_cpu: float
    steal: float
    p50_ms: float
    p99_ms: float
    all_accepted: int
    """Accepted events of the whole run, warm-up included."""
    slices: tuple[Slice, ...] = ()

    @property
    def requests(self) -> int:
        """Answers, of whatever status."""
        return sum(self.statuses.values())


class Run:
    """What the connections share: what to send next, what was counted, and whether to go on."""

    def __init__(self, order: Order) -> None:
        self._bodies = Bodies(pool(int(time.time()), order.pool), Ids(order.prefix), order.size)
        self._head = (
            f"POST {order.path} HTTP/1.1\r\nHost: 127.0.0.1:{order.port}\r\nAuthorization: Bearer {order.key}\r\n"
            "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        ).encode()
        self._left = order.requests or sys.maxsize
        self._apart = 1 / order.per_second if order.per_second else 0.0
        self._due = 0.0
        self.in_flight = 0
        self.going = True
        self.counting = False
        self.statuses: Counter[bytes] = Counter()
        self.accepted = 0
        self.all_accepted = 0
        self.latencies = array("d")
        self.done = asyncio.Event()

    def next(self) -> bytes | None:
        """Give the next request, None when there shall be no more."""
        if not self.going or not self._left:
            return None
        self._left -= 1
        self.in_flight += 1
        body = self._bodies.take()
        return self._head % len(body) + body

    def wait(self, now: float) -> float:
        """Say in how many seconds the next request may be sent, and count on its being sent then.

        A server that was slow is not flooded afterwards: what was due meanwhile is left out.
        """
        if not self._apart:
            return 0.0
        self._due = max(self._due + self._apart, now)
        return self._due - now

    def answered(self, status: bytes, body: bytes, seconds: float) -> None:
        """Count an answer."""
        self.in_flight -= 1
        accepted = body.count(ACCEPTED)
        self.all_accepted += accepted
        if self.counting:
            self.statuses[status] += 1
            self.accepted += accepted
            self.latencies.append(seconds)

    def cut(self) -> None:
        """End the run before its time: figures of a broken run would mean nothing."""
        if self.going and not self.done.is_set():
            self.going = False
            self.statuses[b"cut"] += 1
            self.done.set()

    def ended(self) -> None:
        """Take note that a connection has nothing more to do."""
        if not self.in_flight:
            self.done.set()


class Connection(asyncio.Protocol):
    """One connection: sends, waits for the whole answer, sends again."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._received = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; `begin` starts."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own is none by inheritance

    def begin(self) -> None:
        """Send the next request when it is time for it, or stop."""
        loop = asyncio.get_running_loop()
        if (seconds := self._run.wait(loop.time())) > 0:
            loop.call_later(seconds, self._send)
        else:
            self._send()

    def _send(self) -> None:
        assert self._transport is not None
        if self._transport.is_closing():
            self._run.cut()
            return
        request = self._run.next()
        if request is None:
            self._run.ended()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Collect until the answer is whole."""
        self._received = self._received + data if self._received else data
        found = split(self._received)
        if found is None:
            return
        status, body = found
        self._received = b""
        self._run.answered(status, body, time.perf_counter() - self._sent_at)
        self.begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """A server that hangs up early ends the run."""
        del exc
        self._run.cut()


def split(received: bytes) -> tuple[bytes, bytes] | None:
    """Give status and body of an answer with a `Content-Length`, None while it is incomplete."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = received[:end].lower()
    at = head.find(LENGTH)
    length = int(head[at + len(LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
    return (received[9:12], received[end + 4 :]) if len(received) - end - 4 >= length else None


async def generate(order: Order) -> Result:
    """Connect, wait for the word on standard input, and run."""
    run = Run(order)
    loop = asyncio.get_running_loop()
    connections = [
        (await loop.create_connection(lambda: Connection(run), "127.0.0.1", order.port))[1] for _ in range(order.connections)
    ]
    await asyncio.to_thread(sys.stdin.readline)
    if not order.warm_seconds:
        before, own_before, run.counting = sample(order.pid), time.process_time(), True
    for connection in connections:
        connection.begin()
    if order.warm_seconds:
        await _wait(run, order.warm_seconds)
        before, own_before, run.counting = sample(order.pid), time.process_time(), True
    print(COUNTING, flush=True)
    slices = await _slices(run, order) if order.slice_seconds else ()
    if not slices:
        await _wait(run, order.seconds or None)
    run.counting = False
    after, own_after = sample(order.pid), time.process_time()
    run.going = False
    if run.in_flight:
        await _wait(run, 10.0)
    return msgspec.structs.replace(_result(run, before, after, own_after - own_before), slices=slices)


async def _slices(run: Run, order: Order) -> tuple[Slice, ...]:
    """Wait for the whole window, a slice after another."""
    told: list[Slice] = []
    begin, count, edge = time.monotonic(), 0, sample(order.pid)
    for number in range(1, round(order.seconds / order.slice_seconds) + 1):
        await _wait(run, begin + number * order.slice_seconds - time.monotonic())
        span, edge = between(edge, now := sample(order.pid)), now
        told.append(Slice(len(run.latencies) - count, span.wall, span.cpu))
        count = len(run.latencies)
    return tuple(told)


async def _wait(run: Run, seconds: float | None) -> None:
    """Wait so long, or until all is sent and answered."""
    try:
        async with asyncio.timeout(seconds):
            await run.done.wait()
    except TimeoutError:
        return


def _result(run: Run, before: Sample, after: Sample, own_cpu: float) -> Result:
    span = between(before, after)
    ordered = sorted(run.latencies) or [0.0]
    return Result(
        statuses={status.decode(): count for status, count in run.statuses.items()},
        accepted=run.accepted,
        wall=span.wall,
        cpu=span.cpu,
        own_cpu=own_cpu,
        steal=span.steal,
        p50_ms=percentile(ordered, 0.50) * 1000,
        p99_ms=percentile(ordered, 0.99) * 1000,
        all_accepted=run.all_accepted,
    )


def percentile(ordered: list[float], share: float) -> float:
    """Give the value that `share` of the ordered values do not exceed (nearest rank)."""
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def main() -> None:
    """Run one order."""
    order = msgspec.json.decode(sys.argv[1], type=Order)
    pin(os.getpid(), order.core)
    print(msgspec.json.encode(uvloop.run(generate(order))).decode(), flush=True)


if __name__ == "__main__":
    main()
