"""What became of events at the door, as metrics."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.doorway import Doorway, doorway, purchase, refused


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Doorway]:
    """An open door."""
    async with doorway(tmp_path) as opened:
        yield opened


async def test_events_are_counted_as_the_books_have_them(door: Doorway) -> None:
    """Metrics and books agree, per source, kind, status and reason."""
    await door.post({"events": [purchase("1"), purchase("1"), refused("2"), 7]})
    await door.collect(purchase("3"))
    counted = {
        key: door.metric("events_total", source=key[0], event=key[1] or "none", status=key[2], reason=key[3] or "none")
        for key in (await door.book()).received
    }
    assert counted == (await door.book()).received
    assert sum(counted.values()) == 5


async def test_what_cannot_be_read_raises_an_alarm(door: Doorway) -> None:
    """Refused events with an unreadable signal are counted by the signal: formats change without a word."""
    for number, consent in enumerate(({"advertising": "yes"}, {"google": 7}, {"advertising": False}, {"receipt": 7.5})):
        await door.post(purchase(str(number), consent=consent))
    counted = {
        name: door.metric("unreadable_signals_total", storefront="shop", signal=name) for name in ("advertising", "google")
    }
    assert counted == {"advertising": 1, "google": 1}
    assert door.metric("unreadable_signals_total", signal="record") == 1
    assert door.metric("unreadable_signals_total") == 3
