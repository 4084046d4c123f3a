import json
from typing import Any, Final

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.model.words import Destination
from gateway.signing.entry import (
    KINDS,
    LONGEST,
    NOTHING_BEFORE,
    BadEntry,
    Configuration,
    Counted,
    Counts,
    Entry,
    EntryKind,
    Login,
    Replay,
    RightsRequest,
    Role,
    Row,
    SealingKeyUsed,
    Started,
    encode,
    keyed,
    kind_of,
    known,
    link,
    read,
)
from tests.gateway.signing.making import DIGEST, EXAMPLES

BAD: Final[tuple[Any, ...]] = (
    Configuration("jane@example.com"),
    Configuration(DIGEST.upper()),
    Login("jane", Role.PRIVACY),
    Login(DIGEST, "root"),  # type: ignore[arg-type]
    SealingKeyUsed("a b"),
    SealingKeyUsed("k1\n"),
    Started("1.0 (built by jane)"),
    Replay("shop", Destination.META, (), "jane"),
    Replay("Shop", Destination.META, (), "command"),
    RightsRequest("shop", "erase", -1, "command"),  # type: ignore[arg-type]
    RightsRequest("shop", "erase", 1.0, "command"),  # type: ignore[arg-type]
    RightsRequest("shop", "erase", number=True, by="command"),  # type: ignore[arg-type]
    Counts(()),
    Counts((Row("shop", None, Counted.DEAD, 1),) * 501),
    Started(object()),  # type: ignore[arg-type]
    "started",
)


def test_every_kind_has_an_example_and_a_class() -> None:
    """The enum, the classes and what is tested are the same closed set."""
    assert {kind_of(entry) for entry in EXAMPLES} == set(EntryKind) == set(KINDS)


@pytest.mark.parametrize("entry", EXAMPLES, ids=kind_of)
def test_an_entry_is_written_and_read(entry: Entry) -> None:
    """As JSON with sorted keys and no blanks, which is the one way; what is read is what was written."""
    line = encode(entry, 5, 1_800_000_000, "ab" * 16)
    told = json.loads(line)
    assert line == json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
    assert (told["n"], told["at"], told["prev"], told["entry"]["kind"]) == (5, 1_800_000_000, "ab" * 16, kind_of(entry))
    assert known(line) == entry
    assert (read(line).n, read(line).entry["kind"]) == (5, kind_of(entry))


@pytest.mark.parametrize("entry", BAD, ids=range(len(BAD)))
def test_what_breaks_a_rule_is_not_written(entry: Any) -> None:
    """A name, an address or any other text has no place in an entry, whoever put it together; nor in the refusal."""
    with pytest.raises(BadEntry) as refused:
        encode(entry, 0, 0)
    assert "jane" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_an_entry_is_bounded() -> None:
    """Even the longest that keeps the rules fits in a line."""
    rows = (Row("s" * 40, Destination.GOOGLE_ADS, Counted.DUPLICATE, (1 << 63) - 1),) * 500
    assert len(encode(Counts(rows), (1 << 63) - 1, (1 << 63) - 1)) <= LONGEST


LINE: Final = encode(EXAMPLES[0], 0, 1)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"null",
        LINE[:-1],
        LINE + b" ",
        LINE.replace(b'"n":0', b'"n": 0'),
        LINE.replace(b'"n":0', b'"n":0.0'),
        LINE.replace(b'"n":0', b'"n":-1'),
        LINE.replace(b'"n":0', b'"n":0,"n":0'),
        LINE.replace(b'"at":1,', b"").replace(b'"n":0', b'"n":0,"at":1'),
        LINE.replace(b'"kind":"started"', b'"kind":"started","kind":"started"'),
        LINE.replace(b'"kind":"started"', b'"kind":7'),
        LINE.replace(b'"kind":"started",', b""),
        LINE.replace(b'"started"', b'"St\\u0061rted"'),
        LINE.replace(b'"n":0', b'"m":0'),
        LINE.replace(b'"prev":"0', b'"prev":"x'),
        b"\xff" + LINE,
        b"[" * 100_000,
        b'"' + b"x" * LONGEST + b'"',
    ],
    ids=lambda line: repr(line[:60]),
)
def test_what_is_not_written_the_one_way_is_no_line(line: bytes) -> None:
    """Cut, with blanks, out of order, twice, escaped, of another form or too long: two readers could take it for two things."""
    with pytest.raises(BadEntry):
        read(line)


def test_lines_of_other_versions_are_read() -> None:
    """A kind or a field of a later version is shown as it is, though not known; one of an earlier version lacks fields."""
    later = LINE.replace(b'"kind":"started"', b'"kind":"started","more":[1,{"a":null}]')
    assert read(later).entry["more"] == [1, {"a": None}]
    assert known(later) is None
    assert read(LINE.replace(b'"started"', b'"danced"')).entry["kind"] == "danced"
    earlier = LINE.replace(b'"cut":0,', b"")
    assert known(earlier) == Started("1.2.3", 0)


def test_an_account_is_a_hash_that_needs_the_pepper() -> None:
    """The same account is the same hash; another one, another thing of the same name, or another pepper is another."""
    one = keyed(b"p" * 32, "account", "jane@example.com")
    assert known(encode(Login(one, Role.PRIVACY), 0, 0)) == Login(one, Role.PRIVACY)
    others = {keyed(b"p" * 32, "account", "john@example.com"), keyed(b"p" * 32, "person", "jane@example.com")}
    assert one not in {*others, keyed(b"q" * 32, "account", "jane@example.com")}
    assert one == keyed(b"p" * 32, "account", "jane@example.com")


def test_a_link_is_half_a_hash() -> None:
    """As long as that of the first entry."""
    assert len(link(bytes(32))) == len(NOTHING_BEFORE)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
@example(0)
@example("k1")
@example("0" * 64)
def test_nothing_else_than_entries_is_ever_written(value: Any) -> None:
    """Whatever is put in the place of a field: it keeps the rules and is read back, or is refused."""
    for entry in (Configuration(value), SealingKeyUsed(value), Started("1", value), Counts(value)):
        try:
            line = encode(entry, 0, 0)
        except BadEntry:
            continue
        assert msgspec.json.decode(line)["entry"]
        assert read(line).n == 0
        assert known(line) is not None
