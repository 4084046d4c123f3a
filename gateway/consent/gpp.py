"""Read a Global Privacy Platform string: a header that lists sections by number, and the sections, `~` between them
(https://github.com/InteractiveAdvertisingBureau/Global-Privacy-Platform/blob/main/Core/Consent%20String%20Specification.md
and Sections/Section%20Information.md there, read 2026-11-26).

Reading is strict, because a string that was cut or changed on its way may have held a refusal: the header has its version,
as many numbers as there are sections, in ascending order and so none twice; every section is one that is known and can be
read to its last bit; behind that are zeros or nothing. One flaw anywhere makes the whole unreadable. A section of an unknown
number may hold an opt-out too, so it is a flaw: the price is that a new section needs a new version of this file. Time is
linear in the length, which is limited before the first bit is looked at. Pure.
"""

import re
from typing import Final

import msgspec

from gateway.consent import gpp_canada, gpp_us, us_privacy
from gateway.consent.gpp_bits import GppBits, Runs
from gateway.consent.gpp_canada import Canada
from gateway.consent.gpp_us import NOTHING, SECTIONS, Said

LONGEST: Final = 8_192
"""Characters. A string of all sections together has less than a fourth of that."""

SHAPE: Final = re.compile("[A-Za-z0-9_.~-]+")
HEADER_TYPE: Final = 3
HEADER_VERSION: Final = 1
EUROPE: Final = 2
CANADA: Final = 5
US_PRIVACY: Final = 6


class Gpp(msgspec.Struct, frozen=True, gc=False):
    """What a string holds. `tcf` is the text of its European section, a TC string, that nobody has looked at yet."""

    said: Said = NOTHING
    tcf: str | None = None
    canada: Canada | None = None


def decode(text: str) -> Gpp | None:
    """Read a string; None if any of it cannot be read."""
    if len(text) > LONGEST or SHAPE.fullmatch(text) is None:
        return None
    header, *sections = text.split("~")
    numbers = _numbers(header)
    if numbers is None or len(numbers) != len(sections):
        return None
    return _sections(dict(zip(numbers, sections, strict=True)))


def _numbers(header: str) -> list[int] | None:
    """Read the header; give the numbers of the sections in the order of the sections."""
    if not header or "." in header:
        return None
    bits = GppBits.of(header)
    if (bits.take(6), bits.take(6)) != (HEADER_TYPE, HEADER_VERSION):
        return None
    listed = bits.runs(max(SECTIONS))
    if not bits.read_whole():
        return None
    return [number for first, last in listed.runs for number in range(first, last + 1)] if isinstance(listed, Runs) else []


def _sections(texts: dict[int, str]) -> Gpp | None:
    said, canada = NOTHING, None
    for number, text in texts.items():
        if number == EUROPE:
            continue
        if number == CANADA:
            if (canada := gpp_canada.read(text)) is None:
                return None
            continue
        also = _said(number, text)
        if also is None:
            return None
        said |= also
    return Gpp(said, texts.get(EUROPE), canada)


def _said(number: int, text: str) -> Said | None:
    """Read an American section: a US Privacy string, of capital letters here, or one of the table's."""
    if number == US_PRIVACY:
        return _SAID[us_privacy.read(text) if text == text.upper() else us_privacy.Answer.UNREADABLE]
    section = SECTIONS.get(number)
    return None if section is None else gpp_us.read(section, text)


_SAID: Final = {
    us_privacy.Answer.NOTHING: NOTHING,
    us_privacy.Answer.OPTED_OUT: Said.OPTED_OUT,
    us_privacy.Answer.UNREADABLE: None,
}
