"""The encodings of cookies: undone once and strictly, never with an exception, in linear time."""

import json
from base64 import b64encode
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.consent.cmp.decoding import LONGEST, base64_object, json_object, moment, percent_decoded, texts
from tests.effort import effort
from tests.strategies import NOW


@given(st.text())
def test_what_was_encoded_comes_back(text: str) -> None:
    """Percent-encoding of any text is undone; once, so an encoded encoding stays one."""
    assert percent_decoded(quote(text, safe="")) == text
    assert percent_decoded(quote(quote(text, safe=""), safe="")) == quote(text, safe="")


@pytest.mark.parametrize("text", ["%", "a%", "%4", "%4g", "%zz", "%%41", "%C3", "%ff", "%ED%A0%80", "%u0041", "\ud800%41"])
def test_a_broken_escape_makes_the_text_unreadable(text: str) -> None:
    """A `%` that begins no escape, bytes that are no UTF-8, half a surrogate pair."""
    assert percent_decoded(text) is None


def test_plus_stays_plus() -> None:
    """A cookie is no form: base64 has the plus sign in it."""
    assert percent_decoded("a+b%2B") == "a+b+"


@pytest.mark.parametrize(
    "text",
    [
        *("", "null", "[]", "1", '"x"', "{", "{}}", "{'a':1}"),
        *('{"a":NaN}', '{"a":-Infinity}', '{"a":1,"a":1}', '{"b":{"a":1,"a":2}}'),
    ],
)
def test_what_is_no_strict_json_object_is_unreadable(text: str) -> None:
    """Other values, other syntax, numbers that are none and keys that repeat, at any depth."""
    assert json_object(text) is None
    assert base64_object(b64encode(text.encode()).decode()) is None


def test_numbers_that_no_tool_writes_are_read_as_nothing() -> None:
    """Fractions, and numbers too long to read in linear time; the object around them can be read."""
    assert json_object('{"a":1.5,"b":' + "9" * 19 + ',"c":-' + "9" * 17 + "}") == {"a": None, "b": None, "c": -int("9" * 17)}


@pytest.mark.parametrize("text", ["e30===", "e3", "e", "e30 ", " e30", "e30\n", "_w==", "ä", "e30=e30=", "\ud800", "/w=="])
def test_what_is_no_strict_base64_is_unreadable(text: str) -> None:
    """Blanks, the other alphabet, too much padding, padding inside, bytes that are no UTF-8."""
    assert base64_object(text) is None


@given(st.dictionaries(st.text(), st.text() | st.booleans() | st.none(), max_size=4))
def test_base64_is_read_with_or_without_its_padding(value: dict[str, object]) -> None:
    """Some who pass cookies on drop the padding."""
    text = b64encode(json.dumps(value).encode()).decode()
    assert base64_object(text) == base64_object(text.rstrip("=")) == value


def test_moments() -> None:
    """RFC 3339 text with an offset is a time, and nothing else is."""
    assert moment("2026-11-22T10:15:00.123Z") == moment("2026-11-22T11:15:00+01:00") == NOW
    for text in ("", "2026-11-22", "2026-11-22T10:15:00", "2026-13-22T10:15:00Z", "x" * 9999):
        assert moment(text) is None
    for value in (None, NOW, ["2026-11-22T10:15:00Z"]):
        assert moment(value) is None


def test_texts() -> None:
    """A list of texts is read as a set, anything else is not read."""
    assert texts(["a", "b", "a"]) == frozenset({"a", "b"})
    assert texts([]) == frozenset()
    for value in (None, "ab", ["a", 1], {"a": 1}, ("a",)):
        assert texts(value) is None


@pytest.mark.parametrize(
    "text",
    [
        "%41" * (LONGEST // 3),
        "%41x" * (LONGEST // 4),
        "%" * LONGEST,
        "[" * LONGEST,
        '{"a":' * (LONGEST // 5),
        '{"a":' + "9" * (LONGEST - 6) + "}",
        '{"a":"' + "\\u0041" * (LONGEST // 6 - 2) + '"}',
        "{" + ",".join(f'"{i}":1' for i in range(900)) + "}",
    ],
    ids=lambda text: text[:8],
)
def test_hostile_text_costs_less_than_a_millisecond(text: str) -> None:
    """As long as a cookie may be, for each of the decoders; the fixed work takes some two milliseconds."""
    for decode in (percent_decoded, json_object, base64_object):
        assert effort(lambda decode=decode: decode(text)) < 0.4  # type: ignore[misc]
