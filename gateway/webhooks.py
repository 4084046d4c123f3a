"""Shopify's door: whose webhook it is, whether Shopify signed it, and what is done about it.

A shop is found by the domain that a webhook names, and believed only if the body's bytes are signed with one of its secrets:
https://shopify.dev/docs/apps/build/webhooks/verify-deliveries (read 2026-11-26). Nothing of a body is parsed before that. The
signature covers the body alone; topic, domain and the delivery's id are anybody's word once a signed body is known. So the
privacy topics hold the domain in the body against the settings too, and what keeps a repeat from counting twice is in the
bodies: an order's number, and whom an open line of the register is about. Erasing twice does no harm.
"""

import hmac
from base64 import b64encode
from collections.abc import Iterable
from enum import unique
from typing import Final, NoReturn

import msgspec
from multidict import CIMultiDictProxy

from gateway.callers import Door, Refusal
from gateway.ledger import Right
from gateway.listener import Answer, problem
from gateway.metrics import Metrics
from gateway.model import Word
from gateway.raw import Malformed, RawEvent, Unfit
from gateway.rights.desk import Desk, Via
from gateway.rights.due import Law
from gateway.rights.naming import Naming, named
from gateway.secret import Secret
from gateway.sources.shopify import Rules, Topic, order, subject, topic_of
from gateway.sources.strict import Unreadable

SIGNATURE: Final = "X-Shopify-Hmac-Sha256"
TOPIC: Final = "X-Shopify-Topic"
DOMAIN: Final = "X-Shopify-Shop-Domain"
EVERYBODY: Final = Naming()

Headers = CIMultiDictProxy[str]


@unique
class Outcome(Word):
    """What came of a signed webhook; a metric label."""

    ORDER = "order"
    """An order went down the line; what became of it is told of the event."""
    IGNORED = "ignored"
    ERASED = "erased"
    NOTED = "noted"
    """A line of the register waits for somebody."""
    NOBODY = "nobody"
    """It names neither an address nor an order, so nothing could be found by it."""
    INVALID = "invalid"


class Sender(msgspec.Struct, frozen=True):
    """A storefront that is a Shopify shop: its `*.myshopify.com` domain, one or two secrets, and its own door."""

    domain: str
    secrets: tuple[Secret, ...]
    rules: Rules
    door: Door


class Webhooks:
    """Recognises shops and does what their privacy topics ask. Methods raise `callers.Refusal` for what is not to be done."""

    def __init__(self, shops: Iterable[Sender], desk: Desk, metrics: Metrics) -> None:
        self._shops = {shop.domain: shop for shop in shops}
        self._desk = desk
        self._metrics = metrics

    def shop(self, headers: Headers) -> Sender:
        """Find the shop that a webhook names; what it says is not to be believed yet."""
        shop = self._shops.get((_only(headers, DOMAIN) or "").lower())
        return _unsigned() if shop is None else shop

    def topic(self, headers: Headers) -> Topic:
        """Say what a webhook is about."""
        return topic_of(_only(headers, TOPIC))

    def check(self, shop: Sender, headers: Headers, body: bytes) -> None:
        """Hold the signature against all of the shop's secrets, in a time that tells nothing of them."""
        given = (_only(headers, SIGNATURE) or "").encode("utf-8", "surrogateescape")
        right = [b64encode(hmac.digest(secret.reveal().encode(), body, "sha256")) for secret in shop.secrets]
        fits = [hmac.compare_digest(given, one) for one in right]  # each is compared, whichever fits
        if True not in fits:
            _unsigned()

    def read_order(self, shop: Sender, topic: Topic, body: bytes, now: int) -> RawEvent | Unfit | Malformed | None:
        """Read the order that a webhook tells of; None where the storefront takes no orders from this topic."""
        if topic is not shop.rules.orders:
            self._count(shop, topic, Outcome.IGNORED)
            return None
        try:
            event = order(body, now, shop.rules)
        except Unreadable:
            self._unread(shop, topic, problem(400, "not_json"))
        self._count(shop, topic, Outcome.ORDER)
        return event

    async def privacy(self, shop: Sender, topic: Topic, body: bytes) -> None:
        """Do what a privacy topic asks, or write down what an operator has to do. Raises `outbox.Unavailable`.

        It is done, or written, and flushed, when this returns.
        """
        try:
            about = subject(body)
        except Unreadable:
            self._unread(shop, topic, problem(400, "not_json"))
        if isinstance(about, Malformed):
            self._unread(shop, topic, problem(400, "invalid_request"))
        if about.shop_domain.lower() != shop.domain:
            _unsigned()
        naming = EVERYBODY if topic is Topic.SHOP_REDACT else named(about.email, about.orders)
        self._count(shop, topic, await self._done(shop, topic, naming))

    async def _done(self, shop: Sender, topic: Topic, naming: Naming | None) -> Outcome:
        storefront = shop.door.line.storefront
        if naming is None:
            return Outcome.NOBODY
        if topic is Topic.CUSTOMERS_REDACT:
            await self._desk.erase(storefront, naming, Law.GDPR, Via.SHOPIFY)
            return Outcome.ERASED
        right = Right.ERASE if topic is Topic.SHOP_REDACT else Right.ACCESS
        await self._desk.note(storefront, right, naming, Law.GDPR)
        return Outcome.NOTED

    def _unread(self, shop: Sender, topic: Topic, answered: Answer) -> NoReturn:
        """Refuse what is signed and cannot be read: Shopify repeats it, and shows the shop that it fails."""
        self._count(shop, topic, Outcome.INVALID)
        raise Refusal(answered)

    def _count(self, shop: Sender, topic: Topic, outcome: Outcome) -> None:
        self._metrics.webhook(shop.door.line.storefront, topic, outcome)


def _unsigned() -> NoReturn:
    """Refuse, for whichever reason: to Shopify it means a wrong secret, and to anybody else nothing."""
    raise Refusal(problem(401, "bad_signature"))


def _only(headers: Headers, name: str) -> str | None:
    """Give the value of a header that stands once; what is said twice is not said."""
    values = headers.getall(name, [])
    return values[0] if len(values) == 1 else None
