"""`gcd`: who said what, what follows of it, and that nothing but the exact shape is read."""

from itertools import pairwise
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Final, NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.consent.signals.gcd import Said, Type, decode, read
from gateway.consent.statement import Statements
from gateway.consent.table import GCD_BOTH_GRANTED, GCD_BOTH_GRANTED_BY_UPDATE, GCD_DENIED, GCD_GPC, GCD_UNREADABLE
from tests.gateway.consent.signals.reading import attested, plain

LETTERS: Final = digits + ascii_lowercase + ascii_uppercase + "-_"

# ── letter by letter ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("letter", "said"),
    [
        ("l", (1, 1, 1)),
        ("p", (1, 2, 1)),
        ("t", (1, 3, 1)),
        ("m", (1, 1, 2)),
        ("n", (1, 1, 3)),
        ("q", (1, 2, 2)),
        ("r", (1, 2, 3)),
        ("u", (1, 3, 2)),
        ("v", (1, 3, 3)),
        ("B", (2, 1, 1)),
        ("R", (3, 1, 1)),
        ("S", (3, 1, 2)),
        ("T", (3, 1, 3)),
    ],
)
def test_each_letter_of_a_type_says_who_said_what(letter: str, said: tuple[int, int, int]) -> None:
    """Declaration, default and update: 1 unset, 2 denied, 3 granted."""
    mode = decode(f"11{letter}1l1l1l5")
    assert mode is not None
    assert mode.calls[Type.AD_STORAGE] == said


@pytest.mark.parametrize(("letter", "implicit"), [("1", Said.UNSET), ("2", Said.DENIED), ("3", Said.GRANTED)])
def test_the_first_letter_of_a_type_says_what_is_implied(letter: str, implicit: Said) -> None:
    """Where nobody says anything, what is implied is in force."""
    mode = decode(f"1{letter}l1l1l1l5")
    assert mode is not None
    assert mode.effective(Type.AD_STORAGE) is implicit


ORIGINS: Final = "".join(LETTERS[delegated << 2 | implicit] for delegated in (0, 12, 13, 14, 15) for implicit in (1, 2, 3))
THREE_STATES: Final = "".join(LETTERS[a << 4 | b << 2 | c] for a in (1, 2, 3) for b in (1, 2, 3) for c in (1, 2, 3))
ALLOWED: Final = {
    0: "1",
    **dict.fromkeys((1, 3, 5, 7), ORIGINS),
    **dict.fromkeys((2, 4, 6, 8, 10), THREE_STATES),
    9: LETTERS[:16],
    11: "".join(LETTERS[used << 2 | state] for used in (0, 1) for state in (1, 2, 3)),
}
"""The letters that may stand at each place."""


@pytest.mark.parametrize("place", range(12))
def test_a_letter_that_cannot_be_at_its_place_refuses(place: int) -> None:
    """Every letter of the alphabet and some beside it, at every place: a pair of bits that is 0 is no state."""
    good = "11l1l1l1l5l1"
    for letter in (*LETTERS, "%", "é", " ", "\ud800"):
        text = good[:place] + letter + good[place + 1 :]
        follows_itself = place in (1, 3, 5, 7) and letter in LETTERS and LETTERS.index(letter) >> 2 == 12 + place // 2
        readable = letter in ALLOWED[place] and not follows_itself
        assert (decode(text) is not None) is readable, text
        assert (read({"gcd": text}, plain()) == GCD_UNREADABLE) is not readable


@pytest.mark.parametrize("text", ["", "1", "11l1l1l1l", "11l1l1l1l5l", "11l1l1l1l5l1l", "11l1l1l1l5\n", 11, True, [], {}])
def test_any_other_length_or_type_refuses(text: object) -> None:
    """Ten or twelve characters of text, no more and no less."""
    assert read({"gcd": text}, attested()) == GCD_UNREADABLE


# ── what is in force ─────────────────────────────────────────────────────────────────────────────────────────────

