"""Reading recordings: both forms, every rule, and never a value in what is said about a fault."""

import base64
import json
import tracemalloc
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit import recordings
from gateway.audit.recordings import MOST_BODY, MOST_HEADERS, MOST_LINE, SHORT, Flaw, Recorded, Rule, read
from gateway.model.words import Fault

RECORDINGS: Final = Path(__file__).parents[2] / "data" / "recordings"
MARK: Final = "jane.doe@example.com"


def lines(*said: object) -> bytes:
    """Write lines of NDJSON; text stands as it is."""
    return b"\n".join(one.encode() if isinstance(one, str) else json.dumps(one).encode() for one in said)


def line(**more: object) -> dict[str, object]:
    """Say a request as a line has it."""
    return {"method": "post", "url": "https://T.example:8443/g/collect?v=2#x"} | more


def har(*entries: object, **log: object) -> bytes:
    """Write a HAR."""
    return json.dumps({"log": {"version": "1.2", "entries": entries} | log}).encode()


def entry(post: object = None, **more: object) -> dict[str, object]:
    """Say an entry of a HAR."""
    request: dict[str, Any] = {"method": "POST", "url": "https://t.example/data", "headers": []}
    return {
        "startedDateTime": "2026-11-24T10:00:00.25+01:00",
        "request": request | ({} if post is None else {"postData": post}),
    } | more


def only(body: bytes) -> Recorded | Flaw:
    """Read the one request that there is."""
    (found,) = read(body)
    return found


def request(body: bytes) -> Recorded:
    """Read the one request, which is whole."""
    found = only(body)
    assert isinstance(found, Recorded)
    return found


def test_a_line_is_a_request() -> None:
    """The address in its parts, header names in small letters, a moment in Unix seconds."""
    found = request(
        lines(line(at="2026-11-24T10:00:00Z", headers={"User-Agent": "x", "X": ["1", "2"]}, remote="192.0.2.1", body="é"))
    )
    assert (found.method, found.host, found.path, found.query) == ("POST", "t.example", "/g/collect", "v=2")
    assert (found.at, found.remote, found.body) == (1_795_514_400, "192.0.2.1", "é".encode())
    assert (found.header("user-agent"), found.header("x"), found.header("y")) == ("x", None, None)
    assert "t.example" not in repr(found)


@pytest.mark.parametrize("at", [1_795_514_400, 1_795_514_400.75, "2026-11-24T11:00:00+01:00"])
def test_a_moment_may_be_a_number_or_text(at: object) -> None:
    """Fractions are cut off."""
    assert request(lines(line(at=at))).at == 1_795_514_400


def test_a_body_may_be_in_base64() -> None:
    """For bytes that are no text."""
    assert request(lines(line(body_base64=base64.b64encode(b"\xff\x00").decode()))).body == b"\xff\x00"


def test_an_address_without_a_host_has_that_of_the_header() -> None:
    """As servers write their own logs."""
    assert request(lines(line(url="/data?v=2", headers=[{"name": "Host", "value": "t.example:443"}]))).host == "t.example"


def test_an_empty_header_is_none() -> None:
    """Proxies write one for what was not there: a page that names no origin is no stranger."""
    assert request(lines(line(headers={"Origin": "", "A": ["", "1"]}))).headers == {"a": ("1",)}


@pytest.mark.parametrize("body", ['{"data":[]}', {"data": []}])
def test_a_containers_own_log_is_read(body: object) -> None:
    """Its tags write what they send, as an object or as text, and what was answered, which is passed over."""
    logged = {"Name": "Facebook", "Type": "Request", "TraceId": "x", "RequestUrl": "https://graph.facebook.com/1/events"}
    others = [{"Name": "x", "Type": "Response", "ResponseStatusCode": 200}, {"Name": "x", "Type": "Message", "TraceId": "x"}]
    found = request(lines(others[0], logged | {"RequestMethod": "POST", "RequestBody": body}, others[1]))
    assert (found.line, found.method, found.host, found.path) == (2, "POST", "graph.facebook.com", "/1/events")
    assert json.loads(found.body) == {"data": []}
    assert request(lines(logged)).body == b""


