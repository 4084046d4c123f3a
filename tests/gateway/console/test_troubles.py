import pytest

from gateway.console.troubles import BEFORE_ANYBODY, TROUBLES, UNAVAILABLE, reads_pages, trouble
from gateway.storage import Shut


@pytest.mark.parametrize(
    ("accept", "page"),
    [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),  # Firefox and Chromium, to open a page
        ("TEXT/HTML ; charset=utf-8", True),
        ("*/*", False),  # curl, and `fetch` in a page
        ("application/json, */*", False),
        ("text/event-stream", False),
        ("text/html-x", False),
        ("", False),
    ],
)
def test_browsers_are_told_from_programs(accept: str, *, page: bool) -> None:
    """By what they say they read, when they open an address."""
    assert reads_pages(accept) is page


@pytest.mark.parametrize("why", Shut)
def test_whatever_shuts_a_store_is_told_as_that(why: Shut) -> None:
    """Nothing of how it is built."""
    assert trouble(why.value) is UNAVAILABLE


def test_every_trouble_says_what_it_is_and_what_to_do() -> None:
    """In sentences; what is refused before anybody is looked at has its words too."""
    assert set(TROUBLES) >= BEFORE_ANYBODY
    for about in (*TROUBLES.values(), UNAVAILABLE):
        assert not about.title.endswith(".")
        assert about.text.endswith(".")
