"""The keys that seal what a store holds: one per storefront and day, each wrapped by the key file and kept in the store.

What was sent of whom is kept for much longer, so it has keys of its own: those of a storefront's number below 0.

Throwing a day's key away makes that day's records unreadable wherever a copy of them lies. The index key, which makes
the keyed hashes, is kept the same way, so it stays the same when the keys of the key file are rotated.
"""

import os
from collections.abc import Sequence
from typing import Final, NamedTuple

import apsw
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.storage import NONCE_BYTES
from gateway.storage.file import Row, every
from gateway.storage.keyring import KEY_BYTES, Keyring, Wrapped

DAY_SECONDS: Final = 86_400

_INDEX: Final = (0, 0)
"""Storefront number and day under which the index key is kept; storefronts are numbered from 1."""


class Sealing(NamedTuple):
    """What a store's keys are for: the purpose they are wrapped under, and the condition on which no row needs one, as SQL.

    A key that was wrapped for one store opens in no other. `indexed`: the store also has an index key.
    """

    purpose: bytes
    unneeded: str
    indexed: bool


class Vault:
    """The unwrapped keys of one store. Belongs to the store's thread."""

    index_key: bytes
    """32 bytes for keyed hashes of identifiers."""

    def __init__(self, connection: apsw.Connection, keyring: Keyring, sealing: Sealing) -> None:
        """Unwrap every stored key. Raises BadKeyFile when the key file cannot open one of them."""
        self._connection = connection
        self._keyring = keyring
        self._for = sealing
        self._ciphers: dict[int, AESGCM] = {}
        self._sealing: dict[tuple[int, int], int] = {}
        for number, storefront, day, wrapped_by, sealed in connection.execute(
            "select id, storefront, day, wrapped_by, sealed from data_keys"
        ):
            key = keyring.unwrap(Wrapped(wrapped_by, sealed), self._purpose(storefront, day))
            self._keep(number, storefront, day, key)

    def rewrap(self) -> None:
        """Wrap every stored key with the key file's active key, and make the index key if there is none yet."""
        stale = every(
            self._connection,
            "select id, storefront, day, wrapped_by, sealed from data_keys where wrapped_by != ?",
            (self._keyring.active,),
        )
        for number, storefront, day, wrapped_by, sealed in stale:
            new = self._keyring.rewrap(Wrapped(wrapped_by, sealed), self._purpose(storefront, day))
            self._connection.execute("update data_keys set wrapped_by = ?, sealed = ? where id = ?", (*new, number))
        if self._for.indexed and _INDEX not in self._sealing:
            self._make(*_INDEX)

    def sealing(self, storefront: int, at: int) -> tuple[int, AESGCM]:
        """Give number and cipher of the key that seals what the storefront sends on the day of `at` (Unix seconds)."""
        day = at // DAY_SECONDS
        number = self._sealing.get((storefront, day)) or self._make(storefront, day)
        return number, self._ciphers[number]

    def sealing_sent(self, storefront: int, at: int) -> tuple[int, AESGCM]:
        """The same for what was sent on that day."""
        return self.sealing(-storefront, at)

    def opening(self, number: int) -> AESGCM | None:
        """Give the cipher of a key, None when the store does not have it."""
        return self._ciphers.get(number)

    def discard(self, before: int) -> None:
        """Delete keys of days before the day of `before` (Unix seconds) that no stored record needs."""
        unused = every(
            self._connection,
            f"select id, storefront, day from data_keys where storefront > 0 and day < ? and {self._for.unneeded}",  # noqa: S608 - ours
            (before // DAY_SECONDS,),
        )
        self._drop(unused)

    def discard_sent(self, before: int) -> None:
        """Delete the keys of what was sent on days before the day of `before` (Unix seconds)."""
        query = "select id, storefront, day from data_keys where storefront < 0 and day < ?"
        self._drop(every(self._connection, query, (before // DAY_SECONDS,)))

    def _drop(self, rows: Sequence[Row]) -> None:
        for number, storefront, day in rows:
            self._connection.execute("delete from data_keys where id = ?", (number,))
            del self._ciphers[number], self._sealing[storefront, day]

    def _purpose(self, storefront: int, day: int) -> bytes:
        """What a wrapped key is for. A storefront's number is never given to another name."""
        return self._for.purpose + b"|%d|%d" % (storefront, day)

    def _make(self, storefront: int, day: int) -> int:
        key = os.urandom(KEY_BYTES)
        wrapped = self._keyring.wrap(key, self._purpose(storefront, day))
        self._connection.execute(
            "insert into data_keys(storefront, day, wrapped_by, sealed) values (?, ?, ?, ?)", (storefront, day, *wrapped)
        )
        number = self._connection.last_insert_rowid()
        self._keep(number, storefront, day, key)
        return number

    def _keep(self, number: int, storefront: int, day: int, key: bytes) -> None:
        if (storefront, day) == _INDEX:
            self.index_key = key
        self._ciphers[number] = AESGCM(key)
        self._sealing[storefront, day] = number


def nonce() -> bytes:
    """Make the nonce of one seal: 96 random bits; a key seals far fewer than 2^32 groups in its day."""
    return os.urandom(NONCE_BYTES)
