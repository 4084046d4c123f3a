"""The American sections: each field of the specification, in its place, with what each value says."""

from typing import Final

import pytest

from gateway.consent.gpp_us import NOTHING, SECTIONS, Said, read
from tests.gateway.consent import gpp_writing as write

LAYOUTS: Final = [(int(key), int(version)) for key, section in write.SPECIFIED.items() for version in section["versions"]]
SAYS: Final = {
    "SaleOptOut": {1: Said.OPTED_OUT},
    "SharingOptOut": {1: Said.OPTED_OUT},
    "TargetedAdvertisingOptOut": {1: Said.OPTED_OUT},
    "SharingNotice": {},
    "ProcessingNotice": {},
    "SaleOptOutNotice": {},
    "SharingOptOutNotice": {},
    "TargetedAdvertisingOptOutNotice": {},
    "SensitiveDataProcessing": {1: Said.PROTECTED, 2: Said.PROTECTED},
    "KnownChildSensitiveDataConsents": {1: Said.PROTECTED, 2: Said.PROTECTED},
    "KnownChildSensitiveDataConsent": {1: Said.PROTECTED, 2: Said.PROTECTED},
    "PersonalDataConsents": {1: Said.PROTECTED, 2: Said.PROTECTED},
    "AdditionalDataProcessingConsent": {1: Said.PROTECTED, 2: Said.PROTECTED},
    "MspaServiceProviderMode": {},
    "MspaMode": {},
    "SensitiveDataProcessingOptOutNotice": {},
    "SensitiveDataOptOutNotice": {},
    "SensitiveDataLimitUseNotice": {},
    "MspaCoveredTransaction": {},
    "MspaOptOutOptionMode": {},
}
"""What the values of each field say, once more; any that is not here says nothing."""

GPC_OFF, GPC_ON = "QA", "YA"


def test_the_table_has_the_sections_of_the_specification() -> None:
    """By number, name and version; versions of the agreement, in front of the youngest, do not change the layout."""
    assert {key: section.name for key, section in SECTIONS.items()} == {
        int(key): section["name"] for key, section in write.SPECIFIED.items()
    }
    for key, section in SECTIONS.items():
        assert set(section.cores) == (set(range(1, 24)) if key > 23 else {v for k, v in LAYOUTS if k == key})
        assert (section.more is None) is (write.SPECIFIED[str(key)]["more"] is None)


@pytest.mark.parametrize(("section", "version"), LAYOUTS)
def test_every_field_is_read_in_its_place(section: int, version: int) -> None:
    """Each value of each field, all others being 0, says what it says and nothing else; 3 is reserved and unreadable."""
    names = write.fields(section, version)
    for place, name in enumerate(names):
        for value in range(4):
            values = [value if at == place else 0 for at in range(len(names))]
            said = read(SECTIONS[section], write.letters(write.core_bits(section, version, values)))
            assert said == (None if value == 3 else SAYS[name].get(value, NOTHING)), (name, value)


@pytest.mark.parametrize(("section", "version"), LAYOUTS)
def test_all_of_it_is_said_at_once(section: int, version: int) -> None:
    """An opt-out and protected data do not hide one another."""
    names = write.fields(section, version)
    ones = read(SECTIONS[section], write.letters(write.core_bits(section, version, [1] * len(names))))
    assert ones == Said.OPTED_OUT | Said.PROTECTED


@pytest.mark.parametrize(("section", "version"), LAYOUTS)
def test_a_core_is_read_to_its_last_bit_and_no_further(section: int, version: int) -> None:
    """A letter less is too short; zeros behind are filling; a set bit behind is a flaw."""
    bits = write.core_bits(section, version, [0] * len(write.fields(section, version)))
    text = write.letters(bits)
    assert read(SECTIONS[section], text) == read(SECTIONS[section], text + "A" * 20) == NOTHING
    assert read(SECTIONS[section], text[:-1]) is None
    assert read(SECTIONS[section], text + "AB") is None
    assert read(SECTIONS[section], write.letters(bits + "0" * (5 - len(bits) % 6) + "1")) is None


@pytest.mark.parametrize(("section", "version"), LAYOUTS)
def test_another_version_is_unreadable(section: int, version: int) -> None:
    """Its fields may stand elsewhere; an earlier one with filling is read. The youngest have the agreement's version there."""
    names = write.fields(section, version)
    for other in range(64):
        core = write.letters(write.number(other, 6) + write.core_bits(section, version, [0] * len(names))[6:])
        readable = 1 <= other < 24 if section > 23 else 1 <= other <= version
        assert (read(SECTIONS[section], core) is not None) is readable, other


@pytest.mark.parametrize("section", list(SECTIONS))
def test_the_browsers_opt_out_stands_in_a_segment_of_its_own(section: int) -> None:
    """For the sections that have one; elsewhere it is a flaw, or, if it is that long, sensitive data."""
    core = write.core(section)
    for more, said in ((GPC_OFF, NOTHING), (GPC_ON, Said.GPC), ("Q", NOTHING), ("Y", Said.GPC), ("YAAAAA", Said.GPC)):
        more_of_it = write.SPECIFIED[str(section)]["more"]
        expected = said if more_of_it == "gpc" else Said.PROTECTED if more_of_it and len(more) > 2 else None
        assert read(SECTIONS[section], f"{core}.{more}") == expected


@pytest.mark.parametrize("more", ["", "A", "I", "g", "w", "4", "QB", "YC", "Z", "c", "YAB"])
def test_a_segment_of_another_kind_is_a_flaw(more: str) -> None:
    """Its type must be 1, and nothing but zeros may follow the bit."""
    assert read(SECTIONS[8], f"{write.core()}.{more}") is None


@pytest.mark.parametrize("section", [25, 26, 27])
def test_sensitive_data_of_the_youngest_stands_in_a_segment_of_its_own(section: int) -> None:
    """Eight values, as elsewhere in the core."""
    core = write.core(section)
    for place in range(8):
        for value in range(4):
            more = write.letters("".join(write.number(value if at == place else 0, 2) for at in range(8)))
            said = {0: NOTHING, 3: None}.get(value, Said.PROTECTED)
            assert read(SECTIONS[section], f"{core}.{more}") == said
    assert read(SECTIONS[section], f"{core}.AA") is None
    assert read(SECTIONS[section], f"{core}.AAB") is None


@pytest.mark.parametrize(
    "text", ["", ".", ".QA", "B", "{core}.", "{core}.QA.QA", "{core}.QA.", "{core}..QA", "{core}é", "é{core}", "{core}.é"]
)
def test_segments_are_neither_missing_nor_too_many(text: str) -> None:
    """A core, and at most one more."""
    assert read(SECTIONS[8], text.replace("{core}", write.core())) is None


def test_national_strings_of_both_versions_are_read() -> None:
    """60 bits and 70 bits; the one is never taken for the other."""
    for version in (1, 2):
        assert read(SECTIONS[7], write.core(7, version, SaleOptOut=1)) == Said.OPTED_OUT
    assert read(SECTIONS[7], "C" + write.core(7, 1)[1:]) is None
