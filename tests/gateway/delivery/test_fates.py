"""What a verdict makes of a record, and of the lane."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.delivery.backoff import Pace
from gateway.delivery.contract import Violation
from gateway.delivery.contract_body import Place
from gateway.delivery.fates import (
    CONNECTION_LOST,
    CRASHES,
    NO_NAME,
    NOT_CONNECTED,
    SUSPICIOUS,
    TIMED_OUT,
    Crash,
    NoReply,
    Outcome,
    breather,
    broke_contract,
    excess_of,
    forgiven,
    give_back,
    misconfigured,
    not_set_up,
    one_answer,
    refuses_credential,
    settlement,
    standstill,
    takes_others,
    unproven,
    untried,
    without_reply,
)
from gateway.model.texts import PlatformCode, Receipt
from gateway.model.verdict import Delivered, Isolate, Maybe, Pause, Rejected, Retry, Throttle, Verdict
from gateway.model.words import Reason
from gateway.outbox.work import Dead, Done, Later, Settlement
from tests.gateway.delivery.scene import NOW, record

CODE = PlatformCode("100/33")
DELIVERED, REJECTED, RETRY, MAYBE = Delivered(), Rejected(), Retry(Reason.SERVER_ERROR), Maybe(Reason.TIMED_OUT)
YOUNG = Retry(Reason.HELD, 21_600.0, CODE, apart=True)
PUZZLE = Retry(Reason.UNKNOWN_ERROR, None, CODE, apart=True)
UNSET = Retry(Reason.CONFIGURATION, 10_000.0, CODE, apart=True)
THROTTLE, PAUSE, ISOLATE = Throttle(), Pause(Reason.CREDENTIAL), Isolate()


@pytest.mark.parametrize(
    ("outcomes", "answer"),
    [
        ((DELIVERED,) * 3, DELIVERED),
        ((Delivered(receipt=Receipt("r1")), Delivered(receipt=Receipt("r1"))), Delivered(receipt=Receipt("r1"))),
        ((Delivered(receipt=Receipt("r1")), Delivered(receipt=Receipt("r2"))), None),
        ((DELIVERED, Delivered(Reason.DUPLICATE_AT_PLATFORM)), None),
        ((DELIVERED, DELIVERED, REJECTED), None),
        ((RETRY, RETRY), None),
        ((MAYBE, DELIVERED), None),
        ((), None),
    ],
)
def test_one_answer_stands_for_all_only_where_all_have_it(outcomes: tuple[Verdict, ...], answer: Delivered | None) -> None:
    """Delivered all of them, with the same reason, code and receipt."""
    assert one_answer([(record(n), outcome) for n, outcome in enumerate(outcomes)]) == answer


@pytest.mark.parametrize(
    ("outcome", "fate"),
    [
        (Delivered(Reason.CONFIRMED, CODE, Receipt("r1")), Done(7, Reason.CONFIRMED, CODE, Receipt("r1"))),
        (Rejected(code=CODE), Dead(7, Reason.REJECTED, CODE)),
        (Isolate(Reason.TOO_LARGE, CODE), Dead(7, Reason.TOO_LARGE, CODE)),
        (Retry(Reason.SERVER_ERROR, None, CODE), Later(7, Reason.SERVER_ERROR, NOW + 10.0, maybe=False, code=CODE)),
        (Retry(Reason.SERVER_ERROR, 100.0), Later(7, Reason.SERVER_ERROR, NOW + 100.0)),
        (Retry(Reason.SERVER_ERROR, 10.0**9), Later(7, Reason.SERVER_ERROR, NOW + 3600.0)),
        (YOUNG, Later(7, Reason.HELD, NOW + 21_600.0, code=CODE)),
        (UNSET, Later(7, Reason.CONFIGURATION, NOW + 10_000.0, code=CODE)),
        (PUZZLE, Later(7, Reason.UNKNOWN_ERROR, NOW + 10.0, code=CODE)),
        (Maybe(Reason.TIMED_OUT), Later(7, Reason.TIMED_OUT, NOW + 10.0, maybe=True)),
        (Maybe(Reason.SERVER_ERROR, None, 100.0), Later(7, Reason.SERVER_ERROR, NOW + 100.0, maybe=True)),
        (Maybe(Reason.SERVER_ERROR, None, 10.0**9), Later(7, Reason.SERVER_ERROR, NOW + 3600.0, maybe=True)),
        (Throttle(after=900.0), Later(7, Reason.THROTTLED, NOW)),
        (Pause(Reason.PERMISSION, CODE), Later(7, Reason.PERMISSION, NOW, code=CODE)),
        (Crash(1, maybe=True), Later(7, Reason.UNKNOWN_ERROR, NOW + 2.5, maybe=True)),
        (Crash(CRASHES, maybe=False), Dead(7, Reason.UNKNOWN_ERROR)),
    ],
)
def test_each_verdict_has_its_fate(outcome: Outcome, fate: Settlement) -> None:
    """Delivered is done, refused is dead, the rest comes later: at its own time, or with the lane."""
    assert settlement(record(7, tries=2), outcome, NOW, Pace(), 0.5) == fate


@given(st.integers(0, 10**6), st.floats(0.0, 0.999))
def test_retrying_never_ends_by_count(tries: int, dice: float) -> None:
    """However often an event was tried, the next failure leads to another try within a quarter of an hour."""
    for verdict in (RETRY, MAYBE):
        fate = settlement(record(7, tries=tries), verdict, NOW, Pace(), dice)
        assert isinstance(fate, Later)
        assert NOW <= fate.due <= NOW + 900


@pytest.mark.parametrize(
    ("verdicts", "stop"),
    [
        ([DELIVERED, DELIVERED], None),
        ([DELIVERED, REJECTED], None),
        ([ISOLATE, ISOLATE], None),
        ([RETRY, DELIVERED], None),
        ([MAYBE, REJECTED], None),
        ([RETRY, RETRY], RETRY),
        ([MAYBE, MAYBE], MAYBE),
        ([MAYBE, RETRY], MAYBE),
        ([YOUNG, YOUNG], None),
        ([RETRY, YOUNG], None),
        ([UNSET, UNSET], None),
        ([MAYBE, UNSET], None),
        ([YOUNG, PAUSE], PAUSE),
        ([DELIVERED, THROTTLE], THROTTLE),
        ([DELIVERED, THROTTLE, PAUSE], PAUSE),
    ],
)
def test_what_stops_a_lane(verdicts: list[Verdict], stop: Verdict | None) -> None:
    """A pause or a throttle of any event stops the lane; a failure only when it is every event's; being too young never."""
    assert standstill(verdicts) is stop


