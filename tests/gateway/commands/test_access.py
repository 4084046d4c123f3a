"""`access`: all that is held, in a file that only its owner can read and that overwrites none."""

import json
import stat
from pathlib import Path

from gateway.cli import main
from tests.doorway import purchase
from tests.gateway.commands.doing import Capture, do, post, standing_in
from tests.live import Inside, Installation


async def test_it_is_the_same_from_a_running_gateway_and_its_closed_stores(running: Inside, capsys: Capture) -> None:
    """All but the line of the request itself; what people read stands on standard error, so that the rest can be piped."""
    config = ("--config", str(running.installation.config))
    await post(running.installation, purchase("1"))
    await running.quiet()
    told = []
    for _ in range(2):
        assert await do("access", "--order-id", "1", *config) == 0
        out, err = capsys.readouterr()
        (found,) = json.loads(out)["disclosures"]
        del found["request"], found["earlier_requests"]
        told.append(found)
        assert "0 held, 3 sent" in err
        await running.stop()
    assert told[0] == told[1]
    assert {one["destination"] for one in told[0]["sent"]} == {"meta", "pinterest", "google_ads"}
    await running.start()


def test_the_file_is_its_owners_alone(stopped: Installation, capsys: Capture, tmp_path: Path) -> None:
    """And a second time it is there already: it is neither overwritten nor is anything asked."""
    path = tmp_path / "disclosure.json"
    command = ["access", "--order-id", "1", "--out", str(path), "--config", str(stopped.config)]
    assert main(command) == 0
    before = path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(before)["disclosures"][0]["request"]["number"] == 1
    assert main(command) == 2
    assert "not overwritten" in capsys.readouterr().err
    assert path.read_bytes() == before
    assert main(["requests", "--json", "--config", str(stopped.config)]) == 0
    assert [line["number"] for line in json.loads(capsys.readouterr().out)["requests"]] == [1]


def test_a_file_that_cannot_be_made_is_said(stopped: Installation, capsys: Capture, tmp_path: Path) -> None:
    """Before anything is asked."""
    path = tmp_path / "no" / "folder.json"
    assert main(["access", "--order-id", "1", "--out", str(path), "--config", str(stopped.config)]) == 2
    assert "cannot be made" in capsys.readouterr().err


async def test_a_file_of_nothing_is_not_left_behind(stopped: Installation, tmp_path: Path) -> None:
    """Where the gateway could not answer, the file goes again, so that the next try can make it."""
    path = tmp_path / "disclosure.json"
    async with standing_in(stopped, 503, '{"error": "store_busy"}'):
        assert await do("access", "--order-id", "1", "--out", str(path), "--config", str(stopped.config)) == 1
    assert not path.exists()
