"""The GPP string in an event: an opt-out in any section counts, American sections never grant, what is unreadable refuses."""

from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.consent.decision import Decision, decide
from gateway.consent.gpp_us import SECTIONS
from gateway.consent.policy import Policy, Profile, TcfRules
from gateway.consent.signals.gpp import read
from gateway.consent.signals.tcf import read as read_tcf
from gateway.consent.statement import Context, Statement, Statements
from gateway.model.texts import EventId
from gateway.model.words import Destination, Kind, Refusal, Signal, State, UsState
from gateway.raw import RawEvent
from tests.effort import effort
from tests.gateway.consent import gpp_writing as write
from tests.gateway.consent.signals.reading import MAX_AGE, NO_BOOLEANS, attested, plain
from tests.strategies import DAY, NOW

ALL: Final = tuple(Destination)
META, PINTEREST, GOOGLE = ALL
OPTED_OUT: Final = (Statement(Signal.GPP, State.OPTED_OUT, refusal=Refusal.GPP_OPT_OUT),)
GPC: Final = (Statement(Signal.GPP, State.OPTED_OUT, refusal=Refusal.GPC),)
PROTECTED: Final = (Statement(Signal.GPP, State.DENIED, refusal=Refusal.GPP_PROTECTED),)
UNREADABLE_IN_US: Final = (Statement(Signal.GPP, State.OPTED_OUT, refusal=Refusal.GPP_INVALID),)
UNREADABLE: Final = (*UNREADABLE_IN_US, Statement(Signal.GPP, State.INVALID, refusal=Refusal.GPP_INVALID))
GRANTED: Final = (Statement(Signal.GPP, State.GRANTED, (GOOGLE,)),)
VENDOR_REFUSED: Final = (Statement(Signal.GPP, State.DENIED, (GOOGLE,), Refusal.GPP_OPT_OUT),)

NO_OPT_OUT: Final = "DBABBg~BVoAAABA.QA"
OPT_OUT: Final = "DBABJg~BVkAAEA.QA"
BROKEN: Final = "DBABBg~BVoAAAB"


# ── American sections ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("context", [plain("US"), plain("FR"), attested("US")])
@pytest.mark.parametrize("text", [None, "DBAA", NO_OPT_OUT, write.string({7: write.core(7, 2), 6: "1---"})])
def test_no_opt_out_says_nothing(text: str | None, context: Context) -> None:
    """All 0, or an express "did not opt out": neither is consent, and null was not sent."""
    assert read({"gpp": text}, context) == ()


@pytest.mark.parametrize("number", list(SECTIONS))
def test_an_opt_out_in_any_section_counts(number: int) -> None:
    """Whatever `gpp_sid` says applies, and wherever the visitor is."""
    text = write.string({8: write.core(), number: write.core(number, SaleOptOut=1)})
    for country in ("US", "FR", None):
        assert read({"gpp": text, "gpp_sid": [8 if number != 8 else 7]}, plain(country)) == OPTED_OUT


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("DBABBg~BVUAAABA.YA", OPTED_OUT + GPC),
        ("DBABLA~CVQqAAAAAABA.YA", GPC),
        (OPT_OUT, OPTED_OUT),
        (write.string({6: "1YYN"}), OPTED_OUT),
        (write.string({6: "1Y-N"}), OPTED_OUT),
        (write.string({8: write.core(8, SaleOptOutNotice=2)}), ()),
        (write.string({8: write.core(8, MspaServiceProviderMode=1)}), ()),
        (write.string({8: write.core(8, KnownChildSensitiveDataConsents=2)}), PROTECTED),
        (write.string({8: write.core(8, SensitiveDataProcessing=1)}), PROTECTED),
        (write.string({8: write.core(8, PersonalDataConsents=2)}), PROTECTED),
        (write.string({25: write.core(25, AdditionalDataProcessingConsent=1), 6: "1YYN"}), OPTED_OUT + PROTECTED),
    ],
)
def test_what_sections_say_becomes_statements(text: str, statements: Statements) -> None:
    """Opt-outs of both kinds, and data that asks for a consent of its own."""
    assert read({"gpp": text}, attested("US")) == statements


@pytest.mark.parametrize("value", [*NO_BOOLEANS, True, False, BROKEN, "DBABBg", "1YNN", ["DBAA"]])
def test_what_cannot_be_read_refuses(value: object) -> None:
    """In the United States as an opt-out, elsewhere and where nobody knows as a refusal too."""
    assert read({"gpp": value}, attested("US")) == UNREADABLE_IN_US
    assert read({"gpp": value}, attested("FR")) == read({"gpp": value}, attested(None)) == UNREADABLE


