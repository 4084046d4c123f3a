import json
from typing import Any

from gateway.cli import main
from tests.doorway import purchase, refused
from tests.gateway.commands.doing import Capture, do, post, standing_in
from tests.live import Inside, Installation


async def test_the_books_are_shown_running_and_stopped(running: Inside, capsys: Capture) -> None:
    """The same figures either way, for people and for programs."""
    config = ("--config", str(running.installation.config))
    await post(running.installation, purchase("1"), purchase("2"), refused("3"))
    await running.quiet()
    shown: list[Any] = []
    for _ in range(2):
        assert await do("accounts", "shop", *config) == 0
        shown.append(capsys.readouterr().out)
        assert await do("accounts", "shop", "--json", *config) == 0
        shown.append(json.loads(capsys.readouterr().out))
        await running.stop()
    assert shown[:2] == shown[2:]
    assert "received 3: 2 accepted, 0 duplicate, 1 refused, 0 invalid" in shown[0]
    assert "259.80 EUR" in shown[0]
    assert "The books balance." in shown[0]
    assert "google_ads took 2 for processing: 2 pending" in shown[0]
    assert shown[1]["destinations"]["meta"]["delivered"] == 2


async def test_the_books_say_what_became_of_what_was_taken(stopped: Installation, capsys: Capture) -> None:
    """By outcome, and each reason of the platform's beneath."""
    lane = {
        **dict.fromkeys(("accepted", "delivered", "waiting", "dead", "withdrawn", "replayed"), 0),
        "balanced": True,
        "reasons": {},
        "value": {},
        "processing": {"taken": 9, "pending": 1, "said": {"used": 5, "not_used": 3}, "reasons": {"not_used.A_B": 3}},
    }
    books = {
        "received": 9,
        "by_status": {},
        "by_reason": {},
        "differing_repeats": 0,
        "destinations": {"google_ads": lane},
        "balanced": True,
    }
    async with standing_in(stopped, 200, json.dumps(books)):
        assert await do("accounts", "shop", "--config", str(stopped.config)) == 0
    said = capsys.readouterr().out
    assert "google_ads took 9 for processing: 5 used, 3 not_used, 1 pending\n  3 not_used.A_B\n" in said


def test_the_books_of_nobody_are_2(stopped: Installation, capsys: Capture) -> None:
    """The storefronts that there are, are named."""
    assert main(["accounts", "other", "--config", str(stopped.config)]) == 2
    assert "it has shop" in capsys.readouterr().err
