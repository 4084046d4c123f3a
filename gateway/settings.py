"""The configuration: one TOML file, read once, frozen, and complained about once.

`load` either gives settings in which everything fits, secrets and adapters included, or raises `BadSettings` with
every fault there is, one per line, as `storefronts.demo.destinations.meta.pixel_id: rule`. A fault names the place and
the rule, never the value: people paste tokens into the wrong line. This room and `app` alone know which adapters exist.
"""

import json
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from hashlib import sha256
from importlib.resources import files
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from pydantic import BaseModel, Field, PlainValidator, ValidationError, ValidationInfo
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from adapters import ADAPTERS
from gateway.adapter import Adapter, DestinationSettings, Quota
from gateway.audit.processing import Company
from gateway.consent.policy import DAY, CmpRules, Policy, Profile, TcfRules
from gateway.console import configuration
from gateway.console.configuration import Console, ConsoleSettings, ConsoleTables, OidcSettings, PersonSettings, TokenSettings
from gateway.delivery.backoff import Pace
from gateway.delivery.contract import Contract, Outgoing, host_and_port
from gateway.delivery.contract_body import UNKNOWN, Place
from gateway.delivery.contract_file import BadContract, ContractFile, read
from gateway.delivery.grants import read_credential
from gateway.delivery.login import Login
from gateway.delivery.proving import disagreements, unnoticed, written_out
from gateway.keys import KeyHash, KeyId, KeyKind, StoredKey, is_key
from gateway.model import Destination, PageOrigin, Source, StorefrontId
from gateway.outbox import Decision
from gateway.places import LOG_ORIGIN
from gateway.references import BadReference, Referent
from gateway.rights.retention import Period
from gateway.secret import Document, Secret, one_line
from gateway.sources import prestashop, woocommerce
from gateway.sources.orders import Orders, Refunds, known_as
from gateway.sources.shopify import CHANNELS, WEB, Rules, Topic

BY_NAME: Final[Mapping[str, type[Adapter]]] = {adapter.destination.value: adapter for adapter in ADAPTERS}


class BadSettings(Exception):
    """The configuration cannot be used. `faults` are all there are, its text is one per line; no value is in them.

    `server` is what the file says of the process itself, where that part of it could be read.
    """

    def __init__(self, faults: Iterable[str], server: "ServerSettings | None" = None) -> None:
        """Keep the faults."""
        self.faults = tuple(faults)
        self.server = server
        super().__init__("\n".join(self.faults))


# ── values ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Address(NamedTuple):
    """Where to listen. Port 0 takes any free one."""

    host: str
    port: int


ALLOW: Final = "allow"
"""The table of a destination in which a storefront turns options of its contract on."""
LISTEN: Final = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:]+)\]|(?P<four>[0-9.]+)|(?P<name>localhost)):(?P<port>\d{1,5})", re.ASCII)
NAME: Final = re.compile(
    r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*", re.ASCII
)
HEADER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}", re.ASCII)
MEASUREMENT_ID: Final = r"^GT?-[A-Z0-9]{4,20}$"
"""What Google's tag calls a property (`G-`), or a tag that stands for some (`GT-`)."""
TAKEN_HEADERS: Final = frozenset(
    {"authorization", "cookie", "forwarded", "host", "origin", "referer", "sec-gpc", "user-agent", "x-forwarded-for"}
)
"""Headers that mean something of their own, or hold what identifies."""
SIZE: Final = re.compile(r"(?P<number>\d{1,12}) ?(?P<unit>B|KiB|MiB|GiB|TiB)", re.ASCII)
UNITS: Final = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
DEFAULT_PORTS: Final = (("https://", ":443"), ("http://", ":80"))


def _address(value: object) -> Address:
    """Read `0.0.0.0:8080` or `[::1]:8081`."""
    rule = "must be an address and a port, such as 127.0.0.1:8081 or [::1]:8081"
    match = LISTEN.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match["port"]) > 65_535:
        raise ValueError(rule)
    host = match["six"] or match["four"] or match["name"]
    try:
        return Address(host if match["name"] else ip_address(host).compressed, int(match["port"]))
    except ValueError:
        raise ValueError(rule) from None


def _host_name(value: object) -> str:
    """Read a host's name, as it stands in a `Host` header but for its port."""
    if not isinstance(value, str) or NAME.fullmatch(value) is None:
        raise ValueError("must be a host's name in lower case, such as gateway.internal, without a port")
    return value


def _header_name(value: object) -> str:
    """Read the name of a header (RFC 9110, 5.1), without those that say something else."""
    if not isinstance(value, str) or HEADER.fullmatch(value) is None or value.lower() in TAKEN_HEADERS:
        raise ValueError("must be the name of a header that a proxy in front sets, such as CF-IPCountry")
    return value


