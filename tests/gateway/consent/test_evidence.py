"""Which records an event means, and what several of them say together."""

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.consent.decision import decide
from gateway.consent.evidence import Evidence, Record, cited, cites, combine
from gateway.consent.place import NOWHERE
from gateway.consent.policy import DAY, Policy
from gateway.consent.table import ADVERTISING_NO, ADVERTISING_YES, RECORD_TOO_OLD, RECORD_WITHDRAWN
from gateway.model import Destination, EventId, EvidenceId, Kind, PersonKey, Refusal
from gateway.persons import LONGEST, Identifier
from gateway.raw import RawEvent

NOW: Final = 1_795_000_000
ALL: Final = tuple(Destination)
ANNA, BEN = PersonKey("a" * 16), PersonKey("b" * 16)
YES, NO = ADVERTISING_YES, ADVERTISING_NO


def record(at: int = 0, said: Any = YES, *, browser: PersonKey = ANNA, given: int | None = None, **more: Any) -> Record:
    """A record that came in `at` seconds from now, decided `given` seconds from now."""
    name = EvidenceId(f"{abs(at):04x}{len(said):04x}{'0' * 16}")
    return Record(name, browser, NOW + at, NOW + (at if given is None else given), said, **more)


def why(*records: Record, consent: object = None) -> Refusal | None:
    """Why an order that cites these records is refused, None if it is allowed everywhere."""
    event = RawEvent(kind=Kind.PURCHASE, event_id=EventId("1"), occurred_at=NOW, consent=consent)
    decision = decide(event, Policy(), ALL, NOW, combine(records, Policy(), NOW))
    reasons = {reason for _, reason in decision.refused}
    assert len(reasons) <= 1
    return next(iter(reasons), None)


# ── what is cited ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("consent", "expected"),
    [
        (None, ()),
        ({}, ()),
        ({"receipt": None, "join": None}, ()),
        ({"receipt": " r1 "}, ((Identifier.RECEIPT, "r1"),)),
        ({"join": {"order_id": 1001, "elsewhere": ["x"]}}, ((Identifier.ORDER_ID, "1001"),)),
        ({"join": {}, "receipt": "r"}, ((Identifier.RECEIPT, "r"),)),
        ({"receipt": ""}, None),
        ({"receipt": 7.5}, None),
        ({"receipt": "x" * (LONGEST + 1)}, None),
        ({"join": ["order_id"]}, None),
        ({"join": {"order_id": True}}, None),
        ({"join": {"cart_token": {"a": 1}}}, None),
    ],
)
def test_what_is_cited(consent: object, expected: object) -> None:
    """Text, and numbers for ids; what is not of the form is not a citation that names nothing, it is unreadable."""
    assert cited(consent) == expected
    assert cites(consent) or expected == ()


# ── one browser ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_records_there_is_no_evidence() -> None:
    """No record is no evidence, whatever the policy."""
    assert combine([], Policy(), NOW) is None


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        pytest.param([record(-60)], None, id="yes"),
        pytest.param([record(-60, NO)], Refusal.ADVERTISING_DENIED, id="no"),
        pytest.param([record(-60), record(-30, NO)], Refusal.ADVERTISING_DENIED, id="yes, then no"),
        pytest.param([record(-60, NO), record(-30)], None, id="no, then yes"),
        pytest.param([record(-30), record(-60, NO)], None, id="whatever order they are found in"),
        pytest.param([record(-60), record(-60, NO)], Refusal.ADVERTISING_DENIED, id="both in the same second"),
        pytest.param([record(-60, NO), record(-60), record(-10)], None, id="the newest takes the place of both"),
        pytest.param([record(-60), record(-30, NO, given=-5000)], Refusal.ADVERTISING_DENIED, id="a later no dated by its day"),
        pytest.param([record(-60, NO), record(-30, given=-90)], Refusal.ADVERTISING_DENIED, id="a yes sent late"),
        pytest.param([record(-9, NO, given=-5), record(-9, given=-5000)], Refusal.ADVERTISING_DENIED, id="dated differently"),
    ],
)
def test_of_one_browser_the_latest_counts(records: list[Record], expected: Refusal | None) -> None:
    """The latest by both its dates; where these do not agree, or are the same, both count and a refusal wins."""
    assert why(*records) is expected


def test_a_withdrawn_record_refuses_until_a_newer_one(ago: int = -30) -> None:
    """What was taken back is a refusal; what the same browser says later is heard."""
    taken = record(-60, withdrawn=True)
    assert why(taken) is Refusal.WITHDRAWN
    assert why(taken, record(ago)) is None
    assert combine([taken], Policy(), NOW) == Evidence(taken.id, YES + RECORD_WITHDRAWN, NOW - 60, mentions=(NOWHERE,))


def test_a_record_has_an_age() -> None:
    """Older than consent lasts is a refusal of its own; a second younger is not."""
    old = record(given=-183 * DAY - 1)
    assert why(old) is Refusal.RECORD_EXPIRED
    assert combine([old], Policy(), NOW) == Evidence(old.id, YES + RECORD_TOO_OLD, old.given_at, mentions=(NOWHERE,))
    assert why(record(given=-183 * DAY)) is None


# ── several browsers ─────────────────────────────────────────────────────────────────────────────────────────────


def test_of_several_browsers_all_count() -> None:
    """A refusal in any of them wins, also an older one; the evidence is the newest's, its date the oldest's."""
    anna, ben = record(-60, NO), record(-30, browser=BEN)
    assert why(anna, ben) is Refusal.ADVERTISING_DENIED
    both = combine([record(-60), ben], Policy(), NOW)
    assert both is not None
    assert (both.id, both.given_at, both.statements) == (ben.id, NOW - 60, YES)


@pytest.mark.parametrize(
    ("answers", "together"),
    [((True, None), True), ((True, False), False), ((None, False), False), ((None, None), None), ((True, True), True)],
)
def test_personalised_advertising_is_agreed_on(answers: tuple[bool | None, bool | None], together: bool | None) -> None:
    """A no stands, a yes counts only beside no no."""
    records = [record(personalised=answers[0]), record(personalised=answers[1], browser=BEN)]
    combined = combine(records, Policy(), NOW)
    assert combined is not None
    assert combined.personalised is together


RECORDS: Final = st.lists(
    st.builds(
        record,
        st.integers(-5, 0),
        st.sampled_from((YES, NO)),
        browser=st.sampled_from((ANNA, BEN)),
        given=st.integers(-5, 0),
        withdrawn=st.booleans(),
    ),
    max_size=6,
)


@given(records=RECORDS, refusal=st.sampled_from((ANNA, BEN)))
def test_a_refusal_of_the_present_moment_always_wins(records: list[Record], refusal: PersonKey) -> None:
    """Whatever records there are, one more that refuses now makes the answer no."""
    assert why(*records, record(0, NO, browser=refusal)) is not None


@given(records=RECORDS)
def test_evidence_allows_only_what_some_latest_record_of_each_browser_allows(records: list[Record]) -> None:
    """Held against a plain reading: each browser's undominated records are all a standing yes."""

    def beaten(one: Record) -> bool:
        return any(
            other.browser == one.browser
            and other.received_at >= one.received_at
            and other.given_at >= one.given_at
            and (other.received_at, other.given_at) != (one.received_at, one.given_at)
            for other in records
        )

    standing = [one for one in records if not beaten(one)]
    good = bool(standing) and all(one.statements == YES and not one.withdrawn for one in standing)
    assert (why(*records) is None) is good
