"""What the kernel says is read right, and a process's CPU holds its children's."""

import os
import subprocess
import sys
import time

from bench.proc import Sample, between, cores, cpu_seconds, parse_stat, parse_steal, pin, resident_bytes, tree, yardstick

STAT = "42 (a (b) c) S 7 42 42 0 -1 4194304 100 0 0 0 11 22 33 44 20 0 1 0 100 1000 10 18446744073709551615"
BURN = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\n"


def test_a_name_with_parentheses_does_not_shift_the_fields() -> None:
    """Parent and the four CPU fields stand after the last parenthesis."""
    assert parse_stat(STAT) == (7, 11 + 22 + 33 + 44)


def test_steal_is_the_eighth_field_and_guests_are_not_counted_twice() -> None:
    """User time holds guest time already."""
    assert parse_steal("cpu  1 2 3 4 5 6 7 8 900 900\ncpu0 0 0 0 0 0 0 0 0 0 0\n") == (8, 36)


def test_a_span_is_the_difference() -> None:
    """Steal is a share of all cores' time."""
    assert between(Sample(10.0, 1.0, 5, 100), Sample(12.0, 1.5, 15, 300)) == (2.0, 0.5, 0.05)


def test_cpu_of_children_is_counted_once_they_were_waited_for() -> None:
    """A server's figure holds what its helpers burnt."""
    before = cpu_seconds(os.getpid())
    subprocess.run([sys.executable, "-c", BURN], check=True)  # noqa: S603 - our own code
    assert cpu_seconds(os.getpid()) - before >= 0.29


def test_cpu_of_living_descendants_is_counted() -> None:
    """Also while they run."""
    with subprocess.Popen([sys.executable, "-c", BURN + "input()"], stdin=subprocess.PIPE) as child:  # noqa: S603 - our own code
        until = time.monotonic() + 10
        while cpu_seconds(child.pid) < 0.29 and time.monotonic() < until:
            time.sleep(0.01)
        assert child.pid in tree(os.getpid())
        assert cpu_seconds(child.pid) >= 0.29
        child.communicate(b"\n")


def test_pinning_binds_every_thread() -> None:
    """Threads that run already are bound too."""
    allowed = os.sched_getaffinity(0)
    try:
        pin(os.getpid(), cores().others)
        assert os.sched_getaffinity(0) == {cores().others}
    finally:
        os.sched_setaffinity(0, allowed)


def test_memory_and_yardstick_are_positive() -> None:
    """Both are real readings of this process."""
    assert resident_bytes(os.getpid()) > 1 << 20
    assert yardstick() > 0