def _network(value: object) -> IPv4Network | IPv6Network:
    """Read `10.0.0.0/8`; the whole internet is not a proxy."""
    rule = "must be a network such as 10.0.0.0/8, with no host bit set"
    if not isinstance(value, str):
        raise ValueError(rule)  # noqa: TRY004 - pydantic turns ValueError into a fault
    try:
        network = ip_network(value)
    except ValueError:
        raise ValueError(rule) from None
    if network.prefixlen == 0:
        raise ValueError("must not trust the whole internet")
    return network


def _size(value: object) -> int:
    """Read `2GiB` as bytes."""
    match = SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("must be a size in text, such as 512MiB or 2GiB")
    size = int(match["number"]) * UNITS[match["unit"]]
    if not 2**20 <= size <= 2**44:
        raise ValueError("must be from 1MiB to 16TiB")
    return size


def _canary_minutes(value: object) -> int:
    """Read how often destinations are tried out: not at all, or no more often than every five minutes."""
    if isinstance(value, bool) or not isinstance(value, int) or (value != 0 and not 5 <= value <= 1440):
        raise ValueError("must be 0 (off) or a number of minutes from 5 to 1440")
    return value


def _path(value: object, info: ValidationInfo) -> Path:
    """Read a path; a relative one begins at the configuration file's folder."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("must be a path")
    base: Path = info.context["base"] if info.context else Path()
    return base / value


def _origin(value: object) -> PageOrigin:
    """Read an origin exactly as a browser's `Origin` header writes it: lower case, no default port."""
    rule = "must be an origin in lower case, such as https://shop.example, without a path"
    if not isinstance(value, str):
        raise ValueError(rule)  # noqa: TRY004 - pydantic turns ValueError into a fault
    try:
        origin = PageOrigin(value)
    except ValueError:
        raise ValueError(rule) from None
    if any(origin.startswith(scheme) and origin.endswith(port) for scheme, port in DEFAULT_PORTS):
        raise ValueError("must leave the default port out: a browser's Origin header never has it")
    return origin


def _key_id(value: object) -> KeyId:
    """Read a key's public name."""
    try:
        return KeyId(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError("must be 1 to 20 of a-z 0-9") from None


def _key_hash(value: object) -> KeyHash:
    """Read a key's hash."""
    try:
        return KeyHash(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError("must be 64 lower-case hex digits, never the key itself") from None


# ── blocks ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Block(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True):
    """A table of the file."""


class ServerSettings(Block, frozen=True):
    """`[server]`: where the gateway listens, keeps its data and how patient it is. Times are seconds."""

    public: Annotated[Address, PlainValidator(_address)] = Address("0.0.0.0", 8080)  # noqa: S104 - the front door
    private: Annotated[Address, PlainValidator(_address)] = Address("127.0.0.1", 8081)
    data_dir: Annotated[Path, PlainValidator(_path)]
    key_file: Annotated[Path, PlainValidator(_path)]
    contracts: Annotated[Path, PlainValidator(_path)] | None = None
    private_names: tuple[Annotated[str, PlainValidator(_host_name)], ...] = ()
    trusted_proxies: tuple[Annotated[IPv4Network | IPv6Network, PlainValidator(_network)], ...] = ()
    country_header: Annotated[str, PlainValidator(_header_name)] | None = None
    region_header: Annotated[str, PlainValidator(_header_name)] | None = None
    allow_test_endpoints: bool = False
    max_connections: Annotated[int, Field(ge=1, le=100_000)] = 1000
    max_connections_per_client: Annotated[int, Field(ge=1, le=100_000)] = 200
    stop_grace_seconds: Annotated[float, Field(ge=0, le=600)] = 25.0
    pre_stop_seconds: Annotated[float, Field(ge=0, le=600)] = 5.0
    header_seconds: Annotated[float, Field(gt=0, le=60)] = 5.0
    body_seconds: Annotated[float, Field(gt=0, le=60)] = 5.0


class OutboxSettings(Block, frozen=True):
    """`[outbox]`: how large the store may grow, in bytes."""

    max_bytes: Annotated[int, PlainValidator(_size)] = 2 * 2**30


class LedgerSettings(Block, frozen=True):
    """`[ledger]`: how large the ledger of consent records may grow, in bytes."""

    max_bytes: Annotated[int, PlainValidator(_size)] = 2 * 2**30


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
    canary_minutes: Annotated[int, PlainValidator(_canary_minutes)] = 0

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


ORIGIN_OF_LOG: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,98}[a-z0-9])?(?:/[a-z0-9._-]{1,40}){0,4}", re.ASCII)