@pytest.mark.parametrize(
    ("outcomes", "maybe"),
    [
        ([RETRY, THROTTLE, PAUSE], False),
        ([MAYBE, MAYBE], True),
        ([MAYBE, RETRY], None),
        ([RETRY, MAYBE], None),
        ([RETRY, DELIVERED], None),
        ([RETRY, Crash(1, maybe=False)], None),
        ([ISOLATE], None),
        ([YOUNG], None),
        ([RETRY, YOUNG], None),
        ([UNSET], None),
    ],
)
def test_what_is_given_back_whole(outcomes: list[Outcome], maybe: bool | None) -> None:
    """A claim goes back only if nothing came of it and all of it stands alike: untried, or maybe received."""
    assert give_back([(record(n), outcome) for n, outcome in enumerate(outcomes)]) is maybe


def test_what_is_certain_without_a_reply() -> None:
    """No connection means certainly not received; a timeout or a lost connection means maybe."""
    assert without_reply(NOT_CONNECTED) == Retry(Reason.NOT_CONNECTED)
    assert without_reply(NO_NAME) == Retry(Reason.NOT_CONNECTED, code=PlatformCode("name"))
    assert without_reply(NoReply(Reason.TIMED_OUT, False, PlatformCode("x"))) == Maybe(Reason.TIMED_OUT, PlatformCode("x"))  # noqa: FBT003 - fields in order
    assert without_reply(TIMED_OUT) == Maybe(Reason.TIMED_OUT)
    assert without_reply(CONNECTION_LOST) == Maybe(Reason.CONNECTION_LOST)


@pytest.mark.parametrize("stop", [RETRY, MAYBE, THROTTLE, PAUSE])
def test_what_was_not_sent_is_certainly_not_received(stop: Retry | Maybe | Throttle | Pause) -> None:
    """Events behind the one that stopped the lane are never maybes."""
    assert not isinstance(untried(stop), Maybe)
    assert untried(stop).reason is stop.reason


@pytest.mark.parametrize(
    ("excess", "refused", "taken", "suspicious"),
    [(19, 1, 0, True), (18, 1, 0, False), (19, 0, 0, False), (19, 2, 1, True), (19, 2, 2, False), (20, 0, 1, False)],
)
def test_refusals_add_up_over_claims(excess: int, refused: int, taken: int, suspicious: bool) -> None:
    """Twenty small claims that were all refused say the same as one large one; deliveries in between speak against it."""
    pairs = [(record(n), Rejected(code=CODE)) for n in range(refused)] + [(record(n), DELIVERED) for n in range(taken)]
    assert (misconfigured(pairs, excess) == Pause(Reason.CONFIGURATION, CODE)) is suspicious


@given(st.lists(st.lists(st.sampled_from([DELIVERED, REJECTED, RETRY]), max_size=30), max_size=50))
def test_the_excess_is_what_refusals_are_ahead(claims: list[list[Verdict]]) -> None:
    """It never falls below nothing, so good times are not saved up, and never grows beyond what is suspicious."""
    excess = 0
    for verdicts in claims:
        pairs = [(record(n), verdict) for n, verdict in enumerate(verdicts)]
        after = excess_of(pairs, excess)
        ahead = verdicts.count(REJECTED) - verdicts.count(DELIVERED)
        assert after == min(SUSPICIOUS, max(0, excess + ahead))
        excess = after


