"""The gateway's parts for measurements inside this process, made from a real configuration file."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from gateway.line import Line
from gateway.model.words import Destination, Source
from gateway.outbox.engine.sqlite import SqliteOutbox
from gateway.outbox.engine.store import Options
from gateway.outbox.entries import Entry
from gateway.outbox.work import Lane
from gateway.persons import Persons
from gateway.settings import Settings, Storefront, load
from gateway.sources.native import decode
from gateway.storage.keyring import Keyring
from tests.figures import names
from tests.live import STOREFRONT, install

MAX_BYTES: Final = 4 << 30


def settings(folder: Path, address: str = "http://127.0.0.1:9") -> Settings:
    """Install a gateway in `folder`, all three destinations at `address`, and read its configuration."""
    return load(install(folder, dict.fromkeys(Destination, address)).config, os.environ)


def multiply(config: Path, shops: int) -> None:
    """Have a configuration file name as many storefronts as `tests.figures` does, each with a key of its own."""
    whole = config.read_text()
    at = whole.index(f"[storefronts.{STOREFRONT}]")
    before, shop = whole[:at], whole[at:]
    start, end = shop.index(f"[[storefronts.{STOREFRONT}.keys]]"), shop.index(f"[storefronts.{STOREFRONT}.destinations.meta]")
    other = (shop[:start], '[[storefronts.{name}.keys]]\nid = "{name}"\nkind = "secret"\nhash = "{hash}"\n', shop[end:])
    first, *others = names(shops)
    texts = [before, _named(shop, first)]
    for number, name in enumerate(others, 2):
        texts += [_named(other[0], name), other[1].format(name=name, hash=f"{number:064x}"), _named(other[2], name)]
    config.write_text("".join(texts))


def _named(text: str, name: str) -> str:
    return text.replace(f"storefronts.{STOREFRONT}", f"storefronts.{name}")


def storefront(made: Settings) -> Storefront:
    """Give the only storefront there is."""
    (one,) = made.storefronts.values()
    return one


def hosts(shop: Storefront) -> frozenset[tuple[str, int]]:
    """Name every host that the storefront's contracts name."""
    return frozenset(host for contract in shop.contracts.values() for host in contract.hosts)


def line(shop: Storefront) -> Line:
    """Make the storefront's line."""
    return Line(shop.id, shop.consent.policy, dict(shop.destinations), frozenset(shop.origins), Persons(bytes(32)))


def lanes(shop: Storefront) -> list[Lane]:
    """List the storefront's lanes."""
    return [Lane(shop.id, destination) for destination in shop.destinations]


def entries(one: Line, body: bytes, now: int) -> list[Entry]:
    """Carry one body's events to the outbox's edge."""
    return [one.run(event, Source.EVENTS, now) for event in decode(body, now).events]


@asynccontextmanager
async def outbox(made: Settings) -> AsyncIterator[SqliteOutbox]:
    """Open a store for these settings."""
    declared = [lane for shop in made.storefronts.values() for lane in lanes(shop)]
    opened = await SqliteOutbox.open(
        made.server.data_dir, Keyring.load(made.server.key_file), declared, Options(MAX_BYTES, 1 << 20)
    )
    try:
        yield opened
    finally:
        await opened.close()
