"""A figure is the median of its rounds, and a bar is reached or it is not."""

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from bench.figures import Figure, Sense, show, shown, write_json


def figure(*values: float, bar: float | None = None, sense: Sense = "at least") -> Figure:
    """A figure of these rounds."""
    return Figure.of("door", "requests", "/s", values, steal=[0.1] * len(values), bar=bar, sense=sense)


def test_the_median_counts_and_the_extremes_are_told() -> None:
    """One lucky round makes no figure."""
    made = figure(3.0, 9.0, 4.0)
    assert (made.value, made.low, made.high, made.rounds, made.steal) == (4.0, 3.0, 9.0, 3, 0.1)


@pytest.mark.parametrize(
    ("bar", "sense", "reached"),
    [
        (4.0, "at least", True),
        (4.1, "at least", False),
        (4.0, "at most", True),
        (3.9, "at most", False),
        (None, "at least", None),
    ],
)
def test_a_bar_is_held_against_the_median(bar: float | None, sense: Sense, reached: bool | None) -> None:
    """On the bar is reached, in either sense; without a bar there is nothing to reach."""
    assert figure(3.0, 9.0, 4.0, bar=bar, sense=sense).reached is reached


@pytest.mark.parametrize(("value", "text"), [(0.5512, "0.55"), (12.34, "12.3"), (40_123.4, "40,123")])
def test_numbers_are_shown_with_the_digits_that_mean_something(value: float, text: str) -> None:
    """Two places, one or none, by size."""
    assert shown(value) == text


def test_table_and_file_tell_the_same(tmp_path: Path) -> None:
    """People and machines read one result."""
    made, out = [figure(4.0, bar=5.0), figure(7.0)], StringIO()
    show(made, Console(file=out, width=200))
    assert "≥ 5.00" in out.getvalue()
    assert " no " in out.getvalue()
    write_json(made, tmp_path / "figures.json")
    told = json.loads((tmp_path / "figures.json").read_bytes())
    assert told["reached"] == {"door: requests": False}
    assert [one["value"] for one in told["figures"]] == [4.0, 7.0]
