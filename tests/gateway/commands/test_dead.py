import json
import re
from pathlib import Path
from typing import Any

from gateway.audit.advice import advise
from gateway.cli import main
from gateway.model.words import Destination, Reason
from tests.gateway.commands.doing import Capture, do, with_dead_letters
from tests.live import Installation


async def test_dead_letters_are_counted_running_and_stopped(tmp_path: Path, capsys: Capture) -> None:
    """The same table and advice either way, for people and for programs; nobody's data in it."""
    async with with_dead_letters(tmp_path) as (gateway, _):
        config = ("--config", str(gateway.installation.config))
        shown: list[Any] = []
        for _ in range(2):
            assert await do("dead", "shop", *config) == 0
            shown.append(capsys.readouterr().out)
            assert await do("dead", "shop", "--json", *config) == 0
            shown.append(json.loads(capsys.readouterr().out))
            await gateway.stop()
        assert shown[:2] == shown[2:]
        assert re.search(r"meta +│ purchase +│ rejected +│ 100/2804019 +│ 2 ", shown[0])
        assert f"meta rejected 100/2804019: {' '.join(advise(Destination.META, Reason.REJECTED, '100/2804019'))}" in shown[0]
        assert (shown[1]["total"], len(shown[1]["letters"])) == (2, 1)
        assert "jane" not in shown[0]


async def test_dead_letters_are_shown_one_by_one(tmp_path: Path, capsys: Capture) -> None:
    """By the shop's own event ids; the same running and stopped, and nothing of anybody."""
    async with with_dead_letters(tmp_path) as (gateway, _):
        config = ("--config", str(gateway.installation.config))
        shown: list[Any] = []
        for _ in range(2):
            assert await do("dead", "shop", "--list", "--json", *config) == 0
            shown.append(json.loads(capsys.readouterr().out))
            assert await do("dead", "shop", "--list", *config) == 0
            assert re.search(r"meta +│ purchase +│ 2 +│", capsys.readouterr().out)
            await gateway.stop()
        assert shown[0] == shown[1]
        assert [(one["destination"], one["event_id"], one["reason"]) for one in shown[0]] == [
            ("meta", "1", "rejected"),
            ("meta", "2", "rejected"),
        ]
        assert "jane" not in str(shown)


def test_no_dead_letters_are_said(stopped: Installation, capsys: Capture) -> None:
    """By both commands, and neither has anything to do."""
    config = ("--config", str(stopped.config))
    assert main(["dead", "shop", *config]) == 0
    assert main(["replay", "shop", "--yes", *config]) == 0
    said = capsys.readouterr().out
    assert "There are no dead letters." in said
    assert "There are no such dead letters." in said
