import asyncio
import os
import resource
import signal
import sys
from pathlib import Path

import pytest

from tests.live import SERVE, Installation, Process

ROOT = Path(__file__).parents[3]


async def test_a_gateway_runs_until_it_is_told_to_stop(apart: Process) -> None:
    """It answers meanwhile; SIGTERM ends it with exit code 0."""
    assert (await apart.ask("/readyz"))["ready"]
    assert await apart.stop() == 0
    assert await apart.ask("/readyz") is None


async def test_the_end_of_its_terminal_stops_a_gateway_gracefully(stopped: Installation) -> None:
    """Unless it was started to outlive it, with `nohup`."""
    for before, ends in ((["env", "--default-signal=HUP"], True), (["nohup"], False)):  # these tests may be run with it, too
        command = [*before, sys.executable, "-c", SERVE, "serve", "--config", str(stopped.config)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = await asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.DEVNULL)
        try:
            async with asyncio.timeout(60):
                while not ((told := await stopped.ask("/readyz")) and told["ready"]):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.02)
                process.send_signal(signal.SIGHUP)
                if not ends:
                    await asyncio.sleep(0.3)
                    assert process.returncode is None
                    process.send_signal(signal.SIGTERM)
                assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()


async def test_a_gateway_without_the_parser_in_c_says_so(stopped: Installation) -> None:
    """It does not start, and what to do is told, not only where the fault was noticed."""
    command = [sys.executable, "-c", SERVE, "serve", "--config", str(stopped.config)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "AIOHTTP_NO_EXTENSIONS": "1"}
    process = await asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    assert process.returncode == 1
    assert "do not set AIOHTTP_NO_EXTENSIONS" in said.decode()
    assert "unexpected_error" not in said.decode()


@pytest.mark.parametrize("closed", ["<&-", "<&- >&- 2>&-"])
async def test_a_gateway_that_began_without_standard_streams_stops_as_any_other(stopped: Installation, closed: str) -> None:
    """No connection gets the number of one of them, which libuv takes for a fault that ends the process."""
    command = [sys.executable, "-c", SERVE, "serve", "--config", str(stopped.config)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec("bash", "-c", f'exec "$@" {closed}', "bash", *command, env=environment)
    try:
        async with asyncio.timeout(60):
            while not ((told := await stopped.ask("/readyz")) and told["ready"]):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()


async def limited(there: Installation, limit: str) -> asyncio.subprocess.Process:
    """Start a gateway whose limits were set so by the shell; what it says can be read."""
    command = [sys.executable, "-c", SERVE, "serve", "--config", str(there.config)]
    shell = ["bash", "-c", f'ulimit {limit} && exec "$@"', "bash", *command]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return await asyncio.create_subprocess_exec(*shell, env=environment, stderr=asyncio.subprocess.PIPE)


@pytest.mark.parametrize("most", [12, 20, 63])
async def test_a_gateway_that_may_open_too_few_files_says_what_to_do(stopped: Installation, most: int) -> None:
    """It does not start and fail somewhere, where the first thing that needs one happens to be."""
    process = await limited(stopped, f"-n {most}")
    _, said = await process.communicate()
    assert process.returncode == 1
    assert f"only {most} files and connections" in said.decode()
    assert "LimitNOFILE" in said.decode()
    assert "unexpected_error" not in said.decode()


@pytest.mark.parametrize(
    ("limit", "files"), [("-Sn 20 && ulimit -Hn 64", 64), ("-Sn 32 && ulimit -Hn 4000", 3024), ("-n 3500", 3500)]
)
async def test_a_gateway_takes_as_many_files_as_it_may_and_needs(stopped: Installation, limit: str, files: int) -> None:
    """As far as it is allowed, up to the connections of both listeners and some more; it gives none away."""
    process = await limited(stopped, limit)
    try:
        async with asyncio.timeout(60):
            while not ((told := await stopped.ask("/readyz")) and told["ready"]):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)
        assert resource.prlimit(process.pid, resource.RLIMIT_NOFILE)[0] == files
    finally:
        process.kill()
        await process.wait()
