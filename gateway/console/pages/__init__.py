"""Every page of the console, in the order of the navigation. One file each; how one is written stands in `gateway.console`."""

from collections.abc import Mapping
from typing import Final

from gateway.console.page import Page
from gateway.console.pages import (
    consent,
    contracts,
    dead_letters,
    dry_run,
    examples,
    explain,
    funnel,
    health,
    log,
    overview,
    people,
    reconcile,
    report,
    requests,
    snippet,
)

PAGES: Final[Mapping[str, Page]] = {
    page.path: page
    for page in (
        overview.PAGE,
        funnel.PAGE,
        reconcile.PAGE,
        explain.PAGE,
        health.PAGE,
        dead_letters.PAGE,
        contracts.PAGE,
        examples.PAGE,
        consent.PAGE,
        dry_run.PAGE,
        requests.PAGE,
        log.PAGE,
        report.PAGE,
        snippet.PAGE,
        people.PAGE,
    )
}
"""Pages by path."""
