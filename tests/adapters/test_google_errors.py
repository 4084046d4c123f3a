"""What all of Google's errors share: the canonical codes, and how long they ask to wait."""

from typing import get_args

import msgspec
import pytest
from google.api.error_reason_pb2 import ErrorReason as StandardReason
from google.rpc.code_pb2 import Code

from adapters import google_ads_api, google_data_manager
from adapters.google_errors import COMMON, Detail, Status, details_of, wait_of, waits_of
from gateway.adapter import Reply


def test_every_canonical_code_is_known() -> None:
    """Each canonical code is classed, but for success and for what concerns resources that exist already."""
    assert set(Code.keys()) - COMMON.keys() == {"OK", "ALREADY_EXISTS"}


def test_the_reasons_are_google_s_words() -> None:
    """Every word in the common table is a canonical code or one of the platform's standard reasons."""
    assert COMMON.keys() - {"PROJECT_DISABLED"} <= set(Code.keys()) | set(StandardReason.keys())


@pytest.mark.parametrize(
    ("detail", "waits"),
    [
        (Detail(), [None]),
        (Detail(retry_delay="37.5s"), [37.5, None]),
        (Detail(retry_delay="-1s"), [None]),
        (Detail(retry_delay="37"), [None]),
        (Detail(metadata={"quota_limit": "IngestionMutateRequestsPerDayPerProject"}), [3600.0]),
        (Detail(metadata={"quota_limit": "IngestionMutateRequestsPerMinutePerProject"}), [None]),
        (Detail(metadata={"quota_limit": 7}), [None]),
    ],
)
def test_waits_are_read(detail: Detail, waits: list[float | None]) -> None:
    """A delay is seconds with an `s`; a quota of the day that is gone waits an hour; anything else asks for nothing."""
    assert waits_of(detail) == waits


def test_the_longest_wait_counts() -> None:
    """Of the header's wait and the details' waits the longest is obeyed, and none is longer than an hour."""
    assert wait_of(Reply(429, {"retry-after": "10"}, b""), [Detail(retry_delay="7s"), Detail(retry_delay="8s")]) == 10
    assert wait_of(Reply(429, {"retry-after": "1"}, b""), [Detail(retry_delay="7s")]) == 7
    assert wait_of(Reply(429, {}, b""), [Detail(retry_delay="99999s")]) == 3600
    assert wait_of(Reply(429, {}, b""), []) is None


def test_a_detail_that_cannot_be_read_is_left_out() -> None:
    """One broken detail does not hide the others."""
    status = Status("X", [msgspec.Raw(b"7"), msgspec.Raw(b'{"reason": 5}'), msgspec.Raw(b'{"reason": "A"}')])
    assert details_of(status) == [Detail(reason="A")]


def fields_of(kind: type[msgspec.Struct]) -> set[str]:
    """The names of all fields that a type reads, and of those inside it."""
    found = {field.encode_name for field in msgspec.structs.fields(kind)}
    inner = [part for field in msgspec.structs.fields(kind) for part in (field.type, *get_args(field.type))]
    return found.union(*(fields_of(part) for part in inner if isinstance(part, type) and issubclass(part, msgspec.Struct)))


@pytest.mark.parametrize(
    "kind", [Detail, Status, google_ads_api.Answer, google_data_manager.Answer, google_data_manager.Statuses]
)
def test_there_is_no_place_for_a_text(kind: type[msgspec.Struct]) -> None:
    """Messages, descriptions and triggers repeat what was sent: nothing that is read has a field for them."""
    assert not fields_of(kind) & {"message", "description", "trigger", "stringValue", "links", "localizedMessage"}
    assert "fieldViolations" in fields_of(Detail)
