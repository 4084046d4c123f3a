import csv
import json
from pathlib import Path

import pytest

from gateway.audit import sheets
from tests.gateway.commands.doing import Capture, do, standing_in, with_dead_letters
from tests.live import Installation


async def test_tables_are_the_same_running_and_stopped(tmp_path: Path, capsys: Capture) -> None:
    """Each is recorded either way, by whom; and nothing but the file's name is printed."""
    async with with_dead_letters(tmp_path) as (gateway, _):
        config = ("--config", str(gateway.installation.config))
        read: list[list[dict[str, str]]] = []
        for run in ("running", "stopped"):
            for command in ("dead", "funnel"):
                file = tmp_path / f"{run}-{command}.csv"
                assert await do(command, "shop", "--csv", str(file), *config) == 0
                assert capsys.readouterr().out == f"{file}\n"
                assert file.stat().st_mode & 0o777 == 0o600
                rows = [*csv.DictReader(file.read_text().splitlines())]
                read.append([row for row in rows if row.get("span", "total") == "total"])
            await gateway.stop()
        assert read[0] == read[2]
        assert read[0][0]["count"] == "2"
        assert {row["value"] for row in read[3] if (row["destination"], row["stage"]) == ("meta", "dead")} >= {"2"}
        assert await do("audit", "log", "--kind", "export", "--json", *config) == 0
        said = capsys.readouterr().out
        assert said.count('"dead_letters"') == said.count('"funnel"') == 2


async def test_a_file_that_is_there_is_not_written_over(stopped: Installation, tmp_path: Path, capsys: Capture) -> None:
    """Nothing is asked, nothing recorded."""
    (tmp_path / "there.csv").write_text("mine")
    config = ("--config", str(stopped.config))
    assert await do("dead", "shop", "--csv", str(tmp_path / "there.csv"), *config) == 2
    assert "--csv" in capsys.readouterr().err
    assert (tmp_path / "there.csv").read_text() == "mine"


async def test_health_is_a_running_gateways(stopped: Installation, tmp_path: Path, capsys: Capture) -> None:
    """Without one there is no table, and no file is left."""
    assert await do("health", "shop", "--csv", str(tmp_path / "h.csv"), "--config", str(stopped.config)) == 1
    assert "No gateway is running" in capsys.readouterr().err
    assert not (tmp_path / "h.csv").exists()


@pytest.mark.parametrize("body", [",".join(sheets.HEALTH), json.dumps({"lanes": {}})])
async def test_only_a_table_is_saved(stopped: Installation, tmp_path: Path, body: str, capsys: Capture) -> None:
    """Another program on the port, that answers something, is no gateway."""
    file = tmp_path / "h.csv"
    async with standing_in(stopped, 200, body + "\r\n"):
        code = await do("health", "shop", "--csv", str(file), "--config", str(stopped.config))
    del capsys
    assert (code, file.exists()) == ((0, True) if body.startswith("destination") else (1, False))
