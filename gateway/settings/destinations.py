"""A storefront's destinations: adapter, endpoint and credential, and a contract that agrees with all of them."""

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

import msgspec

from gateway.adapter import Adapter, DestinationSettings, Quota
from gateway.bounded import read_whole
from gateway.delivery.contract import Contract, host_and_port
from gateway.delivery.contract_body import UNKNOWN, Place
from gateway.delivery.contract_file import BadContract, ContractFile, read
from gateway.delivery.grants import read_credential
from gateway.delivery.login import Login
from gateway.delivery.proving import disagreements, written_out
from gateway.model.words import Destination
from gateway.outbox.shapes import Decision
from gateway.secret import one_line
from gateway.settings.blocks import ALLOW, BY_NAME, shipped
from gateway.settings.faults import TABLE
from gateway.settings.reader import At, Reader, is_loopback, split, table_of

MOST_BYTES: Final = 4 << 20
"""Of a contract: those that are shipped have some 20 KiB."""


class Enabled(msgspec.Struct, frozen=True):
    """One destination of one storefront, ready."""

    name: Destination
    adapter: Adapter
    login: Login | None
    """None where references are not followed, or lead to nothing usable, which is a fault."""
    secrets: tuple[str, ...]
    """Names of the secrets that are set beside the credential."""
    base_url: str
    credential: str
    quota: Quota
    contract: Contract
    elsewhere: bool


