"""What a storefront said: `RawEvent`, strictly read and not yet judged.

Holds the clear e-mail address and the full IP address, so it lives in memory only, prints as `<RawEvent>`, and no
room below the boundary can import this file. Sources make it; consent and minimise read it. Pure.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Final

import msgspec

from gateway.model.money import Money
from gateway.model.texts import EventId
from gateway.model.words import Destination, Fault, Kind, Refusal

MAX_AGE: Final = 7 * 86_400
"""Events older than this at the door are invalid, in seconds (seven days)."""
MAX_AHEAD: Final = 300
"""How far a storefront's clock may run ahead, in seconds; such a time is set to now."""

RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:[0-5]\d)", re.ASCII)

PLAINEST: Final = "--T::Z"
"""Every third character, from the fifth on, of a time like `2026-11-22T10:15:00Z`. Looking at it saves 0.3 µs."""

LONGEST_TIME: Final = 35
"""Characters of an RFC 3339 time with nine decimals; a longer text is not read, nor remembered."""


class RawEvent(msgspec.Struct, frozen=True, gc=False):
    """The declared fields of one event. `consent` is still as it came: the signals' own readers take it apart.

    `occurred_at` is in Unix seconds and never in the future; `set_to_now` says that it was. `gpc_header` is what the
    browser's own `Sec-GPC` said. `edge`: the country and region that the edge in front of the gateway saw a browser in,
    None if it said nothing. `minor`: the storefront flags the person as one, or says something about it that is not a
    plain no. `unknown` tells that undeclared fields were dropped.
    """

    kind: Kind
    event_id: EventId
    occurred_at: int
    set_to_now: bool = False
    page_url: str | None = None
    email: str | None = None
    email_sha256: Mapping[Destination, str] | None = None
    ip: str | None = None
    user_agent: str | None = None
    country: str | None = None
    region: str | None = None
    money: Money | None = None
    content_ids: tuple[str, ...] = ()
    click: Mapping[str, str] | None = None
    consent: object = None
    gpc_header: bool = False
    unknown: bool = False
    minor: bool = False
    edge: tuple[str | None, str | None] | None = None

    def __repr__(self) -> str:
        """Say nothing of what is inside."""
        return "<RawEvent>"


class RawConsent(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What a page or a server says of a person's choice, to be kept as a record. `consent` is still as it came.

    A receipt in it is of its form; the versions may be any text. The others are as in `RawEvent`.
    """

    consent: Mapping[str, object]
    country: str | None = None
    region: str | None = None
    banner_version: str | None = None
    policy_version: str | None = None
    gpc_header: bool = False
    minor: bool = False
    edge: tuple[str | None, str | None] | None = None

    def __repr__(self) -> str:
        """Say nothing of what is inside."""
        return "<RawConsent>"


class Malformed(msgspec.Struct, frozen=True, gc=False):
    """An event that broke a rule of the format: the field's path and the rule, never the value.

    `kind` and `event_id` are there if they could be read, so that the answer can name the event.
    """

    field: str
    fault: Fault
    kind: Kind | None = None
    event_id: EventId | None = None


class Unfit(msgspec.Struct, frozen=True, gc=False):
    """An event that is of its form and may go nowhere, whatever anybody consented to: a test, an order of the till."""

    kind: Kind
    event_id: EventId
    why: Refusal


Said = RawEvent | Unfit | Malformed
"""What a source makes of an event."""


def unix_seconds(value: object) -> int | Fault:
    """Read a time: integer Unix seconds, or RFC 3339 text with an offset (https://www.rfc-editor.org/rfc/rfc3339).

    Fractions are cut off. A leap second (`:60`) is BAD_FORMAT: Unix time has no number for it. A number of more than 64 bits
    comes as a float, and is as out of range as any other too large.
    """
    if type(value) is int:
        return value if 0 <= value < 1 << 40 else Fault.OUT_OF_RANGE
    if type(value) is not str:
        return Fault.OUT_OF_RANGE if type(value) is float and abs(value) >= 1 << 40 else Fault.WRONG_TYPE
    return _seconds_of_text(value) if len(value) <= LONGEST_TIME else Fault.BAD_FORMAT


def seconds_of_text(text: str) -> int | Fault:
    """Read RFC 3339 text anew. Only for text of at most `LONGEST_TIME` that seldom repeats: `unix_seconds` remembers.

    What has the punctuation of the plainest form can only be that form, or nothing that `fromisoformat` takes.
    """
    if text[4::3] != PLAINEST:
        if RFC3339.fullmatch(text) is None:
            return Fault.BAD_FORMAT
        text = text.upper()
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError):
        return Fault.BAD_FORMAT


_seconds_of_text = lru_cache(maxsize=4096)(seconds_of_text)
"""A busy second has many events: reading its name once saves 1 µs an event."""
