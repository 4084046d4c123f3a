"""What the kernel says about a process tree and the machine: CPU spent, memory held, time stolen, which core.

CPU seconds come from `/proc/PID/stat` and count a process's threads, its living descendants, and those that it has waited
for. Steal, the time a hypervisor gave to others, comes from `/proc/stat`. Linux only.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

PROC: Final = Path("/proc")
TICKS: Final = os.sysconf("SC_CLK_TCK")
PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class Stat(NamedTuple):
    """Of `/proc/PID/stat`: the parent, and the ticks of the process and of the children it has waited for."""

    parent: int
    ticks: int


class Sample(NamedTuple):
    """One look: wall clock and CPU of a process tree in seconds, and the machine's stolen and whole time in ticks."""

    at: float
    cpu: float
    stolen: int
    whole: int


class Span(NamedTuple):
    """What passed between two looks: wall and CPU seconds, and the share of all cores' time that was stolen (0 … 1)."""

    wall: float
    cpu: float
    steal: float


def parse_stat(text: str) -> Stat:
    """Read a `stat` file. The command's name stands in parentheses and may hold blanks and parentheses itself."""
    fields = text[text.rindex(")") + 2 :].split()
    return Stat(int(fields[1]), sum(map(int, fields[11:15])))


def parse_steal(text: str) -> tuple[int, int]:
    """Read the first line of `/proc/stat`: stolen and whole time. Guest time is left out: user time holds it already."""
    ticks = [int(field) for field in text.split("\n", 1)[0].split()[1:9]]
    return ticks[7], sum(ticks)


def _stats() -> Iterator[tuple[int, Stat]]:
    for entry in PROC.iterdir():
        if entry.name.isdecimal():
            try:
                yield int(entry.name), parse_stat((entry / "stat").read_text())
            except OSError:  # it ended meanwhile
                continue


def tree(pid: int) -> tuple[int, ...]:
    """List a process and all its living descendants."""
    children: dict[int, list[int]] = {}
    for child, stat in _stats():
        children.setdefault(stat.parent, []).append(child)
    found = [pid]
    for one in found:  # grows while it is walked
        found += children.get(one, ())
    return tuple(found)


def cpu_seconds(pid: int) -> float:
    """Add up the CPU of a process tree. Raises OSError when the process itself is gone."""
    ticks = parse_stat((PROC / str(pid) / "stat").read_text()).ticks
    for one in tree(pid)[1:]:
        try:
            ticks += parse_stat((PROC / str(one) / "stat").read_text()).ticks
        except OSError:  # it ended meanwhile; its parent has its ticks at the next look
            continue
    return ticks / TICKS


YARD_LOOPS: Final = 300


def yardstick() -> float:
    """Time a fixed piece of plain Python, in µs of CPU: how fast the core is just now.

    On a shared machine a neighbour can halve a core's speed without the kernel calling it steal.
    """
    before = time.process_time()
    for _ in range(YARD_LOOPS):
        squares = [number * number for number in range(500)]
        assert len({str(number): number for number in squares}) == 500
    return (time.process_time() - before) / YARD_LOOPS * 1e6


def resident_bytes(pid: int) -> int:
    """How much of a process is in memory."""
    return int((PROC / str(pid) / "statm").read_text().split()[1]) * PAGE


def sample(pid: int) -> Sample:
    """Look at a process tree and the machine."""
    stolen, whole = parse_steal((PROC / "stat").read_text())
    return Sample(time.monotonic(), cpu_seconds(pid), stolen, whole)


def own_sample() -> Sample:
    """Look at this process alone, with the finer clock that it has for itself."""
    stolen, whole = parse_steal((PROC / "stat").read_text())
    return Sample(time.monotonic(), time.process_time(), stolen, whole)


def between(before: Sample, after: Sample) -> Span:
    """Say what passed."""
    return Span(
        after.at - before.at,
        after.cpu - before.cpu,
        (after.stolen - before.stolen) / max(1, after.whole - before.whole),
    )


class Cores(NamedTuple):
    """Where the measured process runs, and where everything else does; the same one on a machine with a single core."""

    server: int
    others: int


def cores() -> Cores:
    """Choose the first and the last core that this process may use."""
    allowed = sorted(os.sched_getaffinity(0))
    return Cores(allowed[0], allowed[-1])


def pin(pid: int, core: int) -> None:
    """Bind every thread of a process to one core; threads it starts later inherit it."""
    for task in (PROC / str(pid) / "task").iterdir():
        os.sched_setaffinity(int(task.name), {core})