def _log_origin(value: object) -> str:
    """Read the name of a log: a host and a path, which need not lead anywhere."""
    if not isinstance(value, str) or ORIGIN_OF_LOG.fullmatch(value) is None:
        raise ValueError("must name the log by a host and a path in lower case, such as gateway.example/log")
    return value


class AuditSettings(Block, frozen=True):
    """`[audit]`: the signed log. Without `signing_key` it is written all the same, and nothing is signed or handed out."""

    origin: Annotated[str, PlainValidator(_log_origin)] = LOG_ORIGIN
    signing_key: Annotated[Path, PlainValidator(_path)] | None = None
    checkpoint_file: Annotated[Path, PlainValidator(_path)] | None = None
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

    id: Annotated[KeyId, PlainValidator(_key_id)]
    kind: KeyKind
    hash: Annotated[KeyHash, PlainValidator(_key_hash)] | None = None
    key: str | None = None


def _zone(value: object) -> ZoneInfo:
    """Find a time zone by its name in the IANA database."""
    try:
        return ZoneInfo(value if isinstance(value, str) else "")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is the name of a time zone, as Europe/Paris") from None


Secrets = Annotated[tuple[str, ...], Field(min_length=1, max_length=2)]
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

    origins: tuple[Annotated[PageOrigin, PlainValidator(_origin)], ...] = ()
    allow_null_origin: bool = False
    measurement_ids: tuple[Annotated[str, Field(pattern=MEASUREMENT_ID)], ...] = ()
    data_tag: bool = False
    events_per_second: Annotated[float, Field(gt=0, le=1_000_000)] = 500.0
    burst: Annotated[int, Field(ge=1, le=10_000_000)] = 2000
    time_zone: Annotated[ZoneInfo, PlainValidator(_zone)] = ZoneInfo("UTC")
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


# ── what everything else is given ────────────────────────────────────────────────────────────────────────────────


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


def load(path: Path, env: Mapping[str, str]) -> Settings:
    """Read the file and all that it refers to; `env` is where `env:NAME` is looked up. Raises BadSettings."""
    return Reading(path.parent.absolute(), env).settings(_toml(path))


def _toml(path: Path) -> dict[str, Any]:
    """Read TOML; of a fault only the place is told, because the reader's own words can hold what stands there."""
    try:
        return tomllib.loads(path.read_bytes().decode())
    except OSError:
        raise BadSettings(["the configuration file cannot be read"]) from None
    except UnicodeDecodeError:
        raise BadSettings(["the configuration file is not UTF-8 text"]) from None
    except tomllib.TOMLDecodeError as error:
        raise BadSettings([toml_fault(error)]) from None
    except RecursionError:
        raise BadSettings(["the configuration file is nested too deeply"]) from None


def toml_fault(error: tomllib.TOMLDecodeError) -> str:
    """Put a fault of TOML as its place and rule, without the reader's own words. Only a repeat is told from the rest."""
    place = re.search(r"\(at line (\d+), column (\d+)\)$", str(error))
    where = f"line {place[1]}, column {place[2]}" if place else "the end of the file"
    twice = str(error).startswith(("Cannot declare", "Cannot overwrite"))
    return f"{where}: must be TOML{', in which each table and setting stands once' if twice else ''}"


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────

AnyBlock = TypeVar("AnyBlock", bound=BaseModel)
Found = TypeVar("Found")

SAFE_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)
SECTIONS: Final = ("server", "outbox", "ledger", "delivery", "retention", "audit", "company", "console", "storefronts")

NUMBER: Final = "must be a number"
WHOLE: Final = "must be a whole number"
LIST: Final = "must be a list"
TABLE: Final = "must be a table"
RULES: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "extra_forbidden": "is not a setting",
    "bool_type": "must be true or false",
    "int_type": WHOLE,
    "int_from_float": WHOLE,
    "float_type": NUMBER,
    "finite_number": "must be a finite number",
    "string_type": "must be text",
    "string_pattern_mismatch": "must match {pattern}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "too_short": "needs at least {min_length}",
    "too_long": "takes at most {max_length}",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    **dict.fromkeys(("tuple_type", "list_type", "set_type", "frozen_set_type"), LIST),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), TABLE),
}
"""What to say for each of pydantic's error types. The braces are filled from the schema, never from the value.

https://pydantic.dev/docs/validation/latest/errors/validation_errors/ (read 2026-11-22)
"""


