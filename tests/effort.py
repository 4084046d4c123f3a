"""How much work something is, as a multiple of a fixed piece of work done beside it: a slow machine is slow at both.

Tracing (coverage) is paused meanwhile: it slows Python and not C, so it would change the multiple and not just the time.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import apsw

FIXED: Final = "[" + "0," * 100_000 + "0]"


def effort(call: Callable[[], object]) -> float:
    """CPU time of `call` as a multiple of parsing a hundred thousand numbers; the best of three of each."""
    with _untraced():
        return _best(call) / fixed()


def seconds(call: Callable[[], object]) -> float:
    """CPU time of `call`, the best of three, for limits that are promised in seconds."""
    with _untraced():
        return _best(call)


@contextmanager
def counted(connection: apsw.Connection) -> Iterator[list[int]]:
    """Count hundreds of steps that SQLite's machine takes in the block: work that is the same on every machine."""
    steps = [0]

    def step() -> bool:
        steps[0] += 1
        return False

    connection.set_progress_handler(step, 100)
    try:
        yield steps
    finally:
        connection.set_progress_handler(None)


@contextmanager
def _untraced() -> Iterator[None]:
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)


def fixed() -> float:
    """CPU seconds of the fixed piece of work, at this moment on this machine."""
    return _best(lambda: json.loads(FIXED))


def _best(call: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        began = time.thread_time()
        call()
        times.append(time.thread_time() - began)
    return min(times)
