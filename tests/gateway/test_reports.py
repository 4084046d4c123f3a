"""Reports, from a real store: which periods are told, what is compared, and what a question may be."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.audit.periods import Step
from gateway.model import Kind, StorefrontId
from gateway.outbox.history import HOUR_SECONDS
from gateway.outbox.sqlite import SqliteOutbox
from gateway.outbox.store import Options
from gateway.reports import Asked, Reports, Shop, Unmeant, read
from tests.gateway.outbox.making import ALL, DAY, FIRST, LANES, META, SHOP, SqliteEngine, accept, deliver_all, refuse

NOW = int(datetime(2026, 11, 26, 10, 20, tzinfo=UTC).timestamp())
PARIS = ZoneInfo("Europe/Paris")


@pytest.fixture
async def outbox(tmp_path: Path) -> AsyncIterator[SqliteOutbox]:
    """An empty store of a shop in Paris."""
    engine = SqliteEngine(tmp_path)
    opened = await SqliteOutbox.open(engine.directory, engine.keyring, LANES, Options(64 << 20, 0, zones={SHOP: PARIS}))
    yield opened
    await opened.close()


def reports(outbox: SqliteOutbox) -> Reports:
    """Reports on a shop in Paris."""
    return Reports(outbox, {SHOP: Shop(PARIS, 10, dict.fromkeys(ALL, 7 * DAY))})


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ({}, Asked(Step.DAY, 14, None)),
        ({"step": "hour"}, Asked(Step.HOUR, 24, None)),
        ({"step": "week", "count": "60", "event": "purchase"}, Asked(Step.WEEK, 60, Kind.PURCHASE)),
        ({"event": ""}, Asked(Step.DAY, 14, None)),
        ({"event": "sale"}, Unmeant.EVENT),
        ({"step": "month"}, Unmeant.STEP),
        *(({"count": said}, Unmeant.COUNT) for said in ("0", "401", "-1", "1e2", "", "٣", "0001", "9" * 5000)),
        ({"step": "hour", "count": "337"}, Unmeant.COUNT),
    ],
)
def test_a_question_is_read_or_named(query: dict[str, str], asked: Asked | Unmeant) -> None:
    """What cannot be meant is said by name; nothing of it comes back."""
    assert read(query) == asked


async def test_days_are_the_shops_own(outbox: SqliteOutbox) -> None:
    """An event before midnight in Paris is of the day before, whether its day is added up already or not."""
    midnight = int(datetime(2026, 11, 24, 23, tzinfo=UTC).timestamp())
    await outbox.put([accept(1, at=midnight - 1), accept(2, at=midnight - 2)])
    await outbox.put([accept(3, at=midnight)])
    for swept in (False, True):
        if swept:
            await outbox.sweep(NOW)
        told = await reports(outbox).funnel(SHOP, Asked(Step.DAY, 3), NOW)
        assert [slot["door"]["accepted"] for slot in told["slots"]] == [2, 1, 0]
        assert told["slots"][1]["since"] == "2026-11-24T23:00:00Z"
        assert told["time_zone"] == "Europe/Paris"


async def test_today_is_compared_with_the_same_hours_of_last_week(outbox: SqliteOutbox) -> None:
    """The hour that has begun is in neither; nor are the later hours of last week's day."""
    hour = NOW // HOUR_SECONDS * HOUR_SECONDS
    for number, when in enumerate((hour - 7 * DAY - 1, hour - 7 * DAY, hour - 1, hour - 2, hour, NOW)):
        await outbox.put([accept(number, at=when)])
    told = await reports(outbox).funnel(SHOP, Asked(Step.HOUR, 24), NOW)
    assert (told["week_before"]["door"]["accepted"], told["today"]["door"]["accepted"]) == (1, 2)
    assert told["today"]["until"] == "2026-11-26T10:00:00Z"
    assert told["total"]["door"]["accepted"] == 4


async def test_what_waits_is_told_as_of_now(outbox: SqliteOutbox) -> None:
    """Delivered is what was confirmed in the period, though it came in before it."""
    await outbox.put([accept(1, at=NOW - DAY), accept(2, at=NOW - DAY, destinations=(META,))])
    await deliver_all(outbox, FIRST, now=NOW)
    told = await reports(outbox).funnel(SHOP, Asked(Step.HOUR, 2), NOW)
    meta, pinterest = (told["total"]["destinations"][name] for name in ("meta", "pinterest"))
    assert (meta["accepted"], meta["delivered"], pinterest["delivered"]) == (0, 2, 0)
    assert (told["now"]["meta"]["waiting"], told["now"]["pinterest"]["waiting"]) == (0, 1)
    backlog = reports(outbox).backlog(SHOP, ALL[1], NOW)
    assert backlog["first_expiry"] == {"at": "2026-12-02T10:20:00Z", "seconds": 6 * DAY}


async def test_a_type_that_stopped_is_found_in_the_store(outbox: SqliteOutbox) -> None:
    """By what came in in the same hours of the weeks before; each storefront is told of, and only what stopped."""
    hour = NOW // HOUR_SECONDS * HOUR_SECONDS
    for week in (1, 2, 3):
        when = hour - week * 7 * DAY - HOUR_SECONDS
        await outbox.put([refuse(f"{week}-{n}", at=when) for n in range(8)])
        await outbox.put([accept(f"v{week}-{n}", at=when, kind=Kind.PAGE_VIEW) for n in range(8)])
    await outbox.put([accept(f"v{n}", at=hour - 1, kind=Kind.PAGE_VIEW) for n in range(8)])
    told = await reports(outbox).silence(SHOP, NOW)
    assert [(one["event"], one["usual"]) for one in told["silent"]] == [("purchase", 8)]
    heard: dict[StorefrontId, frozenset[Kind]] = {}
    await reports(outbox).each_silence(NOW, heard.__setitem__)
    assert heard == {SHOP: frozenset({Kind.PURCHASE})}
