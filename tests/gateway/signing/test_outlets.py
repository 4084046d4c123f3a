import io
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from gateway.signing.checkpoint import split_notes
from gateway.signing.outlets import NotTaken, ToFile, ToStream, ToWebhook
from tests.gateway.signing.making import KEY

NOTES = [KEY.sign(f"text {number}\n") for number in range(3)]


@asynccontextmanager
async def receiving(status: int, got: list[tuple[str, str]], **headers: str) -> AsyncIterator[str]:
    """Run a server that answers every post alike; gives its address."""

    async def handle(request: web.BaseRequest) -> web.Response:
        got.append((request.content_type, await request.text()))
        return web.Response(status=status, headers=headers)

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/checkpoints"
    finally:
        await runner.cleanup()


async def test_a_file_gets_every_note_apart(tmp_path: Path) -> None:
    """They can be told from each other again, also after one that a crash cut short."""
    path = tmp_path / "checkpoints.txt"
    outlet = ToFile(path)
    await outlet.hand_over(NOTES[0])
    await outlet.hand_over(NOTES[1])
    assert split_notes(path.read_text()) == NOTES[:2]
    with path.open("a") as file:
        file.write(NOTES[2][:-9])
    await outlet.hand_over(NOTES[2])
    found = split_notes(path.read_text())
    assert found[:2] == NOTES[:2]
    assert found[-1] == NOTES[2]
    await outlet.close()


async def test_a_file_that_cannot_be_written_does_not_take(tmp_path: Path) -> None:
    """As where its folder is gone."""
    with pytest.raises(NotTaken):
        await ToFile(tmp_path / "gone" / "checkpoints.txt").hand_over(NOTES[0])


async def test_standard_output_gets_a_line_of_json() -> None:
    """Whatever collects a service's output takes it for one message; a stream that is closed does not take."""
    stream = io.StringIO()
    outlet = ToStream(stream)
    await outlet.hand_over(NOTES[0])
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line) == {"checkpoint": NOTES[0]}
    stream.close()
    with pytest.raises(NotTaken):
        await outlet.hand_over(NOTES[0])
    await outlet.close()


@pytest.mark.parametrize("status", [200, 202, 204])
async def test_a_webhook_gets_the_note_as_text(status: int) -> None:
    """And nothing else; any good answer is one."""
    got: list[tuple[str, str]] = []
    async with receiving(status, got) as url:
        outlet = ToWebhook(url)
        await outlet.hand_over(NOTES[0])
        await outlet.hand_over(NOTES[1])
        await outlet.close()
    assert got == [("text/plain", NOTES[0]), ("text/plain", NOTES[1])]


@pytest.mark.parametrize("status", [302, 307, 400, 401, 500, 503])
async def test_a_webhook_that_answers_otherwise_has_not_taken(status: int) -> None:
    """A redirect is not followed: the address is what somebody configured."""
    got: list[tuple[str, str]] = []
    async with receiving(status, got, Location="/elsewhere") as url:
        outlet = ToWebhook(url)
        with pytest.raises(NotTaken):
            await outlet.hand_over(NOTES[0])
        await outlet.close()
    assert len(got) == 1


async def test_a_webhook_that_is_not_there_has_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens, or nobody answers in time."""
    outlet = ToWebhook("http://127.0.0.1:1/checkpoints")
    with pytest.raises(NotTaken):
        await outlet.hand_over(NOTES[0])
    await outlet.close()
    monkeypatch.setattr("gateway.signing.outlets.WEBHOOK_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        silent = ToWebhook(f"http://127.0.0.1:{server.getsockname()[1]}/")
        with pytest.raises(NotTaken):
            await silent.hand_over(NOTES[0])
        await silent.close()
