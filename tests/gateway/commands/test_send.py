import asyncio
import csv
import json
import signal
import time
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Final

import pytest

from gateway import backfill
from gateway.cli import main
from gateway.commands.typed import base_url
from tests.doorway import refused
from tests.gateway.commands.doing import Capture, do
from tests.live import Inside
from tests.showing import ENV, command, hear_interrupts

COLUMNS: Final = ("order_id", "purchased_on", "value", "currency", "email", "advertising")


def orders(path: Path, count: int) -> Path:
    """Write a file of orders, every third without consent, from the last days."""
    today = time.strftime("%Y-%m-%d", time.gmtime())
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(count):
            consent = "" if number % 3 == 2 else "true"
            writer.writerow([f"o{number}", today, "10.00", "EUR", f"p{number}@example.com", consent])
    return path


@pytest.fixture
def arguments(running: Inside, tmp_path: Path) -> list[str]:
    """What `send` is told, but for the file."""
    (tmp_path / "key").write_text(running.installation.secret_key)
    (tmp_path / "key").chmod(0o600)
    return ["--to", running.installation.url, "--key", "file:key"]


async def test_a_file_of_orders_is_sent_with_a_summary(
    running: Inside, arguments: list[str], tmp_path: Path, capsys: Capture
) -> None:
    """Every order is answered; those without consent are refused, as from anybody else."""
    path = orders(tmp_path / "orders.csv", 1200)
    assert await do("send", str(path), *arguments) == 0
    said = capsys.readouterr().out
    assert "1200 events answered: 800 accepted, 0 duplicate, 400 refused, 0 invalid" in said
    assert "400 refused: no_consent" in said
    books = await running.quiet()
    assert books["destinations"]["pinterest"]["value"] == {"EUR": {"accepted": "8000.00", "delivered": "8000.00"}}


async def test_a_run_goes_on_where_it_stopped(running: Inside, arguments: list[str], tmp_path: Path, capsys: Capture) -> None:
    """What was answered is not sent again; more lines in the file are; `--again` begins at the start and does no harm."""
    path = orders(tmp_path / "orders.csv", 600)
    assert await do("send", str(path), *arguments) == 0
    orders(path, 900)
    capsys.readouterr()
    assert await do("send", str(path), *arguments) == 0
    said = capsys.readouterr().out
    assert "Going on where an earlier run stopped: 600 events are answered." in said
    assert (await running.accounts())["received"] == 900
    assert await do("send", str(path), *arguments, "--again") == 0
    assert "0 accepted, 600 duplicate, 300 refused" in capsys.readouterr().out
    assert (await running.accounts())["by_status"]["accepted"] == 600


async def test_a_run_that_is_cut_off_says_why_and_how_to_go_on(
    running: Inside, arguments: list[str], tmp_path: Path, capsys: Capture
) -> None:
    """A line that cannot be read stops the run with its place; what was answered before it stays answered."""
    path = tmp_path / "events.ndjson"
    lines = [json.dumps(refused(str(number)) | {"occurred_at": int(time.time())}) for number in range(600)]
    path.write_text("\n".join([*lines, "no json"]))
    assert await do("send", str(path), *arguments) == 1
    assert "Stopped: a line is not a JSON object" in capsys.readouterr().err
    assert (await running.accounts())["received"] == 500
    path.write_text("\n".join(lines))
    assert await do("send", str(path), *arguments) == 0
    assert (await running.accounts())["received"] == 600


async def test_what_was_not_taken_is_told_by_the_exit_code(
    running: Inside, arguments: list[str], tmp_path: Path, capsys: Capture
) -> None:
    """3 where events broke a rule of the format, which no repetition mends: so it is said again, and until they are mended."""
    path = orders(tmp_path / "orders.csv", 30)
    text = path.read_text()
    path.write_text(text.replace("10.00", "ten"))
    assert await do("send", str(path), *arguments) == 3
    said = capsys.readouterr()
    assert "30 events answered: 0 accepted, 0 duplicate, 0 refused, 30 invalid" in said.out
    assert "30 invalid: bad_format (order.value): lines 2, 3, 4, 5, 6 and 25 more" in said.out
    assert "30 events were not taken" in said.err
    assert "--again" in said.err
    assert await do("send", str(path), *arguments) == 3
    path.write_text(text)
    assert await do("send", str(path), *arguments, "--again") == 0
    assert (await running.accounts())["by_status"] == {"accepted": 20, "duplicate": 0, "refused": 10, "invalid": 30}


