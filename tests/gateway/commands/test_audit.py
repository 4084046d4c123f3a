import csv
import json
import re
from pathlib import Path
from typing import Final

import pytest

from gateway.cli import main
from gateway.model.words import Destination
from gateway.sandbox.platforms import Platforms
from tests.doorway import purchase
from tests.gateway.commands.doing import Capture, do, post
from tests.live import Inside, Installation, install


async def test_what_has_left_is_shown_compared_and_acknowledged(running: Inside, capsys: Capture) -> None:
    """By a running gateway; as a table, for programs and for spreadsheets; new rows until a decision acknowledges them."""
    there = running.installation
    await post(there, purchase())
    await there.quiet()
    config = ("--config", str(there.config))
    assert await do("audit", "shapes", *config) == 0
    said = capsys.readouterr()
    assert "data[].user_data.em[]" in said.out
    assert "destinations[].operatingAccount.accountType" in said.out
    assert all(f"shop, {destination}, purchase\n" in said.out for destination in Destination)
    hint = re.search(r"audit approve shop \"NAME OF THE DECISION\" --up-to (\d+)", said.err)
    assert hint is not None
    assert await do("audit", "shapes", "shop", "--json", *config) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["decision"] for row in rows} == {None}
    assert await do("audit", "approve", "shop", "DPO decision 2026-11-03", "--up-to", hint[1], *config) == 0
    assert f"Acknowledged: {len(rows)} rows" in capsys.readouterr().out
    assert await do("audit", "shapes", "--csv", *config) == 0
    table = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert {row["decision"] for row in table} == {"DPO decision 2026-11-03"}
    assert {row["contracts"] for row in table} == {"1"}
    assert await do("audit", "shapes", "--diff", *config) == 0
    said = capsys.readouterr()
    assert "never used" in said.out
    assert "?appsecret_proof" in said.out
    assert said.err == ""


QUIET: Final = f"""
[storefronts.quiet]
[[storefronts.quiet.keys]]
id = "q1"
kind = "secret"
hash = "{"0" * 64}"
[storefronts.quiet.destinations.meta]
base_url = "META"
credential = "file:meta.token"
pixel_id = "1234567890"
[storefronts.shop]
"""
"""A storefront in front of the usual one, to which nobody posts."""


async def test_each_storefront_with_new_rows_is_told_how_to_acknowledge_them(tmp_path: Path, capsys: Capture) -> None:
    """Not the first one that there is, with a number of another's rows."""
    async with Platforms.start() as platforms:
        there = install(tmp_path / "it", platforms.base_urls)
        quiet = QUIET.replace("META", platforms.base_urls[Destination.META])
        there.config.write_text(there.config.read_text().replace("[storefronts.shop]\n", quiet))
        gateway = Inside(there)
        await gateway.start()
        try:
            await post(there, purchase())
            await there.quiet()
            assert await do("audit", "shapes", "--config", str(there.config)) == 0
        finally:
            await gateway.stop()
    said = capsys.readouterr().err
    assert re.findall(r"audit approve (\w+)", said) == ["shop"]


def test_a_closed_store_tells_what_has_left_too(stopped: Installation, capsys: Capture) -> None:
    """Nothing yet; and acknowledging nothing is no mistake."""
    config = ("--config", str(stopped.config))
    assert main(["audit", "shapes", "--json", *config]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["audit", "approve", "shop", "x", "--up-to", "9", *config]) == 0
    assert "Acknowledged: 0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("shapes", "nobody"), "There is no such storefront"),
        (("approve", "nobody", "x", "--up-to", "1"), "There is no such storefront"),
        (("approve", "shop", "jane@example.com", "--up-to", "1"), "A decision is named"),
    ],
)
def test_an_audit_of_nothing_is_2(stopped: Installation, capsys: Capture, arguments: tuple[str, ...], said: str) -> None:
    """With what is right."""
    assert main(["audit", *arguments, "--config", str(stopped.config)]) == 2
    assert said in capsys.readouterr().err


def test_contracts_are_written_out(stopped: Installation, tmp_path: Path, capsys: Capture) -> None:
    """Those of the configuration, or those that are shipped, as JSON Schema."""
    assert main(["audit", "contracts", "--out", str(tmp_path / "a"), "--config", str(stopped.config)]) == 0
    assert main(["audit", "contracts", "--out", str(tmp_path / "b"), "--shipped"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 8
    files = [{path.name: path.read_text() for path in (tmp_path / folder).iterdir()} for folder in "ab"]
    assert files[0] == files[1]
    kinds = ("meta.events", "pinterest.events", "google_ads.ingest", "google_ads.upload")
    assert set(files[0]) == {f"{kind}.schema.json" for kind in kinds}
