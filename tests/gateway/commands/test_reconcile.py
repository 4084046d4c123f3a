import csv
import io
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from gateway.cli import main
from tests.doorway import purchase, refused
from tests.exports import EMAIL, csv_of, shopify_export, shopify_order
from tests.gateway.commands.doing import Capture, do, post
from tests.live import Inside, Installation

FRESH: Final = "{:%Y-%m-%d %H:%M:%S} +0000"


def made(ago: float = 3600) -> dict[str, str]:
    """Say in an export when an order was made: so many seconds ago."""
    return {"Created at": FRESH.format(datetime.fromtimestamp(time.time() - ago, UTC))}


def export(path: Path) -> Path:
    """Write an export of four orders: one that came, one that was refused, one that never came, one that was never paid."""
    orders = [shopify_order(number, items=number - 4999, changes=made()) for number in (5001, 5002, 5003)]
    path.write_bytes(shopify_export(*orders, shopify_order(5004, changes=made() | {"Financial Status": "voided"})))
    return path


async def test_an_export_is_held_against_a_gateway_that_runs_and_one_that_does_not(
    running: Inside, capsys: Capture, tmp_path: Path
) -> None:
    """The same either way; what never came makes the exit code 1, and nobody's address is told."""
    there = running.installation
    await post(there, purchase("5001"), refused("5002"))
    await running.quiet()
    told: list[str] = []
    for number in range(2):
        rows = tmp_path / f"rows{number}.csv"
        options = ("--format", "shopify", "--csv", str(rows), "--config", str(there.config))
        assert await do("reconcile", "shop", str(export(tmp_path / "orders.csv")), *options) == 1
        told.append(capsys.readouterr().out)
        read = list(csv.DictReader(io.StringIO(rows.read_text(), newline="")))
        assert [(row["line"], row["id"], row["place"]) for row in read] == [
            ("2", "5001", "received"), ("5", "5002", "refused"), ("9", "5003", "not_received"), ("14", "5004", "not_expected"),
        ]  # fmt: skip
        assert (read[0]["meta_place"], read[1]["reason"]) == ("delivered", "consent")
        await running.stop()
    assert told[0] == told[1]
    assert "not_received: 1 order, 129.90 EUR. No event of this order came." in told[0]
    assert "<10" in told[0]
    assert EMAIL not in told[0]


async def test_what_never_came_can_be_sent(running: Inside, capsys: Capture, tmp_path: Path) -> None:
    """The file of missed orders is what `send` takes; each then counts by the consent record that its number leads to."""
    there = running.installation
    missed, config = tmp_path / "missed.ndjson", str(there.config)
    orders = [
        shopify_order(5003, changes=made()),
        shopify_order(5003, changes=made()),
        shopify_order(5005, changes=made(650_000)),
    ]
    listed = tmp_path / "orders.csv"
    listed.write_bytes(shopify_export(*orders))
    said = ("reconcile", "shop", str(listed), "--format", "shopify", "--config", config)
    assert await do(*said, "--missed", str(missed)) == 1
    assert "send`: 1. Delete" in (heard := capsys.readouterr().err)
    assert "older than events may be: 1." in heard
    assert missed.stat().st_mode & 0o777 == 0o600
    (event,) = [json.loads(line) for line in missed.read_text().splitlines()]
    assert event == {
        "event": "purchase", "event_id": "5003", "occurred_at": event["occurred_at"],
        "order": {"value": "129.90", "currency": "EUR"}, "consent": {"join": {"order_id": "5003"}},
        "customer": {"email": EMAIL}, "client": {"country": "FR"},
    }  # fmt: skip
    record = {"consent": {"advertising": True, "join": {"order_id": "5003"}}}
    key = {"Authorization": f"Bearer {there.secret_key}"}
    async with aiohttp.ClientSession() as session, session.post(f"{there.url}/v1/consent", json=record, headers=key) as kept:
        assert kept.status == 201
    assert await do("send", str(missed), "--to", there.url, "--key", f"file:{there.folder / 'secret.key'}") == 0
    assert "1 accepted" in capsys.readouterr().out
    await running.quiet()
    assert await do(*said, "--json") == 1
    places = json.loads(capsys.readouterr().out)["places"]
    assert {name: told["orders"] for name, told in places.items()} == {"received": 1, "not_received": 1}


