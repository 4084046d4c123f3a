"""How long everything is kept, as rows for people."""

import pytest

from gateway.rights.retention import ROWS, Period, keepings

SETTINGS = [row[2] for row in ROWS if row[2]]


def test_every_row_says_until_when_and_by_what() -> None:
    """A setting's row has its days and their limits; any other says that the program itself ends it."""
    rows = keepings({name: Period(n + 10, 1, 99) for n, name in enumerate(SETTINGS)})
    assert len(rows) == len(ROWS)
    assert (rows[1].until, rows[1].bound) == ("10 days after the event died", "retention.dead_letters_days, 1 to 99 days")
    assert {row.bound for row in rows if "retention." not in row.bound} == {"the program"}


def test_a_setting_that_is_missing_is_noticed() -> None:
    """A row without its period would tell a person nothing."""
    with pytest.raises(KeyError):
        keepings({})
