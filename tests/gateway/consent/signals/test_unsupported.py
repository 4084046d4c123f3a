"""What cannot be read may be a refusal, so it is one."""

import pytest

from gateway.consent.signals import EVIDENCE, KNOWN, READERS, SILENT
from gateway.consent.signals.unsupported import NAMES, read, read_unknown
from gateway.consent.statement import Statement
from gateway.model import Refusal, Signal, State
from tests.gateway.consent.signals.reading import attested

INVALID = (Statement(Signal.UNSUPPORTED, State.INVALID, refusal=Refusal.SIGNAL_UNSUPPORTED),)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", ["", "1YNN", False, 0, [], {}])
def test_a_signal_that_cannot_be_read_refuses(name: str, value: object) -> None:
    """Any value of a declared signal without a reader refuses, an empty one too."""
    assert read({name: value}, attested()) == INVALID


def test_null_says_nothing() -> None:
    """Signals that are null were not sent."""
    assert read(dict.fromkeys(NAMES), attested()) == ()
    assert read_unknown({"heard_of": None}, ["heard_of"]) == ()
    assert read_unknown({"heard_of": 0}, ["heard_of"]) == INVALID


def test_every_key_has_one_meaning() -> None:
    """A key of the consent object is read by a signal, is evidence, or is silent, and never two of them."""
    assert not READERS.keys() & EVIDENCE
    assert not READERS.keys() & SILENT
    assert not EVIDENCE & SILENT
    assert READERS.keys() | EVIDENCE | SILENT == KNOWN
    assert set(NAMES) <= READERS.keys()
