"""Evidence: what an event cites, and what its records say together."""

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.consent.decision import decide
from gateway.consent.evidence import Record, cited, cites, combine
from gateway.consent.policy import Policy
from gateway.consent.table import ADVERTISING_NO, ADVERTISING_YES, GPC_ON, RECORD_TOO_OLD, RECORD_WITHDRAWN
from gateway.model.texts import EventId, EvidenceId, PersonKey
from gateway.model.words import Destination, Kind, Refusal
from gateway.persons import LONGEST, Identifier
from gateway.raw import RawEvent
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
        ({"receipt": "undefined", "join": {"cart_token": "c", "client_id": " NULL "}}, ((Identifier.CART_TOKEN, "c"),)),
        ({"join": {"order_id": 0, "client_id": "[object Object]"}}, ()),
        ({"join": {"order_id": -1, "client_id": "undefined.undefined"}}, ()),
        ({"join": {"order_id": "null-null", "client_id": "NaN.NaN"}}, ()),
        (
            {"receipt": "{{ cart.attributes.receipt }}", "join": {"cart_token": "${cart.token}", "client_id": "{% client %}"}},
            (),
        ),
        (
            {"join": {"client_id": "nullable.none1", "cart_token": "{c}"}},
            ((Identifier.CART_TOKEN, "{c}"), (Identifier.CLIENT_ID, "nullable.none1")),
        ),
        (
            {"join": {"client_id": "nobody.0", "order_id": "00"}},
            ((Identifier.CLIENT_ID, "nobody.0"), (Identifier.ORDER_ID, "00")),
        ),
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
    "nobody",
    [
        "undefined", "null", "None", "NaN", "nil", "[object Object]", "(not set)", "Unknown", "anonymous", "guest", "N/A", "-",
        "0", "00000000-0000-0000-0000-000000000000",
    ],
)  # fmt: skip
def test_what_stands_for_no_identifier_is_not_cited(nobody: str) -> None:
    """Whatever a program, a tag manager or a shop writes where it has none: a record that it found would speak for all."""
    assert cited({"receipt": nobody, "join": {"order_id": nobody, "client_id": "i"}}) == ((Identifier.CLIENT_ID, "i"),)


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
        {"join": {"clientId": "i"}},
        {"join": {"CART_TOKEN": None, "client_id": "i"}},
        {"join": {"order-id": "1001"}, "receipt": "r-1"},
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
    assert cites(consent) or found == ()
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


def test_whoever_goes_by_records_is_known_by_all_that_finds_them() -> None:
    """Once each; what an older record of the same browser was found by is not among them: it does not count."""
    first, second, third = (PersonKey(f"{n:016x}") for n in range(3))
    records = [
        record(0, keys=(third,), received_at=NOW - 7200, given_at=NOW - 7200),
        record(1, keys=(first, second)),
        record(2, OTHER, keys=(second, OTHER)),
    ]
    found = combine(records, Policy(), NOW)
    assert found is not None
    assert set(found.persons) == {first, second, OTHER}
    assert len(found.persons) == 3


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


# ── which record of a browser counts ─────────────────────────────────────────────────────────────────────────────


def told(at: int, said: Any = ADVERTISING_YES, *, given: int | None = None, **changes: Any) -> Record:
    """A record that came in `at` seconds from now, of a choice made `given` seconds from now."""
    dates: dict[str, Any] = {"received_at": NOW + at, "given_at": NOW + (at if given is None else given)}
    return record(abs(at) + (1 << 40 if said is ADVERTISING_NO else 0), statements=said, **dates, **changes)


def why(*records: Record) -> Refusal | None:
    """Why an order that cites these records is refused, None if it is allowed everywhere."""
    event = RawEvent(kind=Kind.PURCHASE, event_id=EventId("1"), occurred_at=NOW)
    decision = decide(event, Policy(), tuple(Destination), NOW, combine(records, Policy(), NOW))
    return decision.refused[0][1] if decision.refused else None


