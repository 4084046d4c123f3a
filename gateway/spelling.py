"""Names in other letters: `adStorage`, `AD_STORAGE` and ` ad-storage` for `ad_storage`.

JSON takes them for other names, so what stands under them would not be heard, and it may be a no. A yes counts under the exact
name alone. Pure.
"""

import unicodedata
from collections.abc import Iterable
from collections.abc import Set as AbstractSet


def letters_of(name: str) -> str:
    """Give a name's letters and digits alone, in small letters, wide ones as the others."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", name).casefold()))


def misspelt(given: AbstractSet[str], known: frozenset[str]) -> bool:
    """Say whether one of the given names is a known one in other letters."""
    return not given <= known and not _letters(given - known).isdisjoint(_letters(known))


def _letters(names: Iterable[str]) -> set[str]:
    return {letters_of(name) for name in names}
