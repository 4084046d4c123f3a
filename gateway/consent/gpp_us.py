"""The American sections of a Global Privacy Platform string, as a table: which fields they have, what each value says.

A section is a core, and for some of them one more segment after a `.`. Fields stand in the order of the specification, two
bits each; 3 is reserved, so a field that holds it makes the section unreadable. What can be said is what refuses; nothing
in such a section is ever a yes:

    an opt-out of sale, sharing or targeted advertising       1 opts out
    consent for sensitive data, a known child, another use    anything but 0, "not applicable": the shop handles data that
                                                              asks for a consent of its own, which nobody here may give

Whether a notice was given, and under which of the industry's contracts the shop works, is for the shop to answer for: a
visitor says nothing by it.

Layouts: https://github.com/InteractiveAdvertisingBureau/Global-Privacy-Platform/tree/main/Sections (read 2026-11-26,
commit b27beb4), and as the IAB Tech Lab's own library writes them (npm, @iabgpp/cmpapi 3.2.0). Both are the same but for
the four youngest states: there the specification, still up for comment, wants a header whose list of segments begins with
0, a number that its Fibonacci code cannot write; the library writes none, and neither do we read any. That
sensitive data and children are never agreed to is how Prebid reads them too:
https://docs.prebid.org/features/mspa-usnat.html (read 2026-11-26). Pure.
"""

from collections.abc import Iterable, Mapping
from enum import Flag, auto
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Final, NamedTuple


class Said(Flag):
    """What a section says, none of it or several things at once."""

    OPTED_OUT = auto()
    GPC = auto()
    """The browser's own opt-out, Global Privacy Control."""
    PROTECTED = auto()
    """Data of a child, sensitive data, or a use that the visitor could not expect."""


NOTHING: Final = Said(0)


class Field(NamedTuple):
    """A field by its name in the specification, and what its values 1 and 2 say; 0 never says anything."""

    name: str
    one: Said = NOTHING
    two: Said = NOTHING


OPTED_OUT, PROTECTED = Said.OPTED_OUT, Said.PROTECTED

# ── fields ───────────────────────────────────────────────────────────────────────────────────────────────────────
#                                                                   1: yes, notice was given       2: no
SHARING_NOTICE: Final = Field("SharingNotice")
PROCESSING_NOTICE: Final = Field("ProcessingNotice")
SALE_NOTICE: Final = Field("SaleOptOutNotice")
SHARING_OUT_NOTICE: Final = Field("SharingOptOutNotice")
TARGETED_NOTICE: Final = Field("TargetedAdvertisingOptOutNotice")
SENSITIVE_NOTICE: Final = Field("SensitiveDataProcessingOptOutNotice")
LIMIT_NOTICE: Final = Field("SensitiveDataLimitUseNotice")
#                                                                   1: opted out                   2: did not
SALE: Final = Field("SaleOptOut", one=OPTED_OUT)
SHARING: Final = Field("SharingOptOut", one=OPTED_OUT)
TARGETED: Final = Field("TargetedAdvertisingOptOut", one=OPTED_OUT)
#                                                                   1: no consent, or opted out    2: consent, or did not
SENSITIVE: Final = Field("SensitiveDataProcessing", one=PROTECTED, two=PROTECTED)
CHILD: Final = Field("KnownChildSensitiveDataConsents", one=PROTECTED, two=PROTECTED)
PERSONAL: Final = Field("PersonalDataConsents", one=PROTECTED, two=PROTECTED)
ADDITIONAL: Final = Field("AdditionalDataProcessingConsent", one=PROTECTED, two=PROTECTED)
#                                                                   1: yes                         2: no
COVERED: Final = Field("MspaCoveredTransaction")
OPT_OUT_MODE: Final = Field("MspaOptOutOptionMode")
SERVICE_PROVIDER: Final = Field("MspaServiceProviderMode")
#                                                                   1: opt-out option mode         2: service provider mode
MSPA_MODE: Final = Field("MspaMode")

MSPA: Final = (COVERED, OPT_OUT_MODE, SERVICE_PROVIDER)


class Core(NamedTuple):
    """A row of two-bit fields as masks over its bits: where what is said stands, one bit a field and value."""

    width: int
    low_bits: int
    says: tuple[tuple[int, Said], ...]

    @classmethod
    def of(cls, fields: Iterable[Field], *, after: int = 6) -> "Core":
        """Lay out `fields` behind a version of `after` bits."""
        row = tuple(fields)
        places = [(field, 2 * (len(row) - 1 - index)) for index, field in enumerate(row)]
        masks = dict.fromkeys((OPTED_OUT, PROTECTED), 0)
        for field, shift in places:
            for said, bit in ((field.one, 1), (field.two, 2)):
                if said:
                    masks[said] |= bit << shift
        return cls(after + 2 * len(row), sum(1 << shift for _, shift in places), tuple((m, s) for s, m in masks.items()))

    def read(self, bits: int) -> Said | None:
        """Say what `bits` say, `width` of them; None if a field holds the reserved 3."""
        if bits & (bits >> 1) & self.low_bits:
            return None
        said = NOTHING
        for mask, what in self.says:
            if bits & mask:
                said |= what
        return said


class Section(NamedTuple):
    """A section: its name, its core by the number in the first six bits, and its other segment, if it may have one."""

    name: str
    cores: Mapping[int, Core]
    more: "Core | Mapping[int, Said] | None"


# ── sections ─────────────────────────────────────────────────────────────────────────────────────────────────────

