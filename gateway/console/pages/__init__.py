"""Every page of the console, in the order of the navigation. One file each; how one is written stands in `gateway.console`."""

from collections.abc import Mapping
from typing import Final

from gateway.console.page import Page
from gateway.console.pages import dead_letters, explain, funnel, health, overview, people, requests

PAGES: Final[Mapping[str, Page]] = {
    page.path: page
    for page in (
        overview.PAGE,
        funnel.PAGE,
        explain.PAGE,
        health.PAGE,
        dead_letters.PAGE,
        requests.PAGE,
        people.PAGE,
    )
}
"""Pages by path."""
