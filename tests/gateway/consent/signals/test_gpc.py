"""Global Privacy Control: an opt-out when set, silence otherwise, in the event and in the header."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.consent.signals.gpc import header_says_so, read
from gateway.consent.statement import Statement
from gateway.model.words import Refusal, Signal, State
from tests.gateway.consent.signals.reading import NO_BOOLEANS, attested


def test_true_opts_out() -> None:
    """`gpc: true` opts out of every destination."""
    assert read({"gpc": True}, attested()) == (Statement(Signal.GPC, State.OPTED_OUT, refusal=Refusal.GPC),)


@pytest.mark.parametrize("value", [False, None])
def test_not_set_says_nothing(value: bool | None) -> None:
    """False and null are no consent: they say nothing at all."""
    assert read({"gpc": value}, attested()) == ()


@pytest.mark.parametrize("value", NO_BOOLEANS)
def test_what_is_no_boolean_refuses(value: object) -> None:
    """`"1"`, `"true"` and the like may have been meant as an opt-out, so they refuse."""
    assert read({"gpc": value}, attested()) == (Statement(Signal.GPC, State.INVALID, refusal=Refusal.GPC_INVALID),)


@pytest.mark.parametrize("values", [["1"], [" 1 "], ["1, 1"], ["1,1"], ["0", "1"], ["0, 1"], ["x,1"]])
def test_the_header_opts_out_when_one_says_so(values: list[str]) -> None:
    """The header `1` opts out, also when it was repeated or joined on its way."""
    assert header_says_so(values)


@pytest.mark.parametrize("values", [[], [""], ["0"], ["true"], ["?1"], ["11"], ["1;x"], ["01"], ["1 1"]])
def test_any_other_header_says_nothing(values: list[str]) -> None:
    """Only `1` has a meaning in the header (https://www.w3.org/TR/gpc/, read 2026-11-22)."""
    assert not header_says_so(values)


@given(st.lists(st.text(max_size=6), max_size=4))
def test_an_opt_out_is_not_lost_among_other_values(values: list[str]) -> None:
    """Whatever else is in the header, a `1` among it opts out."""
    assert header_says_so([*values, "1"])
    assert header_says_so([",".join([*values, "1"])])
