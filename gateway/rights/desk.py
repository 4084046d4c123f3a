"""The desk: takes a request for a right, has both stores do their part, and closes its line in the register.

The line first, then the outbox, so that nothing more leaves, then the ledger, then the line is closed. Whatever a crash
leaves undone is mended by asking again: every step may be done twice, and an open line of the same right that knows the
person by one of the same keyed hashes is taken up again, with all that it knows the person by.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import unique
from typing import Final, Protocol, TypeVar

import msgspec

from gateway.ledger import Kept, Ledger, Request, Right
from gateway.model.texts import PersonKey, StorefrontId
from gateway.model.words import Destination, Word
from gateway.outbox import Outbox
from gateway.outbox.holdings import Holdings, Person, Sending
from gateway.persons import Persons
from gateway.rights.answers import RECORDS, SENT, Disclosure, Found, Receipt, counted, disclosure, receipt
from gateway.rights.due import Law, due_at
from gateway.rights.naming import Naming, marks
from gateway.rights.retention import Keeping


@unique
class Via(Word):
    """By which way a request came in; a metric label."""

    OPERATOR = "operator"
    """The private listener, or a command beside a gateway that is not running."""
    SERVER = "server"
    BROWSER = "browser"
    SHOPIFY = "shopify"
    """A privacy webhook of Shopify's."""


class Teller(Protocol):
    """Hears of requests: their number and right, and nothing of the person."""

    def request_done(self, storefront: StorefrontId, right: Right, via: Via, number: int, by: str | None) -> None:
        """Hear that it was done; `by` is who did it, as an `entry.By`, where somebody signed in."""

    def request_noted(self, storefront: StorefrontId, right: Right, number: int) -> None:
        """Hear that it was written down, and waits for somebody."""


class Bureau(msgspec.Struct, frozen=True):
    """What a storefront's requests depend on beside the stores: its destinations, and how long everything is kept."""

    destinations: tuple[Destination, ...]
    keepings: tuple[Keeping, ...]


class Known(msgspec.Struct, frozen=True):
    """All that a person is known by, found from what they named, and what was sent of them."""

    person: Person
    sent: Sequence[Sending] = ()

    def __repr__(self) -> str:
        """Say nothing of what is inside."""
        return "<Known>"


Name = TypeVar("Name")

WHOLE: Final = (("whole_storefront", 1),)
"""What a line says that is about nobody in particular."""

MOST_ROUNDS: Final = 2
"""Once to find the events of what was named, once more to find those of whom these events name."""