NO, DENIED = ADVERTISING_NO, Refusal.ADVERTISING_DENIED


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        pytest.param([told(-60), told(-30, NO)], DENIED, id="yes, then no"),
        pytest.param([told(-60, NO), told(-30)], None, id="no, then yes"),
        pytest.param([told(-60), told(-60, NO)], DENIED, id="both in the same second"),
        pytest.param([told(-60, NO), told(-60), told(-10)], None, id="the newest takes the place of both"),
        pytest.param([told(-60), told(-30, NO, given=-5000)], DENIED, id="a later no that is dated by its day"),
        pytest.param([told(-60, NO), told(-30, given=-90)], DENIED, id="a yes that is sent late"),
        pytest.param([told(-9, NO, given=-5), told(-9, given=-5000)], DENIED, id="dated differently"),
        pytest.param([told(-60, withdrawn=True)], Refusal.WITHDRAWN, id="withdrawn"),
        pytest.param([told(-60, withdrawn=True), told(-30)], None, id="withdrawn, then yes"),
    ],
)
def test_where_a_records_place_in_time_is_in_doubt_the_refusal_counts(records: list[Record], expected: Refusal | None) -> None:
    """A record takes the place of another only if it came in later and was decided later; a tool may date by the day alone."""
    assert why(*records) is expected
    assert why(*reversed(records)) is expected


MINE: Final = PersonKey("a" * 16)
"""The key of a receipt; ONE and OTHER are those of client ids."""


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        pytest.param([told(-60, NO, browser=MINE), told(-30, browser=ONE, receipt=MINE)], None, id="no without it, then yes"),
        pytest.param([told(-60, browser=MINE), told(-30, NO, browser=ONE, receipt=MINE)], DENIED, id="yes without it, then no"),
        pytest.param([told(-60, NO, browser=ONE, receipt=MINE), told(-30, browser=MINE)], None, id="no with it, then yes"),
        pytest.param([told(-60, browser=ONE, receipt=MINE), told(-30, NO, browser=MINE)], DENIED, id="yes with it, then no"),
        pytest.param(
            [told(-60, NO, browser=ONE, receipt=MINE), told(-30, browser=OTHER, receipt=MINE)], DENIED, id="two client ids"
        ),
        pytest.param(
            [told(-60, NO, browser=MINE), told(-30, browser=ONE, receipt=MINE), told(-9, browser=ONE, receipt=OTHER)],
            None,
            id="what was taken back once stays so",
        ),
    ],
)
def test_a_browser_is_told_by_its_client_id_else_by_its_receipt(records: list[Record], expected: Refusal | None) -> None:
    """A page may know its client id in one record and not in the next: where one of the two lacks it, the receipt tells."""
    assert why(*records) is expected
    assert why(*reversed(records)) is expected


RECORDS = st.lists(
    st.builds(
        told,
        st.integers(-5, 0),
        st.sampled_from((ADVERTISING_YES, ADVERTISING_NO)),
        browser=st.sampled_from((ONE, OTHER, MINE)),
        receipt=st.sampled_from((None, MINE)),
        given=st.integers(-5, 0),
        withdrawn=st.booleans(),
    ).filter(lambda one: one.browser != one.receipt),
    max_size=6,
)


@given(records=RECORDS, browser=st.sampled_from((ONE, OTHER)))
def test_a_refusal_of_the_present_moment_always_wins(records: list[Record], browser: PersonKey) -> None:
    """Whatever records there are, one more that refuses now makes the answer no."""
    assert why(*records, told(0, ADVERTISING_NO, browser=browser)) is not None


@given(records=RECORDS)
def test_what_all_records_that_count_allow_is_allowed(records: list[Record]) -> None:
    """Held against a plain reading: whatever no other record of its browser beats in both dates is a standing yes."""

    def dates(one: Record) -> tuple[int, int]:
        return one.received_at, one.given_at

    def same_browser(one: Record, other: Record) -> bool:
        if one.receipt is None or other.receipt is None:
            return one.own[-1] == other.own[-1]
        return one.browser == other.browser

    def beaten(one: Record) -> bool:
        others = [dates(other) for other in records if same_browser(one, other) and dates(other) != dates(one)]
        return any(received >= one.received_at and given >= one.given_at for received, given in others)

    standing = [one for one in records if not beaten(one)]
    good = bool(standing) and all(one.statements == ADVERTISING_YES and not one.withdrawn for one in standing)
    assert (why(*records) is None) is good
