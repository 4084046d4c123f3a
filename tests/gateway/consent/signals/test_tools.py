"""The consent tools' own objects: each key is read by its tool, and every example becomes what it says."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.consent import table
from gateway.consent.cmp.choice import statements
from gateway.consent.policy import Policy
from gateway.consent.signals import READERS
from gateway.consent.signals.tools import OBJECTS, read_as
from gateway.model.words import Signal, State
from tests.gateway.consent.cmp.rows import RULES, choice_of, examples
from tests.gateway.consent.signals.reading import attested, plain
from tests.strategies import JSON

SITE = Policy(cmp=RULES)
ROWS = [
    pytest.param(tool, row, id=f"{tool}: {row['says']}") for tool in OBJECTS for row in examples(tool.value) if "object" in row
]


@pytest.mark.parametrize(("tool", "row"), ROWS)
def test_each_example_says_what_it_says_under_its_tools_name(tool: Signal, row: dict[str, Any]) -> None:
    """The object stands at the tool's key of the consent object, and its choice becomes the table's rows."""
    expected = statements(tool, choice_of(row), plain(policy=SITE))
    assert READERS[tool.value]({tool.value: row["object"]}, plain(policy=SITE)) == expected


def test_every_tool_with_a_documented_object_has_a_key() -> None:
    """Consentmo documents none, so its name is no key and refuses as unknown."""
    assert set(OBJECTS) == set(table.TOOLS) - {Signal.CONSENTMO}
    assert Signal.CONSENTMO.value not in READERS


@pytest.mark.parametrize("tool", OBJECTS)
def test_null_says_nothing(tool: Signal) -> None:
    """It was not sent."""
    assert read_as(tool)({tool.value: None}, attested()) == ()


@given(st.sampled_from(sorted(OBJECTS)), JSON.filter(lambda value: value is not None))
def test_junk_never_grants_and_never_fails(tool: Signal, junk: object) -> None:
    """Any JSON in place of the object: no grant, no exception."""
    rows = read_as(tool)({tool.value: junk}, attested(policy=SITE))
    assert not any(row.state in (State.GRANTED, State.PERMITTED) for row in rows)
