"""Records, requests, held orders and engines for the ledger's tests."""

import random
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from gateway.consent.evidence import Record
from gateway.consent.table import ADVERTISING_YES
from gateway.ledger import Deposit, HeldOrder, Ledger, Proof, Request, Right
from gateway.ledger.sqlite import SqliteLedger
from gateway.ledger.store import Options
from gateway.model.texts import EvidenceId, PersonKey, StorefrontId
from gateway.model.words import Destination
from gateway.storage import Shut, Unavailable
from tests.disk import Place

NOW: Final = 1_795_342_500
DAY: Final = 86_400
SHOP: Final = StorefrontId("shop1")
OTHER: Final = StorefrontId("shop2")


def key(of: str) -> PersonKey:
    """A person key that differs for each argument."""
    return PersonKey(sha256(of.encode()).hexdigest()[:16])


def name(of: int | str) -> EvidenceId:
    """A record's name, different for each argument."""
    return EvidenceId(sha256(f"name {of}".encode()).hexdigest()[:24])


def deposit(
    number: int | str,
    *keys: str,
    browser: str = "browser",
    receipt: str | None = None,
    storefront: StorefrontId = SHOP,
    **changes: Any,
) -> Deposit:
    """A record of a browser that can also be found by `keys`; `changes` replace fields of the record."""
    usual: dict[str, Any] = {
        "id": name(number),
        "browser": key(browser),
        "received_at": NOW,
        "given_at": NOW - 5,
        "statements": ADVERTISING_YES,
        "keys": tuple(dict.fromkeys((key(browser), *([key(receipt)] if receipt else []), *map(key, keys)))),
        "receipt": None if receipt is None else key(receipt),
    }
    return Deposit(
        storefront=storefront,
        record=Record(**{**usual, **changes}),
        proofs=(Proof("advertising", "true", None),),
        decided=tuple((destination, None) for destination in Destination),
        rule="1/opt_in_everywhere",
    )


def withdrawn(record: Record) -> Record:
    """The same record, taken back."""
    return msgspec.structs.replace(record, withdrawn=True)


def order(number: int | str, *keys: str, until: int = NOW + 1800, storefront: StorefrontId = SHOP) -> HeldOrder:
    """An order that waits for a record with one of `keys`."""
    return HeldOrder(storefront, tuple(map(key, keys)), until, f"order {number}".encode())


def request(right: Right = Right.ERASE, *persons: str, storefront: StorefrontId = SHOP, at: int = NOW) -> Request:
    """A request that is not done yet."""
    return Request(0, storefront, right, tuple(map(key, persons)), at, at + 30 * DAY)


def large(number: int) -> Deposit:
    """A record of some 5 KB that cannot be compressed."""
    return msgspec.structs.replace(
        deposit(number, browser=f"b{number}"), proofs=(Proof("tcf", f"{random.getrandbits(32_000):x}", None),)
    )


async def fill(ledger: SqliteLedger, most: int = 600) -> int:
    """Deposit until the ledger is full; gives how many records it took."""
    for n in range(most):
        try:
            await ledger.deposit(large(n))
        except Unavailable as refused:
            assert refused.why is Shut.FULL  # noqa: PT017 - the loop goes on until then
            return n
    raise AssertionError("the ledger never became full")


class Engine(Protocol):
    """What the suite of promises needs of an engine: opening what is there, and dying."""

    async def open(self, *, max_held: int = ...) -> Ledger:
        """Open the ledger, which is empty at first and later what the last one left. Retention is 760 and 1,095 days."""

    async def crash(self, ledger: Ledger) -> None:
        """Let the process die: what was not flushed by now is gone, and nothing is closed."""


class SqliteEngine(Place):
    """The embedded engine in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        """Make the folder, as the outbox does for it."""
        super().__init__(folder)
        self.directory.mkdir()

    @property
    def file(self) -> Path:
        """The ledger's file."""
        return self.directory / "ledger.db"

    async def open(
        self, *, max_held: int = 10_000, max_bytes: int = 64 << 20, min_free_bytes: int = 0, vfs: str | None = None
    ) -> SqliteLedger:
        """Open the ledger."""
        options = Options(max_bytes, min_free_bytes, max_held=max_held, vfs=vfs)
        return await SqliteLedger.open(self.directory, self.keyring, options)
