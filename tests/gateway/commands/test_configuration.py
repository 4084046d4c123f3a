from pathlib import Path

import pytest

from gateway.cli import main
from tests.configuration import GOOD, write
from tests.gateway.commands.doing import Capture


@pytest.mark.parametrize("name", ["check", "serve", "explain", "accounts", "dead", "replay"])
def test_every_fault_is_reported_at_once(tmp_path: Path, capsys: Capture, name: str) -> None:
    """Whichever command reads it first: all faults by place and rule, never by value, and exit code 2."""
    secret = "EAAB-pasted-in-the-wrong-line"
    text = GOOD.replace('key_file = "keys.json"', f'key_file = 7\nheader_seconds = 0\nsurplus = "{secret}"')
    text = text.replace('pixel_id = "1234567890"', f'pixel_id = "{secret}"').replace('"env:META"', f'"{secret}"')
    more = {"explain": ["demo", "purchase", "1"], "check": [], "serve": []}.get(name, ["demo"])
    assert main([name, *more, "--config", str(write(tmp_path, text))]) == 2
    said = capsys.readouterr()
    places = ("server.key_file:", "server.header_seconds:", "server.surplus:", "meta.pixel_id:", "meta.credential:")
    assert all(place in said.err for place in places)
    assert "5 faults" in said.err
    assert secret not in said.err + said.out


def test_a_variable_that_only_the_service_has_is_explained(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that is run by hand has another environment than the service: that is said, and only then."""
    monkeypatch.delenv("META", raising=False)
    assert main(["accounts", "demo", "--config", str(write(tmp_path, GOOD))]) == 2
    assert "needs too: docs/operating.md" in capsys.readouterr().err
    assert main(["accounts", "demo", "--config", str(write(tmp_path, "x = 1"))]) == 2
    assert "docs/operating.md" not in capsys.readouterr().err
