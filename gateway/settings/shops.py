"""A storefront's shop on a platform, whose webhooks are taken.

No two storefronts have the same, and no order counts for which nobody was asked.
"""

from gateway.model.words import Source
from gateway.settings.blocks import PLATFORMS, PrestaShopSettings, ShopifySettings, WooCommerceSettings
from gateway.settings.reader import At, Reader
from gateway.settings.ready import Shop
from gateway.sources import prestashop, woocommerce
from gateway.sources.orders import Orders, known_as
from gateway.sources.shopify import CHANNELS, Rules, Topic


class Shops:
    """Reads the shops of one storefront after the other."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._shops: set[tuple[Source, str]] = set()

    def read(self, source: Source, raw: object, at: At) -> Shop | None:
        """Read a storefront's shop on a platform: no two storefronts have the same."""
        block = self._reader.block(PLATFORMS[source], raw, at)
        if block is None:
            return None
        where: str
        names: tuple[str, ...]
        orders: Orders
        match block:
            case ShopifySettings():
                where, names, orders = "shop_domain", (block.shop_domain,), self._shopify(block, at)
            case WooCommerceSettings():
                where, names, orders = "shop_urls", block.shop_urls, self._woocommerce(block, at)
            case PrestaShopSettings():
                where, names, orders = "shop_urls", block.shop_urls, prestashop.Rules(block.orders, block.event_id)
        for name in {known_as(name) for name in names}:
            if (source, name) in self._shops:
                self._reader.fault((*at, where), "is the shop of another storefront; a webhook could not tell which is meant")
            self._shops.add((source, name))
        found = [self._reader.secret(reference, (*at, "secrets", index)) for index, reference in enumerate(block.secrets)]
        return Shop(names, tuple(secret for secret in found if secret is not None), orders)

    def _shopify(self, block: ShopifySettings, at: At) -> Orders:
        """Let no channel count where nobody was asked."""
        if not CHANNELS.keys().isdisjoint(block.source_names):
            self._reader.fault(
                (*at, "source_names"), "must not name a till's, a draft's or a subscription's orders: nobody was asked"
            )
        return Rules(Topic(block.orders), frozenset(block.source_names), block.refunds)

    def _woocommerce(self, block: WooCommerceSettings, at: At) -> Orders:
        """The same, and no status of an order that was taken back."""
        if not woocommerce.CHANNELS.keys().isdisjoint(block.created_via):
            self._reader.fault(
                (*at, "created_via"), "must not name a till's, the admin's or a subscription's orders: nobody was asked"
            )
        if not woocommerce.REVOKED.isdisjoint(block.statuses):
            self._reader.fault((*at, "statuses"), "must not name orders that were cancelled, refunded or thrown away")
        return woocommerce.Rules(frozenset(block.statuses), frozenset(block.created_via), block.event_id, block.refunds)
