"""Every bench runs from end to end. Its figures are not looked at: a test machine's speed is nobody's promise."""

import json
from pathlib import Path

import pytest

from bench.__main__ import BENCHES, main

pytestmark = pytest.mark.xdist_group("machine")

BARS = {
    "door": 2,
    "batches": 1,
    "line": 2,
    "consent": 6,
    "contract": 3,
    "courier": 1,
    "job": 1,
    "outbox": 3,
    "pages": 18,
    "stores": 0,
}


@pytest.mark.parametrize("name", BENCHES)
def test_every_bench_gives_its_figures(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With as many bars as were set, and every value positive; a run that went wrong would have raised."""
    told = tmp_path / "figures.json"
    assert main([name, "--quick", "--json", str(told), "--folder", str(tmp_path)]) == 0
    figures = json.loads(told.read_bytes())["figures"]
    assert sum(figure["bar"] is not None for figure in figures) == BARS[name]
    assert all(figure["value"] > 0 for figure in figures)
    assert name in capsys.readouterr().out


def test_a_bench_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With the names of those that do."""
    with pytest.raises(SystemExit):
        main(["dor"])
    assert "door, batches" in capsys.readouterr().err
