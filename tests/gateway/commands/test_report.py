"""`audit report`: one file that stands alone, recorded in the signed log."""

import re
from pathlib import Path

import pytest

from gateway.cli import NO_ROOM_TOLD, main
from gateway.signing.chronicle import Chronicle
from gateway.signing.store import folder_in
from tests.disk import full_disk
from tests.doorway import NOWHERE
from tests.gateway.commands.doing import Capture, do
from tests.live import STOREFRONT, Inside, Process, install


def test_the_file_stands_alone_and_is_recorded(tmp_path: Path) -> None:
    """Nothing in it is fetched from anywhere; its owner alone reads it; the log says that it was handed out."""
    installation, path = install(tmp_path / "gateway", NOWHERE), tmp_path / "report.html"
    with installation.config.open("a") as file:
        file.write('[company]\nname = "Boutique <SAS>"\n')
    assert main(["audit", "report", STOREFRONT, "--out", str(path), "--config", str(installation.config)]) == 0
    text = path.read_text()
    assert "Boutique &lt;SAS&gt;" in text
    assert "not stated" in text
    assert not re.search(r"<script|src=|href=|@import|url\(", text)
    assert path.stat().st_mode & 0o077 == 0
    (exported,) = [one for one in Chronicle(folder_in(installation.folder / "store")).read()[0] if one.kind == "export"]
    assert (exported.fields["what"], exported.fields["by"]) == ("report", "command")


async def test_a_running_gateway_writes_the_same(running: Inside, tmp_path: Path) -> None:
    """It is asked over its private listener, and records it itself."""
    path = tmp_path / "report.html"
    assert await do("audit", "report", STOREFRONT, "--out", str(path), "--config", str(running.installation.config)) == 0
    assert "Record of processing" in path.read_text()


async def test_the_report_of_before_stays_where_a_new_one_finds_no_room(
    apart: Process, tmp_path: Path, capsys: Capture
) -> None:
    """It is replaced when all of the new one is there, and keeps its mode."""
    path = tmp_path / "report.html"
    path.write_text("of before")
    path.chmod(0o640)
    arguments = ("audit", "report", STOREFRONT, "--out", str(path), "--config", str(apart.installation.config))
    with full_disk():
        assert await do(*arguments) == 1
    assert capsys.readouterr().err.strip() == NO_ROOM_TOLD
    assert path.read_text() == "of before"
    assert await do(*arguments) == 0
    assert "Record of processing" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_report_that_cannot_be_written_is_not_said_to_be_handed_out(tmp_path: Path) -> None:
    """That is seen before the signed log says so."""
    installation = install(tmp_path / "gateway", NOWHERE)
    where = ("--out", str(tmp_path / "nowhere" / "report.html"), "--config", str(installation.config))
    assert main(["audit", "report", STOREFRONT, *where]) == 2
    assert not (installation.folder / "store").exists()


def test_it_is_written_in_french(tmp_path: Path) -> None:
    """For a merchant who reads that."""
    installation, path = install(tmp_path / "gateway", NOWHERE), tmp_path / "report.html"
    assert (
        main(["audit", "report", STOREFRONT, "--out", str(path), "--language", "fr", "--config", str(installation.config)]) == 0
    )
    assert "Registre des traitements" in path.read_text()


@pytest.mark.parametrize("period", [["--since", "yesterday"], ["--until", "2999-01-01"], ["--since", "2020-01-01"]])
def test_a_period_that_cannot_be_meant_is_named(tmp_path: Path, period: list[str]) -> None:
    """By its option; nothing is written."""
    installation, path = install(tmp_path / "gateway", NOWHERE), tmp_path / "report.html"
    assert main(["audit", "report", STOREFRONT, "--out", str(path), *period, "--config", str(installation.config)]) == 2
    assert not path.exists()
