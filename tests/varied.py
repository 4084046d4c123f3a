"""A shop with a varied past, in a real gateway: what a report, its table, its page and its command have to agree about.

Days around both changes of the clocks are booked as transactions of those hours would have left them; everything else comes in
now by the front door: kinds of events, currencies of none, two and three decimals, refusals of large groups and small,
repeats, dead letters of several reasons, a replay, what waits, a withdrawal, a refund. Beside it a shop that has nothing.
"""

import asyncio
import io
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import aiohttp
import msgspec
import pytest

from gateway.assembly import open_store
from gateway.cli import main
from gateway.keys import KeyId, KeyKind, make_key
from gateway.log import Log
from gateway.model.money import Money
from gateway.model.texts import PlatformCode, StorefrontId
from gateway.model.words import Destination, Kind, Processing, Reason, Refusal, Source, Status
from gateway.outbox.engine.books import LYING
from gateway.outbox.engine.store import Store
from gateway.outbox.history import DIFFERING, FRESH, MATCHED, PROCESSED, RECEIVED, REPLAYED
from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.platforms import Platforms
from gateway.settings import load
from tests.console import PASSWORD, people
from tests.doorway import edit, purchase, refused
from tests.live import STOREFRONT, Installation, inside, install
from tests.reading import Node, parsed
from tests.shopify import EDIT, WITHHOLD, headers_of, order, refund, write_secrets

QUIET: Final = "quiet"
ZONE: Final = ZoneInfo("Europe/Paris")
DAYS: Final = 396
"""As far back as days are kept, so both changes of the clocks are among them."""
MONEY: Final = (Money(12_990, "EUR"), Money(1_500, "JPY"), Money(12_345, "KWD"), Money(123_455, "RSD"))
"""One order of each currency."""
REFUNDED: Final = "450789469"
"""The published order."""


def changes_of_the_clocks(now: int) -> list[int]:
    """Give the noons of the days within `DAYS` that had 23 or 25 hours."""
    today = datetime.fromtimestamp(now, ZONE).replace(hour=12, minute=0, second=0, microsecond=0)
    noons = [today - timedelta(days=back) for back in range(2, DAYS)]
    return [int(noon.timestamp()) for noon in noons if noon.utcoffset() != (noon - timedelta(days=1)).utcoffset()]


async def book_the_past(installation: Installation, now: int) -> None:
    """Book the hours around midnight, and around the change itself, of the days with 23 and 25 hours."""
    async with open_store(load(installation.config, {})) as outbox:
        for noon in changes_of_the_clocks(now):
            day = datetime.fromtimestamp(noon, ZONE).replace(hour=0)
            hours = [int(day.timestamp()) + 3_600 * hour for hour in (-1, 0, 1, 2, 3, 22, 23, 24, 25)]

            def book(inside: Store, hours: list[int] = hours) -> None:
                number = inside._names.storefront(StorefrontId(STOREFRONT))
                for place, hour in enumerate(hours, 1):
                    inside._books.at(hour)
                    _book_hour(inside, number, place)

            await outbox._writer.change(book)


def _book_hour(inside: Store, shop: int, size: int) -> None:
    """Book an hour's figures, other ones for each `size`; nothing of it is left waiting or lying."""
    books = inside._books
    for at, kind in enumerate(Kind, 1):
        count = size * at * 4
        books.add(count, shop, RECEIVED, Source.EVENTS, kind, Status.ACCEPTED, "")
        books.add(at, shop, RECEIVED, Source.EVENTS, kind, Status.DUPLICATE, "")
        books.add(size + 10, shop, RECEIVED, Source.COLLECT, kind, Status.REFUSED, Refusal.GPC)
        books.add(size, shop, RECEIVED, Source.COLLECT, kind, Status.REFUSED, Refusal.NO_CONSENT)
        books.add(size, shop, RECEIVED, Source.COLLECT, kind, Status.REFUSED, Refusal.NO_IDENTITY)
        books.note(count, shop, MATCHED, kind, at)
        for where in Destination:
            books.accept(count, shop, where, kind)
            for number in range(count):
                money = MONEY[number % len(MONEY)]
                books.value(money.minor, shop, where, kind, money.currency, "accepted")
                if number % 7 == 3:
                    books.end(1, shop, where, kind, money, "dead", Reason.EXPIRED)
                    books.hold(-1, shop, LYING, where, kind)  # it lay there until it was too old to keep
                    if number % 2:  # and was replayed, which takes it out again
                        books.end(-1, shop, where, kind, money, "dead", Reason.EXPIRED)
                        books.hold(1, shop, LYING, where, kind)
                        books.add(1, shop, REPLAYED, where)
                        books.end(1, shop, where, kind, money, "delivered", Reason.CONFIRMED)
                else:
                    books.end(1, shop, where, kind, money, "delivered", Reason.CONFIRMED)
            books.note(count, shop, FRESH, where, 60)
    books.add(1, shop, DIFFERING)
    books.add(size, shop, PROCESSED, Destination.GOOGLE_ADS, Processing.USED, "")
    books.add(1, shop, PROCESSED, Destination.GOOGLE_ADS, Processing.NOT_USED, PlatformCode("NO_CLICK"))


