"""WooCommerce as a client of ours: its order, signed and sent as WooCommerce does it, over a real socket."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.doorway import NOW, Answer, Doorway, as_bytes
from tests.shopify import OLD_SECRET, SECRET, signed

DATA: Final = Path(__file__).parent / "data/woocommerce"
URL: Final = "https://shop.example"
EDIT: Final = (
    "[[storefronts.shop.keys]]",
    f"""
[storefronts.shop.woocommerce]
shop_urls = ["{URL}"]
secrets = ["file:shopify.new", "file:shopify.old"]
[[storefronts.shop.keys]]""",
)
"""Makes the storefront of an installation a shop on WooCommerce; `shopify.write_secrets` writes what signs."""
MADE: Final = datetime.fromtimestamp(NOW - 60, UTC).strftime("%Y-%m-%dT%H:%M:%S")

__all__ = ["EDIT", "MADE", "OLD_SECRET", "SECRET", "URL", "order", "send"]


def order(**changes: Any) -> dict[str, Any]:
    """The published order, made a minute ago in the shop's checkout."""
    found: dict[str, Any] = json.loads((DATA / "order.json").read_text())
    now = {"created_via": "checkout", "date_created_gmt": MADE, "date_paid_gmt": MADE, "payment_url": f"{URL}/pay/727/?key=k"}
    return found | now | changes


async def send(door: Doorway, topic: str, said: Any, secret: str = SECRET, **headers: str) -> Answer:
    """Post a webhook: JSON, or bytes as they are; a header given by name takes the place of WooCommerce's own."""
    body = as_bytes(said)
    given = {
        "X_WC_Webhook_Source": f"{URL}/",
        "X_WC_Webhook_Topic": topic,
        "X_WC_Webhook_Resource": "order",
        "X_WC_Webhook_Event": topic.partition(".")[2],
        "X_WC_Webhook_Signature": signed(body, secret),
        "X_WC_Webhook_ID": "3",
        "X_WC_Webhook_Delivery_ID": "36e520ebabc2fa725092ff4a47acedf2",
        "Content_Type": "application/json",
    }
    return await door.ask("POST", "/v1/woocommerce/webhooks", body, **given | headers)
