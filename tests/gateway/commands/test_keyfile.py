import pytest

from gateway.cli import main
from tests.gateway.commands.doing import Capture
from tests.live import Installation


@pytest.mark.parametrize("name", ["check", "accounts"])
def test_a_missing_key_file_says_how_to_make_one(stopped: Installation, capsys: Capture, name: str) -> None:
    """Exit code 2, and the command to run."""
    (stopped.folder / "sealing.json").unlink()
    assert main([name, *["shop"] * (name == "accounts"), "--config", str(stopped.config)]) == 2
    assert "consent-gateway key file" in capsys.readouterr().err
