import io
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from gateway.cli import main
from gateway.commands import showing
from gateway.commands.ending import Ended
from tests.doorway import NOWHERE
from tests.gateway.commands.doing import Capture
from tests.live import install

LONG = "x" * 300


def table() -> Table:
    """Make a table that is wider than most terminals."""
    found = Table("short", "long")
    found.add_row("1", LONG)
    return found


@pytest.mark.parametrize(("count", "said"), [(0, "0 orders"), (1, "1 order"), (2, "2 orders"), ("<10", "<10 orders")])
def test_one_of_a_thing_is_no_number_of_them(count: int | str, said: str) -> None:
    """A sentence says how many there are as people do."""
    assert showing.counted(count, "order") == said


def test_what_is_no_terminal_gets_each_row_on_a_line(capsys: Capture) -> None:
    """So that `grep` finds it."""
    showing.show(table())
    assert any(LONG in line for line in capsys.readouterr().out.splitlines())


def test_a_sentence_is_a_line(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it is, and whatever width is said to be there."""
    monkeypatch.setenv("COLUMNS", "30")
    assert main(["check", "--config", str(install(tmp_path / "it", NOWHERE).config)]) == 0
    assert "The configuration is complete and consistent." in capsys.readouterr().out.splitlines()


def test_a_terminal_gets_all_of_a_table_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is cut off with dots."""
    said = io.StringIO()
    monkeypatch.setattr(showing, "out", Console(file=said, force_terminal=True, width=60, highlight=False))
    showing.show(table())
    assert said.getvalue().count("x") == len(LONG)
    assert "…" not in said.getvalue()


def test_a_terminal_too_narrow_for_a_table_gets_a_list_of_each_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """With many columns in 80 a table has two letters of a word on a line, and nobody reads it; nothing is lost."""
    said = io.StringIO()
    monkeypatch.setattr(showing, "out", Console(file=said, force_terminal=True, width=80, highlight=False, no_color=True))
    names = [f"destination{number}" for number in range(11)]
    wide = Table(*names)
    wide.add_row("", *(f"paused_by_operator{number}" for number in range(10)))
    showing.show(wide)
    lines = [line.split() for line in said.getvalue().splitlines()]
    assert lines == [*([name, f"paused_by_operator{number}"] for number, name in enumerate(names[1:])), []]


def test_an_ending_is_told_as_it_is(capsys: Capture) -> None:
    """Heading first; what looks like markup is none."""
    showing.show_ending(Ended(2, "[red]a[/red]", heading="[b]"))
    assert capsys.readouterr() == ("", "[b]\n[red]a[/red]\n")


def test_programs_get_json(capsys: Capture) -> None:
    """On standard output."""
    showing.show_json({"a": [1]})
    assert capsys.readouterr().out.split() == ["{", '"a":', "[", "1", "]", "}"]
