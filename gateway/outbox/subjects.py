"""The people behind the records, as keyed hashes of their e-mail digests: who withdrew, and what is held of whom.

Beside each group, and each exception's own copy, lie eight bytes for each of its digests, so that looking for a person
opens only what holds something of theirs. They lie in front of the sealed content, which need not be read for it.
"""

import struct
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Final

import apsw

from gateway.model import EmailDigest
from gateway.outbox import Record
from gateway.outbox.schema import first

HASH_BYTES: Final = 8
_HASH: Final = struct.Struct("<q")


class Subjects:
    """The hashes and the withdrawals. Belongs to the store's thread."""

    def __init__(self, connection: apsw.Connection, index_key: bytes) -> None:
        """Load which storefronts have withdrawals at all."""
        self._connection = connection
        self._keyed = blake2b(key=index_key, digest_size=HASH_BYTES, person=b"subject")
        self.suppressing: set[int] = {number for (number,) in connection.execute("select distinct storefront from suppressed")}
        """Numbers of the storefronts with withdrawals."""

    def hash(self, digest: EmailDigest) -> bytes:
        """Give the eight bytes that stand for a person's digest."""
        keyed = self._keyed.copy()
        keyed.update(digest.encode())
        return keyed.digest()

    def hashes(self, digests: Iterable[EmailDigest]) -> bytes:
        """Give the hashes of digests, one after another."""
        return b"".join([self.hash(digest) for digest in digests])

    def suppress(self, storefront: int, digests: Sequence[EmailDigest], now: int) -> None:
        """Remember withdrawals; a later one of the same person counts instead of the earlier."""
        self._connection.executemany(
            "insert into suppressed values (?, ?, ?) on conflict do update set since = max(since, excluded.since)",
            [(storefront, _HASH.unpack(self.hash(digest))[0], now) for digest in digests],
        )
        self.suppressing.add(storefront)

    def suppressed(self, storefront: int, records: Sequence[Record]) -> frozenset[int]:
        """Which of the records were accepted before their person withdrew, or in the same second."""
        found = set()
        for record in records:
            email = record.event.email
            for digest in () if email is None else email.distinct():
                since = self._since(storefront, digest)
                if since is not None and record.accepted_at <= since:
                    found.add(record.seq)
        return frozenset(found)

    def _since(self, storefront: int, digest: EmailDigest) -> int | None:
        found = first(
            self._connection,
            "select since from suppressed where storefront = ? and subject = ?",
            (storefront, *_HASH.unpack(self.hash(digest))),
        )
        return None if found is None else int(found[0])

    def discard(self, storefront: int, before: int) -> None:
        """Forget withdrawals from before the storefront's oldest record was accepted: they can meet nothing."""
        if storefront not in self.suppressing:
            return
        self._connection.execute("delete from suppressed where storefront = ? and since < ?", (storefront, before))
        if first(self._connection, "select 1 from suppressed where storefront = ? limit 1", (storefront,)) is None:
            self.suppressing.discard(storefront)
