"""The destinations' page, which `tests/test_console_pages.py` walks in a browser: it shows the report and no more."""

from gateway.console.pages.health import PAGE, Shown
from gateway.console.roles import EVERYBODY, OPERATORS, WHO


def test_everybody_may_see_it_and_it_follows_what_happens() -> None:
    """A marketer, too."""
    assert WHO["GET", PAGE.path] == EVERYBODY
    assert PAGE.live


def test_only_operators_pause_and_resume() -> None:
    """Each act has its row."""
    assert {path: WHO["POST", path] for path in PAGE.acts} == {"/health/pause": OPERATORS, "/health/resume": OPERATORS}


def test_it_has_a_place_for_all_that_health_tells() -> None:
    """What the API's answer has at its top has its place on the page."""
    assert {"ready", "why", "first_expiry", "places"} <= set(Shown.__struct_fields__)
