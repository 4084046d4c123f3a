"""A secret does not print, cannot break a header, and is compared whole."""

import copy
import pickle

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.secret import BadSecret, Document, Secret, one_line

CANARY = "tok-canary-93b1"


def test_reveals_its_text_on_request() -> None:
    """The text comes out through `reveal`, unchanged."""
    assert Secret(CANARY).reveal() == CANARY


@pytest.mark.parametrize("show", [repr, str, "{}".format, "%s".__mod__, lambda secret: f"{secret!r:>40}", lambda s: str([s])])
def test_does_not_print(show: object) -> None:
    """No way of turning it into text shows any of it, nor its length."""
    assert callable(show)
    shown = show(Secret(CANARY))
    assert "canary" not in shown
    assert shown == show(Secret("x"))


@given(st.text(max_size=30))
def test_is_born_only_if_it_fits_a_header(text: str) -> None:
    """Whatever could break out of a header line is refused, with a message that does not repeat it."""
    fits = text != "" and all("!" <= letter <= "~" for letter in text)
    if fits:
        assert Secret(text).reveal() == text
        return
    with pytest.raises(ValueError, match="visible ASCII") as caught:
        Secret(text)
    assert str(caught.value) == "a secret must be 1 to 8192 visible ASCII characters without blanks or line breaks"


@pytest.mark.parametrize("text", ["", "a b", "a\r\nX-Other: 1", "tök", "x" * 8193, "a\n"])
def test_refuses_what_breaks_headers(text: str) -> None:
    """Blanks, line breaks, other alphabets, nothing, and too much are refused."""
    with pytest.raises(ValueError, match="a secret must be"):
        Secret(text)


def test_compares_by_text() -> None:
    """Two secrets are equal when their texts are; a secret equals no bare text."""
    assert Secret(CANARY) == Secret(CANARY)
    assert Secret(CANARY) != Secret(CANARY + "x")
    assert Secret(CANARY) != CANARY


def test_is_not_copied_into_the_clear() -> None:
    """It is neither pickled nor written as JSON nor hashed; a copy is itself."""
    secret = Secret(CANARY)
    with pytest.raises(TypeError, match="not serialised"):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        orjson.dumps(secret)
    with pytest.raises(TypeError):
        hash(secret)
    assert copy.copy(secret) is copy.deepcopy(secret) is secret


def test_a_document_is_as_silent_as_a_secret() -> None:
    """It may have several lines, prints as nothing, is compared by its text and never copied into the clear."""
    document = Document(f'{{\n\t"key": "{CANARY}"\r\n}}')
    assert CANARY in document.reveal()
    for shown in (repr(document), str(document), f"{document}", f"{[document]!r}"):
        assert "canary" not in shown
    assert document == Document(document.reveal())
    assert document != Document(CANARY)
    with pytest.raises(TypeError, match="not serialised"):
        pickle.dumps(document)
    assert copy.copy(document) is copy.deepcopy(document) is document


@pytest.mark.parametrize("text", ["", "tök", "a\0b", "x" * 65_537, "\x1b[2J"])
def test_a_document_is_printable_text_in_lines(text: str) -> None:
    """Nothing else is a key file."""
    with pytest.raises(ValueError, match="a secret document must be") as caught:
        Document(text)
    assert str(caught.value) == Document.RULE


def test_a_document_is_no_secret() -> None:
    """One cannot pass for the other, though their texts are the same."""
    assert Document("x") != Secret("x")
    assert Secret("x") != Document("x")


def test_one_line_is_read_and_several_are_not() -> None:
    """The rule is named, and nothing of the text."""
    assert one_line(Document(CANARY)) == Secret(CANARY)
    with pytest.raises(BadSecret, match="in one line") as caught:
        one_line(Document(f"{CANARY}\n{CANARY}"))
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None
