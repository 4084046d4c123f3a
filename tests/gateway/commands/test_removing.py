"""`withdraw` and `erase` as commands: at a running gateway or a closed store, with the same outcome and the same words."""

import io
import json
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.cli import main
from tests.doorway import purchase
from tests.gateway.commands.doing import Capture, do, post, standing_in, with_dead_letters
from tests.live import Inside, Installation

JANE: Final = "jane.canary-7f3a@example.com"


class Terminal(io.StringIO):
    """Standard input where somebody sits."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def typing(monkeypatch: pytest.MonkeyPatch, text: str, *, sits: bool = False) -> None:
    """Put text on standard input."""
    monkeypatch.setattr(sys, "stdin", Terminal(text) if sits else io.StringIO(text))


def order(event_id: str = "1") -> dict[str, Any]:
    """An order of hers."""
    return purchase(event_id, customer={"email": JANE})


async def test_a_running_gateway_is_asked(running: Inside, capsys: Capture, tmp_path: Path) -> None:
    """What it answers is printed: the line's number and date, and what the platforms must be asked for."""
    address = tmp_path / "address.txt"
    address.write_text(f"{JANE}\n")
    config = ("--config", str(running.installation.config))
    await post(running.installation, order())
    await running.quiet()
    assert await do("withdraw", "--email-file", str(address), *config) == 0
    said = capsys.readouterr().out
    assert said.startswith("shop: request 1, withdraw, asked 20")
    assert "Nothing was waiting or dead for this person." in said
    assert "meta: Write to Meta's support" in said
    assert "  purchase 1, sent 20" in said
    assert await do("erase", "--order-id", "1", "--yes", "--json", *config) == 0
    (receipt,) = json.loads(capsys.readouterr().out)["receipts"]
    assert receipt["request"]["right"] == "erase"
    assert "canary" not in said


async def test_closed_stores_are_opened(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no gateway runs the same is done to its stores, and a gateway that starts on them has it."""
    async with with_dead_letters(tmp_path) as (gateway, _):
        await gateway.stop()
        config = ("--config", str(gateway.installation.config))
        typing(monkeypatch, "jane@example.com\n")
        assert await do("withdraw", "--email", "-", *config) == 0
        said = capsys.readouterr().out
        assert "  meta: 0 that waited taken out, and 2 dead letters" in said
        await gateway.start()
        books = await gateway.accounts()
        assert (books["balanced"], books["destinations"]["meta"]["withdrawn"]) == (True, 2)


def test_an_address_is_never_an_argument(stopped: Installation, capsys: Capture) -> None:
    """It is refused with the reason, and not repeated."""
    with pytest.raises(SystemExit) as left:
        main(["erase", "--email", JANE, "--config", str(stopped.config)])
    said = capsys.readouterr().err
    assert left.value.code == 2
    assert "list of processes" in said
    assert "canary" not in said


@pytest.mark.parametrize("command", ["withdraw", "erase", "access"])
def test_somebody_must_be_named(stopped: Installation, capsys: Capture, command: str) -> None:
    """Else nothing is done, and it says how."""
    assert main([command, "--config", str(stopped.config)]) == 2
    assert "Say whom it is about" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--email", "-"), "What --email gives is not of its form."),
        (("--order-id", "  "), "What --order-id gives is not of its form."),
        (("--client-id", "canary" * 100), "What --client-id gives is too long: at most 256 characters."),
        (("--email-file", "nowhere.txt"), "The file with the address cannot be read."),
        (("--order-id", "1", "--storefront", "canary"), "There is no such storefront in the configuration; it has shop."),
    ],
)
def test_what_cannot_be_meant_is_said_and_not_repeated(
    stopped: Installation, capsys: Capture, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], says: str
) -> None:
    """Exit code 2, the option and the rule."""
    typing(monkeypatch, "canary-7f3a")
    assert main(["withdraw", *options, "--config", str(stopped.config)]) == 2
    assert capsys.readouterr() == ("", f"{says}\n")


@pytest.mark.parametrize(
    ("answer", "code"), [("erase\n", 0), ("yes\n", 2), ("\n", 2), ("", 2)], ids=["erase", "yes", "enter", "end"]
)
def test_an_erasure_is_asked_about(
    stopped: Installation, capsys: Capture, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    """On a terminal the word itself must be typed."""
    typing(monkeypatch, answer, sits=True)
    assert main(["erase", "--order-id", "1", "--config", str(stopped.config)]) == code
    assert ("Nothing was erased" in capsys.readouterr().err) is (code == 2)


def test_where_nobody_can_be_asked_yes_must_be_said(
    stopped: Installation, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script that pipes `erase` in has not read the question."""
    typing(monkeypatch, "erase\n")
    assert main(["erase", "--order-id", "1", "--config", str(stopped.config)]) == 2
    assert "say --yes" in capsys.readouterr().err


async def test_a_gateway_in_trouble_is_not_gone_around(stopped: Installation, capsys: Capture) -> None:
    """Its stores are open: nothing is done beside it."""
    async with standing_in(stopped, 503, '{"error": "store_failed"}'):
        assert await do("erase", "--order-id", "1", "--yes", "--config", str(stopped.config)) == 1
    assert "store_failed" in capsys.readouterr().err