# ── Europe ───────────────────────────────────────────────────────────────────────────────────────────────────────

TC_STRINGS: Final = (
    "CQqU34AQqU34AAfACBENCMFgAP_AAAAAAAqIF5wAQF5gAAAA.IF5wAQF5gA",
    "CQqU34AQqU34AAfACBENCMFgAAAAAAAAAAqIAAAAAAAA.IF5wAQF5gA",
    "CQqU34AQqU34AAfACBENCMFgAP_AAAAAAAqIF5wAQF5gAAAA",
    "CQqU34AQqU34AAfACBENCMFgAP_AAAAAAAqIF5wAQF5gAAA",
    "1YNN",
)
"""With consent, without any, without the vendors that were shown, cut, and none at all."""


@pytest.mark.parametrize("text", TC_STRINGS)
def test_the_european_section_is_a_tc_string(text: str) -> None:
    """It says what the same string says by itself, and an opt-out beside it still counts."""
    alone, inside, beside = plain(), plain(), plain()
    said = read_tcf({"tcf": text}, alone)
    assert said != ()
    assert read({"gpp": write.string({2: text})}, inside) == said
    assert read({"gpp": write.string({2: text, 8: write.core(8, SaleOptOut=1)})}, beside) == OPTED_OUT + said
    assert (inside.chosen_at, inside.personalised) == (alone.chosen_at, alone.personalised)


def test_european_consent_inside_grants() -> None:
    """To Google, by the vendor id that the settings know."""
    assert read({"gpp": write.string({2: TC_STRINGS[0]})}, plain()) == (Statement(Signal.TCF, State.GRANTED, (GOOGLE,)),)


# ── Canada ───────────────────────────────────────────────────────────────────────────────────────────────────────

EXPRESS: Final[dict[str, Any]] = {"express": [1, 7], "vendors": [755], "updated": NOW - DAY}


def canada(context: Context | None = None, more: str = "", **changes: Any) -> Statements:
    """What a Canadian section says; express consent to all that is needed, but for the changes."""
    text = write.string({5: write.canada(**{**EXPRESS, **changes}) + more})
    return read({"gpp": text}, context or plain("CA"))


def test_express_consent_grants_google_and_leaves_its_date() -> None:
    """To purposes 1 and 7 and to vendor 755; it covers no other platform."""
    context = plain("CA")
    assert canada(context) == GRANTED
    assert context.chosen_at == NOW - DAY


@pytest.mark.parametrize(
    ("changes", "statements"),
    [
        ({"express": [1], "implied": [7]}, ()),
        ({"express": [7], "implied": [1]}, ()),
        ({"express": [7]}, ()),
        ({"vendors": [], "implied_vendors": [755]}, ()),
        ({"express": [], "implied": [1, 7], "vendors": [], "implied_vendors": [755]}, ()),
        ({"cmp": 0}, ()),
        ({"cmp": 1}, ()),
        ({"cmp": 2}, GRANTED),
        ({"updated": NOW - MAX_AGE}, GRANTED),
        ({"updated": NOW - MAX_AGE - 1}, ()),
        ({"more": "." + write.disclosed([42])}, ()),
        ({"more": "." + write.disclosed([42, 755])}, GRANTED),
        ({"restrictions": [(7, 2, [755])]}, ()),
        ({"restrictions": [(7, 1, [755])]}, GRANTED),
        ({"restrictions": [(7, 0, [754]), (2, 0, [755])]}, GRANTED),
    ],
)
def test_implied_consent_grants_nothing(changes: dict[str, Any], statements: Statements) -> None:
    """Nor does what is old, made by no registered tool, about a vendor that was not shown, or turned into implied consent."""
    context = plain("CA")
    assert canada(context, **changes) == statements
    assert (context.chosen_at is not None) is (statements == GRANTED)


@pytest.mark.parametrize("changes", [{"express": []}, {"express": [1], "implied": [1, 2]}, {"express": [], "updated": 0}])
def test_neither_express_nor_implied_consent_to_a_purpose_opts_out(changes: dict[str, Any]) -> None:
    """The person objected, or was never asked; however long ago. Purpose 1 is not in use there and says nothing of it."""
    assert canada(**changes) == OPTED_OUT


@pytest.mark.parametrize("changes", [{"vendors": [42]}, {"restrictions": [(7, 0, [755])]}])
def test_who_has_neither_kind_of_consent_for_google_refuses_google(changes: dict[str, Any]) -> None:
    """The vendor was objected to, or the publisher does not allow it the purpose."""
    assert canada(**changes) == VENDOR_REFUSED


