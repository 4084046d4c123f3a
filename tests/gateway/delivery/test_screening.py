"""What may not go does not go, and is given up only when that is certain."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapter import Limits
from gateway.delivery.clocks import Time
from gateway.delivery.screening import Rules, all_may_go, ripe, screen
from gateway.model.event import ClickIds, Minimised
from gateway.model.texts import GoogleClickId, PinterestClickId
from gateway.model.words import Reason, Refusal
from gateway.outbox.summary import Summary
from gateway.outbox.work import Dead, Later, Record, Withdrawn
from tests.gateway.delivery.scene import DAY, NOW, record

LIMITS = Limits(batch_events=100, batch_bytes=10**6, max_age=7 * DAY, resend_window=44 * 3600)
RULES = Rules(LIMITS, max_consent_age=183 * DAY)
SURE = Time(NOW, NOW, NOW)
NOBODY: dict[int, Reason] = {}


def test_an_ordinary_batch_goes_whole() -> None:
    """When nothing is wrong, all records go and nothing is settled."""
    records = [record(n) for n in range(5)]
    assert screen(records, NOBODY, RULES, SURE) == (records, [])


@pytest.mark.parametrize(
    ("one", "fate"),
    [
        (record(7, consent_at=NOW - 183 * DAY - 1), Withdrawn(7, Reason.CONSENT_EXPIRED)),
        (record(7, occurred_at=NOW - 7 * DAY - 1), Dead(7, Reason.EXPIRED)),
        (record(7, maybe_since=NOW - 44 * 3600), Dead(7, Reason.AMBIGUOUS_EXPIRED)),
        (record(7, consent_at=NOW - 200 * DAY, occurred_at=NOW - 8 * DAY), Withdrawn(7, Reason.CONSENT_EXPIRED)),
        (record(7, occurred_at=NOW - 8 * DAY, maybe_since=NOW - 8 * DAY), Dead(7, Reason.EXPIRED)),
    ],
)
def test_what_may_not_go_is_settled(one: Record, fate: Withdrawn | Dead) -> None:
    """Expired consent takes an event out; its own age, or that of a maybe, makes it a dead letter; the others go on."""
    healthy = record(8)
    assert screen([one, healthy], NOBODY, RULES, SURE) == ([healthy], [fate])


def added_up(records: list[Record]) -> Summary:
    """What records add up to."""
    maybes = [one.maybe_since for one in records if one.maybe_since is not None]
    return Summary.of([one.event for one in records], [one.accepted_at for one in records], min(maybes, default=None))


AGES = st.sampled_from((0, 1, 59, 60, 61, 7 * DAY - 1, 7 * DAY, 7 * DAY + 1, 183 * DAY, 183 * DAY + 1))
RECORDS = st.lists(
    st.builds(
        lambda consent, age, maybe, at: record(
            7,
            consent_at=NOW - consent,
            occurred_at=NOW - age,
            maybe_since=None if maybe is None else NOW - maybe,
            accepted_at=NOW - at,
        ),
        AGES,
        AGES,
        st.none() | AGES,
        AGES,
    ),
    max_size=4,
)


@given(RECORDS, st.booleans(), st.sampled_from((0, 60)), st.sampled_from((0, 60)), st.sampled_from((0, NOW - 60)))
def test_a_batch_that_may_go_by_what_it_adds_up_to_goes_whole(
    records: list[Record], taken: bool, min_age: int, doubt: int, since: int
) -> None:
    """Whatever the ages, the doubts and the clock: nobody is let through by the sums who would not be one by one."""
    limits = msgspec.structs.replace(LIMITS, min_age=min_age)
    rules = Rules(limits, 183 * DAY, lambda _event: None if taken else Refusal.NO_IDENTITY, since)
    time = Time(NOW, NOW - doubt, NOW + doubt)
    if all_may_go(records, added_up(records), rules, time):
        assert screen(records, NOBODY, rules, time) == (records, [])


def test_an_ordinary_batch_is_seen_to_be_one() -> None:
    """By what it adds up to, up to the very limits; nothing more is needed."""
    records = [record(7, consent_at=NOW - 183 * DAY, occurred_at=NOW - 7 * DAY), record(8)]
    assert all_may_go(records, added_up(records), RULES, SURE)
    changed = Rules(LIMITS, 183 * DAY, lambda _event: None, since=NOW)
    assert all_may_go(records, added_up(records), changed, SURE)


@pytest.mark.parametrize(
    "one",
    [
        record(7, consent_at=NOW - 183 * DAY),
        record(7, occurred_at=NOW - 7 * DAY),
        record(7, maybe_since=NOW - 44 * 3600 + 1),
        record(7, occurred_at=NOW + 240),
    ],
)
def test_limits_are_inclusive_to_the_second(one: Record) -> None:
    """An event exactly at its age limit still goes; so does one that is a little ahead of our clock."""
    assert screen([one], NOBODY, RULES, SURE) == ([one], [])


@pytest.mark.parametrize("why", [Reason.WITHDRAWN, Reason.REFUNDED])
def test_what_was_taken_out_comes_before_everything(why: Reason) -> None:
    """A person's withdrawal, or money that went back, takes the event out even if it is too old as well."""
    one = record(7, consent_at=0, occurred_at=0)
    assert screen([one], {7: why}, RULES, SURE) == ([], [Withdrawn(7, why)])


