"""Didomi: what is read from its cookies and from the page's object, row by row."""

from typing import Any

import pytest

from gateway.consent.cmp.didomi import of_cookies, of_object
from gateway.consent.policy import CmpRules
from tests.gateway.consent.cmp.rows import META, RULES, choice_of, cookies_of, in_base64, rows


@pytest.mark.parametrize("row", rows("didomi", "cookies"))
def test_the_cookies_are_read_as_the_rows_say(row: dict[str, Any]) -> None:
    """Each row of `didomi.json` with cookies holds."""
    assert of_cookies(cookies_of(row), RULES) == choice_of(row)


@pytest.mark.parametrize("row", rows("didomi", "object"))
def test_the_object_is_read_as_the_rows_say(row: dict[str, Any]) -> None:
    """Each row with an object holds."""
    assert of_object(row["object"], RULES) == choice_of(row)


@pytest.mark.parametrize(
    ("purposes", "granted"),
    [
        ({"enabled": ["analytics"]}, True),
        ({"enabled": ["analytics"], "disabled": ["other"]}, False),
        ({"enabled": [], "disabled": []}, False),
        (None, False),
    ],
)
def test_without_purposes_in_the_settings_a_vendors_yes_needs_some_and_none_refused(purposes: Any, granted: bool) -> None:
    """A vendor has consent only where all of its purposes have, and the token does not tell which those are."""
    token = in_base64({"updated": "2026-11-18T11:06:40Z", "purposes": purposes, "vendors": {"enabled": ["facebook"]}})
    choice = of_cookies({"didomi_token": token}, CmpRules(didomi_vendors={META: ("facebook",)}))
    assert choice is not None
    assert choice.vendors == (((META, True),) if granted else ())
