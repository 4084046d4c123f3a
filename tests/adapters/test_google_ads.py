"""Google's page, held against Google's published protobuf schema (google-ads-datamanager, read strictly and offline)."""

from typing import Any

import orjson
import pytest
from google.ads.datamanager_v1 import IngestEventsRequest
from google.ads.datamanager_v1.types import ErrorReason
from google.api.error_reason_pb2 import ErrorReason as StandardReason
from google.protobuf.json_format import MessageToDict, Parse, ParseError
from google.rpc.code_pb2 import Code
from hypothesis import given
from hypothesis import strategies as st

from adapters.google_ads import REASONS, transaction_id
from gateway.model import Destination, EventId, Minimised
from tests.adapters.cases import ALL_ALLOWED, EVENT_IDS, EVENTS, golden_events, made

ALLOWED = made(Destination.GOOGLE_ADS, **ALL_ALLOWED[Destination.GOOGLE_ADS])


def in_the_schema(body: bytes) -> dict[str, Any]:
    """Read a request body as the published message, unknown fields refused, and write it out again."""
    read_back: dict[str, Any] = MessageToDict(Parse(body, IngestEventsRequest.pb(IngestEventsRequest())))
    return read_back


@given(events=st.lists(EVENTS, min_size=1, max_size=3))
def test_requests_are_the_published_message(events: list[Minimised]) -> None:
    """Every request is read by Google's schema without an unknown field, and means there what it means here."""
    body = ALLOWED.build(events).body
    assert in_the_schema(body) == orjson.loads(body)


def test_the_oracle_refuses_an_unknown_field() -> None:
    """A click id written flat on the event, a fault that others made, fails the schema, so it is worth asking."""
    body = orjson.loads(ALLOWED.build(golden_events(["purchase"])).body)
    body["events"][0]["gclid"] = "x"
    with pytest.raises(ParseError):
        in_the_schema(orjson.dumps(body))


@given(events=st.lists(EVENTS, min_size=1, max_size=5))
def test_every_reference_has_its_destination(events: list[Minimised]) -> None:
    """Each event points at one destination of the request, no destination is without an event, no event has two clicks."""
    body = orjson.loads(ALLOWED.build(events).body)
    offered = [target["reference"] for target in body["destinations"]]
    assert len(offered) == len(set(offered))
    assert {reference for event in body["events"] for reference in event["destinationReferences"]} == set(offered)
    assert [event["destinationReferences"] for event in body["events"]] == [[event.kind.value] for event in events]
    assert all(len(event.get("adIdentifiers", {"one": 1})) == 1 for event in body["events"])


def test_the_reasons_are_google_s_words() -> None:
    """Every reason in the table is one of Google's: its own enum, its standard reasons or a canonical status."""
    words = set(ErrorReason.__members__) | set(StandardReason.keys()) | set(Code.keys())
    assert REASONS.keys() - {"PROJECT_DISABLED"} <= words


@given(one=EVENT_IDS, other=EVENT_IDS)
def test_transaction_ids_do_not_meet(one: EventId, other: EventId) -> None:
    """Different events have different transaction ids, of Google's alphabet and length, and never a bare number."""
    ids = transaction_id(one), transaction_id(other)
    assert (ids[0] == ids[1]) is (one == other)
    for made_id in ids:
        assert 2 <= len(made_id) <= 64
        assert set(made_id) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-")
        assert not made_id.isdecimal()


@given(EVENT_IDS)
def test_a_transaction_id_cannot_be_taken_by_another_event(event_id: EventId) -> None:
    """An event whose id is another's transaction id gets one of its own, unless it is the same event."""
    taken = transaction_id(event_id)
    assert taken == event_id or transaction_id(EventId(taken)) != taken


@pytest.mark.parametrize(
    ("event_id", "expected"),
    [
        ("10042", "o-10042"),
        ("2", "o-2"),
        ("A-10042", "A-10042"),
        ("row-2", "row-2"),
        ("9" * 62, "o-" + "9" * 62),
        ("9" * 63, "h-480e29227f57d7ec2d9284bac6bf14f9"),
        ("o-10042", "h-4f89d283037f3251a37d8d8e233e8fb7"),
        ("Z", "h-bbeebd879e1dff6918546dc0c179fdde"),
    ],
)
def test_transaction_ids(event_id: str, expected: str) -> None:
    """Transaction ids are what they have always been: a change here would count conversions twice."""
    assert transaction_id(EventId(event_id)) == expected


def test_limits() -> None:
    """Repeats always merge, and only where click ids are sent does an event wait its six hours."""
    limits = made(Destination.GOOGLE_ADS).limits
    assert (limits.batch_events, limits.resend_window, limits.min_age, limits.max_age) == (200, None, 0, 60 * 86_400)
    assert ALLOWED.limits.min_age == 6 * 3600
    assert made(Destination.GOOGLE_ADS, send_click_ids=True, click_hold=0).limits.min_age == 0


def test_the_test_switch_shows() -> None:
    """Validating only is named when it is on, for nothing is taken then."""
    assert made(Destination.GOOGLE_ADS).test_mode is None
    assert made(Destination.GOOGLE_ADS, validate_only=True).test_mode == "validateOnly"


def test_needs_follow_the_settings() -> None:
    """What the settings allow is what the boundary is asked to keep; an address, agent or page cannot be allowed."""
    needs = made(Destination.GOOGLE_ADS, send_email=False, send_click_ids=True).needs
    assert (needs.email, needs.ip, needs.user_agent, needs.page_origin) == (False, False, "none", False)
    assert needs.click_ids == frozenset({"gclid", "wbraid", "gbraid"})


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"operating_account": "123-456-7890"}, "10 digits, no hyphens"),
        ({"login_account": "123456789"}, "10 digits, no hyphens"),
        ({"login_account": "12345678901"}, "10 digits, no hyphens"),
        ({"conversion_actions": {"purchase": "customers/1/conversionActions/2"}}, "numeric id"),
        ({"conversion_actions": {"purchase": "1", "add_to_cart": "1"}}, "an action of its own"),
        ({"conversion_actions": {}}, "at least 1"),
        ({"conversion_actions": {"refund": "1"}}, "purchase"),
        ({"max_age_days": 90}, "max_age_days"),
        ({"transaction_ids": "raw"}, "transaction_ids"),
    ],
)
def test_settings_are_checked(wrong: dict[str, Any], rule: str) -> None:
    """An account or action of another shape, a shared action, an unknown kind and an age past Google's are faults."""
    with pytest.raises(ValueError, match=rule):
        made(Destination.GOOGLE_ADS, **wrong)