class Reading:
    """One pass over a parsed file that collects faults instead of stopping at the first."""

    def __init__(self, base: Path, env: Mapping[str, str]) -> None:
        self._base = base
        self._env = env
        self._faults: list[str] = []
        self._test_allowed = False
        self._contracts_folder: Path | None = None
        self._contracts: dict[str, ContractFile | None] = {}
        self._agreed: dict[tuple[Destination, frozenset[str], str | None, str | None], Contract] = {}
        self._key_names: set[tuple[KeyKind, KeyId]] = set()
        self._measurement_ids: set[str] = set()
        self._data_tag_origins: set[str] = set()
        self._shops: set[tuple[Source, str]] = set()

    def settings(self, file: Mapping[str, object]) -> Settings:
        """Read everything. Raises BadSettings when there was any fault."""
        for name in sorted(file.keys() - set(SECTIONS)):
            self._fault((name,), RULES["extra_forbidden"])
        server = self._block(ServerSettings, file.get("server", {}), ("server",))
        outbox = self._block(OutboxSettings, file.get("outbox", {}), ("outbox",))
        ledger = self._block(LedgerSettings, file.get("ledger", {}), ("ledger",))
        delivery = self._block(DeliverySettings, file.get("delivery", {}), ("delivery",))
        retention = self._block(RetentionSettings, file.get("retention", {}), ("retention",))
        audit = self._block(AuditSettings, file.get("audit", {}), ("audit",))
        company = self._block(CompanySettings, file.get("company", {}), ("company",))
        console = self._console(file.get("console", {}))
        self._test_allowed = _table(file.get("server")).get("allow_test_endpoints") is True
        if server is not None:
            self._check_server(server)
            if audit is not None:
                self._check_audit(audit, server)
            self._contracts_folder = server.contracts
        storefronts = self._storefronts(file.get("storefronts", {}))
        if (
            self._faults
            or server is None
            or outbox is None
            or ledger is None
            or delivery is None
            or retention is None
            or audit is None
            or company is None
        ):
            raise BadSettings(sorted(self._faults, key=_section), server)
        shops = MappingProxyType(storefronts)
        return Settings(server, outbox, ledger, delivery, retention, audit, company, console, _digest(file), shops)

    def _console(self, raw: object) -> Console:
        """Read who may look and act."""
        at = ("console",)
        own = raw if not isinstance(raw, dict) else {k: v for k, v in raw.items() if k not in ("people", "tokens", "oidc")}
        table = _table(raw)
        tables = ConsoleTables(
            own=self._block(ConsoleSettings, own, at),
            people=self._list(PersonSettings, table.get("people", []), (*at, "people")),
            tokens=self._list(TokenSettings, table.get("tokens", []), (*at, "tokens")),
            oidc=self._block(OidcSettings, table["oidc"], (*at, "oidc")) if "oidc" in table else None,
        )
        return configuration.read_console(tables, self._secret, self._fault)

    def _list(self, block: type[AnyBlock], raw: object, at: tuple[str | int, ...]) -> list[AnyBlock | None]:
        """Read an array of tables."""
        if not isinstance(raw, list):
            self._fault(at, LIST)
            return []
        return [self._block(block, table, (*at, index)) for index, table in enumerate(raw)]

    def _check_server(self, server: ServerSettings) -> None:
        """Check what concerns two settings at once."""
        if server.public == server.private and server.public.port:
            self._fault(("server", "private"), "must differ from server.public")
        for name in ("country_header", "region_header"):
            if getattr(server, name) is not None and not server.trusted_proxies:
                self._fault(
                    ("server", name), "needs server.trusted_proxies: from anybody else it would be the visitor's own word"
                )
        if server.country_header is None and server.region_header is not None:
            self._fault(("server", "region_header"), "needs server.country_header: a region alone says nothing")
        if server.key_file.resolve().is_relative_to(server.data_dir.resolve()):
            self._fault(
                ("server", "key_file"), "must lie outside server.data_dir: whoever copies the data must not get the key"
            )

    def _check_audit(self, audit: AuditSettings, server: ServerSettings) -> None:
        """Check what the log's settings mean together."""
        for name in audit.outlets if audit.signing_key is None else ():
            self._fault(("audit", name), "needs audit.signing_key: a checkpoint that is not signed proves nothing")
        for name in ("signing_key", "checkpoint_file"):
            path: Path | None = getattr(audit, name)
            if path is not None and path.resolve().is_relative_to(server.data_dir.resolve()):
                self._fault(("audit", name), "must lie outside server.data_dir, whose old copies may be put back")
        if audit.checkpoint_webhook is not None:
            self._check_webhook(audit.checkpoint_webhook)

    def _check_webhook(self, url: str) -> None:
        """Have checkpoints posted over TLS, but for a test on loopback."""
        scheme, host = _split(url) or ("", "")
        if scheme != "https" and not (self._test_allowed and _is_loopback(host)):
            self._fault(("audit", "checkpoint_webhook"), "must be https")

    def _storefronts(self, raw: object) -> dict[StorefrontId, Storefront]:
        """Read every storefront."""
        if not isinstance(raw, dict) or not raw:
            self._fault(("storefronts",), "needs at least one storefront, as a table [storefronts.NAME]")
            return {}
        found: dict[StorefrontId, Storefront] = {}
        for name, table in raw.items():
            if StorefrontId.PATTERN.fullmatch(name) is None:
                self._fault(("storefronts", name), "is named by 1 to 40 of a-z 0-9 - _, a letter or digit first")
            elif (storefront := self._storefront(StorefrontId(name), table)) is not None:
                found[storefront.id] = storefront
        return found

    def _storefront(self, name: StorefrontId, raw: object) -> Storefront | None:
        """Read one storefront and the tables inside it."""
        at = ("storefronts", name)
        if not isinstance(raw, dict):
            self._fault(at, TABLE)
            return None
        own = {key: value for key, value in raw.items() if key not in ("consent", "keys", "destinations", *PLATFORMS)}
        shop = self._block(StorefrontSettings, own, at)
        consent = self._block(ConsentSettings, raw.get("consent", {}), (*at, "consent"))
        keys = self._keys(raw.get("keys", []), (*at, "keys"))
        destinations = self._destinations(raw.get("destinations", {}), (*at, "destinations"))
        shops = {
            source: found
            for source in PLATFORMS
            if source in raw and (found := self._shop(source, raw[source], (*at, source.value))) is not None
        }
        if shop is None or consent is None:
            return None
        return Storefront(
            id=name,
            origins=frozenset(shop.origins),
            allow_null_origin=shop.allow_null_origin,
            measurement_ids=self._own_ids(shop.measurement_ids, at),
            data_tag=shop.data_tag and self._has_own_origins(shop.origins, at),
            events_per_second=shop.events_per_second,
            burst=shop.burst,
            time_zone=shop.time_zone,
            smallest_group=shop.smallest_group,
            consent=consent,
            keys=keys,
            destinations=MappingProxyType({d.name: d.adapter for d in destinations}),
            logins=MappingProxyType({d.name: d.login for d in destinations}),
            contracts=MappingProxyType({d.name: d.contract for d in destinations}),
            base_urls=MappingProxyType({d.name: d.base_url for d in destinations}),
            credentials=MappingProxyType({d.name: d.credential for d in destinations}),
            quotas=MappingProxyType({d.name: d.quota for d in destinations}),
            shops=MappingProxyType(shops),
            test_endpoints=frozenset(d.name for d in destinations if d.elsewhere),
        )

    def _own_ids(self, names: tuple[str, ...], at: tuple[str | int, ...]) -> frozenset[str]:
        """Hold a storefront's measurement ids against those of the ones before it: a tag is known by its id alone."""
        for name in names:
            if name in self._measurement_ids:
                self._fault((*at, "measurement_ids"), "names an id twice, or one that another storefront has")
            self._measurement_ids.add(name)
        return frozenset(names)

    def _has_own_origins(self, origins: tuple[str, ...], at: tuple[str | int, ...]) -> bool:
        """Hold the origins of a storefront with the data tag against those of the others: its pages are known by them alone."""
        if not origins:
            self._fault((*at, "data_tag"), "needs the shop's origins, by which its pages are known")
        if self._data_tag_origins.intersection(origins):
            self._fault((*at, "data_tag"), "cannot be on for two storefronts that have the same origin")
        self._data_tag_origins.update(origins)
        return True

    def _keys(self, raw: object, at: tuple[str | int, ...]) -> tuple[StoredKey, ...]:
        """Read a storefront's keys: at least one, at most two of a kind, no id twice in the whole file."""
        if not isinstance(raw, list) or not raw:
            self._fault(at, "needs at least one key, as a table [[storefronts.NAME.keys]]")
            return ()
        found = [key for index, table in enumerate(raw) if (key := self._key(table, (*at, index))) is not None]
        for kind, count in Counter(key.kind for key in found).items():
            if count > 2:
                self._fault(at, f"takes at most two {kind.value} keys, an old one and its successor")
        return tuple(found)

    def _key(self, raw: object, at: tuple[str | int, ...]) -> StoredKey | None:
        """Read one key."""
        block = self._block(KeySettings, raw, at)
        if block is None:
            return None
        if (block.kind, block.id) in self._key_names:
            self._fault((*at, "id"), "is the id of another key of this kind; ids are unique in the whole file")
            return None
        self._key_names.add((block.kind, block.id))
        if (block.hash is None) == (block.key is None):
            self._fault(at, "needs either hash or key")
            return None
        if block.hash is not None:
            return StoredKey(block.id, block.kind, block.hash)
        secret = self._secret(block.key, (*at, "key"))
        if secret is None:
            return None
        if not is_key(secret.reveal(), block.kind, block.id):
            self._fault((*at, "key"), "refers to something that is not a key of this kind and id")
            return None
        return StoredKey(block.id, block.kind, secret)

    def _shop(self, source: Source, raw: object, at: tuple[str | int, ...]) -> Shop | None:
        """Read a storefront's shop on a platform: no two storefronts have the same."""
        block = self._block(PLATFORMS[source], raw, at)
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
                self._fault((*at, where), "is the shop of another storefront; a webhook could not tell which is meant")
            self._shops.add((source, name))
        found = [self._secret(reference, (*at, "secrets", index)) for index, reference in enumerate(block.secrets)]
        return Shop(names, tuple(secret for secret in found if secret is not None), orders)

    def _shopify(self, block: ShopifySettings, at: tuple[str | int, ...]) -> Orders:
        """Let no channel count where nobody was asked."""
        if not CHANNELS.keys().isdisjoint(block.source_names):
            self._fault((*at, "source_names"), "must not name a till's, a draft's or a subscription's orders: nobody was asked")
        return Rules(Topic(block.orders), frozenset(block.source_names), block.refunds)

    def _woocommerce(self, block: WooCommerceSettings, at: tuple[str | int, ...]) -> Orders:
        """The same, and no status of an order that was taken back."""
        if not woocommerce.CHANNELS.keys().isdisjoint(block.created_via):
            self._fault(
                (*at, "created_via"), "must not name a till's, the admin's or a subscription's orders: nobody was asked"
            )
        if not woocommerce.REVOKED.isdisjoint(block.statuses):
            self._fault((*at, "statuses"), "must not name orders that were cancelled, refunded or thrown away")
        return woocommerce.Rules(frozenset(block.statuses), frozenset(block.created_via), block.event_id, block.refunds)

    def _destinations(self, raw: object, at: tuple[str | int, ...]) -> list["Enabled"]:
        """Read a storefront's destinations: at least one."""
        if not isinstance(raw, dict) or not raw:
            self._fault(at, "needs at least one destination, as a table [storefronts.NAME.destinations.meta]")
            return []
        for name in sorted(raw.keys() - BY_NAME.keys()):
            self._fault((*at, name), f"is not a destination; there are {', '.join(BY_NAME)}")
        ordered = [name for name in Destination if name in raw and name in BY_NAME]
        found = [self._destination(BY_NAME[name], raw[name], (*at, name.value)) for name in ordered]
        return [destination for destination in found if destination is not None]

    def _destination(self, adapter: type[Adapter], raw: object, at: tuple[str | int, ...]) -> "Enabled | None":
        """Read one destination with the adapter's own settings, its endpoint and its credential."""
        table = _table(raw)
        own = {name: value for name, value in table.items() if name != ALLOW} if table else raw
        block = self._block(adapter.Settings, own, at)
        self._check_endpoint(table.get("base_url"), _base_urls(adapter), (*at, "base_url"))
        self._check_endpoint(table.get("token_url"), _token_urls(adapter), (*at, "token_url"))
        login = self._login(adapter, table, at)
        file = self._contract(adapter.destination)
        allowed = self._allowed(table.get(ALLOW, {}), file, (*at, ALLOW))
        if block is None or login is None or file is None:
            return None
        made = adapter(block)
        contract = self._terms(made, block.base_url, file, allowed)
        for place in disagreements(written_out(made, block.base_url, login.secrets), contract):
            self._disagreement(place, contract, at)
        tokens = made.token_endpoint
        if tokens is not None and host_and_port(_origin_of(tokens.url)) not in contract.token_hosts:
            self._fault(at, "the contract's token_hosts do not name the platform's, so no access token could be got")
        return Enabled(
            name=adapter.destination,
            adapter=made,
            login=login,
            base_url=block.base_url,
            contract=contract,
            credential=block.credential,
            quota=_quota(block, made.limits.quota),
            elsewhere=contract.is_test,
        )

    def _terms(self, made: Adapter, base_url: str, file: ContractFile, allowed: Iterable[str]) -> Contract:
        """Make a destination's contract, in which the configuration's test endpoints stand in for the platform's.

        Storefronts with the same terms share it: what a contract has learned of bodies is a third of a start with many.
        """
        tokens = made.token_endpoint
        endpoint = None if base_url in _base_urls(type(made)) else base_url
        token_endpoint = None if tokens is None or tokens.url in _token_urls(type(made)) else _origin_of(tokens.url)
        terms = (made.destination, frozenset(allowed), endpoint, token_endpoint)
        if terms not in self._agreed:
            self._agreed[terms] = Contract(file, allowed, endpoint=endpoint, token_endpoint=token_endpoint)
        return self._agreed[terms]

    def _contract(self, destination: Destination) -> ContractFile | None:
        """Read a destination's contract, once: the privacy team's own file, else the one that is shipped."""
        if destination not in self._contracts:
            self._contracts[destination] = self._read_contract(destination)
        return self._contracts[destination]

    def _read_contract(self, destination: Destination) -> ContractFile | None:
        name = f"{destination.value}.toml"
        folder = self._contracts_folder or files("config").joinpath("contracts")
        try:
            file = read(folder.joinpath(name).read_bytes().decode())
        except (OSError, UnicodeDecodeError):
            self._faults.append(f"contract {name}: cannot be read")
            return None
        except BadContract as bad:
            self._faults += [f"contract {name}: {fault}" for fault in bad.faults]
            return None
        if file.destination != destination:
            self._faults.append(f"contract {name}: destination: must be {destination.value}, as the file is named")
        return file

    def _allowed(self, raw: object, file: ContractFile | None, at: tuple[str | int, ...]) -> frozenset[str]:
        """Read which options of the contract a storefront has turned on; each line names the decision behind it."""
        if not isinstance(raw, dict):
            self._fault(at, TABLE)
            return frozenset()
        options = file.options if file is not None else raw
        for name, decision in raw.items():
            if name not in options:
                self._fault((*at, name), f"is not an option of this contract; it has {', '.join(options) or 'none'}")
            elif not isinstance(decision, str) or Decision.PATTERN.fullmatch(decision) is None:
                self._fault((*at, name), "must name the decision in 1 to 200 printable characters, without @")
        return frozenset(raw) & frozenset(options)

    def _disagreement(self, place: Place, contract: Contract, at: tuple[str | int, ...]) -> None:
        """Note what the destination's settings would send and its contract does not let out."""
        options = contract.options_at(place.path)
        for option in options:
            self._fault((*at, ALLOW, option), f"is needed, with the name of the decision: the settings would send {place.path}")
        if not options:
            missing = ", ".join(_missing_at(place.path, contract.file))
            hint = f"; the contract lacks {missing}: put it back, or turn off what sends it" if missing else ""
            self._fault(at, f"adapter and contract disagree, so nothing could be sent: {place}{hint}")

    def _login(self, adapter: type[Adapter], table: Mapping[str, object], at: tuple[str | int, ...]) -> Login | None:
        """Follow a destination's references: its credential, and those of the adapter's secrets that are set."""
        read = partial(read_credential, token_url=adapter.token_url)
        credential = self._referent(table["credential"], (*at, "credential"), read) if "credential" in table else None
        named = sorted(name for name in adapter.secrets if table.get(name) is not None)
        secrets = {name: self._referent(table[name], (*at, name), one_line) for name in named}
        found = {name: secret for name, secret in secrets.items() if secret is not None}
        if credential is None or found.keys() != secrets.keys():
            return None
        return Login(credential, MappingProxyType(found))

    def _check_endpoint(self, url: object, own: frozenset[str], at: tuple[str | int, ...]) -> None:
        """Refuse another host than the platform's unless tests are allowed, and clear text unless it stays on loopback."""
        parts = _split(url) if isinstance(url, str) else None
        if parts is None or url in own:
            return
        scheme, host = parts
        if host in {urlsplit(usual).hostname for usual in own}:
            self._fault(at, "must be https on the platform's own port")
        elif not self._test_allowed:
            self._fault(at, "is not the platform's own host; that needs server.allow_test_endpoints = true")
        elif scheme != "https" and not _is_loopback(host):
            self._fault(at, "must be https: only a test endpoint on loopback may be http")

    def _secret(self, reference: object, at: tuple[str | int, ...]) -> Secret | None:
        """Follow a reference to a secret in one line."""
        referent = self._referent(reference, at, one_line)
        return None if referent is None else referent.value

    def _referent(
        self, reference: object, at: tuple[str | int, ...], read: Callable[[Document], Found]
    ) -> Referent[Found] | None:
        """Follow a reference to what `read` makes of it."""
        try:
            return Referent(reference, self._base, self._env, read)
        except BadReference as bad:
            for rule in bad.rules:
                self._fault(at, rule)
            return None

    def _block(self, block: type[AnyBlock], raw: object, at: tuple[str | int, ...]) -> AnyBlock | None:
        """Read one table strictly: no text for a number, no 1 for true."""
        try:
            return block.model_validate_json(json.dumps(raw, default=str), strict=True, context={"base": self._base})
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                self._fault((*at, *detail["loc"]), _rule(detail))
            return None

    def _fault(self, at: tuple[str | int, ...], rule: str) -> None:
        """Note a fault."""
        self._faults.append(f"{_place(at)}: {rule}")


