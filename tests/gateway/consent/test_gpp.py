"""A Global Privacy Platform string is read to its last bit or not at all."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.consent.gpp import LONGEST, Gpp, decode
from gateway.consent.gpp_us import NOTHING, SECTIONS, Said
from tests.gateway.consent import gpp_writing as write

EXAMPLES: Final = [
    ("DBABBg~BVoAAABA.QA", Gpp()),
    ("DBABBg~BVUAAABA.YA", Gpp(Said.OPTED_OUT | Said.GPC)),
    ("DBABLA~CVQqAAAAAABA.YA", Gpp(Said.GPC)),
    ("DBABJg~BVkAAEA.QA", Gpp(Said.OPTED_OUT)),
    (
        "DBACNY~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA~1YNN",
        Gpp(tcf="CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA"),
    ),
    ("DBABM~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA", Gpp(tcf="CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA")),
    ("DBAA", Gpp()),
]
"""The first four as npm's @iabgpp/cmpapi 3.2.0 writes them, then those of the specification."""


@pytest.mark.parametrize(("text", "holds"), EXAMPLES)
def test_worked_examples_are_read(text: str, holds: Gpp) -> None:
    """California without and with opt-outs, the whole nation, Colorado, Europe, and a string without sections."""
    assert decode(text) == holds


def test_the_specifications_third_example_is_none() -> None:
    """It puts a European string where it says that a Canadian one is, of version 2 where only 1 exists."""
    assert decode("DBABjw~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA~1YNN") is None


def test_all_sections_are_read_in_one_string() -> None:
    """Each of them alone, and all together: what any of them says is said."""
    everything = {number: write.core(number) for number in SECTIONS} | {2: "anything", 5: write.canada(), 6: "1YNN"}
    for number in everything:
        alone = decode(write.string({number: everything[number]}))
        assert alone is not None
        assert alone.said == NOTHING
    together = decode(write.string(everything))
    assert together is not None
    assert (together.said, together.tcf) == (NOTHING, "anything")
    for number in SECTIONS:
        opted_out = decode(write.string({**everything, number: write.core(number, SaleOptOut=1)}))
        assert opted_out is not None
        assert opted_out.said == Said.OPTED_OUT


@pytest.mark.parametrize(
    ("text", "said"), [("1YNN", NOTHING), ("1---", NOTHING), ("1YYN", Said.OPTED_OUT), ("1Y-N", Said.OPTED_OUT)]
)
def test_the_us_privacy_section_is_read(text: str, said: Said) -> None:
    """As plain text, the one section without encoding."""
    assert decode(write.string({6: text})) == Gpp(said)


@pytest.mark.parametrize("text", ["1ynn", "1YN", "1YNNA", "2YNN", "BVoA", "1YN.N"])
def test_the_us_privacy_section_has_capitals_and_four_places(text: str) -> None:
    """Any other is unreadable, and the whole with it."""
    assert decode(write.string({6: text})) is None


# ── the header ───────────────────────────────────────────────────────────────────────────────────────────────────

CORE: Final = write.core(8)


@pytest.mark.parametrize(
    "header",
    [
        write.header([8], kind=2),
        write.header([8], version=2),
        write.header([]),
        write.header([7, 8]),
        write.header([8])[:-1],
        write.header([8])[:3],
        write.header([8]) + ".QA",
        write.header([8]) + "B",
        write.header([8])[:-1] + "h",
        "",
        "D",
        "DB",
        "DBAB",
    ],
)
def test_the_header_is_of_its_kind_and_lists_what_is_there(header: str) -> None:
    """Type 3, version 1, as many numbers as sections, complete, and nothing but zeros behind."""
    assert decode(f"{write.header([8])}~{CORE}") == Gpp()
    assert decode(f"{header}~{CORE}") is None


def test_filling_behind_the_header_does_not_matter() -> None:
    """Some encoders fill up to whole bytes."""
    assert decode(f"{write.header([8])}AAA~{CORE}") == Gpp()


@pytest.mark.parametrize("number", [1, 3, 4, 28, 29, 63, 1000])
def test_a_section_that_nobody_knows_is_a_flaw(number: int) -> None:
    """It may hold an opt-out, so the whole cannot be read."""
    assert decode(write.string({number: CORE})) is None


def test_numbers_ascend_whatever_the_header_says() -> None:
    """They are written as distances of at least 1, so none can come twice, and huge ranges are not spelt out."""
    huge = "000011000001" + write.number(1, 12) + "1" + write.fibonacci(7) + write.fibonacci(60_000)
    assert decode("~".join([write.letters(huge), CORE])) is None
    assert decode(f"{write.header([7, 8])}~{write.core(7)}~{CORE}") == Gpp()
    assert decode(f"{write.header([7, 8])}~{CORE}~{write.core(7)}") is None


# ── the whole ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        "",
        "~",
        "DBABBg",
        "DBABBg~",
        "DBABBg~~",
        f"DBABBg~{CORE}~",
        f"DBABBg~{CORE}~{CORE}",
        f" DBABBg~{CORE}",
        f"DBABBg~{CORE}\n",
        f"DBABBg~{CORE}=",
        f"DBABBg~{CORE}+",
        f"DBABBg,{CORE}",
        f"DBABBg~{CORE}é",
        CORE,
        "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA",
        "1YNN",
    ],
)
def test_no_other_text_is_a_string(text: str) -> None:
    """Empty, without its sections or with too many, in another alphabet, or of another kind."""
    assert decode(text) is None


def test_one_flaw_anywhere_makes_all_of_it_unreadable() -> None:
    """A good section beside a bad one is not taken alone: the bad one may have held a refusal."""
    assert decode(write.string({7: write.core(7), 8: CORE[:-1]})) is None
    assert decode(write.string({2: "anything", 5: "B"})) is None


def test_length_is_limited_before_anything_is_read() -> None:
    """Zeros behind a section are filling; too many of them are not looked at."""
    filled = f"DBABBg~{CORE}".ljust(LONGEST, "A")
    assert decode(filled) == Gpp()
    assert decode(filled + "A") is None


@given(st.text(max_size=40) | st.text("DBAM~.gYQ1-_", max_size=40))
def test_any_text_is_read_or_not(text: str) -> None:
    """There is no text that makes it fail."""
    assert decode(text) is None or isinstance(decode(text), Gpp)


@given(st.sets(st.sampled_from(list(SECTIONS)), min_size=1, max_size=4), st.data())
def test_a_cut_string_is_unreadable_or_loses_nothing(numbers: set[int], data: st.DataObject) -> None:
    """Wherever it is cut, an opt-out is never lost: either nothing can be read, or it is still said."""
    text = write.string({number: write.core(number, SaleOptOut=1) for number in numbers})
    cut = decode(text[: data.draw(st.integers(0, len(text) - 1))])
    assert cut is None or Said.OPTED_OUT in cut.said
