"""The door of shops' own platforms: whose webhook it is, whether the platform signed it, and what is done about it.

A shop is found by the name that a webhook gives it, and believed only if the body's bytes are signed with one of its secrets.
Nothing of a body is parsed before that. A signature covers the body alone; topic, shop and the delivery's id are anybody's word
once a signed body is known. So Shopify's privacy topics hold the domain in the body against the settings too, and what keeps a
repeat from counting twice is in the bodies: an order's number and the time it was made, and whom an open line of the register
is about. Erasing twice does no harm. What differs between platforms is in `DIALECTS`, and in each one's own source.

https://shopify.dev/docs/apps/build/webhooks/verify-deliveries, and for WooCommerce `includes/class-wc-webhook.php` of
https://github.com/woocommerce/woocommerce (both read 2026-11-26); PrestaShop has none, so a module of ours speaks for it.
"""

import hmac
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from enum import unique
from typing import Final, NoReturn

import msgspec
from multidict import CIMultiDictProxy

from gateway.intake.callers import Door, Refusal
from gateway.ledger import Right
from gateway.listener import Answer, problem
from gateway.metrics import Metrics
from gateway.model.event import Refund
from gateway.model.words import Source, Word
from gateway.outbox import Outbox
from gateway.outbox.holdings import Undoing
from gateway.raw import Malformed, RawEvent, Unfit
from gateway.rights.desk import Desk, Via
from gateway.rights.due import Law
from gateway.rights.naming import Naming, named
from gateway.secret import Secret
from gateway.sources import prestashop, shopify, woocommerce
from gateway.sources.orders import NoNews, Reader, known_as
from gateway.sources.shopify import Topic, subject
from gateway.sources.strict import Unreadable

EVERYBODY: Final = Naming()

Headers = CIMultiDictProxy[str]


class Dialect(msgspec.Struct, frozen=True):
    """How a platform says whose webhook it is, what it tells and who signed it: names of headers, and its topics.

    `topics` by the header's text; anything else is `other`. `frees`: those that only ever take something out of the store, so
    that they are heard though it is full. `ping`: what it posts, unsigned, to see whether somebody is there.
    """

    source: Source
    signature: str
    shop: str
    topic: str
    topics: Mapping[str, Word]
    other: Word
    privacy: frozenset[Word] = frozenset()
    frees: frozenset[Word] = frozenset()
    ping: re.Pattern[bytes] | None = None


DIALECTS: Final[Mapping[str, Dialect]] = {
    "/v1/shopify/webhooks": Dialect(
        Source.SHOPIFY,
        signature="X-Shopify-Hmac-Sha256",
        shop="X-Shopify-Shop-Domain",
        topic="X-Shopify-Topic",
        topics=shopify.TOPICS,
        other=shopify.Topic.OTHER,
        privacy=shopify.PRIVACY,
        frees=shopify.REFUNDS,
    ),
    "/v1/woocommerce/webhooks": Dialect(
        Source.WOOCOMMERCE,
        signature="X-WC-Webhook-Signature",
        shop="X-WC-Webhook-Source",
        topic="X-WC-Webhook-Topic",
        topics=woocommerce.TOPICS,
        other=woocommerce.Topic.OTHER,
        ping=re.compile(rb"webhook_id=[0-9]{1,20}"),
    ),
    "/v1/prestashop/webhooks": Dialect(
        Source.PRESTASHOP,
        signature="X-Consent-Gateway-Signature",
        shop="X-Consent-Gateway-Shop",
        topic="X-Consent-Gateway-Topic",
        topics=prestashop.TOPICS,
        other=prestashop.Topic.OTHER,
    ),
}
"""Of each route, whose words are spoken there."""
PING_BYTES: Final = 32


@unique
class Outcome(Word):
    """What came of a signed webhook; a metric label."""

    ORDER = "order"
    """An order went down the line; what became of it is told of the event."""
    NOT_YET = "not_yet"
    """An order in a state that does not count yet."""
    LONG_AGO = "long_ago"
    """An order that was bought longer ago than an event may be, and was touched again."""
    WITHHELD = "withheld"
    """A refund of all that an order was worth; what still waited of it was taken out."""
    IN_PART = "in_part"
    """A refund after which less has gone back than the order that waits is worth."""
    OTHER_CURRENCY = "other_currency"
    """A refund in another currency than the order that waits."""
    NOTHING_WAITS = "nothing_waits"
    """A refund of an order of which nothing waits: delivered, refused, or not come yet."""
    NO_MONEY = "no_money"
    """A refund by which no money has gone back, or not yet."""
    IGNORED = "ignored"
    ERASED = "erased"
    NOTED = "noted"
    """A line of the register waits for somebody."""
    NOBODY = "nobody"
    """It names neither an address nor an order, so nothing could be found by it."""
    INVALID = "invalid"


NO_NEWS: Final = {
    NoNews.NOT_YET: Outcome.NOT_YET,
    NoNews.LONG_AGO: Outcome.LONG_AGO,
    NoNews.NO_MONEY: Outcome.NO_MONEY,
}
UNDOINGS: Final = {
    Undoing.WITHHELD: Outcome.WITHHELD,
    Undoing.IN_PART: Outcome.IN_PART,
    Undoing.OTHER_CURRENCY: Outcome.OTHER_CURRENCY,
    Undoing.NOTHING_WAITS: Outcome.NOTHING_WAITS,
}


