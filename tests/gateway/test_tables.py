"""TOML of another's making: what TOML has is read, what would take for ever is refused by a rule, soon."""

import time
import tomllib
from contextlib import suppress
from typing import Final

import pytest

from gateway.tables import MOST_PARTS, BadTables, place_of, read_tables

LONG: Final = 1 << 20
"""Characters: the configuration of some thousand storefronts."""
SECONDS: Final = 20.0
"""More than any of these takes on a slow machine, and far less than what it would take unbounded."""


@pytest.mark.parametrize(
    "text",
    [
        "a = 9223372036854775807\nb = -9223372036854775808\nc = 0x7fffffffffffffff\nd = true",
        "a." * (MOST_PARTS - 1) + "a = 1",
        "# " + "." * 5000,
        "a = [" + '"10.0.0.0/8", ' * 500 + "]",
        "a = 1." + "0" * 5000,
    ],
)
def test_what_toml_has_is_read(text: str) -> None:
    """The longest numbers, long names, and dots that are in no name."""
    assert read_tables(text) == tomllib.loads(text)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a = 9223372036854775808", "has a whole number that is too large at a"),
        ("[[a.b]]\nc = -9223372036854775809", "has a whole number that is too large at a.b[0].c"),
        ('["jane@example.com"]\na = 0x' + "f" * 30, "has a whole number that is too large at (a name).a"),
        ("a = " + "9" * 5000, "has a whole number that is too long"),
        ("a = " + "[" * 5000, "is nested too deeply"),
        ("\n\n" + "a\t." * MOST_PARTS + "a = 1", "has a name of more than 100 parts in line 3"),
    ],
)
def test_what_no_file_needs_is_refused_by_a_rule(text: str, rule: str) -> None:
    """With its place, and never with what stands there."""
    with pytest.raises(BadTables) as bad:
        read_tables(text)
    assert bad.value.rule == str(bad.value) == rule


def test_what_is_no_toml_is_the_readers_fault() -> None:
    """Whoever asked puts it into words of its own."""
    with pytest.raises(tomllib.TOMLDecodeError):
        read_tables("a = ")


@pytest.mark.parametrize("piece", ["a", "a.", '"', "'", "\"'", "a .", "a.\n", "[a]\n", '"a".', "-", ". "])
def test_nothing_takes_long(piece: str) -> None:
    """A long file of the same piece again and again."""
    began = time.monotonic()
    for text in (piece * (LONG // len(piece)), "a = [" + piece * ((LONG - 5) // len(piece))):
        with suppress(BadTables, tomllib.TOMLDecodeError):
            read_tables(text)
    assert time.monotonic() - began < SECONDS


def test_a_place_is_told_by_names_alone() -> None:
    """What could be more than a name is left out."""
    assert place_of(("storefronts", "demo", "keys", 0, "id")) == "storefronts.demo.keys[0].id"
    assert place_of(("jane@example.com",)) == "(a name)"