class Enabled(msgspec.Struct, frozen=True):
    """One destination of one storefront, ready."""

    name: Destination
    adapter: Adapter
    login: Login
    base_url: str
    credential: str
    quota: Quota
    contract: Contract
    elsewhere: bool


def _missing_at(path: str, file: ContractFile) -> list[str]:
    """Name what the program's own contract has where a request holds something that is not in `file`, which names no key."""
    above, unknown, _ = path.partition(UNKNOWN)
    mine, programs = (
        {entry.path for part in one.requests for entry in part.fields} for one in (file, shipped(file.destination))
    )
    return sorted(name for name in programs - mine if unknown and name.startswith(above) and "." not in name[len(above) :])


def prove(settings: Settings) -> None:
    """Show that every contract would refuse today's requests if it lacked any one of the fields in them.

    Raises BadSettings where it would not: then the contract guards nothing. Costs some ten milliseconds a destination.
    """
    without = cache(Contract.without)
    faults = [
        f"storefronts.{storefront.id}.destinations.{name.value}: the contract would not notice if it lacked {place}"
        for storefront in settings.storefronts.values()
        for name, contract in storefront.contracts.items()
        for place in unnoticed(_rehearsed(storefront, name), contract, without)
    ]
    if faults:
        raise BadSettings(faults, settings.server)


