import inspect
import json
from decimal import Decimal
from typing import Any

import pytest
from google.ads import datamanager_v1
from google.protobuf.json_format import Parse
from pydantic import BaseModel, ValidationError

from gateway.sandbox import google_schema as schema
from gateway.sandbox.google_schema import IngestEventsRequest, Message
from tests.gateway.sandbox.samples import google_body, google_event

MODELS = sorted(
    name for name, made in inspect.getmembers(schema, inspect.isclass) if issubclass(made, Message) and made is not Message
)


def descriptor(name: str) -> Any:
    """The published message of this name."""
    published = getattr(datamanager_v1, name)
    return published.pb(published()).DESCRIPTOR


@pytest.mark.parametrize("name", MODELS)
def test_the_fields_are_those_of_the_published_message(name: str) -> None:
    """Every message has the fields of Google's descriptor under both of their names, no others."""
    ours: type[BaseModel] = getattr(schema, name)
    published = {(field.name, field.json_name) for field in descriptor(name).fields}
    assert {(field, info.alias) for field, info in ours.model_fields.items()} == published


def allowed(model: type[BaseModel], field: str) -> set[str]:
    """The words that our model takes for a field."""
    described = model.model_json_schema(by_alias=False)["properties"][field]
    return {word for kind in described.get("anyOf", [described]) for word in kind.get("enum", [])}


@pytest.mark.parametrize("name", MODELS)
def test_the_words_are_those_of_the_published_enums(name: str) -> None:
    """A field that takes words takes exactly the values of Google's enum."""
    ours: type[BaseModel] = getattr(schema, name)
    for field in descriptor(name).fields:
        published = {value.name for value in field.enum_type.values} if field.enum_type else set()
        assert allowed(ours, field.name) == published, field.name


def google_takes(body: Any) -> bool:
    """Let Google's own parser read the body."""
    published = datamanager_v1.IngestEventsRequest
    try:
        Parse(json.dumps(body), published.pb(published()))
    except Exception:  # noqa: BLE001 - whatever it says, it says no
        return False
    return True


def we_take(body: Any) -> bool:
    """Let our models read the body."""
    try:
        IngestEventsRequest.model_validate(body)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("body", "fits"),
    [
        (google_body(), True),
        (google_body([google_event(conversionValue="129.90")]), True),
        (google_body([google_event(currency=None)]), True),
        (google_body([{"transaction_id": "a", "event_source": "WEB"}]), True),
        (google_body(validateOnly=True, encryptionInfo={"coordinatorKeyInfo": {"keyId": "k"}}), True),
        (google_body([google_event(cartData={"items": [{"quantity": "2", "unitPrice": 1.5}]})]), True),
        (google_body([google_event(gclid="abcdefghij")]), False),
        (google_body([google_event(testEventCode="x")]), False),
        (google_body([google_event(eventSource="WEBSITE")]), False),
        (google_body([google_event(transactionId=7)]), False),
        (google_body([google_event(conversionValue="dear")]), False),
        (google_body([google_event(userData={"userIdentifiers": {}})]), False),
        (google_body(validateOnly="yes"), False),
        (google_body(operatingAccountProduct="x"), False),
    ],
)
def test_the_models_judge_as_googles_own_parser(body: Any, fits: bool) -> None:
    """What fits the published protocol fits ours, and what does not, does not."""
    assert (google_takes(body), we_take(body)) == (fits, fits)


@pytest.mark.parametrize(
    "body",
    [
        [],
        google_body([google_event(userData=[])]),
        google_body([google_event(conversionValue=True)]),
        google_body([google_event(conversionValue="NaN")]),
        google_body([google_event(conversionValue="1_000")]),
        google_body([google_event(conversionValue=" 1")]),
    ],
)
def test_what_the_json_mapping_does_not_name_does_not_fit(body: Any) -> None:
    """Where Python's parser is more lenient than the published mapping, or the number is none, ours says no."""
    assert not we_take(body)


def test_an_amount_is_read_exactly() -> None:
    """A JSON number becomes the decimal that was written."""
    request = IngestEventsRequest.model_validate(google_body([google_event(conversionValue=0.1)]))
    assert request.events is not None
    assert request.events[0].conversion_value == Decimal("0.1")
