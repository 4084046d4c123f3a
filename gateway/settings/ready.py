"""What everything else is given: the configuration in which everything fits, adapters made.

A gateway is given `Settings`, with every reference followed. What holds no secret and needs none is `PlainSettings`: who asks a
gateway, or looks into its closed store, needs none of the tokens that the gateway itself was started with.
"""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

import msgspec

from gateway.adapter import Adapter, Quota
from gateway.console.configuration import Console
from gateway.delivery.contract import Contract
from gateway.delivery.login import Login
from gateway.keys import StoredKey
from gateway.model.texts import PageOrigin, StorefrontId
from gateway.model.words import Destination, Source
from gateway.secret import Secret
from gateway.settings.blocks import (
    AuditSettings,
    CompanySettings,
    ConsentSettings,
    DeliverySettings,
    LedgerSettings,
    OutboxSettings,
    RetentionSettings,
    ServerSettings,
)
from gateway.sources.orders import Orders


class Shop(msgspec.Struct, frozen=True):
    """A storefront's shop on a platform: what its webhooks call it, the secrets that sign them, and which orders count."""

    names: tuple[str, ...]
    secrets: tuple[Secret, ...]
    orders: Orders


class PlainStorefront(msgspec.Struct, frozen=True):
    """One shop, ready, without what is secret. Mappings are in the order of `Destination`."""

    id: StorefrontId
    origins: frozenset[PageOrigin]
    allow_null_origin: bool
    measurement_ids: frozenset[str]
    data_tag: bool
    events_per_second: float
    burst: int
    time_zone: ZoneInfo
    smallest_group: int
    consent: ConsentSettings
    destinations: Mapping[Destination, Adapter]
    secrets: Mapping[Destination, tuple[str, ...]]
    """Names of the secrets that are set beside the credential."""
    contracts: Mapping[Destination, Contract]
    base_urls: Mapping[Destination, str]
    credentials: Mapping[Destination, str]
    """References to the access tokens: where two are the same, so is the quota."""
    quotas: Mapping[Destination, Quota]
    test_endpoints: frozenset[Destination]
    """Destinations whose events go to another host than the platform's own, or whose tokens come from another."""


class Storefront(PlainStorefront, frozen=True):
    """The same with its references followed."""

    keys: tuple[StoredKey, ...]
    logins: Mapping[Destination, Login]
    shops: Mapping[Source, Shop]
    """Where the storefront is one, by platform."""


class PlainSettings(msgspec.Struct, frozen=True):
    """The whole configuration, in which everything fits, without what is secret."""

    server: ServerSettings
    outbox: OutboxSettings
    ledger: LedgerSettings
    delivery: DeliverySettings
    retention: RetentionSettings
    audit: AuditSettings
    company: CompanySettings
    digest: str
    """SHA-256 of what the file says, in hex: the same for files that differ in comments and layout only."""
    storefronts: Mapping[StorefrontId, PlainStorefront]


class Settings(PlainSettings, frozen=True):
    """The same with its references followed."""

    console: Console
    storefronts: Mapping[StorefrontId, Storefront]
