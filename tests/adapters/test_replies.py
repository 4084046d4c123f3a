"""What the platforms' replies have in common."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.replies import by_status, code_of, longest, read, receipt_of, spread, told
from gateway.adapter import Reply
from gateway.model.texts import PlatformCode
from gateway.model.verdict import Delivered, Isolate, Maybe, Pause, Rejected, Retry, Throttle
from gateway.model.words import Reason

DATE = "Sun, 22 Nov 2026 10:15:00 GMT"


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "120"}, 120.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "86400"}, 3600.0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1.5"}, None),
        ({"retry-after": "1" * 400}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "٣"}, None),
        ({"retry-after": "Sun, 22 Nov 2026 10:15:42 GMT", "date": DATE}, 42.0),
        ({"retry-after": "Sun, 22 Nov 2026 10:14:00 GMT", "date": DATE}, None),
        ({"retry-after": "Sun, 22 Nov 2099 10:14:00 GMT", "date": DATE}, 3600.0),
        ({"retry-after": "Sun, 22 Nov 2026 10:15:42 GMT"}, None),
        ({"retry-after": "Sun, 22 Nov 2026 10:15:42", "date": DATE}, None),
        ({"retry-after": "Sun, 22 Nov 2026 10:15:42 +9999999999999999999999", "date": DATE}, None),
        ({"date": DATE}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], wait: float | None) -> None:
    """Seconds and dates are understood, a date only beside the reply's own; what is absurd is bounded or ignored."""
    assert Reply(429, headers, b"").retry_after == wait


@given(st.dictionaries(st.sampled_from(["retry-after", "date"]), st.text(alphabet="SunNov2026 10:15,GMT+-\x00é", max_size=40)))
def test_no_header_is_an_accident(headers: dict[str, str]) -> None:
    """Whatever the headers say, the wait is none or within an hour."""
    wait = Reply(429, headers, b"").retry_after
    assert wait is None or 0 <= wait <= 3600


@pytest.mark.parametrize("status", [200, 408, 409, 425, 499, 500, 502, 503, 504])
def test_a_doubtful_answer_says_when_to_ask_again(status: int) -> None:
    """A server that may have the events and asks to be left alone is left alone; that it may have them stays so."""
    (verdict,) = by_status(Reply(status, {"retry-after": "120"}, b"<html>"), 1)
    assert isinstance(verdict, Maybe)
    assert verdict.after == 120.0
    (longer,) = by_status(Reply(status, {"retry-after": "120"}, b"<html>"), 1, 300.0)
    assert isinstance(longer, Maybe)
    assert longer.after == 300.0


def test_the_longest_wait_counts() -> None:
    """Of several waits the longest counts, up to an hour; none told is none."""
    assert longest(None, 5.0, 3.0) == 5.0
    assert longest(5.0, 9e9) == 3600.0
    assert longest(-1.0) is None
    assert longest() is None


def test_what_is_no_code_is_no_code() -> None:
    """A code is joined from what there is, and is dropped when it does not look like one."""
    assert code_of(100, 33) == "100/33"
    assert code_of(190, None) == "190"
    assert code_of(None) is None
    assert code_of("jane doe") is None
    assert code_of(10**6000) is None
    assert receipt_of(5) is None
    assert receipt_of("<script>") is None


def test_reading_gives_none_for_anything_else() -> None:
    """JSON of another shape, broken JSON, broken text and bottomless JSON are all just unreadable."""
    decoder = msgspec.json.Decoder(dict[str, int])
    assert read(decoder, b'{"a":1}') == {"a": 1}
    anything = msgspec.json.Decoder()
    assert [read(decoder, body) for body in (b"", b"[]", b'{"a":"1"}', b'{"\xff":1}', b'{"a":1' + b"0" * 5000 + b"}")] == [
        None
    ] * 5
    assert read(anything, b"[" * 100_000) is None


def test_a_whole_refusal_is_searched_unless_it_was_one_event() -> None:
    """Several events refused together are isolated with their suspect; a single one is refused itself."""
    code = PlatformCode("7")
    refusal = Isolate(Reason.REJECTED, code)
    assert spread(refusal, 3, {1: None}) == (refusal, Isolate(Reason.REJECTED, code, suspect=True), refusal)
    assert spread(refusal, 1) == (Rejected(Reason.REJECTED, code),)
    assert spread(refusal, 1, {0: PlatformCode("8")}) == (Rejected(Reason.REJECTED, PlatformCode("8")),)


def test_what_nobody_understands_is_not_buried_at_once() -> None:
    """A single event refused for an unknown cause is tried again, by itself, rather than made a dead letter."""
    assert spread(Isolate(Reason.UNKNOWN_ERROR), 1) == (Retry(Reason.UNKNOWN_ERROR, apart=True),)


def test_a_table_entry_is_completed() -> None:
    """A wait goes to the verdicts that can wait, the code to all; the longer wait counts, but an event's age is its own."""
    code = PlatformCode("4")
    assert told(Throttle(after=10.0), code, 5.0) == Throttle(after=10.0, code=code)
    assert told(Retry(Reason.SERVER_ERROR), code, 5.0) == Retry(Reason.SERVER_ERROR, after=5.0, code=code)
    assert told(Retry(Reason.HELD, 21_600.0, apart=True), code, 5.0) == Retry(Reason.HELD, 21_600.0, code, apart=True)
    assert told(Pause(Reason.CREDENTIAL), code, 5.0) == Pause(Reason.CREDENTIAL, code)


@given(st.integers(-10, 1000), st.integers(1, 4))
def test_a_status_alone_never_delivers(status: int, count: int) -> None:
    """Without a readable body nothing counts as delivered, and a server's failure counts as maybe received."""
    verdicts = by_status(Reply(status, {}, b""), count)
    assert len(verdicts) == count
    assert not any(isinstance(verdict, Delivered) for verdict in verdicts)
    if status >= 500:
        assert verdicts == (Maybe(Reason.SERVER_ERROR, PlatformCode(f"http-{status}")),) * count


@pytest.mark.parametrize("status", [402, 406, 411, 414, 417, 421, 426, 428, 431, 451])
def test_what_a_request_as_such_is_refused_for_is_no_event_s_fault(status: int) -> None:
    """A way in that is closed, or a header that somebody on it does not like: nobody is searched for, everything is kept."""
    verdicts = by_status(Reply(status, {}, b"<html>"), 3)
    assert verdicts == (Pause(Reason.CONFIGURATION, PlatformCode(f"http-{status}")),) * 3
