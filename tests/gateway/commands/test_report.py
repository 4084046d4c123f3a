"""`audit report`: one file that stands alone, recorded in the signed log."""

import re
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.sandbox.platforms import Platforms
from gateway.signing.chronicle import Chronicle
from gateway.signing.store import folder_in
from tests.doorway import NOWHERE
from tests.live import STOREFRONT, Process, install


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


async def test_a_running_gateway_writes_the_same(tmp_path: Path) -> None:
    """It is asked over its private listener, and records it itself."""
    async with Platforms.start() as platforms:
        installation, path = install(tmp_path / "gateway", platforms.base_urls), tmp_path / "report.html"
        process = Process(installation)
        await process.start()
        try:
            assert main(["audit", "report", STOREFRONT, "--out", str(path), "--config", str(installation.config)]) == 0
        finally:
            await process.stop()
    assert "Record of processing" in path.read_text()


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
