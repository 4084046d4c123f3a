"""The encodings in which consent tools write their cookies, each undone strictly and once. Linear time; None for what is
not well-formed. Nothing of the text gets into an error. Pure.
"""

import json
import re
from binascii import a2b_base64, unhexlify
from collections.abc import Sequence
from typing import Final, NoReturn

from gateway.model.words import Fault
from gateway.raw import LONGEST_TIME, seconds_of_text

LONGEST: Final = 8192
"""Characters of a cookie that are looked at; what is longer is unreadable."""

_NO_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_ESCAPES: Final = re.compile(rb"(?:%[0-9A-Fa-f]{2})+")

Object = dict[str, object]


def percent_decoded(text: str) -> str | None:
    """Undo percent-encoding (https://www.rfc-editor.org/rfc/rfc3986#section-2.1), once. `+` stays what it is.

    None where a `%` begins no escape, or where the bytes are not UTF-8.
    """
    if "%" not in text:
        return text
    try:
        encoded = text.encode()
        if _NO_ESCAPE.search(encoded):
            return None
        return _ESCAPES.sub(lambda run: unhexlify(run[0].replace(b"%", b"")), encoded).decode()
    except UnicodeError:
        return None


def json_object(text: str) -> Object | None:
    """Read a JSON object; None where it is none, where any object in it repeats a key, or where a number is not finite."""
    try:
        value = json.loads(
            text, object_pairs_hook=_without_repeats, parse_int=_whole, parse_float=_beside_the_point, parse_constant=_refuse
        )
    except (ValueError, RecursionError):
        return None
    return value if type(value) is dict else None


def _without_repeats(pairs: Sequence[tuple[str, object]]) -> Object:
    made = dict(pairs)
    return made if len(made) == len(pairs) else _refuse()


def _whole(digits: str) -> int | None:
    """Long numbers are none of ours, and reading them takes more than linear time."""
    return int(digits) if len(digits) <= 18 else None


def _beside_the_point(_number: str) -> None:
    """No tool's answer is a fraction."""


def _refuse(_text: str = "") -> NoReturn:
    raise ValueError


def base64_object(text: str) -> Object | None:
    """Read a JSON object in base64 (https://www.rfc-editor.org/rfc/rfc4648#section-4), with or without its padding."""
    bare = text.rstrip("=")
    if len(text) - len(bare) > 2:
        return None
    try:
        return json_object(a2b_base64(bare + "=" * (-len(bare) % 4), strict_mode=True).decode())
    except ValueError:  # what it is about repeats the text
        return None


def moment(value: object) -> int | None:
    """Read RFC 3339 text as Unix seconds."""
    if type(value) is not str or len(value) > LONGEST_TIME:
        return None
    at = seconds_of_text(value)
    return None if isinstance(at, Fault) else at


def texts(value: object) -> frozenset[str] | None:
    """Read a list of texts, as a set."""
    if type(value) is not list or not all(type(part) is str for part in value):
        return None
    return frozenset(value)
