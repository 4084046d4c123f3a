"""Periods, requests of persons, and the difference between two contracts by the signed log."""

import io
from pathlib import Path
from typing import Any

import pytest

from gateway.ledger import Request, Right
from gateway.log import Log
from gateway.model import StorefrontId
from gateway.office.papers import Period, Unmeant, period, requests_told
from gateway.settings import shipped
from tests.doorway import NOWHERE
from tests.live import STOREFRONT, Installation, inside, install

DAY = 86_400
NOW = 1_795_342_500
TODAY = NOW // DAY * DAY


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ({}, Period(TODAY - 29 * DAY, TODAY + DAY)),
        ({"since": "2026-11-20", "until": "2026-11-20"}, Period(1_795_132_800, 1_795_219_200)),
        ({"since": "2026-11-21", "until": "2026-11-20"}, Unmeant.SINCE),
        ({"since": "2020-01-01"}, Unmeant.SINCE),
        ({"since": "20261120"}, Unmeant.SINCE),
        ({"until": "2026-13-01"}, Unmeant.UNTIL),
        ({"until": "2027-01-01"}, Unmeant.UNTIL),
        ({"until": "9999-12-31"}, Unmeant.UNTIL),
    ],
)
def test_a_period_is_whole_days_and_both_ends_are_in_it(query: dict[str, str], asked: Period | Unmeant) -> None:
    """Thirty days where nothing is said; what cannot be meant is named."""
    assert period(query, NOW) == asked


def test_open_requests_are_told_with_what_is_left_of_their_time() -> None:
    """The one that is due first at the front, whenever it was asked; counts are of the period."""

    def request(number: int, asked_at: int, due_at: int, done_at: int | None = None) -> Request:
        return Request(number, StorefrontId("shop1"), Right.ERASE, (), asked_at, due_at, done_at, ())

    lines = [request(1, 0, NOW + 100), request(2, NOW - 50, NOW - 10), request(3, NOW - 60, NOW + 9, NOW - 5)]
    told = requests_told(lines, Period(TODAY, TODAY + DAY), NOW)
    assert (told["asked"], told["done"], told["overdue"]) == ({"erase": 2}, {"erase": 1}, 1)
    assert [(one["number"], one["seconds_left"]) for one in told["open"]] == [(2, -10), (1, 100)]


async def diff(installation: Installation, **query: str) -> Any:
    """Start the gateway, and ask what changed for Pinterest."""
    async with inside(installation, Log(io.StringIO())):
        return await installation.ask("/api/v1/contracts/diff", storefront=STOREFRONT, destination="pinterest", **query)


async def test_a_changed_contract_is_shown_beside_the_one_before(tmp_path: Path) -> None:
    """By the log's entries; its own text is read back by its digest, and what was tampered with is not."""
    installation = install(tmp_path / "gateway", NOWHERE, server='contracts = "contracts"')
    folder = installation.folder / "contracts"
    folder.mkdir()
    package = Path(shipped.__code__.co_filename).parent.parent / "config/contracts"
    for path in package.iterdir():
        (folder / path.name).write_text(path.read_text())
    first = await diff(installation)
    assert first["before"] == first["after"]
    changed = folder / "pinterest.toml"
    changed.write_text(changed.read_text().replace("version = 1", "version = 2").replace("on the web site.", "in the shop."))
    told = await diff(installation)
    assert (told["before"]["version"], told["after"]["version"], told["before"]["kept"]) == (1, 2, True)
    assert [(one["what"], one["before"], one["wider"]) for one in told["changes"]] == [
        ("changed", "Where it happened: on the web site.", False)
    ]
    kept = installation.folder / "store/contracts" / f"{told['before']['digest']}.json"
    kept.write_text(kept.read_text().replace("Pinterest", "Pinterost"))
    assert await diff(installation) == {"error": "before"}
