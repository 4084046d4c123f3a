import json
from typing import Any

import pytest

from gateway.cli import main
from tests.doorway import purchase, refused
from tests.gateway.commands.doing import Capture, do, post
from tests.live import Inside, Installation


async def test_why_is_told_by_a_running_gateway_and_by_a_stopped_one(running: Inside, capsys: Capture) -> None:
    """The same words, whether the gateway is asked or its store is opened."""
    config = ("--config", str(running.installation.config))
    await post(running.installation, purchase("went"), refused("stayed"))
    await running.quiet()
    told: list[Any] = []
    for _ in range(2):
        assert await do("explain", "shop", "purchase", "went", *config) == 0
        assert await do("explain", "shop", "purchase", "stayed", *config) == 0
        told.append(capsys.readouterr().out)
        assert await do("explain", "shop", "purchase", "went", "--json", *config) == 0
        told.append(json.loads(capsys.readouterr().out))
        if len(told) == 2:
            await running.stop()
    assert told[:2] == told[2:]
    assert "Meta: confirmed by the platform" in told[0]
    assert "refused, and nothing of it was kept or sent" in told[0]
    assert "advertising_denied" in told[0]
    assert told[1]["status"] == "accepted"


async def test_what_is_not_known_is_said(running: Inside, capsys: Capture) -> None:
    """An event that was never received is no trouble of the store; exit code 1. So is one whose gateway is stopped."""
    config = ("--config", str(running.installation.config))
    assert await do("explain", "shop", "purchase", "never", *config) == 1
    said = capsys.readouterr()
    assert "Nothing is known of this event" in said.err
    assert "store" not in said.err
    await running.stop()
    assert await do("explain", "shop", "purchase", "never", *config) == 1
    assert "Nothing is known of this event" in capsys.readouterr().err


@pytest.mark.parametrize(("storefront", "event_id"), [("other", "1"), ("Not A Name", "1"), ("shop", "not an id")])
def test_what_cannot_be_meant_is_2(stopped: Installation, capsys: Capture, storefront: str, event_id: str) -> None:
    """A storefront that there is not, or an id that can be none."""
    assert main(["explain", storefront, "purchase", event_id, "--config", str(stopped.config)]) == 2
    said = capsys.readouterr().err
    assert "shop" in said or "1 to 64" in said
