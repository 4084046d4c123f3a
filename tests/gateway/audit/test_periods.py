"""Hours, days and weeks in a time zone."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.periods import Period, Step, back, begins, days_before, ends, periods
from gateway.outbox.history import HOUR_SECONDS, Differing, Stretch

PARIS, UTC_ZONE = ZoneInfo("Europe/Paris"), ZoneInfo("UTC")
ZONES = ("UTC", "Europe/Paris", "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "Australia/Lord_Howe")
MOMENTS = st.integers(1_600_000_000, 2_500_000_000)


def at(*parts: int) -> int:
    """Unix seconds of a moment in UTC."""
    return int(datetime(*parts, tzinfo=UTC).timestamp())  # type: ignore[arg-type,misc]


def test_a_week_begins_on_monday() -> None:
    """At its midnight in the storefront's own time zone; that of the change of clocks too."""
    thursday = at(2026, 10, 29, 12)
    monday = begins(thursday, Step.WEEK, PARIS)
    assert monday == at(2026, 10, 25, 23)
    assert begins(monday - 1, Step.WEEK, PARIS) == at(2026, 10, 18, 22)
    assert ends(monday, Step.WEEK, PARIS) == at(2026, 11, 1, 23)


@given(MOMENTS, st.sampled_from(ZONES), st.sampled_from(Step))
def test_periods_follow_each_other(moment: int, name: str, step: Step) -> None:
    """A moment is in one of each, which begins and ends on a whole hour, where the next begins."""
    zone = ZoneInfo(name)
    begin = begins(moment, step, zone)
    end = ends(begin, step, zone)
    assert begin <= moment < end
    assert begin % HOUR_SECONDS == end % HOUR_SECONDS == 0
    assert begins(begin, step, zone) == begin == begins(end - 1, step, zone)
    assert begins(end, step, zone) == end


@given(MOMENTS, st.sampled_from(ZONES))
def test_a_week_before_is_the_same_weekday(moment: int, name: str) -> None:
    """Whatever the clocks were put by in between."""
    zone = ZoneInfo(name)
    day = begins(moment, Step.DAY, zone)
    before = days_before(day, 7, zone)
    later = datetime.fromtimestamp(day + 6 * HOUR_SECONDS, zone)
    earlier = datetime.fromtimestamp(before + 6 * HOUR_SECONDS, zone)
    assert later.weekday() == earlier.weekday()
    assert 0 < (later.date() - earlier.date()).days <= 7


@pytest.mark.parametrize("step", Step)
def test_so_many_back_are_so_many_periods(step: Step) -> None:
    """The one that has begun is the last of them, and ends now."""
    now = at(2026, 11, 26, 3)
    since = back(now, 5, step, PARIS)
    made = periods([], since, now, step, PARIS)
    assert len(made) == 5
    assert (made[0].since, made[-1].until) == (since, now)


def test_stretches_are_put_where_they_begin() -> None:
    """An empty period is there too; what was before the first is left out."""
    day = at(2026, 11, 20)
    stretches = [Stretch(day + n * HOUR_SECONDS, day + (n + 1) * HOUR_SECONDS, {Differing(): n}) for n in (1, 3, 25, 80)]
    made = periods([Stretch(0, 0, {Differing(): 99}), *stretches], day, day + 4 * 86_400, Step.DAY, UTC_ZONE)
    assert [period.figures for period in made] == [{Differing(): 4}, {Differing(): 25}, {}, {Differing(): 80}]
    assert made[0] == Period(day, day + 86_400, {Differing(): 4})
