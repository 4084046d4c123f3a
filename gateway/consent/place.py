"""Where a visitor is, as far as consent depends on it: the strictest of what is known.

A visitor has as many mentions of a place as there are who say something: the storefront, the edge that took the
connection, the consent record. Somebody counts as in the United States only if all who say a country say that one, and the
state counts only if all who say one say the same. What is unknown, unreadable or contradictory is where consent must be
asked for. Where the shop is says nothing of the visitor. Pure.
"""

from functools import lru_cache
from itertools import product
from string import ascii_uppercase
from typing import Final

import msgspec

from gateway.model.words import UsState

US: Final = "US"
UNREADABLE: Final = "?"
"""Stands for a country that was given and is no two-letter code."""

TWO_LETTERS: Final = frozenset(map("".join, product(ascii_uppercase, repeat=2)))
LONGEST: Final = 16
"""Characters of a country or region that are looked at; what is longer is unreadable."""

Mention = tuple[str | None, str | None]
"""A country and a region as somebody wrote them, None for what was not said."""

NOWHERE: Final[Mention] = (None, None)


class Place(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """What is known of a place. `countries` are the different ones that were said: upper-case codes, or `UNREADABLE`."""

    countries: tuple[str, ...] = ()
    state: UsState | None = None
    """The state of the United States with a law of its own, where all agree on it."""

    @property
    def country(self) -> str | None:
        """The one country that all name, `UNREADABLE` if one cannot be read or they differ, None if nobody named any."""
        if not self.countries:
            return None
        return self.countries[0] if len(self.countries) == 1 else UNREADABLE

    @property
    def in_us(self) -> bool:
        """Whether all who name a country name the United States."""
        return self.countries == (US,)

    @property
    def maybe_us(self) -> bool:
        """Whether somebody names the United States, or something that cannot be read."""
        return US in self.countries or UNREADABLE in self.countries

    @property
    def outside_us(self) -> bool:
        """Whether a country is known, and none of those named can be the United States."""
        return bool(self.countries) and not self.maybe_us


UNKNOWN: Final = Place()


def place_of(mentions: tuple[Mention, ...]) -> Place:
    """Take the strictest of what was said."""
    return _place_of(tuple([_short(country, region) for country, region in mentions]))


def _short(country: str | None, region: str | None) -> Mention:
    """Put a mark in place of long text: answers are kept by what was said, and anybody may say anything."""
    return (
        country if country is None or len(country) <= LONGEST else UNREADABLE,
        region if region is None or len(region) <= LONGEST else UNREADABLE if region.strip() else None,
    )


@lru_cache(maxsize=4096)
def _place_of(mentions: tuple[Mention, ...]) -> Place:
    """Do that. Few different ones exist, so the answers are kept."""
    countries = tuple(sorted({code for country, _ in mentions if (code := _country(country)) is not None}))
    states = _states(mentions)
    state = next(iter(states)) if countries == (US,) and len(states) == 1 else None
    return Place(countries, state)


def _states(mentions: tuple[Mention, ...]) -> set[UsState | None]:
    """Give the different states that were said, with None among them for what is no state with a law of its own."""
    return {_state(region) for _, region in mentions if region is not None and region.strip()}


def merged(mentions: tuple[Mention, ...]) -> Mention:
    """Put what was said into one mention, from which nothing less strict can follow than from all of them.

    It holds codes and `UNREADABLE`, never what somebody wrote. A state is kept where somebody else may yet name the country.
    """
    country, states = place_of(mentions).country, _states(mentions)
    state = next(iter(states)) if len(states) == 1 and country in {None, US} else None
    return country, state.value if state else UNREADABLE if states else None


def coded(mention: Mention) -> Mention:
    """Reduce a mention to codes: it counts exactly as before, and nothing else that somebody wrote is left in it."""
    country, region = mention
    return (
        None if country is None else _country(country),
        None if region is None or not region.strip() else _state(region) or UNREADABLE,
    )


def place_in(country: str | None, region: str | None) -> Place:
    """Do what `place_of` does for a single mention, which most visitors have."""
    return _place_in(*_short(country, region))


@lru_cache(maxsize=4096)
def _place_in(country: str | None, region: str | None) -> Place:
    return _place_of(((country, region),))


def _country(text: str | None) -> str | None:
    if text is None or text in TWO_LETTERS:
        return text
    if len(text) > LONGEST:
        return UNREADABLE
    code = text.strip().upper()
    return None if not code else code if code in TWO_LETTERS else UNREADABLE


def _state(text: str) -> UsState | None:
    """Read `CA` or `US-CA` (ISO 3166-2); None for what is no state with such a law."""
    code = "" if len(text) > LONGEST else text.strip().upper().removeprefix("US-")
    return UsState(code) if code in UsState.__members__ else None
