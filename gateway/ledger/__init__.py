"""The ledger keeps the proof: what a person decided about advertising, when, and on what it rests; and what was asked of us.

**Consent records.** A record is written once and never changed but by its own end: it is withdrawn, erased or too old. A
newer record of the same browser stands beside the older one, which stays as history; which of them counts is decided where
they are read (`gateway.consent.evidence`). A record holds what its signals said, as rows of the decision table, and the
signals themselves where these say nothing of who somebody is, else a digest of them. What it is found by (receipt, cart and
checkout token, order id, client id) are keyed hashes. There is no e-mail address, IP address or click id in it.

**Requests.** Whoever withdraws, asks for access or for erasure leaves a line in a register: when it was asked, when it is
due, when it was done and what came of it in numbers, and keyed hashes that prove which person it was about to somebody who
names the person again. Never more.

**Held orders.** Where a storefront has said so, an order whose record has not come yet waits here for it, minimised and
sealed, for at most half an hour. It is not accepted and nothing of it is sent; at the end it is deleted.

**Its promise** is the outbox's: what was answered is on stable storage; it survives `kill -9` and a power cut. It lies in a
file of its own, because it is kept far longer than any event and its loss would be another one.
"""

from collections.abc import Mapping, Sequence
from enum import unique
from typing import Protocol

import msgspec

from gateway.consent.evidence import Record
from gateway.model.texts import EventId, EvidenceId, PersonKey, StorefrontId, Text
from gateway.model.words import Destination, Refusal, Word
from gateway.storage import Shut, Swept


class Version(Text):
    """A storefront's own name for a version of its banner or its policy: 1–64 of `A-Z a-z 0-9 _ . : -`, and as in an event's id
    no IP address: a page says it, so it could be anything.
    """

    __slots__ = ()
    PATTERN = EventId.PATTERN


class Proof(msgspec.Struct, frozen=True, gc=False):
    """What a signal was: its text where that identifies nobody and was read whole, else only its SHA-256 (64 hex digits).

    Neither where the signal is of no known name, or has somebody's address in it.
    """

    signal: str
    """The key of the consent object, `cookies.NAME` for a cookie."""
    text: str | None
    digest: str | None


class Deposit(msgspec.Struct, frozen=True, gc=False):
    """A consent record to be kept. `record` is what decisions see of it.

    `decided` is what the table said of each destination when it came in, None for a yes, by `rule`.
    """

    storefront: StorefrontId
    record: Record
    proofs: tuple[Proof, ...]
    decided: tuple[tuple[Destination, Refusal | None], ...]
    rule: str
    banner_version: Version | None = None
    policy_version: Version | None = None

    @property
    def keys(self) -> tuple[PersonKey, ...]:
        """All that it can be found by, the receipt's and the browser's among them."""
        return self.record.keys


class Kept(msgspec.Struct, frozen=True, gc=False):
    """A consent record as it is kept, for the person who asks or for who must prove it. Times are Unix seconds."""

    deposit: Deposit
    withdrawn_at: int | None = None


@unique
class Right(Word):
    """What a person can ask."""

    WITHDRAW = "withdraw"
    ERASE = "erase"
    ACCESS = "access"


class Request(msgspec.Struct, frozen=True, gc=False):
    """A line of the register. Times are Unix seconds. `persons` are keyed hashes of what the person was named by.

    `due_at` is the last moment by law; `done_at` None while it is open. `counts` is what came of it, by name.
    """

    number: int
    storefront: StorefrontId
    right: Right
    persons: tuple[PersonKey, ...]
    asked_at: int
    due_at: int
    done_at: int | None = None
    counts: tuple[tuple[str, int], ...] = ()


class HeldOrder(msgspec.Struct, frozen=True, gc=False):
    """An order that waits for its record. `event` is minimised and written out by whoever holds it; opaque here."""

    storefront: StorefrontId
    keys: tuple[PersonKey, ...]
    """What its record would be found by."""
    until: int
    event: bytes

    def __repr__(self) -> str:
        """Say nothing of what is inside."""
        return "<HeldOrder>"


class Ledger(Protocol):
    """What every engine does. Times are Unix seconds and always handed in; an engine has no clock of its own.

    What is found by a key is found with all other records of the same browsers, and with theirs: an order may cite the cart of
    a record that its browser has taken back since, in a later one that knows no cart. Records are of the same browser if they
    have the same client id or the same receipt.

    Methods raise `gateway.storage.Unavailable` when the ledger is shut; nothing was changed then. A full one takes no records
    and holds no orders; it goes on finding, withdrawing, erasing and registering.
    """

    @property
    def shut(self) -> Shut | None:
        """Why `deposit` and `hold` would be refused now, else None. Once the disk has failed the process must end."""

    @property
    def used(self) -> float:
        """The share of its cap that is in use, 0 to 1, as of a moment ago; from 0.9 on no record is taken."""

    async def deposit(self, deposit: Deposit) -> None:
        """Keep a consent record; return after the flush. Raises ValueError when one of its name is kept already.

        It can be found by its browser's key, whether `keys` names it or not. Its place is reduced to codes.
        """

    async def find(self, storefront: StorefrontId, keys: Sequence[PersonKey]) -> Sequence[Record]:
        """Give the records that can be found by any of the keys, in the order in which they came in.

        One that cannot be read stands for a refusal, and so do those beyond what is read for one decision.
        """

    async def find_each(self, storefront: StorefrontId, many: Sequence[Sequence[PersonKey]]) -> Sequence[Sequence[Record]]:
        """Do `find` for each of many, in their order and as of one moment: what the events of one request cite."""

    async def read(self, storefront: StorefrontId, keys: Sequence[PersonKey]) -> Sequence[Kept]:
        """Give the same records as they are kept, all that can be read."""

    async def look_up(self, storefront: StorefrontId, name: EvidenceId) -> Kept | None:
        """Give the record that a trace cites, None when there is none or it cannot be read."""

    async def withdraw(self, storefront: StorefrontId, keys: Sequence[PersonKey], now: int) -> int:
        """Mark as withdrawn what can be found by any of the keys and came in until `now`; gives how many were not yet.

        Orders that are held for any of the keys are deleted.
        """

    async def erase(self, storefront: StorefrontId, keys: Sequence[PersonKey]) -> int:
        """Delete what can be found by any of the keys, held orders too; gives how many records there were."""

    async def register(self, request: Request) -> Request:
        """Write a line into the register; gives it with its number."""

    async def close_request(self, number: int, now: int, counts: Sequence[tuple[str, int]]) -> None:
        """Note that a request was done, and what came of it; what was noted first stays.

        Raises LookupError when there is none of this number.
        """

    async def requests(self, storefront: StorefrontId) -> Sequence[Request]:
        """Give the storefront's register, the newest first."""

    async def hold(self, order: HeldOrder) -> bool:
        """Keep an order until its record comes; False when as many as may be held already are."""

    async def release(self, storefront: StorefrontId, keys: Sequence[PersonKey], now: int) -> Sequence[tuple[int, HeldOrder]]:
        """Give the orders, with their numbers, that wait for one of the keys and whose time is not over."""

    async def let_go(self, numbers: Sequence[int]) -> None:
        """Delete held orders."""

    async def sweep(self, now: int) -> Mapping[Swept, int]:
        """Delete what is beyond its retention, held orders too. Called every few minutes. Gives how many rows of what went."""

    async def close(self) -> None:
        """Finish what is waiting, checkpoint and close."""
