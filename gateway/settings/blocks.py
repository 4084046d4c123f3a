"""The tables of the file, a class each: what may stand in it, between which bounds, and what holds where nothing is said.

A table knows only itself. What several of them mean together is for `reading` and its parts to find out.
"""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field, PlainValidator
from pydantic.fields import FieldInfo

from adapters import ADAPTERS
from gateway.adapter import Adapter
from gateway.audit.processing import Company
from gateway.consent.policy import DAY, CmpRules, Policy, Profile, TcfRules
from gateway.console import configuration
from gateway.delivery.backoff import Pace
from gateway.delivery.contract_file import ContractFile, read
from gateway.keys import KeyHash, KeyId, KeyKind
from gateway.model.texts import PageOrigin
from gateway.model.words import Destination, Source
from gateway.places import LOG_ORIGIN
from gateway.references import REFERS
from gateway.rights.retention import Period
from gateway.settings import values
from gateway.settings.values import Address
from gateway.sources import woocommerce
from gateway.sources.orders import Refunds
from gateway.sources.shopify import WEB

BY_NAME: Final[Mapping[str, type[Adapter]]] = {adapter.destination.value: adapter for adapter in ADAPTERS}

ALLOW: Final = "allow"
"""The table of a destination in which a storefront turns options of its contract on."""
MEASUREMENT_ID: Final = r"^GT?-[A-Z0-9]{4,20}$"
"""What Google's tag calls a property (`G-`), or a tag that stands for some (`GT-`)."""


class Block(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True):
    """A table of the file."""


class ServerSettings(Block, frozen=True):
    """`[server]`: where the gateway listens, keeps its data and how patient it is. Times are seconds."""

    public: Annotated[Address, PlainValidator(values.address)] = Address("0.0.0.0", 8080)  # noqa: S104 - the front door
    private: Annotated[Address, PlainValidator(values.address)] = Address("127.0.0.1", 8081)
    data_dir: Annotated[Path, PlainValidator(values.path)]
    key_file: Annotated[Path, PlainValidator(values.path)]
    contracts: Annotated[Path, PlainValidator(values.path)] | None = None
    private_names: tuple[Annotated[str, PlainValidator(values.host_name)], ...] = ()
    trusted_proxies: tuple[Annotated[IPv4Network | IPv6Network, PlainValidator(values.network)], ...] = ()
    country_header: Annotated[str, PlainValidator(values.header_name)] | None = None
    region_header: Annotated[str, PlainValidator(values.header_name)] | None = None
    allow_test_endpoints: bool = False
    max_connections: Annotated[int, Field(ge=1, le=100_000)] = 1000
    max_connections_per_client: Annotated[int, Field(ge=1, le=100_000)] = 200
    stop_grace_seconds: Annotated[float, Field(ge=0, le=600)] = 25.0
    pre_stop_seconds: Annotated[float, Field(ge=0, le=600)] = 5.0
    header_seconds: Annotated[float, Field(gt=0, le=60)] = 5.0
    body_seconds: Annotated[float, Field(gt=0, le=60)] = 5.0


class OutboxSettings(Block, frozen=True):
    """`[outbox]`: how large the store may grow, in bytes."""

    max_bytes: Annotated[int, PlainValidator(values.size)] = 2 * 2**30


class LedgerSettings(Block, frozen=True):
    """`[ledger]`: how large the ledger of consent records may grow, in bytes."""

    max_bytes: Annotated[int, PlainValidator(values.size)] = 2 * 2**30


