"""`gcs`: four characters, of which one speaks of advertising."""

import itertools

import pytest

from gateway.consent.signals.gcs import read
from gateway.consent.table import GCS_AD_STORAGE_DENIED, GCS_AD_STORAGE_GRANTED, GCS_UNREADABLE
from tests.gateway.consent.signals.reading import attested, plain

ROWS = {"1": GCS_AD_STORAGE_GRANTED, "0": GCS_AD_STORAGE_DENIED, "-": ()}


@pytest.mark.parametrize(("storage", "analytics"), list(itertools.product("10-", repeat=2)))
def test_ad_storage_decides_and_analytics_does_not(storage: str, analytics: str) -> None:
    """Granted permits Google, denied refuses everybody, neither says nothing; a banner makes no grant of it."""
    assert read({"gcs": f"G1{storage}{analytics}"}, plain()) == ROWS[storage]
    assert read({"gcs": f"G1{storage}{analytics}"}, attested()) == ROWS[storage]


@pytest.mark.parametrize(
    "gcs",
    ["", "G1", "G11", "G1111", "G111\n", " G111", "g111", "G211", "G12-", "G1x1", "G\uff1111", "G1\u06611", 111, True, [], {}],
)
def test_any_other_shape_refuses(gcs: object) -> None:
    """A format that changed may say no in a way that nobody knows."""
    assert read({"gcs": gcs}, attested()) == GCS_UNREADABLE


def test_null_says_nothing() -> None:
    """It was not sent."""
    assert read({"gcs": None}, attested()) == ()
