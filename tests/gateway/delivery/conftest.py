"""The scene of most tests of delivery."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.gateway.delivery.scene import Line, line_in


@pytest_asyncio.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    """A line over a store of its own."""
    async with line_in(tmp_path) as made:
        yield made
