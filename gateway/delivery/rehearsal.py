"""What a rehearsal sends and what the answer shows. Pure: the time is handed in.

The event is nobody's: its only identity is the digest of an address in a domain that is reserved for examples
(https://www.rfc-editor.org/rfc/rfc2606#section-3, read 2026-11-25), and where no address may go, a click id that was never
given out. It has no IP address.
"""

from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Final

import msgspec

from gateway.adapter import Rehearsal, Reply, Way
from gateway.delivery.contract_body import Place
from gateway.delivery.fates import NoReply, without_reply
from gateway.model.event import EmailDigests, Minimised
from gateway.model.money import Money
from gateway.model.texts import EmailDigest, EventId, PlatformCode
from gateway.model.verdict import Delivered, Isolate, Maybe, Pause, Rejected, Retry, Throttle, Verdict
from gateway.model.words import Destination, Kind, Reason

NOBODY: Final = EmailDigest(sha256(b"rehearsal@example.com").hexdigest())
PRICE: Final = Money(100, "EUR")

CLOCK_SECONDS: Final = 300
"""A clock that differs by this much from the platform's is wrong: events would be taken for old or for future ones."""

GRAVEST_LAST: Final = (Delivered, Throttle, Maybe, Retry, Isolate, Rejected, Pause)
"""Of several verdicts the one is told that stands last: what only a person can change before what comes right by itself."""


class Finding(msgspec.Struct, frozen=True):
    """What a rehearsal showed. `well`: events would be taken, as far as the platform lets anybody see.

    `recorded`: the platform has counted the event. `clock_ahead`: by how many seconds this machine's clock is ahead of
    the platform's (less than 0: behind); None when it did not tell. `sent`: whether anything left this machine. `places`: what
    the contract did not let out. `kinds`: whose events would not be taken, where others' would.
    """

    way: Way
    well: bool
    recorded: bool
    reason: Reason
    code: PlatformCode | None
    clock_ahead: int | None = None
    sent: bool = True
    places: tuple[Place, ...] = ()
    kinds: tuple[Kind, ...] = ()


def samples(rehearsal: Rehearsal, destination: Destination, now: int) -> list[Minimised]:
    """Make the events to send at `now` (Unix seconds): one of each kind, each under an id of its own."""
    at = now - rehearsal.age
    return [
        Minimised(
            kind=kind,
            event_id=EventId(f"rehearsal-{kind}-{now}"),
            occurred_at=at,
            destinations=(destination,),
            consent_at=at,
            email=EmailDigests(NOBODY, NOBODY, NOBODY),
            money=None if kind is Kind.PAGE_VIEW else PRICE,
            click=rehearsal.click,
        )
        for kind in rehearsal.kinds
    ]


def found(rehearsal: Rehearsal, verdicts: Sequence[Verdict], clock_ahead: int | None) -> Finding:
    """Say what the answer shows, by the verdict on each kind: what stands in the way most, or that nothing does."""
    bad = [(kind, one) for kind, one in zip(rehearsal.kinds, verdicts, strict=False) if not _as_hoped(rehearsal, one)]
    worst = max([one for _, one in bad] or verdicts, key=lambda verdict: GRAVEST_LAST.index(type(verdict)))
    right = clock_ahead is None or abs(clock_ahead) < CLOCK_SECONDS
    recorded = isinstance(worst, Delivered) and rehearsal.way in {Way.TEST_EVENT, Way.TOO_OLD}
    kinds = tuple(kind for kind, _ in bad) if len(bad) < len(verdicts) else ()
    return Finding(rehearsal.way, not bad and right, recorded, worst.reason, worst.code, clock_ahead, kinds=kinds)


def _as_hoped(rehearsal: Rehearsal, verdict: Verdict) -> bool:
    """Say whether the event was taken, or refused for what it was meant to be refused for."""
    proven = rehearsal.proof is not None and verdict.code == rehearsal.proof
    return isinstance(verdict, Delivered) or (isinstance(verdict, Rejected | Isolate) and proven)


def without_answer(rehearsal: Rehearsal, nothing: NoReply) -> Finding:
    """Say that there was no answer, and why."""
    verdict = without_reply(nothing)
    return unsent(rehearsal, verdict) if nothing.certain_no else found(rehearsal, [verdict], None)


def unsent(rehearsal: Rehearsal, verdict: Verdict, places: tuple[Place, ...] = ()) -> Finding:
    """Say that nothing was sent, and why."""
    return msgspec.structs.replace(found(rehearsal, [verdict], None), sent=False, places=places)


def clock_ahead(reply: Reply, now: float) -> int | None:
    """Give by how many seconds this machine's clock (`now`) is ahead of the platform's; None when it did not tell."""
    try:
        return round(now - parsedate_to_datetime(reply.headers.get("date", "")).timestamp())
    except (ValueError, TypeError, OverflowError):
        return None