class Desk:
    """Serves every storefront. Methods raise `outbox.Unavailable` when a store is shut; asking again goes on from there.

    `wall` gives Unix seconds.
    """

    def __init__(  # noqa: PLR0913 - each is a room of its own, given by name
        self,
        *,
        outbox: Outbox,
        ledger: Ledger,
        persons: Persons,
        bureaus: Mapping[StorefrontId, Bureau],
        teller: Teller,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._outbox = outbox
        self._ledger = ledger
        self._persons = persons
        self._bureaus = bureaus
        self._teller = teller
        self._wall = wall
        self._open: dict[int, Request] = {}

    # ── the register ─────────────────────────────────────────────────────────────────────────────────────────────

    async def load(self) -> None:
        """Read the open lines of every storefront; once, before anything is asked."""
        for storefront in self._bureaus:
            requests = await self._ledger.requests(storefront)
            self._open |= {request.number: request for request in requests if request.done_at is None}

    @property
    def storefronts(self) -> tuple[StorefrontId, ...]:
        """Whose requests are served."""
        return tuple(self._bureaus)

    def open_requests(self, storefront: StorefrontId) -> Sequence[Request]:
        """Give the lines that were begun and not finished, the one that is due first at the front. Cheap."""
        mine = [request for request in self._open.values() if request.storefront == storefront]
        return sorted(mine, key=lambda request: request.due_at)

    async def requests(self, storefront: StorefrontId) -> Sequence[Request]:
        """Give the storefront's register, the newest first."""
        return await self._ledger.requests(storefront)

    async def _begin(self, storefront: StorefrontId, right: Right, law: Law, known: Person) -> Request:
        """Write a line, or take up the open one about the same person; nobody in particular is only ever the same as itself."""
        now = self._now()
        mine = marks(storefront, self._persons, known)
        for request in self.open_requests(storefront):
            same = not frozenset(mine).isdisjoint(request.persons) if mine else not request.persons
            if request.right is right and same:
                return request
        counts = () if mine else WHOLE
        request = await self._ledger.register(Request(0, storefront, right, mine, now, due_at(law, now), counts=counts))
        self._open[request.number] = request
        return request

    async def _finish(self, request: Request, counts: tuple[tuple[str, int], ...], via: Via, by: str | None = None) -> Request:
        done_at = self._now()
        await self._ledger.close_request(request.number, done_at, counts)
        self._open.pop(request.number, None)
        self._teller.request_done(request.storefront, request.right, via, request.number, by)
        return msgspec.structs.replace(request, done_at=done_at, counts=counts)

    async def note(self, storefront: StorefrontId, right: Right, naming: Naming, law: Law) -> Request:
        """Write down what somebody has to do, and leave the line open: the same right, asked of the same person, closes it.

        A naming of nobody stands for everybody of the storefront; such a line stays open for as long as the storefront is
        served.
        """
        known = frozenset(self._open)
        request = await self._begin(storefront, right, law, naming.person(storefront, self._persons))
        if request.number not in known:
            self._teller.request_noted(storefront, right, request.number)
        return request

    # ── the rights ───────────────────────────────────────────────────────────────────────────────────────────────

    async def withdraw(self, storefront: StorefrontId, naming: Naming, law: Law, via: Via, by: str | None = None) -> Receipt:
        """Take out all that waits or is dead for a person, refuse what comes later, mark their consent records."""
        known = await self._known(storefront, naming)
        request = await self._begin(storefront, Right.WITHDRAW, law, known.person)
        removal = await self._outbox.withdraw(storefront, known.person, self._now())
        keys = _keys(known.person, request)
        held_orders = await self._held_orders(storefront, keys)
        records = await self._ledger.withdraw(storefront, keys, self._now())
        return receipt(await self._finish(request, counted(removal, records, held_orders), via, by), known.sent)

    async def withdraw_browser(self, storefront: StorefrontId, naming: Naming) -> None:
        """The same for a browser that says what it is known by itself: nothing of the person is looked for but the other client
        ids and receipts that this browser has had, under which what waits may lie.

        Anybody can post that, so it leaves a line in the register only if there was something to take back.
        """
        named = naming.person(storefront, self._persons).keys
        mine = await self._ledger.find(storefront, named)
        person = Person(keys=_all(named, (key for one in mine for key in one.own)))
        removal = await self._outbox.withdraw(storefront, person, self._now(), widen=False)
        held_orders = await self._held_orders(storefront, person.keys)
        records = await self._ledger.withdraw(storefront, person.keys, self._now())
        if counts := counted(removal, records, held_orders):
            request = await self._begin(storefront, Right.WITHDRAW, Law.GDPR, person)
            await self._finish(request, counts, Via.BROWSER)

    async def erase(self, storefront: StorefrontId, naming: Naming, law: Law, via: Via, by: str | None = None) -> Receipt:
        """Withdraw, and delete what is remembered of the person: what was sent, the traces of why, the consent records."""
        known = await self._known(storefront, naming)
        request = await self._begin(storefront, Right.ERASE, law, known.person)
        removal = await self._outbox.erase(storefront, known.person, self._now())
        keys = _keys(known.person, request)
        held_orders = await self._held_orders(storefront, keys)
        records = await self._ledger.erase(storefront, keys)
        return receipt(await self._finish(request, counted(removal, records, held_orders), via, by), known.sent)

    async def access(self, storefront: StorefrontId, naming: Naming, law: Law, via: Via, by: str | None = None) -> Disclosure:
        """Tell what is held of exactly what was named: whoever proves one order has not proven whose the others are."""
        person = naming.person(storefront, self._persons)
        request = await self._begin(storefront, Right.ACCESS, law, person)
        holdings = await self._outbox.holdings(storefront, person)
        records = await self._records(storefront, person.keys, holdings)
        mine = frozenset(marks(storefront, self._persons, person))  # an open line that is taken up may know more
        earlier = [one for one in await self._ledger.requests(storefront) if one.number != request.number]
        found = Found(
            holdings=holdings,
            records=records,
            held_orders=await self._held_orders(storefront, person.keys),
            requests=[one for one in earlier if not mine.isdisjoint(one.persons)],
        )
        counts = (("held", len(holdings.held)), (SENT, len(holdings.sent)), (RECORDS, len(records)))
        done = await self._finish(request, tuple((name, count) for name, count in counts if count), via, by)
        bureau = self._bureaus[storefront]
        return disclosure(done, found, bureau.destinations, bureau.keepings)

    # ── whom it is about ─────────────────────────────────────────────────────────────────────────────────────────

    async def _known(self, storefront: StorefrontId, naming: Naming) -> Known:
        """Find what else a person is known by: an order leads to its address, an address to the browsers that it came from."""
        person = naming.person(storefront, self._persons)
        sent: Sequence[Sending] = ()
        for _ in range(MOST_ROUNDS):
            holdings = await self._outbox.holdings(storefront, person)
            sent = holdings.sent
            wider = await self._wider(storefront, person, holdings)
            if wider == person:
                break
            person = wider
        return Known(person, sent)

    async def _wider(self, storefront: StorefrontId, person: Person, holdings: Holdings) -> Person:
        events = [holding.event for holding in holdings.held]
        records = await self._records(storefront, person.keys, holdings)
        digests = (digest for event in events if event.email is not None for digest in event.email.distinct())
        keys = (key for found in (*(e.persons for e in events), *(r.deposit.keys for r in records)) for key in found)
        return Person(_all(person.digests, digests), _all(person.keys, keys))

    async def _records(self, storefront: StorefrontId, keys: Sequence[PersonKey], holdings: Holdings) -> list[Kept]:
        """Give the consent records that can be found by any of the keys, and those that the events rested on."""
        found = {kept.deposit.record.id: kept for kept in await self._ledger.read(storefront, keys)} if keys else {}
        cited = [*(holding.event.evidence for holding in holdings.held), *(sending.evidence for sending in holdings.sent)]
        for name in dict.fromkeys(cited):
            if name is not None and name not in found:
                kept = await self._ledger.look_up(storefront, name)
                if kept is not None:
                    found[name] = kept
        return list(found.values())

    async def _held_orders(self, storefront: StorefrontId, keys: Sequence[PersonKey]) -> int:
        """Count the orders that wait for a consent record of the person."""
        return len(await self._ledger.release(storefront, keys, self._now())) if keys else 0

    def _now(self) -> int:
        return int(self._wall())


def _keys(person: Person, request: Request) -> tuple[PersonKey, ...]:
    """Give all the keys of a person: those known now, and those that an interrupted request knew.

    Among the latter are hashes of digests, which find nothing in the ledger.
    """
    return _all(person.keys, request.persons)


def _all(known: Iterable[Name], more: Iterable[Name]) -> tuple[Name, ...]:
    return tuple(dict.fromkeys((*known, *more)))
