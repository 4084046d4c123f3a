"""`dry-run` on a closed store and against a running gateway: the same words, and nothing is kept."""

import asyncio
import json
import time
from pathlib import Path

import pytest

from gateway.cli import main
from tests.doorway import NOWHERE, purchase, refused
from tests.live import STOREFRONT, Inside, Installation, install


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """A gateway that is not running."""
    return install(tmp_path / "gateway", NOWHERE)


def tried(installation: Installation, event: object, *more: str) -> int:
    """Run the command on an event."""
    path = installation.folder / "event.json"
    path.write_text(event if isinstance(event, str) else json.dumps(event))
    return main(["dry-run", STOREFRONT, str(path), "--config", str(installation.config), *more])


def test_what_would_leave_is_shown_in_kinds(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """Each destination's request; the event's own words are nowhere."""
    assert tried(installation, purchase("SECRET-1") | {"occurred_at": int(time.time())}) == 0
    said = capsys.readouterr().out
    assert "It would be accepted, by rule opt_in_everywhere-2." in said
    assert '"<sha256>"' in said
    assert "Google Ads: POST" in said
    assert "SECRET-1" not in said


def test_values_are_shown_on_request(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON for programs."""
    assert tried(installation, purchase("SECRET-1") | {"occurred_at": int(time.time())}, "--exact", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["destinations"]["meta"]["body"]["data"][0]["event_id"] == "SECRET-1"


def test_what_would_go_nowhere_ends_with_1(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """With the reason and what it means."""
    assert tried(installation, refused() | {"occurred_at": int(time.time())}) == 1
    assert "Meta: nothing would leave: advertising_denied." in capsys.readouterr().out


@pytest.mark.parametrize("event", ["{", "[1]", '"x"'])
def test_what_is_no_event_ends_with_2(installation: Installation, event: str) -> None:
    """No JSON, or not one event."""
    assert tried(installation, event) == 2


@pytest.mark.parametrize(
    ("body", "said"), [(b'{"x": "\xff"}', "no JSON"), (b"[" * 20_000, "no JSON"), (None, "larger than 64 KiB")]
)
def test_a_file_that_nobody_could_read_ends_with_2(
    installation: Installation, capsys: pytest.CaptureFixture[str], body: bytes | None, said: str
) -> None:
    """Not UTF-8, nested without end, or without an end at all."""
    path = installation.folder / "event.json" if body is not None else Path("/dev/zero")
    if body is not None:
        path.write_bytes(body)
    assert main(["dry-run", STOREFRONT, str(path), "--config", str(installation.config)]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("more", [("--gpc",), ("--ip", "203.0.113.7"), ("--user-agent", "Firefox")])
def test_a_browsers_words_need_a_browser(
    installation: Installation, capsys: pytest.CaptureFixture[str], more: tuple[str, ...]
) -> None:
    """Passed over in silence, `--gpc` would show an event leaving that a browser's refusal keeps back."""
    event = purchase("1") | {"occurred_at": int(time.time())}
    assert tried(installation, event, *more) == 2
    assert "--browser" in capsys.readouterr().err
    assert tried(installation, event, *more, "--browser") in {0, 1}


async def test_a_running_gateway_is_asked(running: Inside, capsys: pytest.CaptureFixture[str]) -> None:
    """It says the same, and has counted nothing."""
    event = purchase() | {"occurred_at": int(time.time())}
    assert await asyncio.to_thread(tried, running.installation, event) == 0
    assert (await running.accounts())["received"] == 0
    assert '"<sha256>"' in capsys.readouterr().out
