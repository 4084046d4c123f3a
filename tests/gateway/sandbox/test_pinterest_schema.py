from typing import Any

import pytest
from openapi_generated.pinterest_client.model.conversion_event_app_info import ConversionEventAppInfo
from openapi_generated.pinterest_client.model.conversion_event_device_info import ConversionEventDeviceInfo
from openapi_generated.pinterest_client.model.conversion_events import ConversionEvents
from openapi_generated.pinterest_client.model.conversion_events_custom_data import ConversionEventsCustomData
from openapi_generated.pinterest_client.model.conversion_events_custom_data_contents import (
    ConversionEventsCustomDataContents,
)
from openapi_generated.pinterest_client.model.conversion_events_data import ConversionEventsData
from openapi_generated.pinterest_client.model.conversion_events_user_data_properties import (
    ConversionEventsUserDataProperties,
)
from pydantic import BaseModel

from gateway.sandbox import pinterest_schema as schema

NEWER: dict[type[BaseModel], set[str]] = {
    schema.CustomData: {"predicted_ltv", "external_measurement_id", "external_measurement_vendor_id"},
    schema.Content: {"item_brand_id"},
    schema.Event: {"app_info", "device_info"},
}
"""Fields that the description has gained since 5.14, which the generated client was made from.

https://github.com/pinterest/api-description, versions 5.15 to 5.28 (read 2026-11-22)
"""

PAIRS: list[tuple[type[BaseModel], Any]] = [
    (schema.Envelope, ConversionEvents),
    (schema.Event, ConversionEventsData),
    (schema.UserData, ConversionEventsUserDataProperties),
    (schema.CustomData, ConversionEventsCustomData),
    (schema.Content, ConversionEventsCustomDataContents),
    (schema.AppInfo, ConversionEventAppInfo),
    (schema.DeviceInfo, ConversionEventDeviceInfo),
]


def properties(ours: type[BaseModel]) -> dict[str, list[dict[str, Any]]]:
    """The alternatives that our model allows for each field, as JSON Schema."""
    described = ours.model_json_schema()["properties"]
    return {name: field.get("anyOf", [field]) for name, field in described.items()}


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_the_fields_are_pinterests_own(ours: type[BaseModel], theirs: Any) -> None:
    """Every object has the fields of Pinterest's generated client and those known to be newer, no others."""
    assert set(ours.model_fields) - NEWER.get(ours, set()) == set(theirs.openapi_types)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_null_is_allowed_where_pinterest_allows_it(ours: type[BaseModel], theirs: Any) -> None:
    """A field takes null exactly when the generated client's does."""
    mine = {name for name, kinds in properties(ours).items() if {"type": "null"} in kinds} - NEWER.get(ours, set())
    assert mine == {name for name, kinds in theirs.openapi_types.items() if type(None) in kinds}


LIMITS = {"maxLength": "max_length", "maximum": "inclusive_maximum", "minimum": "inclusive_minimum", "maxItems": "max_items"}


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_the_limits_are_pinterests_own(ours: type[BaseModel], theirs: Any) -> None:
    """Lengths and ranges equal those of the generated client."""
    newer = NEWER.get(ours, set())
    mine = {
        (name, LIMITS[limit], value)
        for name, kinds in properties(ours).items()
        for kind in kinds
        for limit, value in kind.items()
        if limit in LIMITS and name not in newer
    }
    other = {
        (path[0], limit, value)
        for path, limits in theirs.validations.items()
        for limit, value in limits.items()
        if limit in LIMITS.values()
    }
    assert mine == other


def test_only_the_customer_is_open() -> None:
    """Every object but `user_data` refuses unknown keys."""
    assert {ours for ours, _theirs in PAIRS if ours.model_config["extra"] != "forbid"} == {schema.UserData}
