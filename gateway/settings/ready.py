"""What everything else is given: the configuration in which everything fits, with references followed and adapters made."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

import msgspec

from gateway.adapter import Adapter, Quota
from gateway.console.configuration import Console
from gateway.delivery.contract import Contract
from gateway.delivery.login import Login
from gateway.keys import StoredKey
from gateway.model import Destination, PageOrigin, Source, StorefrontId
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


class Storefront(msgspec.Struct, frozen=True):
    """One shop, ready: adapters made, references followed. Mappings are in the order of `Destination`."""

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
    keys: tuple[StoredKey, ...]
    destinations: Mapping[Destination, Adapter]
    logins: Mapping[Destination, Login]
    contracts: Mapping[Destination, Contract]
    base_urls: Mapping[Destination, str]
    credentials: Mapping[Destination, str]
    """References to the access tokens: where two are the same, so is the quota."""
    quotas: Mapping[Destination, Quota]
    shops: Mapping[Source, Shop]
    """Where the storefront is one, by platform."""
    test_endpoints: frozenset[Destination]
    """Destinations whose events go to another host than the platform's own, or whose tokens come from another."""


class Settings(msgspec.Struct, frozen=True):
    """The whole configuration, in which everything fits."""

    server: ServerSettings
    outbox: OutboxSettings
    ledger: LedgerSettings
    delivery: DeliverySettings
    retention: RetentionSettings
    audit: AuditSettings
    company: CompanySettings
    console: Console
    digest: str
    """SHA-256 of what the file says, in hex: the same for files that differ in comments and layout only."""
    storefronts: Mapping[StorefrontId, Storefront]
