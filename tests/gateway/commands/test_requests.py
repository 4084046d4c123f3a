"""`requests`: the register for people and for programs, from a running gateway or its closed stores."""

import json
import re

from gateway.cli import main
from tests.gateway.commands.doing import Capture, do
from tests.live import Inside, Installation


async def test_the_register_is_shown_running_and_stopped(running: Inside, capsys: Capture) -> None:
    """The same lines either way: number, right, dates; no name of anybody."""
    config = ("--config", str(running.installation.config))
    assert await do("withdraw", "--client-id", "canary-7f3a", *config) == 0
    assert await do("erase", "--client-id", "canary-7f3a", "--yes", *config) == 0
    capsys.readouterr()
    shown = []
    for _ in range(2):
        assert await do("requests", *config) == 0
        shown.append(capsys.readouterr().out)
        await running.stop()
    assert shown[0] == shown[1]
    rows = re.findall(r"│ (\d+) +│ (\w+) +│ (\w+) +│", shown[0])
    assert rows == [("2", "shop", "erase"), ("1", "shop", "withdraw")]
    assert "canary" not in shown[0]
    await running.start()


def test_an_empty_register_is_said(stopped: Installation, capsys: Capture) -> None:
    """Of all, and of those that are open."""
    config = ("--config", str(stopped.config))
    assert main(["requests", *config]) == 0
    assert "There are no such requests." in capsys.readouterr().out
    assert main(["withdraw", "--client-id", "1", *config]) == 0
    capsys.readouterr()
    assert main(["requests", "--open", "--json", *config]) == 0
    assert json.loads(capsys.readouterr().out) == {"requests": []}
    assert main(["requests", "--storefront", "nobody", *config]) == 2
