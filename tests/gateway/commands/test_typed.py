import re

import pytest

from gateway.cli import main
from tests.gateway.commands.doing import Capture


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