async def test_a_wrong_key_stops_the_run_at_once(
    running: Inside, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not tried again, and not printed."""
    monkeypatch.setenv("KEY", "sk_s1_" + "A" * 43)
    path = orders(tmp_path / "orders.csv", 3)
    assert await do("send", str(path), "--to", running.installation.url, "--key", "env:KEY") == 1
    said = capsys.readouterr()
    assert "does not know this key" in said.err
    assert "AAAA" not in said.err + said.out


async def test_a_run_that_is_interrupted_says_how_far_it_came(tmp_path: Path) -> None:
    """And how it goes on; nothing of a traceback."""
    path = orders(tmp_path / "orders.csv", 3)
    process = await asyncio.create_subprocess_exec(
        *command("send", str(path), "--to", "http://127.0.0.1:1", "--key", "env:KEY"),
        stderr=asyncio.subprocess.PIPE,
        env=ENV | {"KEY": "sk_s1_x"},
        preexec_fn=hear_interrupts,
    )
    assert process.stderr is not None
    said = await process.stderr.readuntil(b"Waiting")
    process.send_signal(signal.SIGINT)
    said += await process.stderr.read()
    assert await process.wait() == 130
    assert "Stopped: 0 events are answered. The same command goes on from there." in said.decode()
    assert b"Traceback" not in said


async def test_another_gateways_progress_is_not_told(
    arguments: list[str], tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was sent to one gateway is at its beginning for another: nothing is said to be answered there."""
    monkeypatch.setattr(backfill, "PATIENCE", 0.0)
    path = orders(tmp_path / "orders.csv", 3)
    assert await do("send", str(path), *arguments) == 0
    capsys.readouterr()
    assert await do("send", str(path), "--to", "http://127.0.0.1:1", *arguments[2:]) == 1
    said = capsys.readouterr()
    assert "answered" not in said.out
    assert "Waiting: no gateway answers there." in said.err


async def test_a_file_that_was_sent_whole_is_said_to_be(arguments: list[str], tmp_path: Path, capsys: Capture) -> None:
    """Who mends a line and sends the file again is told that nothing was sent, and by which option it would be."""
    path = orders(tmp_path / "orders.csv", 3)
    assert await do("send", str(path), *arguments) == 0
    capsys.readouterr()
    assert await do("send", str(path), *arguments) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "An earlier run sent all of it: 3 events are answered. --again begins at the start." in said


@pytest.mark.parametrize("name", [".", "folder.csv"])
def test_a_folder_is_no_file(tmp_path: Path, capsys: Capture, name: str) -> None:
    """What cannot be read as a file is said to be so."""
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "key").write_text("sk_s1_x")
    (tmp_path / "key").chmod(0o600)
    assert main(["send", name, "--to", "http://127.0.0.1:9", "--key", "file:key"]) == 2
    assert "The file cannot be read." in capsys.readouterr().err


def test_what_send_needs_is_said(tmp_path: Path, capsys: Capture) -> None:
    """A reference to a key instead of a key, and a file that is there; exit code 2, and the key is not repeated."""
    path = orders(tmp_path / "orders.csv", 1)
    assert main(["send", str(path), "--to", "http://127.0.0.1:9", "--key", "sk_s1_pasted"]) == 2
    (tmp_path / "key").write_text("sk_s1_x")
    (tmp_path / "key").chmod(0o600)
    assert main(["send", "nowhere.csv", "--to", "http://127.0.0.1:9", "--key", "file:key"]) == 2
    said = capsys.readouterr().err
    assert "--key: must be a reference" in said
    assert "The file cannot be read." in said
    assert "pasted" not in said


@pytest.mark.parametrize(
    "to", ["http://gateway.example", "http://gateway.example:8080/", "http://1.1.1.1", "http://[2606:4700::1]"]
)
def test_keys_and_orders_go_to_strangers_over_tls_alone(to: str, tmp_path: Path, capsys: Capture) -> None:
    """Whoever is on the way there would have the secret key, and every address in the file."""
    path = orders(tmp_path / "orders.csv", 1)
    with pytest.raises(SystemExit) as left:
        main(["send", str(path), "--to", to, "--key", "env:KEY"])
    assert left.value.code == 2
    assert "must begin with https://" in capsys.readouterr().err


@pytest.mark.parametrize(
    "to",
    [
        "https://gateway.example",
        "http://127.0.0.1:8080/",
        "http://[::1]:8080",
        "http://localhost",
        "http://10.1.2.3",
        "http://gateway:8080",
    ],
)
def test_near_by_there_need_be_no_tls(to: str) -> None:
    """On this machine, and in a private network behind the proxy that undoes TLS."""
    assert base_url(to) == to.rstrip("/")


@pytest.mark.parametrize("to", ["gateway.example", "https://", "https://a/b", "https://u@a", "https://a:b", "https://a\\b"])
def test_what_is_no_address_is_none(to: str) -> None:
    """A path, a name, a port that is none."""
    with pytest.raises(ArgumentTypeError, match="such as"):
        base_url(to)
