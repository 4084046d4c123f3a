"""Consentmo: what is read from its two cookies, row by row."""

from typing import Any

import pytest

from gateway.consent.cmp.consentmo import of_cookies
from tests.gateway.consent.cmp.rows import RULES, choice_of, cookies_of, rows


@pytest.mark.parametrize("row", rows("consentmo", "cookies"))
def test_the_cookies_are_read_as_the_rows_say(row: dict[str, Any]) -> None:
    """Each row of `consentmo.json` holds."""
    assert of_cookies(cookies_of(row), RULES) == choice_of(row)
