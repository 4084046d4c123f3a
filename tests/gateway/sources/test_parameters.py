"""Query text: what it says is read once and in one way, or not at all."""

from urllib.parse import parse_qsl, quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.words import Fault
from gateway.sources.fields import Broken
from gateway.sources.parameters import MAX_PARAMETERS, parameters_of, unescaped


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=20), max_size=8))
def test_what_a_browser_writes_is_read_again(said: dict[str, str]) -> None:
    """Names and values written as `encodeURIComponent` does come back as they were."""
    text = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in said.items())
    assert parameters_of(text.encode()) == said


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    """Nothing but Broken is raised, and what is read is what the standard library reads, which takes `+` for a blank."""
    try:
        found = parameters_of(text)
    except Broken as broken:
        assert broken.field == "query"  # noqa: PT017 - both outcomes are right
        return
    ascii_only = "".join(chr(byte) if byte < 0x80 and byte != ord("+") else f"%{byte:02X}" for byte in text)
    assert list(found.items()) == parse_qsl(ascii_only, keep_blank_values=True)


@pytest.mark.parametrize("text", ["gcs=G100&gcs=G111", "gcs=G111&gcs=G111", "gcs=1&%67cs=2", "a&a", "a=&a="])
def test_a_name_that_stands_twice_is_read_in_neither_way(text: str) -> None:
    """However it is written, and also where both values are the same."""
    with pytest.raises(Broken) as broken:
        parameters_of(text.encode())
    assert (broken.value.field, broken.value.fault) == ("query", Fault.DUPLICATE_KEY)


def test_too_many_names_are_an_attack_on_the_clock() -> None:
    """As many as are allowed, and not one more."""
    names = [f"{number}=" for number in range(MAX_PARAMETERS + 1)]
    assert len(parameters_of("&".join(names[:-1]).encode())) == MAX_PARAMETERS
    with pytest.raises(Broken) as broken:
        parameters_of("&".join(names).encode())
    assert broken.value.fault is Fault.TOO_MANY_KEYS


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (b"a%20b", "a b"),
        (b"a+b", "a+b"),
        (b"100%", "100%"),
        (b"%zz", "%zz"),
        (b"%2541", "%41"),
        (b"%C3%A9", "é"),
        (b"%ff", "\ufffd"),
        (b"%ED%A0%80", "\ufffd\ufffd\ufffd"),
    ],
)
def test_percent_encoding_is_undone_once(text: bytes, read: str) -> None:
    """What is no escape stays, and what is no UTF-8 becomes a character that no rule takes."""
    assert unescaped(text) == read


def test_empty_pieces_and_names_without_a_value() -> None:
    """Nothing between two `&` is nothing; a name alone has an empty value; only the first `=` divides."""
    assert parameters_of(b"&a&&b=&c=d=e&") == {"a": "", "b": "", "c": "d=e"}
    assert parameters_of(b"") == {}
