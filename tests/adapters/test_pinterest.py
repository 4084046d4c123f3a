"""Pinterest's page, held against Pinterest's own client models and against its published rules as a JSON Schema."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from openapi_generated.pinterest_client.configuration import Configuration
from openapi_generated.pinterest_client.exceptions import ApiTypeError
from openapi_generated.pinterest_client.model.conversion_events import ConversionEvents
from openapi_generated.pinterest_client.model_utils import validate_and_convert_types

from gateway.model import Destination, Minimised
from tests.adapters.cases import ALL_ALLOWED, EVENTS, RESTRICTED, golden_events, made

SCHEMA = Draft202012Validator(
    json.loads((Path(__file__).parent / "pinterest_events.schema.json").read_bytes()), format_checker=FormatChecker()
)
ALLOWED = made(Destination.PINTEREST, **ALL_ALLOWED[Destination.PINTEREST])


def in_the_client(body: Any) -> None:
    """Read a request body with the models of Pinterest's generated client; raises where a type is wrong."""
    validate_and_convert_types(
        body, (ConversionEvents,), ["body"], spec_property_naming=True, _check_type=True, configuration=Configuration()
    )  # fmt: skip


@given(events=st.lists((EVENTS | RESTRICTED).filter(lambda event: ALLOWED.refuses(event) is None), min_size=1, max_size=3))
def test_requests_fit_the_published_rules(events: list[Minimised]) -> None:
    """Every request of events that are not refused has Pinterest's types, closed objects and identity."""
    body = ALLOWED.build(events).body
    SCHEMA.validate(orjson.loads(body))
    in_the_client(orjson.loads(body))


def test_the_oracles_see_a_number_where_a_string_belongs() -> None:
    """An amount written as a number fails both oracles, so they are worth asking."""
    body = orjson.loads(ALLOWED.build(golden_events(["purchase"])).body)
    body["data"][0]["custom_data"]["value"] = 129.9
    with pytest.raises(ValidationError):
        SCHEMA.validate(body)
    with pytest.raises(ApiTypeError):
        in_the_client(body)


@pytest.mark.parametrize("name", ["unnamed", "agent_only"])
def test_an_event_without_identity_fails_the_rules_that_refuse_it(name: str) -> None:
    """What the adapter refuses is what Pinterest's own rule refuses."""
    strict = made(Destination.PINTEREST)
    events = golden_events([name])
    assert strict.refuses(events[0]) is not None
    with pytest.raises(ValidationError):
        SCHEMA.validate(orjson.loads(strict.build(events).body))


def test_limits_are_inside_pinterest_s() -> None:
    """Events are given up before seven days, repeated only inside 48 hours, and tested at most twenty at a time."""
    limits = made(Destination.PINTEREST).limits
    assert limits.batch_events == 200
    assert limits.max_age < 7 * 86_400
    assert limits.resend_window == 22 * 3600
    assert made(Destination.PINTEREST, test=True).limits.batch_events == 20
    assert made(Destination.PINTEREST, test=True, batch_events=5).limits.batch_events == 5


def test_the_test_switch_shows() -> None:
    """The test switch is named when it is on, for it loses every conversion with a 200."""
    assert made(Destination.PINTEREST).test_mode is None
    assert made(Destination.PINTEREST, test=True).test_mode == "test"


def test_needs_follow_the_settings() -> None:
    """What the settings allow is what the boundary is asked to keep."""
    needs = made(
        Destination.PINTEREST, send_ip=False, send_page_origin=False, client_user_agent="full", send_click_id=True
    ).needs
    assert (needs.ip, needs.page_origin, needs.user_agent, needs.click_ids) == (False, False, "full", frozenset({"epik"}))


def test_the_account_is_a_number_of_at_most_18_digits() -> None:
    """An ad account id with a letter or with 19 digits is a fault."""
    for wrong in ("5497x", "1" * 19, ""):
        with pytest.raises(ValueError, match="at most 18 digits"):
            made(Destination.PINTEREST, ad_account_id=wrong)
