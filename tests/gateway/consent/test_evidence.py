"""Evidence: what an event cites, and what its records say together."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.consent.evidence import Record, cited, combine
from gateway.consent.policy import Policy
from gateway.consent.table import ADVERTISING_NO, ADVERTISING_YES, GPC_ON, RECORD_TOO_OLD, RECORD_WITHDRAWN
from gateway.model import EvidenceId, PersonKey
from gateway.persons import LONGEST, Identifier
from tests.strategies import DAY, JSON, NOW

ONE, OTHER = PersonKey("1" * 16), PersonKey("2" * 16)


def record(number: int, browser: PersonKey = ONE, **changes: Any) -> Record:
    """A record of a yes that was given and kept an hour ago."""
    parts = {"received_at": NOW - 3600, "given_at": NOW - 3600, "statements": ADVERTISING_YES, **changes}
    return Record(id=EvidenceId(f"{number:024x}"), browser=browser, **parts)


# ── what an event cites ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("consent", "citation"),
    [
        (None, ()),
        ("yes", ()),
        ({"advertising": True}, ()),
        ({"receipt": None, "join": None}, ()),
        ({"receipt": "r-1"}, ((Identifier.RECEIPT, "r-1"),)),
        ({"receipt": " r-1 "}, ((Identifier.RECEIPT, "r-1"),)),
        ({"join": {}}, ()),
        ({"join": {"order_id": "1001", "client_id": None}}, ((Identifier.ORDER_ID, "1001"),)),
        ({"join": {"order_id": 1001}}, ((Identifier.ORDER_ID, "1001"),)),
        ({"join": {"cart_token": "c", "other": 1}}, ((Identifier.CART_TOKEN, "c"),)),
        (
            {"receipt": "r", "join": {"checkout_token": "k", "client_id": "i"}},
            ((Identifier.CHECKOUT_TOKEN, "k"), (Identifier.CLIENT_ID, "i"), (Identifier.RECEIPT, "r")),
        ),
    ],
)
def test_what_an_event_cites(consent: object, citation: object) -> None:
    """Receipt and join keys as text, in one order; what is null is not cited, what is unknown is of no use."""
    assert cited(consent) == citation


@pytest.mark.parametrize(
    "consent",
    [
        {"receipt": ""},
        {"receipt": "  "},
        {"receipt": 7.5},
        {"receipt": True},
        {"receipt": ["r"]},
        {"receipt": "x" * (LONGEST + 1)},
        {"join": "1001"},
        {"join": [1001]},
        {"join": {"order_id": {"id": 1}}},
        {"join": {"order_id": ""}},
        {"join": {"order_id": False}},
        {"receipt": "r-1", "join": {"client_id": []}},
    ],
)
def test_a_citation_that_cannot_be_read_is_none(consent: object) -> None:
    """Which record is meant cannot be told: that is not the same as citing nothing."""
    assert cited(consent) is None


@given(st.fixed_dictionaries({}, optional={"receipt": JSON, "join": JSON}) | JSON)
def test_any_json_can_be_asked_what_it_cites(consent: object) -> None:
    """Whatever stands there, the answer is a citation or that there is none."""
    found = cited(consent)
    assert found is None or all(text.strip() == text and 0 < len(text) <= LONGEST for _, text in found)


# ── what records say together ────────────────────────────────────────────────────────────────────────────────────


def test_no_record_is_no_evidence() -> None:
    """Nothing found is not an empty yes."""
    assert combine([], Policy(), NOW) is None


def test_one_record_is_what_it_says() -> None:
    """Its statements, its date, its place, and its name to be cited."""
    only = record(1, place=("US", "CA"), personalised=True)
    evidence = combine([only], Policy(), NOW)
    assert evidence is not None
    assert (evidence.id, evidence.statements, evidence.given_at) == (only.id, ADVERTISING_YES, NOW - 3600)
    assert (evidence.personalised, evidence.mentions) == (True, (("US", "CA"),))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_latest_record_of_a_browser_counts(order: tuple[int, int]) -> None:
    """Somebody who changes their mind has changed it, in either direction and in whatever order the records are found."""
    yes, no = record(1, given_at=NOW - 9000), record(2, given_at=NOW - 60, statements=ADVERTISING_NO)
    found = combine([(yes, no)[i] for i in order], Policy(), NOW)
    assert found is not None
    assert (found.id, found.statements) == (no.id, ADVERTISING_NO)


def test_of_two_choices_at_the_same_second_the_one_that_came_later_counts() -> None:
    """A browser's dates are whole seconds; what arrived last was said last."""
    early, late = record(1, received_at=NOW - 50), record(2, received_at=NOW - 40, statements=ADVERTISING_NO)
    found = combine([late, early], Policy(), NOW)
    assert found is not None
    assert found.id == late.id


def test_records_of_several_browsers_all_count() -> None:
    """Two browsers for one order: what either says is heard, so that a refusal of one refuses."""
    found = combine([record(1), record(2, OTHER, statements=ADVERTISING_NO, given_at=NOW - 9)], Policy(), NOW)
    assert found is not None
    assert set(found.statements) == {*ADVERTISING_YES, *ADVERTISING_NO}
    assert found.given_at == NOW - 3600


def test_a_record_that_was_withdrawn_refuses() -> None:
    """A yes that was taken back is a no."""
    found = combine([record(1, withdrawn=True)], Policy(), NOW)
    assert found is not None
    assert found.statements == ADVERTISING_YES + RECORD_WITHDRAWN


@pytest.mark.parametrize(("days", "old"), [(183, False), (184, True)])
def test_a_record_lasts_as_long_as_consent_does(days: int, old: bool) -> None:
    """Beyond the policy's age it refuses, whatever it says."""
    found = combine([record(1, given_at=NOW - days * DAY)], Policy(), NOW)
    assert found is not None
    assert (found.statements == ADVERTISING_YES + RECORD_TOO_OLD) is old


def test_an_older_browsers_age_is_not_hidden_by_a_newer_one() -> None:
    """Consent is as old as the oldest record that counts."""
    found = combine([record(1, given_at=NOW - 200 * DAY), record(2, OTHER, statements=GPC_ON)], Policy(), NOW)
    assert found is not None
    assert set(RECORD_TOO_OLD) <= set(found.statements)


@pytest.mark.parametrize(
    ("answers", "together"),
    [((None, None), None), ((True, None), True), ((False, None), False), ((True, False), False), ((True, True), True)],
)
def test_personalisation_is_granted_only_where_nobody_refuses_it(
    answers: tuple[bool | None, ...], together: bool | None
) -> None:
    """A no of one browser stands against the yes of another."""
    found = combine([record(1, personalised=answers[0]), record(2, OTHER, personalised=answers[1])], Policy(), NOW)
    assert found is not None
    assert found.personalised is together
