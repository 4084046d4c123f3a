"""The file as a whole: its sections, what they mean together, and either settings in which everything fits or every fault."""

import json
import tomllib
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

import msgspec

from gateway.bounded import TooLarge, read_whole
from gateway.console import configuration
from gateway.console.configuration import Console, ConsoleSettings, ConsoleTables, OidcSettings, PersonSettings, TokenSettings
from gateway.settings.blocks import (
    AuditSettings,
    CompanySettings,
    DeliverySettings,
    LedgerSettings,
    OutboxSettings,
    RetentionSettings,
    ServerSettings,
)
from gateway.settings.destinations import Destinations
from gateway.settings.faults import RULES, SECTIONS, BadSettings, section_of, toml_fault
from gateway.settings.reader import PlainReader, Reader, is_loopback, split, table_of
from gateway.settings.ready import PlainSettings, PlainStorefront, Settings
from gateway.settings.shops import Shops
from gateway.settings.storefronts import Storefronts
from gateway.tables import BadTables, read_tables

MOST_BYTES: Final = 64 << 20
"""Of a configuration: some sixty thousand storefronts."""
HERE: Final = ("data_dir", "key_file")
SIGNING: Final = ("origin", "signing_key")
"""What can be held against the machine though something else in its table is wrong."""

Plain = TypeVar("Plain", bound=msgspec.Struct)


def load(path: Path, env: Mapping[str, str]) -> Settings:
    """Read the file and all that it refers to; `env` is where `env:NAME` is looked up. Raises BadSettings."""
    file = _toml(path)
    return Reading(Reader(path.parent.absolute(), env, test_allowed=_test_allowed(file))).settings(file)


def load_plain(path: Path) -> PlainSettings:
    """Read the file, and of what it refers to only the contracts: no secret is needed. Raises BadSettings."""
    file = _toml(path)
    read = Reading(PlainReader(path.parent.absolute(), test_allowed=_test_allowed(file))).settings(file)
    storefronts = {name: _only(PlainStorefront, storefront) for name, storefront in read.storefronts.items()}
    return msgspec.structs.replace(_only(PlainSettings, read), storefronts=MappingProxyType(storefronts))


def _only(plain: type[Plain], whole: Plain) -> Plain:
    """Leave out what a structure has more than another one."""
    return plain(**{name: getattr(whole, name) for name in plain.__struct_fields__})


def _test_allowed(file: Mapping[str, object]) -> bool:
    return table_of(file.get("server")).get("allow_test_endpoints") is True


def _toml(path: Path) -> dict[str, Any]:
    """Read TOML; of a fault only the place is told, because the reader's own words can hold what stands there."""
    try:
        return read_tables(read_whole(path, MOST_BYTES).decode("utf-8-sig"))  # some editors begin a file with a mark
    except PermissionError:
        raise BadSettings(
            ["the configuration file may not be read by this user: run the command as the gateway's own"]
        ) from None
    except TooLarge:
        raise BadSettings([f"the configuration file is larger than {MOST_BYTES >> 20} MiB"]) from None
    except OSError:
        raise BadSettings(["the configuration file cannot be read"]) from None
    except UnicodeDecodeError:
        raise BadSettings(["the configuration file is not UTF-8 text"]) from None
    except tomllib.TOMLDecodeError as error:
        raise BadSettings([toml_fault(error)]) from None
    except BadTables as bad:
        raise BadSettings([f"the configuration file {bad.rule}"]) from None


