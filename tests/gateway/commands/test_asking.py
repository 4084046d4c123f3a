import pytest
from aiohttp import web

from gateway.places import HOST_TOKEN_FILE
from tests.gateway.commands.doing import Capture, acting, do, standing_in
from tests.live import Inside, Installation


async def test_a_gateway_in_trouble_says_so(stopped: Installation, capsys: Capture) -> None:
    """Its store must not be opened beside it; exit code 1."""
    async with standing_in(stopped, 503, '{"error":"store_failed"}'):
        assert await do("accounts", "shop", "--config", str(stopped.config)) == 1
    assert "store_failed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, "<html>no</html>"),
        (200, "<html>yes</html>"),
        (200, '{"other": 1}'),
        (404, '{"error": "\\u001b[2J no"}'),
        (500, ""),
    ],
)
async def test_another_program_on_the_private_port_is_not_believed(
    stopped: Installation, capsys: Capture, status: int, body: str
) -> None:
    """What does not speak as a gateway does is none: the store is opened instead."""
    async with standing_in(stopped, status, body):
        assert await do("accounts", "shop", "--config", str(stopped.config)) == 0
    assert "received 0" in capsys.readouterr().out


async def test_another_program_cannot_send_the_question_elsewhere(stopped: Installation, capsys: Capture) -> None:
    """It would go there with the token, and with what it names of a person."""
    asked = []

    async def handle(request: web.BaseRequest) -> web.Response:
        asked.append(request.path)
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    async with acting(stopped, handle):
        assert await do("accounts", "shop", "--config", str(stopped.config)) == 0
    assert "/elsewhere" not in asked
    assert "received 0" in capsys.readouterr().out


async def test_a_gateway_is_never_asked_through_a_proxy(
    running: Inside, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy in the environment is for what leaves the machine; this does not."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert await do("accounts", "shop", "--config", str(running.installation.config)) == 0
    assert "received 0" in capsys.readouterr().out


async def test_who_cannot_read_the_gateways_token_is_told_whom_to_be(running: Inside, capsys: Capture) -> None:
    """An operator's own account cannot, for the data directory is the gateway's alone."""
    installation = running.installation
    next(installation.config.parent.rglob(HOST_TOKEN_FILE)).unlink()
    assert await do("accounts", "shop", "--config", str(installation.config)) == 1
    assert "as the gateway's own user" in capsys.readouterr().err
