"""What a signal contributes: a statement about some destinations. The only thing the decision table sees."""

from typing import Final

import msgspec

from gateway.model import Destination, Fault, Refusal, Signal, State

EVERYWHERE: Final = tuple(Destination)

UNREADABLE: Final = "?"
"""Stands for a country that was given and is no two-letter code."""


class Context(msgspec.Struct, frozen=True, gc=False):
    """What a reader may know besides its own signal. Times are Unix seconds.

    `attested`: the storefront attests that a consent banner asks visitors of this visitor's region. `country` is two
    upper case letters, `UNREADABLE`, or None when none was given. `max_age` is how long consent lasts. `given_at`: the
    consent's own date, None when it has none, or what is wrong with it.
    """

    now: int
    attested: bool
    country: str | None
    max_age: int
    given_at: int | Fault | None = None


class Statement(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """One thing a signal says. `refusal` is the reason to give when this statement decides against a destination.

    `covers` are the destinations it speaks of; a grant counts for no other.
    """

    signal: Signal
    state: State
    covers: tuple[Destination, ...] = EVERYWHERE
    refusal: Refusal | None = None


Statements = tuple[Statement, ...]
