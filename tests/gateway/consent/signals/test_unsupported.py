"""What cannot be read may be a refusal, so it is one."""

import pytest

from gateway.consent.signals import EVIDENCE, KNOWN, READERS, SILENT
from gateway.consent.signals.unsupported import read_unknown
from gateway.consent.statement import Statement
from gateway.model.words import Refusal, Signal, State

INVALID = (Statement(Signal.UNSUPPORTED, State.INVALID, refusal=Refusal.SIGNAL_UNSUPPORTED),)


@pytest.mark.parametrize("value", ["", "1YNN", False, 0, [], {}])
def test_a_key_that_nobody_knows_refuses(value: object) -> None:
    """Whatever its value, an empty one too."""
    assert read_unknown({"heard_of": value}, ["heard_of"]) == INVALID


def test_null_says_nothing() -> None:
    """A key that is null was not sent."""
    assert read_unknown({"heard_of": None}, ["heard_of"]) == ()


def test_every_key_has_one_meaning() -> None:
    """A key of the consent object is read by a signal, is evidence, or is silent, and never two of them."""
    assert not READERS.keys() & EVIDENCE
    assert not READERS.keys() & SILENT
    assert not EVIDENCE & SILENT
    assert READERS.keys() | EVIDENCE | SILENT == KNOWN
