"""The storefronts: each with its own pages, keys, consent, destinations and shops, and nothing that another one has too."""

from collections import Counter
from types import MappingProxyType

from gateway.keys import KeyId, KeyKind, StoredKey, is_key
from gateway.model.texts import StorefrontId
from gateway.settings.blocks import PLATFORMS, ConsentSettings, KeySettings, StorefrontSettings
from gateway.settings.destinations import Destinations
from gateway.settings.faults import TABLE
from gateway.settings.reader import At, Reader
from gateway.settings.ready import Storefront
from gateway.settings.shops import Shops


class Storefronts:
    """Reads all storefronts of a file."""

    def __init__(self, reader: Reader, destinations: Destinations, shops: Shops) -> None:
        self._reader = reader
        self._destinations = destinations
        self._shops = shops
        self._key_names: set[tuple[KeyKind, KeyId]] = set()
        self._measurement_ids: set[str] = set()
        self._data_tag_origins: set[str] = set()

    def read(self, raw: object) -> dict[StorefrontId, Storefront]:
        """Read every storefront."""
        if not isinstance(raw, dict) or not raw:
            self._reader.fault(("storefronts",), "needs at least one storefront, as a table [storefronts.NAME]")
            return {}
        found: dict[StorefrontId, Storefront] = {}
        for name, table in raw.items():
            if StorefrontId.PATTERN.fullmatch(name) is None:
                self._reader.fault(("storefronts", name), "is named by 1 to 40 of a-z 0-9 - _, a letter or digit first")
            elif (storefront := self._storefront(StorefrontId(name), table)) is not None:
                found[storefront.id] = storefront
        return found

    def _storefront(self, name: StorefrontId, raw: object) -> Storefront | None:
        """Read one storefront and the tables inside it."""
        at = ("storefronts", name)
        if not isinstance(raw, dict):
            self._reader.fault(at, TABLE)
            return None
        own = {key: value for key, value in raw.items() if key not in ("consent", "keys", "destinations", *PLATFORMS)}
        shop = self._reader.block(StorefrontSettings, own, at)
        consent = self._reader.block(ConsentSettings, raw.get("consent", {}), (*at, "consent"))
        keys = self._keys(raw.get("keys", []), (*at, "keys"))
        destinations = self._destinations.read(raw.get("destinations", {}), (*at, "destinations"))
        shops = {
            source: found
            for source in PLATFORMS
            if source in raw and (found := self._shops.read(source, raw[source], (*at, source.value))) is not None
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
            secrets=MappingProxyType({d.name: d.secrets for d in destinations}),
            logins=MappingProxyType({d.name: d.login for d in destinations if d.login is not None}),
            contracts=MappingProxyType({d.name: d.contract for d in destinations}),
            base_urls=MappingProxyType({d.name: d.base_url for d in destinations}),
            credentials=MappingProxyType({d.name: d.credential for d in destinations}),
            quotas=MappingProxyType({d.name: d.quota for d in destinations}),
            shops=MappingProxyType(shops),
            test_endpoints=frozenset(d.name for d in destinations if d.elsewhere),
        )

    def _own_ids(self, names: tuple[str, ...], at: At) -> frozenset[str]:
        """Hold a storefront's measurement ids against those of the ones before it: a tag is known by its id alone."""
        for name in names:
            if name in self._measurement_ids:
                self._reader.fault((*at, "measurement_ids"), "names an id twice, or one that another storefront has")
            self._measurement_ids.add(name)
        return frozenset(names)

    def _has_own_origins(self, origins: tuple[str, ...], at: At) -> bool:
        """Hold the origins of a storefront with the data tag against those of the others: its pages are known by them alone."""
        if not origins:
            self._reader.fault((*at, "data_tag"), "needs the shop's origins, by which its pages are known")
        if self._data_tag_origins.intersection(origins):
            self._reader.fault((*at, "data_tag"), "cannot be on for two storefronts that have the same origin")
        self._data_tag_origins.update(origins)
        return True

    def _keys(self, raw: object, at: At) -> tuple[StoredKey, ...]:
        """Read a storefront's keys: at least one, at most two of a kind, no id twice in the whole file."""
        if not isinstance(raw, list) or not raw:
            self._reader.fault(at, "needs at least one key, as a table [[storefronts.NAME.keys]]")
            return ()
        found = [key for index, table in enumerate(raw) if (key := self._key(table, (*at, index))) is not None]
        for kind, count in Counter(key.kind for key in found).items():
            if count > 2:
                self._reader.fault(at, f"takes at most two {kind.value} keys, an old one and its successor")
        return tuple(found)

    def _key(self, raw: object, at: At) -> StoredKey | None:
        """Read one key."""
        block = self._reader.block(KeySettings, raw, at)
        if block is None:
            return None
        if (block.kind, block.id) in self._key_names:
            self._reader.fault((*at, "id"), "is the id of another key of this kind; ids are unique in the whole file")
            return None
        self._key_names.add((block.kind, block.id))
        if (block.hash is None) == (block.key is None):
            self._reader.fault(at, "needs either hash or key")
            return None
        if block.hash is not None:
            return StoredKey(block.id, block.kind, block.hash)
        secret = self._reader.secret(block.key, (*at, "key"))
        if secret is None:
            return None
        if not is_key(secret.reveal(), block.kind, block.id):
            self._reader.fault((*at, "key"), "refers to something that is not a key of this kind and id")
            return None
        return StoredKey(block.id, block.kind, secret)
