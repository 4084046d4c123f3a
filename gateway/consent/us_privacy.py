"""Read a US Privacy string, for instance `1YNN`: what an American shop asked of a visitor, and what came back.

Four characters: the version, always 1; whether the visitor was told and could opt out; whether the visitor did; whether a
contract of the industry's covers the sale. Each but the first is `Y`, `N` or `-`
(https://github.com/InteractiveAdvertisingBureau/USPrivacy/blob/master/CCPA/US%20Privacy%20String.md, read 2026-11-26).
Deprecated since January 2024 in favour of the Global Privacy Platform, which still carries it as its section 6. Pure.
"""

import re
from enum import Enum, unique
from typing import Final

SHAPE: Final = re.compile("1[YNyn-]{3}")
DOES_NOT_APPLY: Final = "1---"
"""The string of a shop whose visitor is under no such law."""


@unique
class Answer(Enum):
    """What a string says of selling and sharing data."""

    NOTHING = "nothing"
    OPTED_OUT = "opted_out"
    UNREADABLE = "unreadable"


def read(text: str) -> Answer:
    """Read a string, in letters of either case.

    Opted out is also who is under the law without an answer on record: `-` in the third place is for where the law does not
    apply, and there the others are `-` too.
    """
    if SHAPE.fullmatch(text) is None:
        return Answer.UNREADABLE
    if text == DOES_NOT_APPLY:
        return Answer.NOTHING
    return Answer.NOTHING if text[2] in "Nn" else Answer.OPTED_OUT
