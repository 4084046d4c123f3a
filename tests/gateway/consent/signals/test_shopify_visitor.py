"""Shopify's `currentVisitorConsent`: the visitor's own answers in words."""

import pytest

from gateway.consent.signals.shopify_visitor import read
from gateway.consent.table import VISITOR_NO, VISITOR_SALE_NO, VISITOR_UNREADABLE, VISITOR_YES
from tests.gateway.consent.signals.reading import attested, plain


@pytest.mark.parametrize(("word", "rows"), [("yes", VISITOR_YES), ("no", VISITOR_NO), ("", ()), (None, ())])
def test_marketing_is_answered_in_words(word: str | None, rows: object) -> None:
    """`yes` grants, with or without an attested banner, `no` refuses, and no answer says nothing."""
    assert read({"shopify_visitor": {"marketing": word}}, plain()) == rows
    assert read({"shopify_visitor": {"marketing": word, "sale_of_data": "yes"}}, attested("US")) == rows


def test_no_to_the_sale_of_data_opts_out() -> None:
    """Whatever was said of marketing."""
    assert read({"shopify_visitor": {"sale_of_data": "no"}}, plain()) == VISITOR_SALE_NO
    assert read({"shopify_visitor": {"marketing": "yes", "sale_of_data": "no"}}, plain()) == VISITOR_YES + VISITOR_SALE_NO


@pytest.mark.parametrize("name", ["marketing", "sale_of_data"])
@pytest.mark.parametrize("word", ["Yes", "YES", "true", "granted", " yes", True, False, 1, 0, [], ["yes"], {}])
def test_any_other_word_refuses(name: str, word: object) -> None:
    """A word that Shopify does not have may mean no."""
    assert read({"shopify_visitor": {"marketing": "yes", name: word}}, attested()) == VISITOR_UNREADABLE


def test_other_purposes_say_nothing_of_advertising() -> None:
    """Analytics, preferences and what is unknown are about something else."""
    others = {"analytics": "no", "preferences": 7, "unheard_of": "no"}
    assert read({"shopify_visitor": others}, plain()) == ()
    assert read({"shopify_visitor": {**others, "marketing": "yes"}}, plain()) == VISITOR_YES


@pytest.mark.parametrize("value", ["yes", True, ["yes"], 1])
def test_what_is_no_object_refuses(value: object) -> None:
    """An answer without its question."""
    assert read({"shopify_visitor": value}, attested()) == VISITOR_UNREADABLE


def test_null_says_nothing() -> None:
    """It was not sent."""
    assert read({"shopify_visitor": None}, attested()) == ()
