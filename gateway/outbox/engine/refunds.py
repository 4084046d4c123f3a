"""Refunds: what went back for which order, as keyed hashes and sums, and whether that is all that an order was worth.

It is kept of every refund that is told, whether or not anything of its order waits: what has gone back in parts adds up, and
an order that comes after its refund is known for one that was undone. A shop's platform tells of a refund again until it is
answered, so the same one counts once, by the platform's own name for it. Only sums of the order's own currency say anything.
Belongs to the store's thread.
"""

from collections.abc import Iterable
from hashlib import blake2b
from struct import Struct
from typing import Final

import apsw

from gateway.model.event import Refund
from gateway.model.money import Money
from gateway.model.texts import RefundId
from gateway.storage.file import every, first

REFUNDS_DAYS: Final = 90
"""How long a refund is remembered: the longest that an event may wait for a platform is 89 days (Google's `max_age_days`)."""

_HASH: Final = Struct("<q")


class Refunds:
    """The refunds told of so far; after a rollback it is loaded anew."""

    def __init__(self, connection: apsw.Connection, index_key: bytes) -> None:
        """Load which storefronts have refunds at all."""
        self._connection = connection
        self._keyed = blake2b(key=index_key, digest_size=_HASH.size, person=b"refund")
        self.storefronts: set[int] = {number for (number,) in connection.execute("select distinct storefront from refunds")}
        """Numbers of the storefronts with refunds: nobody else's orders need to be looked up."""

    def note(self, storefront: int, order: bytes, refund: Refund, now: int) -> None:
        """Remember what went back for an order, named by the hash of its number; a refund told again changes nothing."""
        money = refund.money
        self._connection.execute(
            "insert into refunds values (?, ?, ?, ?, ?, ?) on conflict do nothing",
            (storefront, *_HASH.unpack(order), self._hash(refund.name), money.currency, money.minor, now),
        )
        self.storefronts.add(storefront)

    def _hash(self, name: RefundId) -> int:
        keyed = self._keyed.copy()
        keyed.update(name.encode())
        return int(_HASH.unpack(keyed.digest())[0])

    def undo(self, storefront: int, order: bytes, money: Money | None) -> bool:
        """Say whether at least `money` went back for an order, in its currency; of an order of unknown worth nobody can say."""
        return money is not None and self.paid_back(storefront, order).get(money.currency, -1) >= money.minor

    def paid_back(self, storefront: int, order: bytes) -> dict[str, int]:
        """Give what went back for an order in each currency, in minor units; a currency without a refund is not in it."""
        if storefront not in self.storefronts:
            return {}
        rows = every(
            self._connection,
            "select currency, sum(minor) from refunds where storefront = ? and subject = ? group by currency",
            (storefront, *_HASH.unpack(order)),
        )
        return dict(rows)

    def forget(self, storefront: int, hashes: Iterable[bytes]) -> None:
        """Forget the refunds of orders, named by hashes of which some may be none of an order."""
        self._connection.executemany(
            "delete from refunds where storefront = ? and subject = ?", [(storefront, *_HASH.unpack(one)) for one in hashes]
        )

    def discard(self, before: int) -> int:
        """Forget the refunds that were told of before a moment (Unix seconds); gives how many."""
        self._connection.execute("delete from refunds where at < ?", (before,))
        gone = self._connection.changes()
        if gone:
            left = [
                number
                for number in self.storefronts
                if first(self._connection, "select 1 from refunds where storefront = ? limit 1", (number,)) is not None
            ]
            self.storefronts = set(left)
        return gone