class Varied(msgspec.Struct):
    """The gateway that runs, and what is posted to it."""

    installation: Installation
    platforms: Platforms

    async def say(self, path: str, body: Any) -> Any:
        """Post to the public listener as the shop's server."""
        headers = {"Authorization": f"Bearer {self.installation.secret_key}"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.installation.url + path, json=body, headers=headers) as answer,
        ):
            assert answer.status < 300, (path, answer.status, await answer.text())
            return await answer.json()

    async def post(self, *events: dict[str, Any]) -> None:
        """Post events that happened now."""
        now = int(time.time())
        await self.say("/v1/events", {"events": [{"occurred_at": now} | event | {"occurred_at": now} for event in events]})

    async def act(self, path: str, **said: Any) -> None:
        """Post to the private listener as an operator."""
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.installation.private_url + path, json=said, headers=self.installation.own) as answer,
        ):
            assert answer.status == 200, (path, answer.status, await answer.text())

    async def webhook(self, topic: str, said: Any) -> None:
        """Post a webhook as Shopify does."""
        body = msgspec.json.encode(said)
        target = f"{self.installation.url}/v1/shopify/webhooks"
        async with (
            aiohttp.ClientSession() as session,
            session.post(target, data=body, headers=headers_of(topic, body)) as answer,
        ):
            assert answer.status == 200

    async def until(self, meta: str) -> None:
        """Wait until Meta stands still for this reason."""
        for _ in range(400):
            lanes = (await self.installation.ask("/api/v1/health", storefront=STOREFRONT))["lanes"]
            if lanes["meta"]["reason"] == meta:
                return
            await asyncio.sleep(0.05)
        raise TimeoutError(meta)

    async def live(self) -> None:
        """Let everything happen that can."""
        await self._sell()
        await self._die()
        await self._wait()

    async def _sell(self) -> None:
        sold = [
            purchase(f"sold-{n}", order={"value": str(money.decimal), "currency": money.currency})
            for n, money in enumerate(MONEY * 3)
        ]
        baskets = [purchase(f"cart-{n}", event="add_to_cart") for n in range(4)]
        views = [purchase(f"view-{n}", event="page_view") | {"order": None} for n in range(5)]
        no = [refused(f"no-{n}") for n in range(12)]
        few = [purchase(f"few-{n}", consent={"advertising": True, "vendors": {"google_ads": False}}) for n in range(3)]
        many = [purchase(f"many-{n}", consent={"advertising": True, "vendors": {"pinterest": False}}) for n in range(11)]
        nobody = [purchase(f"nobody-{n}") | {"customer": {}} for n in range(2)]
        wrong = [purchase(f"wrong-{n}", order={"value": "1", "currency": "XXX"}) for n in range(2)]
        await self.post(*sold, *baskets, *views, *no, *few, *many, *nobody, *wrong)
        await self.post(*sold[:3], sold[3] | {"order": {"value": "2.00", "currency": "EUR"}})
        await self.installation.quiet()

    async def _die(self) -> None:
        """Two platforms refuse some; one letter is replayed and goes, another is and dies again."""
        bad = [f"bad-{n}" for n in range(6)]
        for where in (Destination.PINTEREST, Destination.META):
            self.platforms[where].switch.set(Behaviour(mode=Mode.REFUSE_EVENTS, event_ids=frozenset(bad)))
        await self.post(
            *(
                purchase(one, order={"value": str(money.decimal), "currency": money.currency})
                for one, money in zip(bad, MONEY * 2, strict=False)
            ),
            purchase("bad-cart", event="add_to_cart"),
        )
        await self.installation.quiet()
        self.platforms[Destination.PINTEREST].switch.set(
            Behaviour(mode=Mode.REFUSE_EVENTS, event_ids=frozenset({"bad-0", "bad-1"}))
        )
        await self.act(
            "/api/v1/replay", storefront=STOREFRONT, destination="pinterest", reasons=["rejected"], event=None, dry_run=False
        )
        await self.installation.quiet()

    async def _wait(self) -> None:
        """Meta's token expires, so orders wait there; one of them is taken back, and one undone."""
        self.platforms[Destination.META].switch.set(Behaviour(mode=Mode.EXPIRED_TOKEN))
        await self.post(
            purchase("late-1"), purchase("late-2", order={"value": "1500", "currency": "JPY"}),
            purchase("late-3", customer={"email": "gone@example.com"}), purchase("late-4", event="add_to_cart"),
        )  # fmt: skip
        await self.until("credential")
        await self.say("/v1/consent", {"consent": {"advertising": True, "join": {"order_id": REFUNDED}}})
        paid = order(id=int(REFUNDED), processed_at=int(time.time()) - 60, checkout_token=None, cart_token=None)
        await self.webhook("orders/paid", paid)
        await self.webhook("refunds/create", refund())
        await self.say("/v1/consent/withdraw", {"email": "gone@example.com"})
        await self.act("/api/v1/pause", storefront=STOREFRONT, destination="meta")  # nothing is tried out from here on
        await self.until("paused_by_operator")
        await self.installation.at_rest("paused_by_operator")


