"""Data Manager, held against Google's published protobuf schema (google-ads-datamanager, read strictly and offline)."""

from typing import Any

import orjson
import pytest
from google.ads.datamanager_v1 import IngestEventsRequest
from google.ads.datamanager_v1.types import ErrorReason, ProcessingErrorReason
from google.api.error_reason_pb2 import ErrorReason as StandardReason
from google.protobuf.json_format import MessageToDict, Parse, ParseError
from google.rpc.code_pb2 import Code
from hypothesis import given
from hypothesis import strategies as st

from adapters.google_data_manager import PREFIX, PROCESSED, REASONS
from gateway.model import Destination, Minimised
from tests.adapters.cases import ALL_ALLOWED, EVENTS, golden_events, made

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


def test_the_later_reasons_are_google_s_words() -> None:
    """Every later reason in the table is one of Google's, and each of Google's has one of the two published prefixes."""
    words = {PREFIX.sub("", word) for word in ProcessingErrorReason.__members__}
    assert PROCESSED.keys() <= words
    assert len(words) == len(ProcessingErrorReason)
    assert not any(word.startswith(("PROCESSING", "REASON")) for word in words)
