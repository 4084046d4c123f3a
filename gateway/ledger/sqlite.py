"""The ledger on SQLite: one file, one thread, one flush for all that waits.

This is the side in the event loop; it hands everything to the thread and touches no file.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from gateway.consent.evidence import Record
from gateway.ledger import Deposit, HeldOrder, Kept, Request
from gateway.ledger.schema import LEDGER
from gateway.ledger.store import Options, Store
from gateway.model.texts import EvidenceId, PersonKey, StorefrontId
from gateway.storage import Shut, Swept
from gateway.storage.file import check_library, opening
from gateway.storage.keyring import Keyring
from gateway.storage.writer import Writer, ignore


class SqliteLedger:
    """The embedded engine. Made by `open`; for one event loop. Implements `gateway.ledger.Ledger`."""

    def __init__(self) -> None:
        """Make its thread; `open` starts it."""
        self._writer: Writer[Store, None] = Writer("ledger", ignore)

    @classmethod
    async def open(cls, directory: Path, keyring: Keyring, options: Options) -> Self:
        """Open the ledger in `directory`, which is there and locked: the outbox's.

        Raises CannotOpen (old SQLite, damaged or foreign file) or BadKeyFile.
        """
        check_library()
        ledger = cls()
        with opening(LEDGER.called):
            await ledger._writer.start(lambda: Store(directory, keyring, options))
        return ledger

    @property
    def failed(self) -> asyncio.Event:
        """Set once the disk has failed: the process must end with a failure."""
        return self._writer.failed

    @property
    def shut(self) -> Shut | None:
        """Why nothing more would be taken now, else None."""
        return self._writer.shut

    @property
    def used(self) -> float:
        """The share of its cap that is in use, as of a moment ago."""
        return self._writer.used

    # ── consent records ──────────────────────────────────────────────────────────────────────────────────────────

    async def deposit(self, deposit: Deposit) -> None:
        """Keep a consent record; return after the flush. Raises ValueError when one of its name is kept already."""
        await self._writer.change(lambda store: store.deposit(deposit), adds=1)

    async def find(self, storefront: StorefrontId, keys: Sequence[PersonKey]) -> Sequence[Record]:
        """Give the records that can be found by any of the keys, in the order in which they came in."""
        return await self._writer.ask(lambda store: store.find(storefront, keys))

    async def find_each(self, storefront: StorefrontId, many: Sequence[Sequence[PersonKey]]) -> Sequence[Sequence[Record]]:
        """Do `find` for each of many, in their order and as of one moment: what the events of one request cite."""
        return await self._writer.ask(lambda store: [store.find(storefront, keys) for keys in many])

    async def read(self, storefront: StorefrontId, keys: Sequence[PersonKey]) -> Sequence[Kept]:
        """Give the same records as they are kept."""
        return await self._writer.ask(lambda store: store.read(storefront, keys))

    async def look_up(self, storefront: StorefrontId, name: EvidenceId) -> Kept | None:
        """Give the record of a name, None when there is none or it cannot be read."""
        return await self._writer.ask(lambda store: store.look_up(storefront, name))

    async def withdraw(self, storefront: StorefrontId, keys: Sequence[PersonKey], now: int) -> int:
        """Mark as withdrawn what can be found by any of the keys and came in until `now`; gives how many were not yet."""
        return await self._writer.change(lambda store: store.withdraw(storefront, keys, now))

    async def erase(self, storefront: StorefrontId, keys: Sequence[PersonKey]) -> int:
        """Delete what can be found by any of the keys, held orders too; gives how many records there were."""
        count = await self._writer.change(lambda store: store.erase(storefront, keys))
        await self._writer.ask(Store.checkpoint)
        return count

    # ── the register ─────────────────────────────────────────────────────────────────────────────────────────────

    async def register(self, request: Request) -> Request:
        """Write a line into the register; gives it with its number. A full ledger still has room for that."""
        return await self._writer.change(lambda store: store.register(request))

    async def close_request(self, number: int, now: int, counts: Sequence[tuple[str, int]]) -> None:
        """Note that a request was done, and what came of it. Raises LookupError when there is none of this number."""
        await self._writer.change(lambda store: store.close_request(number, now, counts))

    async def requests(self, storefront: StorefrontId) -> Sequence[Request]:
        """Give the storefront's register, the newest first."""
        return await self._writer.ask(lambda store: store.requests(storefront))

    # ── held orders ──────────────────────────────────────────────────────────────────────────────────────────────

    async def hold(self, order: HeldOrder) -> bool:
        """Keep an order until its record comes; False when as many as may be held already are."""
        return await self._writer.change(lambda store: store.hold(order), adds=1)

    async def release(self, storefront: StorefrontId, keys: Sequence[PersonKey], now: int) -> Sequence[tuple[int, HeldOrder]]:
        """Give the orders, with their numbers, that wait for one of the keys and whose time is not over."""
        return await self._writer.ask(lambda store: store.release(storefront, keys, now))

    async def let_go(self, numbers: Sequence[int]) -> None:
        """Delete held orders."""
        await self._writer.change(lambda store: store.let_go(numbers))

    # ── keeping and closing ──────────────────────────────────────────────────────────────────────────────────────

    async def sweep(self, now: int) -> Mapping[Swept, int]:
        """Delete what is beyond its retention, a bounded piece at a time; gives how many rows of what went."""
        gone: Counter[Swept] = Counter()
        while (piece := await self._writer.change(lambda store: store.sweep(now)))[Swept.CONSENT_RECORDS]:
            gone += piece
        await self._writer.ask(Store.checkpoint)
        return gone + piece

    async def close(self) -> None:
        """Finish what is waiting, checkpoint and close. May be called again."""
        await self._writer.close()
