"""The US Privacy string: four characters, and what is missing from them is an opt-out."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.consent.us_privacy import SHAPE, Answer, read


@pytest.mark.parametrize("text", ["1---", "1YNN", "1YNY", "1YN-", "1-NN", "1-N-", "1ynn", "1Ynn"])
def test_who_was_told_and_did_not_opt_out_says_nothing(text: str) -> None:
    """No opt-out is no consent either; and `1---` is of a shop to whose visitor the law does not apply."""
    assert read(text) is Answer.NOTHING


@pytest.mark.parametrize("text", ["1YYN", "1NYN", "1-Y-", "1YYY", "1yyn", "1-y-"])
def test_an_opt_out_is_one_in_either_case(text: str) -> None:
    """`Y` in the third place, as in the specification's second and third example."""
    assert read(text) is Answer.OPTED_OUT


@pytest.mark.parametrize("text", ["1Y-N", "1Y--", "1N--", "1--N", "1--Y"])
def test_no_answer_under_the_law_is_an_opt_out(text: str) -> None:
    """`-` in the third place is for where the law does not apply; beside anything else nobody knows what was chosen."""
    assert read(text) is Answer.OPTED_OUT


@pytest.mark.parametrize(
    "text",
    [
        *("", "1", "1YN", "1YNNN", "2YNN", "0---", "YNN1", "1YXN", "1Y N", " 1YNN", "1YNN ", "1YNN\n", "1YNN."),
        *("\u2160YNN", "\u0661YNN", "1\uff39NN", "1Y\u2010N"),
    ],
)
def test_any_other_text_is_unreadable(text: str) -> None:
    """Another version, length or letter is not guessed at."""
    assert read(text) is Answer.UNREADABLE


@given(st.text(max_size=6) | st.text("1YNyn-", min_size=4, max_size=4))
def test_every_text_has_an_answer(text: str) -> None:
    """Whatever it is, and readable only if it has the shape."""
    assert (read(text) is Answer.UNREADABLE) is (SHAPE.fullmatch(text) is None)


def test_of_all_strings_few_say_nothing() -> None:
    """Of the 27 strings in capitals, ten are no opt-out: `1---`, and those with an `N` in the third place."""
    silent = {text for text in map("".join, product("1", "YN-", "YN-", "YN-")) if read(text) is Answer.NOTHING}
    assert silent == {"1---"} | {f"1{told}N{contract}" for told in "YN-" for contract in "YN-"}