def test_who_is_refused_again_is_at_fault_itself() -> None:
    """Events that were put off before and are refused while the lane is up do not add up to a wrong configuration."""
    pairs = [(record(n, tries=1), REJECTED) for n in range(3 * SUSPICIOUS)]
    assert misconfigured(pairs, SUSPICIOUS - 1) is None
    assert excess_of(pairs, 0) == 0


@pytest.mark.parametrize(
    ("verdicts", "known"),
    [([REJECTED, ISOLATE], True), ([REJECTED, DELIVERED], False), ([RETRY], False), ([REJECTED, RETRY], True), ([], False)],
)
def test_a_probe_that_is_only_refused_proves_nothing(verdicts: list[Verdict], known: bool) -> None:
    """Something must have been taken before a refusal is believed of a lane that was paused."""
    assert unproven([(record(n, tries=1), verdict) for n, verdict in enumerate(verdicts)]) is known


@pytest.mark.parametrize(
    ("refused", "taken", "suspicious"),
    [
        (SUSPICIOUS, 0, True),
        (SUSPICIOUS, SUSPICIOUS, False),
        (SUSPICIOUS + 1, SUSPICIOUS, True),
        (SUSPICIOUS - 1, 0, False),
    ],
)
def test_too_many_refusals_are_a_wrong_configuration(refused: int, taken: int, suspicious: bool) -> None:
    """When at least twenty events were refused, and more than were taken, the lane pauses and no event is blamed."""
    pairs = [(record(n), Rejected(code=CODE)) for n in range(refused)] + [(record(n), DELIVERED) for n in range(taken)]
    pause = misconfigured(pairs, 0)
    assert (pause == Pause(Reason.CONFIGURATION, CODE)) is suspicious
    if pause is not None:
        outcomes = [outcome for _, outcome in forgiven(pairs, pause)]
        assert outcomes == [pause] * refused + [DELIVERED] * taken


def test_a_breather_is_what_the_first_delivery_asks_for() -> None:
    """Whatever was refused beside it; where nothing was taken nobody asks."""
    assert breather([Rejected(), Delivered(after=3.0), Delivered(after=3.0)]) == 3.0
    assert breather([Delivered(), Rejected()]) is None
    assert breather([Rejected()]) is None


@pytest.mark.parametrize(
    ("verdicts", "refused"),
    [
        ([PAUSE], True),
        ([PAUSE, Pause(Reason.CREDENTIAL, CODE)], True),
        ([PAUSE, DELIVERED], False),
        ([Pause(Reason.PERMISSION)], False),
        ([THROTTLE], False),
    ],
)
def test_only_a_request_turned_away_whole_was_refused_for_its_credential(verdicts: list[Verdict], refused: bool) -> None:
    """Else something of it may have been taken, and it is not repeated at once."""
    assert refuses_credential(verdicts) is refused


BROKEN: Final = (Place("data[].x", "text"),)


@pytest.mark.parametrize(
    ("bad", "count", "probe", "stops"),
    [
        (0, 100, False, True),
        (1, 100, False, False),
        (SUSPICIOUS, 2 * SUSPICIOUS, False, False),
        (SUSPICIOUS, 2 * SUSPICIOUS - 1, False, True),
        (SUSPICIOUS - 1, SUSPICIOUS - 1, False, False),
        (1, 1, False, False),
        (1, 1, True, True),
        (5, 10, True, False),
        (6, 10, True, True),
    ],
)
def test_a_broken_contract_stops_a_lane_that_is_at_fault_itself(bad: int, count: int, probe: bool, stops: bool) -> None:
    """Where no event is to blame, or most of many are; a probe is too small for many. What is around the events always does."""
    events = dict.fromkeys(range(bad), BROKEN)
    assert broke_contract(Violation((), events), count, probe=probe) == (Pause(Reason.CONTRACT) if stops else None)
    assert broke_contract(Violation(BROKEN, events), count, probe=probe) == Pause(Reason.CONTRACT)


@pytest.mark.parametrize(
    ("verdicts", "found"),
    [
        ([DELIVERED, UNSET, YOUNG], UNSET),
        ([YOUNG, PUZZLE, RETRY], None),
        ([Retry(Reason.CONFIGURATION)], None),
        ([PAUSE], None),
        ([], None),
    ],
)
def test_what_is_not_set_up_is_told_by_the_events_that_wait_for_it(verdicts: list[Verdict], found: Retry | None) -> None:
    """Not by those that wait for their age, nor by a whole request that failed."""
    assert not_set_up(verdicts) is found


@pytest.mark.parametrize(
    ("outcome", "takes"),
    [(DELIVERED, True), (YOUNG, True), (UNSET, True), (PUZZLE, False), (RETRY, False), (REJECTED, False), (MAYBE, False)],
)
def test_a_platform_takes_events_where_it_answered_for_one_that_it_understood(outcome: Outcome, takes: bool) -> None:
    """Though that one has to wait; what nobody understands says nothing of the others."""
    assert takes_others(outcome) is takes
