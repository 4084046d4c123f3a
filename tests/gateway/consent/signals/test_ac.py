"""Additional Consent: a yes beside a TC string, a no by itself, whole ids, and nothing that cannot be read."""

import time
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.consent.policy import Policy, TcfRules
from gateway.consent.signals.ac import LONGEST, evaluate, read
from gateway.consent.statement import Statement
from gateway.model.words import Destination, Refusal, Signal, State
from tests.gateway.consent.signals.reading import plain
from tests.iab.writing import GRANT, SHOWN, core, flags, tc
from tests.strategies import DAY, NOW

META, PINTEREST, GOOGLE = Destination
GRANTED = (Statement(Signal.AC, State.GRANTED, (META,)),)
REFUSED = (Statement(Signal.AC, State.DENIED, (META,), Refusal.AC_DENIED),)
UNREADABLE = (Statement(Signal.AC, State.INVALID, (META,), Refusal.AC_INVALID),)


@pytest.mark.parametrize("text", ["2~89~dv.", "2~89~dv", "2~1.89.900~dv.7.9", "2~89.89~dv.890", "1~89", "1~1.89.5"])
def test_a_provider_that_is_consented_to_is_granted(text: str) -> None:
    """In version 2 and in version 1, wherever in the list it stands."""
    assert read({"ac": text, "tcf": GRANT}, plain()) == GRANTED


@pytest.mark.parametrize("text", ["2~~dv.89", "2~1~dv.88.89.90", "2~89~dv.89"])
def test_a_provider_without_consent_is_refused(text: str) -> None:
    """Disclosed, and not consented to; a string that says both says no."""
    assert read({"ac": text, "tcf": GRANT}, plain()) == REFUSED


@pytest.mark.parametrize("text", ["2~~dv.", "2~~dv", "1~", "2~890.8.9.189~dv.898.9", "1~8.9.890"])
def test_a_provider_that_is_nowhere_is_not_spoken_of(text: str) -> None:
    """Only a whole id is an id: 89 is not in 890."""
    assert read({"ac": text, "tcf": GRANT}, plain()) == ()


@pytest.mark.parametrize(
    "tcf",
    [
        None,
        "",
        GRANT[:-3],
        1,
        tc(core()),
        tc(core(consents=[1]), SHOWN),
        tc(core(consents=[7]), SHOWN),
        tc(core(consents=[1], interests=[7]), SHOWN),
        tc(core(last_updated=NOW - 184 * DAY), SHOWN),
        tc(core(last_updated=NOW + 2 * DAY), SHOWN),
    ],
)
def test_a_yes_counts_only_beside_a_usable_tc_string_with_the_purposes(tcf: object) -> None:
    """Providers have no purposes of their own; a no needs no purposes."""
    assert read({"ac": "2~89~dv.", "tcf": tcf}, plain()) == ()
    assert read({"ac": "2~89~dv."}, plain()) == ()
    assert read({"ac": "2~~dv.89", "tcf": tcf}, plain()) == REFUSED


def test_a_yes_does_not_hang_on_googles_vendor() -> None:
    """The TC string's vendors are others than these providers."""
    assert read({"ac": "1~89", "tcf": tc(core(vendors=flags()), SHOWN)}, plain()) == GRANTED


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2",
        "2~",
        "2~89",
        "2~89~",
        "2~89~89",
        "2~89~dv89",
        "2~89~DV.",
        "2~89~dv..9",
        "2~89.~dv.",
        "2~.89~dv.",
        "2~1..89~dv.",
        "2~1,89~dv.",
        "2~89~dv.~",
        "2~89~dv.9\n",
        " 2~89~dv.",
        "2~089~dv.",
        "2~0~dv.",
        "2~-89~dv.",
        "2~\u0668\u0669~dv.",
        "1~89~dv.",
        "1~089",
        "3~89~dv.",
        "89",
        "1",
        True,
        False,
        89,
        [],
        ["2~89~dv."],
        {},
    ],
)
def test_what_cannot_be_read_refuses_those_who_have_a_provider(text: object) -> None:
    """It may have named them among those without consent."""
    assert read({"ac": text, "tcf": GRANT}, plain()) == UNREADABLE
    assert read({"ac": text}, plain()) == UNREADABLE


def test_null_says_nothing() -> None:
    """There was no string."""
    assert read({"ac": None, "tcf": GRANT}, plain()) == ()


def test_providers_are_the_settings() -> None:
    """Each platform by the id that the storefront gives it; without any, nobody is spoken of."""
    rules = TcfRules(providers=MappingProxyType({PINTEREST: 7, GOOGLE: 8}))
    found = evaluate("2~7~dv.8.89", GRANT, plain(policy=Policy(tcf=rules)))
    assert found == (
        Statement(Signal.AC, State.GRANTED, (PINTEREST,)),
        Statement(Signal.AC, State.DENIED, (GOOGLE,), Refusal.AC_DENIED),
    )
    nobody = plain(policy=Policy(tcf=TcfRules(providers=MappingProxyType({}))))
    assert evaluate("2~89~dv.89", GRANT, nobody) == ()
    assert evaluate("nonsense", GRANT, nobody) == ()


def test_a_string_over_the_longest_is_unreadable() -> None:
    """16,384 characters at most."""
    text = "1~89." + "7" * (LONGEST - 5)
    assert read({"ac": text, "tcf": GRANT}, plain()) == GRANTED
    assert read({"ac": text + "7", "tcf": GRANT}, plain()) == UNREADABLE


@given(st.lists(st.integers(1, 3000), max_size=20), st.lists(st.integers(1, 3000), max_size=20), st.sampled_from(("2", "1")))
def test_lists_mean_what_they_say(consented: list[int], refused: list[int], version: str) -> None:
    """A no before a yes, a yes before nothing; version 1 knows no no."""
    yes, no = (".".join(map(str, ids)) for ids in (consented, refused))
    text = f"1~{yes}" if version == "1" else f"2~{yes}~dv.{no}"
    expected = REFUSED if version == "2" and 89 in refused else GRANTED if 89 in consented else ()
    assert evaluate(text, GRANT, plain()) == expected


@given(st.text("0123456789~.dv", max_size=60) | st.text(max_size=20))
def test_any_text_has_an_answer(text: str) -> None:
    """Never an exception."""
    assert evaluate(text, GRANT, plain()) in (GRANTED, REFUSED, UNREADABLE, ())


@pytest.mark.parametrize("text", ["2~" + "1." * 8190, "2~" + "1" * 16_000, "2~" + "1.1" * 5000 + "x", "1~" + "1." * 8000 + "1"])
def test_a_hostile_string_costs_less_than_a_millisecond(text: str) -> None:
    """Sixteen thousand characters that are nearly a list."""
    context, taken = plain(), []
    for _ in range(20):
        begin = time.thread_time()
        evaluate(text, GRANT, context)
        taken.append(time.thread_time() - begin)
    assert min(taken) < 0.001
