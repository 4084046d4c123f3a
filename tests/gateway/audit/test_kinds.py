"""A body with kinds in place of values: nothing of anybody in it, whatever it holds."""

import json

from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.kinds import UNKNOWN, exact, in_kinds
from gateway.model.words import Destination
from tests.adapters.cases import SHIPPED

ENTRIES = SHIPPED[Destination.META].requests[0].fields
DIGEST = "0123456789abcdef" * 4


def test_each_value_becomes_its_kind() -> None:
    """Lists and objects stay as they are."""
    body = {
        "data": [{"event_name": "Purchase", "event_id": "1001", "user_data": {"em": [DIGEST]}, "custom_data": {"value": 9.5}}]
    }
    assert in_kinds(json.dumps(body).encode(), ENTRIES) == {
        "data": [
            {
                "event_name": "<one_of>",
                "event_id": "<event_id>",
                "user_data": {"em": ["<sha256>"]},
                "custom_data": {"value": "<money_number>"},
            }
        ]
    }


def test_what_the_contract_does_not_know_is_not_shown() -> None:
    """Neither a name, which could be somebody's own, nor a value of another kind."""
    told = in_kinds(b'{"jane@example.com": 1, "data": [{"event_id": "jane@example.com"}]}', ENTRIES)
    assert told == {UNKNOWN: UNKNOWN, "data": [{"event_id": UNKNOWN}]}


@given(st.text(alphabet="abcdefgh@.", min_size=12, max_size=40))
def test_no_text_of_a_value_is_in_it(text: str) -> None:
    """At no path, known or unknown."""
    body = {"data": [{"event_source_url": text, "user_data": {"em": [text], text: text}}], text: [text]}
    assert text not in json.dumps(in_kinds(json.dumps(body).encode(), ENTRIES))


def test_exact_is_the_body() -> None:
    """For whoever asks for the values."""
    assert exact(b'{"a": [1, "x", null]}') == {"a": [1, "x", None]}
