"""A name in other letters is known for what it is."""

import pytest

from gateway.spelling import LONGEST, letters_of, misspelt
from tests.effort import effort

KNOWN = frozenset({"ad_storage", "marketingAllowed"})
WORST = 7.0


@pytest.mark.parametrize(
    "name",
    [
        *("AD_STORAGE", "adStorage", " ad-storage ", "ad.storage", "marketing_allowed", "ad_storage" + " " * LONGEST),
        *("\uff41d_storage", "\U0001d41a\U0001d41d_\ufb06or\xaage", "\u24d0d_\u017ftorage"),
    ],
)
def test_other_letters_are_a_known_name(name: str) -> None:
    """Capitals, other signs between them, letters of another width or style, whatever stands behind the name."""
    assert misspelt({name: 1}.keys(), KNOWN)
    assert misspelt({name: 1, "ad_storage": 1}.keys(), KNOWN)
    assert letters_of(name) in {"adstorage", "marketingallowed"}


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["ad_storage"],
        ["ad_storage", "marketingAllowed"],
        ["storage"],
        ["ad_storage2", ""],
        ["\u00e0d_storage"],
        ["\u0430d_storage"],
    ],
)
def test_the_name_itself_and_other_names_are_none(names: list[str]) -> None:
    """Exactly as it should be, or something else."""
    assert not misspelt(dict.fromkeys(names).keys(), KNOWN)


@pytest.mark.parametrize("sign", ["\ufdfa", "\u3300", "\u249c", "\uff41", "\u0130", "\u0344", "a", "_"])
@pytest.mark.parametrize("length", [16, LONGEST, 1 << 16])
def test_no_names_make_it_slow(sign: str, length: int) -> None:
    """Some signs stand for eighteen letters: the names that a browser's body holds cost little more than parsing numbers."""
    names = {f"{number}{sign * length}": 1 for number in range((1 << 16) // (length * len(sign.encode())) or 1)}
    assert effort(lambda: misspelt(names.keys(), KNOWN)) < WORST
