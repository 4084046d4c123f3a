import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.live import SERVE, Installation, Process

ROOT = Path(__file__).parents[3]


async def test_a_gateway_runs_until_it_is_told_to_stop(running: Process) -> None:
    """It answers meanwhile; SIGTERM ends it with exit code 0."""
    assert (await running.ask("/readyz"))["ready"]
    assert await running.stop() == 0
    assert await running.ask("/readyz") is None


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
