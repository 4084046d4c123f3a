from gateway.cli import main
from tests.gateway.commands.doing import Capture


def test_an_ending_is_told_on_standard_error_with_its_exit_code(capsys: Capture) -> None:
    """What a command cannot do is no output of it, and no traceback."""
    assert main(["check", "--config", "/nowhere.toml"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("There is no configuration at /nowhere.toml.\nName yours with --config")