def test_what_only_quotes_a_log_is_a_line_like_any_other() -> None:
    """A body may hold such words."""
    assert request(lines(line(body='{"Type": "Request"}'))).body == b'{"Type": "Request"}'


def test_who_is_named_in_an_address_is_left_out() -> None:
    """User and password of an address are no part of the host."""
    assert request(lines(line(url="https://jane:secret@t.example/x"))).host == "t.example"


def test_what_is_no_web_address_is_a_request_to_nowhere() -> None:
    """HAR files of browsers hold such; they are nobody's fault."""
    assert (request(lines(line(url="data:image/gif;base64,x"))).path) == ""


def test_empty_lines_are_passed_over_and_lines_are_counted_with_them() -> None:
    """A fault names the line that an editor shows."""
    found = list(read(lines(line(), "", "  ", "{")))
    assert found[1:] == [Flaw(4, "line", Rule.NO_JSON)]


def test_an_entry_of_a_har_is_a_request() -> None:
    """With the status of its answer; a byte order mark in front is passed over."""
    found = request(b"\xef\xbb\xbf" + har(entry({"text": "a=b"}, response={"status": 204})))
    assert (found.host, found.path, found.body, found.at, found.answered) == ("t.example", "/data", b"a=b", 1_795_510_800, 204)


def test_a_har_may_tell_a_body_in_base64_or_as_a_forms_fields() -> None:
    """As exporters do."""
    assert request(har(entry({"text": "/wA=", "encoding": "base64"}))).body == b"\xff\x00"
    params = [{"name": "a b", "value": "é&"}, {"name": "c"}]
    assert request(har(entry({"params": params}))).body == b"a%20b=%C3%A9%26&c="


@pytest.mark.parametrize(
    ("said", "flaw"),
    [
        (line(url=None), Flaw(1, "url", Fault.WRONG_TYPE)),
        ({"method": "GET"}, Flaw(1, "url", Fault.MISSING)),
        (line(headers={"a": MARK, "b": 1}), Flaw(1, "headers", Fault.WRONG_TYPE)),
        (line(headers=[{"name": MARK}]), Flaw(1, "headers", Fault.MISSING)),
        (line(headers=[{"name": "a", "value": ""}] * (MOST_HEADERS + 1)), Flaw(1, "headers", Fault.TOO_MANY_KEYS)),
        (line(at=MARK), Flaw(1, "at", Fault.BAD_FORMAT)),
        (line(at=-1), Flaw(1, "at", Fault.OUT_OF_RANGE)),
        (line(at=[MARK]), Flaw(1, "at", Fault.WRONG_TYPE)),
        (line(body="a", body_base64="YQ=="), Flaw(1, "body", Rule.TWO_BODIES)),
        (line(body_base64=MARK), Flaw(1, "body_base64", Rule.NO_BASE64)),
        (line(body="a" * (MOST_BODY + 1)), Flaw(1, "body", Fault.TOO_LONG)),
        (line(body="a" * MOST_LINE), Flaw(1, "line", Fault.TOO_LONG)),
        (line(url="/" + "a" * 65_536), Flaw(1, "url", Fault.TOO_LONG)),
        (MARK, Flaw(1, "line", Rule.NO_JSON)),
    ],
    ids=str,
)
def test_a_line_that_breaks_a_rule_is_named_without_its_value(said: object, flaw: Flaw) -> None:
    """The line, the field and the rule."""
    found = only(lines(said))
    assert isinstance(found, Flaw)
    assert (found.line, found.rule) == (flaw.line, flaw.rule)
    assert found.field.startswith(flaw.field)
    assert MARK not in repr(found)