class Sender(msgspec.Struct, frozen=True):
    """A storefront that is a shop on a platform: what the platform calls it, one or two secrets, and its own door.

    `reads`: the topics that tell of its orders and refunds, and how each is read.
    """

    source: Source
    names: tuple[str, ...]
    secrets: tuple[Secret, ...]
    reads: Mapping[Word, Reader]
    door: Door


class Webhooks:
    """Recognises shops and reads what they tell. Methods raise `callers.Refusal` for what is not to be done."""

    def __init__(self, shops: Iterable[Sender], desk: Desk, outbox: Outbox, metrics: Metrics) -> None:
        self._shops = {(shop.source, known_as(name)): shop for shop in shops for name in shop.names}
        self._desk = desk
        self._outbox = outbox
        self._metrics = metrics

    def shop(self, dialect: Dialect, headers: Headers) -> Sender:
        """Find the shop that a webhook names; what it says is not to be believed yet."""
        shop = self._shops.get((dialect.source, known_as(_only(headers, dialect.shop) or "")))
        return _unsigned() if shop is None else shop

    def topic(self, dialect: Dialect, headers: Headers) -> Word:
        """Say what a webhook is about."""
        return dialect.topics.get(_only(headers, dialect.topic) or "", dialect.other)

    def check(self, dialect: Dialect, shop: Sender, headers: Headers, body: bytes) -> None:
        """Hold the signature against all of the shop's secrets, in a time that tells nothing of them."""
        given = (_only(headers, dialect.signature) or "").encode("utf-8", "surrogateescape")
        right = [b64encode(hmac.digest(secret.reveal().encode(), body, "sha256")) for secret in shop.secrets]
        fits = [hmac.compare_digest(given, one) for one in right]  # each is compared, whichever fits
        if True not in fits:
            _unsigned()

    def may_be_ping(self, dialect: Dialect, headers: Headers, length: int | None) -> bool:
        """Say whether a request, by its headers, is one that looks whether somebody is there: it names no shop."""
        known = any(source is dialect.source for source, _ in self._shops)
        return known and dialect.ping is not None and dialect.shop not in headers and length in range(PING_BYTES + 1)

    def ping(self, dialect: Dialect, body: bytes) -> None:
        """Know such a request by its body."""
        if dialect.ping is None or dialect.ping.fullmatch(body) is None:
            _unsigned()

    def read_order(self, shop: Sender, topic: Word, body: bytes, now: int) -> RawEvent | Unfit | Malformed | Refund | None:
        """Read the order, or the refund, that a webhook tells of; None where it tells of none, or that is no news."""
        reads = shop.reads.get(topic)
        if reads is None:
            self._count(shop, topic, Outcome.IGNORED)
            return None
        try:
            event = reads(body, now)
        except Unreadable:
            self._unread(shop, topic, problem(400, "not_json"))
        if isinstance(event, NoNews):
            self._count(shop, topic, NO_NEWS[event])
            return None
        if isinstance(event, Malformed) and topic in shopify.REFUNDS:  # no event, so it is not counted among them either
            self._count(shop, topic, Outcome.INVALID)
            return None
        if not isinstance(event, Refund):
            self._count(shop, topic, Outcome.ORDER)
        return event

    async def withhold(self, shop: Sender, topic: Word, refund: Refund, now: int) -> None:
        """Note a refund, and take its order out where it still waits. Raises `outbox.Unavailable`.

        It is noted, and flushed, when this returns. Taking away needs nobody's consent, and makes no event.
        """
        refunded = await self._outbox.refund(shop.door.line.storefront, refund, now)
        self._count(shop, topic, UNDOINGS[refunded.undoing])

    async def privacy(self, shop: Sender, topic: Word, body: bytes) -> None:
        """Do what a privacy topic of Shopify's asks, or write down what an operator has to do. Raises `outbox.Unavailable`.

        It is done, or written, and flushed, when this returns.
        """
        try:
            about = subject(body)
        except Unreadable:
            self._unread(shop, topic, problem(400, "not_json"))
        if isinstance(about, Malformed):
            self._unread(shop, topic, problem(400, "invalid_request"))
        if known_as(about.shop_domain) not in map(known_as, shop.names):
            _unsigned()
        naming = EVERYBODY if topic is Topic.SHOP_REDACT else named(about.email, about.orders)
        self._count(shop, topic, await self._done(shop, topic, naming))

    async def _done(self, shop: Sender, topic: Word, naming: Naming | None) -> Outcome:
        storefront = shop.door.line.storefront
        if naming is None:
            return Outcome.NOBODY
        if topic is Topic.CUSTOMERS_REDACT:
            await self._desk.erase(storefront, naming, Law.GDPR, Via.SHOPIFY)
            return Outcome.ERASED
        right = Right.ERASE if topic is Topic.SHOP_REDACT else Right.ACCESS
        await self._desk.note(storefront, right, naming, Law.GDPR)
        return Outcome.NOTED

    def _unread(self, shop: Sender, topic: Word, answered: Answer) -> NoReturn:
        """Refuse what is signed and cannot be read: platforms show the shop that it fails, and Shopify repeats it."""
        self._count(shop, topic, Outcome.INVALID)
        raise Refusal(answered)

    def _count(self, shop: Sender, topic: Word, outcome: Outcome) -> None:
        self._metrics.webhook(shop.door.line.storefront, topic, outcome)


def _unsigned() -> NoReturn:
    """Refuse, for whichever reason: to a platform it means a wrong secret, and to anybody else nothing."""
    raise Refusal(problem(401, "bad_signature"))


def _only(headers: Headers, name: str) -> str | None:
    """Give the value of a header that stands once; what is said twice is not said."""
    values = headers.getall(name, [])
    return values[0] if len(values) == 1 else None
