import asyncio
import json
import re
from pathlib import Path
from typing import Any

from gateway.cli import main
from gateway.model.words import Destination
from gateway.sandbox.behaviour import Behaviour, Mode
from tests.doorway import purchase, refused
from tests.gateway.commands.doing import Capture, do, post, with_dead_letters
from tests.live import Inside, Installation


async def test_the_funnel_is_shown_running_and_stopped(running: Inside, capsys: Capture) -> None:
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
        await running.stop()
    assert "2 of 2" in shown[0]
    assert re.search(r"today, to \d\d:00Z .* a week before, to \d\d:00Z", shown[0], re.DOTALL)  # the hours that are over
    assert "meta 259.80 EUR" in shown[0]
    assert "refused for consent: <10 others" in shown[0]
    assert "accepted: 2 (259.80 EUR)" in shown[0]
    for told in shown[1::2]:
        assert (told["event"], told["step"], len(told["slots"])) == ("purchase", "week", 8)
        assert told["total"]["door"]["accepted"] == 2
        assert told["total"]["destinations"]["meta"]["delivered"] == 2


async def test_what_died_is_shown_with_its_order_value(tmp_path: Path, capsys: Capture) -> None:
    """By what it died of; the accepted that are still to be delivered with theirs."""
    async with with_dead_letters(tmp_path) as (gateway, platforms):
        platforms[Destination.META].switch.set(Behaviour(mode=Mode.SERVER_ERROR))
        await post(gateway.installation, purchase("4"))
        for _ in range(400):
            now = (await gateway.ask("/api/v1/funnel", storefront="shop"))["now"]["meta"]
            if now["retrying"]:
                break
            await asyncio.sleep(0.05)
        assert (now["retrying_value"], now["waiting_value"]) == ({"EUR": "129.90"}, {})
        assert await do("funnel", "shop", "--count", "2", "--config", str(gateway.installation.config)) == 0
        shown = capsys.readouterr().out
        assert "meta: 0 waiting, 1 to be tried again (129.90 EUR), 2 dead" in shown
        assert "  2 dead.rejected (259.80 EUR)" in shown


def test_a_count_that_cannot_be_meant_is_2(stopped: Installation, capsys: Capture) -> None:
    """With what it may be."""
    assert main(["funnel", "shop", "--count", "0", "--config", str(stopped.config)]) == 2
    assert "1 to 336 hours" in capsys.readouterr().err
