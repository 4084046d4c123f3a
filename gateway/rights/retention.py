"""How long each store keeps what it has: what a person is told, and what `check` shows. Pure."""

from collections.abc import Mapping
from typing import Final

import msgspec

SECTION: Final = "retention."


class Keeping(msgspec.Struct, frozen=True):
    """What one store keeps, until when, and what bounds it: a setting with its limits in days, or the program itself."""

    store: str
    what: str
    until: str
    bound: str


class Period(msgspec.Struct, frozen=True):
    """A period from the settings, in days: what it is, and the least and the most that it may be."""

    days: int
    least: int
    most: int


ROWS: Final[tuple[tuple[str, str, str, str], ...]] = (
    # store, what, and either a setting and from when it runs, or how it ends by the program itself
    (
        "outbox",
        "events that wait, sealed",
        "",
        "until delivered or dead: to the platform's age limit, longer while the destination is paused or down",
    ),
    ("outbox", "dead letters, sealed", "dead_letters_days", "after the event died"),
    (
        "outbox",
        "event ids and why each went or not, without content",
        "",
        "8 days after it came in, the codes 2 more",
    ),
    ("outbox", "what was sent: event id, fields, evidence, sealed", "sent_days", "after it was sent"),
    ("outbox", "withdrawals, as keyed hashes", "withdrawals_days", "after the last word of the person"),
    ("outbox", "what went back for orders, as keyed hashes and sums", "", "90 days after it was told"),
    ("ledger", "consent records, sealed", "consent_records_days", "after they came in"),
    ("ledger", "the register of requests, as keyed hashes", "requests_days", "after the request was done"),
    ("ledger", "orders held for their consent record, sealed", "", "30 minutes at most, and only where a storefront says so"),
    ("books", "sums of events and money, of no person", "", "for as long as the store"),
    ("books", "the same by the hour", "", "35 days, and to the end of that day"),
    ("books", "the same by the day", "figures_days", "after the day"),
)


def keepings(periods: Mapping[str, Period]) -> tuple[Keeping, ...]:
    """Give every row, with the `[retention]` settings by name. Raises KeyError when one is missing."""
    return tuple(_row(periods, *row) for row in ROWS)


def _row(periods: Mapping[str, Period], store: str, what: str, setting: str, until: str) -> Keeping:
    if not setting:
        return Keeping(store, what, until, "the program")
    period = periods[setting]
    bound = f"{SECTION}{setting}, {period.least} to {period.most} days"
    return Keeping(store, what, f"{period.days} days {until}", bound)
