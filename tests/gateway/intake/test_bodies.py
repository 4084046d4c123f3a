"""Bodies: their size after decompression. `tests/test_deadlines.py` tests them against the clock, with a whole gateway."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.intake.bodies import decompressed
from gateway.intake.front_door import EVENTS_BYTES
from tests.doorway import Doorway, as_bytes, doorway, is_error, purchase, statuses


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Doorway]:
    """An open door."""
    async with doorway(tmp_path) as opened:
        yield opened


async def test_gzip_is_read(door: Doorway) -> None:
    """A compressed body counts with its size after decompression."""
    body = as_bytes({"events": [purchase(str(number)) for number in range(100)]})
    answer = await door.post(gzip.compress(body), Content_Encoding="gzip")
    assert statuses(answer.results) == ["accepted"] * 100
    assert door.metric("raw_bytes_total") == len(body)


async def test_gzip_in_several_members_is_read(door: Doorway) -> None:
    """As its format has it (RFC 1952, 2.2): they follow each other and are one body."""
    body = as_bytes(purchase())
    members = gzip.compress(body[:9]) + gzip.compress(b"") + gzip.compress(body[9:])
    assert (await door.post(members, Content_Encoding="GZIP")).status == 202


@pytest.mark.parametrize(
    "body",
    [
        b"no gzip at all",
        gzip.compress(b"{}")[:5],
        gzip.compress(as_bytes(purchase()))[:-40],
        gzip.compress(as_bytes(purchase()))[:-1],
        gzip.compress(as_bytes(purchase()))[:-8] + bytes(8),
        gzip.compress(as_bytes(purchase())) + b"more",
        gzip.compress(as_bytes(purchase())) + gzip.compress(b"") * 10_000,
    ],
    ids=["none", "beginning", "without end", "one byte short", "another checksum", "more behind it", "many members"],
)
async def test_broken_gzip_is_400(door: Doorway, body: bytes) -> None:
    """What cannot be decompressed to its end is 400, however far it could be read, and nothing of it is stored."""
    assert is_error(await door.post(body, Content_Encoding="gzip"), 400, "bad_body")
    assert not await door.stored()


async def test_the_size_counts_after_decompression(door: Doorway) -> None:
    """A mebibyte is read, one byte more is 413, compressed or not."""
    exactly = as_bytes(purchase()).ljust(EVENTS_BYTES)
    assert (await door.post(exactly)).status == 202
    assert (await door.post(gzip.compress(exactly), Content_Encoding="gzip")).status == 202
    assert is_error(await door.post(exactly + b" "), 413, "body_too_large")
    assert is_error(await door.post(gzip.compress(exactly + b" "), Content_Encoding="gzip"), 413, "body_too_large")
    more = gzip.compress(exactly) + gzip.compress(b" ")
    assert is_error(await door.post(more, Content_Encoding="gzip"), 413, "body_too_large")


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("pieces", [1, 2, 3])
async def test_a_body_is_whole_in_however_many_pieces_it_comes(door: Doorway, pieces: int, known: bool) -> None:
    """Each of them in a packet of its own, whether or not its length was said."""
    body = as_bytes({"events": [purchase(str(number)) for number in range(6)]})
    size = -(-len(body) // pieces)

    async def parts() -> AsyncIterator[bytes]:
        for at in range(0, len(body), size):
            yield body[at : at + size]
            await asyncio.sleep(0.05)

    given = {"Authorization": f"Bearer {door.installation.secret_key}", "Content_Type": "application/json"}
    if known:
        given["Content_Length"] = str(len(body))
    answer = await door.ask("POST", "/v1/events", parts(), **given)
    assert statuses(answer.results) == ["accepted"] * 6
    assert door.metric("raw_bytes_total") == len(body)


@pytest.mark.parametrize("sizes", [(5000,), (600, 600), (1000, 1), (1000, 0, 0, 5000)])
def test_no_more_is_decompressed_than_shows_that_it_is_too_much(sizes: tuple[int, ...]) -> None:
    """One byte beyond what may be, of all members together, however many there are and whatever they hold."""
    assert decompressed(b"".join(gzip.compress(b"x" * size) for size in sizes), 1000) == b"x" * 1001


async def test_a_body_without_a_length_is_bounded_too(door: Doorway) -> None:
    """A chunked body is read up to the limit and no further."""

    async def parts(count: int) -> AsyncIterator[bytes]:
        yield as_bytes(purchase())
        for _ in range(count):
            yield b" " * 1024

    given = {"Authorization": f"Bearer {door.installation.secret_key}", "Content_Type": "application/json"}
    assert (await door.ask("POST", "/v1/events", parts(1000), **given)).status == 202
    assert is_error(await door.ask("POST", "/v1/events", parts(1100), **given), 413, "body_too_large")
