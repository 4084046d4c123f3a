"""A lane's standing follows what its requests came to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.delivery.backoff import Pace
from gateway.delivery.breaker import PROBE_EVENTS, Breaker
from gateway.model.verdict import Pause
from gateway.model.words import Reason

PACE = Pace()


def failed(times: int, start: Breaker | None = None) -> Breaker:
    """Let so many requests in a row fail."""
    breaker = start or Breaker()
    for _ in range(times):
        breaker = breaker.failed(Reason.TIMED_OUT, None, PACE)
    return breaker


def test_a_new_lane_is_open_to_traffic() -> None:
    """At first there is no wait and the batch is the adapter's."""
    breaker = Breaker()
    assert breaker.up
    assert breaker.limit(200) == 200
    assert breaker.wait(PACE, 1.0) == 0.0


@pytest.mark.parametrize(("failures", "opened"), [(1, False), (4, False), (5, True), (6, True)])
def test_opens_after_five_failures_in_a_row(failures: int, opened: bool) -> None:
    """The fifth failure in a row opens the breaker, not the fourth."""
    assert failed(failures).open is opened
    assert failed(failures).up is not opened


def test_one_answer_closes_everything() -> None:
    """A usable answer ends failures, probes and a pause at once."""
    for breaker in (failed(9), Breaker().pause(Pause(Reason.CREDENTIAL)), Breaker().throttled(9.0)):
        assert breaker.answered() == Breaker()


def test_failures_count_only_in_a_row() -> None:
    """Four failures, an answer and four more do not open it."""
    assert not failed(4, failed(4).answered()).open


def test_below_five_failures_the_lane_backs_off() -> None:
    """A failing lane waits by the doubling backoff, and puts few events at stake."""
    assert [failed(n).wait(PACE, 1.0) for n in (1, 2, 3, 4)] == [5.0, 10.0, 20.0, 40.0]
    assert failed(4).limit(200) == PROBE_EVENTS


def test_an_open_breaker_probes_with_small_batches_ever_more_slowly() -> None:
    """Probes carry few events, at intervals from 30 s to 5 min."""
    assert [failed(5 + n).wait(PACE, 1.0) for n in range(6)] == [30.0, 60.0, 120.0, 240.0, 300.0, 300.0]
    assert failed(5).limit(200) == PROBE_EVENTS
    assert failed(5).limit(3) == 3


@pytest.mark.parametrize("dice", [0.0, 0.5, 0.999])
def test_a_pause_probes_once_a_minute_however_long(dice: float) -> None:
    """A paused lane is down with its reason, and asks once a minute, not faster and not slower: a person waits for it."""
    pause = Pause(Reason.PERMISSION)
    breaker = Breaker().pause(pause)
    for _ in range(100):
        assert breaker.wait(PACE, dice) == 60.0
        breaker = breaker.pause(pause)
    assert breaker.paused == pause
    assert not breaker.up
    assert breaker.limit(200) == PROBE_EVENTS


def test_a_platform_that_took_everything_may_be_left_alone_for_a_while() -> None:
    """The lane is up, its batches are whole and no failure is counted; only the next request waits, an hour at most."""
    breaker = failed(9).answered(12.0)
    assert (breaker.up, breaker.limit(200), breaker.failures) == (True, 200, 0)
    assert breaker.wait(PACE, 1.0) == 12.0
    assert failed(1).answered(9e9).wait(PACE, 1.0) == 3600.0
    assert breaker.answered().wait(PACE, 1.0) == 0.0


def test_a_pause_lasts_as_long_as_the_platform_asks() -> None:
    """No probe before that, and then at the lane's own pace at least; an hour is the most that is honoured."""
    assert Breaker().pause(Pause(Reason.PERMISSION, after=1800.0)).wait(PACE, 1.0) == 1800.0
    assert Breaker().pause(Pause(Reason.PERMISSION, after=1.0)).wait(PACE, 1.0) == 60.0
    assert Breaker().pause(Pause(Reason.PERMISSION, after=9e9)).wait(PACE, 1.0) == 3600.0


def test_a_pause_outlasts_failures_and_throttles() -> None:
    """Neither an outage nor a throttle says that the credential is good again; none makes the lane ask more often."""
    paused = Breaker().pause(Pause(Reason.CREDENTIAL))
    assert failed(7, paused).paused is not None
    assert [failed(n, paused).wait(PACE, 1.0) for n in (1, 2, 5, 6, 9)] == [60.0, 60.0, 300.0, 300.0, 300.0]
    assert paused.throttled(5.0).paused is not None
    assert paused.throttled(5.0).wait(PACE, 1.0) == 60.0
    assert paused.throttled(500.0).wait(PACE, 1.0) == 500.0
    assert paused.pause(Pause(Reason.CREDENTIAL)).wait(PACE, 1.0) == 60.0


def test_a_throttle_is_an_answer() -> None:
    """A throttled platform is alive: failures are forgotten, and the lane stays up."""
    assert failed(5).throttled(None).up
    assert Breaker().throttled(120.0).wait(PACE, 0.0) == 120.0


def test_a_throttle_without_a_time_backs_off_ever_longer() -> None:
    """Not told how long, the lane doubles its own wait with each throttle in a row."""
    assert Breaker().throttled(None).throttled(None).throttled(None).wait(PACE, 1.0) == 20.0


def test_a_failure_that_names_a_time_is_waited_for() -> None:
    """Retry-After on a failure counts when it is longer than the backoff, up to an hour."""
    assert Breaker().failed(Reason.SERVER_ERROR, 77.0, PACE).wait(PACE, 1.0) == 77.0
    assert Breaker().failed(Reason.SERVER_ERROR, 1.0, PACE).wait(PACE, 1.0) == 5.0
    assert Breaker().failed(Reason.SERVER_ERROR, 10**6, PACE).wait(PACE, 1.0) == 3600.0


@given(st.lists(st.sampled_from(["answered", "failed", "throttled", "paused"]), max_size=60), st.floats(0.0, 0.999))
def test_waits_are_bounded_whatever_happens(story: list[str], dice: float) -> None:
    """No sequence of outcomes makes a lane wait longer than its cap, and only an answer ends a pause."""
    breaker = Breaker()
    for happening in story:
        before = breaker
        match happening:
            case "answered":
                breaker = breaker.answered()
            case "failed":
                breaker = breaker.failed(Reason.CONNECTION_LOST, None, PACE)
            case "throttled":
                breaker = breaker.throttled(None)
            case _:
                breaker = breaker.pause(Pause(Reason.CREDENTIAL))
        assert 0.0 <= breaker.wait(PACE, dice) <= 900.0
        assert happening == "answered" or before.paused is None or breaker.paused is not None
        assert 1 <= breaker.limit(200) <= 200


@pytest.mark.parametrize(
    ("reason", "awaits"),
    [
        (Reason.CREDENTIAL, True),
        (Reason.PERMISSION, True),
        (Reason.CONFIGURATION, False),
        (Reason.REDIRECTED, False),
    ],
)
def test_only_a_pause_for_the_credential_ends_with_another(reason: Reason, awaits: bool) -> None:
    """A setting is not mended by a token; and a platform that asks for time gets it."""
    paused = Breaker().pause(Pause(reason))
    assert paused.awaits_credential is awaits
    assert not paused.throttled(5.0).awaits_credential
    assert not Breaker().awaits_credential
