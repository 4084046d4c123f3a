"""What shops are given to install, run by a real PHP."""

from pathlib import Path
from typing import Final

import pytest

from gateway.sources.woocommerce import CLIENT_META, RECEIPT_META
from tests import woocommerce
from tests.doorway import doorway
from tests.shopify import write_secrets
from tests.stage import NOBODY, RECEIPT, VISITOR, checkouts, lint, needs_php

pytestmark = [needs_php, pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("shops")]

INTEGRATIONS: Final = Path(__file__).parent.parent / "integrations"


@pytest.mark.parametrize("path", sorted(INTEGRATIONS.rglob("*.php")), ids=lambda path: path.stem)
async def test_files_are_php(path: Path) -> None:
    """Held against the grammar by PHP itself."""
    assert "No syntax errors" in await lint(str(path))


ODD: Final = (
    "",
    "short12",
    "two words 0123456789",
    "page-receipt-0123456789\n",
    "page-receipt-é",
    "x' OR '1'='1",
    ["page-receipt"],
)
"""Cookies that anybody can send."""


# ── the plugin for WooCommerce ───────────────────────────────────────────────────────────────────────────────────

CHECKOUTS: Final = ("woocommerce_checkout_create_order", "woocommerce_store_api_checkout_update_order_meta")
BOTH: Final = VISITOR | {"consent_gateway_client_id": "GA1.1.315691213.1760240992"}


@pytest.mark.parametrize("hook", CHECKOUTS)
async def test_the_plugin_hands_the_cookies_on(hook: str) -> None:
    """In the shortcode's checkout and in the block's; an order that has a value gets the new one in its place."""
    (meta,) = await checkouts(hook, BOTH, had={RECEIPT_META: "page-receipt-of-another"})
    assert {one["key"]: one["value"] for one in meta} == {RECEIPT_META: RECEIPT, CLIENT_META: BOTH["consent_gateway_client_id"]}
    assert len(meta) == 2


async def test_an_order_joins_consent_by_what_the_plugin_wrote(tmp_path: Path) -> None:
    """WooCommerce's webhook carries the order's `meta_data`, and the gateway finds the visitor's record by it."""
    (meta,) = await checkouts(CHECKOUTS[1], VISITOR)
    write_secrets(tmp_path)
    async with doorway(tmp_path, woocommerce.EDIT) as door:
        await door.tell({"consent": {"advertising": True, "receipt": RECEIPT}})
        answer = await woocommerce.send(door, "order.updated", woocommerce.order(meta_data=meta))
        assert (answer.status, (await door.only()).event_id) == (200, "727")


async def test_the_plugin_ignores_odd_cookies() -> None:
    """What is not of the form of either is not written into the order; nor is anything where there is none."""
    odd = [dict.fromkeys(BOTH, value) for value in (*ODD, "a" * 257)]
    assert await checkouts(CHECKOUTS[0], NOBODY, *odd) == [[]] * (len(odd) + 1)


async def test_the_plugin_waits_for_the_checkout() -> None:
    """An order that is made in another way, or saved later on, is none of the visitor's browser."""
    assert await checkouts("woocommerce_new_order", VISITOR) == [[]]
