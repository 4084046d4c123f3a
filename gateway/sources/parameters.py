"""Query text, read strictly: `name=value` joined by `&`, percent-encoded; two readers can never disagree about what it says.

A name that stands twice would let one reader take the first value and another the last, and one of them may be a refusal.
So a repeated name breaks a rule, whatever its values. Bytes that are no UTF-8 become U+FFFD, which no rule takes for
anything. `+` is itself, since `encodeURIComponent`, which Google's tag writes with, never stands for a blank by it. Pure.
"""

import re
from typing import Final

from gateway.model.words import Fault
from gateway.sources.fields import Broken

MAX_PARAMETERS: Final = 500
"""In one piece of query text: a purchase of 200 items has about 260."""
ESCAPE: Final = re.compile(rb"%([0-9A-Fa-f]{2})")

Parameters = dict[str, str]


def parameters_of(text: bytes) -> Parameters:
    """Read query text into names and values; empty pieces are skipped, and a name without `=` has an empty value.

    Raises Broken where a name stands twice or there are more than `MAX_PARAMETERS`. Linear in the length of the text.
    """
    pieces = text.split(b"&", MAX_PARAMETERS)
    if len(pieces) > MAX_PARAMETERS:
        raise Broken("query", Fault.TOO_MANY_KEYS)
    found: Parameters = {}
    for piece in pieces:
        if not piece:
            continue
        name, _, value = piece.partition(b"=")
        key = unescaped(name)
        if key in found:
            raise Broken("query", Fault.DUPLICATE_KEY)
        found[key] = unescaped(value)
    return found


def unescaped(text: bytes) -> str:
    """Undo percent-encoding once; a `%` without two hexadecimal digits behind it stays."""
    plain = ESCAPE.sub(lambda escape: bytes.fromhex(escape[1].decode()), text) if b"%" in text else text
    return plain.decode("utf-8", "replace")