def test_a_section_from_the_future_is_unreadable() -> None:
    """A browser's clock may run ahead a day."""
    assert canada(updated=NOW + DAY) == GRANTED
    assert canada(updated=NOW + DAY + 1) == UNREADABLE


def test_purposes_and_vendor_are_the_storefronts_rules() -> None:
    """Without a vendor id, or without a purpose, there is nothing that a person could have agreed to."""
    rules = Policy(tcf=TcfRules(purposes=frozenset({1, 2, 7}), vendors={GOOGLE: 42}))
    assert canada(plain("CA", policy=rules), express=[1, 2, 7], vendors=[42]) == GRANTED
    assert canada(plain("CA", policy=rules)) == OPTED_OUT
    assert canada(plain("CA", policy=Policy(tcf=TcfRules(vendors={})))) == ()
    assert canada(plain("CA", policy=Policy(tcf=TcfRules(purposes=frozenset())))) == ()


# ── the decision ─────────────────────────────────────────────────────────────────────────────────────────────────

MARKETING: Final = {"shopify": {"marketingAllowed": True, "saleOfDataAllowed": True}}
ASKED: Final = frozenset({"FR"})
"""Where a banner asks: nowhere in North America."""


def decided(consent: dict[str, Any], profile: str, country: str | None, region: str | None = None) -> Decision:
    """The decision under a profile for a visitor of a country and region."""
    event = RawEvent(
        kind=Kind.PURCHASE, event_id=EventId("1"), occurred_at=NOW - 60, country=country, region=region, consent=consent
    )
    return decide(event, Policy(profile=Profile(profile), banner_regions=ASKED), ALL, NOW)


REFUSING: Final = (
    {"us_privacy": "1YYN"},
    {"us_privacy": "broken"},
    {"gpp": OPT_OUT},
    {"gpp": BROKEN},
    {"gpp": "DBABLA~CVQqAAAAAABA.YA"},
    {"gpp": write.string({6: "1YYN"})},
)
SILENT: Final = ({"us_privacy": "1YNN"}, {"gpp": NO_OPT_OUT}, {"gpp": "DBAA", "us_privacy": "1---"})
ROWS: Final = [
    # opt-outs and unreadable strings beside an allowance: opt-in, strict, restricted, opt-in everywhere
    *((signals, "strict", "FR", None, "DDD") for signals in REFUSING),
    *((signals, "strict", "US", "CA", "DDD") for signals in REFUSING),
    *((signals, "restricted", "US", "CA", "RRD") for signals in REFUSING),
    *((signals, "opt_in_everywhere", "US", "CA", "DDD") for signals in REFUSING),
    # no opt-out beside an allowance that no banner stands for
    *((signals, "strict", "DE", None, "DDD") for signals in SILENT),
    *((signals, "strict", "US", "CA", "AAA") for signals in SILENT),
    *((signals, "restricted", "US", "CA", "AAA") for signals in SILENT),
    *((signals, "opt_in_everywhere", "US", "CA", "DDD") for signals in SILENT),
    # an opt-out where the state is not known
    *((signals, profile, "US", None, "DDD") for signals in REFUSING for profile in Profile),
    # an opt-out in a state with a law of its own: whether a platform has a mark for it is that platform's to say
    *((signals, "restricted", "US", state.value, "RRD") for signals in REFUSING[:1] for state in UsState),
    *((signals, "restricted", "US", "NY", "DDD") for signals in REFUSING),
]


@pytest.mark.parametrize(("signals", "profile", "country", "region", "fates"), ROWS)
def test_an_allowance_and_an_american_signal(
    signals: dict[str, Any], profile: str, country: str, region: str | None, fates: str
) -> None:
    """For Meta, Pinterest and Google: allowed, dropped, or under restriction marks (A, D, R)."""
    decision = decided({**MARKETING, **signals}, profile, country, region)
    restricted = decision.restricted is not None
    assert "".join("D" if d not in decision.allowed else "R" if restricted else "A" for d in ALL) == fates


@pytest.mark.parametrize("profile", list(Profile))
def test_canadian_consent_is_express_or_none(profile: Profile) -> None:
    """Implied consent sends nothing, express consent goes to Google alone."""
    implied = write.string({5: write.canada(implied=[1, 7], implied_vendors=[755], updated=NOW - DAY)})
    express = write.string({5: write.canada(**EXPRESS)})
    assert decided({"gpp": implied}, profile, "CA").allowed == ()
    assert decided({"gpp": express}, profile, "CA").allowed == (GOOGLE,)
    assert decided({"gpp": express, "gpc": True}, profile, "CA").allowed == ()