class Destinations:
    """Reads one storefront after the other. Contracts are read once, and shared where terms are the same."""

    def __init__(self, reader: Reader, folder: Path | None) -> None:
        """`folder` holds the privacy team's contracts; without one, those that are shipped count."""
        self._reader = reader
        self._contracts_folder = folder
        self._contracts: dict[str, ContractFile | None] = {}
        self._agreed: dict[tuple[Destination, frozenset[str], str | None, str | None], Contract] = {}

    def read(self, raw: object, at: At) -> list[Enabled]:
        """Read a storefront's destinations: at least one."""
        if not isinstance(raw, dict) or not raw:
            self._reader.fault(at, "needs at least one destination, as a table [storefronts.NAME.destinations.meta]")
            return []
        for name in sorted(raw.keys() - BY_NAME.keys()):
            self._reader.fault((*at, name), f"is not a destination; there are {', '.join(BY_NAME)}")
        ordered = [name for name in Destination if name in raw and name in BY_NAME]
        found = [self._destination(BY_NAME[name], raw[name], (*at, name.value)) for name in ordered]
        return [destination for destination in found if destination is not None]

    def _destination(self, adapter: type[Adapter], raw: object, at: At) -> Enabled | None:
        """Read one destination with the adapter's own settings, its endpoint and its credential."""
        table = table_of(raw)
        own = {name: value for name, value in table.items() if name != ALLOW} if table else raw
        block = self._reader.block(adapter.Settings, own, at)
        self._check_endpoint(table.get("base_url"), _base_urls(adapter), (*at, "base_url"))
        self._check_endpoint(table.get("token_url"), _token_urls(adapter), (*at, "token_url"))
        secrets = tuple(sorted(name for name in adapter.secrets if table.get(name) is not None))
        login = self._login(adapter, table, secrets, at)
        file = self._contract(adapter.destination)
        allowed = self._allowed(table.get(ALLOW, {}), file, (*at, ALLOW))
        if block is None or file is None:
            return None
        made = adapter(block)
        contract = self._terms(made, block.base_url, file, allowed)
        for place in disagreements(written_out(made, block.base_url, secrets), contract):
            self._disagreement(place, contract, at)
        tokens = made.token_endpoint
        if tokens is not None and host_and_port(_origin_of(tokens.url)) not in contract.token_hosts:
            self._reader.fault(at, "the contract's token_hosts do not name the platform's, so no access token could be got")
        return Enabled(
            name=adapter.destination,
            adapter=made,
            login=login,
            secrets=secrets,
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
        try:
            if self._contracts_folder is None:
                file = shipped(destination.value)
            else:
                file = read(read_whole(self._contracts_folder / name, MOST_BYTES).decode())
        except (OSError, UnicodeDecodeError):
            self._reader.faults.append(f"contract {name}: cannot be read")
            return None
        except BadContract as bad:
            self._reader.faults += [f"contract {name}: {fault}" for fault in bad.faults]
            return None
        if file.destination != destination:
            self._reader.faults.append(f"contract {name}: destination: must be {destination.value}, as the file is named")
        return file

    def _allowed(self, raw: object, file: ContractFile | None, at: At) -> frozenset[str]:
        """Read which options of the contract a storefront has turned on; each line names the decision behind it."""
        if not isinstance(raw, dict):
            self._reader.fault(at, TABLE)
            return frozenset()
        options = file.options if file is not None else raw
        for name, decision in raw.items():
            if name not in options:
                self._reader.fault((*at, name), f"is not an option of this contract; it has {', '.join(options) or 'none'}")
            elif not isinstance(decision, str) or Decision.PATTERN.fullmatch(decision) is None:
                self._reader.fault((*at, name), "must name the decision in 1 to 200 printable characters, without @")
        return frozenset(raw) & frozenset(options)

    def _disagreement(self, place: Place, contract: Contract, at: At) -> None:
        """Note what the destination's settings would send and its contract does not let out."""
        options = contract.options_at(place.path)
        for option in options:
            self._reader.fault(
                (*at, ALLOW, option), f"is needed, with the name of the decision: the settings would send {place.path}"
            )
        if not options:
            missing = ", ".join(_missing_at(place.path, contract.file))
            hint = f"; the contract lacks {missing}: put it back, or turn off what sends it" if missing else ""
            self._reader.fault(at, f"adapter and contract disagree, so nothing could be sent: {place}{hint}")

    def _login(self, adapter: type[Adapter], table: Mapping[str, object], named: Iterable[str], at: At) -> Login | None:
        """Follow a destination's references: its credential, and those of the adapter's secrets that are set."""
        read = partial(read_credential, token_url=adapter.token_url)
        credential = self._reader.referent(table["credential"], (*at, "credential"), read) if "credential" in table else None
        secrets = {name: self._reader.referent(table[name], (*at, name), one_line) for name in named}
        found = {name: secret for name, secret in secrets.items() if secret is not None}
        if credential is None or found.keys() != secrets.keys():
            return None
        return Login(credential, MappingProxyType(found))

    def _check_endpoint(self, url: object, own: frozenset[str], at: At) -> None:
        """Refuse another host than the platform's unless tests are allowed, and clear text unless it stays on loopback."""
        parts = split(url) if isinstance(url, str) else None
        if parts is None or url in own:
            return
        scheme, host = parts
        if host in {urlsplit(usual).hostname for usual in own}:
            self._reader.fault(at, "must be https on the platform's own port")
        elif not self._reader.test_allowed:
            self._reader.fault(at, "is not the platform's own host; that needs server.allow_test_endpoints = true")
        elif scheme != "https" and not is_loopback(host):
            self._reader.fault(at, "must be https: only a test endpoint on loopback may be http")


def _missing_at(path: str, file: ContractFile) -> list[str]:
    """Name what the program's own contract has where a request holds something that is not in `file`, which names no key."""
    above, unknown, _ = path.partition(UNKNOWN)
    mine, programs = (
        {entry.path for part in one.requests for entry in part.fields} for one in (file, shipped(file.destination))
    )
    return sorted(name for name in programs - mine if unknown and name.startswith(above) and "." not in name[len(above) :])


def _origin_of(url: str) -> str:
    """Give the scheme, host and port that a URL begins with."""
    return "/".join(url.split("/", 3)[:3])


def _quota(block: DestinationSettings, published: Quota) -> Quota:
    """Give the platform's quota, with what the settings say in its place."""
    return Quota(
        block.requests_per_minute or published.requests_per_minute, block.requests_per_day or published.requests_per_day
    )


def _base_urls(adapter: type[Adapter]) -> frozenset[str]:
    """Give every way of writing one of the platform's own hosts, over TLS on its usual port."""
    return frozenset(f"https://{host}{port}" for host in adapter.hosts for port in ("", ":443"))


def _token_urls(adapter: type[Adapter]) -> frozenset[str]:
    """Give the platform's own token endpoint, if it has one."""
    return frozenset() if adapter.token_url is None else frozenset({adapter.token_url})
