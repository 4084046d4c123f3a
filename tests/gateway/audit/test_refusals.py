"""Every refusal is put in words, with the platform by its name."""

import pytest

from gateway.audit.advice import in_words
from gateway.audit.refusals import REFUSALS
from gateway.model.words import Destination, Refusal


@pytest.mark.parametrize("refusal", Refusal)
def test_every_refusal_is_put_in_words(refusal: Refusal) -> None:
    """Whoever asks why an event did not go hears it in a sentence, with the platform by its name."""
    said = in_words(Destination.PINTEREST, refusal, None)
    assert said is not None
    assert said.endswith((".", ")."))
    assert "{" not in said


def test_a_line_for_each_reason() -> None:
    """No reason is without words, and no words are left of a reason that is gone."""
    assert set(REFUSALS) == set(Refusal)