EXAMPLES: Final[list[tuple[str, str, Statements]]] = [
    ("storage refused, user data granted", "11q1r1r1q5l1", GCD_DENIED),
    ("all denied by default beats what is implied", "13p3p3p3p5l1", GCD_DENIED),
    ("granted after a default of denied", "11r1r1r1r5l1", GCD_BOTH_GRANTED_BY_UPDATE),
    ("granted without a default", "11n1l1n1l5", GCD_BOTH_GRANTED_BY_UPDATE),
    ("granted over a default of granted", "11v1v1v1v5", GCD_BOTH_GRANTED_BY_UPDATE),
    ("granted by default only", "11t1t1t1t5", GCD_BOTH_GRANTED),
    ("one by update, one by default", "11r1r1t1t5", GCD_BOTH_GRANTED),
    ("withdrawn", "11u1u1u1u5", GCD_DENIED),
    ("user data refused", "11r1r1m1r5", GCD_DENIED),
    ("user data not said", "11r1r1l1r5", ()),
    ("nothing said", "11l1l1l1l5", ()),
    ("granted by implication", "13l3l3l3l5", GCD_BOTH_GRANTED),
    ("denied by implication", "12l1l3l1l5", GCD_DENIED),
    ("declared granted", "11R1l1R1l5", GCD_BOTH_GRANTED),
    ("declared denied", "11B1l1r1l5", GCD_DENIED),
    ("declared denied, granted since", "11D1l1r1l5", GCD_BOTH_GRANTED_BY_UPDATE),
    ("user data follows storage, which was granted", "11r1lNl1l5", GCD_BOTH_GRANTED),
    ("user data follows storage, which was refused", "11q1lNl1l5", GCD_DENIED),
    ("what is followed is asked for calls only, not for what it implies", "13l1lNl1l5", ()),
    ("an own answer goes before a followed one", "11q1lNr1l5", GCD_DENIED),
    ("Consent Mode off", "11r1r1r1r1", ()),
    ("Consent Mode off, as most pages have it", "13l3l3l3l1l1", ()),
    ("off, and denied all the same", "11q1r1r1r1", GCD_DENIED),
    ("with Global Privacy Control", "11r1r1r1rd", GCD_BOTH_GRANTED_BY_UPDATE + GCD_GPC),
    ("Global Privacy Control alone", "11l1l1l1l9", GCD_GPC),
    ("the container denies by default", "11l1l1l1l5B6", GCD_DENIED),
    ("the container's default stands in place of the page's", "11t1l1t1l5B5", GCD_DENIED),
    ("unused defaults of the container", "11t1l1t1l5B1", GCD_BOTH_GRANTED),
    ("the container grants by default", "11p1p1p1p5_7", GCD_BOTH_GRANTED),
    ("an update goes before the container's default", "11r1l1r1l5G6", GCD_BOTH_GRANTED_BY_UPDATE),
]


@pytest.mark.parametrize(("text", "rows"), [pytest.param(text, rows, id=says) for says, text, rows in EXAMPLES])
def test_what_is_in_force_decides(text: str, rows: Statements) -> None:
    """Each example, by what it says; a banner changes nothing."""
    assert read({"gcd": text}, plain()) == rows
    assert read({"gcd": text}, attested()) == rows


@pytest.mark.parametrize(
    "text",
    ["1Nr1r1r1r5", "1Vr1rNr1r5", "1Rr1rVrNr5", "11r1r1r_r5", "1xr1r1r1r5"],
    ids=["itself", "each other", "in three steps", "the last itself", "outside"],
)
def test_a_delegation_that_leads_nowhere_refuses(text: str) -> None:
    """In a circle, or to a type that is not in the string."""
    assert decode(text) is None
    assert read({"gcd": text}, plain()) == GCD_UNREADABLE


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("11l1l1l1r5", True),
        ("11l1l1l1v6", True),
        ("11l1l1l1t5", None),
        ("11l1l1l3l5", None),
        ("11l1l1l1l5", None),
        ("11l1l1l1q5", False),
        ("11l1l1l1p5", False),
        ("11l1l1l2l5", False),
        ("11l1l1l1r7", False),
        ("11l1l1l1r1", None),
        ("11l1l1l1l5_6", False),
    ],
)
def test_personalisation_needs_the_visitors_own_yes(text: str, answer: bool | None) -> None:
    """Only an update grants it; a denial in force, or the tag's own setting, refuses it."""
    context = attested()
    read({"gcd": text}, context)
    assert context.personalised is answer


