"""JSON, read strictly: two readers of the same bytes can never disagree about what a storefront said.

A JSON reader that lets the last of two equal keys win turns `"advertising": false, "advertising": true` into consent.
Here an object that repeats a key, a number that is not finite and text with half a surrogate pair are marked where
they stand, so that the event around them is invalid while its neighbours in the batch are not. Pure.
"""

import json
import math
import re
from collections.abc import Sequence
from itertools import chain
from typing import Final, NoReturn

import orjson

from gateway.model.words import Fault

MAX_DEPTH: Final = 16
MAX_COMMAS: Final = 1 << 16
"""In a body. Five hundred full events in a mebibyte have a quarter of that; a mebibyte of nothing but commas has eight times
as many, and would cost a fifth of a second."""
MAX_TAINTED: Final = 1000
"""Twice as many as a request can have events; who breaks more rules than that has not written JSON."""
ODD_NUMBER: Final = re.compile(rb"[0-9][eE]|[0-9]{19}")
"""In every body that has a number which is not finite or not of 64 bits; then each number is looked at, which costs 0.3 µs."""


class Tainted:
    """Stands in place of a value that strict JSON does not allow; carries only which rule it broke."""

    __slots__ = ("fault",)

    def __init__(self, fault: Fault) -> None:
        """Keep the rule."""
        self.fault = fault


class Unreadable(Exception):
    """The bytes are no JSON text at all, or one of more parts than anybody has to say. Carries nothing of them."""


def loads(body: bytes) -> tuple[object, bool]:
    """Parse `body`; say whether anything in the value may be `Tainted` or half a surrogate pair. Raises Unreadable.

    orjson refuses NaN and lone surrogates but lets repeated keys pass. No key was dropped when the parsed value, written
    out again, is the body (compact JSON nearly always is), or has as many quotes: every key and every text value has two.
    That costs 0.3 to 1.5 µs an event; only when the counts differ the slow reader runs. It also reads what orjson will not
    write, which is nesting beyond 254. Whatever a mebibyte holds is read within 50 ms.
    """
    if len(body) > MAX_COMMAS and body.count(b",") > MAX_COMMAS:
        raise Unreadable
    try:
        value: object = orjson.loads(body)
        again = orjson.dumps(value)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return _loads_slowly(body)
    whole = again == body or quotes(body) == quotes(again)
    return (value, False) if whole else _loads_slowly(body)


def quotes(text: bytes) -> int:
    """Count the quotes around keys and texts.

    A text that ends in an escaped backslash looks as if its last quote were escaped and counts once. That hides nothing:
    a dropped key still counts at least once in the body, and nothing that was kept counts more when written again, where
    backslashes are always escaped.
    """
    quotes = len(text) - len(text.translate(None, b'"'))
    return quotes - text.count(b'\\"') if b"\\" in text else quotes


def _loads_slowly(body: bytes) -> tuple[object, bool]:
    tainted: list[Tainted] = []

    def taint(fault: Fault) -> Tainted:
        if len(tainted) == MAX_TAINTED:
            raise Unreadable
        tainted.append(Tainted(fault))
        return tainted[-1]

    def object_of(pairs: Sequence[tuple[str, object]]) -> object:
        made = dict(pairs)
        return made if len(made) == len(pairs) else taint(Fault.DUPLICATE_KEY)

    def finite(text: str) -> object:
        number = float(text)
        return number if math.isfinite(number) else taint(Fault.NOT_FINITE)

    def whole(text: str) -> object:
        """As orjson: 64 bits, with or without a sign; beyond that the nearest double."""
        return number if len(text) <= 20 and -(1 << 63) <= (number := int(text)) < 1 << 64 else finite(text)

    odd = ODD_NUMBER.search(body) is not None
    try:
        value = json.loads(
            body.decode(),
            object_pairs_hook=object_of,
            parse_int=whole if odd else None,
            parse_float=finite if odd else None,
            parse_constant=lambda _: taint(Fault.NOT_FINITE),
        )
    except (ValueError, RecursionError):
        _refuse()
    return value, bool(tainted) or b"\\u" in body


def _refuse() -> NoReturn:
    raise Unreadable from None


BOXES: Final = (dict, list)


def taint_of(value: object, depth: int = MAX_DEPTH) -> Fault | None:
    """Find a rule that something inside `value` breaks, nesting deeper than `depth` included, else None.

    Goes level by level, outermost first: bodies come from outside, so its cost for each part stays below 0.1 µs.
    """
    level: list[dict[str, object] | list[object]] = [[value]]
    while level:
        inner: list[dict[str, object] | list[object]] = []
        for box in level:
            for part in chain(box, box.values()) if type(box) is dict else box:
                if type(part) is str:
                    if not part.isascii() and not _is_text(part):
                        return Fault.LONE_SURROGATE
                elif isinstance(part, BOXES):
                    inner.append(part)
                elif type(part) is Tainted:
                    return part.fault
        if inner and depth == 0:
            return Fault.TOO_DEEP
        depth -= 1
        level = inner
    return None


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
