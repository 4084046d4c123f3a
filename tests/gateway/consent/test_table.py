"""The rows of the table: each says what it says of whom, and every reason of a consent signal is some row's."""

from collections.abc import Iterator, Mapping

from gateway.consent import table
from gateway.consent.statement import EVERYWHERE, Statement
from gateway.model.words import Destination, Refusal, Signal, State

UNFIT = frozenset(
    {
        Refusal.TEST_ORDER,
        Refusal.CANCELLED_ORDER,
        Refusal.POS_ORDER,
        Refusal.DRAFT_ORDER,
        Refusal.RENEWAL_ORDER,
        Refusal.OTHER_CHANNEL,
    }
)
"""Reasons that are about an order, and not about anybody's consent."""

AGAINST = frozenset({State.DENIED, State.INVALID, State.OPTED_OUT})


def rows() -> Iterator[tuple[str, Statement]]:
    """Every statement that the table has, with the name of its row."""
    for name, value in vars(table).items():
        if not name.isupper():
            continue
        for row in value.values() if isinstance(value, Mapping) else (value,):
            if isinstance(row, tuple) and row and all(isinstance(part, Statement) for part in row):
                yield from ((name, statement) for statement in row)
    yield from (("ac_unreadable", statement) for statement in table.ac_unreadable((Destination.META,)))


ROWS = list(rows())


def test_the_table_is_found() -> None:
    """What these tests look at is the whole table, not a part of it."""
    assert len(ROWS) > 100


def test_what_decides_against_has_a_reason_and_what_allows_has_none() -> None:
    """A refusal without a reason could not be explained; a permission with one would be a riddle."""
    for name, statement in ROWS:
        assert (statement.refusal is not None) is (statement.state in AGAINST), name


def test_every_row_covers_somebody() -> None:
    """A row about nobody would look like an answer."""
    assert all(statement.covers for _, statement in ROWS)


def test_unreadable_signals_refuse_everybody_they_may_speak_of() -> None:
    """What cannot be read may be a refusal for all; only what names a platform, or a list of some, is about those alone."""
    about_some = {"VENDOR_UNREADABLE", "ac_unreadable"}
    for name, statement in ROWS:
        if statement.state is State.INVALID and name not in about_some:
            assert statement.covers == EVERYWHERE, name


def test_only_a_choice_for_everybody_grants_everybody() -> None:
    """Consent Mode, TCF and AC name a vendor; the shop's own banner, Shopify and a consent tool's category name all."""
    for name, statement in ROWS:
        if statement.state is State.GRANTED and statement.covers == EVERYWHERE:
            assert statement.signal in {Signal.ADVERTISING, Signal.SHOPIFY, Signal.SHOPIFY_VISITOR, *table.TOOLS}, name


def test_every_signal_and_reason_of_consent_is_in_the_table() -> None:
    """A signal without a row says nothing, a reason without a row is never given."""
    elsewhere = {
        Refusal.NO_CONSENT,
        Refusal.NO_EXPLICIT_GRANT,
        Refusal.NO_CONSENT_RECORD,
        Refusal.NO_IDENTITY,
        Refusal.NOT_ENABLED,
        Refusal.REFUNDED,
        Refusal.RESTRICTION_UNSUPPORTED,
        *UNFIT,
    }
    assert {statement.signal for _, statement in ROWS} == set(Signal)
    assert {statement.refusal for _, statement in ROWS} - {None} == set(Refusal) - elsewhere
