"""An order that is undone before it left, on a whole gateway: webhooks signed as Shopify signs them, three platforms, a process
that is killed. What waited is never sent; who asks is told why; the books add up.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp

from gateway.model.words import Destination
from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.platforms import Platforms
from tests.doorway import as_bytes
from tests.live import STOREFRONT, Inside, Process, install
from tests.shopify import EDIT, SECRET, WITHHOLD, headers_of, order, refund, write_secrets

NUMBER: Final = "450789469"
"""Of the published order."""
OTHER: Final = "450789470"
"""Of another one, which nobody refunds."""
DOWN: Final = Behaviour(mode=Mode.SERVER_ERROR)


class Shop:
    """A shop at Shopify with a gateway of its own, and what it asks of it."""

    def __init__(self, gateway: Inside | Process, platforms: Platforms, session: aiohttp.ClientSession) -> None:
        self.gateway = gateway
        self.platforms = platforms
        self._there = gateway.installation
        self._session = session

    async def webhook(self, topic: str, said: Any, secret: str = SECRET) -> int:
        """Post a webhook as Shopify does; the answer's status."""
        body, target = as_bytes(said), f"{self._there.url}/v1/shopify/webhooks"
        async with self._session.post(target, data=body, headers=headers_of(topic, body, secret)) as answer:
            return answer.status

    async def sell(self, number: str) -> None:
        """Sell something to somebody who said yes."""
        record = {"consent": {"advertising": True, "join": {"order_id": number}}}
        headers = {"Authorization": f"Bearer {self._there.secret_key}"}
        async with self._session.post(f"{self._there.url}/v1/consent", json=record, headers=headers) as answer:
            assert answer.status == 201
        paid = order(id=int(number), processed_at=int(time.time()) - 60, checkout_token=None, cart_token=None)
        assert await self.webhook("orders/paid", paid) == 200

    async def order(self, path: str) -> None:
        """Pause or resume every destination."""
        for destination in Destination:
            said = {"storefront": STOREFRONT, "destination": destination.value}
            url = f"{self._there.private_url}/api/v1/{path}"
            async with self._session.post(url, json=said, headers=self._there.own) as answer:
                assert answer.status == 200

    async def until(self, state: str, number: str = NUMBER) -> None:
        """Wait until the order is in one of the states everywhere, named as `a or b`."""
        async with asyncio.timeout(20):
            while True:
                if {one["state"] for one in (await self.told(number)).values()} <= set(state.split(" or ")):
                    return
                await asyncio.sleep(0.05)

    async def told(self, number: str = NUMBER) -> dict[str, Any]:
        """What is told of the order at each destination."""
        found = await self.gateway.ask("/api/v1/explain", storefront=STOREFRONT, event="purchase", event_id=number)
        assert found is not None
        destinations: dict[str, Any] = found["destinations"]
        return destinations

    def sent(self) -> list[set[str]]:
        """The orders that each platform has; Google is told their numbers behind a letter."""
        ledgers = [self.platforms[destination].ledger for destination in Destination]
        return [{taken.event_id.removeprefix("o-") for taken in ledger} for ledger in ledgers]


@asynccontextmanager
async def selling(folder: Path, kind: type[Inside] | type[Process] = Inside) -> AsyncIterator[Shop]:
    """Run a gateway for a shop whose refunds keep orders from going; of which kind it is at first."""
    async with Platforms.start() as platforms, aiohttp.ClientSession() as session:
        installation = install(folder, platforms.base_urls)
        write_secrets(folder)
        text = installation.config.read_text()
        for before, after in (EDIT, WITHHOLD):
            text = text.replace(before, after, 1)
        installation.config.write_text(text)
        shop = Shop(kind(installation), platforms, session)
        await shop.gateway.start()
        try:
            yield shop
        finally:
            await shop.gateway.stop()


async def is_balanced(shop: Shop, **of_each: int) -> None:
    """Hold the books of each destination against these figures, and against themselves."""
    books = await shop.gateway.quiet()
    assert books["balanced"]
    for lane in books["destinations"].values():
        assert lane["balanced"]
        assert {name: lane[name] for name in of_each} == of_each


async def is_told_apart(shop: Shop) -> None:
    """Look at the reports: one order was undone, and nobody took consent back."""
    funnel = await shop.gateway.ask("/api/v1/funnel", storefront=STOREFRONT)
    assert {(one["refunded"], one["withdrawn"]) for one in funnel["total"]["destinations"].values()} == {(1, 0)}
    figures = (await shop.gateway.ask("/api/v1/privacy-report", storefront=STOREFRONT))["figures"]
    assert figures["refunded"] == dict.fromkeys(Destination, 1)
    assert figures["withdrawn"] == {}


async def test_an_order_that_was_undone_while_a_destination_was_paused_never_leaves(tmp_path: Path) -> None:
    """Nor after the process was killed right behind the answer; another order does; who asks is told why."""
    async with selling(tmp_path, Process) as shop:
        assert isinstance(shop.gateway, Process)
        await shop.order("pause")
        await shop.sell(NUMBER)
        await shop.sell(OTHER)
        await shop.until("waiting")
        assert await shop.webhook("refunds/create", refund("598.94"), "another") == 401
        assert await shop.webhook("refunds/create", refund("300.00", 1)) == 200
        assert {one["state"] for one in (await shop.told()).values()} == {"waiting"}
        assert await shop.webhook("refunds/create", refund("298.94", 2)) == 200
        await shop.gateway.kill()
        shop.gateway = Inside(shop.gateway.installation)
        await shop.gateway.start()
        assert await shop.webhook("refunds/create", refund("298.94", 2)) == 200
        await shop.order("resume")
        await is_balanced(shop, accepted=2, delivered=1, withdrawn=1, dead=0)
        assert shop.sent() == [{OTHER}] * 3
        assert {(one["state"], one["reason"]) for one in (await shop.told()).values()} == {("withdrawn", "refunded")}
        await is_told_apart(shop)
        metrics = await shop.gateway.ask("/metrics")
        assert 'outcome="nothing_waits",storefront="shop",topic="refunds/create"} 1' in metrics


async def test_an_order_that_was_undone_while_platforms_were_down_never_arrives(tmp_path: Path) -> None:
    """It was tried, in vain; when they are back there is nothing to try again."""
    async with selling(tmp_path) as shop:
        for destination in Destination:
            shop.platforms[destination].switch.set(DOWN)
        await shop.sell(NUMBER)
        await shop.until("retrying or maybe")
        assert await shop.webhook("refunds/create", refund()) == 200
        for destination in Destination:
            shop.platforms[destination].switch.set()
        await shop.sell(OTHER)
        await is_balanced(shop, accepted=2, delivered=1, withdrawn=1, dead=0)
        assert shop.sent() == [{OTHER}] * 3


async def test_an_order_that_was_delivered_stays_after_its_refund(tmp_path: Path) -> None:
    """At the platforms, in the books, and in what is told of it."""
    async with selling(tmp_path) as shop:
        await shop.sell(NUMBER)
        await shop.until("delivered")
        assert await shop.webhook("refunds/create", refund()) == 200
        await is_balanced(shop, accepted=1, delivered=1, withdrawn=0, dead=0)
        assert {one["state"] for one in (await shop.told()).values()} == {"delivered"}
        assert shop.sent() == [{NUMBER}] * 3
