"""People who buy, and withdraw their consent at any moment: before their order has come in, while it is sent, or long after.

Each is a client of the gateway like any other: who gets no answer asks again until there is one. What they were told, and
when, is kept for the judge.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping
from enum import StrEnum
from random import Random
from typing import Any, Final

import aiohttp
import msgspec

from gateway.model.words import Destination
from tests.live import STOREFRONT, Installation

MARK: Final = "gone-"
"""What the ids of their events begin with, and nobody else's."""
EVENTS: Final = 3
LATER: Final = 9
"""The number of the event that comes after the withdrawal."""
DELAYS: Final = ((0.0, 0.0), (0.0, 0.05), (0.0, 0.5), (0.2, 3.0))
"""Ranges of seconds from the first post to the withdrawal: with it, around the acceptance, the claim, the sending and later."""
PATIENCE: Final = 30.0


class Way(StrEnum):
    """How a withdrawal is asked for."""

    SERVER = "by the shop's server"
    ORDER = "by the shop's server, naming the order"
    OPERATOR = "by an operator"


class Plan(msgspec.Struct, frozen=True):
    """What a person does. Seconds: when they come, from the start of the run; when they withdraw, from their first post on."""

    number: int
    events: int
    way: Way
    comes: float
    withdraws: float
    together: bool
    """Whether all events are posted at once, or one after the other."""
    dated: bool
    """Whether their consent has a date, which lies before the withdrawal."""

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of their events, letters, digits and inner dashes only."""
        return tuple(f"{MARK}{self.number}-{event}x" for event in range(self.events))

    @property
    def later(self) -> str:
        """The id of the event that comes after the withdrawal."""
        return f"{MARK}{self.number}-{LATER}x"

    def event(self, event_id: str, began: int) -> dict[str, Any]:
        """Write an event out; `began` is when the run did, in Unix seconds."""
        consent: dict[str, Any] = {"advertising": True}
        if self.dated:
            consent["given_at"] = began - 3600
        return {
            "event": "purchase",
            "event_id": event_id,
            "occurred_at": began - 60,
            "customer": {"email": f"{MARK}{self.number}@example.com"},
            "order": {"value": "10.00", "currency": "EUR"},
            "consent": consent,
        }

    def naming(self) -> dict[str, str]:
        """Say whom the withdrawal is about."""
        if self.way is Way.ORDER:
            return {"order_id": self.ids[0]}
        return {"email": f"{MARK}{self.number}@example.com"}


def plans(people: int, seconds: float, random: Random) -> Iterator[Plan]:
    """Plan so many people, who come within so many seconds."""
    for number in range(people):
        events = random.randint(1, EVENTS)
        # An order that has not come in leads to nobody, so only who has no other event is named by one.
        ways = tuple(Way) if events == 1 else (Way.SERVER, Way.OPERATOR)
        yield Plan(
            number=number,
            events=events,
            way=random.choice(ways),
            comes=random.uniform(0.0, seconds),
            withdraws=random.uniform(*random.choice(DELAYS)),
            together=random.random() < 0.5,
            dated=random.random() < 0.5,
        )


class Removed(msgspec.Struct, frozen=True):
    """What a receipt says was taken out for one destination."""

    waiting: int
    on_the_wire: int
    dead: int


class Receipt(msgspec.Struct, frozen=True):
    """What of a receipt the judge wants to know."""

    removed: Mapping[Destination, Removed]


class Receipts(msgspec.Struct, frozen=True):
    """The answer on the private listener."""

    receipts: tuple[Receipt, ...]


class Told(msgspec.Struct):
    """What a person was told. Times are monotonic seconds; an event's are of the post that was answered."""

    plan: Plan
    events: dict[str, tuple[str, float]] = {}
    """Status of each event, and when it was asked for."""
    asked: float = 0.0
    answered: float = 0.0
    askings: int = 0
    removed: Mapping[Destination, Removed] = {}
    afterwards: str | None = None
    """What the event was told that came after the withdrawal: the status, and the reason if there is one."""


class People:
    """Many of them. `told` has one entry for each, in their order."""

    def __init__(self, installation: Installation, plans: list[Plan]) -> None:
        self.told = [Told(plan) for plan in plans]
        self.done = 0
        self._installation = installation
        self._began = int(time.time())

    async def run(self) -> None:
        """Let all of them come, post and withdraw."""
        timeout, connector = aiohttp.ClientTimeout(total=PATIENCE), aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session, asyncio.TaskGroup() as group:
            for told in self.told:
                group.create_task(self._live(session, told))

    async def _live(self, session: aiohttp.ClientSession, told: Told) -> None:
        await asyncio.sleep(told.plan.comes)
        posting = asyncio.create_task(self._post_all(session, told))
        await asyncio.sleep(told.plan.withdraws)
        await self._withdraw(session, told)
        await posting
        if told.plan.way is not Way.ORDER:  # an order that was never stored leads to no address
            await self._post(session, told, (told.plan.later,))
            told.afterwards = told.events.pop(told.plan.later)[0]
        self.done += 1

    async def _post_all(self, session: aiohttp.ClientSession, told: Told) -> None:
        ids = told.plan.ids
        for some in (ids,) if told.plan.together else tuple((one,) for one in ids):
            await self._post(session, told, some)

    async def _post(self, session: aiohttp.ClientSession, told: Told, ids: tuple[str, ...]) -> None:
        events = [told.plan.event(event_id, self._began) for event_id in ids]
        asked, _, answer = await self._ask(session, f"{self._installation.url}/v1/events", {"events": events})
        for event_id, result in zip(ids, answer["results"], strict=True):
            reason = result.get("reason")
            told.events[event_id] = (result["status"] if reason is None else f"{result['status']}: {reason}", asked)

    async def _withdraw(self, session: aiohttp.ClientSession, told: Told) -> None:
        plan, there = told.plan, self._installation
        operator = plan.way is Way.OPERATOR
        url = f"{there.private_url}/api/v1/withdraw" if operator else f"{there.url}/v1/consent/withdraw"
        body = plan.naming() | ({"storefront": STOREFRONT} if operator else {})
        told.asked, told.answered, answer = await self._ask(session, url, body, told)
        (receipt,) = msgspec.convert(answer, Receipts).receipts if operator else (msgspec.convert(answer, Receipt),)
        told.removed = receipt.removed

    def _headers(self, url: str) -> Mapping[str, str]:
        there = self._installation
        return there.own if url.startswith(there.private_url) else {"Authorization": f"Bearer {there.secret_key}"}

    async def _ask(
        self, session: aiohttp.ClientSession, url: str, body: Mapping[str, Any], told: Told | None = None
    ) -> tuple[float, float, Any]:
        """Ask until there is an answer; gives when that was asked for, when it came, and what it was."""
        while True:
            headers = self._headers(url)  # the host's own token is another one after each start
            asked = time.monotonic()
            if told is not None:
                told.askings += 1
            try:
                async with session.post(url, json=body, headers=headers) as response:
                    answer, answered = await response.read(), time.monotonic()
                    if response.status in {200, 202}:
                        return asked, answered, msgspec.json.decode(answer)
                    anew = response.status == 401 and headers != self._headers(url)
                    assert anew or response.status in {429, 503}, f"{url} answered {response.status}"
            except (aiohttp.ClientError, TimeoutError, OSError):
                pass  # it may have been done or not: whoever asks does not know, and asks again
            await asyncio.sleep(0.05)