GPC: Final[Mapping[int, Said]] = {0b010: NOTHING, 0b011: Said.GPC}
"""Three bits: two for the segment's type, 1, and one that is set when the browser opted out."""
GPC_WIDTH: Final = 3
SENSITIVE_MORE: Final = Core.of((SENSITIVE,) * 8, after=0)

MSPA_VERSIONS: Final = range(1, 24)
"""Where the number in front is the agreement's version. From 24 on it would be the header that nobody writes, see above."""


def _national(sensitive: int, child: int) -> Core:
    notices = (SHARING_NOTICE, SALE_NOTICE, SHARING_OUT_NOTICE, TARGETED_NOTICE, SENSITIVE_NOTICE, LIMIT_NOTICE)
    consents = (*(SENSITIVE,) * sensitive, *(CHILD,) * child, PERSONAL)
    return Core.of((*notices, SALE, SHARING, TARGETED, *consents, *MSPA))


def _early(sensitive: int, child: int, *, notice: tuple[Field, ...] = ()) -> Mapping[int, Core]:
    """The layout of the states whose laws came first."""
    notices = (SHARING_NOTICE, SALE_NOTICE, TARGETED_NOTICE, *notice)
    return {1: Core.of((*notices, SALE, TARGETED, *(SENSITIVE,) * sensitive, *(CHILD,) * child, *MSPA))}


def _later(sensitive: int, child: int, *, first: Field = PROCESSING_NOTICE) -> Mapping[int, Core]:
    """The layout of the states that followed."""
    notices = (first, SALE_NOTICE, TARGETED_NOTICE)
    return {1: Core.of((*notices, SALE, TARGETED, *(SENSITIVE,) * sensitive, *(CHILD,) * child, ADDITIONAL, *MSPA))}


def _youngest(*child: Field) -> Mapping[int, Core]:
    """The layout of the states of 2025, with the agreement in front."""
    notices = (PROCESSING_NOTICE, SALE_NOTICE, TARGETED_NOTICE)
    return dict.fromkeys(MSPA_VERSIONS, Core.of((COVERED, MSPA_MODE, *notices, SALE, TARGETED, *child, ADDITIONAL)))


CALIFORNIA: Final = Core.of(
    (SALE_NOTICE, SHARING_OUT_NOTICE, LIMIT_NOTICE, SALE, SHARING, *(SENSITIVE,) * 9, *(CHILD,) * 2, PERSONAL, *MSPA)
)
IOWA: Final = Core.of(
    (PROCESSING_NOTICE, SALE_NOTICE, TARGETED_NOTICE, SENSITIVE_NOTICE, SALE, TARGETED, *(SENSITIVE,) * 8, CHILD, *MSPA)
)

SECTIONS: Final[Mapping[int, Section]] = {
    7: Section("usnat", {1: _national(12, 2), 2: _national(16, 3)}, GPC),
    8: Section("usca", {1: CALIFORNIA}, GPC),
    9: Section("usva", _early(8, 1), None),
    10: Section("usco", _early(7, 1), GPC),
    11: Section("usut", _early(8, 1, notice=(SENSITIVE_NOTICE,)), None),
    12: Section("usct", _early(8, 3), GPC),
    13: Section("usfl", _later(8, 3), None),
    14: Section("usmt", _later(8, 3, first=SHARING_NOTICE), GPC),
    15: Section("usor", _later(11, 3), GPC),
    16: Section("ustx", _later(8, 1), GPC),
    17: Section("usde", _later(9, 5), GPC),
    18: Section("usia", {1: IOWA}, GPC),
    19: Section("usne", _later(8, 1), GPC),
    20: Section("usnh", _later(8, 3), GPC),
    21: Section("usnj", _later(10, 5), GPC),
    22: Section("ustn", _later(8, 1), GPC),
    23: Section("usmn", _later(8, 1), GPC),
    24: Section("usmd", _youngest(), GPC),
    25: Section("usin", _youngest(CHILD), SENSITIVE_MORE),
    26: Section("usky", _youngest(CHILD), SENSITIVE_MORE),
    27: Section("usri", _youngest(CHILD), SENSITIVE_MORE),
}
"""The sections by their number."""

# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────

VALUE: Final = {letter: value for value, letter in enumerate(ascii_uppercase + ascii_lowercase + digits + "-_")}
"""Six bits a character, as base64url has them."""


def read(section: Section, text: str) -> Said | None:
    """Read a section's text; None if it is of another version, too short, or has a reserved value or bits behind the last."""
    first, *more = text.split(".")
    core = section.cores.get(VALUE.get(first[:1], -1))
    if core is None or len(more) > 1:
        return None
    bits = _bits(first, core.width)
    said = None if bits is None else core.read(bits)
    if said is None or not more:
        return said
    also = _read_more(section.more, more[0])
    return None if also is None else said | also


def _read_more(layout: Core | Mapping[int, Said] | None, text: str) -> Said | None:
    """Read a segment behind the core; None if the section has no such one."""
    if isinstance(layout, Core):
        bits = _bits(text, layout.width)
        return None if bits is None else layout.read(bits)
    bits = _bits(text, GPC_WIDTH)
    return None if layout is None or bits is None else layout.get(bits)


def _bits(text: str, width: int) -> int | None:
    """Give the first `width` bits, or None if there are fewer, or others than zeros behind them."""
    characters = -(-width // 6)
    if len(text) < characters or text[characters:].strip("A"):
        return None
    bits = 0
    for character in text[:characters]:
        value = VALUE.get(character)
        if value is None:
            return None
        bits = bits << 6 | value
    padding = 6 * characters - width
    return None if bits & ((1 << padding) - 1) else bits >> padding