class DeliverySettings(Block, frozen=True):
    """`[delivery]`: waiting times in seconds (one in days), after how many failures in a row the breaker opens, and how often
    destinations are tried out (0: not by themselves).
    """

    linger_seconds: Annotated[float, Field(ge=0, le=60)] = 0.2
    backoff_base_seconds: Annotated[float, Field(gt=0, le=3600)] = 5.0
    backoff_cap_seconds: Annotated[float, Field(gt=0, le=86_400)] = 900.0
    throttle_cap_seconds: Annotated[float, Field(gt=0, le=86_400)] = 3600.0
    probe_base_seconds: Annotated[float, Field(gt=0, le=3600)] = 30.0
    probe_cap_seconds: Annotated[float, Field(gt=0, le=86_400)] = 300.0
    breaker_failures: Annotated[int, Field(ge=1, le=1000)] = 5
    pause_probe_seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0
    fresh_seconds: Annotated[float, Field(gt=0, le=86_400)] = 300.0
    inquiry_first_seconds: Annotated[float, Field(gt=0, le=86_400)] = 1800.0
    inquiry_cap_seconds: Annotated[float, Field(gt=0, le=604_800)] = 21_600.0
    inquiry_give_up_days: Annotated[float, Field(gt=0, le=8)] = 7.0
    canary_minutes: Annotated[int, PlainValidator(values.canary_minutes)] = 0

    @property
    def pace(self) -> Pace:
        """The same as a courier takes it."""
        return Pace(**self.model_dump(exclude={"canary_minutes"}))


class RetentionSettings(Block, frozen=True):
    """`[retention]`: how long each store keeps what it has, in days. The upper bounds are those of the published policy:
    13 months for what says who bought what, and nothing without an end.
    """

    dead_letters_days: Annotated[int, Field(ge=1, le=90)] = 14
    sent_days: Annotated[int, Field(ge=8, le=395)] = 395
    consent_records_days: Annotated[int, Field(ge=183, le=1095)] = 760
    withdrawals_days: Annotated[int, Field(ge=395, le=1830)] = 1095
    requests_days: Annotated[int, Field(ge=395, le=1830)] = 1095
    figures_days: Annotated[int, Field(ge=60, le=1830)] = 395

    @property
    def periods(self) -> Mapping[str, Period]:
        """The same with the bounds of each, by the setting's name."""
        fields = type(self).model_fields
        return {name: Period(days, *_bounds(fields[name])) for name, days in self.model_dump().items()}


def _bounds(field: FieldInfo) -> tuple[int, int]:
    """Give the least and the most that a number may be."""
    (least,) = (bound.ge for bound in field.metadata if hasattr(bound, "ge"))
    (most,) = (bound.le for bound in field.metadata if hasattr(bound, "le"))
    return least, most


Statement = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]+$")]


class CompanySettings(Block, frozen=True):
    """`[company]`: who is responsible for the processing, for the record of it (GDPR, art. 30(1)(a) and (e)).

    All of it may be left out; the record then says that it is not stated. `safeguards` says of a destination by what a transfer
    to a third country is covered.
    """

    name: Statement | None = None
    contact: Statement | None = None
    representative: Statement | None = None
    data_protection_officer: Statement | None = None
    safeguards: dict[Destination, Statement] = {}

    @property
    def stated(self) -> Company:
        """The same as the record takes it."""
        return Company(**self.model_dump())


class AuditSettings(Block, frozen=True):
    """`[audit]`: the signed log. Without `signing_key` it is written all the same, and nothing is signed or handed out."""

    origin: Annotated[str, PlainValidator(values.log_origin)] = LOG_ORIGIN
    signing_key: Annotated[Path, PlainValidator(values.path)] | None = None
    checkpoint_file: Annotated[Path, PlainValidator(values.path)] | None = None
    checkpoint_webhook: Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.\[\]:-]+(?:/[A-Za-z0-9._~/-]*)?$")] | None = None
    checkpoint_stdout: bool = False

    @property
    def outlets(self) -> Iterator[str]:
        """The settings that hand checkpoints out and are on, by name."""
        if self.checkpoint_file is not None:
            yield "checkpoint_file"
        if self.checkpoint_webhook is not None:
            yield "checkpoint_webhook"
        if self.checkpoint_stdout:
            yield "checkpoint_stdout"


Purpose = Annotated[int, Field(ge=1, le=24)]
VendorId = Annotated[int, Field(ge=1, le=65_535)]
ToolKeys = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=100)], ...], Field(min_length=1)]


