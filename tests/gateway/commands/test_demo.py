from pathlib import Path

from gateway.cli import main
from tests.gateway.commands.doing import Capture
from tests.showing import first_free_port


def test_a_demo_whose_key_file_is_damaged_says_so(tmp_path: Path, capsys: Capture) -> None:
    """As any gateway does: a sentence, what to do, exit code 2 and no traceback."""
    (tmp_path / "sealing.json").write_text("no key file")
    (tmp_path / "sealing.json").chmod(0o600)
    assert main(["demo", "--port", str(first_free_port()), "--state", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "The key file cannot be used: key file: must be JSON" in said
    assert "Traceback" not in said
