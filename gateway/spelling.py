"""Names in other letters: `adStorage`, `AD_STORAGE` and ` ad-storage` for `ad_storage`.

JSON takes them for other names, so what stands under them would not be heard, and it may be a no. A yes counts under the exact
name alone. Pure.
"""

import re
import unicodedata
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Final

LONGEST: Final = 64
"""Characters of a name that are looked at: no name of ours is half as long, whatever stands between its letters."""

_foreign: Final = re.compile(
    r"[^\W_0-9A-Za-z\xaa\xba\u0130\u017f\u1d2c-\u1d6a\u2070-\u214f\u2160-\u217f\u2460-\u24ff\ufb00-\ufb06\uff10-\uff5a"
    r"\U0001d400-\U0001d7ff\U0001f100-\U0001f1ff]|[\u3200-\u33ff]"
).search
"""A letter, or a sign made of some, that is none of ours in another width or style: some stand for eighteen letters
(https://www.unicode.org/reports/tr15/, read 2026-11-27)."""
_signs: Final = re.compile(r"[\W_]+").sub


def letters_of(name: str) -> str:
    """Give a name's letters and digits alone, in small letters, wide ones as the others; nothing where one is foreign."""
    name = name[:LONGEST]
    if not name.isascii():
        if _foreign(name):
            return ""
        name = unicodedata.normalize("NFKC", name)
    return _signs("", name.casefold())


def misspelt(given: AbstractSet[str], known: frozenset[str]) -> bool:
    """Say whether one of the given names is a known one in other letters."""
    return not given <= known and not _letters(given - known).isdisjoint(_letters(known))


def _letters(names: Iterable[str]) -> set[str]:
    return {letters_of(name) for name in names}
