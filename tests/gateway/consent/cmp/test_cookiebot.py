"""Cookiebot: what is read from its cookie and its object, row by row."""

from typing import Any

import pytest

from gateway.consent.cmp.cookiebot import of_cookies, of_object
from tests.gateway.consent.cmp.rows import RULES, choice_of, cookies_of, rows


@pytest.mark.parametrize("row", rows("cookiebot", "cookies"))
def test_the_cookie_is_read_as_the_rows_say(row: dict[str, Any]) -> None:
    """Each row of `cookiebot.json` with a cookie holds: `explicit` and a consent's own stamp make a yes, all else less."""
    assert of_cookies(cookies_of(row), RULES) == choice_of(row)


@pytest.mark.parametrize("row", rows("cookiebot", "object"))
def test_the_object_is_read_as_the_rows_say(row: dict[str, Any]) -> None:
    """Each row with an object holds."""
    assert of_object(row["object"], RULES) == choice_of(row)