async def test_nothing_missing_is_0(running: Inside, capsys: Capture, tmp_path: Path) -> None:
    """So that whoever runs it every night hears of nothing; a plain list, without times."""
    await post(running.installation, purchase("1"))
    listed = tmp_path / "orders.csv"
    listed.write_text("id;value\n1;129,90\n1;5,00\n")
    config = ("--config", str(running.installation.config))
    assert await do("reconcile", "shop", str(listed), "--currency", "EUR", *config) == 0
    told = " ".join(capsys.readouterr().out.split())  # a terminal may be narrower than the sentence
    assert "1 is listed more than once (lines 2, 3), with different values; the first counts." in told
    listed.write_text("id;value\n2;129,90\n")
    assert await do("reconcile", "shop", str(listed), "--currency", "EUR", "--missed", "missed", *config) == 1
    assert "does not say when they were made: 1." in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("id,value\n1,5\n", (), "line 1: currency has no column; see --format, and --currency"),
        ("id,value,currency\n1,5,EUR\n2,a lot,EUR\n", (), "line 3: value is not of its form"),
        ("id,value,currency\n" + "1,5\n" * 25, (), "and 5 more"),
        ("id,value\n1,5\n", ("--currency", "EURO"), "--currency is a currency's code"),
        ("id,value,currency\n1,5,EUR\n", ("--missed", "missed.csv"), "--missed writes NDJSON"),
        ("id,value,currency\n1,5,EUR\n", ("--csv", "orders.csv"), "--csv names is there already"),
    ],
)
def test_a_list_that_cannot_be_taken_is_2(
    stopped: Installation, capsys: Capture, text: str, options: tuple[str, ...], said: str
) -> None:
    """With the line, the field and the rule, and nothing of what stood there."""
    Path("orders.csv").write_text(text)
    assert main(["reconcile", "shop", "orders.csv", *options, "--config", str(stopped.config)]) == 2
    heard = capsys.readouterr()
    assert said in heard.err
    assert "a lot" not in heard.out + heard.err


def test_a_file_that_is_not_there_is_2(stopped: Installation, capsys: Capture) -> None:
    """Said in words."""
    assert main(["reconcile", "shop", "nowhere.csv", "--config", str(stopped.config)]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_what_has_no_end_is_no_list(stopped: Installation, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not read for ever: a device says that it is empty when its size is asked for."""
    monkeypatch.setattr("gateway.commands.reconcile.MOST_BYTES", 1 << 20)
    assert main(["reconcile", "shop", "/dev/zero", "--config", str(stopped.config)]) == 2
    assert "is larger than" in capsys.readouterr().err


def test_a_list_is_read_as_a_clerk_saves_it(stopped: Installation, capsys: Capture) -> None:
    """PrestaShop's list in French, in Windows' letters; without a gateway its store is asked."""
    columns = ("ID", "Référence", "Nouveau client", "Livraison", "Client", "Total", "Paiement", "État", "Date")
    text = csv_of(columns, [{"ID": "1001", "Client": "J. Doe", "Total": "1 234,56 €", "Date": "2026-11-22 09:15:00"}], ";")
    Path("commandes.csv").write_bytes(text.encode("cp1252"))
    options = ("--format", "prestashop", "--currency", "EUR", "--json", "--config", str(stopped.config))
    assert main(["reconcile", "shop", "commandes.csv", *options]) in {0, 1}
    assert json.loads(capsys.readouterr().out)["value"] == {"EUR": "1234.56"}
