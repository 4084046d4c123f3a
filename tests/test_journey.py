"""The whole journey of an order at a Shopify shop, on one machine: the visitor's choice in the pixel, the order by webhook, the
join, three platforms, what the marketer sees, and the customer's wish to be forgotten, after which nothing is left.
"""

import asyncio
import time
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import aiohttp

from tests.console import PASSWORD, chromium, needs_console, people, visiting
from tests.doorway import as_bytes
from tests.live import STOREFRONT, Installation
from tests.shopfront import Front, opened, window
from tests.shopify import DOMAIN, EDIT, headers_of, order, published, write_secrets
from tests.test_tag_in_browser import ALLOWED, customer_event, post_to_pixel

NUMBER: Final = "450789469"
"""Of the published order."""
ADDRESS: Final = "bob.norman@mail.example.com"


def make_shopify_shop(installation: Installation) -> None:
    """Let the storefront be a shop at Shopify, and people sign in."""
    write_secrets(installation.folder)
    before, after = EDIT
    text = installation.config.read_text()
    installation.config.write_text(text.replace(before, after, 1))
    people(installation)


async def webhook(front: Front, topic: str, said: Any, number: int) -> int:
    """Post a webhook as Shopify does; the answer's status."""
    body = as_bytes(said)
    headers = headers_of(topic, body) | {"X-Shopify-Webhook-Id": f"b54557e4-bdd9-4b37-8a5f-bf7d70bcd{number:03}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{front.installation.url}/v1/shopify/webhooks", data=body, headers=headers) as answer,
    ):
        return answer.status


async def access(front: Front) -> Any:
    """Ask what is held of the customer."""
    asked = {"email": ADDRESS, "order_id": NUMBER}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{front.installation.private_url}/api/v1/access", json=asked, headers=front.installation.own) as answer,
    ):
        told = await answer.json()
        assert answer.status == 200, told
        return told["disclosures"][0]


@needs_console
async def test_one_order_from_the_visitors_yes_to_the_customers_redact(tmp_path: Path) -> None:
    """Every station is asked what it knows, and in the end each knows nothing."""
    paid = order(processed_at=int(time.time()) - 60)
    async with opened(tmp_path / "shop", make_shopify_shop) as front, chromium() as browser:
        # The visitor says yes in the shop; the pixel tells of it, and of the checkout that begins.
        async with window(browser, front) as shop:
            await shop.page.goto(f"{front.origin}/pixel")
            await post_to_pixel(shop, {"privacy": ALLOWED}, customer_event("page_viewed", 901))
            begun = {"checkout": {"token": paid["checkout_token"]}}
            await post_to_pixel(shop, customer_event("checkout_started", 902, **begun))
            await asyncio.sleep(1.5)
            assert "/v1/consent" in shop.sent()

        # Shopify's server tells of the order; its consent is found by the checkout.
        assert await webhook(front, "orders/paid", paid, 1) == 200
        told = await front.until_accepted("purchase", NUMBER)
        assert told["signals"] == {"shopify": "granted"}
        await front.installation.quiet()
        for platform, ledger in front.platforms.ledgers.items():
            taken = [(one.value, one.currency) for one in ledger if one.event_id.endswith(NUMBER)]
            assert (platform, taken) == (platform, [(Decimal("598.94"), "USD")])

        # The marketer sees it arrive.
        async with visiting(browser, front.installation.private_url) as console:
            await console.sign_in("mia", PASSWORD)
            await console.open("/funnel?event=purchase&step=hour")
            text = await console.page.inner_text("#main")
            assert text.count("US$598.94") >= 3
            await console.open(f"/explain?event=purchase&event_id={NUMBER}")
            assert "Confirmed by the platform" in await console.page.inner_text("#main")
            assert console.complaints == []
        held = await access(front)
        assert held["consent_records"]
        assert held["sent"]

        # The customer wants to be forgotten.
        redact = published("customer_redact") | {"shop_domain": DOMAIN}
        redact["customer"] |= {"email": ADDRESS}
        redact["orders_to_redact"] = [int(NUMBER)]
        assert await webhook(front, "customers/redact", redact, 2) == 200
        assert await front.fate("purchase", NUMBER) is None
        left = await access(front)
        assert (left["held"], left["sent"], left["consent_records"]) == ([], [], [])
        register = await front.installation.ask("/api/v1/requests", storefront=STOREFRONT)
        assert "erase" in {line["right"] for line in register["requests"] if line["done_at"]}
