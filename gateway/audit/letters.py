"""Dead letters for people and programs: what lies there and why, what a replay would do or did. Pure.

Sums and codes only; one by one, the id by which the shop knows the event and its times as well. No person is in it.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final, TypedDict

from gateway.audit.advice import advise
from gateway.audit.trace import moment
from gateway.delivery.letters import Dead, Slice
from gateway.model.money import EXPONENTS
from gateway.model.words import Destination, Reason
from gateway.outbox.answers import DeadLetter
from gateway.outbox.work import Record


class DeadTold(TypedDict):
    """Letters that died alike; times are RFC 3339 in UTC. `what` and `do` say what it means and what to do about it."""

    destination: str
    event: str
    reason: str
    code: str | None
    count: int
    first_at: str
    last_at: str
    replayed_before: int
    what: str
    do: str


class Listing(TypedDict):
    """The answer of `GET /api/v1/dead-letters`."""

    total: int
    letters: list[DeadTold]


class LetterTold(TypedDict):
    """One dead letter. `event_id`, `occurred_at`, `attempts` are None where its seal does not open. Times are RFC 3339, UTC."""

    destination: str
    event: str
    event_id: str | None
    occurred_at: str | None
    died_at: str
    reason: str
    code: str | None
    attempts: int | None
    replayed: int
    what: str
    do: str


class LettersTold(TypedDict):
    """The answer of `GET /api/v1/dead-letters/list`. `next` is the `cursor` of the page after this, None after the last.

    A page can be short, or empty, and have a next: only so many letters are looked at for one.
    """

    letters: list[LetterTold]
    next: str | None


class LotTold(TypedDict):
    """Letters that died alike and fare alike; `value` by currency, decimal text in major units."""

    event: str
    reason: str
    code: str | None
    against: str | None
    count: int
    value: dict[str, str]


class SliceTold(TypedDict):
    """The answer of `POST /api/v1/replay`."""

    looked_at: int
    next: int | None
    lots: list[LotTold]


AGAINST: Final[Mapping[str, str]] = {
    Reason.WITHDRAWN: "the person has withdrawn",
    Reason.CONSENT_EXPIRED: "the consent has grown too old",
    Reason.EXPIRED: "too old for the platform",
    Reason.AMBIGUOUS_EXPIRED: "may have arrived; the platform would no longer recognise a repeat",
    Reason.CONFIGURATION: "by today's settings the destination does not take it",
    Reason.UNSEALABLE: "cannot be read",
}
"""Why a letter is not replayed, in words; there is one for each that `delivery.letters` can say."""


def list_dead(dead: Iterable[Dead]) -> Listing:
    """Write counts of dead letters out."""
    letters = [_dead(one) for one in dead]
    return Listing(total=sum(one["count"] for one in letters), letters=letters)


def _dead(dead: Dead) -> DeadTold:
    advice = advise(dead.destination, dead.reason, dead.code)
    return DeadTold(
        destination=dead.destination.value,
        event=dead.kind.value,
        reason=dead.reason.value,
        code=dead.code,
        count=dead.count,
        first_at=moment(dead.first_at),
        last_at=moment(dead.last_at),
        replayed_before=dead.again,
        what=advice.what,
        do=advice.do,
    )


def tell_letter(destination: Destination, letter: DeadLetter, record: Record | None) -> LetterTold:
    """Write one letter out; `record` is what was in it, None where that cannot be read."""
    advice = advise(destination, letter.reason, letter.code)
    return LetterTold(
        destination=destination.value,
        event=letter.kind.value,
        event_id=None if record is None else str(record.event.event_id),
        occurred_at=None if record is None else moment(record.event.occurred_at),
        died_at=moment(letter.died_at),
        reason=letter.reason.value,
        code=letter.code,
        attempts=None if record is None else record.tries,
        replayed=letter.replays,
        what=advice.what,
        do=advice.do,
    )


def tell_slice(found: Slice) -> SliceTold:
    """Write a slice out."""
    return SliceTold(
        looked_at=found.looked_at,
        next=found.next,
        lots=[
            LotTold(
                event=lot.kind.value,
                reason=lot.reason.value,
                code=lot.code,
                against=None if lot.against is None else lot.against.value,
                count=lot.count,
                value={currency: _major(minor, currency) for currency, minor in sorted(lot.money.items())},
            )
            for lot in found.lots
        ],
    )


def _major(minor: int, currency: str) -> str:
    return f"{Decimal(minor).scaleb(-EXPONENTS.get(currency, 2)):f}"
