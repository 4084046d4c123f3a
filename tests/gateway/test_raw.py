"""Times are read strictly, and an event above the boundary prints nothing of itself."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.texts import EventId
from gateway.model.words import Fault, Kind
from gateway.raw import PLAINEST, RFC3339, Malformed, RawEvent, _seconds_of_text, seconds_of_text, unix_seconds
from tests.strategies import JSON, NOW


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (NOW, NOW),
        (0, 0),
        ("2026-11-22T10:15:00Z", NOW),
        ("2026-11-22t10:15:00z", NOW),
        ("2026-11-22 10:15:00Z", NOW),
        ("2026-11-22T10:15:00.999999999Z", NOW),
        ("2026-11-22T10:15:00.1+00:00", NOW),
        ("2026-11-22T11:15:00+01:00", NOW),
        ("2026-11-22T02:45:00-07:30", NOW),
        ("2026-11-22T10:15:00-00:00", NOW),
        ("2028-02-29T00:00:00Z", 1_835_395_200),
    ],
)
def test_a_time_is_read_in_either_form(value: object, seconds: int) -> None:
    """Unix seconds and RFC 3339 text with an offset mean the same second; fractions are cut off."""
    assert unix_seconds(value) == seconds


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (-1, Fault.OUT_OF_RANGE),
        (NOW * 1000, Fault.OUT_OF_RANGE),
        (10**400, Fault.OUT_OF_RANGE),
        (1e30, Fault.OUT_OF_RANGE),
        (-1e30, Fault.OUT_OF_RANGE),
        (float(NOW), Fault.WRONG_TYPE),
        (True, Fault.WRONG_TYPE),
        ([], Fault.WRONG_TYPE),
        (None, Fault.WRONG_TYPE),
        ("", Fault.BAD_FORMAT),
        (str(NOW), Fault.BAD_FORMAT),
        ("2026-11-22", Fault.BAD_FORMAT),
        ("2026-11-22T10:15:00", Fault.BAD_FORMAT),
        ("2026-11-22T10:15Z", Fault.BAD_FORMAT),
        ("2026-11-22T10:15:00,5Z", Fault.BAD_FORMAT),
        ("2026-11-22T10:15:00+0100", Fault.BAD_FORMAT),
        ("2026-11-22T10:15:00+00:60", Fault.BAD_FORMAT),
        ("2026-11-22T10:15:00+24:00", Fault.BAD_FORMAT),
        ("2026-11-22T24:00:00Z", Fault.BAD_FORMAT),
        ("2026-11-22T10:15:60Z", Fault.BAD_FORMAT),
        ("2026-02-29T00:00:00Z", Fault.BAD_FORMAT),
        ("0000-01-01T00:00:00Z", Fault.BAD_FORMAT),
        ("20261122T101500Z", Fault.BAD_FORMAT),
        ("2026-W47-7T10:15:00Z", Fault.BAD_FORMAT),
        ("٢٠٢٦-11-22T10:15:00Z", Fault.BAD_FORMAT),
        (" 2026-11-22T10:15:00Z", Fault.BAD_FORMAT),
        ("2026-11-22T10:15:00Z\n", Fault.BAD_FORMAT),
    ],
)
def test_a_time_that_could_mean_two_things_is_none(value: object, fault: Fault) -> None:
    """No offset, no seconds, another notation or a second that does not exist is a fault, and says which."""
    assert unix_seconds(value) is fault


ZONES = st.builds(timezone, st.integers(-1439, 1439).map(lambda minutes: timedelta(minutes=minutes)))


@given(st.datetimes(datetime(1971, 1, 1), datetime(9000, 1, 1), timezones=ZONES))  # noqa: DTZ001 - the strategy adds the zone
def test_any_moment_survives_being_written_down(moment: datetime) -> None:
    """A moment written with its offset is read as the second it lies in."""
    assert unix_seconds(moment.isoformat()) == int(moment.astimezone(UTC).timestamp())


@given(JSON)
def test_no_value_makes_the_clock_fail(value: object) -> None:
    """Any JSON value is a second or a fault, never an exception."""
    assert type(unix_seconds(value)) in (int, Fault)


@given(st.datetimes(timezones=ZONES).map(datetime.isoformat))
def test_the_ends_of_the_calendar_are_no_trap(text: str) -> None:
    """The years 1 and 9999 with any offset are a second or a fault, never an exception."""
    assert type(unix_seconds(text)) in (int, Fault)


@given(st.lists(st.sampled_from("0123456789W :Zé٣+-"), min_size=14, max_size=14).map("".join))
def test_the_punctuation_of_the_plainest_time_allows_no_other_reading(digits: str) -> None:
    """What looks like `2026-11-22T10:15:00Z` by its punctuation is such a time or none, whatever stands in between."""
    text = "{}{}{}{}-{}{}-{}{}T{}{}:{}{}:{}{}Z".format(*digits)
    assert text[4::3] == PLAINEST
    assert (seconds_of_text(text) is Fault.BAD_FORMAT) or RFC3339.fullmatch(text)


@pytest.mark.parametrize(
    "text", ["2026-W48-7T10:15:00Z", "20261122T101500.123Z", "2026-11-22T24:00:00Z", "2026-11-22T10:15:0٣Z"]
)
def test_other_forms_of_the_same_length_are_no_times(text: str) -> None:
    """Weeks, times without punctuation, an hour too many and digits of another script stay out."""
    assert seconds_of_text(text) is Fault.BAD_FORMAT


def test_no_long_text_is_remembered() -> None:
    """What is remembered of times is bounded in length as well as in number."""
    before = _seconds_of_text.cache_info().currsize
    assert unix_seconds("2026-11-22T10:15:00Z" * 1000) is Fault.BAD_FORMAT
    assert _seconds_of_text.cache_info().currsize == before
    assert unix_seconds("2026-11-22T10:15:00.123456789+00:00") == NOW


def test_a_raw_event_prints_nothing_of_itself() -> None:
    """A raw event is `<RawEvent>` in every text."""
    event = RawEvent(kind=Kind.PURCHASE, event_id=EventId("1001"), occurred_at=NOW, email="jane@example.com", ip="203.0.113.77")
    assert f"{event} {event!r} {[event]}" == "<RawEvent> <RawEvent> [<RawEvent>]"


def test_a_malformed_event_holds_no_value() -> None:
    """What is kept of a broken event is names of rules and fields, and the id it was sent under."""
    assert Malformed.__struct_fields__ == ("field", "fault", "kind", "event_id")