def _rehearsed(storefront: Storefront, name: Destination) -> Iterator[tuple[Outgoing, int]]:
    """Write one destination's samples out."""
    secrets = storefront.logins[name].secrets
    return written_out(storefront.destinations[name], storefront.base_urls[name], secrets)


def _origin_of(url: str) -> str:
    """Give the scheme, host and port that a URL begins with."""
    return "/".join(url.split("/", 3)[:3])


def _quota(block: DestinationSettings, published: Quota) -> Quota:
    """Give the platform's quota, with what the settings say in its place."""
    return Quota(
        block.requests_per_minute or published.requests_per_minute, block.requests_per_day or published.requests_per_day
    )


def _table(raw: object) -> Mapping[str, object]:
    """Give the table, or an empty one where something else stands: that has its own fault."""
    return raw if isinstance(raw, dict) else {}


def _digest(file: Mapping[str, object]) -> str:
    """Hash what a file says, whatever its order and layout."""
    return sha256(json.dumps(file, sort_keys=True, separators=(",", ":"), default=str).encode()).hexdigest()


def _section(fault: str) -> int:
    """Order faults as the file's sections are usually written, those of no section first."""
    section = re.split(r"[.:]", fault, maxsplit=1)[0]
    return SECTIONS.index(section) if section in SECTIONS else -1


