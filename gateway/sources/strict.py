"""JSON, read strictly: two readers of the same bytes can never disagree about what a storefront said.

A JSON reader that lets the last of two equal keys win turns `"advertising": false, "advertising": true` into consent.
Here an object that repeats a key, a number that is not finite and text with half a surrogate pair are marked where
they stand, so that the event around them is invalid while its neighbours in the batch are not. Pure.
"""

import json
import math
from collections.abc import Sequence
from typing import Final, NoReturn

import orjson

from gateway.model import Fault

MAX_DEPTH: Final = 16


class Tainted:
    """Stands in place of a value that strict JSON does not allow; carries only which rule it broke."""

    __slots__ = ("fault",)

    def __init__(self, fault: Fault) -> None:
        """Keep the rule."""
        self.fault = fault


class Unreadable(Exception):
    """The bytes are no JSON text at all. Carries nothing of them."""


def loads(body: bytes) -> tuple[object, bool]:
    """Parse `body`; say whether anything in the value is `Tainted`. Raises Unreadable.

    orjson refuses NaN and lone surrogates but lets repeated keys pass. Every key and every text value has two quotes;
    when the parsed value, written out again, has as many as the body, no key was dropped. That costs 0.8 µs
    an event; only when the counts differ, or backslashes make counting unsafe, the slow reader runs.
    """
    try:
        value: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _loads_slowly(body)
    again = orjson.dumps(value)
    if b"\\" not in body:
        whole = _length_of_quotes(body) == _length_of_quotes(again)
    else:
        whole = b"\\\\" not in body and b"\\\\" not in again and _unescaped_quotes(body) == _unescaped_quotes(again)
    return (value, False) if whole else _loads_slowly(body)


def _length_of_quotes(text: bytes) -> int:
    return len(text) - len(text.translate(None, b'"'))


def _unescaped_quotes(text: bytes) -> int:
    return text.count(b'"') - text.count(b'\\"')


def _loads_slowly(body: bytes) -> tuple[object, bool]:
    tainted: list[Tainted] = []

    def taint(fault: Fault) -> Tainted:
        tainted.append(Tainted(fault))
        return tainted[-1]

    def object_of(pairs: Sequence[tuple[str, object]]) -> object:
        made = dict(pairs)
        return made if len(made) == len(pairs) else taint(Fault.DUPLICATE_KEY)

    def finite(text: str) -> object:
        number = float(text)
        return number if math.isfinite(number) else taint(Fault.NOT_FINITE)

    try:
        value = json.loads(
            body.decode(), object_pairs_hook=object_of, parse_float=finite, parse_constant=lambda _: taint(Fault.NOT_FINITE)
        )
    except (ValueError, RecursionError):
        _refuse()
    return value, bool(tainted) or b"\\u" in body


def _refuse() -> NoReturn:
    raise Unreadable from None


def taint_of(value: object, depth: int = MAX_DEPTH) -> Fault | None:
    """Find the first rule that something inside `value` breaks, nesting deeper than `depth` included, else None."""
    match value:
        case Tainted():
            return value.fault
        case str():
            return None if value.isascii() or _is_text(value) else Fault.LONE_SURROGATE
        case dict():
            if depth == 0:
                return Fault.TOO_DEEP
            inner = (taint_of(part, depth - 1) for pair in value.items() for part in pair)
        case list():
            if depth == 0:
                return Fault.TOO_DEEP
            inner = (taint_of(part, depth - 1) for part in value)
        case _:
            return None
    return next((fault for fault in inner if fault is not None), None)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