class TcfSettings(Block, frozen=True):
    """`[storefronts.NAME.consent.tcf]`: what a TC string must say, and who is who in the lists that it refers to."""

    purposes: Annotated[tuple[Purpose, ...], Field(min_length=1)] = (1, 7)
    personalisation: Annotated[tuple[Purpose, ...], Field(min_length=1)] = (3, 4)
    vendors: dict[Destination, VendorId] = {Destination.GOOGLE_ADS: 755}
    providers: dict[Destination, VendorId] = {Destination.META: 89}

    @property
    def rules(self) -> TcfRules:
        """The same as the decision takes it."""
        return TcfRules(
            purposes=frozenset(self.purposes),
            personalisation=frozenset(self.personalisation),
            vendors=MappingProxyType(self.vendors),
            providers=MappingProxyType(self.providers),
        )


class CmpSettings(Block, frozen=True):
    """`[storefronts.NAME.consent.cmp]`: how the storefront's consent tool names advertising and the platforms."""

    onetrust_group: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")] = "C0004"
    didomi_purposes: tuple[Annotated[str, Field(min_length=1, max_length=100)], ...] = ()
    didomi_vendors: dict[Destination, ToolKeys] = {}
    axeptio_vendors: dict[Destination, ToolKeys] = {}

    @property
    def rules(self) -> CmpRules:
        """The same as the decision takes it."""
        return CmpRules(
            onetrust_group=self.onetrust_group,
            didomi_purposes=self.didomi_purposes,
            didomi_vendors=MappingProxyType(self.didomi_vendors),
            axeptio_vendors=MappingProxyType(self.axeptio_vendors),
        )


class ConsentSettings(Block, frozen=True):
    """`[storefronts.NAME.consent]`: who is asked, and how long an answer counts."""

    profile: Profile = Profile.OPT_IN_EVERYWHERE
    max_age_days: Annotated[int, Field(ge=1, le=395)] = 183
    banner_regions: tuple[Annotated[str, Field(pattern=r"^(?:[A-Z]{2}|\*)$")], ...] = ()
    grant_outweighs_opt_out: bool = False
    hold_unmatched_minutes: Annotated[int, Field(ge=0, le=30)] = 0
    tcf: TcfSettings = TcfSettings()
    cmp: CmpSettings = CmpSettings()

    @property
    def policy(self) -> Policy:
        """The same as the decision takes it."""
        return Policy(
            max_age=self.max_age_days * DAY,
            banner_regions=frozenset(self.banner_regions),
            profile=self.profile,
            grant_outweighs_opt_out=self.grant_outweighs_opt_out,
            tcf=self.tcf.rules,
            cmp=self.cmp.rules,
        )


class KeySettings(Block, frozen=True):
    """`[[storefronts.NAME.keys]]`: the hash of a key, or a reference to the key itself."""

    id: Annotated[KeyId, PlainValidator(values.key_id)]
    kind: KeyKind
    hash: Annotated[KeyHash, PlainValidator(values.key_hash)] | None = None
    key: Annotated[str | None, REFERS] = None


Secrets = Annotated[tuple[str, ...], Field(min_length=1, max_length=2), REFERS]
"""References to what signs a shop's webhooks: to one secret, or to two while one takes the other's place."""


class ShopifySettings(Block, frozen=True):
    """`[storefronts.NAME.shopify]`: the shop whose webhooks are taken, and which of its orders count."""

    shop_domain: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}\.myshopify\.com$")]
    secrets: Secrets
    orders: Literal["orders/paid", "orders/create"] = "orders/paid"
    source_names: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=100)], ...], Field(min_length=1)] = (WEB,)
    refunds: Refunds = "ignore"


ShopUrl = Annotated[str, Field(pattern=r"^https://[a-z0-9.-]{1,253}(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~-]{1,100}){0,5}/?$")]
"""Where a shop stands, as its platform names it in a webhook."""


