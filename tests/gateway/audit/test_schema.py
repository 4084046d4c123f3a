"""The exported JSON Schema says what the contract says, and the files under docs/contracts are those of today."""

import json
import random
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from jsonschema import Draft202012Validator

from gateway.audit.schema import schemas
from gateway.model.words import Destination
from tests.adapters.cases import SHIPPED
from tests.gateway.delivery.payloads import PAYLOADS, Payload, injected

FOLDER: Final = Path(__file__).parents[3] / "docs" / "contracts"
MADE: Final = {name: schema for destination in Destination for name, schema in schemas(SHIPPED[destination]).items()}


def schema_of(payload: Payload) -> Any:
    """Give the schema of a golden request."""
    if payload.destination is Destination.GOOGLE_ADS:
        return MADE[f"google_ads.{'upload' if 'upload' in payload.path else 'ingest'}"]
    return MADE[f"{payload.destination.value}.events"]


def test_the_files_are_those_of_today() -> None:
    """`consent-gateway audit contracts --shipped` writes them; a change of a contract changes them too."""
    kept = {path.name.removesuffix(".schema.json"): json.loads(path.read_text()) for path in FOLDER.glob("*.json")}
    assert kept == MADE
    for schema in MADE.values():
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
def test_a_schema_takes_what_our_adapters_write(payload: Payload) -> None:
    """Every golden request."""
    Draft202012Validator(schema_of(payload)).validate(orjson.loads(payload.body))


def test_a_schema_refuses_what_the_contract_refuses() -> None:
    """A thousand injections. No schema sees a key that is there twice, or how many decimals a number has."""
    dice = random.Random(11)  # noqa: S311 - a seed, so that a failure can be repeated
    validators = {payload.name: Draft202012Validator(schema_of(payload)) for payload in PAYLOADS}
    tried = 0
    for number in range(1000):
        payload = PAYLOADS[number % len(PAYLOADS)]
        what, outgoing = injected(payload, dice)
        if not what.startswith(("_repeated_key", "_other_kind: 5e-08")):
            tried += 1
            assert not validators[payload.name].is_valid(json.loads(outgoing.body)), what
    assert tried > 700


def test_a_schema_says_why() -> None:
    """For people: each value's reason, its clause of the policy and the option that it needs."""
    event = MADE["meta.events"]["properties"]["data"]["items"]["properties"]
    agent = event["user_data"]["properties"]["client_user_agent"]
    assert (agent["x-policy"], agent["x-option"], agent["x-kind"]) == ("option", "user_agent", "user_agent")
    assert "description" in event["event_id"]
    assert "x-option" not in event["event_id"]
    assert [one["x-kind"] for one in event["event_source_url"]["anyOf"]] == ["origin", "page_address"]
