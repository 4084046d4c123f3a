from gateway.commands.progress import bar
from tests.gateway.commands.doing import Capture


def test_a_bar_is_shown_on_standard_error(capsys: Capture) -> None:
    """With what is done, how much of it, and the tasks' own figures; standard output stays free."""
    with bar("{task.fields[going]} to go again") as progress:
        progress.update(progress.add_task("looking", total=4, going=0), completed=2, going=7)
    said = capsys.readouterr()
    assert said.out == ""
    assert "looking" in said.err
    assert "50 %" in said.err
    assert "7 to go again" in said.err