def test_null_says_nothing() -> None:
    """It was not sent."""
    assert read({"gcd": None}, attested()) == ()


# ── against the bits ─────────────────────────────────────────────────────────────────────────────────────────────


class Kind(NamedTuple):
    """A type's twelve bits."""

    delegated: int
    implicit: int
    declare: int
    default: int
    update: int


def oracle(text: str) -> Statements:
    """The rows of a `gcd`, once more and straight from its bits: six for each character, and most of them in pairs."""
    bits = "".join(f"{LETTERS.index(letter):06b}" for letter in text)
    kinds = [Kind(*(int(bits[at + a : at + b], 2) for a, b in pairwise((0, 4, 6, 8, 10, 12)))) for at in (6, 18, 30, 42)]
    extra = [int(bits[a : a + 2], 2) for a in (60, 62, 64, 70)] if len(text) == 12 else []
    used, spare = bits[69:70] == "1", bits[66:69]
    if bits[:6] != "000001" or bits[54:56] != "00" or "1" in spare or 0 in extra or any(0 in kind[1:] for kind in kinds):
        return GCD_UNREADABLE
    goes = {i: kind.delegated - 12 for i, kind in enumerate(kinds) if kind.delegated}
    if any(to < 0 for to in goes.values()) or any(_returns(goes, at) for at in goes):
        return GCD_UNREADABLE

    def asked(i: int) -> list[int]:
        return [kinds[i].update, extra[i] if used else kinds[i].default]

    def force(i: int) -> int:
        chain = [*asked(i), *(asked(goes[i]) if i in goes else []), kinds[i].declare, kinds[i].implicit]
        return next((state for state in chain if state != 1), 1)

    opt_out = GCD_GPC if bits[56] == "1" else ()
    if 2 in (force(0), force(2)):
        return GCD_DENIED + opt_out
    if bits[57] == "0" or (force(0), force(2)) != (3, 3):
        return opt_out
    return (GCD_BOTH_GRANTED_BY_UPDATE if kinds[0].update == kinds[2].update == 3 else GCD_BOTH_GRANTED) + opt_out


def _returns(goes: dict[int, int], start: int) -> bool:
    seen, at = {start}, goes.get(start)
    while at is not None:
        if at in seen:
            return True
        seen.add(at)
        at = goes.get(at)
    return False


@st.composite
def nearly_good(draw: st.DrawFn) -> str:
    """Ten or twelve letters, nine of ten of them such as may stand there."""
    length = draw(st.sampled_from((10, 12)))
    return "".join(draw(st.sampled_from(ALLOWED[place] if draw(st.integers(0, 19)) else LETTERS)) for place in range(length))


@given(nearly_good())
@example("11r1r1r1r5l1")
@example("1Rr1rNr1r5")
def test_any_string_is_read_as_its_bits_say(text: str) -> None:
    """The reader against a second reading of the same layout that shares nothing with it."""
    assert read({"gcd": text}, plain()) == oracle(text)


@given(st.text(alphabet=LETTERS, max_size=13) | st.text(max_size=13))
def test_any_text_is_read_without_an_exception(text: str) -> None:
    """And what is not exactly of the shape refuses."""
    rows = read({"gcd": text}, plain())
    assert rows == (oracle(text) if len(text) in (10, 12) and set(text) <= set(LETTERS) else GCD_UNREADABLE)
