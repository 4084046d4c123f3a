"""Leafing through dead letters, one by one: a page at a time, and for a page no more than a bounded look into the store.

The oldest of each destination come first. A page opens its own letters alone, and tells of each what the shop knows it by.
"""

from collections.abc import Mapping
from enum import StrEnum, unique
from typing import Final

import msgspec

from gateway.audit.letters import LettersTold, LetterTold, tell_letter
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination, Reason
from gateway.outbox import Outbox
from gateway.outbox.answers import DeadLetter
from gateway.outbox.work import Lane

PAGE: Final = 50
LOOKED_AT_ONCE: Final = 500
MOST_LOOKS: Final = 6
"""Looks into the store for one page, of a few milliseconds each; others have their turn between them."""
_MOST_DIGITS: Final = 18


class Wanted(msgspec.Struct, frozen=True):
    """Which letters: of one destination or all, of one reason or all, beyond number `after` of destination `begin`."""

    destination: Destination | None = None
    reason: Reason | None = None
    begin: Destination | None = None
    after: int = 0


@unique
class Unmeant(StrEnum):
    """Which part of a question cannot be meant."""

    DESTINATION = "destination"
    REASON = "reason"
    CURSOR = "cursor"


def read(query: Mapping[str, str]) -> Wanted | Unmeant:
    """Read a query's `destination`, `reason` and `cursor`; what is left out is all, from the beginning."""
    try:
        destination = Destination(query["destination"]) if query.get("destination") else None
    except ValueError:
        return Unmeant.DESTINATION
    try:
        reason = Reason(query["reason"]) if query.get("reason") else None
    except ValueError:
        return Unmeant.REASON
    if not query.get("cursor"):
        return Wanted(destination, reason)
    name, _, number = query["cursor"].partition(":")
    begin = next((one for one in Destination if one.value == name), None)
    sound = number.isascii() and number.isdecimal() and len(number) <= _MOST_DIGITS
    if begin is None or not sound or destination not in {None, begin}:
        return Unmeant.CURSOR
    return Wanted(destination, reason, begin, int(number))


async def leaf(outbox: Outbox, storefront: StorefrontId, wanted: Wanted) -> LettersTold:
    """Give a page. Raises Unavailable."""
    places = [one for one in Destination if wanted.destination in {None, one}]
    if wanted.begin is not None:
        places = places[places.index(wanted.begin) :]
    told: list[LetterTold] = []
    after, looks = wanted.after, 0
    for place in places:
        lane = Lane(storefront, place)
        while looks < MOST_LOOKS and len(told) < PAGE:
            looks += 1
            letters = await outbox.dead_letters(lane, after, LOOKED_AT_ONCE)
            meant = [letter for letter in letters if wanted.reason in {None, letter.reason}][: PAGE - len(told)]
            told += await _opened(outbox, lane, meant)
            if len(told) == PAGE:
                after = meant[-1].seq
            elif len(letters) == LOOKED_AT_ONCE:
                after = letters[-1].seq
            else:
                break
        else:
            return LettersTold(letters=told, next=f"{place.value}:{after}")
        after = 0
    return LettersTold(letters=told, next=None)


async def _opened(outbox: Outbox, lane: Lane, letters: list[DeadLetter]) -> list[LetterTold]:
    """Open letters, and tell of each what may be told."""
    opened = {record.seq: record for record in await outbox.open_letters(lane, letters)}
    return [tell_letter(lane.destination, letter, opened.get(letter.seq)) for letter in letters]
