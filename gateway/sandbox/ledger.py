"""What a stand-in took, so that anyone can account for every event and every cent.

Repeats are recognised as the platform would: the first one stays for 48 hours (Meta; Pinterest where the repeat is no
older than an hour), or a repeat corrects value and currency of the one that is there (Google). Kept of an event: its
name, id, time, money and the names of the fields that came with it; never a digest, an address or any other value.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum, unique

import msgspec

from gateway.model.money import EXPONENTS

WINDOW = 48 * 3600.0
"""Seconds from the first receipt in which Meta and Pinterest recognise a repeat.

https://developers.facebook.com/documentation/ads-commerce/conversions-api/deduplicate-pixel-and-server-events and
https://docs.amperity.com/operator/events_pinterest.html (read 2026-11-22)
"""

COMPARED = 3600.0
"""Seconds after it happened in which Pinterest holds an event against those that it has; later it counts as offline.

https://www.twilio.com/docs/segment/connections/destinations/catalog/actions-pinterest-conversions-api and
https://github.com/pinterest/api-description (read 2026-11-26)
"""


@unique
class Repeats(StrEnum):
    """What the platform does with an event that it already has."""

    FIRST_STAYS = "first_stays"
    """Dropped if it comes within 48 hours of the first receipt; later it counts as a new event."""
    FRESH_FIRST_STAYS = "fresh_first_stays"
    """The same, but what comes more than an hour after it happened is compared with nothing: it counts as a new event."""
    CORRECTS = "corrects"
    """Value and currency are overwritten, at any time; there is no second conversion.

    https://developers.google.com/data-manager/api/devguides/events/google-ads/conversion-adjustments (read 2026-11-22)
    """


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """An event as received. `occurred_at` is Unix seconds; an empty `event_id` means that none was sent.

    `place` is its position in the request; an event that goes to two conversion actions at Google arrives twice.

    `fault` is why the platform will not use the event though the request stands; `warning` is its remark.
    """

    place: int
    name: str
    event_id: str
    occurred_at: float
    value: Decimal | None
    currency: str | None
    fields: tuple[str, ...]
    fault: str | None = None
    warning: str | None = None


class Taken(msgspec.Struct):
    """An event that the platform has. `at` is when it first came, `copies` how often, `differing` how often otherwise."""

    name: str
    event_id: str
    occurred_at: float
    at: float
    value: Decimal | None
    currency: str | None
    fields: tuple[str, ...]
    copies: int = 1
    differing: int = 0


class Ledger:
    """One platform's account."""

    def __init__(self, repeats: Repeats) -> None:
        """Begin empty."""
        self._repeats = repeats
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.requests = 0
        """Requests read to the end, whatever became of them."""
        self.received = 0
        """Events taken, repeats included."""
        self.repeats = 0
        """Events taken that the platform already had."""
        self.refused: Counter[str] = Counter()
        """Events not taken, by the platform's reason; every event of a request refused as a whole counts."""
        self._taken: list[Taken] = []
        self._latest: dict[tuple[str, str], Taken] = {}
        self._by_id: dict[str, list[Taken]] = {}
        self._shapes: dict[tuple[str, ...], tuple[str, ...]] = {}
        """Each set of field names once: a hundred thousand events have a handful."""

    def take(self, arrival: Arrival, now: float) -> None:
        """Enter an event that the platform took at `now` (Unix seconds)."""
        self.received += 1
        known = self._latest.get((arrival.name, arrival.event_id)) if arrival.event_id else None
        if known is None or not self._compares(arrival, known, now):
            self._enter(arrival, now)
            return
        self.repeats += 1
        known.copies += 1
        if (arrival.value, arrival.currency) != (known.value, known.currency):
            known.differing += 1
            if self._repeats is Repeats.CORRECTS:
                known.value, known.currency = arrival.value, arrival.currency

    def _compares(self, arrival: Arrival, known: Taken, now: float) -> bool:
        """Say whether an event that comes now is recognised as one that is known by the same name and id."""
        if self._repeats is Repeats.CORRECTS:
            return True
        fresh = self._repeats is Repeats.FIRST_STAYS or now - arrival.occurred_at <= COMPARED
        return fresh and now - known.at < WINDOW

    def refuse(self, reason: str, count: int = 1) -> None:
        """Enter events that the platform did not take."""
        self.refused[reason] += count

    def __len__(self) -> int:
        """Count the distinct events."""
        return len(self._taken)

    def __iter__(self) -> Iterator[Taken]:
        """Give every distinct event in order of first receipt."""
        return iter(self._taken)

    def find(self, event_id: str) -> tuple[Taken, ...]:
        """Give what was taken under this id, of any name."""
        return tuple(self._by_id.get(event_id, ()))

    def money(self) -> dict[str, Decimal]:
        """Add up the distinct events' values, by currency in capitals."""
        sums: dict[str, Decimal] = {}
        for taken in self._taken:
            if taken.value is not None and taken.currency:
                currency = taken.currency.upper()
                sums[currency] = sums.get(currency, Decimal(0)) + taken.value
        return sums

    def names(self) -> Mapping[str, int]:
        """Count the distinct events by name."""
        return Counter(taken.name for taken in self._taken)

    def summary(self) -> dict[str, object]:
        """Give counts and money as JSON values, money as exact text."""
        return {
            "requests": self.requests,
            "received": self.received,
            "distinct": len(self),
            "repeats": self.repeats,
            "differing": sum(taken.differing for taken in self._taken),
            "refused": dict(self.refused),
            "events": dict(self.names()),
            "money": {currency: amount_text(amount, currency) for currency, amount in self.money().items()},
        }

    def _enter(self, arrival: Arrival, now: float) -> None:
        """Add a distinct event."""
        taken = Taken(
            name=arrival.name,
            event_id=arrival.event_id,
            occurred_at=arrival.occurred_at,
            at=now,
            value=arrival.value,
            currency=arrival.currency,
            fields=self._shapes.setdefault(arrival.fields, arrival.fields),
        )
        self._taken.append(taken)
        if arrival.event_id:
            self._latest[arrival.name, arrival.event_id] = taken
            self._by_id.setdefault(arrival.event_id, []).append(taken)


NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)


def exact(value: object) -> Decimal | None:
    """Read a JSON number or a numeric text exactly as written, None if it is neither or not finite."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    text = value if isinstance(value, str) else repr(value)
    return Decimal(text) if NUMBER.fullmatch(text) else None


def amount_text(amount: Decimal, currency: str | None) -> str:
    """Write an amount exactly, with the currency's places at least: `129.90`, `1500`, `0.125`."""
    places = EXPONENTS.get((currency or "").upper(), 2)
    written = max(places, _places(amount.normalize()))
    return f"{amount:.{written}f}"


def taken_json(taken: Taken) -> dict[str, object]:
    """Write one event out as JSON values, money as exact text, times in Unix seconds."""
    return {
        "name": taken.name,
        "event_id": taken.event_id,
        "occurred_at": taken.occurred_at,
        "received_at": taken.at,
        "value": None if taken.value is None else amount_text(taken.value, taken.currency),
        "currency": taken.currency,
        "copies": taken.copies,
        "differing": taken.differing,
        "fields": taken.fields,
    }


def _places(amount: Decimal) -> int:
    """Count the digits after the point that are written."""
    exponent = amount.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0