class Reading:
    """Reads one file."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def settings(self, file: Mapping[str, object]) -> Settings:
        """Read everything. Raises BadSettings when there was any fault."""
        for name in sorted(file.keys() - set(SECTIONS)):
            self._reader.fault((name,), RULES["extra_forbidden"])
        server = self._reader.block(ServerSettings, file.get("server", {}), ("server",))
        outbox = self._reader.block(OutboxSettings, file.get("outbox", {}), ("outbox",))
        ledger = self._reader.block(LedgerSettings, file.get("ledger", {}), ("ledger",))
        delivery = self._reader.block(DeliverySettings, file.get("delivery", {}), ("delivery",))
        retention = self._reader.block(RetentionSettings, file.get("retention", {}), ("retention",))
        audit = self._reader.block(AuditSettings, file.get("audit", {}), ("audit",))
        company = self._reader.block(CompanySettings, file.get("company", {}), ("company",))
        console = self._console(file.get("console", {}))
        if server is not None:
            self._check_server(server)
            if audit is not None:
                self._check_audit(audit, server)
        destinations = Destinations(self._reader, None if server is None else server.contracts)
        storefronts = Storefronts(self._reader, destinations, Shops(self._reader)).read(file.get("storefronts", {}))
        if (
            self._reader.faults
            or server is None
            or outbox is None
            or ledger is None
            or delivery is None
            or retention is None
            or audit is None
            or company is None
        ):
            raise BadSettings(
                sorted(self._reader.faults, key=section_of),
                server or self._reader.part(ServerSettings, file.get("server"), HERE),
                audit or self._reader.part(AuditSettings, file.get("audit"), SIGNING),
            )
        return Settings(
            server=server,
            outbox=outbox,
            ledger=ledger,
            delivery=delivery,
            retention=retention,
            audit=audit,
            company=company,
            console=console,
            digest=_digest(file),
            storefronts=MappingProxyType(storefronts),
        )

    def _console(self, raw: object) -> Console:
        """Read who may look and act."""
        at = ("console",)
        own = raw if not isinstance(raw, dict) else {k: v for k, v in raw.items() if k not in ("people", "tokens", "oidc")}
        table = table_of(raw)
        tables = ConsoleTables(
            own=self._reader.block(ConsoleSettings, own, at),
            people=self._reader.blocks(PersonSettings, table.get("people", []), (*at, "people")),
            tokens=self._reader.blocks(TokenSettings, table.get("tokens", []), (*at, "tokens")),
            oidc=self._reader.block(OidcSettings, table["oidc"], (*at, "oidc")) if "oidc" in table else None,
        )
        return configuration.read_console(tables, self._reader.secret, self._reader.fault)

    def _check_server(self, server: ServerSettings) -> None:
        """Check what concerns two settings at once."""
        if server.public == server.private and server.public.port:
            self._reader.fault(("server", "private"), "must differ from server.public")
        for name in ("country_header", "region_header"):
            if getattr(server, name) is not None and not server.trusted_proxies:
                self._reader.fault(
                    ("server", name), "needs server.trusted_proxies: from anybody else it would be the visitor's own word"
                )
        if server.country_header is None and server.region_header is not None:
            self._reader.fault(("server", "region_header"), "needs server.country_header: a region alone says nothing")
        if server.key_file.resolve().is_relative_to(server.data_dir.resolve()):
            self._reader.fault(
                ("server", "key_file"), "must lie outside server.data_dir: whoever copies the data must not get the key"
            )

    def _check_audit(self, audit: AuditSettings, server: ServerSettings) -> None:
        """Check what the log's settings mean together."""
        for name in audit.outlets if audit.signing_key is None else ():
            self._reader.fault(("audit", name), "needs audit.signing_key: a checkpoint that is not signed proves nothing")
        for name in ("signing_key", "checkpoint_file"):
            path: Path | None = getattr(audit, name)
            if path is not None and path.resolve().is_relative_to(server.data_dir.resolve()):
                self._reader.fault(("audit", name), "must lie outside server.data_dir, whose old copies may be put back")
        if audit.checkpoint_webhook is not None:
            self._check_webhook(audit.checkpoint_webhook)

    def _check_webhook(self, url: str) -> None:
        """Have checkpoints posted over TLS, but for a test on loopback."""
        scheme, host = split(url) or ("", "")
        if scheme != "https" and not (self._reader.test_allowed and is_loopback(host)):
            self._reader.fault(("audit", "checkpoint_webhook"), "must be https")


def _digest(file: Mapping[str, object]) -> str:
    """Hash what a file says, whatever its order and layout."""
    return sha256(json.dumps(file, sort_keys=True, separators=(",", ":"), default=str).encode()).hexdigest()