def _place(at: tuple[str | int, ...]) -> str:
    """Write a place out as `storefronts.demo.keys[0].id`; names that could be more than names are left out."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part if SAFE_NAME.fullmatch(part) else '(a name)'}" for part in at]
    return "".join(part for part in parts if part != ".[key]").removeprefix(".")


def _rule(detail: ErrorDetails) -> str:
    """Put an error into words of ours. An adapter's own words count, unless the value is in them."""
    context = detail.get("ctx", {})
    if detail["type"] in RULES:
        return RULES[detail["type"]].format(**context)
    said = str(context.get("error", ""))
    if detail["type"] != "value_error" or not said or _repeats(said, detail["input"]):
        return "is not valid"
    return said


def _repeats(said: str, value: object) -> bool:
    """Tell whether a text holds a value, or a text inside it; shorter than six characters is a word, not a secret."""
    match value:
        case dict():
            return any(_repeats(said, part) for part in (*value.keys(), *value.values()))
        case list():
            return any(_repeats(said, part) for part in value)
        case _:
            return len(str(value)) >= 6 and str(value) in said


def _split(url: str) -> tuple[str, str] | None:
    """Give the scheme and host of a URL, None when it has none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname) if parts.hostname else None


def _base_urls(adapter: type[Adapter]) -> frozenset[str]:
    """Give every way of writing one of the platform's own hosts, over TLS on its usual port."""
    return frozenset(f"https://{host}{port}" for host in adapter.hosts for port in ("", ":443"))


def _token_urls(adapter: type[Adapter]) -> frozenset[str]:
    """Give the platform's own token endpoint, if it has one."""
    return frozenset() if adapter.token_url is None else frozenset({adapter.token_url})


def _is_loopback(host: str) -> bool:
    """Tell whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
