"""What became of events, as a bar that is looked at and not read: its parts with their counts, at the door and at a platform.

A bar never says more than the figures beside it: a group that is too small to be told has no width, and its count is `<10`.
Pure.
"""

from enum import unique
from typing import Final

import msgspec

from gateway.audit.funnel import Arrival, Door, Now
from gateway.audit.groups import Cell
from gateway.console.language import msg
from gateway.model.words import Word

WIDE: Final = 1000
"""How wide a bar is drawn."""
LEAST: Final = 4
"""How narrow a part may be that is there at all: one failed event among a million is seen."""


@unique
class Tone(Word):
    """How a part is coloured. What it is stands beside it in words."""

    GOOD = "good"
    TAKEN = "taken"
    """Nearly as good: taken for processing."""
    WAIT = "wait"
    AGAIN = "again"
    BAD = "bad"
    CONSENT = "consent"
    """A person's own decision: nothing is wrong with it."""
    OTHER = "other"
    REPEAT = "repeat"


class Part(msgspec.Struct, frozen=True):
    """One part of a bar: what it is (an English text, marked for translation), and how many. `at` and `width` of `WIDE`."""

    label: str
    tone: Tone
    count: Cell
    at: float = 0
    width: float = 0


class Bar(msgspec.Struct, frozen=True):
    """What became of events at one place: a platform's name, or nothing for the door."""

    place: str
    parts: tuple[Part, ...]


def at_the_door(door: Door) -> Bar:
    """Give what became of what came in."""
    return _bar(
        "",
        Part(msg("Accepted"), Tone.GOOD, door["accepted"]),
        Part(msg("No consent"), Tone.CONSENT, door["refused_for_consent"]),
        Part(msg("Refused otherwise"), Tone.OTHER, sum(door["refused_otherwise"].values())),
        Part(msg("Invalid"), Tone.BAD, sum(door["invalid"].values())),
        Part(msg("Repeats"), Tone.REPEAT, door["duplicate"]),
    )


def at_a_platform(name: str, arrival: Arrival, now: Now | None) -> Bar:
    """Give what became at a platform of what was accepted for it; what waits is told as of now."""
    return _bar(
        name,
        Part(msg("Confirmed by the platform"), Tone.GOOD, arrival["delivered"]),
        Part(msg("Taken for processing"), Tone.TAKEN, arrival["taken"]),
        Part(msg("Waiting"), Tone.WAIT, 0 if now is None else now["waiting"]),
        Part(msg("To be tried again"), Tone.AGAIN, 0 if now is None else now["retrying"]),
        Part(msg("Failed for good"), Tone.BAD, arrival["dead"]),
        Part(msg("Consent taken back"), Tone.CONSENT, arrival["withdrawn"]),
        Part(msg("Refunded before it left"), Tone.OTHER, arrival["refunded"]),
    )


def _bar(place: str, *parts: Part) -> Bar:
    """Lay parts beside each other; those of which there are none are left out."""
    there = [part for part in parts if part.count]
    sizes = [max(part.count, 0) if isinstance(part.count, int) else 0 for part in there]
    drawn = [max(size / sum(sizes) * WIDE, LEAST) if size else 0.0 for size in sizes]
    scale = WIDE / sum(drawn) if any(drawn) else 0.0
    laid, at = [], 0.0
    for part, width in zip(there, drawn, strict=True):
        laid.append(msgspec.structs.replace(part, at=round(at, 1), width=round(width * scale, 1)))
        at += width * scale
    return Bar(place, tuple(laid))