@pytest.mark.parametrize("country", ["US", "FR", "CA", None])
@pytest.mark.parametrize("field", ["KnownChildSensitiveDataConsents", "SensitiveDataProcessing", "PersonalDataConsents"])
def test_protected_data_never_leaves(field: str, country: str | None) -> None:
    """Not even with the banner's express yes, in any profile."""
    for value in (1, 2):
        consent = {"advertising": True, "gpp": write.string({8: write.core(8, **{field: value})})}
        for profile in Profile:
            decision = decided(consent, profile, country, "CA" if country == "US" else None)
            assert decision.refused == tuple((d, Refusal.GPP_PROTECTED) for d in ALL)


# ── every text ───────────────────────────────────────────────────────────────────────────────────────────────────


@st.composite
def strings(draw: st.DrawFn, *, canadian: bool = True) -> str:
    """A well-formed string with any sections: American, as plain text, and Canadian if asked for."""
    sections = {
        number: write.letters(write.core_bits(number, 2 if number == 7 else 1, draw(values(number))))
        for number in draw(st.sets(st.sampled_from(list(SECTIONS)), max_size=3))
    }
    if canadian and draw(st.booleans()):
        consented = {name: draw(st.sets(st.integers(1, 10))) for name in ("express", "implied")}
        vendors = {name: draw(st.sets(st.sampled_from([42, 755]))) for name in ("vendors", "implied_vendors")}
        sections[5] = write.canada(**consented, **vendors, updated=NOW - draw(st.integers(-2, 200)) * DAY)
    if draw(st.booleans()):
        sections[6] = draw(st.from_regex("1[YN-]{3}", fullmatch=True))
    return write.string(sections)


def values(number: int) -> st.SearchStrategy[list[int]]:
    """A value for each field of a core."""
    length = len(write.fields(number, 2 if number == 7 else 1))
    return st.lists(st.integers(0, 2), min_size=length, max_size=length)


GARBLE: Final = st.tuples(st.integers(0, 400), st.sampled_from(["", "A", "B", "_", "~", ".", "8", "é"]), st.booleans())


@settings(max_examples=300)
@given(strings(canadian=False), GARBLE, st.sampled_from(["US", "FR", "CA", None]))
def test_garbling_never_grants(text: str, garble: tuple[int, str, bool], country: str | None) -> None:
    """One letter changed, added or lost: an American string is no consent then either."""
    at, letter, replaces = garble
    at %= len(text)
    for each in (text, text[:at] + letter + text[at + replaces :]):
        assert all(s.state not in (State.GRANTED, State.PERMITTED) for s in read({"gpp": each}, attested(country)))


@settings(max_examples=300)
@given(st.text(max_size=60) | strings() | st.text("DBAM~.gYQ1-_", max_size=60), st.sampled_from(["US", "FR", None]))
def test_every_text_has_statements(text: str, country: str | None) -> None:
    """Whatever it is: it never fails, and only Canada's section grants."""
    statements = read({"gpp": text}, attested(country))
    if any(s.state is State.GRANTED for s in statements):
        assert text.startswith("DBA")
        assert statements[-1] == GRANTED[0]


HOSTILE: Final = {
    "filling": f"{write.string({8: write.core()})}".ljust(8192, "A"),
    "sections": ("DBABBg" + "~BVoAAABA" * 1000)[:8192],
    "segments": ("DBABBg~BVoAAABA" + ".QA" * 4000)[:8192],
    "a header of ones": "DB" + "_" * 8190,
    "a header of zeros": "DB__" + "A" * 8188,
    "ranges": write.string({5: write.canada(vendors=range(1, 510, 2), way="fibonacci")}),
    "numbers": write.string({5: write.canada(vendors=range(1, 510, 2), way="integers")}),
    "restrictions": write.string({5: write.canada(restrictions=[(7, 1, range(1, 8, 2))] * 63)}),
    "a field of vendors": write.string({5: write.canada(vendors=range(1, 48_000, 2))}),
    "everything": write.string(
        {number: write.core(number, SaleOptOut=1) for number in SECTIONS} | {5: write.canada(), 6: "1YYN"}
    ),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_text_takes_a_millisecond(text: str) -> None:
    """However it is made: the best of some runs, as other work on the machine is not ours."""
    context = plain("CA")
    assert (
        min(effort(lambda: read({"gpp": text}, context)) for _ in range(5)) < 0.2
    )  # a millisecond, where the fixed piece of work takes five
