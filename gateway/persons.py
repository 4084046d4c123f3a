"""What a storefront knows a person by, as keyed hashes: nothing else of it is ever stored.

A client id, an order id, a receipt, a cart's or a checkout's token becomes 64 bits that only the holder of the key file can
make again. So a record of consent can be found by the order that it belongs to, and everything of a person by what the
person names, without any of these being on disk. E-mail addresses are not among them: they have digests of their own.
Pure: the pepper is handed in.
"""

import re
from enum import unique
from hashlib import blake2b
from typing import Final

from gateway.model.texts import EmailDigest, PersonKey, StorefrontId
from gateway.model.words import Word

KEY_BYTES: Final = 8
LONGEST: Final = 256
"""Characters of an identifier; what is longer is none."""

NOBODYS: Final = frozenset(
    (
        "undefined",
        "null",
        "none",
        "nan",
        "nil",
        "[object object]",
        "(not set)",
        "unknown",
        "anonymous",
        "guest",
        "n/a",
        "-",
        "0",
    )
) | {"00000000-0000-0000-0000-000000000000"}
"""What programs write where they have no identifier. Everybody has these, so a record that they found would speak for all."""

SHOPIFY_ORDER: Final = re.compile(r"gid://shopify/Order(?:Identity)?/([0-9]+)", re.ASCII).fullmatch
"""A pixel has an order as such an address, a webhook has its bare number
(https://shopify.dev/docs/api/web-pixels-api/standard-events/checkout_completed, read 2026-11-22)."""

SHOPIFY_CART: Final = re.compile(r"(?:gid://shopify/Cart/)?([A-Za-z0-9_-]+)(?:\?key=[A-Za-z0-9]+)?", re.ASCII).fullmatch
"""A theme has a cart's token with a key behind it, or as an address, and an order has the token
(https://shopify.dev/changelog/cart-token-in-ajax-api-response-now-includes-key-param, read 2026-11-27)."""


@unique
class Identifier(Word):
    """The kinds of identifier; the names that `join` uses, and `receipt`."""

    RECEIPT = "receipt"
    CLIENT_ID = "client_id"
    ORDER_ID = "order_id"
    CART_TOKEN = "cart_token"  # noqa: S105 - the name of a kind
    CHECKOUT_TOKEN = "checkout_token"  # noqa: S105 - the name of a kind


ADDRESSES: Final = {Identifier.ORDER_ID: SHOPIFY_ORDER, Identifier.CART_TOKEN: SHOPIFY_CART}
"""What Shopify writes in several ways, by its kind; the first group is what all of them have in common."""


class Persons:
    """Makes person keys. `pepper` is 16 to 64 secret bytes. Prints as `<Persons>`."""

    __slots__ = ("_keyed",)

    def __init__(self, pepper: bytes) -> None:
        self._keyed = blake2b(key=pepper, digest_size=KEY_BYTES, person=b"person")

    def __repr__(self) -> str:
        """Say what this is and nothing of what it holds."""
        return "<Persons>"

    def key(self, storefront: StorefrontId, kind: Identifier, text: str) -> PersonKey:
        """Hash an identifier of 1 to 256 characters, surrounding blanks left out. Raises ValueError for any other length.

        Equal texts of different kinds or storefronts give different keys. An order's number and Shopify's address of it give
        the same, and so do a cart's token with its key and without.
        """
        plain = text.strip()
        if (named := ADDRESSES.get(kind)) and (found := named(plain)):
            plain = found[1]
        if not 0 < len(plain) <= LONGEST:
            raise ValueError("an identifier has 1 to 256 characters")
        keyed = self.hasher(storefront, kind)
        keyed.update(plain.encode("utf-8", "surrogatepass"))
        return PersonKey.unsealed(keyed.hexdigest())

    def hasher(self, storefront: StorefrontId, kind: Identifier) -> blake2b:
        """Begin to hash a storefront's identifiers of one kind: a copy that is fed one's text makes the bytes of its key."""
        keyed = self._keyed.copy()
        keyed.update(f"{storefront}|{kind}|".encode())
        return keyed

    def of_digest(self, storefront: StorefrontId, digest: EmailDigest) -> PersonKey:
        """Hash an e-mail digest once more, for the register of requests alone: whoever names the address again can be shown
        that a request was about it, and nobody else can try addresses out.
        """
        keyed = self._keyed.copy()
        keyed.update(f"{storefront}|email|{digest}".encode())
        return PersonKey.unsealed(keyed.hexdigest())
