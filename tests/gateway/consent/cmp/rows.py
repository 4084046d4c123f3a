"""What the tests of the consent tools share: their examples, which are data, and a site's names for the platforms."""

import json
from base64 import b64encode
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.consent.cmp.choice import Choice
from gateway.consent.policy import CmpRules
from gateway.model.words import Destination

FOLDER: Final = Path(__file__).parents[3] / "data" / "cmp"
META, PINTEREST, GOOGLE = Destination

RULES: Final = CmpRules(
    didomi_purposes=("marketing", "measure_ads"),
    didomi_vendors={META: ("facebook",), GOOGLE: ("google", "c:google-ads")},
    axeptio_vendors={META: ("facebook_pixel",), GOOGLE: ("google_ads", "google_conversion_tracking")},
)
"""A site whose tools name the platforms like this."""


def examples(tool: str) -> list[dict[str, Any]]:
    """The rows of `tests/data/cmp/TOOL.json`."""
    found: list[dict[str, Any]] = json.loads((FOLDER / f"{tool}.json").read_bytes())["rows"]
    return found


def rows(tool: str, kind: str) -> list[Any]:
    """The rows that have `cookies` or an `object`, each with its name, as parameters of a test."""
    return [pytest.param(row, id=row["says"]) for row in examples(tool) if kind in row]


def cookies_of(row: dict[str, Any]) -> dict[str, str]:
    """A row's cookies as a browser has them. An object stands for its JSON in base64."""
    return {name: value if isinstance(value, str) else in_base64(value) for name, value in row["cookies"].items()}


def in_base64(value: Any) -> str:
    """JSON in base64, as `btoa(JSON.stringify(value))` makes it."""
    return b64encode(json.dumps(value, separators=(",", ":")).encode()).decode()


def choice_of(row: dict[str, Any]) -> Choice | None:
    """What a row says that its reader must find; `"unreadable"` is None."""
    choice = row["choice"]
    if choice == "unreadable":
        return None
    at = choice.get("chosen_at")
    return Choice(
        marketing=choice.get("marketing"),
        explicit=choice.get("explicit", False),
        vendors=tuple((Destination(name), answer) for name, answer in choice.get("vendors", {}).items()),
        chosen_at=None if at is None else int(datetime.fromisoformat(at).timestamp()),
        gpc=choice.get("gpc", False),
        presumed=choice.get("presumed", False),
    )
