"""The module for PrestaShop's twin: it writes, signs and sends an order as `consentgateway.php` does."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.doorway import NOW, Answer, Doorway
from tests.shopify import SECRET, signed

DATA: Final = Path(__file__).parent / "data/prestashop"
URL: Final = "https://shop.example"
EDIT: Final = (
    "[[storefronts.shop.keys]]",
    f"""
[storefronts.shop.prestashop]
shop_urls = ["{URL}"]
secrets = ["file:shopify.new", "file:shopify.old"]
[[storefronts.shop.keys]]""",
)
"""Makes the storefront of an installation a shop on PrestaShop; `shopify.write_secrets` writes what signs."""


def order(**changes: Any) -> dict[str, Any]:
    """An order, made a minute ago by a visitor who had a receipt."""
    found: dict[str, Any] = json.loads((DATA / "order.json").read_text())
    return found | {"made_at": datetime.fromtimestamp(NOW - 60, UTC).isoformat()} | changes


async def send(door: Doorway, said: Any, secret: str = SECRET, **headers: str) -> Answer:
    """Post an order: JSON as PHP's `json_encode` writes it, or bytes as they are."""
    body = said if isinstance(said, bytes) else json.dumps(said, separators=(",", ":")).replace("/", "\\/").encode()
    given = {
        "X_Consent_Gateway_Shop": URL,
        "X_Consent_Gateway_Topic": "order",
        "X_Consent_Gateway_Signature": signed(body, secret),
        "Content_Type": "application/json",
    }
    return await door.ask("POST", "/v1/prestashop/webhooks", body, **given | headers)