def test_without_a_window_a_maybe_goes_always() -> None:
    """Where repeats merge, a maybe is sent again however long ago it was."""
    rules = Rules(msgspec.structs.replace(LIMITS, resend_window=None), max_consent_age=183 * DAY)
    one = record(7, maybe_since=NOW - 6 * DAY)
    assert screen([one], NOBODY, rules, SURE) == ([one], [])


def test_without_a_window_a_maybe_that_is_too_young_is_held_like_any_other() -> None:
    """That it may have landed makes no difference there; nor does it where copies are recognised by age alone."""
    one = record(7, occurred_at=NOW - 600, maybe_since=NOW - 300)
    for resend_age in (None, DAY):
        limits = msgspec.structs.replace(LIMITS, min_age=3600, resend_window=None, resend_age=resend_age)
        assert screen([one], NOBODY, Rules(limits, 183 * DAY), SURE) == ([], [Later(7, Reason.HELD, NOW + 3000)])


@pytest.mark.parametrize("ages", [(3600, 60), (7 * DAY, 3599)])
def test_one_that_is_too_young_is_seen_in_what_a_batch_adds_up_to(ages: tuple[int, int]) -> None:
    """However old the others are."""
    rules = Rules(msgspec.structs.replace(LIMITS, min_age=3600), max_consent_age=183 * DAY)
    records = [record(n, occurred_at=NOW - age) for n, age in enumerate(ages)]
    assert not all_may_go(records, added_up(records), rules, SURE)
    assert all_may_go(records[:1], added_up(records[:1]), rules, SURE)


@pytest.mark.parametrize(
    ("one", "goes"),
    [
        (record(7, occurred_at=NOW - 3599, maybe_since=NOW - 600), True),
        (record(7, occurred_at=NOW - 3600, maybe_since=NOW - 600), False),
        (record(7, occurred_at=NOW - 3599, maybe_since=NOW - 3600), False),
        (record(7, occurred_at=NOW - 2 * DAY), True),
    ],
)
def test_where_copies_are_recognised_by_age_an_old_maybe_is_over(one: Record, goes: bool) -> None:
    """A platform that compares only what is young gets no second copy of what is older; a first try may be of any age."""
    rules = Rules(msgspec.structs.replace(LIMITS, resend_window=3600, resend_age=3600), max_consent_age=183 * DAY)
    assert screen([one], NOBODY, rules, SURE) == (([one], []) if goes else ([], [Dead(7, Reason.AMBIGUOUS_EXPIRED)]))


def test_what_is_too_young_is_held_until_it_is_not() -> None:
    """An event younger than the platform wants waits until it has the age."""
    rules = Rules(msgspec.structs.replace(LIMITS, min_age=3600), max_consent_age=183 * DAY)
    one, old = record(7, occurred_at=NOW - 600), record(8, occurred_at=NOW - 3600)
    assert screen([one, old], NOBODY, rules, SURE) == ([old], [Later(7, Reason.HELD, NOW + 3000)])


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (record(7, consent_at=NOW - 183 * DAY), Reason.CONSENT_EXPIRED),
        (record(7, occurred_at=NOW - 6 * DAY), Reason.EXPIRED),
        (record(7, maybe_since=NOW - 40 * 3600), Reason.AMBIGUOUS_EXPIRED),
    ],
)
@pytest.mark.parametrize("wall", ["earliest", "latest"])
def test_in_doubt_about_the_time_it_neither_goes_nor_dies(one: Record, reason: Reason, wall: str) -> None:
    """When one reading of the clock says too old and the other does not, the event waits a minute."""
    earliest, latest = NOW, NOW + 2 * DAY
    time = Time(earliest if wall == "earliest" else latest, earliest, latest)
    ready, settled = screen([one], NOBODY, RULES, time)
    assert not ready
    assert settled == [Later(7, reason, time.wall + 60)]


def test_a_jump_does_not_hold_what_is_young_enough_either_way() -> None:
    """Most events are inside their limits by both readings, and go on."""
    one = record(7)
    assert screen([one], NOBODY, RULES, Time(NOW, NOW, NOW + DAY)) == ([one], [])


