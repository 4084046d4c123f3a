"""OneTrust: what is read from its cookies and from the page's object, row by row."""

from typing import Any

import pytest

from gateway.consent.cmp.onetrust import of_cookies, of_object
from tests.gateway.consent.cmp.rows import RULES, choice_of, cookies_of, rows


@pytest.mark.parametrize("row", rows("onetrust", "cookies"))
def test_the_cookies_are_read_as_the_rows_say(row: dict[str, Any]) -> None:
    """Each row of `onetrust.json` with cookies holds."""
    assert of_cookies(cookies_of(row), RULES) == choice_of(row)


@pytest.mark.parametrize("row", rows("onetrust", "object"))
def test_the_object_is_read_as_the_rows_say(row: dict[str, Any]) -> None:
    """Each row with an object holds."""
    assert of_object(row["object"], RULES) == choice_of(row)
