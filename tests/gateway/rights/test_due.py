"""Due dates: the earlier of 30 days and a month by the GDPR, 45 days in California."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rights.due import DAYS, Law, due_at


def at(text: str) -> int:
    """Read a moment."""
    return int(datetime.fromisoformat(text).timestamp())


@pytest.mark.parametrize(
    ("law", "asked", "due"),
    [
        (Law.GDPR, "2026-11-26T10:15:00+00:00", "2026-12-26T10:15:00+00:00"),
        (Law.GDPR, "2026-12-31T23:59:59+00:00", "2027-01-30T23:59:59+00:00"),
        (Law.GDPR, "2027-02-01T08:00:00+00:00", "2027-03-01T08:00:00+00:00"),
        (Law.GDPR, "2027-01-31T08:00:00+00:00", "2027-02-28T08:00:00+00:00"),
        (Law.GDPR, "2028-01-31T08:00:00+00:00", "2028-02-29T08:00:00+00:00"),
        (Law.GDPR, "2026-12-01T00:00:00+00:00", "2026-12-31T00:00:00+00:00"),
        (Law.CALIFORNIA, "2026-11-26T10:15:00+00:00", "2027-01-10T10:15:00+00:00"),
        (Law.CALIFORNIA, "2027-01-31T08:00:00+00:00", "2027-03-17T08:00:00+00:00"),
    ],
)
def test_when_an_answer_is_due(law: Law, asked: str, due: str) -> None:
    """A month over February is shorter than thirty days, and then the month counts."""
    assert due_at(law, at(asked)) == at(due)


@given(st.sampled_from(Law), st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 - UTC is put on below
def test_it_is_never_later_than_promised(law: Law, asked: datetime) -> None:
    """Whenever somebody asks: after at least four weeks, and at most the days that the policy names."""
    asked_at = int(asked.replace(tzinfo=UTC).timestamp())
    wait = timedelta(seconds=due_at(law, asked_at) - asked_at)
    assert timedelta(days=28) <= wait <= timedelta(days=DAYS[law])
