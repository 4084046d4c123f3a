"""From a choice to rows of the table: whoever chose what and when, in one place."""

import pytest

from gateway.consent import table
from gateway.consent.cmp.choice import MAX_AHEAD, NOTHING, Choice, statements
from gateway.model.words import Destination, Signal
from tests.gateway.consent.signals.reading import MAX_AGE, plain
from tests.strategies import DAY, NOW

META, PINTEREST, GOOGLE = Destination
TOOL = Signal.DIDOMI
YES = table.CMP_YES[TOOL]


def test_an_explicit_yes_grants_and_an_implied_one_permits() -> None:
    """Only what the visitor did is a grant; what a tool made of silence is a permission."""
    assert statements(TOOL, Choice(marketing=True, explicit=True), plain()) == YES
    assert statements(TOOL, Choice(marketing=True), plain()) == table.CMP_IMPLIED_YES[TOOL]


@pytest.mark.parametrize("explicit", [True, False])
@pytest.mark.parametrize("chosen_at", [None, NOW, NOW - 400 * DAY, NOW + 400 * DAY])
def test_a_no_refuses_however_it_was_given_and_whenever(explicit: bool, chosen_at: int | None) -> None:
    """A refusal needs no proof and does not lapse, and a platform's yes beside it does not help."""
    choice = Choice(marketing=False, explicit=explicit, vendors=((META, True),), chosen_at=chosen_at)
    assert statements(TOOL, choice, plain()) == table.CMP_NO[TOOL]


def test_what_cannot_be_read_refuses() -> None:
    """A cookie that nobody can read may be a refusal."""
    assert statements(TOOL, None, plain()) == table.CMP_UNREADABLE[TOOL]


def test_nothing_chosen_is_nothing_said() -> None:
    """No choice contributes nothing, and has no date."""
    context = plain()
    assert statements(TOOL, NOTHING, context) == ()
    assert statements(TOOL, Choice(explicit=True, chosen_at=NOW - 5), context) == ()
    assert context.chosen_at is None


def test_answers_about_a_platform_cover_that_platform() -> None:
    """A yes grants one and a no refuses one; refusals come first, so that they are the reason."""
    choice = Choice(explicit=True, vendors=((GOOGLE, True), (META, False)))
    assert statements(TOOL, choice, plain()) == table.CMP_VENDOR_NO[TOOL, META] + table.CMP_VENDOR_YES[TOOL, GOOGLE]


def test_a_platforms_yes_that_nobody_gave_is_nothing() -> None:
    """Implied answers about one platform grant nothing; implied refusals refuse."""
    choice = Choice(vendors=((GOOGLE, True), (META, False)))
    assert statements(TOOL, choice, plain()) == table.CMP_VENDOR_NO[TOOL, META]


def test_the_tools_note_of_the_browsers_opt_out_opts_out() -> None:
    """Whatever was chosen beside it."""
    for marketing, rows in ((True, YES), (False, table.CMP_NO[TOOL]), (None, ())):
        choice = Choice(marketing, explicit=True, gpc=True)
        assert statements(TOOL, choice, plain()) == rows + table.CMP_GPC[TOOL]


@pytest.mark.parametrize(
    ("chosen_at", "rows"),
    [
        (NOW - MAX_AGE, YES),
        (NOW - MAX_AGE - 1, table.CMP_TOO_LONG_AGO[TOOL]),
        (NOW + MAX_AHEAD, YES),
        (NOW + MAX_AHEAD + 1, table.CMP_IN_FUTURE[TOOL]),
        (-1, table.CMP_TOO_LONG_AGO[TOOL]),
    ],
)
@pytest.mark.parametrize("vendors", [(), ((META, True),)])
def test_a_yes_counts_for_as_long_as_consent_lasts(
    chosen_at: int, rows: object, vendors: tuple[tuple[Destination, bool], ...]
) -> None:
    """To the second: 183 days back and a day ahead, for a platform's yes as for that to all."""
    choice = Choice(marketing=None if vendors else True, explicit=True, vendors=vendors, chosen_at=chosen_at)
    expected = table.CMP_VENDOR_YES[TOOL, META] if vendors and rows is YES else rows
    assert statements(TOOL, choice, plain()) == expected


def test_an_old_permission_is_none() -> None:
    """An implied yes lapses like an explicit one."""
    assert statements(TOOL, Choice(marketing=True, chosen_at=NOW - MAX_AGE - 1), plain()) == table.CMP_TOO_LONG_AGO[TOOL]


def test_the_context_is_told_when_a_yes_was_given() -> None:
    """So that the consent's age is looked at again before sending; a refusal and a date from the future tell nothing."""
    for choice, told in (
        (Choice(marketing=True, explicit=True, chosen_at=NOW - 7), NOW - 7),
        (Choice(explicit=True, vendors=((META, True),), chosen_at=NOW - 7), NOW - 7),
        (Choice(marketing=False, explicit=True, chosen_at=NOW - 7), None),
        (Choice(marketing=True, explicit=True, chosen_at=NOW + MAX_AHEAD + 1), None),
        (Choice(marketing=True, explicit=True), None),
    ):
        context = plain()
        statements(TOOL, choice, context)
        assert context.chosen_at == told
