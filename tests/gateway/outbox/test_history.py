"""The figures' own words: lines that are read back as they were written, keys, bounds, and when days begin."""

from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.event import ClickIds, EmailDigests
from gateway.model.texts import MetaBrowserId, PlatformCode, TruncatedIp
from gateway.model.words import Destination, Kind, Processing, Reason, Refusal, Source, Status
from gateway.outbox.history import (
    HOUR_SECONDS,
    WITHIN_SECONDS,
    Accepted,
    DeadWorth,
    Differing,
    DoorWorth,
    Figure,
    Fresh,
    Matched,
    Processed,
    Received,
    Refused,
    RefusedWorth,
    Replayed,
    Settled,
    Stretch,
    TurnedAway,
    Worth,
    day_begins,
    day_ends,
    freshness,
    keys_of,
    read_line,
    total,
)
from tests.gateway.outbox.making import digest, event

META = Destination.META
LINES: dict[str, Figure] = {
    "received|events|purchase|accepted|": Received(Source.EVENTS, Kind.PURCHASE, Status.ACCEPTED, ""),
    "received|collect||invalid|bad_format": Received(Source.COLLECT, None, Status.INVALID, "bad_format"),
    "differing": Differing(),
    "accepted|meta|purchase": Accepted(META, Kind.PURCHASE),
    "accepted|meta|": Accepted(META, None),
    "settled|meta|purchase|dead|rejected": Settled(META, Kind.PURCHASE, "dead", Reason.REJECTED),
    "value|meta|EUR|delivered|purchase": Worth(META, "EUR", "delivered", Kind.PURCHASE),
    "refused|meta|purchase|gpc|EUR|1": Refused(META, Kind.PURCHASE, Refusal.GPC, "EUR", alone=True),
    "refused_value|meta|purchase|gpc||0": RefusedWorth(META, Kind.PURCHASE, Refusal.GPC, "", alone=False),
    "dead_value|meta|EUR|purchase|rejected": DeadWorth(META, "EUR", Kind.PURCHASE, Reason.REJECTED),
    "door_valued|purchase|gpc|EUR": TurnedAway(Kind.PURCHASE, Refusal.GPC, "EUR"),
    "door_value|purchase|gpc|EUR": DoorWorth(Kind.PURCHASE, Refusal.GPC, "EUR"),
    "door_value|purchase||EUR": DoorWorth(Kind.PURCHASE, None, "EUR"),
    "dead_value|meta|EUR||": DeadWorth(META, "EUR", None, None),
    "value|meta|EUR|delivered|": Worth(META, "EUR", "delivered", None),
    "replayed|meta": Replayed(META),
    "processed|meta|used|": Processed(META, Processing.USED, None),
    "processed|meta|not_used|X": Processed(META, Processing.NOT_USED, PlatformCode("X")),
    "matched|purchase|5": Matched(Kind.PURCHASE, email=True, ip=False, click=True),
    "fresh|meta|300": Fresh(META, 300),
    "fresh|meta|": Fresh(META, None),
}
PLACES = (
    "UTC",
    "Europe/Paris",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
)


@pytest.mark.parametrize("line", LINES)
def test_a_line_is_read_as_its_figure(line: str) -> None:
    """Each account has a figure of its own."""
    assert read_line(line) == LINES[line]


@pytest.mark.parametrize("line", ["", "received", "accepted|meta", "fresh|meta|300|1", "unheard|of"])
def test_a_line_of_no_account_is_a_bug(line: str) -> None:
    """It is not taken for something else."""
    with pytest.raises(ValueError, match="no account"):
        read_line(line)


def test_keys_are_told_apart() -> None:
    """An e-mail, an address and a click id each have a bit."""
    click = ClickIds(fbp=MetaBrowserId("fb.1.1596403881668.1116446470"))
    assert keys_of(event(1)) == 0
    assert keys_of(event(1, email=EmailDigests(digest(1), None, None))) == 1
    assert keys_of(event(1, ip=TruncatedIp("203.0.113.0"))) == 2
    assert keys_of(event(1, click=click)) == 4


NOW = 2_000_000


def test_a_bound_is_of_what_is_no_longer() -> None:
    """Exactly the bound is within it, a second more is within the next."""
    for lower, upper in pairwise(WITHIN_SECONDS):
        assert freshness([NOW - lower - 1, NOW - lower], NOW) == [(lower, 1), (upper, 1)]
    assert freshness([NOW + 5], NOW) == [(WITHIN_SECONDS[0], 1)]
    assert freshness([NOW - WITHIN_SECONDS[-1] - 1], NOW) == [(None, 1)]
    assert freshness([], NOW) == []


@given(st.lists(st.integers(0, NOW + 10), max_size=30))
def test_freshness_counts_each_event_once(moments: list[int]) -> None:
    """In the first bound that holds it."""
    slow = Counter(next((bound for bound in WITHIN_SECONDS if NOW - moment <= bound), None) for moment in moments)
    assert dict(freshness(list(moments), NOW)) == slow


def test_a_total_leaves_out_what_came_to_nothing() -> None:
    """As a death that a replay took back."""
    dead, replayed = Settled(META, Kind.PURCHASE, "dead", Reason.REJECTED), Replayed(META)
    assert total([Stretch(0, 1, {dead: 2, replayed: 1}), Stretch(1, 2, {dead: -2, replayed: 1})]) == {replayed: 2}


@given(st.integers(HOUR_SECONDS * 24, 4_000_000_000), st.sampled_from(PLACES))
def test_days_follow_each_other(seconds: int, name: str) -> None:
    """A moment is in one day, which begins on a whole hour, within an hour of midnight, and ends where the next begins."""
    zone = ZoneInfo(name)
    begin = day_begins(seconds, zone)
    end = day_ends(seconds, zone)
    assert begin % HOUR_SECONDS == end % HOUR_SECONDS == 0
    assert begin <= seconds < end
    assert day_begins(begin, zone) == begin == day_begins(end - 1, zone)
    assert day_begins(end, zone) == end
    assert datetime.fromtimestamp(begin, zone).hour <= 1


def test_a_day_may_have_23_hours() -> None:
    """Where clocks are put forward."""
    noon = int(datetime(2026, 3, 29, 12, tzinfo=UTC).timestamp())
    paris = ZoneInfo("Europe/Paris")
    assert day_ends(noon, paris) - day_begins(noon, paris) == 23 * HOUR_SECONDS
