"""Citing a record says nothing by itself; citing in a form that cannot be read refuses."""

import pytest

from gateway.consent.signals.citation import read
from gateway.consent.table import CITATION_UNREADABLE
from tests.gateway.consent.signals.reading import plain


@pytest.mark.parametrize("consent", [{"receipt": "r-1"}, {"join": {"order_id": "1001"}}, {"receipt": None}, {"join": {}}])
def test_a_citation_says_nothing(consent: dict[str, object]) -> None:
    """The record that is found speaks, not the finding."""
    assert read(consent, plain()) == ()


@pytest.mark.parametrize("consent", [{"receipt": 7.5}, {"receipt": ""}, {"join": "1001"}, {"join": {"cart_token": []}}])
def test_what_cannot_be_read_refuses(consent: dict[str, object]) -> None:
    """Which record is meant cannot be told."""
    assert read(consent, plain()) == CITATION_UNREADABLE
