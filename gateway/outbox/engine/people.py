"""The rights of a person, and refunds, as the side in the event loop sees to them: long looks in short pieces, then one
transaction.

Nothing here touches the file. While it is being looked through, events come and go; what that could miss is looked for
in the transaction itself (`seeking.py`).
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import msgspec

from gateway.model.event import Refund
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination
from gateway.outbox.engine.seeking import Look
from gateway.outbox.engine.store import Changes, Store
from gateway.outbox.engine.withdrawing import Order, Removed, Undone, Wider
from gateway.outbox.holdings import Holdings, Person, Refunded, Removal, Sending
from gateway.storage.writer import Writer

_MOST_LOOKS: Final = 4
"""Looks beforehand until the transaction looks for itself: each turns up more that a person is known by, or none does."""


class People:
    """Withdraws, tells, erases and refunds. `removed` is called in the event loop as soon as a removal is committed."""

    def __init__(self, writer: Writer[Store, Changes], removed: Callable[[Removed | Undone], None]) -> None:
        """Work through the writer's queue."""
        self._writer = writer
        self._removed = removed

    async def withdraw(self, storefront: StorefrontId, person: Person, now: int, *, widen: bool, since: int | None) -> Removal:
        """Do what `Outbox.withdraw` promises."""
        if not widen:
            named = await self._writer.ask(partial(Store.known_by, person=person))
            return (await self._remove(storefront, Order(named, now, leads=False, erase=False, since=since))).removal
        removal, _ = await self._withdraw(storefront, person, now, erase=False, since=since)
        return removal

    async def erase(self, storefront: StorefrontId, person: Person, now: int) -> Removal:
        """Do what `Outbox.erase` promises. One that is cut off is finished by the next."""
        removal, wanted = await self._withdraw(storefront, person, now, erase=True, since=None)
        sent, traces, after, done = 0, removal.traces, 0, False
        while not done:
            erased = await self._writer.change(partial(Store.erase_sent, name=storefront, wanted=wanted, after=after))
            sent, traces, after, done = sent + erased.sent, traces + erased.traces, erased.upto, erased.done
        return msgspec.structs.replace(removal, sent=sent, traces=traces)

    async def holdings(self, storefront: StorefrontId, person: Person) -> Holdings:
        """Do what `Outbox.holdings` promises."""
        named = await self._writer.ask(partial(Store.known_by, person=person))
        look = await self._look(storefront, named)
        held, withdrawn_at = await self._writer.ask(partial(Store.held, name=storefront, look=look))
        sent, _ = await self._sent(storefront, named)
        return Holdings(held, tuple(sent), withdrawn_at)

    async def refund(self, storefront: StorefrontId, refund: Refund, now: int) -> Refunded:
        """Do what `Outbox.refund` promises."""
        look = Look(frozenset())
        while not look.done:
            look = await self._writer.ask(
                partial(Store.look_for_order, name=storefront, order=refund.order, now=now, before=look)
            )
        run = partial(Store.refund, name=storefront, refund=refund, look=look, now=now)
        return (await self._writer.change(run, self._removed)).refunded

    async def _withdraw(
        self, storefront: StorefrontId, person: Person, now: int, *, erase: bool, since: int | None
    ) -> tuple[Removal, frozenset[bytes]]:
        """Withdraw whom the person named, at once; then whom what was sent of them leads to, if that is anybody else."""
        named = await self._writer.ask(partial(Store.known_by, person=person))
        done = await self._remove(storefront, Order(named, now, leads=True, erase=erase, since=since))
        _, led_to = await self._sent(storefront, named)
        if led_to <= done.wanted:
            return done.removal, done.wanted
        wanted = led_to | done.wanted
        more = await self._remove(storefront, Order(wanted, now, leads=False, erase=erase, since=since))
        return _sum(done.removal, more.removal), wanted

    async def _remove(self, storefront: StorefrontId, order: Order) -> Removed:
        wanted = order.named
        for _ in range(_MOST_LOOKS):
            look = await self._look(storefront, wanted)
            done = await self._writer.change(partial(Store.withdraw, name=storefront, order=order, look=look), self._follow)
            if isinstance(done, Removed):
                return done
            wanted = done.wanted
        return await self._writer.change(partial(_remove_at_once, storefront, order), self._removed)

    async def _look(self, storefront: StorefrontId, wanted: frozenset[bytes]) -> Look:
        look = Look(wanted)
        while not look.done:
            look = await self._writer.ask(partial(Store.look, name=storefront, before=look))
        return look

    async def _sent(self, storefront: StorefrontId, wanted: frozenset[bytes]) -> tuple[list[Sending], frozenset[bytes]]:
        """Give what was sent of somebody, and all that the same events' people are known by."""
        sent: list[Sending] = []
        hashes, upto, done = wanted, 0, False
        while not done:
            glance = await self._writer.ask(partial(Store.glance, name=storefront, wanted=wanted, after=upto))
            sent += glance.sent
            hashes, upto, done = hashes | glance.hashes, glance.upto, glance.done
        return sent, hashes

    def _follow(self, done: Removed | Wider) -> None:
        if isinstance(done, Removed):
            self._removed(done)


def _remove_at_once(storefront: StorefrontId, order: Order, store: Store) -> Removed:
    """Look for whatever turns up, in the transaction: it takes as long as it takes."""
    wanted = order.named
    while isinstance(done := store.withdraw(storefront, order, Look(wanted)), Wider):
        wanted = done.wanted
    return done


def _sum(one: Removal, other: Removal) -> Removal:
    def both(left: Mapping[Destination, int], right: Mapping[Destination, int]) -> dict[Destination, int]:
        return {where: left.get(where, 0) + right.get(where, 0) for where in (*left, *right)}

    waiting, dead = both(one.waiting, other.waiting), both(one.dead, other.dead)
    return Removal(waiting, dead, both(one.on_the_wire, other.on_the_wire), traces=one.traces + other.traces)
