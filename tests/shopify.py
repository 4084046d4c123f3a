"""Shopify as a client of ours: real bodies, signed as Shopify signs them, over a real socket."""

import hmac
import json
from base64 import b64encode
from pathlib import Path
from typing import Any, Final

from tests.doorway import NOW, Answer, Doorway, as_bytes

DATA: Final = Path(__file__).parent / "data/shopify"
DOMAIN: Final = "example-shop.myshopify.com"
OLD_SECRET: Final = "shpss_0ld5ecretf0rte5ts"
SECRET: Final = "shpss_new5ecretf0rte5ts"
SETTINGS: Final = f"""
[storefronts.shop.shopify]
shop_domain = "{DOMAIN}"
secrets = ["file:shopify.new", "file:shopify.old"]
"""
EDIT: Final = ("[[storefronts.shop.keys]]", f"{SETTINGS}[[storefronts.shop.keys]]")
"""Makes the storefront of an installation a shop at Shopify."""


def write_secrets(folder: Path) -> None:
    """Put both secrets beside the configuration."""
    for name, secret in (("new", SECRET), ("old", OLD_SECRET)):
        (folder / f"shopify.{name}").write_text(secret)
        (folder / f"shopify.{name}").chmod(0o600)


def published(name: str) -> dict[str, Any]:
    """Give a published body."""
    found: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text())
    return found


def order(**changes: Any) -> dict[str, Any]:
    """The published order, made a minute ago in the shop's own store."""
    return (
        published("order") | {"processed_at": NOW - 60, "order_status_url": "https://shop.example/1/orders/t?key=k"} | changes
    )


WITHHOLD: Final = ("shop_domain = ", 'refunds = "withhold"\nshop_domain = ')
"""Lets refunds keep its orders from going."""


def refund(amount: str = "598.94", number: int = 1, **changes: Any) -> dict[str, Any]:
    """The published refund, of this amount: by default all that the published order is worth. `number` is the refund's own."""
    found = published("refund")
    (moved,) = found["transactions"]
    return found | {"id": number, "transactions": [moved | {"amount": amount} | changes]}


def signed(body: bytes, secret: str = SECRET) -> str:
    """Sign a body."""
    return b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()


def headers_of(topic: str, body: bytes, secret: str = SECRET) -> dict[str, str]:
    """The headers of a webhook."""
    return {
        "X-Shopify-Topic": topic,
        "X-Shopify-Hmac-Sha256": signed(body, secret),
        "X-Shopify-Shop-Domain": DOMAIN,
        "X-Shopify-Webhook-Id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
        "X-Shopify-API-Version": "2026-10",
        "Content-Type": "application/json",
    }


async def send(door: Doorway, topic: str, said: Any, secret: str = SECRET, **headers: str) -> Answer:
    """Post a webhook: JSON, or bytes as they are; a header given by name takes the place of Shopify's own."""
    body = as_bytes(said)
    given = {name.replace("-", "_"): value for name, value in headers_of(topic, body, secret).items()}
    return await door.ask("POST", "/v1/shopify/webhooks", body, **given | headers)
