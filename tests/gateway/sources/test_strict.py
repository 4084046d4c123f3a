"""Two readers of the same bytes can never disagree: held against a slow reader that looks at every pair."""

import json
import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.model.words import Fault
from gateway.sources.strict import MAX_COMMAS, MAX_DEPTH, MAX_TAINTED, Tainted, Unreadable, loads, taint_of
from tests.effort import effort
from tests.strategies import JSON, json_texts

DEEP = 10_000


class Forbidden(Exception):
    """The reference reader's word for what strict JSON does not allow."""


def reference(text: str) -> Any:
    """Read JSON with nothing but the standard library, looking at every pair and every number."""

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in found}) < len(found):
            raise Forbidden
        return dict(found)

    def constant(_: str) -> None:
        raise Forbidden

    def real(digits: str) -> float:
        if not math.isfinite(number := float(digits)):
            raise Forbidden
        return number

    def whole(digits: str) -> int | float:
        if len(digits) > 400 and float(digits) == math.inf:
            raise Forbidden
        return int(digits) if -(2**63) <= int(digits) < 2**64 else real(digits)

    value = json.loads(text, object_pairs_hook=pairs, parse_constant=constant, parse_float=real, parse_int=whole)
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Forbidden from None
    return value


def verdict(text: str) -> tuple[str, str]:
    """What the reference reader says: unreadable, forbidden, or the value in a form that tells 1 from 1.0 and true."""
    try:
        json.loads(text, parse_int=float)
    except ValueError:
        return "unreadable", ""
    try:
        return "value", repr(reference(text))
    except Forbidden:
        return "forbidden", ""


def strict_verdict(text: str) -> tuple[str, str]:
    """The same of the reader under test."""
    try:
        value, suspicious = loads(text.encode())
    except Unreadable:
        return "unreadable", ""
    if suspicious and taint_of(value, DEEP) is not None:
        return "forbidden", ""
    return "value", repr(value)


@settings(max_examples=600)
@given(json_texts(broken=False))
@example('{"a":1,"a":1}')
@example('{"a":1,"a":1,"b":[1e2,1e2,1e2]}')
@example('{"a":1,"\\u0061":2}')
@example('{"a\\"":1,"a\\u0022":2}')
@example('{"\\\\":1,"\\u005c":2}')
@example('{"a":"\\\\","a":"\\""}')
@example('{"a":"\\"\\"\\"\\"","b":{"c":1,"c":2}}')
@example('{"a":"\\u0022\\u0022","a":1}')
@example('[{"a":[]},{"a":{"b":1, "b":1}}]')
@example('{"http:\\/\\/x":1,"http://x":2}')
@example('{"é":1,"\\u00e9":2}')
@example('{"\\ud83d\\ude00":1,"😀":2}')
@example('{"":1,"":2}')
@example('{"e\u0301":1,"é":2}')
@example('{"a":0,"A":1," a":2}')
def test_the_fast_way_is_exact(text: str) -> None:
    """Repeated keys are found however they are written, at every depth, and nothing else is taken for one."""
    assert strict_verdict(text) == verdict(text)


@settings(max_examples=600)
@given(json_texts(broken=True))
@example("[1e400]")
@example("[-1e400, NaN]")
@example('{"a":"\\ud800"}')
@example('{"\\udc00":1}')
@example('["\\ud83d","\\ude00"]')
@example('{"a":NaN,"a":1}')
@example("9" * 5000)
@example("1" * 309)
@example("-" + "9" * 309)
@example("")
@example("\ufeff{}")
@example("{} {}")
@example('{"a":1,}')
@example("{'a':1}")
@example("[1]//x")
@example('"\x00"')
@example("nul")
def test_what_strict_json_does_not_allow_is_marked_or_unreadable(text: str) -> None:
    """NaN, infinities, half surrogate pairs and broken text never pass as values."""
    assert strict_verdict(text) == verdict(text)


