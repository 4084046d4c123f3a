"""What holds for every test: nothing leaves this machine, properties are given the time they need, and what is asked of the
pure rooms' coverage is asked of their own tests.

`HYPOTHESIS_PROFILE=deep` looks for counter-examples much longer than the gate does.
"""

import gc
import os
import sys
import tomllib
from collections.abc import Sequence
from fnmatch import fnmatch
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine; a name other than localhost is not."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def stay_here(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse to connect to anything but loopback; a test that would reach further fails where it does so."""
    if event == "socket.connect" and isinstance(arguments[1], tuple) and not is_loopback(arguments[1][0]):
        raise RuntimeError("tests connect to loopback only")


sys.addaudithook(stay_here)

# Machines are shared and busy: how long an example takes says nothing about the code.
settings.register_profile("gate", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("deep", settings.get_profile("gate"), max_examples=3000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the gate run what is traced apart: tracing is slow, and not sound where one process goes to and fro."""
    parser.addoption(
        "--only", choices=("rooms", "rest"), help="run the pure rooms' own tests, whose coverage counts, or all others"
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the files that were not asked for, before they are read: that takes seconds in each process."""
    only = config.getoption("only")
    if only is None or not collection_path.name.startswith("test_"):
        return None
    wanted = is_of_a_room(collection_path, config.rootpath, _rooms(config.rootpath)) is (only == "rooms")
    return None if wanted else True


@lru_cache
def _rooms(root: Path) -> Sequence[str]:
    """Name the rooms whose coverage is counted."""
    rooms: list[str] = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["coverage"]["run"]["include"]
    return rooms


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Run twice as many at a time as there are cores, but eight at most: half of them wait for a clock, a disk or a browser.

    The rooms' own wait for nothing, and each further process reads all of them first.
    """
    cores = os.cpu_count() or 1
    return min(8, cores if config.getoption("only") == "rooms" else 2 * cores)


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over thousands of collected tests, and look less often: a fourteenth of all CPU time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


def is_of_a_room(test: Path, root: Path, rooms: Sequence[str]) -> bool:
    """Tell whether a test file mirrors a file of these rooms, which are paths as coverage takes them, or an adapter."""
    room = Path(*test.relative_to(root).parts[1:]).with_name(test.name.removeprefix("test_"))
    is_there = (root / room).exists() or room.parts[0] == "adapters"
    return is_there and any(fnmatch(room.as_posix(), pattern) for pattern in rooms)
