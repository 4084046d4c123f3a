"""Orders that wait for their consent record: sealed, few, and not for long."""

from collections.abc import Sequence

import apsw

from gateway.ledger import HeldOrder
from gateway.ledger.codec import held_place, number_of, numbers_of, pack, seal, unpack, unseal
from gateway.model.texts import PersonKey, StorefrontId
from gateway.storage import Unreadable
from gateway.storage.file import every, one
from gateway.storage.storefronts import Storefronts
from gateway.storage.vault import Vault, nonce


class Held:
    """The held orders of one ledger. Belongs to its thread."""

    def __init__(self, connection: apsw.Connection, storefronts: Storefronts, vault: Vault, most: int) -> None:
        """Count them; at `most` no further one is taken."""
        self._connection = connection
        self._storefronts = storefronts
        self._vault = vault
        self._most = most
        (self._count,) = one(connection, "select count(*) from held")

    def hold(self, order: HeldOrder) -> bool:
        """Keep an order; False when there are as many as there may be. Its key is that of the day on which its time ends."""
        if self._count >= self._most:
            return False
        storefront, keys = self._storefronts.storefront(order.storefront), pack(order.keys)
        data_key, cipher = self._vault.sealing(storefront, order.until)
        self._connection.execute(
            "insert into held(storefront, until, keys, data_key, content) values (?, ?, ?, ?, ?)",
            (storefront, order.until, keys, data_key, seal(cipher, nonce(), order.event, held_place(order, keys))),
        )
        number = self._connection.last_insert_rowid()
        self._connection.executemany(
            "insert into held_keys values (?, ?, ?)", [(storefront, key, number) for key in numbers_of(keys)]
        )
        self._count += 1
        return True

    def release(self, storefront: StorefrontId, keys: Sequence[PersonKey], now: int) -> list[tuple[int, HeldOrder]]:
        """Give the orders that wait for one of the keys and whose time is not over; what cannot be read is not given."""
        found = []
        for number in self._found_by(storefront, keys):
            until, packed, data_key, content = one(
                self._connection, "select until, keys, data_key, content from held where number = ?", (number,)
            )
            order = HeldOrder(storefront, unpack(packed), until, content)
            cipher = self._vault.opening(data_key)
            if until <= now or cipher is None:
                continue
            try:
                event = unseal(cipher, content, held_place(order, packed))
            except Unreadable:
                continue
            found.append((number, HeldOrder(storefront, order.keys, until, event)))
        return found

    def _found_by(self, storefront: StorefrontId, keys: Sequence[PersonKey]) -> list[int]:
        number = self._storefronts.storefronts.get(storefront)
        query = "select held from held_keys where storefront = ? and key = ?"
        return sorted({held for key in keys for (held,) in every(self._connection, query, (number, number_of(key)))})

    def let_go(self, numbers: Sequence[int]) -> None:
        """Delete held orders; what is gone already is no fault."""
        for number in numbers:
            for storefront, keys in every(
                self._connection, "delete from held where number = ? returning storefront, keys", (number,)
            ):
                self._connection.executemany(
                    "delete from held_keys where storefront = ? and key = ? and held = ?",
                    [(storefront, key, number) for key in numbers_of(keys)],
                )
                self._count -= 1

    def forget(self, storefront: StorefrontId, keys: Sequence[PersonKey]) -> None:
        """Delete what waits for any of the keys."""
        self.let_go(self._found_by(storefront, keys))

    def discard(self, now: int) -> int:
        """Delete those whose time is over; gives how many."""
        over = [number for (number,) in every(self._connection, "select number from held where until <= ?", (now,))]
        self.let_go(over)
        return len(over)
