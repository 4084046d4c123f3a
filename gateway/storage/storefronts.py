"""Numbers for storefronts: each name is stored once and then named by its number, in every store.

Belongs to the store's thread. A number is given in the transaction that first needs it; after a rollback the whole
object is loaded anew.
"""

import apsw

from gateway.model.texts import StorefrontId


class Storefronts:
    """The numbers given to storefronts so far; the same in every store."""

    def __init__(self, connection: apsw.Connection) -> None:
        """Load them."""
        self._connection = connection
        self.storefronts: dict[StorefrontId, int] = {
            StorefrontId.unsealed(name): number for number, name in connection.execute("select id, name from storefronts")
        }
        self._by_number = {number: name for name, number in self.storefronts.items()}

    def storefront(self, name: StorefrontId) -> int:
        """Give the number of a storefront, from 1."""
        number = self.storefronts.get(name)
        if number is None:
            self._connection.execute("insert into storefronts(name) values (?)", (name,))
            number = self.storefronts[name] = self._connection.last_insert_rowid()
            self._by_number[number] = name
        return number

    def name(self, number: int) -> StorefrontId:
        """Give the name of a storefront's number."""
        return self._by_number[number]