@given(
    st.lists(
        st.tuples(st.integers(-400 * DAY, 0), st.integers(-20 * DAY, 300), st.none() | st.integers(-5 * DAY, 0)), max_size=30
    ),
    st.integers(-10 * DAY, 10 * DAY),
    st.sampled_from([0, 3600]),
    st.frozensets(st.integers(0, 30)),
)
def test_every_record_has_exactly_one_fate(
    ages: list[tuple[int, int, int | None]], jump: int, min_age: int, withdrawn: frozenset[int]
) -> None:
    """Going and settled together are all records, once each; what goes is inside every limit by both clocks."""
    records = [
        record(seq, consent_at=NOW + consent, occurred_at=NOW + age, maybe_since=None if maybe is None else NOW + maybe)
        for seq, (consent, age, maybe) in enumerate(ages)
    ]
    rules = Rules(msgspec.structs.replace(LIMITS, min_age=min_age), max_consent_age=183 * DAY)
    time = Time(NOW + jump, min(NOW, NOW + jump), max(NOW, NOW + jump))
    ready, settled = screen(records, dict.fromkeys(withdrawn, Reason.WITHDRAWN), rules, time)
    assert sorted([one.seq for one in ready] + [fate.seq for fate in settled]) == list(range(len(records)))
    for one in ready:
        assert one.seq not in withdrawn
        for now in (time.earliest, time.latest):
            assert one.event.consent_at + 183 * DAY >= now
            assert one.event.occurred_at + 7 * DAY >= now
            assert one.maybe_since is None or one.maybe_since + 44 * 3600 > now
    for fate in settled:
        assert not isinstance(fate, Later) or time.wall < fate.due <= time.wall + 3900


CLICKED = ClickIds(gclid=GoogleClickId("Cj0KCQiA-synthetic"))
OTHER_CLICK = ClickIds(epik=PinterestClickId("dj0yJnU9synthetic"))
CLICKS_WAIT = Rules(msgspec.structs.replace(LIMITS, min_age=3600, held_clicks=frozenset({"gclid", "wbraid"})), 183 * DAY)


def test_only_what_has_such_a_click_is_held() -> None:
    """Where the least age is one of clicks, an event without one of those goes at once."""
    young = {"occurred_at": NOW - 600}
    held, other, none = record(7, click=CLICKED, **young), record(8, click=OTHER_CLICK, **young), record(9, **young)
    assert screen([held, other, none], NOBODY, CLICKS_WAIT, SURE) == ([other, none], [Later(7, Reason.HELD, NOW + 3000)])


@given(st.lists(st.integers(0, 8000), max_size=20))
def test_ripe_is_what_leads_and_is_old_enough(ages: list[int]) -> None:
    """Of a batch in order, the ripe ones are those before the first that is too young, by the earliest clock."""
    records = [record(seq, occurred_at=NOW - age) for seq, age in enumerate(ages)]
    rules = Rules(msgspec.structs.replace(LIMITS, min_age=3600), max_consent_age=183 * DAY)
    count = ripe(records, rules, Time(NOW, NOW, NOW + DAY))
    assert all(age >= 3600 for age in ages[:count])
    assert count == len(ages) or ages[count] < 3600
    assert ripe(records, RULES, SURE) == len(ages)


@given(st.lists(st.tuples(st.integers(0, 8000), st.booleans()), max_size=20))
def test_ripe_ends_with_the_last_that_may_go(shapes: list[tuple[int, bool]]) -> None:
    """Where only clicks are held, all of a batch that may go by the earliest clock is ripe, and held ones behind it are not."""
    records = [record(n, occurred_at=NOW - age, click=CLICKED if clicked else None) for n, (age, clicked) in enumerate(shapes)]
    count = ripe(records, CLICKS_WAIT, Time(NOW, NOW, NOW + DAY))
    goes = [age >= 3600 or not clicked for age, clicked in shapes]
    assert not any(goes[count:])
    assert count == 0 or goes[count - 1]


def test_an_event_from_before_the_start_is_asked_for_again() -> None:
    """What the adapter refuses since the settings changed is a dead letter; what was let in since then is not asked."""
    asked: list[int] = []

    def refuses(event: Minimised) -> Refusal | None:
        asked.append(event.occurred_at)
        return Refusal.NOT_ENABLED

    one = record(7)
    before = Rules(LIMITS, 183 * DAY, refuses, since=one.accepted_at + 1)
    since = Rules(LIMITS, 183 * DAY, refuses, since=one.accepted_at)
    assert screen([one], NOBODY, before, SURE) == ([], [Dead(7, Reason.CONFIGURATION)])
    assert asked
    asked.clear()
    assert screen([one], NOBODY, since, SURE) == ([one], [])
    young = Rules(msgspec.structs.replace(LIMITS, min_age=DAY), 183 * DAY, refuses, since=one.accepted_at)
    ready, (held,) = screen([one], NOBODY, young, SURE)
    assert (ready, type(held)) == ([], Later)
    assert not asked
