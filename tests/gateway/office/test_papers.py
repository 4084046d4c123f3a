"""Periods, requests of persons, and the difference between two contracts by the signed log."""

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.ledger import Request, Right
from gateway.log import Log
from gateway.model.texts import StorefrontId
from gateway.office.papers import Period, Unmeant, figures, period, requests_told
from gateway.outbox.engine.sqlite import SqliteOutbox
from gateway.outbox.engine.store import Options
from gateway.settings import shipped
from tests.doorway import NOWHERE
from tests.gateway.outbox.making import LANES, SHOP, SqliteEngine, accept
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
        ({"until": "0001-01-01"}, Unmeant.UNTIL),
        ({"until": "1969-12-31"}, Unmeant.UNTIL),
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


@pytest.mark.parametrize("name", ["Europe/Paris", "America/Toronto", "America/St_Johns", "UTC"])
@pytest.mark.parametrize("day", ["2026-11-20", "2026-11-01", "2026-10-25"])
@pytest.mark.parametrize("swept", [False, True])
async def test_the_figures_of_a_day_are_those_of_its_hours_in_utc(tmp_path: Path, name: str, day: str, swept: bool) -> None:
    """As the consent report beside them has it, whatever the shop's time zone, on the days that clocks are put back too."""
    zone, engine = ZoneInfo(name), SqliteEngine(tmp_path)
    outbox = await SqliteOutbox.open(engine.directory, engine.keyring, LANES, Options(64 << 20, 0, zones={SHOP: zone}))
    begin = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())
    for hour in range(-30, 54):
        await outbox.put([accept(hour, at=begin + hour * 3_600)])
    if swept:
        await outbox.sweep(NOW)
    asked = Period(begin, begin + DAY)
    told = await figures(outbox, SHOP, asked, zone, NOW)
    grounds = await outbox.grounds(SHOP, asked.since, asked.until)
    assert told["accepted"] == told["received"] == sum(ground.count for ground in grounds) == 24
    assert (await figures(outbox, SHOP, Period(begin - DAY, begin + 2 * DAY), zone, NOW))["accepted"] == 72
    await outbox.close()


@pytest.mark.parametrize("name", ["Europe/Paris", "America/Toronto"])
async def test_figures_older_than_the_hours_are_of_the_nearest_days(tmp_path: Path, name: str) -> None:
    """The shop's own days of the same dates: nothing is counted in two months, and nothing in none."""
    zone, engine = ZoneInfo(name), SqliteEngine(tmp_path)
    outbox = await SqliteOutbox.open(engine.directory, engine.keyring, LANES, Options(64 << 20, 0, zones={SHOP: zone}))
    begin = int(datetime(2026, 7, 1, tzinfo=UTC).timestamp())
    for number in range(-48, 31 * 24 + 48, 3):
        await outbox.put([accept(number, at=begin + number * 3_600)])
    await outbox.sweep(NOW)
    whole = 0
    for since, days in ((begin - 10 * DAY, 10), (begin, 31), (begin + 31 * DAY, 10)):
        told = await figures(outbox, SHOP, Period(since, since + days * DAY), zone, NOW)
        whole += told["accepted"]
        assert days != 31 or told["accepted"] == 31 * 8
    assert whole == 16 + 31 * 8 + 16
    await outbox.close()


async def diff(installation: Installation, **query: str) -> Any:
    """Start the gateway, and ask what changed for Pinterest."""
    async with inside(installation, Log(io.StringIO())):
        return await installation.ask("/api/v1/contracts/diff", storefront=STOREFRONT, destination="pinterest", **query)


async def test_a_changed_contract_is_shown_beside_the_one_before(tmp_path: Path) -> None:
    """By the log's entries; its own text is read back by its digest, and what was tampered with is not."""
    installation = install(tmp_path / "gateway", NOWHERE, server='contracts = "contracts"')
    folder = installation.folder / "contracts"
    folder.mkdir()
    package = Path(shipped.__code__.co_filename).parents[2] / "config/contracts"
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
