"""The rights of a person, as the side in the event loop sees to them: long looks in short pieces, then one transaction.

Nothing here touches the file. While it is being looked through, events come and go; what that could miss is looked for
in the transaction itself (`seeking.py`).
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from gateway.model import StorefrontId
from gateway.outbox import Person, Removal
from gateway.outbox.seeking import Look
from gateway.outbox.store import Changes, Store
from gateway.outbox.withdrawing import Removed, Wider
from gateway.outbox.writer import Writer

_MOST_LOOKS: Final = 4
"""Looks beforehand until the transaction looks for itself: each turns up more that a person is known by, or none does."""


class People:
    """Withdraws, tells and erases. `removed` is called in the event loop as soon as a removal is committed."""

    def __init__(self, writer: Writer[Store, Changes], removed: Callable[[Removed], None]) -> None:
        """Work through the writer's queue."""
        self._writer = writer
        self._removed = removed

    async def withdraw(self, storefront: StorefrontId, person: Person, now: int) -> Removal:
        """Do what `Outbox.withdraw` promises."""
        named = await self._writer.ask(lambda store: store.known_by(person))
        return (await self._withdraw(storefront, named, now)).removal

    async def _withdraw(self, storefront: StorefrontId, named: frozenset[bytes], now: int) -> Removed:
        wanted = named
        for _ in range(_MOST_LOOKS):
            change = partial(_withdraw, storefront, named, await self._look(storefront, wanted), now)
            done = await self._writer.change(change, self._follow)
            if isinstance(done, Removed):
                return done
            wanted = done.wanted
        return await self._writer.change(partial(_withdraw_at_once, storefront, named, now), self._removed)

    async def _look(self, storefront: StorefrontId, wanted: frozenset[bytes]) -> Look:
        look = Look(wanted)
        while not look.done:
            look = await self._writer.ask(partial(_look, storefront, look))
        return look

    def _follow(self, done: Removed | Wider) -> None:
        if isinstance(done, Removed):
            self._removed(done)


def _look(storefront: StorefrontId, before: Look, store: Store) -> Look:
    return store.look(storefront, before)


def _withdraw(storefront: StorefrontId, named: frozenset[bytes], look: Look, now: int, store: Store) -> Removed | Wider:
    return store.withdraw(storefront, named, look, now)


def _withdraw_at_once(storefront: StorefrontId, named: frozenset[bytes], now: int, store: Store) -> Removed:
    """Look for whatever turns up, in the transaction: it takes as long as it takes."""
    wanted = named
    while isinstance(done := store.withdraw(storefront, named, Look(wanted), now), Wider):
        wanted = done.wanted
    return done
