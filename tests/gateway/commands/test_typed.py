import asyncio
import re
from typing import Final

import pytest

from gateway.cli import main
from tests.gateway.commands.doing import Capture
from tests.live import Installation
from tests.showing import ENV, command

ASCII: Final = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
"""A locale that has none of the letters beyond ASCII."""
UTF8: Final = {"LC_ALL": "C.UTF-8"}
NAMED: Final = ("--order-id", "--client-id", "--receipt", "--cart-token", "--checkout-token")


def test_a_test_code_that_is_none_is_2(capsys: Capture) -> None:
    """It goes into a request, so it is looked at before."""
    with pytest.raises(SystemExit) as left:
        main(["check", "--live", "--meta-test-code", "no code"])
    assert left.value.code == 2
    assert "letters and digits" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [
    ("--destination", "tiktok"), ("--reason", "bad luck"), ("--event", "refund"), ("--since", "yesterday"), ("--since", "3w"),
    ("--dry-run", "--yes"),
])  # fmt: skip
def test_a_choice_that_cannot_be_meant_is_2(wrong: tuple[str, ...], capsys: Capture) -> None:
    """It is named."""
    with pytest.raises(SystemExit) as left:
        main(["replay", "shop", *wrong])
    assert left.value.code == 2
    assert wrong[0] in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [
    ("pause", "shop", "facebook"), ("replay", "shop", "--destination", "facebook"), ("replay", "shop", "--event", "order"),
    ("demo", "--port", "70000"), ("demo", "--port", "x"),
])  # fmt: skip
def test_what_there_is_instead_is_said(wrong: tuple[str, ...], capsys: Capture) -> None:
    """Who mistypes a choice sees all of them, in words and not in the program's own."""
    with pytest.raises(SystemExit):
        main(wrong)
    assert re.search(r"must be (one of (meta, pinterest, google_ads|purchase, )|from 1 to 65522)", capsys.readouterr().err)


@pytest.mark.parametrize("wrong", [
    ("--rate", "0"), ("--rate", "-1"), ("--rate", "inf"), ("--rate", "nan"), ("--rate", "x"),
    ("--to", "127.0.0.1:8080"), ("--to", "ftp://x"), ("--to", "http://x/v1/events"), ("--to", "http://user@x"), ("--to", ""),
])  # fmt: skip
def test_numbers_and_addresses_that_cannot_be_meant_are_2(wrong: tuple[str, str], capsys: Capture) -> None:
    """They are refused before anything is sent or waited for."""
    with pytest.raises(SystemExit) as left:
        main(["send", "f.csv", "--to", "http://127.0.0.1:9", "--key", "env:KEY", *wrong])
    assert left.value.code == 2
    assert wrong[0] in capsys.readouterr().err


@pytest.mark.parametrize("wrong", ["0", "-1", "1000001", "x"])
def test_a_count_is_at_least_one(wrong: str, capsys: Capture) -> None:
    """And not more than can be shown."""
    with pytest.raises(SystemExit) as left:
        main(["audit", "log", "--limit", wrong])
    assert left.value.code == 2
    assert "--limit" in capsys.readouterr().err


async def said_to(standard_input: bytes, locale: dict[str, str], *arguments: str | bytes) -> tuple[int | None, str]:
    """Give a command in a process of its own; its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        *command(),
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=ENV | locale,
    )
    said, _ = await process.communicate(standard_input)
    return process.returncode, said.decode()


@pytest.mark.parametrize("locale", [ASCII, UTF8], ids=["ascii", "utf-8"])
async def test_what_is_piped_is_utf_8_in_every_locale(stopped: Installation, locale: dict[str, str]) -> None:
    """An address is hashed as it was meant; what is no UTF-8 is said to be none, and not repeated."""
    asked = ("withdraw", "--email", "-", "--config", str(stopped.config))
    code, said = await said_to("jürgen@example.com\n".encode(), locale, *asked)
    assert (code, "request 1" in said) == (0, True)
    stopped.config.with_name("address").write_bytes("jürgen@example.com\n".encode())
    code, said = await said_to(b"", locale, "withdraw", "--email-file", str(stopped.config.with_name("address")), *asked[3:])
    assert (code, "request 2" in said) == (0, True)
    for arguments in (asked, ("console", "password")):
        code, said = await said_to("jürgen@example.com\n".encode("latin-1"), locale, *arguments)
        assert (code, said) == (2, "What is on standard input is not UTF-8 text.\n")


BYTES: Final = "ü".encode("latin-1")
"""What is no text in UTF-8."""


@pytest.mark.parametrize("wrong", [
    *(("withdraw", name) for name in NAMED), ("replay", "shop", "--code"), ("key", "signing", "path", "--origin"),
    ("dry-run", "shop", "event.json", "--browser", "--user-agent"), ("dry-run", "shop", "event.json", "--browser", "--ip"),
])  # fmt: skip
def test_what_is_no_text_is_2(wrong: tuple[str, ...], capsys: Capture) -> None:
    """Bytes that mean nothing in UTF-8 came from another program's encoding: they name nobody."""
    with pytest.raises(SystemExit) as left:
        main([*wrong, BYTES.decode(errors="surrogateescape")])
    assert left.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith(f"{wrong[-1]}: must be UTF-8 text")


async def test_bytes_that_are_no_text_come_in_as_such() -> None:
    """As Python hands them to a program that was really given them."""
    code, said = await said_to(b"", UTF8, "withdraw", "--order-id", BYTES)
    assert (code, said.splitlines()[-1].endswith("--order-id: must be UTF-8 text")) == (2, True)
