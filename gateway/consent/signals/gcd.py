"""`gcd`: what Google's tag says of Consent Mode in full: for each type of consent who said what, and what follows of it.

Ten characters of a 64-letter alphabet, or twelve:

    0        1
    1 2      ad_storage: how it is delegated and implied; what was declared, set by default, and set by an update
    3 4      analytics_storage
    5 6      ad_user_data
    7 8      ad_personalization
    9        Global Privacy Control heard; Consent Mode in use; the setting for personalised advertising
    10 11    defaults of the container, and whether they stand in place of the page's

Each single state is two bits: 1 unset, 2 denied, 3 granted. Only an update is a visitor's answer; a default of granted means
that nobody was asked. Google describes Consent Mode (https://developers.google.com/tag-platform/security/guides/consent) but
not this encoding, which was found by running its tag; the letters are listed, without the rarer parts, at
https://www.perspection.app/library/google-consent-mode-v2-gcs-gcd-parameters-decoded (both read 2026-11-26). So whatever is
not exactly of this shape refuses. Pure.
"""

from collections.abc import Mapping
from enum import IntEnum, unique
from itertools import product
from typing import Final, NamedTuple

from gateway.consent.statement import Context, Statements
from gateway.consent.table import GCD_BOTH_GRANTED, GCD_BOTH_GRANTED_BY_UPDATE, GCD_DENIED, GCD_GPC, GCD_UNREADABLE

LETTERS: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
"""The letter of each value from 0 to 63."""


@unique
class Said(IntEnum):
    """One state, as its two bits have it. 0 is none of them."""

    UNSET = 1
    DENIED = 2
    GRANTED = 3


UNSET, DENIED, GRANTED = Said.UNSET, Said.DENIED, Said.GRANTED


@unique
class Type(IntEnum):
    """A type of consent, by its place."""

    AD_STORAGE = 0
    ANALYTICS_STORAGE = 1
    AD_USER_DATA = 2
    AD_PERSONALIZATION = 3


class Origin(NamedTuple):
    """The first letter of a type: the type whose answer it takes over where it has none, and what it is by implication."""

    follows: Type | None
    implicit: Said


class Calls(NamedTuple):
    """The second letter of a type: what the page's calls said of it."""

    declare: Said
    default: Said
    update: Said


class Tail(NamedTuple):
    """The tenth letter. `personalised` is the tag's own setting, 3 for false."""

    gpc: bool
    in_use: bool
    personalised: int


SETTING_FALSE: Final = 3

ORIGINS: Final[Mapping[str, Origin]] = {
    LETTERS[(0 if follows is None else 12 + follows) << 2 | implicit]: Origin(follows, implicit)
    for follows, implicit in product((None, *Type), Said)
}
"""Delegation to a type outside the four (8) is not among them: what it leads to cannot be seen."""
CALLS: Final[Mapping[str, Calls]] = {LETTERS[d << 4 | p << 2 | u]: Calls(d, p, u) for d, p, u in product(Said, repeat=3)}
TAILS: Final[Mapping[str, Tail]] = {
    LETTERS[gpc << 3 | in_use << 2 | setting]: Tail(gpc, in_use, setting)
    for gpc, in_use, setting in product((False, True), (False, True), range(4))
}
CONTAINER: Final[Mapping[str, tuple[Said, ...]]] = {letter: tuple(calls) for letter, calls in CALLS.items()}
"""The eleventh letter: the container's defaults for the first three types."""
CONTAINER_TAILS: Final[Mapping[str, tuple[bool, Said]]] = {
    LETTERS[used << 2 | personalization]: (used, personalization) for used, personalization in product((False, True), Said)
}
"""The twelfth: whether they are used, and the one for the fourth type."""


class Mode(NamedTuple):
    """What a `gcd` says. `container`: the defaults that stand in place of the page's, None where they are not used."""

    origins: tuple[Origin, ...]
    calls: tuple[Calls, ...]
    tail: Tail
    container: tuple[Said, ...] | None

    def updated(self, kind: Type) -> Said:
        """Give the visitor's answer for a type."""
        return self.calls[kind].update

    def effective(self, kind: Type) -> Said:
        """Give the state that is in force: of update, default, both of the followed type, declaration and implication the
        first that is set.
        """
        follows, implicit = self.origins[kind]
        answer = self._answer(kind)
        if answer is UNSET and follows is not None:
            answer = self._answer(follows)
        if answer is UNSET:
            answer = self.calls[kind].declare
        return implicit if answer is UNSET else answer

    def _answer(self, kind: Type) -> Said:
        """Give the update, or else the default: the page's or the container's."""
        _, default, update = self.calls[kind]
        if update is not UNSET:
            return update
        return default if self.container is None else self.container[kind]


def decode(text: str) -> Mode | None:
    """Take a `gcd` apart; None if it is not exactly of the shape above, or if its types follow each other in a circle."""
    if len(text) not in (10, 12) or text[0] != "1":
        return None
    try:
        origins = tuple(ORIGINS[letter] for letter in text[1:9:2])
        calls = tuple(CALLS[letter] for letter in text[2:9:2])
        tail = TAILS[text[9]]
        container = _container(text[10:]) if len(text) == 12 else None
    except KeyError:  # its text repeats the letter
        return None
    return None if _circular(origins) else Mode(origins, calls, tail, container)


def _container(text: str) -> tuple[Said, ...] | None:
    defaults = CONTAINER[text[0]]
    used, personalization = CONTAINER_TAILS[text[1]]
    return (*defaults, personalization) if used else None


def _circular(origins: tuple[Origin, ...]) -> bool:
    """Say whether somebody who follows along is still on the way after as many steps as there are types."""
    walkers = [follows for follows, _ in origins if follows is not None]
    for _step in origins:
        walkers = [follows for at in walkers if (follows := origins[at].follows) is not None]
    return bool(walkers)


def read(consent: Mapping[str, object], context: Context) -> Statements:
    """Read `consent["gcd"]`: grant Google where the visitor's own update granted `ad_storage` and `ad_user_data`.

    Either denied in force refuses everywhere. Both granted in force without an update merely permit. Where Consent Mode is
    not in use nothing is granted or permitted. Personalisation is granted by an update alone.
    """
    gcd = consent["gcd"]
    if gcd is None:
        return ()
    mode = decode(gcd) if type(gcd) is str else None
    if mode is None:
        return GCD_UNREADABLE
    _personalise(mode, context)
    said = _advertising(mode)
    return said + GCD_GPC if mode.tail.gpc else said


def _advertising(mode: Mode) -> Statements:
    in_force = (mode.effective(Type.AD_STORAGE), mode.effective(Type.AD_USER_DATA))
    if DENIED in in_force:
        return GCD_DENIED
    if not mode.tail.in_use or UNSET in in_force:
        return ()
    answered = mode.updated(Type.AD_STORAGE) is mode.updated(Type.AD_USER_DATA) is GRANTED
    return GCD_BOTH_GRANTED_BY_UPDATE if answered else GCD_BOTH_GRANTED


def _personalise(mode: Mode, context: Context) -> None:
    if mode.effective(Type.AD_PERSONALIZATION) is DENIED or mode.tail.personalised == SETTING_FALSE:
        context.personalise(False)  # noqa: FBT003 - the answer itself
    elif mode.tail.in_use and mode.updated(Type.AD_PERSONALIZATION) is GRANTED:
        context.personalise(True)  # noqa: FBT003 - same
