import inspect
import json
from typing import Any

import pytest
from google.ads.googleads.v26.services.types.conversion_upload_service import UploadClickConversionsRequest as Published
from google.protobuf.json_format import Parse
from pydantic import BaseModel, ValidationError

from gateway.sandbox import google_ads_schema as schema
from gateway.sandbox.google_ads_schema import UploadClickConversionsRequest
from gateway.sandbox.google_schema import Message
from tests.gateway.sandbox.samples import upload_body, upload_row

MODELS = sorted(
    name for name, made in inspect.getmembers(schema, inspect.isclass) if issubclass(made, Message) and made is not Message
)


def descriptors() -> dict[str, Any]:
    """Every message that a request can hold, as published, by name."""
    found: dict[str, Any] = {}
    left = [Published.pb(Published()).DESCRIPTOR]
    while left:
        message = left.pop()
        if message.name not in found:
            found[message.name] = message
            left += [field.message_type for field in message.fields if field.message_type]
    return found


DESCRIPTORS = descriptors()


def test_every_published_message_is_there() -> None:
    """There is a model for each message that a request can hold, and no other."""
    assert set(MODELS) == set(DESCRIPTORS)


@pytest.mark.parametrize("name", MODELS)
def test_the_fields_are_those_of_the_published_message(name: str) -> None:
    """Every message has the fields of Google's descriptor under both of their names, no others."""
    ours: type[BaseModel] = getattr(schema, name)
    published = {(field.name, field.json_name) for field in DESCRIPTORS[name].fields}
    assert {(field, info.alias) for field, info in ours.model_fields.items()} == published


@pytest.mark.parametrize("name", MODELS)
def test_the_words_are_those_of_the_published_enums(name: str) -> None:
    """A field that takes words takes exactly the values of Google's enum."""
    ours: type[BaseModel] = getattr(schema, name)
    properties = ours.model_json_schema(by_alias=False)["properties"]
    for field in DESCRIPTORS[name].fields:
        published = {value.name for value in field.enum_type.values} if field.enum_type else set()
        kinds = properties[field.name].get("anyOf", [properties[field.name]])
        assert {word for kind in kinds for word in kind.get("enum", [])} == published, field.name


def google_takes(body: Any) -> bool:
    """Let Google's own parser read the body."""
    try:
        Parse(json.dumps(body), Published.pb(Published()))
    except Exception:  # noqa: BLE001 - whatever it says, it says no
        return False
    return True


def we_take(body: Any) -> bool:
    """Let our models read the body."""
    try:
        UploadClickConversionsRequest.model_validate(body)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("body", "fits"),
    [
        (upload_body(), True),
        (upload_body([upload_row(conversionValue="129.90")]), True),
        (upload_body([upload_row(currencyCode=None)]), True),
        (upload_body([{"order_id": "a", "gclid": "x"}]), True),
        (upload_body(validateOnly=True, jobId=7), True),
        (upload_body([upload_row(cartData={"merchantId": "2", "items": [{"quantity": 1, "unitPrice": 1.5}]})]), True),
        (upload_body([upload_row(currency="EUR")]), False),
        (upload_body([upload_row(transactionId="x")]), False),
        (upload_body([upload_row(consent={"adUserData": "CONSENT_GRANTED"})]), False),
        (upload_body([upload_row(orderId=7)]), False),
        (upload_body([upload_row(conversionValue="dear")]), False),
        (upload_body([upload_row(userIdentifiers=[{"emailAddress": "x"}])]), False),
        (upload_body(partialFailure="yes"), False),
        (upload_body(conversions={}), False),
    ],
)
def test_the_models_judge_as_googles_own_parser(body: Any, fits: bool) -> None:
    """What fits the published protocol fits ours, and what does not, does not."""
    assert (google_takes(body), we_take(body)) == (fits, fits)
