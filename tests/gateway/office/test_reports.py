"""Reports, from a real store: which periods are told, what is compared, and what a question may be."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.audit import periods
from gateway.audit.periods import Step
from gateway.model.money import Money
from gateway.model.texts import StorefrontId
from gateway.model.words import Kind, Reason
from gateway.office import reports as remembering
from gateway.office.reports import Asked, Reports, Shop, Unmeant, read
from gateway.outbox.engine.sqlite import SqliteOutbox
from gateway.outbox.engine.store import Options
from gateway.outbox.entries import Entry
from gateway.outbox.history import HOUR_SECONDS, Figure, Grain, Stretch
from gateway.outbox.work import Dead, Later
from tests.gateway.outbox.making import ALL, DAY, FIRST, LANES, META, SHOP, SqliteEngine, accept, claim_all, deliver_all, refuse

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


async def test_what_waits_and_what_is_tried_again_has_its_order_value(outbox: SqliteOutbox) -> None:
    """By kind of event, and of all; what died by what it died of."""
    await outbox.put([accept(n, at=NOW, destinations=(META,), money=Money(100 * n, "EUR")) for n in (1, 2, 3)])
    await outbox.put([accept(4, at=NOW, destinations=(META,), kind=Kind.ADD_TO_CART, money=Money(1000, "EUR"))])
    claim = await claim_all(outbox, FIRST, now=NOW, limit=2)
    one, two = (record.seq for record in claim.records)
    await outbox.settle(claim, [Later(one, Reason.TIMED_OUT, NOW + 60), Dead(two, Reason.REJECTED)], NOW)
    told = {kind: await reports(outbox).funnel(SHOP, Asked(Step.DAY, 1, kind), NOW) for kind in (None, *Kind)}
    now = {kind: funnel["now"]["meta"] for kind, funnel in told.items()}
    assert {kind: (one["waiting"], one["retrying"], one["dead"]) for kind, one in now.items()} == {
        None: (2, 1, 1),
        Kind.PURCHASE: (1, 1, 1),
        Kind.ADD_TO_CART: (1, 0, 0),
        Kind.PAGE_VIEW: (0, 0, 0),
    }
    assert [now[None]["waiting_value"], now[Kind.PURCHASE]["waiting_value"]] == [{"EUR": "13.00"}, {"EUR": "3.00"}]
    assert (now[None]["retrying_value"], now[Kind.ADD_TO_CART]["retrying_value"]) == ({"EUR": "1.00"}, {})
    assert told[None]["total"]["destinations"]["meta"]["dead_value"] == {"EUR": {"rejected": "2.00"}}


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


EARLIER: Sequence[Entry] = [
    accept(0, at=NOW - 9 * DAY),
    accept(1, at=NOW - 7 * DAY - HOUR_SECONDS),
    refuse(2, at=NOW - 3 * DAY),
    accept(3, at=NOW - DAY, kind=Kind.PAGE_VIEW),
    accept(4, at=NOW - 2 * HOUR_SECONDS),
    *(refuse(f"{week}-{n}", at=NOW - week * 7 * DAY - HOUR_SECONDS) for week in (1, 2, 3) for n in range(9)),
]
LATER = (
    *((0, 0, True), (0, 0, True), (0, 3 * DAY, True), (1, 0, False), (1, DAY, False), (1, 2 * DAY, True), (2, DAY, False)),
    *((7, 0, False), (7, 2 * DAY, False), (8, 9 * DAY, True), (36, 0, True), (396, 30 * DAY, True)),
)
"""Days after, how late what comes in then is, and whether days that are over were added up by then."""
QUESTIONS = [
    *(Asked(step, count, kind) for step in Step for count in (1, 3, 30) for kind in (None, Kind.PURCHASE)),
    Asked(Step.HOUR, 300),
]


async def test_what_is_remembered_is_what_would_be_read(outbox: SqliteOutbox) -> None:
    """Reports that have told before tell the same as ones that begin anew: over days, with what has come in since, late too."""
    old = reports(outbox)
    for entry in EARLIER:  # what is put together is booked together
        await outbox.put([entry])
    silent = []
    for days, late, swept in LATER:
        now = NOW + days * DAY
        if swept:
            await outbox.sweep(now)
        await outbox.put([accept(f"{days}-{late}", at=now - late, kind=Kind.PAGE_VIEW)])
        for asked in QUESTIONS:
            new = await reports(outbox).funnel(SHOP, asked, now)
            assert await old.funnel(SHOP, asked, now) == new
            assert await old.funnel(SHOP, asked, now) == new
        silent.append(await old.silence(SHOP, now))
        assert silent[-1] == await reports(outbox).silence(SHOP, now)
    assert len({len(told["silent"]) for told in silent}) == 2


def listened(outbox: SqliteOutbox) -> list[int]:
    """Give from when on the store is asked for its history, each time that it is."""
    asked: list[int] = []
    read_history = outbox.history

    async def history(
        storefront: StorefrontId, grain: Grain, since: int, until: int, only: tuple[type[Figure], ...] = ()
    ) -> Sequence[Stretch]:
        asked.append(since)
        return await read_history(storefront, grain, since, until, only)

    outbox.history = history  # type: ignore[method-assign]  # the store is the real one, and is listened to
    return asked


async def test_a_past_that_was_told_is_not_read_again(outbox: SqliteOutbox) -> None:
    """Of 30 days only the hours since the last one that is over."""
    for entry in EARLIER:  # what is put together is booked together
        await outbox.put([entry])
    await outbox.sweep(NOW)
    asked = listened(outbox)
    told = reports(outbox)
    first = [await told.funnel(SHOP, Asked(Step.DAY, 30), NOW), await told.silence(SHOP, NOW)]
    assert min(asked) < NOW - 28 * DAY
    asked.clear()
    assert [await told.funnel(SHOP, Asked(Step.DAY, 30), NOW), await told.silence(SHOP, NOW)] == first
    assert set(asked) == {outbox.closed(SHOP)}
    assert outbox.closed(SHOP) == int(datetime(2026, 11, 25, 23, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(("days", "renewed"), [(1, True), (7, True), (8, False)])
async def test_what_was_asked_for_is_made_anew_before_somebody_asks(
    outbox: SqliteOutbox, monkeypatch: pytest.MonkeyPatch, days: int, renewed: bool
) -> None:
    """Once a further day is over, and only what was asked for in the last days; then the first look reads the hours alone."""
    monkeypatch.setattr(remembering, "REST_SECONDS", 0)
    for entry in EARLIER:  # what is put together is booked together
        await outbox.put([entry])
    await outbox.sweep(NOW)
    told, later = reports(outbox), NOW + days * DAY
    await told.funnel(SHOP, Asked(Step.DAY, 30), NOW)
    await outbox.sweep(later)
    asked = listened(outbox)
    await told.renew(later)
    assert bool(asked) is renewed
    asked.clear()
    await told.renew(later)
    assert asked == []
    assert await told.funnel(SHOP, Asked(Step.DAY, 30), later) == await reports(outbox).funnel(SHOP, Asked(Step.DAY, 30), later)
    assert (asked[0] == outbox.closed(SHOP)) is renewed


async def test_only_so_many_questions_are_made_anew(outbox: SqliteOutbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that were asked last."""
    monkeypatch.setattr(remembering, "REST_SECONDS", 0)
    monkeypatch.setattr(remembering, "MOST_ASKED", 2)
    await outbox.put([accept(1, at=NOW - 9 * DAY)])
    await outbox.sweep(NOW)
    told = reports(outbox)
    for count in (5, 9, 20, 5):
        await told.funnel(SHOP, Asked(Step.DAY, count), NOW)
    await outbox.sweep(NOW + DAY)
    asked = listened(outbox)
    await told.renew(NOW + DAY)
    begins = {count: periods.back(NOW + DAY + 1, count, Step.DAY, PARIS) for count in (5, 9, 20)}
    assert [count for count, since in begins.items() if since in asked] == [5, 20]


async def test_a_clock_that_went_back_is_borne(outbox: SqliteOutbox) -> None:
    """Even to a day that is over."""
    for entry in EARLIER:  # what is put together is booked together
        await outbox.put([entry])
    await outbox.sweep(NOW)
    told = reports(outbox)
    for now in (NOW, NOW - DAY, NOW - 2 * DAY):
        for asked in QUESTIONS:
            assert (await told.funnel(SHOP, asked, now))["slots"]
        assert (await told.silence(SHOP, now))["storefront"] == SHOP
