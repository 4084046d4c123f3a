"""The date of consent: too old, from the future or unreadable is no consent."""

import pytest

from gateway.consent.signals.given_at import MAX_AHEAD, read
from gateway.consent.statement import Statement, Statements
from gateway.model.words import Fault, Refusal, Signal, State
from tests.gateway.consent.signals.reading import MAX_AGE, plain
from tests.strategies import NOW

EXPIRED = (Statement(Signal.GIVEN_AT, State.DENIED, refusal=Refusal.CONSENT_EXPIRED),)
IN_FUTURE = (Statement(Signal.GIVEN_AT, State.INVALID, refusal=Refusal.CONSENT_IN_FUTURE),)
INVALID = (Statement(Signal.GIVEN_AT, State.INVALID, refusal=Refusal.GIVEN_AT_INVALID),)


@pytest.mark.parametrize(
    ("given_at", "statements"),
    [
        (None, ()),
        (NOW, ()),
        (NOW - MAX_AGE, ()),
        (NOW - MAX_AGE - 1, EXPIRED),
        (0, EXPIRED),
        (NOW + MAX_AHEAD, ()),
        (NOW + MAX_AHEAD + 1, IN_FUTURE),
        (Fault.BAD_FORMAT, INVALID),
        (Fault.WRONG_TYPE, INVALID),
        (Fault.OUT_OF_RANGE, INVALID),
    ],
)
def test_consent_lasts_its_time_and_no_longer(given_at: int | Fault | None, statements: Statements) -> None:
    """A date within its limits says nothing; outside of them, or unreadable, it refuses everywhere."""
    assert read({"given_at": "as it came"}, plain(given_at=given_at)) == statements


def test_a_date_never_grants() -> None:
    """A fresh date alone is no consent."""
    assert read({"given_at": NOW}, plain(given_at=NOW)) == ()
