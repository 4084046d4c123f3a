"""A store with a past: `python -m tests.figures FOLDER [--storefronts 50] [--days 90]`, for whoever measures reports.

Fills a new store with the figures of that many days up to now, as transactions of as many hours would have left them, and
swept as they would have been. No event is in it, so it takes a minute or two; all figures together are the books.
"""

import argparse
import asyncio
import random
import time
from functools import partial
from pathlib import Path
from typing import Final

from gateway.model.money import Money
from gateway.model.texts import PlatformCode, StorefrontId
from gateway.model.words import Destination, Kind, Processing, Reason, Refusal, Source, Status
from gateway.outbox.engine.sqlite import SqliteOutbox
from gateway.outbox.engine.store import Options, Store
from gateway.outbox.history import (
    ACCEPTED,
    DIFFERING,
    FRESH,
    HOUR_SECONDS,
    MATCHED,
    PROCESSED,
    RECEIVED,
    WITHIN_SECONDS,
)
from gateway.outbox.work import Lane
from gateway.storage.keyring import Keyring

DAY: Final = 86_400
HOURS_FROM: Final = 37
BUSY_HOURS: Final = 13
OPTIONS: Final = Options(4 << 30, 0)
REASONS: Final = (Refusal.GPC, Refusal.SHOPIFY_DENIED, Refusal.NO_CONSENT, Refusal.CMP_DENIED, Refusal.NO_IDENTITY)
ENDS: Final = (("delivered", Reason.CONFIRMED, 100), ("dead", Reason.REJECTED, 1), ("dead", Reason.EXPIRED, 1))


def names(storefronts: int) -> list[StorefrontId]:
    """Name so many storefronts."""
    return [StorefrontId(f"shop{n}") for n in range(1, storefronts + 1)]


def lanes(storefronts: int) -> list[Lane]:
    """Give each of them all destinations."""
    return [Lane(name, destination) for name in names(storefronts) for destination in Destination]


async def fill(store: SqliteOutbox, storefronts: int, days: int, now: int) -> None:
    """Book so many days up to `now`, a day in each transaction, and sweep as it goes."""
    dice = random.Random(7)  # noqa: S311 - the same past each time
    for day in range(days, -1, -1):
        # Of a day that is told as a whole it does not matter how many hours it had; a shop sells nothing at night.
        hours = [now - day * DAY - hour * HOUR_SECONDS for hour in range(BUSY_HOURS if day < HOURS_FROM else 0, -1, -1)]

        def book(inside: Store, hours: list[int] = hours) -> None:
            for name in names(storefronts):
                number = inside._names.storefront(name)
                for hour in hours:
                    inside._books.at(hour)
                    _book_hour(inside, number, dice)

        await store._writer.change(book)
        last: int | None = 0
        while last is not None:
            last, _ = await store._writer.change(partial(Store.sweep_storefronts, after=last, now=hours[-1]))


def _book_hour(store: Store, storefront: int, dice: random.Random) -> None:
    """Book some hundred lines, as busy shops have in an hour."""
    books = store._books
    for kind in Kind:
        source = Source.EVENTS if kind is Kind.PURCHASE else Source.COLLECT
        accepted = dice.randint(20, 200)
        books.add(accepted, storefront, RECEIVED, source, kind, Status.ACCEPTED, "")
        books.add(accepted // 20, storefront, RECEIVED, source, kind, Status.DUPLICATE, "")
        for reason in REASONS:
            books.add(dice.randint(1, 40), storefront, RECEIVED, source, kind, Status.REFUSED, reason)
        for keys in range(4):
            books.note(accepted // 4, storefront, MATCHED, kind, keys)
        for destination in Destination:
            books.accept(accepted, storefront, destination, kind)
            books.value(accepted * 5_000, storefront, destination, kind, "EUR", ACCEPTED)
            for outcome, end, share in ENDS:
                books.end(accepted * share // 100, storefront, destination, kind, Money(5_000, "EUR"), outcome, end)
    books.add(1, storefront, DIFFERING)
    books.add(50, storefront, PROCESSED, Destination.GOOGLE_ADS, Processing.USED, "")
    books.add(2, storefront, PROCESSED, Destination.GOOGLE_ADS, Processing.NOT_USED, PlatformCode("NO_CLICK"))
    for destination in Destination:
        for bound in WITHIN_SECONDS[:4]:
            books.note(25, storefront, FRESH, destination, bound)


async def main() -> None:
    """Fill a store in a folder, which also gets its key file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--storefronts", type=int, default=50)
    parser.add_argument("--days", type=int, default=90)
    arguments = parser.parse_args()
    keys = arguments.folder / "keys.json"
    if not keys.exists():
        Keyring.create(keys)
    began = time.monotonic()
    store = await SqliteOutbox.open(arguments.folder / "data", Keyring.load(keys), lanes(arguments.storefronts), OPTIONS)
    await fill(store, arguments.storefronts, arguments.days, int(time.time()))
    await store.close()
    print(f"{arguments.storefronts} storefronts, {arguments.days} days: {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    asyncio.run(main())
