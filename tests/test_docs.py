"""What exists is written down: each command, route, metric and setting has a place in the README or under `docs/`."""

import re
from pathlib import Path
from typing import Final

import pytest

from gateway import intake, private
from gateway.cli import COMMANDS
from gateway.metrics import PREFIX, Metrics

ROOT: Final = Path(__file__).parent.parent
PAGES: Final = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
ROUTES: Final = [*intake.ROUTES, *private.ROUTES]
METRICS: Final = sorted({line.split()[2] for line in Metrics().text().decode().splitlines() if line.startswith("# TYPE")})


def text() -> str:
    """Give everything that people read."""
    return "\n".join(page.read_text() for page in PAGES)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_written_down(command: str) -> None:
    """`consent-gateway …` with its name."""
    assert re.search(rf"consent-gateway {command}\b", text())


@pytest.mark.parametrize("route", [f"{method} {path}" for method, path in ROUTES if method != "OPTIONS"])
def test_every_route_is_written_down(route: str) -> None:
    """Method and path, as `POST /v1/events`; preflight requests are the browser's own business."""
    assert re.search(rf"{re.escape(route)}(?![\w/])", text())


def test_no_route_is_written_down_that_does_not_exist() -> None:
    """What was renamed or removed goes from the documentation too."""
    written = set(re.findall(r"\b(GET|POST|PUT|DELETE) (/[a-z0-9_./-]*)", text()))
    ours = {(method, path) for method, path in written if not path.startswith("/_sandbox")}
    assert ours <= set(ROUTES)


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_written_down(name: str) -> None:
    """With its whole name, so that it can be searched for."""
    assert name.startswith(PREFIX)
    assert re.search(rf"\b{name}\b", text())


def test_the_example_is_where_settings_are_explained() -> None:
    """The pages send their readers to the file that holds every setting (which is tested to hold them all)."""
    assert "config/gateway.example.toml" in text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """Each relative link names a file that exists."""
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
