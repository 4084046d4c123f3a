"""Words are the text that they are."""

from gateway.model.words import Destination, Kind, Reason, Refusal, Remark


def test_words_hash_as_the_text_they_are() -> None:
    """A closed word finds its place in a table under its text, so it can be read from stored text."""
    for word in (*Kind, *Destination, *Refusal, *Reason):
        assert hash(word) == hash(word.value)
        assert {word.value: 1}[word] == 1


def test_remarks_fit_one_bit_each() -> None:
    """Every remark has a bit of its own, counted from nought without a gap."""
    assert sorted(Remark) == list(range(len(Remark)))
