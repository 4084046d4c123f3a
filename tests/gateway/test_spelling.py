"""A name in other letters is known for what it is."""

import pytest

from gateway.spelling import letters_of, misspelt

KNOWN = frozenset({"ad_storage", "marketingAllowed"})


@pytest.mark.parametrize(
    "name", ["AD_STORAGE", "adStorage", " ad-storage ", "ad.storage", "\uff41d_storage", "marketing_allowed"]
)
def test_other_letters_are_a_known_name(name: str) -> None:
    """Capitals, other signs between them, wide letters."""
    assert misspelt({name: 1}.keys(), KNOWN)
    assert misspelt({name: 1, "ad_storage": 1}.keys(), KNOWN)
    assert letters_of(name) in {"adstorage", "marketingallowed"}


@pytest.mark.parametrize("names", [[], ["ad_storage"], ["ad_storage", "marketingAllowed"], ["storage"], ["ad_storage2", ""]])
def test_the_name_itself_and_other_names_are_none(names: list[str]) -> None:
    """Exactly as it should be, or something else."""
    assert not misspelt(dict.fromkeys(names).keys(), KNOWN)
