"""The people behind the records, as keyed hashes of what each is known by, and which of them have withdrawn.

Beside each group, and each exception's own copy, lie eight bytes for each thing that a record's person is known by: its
e-mail digests, the keys it came with, and a purchase's own id taken for the number of an order. So looking for a person
opens only what holds something of theirs; the hashes lie in front of the sealed content, which need not be read for it.
Of a person who withdrew the same eight bytes are kept, so that what comes later is known for theirs.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from hashlib import blake2b
from struct import Struct, unpack
from typing import Final

import apsw

from gateway.model.event import Minimised
from gateway.model.texts import EmailDigest, EventId, PersonKey, StorefrontId
from gateway.model.words import Kind
from gateway.outbox.holdings import Person
from gateway.persons import Identifier, Persons
from gateway.storage.file import every, first

HASH_BYTES: Final = 8
_HASH: Final = Struct("<q")
_PURCHASE: Final = Kind.PURCHASE
_FEW: Final = 6
"""Hashes up to which it is quicker to look for each one in the bytes than to take the bytes apart."""


class Subjects:
    """The hashes and the withdrawals. Belongs to the store's thread."""

    def __init__(self, connection: apsw.Connection, index_key: bytes, persons: Persons) -> None:
        """Load which storefronts have withdrawals at all."""
        self._connection = connection
        self._keyed = blake2b(key=index_key, digest_size=HASH_BYTES, person=b"subject")
        self._persons = persons
        self._orders: dict[StorefrontId, blake2b] = {}
        self.withdrawing: set[int] = {
            number for (number,) in connection.execute("select distinct storefront from withdrawals where lifted_at is null")
        }
        """Numbers of the storefronts with withdrawals that hold."""

    # ── hashes ───────────────────────────────────────────────────────────────────────────────────────────────────

    def of(self, storefront: StorefrontId, event: Minimised, digests: Iterable[EmailDigest]) -> bytes:
        """Give the hashes of all that an event's person is known by, one after another; `digests` are the event's own."""
        hashes = [self._of_digest(digest) for digest in digests]
        if event.kind is _PURCHASE:
            hashes.append(self.of_order(storefront, event.event_id))
        if event.persons:
            hashes += map(bytes.fromhex, event.persons)
        return b"".join(hashes)

    def of_order(self, storefront: StorefrontId, number: EventId) -> bytes:
        """Give the hash of an order's number, which is a purchase's own id."""
        order = (self._orders.get(storefront) or self._hasher(storefront)).copy()
        order.update(number.encode())
        return order.digest()

    def of_record(self, storefront: StorefrontId, event: Minimised) -> bytes:
        """The same for an event whose distinct digests are not at hand."""
        return self.of(storefront, event, () if event.email is None else event.email.distinct())

    def of_person(self, person: Person) -> frozenset[bytes]:
        """Give the hashes of somebody who asks."""
        return frozenset((*map(self._of_digest, person.digests), *map(_of_key, person.keys)))

    def _of_digest(self, digest: EmailDigest) -> bytes:
        keyed = self._keyed.copy()
        keyed.update(digest.encode())
        return keyed.digest()

    def _hasher(self, storefront: StorefrontId) -> blake2b:
        """A purchase's own id is an order's number: it is hashed as the door hashes one that an event names."""
        made = self._orders[storefront] = self._persons.hasher(storefront, Identifier.ORDER_ID)
        return made

    # ── withdrawals ──────────────────────────────────────────────────────────────────────────────────────────────

    def withdraw(self, storefront: int, hashes: Iterable[bytes], now: int) -> None:
        """Remember that these have withdrawn; a later time counts instead of an earlier one."""
        self._connection.executemany(
            "insert into withdrawals values (?, ?, ?, null)"
            " on conflict do update set since = max(since, excluded.since), lifted_at = null",
            [(storefront, *_HASH.unpack(one), now) for one in hashes],
        )
        self.withdrawing.add(storefront)

    def withdrawn(self, storefront: int, hashes: bytes) -> dict[bytes, int]:
        """Say which of these have withdrawn, and since when."""
        if not hashes:
            return {}
        rows = every(
            self._connection,
            "select subject, since from withdrawals where storefront = ? and subject in carray(?) and lifted_at is null",
            (storefront, apsw.carray(array("q", unpack(f"<{len(hashes) // HASH_BYTES}q", hashes)))),
        )
        return {_HASH.pack(subject): since for subject, since in rows}

    def lift(self, storefront: int, hashes: Iterable[bytes], at: int) -> None:
        """Note that these have granted anew; that they had withdrawn stays on record."""
        self._connection.executemany(
            "update withdrawals set lifted_at = ? where storefront = ? and subject = ?",
            [(at, storefront, *_HASH.unpack(one)) for one in hashes],
        )

    def discard(self, storefront: int, before: int) -> int:
        """Forget withdrawals of which nothing was heard since `before` (Unix seconds); gives how many."""
        self._connection.execute(
            "delete from withdrawals where storefront = ? and max(since, coalesce(lifted_at, 0)) < ?", (storefront, before)
        )
        gone = self._connection.changes()
        query = "select 1 from withdrawals where storefront = ? and lifted_at is null limit 1"
        if first(self._connection, query, (storefront,)) is None:
            self.withdrawing.discard(storefront)
        return gone


def split(hashes: bytes) -> Iterator[bytes]:
    """Take hashes that lie one after another apart."""
    return (hashes[start : start + HASH_BYTES] for start in range(0, len(hashes), HASH_BYTES))


def parted(hashes: bytes, events: Sequence[Minimised]) -> list[bytes] | list[None]:
    """Give each event its part of the hashes that `Subjects.of` gave for these events, one after another; None each if not.

    For a courier that is a sixth of the work of making them again.
    """
    parts: list[bytes] = []
    begin = 0
    for event in events:
        email = event.email
        count = (event.kind is _PURCHASE) + len(event.persons) + (0 if email is None else len(email.distinct()))
        end = begin + HASH_BYTES * count
        parts.append(hashes[begin:end])
        begin = end
    return parts if begin == len(hashes) else [None] * len(events)


def may_hold(hashes: bytes, wanted: AbstractSet[bytes]) -> bool:
    """Say whether one of the wanted may be among hashes that lie one after another; the records themselves say for sure."""
    if len(wanted) <= _FEW:
        return any(one in hashes for one in wanted)
    return not set(array("q", b"".join(wanted))).isdisjoint(array("q", hashes[: len(hashes) // HASH_BYTES * HASH_BYTES]))


def hold(hashes: bytes, wanted: AbstractSet[bytes]) -> bool:
    """Say whether one of the wanted is among a record's hashes."""
    return not wanted.isdisjoint(split(hashes))


def _of_key(key: PersonKey) -> bytes:
    """A person's key is a keyed hash already."""
    return bytes.fromhex(key)
