import json
from typing import Any

from gateway.cli import main
from tests.doorway import purchase, refused
from tests.gateway.commands.doing import Capture, do, post
from tests.live import Installation, Process


async def test_the_funnel_is_shown_running_and_stopped(running: Process, capsys: Capture) -> None:
    """The same figures either way, for people and for programs."""
    config = ("--config", str(running.installation.config))
    await post(running.installation, purchase("1"), purchase("2"), refused("3"))
    await running.quiet()
    shown: list[Any] = []
    for _ in range(2):
        assert await do("funnel", "shop", "--count", "2", *config) == 0
        shown.append(capsys.readouterr().out)
        assert await do("funnel", "shop", "--step", "week", "--event", "purchase", "--json", *config) == 0
        shown.append(json.loads(capsys.readouterr().out))
        assert await running.stop() == 0
    assert "2 of 2" in shown[0]
    assert "meta 259.80 EUR" in shown[0]
    assert "refused for consent: <10 others" in shown[0]
    for told in shown[1::2]:
        assert (told["event"], told["step"], len(told["slots"])) == ("purchase", "week", 8)
        assert told["total"]["door"]["accepted"] == 2
        assert told["total"]["destinations"]["meta"]["delivered"] == 2


def test_a_count_that_cannot_be_meant_is_2(stopped: Installation, capsys: Capture) -> None:
    """With what it may be."""
    assert main(["funnel", "shop", "--count", "0", "--config", str(stopped.config)]) == 2
    assert "1 to 336 hours" in capsys.readouterr().err
