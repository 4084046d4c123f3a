"""The ledger as its thread sees it: every operation as a plain function, on one open transaction."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from gateway.consent.evidence import Record
from gateway.ledger import Deposit, HeldOrder, Kept, Request
from gateway.ledger.held import Held
from gateway.ledger.records import Records
from gateway.ledger.register import Register
from gateway.ledger.schema import LEDGER, SEALING
from gateway.model.texts import EvidenceId, PersonKey, StorefrontId
from gateway.storage import Swept
from gateway.storage.file import close, connect, flush_directory, is_full, share_used
from gateway.storage.keyring import Keyring
from gateway.storage.storefronts import Storefronts
from gateway.storage.vault import DAY_SECONDS, Vault

RECORDS_DAYS: Final = 760
"""25 months: how long the proof of a choice is kept."""

REQUESTS_DAYS: Final = 1095
"""Three years after a request was done."""

MOST_HELD: Final = 10_000
LOOK_EVERY_CALLS: Final = 8
"""Transactions after which it is looked how full the store is."""

_EVER: Final = 1 << 40
"""A moment after all others."""


class Options(msgspec.Struct, frozen=True):
    """How a ledger is opened. `max_bytes` caps the file (its log may take 64 MB more); `min_free_bytes` must stay free on
    the volume. Records are kept for `records_days` after they came in, requests for `requests_days` after they were done.
    `max_held`: how many orders may wait for their record. `vfs` exists for tests: a registered SQLite file system.
    """

    max_bytes: int
    min_free_bytes: int
    records_days: int = RECORDS_DAYS
    requests_days: int = REQUESTS_DAYS
    max_held: int = MOST_HELD
    vfs: str | None = None


class Store:
    """One open ledger. Every method is for its one thread."""

    def __init__(self, directory: Path, keyring: Keyring, options: Options) -> None:
        """Open the file and wrap its keys anew. Raises CannotOpen or BadKeyFile. The directory is locked already."""
        self.used = 0.0
        self._directory = directory
        self._keyring = keyring
        self._options = options
        self._unlooked = LOOK_EVERY_CALLS
        self._connection = connect(directory, options.max_bytes, options.vfs, LEDGER)
        try:
            with self._connection:
                Vault(self._connection, keyring, SEALING).rewrap()
            self._load()
            flush_directory(directory)
        except BaseException:
            self._connection.close(force=True)
            raise

    def _load(self) -> None:
        storefronts = Storefronts(self._connection)
        self._vault = Vault(self._connection, self._keyring, SEALING)
        self._records = Records(self._connection, storefronts, self._vault)
        self._register = Register(self._connection, storefronts)
        self._held = Held(self._connection, storefronts, self._vault, self._options.max_held)

    # ── transactions ─────────────────────────────────────────────────────────────────────────────────────────────

    def begin(self) -> None:
        """Begin a transaction."""
        self._connection.execute("begin immediate")

    def commit(self) -> None:
        """Flush the transaction to stable storage; raises what SQLite raises."""
        self._connection.execute("commit")

    def rollback(self) -> None:
        """Undo the transaction under way, in the file and in memory."""
        if self._connection.in_transaction:
            self._connection.execute("rollback")
        self._load()

    def changes(self) -> None:
        """Nothing has to be told outside."""

    def is_full(self, *, before: bool) -> bool:
        """Say whether nothing more may be added; `before` says whether that already is so."""
        self._unlooked += 1
        if not before and self._unlooked < LOOK_EVERY_CALLS:
            return False
        self._unlooked = 0
        self.used = share_used(self._connection, self._options.max_bytes)
        return is_full(self.used, self._directory, self._options.min_free_bytes, before=before)

    def checkpoint(self) -> None:
        """Bring the log into the file and empty it, so that what was overwritten there is in neither."""
        self._connection.execute("pragma wal_checkpoint(truncate)")

    def close(self, *, whole: bool) -> None:
        """Close; `whole` also checkpoints."""
        close(self._connection, whole=whole)

    # ── the ledger's operations ──────────────────────────────────────────────────────────────────────────────────

    def deposit(self, deposit: Deposit) -> None:
        """Put a consent record down."""
        self._records.deposit(deposit)

    def find(self, storefront: StorefrontId, keys: Sequence[PersonKey]) -> list[Record]:
        """Give what decisions see of records."""
        return self._records.find(storefront, keys)

    def read(self, storefront: StorefrontId, keys: Sequence[PersonKey]) -> list[Kept]:
        """Give records as they are kept."""
        return self._records.read(storefront, keys)

    def look_up(self, storefront: StorefrontId, name: EvidenceId) -> Kept | None:
        """Give the record of a name."""
        return self._records.look_up(storefront, name)

    def withdraw(self, storefront: StorefrontId, keys: Sequence[PersonKey], now: int) -> int:
        """Mark records as withdrawn; orders that wait for the person are deleted."""
        self._held.forget(storefront, keys)
        return self._records.withdraw(storefront, keys, now)

    def erase(self, storefront: StorefrontId, keys: Sequence[PersonKey]) -> int:
        """Delete records and held orders, and the keys that nothing else needs."""
        self._held.forget(storefront, keys)
        count = self._records.erase(storefront, keys)
        self._vault.discard(_EVER)
        return count

    def register(self, request: Request) -> Request:
        """Write a line into the register."""
        return self._register.add(request)

    def close_request(self, number: int, now: int, counts: Sequence[tuple[str, int]]) -> None:
        """Note that a request was done."""
        self._register.close(number, now, counts)

    def requests(self, storefront: StorefrontId) -> list[Request]:
        """Give a storefront's register."""
        return self._register.of(storefront)

    def hold(self, order: HeldOrder) -> bool:
        """Keep an order until its record comes."""
        return self._held.hold(order)

    def release(self, storefront: StorefrontId, keys: Sequence[PersonKey], now: int) -> list[tuple[int, HeldOrder]]:
        """Give held orders."""
        return self._held.release(storefront, keys, now)

    def let_go(self, numbers: Sequence[int]) -> None:
        """Delete held orders."""
        self._held.let_go(numbers)

    def sweep(self, now: int) -> Counter[Swept]:
        """Delete some of what is beyond its retention; gives how many rows of what. When no record went, none is left."""
        gone: Counter[Swept] = Counter()
        gone[Swept.HELD_ORDERS] = self._held.discard(now)
        gone[Swept.REQUESTS] = self._register.discard(now - self._options.requests_days * DAY_SECONDS)
        gone[Swept.CONSENT_RECORDS] = self._records.discard(now - self._options.records_days * DAY_SECONDS)
        if not gone[Swept.CONSENT_RECORDS]:
            self._vault.discard(now)
        return gone
