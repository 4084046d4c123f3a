"""What a platform's later word means: when to ask for it, what of it counts, and whether something is not set up.

Pure: times and dice are handed in.
"""

from collections.abc import Set as AbstractSet
from typing import Final

from gateway.delivery.backoff import PROBE_FLOOR, Pace, doubled
from gateway.model.texts import PlatformCode
from gateway.model.words import Processing
from gateway.outbox.work import Inquiry, Outcomes

DAY_SECONDS: Final = 86_400

MOST_CODES: Final = 100
"""Distinct codes of a lane that are kept apart. Google's enumeration has some forty; it is open, books and metrics are not."""

OTHER: Final = PlatformCode("OTHER")


def wait(pace: Pace, tries: int, dice: float) -> float:
    """Seconds until a request is asked after again, `tries` answers not having been the last (0 …)."""
    interval = doubled(pace.inquiry_first_seconds, pace.inquiry_cap_seconds, tries)
    return interval * (PROBE_FLOOR + (1.0 - PROBE_FLOOR) * dice)


def given_up(inquiry: Inquiry, pace: Pace, now: float) -> bool:
    """Say whether nobody waits for the last word on a request any more; `now` is Unix seconds."""
    return now > inquiry.taken_at + pace.inquiry_give_up_days * DAY_SECONDS


def last_word(outcomes: Outcomes, events: int) -> Outcomes:
    """Make of what was said what goes into the books: what is still pending then, or was never spoken of, is untold."""
    said = tuple(outcome for outcome in outcomes if outcome[0] is not Processing.PENDING)
    untold = events - sum(count for _, _, count in said)
    return (*said, (Processing.UNTOLD, None, untold)) if untold > 0 else said


def bounded(outcomes: Outcomes, known: AbstractSet[PlatformCode]) -> Outcomes:
    """Put codes under one name that are not among the `known` once there are `MOST_CODES` of those."""
    if len(known) < MOST_CODES:
        return outcomes
    return tuple((processing, code if code is None or code in known else OTHER, count) for processing, code, count in outcomes)


def misconfigured(outcomes: Outcomes) -> tuple[bool, PlatformCode | None]:
    """Say whether the platform finds something not set up, and its first code for it."""
    for processing, code, _ in outcomes:
        if processing is Processing.MISCONFIGURED:
            return True, code
    return False, None


def in_order(outcomes: Outcomes) -> bool:
    """Say whether the platform could use anything: then what was not set up is now."""
    return any(processing in {Processing.USED, Processing.DUPLICATE} for processing, _, _ in outcomes)