@given(JSON, st.sampled_from([None, 1]), st.booleans(), st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t: ")]))
def test_every_way_of_writing_a_value_is_that_value(
    value: Any, indent: int | None, ascii_only: bool, separators: tuple[str, str]
) -> None:
    """Compact, indented or escaped, a value is read as itself and is under no suspicion that would not clear it."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only, separators=separators)
    read, suspicious = loads(text.encode())
    assert json.dumps(read) == json.dumps(reference(text))
    assert not suspicious or taint_of(read, DEEP) is None


@given(st.binary(max_size=200))
@example("{}".encode("utf-16"))
@example("{}".encode("utf-32"))
@example(b"\xef\xbb\xbf{}")
@example(b'"\xed\xa0\x80"')
@example(b'"\xff"')
@example(b'{"a":"\xc0\xa2"}')
@example(b"\x00")
def test_bytes_that_are_no_json_are_unreadable(body: bytes) -> None:
    """Any bytes are read or Unreadable, and Unreadable carries nothing of them."""
    with suppress(Unreadable):
        loads(body)
        return
    with pytest.raises(Unreadable) as unreadable:
        loads(body)
    assert unreadable.value.args == ()
    assert unreadable.value.__suppress_context__


@pytest.mark.parametrize("depth", [1, MAX_DEPTH, 200, 253, 254, 255, 256, 300, 500, 1023, 1024, 1025, 5_000, 200_000])
@pytest.mark.parametrize(("left", "inner", "right"), [("[", "1", "]"), ('{"a":', "1", "}"), ("[", '"\\u0061"', "]")])
def test_depth_is_a_fault_and_never_a_crash(depth: int, left: str, inner: str, right: str) -> None:
    """Nesting to any depth is read and found too deep beyond the limit, or is unreadable."""
    try:
        value, _ = loads((left * depth + inner + right * depth).encode())
    except Unreadable:
        assert depth > 200
        return
    assert (taint_of(value) is Fault.TOO_DEEP) is (depth > MAX_DEPTH)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"a":{"b":1,"b":2}}', Fault.DUPLICATE_KEY),
        ('[[{"b":1,"b":1}]]', Fault.DUPLICATE_KEY),
        ('{"a":NaN}', Fault.NOT_FINITE),
        ('{"a":[1e999]}', Fault.NOT_FINITE),
        ('{"a":"\\ud800"}', Fault.LONE_SURROGATE),
        ('{"\\ud800":1}', Fault.LONE_SURROGATE),
        ('{"a":"\\ud83d\\ude00"}', None),
    ],
)
def test_a_fault_stands_where_it_was_made(text: str, fault: Fault | None) -> None:
    """The rule that was broken is told, and neighbours in a list are untouched."""
    value, suspicious = loads(f'[{text},{{"ok":1}}]'.encode())
    assert suspicious or fault is None
    assert isinstance(value, list)
    assert [taint_of(part) for part in value] == [fault, None]


def test_more_parts_than_anybody_has_to_say_are_not_read() -> None:
    """Refused before anything is read, however harmless; a list just below is read."""
    assert loads(b"[" + b"0," * MAX_COMMAS + b"0]") == ([0] * (MAX_COMMAS + 1), False)
    with pytest.raises(Unreadable):
        loads(b"[" + b"0," * (MAX_COMMAS + 1) + b"0]")


def test_more_broken_rules_than_a_request_can_have_are_not_read() -> None:
    """Each of them in an object of its own; a list with as many as are allowed is read, and each is marked."""
    broken = b'{"a":1,"a":1}'
    value, _ = loads(b"[" + b",".join([broken] * MAX_TAINTED) + b"]")
    assert isinstance(value, list)
    assert [taint_of(part) for part in value] == [Fault.DUPLICATE_KEY] * MAX_TAINTED
    with pytest.raises(Unreadable):
        loads(b"[" + b",".join([broken] * (MAX_TAINTED + 1)) + b"]")


def test_a_tainted_value_holds_only_its_rule() -> None:
    """What stands in place of a forbidden value has no room for the value."""
    assert Tainted.__slots__ == ("fault",)


@pytest.mark.parametrize(
    "body",
    [
        "[" + "0," * 500_000 + "0]",
        '["\\u0061",' + "0," * 500_000 + "0]",
        '{"a":"\\\\",' + ",".join(f'"{n}":[]' for n in range(90_000)) + "}",
        "[" * 500_000 + "]" * 500_000,
        '"' + "\\u0022" * 170_000 + '"',
        '{"a":1,' * 150_000,
    ],
    ids=["flat", "flat and suspicious", "many keys", "deep", "escapes", "open"],
)
def test_a_whole_mebibyte_costs_no_more_than_it_must(body: str) -> None:
    """The worst body of one mebibyte is read and searched at a small multiple of what parsing a mebibyte costs."""
    raw = body.encode()

    def read() -> None:
        with suppress(Unreadable):
            value, _ = loads(raw)
            taint_of(value)

    assert effort(read) < 60  # 20 as it is; thousands if it grew with the square