class WooCommerceSettings(Block, frozen=True):
    """`[storefronts.NAME.woocommerce]`: the shop whose webhooks are taken, and which of its orders count."""

    shop_urls: Annotated[tuple[ShopUrl, ...], Field(min_length=1, max_length=20)]
    secrets: Secrets
    statuses: Annotated[tuple[Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")], ...], Field(min_length=1)] = tuple(
        sorted(woocommerce.PAID)
    )
    created_via: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=100)], ...], Field(min_length=1)] = tuple(
        sorted(woocommerce.CHECKOUTS)
    )
    event_id: Literal["id", "number"] = "id"
    refunds: Refunds = "ignore"


class PrestaShopSettings(Block, frozen=True):
    """`[storefronts.NAME.prestashop]`: the shop whose module's orders are taken, and which of them count."""

    shop_urls: Annotated[tuple[ShopUrl, ...], Field(min_length=1, max_length=20)]
    secrets: Secrets
    orders: Literal["paid", "placed"] = "paid"
    event_id: Literal["id", "reference"] = "id"


class StorefrontSettings(Block, frozen=True):
    """`[storefronts.NAME]`: the shop's own pages, how many events it may send (tokens in a bucket), and when its days begin."""

    origins: tuple[Annotated[PageOrigin, PlainValidator(values.origin)], ...] = ()
    allow_null_origin: bool = False
    measurement_ids: tuple[Annotated[str, Field(pattern=MEASUREMENT_ID)], ...] = ()
    data_tag: bool = False
    events_per_second: Annotated[float, Field(gt=0, le=1_000_000)] = 500.0
    burst: Annotated[int, Field(ge=1, le=10_000_000)] = 2000
    time_zone: Annotated[ZoneInfo, PlainValidator(values.zone)] = ZoneInfo("UTC")
    smallest_group: Annotated[int, Field(ge=5, le=1000)] = 10


ShopSettings = ShopifySettings | WooCommerceSettings | PrestaShopSettings
PLATFORMS: Final[Mapping[Source, type[ShopSettings]]] = {
    Source.SHOPIFY: ShopifySettings,
    Source.WOOCOMMERCE: WooCommerceSettings,
    Source.PRESTASHOP: PrestaShopSettings,
}
"""The table of a storefront in which it is said to be a shop on a platform."""

BLOCKS: Final[Mapping[str, type[BaseModel]]] = {
    "server": ServerSettings,
    "outbox": OutboxSettings,
    "ledger": LedgerSettings,
    "delivery": DeliverySettings,
    "retention": RetentionSettings,
    "audit": AuditSettings,
    "company": CompanySettings,
    **configuration.BLOCKS,
    "storefronts.*": StorefrontSettings,
    "storefronts.*.consent": ConsentSettings,
    "storefronts.*.consent.tcf": TcfSettings,
    "storefronts.*.consent.cmp": CmpSettings,
    "storefronts.*.keys": KeySettings,
    "storefronts.*.shopify": ShopifySettings,
    "storefronts.*.woocommerce": WooCommerceSettings,
    "storefronts.*.prestashop": PrestaShopSettings,
    **{f"storefronts.*.destinations.{name}": adapter.Settings for name, adapter in BY_NAME.items()},
}
"""Every table that the file may have; `*` stands for a storefront's name. Beside them, each destination has `allow`."""


def names() -> tuple[str, ...]:
    """List every setting that exists, as `server.public` or `storefronts.*.consent.max_age_days`."""
    blocks = [
        name for table, block in BLOCKS.items() for field in block.model_fields if (name := f"{table}.{field}") not in BLOCKS
    ]
    options = [f"storefronts.*.destinations.{name}.{ALLOW}.{option}" for name in BY_NAME for option in shipped(name).options]
    return (*blocks, *options)


def shipped(name: str) -> ContractFile:
    """Read the contract that comes with the program. Raises BadContract."""
    return read(files("config").joinpath(f"contracts/{name}.toml").read_bytes().decode())
