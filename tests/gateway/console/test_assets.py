import re
from pathlib import Path
from typing import Final

import pytest

from gateway.console import assets
from gateway.console.assets import Assets
from tests.console import ROOT

STATIC: Final = Path(assets.__file__).parent / "static"
PACKAGES: Final = ROOT / ".venv/npm/node_modules"
VENDORED: Final = {
    "chart.umd.min.js": "chart.js/dist/chart.umd.min.js",
    "chart.js.LICENSE.md": "chart.js/LICENSE.md",
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "hx-sse.min.js": "htmx.org/dist/ext/hx-sse.min.js",
    "htmx.LICENSE": "htmx.org/LICENSE",
}
"""What `make vendor` copies, and from where."""


def test_a_file_is_served_under_the_hash_of_what_is_in_it() -> None:
    """For ever, by every browser; under its bare name, or another hash, there is nothing."""
    served = Assets()
    for name in ("console.css", "console.js", "vendor/htmx.min.js"):
        path = served.path(name)
        assert re.fullmatch(rf"/static/{name.rpartition('.')[0]}\.[0-9a-f]{{16}}\.{name.rpartition('.')[2]}", path)
        answer = served.serve(path)
        assert (answer.status, answer.body) == (200, (STATIC / name).read_bytes())
        assert answer.extra["Cache-Control"].endswith("immutable")
    assert served.serve("/static/console.css").status == 404
    assert served.serve("/static/../__init__.py").status == 404


@pytest.mark.parametrize(("name", "source"), VENDORED.items())
@pytest.mark.skipif(not PACKAGES.exists(), reason="needs the locked npm packages: make test")
def test_libraries_are_as_their_makers_publish_them(name: str, source: str) -> None:
    """Byte for byte what the lock names."""
    assert (STATIC / "vendor" / name).read_bytes() == (PACKAGES / source).read_bytes()


def test_nothing_else_lies_among_the_libraries() -> None:
    """What nobody locked is not served."""
    assert {path.name for path in (STATIC / "vendor").iterdir()} == set(VENDORED)


STYLES: Final = [path for path in STATIC.rglob("*.*") if path.suffix in {".css", ".svg"}]


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_a_style_fetches_nothing(path: Path) -> None:
    """No font, no image, no other style."""
    text = re.sub(r'xmlns="[^"]*"', "", path.read_text())
    assert re.findall(r"url\(|@import|https?:", text) == []
