"""What a platform says later is counted whole, and says whether something is not set up."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.delivery.afterwards import (
    DAY_SECONDS,
    MOST_CODES,
    OTHER,
    bounded,
    given_up,
    in_order,
    last_word,
    misconfigured,
    wait,
)
from gateway.delivery.backoff import Pace
from gateway.model.texts import PlatformCode, Receipt
from gateway.model.words import Processing
from gateway.outbox.work import Inquiry, Outcomes
from tests.gateway.delivery.scene import LANE, NOW

PACE = Pace()
CODE, OTHER_CODE = PlatformCode("TOO_OLD"), PlatformCode("TERMS_NOT_SIGNED")
USED, PENDING = (Processing.USED, None, 3), (Processing.PENDING, None, 2)
NOT_USED = (Processing.NOT_USED, CODE, 1)
WRONG = (Processing.MISCONFIGURED, OTHER_CODE, 1)

OUTCOMES: st.SearchStrategy[Outcomes] = st.lists(
    st.tuples(
        st.sampled_from([processing for processing in Processing if processing is not Processing.UNTOLD]),
        st.none() | st.sampled_from([CODE, OTHER_CODE]),
        st.integers(1, 50),
    ),
    max_size=6,
).map(tuple)


@pytest.mark.parametrize(("tries", "longest"), [(0, 1800), (1, 3600), (2, 7200), (3, 14_400), (4, 21_600), (99, 21_600)])
def test_waits_double_up_to_a_cap(tries: int, longest: float) -> None:
    """Half an hour, then ever more rarely; the dice take up to a quarter off, so that lanes do not ask in step."""
    assert wait(PACE, tries, 1.0) == longest
    assert wait(PACE, tries, 0.0) == longest * 0.75


def test_a_request_is_given_up_after_seven_days() -> None:
    """Not a second before, and as many days as the settings say."""
    inquiry = Inquiry(LANE, 1, Receipt("r"), 5, NOW)
    assert not given_up(inquiry, PACE, NOW + 7 * DAY_SECONDS)
    assert given_up(inquiry, PACE, NOW + 7 * DAY_SECONDS + 1)
    assert given_up(inquiry, msgspec.structs.replace(PACE, inquiry_give_up_days=0.5), NOW + DAY_SECONDS // 2 + 1)


@pytest.mark.parametrize(
    ("said", "events", "word"),
    [
        ((USED, NOT_USED), 4, (USED, NOT_USED)),
        ((USED,), 4, (USED, (Processing.UNTOLD, None, 1))),
        ((USED, PENDING), 5, (USED, (Processing.UNTOLD, None, 2))),
        ((), 5, ((Processing.UNTOLD, None, 5),)),
    ],
)
def test_the_last_word_leaves_nothing_open(said: Outcomes, events: int, word: Outcomes) -> None:
    """What is pending when it is said, or was never spoken of, is untold."""
    assert last_word(said, events) == word


@given(OUTCOMES, st.integers(0, 50))
def test_the_last_word_is_of_every_event_once(said: Outcomes, more: int) -> None:
    """Whatever was said, the sum is the request's events, and nothing of it is lost or pending."""
    events = sum(count for _, _, count in said) + more
    word = last_word(said, events)
    assert sum(count for _, _, count in word) == events
    assert not any(processing is Processing.PENDING for processing, _, _ in word)
    assert [one for one in word if one[0] is not Processing.UNTOLD] == [one for one in said if one[0] is not Processing.PENDING]


def test_codes_are_kept_apart_only_up_to_a_number() -> None:
    """A platform that invents codes fills neither the books nor the metrics; counts stay."""
    few = {PlatformCode(f"C{n}") for n in range(MOST_CODES - 1)}
    assert bounded((NOT_USED,), few) == (NOT_USED,)
    many = few | {PlatformCode("LAST")}
    assert bounded((NOT_USED, USED), many) == ((Processing.NOT_USED, OTHER, 1), USED)
    assert bounded((NOT_USED,), few | {CODE}) == (NOT_USED,)


@pytest.mark.parametrize(
    ("outcomes", "found", "mended"),
    [
        ((), (False, None), False),
        ((USED,), (False, None), True),
        (((Processing.DUPLICATE, None, 1),), (False, None), True),
        ((NOT_USED, PENDING), (False, None), False),
        ((WRONG, USED), (True, OTHER_CODE), True),
        (((Processing.MISCONFIGURED, None, 1),), (True, None), False),
    ],
)
def test_a_word_shows_whether_something_is_not_set_up(
    outcomes: Outcomes, found: tuple[bool, PlatformCode | None], mended: bool
) -> None:
    """Events of no use say nothing of the set-up; those that were used do."""
    assert misconfigured(outcomes) == found
    assert in_order(outcomes) is mended