@pytest.mark.parametrize(
    ("said", "field", "rule"),
    [
        (entry(startedDateTime="yesterday"), "startedDateTime", Fault.BAD_FORMAT),
        (entry(startedDateTime="2026-11-24T10:00:00"), "startedDateTime", Fault.BAD_FORMAT),
        (entry(startedDateTime="1900-01-01T00:00:00Z"), "startedDateTime", Fault.OUT_OF_RANGE),
        (entry({"text": MARK, "encoding": "base64"}), "postData.text", Rule.NO_BASE64),
        (entry({"text": 1}), "request.postData.text", Fault.WRONG_TYPE),
        ({"request": {"url": "x"}}, "request.method", Fault.MISSING),
        (1, "entry", Fault.WRONG_TYPE),
    ],
)
def test_an_entry_that_breaks_a_rule_is_named(said: object, field: str, rule: object) -> None:
    """By its number; the entries beside it are read."""
    found = list(read(har(entry(), said, entry())))
    assert [type(one) for one in found] == [Recorded, Flaw, Recorded]
    assert found[1] == Flaw(2, field, rule)  # type: ignore[arg-type]  # either kind of rule


def test_an_empty_file_is_no_recording() -> None:
    """Rather than an hour without traffic."""
    assert only(b" \n\n") == Flaw(0, "file", Rule.NO_RECORDING)


@pytest.mark.parametrize("body", [lines(line(), line(), line()), har(entry(), entry(), entry())])
def test_no_more_requests_are_read_than_may_be(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A last flaw says that there were more."""
    monkeypatch.setattr(recordings, "MOST_REQUESTS", 2)
    found = list(read(body))
    assert len(found) == 3
    assert isinstance(found[2], Flaw)
    assert found[2].rule is Rule.TOO_MANY


@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: lines(line(url=text, body=text))))
def test_whatever_comes_is_read_or_named(body: bytes) -> None:
    """Nothing is raised."""
    assert all(isinstance(one, Recorded | Flaw) for one in read(body))


def test_nesting_without_end_is_no_json() -> None:
    """And no crash."""
    assert only(b'{"x": ' + b"[" * 100_000) == Flaw(1, "line", Rule.NO_JSON)


@pytest.mark.parametrize("name", ["came.ndjson", "came.har", "sent.ndjson"])
def test_the_recordings_of_the_tests_are_whole(name: str) -> None:
    """So that what is tested with them is what they say."""
    assert all(isinstance(one, Recorded) for one in read((RECORDINGS / name).read_bytes()))


@pytest.mark.parametrize("spoilt", [line(), {"log": {"entries": [entry()]}}, {"Type": "Request", "RequestUrl": "T.example"}])
def test_a_request_that_is_not_utf8_is_a_flaw(spoilt: dict[str, object]) -> None:
    """As a proxy writes down a name in another encoding: told by its place, in every form."""
    body = json.dumps(spoilt).encode().replace(b".example", b".ex\xffmple")
    found = only(body)
    assert isinstance(found, Flaw)
    assert (found.line, found.rule) == (1, Rule.NO_JSON)


@pytest.mark.parametrize(
    ("piece", "field", "rule"),
    [
        ("0", "entry", Fault.WRONG_TYPE),
        ("[]", "entry", Fault.WRONG_TYPE),
        ("{}", "request", Fault.MISSING),
        ('{"request":1}', "request", Fault.WRONG_TYPE),
    ],
)
def test_entries_that_are_none_do_not_fill_the_memory(piece: str, field: str, rule: Fault) -> None:
    """Kept each by itself they would take many times the file's length: of a long file the first of them is told."""
    good = '{"request":{"method":"GET","url":"/"}}'
    body = f'{{"log":{{"entries":[{good},{",".join([piece] * (SHORT // len(piece)))}]}}}}'.encode()
    tracemalloc.start()
    try:
        assert list(read(body)) == [Flaw(2, field, rule)]
        assert tracemalloc.get_traced_memory()[1] < len(body)
    finally:
        tracemalloc.stop()


def test_a_long_har_is_read_as_a_short_one() -> None:
    """Every request, and every fault inside one."""
    found = list(read(har(entry(), *(entry({"text": "x" * 1_000_000}) for _ in range(5)), entry({"text": 7}))))
    assert [type(one) for one in found] == [Recorded] * 6 + [Flaw]