def furnish(folder: Path, platforms: Platforms) -> Installation:
    """Write the installation of a shop in Paris at Shopify, and of a quiet one beside it."""
    installation = install(folder, platforms.base_urls)
    write_secrets(folder)
    edit(installation, EDIT, WITHHOLD, ("burst = 1000000", f'burst = 1000000\ntime_zone = "{ZONE.key}"'))
    text = installation.config.read_text()
    installation.config.write_text(
        f"{text}\n[storefronts.{QUIET}]\norigins = []\n[storefronts.{QUIET}.destinations.meta]\n"
        f'base_url = "{platforms.base_urls[Destination.META]}"\ncredential = "file:meta.token"\npixel_id = "1234567890"\n'
        f'[[storefronts.{QUIET}.keys]]\nid = "q1"\nkind = "secret"\nkey = "file:quiet.key"\n'
    )
    path = folder / "quiet.key"
    path.write_text(make_key(KeyKind.SECRET, KeyId("q1")))
    path.chmod(0o600)
    people(installation)
    return installation


@asynccontextmanager
async def varied(folder: Path) -> AsyncIterator[Varied]:
    """Run the gateway after all of that."""
    async with Platforms.start() as platforms:
        installation = furnish(folder, platforms)
        await book_the_past(installation, int(time.time()))
        async with inside(installation, Log(io.StringIO())):
            shop = Varied(installation, platforms)
            await shop.live()
            yield shop


class Asker(msgspec.Struct):
    """Somebody who asks the gateway in each of the four ways."""

    shop: Varied
    client: aiohttp.ClientSession
    csrf: str

    async def page(self, path: str, language: str, **query: str) -> Node:
        """Open a page."""
        return parsed(await self._get(path, {**query, "lang": language}, {}))

    async def table(self, path: str, language: str | None, **query: str) -> str:
        """Take a table: a page's in a language, else the API's."""
        own = {} if language else self.shop.installation.own
        chosen = {"lang": language} if language else {}
        return await self._get(path, {**query, **chosen, "format": "csv"}, own)

    async def _get(self, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
        url = self.shop.installation.private_url + path
        async with self.client.get(url, params=query, headers=headers) as answer:
            assert answer.status == 200, (path, answer.status)
            return (await answer.read()).decode()

    async def ask(self, path: str, **query: str) -> Any:
        """Ask the API."""
        return await self.shop.installation.ask(path, **query)

    async def form(self, path: str, language: str, **fields: str) -> str:
        """Send a form of a page."""
        url = f"{self.shop.installation.private_url}{path}?storefront={STOREFRONT}&lang={language}"
        said = {"csrf": self.csrf, **fields}
        async with self.client.post(url, data=said, headers={"Origin": self.shop.installation.private_url}) as answer:
            assert answer.status == 200, answer.status
            return (await answer.read()).decode()

    async def send(self, path: str, query: Mapping[str, str], **fields: str) -> tuple[str, Node]:
        """Send a form as a browser does; where that leads to, and the page there."""
        url, origin = self.shop.installation.private_url + path, {"Origin": self.shop.installation.private_url}
        async with self.client.post(url, params=query, data={"csrf": self.csrf, **fields}, headers=origin) as answer:
            assert answer.status == 200, answer.status
            return answer.url.path_qs, parsed(await answer.text())

    async def command(self, capsys: pytest.CaptureFixture[str], *said: str, ends: int = 0) -> str:
        """Give a command; what it prints."""
        capsys.readouterr()
        arguments = (*said, "--config", str(self.shop.installation.config))
        assert await asyncio.to_thread(main, arguments) == ends
        return capsys.readouterr().out

    async def written(self, capsys: pytest.CaptureFixture[str], folder: Path, *said: str, ends: int = 0) -> str:
        """Give a command that writes a table; the table."""
        file = folder / f"{'-'.join(said[:1])}-{time.monotonic_ns()}.csv"
        await self.command(capsys, *said, "--csv", str(file), ends=ends)
        return file.read_bytes().decode()


@asynccontextmanager
async def asking(shop: Varied, name: str = "oli") -> AsyncIterator[Asker]:
    """Sign somebody in."""
    url, said = shop.installation.private_url, {"name": name, "password": PASSWORD}
    async with aiohttp.ClientSession() as client:
        async with client.post(f"{url}/sign-in", data=said, headers={"Origin": url}, allow_redirects=False) as answer:
            # the cookie is one that browsers take from this machine alone without TLS, and this client does not
            client.headers["Cookie"] = answer.headers["Set-Cookie"].partition(";")[0]
        async with client.get(f"{url}/") as answer:
            found = re.search(r'name="csrf" value="([^"]+)"', await answer.text())
        assert found is not None
        yield Asker(shop, client, found[1])
