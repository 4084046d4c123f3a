import json
import re
from pathlib import Path

from gateway.model.words import Destination
from gateway.sandbox.platforms import Platforms
from tests.doorway import purchase
from tests.gateway.commands.doing import Capture, do, post, standing_in
from tests.live import Installation, Process, install


async def test_a_pause_outlives_the_process_and_is_ended_by_resume(tmp_path: Path, capsys: Capture) -> None:
    """Killed and started again the gateway sends nothing there still; events wait, are counted, and go when it is resumed."""
    async with Platforms.start() as platforms:
        process = Process(install(tmp_path / "it", platforms.base_urls))
        config = ("--config", str(process.installation.config))
        await process.start()
        assert await do("pause", "shop", "meta", *config) == 0
        assert "meta of shop is paused since 2" in capsys.readouterr().out
        await process.kill()
        await process.start()
        await post(process.installation, purchase("1"))
        assert await do("pause", "shop", "meta", *config) == 0
        said = " ".join(capsys.readouterr().out.split())
        assert "already: nothing was done." in said
        assert re.search(r"1 event\(s\) wait there; the first is too old for the platform in (?:167 h 0|166 h 59) min", said)
        assert await do("health", "shop", *config) == 1
        assert "paused_by_operator" in capsys.readouterr().out
        assert list(platforms[Destination.META].ledger) == []
        assert await do("resume", "shop", "meta", *config) == 0
        assert "meta of shop is not paused." in capsys.readouterr().out
        await process.quiet()
        assert [taken.event_id for taken in platforms[Destination.META].ledger] == ["1"]
        await process.stop()


async def test_a_closed_store_is_paused_too(stopped: Installation, capsys: Capture) -> None:
    """For the next start, and recorded in its log; a repeat records nothing."""
    config = ("--config", str(stopped.config))
    for command, paused, already in (
        ("resume", False, True),
        ("pause", True, False),
        ("pause", True, True),
        ("resume", False, False),
    ):
        assert await do(command, "shop", "meta", "--json", *config) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["paused"], told["already"], told["backlog"]["waiting"]) == (paused, already, 0)
    log = b"".join(path.read_bytes() for path in stopped.config.parent.rglob("*") if path.is_file())
    assert (log.count(b'"kind":"paused"'), log.count(b'"kind":"resumed"')) == (1, 1)


async def test_a_storefront_that_the_running_gateway_does_not_know(stopped: Installation, capsys: Capture) -> None:
    """Was started with another configuration, which is said."""
    async with standing_in(stopped, 404, '{"error": "unknown_lane"}'):
        assert await do("pause", "shop", "meta", "--config", str(stopped.config)) == 1
    assert "started with another configuration" in capsys.readouterr().err
