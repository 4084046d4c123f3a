import json
from typing import Any, Final

from tests.gateway.commands.doing import Capture, do, standing_in
from tests.live import Inside, Installation

DOWN: Final[dict[str, Any]] = {
    "up": False,
    "reason": "unauthorised",
    "due": None,
    "test_mode": None,
    "credential": {"kind": "token", "state": "unusable", "seconds": 4000},
    "throttle": {"until": "2026-11-26T11:00:00Z", "code": "80004"},
    "breaker": {"state": "open", "failures": 7},
    "canary": {
        "at": "2026-11-26T10:30:00Z",
        "outcome": "failed",
        "reason": "permission",
        "code": "10",
        "advice": "The token may not send. Give it the right.",
    },
    "advice": "Renew it.",
    "misconfigured": None,
    "violation": None,
    "new_shapes": 0,
    "paused_at": None,
    "backlog": {
        "waiting": 5,
        "retrying": 1,
        "dead": 2,
        "oldest": "2026-11-26T10:00:00Z",
        "first_expiry": {"at": "2026-11-30T10:00:00Z", "seconds": 90_000},
    },
}


async def test_how_destinations_stand_is_shown(running: Inside, capsys: Capture) -> None:
    """Each in a row; nothing is down, so the exit code is 0."""
    config = ("--config", str(running.installation.config))
    assert await do("health", "shop", *config) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in ("meta", "pinterest", "google_ads"))
    assert await do("health", "shop", "--json", *config) == 0
    assert json.loads(capsys.readouterr().out)["ready"] is True


async def test_a_gateway_that_listens_elsewhere_is_not_taken_for_none(running: Inside, capsys: Capture) -> None:
    """The configuration was changed and it was not started again: it sends what comes in."""
    moved = running.installation.folder / "moved.toml"
    private = f'private = "127.0.0.1:{running.installation.private}"'
    moved.write_text(running.installation.config.read_text().replace(private, 'private = "127.0.0.1:9"'))
    assert await do("health", "shop", "--config", str(moved)) == 1
    said = capsys.readouterr().err
    assert "No gateway is running" not in said
    assert "does not answer on server.private" in said


async def test_a_destination_that_is_down_is_1(stopped: Installation, capsys: Capture) -> None:
    """With why, what to do, and how long there is."""
    health = {"storefront": "shop", "ready": False, "why": "full", "first_expiry": None, "lanes": {"meta": DOWN}}
    async with standing_in(stopped, 200, json.dumps(health)):
        assert await do("health", "shop", "--config", str(stopped.config)) == 1
    said = capsys.readouterr().out
    assert "The gateway takes no events: full." in said
    assert "unauthorised" in said
    assert "1 h 6 min" in said
    assert "25 h 0 min" in said
    assert "open, 7 in a row" in " ".join(said.split())
    assert [line for line in said.splitlines() if line.startswith("meta: ")] == [
        "meta: Renew it.",
        "meta: Left alone until 2026-11-26T11:00:00Z, as the platform asked (code 80004).",
        "meta: What its credential was replaced with cannot be used; the one before still is.",
        "meta: Tried out at 2026-11-26T10:30:00Z: The token may not send. Give it the right.",
    ]


async def test_without_a_gateway_there_is_no_health(stopped: Installation, capsys: Capture) -> None:
    """What waits is kept, and that is said."""
    assert await do("health", "shop", "--config", str(stopped.config)) == 1
    assert "No gateway is running" in capsys.readouterr().err
