"""The table of combinations holds, row by row, and the documentation shows it as it is computed."""

from pathlib import Path

import pytest

from gateway.consent.policy import Profile
from tests.gateway.consent.combinations import COLUMNS, ROWS, Row, cells, outcome, table

DOCUMENT = Path(__file__).parents[3] / "docs" / "consent.md"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.number} {row.says}")
def test_a_row_of_the_table_holds(row: Row) -> None:
    """Under each profile, here and there, whatever stands for the row's signals comes to what the row says."""
    found = dict(cells(row))
    assert found == {column: {cell} for column, cell in enumerate(row.cells) if cell is not None}


@pytest.mark.parametrize("row", [row for row in ROWS if row.personalised is not None], ids=lambda row: row.number)
def test_google_is_told_of_personalisation_as_the_row_says(row: Row) -> None:
    """A question of its own, which changes nothing of who gets the event."""
    for consent in row.variants:
        assert outcome(row, consent, (Profile.OPT_IN_EVERYWHERE, "FR", None))[1] is row.personalised


def test_the_table_is_complete() -> None:
    """Thirty-six rows, some of them in parts, and four columns."""
    numbers = [int("".join(filter(str.isdigit, row.number))) for row in ROWS]
    assert sorted(set(numbers)) == list(range(1, 37))
    assert numbers == sorted(numbers)
    assert {len(row.cells) for row in ROWS} == {len(COLUMNS)}


def test_the_documentation_shows_the_table_as_it_is() -> None:
    """Who reads the page reads what the program does."""
    assert table() in DOCUMENT.read_text()
